/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * cli/receipt.c: receipts: made from a recorded run, read, compared.
 */
#include "cli/receipt.h"

#include "base/digest.h"
#include "base/mem.h"
#include "data/data.h"
#include "store/read.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char title[] = "vae-lab receipt 1";

/* The keys in their order.  A module has a line of its own. */
enum { MODULE = 4 };
static const char *const keys[] = {
    "experiment", "label", "script", "script sha256", "module", "settings", "seed", "generator", "data", "data options",
    "data sha256", "arithmetic", "graph sha256", "plan sha256", "identity", "epochs", "weights sha256", "test elbo",
    "vae-lab",
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* A receipt may come from a stranger, whose text must not control a terminal. */
static int is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- from a recorded run ----------------------------------------------------------------------------------------- */

/* Adds "key: value".  A line break in a value would be another line, and other control characters are refused; blanks at
 * its ends do not survive a page. */
static void add_line(Text *t, const char *key, const char *value)
{
    static const char blank[] = " \t\r\n";
    const char *from = value + strspn(value, blank);
    size_t length = strlen(from);
    while (length > 0 && strchr(blank, from[length - 1]) != NULL)
        length--;
    text_addf(t, "%s: ", key);
    for (size_t i = 0; i < length; i++)
        text_add_bytes(t, is_control(from[i]) ? " " : from + i, 1);
    text_add(t, "\n");
}

static void add_digest(Text *t, const char *key, const char *text)
{
    char digest[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    digest_bytes(&d, text, strlen(text));
    digest_end(&d, digest);
    add_line(t, key, digest);
}

/* The member of a plan's JSON as text; `standard` where there is none. */
static void add_plan_member(Text *t, const char *key, const json_t *plan, const char *member, const char *standard)
{
    char number[32];
    const json_t *value = json_object_get(plan, member);
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    add_line(t, key, json_is_integer(value) ? number : json_is_string(value) ? json_string_value(value) : standard);
}

typedef struct ModuleLines {
    Text *text;
    size_t folder; /* length of the script's folder */
} ModuleLines;

/* role, path, bytes, digest */
static int add_module(void *context, int columns, const char *const *names, const StoreValue *v)
{
    const ModuleLines *m = context;
    const char *path = v[1].bytes;
    Text value = {0};
    (void)columns, (void)names;
    if (strcmp(v[0].bytes, "module") != 0)
        return 0;
    text_addf(&value, "%s %s", strlen(path) > m->folder ? path + m->folder : path, store_text_of(&v[3]));
    add_line(m->text, "module", text_string(&value));
    m->text->failed |= value.failed;
    text_free(&value);
    return 0;
}

static int add_run(Text *t, Store *s, int64_t run, const StoreRecordedRun *r, const json_t *plan, Error *err)
{
    char seed[32];
    Text elbo = {0};
    ModuleLines modules = {t, (size_t)(base_name(r->script) - r->script)};
    snprintf(seed, sizeof seed, "%" PRIu64, r->seed);
    text_add_number(&elbo, r->test_elbo);
    add_line(t, "experiment", r->experiment);
    add_line(t, "label", r->label);
    add_line(t, "script", base_name(r->script));
    add_line(t, "script sha256", r->script_digest[0] != '\0' ? r->script_digest : CLI_NOT_RECORDED);
    if (store_run_read(s, run, STORE_RUN_SOURCES, add_module, &modules, err) != 0)
        return -1;
    add_line(t, "settings", r->settings[0] != '\0' ? r->settings : "{}");
    add_line(t, "seed", seed);
    add_plan_member(t, "generator", plan, "rng", "philox4x32");
    add_line(t, "data", r->data);
    add_line(t, "data options", r->data_options[0] != '\0' ? r->data_options : CLI_NOT_RECORDED);
    add_line(t, "data sha256", r->data_digest);
    add_line(t, "arithmetic", r->arithmetic);
    add_digest(t, "graph sha256", r->graph);
    add_digest(t, "plan sha256", r->plan);
    add_line(t, "identity", r->identity);
    add_plan_member(t, "epochs", plan, "epochs", "");
    add_line(t, "weights sha256", r->digest);
    add_line(t, "test elbo", isnan(r->test_elbo) ? "none" : text_string(&elbo));
    add_line(t, "vae-lab", VAE_LAB_VERSION);
    t->failed |= elbo.failed;
    text_free(&elbo);
    return t->failed ? error_memory(err, "a receipt") : 0;
}

static int check_finished(const StoreRecordedRun *r, int64_t run, Error *err)
{
    if (strcmp(r->status, "done") == 0 && r->imported[0] == '\0')
        return 0;
    error_set(err, ERR_RUN, "a receipt is of a run that was trained to its end");
    error_where(err, "run %" PRId64, run);
    return error_found(err, "%s%.200s", r->imported[0] != '\0' ? "imported weights: " : "status ",
                       r->imported[0] != '\0' ? r->imported : r->status);
}

static void add_checksum(Text *t)
{
    char digest[DIGEST_TEXT];
    Digest d;
    digest_start(&d);
    digest_bytes(&d, text_string(t), t->length);
    digest_end(&d, digest);
    text_addf(t, "checksum: %.8s\n", digest);
}

/* Without its plan a run has no epochs, and seems to have the default generator. */
static int no_plan(int64_t run, const json_error_t *bad, Error *err)
{
    error_set(err, ERR_STORE, "a run's training plan cannot be read");
    error_where(err, "run %" PRId64, run);
    return error_found(err, "%s", bad->text[0] != '\0' ? bad->text : "out of memory");
}

int cli_receipt_of(CliReceipt *r, Store *s, int64_t run, Error *err)
{
    StoreRecordedRun recorded;
    Text t = {0};
    *r = (CliReceipt){.count = 0};
    int status = store_recorded_run(s, run, &recorded, err);
    if (status == 0)
        status = check_finished(&recorded, run, err);
    if (status == 0) {
        json_error_t bad = {0};
        json_t *plan = json_loads(recorded.plan, 0, &bad);
        text_addf(&t, "%s\n", title);
        status = plan == NULL ? no_plan(run, &bad, err) : add_run(&t, s, run, &recorded, plan, err);
        json_decref(plan);
    }
    store_recorded_run_free(&recorded);
    add_checksum(&t);
    if (status == 0)
        status = t.failed ? error_memory(err, "a receipt") : cli_receipt_read(r, text_string(&t), "the database", err);
    text_free(&t);
    return status;
}

/* ---- from a text ------------------------------------------------------------------------------------------------- */

/* A line as what was found: with a question mark for each control character. */
static void found_line(const char *line, Error *err)
{
    error_found(err, "%.200s", line == NULL ? "the end of the file" : line);
    for (char *c = err->found; *c != '\0'; c++)
        *c = is_control(*c) ? '?' : *c;
}

static int malformed(const char *path, size_t number, const char *line, const char *expected, Error *err)
{
    error_set(err, ERR_FILE, "this is not a complete receipt");
    error_where(err, "%.180s, line %zu", path, number);
    found_line(line, err);
    error_expected(err, "%s", expected);
    return error_hint(err, "vae-lab receipt RUN prints a receipt; copy it from its first line to its checksum");
}

/* Splits off the next line that is not empty, without blanks at its end; NULL at the end.  *number counts all lines. */
static char *next_line(char **at, size_t *number)
{
    while (**at != '\0') {
        char *line = *at;
        size_t length = strcspn(line, "\n");
        *at += length + (line[length] == '\n');
        ++*number;
        while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
            length--;
        line[length] = '\0';
        if (length > 0)
            return line;
    }
    return NULL;
}

/* 64 hexadecimal digits, or that there are none. */
static int is_digest(const char *value)
{
    return strcmp(value, CLI_NOT_RECORDED) == 0 || (strlen(value) == 64 && strspn(value, "0123456789abcdef") == 64);
}

/* The value of "key: value", and the key ended; NULL for another form. */
static char *split(char *line, const char *key)
{
    size_t n = strlen(key);
    if (strncmp(line, key, n) != 0 || line[n] != ':')
        return NULL;
    char *value = line + n + 1;
    value += strspn(value, " ");
    for (const char *c = value; *c != '\0'; c++)
        if (is_control(*c))
            return NULL;
    int digest = ends_with(key, "sha256") || strcmp(key, "identity") == 0;
    if (digest && !is_digest(value))
        return NULL;
    line[n] = '\0';
    return value;
}

static int read_lines(CliReceipt *r, char *at, const char *path, Text *text, size_t *number, char **end, Error *err)
{
    char expected[96];
    char *line = next_line(&at, number);
    if (line == NULL || strcmp(line, title) != 0)
        return malformed(path, *number + (line == NULL), line, title, err);
    text_addf(text, "%s\n", title);
    line = next_line(&at, number);
    for (size_t key = 0; key < KEYS;) {
        char *value = line == NULL ? NULL : split(line, keys[key]);
        if (value == NULL && key == MODULE) { /* the last module was before */
            key++;
            continue;
        }
        int digest = ends_with(keys[key], "sha256") || strcmp(keys[key], "identity") == 0;
        snprintf(expected, sizeof expected, "%s: %s", keys[key], digest ? "64 hexadecimal digits" : "…");
        if (value == NULL || r->count == CLI_RECEIPT_LINES)
            return malformed(path, *number + (line == NULL), line, expected, err);
        r->line[r->count].key = keys[key];
        r->line[r->count++].value = value;
        text_addf(text, "%s: %s\n", keys[key], value);
        key += key != MODULE;
        line = next_line(&at, number);
    }
    *end = line;
    return 0;
}

static int check_sum(const Text *lines, const char *line, const char *path, size_t number, Error *err)
{
    Text whole = {0};
    text_add(&whole, text_string(lines));
    add_checksum(&whole);
    size_t length = strlen("checksum: ") + 8;
    int status = whole.failed ? error_memory(err, "a receipt") : 0;
    if (status == 0 && (line == NULL || strncmp(line, "checksum: ", 10) != 0)) {
        status = malformed(path, number + (line == NULL), line, "checksum: 8 hexadecimal digits", err);
    } else if (status == 0 &&
               (strlen(line) != length || memcmp(line, text_string(&whole) + lines->length, length) != 0)) {
        error_set(err, ERR_FILE, "the receipt was changed, or copied with a mistake: its checksum does not fit its lines");
        error_where(err, "%.180s, line %zu", path, number);
        found_line(line, err);
        status = error_expected(err, "%.18s", text_string(&whole) + lines->length);
    }
    text_free(&whole);
    return status;
}

int cli_receipt_read(CliReceipt *r, const char *text, const char *path, Error *err)
{
    Text lines = {0};
    size_t number = 0;
    char *end = NULL;
    *r = (CliReceipt){.text = mem_string(text)};
    int status = r->text == NULL ? error_memory(err, "a receipt")
                                 : read_lines(r, r->text, path, &lines, &number, &end, err);
    if (status == 0)
        status = check_sum(&lines, end, path, number, err);
    text_free(&lines);
    return status;
}

void cli_receipt_free(CliReceipt *r)
{
    mem_free(r->text);
    *r = (CliReceipt){.count = 0};
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

void cli_receipt_text(const CliReceipt *r, Text *t)
{
    text_addf(t, "%s\n", title);
    for (size_t i = 0; i < r->count; i++)
        text_addf(t, "%s: %s\n", r->line[i].key, r->line[i].value);
    add_checksum(t);
}

const char *cli_receipt_get(const CliReceipt *r, const char *key)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->line[i].key, key) == 0)
            return r->line[i].value;
    return "";
}

size_t cli_receipt_difference(const CliReceipt *claimed, const CliReceipt *found)
{
    int texts = strcmp(cli_receipt_get(claimed, "script sha256"), CLI_NOT_RECORDED) != 0;
    for (size_t i = 0, j = 0; i < claimed->count; i++, j++) {
        const char *key = claimed->line[i].key;
        while (!texts && j < found->count && strcmp(found->line[j].key, "module") == 0)
            j++; /* an earlier version recorded none */
        if (j >= found->count || strcmp(found->line[j].key, key) != 0)
            return i;
        if (strcmp(claimed->line[i].value, found->line[j].value) == 0 || strcmp(key, "vae-lab") == 0 ||
            (!texts && strcmp(key, "script sha256") == 0) || strcmp(claimed->line[i].value, CLI_NOT_RECORDED) == 0)
            continue;
        return i;
    }
    return SIZE_MAX;
}
