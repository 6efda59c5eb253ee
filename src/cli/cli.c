/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli.c: the table of commands, and the way from the command line to an exit code.  To add a command: a file
 * cli_NAME.c with its function and help text, two lines in commands.h, one row here.
 */
#include "cli/cli.h"

#include "base/text.h"
#include "cli/commands.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const CliCommand cli_commands[] = {
    {"run", "FILE.lua [--set key=value]…", "run an experiment: train what is not recorded yet, go on with what was interrupted",
     cli_run_help, cli_run},
    {"figures", "FILE.lua [--format pdf,png,svg,tex]", "draw an experiment's figures from the database", cli_figures_help,
     cli_figures},
    {"runs", "[--experiment NAME] [--where SQL]", "list the recorded runs", cli_runs_help, cli_runs},
    {"show", "RUN", "everything about one run", cli_show_help, cli_show},
    {"compare", "[A B …]", "configurations side by side: means over seeds, intervals, paired differences", cli_compare_help,
     cli_compare},
    {"claims", "[--experiment NAME]", "what the experiments claim, and whether their runs bear it out", cli_claims_help,
     cli_claims},
    {"sql", "[QUERY]", "one query on the database, or the sqlite3 shell", cli_sql_help, cli_sql},
    {"data", "list | verify NAME | show NAME", "the data sets", cli_data_help, cli_data},
    {"doctor", "", "what is installed, what is missing and how to get it", cli_doctor_help, cli_doctor},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

const char *cli_lua_version = "Lua, version unknown";
const char *cli_program = "vae-lab";

/* ---- help ------------------------------------------------------------------------------------------------------------ */

static void print_usage(FILE *to)
{
    fprintf(to, "vae-lab %s: experiments on variational autoencoders, recorded so that anyone can repeat them\n\n",
            VAE_LAB_VERSION);
    fprintf(to, "usage: vae-lab COMMAND [argument]…\n\n");
    for (size_t i = 0; i < cli_command_count; i++)
        fprintf(to, "  %-9s %s\n", cli_commands[i].name, cli_commands[i].summary);
    fprintf(to, "\nvae-lab COMMAND --help explains a command; vae-lab --version tells the version.\n"
                "The database is results/results.db, or VAE_LAB_DB, or --db FILE.\n");
}

static void print_help(const CliCommand *c)
{
    printf("usage: vae-lab %s%s%s\n%s\n\n%s", c->name, c->arguments[0] == '\0' ? "" : " ", c->arguments, c->summary, c->help);
    size_t n = strlen(c->help);
    if (n == 0 || c->help[n - 1] != '\n')
        putchar('\n');
}

static const CliCommand *find_command(const char *name)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

static int unknown_command(const char *name, Error *err)
{
    const char *names[sizeof cli_commands / sizeof cli_commands[0] + 2] = {"--help", "--version"};
    for (size_t i = 0; i < cli_command_count; i++)
        names[i + 2] = cli_commands[i].name;
    const char *nearest = text_nearest(name, names, cli_command_count + 2);
    error_set(err, ERR_USAGE, name[0] == '-' ? "there is no option '%s'" : "there is no command '%s'", name);
    if (nearest != NULL)
        return error_hint(err, "did you mean '%s'?", nearest);
    return error_hint(err, name[0] == '-' ? "the command comes first: vae-lab COMMAND [option]…; vae-lab --help lists the commands"
                                          : "vae-lab --help lists the commands");
}

static int wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    return 0;
}

static int help(int argc, char **argv, Error *err)
{
    if (argc < 2) {
        print_usage(stdout);
        return 0;
    }
    const CliCommand *c = find_command(argv[1]);
    if (c == NULL)
        return unknown_command(argv[1], err);
    print_help(c);
    return 0;
}

/* ---- from the command line to an exit code --------------------------------------------------------------------------- */

static int is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int dispatch(int argc, char **argv, Error *err)
{
    const char *name = argv[1];
    if (is(name, "--help", "-h") || strcmp(name, "help") == 0)
        return help(argc - 1, argv + 1, err);
    if (is(name, "--version", "-V")) {
        printf("vae-lab %s\n", VAE_LAB_VERSION);
        return 0;
    }
    const CliCommand *c = find_command(name);
    if (c == NULL)
        return unknown_command(name, err);
    if (wants_help(argc - 1, argv + 1)) {
        print_help(c);
        return 0;
    }
    return c->run(argc - 1, argv + 1, err);
}

/* Whether whoever read our output has gone: `vae-lab runs | head` is no error. */
static int reader_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLERR) != 0;
}

static int flush_output(Error *err)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || reader_gone())
        return 0;
    error_set(err, ERR_FILE, "standard output could not be written");
    return error_hint(err, "is the disk full?");
}

static int exit_code(Error *err)
{
    if (err->kind != ERR_SIGNAL)
        return error_exit_code(err);
    int number = atoi(err->found);
    return 128 + (number > 0 && number < 65 ? number : 2);
}

int cli_main(int argc, char **argv)
{
    Error err = ERROR_NONE;
    if (argc > 0 && argv[0][0] != '\0')
        cli_program = argv[0];
    if (argc < 2) {
        print_usage(stderr);
        return ERR_USAGE;
    }
    int status = dispatch(argc, argv, &err);
    if (status == 0)
        status = flush_output(&err);
    else
        fflush(stdout); /* what was printed comes before the error */
    if (status == 0)
        return 0;
    int code = exit_code(&err);
    if (err.kind == ERR_SIGNAL)
        err.found[0] = '\0'; /* the signal's number is in the exit code */
    if (err.what[0] != '\0')
        error_print(stderr, "vae-lab", &err);
    return code;
}
