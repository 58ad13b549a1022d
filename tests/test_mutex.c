/*
 * Mutex and condition: who gets the mutex, when, and what a wait comes to.
 */
#include "support/test.h"
#include "sync/script.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static coro_mutex_t static_mutex;
static coro_cond_t static_cond;

_Static_assert(sizeof(coro_mutex_t) == 3 * sizeof(void *), "its layout is part of the interface");
_Static_assert(sizeof(coro_cond_t) == 2 * sizeof(void *), "its layout is part of the interface");

static const coro_sched_opts virtual_time = {.virtual_time = true};

/* What bodies have seen. */
static int results[8];

/* ---- locked and handed over ---- */

static void a_free_mutex_is_locked_at_once(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock unlock lock? unlock lock@0 unlock lock@5 unlock"),
                        "0 a lock, 0 a lock, 0 a lock, 0 a lock");
}

static void a_mutex_that_is_held_is_waited_for(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:3", "lock"), "0 a lock, 3 b lock");
    assert_string_equal(PLAYED("lock sleep:3", "lock@5"), "0 a lock, 3 b lock");
}

static void who_waits_is_served_in_turn(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:4", "sleep:1 lock sleep:1", "sleep:3 lock sleep:1", "sleep:2 lock sleep:1"),
                        "0 a lock, 4 b lock, 5 d lock, 6 c lock");
}

static void so_it_is_depth_first(void **state)
{
    (void)state;
    assert_string_equal(PLAYED_AS(CORO_DEPTH_FIRST, "sleep:3 lock sleep:1", "sleep:2 lock sleep:1",
                                  "sleep:1 lock sleep:1", "lock sleep:9"),
                        "0 d lock, 9 c lock, 10 b lock, 11 a lock");
}

static void and_in_any_order_of_the_ready(void **state)
{
    const char *const parts[] = {"lock sleep:4", "sleep:1 lock sleep:1", "sleep:3 lock sleep:1", "sleep:2 lock sleep:1",
                                 NULL};
    (void)state;

    for (uint64_t seed = 1; seed <= scaled(200); seed++)
        assert_string_equal(played(CORO_FIFO, seed, parts), "0 a lock, 4 b lock, 5 d lock, 6 c lock");
}

/* From the unlock on it is b's, though b has not run yet. */
static void nobody_comes_in_between(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock pause unlock lock? lock", "lock sleep:2"),
                        "0 a lock, 0 a lock=EAGAIN, 0 b lock, 2 a lock");
    assert_string_equal(PLAYED("lock pause pause unlock", "pause lock sleep:1", "pause pause lock? lock@0"),
                        "0 a lock, 0 c lock=EAGAIN, 0 c lock=ETIMEDOUT, 0 b lock");
}

static void mutexes_are_held_independently(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:3 lock1", "lock1 sleep:2 lock2", "lock2? sleep:1 unlock2"),
                        "0 a lock, 0 b lock1, 0 c lock2, 2 b lock2, 3 a lock1");
}

/* ---- who holds it ---- */

static void a_mutex_that_one_holds_oneself_is_a_deadlock(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock lock lock? lock@0 lock@5 unlock lock"),
                        "0 a lock, 0 a lock=EDEADLK, 0 a lock=EDEADLK, 0 a lock=EDEADLK, 0 a lock=EDEADLK, 0 a lock");
}

static void only_the_holder_unlocks(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("unlock lock unlock unlock"), "0 a unlock=EPERM, 0 a lock, 0 a unlock=EPERM");
    assert_string_equal(PLAYED("lock sleep:2", "unlock lock unlock unlock", "sleep:1 unlock"),
                        "0 a lock, 0 b unlock=EPERM, 1 c unlock=EPERM, 2 b lock, 2 b unlock=EPERM");
}

