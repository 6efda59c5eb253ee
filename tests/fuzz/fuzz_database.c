/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/fuzz/fuzz_database.c: a hostile results.db: pages changed, exchanged or cut, hostile statements run on it before.  Every
 * reader and command, and the writers of a run, end with a result or an error of the database; readers leave the file as it
 * was, to the byte.  The input: one byte, what is done; then changes, each a kind and its bytes.
 *
 * libFuzzer: -max_len=160 -detect_leaks=0 -timeout=60
 */
#include "fuzz/database.h"

#include "base/mem.h"
#include "cli/cli.h"
#include "infer/infer.h"
#include "lab/plan.h"
#include "store/read.h"

enum { PAGE = 4096, PAGES_MAX = 160 };
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { ONE_PART = 1 };
#else
enum { ONE_PART = 0 };
#endif

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* The input while it is used; zeros after its end. */
typedef struct Bytes {
    const uint8_t *at;
    size_t left;
} Bytes;

static unsigned next(Bytes *b)
{
    return b->left == 0 ? 0 : (b->left--, *b->at++);
}

static char path[300];
static uint8_t *image;
static size_t image_size;

/* What somebody else may have done to the file with SQLite's shell. */
static const char *const hostile[] = {
    "CREATE TRIGGER t AFTER INSERT ON metric BEGIN DELETE FROM artifact; END",
    "CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM metric; END",
    "CREATE TRIGGER t BEFORE INSERT ON checkpoint BEGIN SELECT raise(IGNORE); END",
    "DROP VIEW runs; CREATE VIEW runs AS SELECT 1 AS id",
    "DROP VIEW runs; CREATE TABLE runs (id, experiment, label)",
    "DROP VIEW details; CREATE VIEW details AS SELECT load_extension('x') AS id",
    "DROP TABLE param; CREATE TABLE param (a)",
    "DROP TABLE metric",
    "ALTER TABLE run ADD COLUMN extra",
    "ALTER TABLE run RENAME COLUMN graph TO g",
    "UPDATE run SET graph = x'00', plan = '{'",
    "UPDATE run SET plan = '[[[[', seed = -1",
    "UPDATE run SET id = 9223372036854775807 WHERE id = 2",
    "UPDATE run SET status = 'running', host = 'x', process = -1",
    "UPDATE artifact SET bytes = zeroblob(41), meta = x'ff'",
    "UPDATE artifact SET bytes = NULL",
    "UPDATE metric SET step = -9223372036854775808",
    "UPDATE experiment SET name = 'a' || char(27) || '[2J' || char(10)",
    "UPDATE experiment SET name = CAST(zeroblob(300) AS TEXT)",
    "DELETE FROM experiment",
    "DELETE FROM sweep_run",
    "UPDATE environment SET name = name || char(0) || 'x'",
    "UPDATE claim SET low = 9, high = 1, value = NULL, verdict = 'MAYBE'",
    "PRAGMA user_version = 3",
    "PRAGMA user_version = 2147483647",
    "PRAGMA user_version = -1",
    "PRAGMA application_id = 0",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE run (x)' WHERE name = 'run'",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '')",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE type = 'index'",
    "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('view', 'v', 'v', 0, 'CREATE VIEW v AS SELECT')",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA encoding = 'UTF-16'; VACUUM",
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

static void make_image(void)
{
    if (image == NULL) {
        fuzz_make_database(path);
        image = fuzz_read(path, &image_size);
        FUZZ_CHECK(image_size % PAGE == 0 && image_size / PAGE <= PAGES_MAX);
    }
}

static void write_image(const uint8_t *bytes, size_t size)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    char other[320];
    for (int i = 0; i < 3; i++) {
        snprintf(other, sizeof other, "%s%s", path, beside[i]);
        unlink(other);
    }
    unlink(path);
    fuzz_write(path, "results.db", bytes, size);
}

