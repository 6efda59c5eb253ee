/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/commands.c: carries out the commands of vae-lab with a fault, and judges what came of it.
 */
#include "commands.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN "run", "short.lua", "--jobs", "1", "--threads", "1", "--quiet"
#define SET "freyfaces" /* the smallest published set */
#define SET_FILE "freyfaces-images-idx3-ubyte.gz"

const Command commands[] = {
    {"runs", COMMAND_READS, START_DONE, {"runs"}, 0, 0},
    {"runs --json, after a kill", COMMAND_READS, START_KILLED, {"runs", "--json"}, 0, 0},
    {"runs, older database", COMMAND_READS, START_OLD, {"runs", "--csv"}, 0, 0},
    {"show", COMMAND_READS, START_DONE, {"show", "1"}, 0, 0},
    {"compare", COMMAND_READS, START_DONE, {"compare"}, 0, 0},
    {"claims", COMMAND_READS, START_DONE, {"claims"}, 0, 0},
    {"sql", COMMAND_READS, START_DONE, {"sql", "select * from curves where metric not like 'time/%'"}, 0, 0},
    {"sql --csv", COMMAND_READS, START_KILLED, {"sql", "--csv", "select * from summary"}, 0, 0},
    {"data list", COMMAND_READS, START_DONE, {"data", "list"}, 0, 0},
    {"data show", COMMAND_READS, START_DONE, {"data", "show", "digits"}, 0, 0},
    {"doctor", COMMAND_READS, START_DONE, {"doctor"}, 1, 0},
    {"run --dry-run", COMMAND_READS, START_DONE, {"run", "short.lua", "--dry-run", "--calibrate", "0"}, 0, 0},
    {"figures", COMMAND_DRAWS, START_DONE, {"figures", "short.lua", "--out", "figures", "--format", "svg"}, 0, 0},
    {"receipt", COMMAND_READS, START_DONE, {"receipt", "1"}, 0, 0},
    {"verify", COMMAND_READS, START_DONE, {"verify", "a.receipt", "--threads", "1", "--quiet"}, 0, 0},
    {"export", COMMAND_WRITES, START_DONE, {"export", "1", "-o", "written.npz"}, 0, 0},
    {"reproduce", COMMAND_READS, START_DONE,
     {"reproduce", "2", "--jobs", "1", "--threads", "1", "--csv", "--quiet"}, 0, 0},
    {"import", COMMAND_RUNS, START_DONE, {"import", "weights.npz", "short.lua", "--set", "beta=1", "--quiet"}, 0, 0},
    {"gc", COMMAND_DROPS, START_DONE, {"gc", "--artifacts", "--yes"}, 0, 0},
    {"release", COMMAND_FREES, START_HELD, {"release", "2"}, 1, 0},
    {"data fetch", COMMAND_COPIES, START_DONE,
     {"data", "fetch", SET, "--data-dir", "data", "--from", "SERVER/ok"}, 0, 0},
    {"data fetch, another file", COMMAND_COPIES, START_DONE,
     {"data", "fetch", SET, "--data-dir", "data", "--from", "SERVER/wrong"}, 0, 5},
    {"data import", COMMAND_COPIES, START_DONE, {"data", "import", "from", SET, "--data-dir", "data"}, 0, 0},
    {"run, first creation", COMMAND_RUNS, START_NONE, {RUN}, 0, 0},
    {"run, resuming", COMMAND_RUNS, START_HALF, {RUN}, 0, 0},
    {"run --json, resuming", COMMAND_RUNS, START_HALF, {RUN, "--json"}, 0, 0},
    {"run, nothing left to run", COMMAND_RUNS, START_DONE, {RUN}, 0, 0},
    {"run, older database", COMMAND_RUNS, START_OLD, {RUN}, 0, 0},
    {"merge, first creation", COMMAND_RUNS, START_NONE, {"merge", "results.db", "part.db"}, 0, 0},
    {"merge, completing", COMMAND_RUNS, START_HALF, {"merge", "results.db", "part.db"}, 0, 0},
};
const size_t command_count = sizeof commands / sizeof commands[0];

enum { STARTS = START_NONE, SECONDS = 60 };

