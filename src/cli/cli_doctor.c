/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_doctor.c: `vae-lab doctor`, what is installed, which instruction set is used, what is missing and how to get it.
 *
 * One line a thing: "ok", "note" (works, but you should know), "missing" or "failed".  Looking changes nothing.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/cli_query.h"
#include "cli/commands.h"

#include "base/text.h"
#include "data/data.h"
#include "num/isa.h"
#include "plot/plot.h"

#include <gsl/gsl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

const char cli_doctor_help[] =
    "  --db FILE        the database to look at (VAE_LAB_DB, results/results.db)\n"
    "  --data-dir DIR   the folder with data sets (VAE_LAB_DATA, data)\n"
    "\n"
    "Exit code 0 when an experiment on the built-in data can be run and drawn, 5 when gnuplot is missing,\n"
    "4 when the database cannot be used, 3 when the Lua library is not found.\n"
    "\n"
    "example: vae-lab doctor\n";

static void line(const char *state, const char *what, const char *detail)
{
    static const char *const colour[] = {"\033[32m", "\033[33m", "\033[31m"};
    int level = strcmp(state, "ok") == 0 ? 0 : strcmp(state, "note") == 0 ? 1 : 2;
    printf("%s%-8s%s %-20s %s\n", cli_colour() ? colour[level] : "", state, cli_colour() ? "\033[0m" : "", what, detail);
}

/* ---- the machine ------------------------------------------------------------------------------------------------------- */

