/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plot/render.c: draws one figure in one format: writes script and data, runs gnuplot into a partial file, checks it,
 * renames it.
 *
 * gnuplot 5.4 exits with 0 even when its output could not be written (measured with a full disk).  The last bytes of
 * the file are therefore checked.
 */
#define _XOPEN_SOURCE 700 /* realpath */
#include "plot/plot.h"

#include "base/folder.h"
#include "base/mem.h"
#include "plot/gnuplot.h"
#include "plot/script.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { OUTPUT_MAX = 4096, TAIL = 64 };

typedef struct FigureFormat {
    const char *name, *trailer; /* the last bytes of a whole file */
} FigureFormat;

static const FigureFormat formats[] = {
    {"pdf", "%%EOF"},
    {"png", "IEND\xae\x42\x60\x82"},
    {"svg", "</svg>"},
    {"tex", "\\endgroup"},
};

/* The rendering of one figure in one format; paths are absolute. */
typedef struct FigureRender {
    const PlotFigure *figure;
    const FigureFormat *format;
    char folder[PATH_MAX];
    char partial[SCRIPT_NAME_MAX]; /* base name of what gnuplot writes: NAME.PID.part */
} FigureRender;

/* ---- checks of the arguments
 * -------------------------------------------------------------------------------------------- */

static int good_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t length = strlen(name);
    if (length == 0 || length >= SCRIPT_PART_MAX || strchr(letters, name[0]) == NULL)
        return 0;
    for (const char *c = name; *c != '\0'; c++)
        if (strchr(letters, *c) == NULL && strchr("_-=.", *c) == NULL)
            return 0;
    return 1;
}

static int good_block(const char *name)
{
    return good_name(name) && strpbrk(name, "-=.") == NULL;
}

static int check(const PlotFigure *f, const char *format, const FigureFormat **found, Error *err)
{
    *found = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i].name, format) == 0)
            *found = &formats[i];
    if (*found == NULL) {
        error_set(err, ERR_FILE, "no such figure format");
        error_found(err, "%s", format);
        return error_expected(err, "pdf, png, svg or tex");
    }
    if (!good_name(f->name)) {
        error_set(err, ERR_FILE, "bad name of a figure");
        error_found(err, "%s", f->name);
        return error_expected(err, "ASCII letters, digits and _ - = . , fewer than %d, a letter or digit first",
                              SCRIPT_PART_MAX);
    }
    for (size_t i = 0; i < f->nblocks; i++)
        if (!good_block(f->blocks[i].name)) {
            error_set(err, ERR_FILE, "bad name of a figure's data block");
            error_where(err, "figure %s", f->name);
            error_found(err, "%s", f->blocks[i].name);
            return error_expected(err, "ASCII letters, digits and _");
        }
    if (!(f->width_cm >= 1 && f->width_cm <= 100 && f->height_cm >= 1 && f->height_cm <= 100)) {
        error_set(err, ERR_FILE, "bad size of a figure");
        error_where(err, "figure %s", f->name);
        error_found(err, "%g cm x %g cm", f->width_cm, f->height_cm);
        return error_expected(err, "a width and a height from 1 to 100 cm");
    }
    return 0;
}

/* ---- files
 * --------------------------------------------------------------------------------------------------------- */

static int path(char text[PATH_MAX], const FigureRender *r, const char *base, const char *ending, Error *err)
{
    int length = snprintf(text, PATH_MAX, "%s/%s%s", r->folder, base, ending);
    if (length >= 0 && length < PATH_MAX)
        return 0;
    error_set(err, ERR_FILE, "a figure's path is too long");
    return error_where(err, "%.200s", r->folder);
}

static int file_error(Error *err, const char *what, const char *where, int code)
{
    error_set(err, ERR_FILE, "%s", what);
    error_where(err, "%.250s", where);
    error_found(err, "%s", strerror(code));
    if (code == ENOSPC || code == EDQUOT)
        return error_hint(err, "the disk is full: free some space and draw again; the older figure is unchanged");
    if (code == EACCES || code == EPERM || code == EROFS)
        return error_hint(err, "choose a folder that you may write with --out DIR");
    return -1;
}

