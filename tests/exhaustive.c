/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/exhaustive.c: checks every vector function of one variable on all 2^32 inputs.  Each instruction set of this
 * processor must give the bits of the scalar definition, and the largest error against long double must be that of the
 * table in docs/arithmetic.md.
 *
 * `make check-exhaustive` runs it; `exhaustive --help` lists the options for a part of the work.  The work is divided
 * into pieces of 2^24 inputs of one function, which the threads take one after the other.
 */
#include "num_functions.h"

#include "base/cores.h"
#include "base/digest.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PIECES = 256, PIECE = 1 << 24, SHOWN = 10, THREADS_MAX = 64, LINE = 256 };
enum { DONE = 0, WRONG = 1, USAGE = 2, NOT_FINISHED = 3 };

static const char help[] =
    "exhaustive [options]: all 2^32 inputs of each vector function\n"
    "  --functions A,B   only these\n"
    "  --isa A,B         compare only these instruction sets\n"
    "  --part I/N        only the Ith of N parts of the inputs\n"
    "  --threads N       number of threads (default: the processors)\n"
    "  --seconds S       start no new piece after S seconds; exit status 3 when pieces are left\n"
    "  --resume FILE     record finished pieces in FILE and skip those recorded; removed when all are finished and right\n"
    "  --table           print the table of errors\n"
    "  --check FILE      the rows of the functions measured must be those of the table in FILE\n"
    "  --write FILE      write the rows of the functions measured into the table in FILE; the others stay\n"
    "  --list            print the names of the functions\n"
    "Exit status: 0 no error, 1 error, 2 usage, 3 not finished.\n";

/* Errors are stored as whole numbers of 2^-20 ulp: so machines with long doubles of different size choose the same
 * input among several with nearly the same error. */
#define STEPS_IN_AN_ULP 0x1p20
#define NO_ERROR_IS_THIS_LARGE UINT32_MAX

typedef struct {
    uint32_t steps, at; /* the largest error and the smallest input that has it */
} Worst;

static struct {
    /* the options */
    int wanted[FUNCTIONS], part, parts, threads;
    double seconds;
    const char *resume, *check, *write;
    int table;
    FunctionKernels kernels[FUNCTION_ISAS];
    int isas;
    /* the results; under the lock */
    pthread_mutex_t lock;
    Worst worst[FUNCTIONS];
    unsigned char done[FUNCTIONS][PIECES];
    long wrong; /* results, and pieces that have some */
    int wrong_pieces;
    int next, left, todo; /* pieces: the next to look at, and how many are not done, of how many at the start */
    FILE *record;
    double start;
} all = {.parts = 1, .part = 1, .seconds = INFINITY, .lock = PTHREAD_MUTEX_INITIALIZER};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one piece --------------------------------------------------------------------------------------------------- */

static void keep_worst(Worst *worst, uint32_t steps, uint32_t at)
{
    if (steps > worst->steps || (steps == worst->steps && at < worst->at))
        *worst = (Worst){steps, at};
}

static uint32_t steps_of(double ulp)
{
    return ulp < 4000.0 ? (uint32_t)lrint(ulp * STEPS_IN_AN_ULP) : NO_ERROR_IS_THIS_LARGE;
}

/* An upper bound of the error in ulp, but for about 2^-24, from the exact value in double, which is fast.  NaN where
 * this bound does not hold: at the largest floats and beyond. */
static inline double error_at_most(float got, double exact)
{
    double size = fabs(exact), below = size * (1.0 - 0x1p-40); /* perhaps below a power of 2: then its smaller ulp counts */
    below = below < 0x1p-126 ? 0x1p-126 : below;
    uint64_t bits;
    memcpy(&bits, &below, sizeof bits);
    bits = ((uint64_t)(2 * 1023 + 23) << 52) - (bits & ((uint64_t)0x7ff << 52)); /* 2^(23 - exponent): one over an ulp */
    double per_ulp;
    memcpy(&per_ulp, &bits, sizeof per_ulp);
    double error = fabs((double)got - exact) * per_ulp;
    return size < 0x1.fffffdp+127 ? error : NAN;
}

/* Whether got is an infinity or a NaN that double precision proves right. */
static int is_plainly_right(float got, double exact)
{
    return got != got ? exact != exact : isinf(got) && fabs(exact) > 0x1.000001p+128 && (got > 0) == (exact > 0);
}

