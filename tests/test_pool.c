/*
 * Pools: a fixed number of tasks, a bounded queue, and futures.
 */
#include "support/tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static coro_pool_t *pool;

static void open_pool(size_t coroutines, size_t queue)
{
    EXPECT_INT(coro_pool_create(&pool, coroutines, queue), 0);
}

static coro_future_t *submitted(coro_fn *fn, void *arg)
{
    coro_future_t *f = NULL;

    EXPECT_INT(coro_pool_submit(pool, &f, fn, arg, CORO_FOREVER), 0);
    return f;
}

static void *waited(coro_future_t *f)
{
    void *result = NULL;

    EXPECT_INT(coro_future_wait(f, &result, CORO_FOREVER), 0);
    return result;
}

static void *returns(void *input)
{
    return input;
}

static void *marks(void *letter)
{
    mark(*(char *)letter);
    return letter;
}

static void *sleeps_100ms(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_MS(100)), 0);
    return arg;
}

/* ---- work and results ---- */

enum { JOBS = 1000, WORKERS = 4 };
static size_t running, most_running, order[JOBS], started_jobs;

static void *squares(void *n)
{
    uintptr_t value = (uintptr_t)n;

    order[started_jobs++] = value;
    if (++running > most_running)
        most_running = running;
    EXPECT_INT(coro_sleep(CORO_MS(1 + (int)(value * 7 % 5))), 0);
    running--;
    return (void *)(value * value);
}

static void *submits_a_thousand(void *queue)
{
    static coro_future_t *futures[JOBS];

    open_pool(WORKERS, *(size_t *)queue);
    for (uintptr_t i = 0; i < JOBS; i++)
        futures[i] = submitted(squares, (void *)i);
    for (uintptr_t i = JOBS; i-- > 0;)
        EXPECT_INT((uintptr_t)waited(futures[i]), i * i);
    EXPECT_INT(coro_pool_close(pool), 0);
    return NULL;
}

static void a_thousand_jobs_run_four_at_a_time_and_in_order(void **state)
{
    const size_t queues[] = {0, 1, 7, 2000};
    (void)state;

    for (size_t q = 0; q < 4; q++) {
        size_t queue = queues[q];

        running = most_running = started_jobs = 0;
        run(submits_a_thousand, &queue);
        assert_int_equal(most_running, WORKERS);
        assert_int_equal(started_jobs, JOBS);
        for (size_t i = 0; i < JOBS; i++)
            assert_int_equal(order[i], i);
    }
}

static void *fails(void *error)
{
    coro_pause();
    return error;
}

static void *submits_what_fails(void *arg)
{
    coro_future_t *f;
    void *result = trace;

    open_pool(2, 2);
    EXPECT_INT((intptr_t)waited(submitted(fails, (void *)(intptr_t)-EIO)), -EIO);
    f = submitted(fails, arg);
    EXPECT_INT(coro_future_wait(f, NULL, CORO_FOREVER), 0);
    EXPECT_INT((coro_pool_submit)(pool, NULL, marks, "u", CORO_FOREVER), 0); /* nobody asks */
    EXPECT_INT((coro_pool_submit)(pool, &f, returns, NULL, 0), 0);
    EXPECT_INT(coro_sleep(1), 0);
    EXPECT_INT((coro_future_wait)(f, &result, 0), 0); /* done already */
    EXPECT_PTR(result, NULL);
    EXPECT_INT((coro_pool_close)(pool), 0);
    return arg;
}

static void errors_reach_the_future_like_any_value(void **state)
{
    (void)state;
    run(submits_what_fails, NULL);
    assert_string_equal(trace, "u");
}

/* ---- the bound ---- */

static void *fills_the_queue(void *arg)
{
    int64_t begin = coro_now();
    coro_future_t *f[3], *none = (coro_future_t *)0x5e47;

    open_pool(1, 2);
    EXPECT_INT(coro_pause(), 0);
    f[0] = submitted(sleeps_100ms, arg);
    f[1] = submitted(sleeps_100ms, arg);
    f[2] = submitted(sleeps_100ms, arg);
    EXPECT_INT(coro_now() - begin, 0);
    EXPECT_INT(coro_pool_submit(pool, &none, returns, arg, 0), -EAGAIN);
    EXPECT_INT(coro_pool_submit(pool, &none, returns, arg, 1), -ETIMEDOUT);
    EXPECT_INT(coro_pool_submit(pool, &none, returns, arg, coro_after(CORO_MS(50))), -ETIMEDOUT);
    EXPECT_INT(coro_now() - begin, CORO_MS(50));
    EXPECT_PTR(none, (coro_future_t *)0x5e47);
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, "q", coro_after(CORO_MS(100))), 0); /* waits for room */
    EXPECT_INT(coro_now() - begin, CORO_MS(100));
    for (int i = 0; i < 3; i++)
        EXPECT_PTR(waited(f[i]), arg);
    EXPECT_INT(coro_now() - begin, CORO_MS(300));
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_full_queue_makes_submitters_wait(void **state)
{
    (void)state;
    run(fills_the_queue, &pool);
    assert_string_equal(trace, "q");
}

