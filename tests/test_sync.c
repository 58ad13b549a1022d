/*
 * What mutexes and their like have in common when nothing goes on any more: the report of it, and what becomes of them when the
 * scheduler unwinds those who hold them or wait for them.
 */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

static const coro_sched_opts virtual_time = {.virtual_time = true};

static coro_mutex_t left, right;
static coro_cond_t cond;
static coro_rwlock_t rwlock;
static coro_sem_t sem;
static coro_barrier_t barrier = CORO_BARRIER_INIT(2);
static coro_waitgroup_t group;
static coro_once_t once;

static int results[8];

static void spawn(const char *name, coro_fn *fn)
{
    coro_spawn(NULL, fn, NULL, &(coro_opts){.name = name});
    coro_pause();
}

/* ---- reports ---- */

static void *locks_left(void *arg)
{
    results[0] = coro_mutex_lock(&left, CORO_FOREVER);
    return arg;
}

static void *waits_for_ever(void *arg)
{
    coro_sem_wait(&sem, CORO_FOREVER);
    return arg;
}

static void *locks_left_for_ever(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    return waits_for_ever(arg);
}

static void *locks_left_then_right(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    coro_sleep(1);
    coro_mutex_lock(&right, CORO_FOREVER);
    return arg;
}

static void *locks_right_then_left(void *arg)
{
    coro_mutex_lock(&right, CORO_FOREVER);
    coro_sleep(1);
    coro_mutex_lock(&left, CORO_FOREVER);
    return arg;
}

static void *waits_for_the_condition(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    coro_cond_wait(&cond, &left, CORO_FOREVER);
    return arg;
}

static void *signals_for_ever(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    coro_cond_signal(&cond);
    return waits_for_ever(arg);
}

static void *reads(void *arg)
{
    coro_rwlock_rdlock(&rwlock, CORO_FOREVER);
    coro_sleep(2);
    coro_rwlock_unlock(&rwlock);
    return arg;
}

static void *reads_and_locks_left(void *arg)
{
    coro_rwlock_rdlock(&rwlock, CORO_FOREVER);
    coro_mutex_lock(&left, CORO_FOREVER);
    return arg;
}

static void *locks_left_and_writes(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    coro_sleep(1);
    coro_rwlock_wrlock(&rwlock, CORO_FOREVER);
    return arg;
}

static void *writes_for_ever(void *arg)
{
    coro_rwlock_wrlock(&rwlock, CORO_FOREVER);
    return waits_for_ever(arg);
}

static void *waits_at_the_barrier(void *arg)
{
    coro_barrier_wait(&barrier, CORO_FOREVER);
    return arg;
}

static void *waits_for_the_group(void *arg)
{
    coro_waitgroup_add(&group, 1);
    coro_waitgroup_wait(&group, CORO_FOREVER);
    return arg;
}

static void blocks(void)
{
    waits_for_ever(NULL);
}

static void *does_it_once(void *arg)
{
    coro_once(&once, blocks);
    return arg;
}

/* What tasks run, and what the report says of them. */
static const struct {
    const char *names[3];
    coro_fn *bodies[3];
    const char *says[4];
} reports[] = {
    {{"owner", "thief"},
     {locks_left_for_ever, locks_left},
     {"'thief' (#", ", waits to lock a mutex: 'owner' (#", "'owner' (#", ", waits for a semaphore, since"}},
    {{"Lisa", "Rex"},
     {locks_left_then_right, locks_right_then_left},
     {", waits to lock a mutex: 'Rex'", ", waits to lock a mutex: 'Lisa'", "libcoro: a cycle: 'Lisa' (#",
      " waits for 'Rex' (#"}},
    {{"queue", "owner"},
     {waits_for_the_condition, signals_for_ever},
     {"'queue' (#", ", waits to lock the mutex of a condition again: 'owner' (#"}},
    {{"alone"}, {waits_for_the_condition}, {"'alone' (#", ", waits for a condition, since 0.000 s, at "}},
    {{"scribe", "reader"},
     {writes_for_ever, reads},
     {"'reader' (#", ", waits to lock a read-write lock for reading: 'scribe' (#"}},
    {{"reader", "scribe"},
     {reads_and_locks_left, writes_for_ever},
     {"'scribe' (#", ", waits to lock a read-write lock for writing: 'reader' (#", "'reader' (#",
      "waits to lock a mutex"}},
    {{"one", "two"},
     {waits_for_the_group, waits_at_the_barrier},
     {", waits for a wait group,", ", waits at a barrier,"}},
    {{"doer", "idler"},
     {does_it_once, does_it_once},
     {"'idler' (#", ", waits for another task to do something once: 'doer' (#"}},
};
enum { REPORTS = sizeof reports / sizeof *reports };

