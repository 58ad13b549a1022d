/*
 * Waiting: for time, for several tasks at once; and being cancelled meanwhile, before and at the same instant.
 */
#include "support/tasks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t wall_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return CORO_S(now.tv_sec) + now.tv_nsec;
}

static void *returns(void *input)
{
    return input;
}

static void *sleeps_a_second(void *input)
{
    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    return input;
}

/* ---- time ---- */

static void *marks_after(void *step)
{
    const char *letter_and_ms = step;

    EXPECT_INT(coro_sleep(CORO_MS(letter_and_ms[1])), 0);
    mark(letter_and_ms[0]);
    return NULL;
}

static void spawn_each(const char *const *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        EXPECT_INT(coro_spawn(NULL, marks_after, (void *)(uintptr_t)steps[i], NULL), 0);
}

static void *sleeps_in_order(void *arg)
{
    static const char *const steps[] = {"d\x1e", "a\x0a", "e\x1e", "b\x0a", "z\x7f", "f\x1e", "c\x14"};

    spawn_each(steps, sizeof steps / sizeof *steps);
    return arg;
}

static void sleepers_wake_by_deadline_and_equal_ones_in_turn(void **state)
{
    (void)state;
    run(sleeps_in_order, NULL);
    assert_string_equal(trace, "abcdefz");
}

/* More than a heap of a few levels, with equal deadlines among them. */
enum { SLEEPERS = 400 };
static int64_t deadlines[SLEEPERS];
static size_t woken[SLEEPERS], woken_count;

static void *wakes_at_its_deadline(void *place)
{
    size_t i = (uintptr_t)place;

    EXPECT_INT(coro_sleep_until(deadlines[i]), 0);
    EXPECT(coro_now() == deadlines[i]);
    woken[woken_count++] = i;
    return NULL;
}

static void *gives_up_before(void *t)
{
    EXPECT_INT(coro_join(t, NULL, coro_after(1 + (int64_t)random_below(50))), -ETIMEDOUT);
    EXPECT_INT(coro_detach(t), 0);
    return NULL;
}

static void *sleeps_at_random(void *arg)
{
    coro_task_t *last = NULL;

    for (size_t i = 0; i < SLEEPERS; i++)
        deadlines[i] = coro_after(CORO_US(1) + (int64_t)random_below(SLEEPERS / 4));
    for (size_t i = 0; i < SLEEPERS; i++) {
        coro_task_t *t = spawned(wakes_at_its_deadline, (void *)i);

        if (i % 4 == 0) /* timers that are set and unset again */
            EXPECT_INT(coro_spawn(NULL, gives_up_before, t, NULL), 0);
        else
            EXPECT_INT(coro_detach(t), 0);
        if (i % 4 == 0)
            last = t;
    }
    EXPECT(last != NULL);
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    return arg;
}

static void many_sleepers_wake_in_order(void **state)
{
    (void)state;
    woken_count = 0;
    assert_int_equal(coro_run(sleeps_at_random, NULL, NULL, &(coro_sched_opts){.virtual_time = true}), 0);
    assert_nothing_unexpected();
    assert_int_equal(woken_count, SLEEPERS);
    for (size_t i = 1; i < SLEEPERS; i++) {
        int64_t before = deadlines[woken[i - 1]], now = deadlines[woken[i]];

        assert_true(before < now || (before == now && woken[i - 1] < woken[i]));
    }
}

static void *sleeps_for_no_time(void *arg)
{
    static const int64_t none[] = {0, -1, INT64_MIN};
    int64_t now = coro_now();

    for (int i = 0; i < 3; i++) {
        EXPECT_INT(coro_sleep(none[i]), 0);
        mark(*(char *)arg);
        EXPECT_INT(coro_sleep_until(none[i]), 0);
        mark(*(char *)arg);
    }
    EXPECT_INT(coro_sleep_until(1), 0);
    mark(*(char *)arg);
    EXPECT_INT(coro_sleep_until(coro_now()), 0);
    mark(*(char *)arg);
    EXPECT(coro_now() == now);
    return NULL;
}

