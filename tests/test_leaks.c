/*
 * CORO_LEAKS=1: what a process says at its end of coroutines that were not destroyed. The processes are children that exit().
 */
#include "support/said.h"
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- children that exit ---- */

enum { CODE = 5 };

/* exit() runs what the report hangs on. */
static _Noreturn void exits(int code)
{
    fflush(NULL);
    exit(code);
}

/* Leaks are what this is about: LeakSanitizer shall not look for them. */
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "detect_leaks=0";
}

static void *returns(void *input)
{
    return input;
}

static void *yields_once(void *input)
{
    coro_yield(input);
    return input;
}

static coro_t *leak(coro_fn *fn, const char *name)
{
    coro_t *co = NULL;

    CHECK(coro_create(&co, fn, &(coro_opts){.name = name, .flags = USUAL_FLAGS}) == 0);
    return co;
}

static int leaves_some(long wanted)
{
    coro_t *co;

    setenv("CORO_LEAKS", wanted == 1 ? "1" : wanted == 2 ? "0" : "", 1);
    if (wanted == 0)
        unsetenv("CORO_LEAKS");
    leak(yields_once, "fresh");
    coro_resume(leak(yields_once, "halfway"), NULL);
    coro_resume(leak(returns, "finished"), NULL);
    co = leak(returns, "destroyed at once");
    CHECK(coro_destroy(co) == 0);
    co = leak(returns, "destroyed after its end");
    coro_resume(co, NULL);
    CHECK(coro_destroy(co) == 0);
    exits(CODE);
}

static void what_was_not_destroyed_is_listed(void **state)
{
    struct child_end end = in_fresh_child(leaves_some, 1);
    (void)state;

    assert_int_equal(end.code, CODE);
    assert_says(&end, "^libcoro: 3 coroutines were not destroyed:\n"
                      "    'finished' \\(#3\\), dead, created at [^\n]*test_leaks\\.c:[0-9]+\n"
                      "    'halfway' \\(#2\\), suspended, created at [^\n]*test_leaks\\.c:[0-9]+\n"
                      "    'fresh' \\(#1\\), suspended, created at [^\n]*test_leaks\\.c:[0-9]+\n$");
}

static void nothing_is_said_unless_it_is_asked_for(void **state)
{
    (void)state;
    for (long wanted = 0; wanted < 4; wanted += wanted == 0 ? 2 : 1) {
        struct child_end end = in_fresh_child(leaves_some, wanted);

        assert_int_equal(end.code, CODE);
        assert_string_equal(end.said, "");
    }
}

static coro_t *until_exit;

static void destroys_late(void)
{
    CHECK(coro_destroy(until_exit) == 0);
}

static int leaves_none(long arg)
{
    (void)arg;
    setenv("CORO_LEAKS", "1", 1);
    until_exit = leak(yields_once, "destroyed by a handler of atexit()");
    CHECK(atexit(destroys_late) == 0);
    for (int i = 0; i < 100; i++) {
        coro_t *co = leak(returns, "brief");

        coro_resume(co, NULL);
        CHECK(coro_destroy(co) == 0);
    }
    exits(0);
}

