/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/faults/faults.c: options, counts, processes and databases of the campaigns.
 */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int faults_sample;
char faults_scratch[128], faults_here[512];
const char *faults_program;

static uint64_t seed, state;
static const char *only = "";
static char kind[200];
/* Shared with forked processes of the campaign, whose trials count too. */
static struct Counts {
    long tried, lost, lost_in_all;
    int losing; /* the current trial is lost already */
    int silent;
} *counts;

/* ---- a campaign -------------------------------------------------------------------------------------------------- */

void faults_stop(const char *what, ...)
{
    va_list list;
    va_start(list, what);
    printf("not ok the campaign stopped: ");
    vprintf(what, list);
    printf(" (%s)\n", strerror(errno));
    va_end(list);
    fflush(stdout);
    _exit(2);
}

void faults_start(int argc, char **argv, int on_disk)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    seed = (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--sample") == 0) {
            faults_sample = 1;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else {
            fprintf(stderr, "usage: %s [--sample] [--seed N] [--only WORDS]\n", argv[0]);
            exit(2);
        }
    }
    state = seed;
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        faults_stop("no memory");
    const char *name = strrchr(argv[0], '/') == NULL ? argv[0] : strrchr(argv[0], '/') + 1;
    printf("seed %llu: %s\n", (unsigned long long)seed, name);
    faults_program = getenv("VAE_LAB");
    const char *here = getenv("FAULTS_HERE"), *folder = getenv("TMPDIR");
    if (faults_program == NULL || here == NULL)
        faults_stop("VAE_LAB names the program to test, FAULTS_HERE the folder tests/faults: use tests/faults/run");
    snprintf(faults_here, sizeof faults_here, "%s", here);
    if (folder == NULL || strlen(folder) > 80)
        folder = "/tmp";
    if (!on_disk && access("/dev/shm", W_OK | X_OK) == 0)
        folder = "/dev/shm";
    snprintf(faults_scratch, sizeof faults_scratch, "%s/vae-lab-faults-XXXXXX", folder);
    if (mkdtemp(faults_scratch) == NULL)
        faults_stop("cannot make a folder in %s", folder);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the tested processes become ours, and can be waited for */
    unsetenv("VAE_LAB_DB");
    unsetenv("VAE_LAB_DATA");
    unsetenv("GSL_RNG_TYPE");
    setenv("TERM", "dumb", 1);
}

int faults_end(void)
{
    faults_shell("chmod -R u+rwx '%s'; rm -rf '%s'", faults_scratch, faults_scratch);
    return counts->lost_in_all > 0;
}

