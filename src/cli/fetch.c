/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/fetch.c: `vae-lab data fetch`: its progress display, its signals and its summary.
 */
#define _XOPEN_SOURCE 700 /* sigaction's SA_RESETHAND */
#include "cli/fetch.h"

#include "base/terminal.h"
#include "data/fetch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1

typedef struct FetchDisplay {
    int terminal, drawn;
    size_t fetched, here;
    char file[64];                 /* whose bytes come */
    double start, redrawn;         /* seconds */
    uint64_t first;                /* bytes that were here at `start` */
} FetchDisplay;

static volatile sig_atomic_t stopped_by;

static void on_signal(int number)
{
    stopped_by = number;
}

/* A second signal ends the process. */
static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    stopped_by = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the display ------------------------------------------------------------------------------------------------ */

static void erase(FetchDisplay *d)
{
    if (d->drawn)
        fprintf(stderr, "\r\033[K");
    d->drawn = 0;
}

static void draw(FetchDisplay *d, uint64_t here, uint64_t all)
{
    char line[256];
    double seconds = now() - d->start, rate = seconds > 0.5 ? (double)(here - d->first) / seconds : 0.0;
    int columns = terminal_columns(STDERR_FILENO), used;
    used = snprintf(line, sizeof line, "%s  %.1f", d->file, (double)here / 1e6);
    if (all > 0)
        used += snprintf(line + used, sizeof line - (size_t)used, " of %.1f MB  %.0f %%", (double)all / 1e6,
                         100.0 * (double)here / (double)all);
    if (rate > 0.0)
        used += snprintf(line + used, sizeof line - (size_t)used, "  %.1f MB/s", rate / 1e6);
    if (rate > 0.0 && all >= here) {
        long left = (long)((double)(all - here) / rate + 0.5);
        snprintf(line + used, sizeof line - (size_t)used, "  %ld:%02ld left", left / 60, left % 60);
    }
    erase(d);
    fprintf(stderr, "%.*s", columns > 1 && columns < (int)sizeof line ? columns - 1 : (int)sizeof line - 1, line);
    d->drawn = 1;
}

static int take_progress(void *context, const char *file, uint64_t here, uint64_t all)
{
    FetchDisplay *d = context;
    double time = now();
    if (strcmp(d->file, file) != 0 || here < d->first) {
        snprintf(d->file, sizeof d->file, "%s", file);
        d->start = time;
        d->first = here;
    }
    if (d->terminal && time - d->redrawn >= REDRAW_SECONDS) {
        draw(d, here, all);
        d->redrawn = time;
    }
    return stopped_by != 0;
}

static void take_note(void *context, const char *text)
{
    erase(context);
    fprintf(stderr, "note: %s\n", text);
}

static void take_file(void *context, const char *path, int fetched)
{
    FetchDisplay *d = context;
    erase(d);
    printf("%s  %s\n", path, fetched ? "fetched" : "here already");
    fflush(stdout);
    *(fetched ? &d->fetched : &d->here) += 1;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

int cli_fetch(const char *name, const char *dir, const char *from, long stall, Error *err)
{
    const char *term = getenv("TERM");
    FetchDisplay d = {.terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0};
    const DataFetch how = {
        .dir = dir, .from = from, .stall = stall, .progress = take_progress, .note = take_note, .done = take_file,
        .context = &d,
    };
    watch_signals();
    int status = data_fetch(name, &how, err);
    erase(&d);
    if (status == 0 && d.fetched > 0)
        fprintf(stderr, "%s is complete and verified; use it:  vae-lab run FILE.lua --set data=%s%s%s\n", name, name,
                dir != NULL ? " --data-dir " : "", dir != NULL ? dir : "");
    else if (status == 0 && d.here > 0)
        fprintf(stderr, "%s was complete and verified: nothing was fetched\n", name);
    if (status == 0)
        return 0;
    if (err->kind == ERR_SIGNAL) {
        error_set(err, ERR_SIGNAL, "stopped; what was fetched is kept");
        error_found(err, "%d", (int)stopped_by);
        return error_hint(err, "go on with the same command");
    }
    if (err->kind == ERR_FILE)
        data_fetch_by_hand(name, &how, stderr);
    return -1;
}

static void take_copy(void *context, const char *path, int copied)
{
    (void)context;
    printf("%s  %s\n", path, copied ? "copied" : "here already");
}

int cli_import_data(const char *folder, const char *name, const char *dir, Error *err)
{
    const DataFetch how = {.dir = dir, .done = take_copy};
    return data_import(folder, name, &how, err);
}
