/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_doctor.c: `vae-lab doctor`, what is installed, which instruction set is used, what is missing and how to
 * get it.
 *
 * One line per thing: "ok", "note" (works with a restriction), "missing" or "failed".  The command changes nothing.
 */
#include "bind/script.h"
#include "cli/cli.h"

#include "base/cores.h"
#include "base/text.h"
#include "data/data.h"
#include "num/fpenv.h"
#include "num/isa.h"
#include "plot/plot.h"
#include "store/read.h"

#include <gsl/gsl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

static const CliOption options[] = {CLI_OPTION_DB, CLI_OPTION_DATA_DIR, {0}};

static void line(const char *state, const char *what, const char *detail)
{
    static const char *const colour[] = {"\033[32m", "\033[33m", "\033[31m"};
    int level = strcmp(state, "ok") == 0 ? 0 : strcmp(state, "note") == 0 ? 1 : 2;
    printf("%s%-8s%s %-20s %s\n", cli_colour() ? colour[level] : "", state, cli_colour() ? "\033[0m" : "", what,
           detail);
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

/* What main found and what is preloaded. */
static void check_fpenv(void)
{
    char text[400];
    const char *found = num_fpenv_found(), *preloaded = getenv("LD_PRELOAD");
    if (found != NULL)
        snprintf(text, sizeof text, "a preloaded library had set %.100s: reset to round to nearest, denormals kept", found);
    else
        snprintf(text, sizeof text, "round to nearest, denormals kept");
    line(found != NULL ? "note" : "ok", "floating point", text);
    if (preloaded != NULL && preloaded[0] != '\0') {
        snprintf(text, sizeof text, "LD_PRELOAD=%.300s", preloaded);
        line("note", "preloaded", text);
    }
}

static void check_machine(void)
{
    char text[256];
    struct utsname u;
    line("ok", "vae-lab", VAE_LAB_VERSION);
    if (uname(&u) == 0) {
        snprintf(text, sizeof text, "%.60s %.60s, %.30s, %d processors, %d usable here", u.sysname, u.release,
                 u.machine, cores_online(), cores_usable());
        line("ok", "system", text);
    }
    size_t used = (size_t)snprintf(text, sizeof text, "%s in use; this processor has", num_isa_name());
    for (const char *const *name = num_isa_available(); *name != NULL && used < sizeof text; name++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", *name);
    line("ok", "instructions", text);
    snprintf(text, sizeof text, "%d in a run; results are the same for any number", num_threads());
    line("ok", "threads", text);
    check_fpenv();
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

/* ---- libraries and programs ------------------------------------------------------------------------------------- */

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
static int check_library(Error *err)
{
    char path[4096];
    int status = bind_library(path, sizeof path, err);
    line(status == 0 ? "ok" : "missing", "Lua library", status == 0 ? path : err->what);
    return status;
}

static int check_programs(void)
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

/* ---- data ------------------------------------------------------------------------------------------------------- */

static void check_data(void)
{
    const DataEntry *entry;
    const char *environment = getenv("VAE_LAB_DATA"), *flag = cli_shared.data_dir;
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
                     "not in %.200s; for experiments that use it; vae-lab data verify %.60s tells where to get it", dir,
                     entry[i].name);
            line("note", entry[i].name, text);
        }
    }
}

/* ---- the database ----------------------------------------------------------------------------------------------- */

static void check_disk(const char *path)
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
    snprintf(text, sizeof text, "%.1f GB free on the disk of the database%s", free_bytes / 1e9,
             free_bytes < 1e9 ? ": little for weights and checkpoints" : "");
    line(free_bytes < 1e9 ? "note" : "ok", "disk", text);
}

static int check_contents(Store *s, Error *err)
{
    StoreContents c;
    char text[4500];
    if (store_check(s, err) != 0 || store_contents(s, &c, err) != 0)
        return -1;
    snprintf(text, sizeof text, "%.4000s: undamaged; %lld run%s (%lld done), %lld metrics, %.1f MB", store_path(s),
             (long long)c.runs, c.runs == 1 ? "" : "s", (long long)c.done, (long long)c.metrics, (double)c.bytes / 1e6);
    line("ok", "database", text);
    if (access(store_path(s), W_OK) != 0)
        line("note", "journal", "you may read this database, but not write it");
    else
        line(c.wal ? "ok" : "note", "journal",
             c.wal ? "write-ahead log"
                   : "rollback journal (no write-ahead log on this file system): reading may wait for writing");
    return 0;
}

/* 0, or -1 with *err: it cannot be used. */
static int check_database(const char *path, Error *err)
{
    char text[4500];
    if (access(path, F_OK) != 0) {
        snprintf(text, sizeof text, "%.4000s does not exist; the first vae-lab run makes it", path);
        line("note", "database", text);
        return 0;
    }
    Store *s = cli_open(err);
    int status = s == NULL ? -1 : check_contents(s, err);
    store_close(s);
    if (status != 0) {
        line("failed", "database", err->what);
        return -1;
    }
    check_disk(path);
    return 0;
}

static int doctor(int operands, char **operand, Error *err)
{
    if (cli_operands(operands, operand, 0, 0, "options alone", err) != 0)
        return -1;
    check_machine();
    int library = check_library(err), gnuplot = check_programs();
    check_data();
    if (library != 0 || check_database(cli_database(), err) != 0)
        return -1;
    if (!gnuplot) {
        error_set(err, ERR_FILE, "gnuplot is missing: no figures can be drawn");
        return error_hint(err, "apt-get install gnuplot-nox");
    }
    return 0;
}

const CliCommand cli_doctor = {
    .name = "doctor", .arguments = "", .summary = "what is installed, what is missing and how to get it",
    .options = options, .run = doctor,
    .notes = "Exit code 0 when an experiment on the built-in data can be run and drawn, 5 when gnuplot is missing,\n"
             "4 when the database cannot be used, 3 when the Lua library is not found.\n"
             "\n"
             "example: vae-lab doctor\n",
};