static void a_clean_process_says_nothing(void **state)
{
    struct child_end end = in_fresh_child(leaves_none, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_string_equal(end.said, "");
}

static void *exits_inside(void *input)
{
    coro_t *inner = input;

    if (inner != NULL)
        coro_resume(inner, NULL);
    exits(0);
}

static int exits_inside_a_coroutine(long arg)
{
    (void)arg;
    setenv("CORO_LEAKS", "1", 1);
    coro_resume(leak(exits_inside, "outer"), leak(exits_inside, "inner"));
    return 1;
}

static void those_that_run_are_listed_as_such(void **state)
{
    struct child_end end = in_fresh_child(exits_inside_a_coroutine, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_says(&end, "^libcoro: 2 coroutines were not destroyed:\n");
    assert_says(&end, "'inner' \\(#[12]\\), running, ");
    assert_says(&end, "'outer' \\(#[12]\\), normal, ");
}

/* ---- many ---- */

static int leaves_many(long sites)
{
    static char site[40][64];

    setenv("CORO_LEAKS", "1", 1);
    for (int i = 0; i < 10; i++)
        for (long s = 0; s < sites; s++) {
            coro_t *co;

            snprintf(site[s], sizeof site[s], "file%ld.c:%ld", s, s + 1);
            if (i == 0 || s != 2) /* of the third one only */
                CHECK(coro_create_at(site[s], &co, returns, &(coro_opts){.name = "worker"}) == 0);
        }
    CHECK((coro_create)(&until_exit, returns, NULL) == 0);
    exits(0);
}

static void many_are_counted_by_their_sites(void **state)
{
    struct child_end end = in_fresh_child(leaves_many, 3);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_says(&end, "^libcoro: 22 coroutines were not destroyed:\n"
                      "    '\\(unnamed\\)' \\(#22\\), suspended, created at an unknown place [^\n]*\n"
                      "    10 created at file1\\.c:2, such as 'worker' \\(#21\\)\n"
                      "    10 created at file0\\.c:1, such as 'worker' \\(#20\\)\n"
                      "    'worker' \\(#3\\), suspended, created at file2\\.c:3\n$");
}

static void the_list_has_an_end(void **state)
{
    struct child_end end = in_fresh_child(leaves_many, 40);
    int lines = 0;
    (void)state;

    for (const char *c = end.said; *c != '\0'; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 1 + 20 + 1);
    /* 39 sites of 10, one of 1, and one that is unknown: 20 sites are named, the one of 1 is not among them */
    assert_says(&end, "^libcoro: 392 coroutines were not destroyed:\n.*\n    and 201 more\n$");
}

/* ---- threads, forks ---- */

/* What valgrind finds of threads that still run, it takes for leaks, and exits with its own code. */
static void assert_exit_code_0(const struct child_end *end)
{
    assert_int_equal(end->signal, 0);
    if (!under_valgrind())
        assert_int_equal(end->code, 0);
}

static pthread_barrier_t barrier;

static void *leaves_one(void *name)
{
    leak(yields_once, (const char *)name);
    return NULL;
}

static void *leaves_one_and_waits(void *name)
{
    leaves_one(name);
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
    return NULL;
}

static coro_t *orphan;

static void *leaves_an_orphan(void *name)
{
    orphan = leak(yields_once, (const char *)name);
    return NULL;
}

static int leaves_some_on_threads(long arg)
{
    pthread_t thread;

    (void)arg;
    setenv("CORO_LEAKS", "1", 1);
    leak(yields_once, "of the main thread");
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, leaves_one_and_waits, "of a thread that runs") == 0);
    pthread_barrier_wait(&barrier);
    CHECK(pthread_create(&thread, NULL, leaves_one, "of a thread that has ended") == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_create(&thread, NULL, leaves_an_orphan, "destroyed as an orphan") == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(coro_destroy(orphan) == 0);
    exits(0);
}

static void those_of_all_threads_are_listed(void **state)
{
    struct child_end end = in_fresh_child(leaves_some_on_threads, 0);
    (void)state;

    assert_exit_code_0(&end);
    assert_says(&end, "^libcoro: 3 coroutines were not destroyed:\n");
    assert_says(&end, "'of the main thread' \\(#1\\), suspended, ");
    assert_says(&end, "'of a thread that runs' \\(#2\\), suspended, ");
    assert_says(&end, "'of a thread that has ended' \\(#3\\), suspended, ");
}

/* A thread creates and destroys all the time while another one, at exit, reports into a pipe that nobody empties. In the middle of
   its lists, that is, and so the first one must come to stand still. */
static atomic_long rounds;
static int report_out, real_stderr;

static void *creates_and_destroys(void *arg)
{
    const coro_opts opts = {.allocator = coro_stack_mmap()}; /* unmapped when it is destroyed */

    (void)arg;
    pthread_barrier_wait(&barrier);
    for (;; rounds++) {
        coro_t *co;

        CHECK(coro_create(&co, returns, &opts) == 0);
        CHECK(coro_destroy(co) == 0);
    }
    return NULL;
}

static int bytes_in_the_pipe(void)
{
    int n = 0;

    CHECK(ioctl(report_out, FIONREAD, &n) == 0);
    return n;
}

static void *watches_and_empties(void *arg)
{
    char bytes[512];
    long before;
    ssize_t n;

    (void)arg;
    pthread_barrier_wait(&barrier);
    while (bytes_in_the_pipe() < 2048) /* half of what it holds; half of the report has no room any more */
        usleep(100);
    before = rounds;
    for (int i = 0; i < 500 && rounds < before + 3; i++) /* one may be under way */
        usleep(100);
    if (rounds >= before + 3)
        _exit(9);
    while ((n = read(report_out, bytes, sizeof bytes)) > 0)
        CHECK(write(real_stderr, bytes, (size_t)n) == n);
    return NULL;
}

static int exits_while_threads_work(long arg)
{
    enum { MANY = 20 };
    static char site[MANY][400];
    pthread_t threads[2];
    int ends[2];

    (void)arg;
    setenv("CORO_LEAKS", "1", 1);
    for (int i = 0; i < MANY; i++) {
        memset(site[i], 'a' + i, sizeof site[i] - 1);
        CHECK(coro_create_at(site[i], &until_exit, returns, NULL) == 0);
    }
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) == 4096);
    report_out = ends[0];
    real_stderr = dup(STDERR_FILENO);
    CHECK(pthread_barrier_init(&barrier, NULL, 3) == 0);
    CHECK(pthread_create(&threads[0], NULL, creates_and_destroys, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, watches_and_empties, NULL) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    exits(0);
}

static void threads_at_work_stand_still_for_the_report(void **state)
{
    struct child_end end = in_fresh_child(exits_while_threads_work, 0);
    (void)state;

    assert_exit_code_0(&end);
    assert_says(&end, "^libcoro: 2[01] coroutines were not destroyed:\n");
}

static int forks_and_exits(long arg)
{
    pid_t pid;
    int status = -1;

    (void)arg;
    setenv("CORO_LEAKS", "1", 1);
    leak(yields_once, "of the parent");
    pid = fork();
    if (pid == 0)
        exits(0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    dprintf(STDERR_FILENO, "parent:\n");
    exits(0);
}

static void a_forked_child_says_nothing_of_its_parents(void **state)
{
    struct child_end end = in_fresh_child(forks_and_exits, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_says(&end, "^parent:\nlibcoro: 1 coroutine was not destroyed:\n    'of the parent' [^\n]*\n$");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_destroyed_is_listed),
        TEST(nothing_is_said_unless_it_is_asked_for),
        TEST(a_clean_process_says_nothing),
        TEST(those_that_run_are_listed_as_such),
        TEST(many_are_counted_by_their_sites),
        TEST(the_list_has_an_end),
        TEST(those_of_all_threads_are_listed),
        TEST(threads_at_work_stand_still_for_the_report),
        TEST(a_forked_child_says_nothing_of_its_parents),
    };

    return RUN_TESTS(tests);
}
