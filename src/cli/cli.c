/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli.c: the list of commands, and the way from the command line to an exit code.
 *
 * To add a command: a file cli_NAME.c that defines `const CliCommand cli_NAME`, and its name in this list.
 */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMANDS(X) X(run) X(slurm) X(merge) X(release) X(figures) X(runs) X(show) X(compare) X(claims) \
                    X(reproduce) X(receipt) X(verify) X(sql) X(export) X(import) X(gc) X(data) X(doctor)

#define DECLARE(name) extern const CliCommand cli_##name;
COMMANDS(DECLARE)
#define ADDRESS(name) &cli_##name,
const CliCommand *const cli_commands[] = {COMMANDS(ADDRESS)};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

int cli_argc;
char *const *cli_argv;
const char *cli_lua_version = "Lua, version unknown";

/* ---- help ------------------------------------------------------------------------------------------------------- */

static void print_usage(FILE *to)
{
    fprintf(to, "vae-lab %s: experiments on variational autoencoders, recorded so that anyone can repeat them\n\n",
            VAE_LAB_VERSION);
    fprintf(to, "usage: vae-lab COMMAND [argument]…\n\n");
    for (size_t i = 0; i < cli_command_count; i++)
        fprintf(to, "  %-9s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(to, "\nvae-lab COMMAND --help explains a command; vae-lab --version prints the version.\n"
                "The database is results/results.db, or VAE_LAB_DB, or --db FILE.\n");
}

/* "--out FILE"; the short form is in the usage of few and is left out. */
static int option_width(const CliOption *o)
{
    return (int)(strcspn(o->name, ",") + (o->value != NULL ? 1 + strlen(o->value) : 0));
}

static void print_help(const CliCommand *c)
{
    int width = 0;
    printf("usage: vae-lab %s%s%s\n%s\n\n", c->name, c->arguments[0] == '\0' ? "" : " ", c->arguments, c->summary);
    for (const CliOption *o = c->options; o->name != NULL; o++)
        width = option_width(o) > width ? option_width(o) : width;
    for (const CliOption *o = c->options; o->name != NULL; o++) {
        printf("  %.*s%s%s%*s", (int)strcspn(o->name, ","), o->name, o->value != NULL ? " " : "",
               o->value != NULL ? o->value : "", width - option_width(o) + 3, "");
        for (const char *line = o->help; *line != '\0'; line++)
            *line == '\n' ? printf("\n%*s", width + 5, "") : putchar(*line);
        putchar('\n');
    }
    printf("\n%s", c->notes);
}

static const CliCommand *find_command(const char *name)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int unknown_command(const char *name, Error *err)
{
    const char *names[sizeof cli_commands / sizeof cli_commands[0] + 2] = {"--help", "--version"};
    for (size_t i = 0; i < cli_command_count; i++)
        names[i + 2] = cli_commands[i]->name;
    const char *nearest = text_nearest(name, names, cli_command_count + 2);
    error_set(err, ERR_USAGE, name[0] == '-' ? "there is no option '%s'" : "there is no command '%s'", name);
    if (nearest != NULL)
        return error_hint(err, "did you mean '%s'?", nearest);
    return error_hint(err, name[0] == '-'
                               ? "the command comes first: vae-lab COMMAND [option]…; vae-lab --help lists the commands"
                               : "vae-lab --help lists the commands");
}

static int wants_help(int count, char **word)
{
    for (int i = 0; i < count && strcmp(word[i], "--") != 0; i++)
        if (strcmp(word[i], "--help") == 0 || strcmp(word[i], "-h") == 0)
            return 1;
    return 0;
}

/* ---- from the command line to an exit code ---------------------------------------------------------------------- */

static int is(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* word: a copy of the command line behind the program's name. */
static int dispatch(int count, char **word, Error *err)
{
    int operands, help = is(word[0], "--help", "-h") || strcmp(word[0], "help") == 0;
    const char *name = help && count > 1 ? word[1] : word[0];
    const CliCommand *c = find_command(name);
    if (help && count == 1) {
        print_usage(stdout);
        return 0;
    }
    if (is(name, "--version", "-V")) {
        printf("vae-lab %s\n", VAE_LAB_VERSION);
        return 0;
    }
    if (c == NULL)
        return unknown_command(name, err);
    if (help || wants_help(count - 1, word + 1)) {
        print_help(c);
        return 0;
    }
    return cli_parse(c, count - 1, word + 1, &operands, err) != 0 ? -1 : c->run(operands, word + 1, err);
}

/* Whether the reader of our output has gone: `vae-lab runs | head` is no error. */
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
    cli_argc = argc;
    cli_argv = argv;
    if (argc < 2) {
        print_usage(stderr);
        return ERR_USAGE;
    }
    /* a copy: parsing sorts the words, and cli_run prints them as they were given */
    char **word = mem_array((size_t)argc, sizeof *word);
    if (word != NULL)
        memcpy(word, argv + 1, (size_t)argc * sizeof *word);
    int status = word == NULL ? error_memory(&err, "the command line") : dispatch(argc - 1, word, &err);
    mem_free(word);
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