static char folder[200];            /* of the trials */
static char start_path[STARTS][200];
static Text start_rows[STARTS];     /* the recorded rows of each start */
static struct {
    Text results;                   /* of a command that changes the database */
    char *out;                      /* standard output without a fault */
    size_t out_size;
    char *file;                     /* the figure, or the written file */
    size_t file_size;
} expected[64];
static int is_chosen[64]; /* commands */
static FILE *server;      /* tests/e2e/server.py */
static int port;          /* of the server; 0: there is none */
static char *set_file;    /* the published file; NULL: it is not here */
static size_t set_size;
const char *command_tape_variables[2];

const char *commands_folder(void)
{
    return folder;
}

static void path_of(char path[300], const char *name)
{
    snprintf(path, 300, "%s/%s", folder, name);
}

/* What a command writes beside the database. */
static const char *file_of(const Command *c)
{
    return c->kind == COMMAND_DRAWS ? "figures/curves.svg" : "written.npz";
}

/* ---- carrying out ------------------------------------------------------------------------------------------------ */

static void reset(const Command *c)
{
    char path[300];
    CommandStart start = c->start;
    if (c->kind == COMMAND_DRAWS || c->kind == COMMAND_WRITES)
        faults_shell("rm -rf '%s/figures' '%s/written.npz'", folder, folder);
    path_of(path, "data");
    if (access(path, F_OK) == 0)
        faults_shell("rm -rf '%s'", path);
    path_of(path, "results.db");
    if (start == START_NONE) {
        faults_shell("rm -f '%s' '%s-wal' '%s-shm' '%s-journal'", path, path, path, path);
        return;
    }
    faults_copy_database(start_path[start], path);
}

/* out: the file of standard output. */
static FaultsEnd carry_out_to(const Command *c, int with_tape, const char *out)
{
    static char database[320], err[320];
    const char *environment[] = {database, "VAE_LAB_DB_TIMEOUT=3000", with_tape ? command_tape_variables[0] : NULL,
                                 command_tape_variables[1], NULL};
    const char *argv[16] = {faults_program};
    char address[64];
    for (size_t i = 0; c->argv[i] != NULL; i++) {
        argv[i + 1] = c->argv[i];
        if (strncmp(c->argv[i], "SERVER", 6) == 0) {
            snprintf(address, sizeof address, "http://127.0.0.1:%d%s", port, c->argv[i] + 6);
            argv[i + 1] = address;
        }
    }
    snprintf(database, sizeof database, "VAE_LAB_DB=%s/results.db", folder);
    snprintf(err, sizeof err, "%s/err", faults_scratch);
    pid_t pid = faults_spawn(folder, environment, argv, out, err);
    return faults_wait(pid, SECONDS);
}

static FaultsEnd carry_out(const Command *c, int with_tape)
{
    char out[320];
    snprintf(out, sizeof out, "%s/out", faults_scratch);
    return carry_out_to(c, with_tape, out);
}

FaultsEnd command_with_full_output(const Command *c)
{
    reset(c);
    return carry_out_to(c, 0, "/dev/full");
}

FaultsEnd command_carry_out(const Command *c, Tape *tape)
{
    reset(c);
    memset(tape->count, 0, sizeof tape->count);
    tape->hits = 0;
    return carry_out(c, 1);
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

static char *printed(const char *name, size_t *size)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s", faults_scratch, name);
    return faults_read(path, size);
}

static void judge_end(const FaultsEnd *end, const char *fault)
{
    char *err = printed("err", NULL), *out = printed("out", NULL);
    if (end->timed_out)
        faults_lose("%s: still running after %d s", fault, SECONDS);
    else if (end->signal != 0)
        faults_lose("%s: ended by signal %d: %.300s", fault, end->signal, err);
    else if (end->status != 0 && strstr(err, "vae-lab: ") == NULL)
        faults_lose("%s: exit status %d without a message: %.200s%.200s", fault, end->status, err, out);
    else if (strstr(err, "its process was ended by signal") != NULL)
        faults_lose("%s: a worker was ended by a signal: %.600s", fault, err);
    else if (end->status == 127 || end->status > 128)
        faults_lose("%s: exit status %d: %.300s", fault, end->status, err);
    free(err);
    free(out);
}

/* Decodes \xNN and leaves out spaces, in place. */
static void squeeze(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        unsigned byte;
        if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 3;
        } else if (*from != ' ' && *from != '\n') {
            *to++ = *from;
        }
    }
    *to = '\0';
}