static void *two_sleep_for_no_time(void *arg)
{
    EXPECT_INT(coro_spawn(NULL, sleeps_for_no_time, "a", NULL), 0);
    EXPECT_INT(coro_spawn(NULL, sleeps_for_no_time, "b", NULL), 0);
    return arg;
}

static void a_sleep_of_no_time_is_a_pause(void **state)
{
    (void)state;
    run(two_sleep_for_no_time, NULL);
    assert_string_equal(trace, "abababababababab");
}

static void *sleeps_a_tenth(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_MS(100)), 0);
    return arg;
}

static void *ten_sleep_a_tenth(void *slack)
{
    int64_t begin = coro_now(), took;
    coro_task_t *t[10];

    for (int i = 0; i < 10; i++)
        t[i] = spawned(sleeps_a_tenth, NULL);
    EXPECT_INT(coro_join_all(t, 10, NULL, CORO_FOREVER), 0);
    took = coro_now() - begin;
    EXPECT(took >= CORO_MS(100) && took <= CORO_MS(100) + *(int64_t *)slack);
    return NULL;
}

static void ten_that_sleep_for_a_tenth_take_a_tenth_together(void **state)
{
    int64_t slack = 0, begin = wall_clock();
    (void)state;

    run(ten_sleep_a_tenth, &slack);
    assert_true(wall_clock() - begin < CORO_MS(100) || scaled(100) != 100);
}

/* On the wall clock. */
static void so_they_do_in_real_time(void **state)
{
    int64_t slack = CORO_MS(800), begin = wall_clock();
    (void)state;

    run_as((coro_sched_opts){0}, ten_sleep_a_tenth, &slack);
    assert_true(wall_clock() - begin >= CORO_MS(100));
}

/* On the wall clock. */
static void *times_out_in_real_time(void *arg)
{
    int64_t begin = wall_clock();
    coro_task_t *t = spawned(sleeps_a_tenth, arg);

    EXPECT_INT(coro_join(t, NULL, coro_after(CORO_MS(20))), -ETIMEDOUT);
    EXPECT(wall_clock() - begin >= CORO_MS(20));
    EXPECT_PTR(joined(t), arg);
    EXPECT(wall_clock() - begin >= CORO_MS(100));
    return arg;
}

static void deadlines_pass_in_real_time(void **state)
{
    (void)state;
    run_as((coro_sched_opts){0}, times_out_in_real_time, NULL);
}

static void *waits_a_day(void *arg)
{
    int64_t begin = coro_now();
    coro_task_t *t = spawned(sleeps_a_second, arg);

    EXPECT_INT(coro_sleep(CORO_S(24 * 3600)), 0);
    EXPECT(coro_now() - begin == CORO_S(24 * 3600));
    joined(t);
    return arg;
}

static void a_day_of_virtual_time_takes_no_time(void **state)
{
    int64_t begin = wall_clock();
    (void)state;

    run(waits_a_day, NULL);
    assert_true(wall_clock() - begin < CORO_S(1));
}

static void *looks_at_the_clock(void *arg)
{
    int64_t now = coro_now();

    for (volatile int i = 0; i < 100000; i++)
        ;
    EXPECT(coro_now() == now);
    EXPECT(coro_after(CORO_MS(1)) == now + CORO_MS(1));
    EXPECT(coro_after(CORO_FOREVER) == CORO_FOREVER);
    EXPECT_INT(coro_pause(), 0);
    EXPECT(coro_now() == now);
    return arg;
}

static void virtual_time_stands_still_while_tasks_run_and_ends_with_them(void **state)
{
    int64_t before = wall_clock();
    (void)state;

    run(waits_a_day, NULL);
    run(looks_at_the_clock, NULL);
    assert_true(coro_now() >= before && coro_now() < before + CORO_S(3600));
}

/* The end of time, and beyond. */
static void *waits_at_the_end_of_time(void *arg)
{
    coro_task_t *t = spawned(sleeps_a_second, arg), *late = spawned(wakes_at_its_deadline, (void *)0);

    EXPECT_INT(coro_join(t, NULL, INT64_MIN), -ETIMEDOUT);
    EXPECT_INT(coro_join(t, NULL, -1), -ETIMEDOUT);
    EXPECT_INT(coro_join(t, NULL, INT64_MAX), 0);
    joined(late);
    EXPECT(coro_after(1) == CORO_FOREVER && coro_after(CORO_S(1)) == CORO_FOREVER);
    return arg;
}

