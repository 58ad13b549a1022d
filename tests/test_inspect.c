/*
 * coro_dump(), coro_dump_on_signal() and coro_stats(): what they say is compared with what the tasks of the test do, line by line. Time is
 * virtual, so that "since" is exact; real where another thread or a signal takes part.
 */
#include "support/tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what was written ---- */

static char said[65536];

/* Into `said`. The result of coro_dump(). */
static int dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC), err = coro_dump(fd);
    ssize_t n = pread(fd, said, sizeof said - 1, 0);

    said[n > 0 ? n : 0] = '\0';
    close(fd);
    return err;
}

/* How often is this in what was said? */
static size_t times(const char *text)
{
    size_t n = 0;

    for (const char *at = strstr(said, text); at != NULL; at = strstr(at + 1, text))
        n++;
    return n;
}

static bool says(const char *text)
{
    if (times(text) != 0)
        return true;
    print_error("not said: %s\nbut: %s\n", text, said);
    return false;
}

/* "before", a site, "after": a part of a line. */
static bool says_at(const char *before, const char *site, const char *after)
{
    char text[512];

    snprintf(text, sizeof text, "%s%s%s", before, site, after);
    return says(text);
}

/* ---- tasks ---- */

static coro_chan_t *channel;
static const char *spawned_at, *received_at, *joined_at, *slept_at;

static void *receives(void *arg)
{
    int ignored;

    received_at = CORO_HERE, coro_chan_recv(channel, &ignored, CORO_FOREVER);
    return arg;
}

static coro_task_t *spawned_as(coro_fn *fn, void *arg, const char *name)
{
    coro_opts opts = {.name = name};
    coro_task_t *t = NULL;

    spawned_at = CORO_HERE, coro_spawn(&t, fn, arg, &opts);
    EXPECT(t != NULL);
    return t;
}

static void open_channel(void)
{
    EXPECT_INT(coro_chan_create(&channel, sizeof(int), 0), 0);
}