/* Inputs and the results of the scalar definition. */
typedef struct {
    size_t n;
    uint32_t bits[FUNCTION_CHUNK];
    float expected[FUNCTION_CHUNK];
} Chunk;

static void measure(const Function *f, const Chunk *c, Worst *worst)
{
    const double margin = 4.0 / STEPS_IN_AN_ULP;
    double exact[FUNCTION_CHUNK], error[FUNCTION_CHUNK], known = worst->steps / STEPS_IN_AN_ULP - margin;
    for (size_t i = 0; i < c->n; i++)
        exact[i] = f->in_double(c->bits[i]);
#pragma omp simd
    for (size_t i = 0; i < c->n; i++)
        error[i] = error_at_most(c->expected[i], exact[i]);
    for (size_t i = 0; i < c->n; i++) {
        if (error[i] < known || (error[i] == 0.0 && c->bits[i] > worst->at)) /* 0: the true one is less than a step */
            continue;
        if (is_plainly_right(c->expected[i], exact[i]) && c->bits[i] > worst->at)
            continue;
        keep_worst(worst, steps_of(function_ulp(c->expected[i], f->exact(c->bits[i]))), c->bits[i]);
        known = worst->steps / STEPS_IN_AN_ULP - margin;
    }
}

/* Equal bits, or both a NaN: which one is not defined. */
static void compare(const Function *f, const char *isa, const Chunk *c, const float *y, long *wrong)
{
    if (memcmp(y, c->expected, c->n * sizeof *y) == 0)
        return;
    for (size_t i = 0; i < c->n; i++) {
        float expected = c->expected[i];
        if (num_bits(y[i]) == num_bits(expected) || (y[i] != y[i] && expected != expected))
            continue;
        if ((*wrong)++ < SHOWN)
            printf("WRONG %s: %s of 0x%08x is 0x%08x (%a), the scalar definition gives 0x%08x (%a)\n", isa, f->name,
                   (unsigned)c->bits[i], (unsigned)num_bits(y[i]), (double)y[i], (unsigned)num_bits(expected), (double)expected);
    }
}

/* The next inputs from *from on, below end.  For functions of the uniform it skips a word with the same uniform as
 * the word before: the 2^32 words have about 2^26 different uniforms. */
static void next_inputs(const Function *f, uint64_t *from, uint64_t end, Chunk *c)
{
    for (c->n = 0; c->n < FUNCTION_CHUNK && *from < end; ++*from) {
        uint32_t bits = (uint32_t)*from;
        if (f->input != OF_UNIFORMS || bits == 0 || function_uniform(bits) != function_uniform(bits - 1))
            c->bits[c->n++] = bits;
    }
}

/* Checks all inputs of one piece; returns how many results differ. */
static long check_piece(const Function *f, int piece, Worst *worst)
{
    Chunk c;
    float x[FUNCTION_CHUNK], y[FUNCTION_CHUNK];
    long wrong = 0;
    uint64_t from = (uint64_t)piece * PIECE, end = from + PIECE;
    while (next_inputs(f, &from, end, &c), c.n > 0) {
        memcpy(x, c.bits, c.n * sizeof *x);
        f->scalars(c.n, c.expected, c.bits);
        for (int k = 0; k < all.isas; k++) {
            f->vector(&all.kernels[k], c.n, y, x);
            compare(f, all.kernels[k].isa, &c, y, &wrong);
        }
        measure(f, &c, worst);
    }
    return wrong;
}

/* Measures a few inputs of the whole range first: a large known error spares most inputs the slow long double. */
static void measure_sample(const Function *f, Worst *worst)
{
    for (uint64_t bits = 0; bits >> 32 == 0; bits += 4099)
        keep_worst(worst, steps_of(function_ulp(f->scalar((uint32_t)bits), f->exact((uint32_t)bits))), (uint32_t)bits);
}

/* ---- all pieces -------------------------------------------------------------------------------------------------- */

/* The next piece, or -1.  All functions take turns, so that the estimate of the remaining time is steady.  After a
 * few wrong pieces there is no more work. */
static int take_piece(void)
{
    int item = -1;
    pthread_mutex_lock(&all.lock);
    while (item < 0 && all.next < PIECES * FUNCTIONS && all.wrong_pieces < SHOWN && now() - all.start < all.seconds) {
        int f = all.next % FUNCTIONS, piece = all.next / FUNCTIONS;
        if (all.wanted[f] && piece % all.parts == all.part - 1 && !all.done[f][piece])
            item = all.next;
        all.next++;
    }
    pthread_mutex_unlock(&all.lock);
    return item;
}

