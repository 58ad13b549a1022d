/*
 * What waits for a count: semaphore, barrier, wait group; and once.
 */
#include "support/test.h"
#include "sync/script.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(coro_sem_t) == 3 * sizeof(void *), "its layout is part of the interface");
_Static_assert(sizeof(coro_barrier_t) == 3 * sizeof(void *), "its layout is part of the interface");
_Static_assert(sizeof(coro_waitgroup_t) == 3 * sizeof(void *), "its layout is part of the interface");
_Static_assert(sizeof(coro_once_t) == 4 * sizeof(void *), "its layout is part of the interface");

static const coro_sched_opts virtual_time = {.virtual_time = true};

#define LAST_FIRST(...) PLAYED_AS(CORO_DEPTH_FIRST, __VA_ARGS__)

static int results[8];

/* ---- semaphore ---- */

static void a_semaphore_lets_as_many_through_as_it_counts(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("up up down down down? down@0"),
                        "0 a down, 0 a down, 0 a down=EAGAIN, 0 a down=ETIMEDOUT");
    assert_string_equal(PLAYED("down?", "up", "down? down?"), "0 a down=EAGAIN, 0 c down, 0 c down=EAGAIN");
}

static void a_post_goes_to_who_has_waited_longest(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("down", "down", "down", "sleep:1 up sleep:1 up sleep:1 up down?"),
                        "1 a down, 2 b down, 3 d down=EAGAIN, 3 c down");
}

static void nobody_comes_before_who_was_posted_to(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("down", "up down? down@0 down"), "0 b down=EAGAIN, 0 b down=ETIMEDOUT, 0 a down, "
                                                                "1000 b down=ECANCELED");
}

static void who_gives_up_takes_nothing(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("down@2", "down", "down", "sleep:3 up cancel:c sleep:1 up down? down?"),
                        "2 a down=ETIMEDOUT, 3 b down, 3 c down=ECANCELED, 4 d down, 4 d down=EAGAIN");
    assert_string_equal(PLAYED("down", "down@2", "sleep:1 cancel:a sleep:2 up up", "sleep:4 down? down? down?"),
                        "1 a down=ECANCELED, 2 b down=ETIMEDOUT, 4 d down, 4 d down, 4 d down=EAGAIN");
}

static void a_post_wins_over_cancellation_and_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("down down?", "sleep:2 cancel:a up"), "2 a down, 2 a down=EAGAIN");
    assert_string_equal(LAST_FIRST("down@5 down?", "sleep:2 sleep:3 up"), "5 a down, 5 a down=EAGAIN");
    assert_string_equal(LAST_FIRST("down@5", "sleep:2 sleep:3 cancel:a sleep:1 up down?"),
                        "5 a down=ECANCELED, 6 b down");
}

static void a_cancelled_task_takes_only_with_deadline_0(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("up cancel:a down down@9 down? down?"),
                        "0 a down=ECANCELED, 0 a down=ECANCELED, 0 a down, 0 a down=EAGAIN");
}

static void a_semaphore_counts_up_to_uint_max(void **state)
{
    coro_sem_t s = CORO_SEM_INIT(UINT_MAX - 1);
    (void)state;

    assert_int_equal(coro_sem_post(&s), 0);
    assert_int_equal(coro_sem_post(&s), -EOVERFLOW);
    assert_int_equal(coro_sem_wait(&s, 0), 0);
    assert_int_equal(coro_sem_post(&s), 0);
    assert_int_equal(coro_sem_post(&s), -EOVERFLOW);
}

static void semaphores_refuse_misuse(void **state)
{
    coro_sem_t s;
    (void)state;

    assert_int_equal(coro_sem_init(NULL, 1), -EINVAL);
    assert_int_equal(coro_sem_wait(NULL, 0), -EINVAL);
    assert_int_equal(coro_sem_post(NULL), -EINVAL);
    assert_int_equal(coro_sem_init(&s, 1), 0);
    assert_int_equal(coro_sem_wait(&s, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_sem_wait(&s, 1), -EPERM);
    assert_int_equal(coro_sem_wait(&s, 0), 0);
    assert_int_equal(coro_sem_wait(&s, 0), -EAGAIN);
}

static void *waits_for_the_semaphore(void *arg)
{
    results[0] = coro_sem_wait(arg, CORO_FOREVER);
    mark('w');
    return NULL;
}

static void a_post_from_outside_wakes_a_task(void **state)
{
    coro_sem_t s = {0};
    coro_sched_t *sched;
    (void)state;

    assert_int_equal(coro_sched_create(&sched, &virtual_time), 0);
    assert_int_equal(coro_sched_spawn(sched, NULL, waits_for_the_semaphore, &s, NULL), 0);
    assert_int_equal(coro_sched_step(sched, 0), 1);
    assert_int_equal(coro_sem_post(&s), 0);
    assert_int_equal(coro_sem_wait(&s, 0), -EAGAIN);
    assert_string_equal(trace, "");
    assert_int_equal(coro_sched_run(sched), 0);
    assert_string_equal(trace, "w");
    assert_int_equal(coro_sched_destroy(sched), 0);
}

/* ---- barrier: number n is for n + 1 tasks ---- */

static void the_last_at_a_barrier_gets_1(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("sleep:1 meet2", "sleep:3 meet2", "meet2"), "3 b meet2=1, 3 c meet2, 3 a meet2");
}