static void *hands_over(void *arg)
{
    int64_t begin = coro_now();
    coro_future_t *f;

    open_pool(1, 0);
    EXPECT_INT(coro_pool_submit(pool, &f, returns, arg, 0), -EAGAIN); /* nobody takes it yet */
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pool_submit(pool, &f, sleeps_100ms, arg, 0), 0);
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, "1", 0), -EAGAIN);
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, "2", CORO_FOREVER), 0);
    EXPECT_INT(coro_now() - begin, CORO_MS(100));
    EXPECT_PTR(waited(f), arg);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void without_a_queue_work_is_handed_over(void **state)
{
    (void)state;
    run(hands_over, &pool);
    assert_string_equal(trace, "2");
}

static void *submits_a_letter(void *letter)
{
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, letter, CORO_FOREVER), 0);
    return NULL;
}

static void *is_cancelled_while_submitting(void *letter)
{
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, letter, CORO_FOREVER), -ECANCELED);
    return NULL;
}

static void *gives_up_submitting(void *letter)
{
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, letter, coro_after(CORO_MS(10))), -ETIMEDOUT);
    return NULL;
}

static void *cancels_a_submitter(void *arg)
{
    coro_task_t *t[5];

    open_pool(1, 1);
    EXPECT_INT(coro_pool_submit(pool, NULL, sleeps_100ms, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_pause(), 0);
    submits_a_letter("a"); /* in the queue */
    t[0] = spawned(submits_a_letter, "b");
    t[1] = spawned(is_cancelled_while_submitting, "!");
    t[2] = spawned(submits_a_letter, "c");
    t[3] = spawned(gives_up_submitting, "?");
    t[4] = spawned(submits_a_letter, "d");
    EXPECT_INT(coro_sleep(CORO_MS(20)), 0);
    EXPECT_INT(coro_cancel(t[1]), 0);
    EXPECT_INT(coro_join_all(t, 5, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_submitter_that_gives_up_leaves_the_queue_intact(void **state)
{
    (void)state;
    run(cancels_a_submitter, NULL);
    assert_string_equal(trace, "abcd");
}

/* ---- closing ---- */

static void *submits_too_late(void *p)
{
    EXPECT_INT(coro_pool_submit(p, NULL, marks, "!", CORO_FOREVER), -EPIPE);
    EXPECT_INT(coro_pool_submit(p, NULL, marks, "!", 0), -EPIPE);
    EXPECT_INT(coro_pool_close(p), -EPIPE);
    return NULL;
}

static void *submits_until_closed(void *letter)
{
    coro_future_t *f = (coro_future_t *)0x5e47;

    EXPECT_INT(coro_pool_submit(pool, &f, marks, letter, CORO_FOREVER), -EPIPE);
    EXPECT_PTR(f, (coro_future_t *)0x5e47);
    return NULL;
}

static void *closes(void *arg)
{
    int64_t begin = coro_now();
    coro_future_t *slow, *queued;
    coro_task_t *waiting, *late;

    open_pool(1, 1);
    slow = submitted(sleeps_100ms, arg);
    EXPECT_INT(coro_pause(), 0);
    queued = submitted(marks, "q");
    waiting = spawned(submits_until_closed, "!");
    EXPECT_INT(coro_pause(), 0);
    late = spawned(submits_too_late, pool);
    EXPECT_INT(coro_pool_close(pool), 0); /* drains */
    EXPECT_INT(coro_now() - begin, CORO_MS(100));
    joined(waiting);
    joined(late);
    EXPECT_PTR(waited(slow), arg); /* futures stay valid */
    EXPECT(strcmp(waited(queued), "q") == 0);
    return arg;
}

static void a_close_drains_and_refuses_more(void **state)
{
    (void)state;
    run(closes, &pool);
    assert_string_equal(trace, "q");
}

static void *closes_from_inside(void *arg)
{
    EXPECT_INT(coro_pool_close(pool), -EDEADLK);
    EXPECT_INT(coro_pool_submit(pool, NULL, marks, "i", 0), 0);
    return arg;
}

static void *lets_a_job_close(void *arg)
{
    open_pool(1, 1);
    EXPECT_PTR(waited(submitted(closes_from_inside, arg)), arg);
    EXPECT_INT(coro_pool_close(pool), 0);
    open_pool(3, 1); /* unused, and not even begun */
    EXPECT_INT(coro_pool_close(pool), 0);
    open_pool(3, 1);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_job_cannot_close_its_pool(void **state)
{
    (void)state;
    run(lets_a_job_close, &pool);
    assert_string_equal(trace, "i");
}

static void *closes_while_cancelled(void *arg)
{
    EXPECT_INT(coro_pool_close(pool), 0);
    EXPECT_INT(coro_pause(), -ECANCELED);
    return arg;
}

static void *cancels_a_closer(void *arg)
{
    for (int before = 0; before < 2; before++) {
        int64_t begin = coro_now();
        coro_task_t *t;

        open_pool(1, 1);
        EXPECT_INT(coro_pool_submit(pool, NULL, sleeps_100ms, NULL, CORO_FOREVER), 0);
        t = spawned(closes_while_cancelled, arg);
        if (!before)
            EXPECT_INT(coro_sleep(CORO_MS(10)), 0);
        EXPECT_INT(coro_cancel(t), 0);
        joined(t);
        EXPECT_INT(coro_now() - begin, CORO_MS(100));
    }
    return arg;
}

static void cancellation_does_not_interrupt_a_close(void **state)
{
    (void)state;
    run(cancels_a_closer, NULL);
}

/* ---- futures ---- */

static void *waits_too(void *f)
{
    void *result = trace;

    EXPECT_INT(coro_future_wait(f, &result, CORO_FOREVER), -EBUSY);
    EXPECT_INT(coro_future_wait(f, &result, 0), -EBUSY);
    EXPECT_PTR(result, trace);
    return NULL;
}

static void *gives_up_waiting(void *f)
{
    void *result = trace;

    EXPECT_INT(coro_future_wait(f, &result, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_future_wait(f, &result, 0), -EAGAIN);
    EXPECT_PTR(result, trace);
    return NULL;
}

static void *waits_in_many_ways(void *arg)
{
    coro_future_t *f;
    coro_task_t *t;
    void *result = trace;

    open_pool(1, 1);
    f = submitted(sleeps_100ms, arg);
    EXPECT_INT(coro_future_wait(NULL, &result, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_future_wait(f, &result, 0), -EAGAIN);
    EXPECT_INT(coro_future_wait(f, &result, 1), -ETIMEDOUT);
    EXPECT_INT(coro_future_wait(f, &result, coro_after(CORO_MS(10))), -ETIMEDOUT);
    t = spawned(gives_up_waiting, f);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_future_wait(f, &result, CORO_FOREVER), -EBUSY);
    EXPECT_INT(coro_cancel(t), 0);
    joined(t);
    EXPECT_PTR(result, trace);
    t = spawned(waits_too, f);
    EXPECT_INT(coro_future_wait(f, &result, CORO_FOREVER), 0);
    EXPECT_PTR(result, arg);
    joined(t);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_future_has_one_waiter_and_waits_as_long_as_told(void **state)
{
    (void)state;
    run(waits_in_many_ways, &pool);
}

/* ---- jobs do not get into each other's way ---- */

static coro_task_t *worker;

static void *cancels_itself(void *arg)
{
    worker = coro_task_self();
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_sleep(1), -ECANCELED);
    return arg;
}

static void *shields_itself(void *arg)
{
    EXPECT_INT(coro_shield(true), 0);
    EXPECT_INT(coro_sleep(1), 0);
    return arg;
}

static void *harms_the_next(void *arg)
{
    open_pool(1, 4);
    EXPECT_PTR(waited(submitted(cancels_itself, arg)), arg);
    EXPECT_PTR(waited(submitted(sleeps_100ms, arg)), arg);
    EXPECT_INT(coro_pool_submit(pool, NULL, cancels_itself, arg, CORO_FOREVER), 0); /* one after the other */
    EXPECT_INT(coro_pool_submit(pool, NULL, sleeps_100ms, arg, CORO_FOREVER), 0);
    EXPECT_INT(coro_pool_submit(pool, NULL, shields_itself, arg, CORO_FOREVER), 0);
    EXPECT_INT(coro_pool_submit(pool, NULL, cancels_itself, arg, CORO_FOREVER), 0);
    EXPECT_PTR(waited(submitted(shields_itself, arg)), arg);
    EXPECT_INT(coro_cancel(worker), 0); /* while it has nothing to do */
    EXPECT_PTR(waited(submitted(sleeps_100ms, arg)), arg);
    EXPECT_INT(coro_cancel(worker), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_job_that_cancels_itself_does_not_harm_the_next(void **state)
{
    (void)state;
    run(harms_the_next, &pool);
}

static void *leaves_a_group_open(void *arg)
{
    coro_group_t g;

    coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER);
    return arg;
}

static void *submits_who_leaves_a_group_open(void *arg)
{
    open_pool(1, 1);
    coro_pool_submit(pool, NULL, leaves_a_group_open, arg, CORO_FOREVER);
    coro_pool_submit(pool, NULL, returns, arg, CORO_FOREVER);
    coro_sleep(CORO_S(1));
    return arg;
}

static int forgets_a_group(long arg)
{
    (void)arg;
    coro_run(submits_who_leaves_a_group_open, NULL, NULL, NULL);
    return 0;
}

static void a_job_that_leaves_a_group_open_ends_the_program(void **state)
{
    struct child_end end = in_fresh_child(forgets_a_group, 0);
    (void)state;

    assert_int_equal(end.signal, SIGABRT);
    assert_non_null(strstr(end.said, "libcoro: coroutine 'pool': "));
    assert_non_null(strstr(end.said, "group open"));
}

static void *submits_from_a_generator(void *arg)
{
    coro_yield(waited(submitted(sleeps_100ms, arg)));
    return NULL;
}

static void *resumes_a_submitter(void *arg)
{
    coro_t *co;

    open_pool(1, 0);
    co = made_inside(submits_from_a_generator);
    EXPECT_PTR(coro_resume(co, arg).value, arg);
    EXPECT_INT(coro_destroy(co), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void a_generator_may_submit_and_wait(void **state)
{
    (void)state;
    run(resumes_a_submitter, &pool);
}

/* ---- misuse ---- */

static int from_afar[6];

static void *meddles_from_afar(void *f)
{
    from_afar[0] = coro_pool_submit(pool, NULL, returns, NULL, 0);
    from_afar[1] = coro_pool_submit(pool, NULL, returns, NULL, CORO_FOREVER);
    from_afar[2] = coro_future_wait(f, NULL, 0);
    from_afar[3] = coro_future_wait(f, NULL, CORO_FOREVER);
    from_afar[4] = coro_pool_close(pool);
    from_afar[5] = coro_pool_create(&(coro_pool_t *){NULL}, 1, 1);
    return NULL;
}

static void *misuses(void *arg)
{
    coro_pool_t *const sentinel = (coro_pool_t *)0x5e47, *p = sentinel;
    coro_future_t *f;
    pthread_t thread;

    EXPECT_INT(coro_pool_create(NULL, 1, 1), -EINVAL);
    EXPECT_INT(coro_pool_create(&p, 0, 1), -EINVAL);
    EXPECT_INT(coro_pool_create(&p, 1, SIZE_MAX), -ENOMEM);
    EXPECT_INT(coro_pool_create(&p, 1, SIZE_MAX / 8), -ENOMEM);
    EXPECT_PTR(p, sentinel);
    EXPECT_INT(coro_pool_submit(NULL, &f, returns, NULL, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_pool_close(NULL), -EINVAL);
    open_pool(1, 1);
    EXPECT_INT(coro_pool_submit(pool, &f, NULL, NULL, CORO_FOREVER), -EINVAL);
    f = submitted(returns, arg);
    if (EXPECT_INT(pthread_create(&thread, NULL, meddles_from_afar, f), 0))
        pthread_join(thread, NULL);
    for (int i = 0; i < 6; i++)
        EXPECT_INT(from_afar[i], -EPERM);
    EXPECT_PTR(waited(f), arg);
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_pool_submit(pool, &f, returns, arg, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_pool_submit(pool, &f, returns, arg, 0), 0);
    EXPECT_INT(coro_pause(), -ECANCELED);
    EXPECT_INT(coro_future_wait(f, NULL, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_future_wait(f, NULL, 0), 0);
    EXPECT_INT(coro_pool_close(pool), 0);
    return arg;
}

static void misuse_is_refused(void **state)
{
    (void)state;
    run(misuses, &pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_thousand_jobs_run_four_at_a_time_and_in_order),
        TEST(errors_reach_the_future_like_any_value),
        TEST(a_full_queue_makes_submitters_wait),
        TEST(without_a_queue_work_is_handed_over),
        TEST(a_submitter_that_gives_up_leaves_the_queue_intact),
        TEST(a_close_drains_and_refuses_more),
        TEST(a_job_cannot_close_its_pool),
        TEST(cancellation_does_not_interrupt_a_close),
        TEST(a_future_has_one_waiter_and_waits_as_long_as_told),
        TEST(a_job_that_cancels_itself_does_not_harm_the_next),
        TEST(a_job_that_leaves_a_group_open_ends_the_program),
        TEST(a_generator_may_submit_and_wait),
        TEST(misuse_is_refused),
    };

    return RUN_TESTS(tests);
}