static void null_is_refused(void **state)
{
    coro_mutex_t m = CORO_MUTEX_INIT;
    coro_cond_t c = CORO_COND_INIT;
    (void)state;

    assert_int_equal(coro_mutex_lock(NULL, 0), -EINVAL);
    assert_int_equal(coro_mutex_lock(NULL, CORO_FOREVER), -EINVAL);
    assert_int_equal(coro_mutex_unlock(NULL), -EINVAL);
    assert_int_equal(coro_cond_wait(NULL, &m, 0), -EINVAL);
    assert_int_equal(coro_cond_wait(&c, NULL, 0), -EINVAL);
    assert_int_equal(coro_cond_signal(NULL), -EINVAL);
    assert_int_equal(coro_cond_broadcast(NULL), -EINVAL);
}

static void a_lock_in_a_nested_coroutine_is_the_tasks(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("^lock ^lock sleep:2 unlock lock ^unlock unlock", "lock sleep:1"),
                        "0 a lock, 0 a lock=EDEADLK, 2 b lock, 3 a lock, 3 a unlock=EPERM");
    assert_string_equal(PLAYED("^lock ^sleep:2 ^unlock", "^lock sleep:1", "lock"), "0 a lock, 2 b lock, 3 c lock");
}

/* ---- deadlines ---- */

static void deadlines_are_kept(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:9", "lock? lock@0 lock@-7 lock@4 lock@4 lock"),
                        "0 a lock, 0 b lock=EAGAIN, 0 b lock=ETIMEDOUT, 0 b lock=ETIMEDOUT, 4 b lock=ETIMEDOUT, "
                        "4 b lock=ETIMEDOUT, 9 b lock");
}

static void *tries_extreme_deadlines(void *arg)
{
    const int64_t deadlines[] = {-1, INT64_MIN, 1, 0};

    for (int i = 0; i < 4; i++)
        results[i] = coro_mutex_lock(&static_mutex, deadlines[i]);
    results[4] = coro_mutex_lock(&static_mutex, INT64_MAX);
    results[5] = coro_mutex_unlock(&static_mutex);
    return arg;
}

static void *has_another_try_extreme_deadlines(void *arg)
{
    coro_mutex_lock(&static_mutex, CORO_FOREVER);
    coro_spawn(NULL, tries_extreme_deadlines, NULL, NULL);
    coro_sleep(CORO_MS(1));
    coro_mutex_unlock(&static_mutex);
    return arg;
}

static void a_negative_deadline_has_passed_and_the_largest_is_never(void **state)
{
    const int expected[] = {-ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -EAGAIN, 0, 0};
    (void)state;

    assert_int_equal(coro_run(has_another_try_extreme_deadlines, NULL, NULL, &virtual_time), 0);
    assert_memory_equal(results, expected, sizeof expected);
}

static void who_is_too_late_leaves_the_others_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:5", "lock@2 sleep:9", "lock sleep:1", "lock"),
                        "0 a lock, 2 b lock=ETIMEDOUT, 5 c lock, 6 d lock");
    assert_string_equal(PLAYED("lock sleep:5", "lock sleep:1", "lock@2 sleep:9", "lock"),
                        "0 a lock, 2 c lock=ETIMEDOUT, 5 b lock, 6 d lock");
    assert_string_equal(PLAYED("lock sleep:5", "lock sleep:1", "lock", "lock@2 sleep:9", "sleep:3 lock"),
                        "0 a lock, 2 d lock=ETIMEDOUT, 5 b lock, 6 c lock, 6 e lock");
    assert_string_equal(PLAYED("lock sleep:5 unlock lock", "lock@2", "lock@3", "lock@1"),
                        "0 a lock, 1 d lock=ETIMEDOUT, 2 b lock=ETIMEDOUT, 3 c lock=ETIMEDOUT, 5 a lock");
}

/* ---- cancellation ---- */