/* Whoever waits on it goes on; they are joined. */
static void close_channel(coro_task_t *const tasks[], size_t n)
{
    EXPECT_INT(coro_chan_close(channel), 0);
    EXPECT_INT(coro_join_all(tasks, n, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_destroy(channel), 0);
}

static void *joins(void *t)
{
    joined_at = CORO_HERE, coro_join(t, NULL, CORO_FOREVER);
    return NULL;
}

static void *sleeps(void *ns)
{
    slept_at = CORO_HERE, coro_sleep(*(int64_t *)ns);
    return NULL;
}

static void *returns(void *arg)
{
    return arg;
}

/* ---- one scheduler ---- */

static void *every_state(void *arg)
{
    int64_t day = CORO_S(86400);
    coro_task_t *tasks[4];

    open_channel();
    tasks[0] = spawned_as(receives, NULL, "waiter");
    tasks[1] = spawned_as(joins, tasks[0], "joiner");
    tasks[2] = spawned_as(sleeps, &day, "sleeper");
    coro_sleep(CORO_MS(1250));
    tasks[3] = spawned_as(returns, NULL, "newcomer");
    EXPECT_INT(dump(), 0);

    EXPECT(says(": 5 tasks: 1 running, 1 ready, 3 waiting\n"));
    EXPECT(says("  1 task running, created at "));
    EXPECT(says("\n      'main' (#"));
    EXPECT(says("), has used "));
    EXPECT(says(" of 65536 bytes of stack\n"));
    EXPECT(says_at("  1 task waiting to receive from a channel, at ", received_at, ", created at "));
    EXPECT(says_at(", created at ", spawned_at, "\n      'waiter' (#"));
    EXPECT(says("), since 1.250 s, has used "));
    EXPECT(says_at("  1 task waiting for a task to end, at ", joined_at, ", created at "));
    EXPECT(says("      'joiner' (#"));
    EXPECT(says("), since 1.250 s, on 'waiter' (#"));
    EXPECT(says_at("  1 task waiting for time to pass, at ", slept_at, ", created at "));
    EXPECT(says("  1 task ready to begin, created at "));
    EXPECT(says("      'newcomer' (#"));
    EXPECT_INT(times("a cycle"), 0);

    coro_cancel(tasks[2]);
    coro_join(tasks[3], NULL, CORO_FOREVER);
    coro_join(tasks[2], NULL, CORO_FOREVER);
    coro_chan_close(channel);
    coro_join(tasks[1], NULL, CORO_FOREVER);
    EXPECT_INT(coro_chan_destroy(channel), 0);
    return arg;
}

static void a_dump_says_of_each_task_what_it_does(void **state)
{
    (void)state;
    run(every_state, NULL);
}

static void *a_crowd(void *arg)
{
    size_t n = alive_at_most(scaled(2000)) + 10;
    coro_task_t **tasks = calloc(n, sizeof *tasks);
    char line[96];

    open_channel();
    for (size_t i = 0; i < n; i++) {
        tasks[i] = spawned_as(receives, NULL, "one");
        if (i % 2 == 0)
            coro_sleep(CORO_MS(1));
    }
    coro_sleep(CORO_S(1));
    EXPECT_INT(dump(), 0);
    snprintf(line, sizeof line, "  %zu tasks waiting to receive from a channel, at ", n);
    EXPECT(says(line));
    EXPECT(says(", for 1.000 s to "));
    snprintf(line, sizeof line, "      and %zu more\n", n - 3);
    EXPECT(says(line));
    EXPECT_INT(times("'one'"), 3);
    EXPECT(strlen(said) < 2000);
    close_channel(tasks, n);
    free(tasks);
    return arg;
}

static void tasks_that_are_alike_are_one_group(void **state)
{
    (void)state;
    run(a_crowd, NULL);
}

static void *receives_later(void *ns)
{
    int ignored;

    coro_sleep(*(int64_t *)ns);
    coro_chan_recv(channel, &ignored, CORO_FOREVER);
    return NULL;
}

static void *in_another_order(void *arg)
{
    int64_t after[] = {CORO_S(2), CORO_S(1), CORO_S(3)};
    coro_task_t *tasks[3];

    open_channel();
    for (int i = 0; i < 3; i++)
        tasks[i] = spawned_as(receives_later, &after[i], "one");
    coro_sleep(CORO_S(4));
    EXPECT_INT(dump(), 0);
    EXPECT(says(", for 1.000 s to 3.000 s, created at "));
    close_channel(tasks, 3);
    return arg;
}

static void the_times_of_a_group_are_those_of_all(void **state)
{
    (void)state;
    run(in_another_order, NULL);
}

enum { KINDS = 70 };

static void *many_kinds(void *arg)
{
    static char sites[KINDS][32];
    coro_task_t *tasks[KINDS];

    open_channel();
    for (int i = 0; i < KINDS; i++) {
        snprintf(sites[i], sizeof sites[i], "kind.c:%d", i + 1);
        coro_spawn_at(sites[i], &tasks[i], receives, NULL, NULL);
    }
    coro_pause();
    EXPECT_INT(dump(), 0);
    EXPECT(says("kind.c:1\n"));
    EXPECT(says("kind.c:63\n"));
    EXPECT_INT(times("kind.c:64\n"), 0);
    EXPECT(says("  and 7 tasks that are unlike these\n"));
    close_channel(tasks, KINDS);
    return arg;
}

static void groups_that_have_no_room_are_counted(void **state)
{
    (void)state;
    run(many_kinds, NULL);
}

static void *joins_the_other(void *other)
{
    coro_join(*(coro_task_t **)other, NULL, CORO_FOREVER);
    return NULL;
}

static void *a_cycle(void *arg)
{
    static coro_task_t *left, *right;

    left = spawned_as(joins_the_other, &right, "left");
    right = spawned_as(joins_the_other, &left, "right");
    coro_pause();
    EXPECT_INT(dump(), 0);
    EXPECT(says("libcoro: a cycle: 'left' (#"));
    EXPECT(says(") waits for 'right' (#"));
    EXPECT(says(") waits for 'left' (#"));
    EXPECT_INT(dump(), 0); /* the search has left no marks */
    EXPECT_INT(times("a cycle"), 1);
    coro_cancel(left);
    coro_pause(); /* and nobody waits for the other any more */
    EXPECT_INT(coro_join(right, NULL, CORO_FOREVER), 0);
    return arg;
}

static void cycles_are_found_while_others_go_on(void **state)
{
    (void)state;
    run(a_cycle, NULL);
}

static void *some_have_ended(void *arg)
{
    coro_task_t *t[2] = {spawned_as(returns, NULL, "ended"), spawned_as(returns, NULL, "ended")};

    coro_pause();
    EXPECT_INT(dump(), 0);
    EXPECT(says(": 1 task: 1 running, 0 ready, 0 waiting; 2 have ended, and are to be joined\n"));
    EXPECT_INT(times("'ended'"), 0);
    EXPECT_INT(coro_join_all(t, 2, NULL, CORO_FOREVER), 0);
    return arg;
}

static void tasks_that_have_ended_are_counted(void **state)
{
    (void)state;
    run(some_have_ended, NULL);
}

static void *a_generator(void *arg)
{
    coro_pause(); /* the task that it runs in does */
    EXPECT_INT(dump(), 0);
    return arg;
}

static void *inside_a_coroutine(void *arg)
{
    coro_t *co = made_inside(a_generator);
    coro_task_t *t = spawned_as(receives, NULL, "waiter");

    coro_resume(co, NULL);
    EXPECT(says("  1 task running, created at "));
    EXPECT(says("'main'"));
    EXPECT_INT(coro_destroy(co), 0);
    close_channel(&t, 1);
    return arg;
}

static void *with_a_channel(void *arg)
{
    open_channel();
    return inside_a_coroutine(arg);
}

static void a_dump_may_be_asked_for_in_a_coroutine_of_a_task(void **state)
{
    (void)state;
    run(with_a_channel, NULL);
}

/* ---- stackless ---- */

struct listens {
    CORO_ASYNC_POINT;
    int got, result;
};

CORO_ASYNC(int, listens)
{
    CORO_ASYNC_BEGIN;
    CORO_AWAIT(self->result, coro_chan_recv(channel, &self->got, CORO_FOREVER));
    CORO_ASYNC_RETURN(self->result);
    CORO_ASYNC_END;
}

struct naps {
    CORO_ASYNC_POINT;
    int result;
    int64_t ns;
};

CORO_ASYNC_LIGHT(int, naps)
{
    CORO_ASYNC_BEGIN;
    CORO_AWAIT(self->result, coro_sleep(self->ns));
    CORO_ASYNC_RETURN(self->result);
    CORO_ASYNC_END;
}

struct dumps {
    CORO_ASYNC_POINT;
};

CORO_ASYNC_LIGHT(int, dumps)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(dump());
    CORO_ASYNC_END;
}