/* splitmix64: a documented generator of one word of state; the choices need no better one. */
static uint64_t next_random(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t faults_below(uint64_t n)
{
    return n == 0 ? 0 : next_random() % n;
}

int faults_wanted(const char *name)
{
    return strstr(name, only) != NULL;
}

void faults_begin(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(kind, sizeof kind, format, list);
    va_end(list);
    counts->tried = counts->lost = counts->losing = counts->silent = 0;
}

void faults_try(void)
{
    counts->tried++;
    counts->losing = 0;
}

void faults_lose(const char *what, ...)
{
    if (counts->losing++ > 0)
        return;
    counts->lost++;
    counts->lost_in_all++;
    if (counts->silent || counts->lost > 12)
        return;
    va_list list;
    va_start(list, what);
    printf("    lost (seed %llu, %s, trial %ld): ", (unsigned long long)seed, kind, counts->tried);
    vprintf(what, list);
    putchar('\n');
    va_end(list);
}

void faults_silence(void)
{
    counts->silent = 1;
}

long faults_expect_loss(void)
{
    long lost = counts->lost;
    counts->lost_in_all -= lost;
    counts->lost = lost > 0 ? 0 : 1;
    counts->lost_in_all += counts->lost;
    return lost;
}

void faults_finish(void)
{
    printf("%s %s: %ld tried, %ld survived, %ld lost\n", counts->lost > 0 || (counts->tried == 0 && !faults_sample) ? "not ok" : "ok", kind, counts->tried,
           counts->tried - counts->lost, counts->lost);
    fflush(stdout);
}

void faults_skip(const char *what, const char *why)
{
    printf("skip %s: %s\n", what, why);
}

/* ---- processes --------------------------------------------------------------------------------------------------- */

double faults_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void faults_sleep(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

static void redirect(const char *path, int fd)
{
    int file = open(path == NULL ? "/dev/null" : path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(127);
    close(file);
}

pid_t faults_spawn(const char *folder, const char *const *environment, const char *const *argv, const char *out,
                   const char *err)
{
    pid_t pid = fork();
    if (pid < 0)
        faults_stop("cannot fork");
    if (pid > 0)
        return pid;
    setsid();
    if (chdir(folder) != 0)
        _exit(127);
    int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    redirect(out, 1);
    redirect(err, 2);
    for (; environment != NULL && *environment != NULL; environment++)
        putenv((char *)(uintptr_t)*environment);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

FaultsEnd faults_wait(pid_t pid, double seconds)
{
    FaultsEnd end = {.status = -1};
    double start = faults_clock(), pause = 0.0002;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (!end.timed_out && faults_clock() - start > seconds) {
            end.timed_out = 1;
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
        faults_sleep(pause);
        pause = pause < 0.004 ? pause * 1.3 : pause;
    }
    if (WIFEXITED(status))
        end.status = WEXITSTATUS(status);
    else
        end.signal = WTERMSIG(status);
    return end;
}

/* [OUT] parent and session of a process; state 'Z' counts as gone. */
static int read_process(int pid, int *parent, int *session)
{
    char path[64], line[512], state_letter;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return -1;
    line[n] = '\0';
    char *after = strrchr(line, ')');
    int group;
    if (after == NULL || sscanf(after + 1, " %c %d %d %d", &state_letter, parent, &group, session) != 4)
        return -1;
    return state_letter == 'Z' || state_letter == 'X' ? -1 : 0;
}

/* Process ids of all processes whose parent (by_parent) or session is `id`. */
static int find_processes(int id, int by_parent, pid_t *found, int max)
{
    int n = 0, parent, session;
    FILE *list = popen("ls /proc", "r");
    char name[64];
    while (list != NULL && fgets(name, sizeof name, list) != NULL) {
        int pid = atoi(name);
        if (pid > 0 && read_process(pid, &parent, &session) == 0 && (by_parent ? parent : session) == id && n < max)
            found[n++] = pid;
    }
    if (list != NULL)
        pclose(list);
    return n;
}

int faults_children(pid_t parent, pid_t *child, int max)
{
    return find_processes(parent, 1, child, max);
}

int faults_left_running(pid_t session, double seconds)
{
    pid_t left[64];
    double start = faults_clock();
    int n;
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        n = find_processes(session, 0, left, 64);
        if (n == 0 || faults_clock() - start > seconds)
            break;
        faults_sleep(0.02);
    }
    for (int i = 0; i < n; i++)
        kill(left[i], SIGKILL);
    return n;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

char *faults_read(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) != 0)
        faults_stop("cannot read %s", path);
    char *bytes = malloc((size_t)st.st_size + 1);
    ssize_t n = bytes == NULL ? -1 : read(fd, bytes, (size_t)st.st_size);
    close(fd);
    if (n != st.st_size)
        faults_stop("cannot read %s", path);
    bytes[n] = '\0';
    if (size != NULL)
        *size = (size_t)n;
    return bytes;
}

void faults_write(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        faults_stop("cannot write %s", path);
    close(fd);
}

void faults_copy(const char *from, const char *to)
{
    size_t size;
    char *bytes = faults_read(from, &size);
    if (bytes == NULL)
        faults_stop("there is no %s", from);
    faults_write(to, bytes, size);
    free(bytes);
}

void faults_shell(const char *format, ...)
{
    char command[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    int status = system(command);
    if (status != 0)
        faults_stop("the command failed: %s", command);
}

/* ---- results.db -------------------------------------------------------------------------------------------------- */

void faults_copy_database(const char *from, const char *to)
{
    static const char *const endings[] = {"", "-wal", "-journal"};
    char a[600], b[600];
    snprintf(b, sizeof b, "%s-shm", to);
    unlink(b);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        snprintf(a, sizeof a, "%s%s", from, endings[i]);
        snprintf(b, sizeof b, "%s%s", to, endings[i]);
        if (access(a, F_OK) == 0)
            faults_copy(a, b);
        else
            unlink(b);
    }
}

static sqlite3 *open_database(const char *path, char *complaint, size_t size)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix") != SQLITE_OK) {
        snprintf(complaint, size, "cannot open it: %s", sqlite3_errmsg(db));
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_busy_timeout(db, 20000);
    return db;
}

int faults_check_database(const char *path, char *complaint, size_t size)
{
    sqlite3 *db = open_database(path, complaint, size);
    sqlite3_stmt *row = NULL;
    int good = 0;
    if (db == NULL)
        return -1;
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        good = strcmp((const char *)sqlite3_column_text(row, 0), "ok") == 0;
    if (!good)
        snprintf(complaint, size, "integrity_check: %s",
                 sqlite3_column_text(row, 0) == NULL ? sqlite3_errmsg(db) : (const char *)sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    row = NULL;
    if (good && (sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &row, NULL) != SQLITE_OK ||
                 sqlite3_step(row) != SQLITE_DONE)) {
        snprintf(complaint, size, "foreign_key_check finds rows: %s", sqlite3_errmsg(db));
        good = 0;
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    return good ? 0 : -1;
}

static void add_value(Text *t, sqlite3_stmt *row, int i)
{
    if (sqlite3_column_type(row, i) == SQLITE_FLOAT) {
        text_addf(t, " %.17g", sqlite3_column_double(row, i));
    } else if (sqlite3_column_type(row, i) == SQLITE_BLOB) { /* FNV-1a, 64 bits */
        const unsigned char *bytes = sqlite3_column_blob(row, i);
        int n = sqlite3_column_bytes(row, i);
        uint64_t hash = 14695981039346656037u;
        for (int k = 0; k < n; k++)
            hash = (hash ^ bytes[k]) * 1099511628211u;
        text_addf(t, " %d:%016llx", n, (unsigned long long)hash);
    } else {
        text_addf(t, " %s", sqlite3_column_type(row, i) == SQLITE_NULL ? "null" : (const char *)sqlite3_column_text(row, i));
    }
}

/* Adds the rows of a query, each line with the prefix. */
static int add_rows(sqlite3 *db, const char *prefix, const char *sql, Text *t)
{
    sqlite3_stmt *row = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &row, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW) {
        text_add(t, prefix);
        for (int i = 0; i < sqlite3_column_count(row); i++)
            add_value(t, row, i);
        text_add(t, "\n");
        code = SQLITE_OK;
    }
    sqlite3_finalize(row);
    return code == SQLITE_DONE ? 0 : -1;
}

int faults_results(const char *path, Text *t, char *complaint, size_t size)
{
    static const char *const queries[][2] = {
        {"run", "SELECT substr(identity, 1, 12), status, digest FROM run WHERE superseded_by IS NULL ORDER BY 1"},
        {"metric", "SELECT substr(r.identity, 1, 12), n.name, m.step, m.value, m.kind FROM metric m JOIN run r ON r.id = m.run "
                   "JOIN metric_name n ON n.id = m.metric WHERE n.name NOT LIKE 'time/%' AND superseded_by IS NULL "
                   "ORDER BY 1, 2, 3"},
        {"artifact", "SELECT substr(r.identity, 1, 12), a.name, a.kind, a.meta, a.bytes FROM artifact a JOIN run r "
                     "ON r.id = a.run WHERE superseded_by IS NULL ORDER BY 1, 2"},
        {"posterior", "SELECT substr(r.identity, 1, 12), p.example, p.label, p.mu, p.sigma FROM posterior p JOIN run r "
                      "ON r.id = p.run WHERE superseded_by IS NULL ORDER BY 1, 2"},
        {"evaluation", "SELECT substr(r.identity, 1, 12), e.name, e.status, o.name, o.value FROM evaluation e JOIN run r "
                       "ON r.id = e.run LEFT JOIN evaluation_option o ON o.run = e.run AND o.evaluation = e.name "
                       "WHERE superseded_by IS NULL ORDER BY 1, 2, 3, 4"},
    };
    sqlite3 *db = open_database(path, complaint, size);
    if (db == NULL)
        return -1;
    int status = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof queries / sizeof queries[0]; i++)
        status = add_rows(db, queries[i][0], queries[i][1], t);
    if (status != 0)
        snprintf(complaint, size, "cannot read it: %s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return status;
}

void faults_sql(const char *path, const char *text)
{
    sqlite3 *db;
    char *message = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix") != SQLITE_OK ||
        sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        faults_stop("cannot prepare %s: %s", path, message == NULL ? sqlite3_errmsg(db) : message);
    sqlite3_close(db);
}

void faults_make_old(const char *old)
{
    for (int version = 1; version <= 3; version++) {
        char path[600];
        snprintf(path, sizeof path, version == 1 ? "%s/../../src/store/schema.sql" : "%s/../../src/store/schema_%d.sql",
                 faults_here, version);
        char *text = faults_read(path, NULL);
        if (text == NULL)
            faults_stop("there is no %s", path);
        faults_sql(old, text);
        free(text);
    }
    faults_sql(old, "PRAGMA application_id = 1447118156; PRAGMA user_version = 3;" /* 0x5641454c */
             "INSERT INTO experiment (name) VALUES ('older');"
             "INSERT INTO run (experiment, identity, configuration, label, seed, status, epochs, graph, plan, data, data_digest) "
             "VALUES (1, 'anidentity', 'c', 'beta=1', 1, 'done', 3, 'x = input', '{\"epochs\": 3}', 'digits', 'd');"
             "INSERT INTO member VALUES (1, 1, 'beta=1'); INSERT INTO metric_name (name) VALUES ('train/elbo');"
             "INSERT INTO metric (run, metric, step, value) VALUES (1, 1, 1, -5.5), (1, 1, 2, -4.25), (1, 1, 3, -3.125);"
             "INSERT INTO artifact (run, name, kind, bytes) VALUES (1, 'evaluation/nll', 'evaluation', "
             "CAST('nll(samples=3)' AS BLOB))");
}

/* The end of the line at `at`. */
static const char *line_end(const char *at)
{
    const char *end = strchr(at, '\n');
    return end == NULL ? at + strlen(at) : end;
}

int faults_missing_line(const char *a, const char *b, const char *prefix, char *line, size_t size)
{
    size_t length = strlen(prefix);
    const char *at_b = b;
    for (const char *end; *a != '\0'; a = *end == '\0' ? end : end + 1) {
        end = line_end(a);
        size_t n = (size_t)(end - a);
        if (strncmp(a, prefix, length) != 0)
            continue;
        const char *found = at_b; /* both are in the same order: usually the next line */
        for (int wrapped = 0;;) {
            const char *stop = line_end(found);
            if ((size_t)(stop - found) == n && memcmp(found, a, n) == 0) {
                at_b = *stop == '\0' ? b : stop + 1;
                break;
            }
            found = *stop == '\0' ? b : stop + 1;
            wrapped += *stop == '\0';
            if (wrapped > 1) {
                snprintf(line, size, "%.*s", n > 200 ? 200 : (int)n, a);
                return 1;
            }
        }
    }
    return 0;
}

/* ---- the preloaded library --------------------------------------------------------------------------------------- */

Tape *faults_tape(const char *folder, const char *environment[2])
{
    static char path[200], preload[600], variable[256];
    const char *library = getenv("FAULTS_INJECT");
    if (library == NULL)
        faults_stop("FAULTS_INJECT names the library inject.so: use tests/faults/run");
    snprintf(path, sizeof path, "%s/tape", faults_scratch);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    snprintf(variable, sizeof variable, "FAULTS_TAPE=%s", path);
    environment[0] = preload;
    environment[1] = variable;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof(Tape)) != 0)
        faults_stop("cannot make %s", path);
    Tape *tape = mmap(NULL, sizeof *tape, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (tape == MAP_FAILED)
        faults_stop("cannot map %s", path);
    snprintf(tape->folder, sizeof tape->folder, "%s", folder);
    return tape;
}