static void who_is_cancelled_leaves_the_others_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:5", "lock", "lock sleep:1", "lock", "sleep:2 cancel:b"),
                        "0 a lock, 2 b lock=ECANCELED, 5 c lock, 6 d lock");
    assert_string_equal(PLAYED("lock sleep:5", "lock sleep:1", "lock", "lock", "sleep:2 cancel:c"),
                        "0 a lock, 2 c lock=ECANCELED, 5 b lock, 6 d lock");
    assert_string_equal(PLAYED("lock sleep:5", "lock sleep:1", "lock", "lock", "sleep:2 cancel:d sleep:1 lock"),
                        "0 a lock, 2 d lock=ECANCELED, 5 b lock, 6 c lock, 6 e lock");
    assert_string_equal(PLAYED("lock sleep:5 unlock lock", "lock", "lock", "sleep:2 cancel:b cancel:c"),
                        "0 a lock, 2 b lock=ECANCELED, 2 c lock=ECANCELED, 5 a lock");
}

static void a_cancelled_task_locks_only_with_deadline_0(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("cancel:a lock lock@9 lock? lock? unlock unlock"),
                        "0 a lock=ECANCELED, 0 a lock=ECANCELED, 0 a lock, 0 a lock=EDEADLK, 0 a unlock=EPERM");
    assert_string_equal(PLAYED("shield:1 cancel:a lock unlock shield lock"),
                        "0 a lock, 0 a shield=1, 0 a lock=ECANCELED");
}

static void a_cancelled_task_unlocks(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:9 unlock", "lock", "sleep:2 cancel:a"),
                        "0 a lock, 2 a sleep=ECANCELED, 2 b lock");
}

static void a_task_unlocks_while_it_ends(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock !unlock sleep:2", "lock"), "0 a lock, 2 b lock");
    assert_string_equal(PLAYED("lock !unlock !lock !lock? sleep:2", "lock"),
                        "0 a lock, 2 a lock=EDEADLK, 2 a lock=ECANCELED, 2 b lock");
}

/* ---- at one instant ---- */

/* Depth first, who became ready last goes on first: a is late already when b does its work, but has not gone on. */
#define LAST_FIRST(...) PLAYED_AS(CORO_DEPTH_FIRST, __VA_ARGS__)

static void completion_wins_over_the_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:5 unlock", "lock@5"), "0 a lock, 5 b lock");
    assert_string_equal(LAST_FIRST("sleep:1 lock@5", "lock sleep:2 sleep:3 unlock"), "0 b lock, 5 a lock");
    assert_string_equal(PLAYED("lock sleep:2 sleep:3 unlock", "sleep:1 lock@5"), "0 a lock, 5 b lock=ETIMEDOUT");
}

static void completion_wins_over_cancellation(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:5 cancel:b unlock", "lock lock"), "0 a lock, 5 b lock, 5 b lock=ECANCELED");
    assert_string_equal(PLAYED("lock sleep:5 unlock cancel:b", "lock lock?"), "0 a lock, 5 b lock, 5 b lock=EDEADLK");
}

static void cancellation_wins_over_the_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock sleep:9", "sleep:5 cancel:c", "lock@5"), "0 a lock, 5 c lock=ECANCELED");
    assert_string_equal(LAST_FIRST("sleep:1 lock@5", "lock sleep:2 sleep:3 cancel:a sleep:1"),
                        "0 b lock, 5 a lock=ECANCELED");
}

static void completion_wins_over_both(void **state)
{
    (void)state;
    assert_string_equal(LAST_FIRST("sleep:1 lock@5", "lock sleep:2 sleep:3 cancel:a unlock"), "0 b lock, 5 a lock");
    assert_string_equal(LAST_FIRST("sleep:1 lock@5", "lock sleep:2 sleep:3 unlock cancel:a"), "0 b lock, 5 a lock");
}

/* b stands in the line until it goes on, and a unlocks before. */
static void who_is_late_may_be_handed_it_by_the_one_before(void **state)
{
    (void)state;
    assert_string_equal(LAST_FIRST("sleep:1 lock", "sleep:1 lock@5 sleep:1", "lock sleep:2 sleep:3 unlock lock"),
                        "0 c lock, 5 a lock, 5 b lock, 6 c lock");
}

/* ---- conditions: who goes on ---- */