static void deadlines_go_to_the_end_of_time_and_not_over_it(void **state)
{
    (void)state;
    woken_count = 0;
    deadlines[0] = INT64_MAX - 1;
    run(waits_at_the_end_of_time, NULL);
}

/* ---- cancellation ---- */

static void *is_cancelled(void *arg)
{
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_sleep(CORO_FOREVER), -ECANCELED);
    EXPECT(coro_cancelled());
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(coro_sleep(1), -ECANCELED);
        EXPECT_INT(coro_sleep_until(CORO_FOREVER), -ECANCELED);
        EXPECT_INT(coro_pause(), -ECANCELED);
        EXPECT_PTR(coro_yield(NULL), NULL);
    }
    return arg;
}

static void *cancels(void *arg)
{
    coro_task_t *t = spawned(is_cancelled, arg);

    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_INT(coro_pause(), 0);
    for (int i = 0; i < 10; i++)
        EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(t), -ESRCH);
    EXPECT_INT(coro_cancel(t), -ESRCH);
    EXPECT_PTR(joined(t), arg);
    EXPECT(!coro_cancelled());
    return arg;
}

static void cancellation_is_sticky(void **state)
{
    (void)state;
    run(cancels, trace);
}

static void *cancels_itself(void *arg)
{
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT(coro_cancelled());
    EXPECT_INT(coro_sleep(1), -ECANCELED);
    return arg;
}

static void *cancels_before_the_start(void *arg)
{
    coro_task_t *t = spawned(cancels_itself, arg);

    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_PTR(joined(t), arg);
    EXPECT_PTR(joined(spawned(cancels_itself, arg)), arg);
    return arg;
}

static void a_task_may_cancel_itself_and_runs_though_cancelled_before(void **state)
{
    (void)state;
    run(cancels_before_the_start, trace);
}

static void *first_cancels_itself(void *arg)
{
    coro_task_t *t = spawned(sleeps_a_second, arg), *ended = spawned(returns, arg), *other = NULL;
    void *result = trace;

    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_join(ended, &result, CORO_FOREVER), -ECANCELED); /* even if it need not wait */
    EXPECT_INT(coro_join(t, &result, 0), -EAGAIN);
    EXPECT_INT(coro_join(ended, &result, 0), 0);
    EXPECT_PTR(result, arg);
    EXPECT_INT(coro_spawn(&other, returns, arg, NULL), 0);
    EXPECT_INT(coro_detach(other), 0);
    EXPECT_INT(coro_detach(t), 0);
    return arg;
}

static void calls_with_deadline_0_go_on_as_ever(void **state)
{
    (void)state;
    assert_null(run(first_cancels_itself, NULL));
}

static void *pauses_until_told(void *flag)
{
    while (!*(volatile bool *)flag)
        coro_sleep(0);
    while (*(volatile bool *)flag)
        coro_pause();
    return NULL;
}

static void *tells_a_cancelled_one(void *flag)
{
    coro_task_t *t = spawned(pauses_until_told, flag);

    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_INT(coro_pause(), 0);
    *(bool *)flag = true;
    EXPECT_INT(coro_pause(), 0);
    *(bool *)flag = false;
    joined(t);
    return NULL;
}

static void a_cancelled_task_lets_others_run_where_it_pauses(void **state)
{
    bool flag = false;
    (void)state;

    run(tells_a_cancelled_one, &flag);
}

static void *waits_in_a_generator(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_FOREVER), -ECANCELED);
    coro_yield(arg);
    EXPECT_INT(coro_pause(), -ECANCELED);
    return arg;
}

