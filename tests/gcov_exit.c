/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/gcov_exit.c: in coverage builds, _exit (it ends worker processes) and execvp (it starts another program) first
 * write the counts of the lines run.  The linker's --wrap puts these functions in front of C's.
 */
#include <gcov.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_execvp(const char *file, char *const *argument);
int __wrap_execvp(const char *file, char *const *argument);

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}

int __wrap_execvp(const char *file, char *const *argument)
{
    __gcov_dump();
    int status = __real_execvp(file, argument);
    __gcov_reset(); /* it failed, and what follows is counted on its own */
    return status;
}