static void look_at_machine(void)
{
    char text[256];
    struct utsname u;
    line("ok", "vae-lab", VAE_LAB_VERSION);
    if (uname(&u) == 0) {
        snprintf(text, sizeof text, "%.60s %.60s, %.30s, %ld processors", u.sysname, u.release, u.machine,
                 sysconf(_SC_NPROCESSORS_ONLN));
        line("ok", "system", text);
    }
    size_t used = (size_t)snprintf(text, sizeof text, "%s in use; this processor has", num_isa_name());
    for (const char *const *name = num_isa_available(); *name != NULL && used < sizeof text; name++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", *name);
    line("ok", "instructions", text);
    snprintf(text, sizeof text, "%d in a run; results are the same for any number", num_threads());
    line("ok", "threads", text);
    const char *locale = getenv("LC_ALL");
    if (locale == NULL || locale[0] == '\0')
        locale = getenv("LC_CTYPE");
    if (locale == NULL || locale[0] == '\0')
        locale = getenv("LANG");
    int utf8 = locale != NULL && (strstr(locale, "UTF-8") != NULL || strstr(locale, "utf8") != NULL);
    snprintf(text, sizeof text, "%s; numbers are written with a point%s",
             locale == NULL || locale[0] == '\0' ? "none set" : locale, utf8 ? "" : "; for the signs ± and ▁▂▃ set "
                                                                                    "LANG=C.UTF-8");
    line(utf8 ? "ok" : "note", "locale", text);
}

/* ---- libraries and programs -------------------------------------------------------------------------------------------- */

/* Whether a program is on the PATH. */
static int on_path(const char *program)
{
    const char *path = getenv("PATH");
    char file[4200];
    while (path != NULL && *path != '\0') {
        size_t n = strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", (int)(n > 4000 ? 4000 : n), path, program);
        if (access(file, X_OK) == 0)
            return 1;
        path += n + (path[n] == ':');
    }
    return 0;
}

/* 0, or -1 with *err: no script can be run. */
static int look_at_library(Error *err)
{
    char path[4096];
    int status = bind_library(path, sizeof path, err);
    line(status == 0 ? "ok" : "missing", "Lua library", status == 0 ? path : err->what);
    return status;
}

static int look_at_programs(void)
{
    char text[256], version[128];
#ifdef __clang__
    line("ok", "compiler", __VERSION__);
#else
    line("ok", "compiler", "gcc " __VERSION__);
#endif
    snprintf(text, sizeof text, "%s (compiled with %s)", gsl_version, GSL_VERSION);
    line("ok", "GSL", text);
    line("ok", "SQLite", store_version());
    line("ok", "Lua", cli_lua_version);
    if (on_path("sqlite3"))
        line("ok", "sqlite3", "the shell, for vae-lab sql");
    else
        line("note", "sqlite3", "the shell is not installed: apt-get install sqlite3; vae-lab sql QUERY works without");
    int gnuplot = plot_version(version, sizeof version) == 0;
    line(gnuplot ? "ok" : "missing", "gnuplot", gnuplot ? version : "figures need it: apt-get install gnuplot-nox");
    if (on_path("latexmk") || on_path("pdflatex"))
        line("ok", "LaTeX", "for make paper and --format tex");
    else
        line("note", "LaTeX", "only make paper needs it; it says which packages");
    return gnuplot;
}

/* ---- data -------------------------------------------------------------------------------------------------------------- */

static void look_at_data(const char *flag)
{
    const DataEntry *entry;
    const char *environment = getenv("VAE_LAB_DATA");
    const char *dir = flag != NULL ? flag : environment != NULL && environment[0] != '\0' ? environment : "data";
    size_t n = data_catalogue(&entry);
    for (size_t i = 0; i < n; i++) {
        char text[400];
        if (entry[i].files[0] == '\0') {
            line("ok", entry[i].name, "built in");
        } else if (data_present(entry[i].name, dir)) {
            snprintf(text, sizeof text, "in %.200s; vae-lab data verify %.60s checks it", dir, entry[i].name);
            line("ok", entry[i].name, text);
        } else {
            snprintf(text, sizeof text,
                     "not in %.200s; for experiments that ask for it; vae-lab data verify %.60s says where to get it", dir,
                     entry[i].name);
            line("note", entry[i].name, text);
        }
    }
}

/* ---- the database ------------------------------------------------------------------------------------------------------ */

typedef struct State {
    char text[200], journal[16];
} State;

static int take_state(void *context, int columns, const char *const *names, const StoreValue *v)
{
    State *state = context;
    (void)columns, (void)names;
    snprintf(state->text, sizeof state->text, "%lld run%s (%lld done), %lld metrics, %.1f MB", (long long)v[0].integer,
             v[0].integer == 1 ? "" : "s", (long long)v[1].integer, (long long)v[2].integer, v[3].real / 1e6);
    return 0;
}

static int take_journal(void *context, int columns, const char *const *names, const StoreValue *v)
{
    State *state = context;
    (void)columns, (void)names;
    snprintf(state->journal, sizeof state->journal, "%s", v[0].type == STORE_TEXT ? (const char *)v[0].bytes : "");
    return 0;
}

static void look_at_room(const char *path)
{
    char folder[4096], text[200];
    struct statvfs v;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else
        slash[slash == folder] = '\0';
    if (statvfs(folder, &v) != 0)
        return;
    double free_bytes = (double)v.f_bavail * (double)v.f_frsize;
    snprintf(text, sizeof text, "%.1f GB free beside the database%s", free_bytes / 1e9,
             free_bytes < 1e9 ? ": little for weights and checkpoints" : "");
    line(free_bytes < 1e9 ? "note" : "ok", "disk", text);
}

static int look_inside(Store *s, Error *err)
{
    State state = {.text = ""};
    char text[4500];
    if (store_check(s, err) != 0 ||
        store_query(
            s,
            "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM run WHERE status = 'done'), (SELECT count(*) FROM metric), "
            "(SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size) * 1.0",
            NULL, 0, take_state, &state, err) != 0 ||
        store_query(s, "PRAGMA journal_mode", NULL, 0, take_journal, &state, err) != 0)
        return -1;
    int wal = strcmp(state.journal, "wal") == 0, writable = access(store_path(s), W_OK) == 0;
    snprintf(text, sizeof text, "%.4000s: whole; %s", store_path(s), state.text);
    line("ok", "database", text);
    if (!writable)
        line("note", "journal", "you may read this database, not write it");
    else
        line(wal ? "ok" : "note", "journal",
             wal ? "write-ahead log" : "rollback journal (no write-ahead log on this file system): reading may wait for writing");
    return 0;
}

/* 0, or -1 with *err: it cannot be used. */
static int look_at_database(const char *path, Error *err)
{
    char text[4500];
    if (access(path, F_OK) != 0) {
        snprintf(text, sizeof text, "%.4000s is not there yet; the first vae-lab run makes it", path);
        line("note", "database", text);
        return 0;
    }
    Store *s = store_open(path, STORE_READ, err);
    int status = s == NULL ? -1 : look_inside(s, err);
    store_close(s);
    if (status != 0) {
        line("failed", "database", err->what);
        return -1;
    }
    look_at_room(path);
    return 0;
}

int cli_doctor(int argc, char **argv, Error *err)
{
    const char *db = NULL, *dir = NULL;
    int operands;
    const CliOption options[] = {{.name = "--db", .text = &db}, {.name = "--data-dir", .text = &dir}};
    if (cli_parse(argc, argv, options, 2, &operands, err) != 0)
        return -1;
    if (operands > 0) {
        error_set(err, ERR_USAGE, "doctor takes no operand");
        return error_found(err, "%s", argv[1]);
    }
    look_at_machine();
    int library = look_at_library(err), gnuplot = look_at_programs();
    look_at_data(dir);
    if (library != 0 || look_at_database(cli_database(db), err) != 0)
        return -1;
    if (!gnuplot) {
        error_set(err, ERR_FILE, "gnuplot is missing: no figures can be drawn");
        return error_hint(err, "apt-get install gnuplot-nox");
    }
    return 0;
}