static void *stackless_ones(void *arg)
{
    coro_task_t *t[3];

    open_channel();
    EXPECT_INT(coro_async_spawn(&t[0], listens, &(struct listens){0}), 0);
    EXPECT_INT(coro_async_spawn(&t[1], naps, &(struct naps){.ns = CORO_S(10)}), 0);
    coro_sleep(CORO_S(2));
    EXPECT_INT(coro_async_spawn(&t[2], dumps, &(struct dumps){0}), 0);
    coro_pause();
    EXPECT(says(": 4 tasks: 1 running, 1 ready, 2 waiting\n"));
    EXPECT(says("  1 task waiting to receive from a channel, at "));
    EXPECT(says("\n      'listens', since 2.000 s, 0x"));
    EXPECT(says("  1 task waiting for time to pass, stackless, of "));
    EXPECT(says("\n      'naps', 0x"));
    EXPECT(says("  1 task running, stackless, of "));
    EXPECT(says("\n      'dumps', 0x"));
    coro_join(t[1], NULL, CORO_FOREVER);
    coro_join(t[2], NULL, CORO_FOREVER);
    close_channel(t, 1);
    return arg;
}

static void stackless_tasks_are_listed_by_body(void **state)
{
    (void)state;
    run(stackless_ones, NULL);
}

/* ---- several schedulers, or none ---- */

static void without_a_scheduler_that_is_said(void **state)
{
    (void)state;
    assert_int_equal(dump(), 0);
    assert_string_equal(said, "libcoro: no scheduler\n");
}

static void every_scheduler_of_the_thread_is_dumped(void **state)
{
    coro_sched_t *s[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(coro_sched_create(&s[i], NULL), 0);
        assert_int_equal(coro_sched_spawn(s[i], NULL, returns, NULL, NULL), 0);
    }
    assert_int_equal(dump(), 0);
    assert_int_equal(times("libcoro: scheduler "), 2);
    assert_int_equal(times(": 1 task: 0 running, 1 ready, 0 waiting\n"), 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(coro_sched_run(s[i]), 0);
        assert_int_equal(coro_sched_destroy(s[i]), 0);
    }
    assert_int_equal(dump(), 0);
    assert_string_equal(said, "libcoro: no scheduler\n");
}

