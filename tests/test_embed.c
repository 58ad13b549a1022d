/*
 * A scheduler by itself: in a foreign event loop, fed by other threads, destroyed with tasks in it.
 */
#include "support/tasks.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static coro_sched_t *made_sched(coro_sched_opts opts)
{
    coro_sched_t *s = NULL;

    assert_int_equal(coro_sched_create(&s, &opts), 0);
    assert_non_null(s);
    return s;
}

static coro_task_t *started(coro_sched_t *s, coro_fn *fn, void *arg)
{
    coro_task_t *t = NULL;

    assert_int_equal(coro_sched_spawn(s, &t, fn, arg, NULL), 0);
    return t;
}

static void assert_joined(coro_task_t *t, const void *expected)
{
    void *result = trace;

    assert_int_equal(coro_join(t, &result, 0), 0);
    assert_ptr_equal(result, expected);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, ms);

    assert_true(n == 0 || (n == 1 && p.revents == POLLIN));
    return n == 1;
}

static void *returns(void *input)
{
    return input;
}

static void *marks_and_pauses(void *letter)
{
    for (int i = 0; i < 3; i++) {
        mark(*(char *)letter);
        coro_pause();
    }
    return letter;
}

static void *sleeps(void *ns)
{
    return coro_sleep(*(int64_t *)ns) == 0 ? ns : NULL;
}

/* ---- made, run, destroyed ---- */