static void a_signal_wakes_the_one_who_has_waited_longest(void **state)
{
    (void)state;
    assert_string_equal(
        PLAYED("lock wait", "lock wait", "lock wait", "sleep:1 signal sleep:1 signal sleep:1 signal"),
        "0 a lock, 0 b lock, 0 c lock, 1 d signal, 1 a wait, 2 d signal, 2 b wait, 3 d signal, 3 c wait");
}

static void a_broadcast_wakes_all_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait sleep:1", "lock wait sleep:1", "lock wait sleep:1", "sleep:1 all lock"),
                        "0 a lock, 0 b lock, 0 c lock, 1 d all, 1 a wait, 2 b wait, 3 c wait, 4 d lock");
}

static void a_signal_that_nobody_waits_for_is_lost(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("signal all lock wait@5"), "0 a signal, 0 a all, 0 a lock, 5 a wait=ETIMEDOUT");
}

static void who_waits_has_unlocked(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait unlock unlock", "lock sleep:1 signal"),
                        "0 a lock, 0 b lock, 1 b signal, 1 a wait, 1 a unlock=EPERM");
}

static void who_is_signalled_goes_on_only_when_it_holds_the_mutex(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait", "lock signal sleep:4"), "0 a lock, 0 b lock, 0 b signal, 4 a wait");
    assert_string_equal(PLAYED("lock wait sleep:1", "lock wait sleep:1", "lock all sleep:4 unlock", "lock"),
                        "0 a lock, 0 b lock, 0 c lock, 0 c all, 4 a wait, 5 b wait, 6 d lock");
}

static void a_signal_from_one_without_the_mutex_queues_too(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait sleep:1", "lock sleep:4", "sleep:1 lock", "sleep:2 signal", "sleep:3 lock"),
                        "0 a lock, 0 b lock, 2 d signal, 4 c lock, 4 a wait, 5 e lock");
}

static void a_condition_without_its_mutex_is_refused(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("wait wait? wait@0", "lock1 wait wait0.1?", "sleep:1 wait"),
                        "0 a wait=EPERM, 0 a wait=EPERM, 0 a wait=EPERM, 0 b lock1, 0 b wait=EPERM, 0 b wait=EAGAIN, "
                        "1 c wait=EPERM");
    assert_string_equal(PLAYED("lock sleep:2", "wait wait?"), "0 a lock, 0 b wait=EPERM, 0 b wait=EPERM");
}

/* ---- conditions: however the wait ends, the mutex is held ---- */

static void without_a_wait_nothing_is_unlocked(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait? wait@0 wait@-3 cancel:a wait wait? unlock", "lock"),
                        "0 a lock, 0 a wait=EAGAIN, 0 a wait=ETIMEDOUT, 0 a wait=ETIMEDOUT, 0 a wait=ECANCELED, "
                        "0 a wait=EAGAIN, 0 b lock");
}

static void who_is_too_late_locks_again(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait@2 sleep:1 unlock unlock", "sleep:2 lock"),
                        "0 a lock, 2 a wait=ETIMEDOUT, 3 a unlock=EPERM, 3 b lock");
    assert_string_equal(PLAYED("lock wait@2 lock?", "sleep:1 lock sleep:4", "sleep:1 lock sleep:1"),
                        "0 a lock, 1 b lock, 5 c lock, 6 a wait=ETIMEDOUT, 6 a lock=EDEADLK");
}

static void who_is_cancelled_locks_again(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait lock? unlock", "sleep:2 cancel:a lock"),
                        "0 a lock, 2 b lock, 2 a wait=ECANCELED, 2 a lock=EDEADLK");
    assert_string_equal(PLAYED("lock wait lock? unlock", "lock sleep:2 cancel:a sleep:3"),
                        "0 a lock, 0 b lock, 5 a wait=ECANCELED, 5 a lock=EDEADLK");
}

