/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tests/test_lab_step.c: a step of training makes no allocation and no system call.  Two runs have equal numbers of
 * epochs and equal minibatches, and one has ten times the examples: whatever a step does happens ten times as often.
 * The numbers of allocations and of system calls of the two workers must be equal; beginning, recording and ending are
 * the same in both.
 */
#define _DEFAULT_SOURCE /* memory shared with a child */
#include "lab_help.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
/* after sys/ptrace.h, whose names it defines once more */
#include <linux/ptrace.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) ||                 \
    HAS_FEATURE(thread_sanitizer) || HAS_FEATURE(memory_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if defined(__GLIBC__) && !SANITIZED
#define COUNTED 1
#else
#define COUNTED 0
#endif

/* 10 epochs of 10 steps, and of 100. */
enum { EPOCHS = 10, BATCH = 6, FEW = 60, MANY = 600, MORE_STEPS = EPOCHS * (MANY - FEW) / BATCH };

/* How many more the longer run may make: its order of examples is longer, and may make the heap grow one more time. One
 * call or allocation in a hundred steps would be 9. */
enum { SLACK = 8 };
_Static_assert(MORE_STEPS / 100 > SLACK, "one call in a hundred steps must be detected");

typedef struct Case {
    Fixture *fixture;
    Data *few, *many;
} Case;

/* ---- counting allocations ---------------------------------------------------------------------------------------- */

static atomic_long allocations; /* of this process; a fork inherits it */

#if COUNTED
/* These replace the C library's for everything that is linked: the engine, GSL, SQLite, the threads. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    void *made = __libc_memalign(alignment, size);
    if (made == NULL)
        return ENOMEM;
    *block = made;
    return 0;
}
#endif

/* The worker's counts at the end of its training; the worker is another process. */
typedef struct Counts {
    long all, engine; /* every allocation; those by base/mem.h */
} Counts;

static Counts *counts; /* shared with the worker */

static int note_counts(const LabRun *run, size_t evaluation, Store *s, int64_t id, InferModel *model, Error *err)
{
    (void)run, (void)evaluation, (void)s, (void)id, (void)model, (void)err;
    *counts = (Counts){atomic_load(&allocations), mem_count()};
    return 0;
}

/* ---- counting system calls --------------------------------------------------------------------------------------- */

enum { KINDS = 1024 };

typedef struct Calls {
    long all;         /* but for the reports */
    long reports;     /* to the sweep: at most 10 a second, whatever the steps */
    long kind[KINDS]; /* by number */
    int forks, status;
    double seconds;
    const char *why;  /* the reason for no count, or NULL */
} Calls;

#if defined(PTRACE_GET_SYSCALL_INFO) && !SANITIZED
static void count_call(Calls *c, pid_t pid)
{
    struct ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) <= 0) {
        c->why = "this kernel does not report system calls to a tracer";
        return;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
        return;
    if (info.entry.nr == SYS_write && info.entry.args[2] == sizeof(LabReport)) {
        c->reports++;
        return;
    }
    c->all++;
    if (info.entry.nr < KINDS)
        c->kind[info.entry.nr]++;
}

/* A traced process stopped: counts.  Returns the signal to deliver when it continues. */
static int stopped(Calls *c, pid_t pid, int status, pid_t *counted)
{
    int signal_number = WSTOPSIG(status), event = status >> 16;
    if (signal_number == (SIGTRAP | 0x80)) {
        if (pid == *counted)
            count_call(c, pid);
        return 0;
    }
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
        unsigned long child;
        ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child);
        *counted = (pid_t)child;
        c->all = c->reports = 0;
        memset(c->kind, 0, sizeof c->kind);
        c->forks++;
    }
    /* a new process or thread begins with a stop that must not be delivered */
    return event != 0 || signal_number == SIGSTOP ? 0 : signal_number;
}

/* Runs work(context) in a process and counts its system calls; if it forks, only those of its child, the sweep's
 * worker. */