static void a_barrier_works_again_and_again(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("meet1 meet1 sleep:1 meet1", "meet1 meet1 meet1"),
                        "0 b meet1=1, 0 a meet1, 0 a meet1=1, 0 b meet1, 1 a meet1=1, 1 b meet1");
    assert_string_equal(PLAYED("meet1", "meet1", "meet1", "meet1", "meet1@5"),
                        "0 b meet1=1, 0 d meet1=1, 0 a meet1, 0 c meet1, 5 e meet1=ETIMEDOUT");
}

static void a_barrier_for_one_stops_nobody(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("meet meet? meet@0"), "0 a meet=1, 0 a meet=1, 0 a meet=1");
}

static void who_gives_up_at_a_barrier_does_not_count(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("meet2@2", "meet2", "sleep:3 meet2", "sleep:4 meet2"),
                        "2 a meet2=ETIMEDOUT, 4 d meet2=1, 4 b meet2, 4 c meet2");
    assert_string_equal(PLAYED("meet2", "sleep:1 cancel:a meet2", "sleep:3 meet2", "sleep:4 meet2"),
                        "1 a meet2=ECANCELED, 4 d meet2=1, 4 b meet2, 4 c meet2");
    assert_string_equal(
        PLAYED("meet1? meet1@0 meet1? meet1@3", "sleep:4 meet1@9"),
        "0 a meet1=EAGAIN, 0 a meet1=ETIMEDOUT, 0 a meet1=EAGAIN, 3 a meet1=ETIMEDOUT, 9 b meet1=ETIMEDOUT");
}

static void the_last_one_need_not_wait(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("meet1", "meet1? meet1?"), "0 b meet1=1, 0 b meet1=EAGAIN, 0 a meet1");
    assert_string_equal(PLAYED("meet1", "sleep:2 meet1@0"), "2 b meet1=1, 2 a meet1");
    assert_string_equal(PLAYED("meet1", "cancel:b meet1 meet1?"), "0 b meet1=ECANCELED, 0 b meet1=1, 0 a meet1");
}

static void meeting_wins_over_cancellation_and_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("meet1", "sleep:2 cancel:a meet1"), "2 b meet1=1, 2 a meet1");
    assert_string_equal(LAST_FIRST("meet1@5", "sleep:2 sleep:3 meet1"), "5 b meet1=1, 5 a meet1");
    assert_string_equal(PLAYED("sleep:2 sleep:3 meet1@7", "meet1@5"), "5 b meet1=ETIMEDOUT, 7 a meet1=ETIMEDOUT");
}

static void barriers_refuse_misuse(void **state)
{
    coro_barrier_t b = {0}, two = CORO_BARRIER_INIT(2), one;
    (void)state;

    assert_int_equal(coro_barrier_init(NULL, 1), -EINVAL);
    assert_int_equal(coro_barrier_init(&b, 0), -EINVAL);
    assert_int_equal(coro_barrier_wait(NULL, 0), -EINVAL);
    assert_int_equal(coro_barrier_wait(&b, 0), -EINVAL);
    assert_int_equal(coro_barrier_wait(&two, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_barrier_wait(&two, 0), -EAGAIN);
    assert_int_equal(coro_barrier_wait(&two, 0), -EAGAIN);
    assert_int_equal(coro_barrier_init(&one, 1), 0);
    assert_int_equal(coro_barrier_wait(&one, 0), 1);
}

/* ---- wait group ---- */

static void a_wait_group_with_nothing_to_do_stops_nobody(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("await await? await@0 await@-1"), "0 a await, 0 a await, 0 a await, 0 a await");
}

static void all_wait_until_all_is_done(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("add:2 await", "await", "await? await@0 await", "sleep:2 add:-1 sleep:2 add:-1"),
                        "0 c await=EAGAIN, 0 c await=ETIMEDOUT, 4 a await, 4 b await, 4 c await");
    assert_string_equal(PLAYED("add:3 await", "sleep:2 add:-1 sleep:1 add:1 sleep:1 add:-3"), "4 a await");
}