static int open_folder(FigureRender *r, Error *err)
{
    const char *folder = r->figure->folder[0] == '\0' ? "." : r->figure->folder;
    char failed[PATH_MAX];
    int reason = folder_make(folder, failed);
    if (reason != 0)
        return file_error(err, "the figures' folder cannot be made", failed, reason);
    if (realpath(folder, r->folder) == NULL)
        return file_error(err, "the figures' folder cannot be opened", folder, errno);
    for (const char *c = r->folder; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20)
            return file_error(err, "the figures' folder has a control character in its name", folder, EINVAL);
    if (access(r->folder, W_OK | X_OK) != 0)
        return file_error(err, "the figures' folder cannot be written", r->folder, errno);
    return 0;
}

/* Writes a partial file and renames it, so that a full disk leaves the old one. */
static int write_file(const FigureRender *r, const char *base, const void *bytes, size_t size, Error *err)
{
    char target[PATH_MAX], partial[PATH_MAX];
    if (path(target, r, base, "", err) != 0 || path(partial, r, r->partial, "", err) != 0)
        return -1;
    FILE *file = fopen(partial, "wb");
    if (file == NULL)
        return file_error(err, "a figure's file cannot be written", target, errno);
    errno = 0;
    int bad = size > 0 && fwrite(bytes, 1, size, file) != size;
    bad |= fflush(file) != 0;
    int code = errno;
    if (fclose(file) != 0 && !bad) {
        bad = 1;
        code = errno;
    }
    if (!bad && rename(partial, target) == 0)
        return 0;
    if (!bad)
        code = errno;
    unlink(partial);
    return file_error(err, "a figure's file cannot be written", target, code);
}

/* [OUT] *bytes (mem_free), one terminator more than *size. */
static int read_file(const char *name, char **bytes, size_t *size, Error *err)
{
    *bytes = NULL;
    *size = 0;
    FILE *file = fopen(name, "rb");
    if (file == NULL)
        return file_error(err, "gnuplot wrote no file", name, errno);
    struct stat state;
    if (fstat(fileno(file), &state) == 0 && state.st_size > 0)
        *size = (size_t)state.st_size;
    *bytes = mem_alloc(*size + 1);
    size_t got = *bytes == NULL ? 0 : fread(*bytes, 1, *size, file);
    fclose(file);
    if (*bytes == NULL)
        return error_memory(err, "a rendered figure");
    if (got == *size)
        return 0;
    mem_free(*bytes);
    *bytes = NULL;
    return file_error(err, "a rendered figure cannot be read back", name, EIO);
}

/* ---- gnuplot's messages
 * --------------------------------------------------------------------------------------------- */

static int blank_or_caret(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (strchr(" \t\r^", line[i]) == NULL)
            return 0;
    return 1;
}

/* [OUT] text: the lines of the output joined, those that name script and line first. */
static void join_lines(char *text, size_t size, const char *output)
{
    size_t used = 0;
    text[0] = '\0';
    for (int pass = 0; pass < 2; pass++)
        for (const char *line = output; *line != '\0';) {
            size_t length = strcspn(line, "\n");
            const char *number = strstr(line, "line ");
            int named = line[0] == '"' && number != NULL && number < line + length;
            if (named == (pass == 0) && !blank_or_caret(line, length) && used + 4 < size) {
                int n = snprintf(text + used, size - used, "%s%.*s", used > 0 ? " | " : "", (int)length, line);
                used = n < 0 || (size_t)n >= size - used ? size - 1 : used + (size_t)n;
            }
            line += length + (line[length] == '\n');
        }
}

/* Warnings after which gnuplot draws the figure with a panel missing. */
static int is_serious(const char *output)
{
    return strstr(output, "Skipping data file") != NULL || strstr(output, "Cannot find or open file") != NULL ||
           strstr(output, "kipping unreadable file") != NULL || strstr(output, "matrix contains missing") != NULL;
}

static int gnuplot_error(const FigureRender *r, const char *output, int status, Error *err)
{
    char text[sizeof err->found];
    join_lines(text, sizeof text, output);
    error_set(err, ERR_FILE, "gnuplot could not draw the figure");
    error_where(err, "%.200s/%s.gp", r->folder, r->figure->name);
    if (status > 128)
        error_found(err, "signal %d ended gnuplot", status - 128);
    else
        error_found(err, "%s", text[0] != '\0' ? text : "a non-zero exit status and no message");
    return error_hint(err, "to find the mistake run gnuplot on this script; an older figure is unchanged");
}

