/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/progress.c: shows a sweep on standard error while it runs.  On a terminal: one line per active run and one for
 * the whole, redrawn at most 10 times a second.  Elsewhere: plain lines, at most one in 10 s per run.
 */
#include "cli/progress.h"

#include "base/mem.h"
#include "base/terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 2048 }; /* bytes of a line; its text may be a whole error */

#define REDRAW_SECONDS 0.1
#define LINE_SECONDS 10.0

typedef enum { WAITING, ACTIVE, OVER } ProgressPhase;

typedef struct ProgressEntry {
    ProgressPhase phase;
    double work;       /* examples of its whole training */
    double start;
    double first;      /* fraction done when this sweep started it; -1: not yet reported */
    double line_time;  /* of its last plain line */
    LabReport last;
} ProgressEntry;

struct CliProgress {
    const LabRun *runs;
    size_t count;
    int terminal, quiet;
    double start, drawn;
    int lines;         /* on the screen now */
    ProgressEntry *entry;
};

CliProgress *cli_progress_alloc(const LabRun *runs, size_t count, int quiet, Error *err)
{
    CliProgress *p = mem_alloc(sizeof *p);
    ProgressEntry *entry = mem_array(count, sizeof *entry);
    if (p == NULL || entry == NULL) {
        mem_free(p);
        mem_free(entry);
        error_memory(err, "the progress display");
        return NULL;
    }
    *p = (CliProgress){.runs = runs, .count = count, .quiet = quiet, .start = lab_clock(), .entry = entry};
    const char *term = getenv("TERM");
    p->terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    for (size_t i = 0; i < count; i++)
        entry[i].work = (double)runs[i].spec.epochs * (double)data_count(runs[i].spec.data, DATA_TRAIN) *
                        (double)runs[i].spec.samples;
    return p;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Columns on a terminal: the number of UTF-8 characters, each one column wide. */
static int columns_of(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Adds a part to a line if all of it fits into `width` columns: half a number would be another number. */
static void add(char line[LINE], int width, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char line[LINE], int width, const char *format, ...)
{
    char part[LINE];
    size_t used = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    if (columns_of(line) + columns_of(part) <= width)
        snprintf(line + used, LINE - used, "%s", part);
}

static void add_name(const CliProgress *p, size_t run, char line[LINE])
{
    const LabRun *r = &p->runs[run];
    size_t used = strlen(line);
    snprintf(line + used, LINE - used, "%.300s%sseed %" PRIu64, r->label, r->label[0] != '\0' ? ", " : "",
             r->spec.seed.number);
}

static void run_line(const CliProgress *p, size_t run, char line[LINE], int width)
{
    const LabReport *r = &p->entry[run].last;
    line[0] = '\0';
    add_name(p, run, line);
    if (r->kind == LAB_EVALUATING) {
        add(line, width, "  evaluating");
        add(line, width, " %s", r->text);
        return;
    }
    add(line, width, "  epoch %d/%d", r->epoch, p->runs[run].spec.epochs);
    add(line, width, " %3.0f%%", 100 * r->fraction);
    if (!isnan(r->elbo))
        add(line, width, "  ELBO %.2f", r->elbo);
    if (!isnan(r->reconstruction) && !isnan(r->kl))
        add(line, width, "  reconstruction %.2f  KL %.2f", r->reconstruction, r->kl);
    if (r->examples_per_second > 0)
        add(line, width, "  %.0f examples/s", r->examples_per_second);
}

/* Seconds left, from the work done and the time taken so far; NaN while nothing is known. */
static double time_left(const CliProgress *p)
{
    double done = 0, left = 0;
    for (size_t i = 0; i < p->count; i++) {
        const ProgressEntry *e = &p->entry[i];
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

static void total_line(const CliProgress *p, char line[LINE], int width)
{
    size_t over = 0;
    char text[32];
    double left = time_left(p);
    line[0] = '\0';
    for (size_t i = 0; i < p->count; i++)
        over += p->entry[i].phase == OVER;
    add(line, width, "%zu of %zu runs done", over, p->count);
    if (!isnan(left)) {
        text_duration(text, sizeof text, left);
        add(line, width, ", %s left", text);
    }
    text_duration(text, sizeof text, lab_clock() - p->start);
    add(line, width, ", %s elapsed", text);
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* Moves to the display's first line: the next output overwrites it. */
static void rewind_lines(CliProgress *p)
{
    if (p->lines > 0)
        fprintf(stderr, "\r\033[%dA", p->lines);
    p->lines = 0;
}

static void erase(CliProgress *p)
{
    if (p->lines > 0) {
        rewind_lines(p);
        fputs("\033[J", stderr);
    }
}

/* Each line overwrites the old one: erasing all lines first would flicker, and fill some terminals' history. */
static void draw_line(CliProgress *p, const char *line, int width)
{
    int length = 0;
    for (int columns = 0; line[length] != '\0'; length++)
        if (((unsigned char)line[length] & 0xc0) != 0x80 && ++columns > width)
            break; /* only a name can be too long; a line that wraps would count as two */
    fprintf(stderr, "%.*s\033[K\n", length, line);
    p->lines++;
}

static void redraw(CliProgress *p)
{
    char line[LINE];
    int width, height, drawn = 0, before = p->lines;
    size_t hidden = 0;
    terminal_size(STDERR_FILENO, &width, &height);
    rewind_lines(p);
    for (size_t i = 0; i < p->count; i++) {
        if (p->entry[i].phase != ACTIVE)
            continue;
        if (drawn++ >= height - 3) {
            hidden++;
            continue;
        }
        run_line(p, i, line, width - 1);
        draw_line(p, line, width - 1);
    }
    total_line(p, line, width - 1);
    if (hidden > 0)
        add(line, width - 1, ", %zu more running", hidden);
    draw_line(p, line, width - 1);
    if (p->lines < before)
        fputs("\033[J", stderr);
    fflush(stderr);
    p->drawn = lab_clock();
}

/* Prints a line that stays. */
static void print_line(CliProgress *p, const char *text)
{
    if (p->terminal)
        erase(p);
    fprintf(stderr, "%s\n", text);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void start_run(CliProgress *p, size_t run)
{
    ProgressEntry *e = &p->entry[run];
    e->phase = ACTIVE;
    e->start = e->line_time = lab_clock();
    e->first = -1;
    e->last = lab_report_none(run);
}

/* "beta=1, seed 2  done in 0:41  ELBO -98.31" */
static void end_line(CliProgress *p, size_t run)
{
    const LabReport *r = &p->entry[run].last;
    char line[LINE] = "", took[32];
    add_name(p, run, line);
    size_t used = strlen(line);
    text_duration(took, sizeof took, lab_clock() - p->entry[run].start);
    if (strcmp(r->status, "busy") == 0)
        used += (size_t)snprintf(line + used, sizeof line - used, "  not run");
    else if (strcmp(r->status, "lost") == 0)
        used += (size_t)snprintf(line + used, sizeof line - used, "  left to another process after %s", took);
    else
        used += (size_t)snprintf(line + used, sizeof line - used, "  %s%s in %s", r->status,
                                 r->resumed ? " (resumed)" : "", took);
    if (!isnan(r->elbo))
        used += (size_t)snprintf(line + used, sizeof line - used, "  ELBO %.2f", r->elbo);
    if (r->text[0] != '\0')
        snprintf(line + used, sizeof line - used, ": %s", r->text);
    print_line(p, line);
}

static void print_note(CliProgress *p, size_t run, const char *text)
{
    char line[LINE] = "";
    add_name(p, run, line);
    snprintf(line + strlen(line), sizeof line - strlen(line), "  %s", text);
    print_line(p, line);
}

static int is_failure(const LabReport *r)
{
    return r->evaluations_failed > 0 || strcmp(r->status, "failed") == 0 || strcmp(r->status, "diverged") == 0 ||
           strcmp(r->status, "crashed") == 0 || strcmp(r->status, "lost") == 0;
}

static void take_report(CliProgress *p, const LabReport *report)
{
    ProgressEntry *e = &p->entry[report->run];
    if (e->first < 0)
        e->first = report->fraction;
    e->last = *report;
    if (report->kind == LAB_ENDED) {
        e->phase = OVER;
        if (!p->quiet || is_failure(report))
            end_line(p, report->run);
    } else if (!p->quiet && !p->terminal && lab_clock() - e->line_time >= LINE_SECONDS) {
        char line[LINE];
        run_line(p, report->run, line, LINE);
        fprintf(stderr, "%s\n", line);
        e->line_time = lab_clock();
    }
}

void cli_progress_event(void *context, const LabEvent *event)
{
    CliProgress *p = context;
    switch (event->kind) {
    case LAB_NOTICE:
        if (!p->quiet)
            print_line(p, event->text);
        break;
    case LAB_RUN_LEFT_OUT:
        p->entry[event->run].phase = OVER;
        if (event->text != NULL)
            print_note(p, event->run, event->text);
        break;
    case LAB_RUN_STARTED: start_run(p, event->run); break;
    case LAB_RUN_REPORT: take_report(p, event->report); break;
    case LAB_TICK:
        if (!p->quiet && p->terminal && lab_clock() - p->drawn >= REDRAW_SECONDS)
            redraw(p);
        break;
    }
}

void cli_progress_free(CliProgress *p)
{
    if (p == NULL)
        return;
    if (!p->quiet && p->terminal)
        erase(p);
    mem_free(p->entry);
    mem_free(p);
}