static void *is_cancelled_in_a_generator(void *arg)
{
    coro_t *co = made_inside(waits_in_a_generator);

    EXPECT_INT(coro_resume(co, arg).status, CORO_YIELDED);
    EXPECT_INT(coro_sleep(1), -ECANCELED);
    EXPECT_INT(coro_resume(co, arg).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    return arg;
}

static void *cancels_a_generator(void *arg)
{
    coro_task_t *t = spawned(is_cancelled_in_a_generator, arg);

    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_PTR(joined(t), arg);
    return arg;
}

static void cancellation_reaches_the_innermost_coroutine(void **state)
{
    (void)state;
    run(cancels_a_generator, trace);
}

/* ---- cancellation: every call that waits ---- */

static struct world {
    coro_task_t *asleep[2];
    coro_pool_t *pool; /* busy, and its queue is full */
    coro_future_t *future;
} world;

static int wait_sleep(int64_t deadline)
{
    return coro_sleep(deadline);
}

static int wait_sleep_until(int64_t deadline)
{
    return coro_sleep_until(deadline);
}

static int wait_join(int64_t deadline)
{
    return coro_join(world.asleep[0], NULL, deadline);
}

static int wait_join_all(int64_t deadline)
{
    return coro_join_all(world.asleep, 2, NULL, deadline);
}

static int wait_join_any(int64_t deadline)
{
    return coro_join_any(world.asleep, 2, NULL, NULL, deadline);
}

static int wait_submit(int64_t deadline)
{
    coro_future_t *f = NULL;
    int err = coro_pool_submit(world.pool, &f, returns, NULL, deadline);

    EXPECT(err == 0 || f == NULL);
    return err;
}

static int wait_future(int64_t deadline)
{
    return coro_future_wait(world.future, NULL, deadline);
}

static const struct point {
    const char *name;
    int (*call)(int64_t deadline);
    int at_once, too_late; /* with deadline 0, and with one that passes */
} points[] = {
    {"coro_sleep", wait_sleep, -ECANCELED, 0},
    {"coro_sleep_until", wait_sleep_until, -ECANCELED, 0},
    {"coro_join", wait_join, -EAGAIN, -ETIMEDOUT},
    {"coro_join_all", wait_join_all, -EAGAIN, -ETIMEDOUT},
    {"coro_join_any", wait_join_any, -EAGAIN, -ETIMEDOUT},
    {"coro_pool_submit", wait_submit, -EAGAIN, -ETIMEDOUT},
    {"coro_future_wait", wait_future, -EAGAIN, -ETIMEDOUT},
};
enum { POINTS = sizeof points / sizeof *points };

/* What came of it: the call that was interrupted, one after it, one with deadline 0. */
static struct outcome {
    int first, later, at_once;
} outcomes[POINTS];

static void *waits_at(void *place)
{
    const struct point *point = place;
    struct outcome *o = &outcomes[point - points];

    o->first = point->call(CORO_FOREVER);
    o->later = point->call(coro_after(CORO_S(1)));
    o->at_once = point->call(0);
    return NULL;
}

static void *waits_at_while_shielded(void *place)
{
    const struct point *point = place;
    struct outcome *o = &outcomes[point - points];

    EXPECT_INT(coro_shield(true), 0);
    o->first = point->call(point->call == wait_sleep ? CORO_MS(100) : coro_after(CORO_MS(100)));
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_shield(false), 1);
    EXPECT(coro_cancelled());
    o->later = point->call(coro_after(CORO_S(1)));
    EXPECT_INT(coro_shield(true), 0);
    o->at_once = point->call(0);
    EXPECT_INT(coro_shield(true), 1);
    return NULL;
}

static void *sleeps_a_while(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_S(60)), 0);
    return arg;
}

static void build_world(void)
{
    for (int i = 0; i < 2; i++)
        world.asleep[i] = spawned(sleeps_a_while, NULL);
    EXPECT_INT(coro_pool_create(&world.pool, 1, 1), 0);
    EXPECT_INT(coro_pool_submit(world.pool, &world.future, sleeps_a_while, trace, CORO_FOREVER), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pool_submit(world.pool, NULL, returns, NULL, CORO_FOREVER), 0);
}