static void trace(Calls *c, void (*work)(void *context), void *context)
{
    int status;
    double start = lab_clock();
    *c = (Calls){.why = NULL};
    fflush(NULL);
    pid_t root = fork(), counted = root, pid;
    if (root == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        raise(SIGSTOP);
        work(context);
        _exit(0);
    }
    if (waitpid(root, &status, 0) != root || !WIFSTOPPED(status)) {
        c->why = "tracing is not permitted here";
        return;
    }
    long options =
        PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SETOPTIONS, root, NULL, (void *)options) != 0)
        c->why = "tracing is not permitted here";
    ptrace(c->why == NULL ? PTRACE_SYSCALL : PTRACE_KILL, root, NULL, NULL);
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (WIFSTOPPED(status))
            ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)stopped(c, pid, status, &counted));
        else if (pid == root)
            c->status = status;
    }
    c->seconds = lab_clock() - start;
}
#else
static void trace(Calls *c, void (*work)(void *context), void *context)
{
    (void)work, (void)context;
    *c = (Calls){.why =
                     SANITIZED ? "a sanitizer's process cannot be traced" : "no tracer of system calls on this system"};
}
#endif

static void nothing(void *context)
{
    (void)context;
}

static void hundred_calls(void *context)
{
    (void)context;
    for (int i = 0; i < 100; i++)
        getppid();
}

static void hundred_clocks(void *context)
{
    (void)context;
    for (int i = 0; i < 100; i++)
        lab_clock();
}

/* ---- the two runs ------------------------------------------------------------------------------------------------ */

static int setup_case(void **state)
{
    void *fixture;
    Case *c = calloc(1, sizeof *c);
    setup(&fixture);
    c->fixture = fixture;
    Fixture *f = c->fixture;
    f->run.spec.epochs = EPOCHS;
    f->run.spec.batch = BATCH;
    f->options.hooks.evaluate = note_counts;
    DataOptions options = {.train = FEW, .test = 130, .binarise = DATA_DYNAMIC};
    c->few = data_open("digits", &options, &f->err);
    options.train = MANY;
    c->many = data_open("digits", &options, &f->err);
    assert_true(c->few != NULL && c->many != NULL);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(counts != MAP_FAILED);
    *state = c;
    return 0;
}

static int teardown_case(void **state)
{
    Case *c = *state;
    void *fixture = c->fixture;
    data_free(c->few);
    data_free(c->many);
    munmap(counts, sizeof *counts);
    free(c);
    return teardown(&fixture);
}

/* The next sweep uses these data and a new database, so that both sweeps begin alike. */
static void prepare(Fixture *f, const Data *data, const char *name)
{
    snprintf(f->database, sizeof f->database, "%s/%s.db", f->folder, name);
    f->run.spec.data = data;
}

static Counts allocated(Fixture *f, const Data *data, const char *name)
{
    prepare(f, data, name);
    f->run.evaluations = &one_evaluation, f->run.nevaluations = 1;
    mem_free(f->run.plan);
    f->run.plan = NULL;
    Counts before = {atomic_load(&allocations), mem_count()};
    *counts = before;
    sweep(f, &f->run, 1);
    assert_int_equal(f->outcome.executed, 1);
    assert_true(counts->engine > before.engine);
    return (Counts){counts->all - before.all, counts->engine - before.engine};
}

static void sweep_alone(void *context)
{
    Fixture *f = context;
    int status = lab_sweep(&f->run, 1, &f->options, &f->outcome, &f->err);
    _exit(status == 0 && f->outcome.executed == 1 ? 0 : 1);
}