/* ---- checking
 * ------------------------------------------------------------------------------------------------------ */

static int whole(const FigureFormat *format, const char *bytes, size_t size)
{
    size_t length = strlen(format->trailer), tail = size < TAIL ? size : TAIL;
    for (size_t i = size - tail; i + length <= size; i++)
        if (memcmp(bytes + i, format->trailer, length) == 0)
            return 1;
    return 0;
}

static int incomplete(const FigureRender *r, const char *name, const char *output, Error *err)
{
    struct statvfs disk;
    error_set(err, ERR_FILE, "gnuplot left an incomplete figure");
    error_where(err, "%.250s", name);
    if (statvfs(r->folder, &disk) == 0 && disk.f_bavail < 16) {
        error_found(err, "no room left on the disk");
        return error_hint(err, "the disk is full: free some space and draw again; the older figure is unchanged");
    }
    char text[sizeof err->found];
    join_lines(text, sizeof text, output);
    error_found(err, "%s", text[0] != '\0' ? text : "the end of the file is missing");
    return error_hint(err, "is the disk or the quota full, or is there a limit on file sizes? "
                           "The older figure is unchanged");
}

/* Sets cairo's dates to a constant of the same length; the zone is always UTC (gnuplot.c). */
static void fix_dates(char *bytes, size_t size)
{
    static const char *const keys[] = {"/CreationDate (D:", "/ModDate (D:"};
    static const char constant[] = "20000101000000";
    for (size_t k = 0; k < 2; k++) {
        size_t length = strlen(keys[k]), digits = sizeof constant - 1;
        for (size_t i = 0; i + length + digits <= size; i++)
            if (memcmp(bytes + i, keys[k], length) == 0)
                memcpy(bytes + i + length, constant, digits);
    }
}

/* The LaTeX part includes its graphic by the final name, from the folder of the .tex file, so that \input works from
 * any folder. LaTeX has \CurrentFilePath since October 2020; with an older one the user sets \graphicspath. */
static int finish_tex(Text *t, const FigureRender *r, const char *bytes)
{
    char include[SCRIPT_NAME_MAX + 2];
    snprintf(include, sizeof include, "{%s}", r->partial);
    const char *start = strstr(bytes, "\\begingroup"), *graphic = strstr(bytes, include);
    if (start == NULL || graphic == NULL)
        return -1;
    start += strlen("\\begingroup");
    text_add_bytes(t, bytes, (size_t)(start - bytes));
    text_add(t, "\n  \\def\\vaelabfolder{}%\n"
                "  \\ifdefined\\CurrentFilePath\\ifx\\CurrentFilePath\\empty\\else"
                "\\edef\\vaelabfolder{\\CurrentFilePath/}\\fi\\fi");
    text_add_bytes(t, start, (size_t)(graphic - start));
    text_addf(t, "{\\vaelabfolder %s-tex.pdf}", r->figure->name);
    text_add(t, graphic + strlen(include));
    return 0;
}

/* Checks the file PARTIAL.format that gnuplot wrote and moves it to `base`. */
static int accept(const FigureRender *r, const FigureFormat *format, const char *base, const char *output, Error *err)
{
    char name[PATH_MAX];
    char *bytes;
    size_t size;
    char ending[8];
    Text tex = {0};
    snprintf(ending, sizeof ending, ".%s", format->name);
    if (path(name, r, r->partial, ending, err) != 0 || read_file(name, &bytes, &size, err) != 0)
        return -1;
    int status = 0;
    if (!whole(format, bytes, size)) {
        status = incomplete(r, name, output, err);
    } else if (strcmp(format->name, "tex") == 0) {
        if (finish_tex(&tex, r, bytes) != 0)
            status = incomplete(r, name, output, err);
        else if (tex.failed)
            status = error_memory(err, "a LaTeX figure");
        else
            status = write_file(r, base, tex.data, tex.length, err);
    } else {
        if (strcmp(format->name, "pdf") == 0)
            fix_dates(bytes, size);
        status = write_file(r, base, bytes, size, err);
    }
    text_free(&tex);
    mem_free(bytes);
    return status;
}