static void finish(int f, int piece, Worst worst, long wrong)
{
    pthread_mutex_lock(&all.lock);
    keep_worst(&all.worst[f], worst.steps, worst.at);
    all.wrong += wrong;
    all.wrong_pieces += wrong > 0;
    all.done[f][piece] = 1;
    all.left--;
    if (all.record != NULL && wrong == 0) {
        fprintf(all.record, "%s %d %u 0x%08x\n", functions[f].name, piece, (unsigned)worst.steps, (unsigned)worst.at);
        fflush(all.record);
    }
    pthread_mutex_unlock(&all.lock);
}

static void *work(void *unused)
{
    for (int item; (item = take_piece()) >= 0;) {
        int f = item % FUNCTIONS, piece = item / FUNCTIONS;
        pthread_mutex_lock(&all.lock);
        Worst worst = all.worst[f];
        pthread_mutex_unlock(&all.lock);
        long wrong = check_piece(&functions[f], piece, &worst);
        finish(f, piece, worst, wrong);
    }
    return unused;
}

static void show_progress(int last)
{
    pthread_mutex_lock(&all.lock);
    int left = all.left, todo = all.todo;
    pthread_mutex_unlock(&all.lock);
    double passed = now() - all.start, pace = passed / (todo - left > 0 ? todo - left : 1);
    if (todo > left)
        fprintf(stderr, "%s%d of %d pieces, %.0f s, about %.0f s left %s", isatty(2) ? "\r" : "", todo - left, todo, passed,
                pace * left, isatty(2) && !last ? "" : "\n");
}

static void run(void)
{
    pthread_t thread[THREADS_MAX];
    int started = 0;
    double shown = now(), every = isatty(2) ? 1.0 : 30.0;
    while (started < all.threads && pthread_create(&thread[started], NULL, work, NULL) == 0)
        started++;
    if (started == 0)
        work(NULL);
    for (int busy = all.left > 0; busy;) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        if (now() - shown >= every) {
            shown = now();
            show_progress(0);
        }
        pthread_mutex_lock(&all.lock);
        busy = all.left > 0 && all.wrong_pieces < SHOWN && now() - all.start < all.seconds;
        pthread_mutex_unlock(&all.lock);
    }
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    show_progress(1);
}

/* ---- the record of pieces ---------------------------------------------------------------------------------------- */

/* The record's first line: the digest of this program, and the instruction sets compared. */
static int record_title(char *title, size_t size, const char *program)
{
    char block[65536], text[DIGEST_TEXT];
    Digest d;
    FILE *file = fopen(program, "rb");
    if (file == NULL)
        return -1;
    digest_start(&d);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        digest_bytes(&d, block, n);
    fclose(file);
    digest_end(&d, text);
    int length = snprintf(title, size, "program %s compared", text);
    for (int k = 0; k < all.isas && length < (int)size; k++)
        length += snprintf(title + length, size - (size_t)length, " %s", all.kernels[k].isa);
    return 0;
}

static void read_line(const char *line)
{
    char name[32];
    int piece;
    unsigned steps, at;
    if (sscanf(line, "%31s %d %u %x", name, &piece, &steps, &at) != 4 || piece < 0 || piece >= PIECES)
        return; /* cut short when the program was stopped */
    for (int f = 0; f < FUNCTIONS; f++)
        if (strcmp(functions[f].name, name) == 0) {
            all.done[f][piece] = 1;
            keep_worst(&all.worst[f], steps, at);
        }
}

/* Reads the record if this program wrote it, else starts a new one; leaves it open for writing.  -1: it cannot be
 * written. */