/* Locking again is no wait that can be cancelled, or come too late. */
static void nothing_ends_the_wait_for_the_mutex(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait lock?", "lock signal sleep:2 cancel:a sleep:3"),
                        "0 a lock, 0 b lock, 0 b signal, 5 a wait, 5 a lock=EDEADLK");
    assert_string_equal(PLAYED("lock wait@2 lock?", "lock signal sleep:5"),
                        "0 a lock, 0 b lock, 0 b signal, 5 a wait, 5 a lock=EDEADLK");
    assert_string_equal(PLAYED("lock wait@2 lock?", "lock sleep:3 cancel:a all sleep:3"),
                        "0 a lock, 0 b lock, 3 b all, 6 a wait=ETIMEDOUT, 6 a lock=EDEADLK");
}

static void who_gives_up_leaves_the_others_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait@2", "lock wait sleep:1", "lock wait sleep:1", "sleep:3 all"),
                        "0 a lock, 0 b lock, 0 c lock, 2 a wait=ETIMEDOUT, 3 d all, 3 b wait, 4 c wait");
    assert_string_equal(PLAYED("lock wait sleep:1", "lock wait", "lock wait@2", "sleep:1 cancel:b sleep:2 all"),
                        "0 a lock, 0 b lock, 0 c lock, 1 b wait=ECANCELED, 2 c wait=ETIMEDOUT, 3 d all, 3 a wait");
}

static void a_signal_wins_over_cancellation_and_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait", "sleep:2 cancel:a signal"), "0 a lock, 2 b signal, 2 a wait");
    assert_string_equal(PLAYED("lock wait", "sleep:2 signal cancel:a"), "0 a lock, 2 b signal, 2 a wait");
    assert_string_equal(LAST_FIRST("lock wait@5 lock?", "sleep:2 sleep:3 signal"),
                        "0 a lock, 5 b signal, 5 a wait, 5 a lock=EDEADLK");
    assert_string_equal(LAST_FIRST("lock wait@5 lock?", "sleep:2 sleep:3 cancel:a signal"),
                        "0 a lock, 5 b signal, 5 a wait, 5 a lock=EDEADLK");
    assert_string_equal(LAST_FIRST("lock wait@5 lock?", "sleep:2 sleep:3 cancel:a"),
                        "0 a lock, 5 a wait=ECANCELED, 5 a lock=EDEADLK");
    assert_string_equal(LAST_FIRST("lock wait@5 lock?", "sleep:2 sleep:3 lock signal sleep:2"),
                        "0 a lock, 5 b lock, 5 b signal, 7 a wait, 7 a lock=EDEADLK");
}

static void a_signal_is_not_lost_with_one_that_was_late(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait@2", "lock wait", "sleep:2 signal"),
                        "0 a lock, 0 b lock, 2 a wait=ETIMEDOUT, 2 c signal, 2 b wait");
}

/* ---- several conditions, several mutexes ---- */

static void conditions_of_one_mutex_are_independent(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("lock wait", "lock wait1", "lock wait2", "sleep:1 signal2 sleep:1 all1 sleep:1 all"),
                        "0 a lock, 0 b lock, 0 c lock, 1 d signal2, 1 c wait2, 2 d all1, 2 b wait1, 3 d all, 3 a wait");
}

static void one_condition_serves_two_mutexes(void **state)
{
    (void)state;
    assert_string_equal(
        PLAYED("lock wait0.0 lock?", "lock1 wait0.1 lock1?", "sleep:1 lock1 all sleep:3"),
        "0 a lock, 0 b lock1, 1 c lock1, 1 c all, 1 a wait, 1 a lock=EDEADLK, 4 b wait, 4 b lock1=EDEADLK");
}

/* ---- outside tasks ---- */