static void *runs_report(void *arg)
{
    long i = *(long *)arg;

    if (reports[i].bodies[0] == reads_and_locks_left)
        coro_mutex_lock(&left, CORO_FOREVER);
    for (int k = 0; k < 3 && reports[i].bodies[k] != NULL; k++)
        spawn(reports[i].names[k], reports[i].bodies[k]);
    return reports[i].bodies[0] == reads_and_locks_left ? waits_for_ever(NULL) : NULL;
}

static int deadlocks(long i)
{
    return coro_run(runs_report, &i, NULL, &virtual_time) == -EDEADLK ? 0 : 1;
}

static void reports_say_who_waits_for_whom(void **state)
{
    (void)state;
    for (long i = 0; i < REPORTS; i++) {
        struct child_end end = in_fresh_child(deadlocks, i);

        assert_int_equal(end.code, 0);
        assert_non_null(strstr(end.said, "libcoro: deadlock: nothing can wake the "));
        assert_non_null(strstr(end.said, "test_sync.c:"));
        for (int k = 0; k < 4 && reports[i].says[k] != NULL; k++)
            if (strstr(end.said, reports[i].says[k]) == NULL)
                fail_msg("report %ld does not say \"%s\":\n%s", i, reports[i].says[k], end.said);
    }
}

/* The reader that came first has left; another stays, and waits for the one that waits for it to leave. */
static void *runs_readers(void *arg)
{
    spawn("owner", locks_left_and_writes);
    spawn("first", reads);
    spawn("second", reads_and_locks_left);
    return arg;
}

static int readers_deadlock(long arg)
{
    (void)arg;
    return coro_run(runs_readers, NULL, NULL, &virtual_time) == -EDEADLK ? 0 : 1;
}