static void run_hostile(const char *sql)
{
    sqlite3 *db;
    FUZZ_CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
}

/* [OUT] what is in the file, to be freed with free(). */
static uint8_t *make_hostile(Bytes *b, size_t *size)
{
    uint8_t *bytes = malloc(image_size);
    unsigned statement = 0;
    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, image, image_size);
    *size = image_size;
    while (b->left >= 4) {
        unsigned kind = next(b), page = next(b) % (unsigned)(image_size / PAGE), n = next(b);
        uint8_t *at = bytes + (size_t)page * PAGE;
        switch (kind % 5) {
        case 0: /* the page's header and its first cell pointers */
            at[(page == 0 ? 100 : 0) + n % 24] = (uint8_t)next(b);
            break;
        case 1: /* anywhere */
            at[(n | next(b) << 8) % PAGE] ^= (uint8_t)next(b);
            break;
        case 2: /* another page's content */
            memcpy(at, bytes + (size_t)(n % (image_size / PAGE)) * PAGE, PAGE);
            break;
        case 3: /* cut */
            if (page > 0)
                *size = (size_t)page * PAGE + (n % 2 == 0 ? 0 : n);
            break;
        default: statement = n % HOSTILE + 1;
        }
    }
    write_image(bytes, *size);
    free(bytes);
    if (statement > 0)
        run_hostile(hostile[statement - 1]);
    return fuzz_read(path, size);
}

/* ---- what is done with it ---------------------------------------------------------------------------------------- */

/* Every error says something and belongs to the database. */
static void expect(int status, const Error *err)
{
    if (status == 0)
        return;
    fuzz_check_error(err);
    FUZZ_CHECK(err->kind == ERR_STORE || err->kind == ERR_MEMORY || err->kind == ERR_USAGE);
}

static int take_row(void *context, int columns, const char *const *names, const StoreValue *values)
{
    (void)context;
    for (int i = 0; i < columns; i++)
        FUZZ_CHECK(names[i] != NULL && (values[i].type < STORE_TEXT || values[i].bytes != NULL));
    return 0;
}

static int take_verdict(void *context, const char *experiment, const StoreVerdict *v)
{
    (void)context;
    FUZZ_CHECK(experiment != NULL && v->claim != NULL && v->quantity != NULL && v->verdict != NULL);
    return 0;
}

static int take_configuration(void *context, const StoreConfiguration *c)
{
    Store *s = context;
    Error err = ERROR_NONE;
    expect(store_configuration_values(s, c, take_row, NULL, &err), &err);
    expect(store_configuration_differences(s, &c, 1, take_row, NULL, &err), &err);
    return 0;
}

static void read_run(Store *s, int64_t run)
{
    Error err = ERROR_NONE;
    char *graph = NULL, status[STORE_STATUS], message[64];
    int64_t epoch;
    for (int part = 0; part < STORE_RUN_PARTS; part++)
        expect(store_run_read(s, run, (StoreRunPart)part, take_row, NULL, &err), &err);
    expect(store_run_graph(s, run, &graph, &err), &err);
    mem_free(graph);
    expect(store_run_status(s, run, status, message, sizeof message, &err), &err);
    expect(store_run_last_epoch(s, run, &epoch, &err), &err);
    InferModel *model = infer_model_open(s, run, &err);
    expect(model == NULL, &err);
    infer_model_free(model);
}

static void read_lists(Store *s)
{
    Error err = ERROR_NONE;
    StoreRunFilter filter = {.all_columns = 1};
    StoreContents contents;
    char nearest[STORE_NAME];
    expect(store_runs_read(s, &filter, take_row, NULL, &err), &err);
    expect(store_nearest_name(s, "fuz", 0, nearest, &err), &err);
    expect(store_contents(s, &contents, &err), &err);
}