static int open_record(const char *program)
{
    char title[LINE], line[LINE];
    if (record_title(title, sizeof title, program) != 0)
        return -1;
    FILE *old = fopen(all.resume, "r");
    int ours = old != NULL && fgets(line, sizeof line, old) != NULL && strcspn(line, "\n") == strlen(title)
            && strncmp(line, title, strlen(title)) == 0;
    if (old != NULL && !ours)
        fprintf(stderr, "%s was recorded by another program or with other instruction sets: starting again\n", all.resume);
    while (ours && fgets(line, sizeof line, old) != NULL)
        read_line(line);
    if (old != NULL)
        fclose(old);
    all.record = fopen(all.resume, ours ? "a" : "w");
    if (all.record == NULL)
        return -1;
    fprintf(all.record, "%s\n", ours ? "" : title); /* the empty line ends one that was cut short */
    fflush(all.record);
    return 0;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const char table_begin[] = "<!-- errors: written by make check-exhaustive -->\n", table_end[] = "<!-- end of errors -->\n";

static int is_complete(int f)
{
    int done = 0;
    for (int piece = 0; piece < PIECES; piece++)
        done += all.done[f][piece];
    return done == PIECES;
}

/* The row of function f in an older table: a line "| `NAME` |..."; NULL when there is none. */
static const char *old_row(const char *table, int f)
{
    char start[LINE];
    snprintf(start, sizeof start, "| `%s` |", functions[f].name);
    return table != NULL ? strstr(table, start) : NULL;
}

/* [OUT] text: the rows of all functions; measured where a function is complete, else taken from `old`, which may be
 * NULL. */
static void table_text(char *text, size_t size, const char *old)
{
    size_t used = (size_t)snprintf(text, size, "| function | of x | largest error, ulp | at |\n|---|---|---:|---|\n");
    for (int f = 0; f < FUNCTIONS && used < size; f++) {
        char row[LINE];
        const char *kept = old_row(old, f);
        if (is_complete(f) || old == NULL)
            function_table_row(row, sizeof row, &functions[f], all.worst[f].steps / STEPS_IN_AN_ULP, all.worst[f].at);
        else if (kept != NULL)
            snprintf(row, sizeof row, "%.*s", (int)strcspn(kept, "\n"), kept);
        else
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s\n", row);
    }
}

static char *read_file(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "r");
    char *text = file != NULL ? calloc(1, MOST + 1) : NULL;
    if (text != NULL)
        text[fread(text, 1, MOST, file)] = '\0';
    if (file != NULL)
        fclose(file);
    return text;
}

/* Compares the rows of the complete functions in a file with those measured, or writes them there.  Returns DONE or
 * WRONG and prints why. */
static int table_in_file(const char *path, int write)
{
    static char table[FUNCTIONS * LINE];
    char *text = read_file(path);
    char *begin = text != NULL ? strstr(text, table_begin) : NULL, *end = begin != NULL ? strstr(begin, table_end) : NULL;
    if (end == NULL) {
        printf("WRONG: %s cannot be read, or it has no table between\n%s%s", path, table_begin, table_end);
        free(text);
        return WRONG;
    }
    begin += strlen(table_begin);
    table_text(table, sizeof table, begin);
    int same = (size_t)(end - begin) == strlen(table) && strncmp(begin, table, strlen(table)) == 0, status = DONE;
    if (!same && write) {
        FILE *file = fopen(path, "w");
        int bad = file == NULL || fprintf(file, "%.*s%s%s", (int)(begin - text), text, table, end) < 0;
        bad = (file != NULL && fclose(file) != 0) || bad;
        printf("%s: %s\n", path, bad ? "WRONG: cannot be written" : "the table of errors is written");
        status = bad ? WRONG : DONE;
    } else if (!same) {
        printf("WRONG: the table in %s differs from what was measured (--write %s corrects it):\n%s", path, path, table);
        status = WRONG;
    }
    free(text);
    return status;
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int usage(const char *what, const char *found)
{
    fprintf(stderr, "exhaustive: %s: %s\n%s", what, found, help);
    return -1;
}

/* Whether `name` is in a list with commas. */
static int listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return 1;
    return 0;
}