static void a_wait_group_is_used_again(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("add:1 await await", "sleep:1 add:-1 add:1 sleep:2 add:-1"), "1 a await, 3 a await");
    assert_string_equal(PLAYED("add:1 await? await add:1 await", "sleep:1 add:-1 sleep:1 add:-1"),
                        "0 a await=EAGAIN, 1 a await, 2 a await");
}

static void who_gives_up_leaves_the_others(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("add:1 await", "await@2", "await", "sleep:3 cancel:c sleep:1 add:-1"),
                        "2 b await=ETIMEDOUT, 3 c await=ECANCELED, 4 a await");
    assert_string_equal(PLAYED("cancel:a await await?"), "0 a await=ECANCELED, 0 a await");
}

static void being_done_wins_over_cancellation_and_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("add:1 await", "sleep:2 cancel:a add:-1"), "2 a await");
    assert_string_equal(LAST_FIRST("add:1 await@5", "sleep:2 sleep:3 add:-1"), "5 a await");
}

static void a_wait_group_counts_from_0_to_int_max(void **state)
{
    coro_waitgroup_t w = CORO_WAITGROUP_INIT;
    (void)state;

    assert_int_equal(coro_waitgroup_done(&w), -EOVERFLOW);
    assert_int_equal(coro_waitgroup_add(&w, INT_MIN), -EOVERFLOW);
    assert_int_equal(coro_waitgroup_add(&w, 0), 0);
    assert_int_equal(coro_waitgroup_wait(&w, 0), 0);
    assert_int_equal(coro_waitgroup_add(&w, INT_MAX), 0);
    assert_int_equal(coro_waitgroup_add(&w, 1), -EOVERFLOW);
    assert_int_equal(coro_waitgroup_add(&w, INT_MAX), -EOVERFLOW);
    assert_int_equal(coro_waitgroup_add(&w, INT_MIN), -EOVERFLOW);
    assert_int_equal(coro_waitgroup_wait(&w, 0), -EAGAIN);
    assert_int_equal(coro_waitgroup_done(&w), 0);
    assert_int_equal(coro_waitgroup_add(&w, 1 - INT_MAX), 0);
    assert_int_equal(coro_waitgroup_wait(&w, 0), 0);
    assert_int_equal(coro_waitgroup_done(&w), -EOVERFLOW);
}

static void wait_groups_refuse_misuse(void **state)
{
    coro_waitgroup_t w = {0};
    (void)state;

    assert_int_equal(coro_waitgroup_add(NULL, 1), -EINVAL);
    assert_int_equal(coro_waitgroup_done(NULL), -EINVAL);
    assert_int_equal(coro_waitgroup_wait(NULL, 0), -EINVAL);
    assert_int_equal(coro_waitgroup_wait(&w, CORO_FOREVER), -EPERM);
}

/* ---- once ---- */

static coro_once_t once;
static int calls;

static void counts(void)
{
    calls++;
}

static void once_is_done_once_also_outside_tasks(void **state)
{
    coro_once_t o = CORO_ONCE_INIT;
    (void)state;

    calls = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(coro_once(&o, counts), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(coro_once(NULL, counts), -EINVAL);
    assert_int_equal(coro_once(&o, NULL), -EINVAL);
}

static void others_wait_until_it_is_done(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("once", "once", "sleep:1 once once", "sleep:3 once", "once1"),
                        "2 a once, 2 e once1, 2 b once, 2 c once, 2 c once, 3 d once");
}

static void who_waits_for_it_can_be_cancelled(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("once", "once", "once", "sleep:1 cancel:b", "cancel:e once"),
                        "0 e once=ECANCELED, 1 b once=ECANCELED, 2 a once, 2 c once");
}

static void who_does_it_can_be_cancelled_but_it_is_done(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("once once", "once", "sleep:1 cancel:a"), "1 a once, 1 a once, 1 b once");
}

static void recurses(void)
{
    calls++;
    results[0] = coro_once(&once, recurses);
}

static void *does_once(void *arg)
{
    results[1] = coro_once(&once, recurses);
    return arg;
}

static void once_within_itself_is_a_deadlock(void **state)
{
    (void)state;
    calls = 0;
    once = (coro_once_t){0};
    assert_int_equal(coro_run(does_once, NULL, NULL, &virtual_time), 0);
    assert_int_equal(results[0], -EDEADLK);
    assert_int_equal(results[1], 0);
    once = (coro_once_t)CORO_ONCE_INIT;
    assert_int_equal(coro_once(&once, recurses), 0);
    assert_int_equal(results[0], -EDEADLK);
    assert_int_equal(calls, 2);
}

static void sleeps(void)
{
    coro_sleep(CORO_MS(1));
}

