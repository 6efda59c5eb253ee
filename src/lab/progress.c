/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * lab/progress.c: shows a sweep at work, on standard error.  On a terminal a display of a line for each active run and one for the
 * whole, redrawn at most 10 times a second; elsewhere plain lines, at most one in 10 s a run.
 */
#include "lab/internal.h"

#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 10.0

typedef enum { WAITING, ACTIVE, OVER } Phase;

typedef struct Entry {
    Phase phase;
    double work;       /* examples that its training will see */
    double start;
    double first;      /* fraction at which this process took it up */
    double line_time;  /* of its last plain line */
    LabReport last;
} Entry;

struct LabProgress {
    const LabRun *runs;
    size_t count;
    const LabOptions *options;
    int terminal, quiet;
    double start, drawn;
    int lines;         /* on the screen now */
    Entry *entry;
};

LabProgress *lab_progress_alloc(const LabRun *runs, size_t count, const LabOptions *options, Error *err)
{
    LabProgress *p = mem_alloc(sizeof *p);
    Entry *entry = mem_array(count, sizeof *entry);
    if (p == NULL || entry == NULL) {
        mem_free(p);
        mem_free(entry);
        error_memory(err, "the progress display");
        return NULL;
    }
    *p = (LabProgress){.runs = runs, .count = count, .options = options, .quiet = options->quiet, .start = lab_clock(), .entry = entry};
    const char *term = getenv("TERM");
    p->terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    for (size_t i = 0; i < count; i++)
        entry[i].work = (double)runs[i].epochs * (double)data_count(runs[i].data, DATA_TRAIN) * (double)runs[i].samples;
    return p;
}

void lab_progress_free(LabProgress *p)
{
    if (p == NULL)
        return;
    mem_free(p->entry);
    mem_free(p);
}

/* ---- text ------------------------------------------------------------------------------------------------------------------ */

