/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/gcov_exit.c: of coverage builds only: _exit, which ends worker processes, first writes the counts of the lines run.
 * The linker's --wrap=_exit puts it in front of C's.
 */
#include <gcov.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