static void read_sweeps(Store *s)
{
    Error err = ERROR_NONE;
    StoreSweep sweep;
    expect(store_sweep_find(s, "fuzz", 0, NULL, 0, &sweep, &err), &err);
    expect(store_sweep_runs(s, 1, "fuzz", take_row, NULL, &err), &err);
    expect(store_sweep_results(s, 1, take_row, NULL, &err), &err);
    expect(store_sweep_verdicts(s, 1, take_verdict, NULL, &err), &err);
}

static void read_claims(Store *s)
{
    Error err = ERROR_NONE;
    StoreBand band;
    expect(store_claims(s, NULL, take_verdict, NULL, &err), &err);
    expect(store_expected(s, "fuzz", "beta=0.5", "test/kl", &band, &err), &err);
    expect(store_configurations(s, NULL, take_configuration, s, &err), &err);
}

static void read_runs(Store *s)
{
    read_run(s, 1);
    read_run(s, 2);
}

/* All; the fuzzer, which tries many inputs, one part with each. */
static void read_some(Store *s, unsigned which)
{
    static void (*const part[])(Store *) = {read_runs, read_lists, read_sweeps, read_claims};
    enum { PARTS = sizeof part / sizeof part[0] };
    for (unsigned i = 0; i < PARTS; i++)
        if (!ONE_PART || i == which % PARTS)
            part[i](s);
}

static void write_some(Store *s)
{
    Error err = ERROR_NONE;
    StoreClaim claim;
    StoreMetric metric = {"train/elbo", 4, -96, NULL};
    int64_t run = 0;
    int count;
    expect(store_reap(s, &count, &err), &err);
    int status = store_run_find(s, "no such identity", &run, &claim, &err);
    expect(status, &err);
    expect(store_run_record(s, 1, &metric, 1, NULL, &err), &err);
    expect(store_artifact_put(s, 1, "originals", "float32", NULL, "abcd", 4, &err), &err);
    expect(store_run_finish(s, 1, "interrupted", "why", 1, NULL, NULL, 0, NULL, &err), &err);
}

static void command(const char *const *words, int count)
{
    char *argv[8] = {(char *)(uintptr_t)"vae-lab"};
    for (int i = 0; i < count; i++)
        argv[i + 1] = (char *)(uintptr_t)words[i];
    int nothing = open("/dev/null", O_WRONLY), out = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
    fflush(stdout);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    memset(&cli_shared, 0, sizeof cli_shared);
    int code = cli_main(count + 1, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    close(nothing), close(out), close(error);
    FUZZ_CHECK(code == 0 || code == 2 || code == 4);
}

static void run_command(unsigned which)
{
    static const char *const list[][3] = {
        {"runs", NULL}, {"runs", "--json"}, {"show", "1"}, {"show", "2"}, {"compare", NULL}, {"compare", "fuzz"},
        {"claims", NULL}, {"claims", "--json"}, {"sql", "SELECT * FROM summary"}, {"runs", "--csv"},
    };
    const char *const *c = list[which % (sizeof list / sizeof list[0])];
    const char *words[5] = {c[0], "--db", path, c[1]};
    command(words, c[1] == NULL ? 3 : 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Bytes b = {data, size};
    size_t before_size, after_size;
    Error err = ERROR_NONE;
    make_image();
    setenv("VAE_LAB_DB_TIMEOUT", "0", 1);
    unsigned what = next(&b);
    uint8_t *before = make_hostile(&b, &before_size);
    if (what % 4 == 0) {
        run_command(what / 4);
    } else {
        Store *s = store_open(path, what % 4 == 1 ? STORE_WRITE : STORE_READ, &err);
        expect(s == NULL, &err);
        if (s != NULL && what % 4 == 1)
            write_some(s);
        if (s != NULL)
            read_some(s, what / 4);
        store_close(s);
    }
    if (what % 4 != 1) {
        uint8_t *after = fuzz_read(path, &after_size);
        FUZZ_CHECK(after_size == before_size && memcmp(before, after, after_size) == 0);
        free(after);
    }
    free(before);
    return 0;
}
