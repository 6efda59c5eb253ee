/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/cli_figures.c: `vae-lab figures FILE.lua`: draws a script's figures from the database alone, and records what was drawn.
 */
#include "bind/script.h"
#include "cli/cli.h"
#include "cli/commands.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "num/isa.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char cli_figures_help[] =
    "  --set key=value   draw the latest sweep that was run with this setting; may be repeated\n"
    "  --sweep N         draw that sweep (default: the latest of the experiment)\n"
    "  --db FILE         the database (VAE_LAB_DB; default: results/results.db)\n"
    "  --out DIR         where to (default: results/figures/NAME)\n"
    "  --format LIST     of pdf, png, svg, tex (default: pdf,png)\n"
    "\n"
    "Each file that was written is printed; its gnuplot script and its data lie beside it.\n"
    "\n"
    "  vae-lab figures experiments/kl_ablation.lua --format pdf,tex --out paper/figures\n";

enum { SETS = 64, FORMATS = 4 };

static const char *const known_formats[FORMATS] = {"pdf", "png", "svg", "tex"};

typedef struct Request {
    const char *file, *database, *out, *format;
    const char *set[SETS];
    size_t nset;
    long sweep;                         /* 0: the latest */
    const char *formats[FORMATS + 1];   /* NULL-ended */
} Request;

/* ---- the command line ---- */

/* "pdf,png" */
static int read_formats(Request *r, Error *err)
{
    const char *list = r->format != NULL ? r->format : "pdf,png";
    size_t count = 0;
    for (const char *word = list; *word != '\0';) {
        size_t length = strcspn(word, ","), k = 0;
        while (k < FORMATS && (strlen(known_formats[k]) != length || strncmp(known_formats[k], word, length) != 0))
            k++;
        if (k == FORMATS) {
            char found[64];
            snprintf(found, sizeof found, "%.*s", (int)length, word);
            error_set(err, ERR_USAGE, "unknown figure format '%s'", found);
            error_expected(err, "some of pdf, png, svg, tex, with commas between");
            const char *near = text_nearest(found, known_formats, FORMATS);
            return near == NULL ? -1 : error_hint(err, "did you mean %s?", near);
        }
        size_t seen = 0;
        while (seen < count && r->formats[seen] != known_formats[k])
            seen++;
        if (seen == count)
            r->formats[count++] = known_formats[k];
        word += length + (word[length] == ',');
    }
    if (count == 0) {
        error_set(err, ERR_USAGE, "--format names no format");
        return error_expected(err, "some of pdf, png, svg, tex, with commas between");
    }
    return 0;
}

static int read_request(Request *r, int argc, char **argv, Error *err)
{
    const char *db = NULL;
    const CliOption options[] = {
        {.name = "--set", .list = r->set, .list_count = &r->nset, .list_max = SETS},
        {.name = "--sweep", .number = &r->sweep, .least = 1},
        {.name = "--db", .text = &db},
        {.name = "--out,-o", .text = &r->out},
        {.name = "--format", .text = &r->format},
    };
    int operands = 0;
    if (cli_parse(argc, argv, options, sizeof options / sizeof options[0], &operands, err) != 0)
        return -1;
    if (operands != 1) {
        error_set(err, ERR_USAGE, operands == 0 ? "the figures of which experiment?" : "one experiment at a time");
        error_expected(err, "vae-lab figures FILE.lua");
        return error_hint(err, "for example: vae-lab figures experiments/kl_ablation.lua");
    }
    r->file = argv[1];
    r->database = cli_database(db);
    return read_formats(r, err);
}

/* ---- which sweep ---- */

typedef struct Sweep {
    int64_t id;
    int64_t runs, done;
} Sweep;

static int take_sweep(void *context, int columns, const char *const *names, const StoreValue *values)
{
    Sweep *s = context;
    (void)columns;
    (void)names;
    s->id = values[0].integer;
    s->runs = values[1].integer;
    s->done = values[2].integer;
    return 0;
}

/* No sweep fits: says which command would make one. */
static int no_sweep(const Request *r, const char *name, Error *err)
{
    Text command = {0};
    text_addf(&command, "vae-lab run %s", r->file);
    for (size_t i = 0; i < r->nset; i++)
        text_addf(&command, " --set %s", r->set[i]);
    if (r->sweep > 0)
        error_set(err, ERR_STORE, "experiment %s has no sweep %ld", name, r->sweep);
    else
        error_set(err, ERR_STORE, r->nset > 0 ? "no sweep of experiment %s was run with these settings"
                                              : "experiment %s was not run yet", name);
    error_where(err, "%s", r->database);
    error_hint(err, "run it first:  %s", text_string(&command));
    text_free(&command);
    return -1;
}

/* The latest sweep of the experiment whose settings include the pairs of --set. */
static int find_sweep(const Request *r, Store *store, const char *name, Sweep *sweep, Error *err)
{
    StoreValue args[1 + 2 * SETS];
    char key[SETS][256];
    size_t nargs = 0;
    Text sql = {0};
    text_add(&sql, "SELECT s.id, (SELECT count(*) FROM sweep_run x WHERE x.sweep = s.id), "
                   "(SELECT count(*) FROM sweep_run x JOIN run r ON r.id = x.run WHERE x.sweep = s.id AND r.status = 'done') "
                   "FROM sweep s JOIN experiment e ON e.id = s.experiment WHERE e.name = ?1");
    args[nargs++] = (StoreValue){.type = STORE_TEXT, .bytes = name, .size = strlen(name)};
    for (size_t i = 0; i < r->nset; i++) {
        size_t length = strcspn(r->set[i], "=");
        const char *value = r->set[i] + length + (r->set[i][length] == '=');
        snprintf(key[i], sizeof key[i], "%.*s", (int)length, r->set[i]);
        text_addf(&sql, " AND EXISTS (SELECT 1 FROM json_each(s.settings) j WHERE j.key = ?%zu AND j.value = ?%zu)", nargs + 1,
                  nargs + 2);
        args[nargs++] = (StoreValue){.type = STORE_TEXT, .bytes = key[i], .size = strlen(key[i])};
        args[nargs++] = (StoreValue){.type = STORE_TEXT, .bytes = value, .size = strlen(value)};
    }
    if (r->sweep > 0)
        text_addf(&sql, " AND s.id = %ld", r->sweep);
    text_add(&sql, " ORDER BY s.id DESC LIMIT 1");
    memset(sweep, 0, sizeof *sweep);
    int status = sql.failed ? error_memory(err, "a query")
                            : store_query(store, text_string(&sql), args, nargs, take_sweep, sweep, err);
    text_free(&sql);
    if (status != 0)
        return -1;
    return sweep->id == 0 ? no_sweep(r, name, err) : 0;
}