/* ---- rendering
 * ----------------------------------------------------------------------------------------------------- */

static int write_inputs(const FigureRender *r, Error *err)
{
    const PlotFigure *f = r->figure;
    char base[SCRIPT_NAME_MAX];
    for (size_t i = 0; i < f->nblocks; i++) {
        script_block_file(base, f, i);
        if (write_file(r, base, f->blocks[i].bytes, f->blocks[i].size, err) != 0)
            return -1;
    }
    Text script = {0};
    script_write(&script, f);
    snprintf(base, sizeof base, "%s.gp", f->name);
    int status = script.failed ? error_memory(err, "a gnuplot script")
                               : write_file(r, base, script.data, script.length, err);
    text_free(&script);
    return status;
}

/* -d: without start-up files, which could change any figure. */
static int draw(const FigureRender *r, char *output, Error *err)
{
    char script[SCRIPT_NAME_MAX];
    Text set = {0};
    int status;
    snprintf(script, sizeof script, "%s.gp", r->figure->name);
    text_add(&set, "cd '");
    for (const char *c = r->folder; *c != '\0'; c++)
        text_add_bytes(&set, *c == '\'' ? "''" : c, *c == '\'' ? 2 : 1);
    text_addf(&set, "'; format = '%s'; output = '%s.%s'", r->format->name, r->partial, r->format->name);
    if (set.failed) {
        text_free(&set);
        return error_memory(err, "gnuplot's arguments");
    }
    const char *const arguments[] = {"-d", "-e", set.data, script, NULL};
    int started = gnuplot_run(arguments, output, OUTPUT_MAX, &status, err);
    text_free(&set);
    if (started != 0)
        return -1;
    return status != 0 || is_serious(output) ? gnuplot_error(r, output, status, err) : 0;
}

static int move_files(const FigureRender *r, const char *output, Error *err)
{
    char base[SCRIPT_NAME_MAX];
    if (strcmp(r->format->name, "tex") == 0) {
        snprintf(base, sizeof base, "%s-tex.pdf", r->figure->name);
        if (accept(r, &formats[0], base, output, err) != 0)
            return -1;
    }
    snprintf(base, sizeof base, "%s.%s", r->figure->name, r->format->name);
    return accept(r, r->format, base, output, err);
}

/* Whether NAME.PID.part… belongs to this figure and to a process that is gone. */
static int is_left_over(const char *name, const char *figure)
{
    size_t length = strlen(figure);
    char *end;
    if (strncmp(name, figure, length) != 0 || name[length] != '.')
        return 0;
    long process = strtol(name + length + 1, &end, 10);
    return process > 0 && strncmp(end, ".part", 5) == 0 && kill((pid_t)process, 0) != 0 && errno == ESRCH;
}

/* Removes what a process that was killed while it drew this figure left behind. */
static void remove_left_over(const FigureRender *r)
{
    DIR *folder = opendir(r->folder);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char name[PATH_MAX];
        Error ignored = ERROR_NONE;
        if (is_left_over(entry->d_name, r->figure->name) && path(name, r, entry->d_name, "", &ignored) == 0)
            unlink(name);
    }
    if (folder != NULL)
        closedir(folder);
}

int plot_render(const PlotFigure *figure, const char *format, Error *err)
{
    FigureRender r = {.figure = figure};
    char output[OUTPUT_MAX], left[PATH_MAX];
    if (check(figure, format, &r.format, err) != 0 || open_folder(&r, err) != 0)
        return -1;
    snprintf(r.partial, sizeof r.partial, "%s.%ld.part", figure->name, (long)getpid());
    remove_left_over(&r);
    int status = write_inputs(&r, err);
    if (status == 0)
        status = draw(&r, output, err);
    if (status == 0)
        status = move_files(&r, output, err);
    const char *const endings[] = {r.format->name, "pdf"};
    for (size_t i = 0; i < 2; i++) {
        char ending[8];
        Error ignored = ERROR_NONE;
        snprintf(ending, sizeof ending, ".%s", endings[i]);
        if (path(left, &r, r.partial, ending, &ignored) == 0)
            unlink(left);
    }
    return status;
}