static int items(const char *list)
{
    int count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

static int choose_functions(const char *list)
{
    int found = 0;
    for (int f = 0; f < FUNCTIONS; f++)
        found += all.wanted[f] = listed(list, functions[f].name);
    return found == items(list) ? 0 : usage("--functions", list);
}

static int choose_isas(const char *list)
{
    int kept = 0;
    for (int k = 0; k < all.isas; k++)
        if (listed(list, all.kernels[k].isa))
            all.kernels[kept++] = all.kernels[k];
    all.isas = kept;
    return kept == items(list) ? 0 : usage("--isa (not on this processor?)", list);
}

static int choose_part(const char *text)
{
    char rest;
    int good = sscanf(text, "%d/%d%c", &all.part, &all.parts, &rest) == 2 && all.part >= 1 && all.part <= all.parts;
    return good && all.parts <= PIECES ? 0 : usage("--part", text);
}

static int choose(const char *option, const char *value)
{
    if (strcmp(option, "--functions") == 0)
        return choose_functions(value);
    if (strcmp(option, "--isa") == 0)
        return choose_isas(value);
    if (strcmp(option, "--part") == 0)
        return choose_part(value);
    if (strcmp(option, "--threads") == 0)
        return (all.threads = atoi(value)) >= 1 && all.threads <= THREADS_MAX ? 0 : usage("--threads", value);
    if (strcmp(option, "--seconds") == 0)
        return (all.seconds = atof(value)) > 0.0 ? 0 : usage("--seconds", value);
    const char **text = strcmp(option, "--resume") == 0 ? &all.resume
                      : strcmp(option, "--check") == 0  ? &all.check
                      : strcmp(option, "--write") == 0  ? &all.write : NULL;
    if (text == NULL)
        return usage("unknown option", option);
    *text = value;
    return 0;
}

static int read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--table") == 0) {
            all.table = 1;
        } else if (i + 1 == argc || strncmp(argv[i], "--", 2) != 0) {
            return usage("not an option, or an option without its value", argv[i]);
        } else if (choose(argv[i], argv[i + 1]) != 0) {
            return -1;
        } else {
            i++;
        }
    }
    return 0;
}

static void count_pieces(void)
{
    for (int f = 0; f < FUNCTIONS; f++)
        for (int piece = 0; piece < PIECES; piece++)
            all.left += all.wanted[f] && piece % all.parts == all.part - 1 && !all.done[f][piece];
    all.todo = all.left;
}

/* Prints the result of each function; returns how many are complete. */
static int report(void)
{
    int complete = 0;
    printf("compared with the scalar definition:");
    for (int k = 0; k < all.isas; k++)
        printf(" %s", all.kernels[k].isa);
    printf("\n");
    for (int f = 0; f < FUNCTIONS; f++) {
        int whole = is_complete(f), bad = all.worst[f].steps > steps_of(functions[f].limit);
        complete += whole;
        if (!all.wanted[f])
            continue;
        printf("%-16s %s, at most %.4f ulp, at 0x%08x%s\n", functions[f].name, whole ? "all 2^32 inputs" : "not all inputs yet",
               all.worst[f].steps / STEPS_IN_AN_ULP, (unsigned)all.worst[f].at, bad ? ": WRONG, above the limit" : "");
        all.wrong += bad;
    }
    return complete;
}

static int conclude(void)
{
    static char table[FUNCTIONS * LINE];
    int complete = report() == FUNCTIONS, status = all.wrong > 0 ? WRONG : all.left > 0 ? NOT_FINISHED : DONE;
    if (all.table) {
        table_text(table, sizeof table, NULL);
        fputs(table, stdout);
    }
    if (status == DONE && all.write != NULL)
        status = table_in_file(all.write, 1);
    if (status == DONE && all.check != NULL)
        status = table_in_file(all.check, 0);
    if (all.record != NULL)
        fclose(all.record);
    if (status == DONE && complete && all.resume != NULL)
        remove(all.resume);
    printf("%s\n", status == DONE ? "all right" : status == NOT_FINISHED ? "no error so far, not finished" : "WRONG");
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--list") == 0)) {
        for (int f = 0; f < FUNCTIONS && argv[1][2] == 'l'; f++)
            puts(functions[f].name);
        if (argv[1][2] == 'h')
            fputs(help, stdout);
        return DONE;
    }
    all.isas = function_kernels(all.kernels);
    all.threads = cores_usable() > THREADS_MAX ? THREADS_MAX : cores_usable();
    for (int f = 0; f < FUNCTIONS; f++)
        all.wanted[f] = 1;
    if (read_options(argc, argv) != 0)
        return USAGE;
    if (all.resume != NULL && open_record(argv[0]) != 0) {
        fprintf(stderr, "exhaustive: cannot write %s or cannot read %s\n", all.resume, argv[0]);
        return USAGE;
    }
    all.start = now();
    count_pieces();
    for (int f = 0; f < FUNCTIONS; f++)
        if (all.wanted[f] && all.left > 0 && all.worst[f].steps == 0)
            measure_sample(&functions[f], &all.worst[f]);
    run();
    return conclude();
}