static void end_world(void)
{
    void *result = NULL;

    EXPECT_INT(coro_join_all(world.asleep, 2, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_future_wait(world.future, &result, CORO_FOREVER), 0);
    EXPECT_PTR(result, trace);
    EXPECT_INT(coro_pool_close(world.pool), 0);
}

static void *cancels_at_each_point(void *body)
{
    build_world();
    for (size_t i = 0; i < POINTS; i++) {
        coro_task_t *t = spawned(*(coro_fn **)body, (void *)(uintptr_t)&points[i]);

        EXPECT_INT(coro_sleep(CORO_MS(10)), 0);
        EXPECT_INT(coro_cancel(t), 0);
        joined(t);
    }
    end_world();
    return NULL;
}

static void *cancels_before_each_point(void *body)
{
    build_world();
    for (size_t i = 0; i < POINTS; i++) {
        coro_task_t *t = spawned(*(coro_fn **)body, (void *)(uintptr_t)&points[i]);

        EXPECT_INT(coro_cancel(t), 0);
        joined(t);
    }
    end_world();
    return NULL;
}

static void assert_outcomes(bool shielded)
{
    for (size_t i = 0; i < POINTS; i++) {
        const struct outcome *o = &outcomes[i];
        int first = shielded ? points[i].too_late : -ECANCELED;
        int at_once = shielded && points[i].at_once == -ECANCELED ? 0 : points[i].at_once;

        if (o->first != first || o->later != -ECANCELED || o->at_once != at_once)
            fail_msg("%s: %d, then %d, with deadline 0 %d", points[i].name, o->first, o->later, o->at_once);
    }
}

static void each_call_that_waits_is_interrupted(void **state)
{
    coro_fn *body = waits_at;
    (void)state;

    memset(outcomes, 0, sizeof outcomes);
    run(cancels_at_each_point, &body);
    assert_outcomes(false);
}

static void each_call_that_would_wait_is_refused(void **state)
{
    coro_fn *body = waits_at;
    (void)state;

    memset(outcomes, 0, sizeof outcomes);
    run(cancels_before_each_point, &body);
    assert_outcomes(false);
}

static void a_shield_holds_it_back_from_each(void **state)
{
    coro_fn *body = waits_at_while_shielded;
    (void)state;

    memset(outcomes, 0, sizeof outcomes);
    run(cancels_at_each_point, &body);
    assert_outcomes(true);
    memset(outcomes, 0, sizeof outcomes);
    run(cancels_before_each_point, &body);
    assert_outcomes(true);
}

/* ---- several things at one instant ---- */

/* What may happen to a waiter the moment that its deadline passes. Who waits goes on last. */
struct meeting {
    bool cancelled, completed;
    int (*wait)(int64_t deadline);
    int result;
};

static int64_t instant, completion;
static coro_task_t *waiter, *in_time[2];
static coro_pool_t *pool;
static coro_future_t *future;

static int meet_join(int64_t deadline)
{
    void *result = NULL;
    int err = coro_join(in_time[0], &result, deadline);

    EXPECT_PTR(result, err == 0 ? trace : NULL);
    if (err == 0)
        in_time[0] = NULL;
    return err;
}

static int meet_join_all(int64_t deadline)
{
    void *results[2] = {NULL, NULL};
    int err = coro_join_all(in_time, 2, results, deadline);

    EXPECT(results[0] == (err == 0 ? trace : NULL) && results[0] == results[1]);
    if (err == 0)
        in_time[0] = in_time[1] = NULL;
    return err;
}

static int meet_join_any(int64_t deadline)
{
    void *result = NULL;
    size_t which = 7;
    int err = coro_join_any(in_time, 2, &which, &result, deadline);

    EXPECT(err == 0 ? which == 0 && result == trace : which == 7 && result == NULL);
    if (err == 0)
        in_time[0] = NULL;
    return err;
}

static int meet_future(int64_t deadline)
{
    void *result = NULL;
    int err = coro_future_wait(future, &result, deadline);

    EXPECT_PTR(result, err == 0 ? trace : NULL);
    if (err == 0)
        future = NULL;
    return err;
}

static int meet_submit(int64_t deadline)
{
    return coro_pool_submit(pool, NULL, returns, NULL, deadline);
}

static void *ends_in_time(void *arg)
{
    EXPECT_INT(coro_sleep_until(completion), 0);
    return arg;
}

static void *cancels_in_time(void *meeting)
{
    EXPECT_INT(coro_sleep_until(instant), 0);
    if (((struct meeting *)meeting)->cancelled)
        EXPECT_INT(coro_cancel(waiter), 0);
    return NULL;
}

static void *waits_for_all_that(void *meeting)
{
    struct meeting *m = meeting;

    m->result = m->wait(instant);
    EXPECT(coro_now() == instant);
    return NULL;
}

/* Timers of one instant fire in the order in which they were set: that of the spawns. */
static void *meets(void *meeting)
{
    const struct meeting *m = meeting;
    coro_task_t *canceller;

    instant = coro_after(CORO_S(1));
    completion = m->completed ? instant : instant + CORO_S(1);
    canceller = spawned(cancels_in_time, meeting);
    EXPECT_INT(coro_pool_create(&pool, 1, 0), 0);
    EXPECT_INT(coro_pool_submit(pool, &future, ends_in_time, trace, CORO_FOREVER), 0);
    for (int i = 0; i < 2; i++)
        in_time[i] = spawned(ends_in_time, trace);
    waiter = spawned(waits_for_all_that, meeting);
    joined(waiter);
    joined(canceller);
    for (int i = 0; i < 2; i++)
        if (in_time[i] != NULL)
            EXPECT_PTR(joined(in_time[i]), trace);
    if (future != NULL)
        EXPECT_INT(coro_future_wait(future, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return NULL;
}

static void completion_wins_over_cancellation_and_that_over_the_deadline(void **state)
{
    int (*const waits[])(int64_t) = {meet_join, meet_join_all, meet_join_any, meet_future, meet_submit};
    (void)state;

    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        for (unsigned happens = 0; happens < 4; happens++) {
            struct meeting m = {.cancelled = happens & 1, .completed = happens & 2, .wait = waits[i], .result = 1};

            run(meets, &m);
            if (m.result != (m.completed ? 0 : m.cancelled ? -ECANCELED : -ETIMEDOUT))
                fail_msg("call %zu, cancelled: %d, completed: %d: %d", i, m.cancelled, m.completed, m.result);
        }
}

static void *is_cancelled_while_ready(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_S(1)), 0); /* time was up already */
    EXPECT_INT(coro_sleep(CORO_S(1)), -ECANCELED);
    return arg;
}

static void *pauses_meanwhile(void *arg)
{
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pause(), -ECANCELED);
    return arg;
}

