/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/commands.h: every command's function and help text, one pair a file cli_NAME.c.  The table is in cli.c.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "base/error.h"

int cli_run(int argc, char **argv, Error *err);
int cli_figures(int argc, char **argv, Error *err);
int cli_runs(int argc, char **argv, Error *err);
int cli_show(int argc, char **argv, Error *err);
int cli_claims(int argc, char **argv, Error *err);
int cli_compare(int argc, char **argv, Error *err);
int cli_sql(int argc, char **argv, Error *err);
int cli_data(int argc, char **argv, Error *err);
int cli_doctor(int argc, char **argv, Error *err);

extern const char cli_run_help[];
extern const char cli_figures_help[];
extern const char cli_runs_help[];
extern const char cli_show_help[];
extern const char cli_claims_help[];
extern const char cli_compare_help[];
extern const char cli_sql_help[];
extern const char cli_data_help[];
extern const char cli_doctor_help[];

/* Versions of libraries that only main knows ("Lua 5.4.4"); set by it before cli_main. */
extern const char *cli_lua_version;

#endif