static void *does_slowly(void *arg)
{
    results[0] = coro_once(&once, sleeps);
    return arg;
}

static void outside_tasks_nobody_waits_for_it(void **state)
{
    coro_sched_t *s;
    (void)state;

    once = (coro_once_t){0};
    assert_int_equal(coro_sched_create(&s, &virtual_time), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, does_slowly, NULL, NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_once(&once, sleeps), -EPERM);
    assert_int_equal(coro_sched_run(s), 0);
    assert_int_equal(results[0], 0);
    assert_int_equal(coro_once(&once, sleeps), 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

/* ---- while a task ends, and in coroutines that it resumes ---- */

static void what_ends_does_not_wait(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("!down !meet1 !await !up"),
                        "0 a await=ECANCELED, 0 a meet1=ECANCELED, 0 a down=ECANCELED");
    assert_string_equal(PLAYED("!down? !up !meet?"), "0 a meet=1, 0 a down");
}

static void a_nested_coroutine_waits_for_its_task(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("^down ^meet1 ^await ^once", "add1:1 add:1 sleep:2 up sleep:2 meet1 sleep:2 add:-1"),
                        "2 a down, 4 b meet1=1, 4 a meet1, 6 a await, 8 a once");
}

/* ---- in a forked child ---- */

static int calls_in_a_child(long arg)
{
    static coro_sem_t s = CORO_SEM_INIT(1);
    static coro_barrier_t b = CORO_BARRIER_INIT(1);
    static coro_waitgroup_t w;
    static coro_rwlock_t l;
    static coro_once_t o;
    const int refused[] = {
        coro_sem_wait(&s, 0),       coro_sem_wait(&s, CORO_FOREVER), coro_sem_post(&s),
        coro_barrier_wait(&b, 0),   coro_barrier_wait(&b, 1),        coro_waitgroup_wait(&w, 0),
        coro_waitgroup_wait(&w, 1), coro_waitgroup_add(&w, 1),       coro_waitgroup_done(&w),
        coro_rwlock_rdlock(&l, 0),  coro_rwlock_wrlock(&l, 0),       coro_rwlock_rdlock(&l, CORO_FOREVER),
        coro_rwlock_wrlock(&l, 1),  coro_rwlock_unlock(&l),          coro_once(&o, counts),
        coro_once(&o, counts)};
    (void)arg;

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (refused[i] != -ECHILD)
            return 1 + (int)i;
    results[0] = -1;
    return coro_run(waits_for_the_semaphore, &s, NULL, NULL) == 0 && results[0] == 0 ? 0 : 100;
}

static void a_forked_child_is_refused_until_it_begins_anew(void **state)
{
    coro_sem_t s = CORO_SEM_INIT(1);
    (void)state;

    assert_int_equal(coro_run(waits_for_the_semaphore, &s, NULL, NULL), 0);
    assert_int_equal(in_forked_child(calls_in_a_child, 0).code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_semaphore_lets_as_many_through_as_it_counts),
        TEST(a_post_goes_to_who_has_waited_longest),
        TEST(nobody_comes_before_who_was_posted_to),
        TEST(who_gives_up_takes_nothing),
        TEST(a_post_wins_over_cancellation_and_deadline),
        TEST(a_cancelled_task_takes_only_with_deadline_0),
        TEST(a_semaphore_counts_up_to_uint_max),
        TEST(semaphores_refuse_misuse),
        TEST(a_post_from_outside_wakes_a_task),
        TEST(the_last_at_a_barrier_gets_1),
        TEST(a_barrier_works_again_and_again),
        TEST(a_barrier_for_one_stops_nobody),
        TEST(who_gives_up_at_a_barrier_does_not_count),
        TEST(the_last_one_need_not_wait),
        TEST(meeting_wins_over_cancellation_and_deadline),
        TEST(barriers_refuse_misuse),
        TEST(a_wait_group_with_nothing_to_do_stops_nobody),
        TEST(all_wait_until_all_is_done),
        TEST(a_wait_group_is_used_again),
        TEST(who_gives_up_leaves_the_others),
        TEST(being_done_wins_over_cancellation_and_deadline),
        TEST(a_wait_group_counts_from_0_to_int_max),
        TEST(wait_groups_refuse_misuse),
        TEST(once_is_done_once_also_outside_tasks),
        TEST(others_wait_until_it_is_done),
        TEST(who_waits_for_it_can_be_cancelled),
        TEST(who_does_it_can_be_cancelled_but_it_is_done),
        TEST(once_within_itself_is_a_deadlock),
        TEST(outside_tasks_nobody_waits_for_it),
        TEST(what_ends_does_not_wait),
        TEST(a_nested_coroutine_waits_for_its_task),
        TEST(a_forked_child_is_refused_until_it_begins_anew),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