static void *cancels_those_that_are_ready(void *arg)
{
    coro_task_t *t, *pausing = spawned(pauses_meanwhile, arg);
    int64_t until = coro_after(CORO_S(1));

    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(pausing), 0);
    joined(pausing);
    t = spawned(is_cancelled_while_ready, arg);
    EXPECT_INT(coro_sleep_until(until), 0); /* this timer is set first */
    EXPECT_INT(coro_cancel(t), 0);
    joined(t);
    return arg;
}

static void a_sleep_that_is_over_is_not_cancelled_any_more(void **state)
{
    (void)state;
    run(cancels_those_that_are_ready, NULL);
}

/* ---- shield ---- */

static void *takes_shields(void *arg)
{
    EXPECT_INT(coro_shield(false), 0);
    EXPECT_INT(coro_shield(true), 0);
    EXPECT_INT(coro_shield(true), 1);
    EXPECT_INT(coro_sleep(CORO_S(2)), 0); /* cancelled meanwhile */
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_shield(false), 1);
    EXPECT(coro_cancelled());
    EXPECT_INT(coro_pause(), -ECANCELED);
    EXPECT_INT(coro_shield(true), 0);
    EXPECT_INT(coro_pause(), 0);
    return arg;
}

static void *cancels_a_shielded_one(void *arg)
{
    coro_task_t *t = spawned(takes_shields, arg);

    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_PTR(joined(t), arg);
    return arg;
}

static void a_shield_may_be_taken_and_put_away(void **state)
{
    (void)state;
    run(cancels_a_shielded_one, trace);
}

/* ---- several tasks ---- */

struct sleeper {
    int ms;
    const char *result;
};

static void *sleeps_so_long(void *sleeper)
{
    const struct sleeper *s = sleeper;

    EXPECT_INT(coro_sleep(CORO_MS(s->ms)), 0);
    return (void *)(uintptr_t)s->result;
}

static const struct sleeper sleepers[] = {{30, "0"}, {10, "1"}, {0, "2"}, {20, "3"}, {40, NULL}};
enum { N = sizeof sleepers / sizeof *sleepers };