static void outside_tasks_the_thread_is_the_holder(void **state)
{
    coro_mutex_t m = CORO_MUTEX_INIT;
    coro_cond_t c = CORO_COND_INIT;
    (void)state;

    assert_int_equal(coro_mutex_unlock(&m), -EPERM);
    assert_int_equal(coro_cond_wait(&c, &m, 0), -EPERM);
    assert_int_equal(coro_mutex_lock(&m, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_mutex_lock(&m, 1), -EPERM);
    assert_int_equal(coro_mutex_lock(&m, 0), 0);
    assert_int_equal(coro_mutex_lock(&m, 0), -EDEADLK);
    assert_int_equal(coro_cond_wait(&c, &m, 0), -EAGAIN);
    assert_int_equal(coro_cond_wait(&c, &m, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_cond_signal(&c), 0);
    assert_int_equal(coro_cond_broadcast(&c), 0);
    assert_int_equal(coro_mutex_unlock(&m), 0);
    assert_int_equal(coro_mutex_unlock(&m), -EPERM);
}

static void *meets_the_thread(void *arg)
{
    coro_mutex_t *m = arg;

    results[0] = coro_mutex_lock(m, 0);
    results[1] = coro_mutex_unlock(m);
    results[2] = coro_mutex_lock(m, coro_after(CORO_MS(1)));
    return arg;
}

static void a_task_and_its_thread_are_two(void **state)
{
    coro_mutex_t m = CORO_MUTEX_INIT;
    (void)state;

    assert_int_equal(coro_mutex_lock(&m, 0), 0);
    assert_int_equal(coro_run(meets_the_thread, &m, NULL, &virtual_time), 0);
    assert_int_equal(results[0], -EAGAIN);
    assert_int_equal(results[1], -EPERM);
    assert_int_equal(results[2], -ETIMEDOUT);
    assert_int_equal(coro_mutex_unlock(&m), 0);
}

static void *locks_and_marks(void *arg)
{
    results[3] = coro_mutex_lock(arg, CORO_FOREVER);
    mark('l');
    results[4] = coro_mutex_unlock(arg);
    return NULL;
}

static void the_thread_hands_over_to_a_task(void **state)
{
    coro_mutex_t m = {0};
    coro_sched_t *s;
    (void)state;

    assert_int_equal(coro_sched_create(&s, &virtual_time), 0);
    assert_int_equal(coro_mutex_lock(&m, 0), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, locks_and_marks, &m, NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_string_equal(trace, "");
    assert_int_equal(coro_mutex_unlock(&m), 0);
    assert_int_equal(coro_mutex_unlock(&m), -EPERM);
    assert_int_equal(coro_mutex_lock(&m, 0), -EAGAIN);
    assert_int_equal(coro_sched_run(s), 0);
    assert_string_equal(trace, "l");
    assert_int_equal(results[3], 0);
    assert_int_equal(results[4], 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void tasks_of_two_schedulers_of_a_thread_share_one(void **state)
{
    coro_mutex_t m = {0};
    coro_sched_t *s[2];
    (void)state;

    assert_int_equal(coro_mutex_lock(&m, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(coro_sched_create(&s[i], &virtual_time), 0);
        assert_int_equal(coro_sched_spawn(s[i], NULL, locks_and_marks, &m, NULL), 0);
        assert_int_equal(coro_sched_step(s[i], 0), 1);
    }
    assert_int_equal(coro_mutex_unlock(&m), 0);
    assert_int_equal(coro_sched_step(s[1], 0), 0);
    assert_int_equal(coro_sched_run(s[0]), 0);
    assert_int_equal(coro_sched_run(s[1]), 0);
    assert_string_equal(trace, "ll");
    for (int i = 0; i < 2; i++)
        assert_int_equal(coro_sched_destroy(s[i]), 0);
}

static int calls_in_a_child(long arg)
{
    coro_mutex_t m = {0};
    (void)arg;

    if (coro_mutex_lock(&m, 0) != -ECHILD || coro_mutex_lock(&m, CORO_FOREVER) != -ECHILD)
        return 1;
    if (coro_mutex_unlock(&m) != -ECHILD || coro_cond_wait(&static_cond, &m, 0) != -ECHILD)
        return 2;
    if (coro_cond_signal(&static_cond) != -ECHILD || coro_cond_broadcast(&static_cond) != -ECHILD)
        return 4;
    return coro_run(meets_the_thread, &m, NULL, NULL) == 0 && results[0] == 0 && results[1] == 0 ? 0 : 3;
}

static int calls_in_a_child_of_a_task(long arg)
{
    coro_mutex_t m = {0};
    (void)arg;

    if (coro_mutex_lock(&m, 0) != -ECHILD || coro_mutex_lock(&m, CORO_FOREVER) != -ECHILD)
        return 1;
    if (coro_mutex_lock(&static_mutex, CORO_FOREVER) != -ECHILD || coro_mutex_unlock(&static_mutex) != -ECHILD)
        return 2;
    return coro_cond_wait(&static_cond, &static_mutex, CORO_FOREVER) == -ECHILD ? 0 : 3;
}

static void *forks_while_it_holds(void *arg)
{
    coro_mutex_lock(&static_mutex, CORO_FOREVER);
    results[0] = in_forked_child(calls_in_a_child_of_a_task, 0).code;
    results[1] = coro_mutex_unlock(&static_mutex);
    return arg;
}

static void a_child_that_a_task_forks_is_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_run(forks_while_it_holds, NULL, NULL, &virtual_time), 0);
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], 0);
}

static void a_forked_child_is_refused_until_it_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(coro_run(meets_the_thread, &(coro_mutex_t){0}, NULL, NULL), 0);
    assert_int_equal(in_forked_child(calls_in_a_child, 0).code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_mutex_is_locked_at_once),
        TEST(a_mutex_that_is_held_is_waited_for),
        TEST(who_waits_is_served_in_turn),
        TEST(so_it_is_depth_first),
        TEST(and_in_any_order_of_the_ready),
        TEST(nobody_comes_in_between),
        TEST(mutexes_are_held_independently),
        TEST(a_mutex_that_one_holds_oneself_is_a_deadlock),
        TEST(only_the_holder_unlocks),
        TEST(null_is_refused),
        TEST(a_lock_in_a_nested_coroutine_is_the_tasks),
        TEST(deadlines_are_kept),
        TEST(a_negative_deadline_has_passed_and_the_largest_is_never),
        TEST(who_is_too_late_leaves_the_others_in_their_order),
        TEST(who_is_cancelled_leaves_the_others_in_their_order),
        TEST(a_cancelled_task_locks_only_with_deadline_0),
        TEST(a_cancelled_task_unlocks),
        TEST(a_task_unlocks_while_it_ends),
        TEST(completion_wins_over_the_deadline),
        TEST(completion_wins_over_cancellation),
        TEST(cancellation_wins_over_the_deadline),
        TEST(completion_wins_over_both),
        TEST(who_is_late_may_be_handed_it_by_the_one_before),
        TEST(a_signal_wakes_the_one_who_has_waited_longest),
        TEST(a_broadcast_wakes_all_in_their_order),
        TEST(a_signal_that_nobody_waits_for_is_lost),
        TEST(who_waits_has_unlocked),
        TEST(who_is_signalled_goes_on_only_when_it_holds_the_mutex),
        TEST(a_signal_from_one_without_the_mutex_queues_too),
        TEST(a_condition_without_its_mutex_is_refused),
        TEST(without_a_wait_nothing_is_unlocked),
        TEST(who_is_too_late_locks_again),
        TEST(who_is_cancelled_locks_again),
        TEST(nothing_ends_the_wait_for_the_mutex),
        TEST(who_gives_up_leaves_the_others_in_their_order),
        TEST(a_signal_wins_over_cancellation_and_deadline),
        TEST(a_signal_is_not_lost_with_one_that_was_late),
        TEST(conditions_of_one_mutex_are_independent),
        TEST(one_condition_serves_two_mutexes),
        TEST(outside_tasks_the_thread_is_the_holder),
        TEST(a_task_and_its_thread_are_two),
        TEST(the_thread_hands_over_to_a_task),
        TEST(tasks_of_two_schedulers_of_a_thread_share_one),
        TEST(a_child_that_a_task_forks_is_refused),
        TEST(a_forked_child_is_refused_until_it_begins_anew),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