static void a_cycle_goes_through_any_reader(void **state)
{
    struct child_end end = in_fresh_child(readers_deadlock, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    if (strstr(end.said, "for writing: 'second' (#") == NULL || strstr(end.said, "a cycle: 'owner' (#") == NULL)
        fail_msg("%s", end.said);
}

static void *runs_dead_holder(void *arg)
{
    coro_spawn(NULL, locks_left, NULL, &(coro_opts){.name = "careless"});
    coro_spawn(NULL, locks_left, NULL, &(coro_opts){.name = "victim"});
    coro_spawn(NULL, locks_left, NULL, &(coro_opts){.name = "another"});
    return arg;
}

static int deadlocks_on_a_dead_holder(long arg)
{
    (void)arg;
    return coro_run(runs_dead_holder, NULL, NULL, &virtual_time) == -EDEADLK ? 0 : 1;
}

/* Who holds the mutex has ended: it can be waited for, but not asked. */
static void a_holder_that_has_ended_is_not_looked_at(void **state)
{
    struct child_end end = in_fresh_child(deadlocks_on_a_dead_holder, 0);
    (void)state;

    assert_int_equal(end.signal, 0);
    assert_int_equal(end.code, 0);
    if (strstr(end.said, "'victim' (#") == NULL || strstr(end.said, ", waits to lock a mutex, since") == NULL)
        fail_msg("%s", end.said);
}

static int deadlocks_on_the_thread(long arg)
{
    (void)arg;
    coro_mutex_lock(&left, 0);
    return coro_run(locks_left, NULL, NULL, &virtual_time) == -EDEADLK && coro_mutex_unlock(&left) == 0 ? 0 : 1;
}

static void a_thread_that_holds_a_mutex_is_nobody_in_reports(void **state)
{
    struct child_end end = in_fresh_child(deadlocks_on_the_thread, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_non_null(strstr(end.said, ", waits to lock a mutex, since"));
}

/* ---- unwound ---- */

static void unlocks(void *arg)
{
    results[(intptr_t)arg] = coro_mutex_unlock(&left);
}

static void leaves(void *arg)
{
    results[(intptr_t)arg] = coro_rwlock_unlock(&rwlock);
}

static void *holds_all(void *arg)
{
    coro_mutex_lock(&left, CORO_FOREVER);
    coro_defer(unlocks, (void *)0);
    coro_rwlock_rdlock(&rwlock, CORO_FOREVER);
    coro_defer(leaves, (void *)1);
    coro_sleep(CORO_FOREVER);
    return arg;
}

static void *locks_and_leaves_it_to_the_end(void *arg)
{
    if (coro_mutex_lock(&left, CORO_FOREVER) == 0)
        coro_defer(unlocks, (void *)2);
    return arg;
}

static void *writes_behind(void *arg)
{
    if (coro_rwlock_wrlock(&rwlock, CORO_FOREVER) == 0)
        coro_defer(leaves, (void *)3);
    return arg;
}

static void *reads_behind(void *arg)
{
    if (coro_rwlock_rdlock(&rwlock, CORO_FOREVER) == 0)
        coro_defer(leaves, (void *)4);
    return arg;
}

static void *waits_with_right(void *arg)
{
    coro_mutex_lock(&right, CORO_FOREVER);
    coro_cond_wait(&cond, &right, CORO_FOREVER);
    return arg;
}

static coro_sched_t *with_tasks(coro_fn *const bodies[], int n)
{
    coro_sched_t *s;

    assert_int_equal(coro_sched_create(&s, &virtual_time), 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(coro_sched_spawn(s, NULL, bodies[i], NULL, NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), n);
    return s;
}

/* Whoever holds one unlocks it on its way out, and none of those who waited has come to hold it. */
static void what_unwinds_unlocks_and_nobody_is_served_any_more(void **state)
{
    static coro_fn *const bodies[] = {
        holds_all,        locks_and_leaves_it_to_the_end, writes_behind,       reads_behind,
        waits_with_right, waits_at_the_barrier,           waits_for_the_group, waits_for_ever};
    (void)state;

    for (int first = 0; first < 2; first++) { /* in the second round, the holder is the youngest, not the oldest */
        coro_fn *rotated[8];

        memset(results, 0x55, sizeof results);
        for (int i = 0; i < 8; i++)
            rotated[i] = bodies[first == 0 ? i : 7 - i];
        if (first == 1) { /* but waits for nobody */
            rotated[6] = rotated[7];
            rotated[7] = locks_and_leaves_it_to_the_end;
        }
        assert_int_equal(coro_sched_destroy(with_tasks(rotated, 8)), 0);
        assert_int_equal(coro_mutex_lock(&left, 0), 0);
        assert_int_equal(coro_mutex_unlock(&left), 0);
        assert_int_equal(coro_mutex_lock(&right, 0), 0);
        assert_int_equal(coro_mutex_unlock(&right), 0);
        assert_int_equal(coro_rwlock_wrlock(&rwlock, 0), 0);
        assert_int_equal(coro_rwlock_unlock(&rwlock), 0);
        assert_int_equal(coro_barrier_wait(&barrier, 0), -EAGAIN);
        assert_int_equal(coro_waitgroup_done(&group), 0);
        assert_int_equal(coro_sem_post(&sem), 0);
        assert_int_equal(coro_sem_wait(&sem, 0), 0);
    }
}

/* A writer of the scheduler that goes keeps a reader of another one out no longer. */
static void tasks_of_another_scheduler_are_served(void **state)
{
    static coro_fn *const writer[] = {writes_behind}, *const reader[] = {reads_behind};
    coro_sched_t *going, *staying;
    (void)state;

    results[3] = results[4] = -1;
    assert_int_equal(coro_rwlock_rdlock(&rwlock, 0), 0);
    going = with_tasks(writer, 1);
    staying = with_tasks(reader, 1);
    assert_int_equal(coro_sched_destroy(going), 0);
    assert_int_equal(coro_sched_run(staying), 0);
    assert_int_equal(results[4], 0);
    assert_int_equal(coro_sched_destroy(staying), 0);
    assert_int_equal(coro_rwlock_unlock(&rwlock), 0);
    assert_int_equal(coro_rwlock_unlock(&rwlock), -EPERM);
    assert_int_equal(results[3], -1);
}

static void *locks_and_yields(void *arg)
{
    results[0] = coro_mutex_lock(&left, CORO_FOREVER);
    coro_defer(unlocks, (void *)1);
    coro_yield(NULL);
    return arg;
}

static void *destroys_nested(void *arg)
{
    coro_t *co;

    coro_create(&co, locks_and_yields, NULL);
    coro_resume(co, NULL);
    results[2] = coro_mutex_lock(&left, 0);
    coro_destroy(co);
    results[3] = coro_mutex_lock(&left, CORO_FOREVER);
    results[4] = coro_mutex_unlock(&left);
    return arg;
}

static void a_coroutine_of_a_task_unlocks_while_it_is_unwound(void **state)
{
    const int expected[] = {0, 0, -EDEADLK, 0, 0};
    (void)state;

    assert_int_equal(coro_run(destroys_nested, NULL, NULL, &virtual_time), 0);
    assert_memory_equal(results, expected, sizeof expected);
}

/* ---- groups, crowds, pointers ---- */

static int locks_as_a_child(void *arg)
{
    int err = coro_mutex_lock(&left, CORO_FOREVER);

    results[(intptr_t)arg] = err;
    return err == 0 ? coro_mutex_unlock(&left) : err;
}

static void *locks_left_for_a_while(void *arg)
{
    results[0] = coro_mutex_lock(&left, CORO_FOREVER);
    coro_sleep(CORO_MS(3));
    results[6] = coro_mutex_unlock(&left);
    return arg;
}

static void *has_a_group_time_out(void *arg)
{
    coro_group_t g;

    coro_mutex_lock(&left, CORO_FOREVER);
    coro_spawn(NULL, locks_left_for_a_while, NULL, NULL);
    coro_group_open(&g, CORO_WAIT_ALL, coro_after(CORO_MS(1)));
    for (intptr_t i = 1; i <= 2; i++)
        coro_group_spawn(&g, locks_as_a_child, (void *)i);
    results[3] = coro_cond_wait(&cond, &left, CORO_FOREVER);
    results[4] = coro_mutex_unlock(&left);
    results[5] = coro_group_join(&g);
    return arg;
}

/* The host is inside: it waits for the condition no longer, but for the mutex. */
static void a_group_that_is_cancelled_leaves_queues(void **state)
{
    const int expected[] = {0, -ECANCELED, -ECANCELED, -ECANCELED, 0, -ETIMEDOUT, 0};
    (void)state;

    assert_int_equal(coro_run(has_a_group_time_out, NULL, NULL, &virtual_time), 0);
    assert_memory_equal(results, expected, sizeof expected);
}

static size_t turns, out_of_turn;

static void *takes_its_turn(void *arg)
{
    out_of_turn += coro_mutex_lock(&left, CORO_FOREVER) != 0;
    out_of_turn += turns++ != (size_t)(uintptr_t)arg;
    out_of_turn += coro_cond_wait(&cond, &left, CORO_FOREVER) != 0;
    out_of_turn += turns-- == 0;
    out_of_turn += coro_mutex_unlock(&left) != 0;
    return NULL;
}

static void *has_a_crowd(void *arg)
{
    size_t crowd = *(size_t *)arg;

    coro_mutex_lock(&left, CORO_FOREVER);
    for (size_t i = 0; i < crowd; i++)
        coro_spawn(NULL, takes_its_turn, (void *)(uintptr_t)i, NULL);
    coro_pause();
    coro_mutex_unlock(&left);
    coro_sleep(1);
    out_of_turn += turns != crowd;
    coro_cond_broadcast(&cond);
    return NULL;
}

static void a_crowd_is_served_in_turn(void **state)
{
    size_t crowd = alive_at_most(scaled(5000));
    (void)state;

    assert_int_equal(coro_run(has_a_crowd, &crowd, NULL, &virtual_time), 0);
    assert_int_equal(out_of_turn, 0);
    assert_int_equal(turns, 0);
}

static void nothing(void)
{
    mark('n');
}

static void calls_through_pointers_work_too(void **state)
{
    coro_barrier_t one = CORO_BARRIER_INIT(1);
    coro_once_t o = CORO_ONCE_INIT;
    (void)state;

    assert_int_equal((coro_mutex_lock)(&left, 0), 0);
    assert_int_equal((coro_cond_wait)(&cond, &left, 0), -EAGAIN);
    assert_int_equal(coro_mutex_unlock(&left), 0);
    assert_int_equal((coro_rwlock_wrlock)(&rwlock, 0), 0);
    assert_int_equal((coro_rwlock_rdlock)(&rwlock, 0), -EDEADLK);
    assert_int_equal(coro_rwlock_unlock(&rwlock), 0);
    assert_int_equal((coro_sem_wait)(&sem, 0), -EAGAIN);
    assert_int_equal((coro_barrier_wait)(&one, 0), 1);
    assert_int_equal((coro_waitgroup_wait)(&group, 0), 0);
    assert_int_equal((coro_once)(&o, nothing), 0);
    assert_string_equal(trace, "n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reports_say_who_waits_for_whom),
        TEST(a_cycle_goes_through_any_reader),
        TEST(a_holder_that_has_ended_is_not_looked_at),
        TEST(a_thread_that_holds_a_mutex_is_nobody_in_reports),
        TEST(what_unwinds_unlocks_and_nobody_is_served_any_more),
        TEST(tasks_of_another_scheduler_are_served),
        TEST(a_coroutine_of_a_task_unlocks_while_it_is_unwound),
        TEST(a_group_that_is_cancelled_leaves_queues),
        TEST(a_crowd_is_served_in_turn),
        TEST(calls_through_pointers_work_too),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