/* ---- what was drawn ---- */

typedef struct Drawn {
    const char *experiment;
    int64_t sweep;
    Store *store;      /* for writing; NULL: nothing is recorded */
    size_t files;
} Drawn;

/* SHA-256 of a file; -1 with *err. */
static int digest_file(const char *path, char *text, Error *err)
{
    unsigned char block[65536];
    size_t got;
    Digest d;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        error_set(err, ERR_FILE, "a figure was said to be drawn and is not there");
        error_where(err, "%s", path);
        return error_found(err, "%s", strerror(errno));
    }
    digest_start(&d);
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        digest_bytes(&d, block, got);
    int bad = ferror(file);
    fclose(file);
    digest_end(&d, text);
    if (!bad)
        return 0;
    error_set(err, ERR_FILE, "a figure cannot be read back");
    return error_where(err, "%s", path);
}

static int take_drawn(void *context, const char *name, const char *format, const char *path, Error *err)
{
    Drawn *d = context;
    char digest[DIGEST_TEXT];
    if (digest_file(path, digest, err) != 0)
        return -1;
    printf("%s\n", path);
    fflush(stdout);
    d->files++;
    return d->store == NULL ? 0 : store_figure_put(d->store, d->experiment, d->sweep, name, format, path, digest, err);
}

static void take_note(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "note: %s\n", text);
}

/* ---- the command ---- */

static int draw(const Request *r, BindScript *script, Store *store, const Sweep *sweep, Error *err)
{
    char folder[512];
    Error unwritable = ERROR_NONE;
    const char *name = bind_script_name(script);
    Drawn drawn = {.experiment = name, .sweep = sweep->id};
    if (r->out != NULL)
        snprintf(folder, sizeof folder, "%s", r->out);
    else
        snprintf(folder, sizeof folder, "results/figures/%s", name);
    drawn.store = store_open(r->database, STORE_WRITE, &unwritable);
    if (drawn.store == NULL)
        fprintf(stderr, "note: what is drawn is not recorded: %s\n", unwritable.what);
    const BindFigures figures = {
        .sweep = sweep->id, .folder = folder, .formats = r->formats, .drawn = take_drawn, .note = take_note, .context = &drawn,
    };
    int status = bind_script_figures(script, store, &figures, err);
    if (status == 0 && drawn.files == 0) {
        status = error_set(err, ERR_FILE, "no figure could be drawn from sweep %lld", (long long)sweep->id);
        error_hint(err, "the notes above say why");
    }
    store_close(drawn.store);
    return status;
}

static int check_sweep(const Request *r, const Sweep *sweep, const char *name, Error *err)
{
    if (sweep->done == 0) {
        error_set(err, ERR_STORE, "no run of sweep %lld of experiment %s is finished", (long long)sweep->id, name);
        error_where(err, "%s", r->database);
        error_found(err, "%lld runs, none done", (long long)sweep->runs);
        return error_hint(err, "go on with it:  vae-lab run %s", r->file);
    }
    if (sweep->done < sweep->runs)
        fprintf(stderr, "note: %lld of the %lld runs of sweep %lld are not finished; the figures show those that are\n",
                (long long)(sweep->runs - sweep->done), (long long)sweep->runs, (long long)sweep->id);
    return 0;
}

/* A missing database is the same as an experiment that was never run. */
static Store *open_database(const Request *r, const char *name, Error *err)
{
    if (access(r->database, F_OK) == 0)
        return store_open(r->database, STORE_READ, err);
    no_sweep(r, name, err);
    error_found(err, "no database");
    return NULL;
}

int cli_figures(int argc, char **argv, Error *err)
{
    Request r = {0};
    Sweep sweep;
    Store *store = NULL;
    if (read_request(&r, argc, argv, err) != 0 || num_isa_choose(NULL, err) != 0)
        return -1;
    const BindSettings settings = {.set = r.set, .nset = r.nset};
    BindScript *script = bind_script_load(r.file, &settings, err);
    int status = script == NULL ? -1 : 0;
    if (status == 0 && bind_script_figure_count(script) == 0) {
        status = error_set(err, ERR_SCRIPT, "the experiment has no figures");
        error_where(err, "%s", r.file);
        error_hint(err, "add figures = { lab.fig.curves() } to its table");
    }
    if (status == 0)
        status = (store = open_database(&r, bind_script_name(script), err)) == NULL ? -1 : 0;
    if (status == 0)
        status = find_sweep(&r, store, bind_script_name(script), &sweep, err);
    if (status == 0)
        status = check_sweep(&r, &sweep, bind_script_name(script), err);
    if (status == 0)
        status = draw(&r, script, store, &sweep, err);
    store_close(store);
    bind_script_free(script);
    return status;
}
