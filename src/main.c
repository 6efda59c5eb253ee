/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * main.c: sets the process up, then hands over to the command line (src/cli/cli.c).
 */
#include "cli/cli.h"
#include "num/fpenv.h"

#include <gsl/gsl_errno.h>
#include <lua.h>
#include <signal.h>

int main(int argc, char **argv)
{
    num_fpenv_start();          /* a preloaded library may have changed the rounding or set flush to zero */
    gsl_set_error_handler_off(); /* GSL would abort; its status codes are read instead */
    /* A closed pipe is a failed write: cli.c ends `vae-lab runs | head` quietly, plot reports a dead gnuplot. */
    signal(SIGPIPE, SIG_IGN);
    cli_lua_version = LUA_RELEASE;
    return cli_main(argc, argv);
}
