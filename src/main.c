/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * main.c: a table of contents.  What the process is set up with; then the command line (src/cli/cli.c) takes over.
 */
#include "cli/cli.h"

#include <gsl/gsl_errno.h>
#include <lua.h>
#include <signal.h>

int main(int argc, char **argv)
{
    gsl_set_error_handler_off(); /* GSL would abort; its status codes are read instead */
    signal(SIGPIPE,
           SIG_IGN); /* a closed pipe is a failed write: `vae-lab runs | head` ends quietly (cli.c), a dead gnuplot is reported */
    cli_lua_version = LUA_RELEASE;
    return cli_main(argc, argv);
}