static void duration(char *text, size_t size, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

static size_t run_name(const LabProgress *p, size_t run, char *text, size_t size)
{
    const LabRun *r = &p->runs[run];
    return (size_t)snprintf(text, size, "%s%sseed %" PRIu64, r->label, r->label[0] != '\0' ? ", " : "", r->seed);
}

static void run_line(const LabProgress *p, size_t run, char *text, size_t size)
{
    const Entry *e = &p->entry[run];
    const LabReport *r = &e->last;
    size_t used = run_name(p, run, text, size);
    if (used >= size)
        return;
    if (r->kind == LAB_EVALUATING) {
        snprintf(text + used, size - used, "  evaluating %.200s", r->text);
        return;
    }
    used += (size_t)snprintf(text + used, size - used, "  epoch %d/%d %3.0f%%", r->epoch, p->runs[run].epochs, 100 * r->fraction);
    if (used < size && !isnan(r->elbo))
        used += (size_t)snprintf(text + used, size - used, "  ELBO %.2f", r->elbo);
    if (used < size && !isnan(r->reconstruction) && !isnan(r->kl))
        used += (size_t)snprintf(text + used, size - used, "  reconstruction %.2f  KL %.2f", r->reconstruction, r->kl);
    if (used < size && r->examples_per_second > 0)
        snprintf(text + used, size - used, "  %.0f examples/s", r->examples_per_second);
}

/* Seconds left, from the work done and the time taken so far; NaN while nothing is known. */
static double time_left(const LabProgress *p)
{
    double done = 0, left = 0;
    for (size_t i = 0; i < p->count; i++) {
        const Entry *e = &p->entry[i];
        if (e->phase == ACTIVE) {
            done += e->work * (e->last.fraction > e->first ? e->last.fraction - e->first : 0);
            left += e->work * (1 - e->last.fraction);
        } else if (e->phase == WAITING) {
            left += e->work;
        } else {
            done += e->start > 0 ? e->work * (1 - e->first) : 0;
        }
    }
    return done > 0 ? left * (lab_clock() - p->start) / done : NAN;
}

static void total_line(const LabProgress *p, char *text, size_t size)
{
    size_t over = 0;
    char elapsed[32], left[32];
    double seconds = time_left(p);
    for (size_t i = 0; i < p->count; i++)
        over += p->entry[i].phase == OVER;
    duration(elapsed, sizeof elapsed, lab_clock() - p->start);
    if (isnan(seconds))
        snprintf(left, sizeof left, "?");
    else
        duration(left, sizeof left, seconds);
    snprintf(text, size, "%zu of %zu runs done, %s elapsed, %s left", over, p->count, elapsed, left);
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------- */

static int terminal_width(void)
{
    struct winsize w;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10)
        return w.ws_col;
    return 80;
}

static void erase(LabProgress *p)
{
    if (p->lines > 0)
        fprintf(stderr, "\r\033[%dA\033[J", p->lines);
    p->lines = 0;
}

static void draw_line(LabProgress *p, const char *text, int width)
{
    fprintf(stderr, "%.*s\n", width - 1, text);
    p->lines++;
}

static void redraw(LabProgress *p)
{
    char line[512];
    int width = terminal_width();
    erase(p);
    for (size_t i = 0; i < p->count; i++) {
        if (p->entry[i].phase != ACTIVE)
            continue;
        run_line(p, i, line, sizeof line);
        draw_line(p, line, width);
    }
    total_line(p, line, sizeof line);
    draw_line(p, line, width);
    fflush(stderr);
    p->drawn = lab_clock();
}

/* A line that stays. */
static void say(LabProgress *p, const char *text)
{
    if (p->terminal)
        erase(p);
    fprintf(stderr, "%s\n", text);
}

void lab_progress_tick(LabProgress *p)
{
    if (!p->quiet && p->terminal && lab_clock() - p->drawn >= REDRAW_SECONDS)
        redraw(p);
}

/* ---- events ---------------------------------------------------------------------------------------------------------------- */

void lab_progress_skip(LabProgress *p, size_t run)
{
    p->entry[run].phase = OVER;
}

void lab_progress_start(LabProgress *p, size_t run)
{
    Entry *e = &p->entry[run];
    e->phase = ACTIVE;
    e->start = e->line_time = lab_clock();
    e->first = -1;
    e->last = (LabReport){.run = run, .elbo = NAN, .reconstruction = NAN, .kl = NAN};
}

static void end_line(LabProgress *p, size_t run)
{
    const Entry *e = &p->entry[run];
    char line[2048], took[32];
    size_t used = run_name(p, run, line, sizeof line);
    duration(took, sizeof took, lab_clock() - e->start);
    used += (size_t)snprintf(line + used, sizeof line - used, "  %s%s in %s", e->last.status, e->last.resumed ? " (resumed)" : "", took);
    if (!isnan(e->last.elbo))
        used += (size_t)snprintf(line + used, sizeof line - used, "  ELBO %.2f", e->last.elbo);
    if (e->last.text[0] != '\0')
        snprintf(line + used, sizeof line - used, ": %s", e->last.text);
    say(p, line);
}

void lab_progress_report(LabProgress *p, const LabReport *report)
{
    Entry *e = &p->entry[report->run];
    if (e->first < 0)
        e->first = report->fraction;
    e->last = *report;
    if (report->kind == LAB_ENDED) {
        e->phase = OVER;
        /* a failure is told even when nothing else is */
        if (!p->quiet || strcmp(report->status, "failed") == 0 || strcmp(report->status, "diverged") == 0 ||
            strcmp(report->status, "crashed") == 0)
            end_line(p, report->run);
    } else if (!p->quiet && !p->terminal && lab_clock() - e->line_time >= LINE_SECONDS) {
        char line[512];
        run_line(p, report->run, line, sizeof line);
        fprintf(stderr, "%s\n", line);
        e->line_time = lab_clock();
    }
}

void lab_progress_end(LabProgress *p)
{
    if (!p->quiet && p->terminal)
        erase(p);
}