static atomic_bool begun, over;

static void *waits_until_over(void *arg)
{
    atomic_store(&begun, true);
    while (!atomic_load(&over))
        coro_sleep(CORO_MS(1));
    return arg;
}

static void *hogs_until_over(void *arg)
{
    atomic_store(&begun, true);
    while (!atomic_load(&over))
        usleep(1000);
    return arg;
}

static void *has_a_scheduler(void *body)
{
    coro_task_t *t;
    coro_sched_t *s;

    coro_sched_create(&s, NULL);
    coro_sched_spawn(s, &t, *(coro_fn **)body, NULL, &(coro_opts){.name = "elsewhere"});
    coro_sched_run(s);
    coro_join(t, NULL, 0);
    coro_sched_destroy(s);
    return NULL;
}

static void dump_beside(coro_fn *body)
{
    pthread_t thread;

    atomic_store(&begun, false);
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&thread, NULL, has_a_scheduler, &body), 0);
    while (!atomic_load(&begun))
        usleep(1000);
    assert_int_equal(dump(), 0);
    atomic_store(&over, true);
    pthread_join(thread, NULL);
}

static void the_scheduler_of_another_thread_writes_itself_down(void **state)
{
    (void)state;
    dump_beside(waits_until_over);
    assert_true(says(": 1 task: 0 running, "));
    assert_true(says("      'elsewhere' (#"));
}

static void one_that_does_not_come_to_it_is_named(void **state)
{
    (void)state;
    dump_beside(hogs_until_over);
    assert_true(says("libcoro: scheduler "));
    assert_true(says(": a task of it keeps the thread, or nobody runs it\n"));
}

/* ---- misuse ---- */

static void what_cannot_be_written_is_an_error(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(coro_dump(-1), -EBADF);
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    while (write(fds[1], said, sizeof said) > 0)
        ;
    assert_int_equal(coro_dump(fds[1]), -EAGAIN);
    close(fds[0]);
    close(fds[1]);
}

static void signals_that_cannot_be_waited_for_are_refused(void **state)
{
    static const int bad[] = {-1,      SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                              SIGABRT, 32,      33,      65,      1000,   INT_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(coro_dump_on_signal(bad[i]), -EINVAL);
    assert_int_equal(coro_dump_on_signal(0), 0);
}

static int ask_in_child(long arg)
{
    coro_stats_t stats;

    (void)arg;
    if (coro_dump(STDERR_FILENO) != -ECHILD || coro_dump_on_signal(SIGUSR1) != -ECHILD || coro_stats(&stats) != -ECHILD)
        return 1;
    raise(SIGUSR1); /* the handler is the parent's, and says nothing here */
    return 0;
}

static int ask_anew_in_child(long arg)
{
    (void)arg;
    if (coro_run(returns, NULL, NULL, NULL) != 0 || coro_dump(STDERR_FILENO) != 0)
        return 1;
    return 0;
}

static void *forks(void *arg)
{
    struct child_end end = in_forked_child(ask_in_child, 0);

    EXPECT_INT(end.code, 0);
    EXPECT_INT(strlen(end.said), 0);
    return arg;
}

static void in_a_forked_child_there_is_nothing_to_see(void **state)
{
    struct child_end end;
    coro_sched_t *s;

    (void)state;
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_dump_on_signal(SIGUSR1), 0);
    end = in_forked_child(ask_in_child, 0);
    assert_int_equal(end.code, 0);
    assert_string_equal(end.said, "");
    end = in_forked_child(ask_anew_in_child, 0);
    assert_int_equal(end.code, 0);
    assert_string_equal(end.said, "libcoro: no scheduler\n");
    run(forks, NULL);
    assert_int_equal(coro_dump_on_signal(0), 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

/* ---- signals ---- */

/* Valgrind does not let the stack of a forked child grow for the frame of a signal. */
static void touch_stack(void)
{
    volatile char room[65536];

    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = 0;
}

static void by_child(struct child_end end)
{
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.code, 0);
    memcpy(said, end.said, sizeof end.said);
}

static void *raises(void *arg)
{
    coro_task_t *t;

    open_channel();
    t = spawned_as(receives, NULL, "waiter");
    coro_pause();
    raise(SIGUSR1);
    coro_pause();
    coro_sleep(CORO_MS(1)); /* a round later */
    close_channel(&t, 1);
    return arg;
}

static int raise_in_task(long signo)
{
    touch_stack();
    return coro_dump_on_signal((int)signo) == 0 && coro_run(raises, NULL, NULL, NULL) == 0 ? 0 : 1;
}

static void a_signal_says_who_runs_and_then_everything(void **state)
{
    (void)state;
    by_child(in_fresh_child(raise_in_task, SIGUSR1));
    assert_true(says("libcoro: signal USR1: thread "));
    assert_true(says(" runs 'main' (#1), created at "));
    assert_true(says(": 2 tasks: 0 running, "));
    assert_true(says("  1 task waiting to receive from a channel, at "));
    assert_true(says("      'waiter' (#2), since "));
}

static void *raised_inside(void *arg)
{
    raise(SIGUSR1);
    return arg;
}

static void *resumes(void *arg)
{
    coro_t *co = NULL;

    coro_create(&co, raised_inside, &(coro_opts){.name = "inner"});
    coro_resume(co, NULL);
    coro_destroy(co);
    return arg;
}

static int raise_in_coroutine(long signo)
{
    touch_stack();
    return coro_dump_on_signal((int)signo) == 0 && coro_run(resumes, NULL, NULL, NULL) == 0 ? 0 : 1;
}

static void a_signal_says_which_coroutine_of_the_task_runs(void **state)
{
    (void)state;
    by_child(in_fresh_child(raise_in_coroutine, SIGUSR1));
    assert_true(says(" runs 'main' (#1), created at "));
    assert_true(says(", in 'inner' (#2), created at "));
}

struct raises_light {
    CORO_ASYNC_POINT;
};

CORO_ASYNC_LIGHT(int, raises_light)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(raise(SIGUSR1));
    CORO_ASYNC_END;
}