static void spawn_sleepers(coro_task_t *t[N])
{
    for (size_t i = 0; i < N; i++)
        t[i] = spawned(sleeps_so_long, (void *)(uintptr_t)&sleepers[i]);
}

static bool untouched(void *const results[N])
{
    for (size_t i = 0; i < N; i++)
        if (results[i] != trace)
            return false;
    return true;
}

static void *joins_all(void *arg)
{
    void *results[N] = {trace, trace, trace, trace, trace};
    int64_t begin = coro_now();
    coro_task_t *t[N];

    spawn_sleepers(t);
    EXPECT_INT(coro_join_all(t, N, results, 0), -EAGAIN);
    EXPECT_INT(coro_join_all(t, N, results, 1), -ETIMEDOUT);
    EXPECT_INT(coro_join_all(t, N, results, coro_after(CORO_MS(15))), -ETIMEDOUT);
    EXPECT(untouched(results));
    EXPECT_INT((coro_join_all)(t, N, results, CORO_FOREVER), 0);
    for (size_t i = 0; i < N; i++)
        EXPECT_PTR(results[i], sleepers[i].result);
    EXPECT(coro_now() - begin == CORO_MS(40));

    spawn_sleepers(t);
    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    EXPECT_INT(coro_join_all(t, N, NULL, 0), 0); /* all have ended */
    EXPECT_INT(coro_join_all(t, 0, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_join_all(NULL, 0, NULL, 1), 0);
    return arg;
}

static void join_all_gives_results_in_input_order_or_leaves_everything(void **state)
{
    (void)state;
    run(joins_all, NULL);
}

static void *joins_each_as_it_ends(void *arg)
{
    static const char *const order[] = {"2", "1", "3", "0", NULL};
    void *result = trace;
    size_t which = 7;
    coro_task_t *t[N];

    spawn_sleepers(t);
    EXPECT_INT(coro_join_any(t, N, &which, &result, 0), -EAGAIN);
    EXPECT_INT(coro_join_any(t, N, &which, &result, 1), -ETIMEDOUT);
    EXPECT(which == 7 && result == trace);
    for (size_t left = N; left > 0; left--) {
        EXPECT_INT(coro_join_any(t, left, &which, &result, CORO_FOREVER), 0);
        EXPECT_PTR(result, order[N - left]);
        EXPECT(which < left);
        memmove(&t[which], &t[which + 1], (left - 1 - which) * sizeof *t);
    }
    EXPECT_INT(coro_join_any(t, 0, &which, &result, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_join_any(t, 0, &which, &result, 0), -EINVAL);

    spawn_sleepers(t);
    EXPECT_INT(coro_join_any(t, N, NULL, NULL, coro_after(CORO_MS(5))), 0); /* the third */
    t[2] = t[N - 1];
    EXPECT_INT(coro_join_any(t, N - 1, &which, NULL, coro_after(CORO_MS(5))), -ETIMEDOUT);
    EXPECT_INT(coro_sleep(CORO_MS(15)), 0);
    EXPECT_INT(coro_join_any(t, N - 1, &which, &result, CORO_FOREVER), 0); /* two have ended: the first in the array */
    EXPECT(which == 1 && strcmp(result, "1") == 0);
    t[1] = t[3];
    EXPECT_INT((coro_join_any)(t, 3, &which, &result, 0), 0);
    EXPECT(which == 1 && strcmp(result, "3") == 0);
    t[1] = t[2];
    EXPECT_INT(coro_join_all(t, 2, NULL, CORO_FOREVER), 0);
    return arg;
}

static void join_any_gives_the_first_that_has_ended(void **state)
{
    (void)state;
    run(joins_each_as_it_ends, NULL);
}

static void *joins_one_of_them(void *t)
{
    joined(t);
    return NULL;
}

/* Whatever is wrong with one of them, the others are as they were. */
static void *joins_wrong_ones(void *arg)
{
    coro_task_t *t[N], *joiner, *detached = spawned(sleeps_a_second, arg);
    coro_task_t *wrong[] = {NULL, coro_task_self(), NULL, detached, NULL};
    static const int errors[] = {-EINVAL, -EDEADLK, -EBUSY, -EINVAL, -EBUSY};
    void *results[N] = {trace, trace, trace, trace, trace};
    size_t which = 7;

    EXPECT_INT(coro_detach(detached), 0);
    spawn_sleepers(t);
    joiner = spawned(joins_one_of_them, t[4]);
    EXPECT_INT(coro_pause(), 0);
    wrong[2] = t[0]; /* twice */
    wrong[4] = t[4]; /* joined by another */
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        coro_task_t *const all[] = {t[0], t[1], wrong[i], t[3]};
        int64_t deadlines_tried[] = {CORO_FOREVER, 0, coro_after(CORO_S(1))};

        for (int d = 0; d < 3; d++) {
            EXPECT_INT(coro_join_all(all, 4, results, deadlines_tried[d]), errors[i]);
            EXPECT_INT(coro_join_any(all, 4, &which, results, deadlines_tried[d]), errors[i]);
        }
    }
    EXPECT_INT(coro_join_all(NULL, 1, results, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_join_any(NULL, 1, &which, results, CORO_FOREVER), -EINVAL);
    EXPECT(untouched(results) && which == 7);
    EXPECT_INT(coro_join_all(t, 4, results, CORO_FOREVER), 0);
    joined(joiner);
    return arg;
}

static void one_that_cannot_be_joined_leaves_the_others_as_they_were(void **state)
{
    (void)state;
    run(joins_wrong_ones, NULL);
}

static void *waits_for_several(void *t)
{
    EXPECT_INT(coro_join_all(t, 3, NULL, CORO_FOREVER), -ECANCELED);
    return NULL;
}

static void *cancels_who_waits_for_several(void *arg)
{
    coro_task_t *t[N], *by;

    spawn_sleepers(t);
    by = spawned(waits_for_several, t);
    EXPECT_INT(coro_sleep(CORO_MS(15)), 0); /* two of the three have ended */
    EXPECT_INT(coro_join(t[0], NULL, 0), -EBUSY);
    EXPECT_INT(coro_join(t[1], NULL, 0), -EBUSY);
    EXPECT_INT(coro_detach(t[1]), -EBUSY);
    EXPECT_INT(coro_cancel(by), 0);
    EXPECT_INT(coro_join(t[0], NULL, 0), -EBUSY); /* it has not gone on yet */
    joined(by);
    EXPECT_INT(coro_join_all(t, N, NULL, CORO_FOREVER), 0);
    return arg;
}

static void whoever_waits_for_several_has_them_for_so_long(void **state)
{
    (void)state;
    run(cancels_who_waits_for_several, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sleepers_wake_by_deadline_and_equal_ones_in_turn),
        TEST(many_sleepers_wake_in_order),
        TEST(a_sleep_of_no_time_is_a_pause),
        TEST(ten_that_sleep_for_a_tenth_take_a_tenth_together),
        TEST(so_they_do_in_real_time),
        TEST(deadlines_pass_in_real_time),
        TEST(a_day_of_virtual_time_takes_no_time),
        TEST(virtual_time_stands_still_while_tasks_run_and_ends_with_them),
        TEST(deadlines_go_to_the_end_of_time_and_not_over_it),
        TEST(cancellation_is_sticky),
        TEST(a_task_may_cancel_itself_and_runs_though_cancelled_before),
        TEST(calls_with_deadline_0_go_on_as_ever),
        TEST(a_cancelled_task_lets_others_run_where_it_pauses),
        TEST(cancellation_reaches_the_innermost_coroutine),
        TEST(each_call_that_waits_is_interrupted),
        TEST(each_call_that_would_wait_is_refused),
        TEST(a_shield_holds_it_back_from_each),
        TEST(completion_wins_over_cancellation_and_that_over_the_deadline),
        TEST(a_sleep_that_is_over_is_not_cancelled_any_more),
        TEST(a_shield_may_be_taken_and_put_away),
        TEST(join_all_gives_results_in_input_order_or_leaves_everything),
        TEST(join_any_gives_the_first_that_has_ended),
        TEST(one_that_cannot_be_joined_leaves_the_others_as_they_were),
        TEST(whoever_waits_for_several_has_them_for_so_long),
    };

    return RUN_TESTS(tests);
}
