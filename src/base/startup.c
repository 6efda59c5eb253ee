/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * base/startup.c: descriptors, signals, locale and stack at the start of the program.
 */
#include "base/startup.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

/* Without this the next file or pipe would be "standard output", and messages would be written into it.  Opened the wrong
 * way round: reading or writing still fails, as it does when a descriptor is closed. */
static void reserve_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            (void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY); /* gets the lowest free number: fd */
}

static void set_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* a parent may have blocked SIGTERM */
    signal(SIGCHLD, SIG_DFL);              /* ignored, waitpid would find no child */
    signal(SIGPIPE, SIG_IGN);              /* cli.c ends `vae-lab runs | head` quietly, plot reports a dead gnuplot */
    signal(SIGXFSZ, SIG_IGN);              /* a file may not grow: the write fails */
}

/* Numbers are read and written with a point: they are part of identities.  UTF-8 is for libsmartcols, which prints
 * characters of other locales as codes.  The locale is this thread's own: a library that calls setlocale does not change
 * it.  It lasts until the process ends. */
static int set_locale(Error *err)
{
    static const char *const text[] = {"C.UTF-8", "C.UTF-8", ""}; /* twice, in case an allocation has failed */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), utf8 = (locale_t)0;
    if (c == (locale_t)0)
        return error_memory(err, "the locale");
    for (size_t i = 0; i < sizeof text / sizeof text[0] && utf8 == (locale_t)0; i++)
        utf8 = newlocale(LC_CTYPE_MASK, text[i], c); /* changes c itself, or fails and leaves it */
    uselocale(utf8 != (locale_t)0 ? utf8 : c);
    return 0;
}

static int grow_stack(Error *err)
{
    struct rlimit stack;
    if (getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur == RLIM_INFINITY || stack.rlim_cur >= STARTUP_STACK)
        return 0;
    rlim_t before = stack.rlim_cur;
    stack.rlim_cur = stack.rlim_max == RLIM_INFINITY || stack.rlim_max > STARTUP_STACK ? STARTUP_STACK : stack.rlim_max;
    if (stack.rlim_cur >= STARTUP_STACK / 2 && setrlimit(RLIMIT_STACK, &stack) == 0)
        return 0;
    error_set(err, ERR_RUN, "the stack of this process is too small");
    error_found(err, "at most %llu KiB", (unsigned long long)before / 1024);
    error_expected(err, "at least %d KiB", STARTUP_STACK / 1024);
    return error_hint(err, "ulimit -s 8192 in the shell that starts vae-lab");
}

int startup(Error *err)
{
    reserve_descriptors();
    set_signals();
    return set_locale(err) != 0 ? -1 : grow_stack(err);
}