static void *spawns_light(void *arg)
{
    coro_task_t *t;

    coro_async_spawn(&t, raises_light, &(struct raises_light){0});
    coro_join(t, NULL, CORO_FOREVER);
    return arg;
}

static int raise_in_stackless(long signo)
{
    touch_stack();
    return coro_dump_on_signal((int)signo) == 0 && coro_run(spawns_light, NULL, NULL, NULL) == 0 ? 0 : 1;
}

static void a_signal_says_which_stackless_task_runs(void **state)
{
    (void)state;
    by_child(in_fresh_child(raise_in_stackless, SIGUSR1));
    assert_true(says(" runs 'raises_light', stackless, of "));
}

/* The scheduler waits for events: nothing but the signal can end that. */
static int pipe_of_child[2];
static pthread_t thread_of_child;

static void *reads(void *arg)
{
    char c;

    atomic_store(&begun, true);
    return coro_read(pipe_of_child[0], &c, 1, CORO_FOREVER) == 1 ? arg : NULL;
}

static void *signals_from_outside(void *arg)
{
    while (!atomic_load(&begun))
        usleep(1000);
    usleep(100000);
    pthread_kill(thread_of_child, SIGUSR1);
    usleep(100000);
    if (write(pipe_of_child[1], "x", 1) != 1)
        return NULL;
    return arg;
}

static int wait_for_input(long arg)
{
    pthread_t other;
    int err;

    (void)arg;
    touch_stack();
    thread_of_child = pthread_self();
    if (pipe(pipe_of_child) != 0 || coro_dump_on_signal(SIGUSR1) != 0 ||
        pthread_create(&other, NULL, signals_from_outside, NULL) != 0)
        return 1;
    err = coro_run(reads, NULL, NULL, NULL);
    pthread_join(other, NULL);
    return -err;
}

static void a_scheduler_that_waits_dumps_at_once(void **state)
{
    (void)state;
    by_child(in_fresh_child(wait_for_input, 0));
    assert_int_equal(times(" runs "), 0);
    assert_true(says("  1 task waiting for input, created at "));
}

static int hog_elsewhere(long arg)
{
    coro_fn *body = hogs_until_over;
    pthread_t other;

    (void)arg;
    touch_stack();
    if (coro_dump_on_signal(SIGUSR1) != 0 || pthread_create(&other, NULL, has_a_scheduler, &body) != 0)
        return 1;
    while (!atomic_load(&begun))
        usleep(1000);
    raise(SIGUSR1);
    usleep(20000);
    atomic_store(&over, true);
    pthread_join(other, NULL);
    return 0;
}

