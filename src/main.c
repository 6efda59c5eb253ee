/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * main.c: sets the process up, then hands over to the command line (src/cli/cli.c).
 */
#include "cli/cli.h"

#include "base/startup.h"
#include "num/fpenv.h"

#include <gsl/gsl_errno.h>
#include <lua.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    Error err = ERROR_NONE;
    num_fpenv_start(); /* a preloaded library may have changed the rounding or set flush to zero */
    if (startup(&err) != 0) {
        error_print(stderr, "vae-lab", &err);
        return error_exit_code(&err);
    }
    gsl_set_error_handler_off(); /* GSL would abort; its status codes are read instead */
    cli_lua_version = LUA_RELEASE;
    return cli_main(argc, argv);
}