static void called(Calls *c, Fixture *f, const Data *data, const char *name)
{
    prepare(f, data, name);
    f->run.nevaluations = 0;
    assert_int_equal(lab_run_identify(&f->run, &f->err), 0);
    trace(c, sweep_alone, f);
    assert_null(c->why);
    assert_true(WIFEXITED(c->status));
    assert_int_equal(WEXITSTATUS(c->status), 0);
    assert_int_equal(c->forks, 1);
    assert_true(c->all > 0);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void allocations_are_equal(Case *c, int threads)
{
    c->fixture->options.threads = threads;
    allocated(c->fixture, c->few, "first"); /* makes what a process makes once, such as the schema to compare with */
    double start = lab_clock();
    Counts few = allocated(c->fixture, c->few, "few"), many = allocated(c->fixture, c->many, "many");
    /* a very slow machine also writes signs of life, one every 5 s, of about 100 allocations each */
    long slack = SLACK + 120 * (long)((lab_clock() - start) / 5);
    assert_int_equal(many.engine, few.engine);
    if (!COUNTED)
        return;
    if (getenv("LAB_STEP_SHOW") != NULL)
        print_message("%d threads: %ld %ld, engine %ld %ld\n", threads, few.all, many.all, few.engine, many.engine);
    if (many.all - few.all > slack)
        fail_msg("%d more steps made %ld more allocations", (int)MORE_STEPS, many.all - few.all);
}

static void a_step_makes_no_allocation_of_the_engine(void **state)
{
    allocations_are_equal(*state, 1);
}

static void a_step_makes_no_allocation(void **state)
{
    long before = atomic_load(&allocations);
    if (!COUNTED) {
        print_message("skipped: malloc is a sanitizer's, or not glibc's\n");
        skip();
    }
    /* the counter works, also for allocations by another library */
    void *volatile block = malloc(1);
    free(block);
    block = strdup("text");
    free(block);
    assert_true(atomic_load(&allocations) - before >= 2);
    allocations_are_equal(*state, 1);
}

static void a_step_of_monte_carlo_em_makes_no_allocation(void **state)
{
    static const char *const bound[] = {"logjoint", NULL};
    const LabMonteCarloEM em = {
        .transitions = 2, .updates = 2, .hmc = {.leapfrog = 2, .step_size = 0.1, .accept = 0.9}};
    Fixture *f = ((Case *)*state)->fixture;
    f->run.spec.monte_carlo_em = &em;
    f->run.spec.objective = bound[0];
    f->run.spec.metrics = bound;
    allocations_are_equal(*state, 1);
}

static void a_step_on_two_threads_makes_no_allocation(void **state)
{
    allocations_are_equal(*state, 2);
}

static void a_step_makes_no_system_call(void **state)
{
    static Calls few, many;
    Case *c = *state;
    trace(&few, nothing, NULL);
    trace(&many, hundred_calls, NULL);
    if (few.why == NULL)
        few.why = many.why;
    if (few.why != NULL) {
        print_message("skipped: %s\n", few.why);
        skip();
    }
    assert_int_equal(many.all - few.all, 100); /* the tracer counts them */
    trace(&many, hundred_clocks, NULL);
    if (many.all - few.all >= 100) {
        print_message("skipped: the clock is a system call on this machine\n");
        skip();
    }

    called(&few, c->fixture, c->few, "few");
    called(&many, c->fixture, c->many, "many");
    /* a very slow machine also writes checkpoints, one every 10 s, of about 20 calls each */
    long slack = SLACK + 50 * (long)(many.seconds / 10);
    for (size_t i = 0; many.all - few.all > slack && i < KINDS; i++) {
        if (many.kind[i] > few.kind[i])
            print_message("system call %zu: %ld, and %ld with more steps\n", i, few.kind[i], many.kind[i]);
    }
    if (many.all - few.all > slack)
        fail_msg("%d more steps made %ld more system calls", (int)MORE_STEPS, many.all - few.all);
    /* the first, the last, and 10 a second */
    assert_true((double)many.reports <= 3 + 10 * many.seconds);
    if (getenv("LAB_STEP_SHOW") != NULL)
        print_message("%ld %ld calls, %ld %ld reports, %.2f s\n", few.all, many.all, few.reports, many.reports,
                      many.seconds);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_case, teardown_case)
    const struct CMUnitTest tests[] = {
        TEST(a_step_makes_no_allocation_of_the_engine),
        TEST(a_step_makes_no_allocation),
        TEST(a_step_of_monte_carlo_em_makes_no_allocation),
        TEST(a_step_on_two_threads_makes_no_allocation),
        TEST(a_step_makes_no_system_call),
    };
    return cmocka_run_group_tests_name("lab step", tests, NULL, NULL);
}