static void a_task_that_keeps_another_thread_is_named(void **state)
{
    (void)state;
    by_child(in_fresh_child(hog_elsewhere, 0));
    assert_true(says(" runs 'elsewhere' (#1), created at "));
}

static volatile sig_atomic_t before;

static void count_before(int signo)
{
    (void)signo;
    before++;
}

static int turn_off(long arg)
{
    struct sigaction now;

    (void)arg;
    touch_stack();
    signal(SIGUSR1, count_before);
    signal(SIGUSR2, count_before);
    if (coro_dump_on_signal(SIGUSR1) != 0 || coro_dump_on_signal(SIGUSR1) != 0 || coro_dump_on_signal(SIGUSR2) != 0)
        return 1;
    raise(SIGUSR1);
    raise(SIGUSR2);
    if (before != 1 || coro_dump_on_signal(0) != 0)
        return 2;
    raise(SIGUSR2);
    if (before != 2 || coro_dump_on_signal(SIGUSR1) != 0)
        return 3;
    signal(SIGUSR1, SIG_IGN); /* taken over by somebody else: not ours to give back */
    return coro_dump_on_signal(0) == 0 && sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_IGN ? 0 : 4;
}

static void turned_off_the_disposition_is_what_it_was(void **state)
{
    (void)state;
    by_child(in_fresh_child(turn_off, 0));
    assert_string_equal(said, "");
}

static int by_environment(long which)
{
    static const char *const values[] = {"SIGUSR2", "USR2", "12", "", "SIGKILL", "nonsense"};
    coro_sched_t *s;

    touch_stack();
    signal(SIGUSR2, SIG_IGN);
    setenv("CORO_DUMP", values[which], 1);
    if (coro_sched_create(&s, NULL) != 0)
        return 1;
    coro_sched_spawn(s, NULL, returns, NULL, NULL);
    raise(SIGUSR2);
    coro_sched_run(s);
    coro_sched_destroy(s);
    return 0;
}

static void the_environment_turns_it_on(void **state)
{
    (void)state;
    for (long i = 0; i < 3; i++) {
        by_child(in_fresh_child(by_environment, i));
        assert_true(says(": 1 task: 0 running, 1 ready, 0 waiting\n"));
    }
    by_child(in_fresh_child(by_environment, 3));
    assert_string_equal(said, "");
    by_child(in_fresh_child(by_environment, 4));
    assert_string_equal(said, "libcoro: CORO_DUMP: not a signal to wait for: SIGKILL\n");
    by_child(in_fresh_child(by_environment, 5));
    assert_string_equal(said, "libcoro: CORO_DUMP: not a signal to wait for: nonsense\n");
}

/* Signals at every instruction that there is: the lists that the handler reads are in order at each. */
static void *passes_on(void *arg)
{
    for (int i = 0; i < 50; i++)
        coro_pause();
    return arg;
}

static void *comes_and_goes(void *arg)
{
    coro_t *co;
    coro_task_t *t;

    for (int i = 0; !atomic_load(&over); i++) {
        if (coro_spawn(&t, passes_on, NULL, NULL) == 0)
            coro_join(t, NULL, CORO_FOREVER);
        if (coro_create(&co, returns, NULL) == 0) {
            coro_resume(co, NULL);
            coro_destroy(co);
        }
    }
    return arg;
}

static void *signals_often(void *arg)
{
    for (size_t i = scaled(300); i-- > 0;) {
        pthread_kill(thread_of_child, SIGUSR1);
        usleep(300);
    }
    atomic_store(&over, true);
    return arg;
}

static int be_signalled_often(long arg)
{
    pthread_t other;
    int null = open("/dev/null", O_WRONLY), err = 0;

    (void)arg;
    touch_stack();
    dup2(null, STDERR_FILENO);
    thread_of_child = pthread_self();
    if (coro_dump_on_signal(SIGUSR1) != 0 || pthread_create(&other, NULL, signals_often, NULL) != 0)
        return 1;
    while (!atomic_load(&over) && err == 0)
        err = coro_run(comes_and_goes, NULL, NULL, NULL);
    pthread_join(other, NULL);
    return -err;
}

static void signals_come_at_any_time(void **state)
{
    (void)state;
    by_child(in_fresh_child(be_signalled_often, 0));
}

/* ---- numbers ---- */