/* Without memory for the locale, characters beyond ASCII are printed as their codes, in wider columns. */
static int is_same_in_codes(const char *out, const char *want)
{
    char *a = strdup(out), *b = strdup(want);
    if (a == NULL || b == NULL)
        faults_stop("out of memory");
    squeeze(a);
    squeeze(b);
    int same = strstr(out, "\\x") != NULL && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

static void judge_output(const Command *c, const FaultsEnd *end, const char *fault)
{
    size_t i = (size_t)(c - commands), size;
    if (end->status != c->status || c->varies)
        return;
    char *out = printed("out", &size);
    if ((size != expected[i].out_size || memcmp(out, expected[i].out, size) != 0) &&
        !is_same_in_codes(out, expected[i].out))
        faults_lose("%s: exit status %d, but another output (%zu bytes, expected %zu)", fault, end->status, size,
                    expected[i].out_size);
    free(out);
}

/* Names in the folder of the trials that do not belong there. */
static void judge_names(const char *name, const char *const *allowed, const char *fault)
{
    char path[300];
    path_of(path, name);
    DIR *d = opendir(path);
    struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        size_t i = 0;
        while (allowed[i] != NULL && strcmp(allowed[i], entry->d_name) != 0)
            i++;
        if (allowed[i] == NULL && entry->d_name[0] != '.')
            faults_lose("%s: left the file %s", fault, entry->d_name);
        else if (allowed[i] == NULL && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            faults_lose("%s: left the file %s", fault, entry->d_name);
    }
    if (d != NULL)
        closedir(d);
}

/* The folder of the trials; a journal belongs to a database that could not be closed. */
static const char *const ours[] = {"short.lua", "a.receipt", "weights.npz", "results.db", "results.db-wal",
                                   "results.db-shm", "results.db-journal", "written.npz", "figures", "from", "data",
                                   "part.db", "part.db-wal", "part.db-shm",
                                   NULL};

/* [OUT] t: the results in the folder's database; 0 when there is a whole one, 1 when there is none, -1 when lost. */
static int read_results(Text *t, const char *fault)
{
    char path[300], complaint[400];
    path_of(path, "results.db");
    char *bytes = faults_read(path, NULL);
    int there = bytes != NULL && bytes[0] != '\0';
    free(bytes);
    if (!there)
        return 1;
    if (faults_check_database(path, complaint, sizeof complaint) != 0) {
        faults_lose("%s: %s", fault, complaint);
        return -1;
    }
    if (faults_results(path, t, complaint, sizeof complaint) == 0)
        return 0;
    if (strstr(complaint, "no such table") != NULL || strstr(complaint, "no such column") != NULL)
        return 1; /* before the migration */
    faults_lose("%s: %s", fault, complaint);
    return -1;
}

static void judge_rows_kept(const Command *c, const char *rows, const char *fault)
{
    static const char *const prefixes[] = {"metric", "artifact", "posterior", "evaluation"};
    char line[256];
    size_t n = c->kind == COMMAND_DROPS ? 1 : sizeof prefixes / sizeof prefixes[0];
    if (c->start == START_NONE || c->start == START_OLD)
        return;
    for (size_t i = 0; i < n; i++)
        if (faults_missing_line(text_string(&start_rows[c->start]), rows, prefixes[i], line, sizeof line))
            faults_lose("%s: a recorded row is gone: %s", fault, line);
}

static void judge_results(const Command *c, const char *rows, const char *fault)
{
    const char *want = text_string(&expected[c - commands].results);
    char line[256];
    if (faults_missing_line(want, rows, "", line, sizeof line))
        faults_lose("%s: missing or other in the results: %s", fault, line);
    else if (faults_missing_line(rows, want, "", line, sizeof line))
        faults_lose("%s: unexpected in the results: %s", fault, line);
}

static void judge_run(const Command *c, const FaultsEnd *end, const char *fault)
{
    Text rows = {0};
    judge_names("", ours, fault);
    int found = read_results(&rows, fault);
    int freed = found == 0 && c->kind == COMMAND_FREES &&
                strcmp(text_string(&rows), text_string(&expected[c - commands].results)) == 0;
    if (found == 0)
        judge_rows_kept(c, text_string(&rows), fault);
    if (found == 0 && end->status == 0)
        judge_results(c, text_string(&rows), fault);
    if (found == 1 && end->status == 0)
        faults_lose("%s: exit status 0, and no results", fault);
    text_free(&rows);
    if (end->status == 0 || found < 0 || freed)
        return;
    FaultsEnd again = carry_out(c, 0);
    char what[300];
    snprintf(what, sizeof what, "%s: afterwards, without the fault", fault);
    judge_end(&again, what);
    if (again.status != 0)
        faults_lose("%s: exit status %d", what, again.status);
    else if (read_results(&rows, what) == 0)
        judge_results(c, text_string(&rows), what);
    else
        faults_lose("%s: no results", what);
    judge_names("", ours, what);
    text_free(&rows);
}

/* The figure or the written file is the expected one; after a failure it may be missing. */
static void judge_file(const Command *c, const FaultsEnd *end, const char *fault)
{
    static const char *const figures[] = {"curves.svg", "curves.gp", "curves.points.dat", NULL};
    size_t i = (size_t)(c - commands), size;
    char path[300];
    path_of(path, file_of(c));
    char *file = faults_read(path, &size);
    if (end->status == 0 && file == NULL)
        faults_lose("%s: exit status 0, and no file", fault);
    if (file != NULL && (size != expected[i].file_size || memcmp(file, expected[i].file, size) != 0))
        faults_lose("%s: another file (exit status %d)", fault, end->status);
    judge_names("figures", figures, fault);
    judge_names("", ours, fault);
    free(file);
}

/* The file of the data set, under its name, is whole. */
static int has_set(const char *fault)
{
    char path[300];
    size_t size;
    path_of(path, "data/" SET "/" SET_FILE);
    char *file = faults_read(path, &size);
    int has = file != NULL;
    if (has && (set_file == NULL || size != set_size || memcmp(file, set_file, size) != 0))
        faults_lose("%s: another file of the data set", fault);
    free(file);
    return has;
}

static void judge_copy(const Command *c, const FaultsEnd *end, const char *fault)
{
    static const char *const folders[] = {SET, NULL}, *const files[] = {SET_FILE, NULL},
                             *const parts[] = {SET_FILE, SET_FILE ".part", NULL};
    int fetches = strcmp(c->argv[1], "fetch") == 0;
    judge_names("", ours, fault);
    judge_names("data", folders, fault);
    judge_names("data/" SET, fetches ? parts : files, fault);
    int has = has_set(fault);
    if (end->status == 0 && (!has || c->status != 0))
        faults_lose("%s: exit status 0, and no file", fault);
    if (end->status == c->status)
        return;
    char what[300];
    snprintf(what, sizeof what, "%s: afterwards, without the fault", fault);
    FaultsEnd again = carry_out(c, 0);
    judge_end(&again, what);
    if (again.status != c->status || has_set(what) != (c->status == 0))
        faults_lose("%s: exit status %d", what, again.status);
    judge_names("data/" SET, files, what);
}

/* What a command that only reads leaves: the database with the same rows. */
static void judge_unchanged(const Command *c, const char *fault)
{
    Text rows = {0};
    char complaint[400], path[300];
    path_of(path, "results.db");
    if (faults_check_database(path, complaint, sizeof complaint) != 0)
        faults_lose("%s: %s", fault, complaint);
    else if (c->start != START_OLD && faults_results(path, &rows, complaint, sizeof complaint) != 0)
        faults_lose("%s: %s", fault, complaint);
    else if (c->start != START_OLD && strcmp(text_string(&rows), text_string(&start_rows[c->start])) != 0)
        faults_lose("%s: the recorded results changed", fault);
    text_free(&rows);
}

void command_trial(const Command *c, Tape *tape, const char *fault)
{
    faults_try();
    FaultsEnd end = command_carry_out(c, tape);
    judge_end(&end, fault);
    switch (c->kind) {
    case COMMAND_READS:
        judge_output(c, &end, fault);
        judge_unchanged(c, fault);
        break;
    case COMMAND_DRAWS:
    case COMMAND_WRITES:
        judge_file(c, &end, fault);
        judge_unchanged(c, fault);
        break;
    case COMMAND_RUNS:
    case COMMAND_DROPS:
    case COMMAND_FREES:
        judge_output(c, &end, fault);
        judge_run(c, &end, fault);
        break;
    case COMMAND_COPIES:
    case COMMAND_KINDS:
        judge_output(c, &end, fault);
        judge_copy(c, &end, fault);
        break;
    }
}

/* ---- which calls ------------------------------------------------------------------------------------------------- */

/* Sets bit `flag` of the first call from each place, going through the calls in steps of `step`. */
static void mark_first(const InjectEvent *event, int64_t count, int step, int *mark)
{
    enum { SLOTS = 1 << 19 }; /* of a hash table of places */
    static int64_t slot[SLOTS];
    memset(slot, 0, sizeof slot);
    for (int64_t i = step > 0 ? 0 : count - 1; i >= 0 && i < count; i += step) {
        size_t at = event[i].stack % SLOTS;
        while (slot[at] != 0 && event[slot[at] - 1].stack != event[i].stack)
            at = (at + 1) % SLOTS;
        mark[i] |= slot[at] == 0;
        slot[at] = i + 1;
    }
}

int *commands_choose(const InjectEvent *event, int64_t *count, int64_t every_up_to, long most)
{
    if (*count > INJECT_EVENTS)
        *count = INJECT_EVENTS;
    int *mark = calloc((size_t)*count + 1, sizeof *mark);
    if (mark == NULL)
        faults_stop("out of memory");
    mark_first(event, *count, 1, mark);
    mark_first(event, *count, -1, mark);
    long chosen = 0;
    for (int64_t i = 0; i < *count; i++) {
        mark[i] |= *count <= every_up_to || faults_below((uint64_t)*count) < 200;
        chosen += mark[i];
    }
    for (int64_t i = 0; i < *count; i++) /* leaves a random `most` of the chosen */
        if (mark[i] && (int64_t)faults_below((uint64_t)chosen--) >= most)
            mark[i] = 0;
        else if (mark[i])
            most--;
    return mark;
}

/* ---- preparing --------------------------------------------------------------------------------------------------- */

/* As a kill leaves it: the last transaction is in the log alone. */
static void make_killed(const char *done, const char *killed)
{
    sqlite3 *db;
    char live[220], from[240], to[240];
    snprintf(live, sizeof live, "%s/live.db", faults_scratch);
    faults_copy_database(done, live);
    if (sqlite3_open_v2(live, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode = WAL; UPDATE experiment SET question = question || '?'", NULL, NULL, NULL) != SQLITE_OK)
        faults_stop("cannot prepare %s: %s", killed, sqlite3_errmsg(db));
    snprintf(from, sizeof from, "%s-wal", live);
    snprintf(to, sizeof to, "%s-wal", killed);
    faults_copy(live, killed);
    faults_copy(from, to);
    sqlite3_close(db);
}

/* The second run stopped after its first epoch, with the statuses that a killed process leaves. */
static void make_half(const char *done, const char *half)
{
    faults_copy_database(done, half);
    faults_sql(half, "DELETE FROM metric WHERE run = 2 AND step <> 1; DELETE FROM artifact WHERE run = 2; DELETE FROM posterior "
              "WHERE run = 2; DELETE FROM evaluation_option WHERE run = 2; DELETE FROM evaluation WHERE run = 2; "
              "UPDATE run SET status = 'crashed', digest = NULL, finished = NULL WHERE id = 2; VACUUM");
}

/* The second run is held by a container that cannot be seen from here, and whose lease has expired. */
static void make_held(const char *done, const char *held)
{
    make_half(done, held);
    faults_sql(held, "UPDATE run SET status = 'running', host = 'elsewhere', boot = 'another', pid_namespace = 9, "
              "process = 7, process_start = 8, heartbeat = 1 WHERE id = 2");
}

/* The folder that is imported, and a server of its one file.  The server ends with this process. */
static void start_server(void)
{
    static const char *const proxies[] = {"http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"};
    char path[600], command[1200];
    const char *data = getenv("VAE_LAB_TEST_DATA");
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
        unsetenv(proxies[i]);
    faults_shell("mkdir -p '%s/from/" SET "'", folder);
    snprintf(path, sizeof path, "%s/" SET "/" SET_FILE, data == NULL ? "" : data);
    if ((set_file = faults_read(path, &set_size)) != NULL) {
        snprintf(path, sizeof path, "%s/from/" SET "/" SET_FILE, folder);
        faults_write(path, set_file, set_size);
    }
    snprintf(path, sizeof path, "%s/from/" SET, folder);
    snprintf(command, sizeof command, "exec python3 '%s/../e2e/server.py' '%s' 2>/dev/null", faults_here, path);
    if ((server = popen(command, "r")) == NULL || fscanf(server, "%d", &port) != 1)
        port = 0;
}

static void take_expected(const Command *c, size_t i)
{
    reset(c);
    FaultsEnd end = carry_out(c, 0);
    char *err = printed("err", NULL);
    if (end.status != c->status)
        faults_stop("vae-lab %s without a fault: exit status %d, signal %d: %s", c->name, end.status, end.signal, err);
    free(err);
    expected[i].out = printed("out", &expected[i].out_size);
    char complaint[300], path[300];
    path_of(path, file_of(c));
    if (c->kind == COMMAND_DRAWS || c->kind == COMMAND_WRITES)
        expected[i].file = faults_read(path, &expected[i].file_size);
    path_of(path, "results.db");
    if ((c->kind == COMMAND_RUNS || c->kind == COMMAND_DROPS || c->kind == COMMAND_FREES) &&
        faults_results(path, &expected[i].results, complaint, sizeof complaint) != 0)
        faults_stop("%s", complaint);
}

void commands_prepare(void)
{
    static const char *const names[STARTS] = {"done", "killed", "half", "held", "old"};
    static const Command run = {"run", COMMAND_RUNS, START_NONE, {RUN}, 0, 0};
    static const Command receipt = {"receipt", COMMAND_WRITES, START_NONE, {"receipt", "1", "-o", "a.receipt"}, 0, 0};
    static const Command export = {"export", COMMAND_WRITES, START_NONE, {"export", "1", "-o", "weights.npz"}, 0, 0};
    char complaint[300], path[600], script[300];
    snprintf(folder, sizeof folder, "%s/trial", faults_scratch);
    faults_shell("mkdir '%s'", folder);
    snprintf(path, sizeof path, "%s/short.lua", faults_here);
    path_of(script, "short.lua");
    faults_copy(path, script);
    if (command_count > sizeof expected / sizeof expected[0])
        faults_stop("too many commands");
    for (size_t i = 0; i < STARTS; i++)
        snprintf(start_path[i], sizeof start_path[i], "%s/%s.db", faults_scratch, names[i]);
    FaultsEnd end = carry_out(&run, 0);
    if (end.status != 0)
        faults_stop("the run without a fault failed: exit status %d", end.status);
    path_of(path, "results.db");
    faults_copy_database(path, start_path[START_DONE]);
    path_of(script, "part.db");
    faults_copy_database(path, script);
    make_killed(path, start_path[START_KILLED]);
    make_half(path, start_path[START_HALF]);
    make_held(path, start_path[START_HELD]);
    faults_make_old(start_path[START_OLD]);
    if (carry_out(&export, 0).status != 0 || carry_out(&receipt, 0).status != 0)
        faults_stop("vae-lab export or receipt failed");
    for (size_t i = 0; i < STARTS; i++)
        if (i != START_OLD) {
            char copy[300]; /* reading writes the log of the killed one back */
            snprintf(copy, sizeof copy, "%s/copy.db", faults_scratch);
            faults_copy_database(start_path[i], copy);
            if (faults_results(copy, &start_rows[i], complaint, sizeof complaint) != 0)
                faults_stop("%s", complaint);
        }
    start_server();
    for (size_t i = 0; i < command_count; i++) {
        if (!command_is_possible(i) && faults_wanted(commands[i].name) && !faults_sample)
            faults_skip(commands[i].name, "needs python3, and the data set " SET " in VAE_LAB_TEST_DATA");
        is_chosen[i] = command_is_possible(i) && faults_wanted(commands[i].name) &&
                       (!faults_sample || !faults_wanted("") || faults_below(3) == 0);
        if (is_chosen[i])
            take_expected(&commands[i], i);
    }
}

int command_is_possible(size_t i)
{
    const Command *c = &commands[i];
    if (c->kind != COMMAND_COPIES)
        return 1;
    int fetches = strcmp(c->argv[1], "fetch") == 0;
    return (!fetches || port != 0) && (c->status != 0 || set_file != NULL);
}

int command_is_chosen(size_t i)
{
    return is_chosen[i];
}