static void a_scheduler_runs_what_it_was_given(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    coro_task_t *a = started(s, marks_and_pauses, "a"), *b = started(s, marks_and_pauses, "b");
    (void)state;

    assert_int_equal(coro_join(a, NULL, 0), -EAGAIN);
    assert_int_equal(coro_join(a, NULL, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_sched_run(s), 0);
    assert_string_equal(trace, "ababab");
    assert_joined(a, "a");
    assert_joined(b, "b");
    assert_int_equal(coro_sched_run(s), 0); /* nothing to do */
    a = started(s, returns, s);
    assert_int_equal(coro_sched_run(s), 0);
    assert_joined(a, s);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void two_schedulers_of_a_thread_are_apart(void **state)
{
    coro_sched_t *one = made_sched((coro_sched_opts){0}), *two = made_sched((coro_sched_opts){0});
    coro_task_t *a = started(one, marks_and_pauses, "a"), *b = started(two, marks_and_pauses, "b");
    (void)state;

    assert_int_equal(coro_sched_step(one, 0), 1);
    assert_int_equal(coro_sched_step(two, 0), 1);
    assert_int_equal(coro_sched_run(one), 0);
    assert_int_equal(coro_sched_run(two), 0);
    assert_string_equal(trace, "abaabb");
    assert_joined(a, "a");
    assert_joined(b, "b");
    assert_int_equal(coro_sched_destroy(one), 0);
    assert_int_equal(coro_sched_destroy(two), 0);
}

static coro_task_t *foreign_task;

static void *meddles_with_a_foreign_task(void *foreign)
{
    coro_task_t *both[] = {spawned(returns, foreign), foreign_task};
    void *result = trace;

    EXPECT_INT(coro_join(foreign_task, &result, CORO_FOREVER), -EPERM);
    EXPECT_INT(coro_join(foreign_task, &result, 0), -EPERM);
    EXPECT_INT(coro_join_all(both, 2, &result, CORO_FOREVER), -EPERM);
    EXPECT_INT(coro_join_any(both, 2, NULL, &result, 0), -EPERM);
    EXPECT_PTR(result, trace);
    EXPECT_INT(coro_sched_run(foreign), -EBUSY);
    EXPECT_INT(coro_sched_step(foreign, 0), -EBUSY);
    EXPECT_PTR(joined(both[0]), foreign);
    EXPECT_INT(coro_sched_spawn(foreign, NULL, marks_and_pauses, "s", NULL), 0);
    return foreign;
}

static void tasks_of_one_are_foreign_to_the_other(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    (void)state;

    foreign_task = started(s, returns, NULL);
    assert_ptr_equal(run(meddles_with_a_foreign_task, s), s);
    assert_int_equal(coro_sched_run(s), 0);
    assert_string_equal(trace, "sss");
    assert_joined(foreign_task, NULL);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void *meddles_with_its_own(void *own)
{
    EXPECT_INT(coro_sched_run(own), -EBUSY);
    EXPECT_INT(coro_sched_step(own, 0), -EBUSY);
    EXPECT_INT(coro_sched_destroy(own), -EBUSY);
    EXPECT_INT(coro_run(returns, NULL, NULL, NULL), -EBUSY);
    return own;
}

static void a_running_scheduler_is_busy(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    coro_task_t *t = started(s, meddles_with_its_own, s);
    (void)state;

    assert_int_equal(coro_sched_run(s), 0);
    assert_nothing_unexpected();
    assert_joined(t, s);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void null_and_unknown_options_are_errors(void **state)
{
    coro_sched_t *const sentinel = (coro_sched_t *)0x5e47, *s = sentinel;
    coro_task_t *const no_task = (coro_task_t *)0x5e48, *t = no_task;
    (void)state;

    assert_int_equal(coro_sched_create(NULL, NULL), -EINVAL);
    assert_int_equal(coro_sched_create(&s, &(coro_sched_opts){.policy = 2}), -EINVAL);
    assert_ptr_equal(s, sentinel);
    assert_int_equal(coro_sched_destroy(NULL), -EINVAL);
    assert_int_equal(coro_sched_run(NULL), -EINVAL);
    assert_int_equal(coro_sched_step(NULL, 0), -EINVAL);
    assert_int_equal(coro_sched_fd(NULL), -EINVAL);
    assert_true(coro_sched_next(NULL) == CORO_FOREVER);
    assert_int_equal(coro_sched_spawn(NULL, &t, returns, NULL, NULL), -EINVAL);
    s = made_sched((coro_sched_opts){0});
    assert_int_equal(coro_sched_spawn(s, &t, NULL, NULL, NULL), -EINVAL);
    assert_int_equal(coro_sched_spawn(s, &t, returns, NULL, &(coro_opts){.stack_size = 1}), -EINVAL);
    assert_int_equal(coro_sched_spawn(s, &t, returns, NULL, &(coro_opts){.flags = CORO_FORWARD_EXCEPTIONS}), -EINVAL);
    assert_ptr_equal(t, no_task);
    assert_int_equal(coro_sched_step(s, 0), 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

/* ---- steps ---- */

static void a_step_runs_each_ready_task_once(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    static const char letters[] = "abc";
    (void)state;

    assert_int_equal(coro_sched_step(s, 0), 0);
    assert_int_equal(coro_sched_step(s, CORO_FOREVER), 0); /* no task is left */
    for (int i = 0; i < 3; i++)
        assert_int_equal(coro_sched_spawn(s, NULL, marks_and_pauses, (void *)(uintptr_t)&letters[i], NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 3);
    assert_string_equal(trace, "abc");
    assert_int_equal(coro_sched_step(s, 1), 3);
    assert_int_equal(coro_sched_step(s, CORO_FOREVER), 3);
    assert_string_equal(trace, "abcabcabc");
    assert_int_equal(coro_sched_step(s, 0), 3); /* they end */
    assert_int_equal(coro_sched_step(s, 0), 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void a_step_waits_until_its_deadline(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    int64_t hour = CORO_S(3600), ns = CORO_MS(5), begin = coro_now(); /* however late it may be on a busy machine */
    coro_task_t *late = started(s, sleeps, &hour), *t;
    (void)state;

    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_step(s, 0), 0);
    assert_int_equal(coro_sched_step(s, -1), 0);
    assert_int_equal(coro_sched_step(s, begin), 0);
    assert_int_equal(coro_sched_step(s, begin + CORO_MS(10)), 0);
    assert_true(coro_now() >= begin + CORO_MS(10));
    t = started(s, sleeps, &ns);
    begin = coro_now();
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_step(s, CORO_FOREVER), 1);
    assert_true(coro_now() >= begin + ns);
    assert_joined(t, &ns);
    assert_int_equal(coro_cancel(late), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_joined(late, NULL);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void a_step_takes_virtual_time_to_its_deadline_or_the_next_timer(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){.virtual_time = true});
    int64_t day = CORO_S(24 * 3600), begin, next;
    coro_task_t *t = started(s, sleeps, &day);
    (void)state;

    assert_int_equal(coro_sched_step(s, 0), 1);
    next = coro_sched_next(s);
    begin = next - day;
    assert_true(begin <= coro_now() && begin > coro_now() - CORO_S(60));
    assert_int_equal(coro_sched_step(s, 0), 0);
    assert_int_equal(coro_sched_step(s, begin + CORO_S(3600)), 0);
    assert_true(coro_sched_next(s) == next);
    assert_int_equal(coro_sched_step(s, next - 1), 0);
    assert_int_equal(coro_sched_step(s, next), 1);
    assert_joined(t, &day);
    t = started(s, sleeps, &day);
    assert_int_equal(coro_sched_step(s, CORO_FOREVER), 1);
    assert_true(coro_sched_next(s) == next + day);
    assert_int_equal(coro_sched_step(s, CORO_FOREVER), 1);
    assert_joined(t, &day);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void *sleeps_for_good(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return arg;
}

static void next_is_the_next_thing_to_do(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    int64_t hour = CORO_S(3600), begin = coro_now();
    (void)state;

    assert_true(coro_sched_next(s) == CORO_FOREVER);
    started(s, sleeps_for_good, NULL);
    assert_true(coro_sched_next(s) <= coro_now());
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_true(coro_sched_next(s) == CORO_FOREVER);
    started(s, sleeps, &hour);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_true(coro_sched_next(s) >= begin + hour && coro_sched_next(s) <= coro_now() + hour);
    assert_int_equal(coro_sched_step(s, 0), 0); /* one that waits for good is no error here */
    assert_int_equal(coro_sched_destroy(s), 0);
}

/* ---- a foreign loop ---- */

static void the_descriptor_is_readable_when_there_is_work(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    int64_t ns = CORO_MS(5);
    coro_task_t *t;
    int fd = coro_sched_fd(s);
    (void)state;

    assert_true(fd >= 0);
    assert_int_equal(coro_sched_fd(s), fd);
    assert_false(readable(fd, 0));
    t = started(s, marks_and_pauses, "a");
    assert_true(readable(fd, 0));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(coro_sched_step(s, 0), 1);
        assert_true(readable(fd, 0));
    }
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_false(readable(fd, 0));
    assert_joined(t, "a");
    t = started(s, sleeps, &ns);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_true(readable(fd, 10000)); /* by its timer */
    assert_true(coro_sched_next(s) <= coro_now());
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_joined(t, &ns);
    assert_false(readable(fd, 0));
    assert_int_equal(coro_sched_destroy(s), 0);
}

/* What is ready or waits when the descriptor is asked for the first time is not forgotten. */
static void so_it_is_when_it_is_asked_for_late(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    int64_t ns = CORO_MS(2);
    (void)state;

    assert_int_equal(coro_sched_spawn(s, NULL, sleeps, &ns, NULL), 0);
    assert_true(readable(coro_sched_fd(s), 0));
    assert_int_equal(coro_sched_destroy(s), 0);
    s = made_sched((coro_sched_opts){0});
    assert_int_equal(coro_sched_spawn(s, NULL, sleeps, &ns, NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_true(readable(coro_sched_fd(s), 10000));
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void *sleeps_until_cancelled(void *arg)
{
    int err = coro_sleep(CORO_FOREVER);

    return err == -ECANCELED ? arg : NULL;
}

static void a_cancellation_from_outside_makes_it_readable(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    coro_task_t *t = started(s, sleeps_until_cancelled, trace);
    int fd = coro_sched_fd(s);
    (void)state;

    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_false(readable(fd, 0));
    assert_int_equal(coro_cancel(t), 0);
    assert_true(coro_sched_next(s) <= coro_now());
    assert_true(readable(fd, 0));
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_cancel(t), -ESRCH);
    assert_joined(t, trace);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void *keeps_a_pool(void *out)
{
    EXPECT_INT(coro_pool_create(out, 1, 1), 0);
    return NULL;
}

static void *closes_a_pool(void *p)
{
    EXPECT_INT(coro_pool_close(p), 0);
    return NULL;
}

static void and_so_does_work_that_is_submitted_from_outside(void **state)
{
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    coro_pool_t *pool = NULL;
    coro_future_t *f = NULL;
    void *result = NULL;
    int fd = coro_sched_fd(s);
    (void)state;

    assert_int_equal(coro_sched_spawn(s, NULL, keeps_a_pool, &pool, NULL), 0);
    while (coro_sched_step(s, 0) > 0)
        ;
    assert_false(readable(fd, 0));
    assert_int_equal(coro_pool_submit(pool, &f, returns, trace, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_pool_submit(pool, &f, returns, trace, 0), 0);
    assert_true(readable(fd, 0));
    assert_int_equal(coro_future_wait(f, &result, 0), -EAGAIN);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_future_wait(f, &result, 0), 0);
    assert_ptr_equal(result, trace);
    assert_int_equal(coro_pool_close(pool), -EPERM);
    assert_int_equal(coro_sched_spawn(s, NULL, closes_a_pool, pool, NULL), 0);
    assert_int_equal(coro_sched_run(s), 0);
    assert_nothing_unexpected();
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void a_loop_of_polls_and_steps_gets_everything_done(void **state)
{
    (void)state;
    for (int virtual = 0; virtual < 2; virtual ++) {
        coro_sched_t *s = made_sched((coro_sched_opts){.virtual_time = virtual});
        int64_t ns[10];
        int rounds = 0, fd = coro_sched_fd(s);

        for (int i = 0; i < 10; i++) {
            ns[i] = CORO_MS(1 + i % 3);
            assert_int_equal(coro_sched_spawn(s, NULL, sleeps, &ns[i], NULL), 0);
        }
        while (coro_sched_next(s) != CORO_FOREVER && rounds++ < 1000) {
            assert_true(readable(fd, 10000));
            assert_true(coro_sched_step(s, coro_sched_next(s)) >= 0);
        }
        assert_true(rounds < 1000);
        assert_int_equal(coro_sched_destroy(s), 0);
    }
}

/* ---- threads ---- */

struct foreigner {
    pthread_t thread;
    coro_sched_t *sched;
    coro_task_t *task;
    size_t spawns, failed;
    int errors[12];
};

static atomic_size_t ran;
static pthread_t home;
static atomic_size_t elsewhere;

static void *counts(void *arg)
{
    coro_pause();
    atomic_fetch_add(&ran, 1);
    if (!pthread_equal(pthread_self(), home))
        atomic_fetch_add(&elsewhere, 1);
    return arg;
}

static void *spawns_from_afar(void *arg)
{
    struct foreigner *f = arg;

    for (size_t i = 0; i < f->spawns; i++) {
        f->failed += coro_sched_spawn(f->sched, NULL, counts, f, NULL) != 0;
        if (i % 16 == 0)
            sched_yield();
    }
    return NULL;
}

static void begin(struct foreigner *f, void *(*fn)(void *))
{
    assert_int_equal(pthread_create(&f->thread, NULL, fn, f), 0);
}

static void end(struct foreigner *f)
{
    assert_int_equal(pthread_join(f->thread, NULL), 0);
}

static void *meddles_from_afar(void *arg)
{
    struct foreigner *f = arg;
    int i = 0;

    f->errors[i++] = coro_sched_run(f->sched);
    f->errors[i++] = coro_sched_step(f->sched, 0);
    f->errors[i++] = coro_sched_fd(f->sched);
    f->errors[i++] = coro_sched_destroy(f->sched);
    f->errors[i++] = coro_join(f->task, NULL, 0);
    f->errors[i++] = coro_join(f->task, NULL, CORO_FOREVER);
    f->errors[i++] = coro_join_all(&f->task, 1, NULL, 0);
    f->errors[i++] = coro_detach(f->task);
    f->errors[i++] = coro_cancel(f->task);
    f->errors[i++] = 0;
    return NULL;
}

static void other_threads_may_only_spawn(void **state)
{
    struct foreigner f = {.sched = made_sched((coro_sched_opts){0}), .spawns = 1};
    (void)state;

    f.task = started(f.sched, returns, &f);
    begin(&f, meddles_from_afar);
    end(&f);
    for (int i = 0; i < 9; i++)
        assert_int_equal(f.errors[i], -EPERM);
    assert_int_equal(coro_sched_run(f.sched), 0);
    assert_joined(f.task, &f);
    assert_int_equal(coro_sched_destroy(f.sched), 0);
}

static void *spawns_one_to_be_joined(void *arg)
{
    struct foreigner *f = arg;

    f->errors[0] = coro_sched_spawn(f->sched, NULL, NULL, f, NULL);
    f->errors[1] = coro_sched_spawn(f->sched, &f->task, marks_and_pauses, "t", NULL);
    return NULL;
}

static void a_spawn_from_another_thread_makes_the_descriptor_readable(void **state)
{
    struct foreigner f = {.sched = made_sched((coro_sched_opts){0})};
    int fd = coro_sched_fd(f.sched);
    (void)state;

    home = pthread_self();
    assert_false(readable(fd, 0));
    begin(&f, spawns_one_to_be_joined);
    end(&f); /* the task outlives the thread that made it */
    assert_int_equal(f.errors[0], -EINVAL);
    assert_int_equal(f.errors[1], 0);
    assert_true(coro_sched_next(f.sched) <= coro_now());
    assert_true(readable(fd, 10000));
    assert_int_equal(coro_sched_step(f.sched, 0), 1);
    assert_string_equal(trace, "t");
    assert_int_equal(coro_sched_run(f.sched), 0);
    assert_false(readable(fd, 0));
    assert_joined(f.task, "t");
    assert_int_equal(coro_sched_destroy(f.sched), 0);
}

enum { THREADS = 6 };

static void *is_there_until_all_have_run(void *wanted)
{
    while (atomic_load(&ran) < *(size_t *)wanted)
        if (coro_sleep(CORO_MS(1)) != 0)
            return NULL;
    return wanted;
}

/* `loop`: by polls and steps; else coro_sched_run() looks after it, and sleeps in between. */
static void feed_from_threads(bool loop)
{
    static struct foreigner f[THREADS];
    coro_sched_t *s = made_sched((coro_sched_opts){0});
    int fd = loop ? coro_sched_fd(s) : -1;
    size_t wanted = 0;
    coro_task_t *t;

    home = pthread_self();
    atomic_store(&ran, 0);
    for (int i = 0; i < THREADS; i++) {
        f[i] = (struct foreigner){.sched = s, .spawns = alive_at_most(scaled(5000)) / 2 + 1};
        wanted += f[i].spawns;
    }
    t = started(s, is_there_until_all_have_run, &wanted);
    for (int i = 0; i < THREADS; i++)
        begin(&f[i], spawns_from_afar);
    if (!loop)
        assert_int_equal(coro_sched_run(s), 0);
    while (loop && coro_join(t, NULL, 0) == -EAGAIN) {
        assert_true(readable(fd, 10000));
        assert_true(coro_sched_step(s, 0) >= 0);
    }
    for (int i = 0; i < THREADS; i++) {
        end(&f[i]);
        assert_int_equal(f[i].failed, 0);
    }
    assert_int_equal(atomic_load(&ran), wanted);
    assert_int_equal(atomic_load(&elsewhere), 0);
    if (!loop)
        assert_joined(t, &wanted);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void many_threads_may_spawn_into_a_loop(void **state)
{
    (void)state;
    feed_from_threads(true);
}

static void and_into_a_scheduler_that_runs(void **state)
{
    (void)state;
    feed_from_threads(false);
}

static void *spawns_after_a_moment(void *arg)
{
    struct foreigner *f = arg;
    const struct timespec moment = {0, 5000000};

    nanosleep(&moment, NULL);
    return spawns_from_afar(f);
}

/* On the wall clock. */
static void a_step_that_sleeps_is_woken_by_a_spawn(void **state)
{
    struct foreigner f = {.sched = made_sched((coro_sched_opts){0}), .spawns = 1};
    int64_t begun = coro_now();
    (void)state;

    atomic_store(&ran, 0);
    started(f.sched, sleeps_for_good, NULL);
    assert_int_equal(coro_sched_step(f.sched, 0), 1);
    begin(&f, spawns_after_a_moment);
    assert_int_equal(coro_sched_step(f.sched, CORO_FOREVER), 1);
    assert_true(coro_now() - begun >= CORO_MS(5));
    assert_int_equal(coro_sched_step(f.sched, CORO_FOREVER), 1);
    assert_int_equal(atomic_load(&ran), 1);
    end(&f);
    assert_int_equal(coro_sched_destroy(f.sched), 0);
}

static void what_came_in_and_never_ran_goes_with_the_scheduler(void **state)
{
    struct foreigner f = {.sched = made_sched((coro_sched_opts){0}), .spawns = 5};
    (void)state;

    begin(&f, spawns_from_afar);
    end(&f);
    assert_int_equal(f.failed, 0);
    assert_int_equal(coro_sched_destroy(f.sched), 0);
}

/* ---- destroyed with tasks in it ---- */

static coro_sched_t *doomed;
static int refusals[8], cancel_of_younger, join_of_younger;
static void *result_of_younger;
static coro_task_t *one_that_has_ended;

static void clean_up(char *letter)
{
    coro_task_t *t = NULL;
    coro_group_t g;
    int i = 0;

    mark(*letter);
    refusals[i++] = coro_pause();
    refusals[i++] = coro_sleep(CORO_S(1));
    refusals[i++] = coro_sleep(0);
    refusals[i++] = coro_spawn(&t, returns, NULL, NULL);
    refusals[i++] = coro_sched_spawn(doomed, &t, returns, NULL, NULL);
    refusals[i++] = coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER);
    refusals[i++] = coro_join(one_that_has_ended, NULL, CORO_FOREVER);
    errno = 0;
    refusals[i++] = coro_yield(letter) == NULL ? -errno : 0;
    if (*letter == 'p') { /* the oldest: the others have been unwound, but are still there to be looked after */
        cancel_of_younger = coro_cancel(one_that_has_ended);
        join_of_younger = coro_join(one_that_has_ended, &result_of_younger, 0);
    }
}

static void *pauses_with_a_cleanup(void *letter)
{
    __attribute__((cleanup(clean_up))) char mine = *(char *)letter;

    for (;;)
        coro_pause();
    return (void *)(uintptr_t)mine;
}

static void *sleeps_with_a_cleanup(void *letter)
{
    __attribute__((cleanup(clean_up))) char mine = *(char *)letter;

    coro_sleep(CORO_S(1000));
    mark('!');
    return (void *)(uintptr_t)mine;
}

static void *yields_to_its_resumer(void *letter)
{
    __attribute__((cleanup(clean_up))) char mine = *(char *)letter;

    coro_yield(&mine);
    mark('!');
    return NULL;
}

static void destroy_it(coro_t **co)
{
    if (coro_destroy(*co) != 0)
        mark('?');
}

static void *waits_below_a_nested_one(void *letters)
{
    char *mine = letters;
    __attribute__((cleanup(destroy_it))) coro_t *waits = NULL;
    __attribute__((cleanup(destroy_it))) coro_t *yields = NULL;
    __attribute__((cleanup(clean_up))) char own = mine[1];

    if (coro_create(&waits, sleeps_with_a_cleanup, NULL) == 0 &&
        coro_create(&yields, yields_to_its_resumer, NULL) == 0) {
        coro_resume(yields, &mine[2]);
        coro_resume(waits, mine);
    }
    mark('!');
    return (void *)(uintptr_t)own;
}

static int child_with_a_cleanup(void *letter)
{
    sleeps_with_a_cleanup(letter);
    return 0;
}

static void join_group(coro_group_t *g)
{
    coro_group_join(g); /* its children have gone before it */
}

static void *hosts_a_group(void *letters)
{
    char *mine = letters;
    __attribute__((cleanup(clean_up))) char own = mine[0];
    coro_group_t g;

    if (coro_group_open(&g, CORO_WAIT_ALL, coro_after(CORO_S(1000))) == 0) {
        coro_group_spawn(&g, child_with_a_cleanup, &mine[1]);
        coro_group_spawn(&g, child_with_a_cleanup, &mine[2]);
        join_group(&g);
    }
    mark('!');
    return (void *)(uintptr_t)own;
}

static void *joins_with_a_cleanup(void *t)
{
    __attribute__((cleanup(clean_up))) char mine = 'j';

    coro_join(t, NULL, coro_after(CORO_S(500)));
    mark('!');
    return (void *)(uintptr_t)mine;
}

static void destroying_a_scheduler_unwinds_the_youngest_first(void **state)
{
    coro_task_t *sleeper;
    (void)state;

    for (int steps = 0; steps < 3; steps++) {
        memset(trace, 0, sizeof trace);
        doomed = made_sched((coro_sched_opts){.virtual_time = true});
        one_that_has_ended = started(doomed, returns, NULL);
        started(doomed, pauses_with_a_cleanup, "p");
        sleeper = started(doomed, sleeps_with_a_cleanup, "s");
        started(doomed, waits_below_a_nested_one, (void *)(uintptr_t) "nmy");
        started(doomed, hosts_a_group, (void *)(uintptr_t) "hcd");
        started(doomed, joins_with_a_cleanup, sleeper);
        for (int i = 0; i < steps; i++)
            assert_true(coro_sched_step(doomed, 0) > 0);
        if (steps > 0)
            assert_joined(one_that_has_ended, NULL);
        one_that_has_ended = sleeper;
        assert_int_equal(coro_sched_destroy(doomed), 0);
        /* before the second round the children have not begun; before the first, nobody has */
        assert_string_equal(trace, steps == 0 ? "" : steps == 1 ? "jhmynsp" : "dcjhmynsp");
        for (int i = 0; steps > 0 && i < 8; i++)
            assert_int_equal(refusals[i], -ECANCELED);
        if (steps > 0) {
            assert_int_equal(cancel_of_younger, -ESRCH);
            assert_int_equal(join_of_younger, 0);
            assert_int_equal((intptr_t)result_of_younger, -ECANCELED);
        }
    }
}

static void *destroys_a_scheduler(void *s)
{
    EXPECT_INT(coro_sched_destroy(s), 0);
    EXPECT_INT(coro_sleep(1), 0);
    return s;
}

static void a_task_may_destroy_another_scheduler(void **state)
{
    (void)state;
    doomed = made_sched((coro_sched_opts){0});
    one_that_has_ended = NULL;
    started(doomed, sleeps_with_a_cleanup, "s");
    assert_int_equal(coro_sched_step(doomed, 0), 1);
    run(destroys_a_scheduler, doomed);
    assert_string_equal(trace, "s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_scheduler_runs_what_it_was_given),
        TEST(two_schedulers_of_a_thread_are_apart),
        TEST(tasks_of_one_are_foreign_to_the_other),
        TEST(a_running_scheduler_is_busy),
        TEST(null_and_unknown_options_are_errors),
        TEST(a_step_runs_each_ready_task_once),
        TEST(a_step_waits_until_its_deadline),
        TEST(a_step_takes_virtual_time_to_its_deadline_or_the_next_timer),
        TEST(next_is_the_next_thing_to_do),
        TEST(the_descriptor_is_readable_when_there_is_work),
        TEST(so_it_is_when_it_is_asked_for_late),
        TEST(a_cancellation_from_outside_makes_it_readable),
        TEST(and_so_does_work_that_is_submitted_from_outside),
        TEST(a_loop_of_polls_and_steps_gets_everything_done),
        TEST(other_threads_may_only_spawn),
        TEST(a_spawn_from_another_thread_makes_the_descriptor_readable),
        TEST(many_threads_may_spawn_into_a_loop),
        TEST(and_into_a_scheduler_that_runs),
        TEST(a_step_that_sleeps_is_woken_by_a_spawn),
        TEST(what_came_in_and_never_ran_goes_with_the_scheduler),
        TEST(destroying_a_scheduler_unwinds_the_youngest_first),
        TEST(a_task_may_destroy_another_scheduler),
    };

    return RUN_TESTS(tests);
}