static size_t parked_for(const coro_stats_t *stats, const char *reason)
{
    for (size_t i = 0; i < CORO_STATS_REASONS && stats->parked_by[i].reason != NULL; i++)
        if (strcmp(stats->parked_by[i].reason, reason) == 0)
            return stats->parked_by[i].tasks;
    return 0;
}

static void *counted(void *arg)
{
    int64_t second = CORO_S(1);
    coro_task_t *tasks[4];
    coro_stats_t stats;
    uint64_t switches;

    open_channel();
    for (int i = 0; i < 3; i++)
        tasks[i] = spawned_as(receives, NULL, "waiter");
    tasks[3] = spawned_as(sleeps, &second, "sleeper");
    EXPECT_INT(coro_stats(&stats), 0);
    EXPECT_INT(stats.live, 5);
    EXPECT_INT(stats.created, 5);
    EXPECT_INT(stats.ready, 4);
    EXPECT_INT(stats.parked, 0);
    EXPECT_INT(stats.switches, 1);
    coro_pause();
    EXPECT_INT(coro_stats(&stats), 0);
    EXPECT_INT(stats.running, 1);
    EXPECT_INT(stats.ready, 0);
    EXPECT_INT(stats.parked, 4);
    EXPECT_INT(parked_for(&stats, "to receive from a channel"), 3);
    EXPECT_INT(parked_for(&stats, "for time to pass"), 1);
    EXPECT_INT(stats.bytes, 5 * 65536);
    EXPECT_INT(stats.switches, 6);
    switches = stats.switches;
    for (int i = 0; i < 1000; i++)
        coro_pause();
    EXPECT_INT(coro_stats(&stats), 0);
    EXPECT_INT(stats.switches, switches + 1000);
    close_channel(tasks, 4);
    EXPECT_INT(coro_stats(&stats), 0);
    EXPECT_INT(stats.live, 1);
    EXPECT_INT(stats.created, 5);
    EXPECT(under_valgrind() || under_sanitizer() || stats.stacks_cached >= 4);
    EXPECT(stats.bytes_cached >= stats.stacks_cached * 16384);
    return arg;
}

static void everything_is_counted(void **state)
{
    coro_stats_t stats;

    (void)state;
    run(counted, NULL);
    assert_int_equal(coro_stats(&stats), 0);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.created, 0);
    assert_int_equal(coro_stats(NULL), -EINVAL);
}

static void counts_hold_between_steps(void **state)
{
    coro_stats_t stats;
    coro_sched_t *s;

    (void)state;
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(coro_sched_spawn(s, NULL, returns, NULL, NULL), 0);
    assert_int_equal(coro_stats(&stats), 0);
    assert_int_equal(stats.switches, 0);
    assert_int_equal(stats.ready, 3);
    assert_int_equal(coro_sched_step(s, 0), 3);
    assert_int_equal(coro_stats(&stats), 0);
    assert_int_equal(stats.switches, 3);
    assert_int_equal(stats.live, 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(in_a_forked_child_there_is_nothing_to_see), /* while there has been one thread only */
        TEST(a_dump_says_of_each_task_what_it_does),
        TEST(tasks_that_are_alike_are_one_group),
        TEST(the_times_of_a_group_are_those_of_all),
        TEST(groups_that_have_no_room_are_counted),
        TEST(cycles_are_found_while_others_go_on),
        TEST(tasks_that_have_ended_are_counted),
        TEST(a_dump_may_be_asked_for_in_a_coroutine_of_a_task),
        TEST(stackless_tasks_are_listed_by_body),
        TEST(without_a_scheduler_that_is_said),
        TEST(every_scheduler_of_the_thread_is_dumped),
        TEST(the_scheduler_of_another_thread_writes_itself_down),
        TEST(one_that_does_not_come_to_it_is_named),
        TEST(what_cannot_be_written_is_an_error),
        TEST(signals_that_cannot_be_waited_for_are_refused),
        TEST(a_signal_says_who_runs_and_then_everything),
        TEST(a_signal_says_which_coroutine_of_the_task_runs),
        TEST(a_signal_says_which_stackless_task_runs),
        TEST(a_scheduler_that_waits_dumps_at_once),
        TEST(a_task_that_keeps_another_thread_is_named),
        TEST(turned_off_the_disposition_is_what_it_was),
        TEST(the_environment_turns_it_on),
        TEST(signals_come_at_any_time),
        TEST(everything_is_counted),
        TEST(counts_hold_between_steps),
    };

    return RUN_TESTS(tests);
}
