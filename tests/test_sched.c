/*
 * Tasks: in which order they run, how they begin and end, what they are refused, how the coroutines that they resume are parked with
 * them; and what is said of those that wait for good.
 */
#include "support/fpenv.h"
#include "support/said.h"
#include "support/tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static coro_task_t *const sentinel = (coro_task_t *)0x5e47;

static void *returns(void *input)
{
    return input;
}

static void mark_arg(void *arg)
{
    mark(*(const char *)arg);
}

static void *marks(void *letter)
{
    mark_arg(letter);
    return letter;
}

static void *sleeps_a_second(void *input)
{
    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    return input;
}

/* ---- turns ---- */

static int yields_instead(void)
{
    return coro_yield(NULL) == NULL ? 0 : -1;
}

static int (*lets_others_run)(void);

static void *marks_thrice(void *letter)
{
    for (int i = 0; i < 3; i++) {
        mark_arg(letter);
        EXPECT_INT(lets_others_run(), 0);
    }
    return letter;
}

static void *three_take_turns(void *arg)
{
    coro_task_t *t[3];

    for (int i = 0; i < 3; i++)
        t[i] = spawned(marks_thrice, (void *)(uintptr_t) & "ABC"[i]);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(*(char *)joined(t[i]), 'A' + i);
    return arg;
}

static void tasks_take_turns(void **state)
{
    (void)state;
    lets_others_run = coro_pause;
    assert_ptr_equal(run(three_take_turns, trace), trace);
    assert_string_equal(trace, "ABCABCABC");
}

static void a_yield_in_the_root_of_a_task_is_a_pause(void **state)
{
    (void)state;
    lets_others_run = yields_instead;
    run(three_take_turns, NULL);
    assert_string_equal(trace, "ABCABCABC");
}

static void *marks_before_its_children(void *arg)
{
    EXPECT_INT(coro_spawn(NULL, marks, "1", NULL), 0);
    EXPECT_INT(coro_spawn(NULL, marks, "2", NULL), 0);
    mark('0');
    return arg;
}

static void a_spawn_does_not_switch_and_children_outlive_the_root(void **state)
{
    (void)state;
    run(marks_before_its_children, NULL);
    assert_string_equal(trace, "012");
}

static void *pauses_alone(void *arg)
{
    for (int i = 0; i < 1000; i++)
        EXPECT_INT(coro_pause(), 0);
    return arg;
}

static void a_pause_of_the_only_task_comes_back(void **state)
{
    (void)state;
    run(pauses_alone, NULL);
}

static size_t count;

static void *counts(void *arg)
{
    coro_pause();
    count++;
    return arg;
}

static void *spawns_many(void *arg)
{
    size_t n = *(size_t *)arg;
    coro_task_t **t = calloc(n, sizeof *t);
    uintptr_t sum = 0;

    for (size_t i = 0; i < n; i++)
        t[i] = spawned(counts, (void *)i);
    for (size_t i = n; i-- > 0;)
        sum += (uintptr_t)joined(t[i]);
    free(t);
    return (void *)sum;
}

static void many_tasks_may_be_alive(void **state)
{
    size_t n = alive_at_most(10000);
    (void)state;

    count = 0;
    assert_int_equal((uintptr_t)run(spawns_many, &n), n * (n - 1) / 2);
    assert_int_equal(count, n);
}

static void *spawns_the_next(void *depth)
{
    if (depth == NULL)
        return NULL;
    return (void *)((uintptr_t)joined(spawned(spawns_the_next, (void *)((uintptr_t)depth - 1))) + 1);
}

static void tasks_nest_as_deep_as_memory_goes(void **state)
{
    void *depth = (void *)(uintptr_t)alive_at_most(3000);
    (void)state;

    assert_ptr_equal(run(spawns_the_next, depth), depth);
}

/* ---- results ---- */

static void a_run_needs_nowhere_to_put_its_result(void **state)
{
    (void)state;
    assert_int_equal(coro_run(returns, trace, NULL, NULL), 0);
    assert_int_equal((coro_run)(returns, trace, NULL, NULL), 0);
    assert_null(run(returns, NULL));
}

static void *joins_in_any_order(void *arg)
{
    coro_task_t *early = spawned(returns, "early"), *late = spawned(sleeps_a_second, "late"), *none;
    void *result = arg;

    EXPECT_INT(coro_pause(), 0);
    EXPECT(strcmp(joined(late), "late") == 0);
    EXPECT(strcmp(joined(early), "early") == 0);
    none = spawned(returns, NULL);
    EXPECT_INT(coro_join(none, &result, CORO_FOREVER), 0);
    EXPECT_PTR(result, NULL);
    none = spawned(returns, NULL);
    EXPECT_INT(coro_join(none, NULL, CORO_FOREVER), 0);
    none = spawned(returns, arg);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT((coro_join)(none, &result, 0), 0);
    EXPECT_PTR(result, arg);
    return arg;
}

static void a_join_gives_what_the_task_returned(void **state)
{
    (void)state;
    run(joins_in_any_order, trace);
}

static void *joins_too_early(void *arg)
{
    coro_task_t *t = spawned(sleeps_a_second, arg);
    void *result = trace;

    EXPECT_INT(coro_join(t, &result, 0), -EAGAIN);
    EXPECT_INT(coro_join(t, &result, 1), -ETIMEDOUT);
    EXPECT_INT(coro_join(t, &result, -1), -ETIMEDOUT);
    EXPECT_INT(coro_join(t, &result, coro_after(CORO_MS(999))), -ETIMEDOUT);
    EXPECT_PTR(result, trace);
    EXPECT_INT(coro_join(t, &result, coro_after(CORO_MS(1))), 0); /* completion wins over the deadline */
    EXPECT_PTR(result, arg);
    return arg;
}

static void a_join_that_is_too_early_changes_nothing(void **state)
{
    (void)state;
    run(joins_too_early, &count);
}

/* ---- misuse of join and detach ---- */

static void *joins_what_it_may_not(void *other)
{
    void *result = trace;

    EXPECT_INT(coro_join(NULL, &result, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_join(coro_task_self(), &result, CORO_FOREVER), -EDEADLK);
    EXPECT_INT(coro_join(coro_task_self(), &result, 0), -EDEADLK);
    EXPECT_INT(coro_join(other, &result, CORO_FOREVER), -EBUSY);
    EXPECT_INT(coro_join(other, &result, 0), -EBUSY);
    EXPECT_INT(coro_detach(other), -EBUSY);
    EXPECT_INT(coro_detach(NULL), -EINVAL);
    EXPECT_PTR(result, trace);
    return NULL;
}

static void *is_joined_meanwhile(void *arg)
{
    coro_task_t *t = spawned(sleeps_a_second, arg), *second = spawned(joins_what_it_may_not, t);

    EXPECT_PTR(joined(t), arg);
    joined(second);
    return arg;
}

static void a_second_joiner_is_refused_and_so_is_oneself(void **state)
{
    (void)state;
    run(is_joined_meanwhile, &count);
}

static void *detaches(void *arg)
{
    coro_task_t *alive = spawned(sleeps_a_second, arg), *ended = spawned(returns, arg);

    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_detach(alive), 0);
    EXPECT_INT(coro_detach(alive), -EINVAL);
    EXPECT_INT(coro_join(alive, NULL, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_join(alive, NULL, 0), -EINVAL);
    EXPECT_INT(coro_detach(ended), 0);
    return arg;
}

static void *detaches_itself(void *arg)
{
    EXPECT_INT(coro_detach(coro_task_self()), 0);
    EXPECT_INT(coro_detach(coro_task_self()), -EINVAL);
    return detaches(arg);
}

static void *spawns_who_detaches_itself(void *arg)
{
    spawned(detaches_itself, arg);
    return detaches(arg);
}

static void a_detached_task_looks_after_itself(void **state)
{
    (void)state;
    run(spawns_who_detaches_itself, NULL);
}

static void *meddles_with_the_first(void *first)
{
    void *result = trace;

    EXPECT_INT(coro_join(first, &result, CORO_FOREVER), -EBUSY);
    EXPECT_INT(coro_detach(first), -EBUSY);
    EXPECT_PTR(result, trace);
    return NULL;
}

static void *is_the_first(void *arg)
{
    joined(spawned(meddles_with_the_first, coro_task_self()));
    return arg;
}

static void the_first_task_is_waited_for_by_coro_run(void **state)
{
    (void)state;
    assert_ptr_equal(run(is_the_first, trace), trace);
}

/* ---- who runs ---- */

static void *asks_who_it_is(void *out)
{
    *(coro_task_t **)out = coro_task_self();
    return NULL;
}

static void *asks_in_a_nested_one(void *arg)
{
    coro_task_t *nested = NULL, *other = NULL, *t = spawned(asks_who_it_is, &other);
    coro_t *co = made_inside(asks_who_it_is);

    EXPECT_INT(coro_resume(co, &nested).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    EXPECT(nested == coro_task_self() && nested != NULL);
    joined(t);
    EXPECT_PTR(other, t);
    EXPECT(coro_task_self() == nested && coro_self() != NULL);
    return arg;
}

static void a_task_knows_itself_from_all_its_coroutines(void **state)
{
    (void)state;
    assert_null(coro_task_self());
    run(asks_in_a_nested_one, NULL);
    assert_null(coro_task_self());
}

/* ---- options ---- */

static _Alignas(64) char own_stack[64 << 10];

static void *looks_at_its_options(void *arg)
{
    const coro_opts *opts = arg;
    char here = 0;

    EXPECT(strcmp(coro_name(coro_self()), opts->name != NULL ? opts->name : "") == 0);
    EXPECT_PTR(coro_user(coro_self()), opts->user);
    if (opts->stack != NULL)
        EXPECT(under_asan() || (&here > own_stack && &here < own_stack + sizeof own_stack));
    else
        EXPECT_INT(coro_stack_size(coro_self()), opts->stack_size);
    return arg;
}

static void *spawns_with_options(void *default_size)
{
    const coro_opts all[] = {
        {.stack_size = *(size_t *)default_size},
        {.stack_size = 64 << 10, .name = "named"},
        {.stack_size = 256 << 10, .user = &count},
        {.stack_size = 128 << 10, .allocator = coro_stack_mmap(), .flags = CORO_NO_FPENV},
        {.stack_size = 32 << 10, .allocator = coro_stack_heap(), .name = "of the heap"},
        {.stack_size = sizeof own_stack, .stack = own_stack, .name = "own"},
    };
    size_t n = sizeof all / sizeof *all;
    coro_task_t *t[8];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            coro_opts given = all[i];

            if (i == 0)
                given.stack_size = 0;
            EXPECT_INT(coro_spawn(&t[i], looks_at_its_options, (void *)(uintptr_t)&all[i], &given), 0);
        }
        for (size_t i = 0; i < n; i++)
            EXPECT_PTR(joined(t[i]), &all[i]);
    }
    return NULL;
}

static void spawn_has_the_options_of_create(void **state)
{
    size_t size = 64 << 10;
    (void)state;

    run(spawns_with_options, &size);
}

static void a_scheduler_has_a_default_stack_size(void **state)
{
    size_t size = 200 << 10;
    (void)state;

    run_as((coro_sched_opts){.stack_size = size}, spawns_with_options, &size);
}

static int refusing_alloc(void *ctx, size_t size, coro_stack *out)
{
    (void)size, (void)out;
    return *(int *)ctx;
}

static void *is_refused_spawns(void *arg)
{
    int refusal = -ENFILE;
    const coro_stack_allocator refusing = {.alloc = refusing_alloc, .ctx = &refusal};
    const struct {
        coro_fn *fn;
        coro_opts opts;
        int err;
    } cases[] = {
        {NULL, {0}, -EINVAL},
        {returns, {.flags = CORO_FORWARD_EXCEPTIONS}, -EINVAL},
        {returns, {.flags = 4}, -EINVAL},
        {returns, {.stack_size = 16383}, -EINVAL},
        {returns, {.stack_size = SIZE_MAX}, -ENOMEM},
        {returns, {.stack = own_stack + 1, .stack_size = 32768}, -EINVAL},
        {returns, {.stack = own_stack, .stack_size = 32768, .allocator = coro_stack_mmap()}, -EINVAL},
        {returns, {.allocator = &refusing}, -ENFILE},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        coro_task_t *t = sentinel;

        EXPECT_INT(coro_spawn(&t, cases[i].fn, arg, &cases[i].opts), cases[i].err);
        EXPECT_INT(coro_spawn(NULL, cases[i].fn, arg, &cases[i].opts), cases[i].err);
        EXPECT_PTR(t, sentinel);
    }
    return arg;
}

static void a_refused_spawn_leaves_no_task(void **state)
{
    (void)state;
    run(is_refused_spawns, NULL);
}

static void *runs_inside(void *arg)
{
    void *result = trace;

    EXPECT_INT(coro_run(returns, NULL, &result, NULL), -EBUSY);
    EXPECT_PTR(result, trace);
    return arg;
}

static void a_run_is_refused_without_a_body_in_a_task_and_with_unknown_options(void **state)
{
    void *result = trace;
    (void)state;

    assert_int_equal(coro_run(NULL, NULL, &result, NULL), -EINVAL);
    assert_int_equal(coro_run(returns, NULL, &result, &(coro_sched_opts){.policy = 2}), -EINVAL);
    assert_int_equal(coro_run(returns, NULL, &result, &(coro_sched_opts){.stack_size = 1}), -EINVAL);
    assert_int_equal(coro_run(returns, NULL, &result, &(coro_sched_opts){.stack_size = SIZE_MAX}), -ENOMEM);
    assert_ptr_equal(result, trace);
    run(runs_inside, NULL);
}

static void *runs_in_a_coroutine(void *arg)
{
    void *result = NULL;

    EXPECT_INT(coro_run(three_take_turns, arg, &result, NULL), 0);
    coro_yield(result);
    return NULL;
}

static void a_run_may_be_in_a_coroutine(void **state)
{
    coro_t *co = made(runs_in_a_coroutine);
    (void)state;

    lets_others_run = coro_pause;
    assert_step(coro_resume(co, trace), CORO_YIELDED, trace);
    assert_int_equal(coro_destroy(co), 0);
    assert_nothing_unexpected();
    assert_string_equal(trace, "ABCABCABC");
}

static void workers_may_be_asked_for(void **state)
{
    (void)state;
    lets_others_run = coro_pause;
    run_as((coro_sched_opts){.workers = 8}, three_take_turns, NULL);
    assert_string_equal(trace, "ABCABCABC");
}

static void *returns_what_it_keeps(void *t)
{
    *(coro_task_t **)t = coro_task_self();
    return t;
}

static void outside_a_task_there_is_nothing_to_wait_in(void **state)
{
    coro_task_t *t = sentinel;
    coro_group_t g;
    coro_pool_t *p = NULL;
    void *results[1] = {trace};
    (void)state;

    assert_int_equal(coro_pause(), -EPERM);
    assert_int_equal(coro_sleep(1), -EPERM);
    assert_int_equal(coro_sleep(0), -EPERM);
    assert_int_equal(coro_sleep_until(CORO_FOREVER), -EPERM);
    assert_int_equal(coro_sleep_until(0), -EPERM);
    assert_int_equal(coro_spawn(&t, returns, NULL, NULL), -EPERM);
    assert_int_equal(coro_shield(true), -EPERM);
    assert_int_equal(coro_join_all(NULL, 0, results, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_join_all(NULL, 0, results, 0), 0);
    assert_int_equal(coro_join(NULL, NULL, CORO_FOREVER), -EINVAL);
    assert_int_equal(coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_pool_create(&p, 1, 1), -EPERM);
    assert_int_equal(coro_cancel(NULL), -EINVAL);
    assert_false(coro_cancelled());
    assert_ptr_equal(t, sentinel);
    assert_null(p);
    assert_ptr_equal(results[0], trace);
    run(returns_what_it_keeps, &t);
}

/* ---- at the end of a task ---- */

static coro_key_t key;
static int refused[12];

static void tries_to_wait(void *t)
{
    coro_task_t *other = t;
    coro_pool_t *p = NULL;
    coro_group_t g;
    int i = 0;

    errno = 0;
    refused[i++] = coro_yield(t) == NULL ? -errno : 0;
    refused[i++] = coro_pause();
    refused[i++] = coro_sleep(CORO_S(1));
    refused[i++] = coro_sleep(0);
    refused[i++] = coro_join(t, NULL, CORO_FOREVER);
    refused[i++] = coro_join_all(&other, 1, NULL, CORO_FOREVER);
    refused[i++] = coro_join_any(&other, 1, NULL, NULL, coro_after(CORO_S(1)));
    refused[i++] = coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER);
    refused[i++] = coro_pool_create(&p, 1, 1);
    refused[i++] = coro_join(t, NULL, 0) == -EAGAIN ? -ECANCELED : 1;
    mark('w');
}
enum { REFUSED = 10 };

static void assert_all_refused(void)
{
    for (int i = 0; i < REFUSED; i++)
        if (refused[i] != -ECANCELED)
            fail_msg("call %d: %d", i, refused[i]);
}

static void *defers_all(void *t)
{
    EXPECT_INT(coro_defer(mark_arg, "3"), 0);
    EXPECT_INT(coro_defer(tries_to_wait, t), 0);
    EXPECT_INT(coro_defer(mark_arg, "2"), 0);
    EXPECT_INT(coro_set(key, (void *)(uintptr_t) "4"), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT(strcmp(coro_get(key), "4") == 0);
    mark('1');
    return trace;
}

static void *joins_who_defers(void *arg)
{
    coro_task_t *sleeper = spawned(sleeps_a_second, arg);

    EXPECT_PTR(joined(spawned(defers_all, sleeper)), trace);
    mark('5');
    EXPECT_PTR(coro_get(key), NULL);
    joined(sleeper);
    return arg;
}

static void handlers_and_keys_run_at_the_end_of_a_task_and_may_not_wait(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    run(joins_who_defers, NULL);
    assert_int_equal(coro_key_delete(key), 0);
    assert_string_equal(trace, "12w345");
    assert_all_refused();
}

static void *is_cancelled_and_defers(void *t)
{
    EXPECT_INT(coro_cancel(coro_task_self()), 0);
    EXPECT_INT(coro_defer(tries_to_wait, t), 0);
    return NULL;
}

static void *joins_who_is_cancelled(void *arg)
{
    coro_task_t *sleeper = spawned(sleeps_a_second, arg);

    joined(spawned(is_cancelled_and_defers, sleeper));
    joined(sleeper);
    return arg;
}

static void nor_may_those_of_a_cancelled_task(void **state)
{
    (void)state;
    run(joins_who_is_cancelled, NULL);
    assert_string_equal(trace, "w");
    assert_all_refused();
}

static void clean_up(coro_task_t **t)
{
    tries_to_wait(*t);
}

static void *waits_with_a_cleanup(void *t)
{
    __attribute__((cleanup(clean_up))) coro_task_t *kept = t;

    coro_yield(kept);
    mark('!'); /* never */
    return NULL;
}

static void *unwinds_one_of_its_coroutines(void *arg)
{
    coro_task_t *sleeper = spawned(sleeps_a_second, arg);
    coro_t *co = made_inside(waits_with_a_cleanup);

    EXPECT_INT(coro_resume(co, sleeper).status, CORO_YIELDED);
    EXPECT_INT(coro_destroy(co), 0);
    joined(sleeper);
    return arg;
}

static void cleanups_of_a_nested_coroutine_may_not_wait(void **state)
{
    (void)state;
    run(unwinds_one_of_its_coroutines, NULL);
    assert_string_equal(trace, "w");
    assert_all_refused();
}

/* ---- coroutines in tasks ---- */

static void *generates(void *letter)
{
    coro_task_t *t;

    EXPECT_INT(coro_sleep(CORO_MS(10)), 0);
    mark_arg(letter);
    EXPECT_PTR(coro_yield("1"), "a");
    EXPECT_INT(coro_pause(), 0);
    t = spawned(sleeps_a_second, letter);
    EXPECT_PTR(joined(t), letter);
    mark_arg(letter);
    EXPECT_PTR(coro_yield("2"), "b");
    EXPECT_INT(coro_sleep_until(coro_after(CORO_MS(10))), 0);
    mark_arg(letter);
    return (void *)(uintptr_t) "3";
}

static void *resumes_a_generator(void *letter)
{
    coro_t *co = made_inside(generates);
    int64_t begin = coro_now();
    coro_step s = coro_resume(co, letter);

    EXPECT(s.status == CORO_YIELDED && strcmp(s.value, "1") == 0 && coro_now() - begin == CORO_MS(10));
    s = coro_resume(co, "a");
    EXPECT(s.status == CORO_YIELDED && strcmp(s.value, "2") == 0 && coro_now() - begin == CORO_MS(1010));
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    s = coro_resume(co, "b");
    EXPECT(s.status == CORO_RETURNED && strcmp(s.value, "3") == 0 && coro_now() - begin == CORO_MS(1021));
    EXPECT_INT(coro_destroy(co), 0);
    return letter;
}

static void *two_resume_generators(void *arg)
{
    coro_task_t *a = spawned(resumes_a_generator, "a"), *b = spawned(resumes_a_generator, "b");

    joined(a);
    joined(b);
    return arg;
}

static void a_generator_that_waits_parks_the_whole_task(void **state)
{
    (void)state;
    run(two_resume_generators, NULL);
    assert_string_equal(trace, "ababab");
}

static void *resumes_one_that_does(void *letter)
{
    coro_t *co = made_inside(resumes_a_generator);
    coro_step s = coro_resume(co, letter);

    EXPECT_INT(s.status, CORO_RETURNED);
    EXPECT_PTR(s.value, letter);
    EXPECT_INT(coro_destroy(co), 0);
    EXPECT_INT(coro_pause(), 0);
    return letter;
}

static void *two_at_another_depth(void *arg)
{
    coro_task_t *a = spawned(resumes_one_that_does, "a"), *b = spawned(resumes_a_generator, "b");
    coro_task_t *c = spawned(resumes_one_that_does, "c");

    joined(a);
    joined(b);
    joined(c);
    return arg;
}

static void so_does_one_that_is_two_deep(void **state)
{
    (void)state;
    run(two_at_another_depth, NULL);
    assert_string_equal(trace, "abcabcabc");
}

static void *yields_between(void *arg)
{
    for (;;) {
        EXPECT_INT(coro_pause(), 0);
        arg = coro_yield(arg);
    }
    return NULL;
}

/* Coroutines that are resumed by one task and then by another are nobody's in between. */
static void *resumes_in_turn(void *co)
{
    for (int i = 0; i < 3; i++) {
        coro_step s = coro_resume(co, &i);

        EXPECT(s.status == CORO_YIELDED && s.value == &i);
        EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    }
    return NULL;
}

static void *hands_one_on(void *arg)
{
    coro_t *co = made_inside(yields_between);

    joined(spawned(resumes_in_turn, co));
    joined(spawned(resumes_in_turn, co));
    EXPECT_INT(coro_destroy(co), 0);
    return arg;
}

static void a_coroutine_may_be_resumed_by_one_task_after_another(void **state)
{
    (void)state;
    run(hands_one_on, NULL);
}

static coro_t *second_of_two;

static void *transfers_and_waits(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_MS(5)), 0);
    EXPECT_INT(coro_transfer(second_of_two, arg).status, CORO_YIELDED);
    mark('z');
    return arg;
}

static void *is_transferred_to(void *arg)
{
    mark('x');
    EXPECT_INT(coro_sleep(CORO_MS(5)), 0);
    mark('y');
    return arg;
}

static void *resumes_those_that_transfer(void *arg)
{
    coro_t *first = made_inside(transfers_and_waits);

    second_of_two = made_inside(is_transferred_to);
    EXPECT_INT(coro_resume(first, arg).status, CORO_RETURNED); /* is_transferred_to() has */
    EXPECT_INT(coro_get_status(first), CORO_SUSPENDED);
    EXPECT_INT(coro_resume(first, NULL).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(first), 0);
    EXPECT_INT(coro_destroy(second_of_two), 0);
    return arg;
}

static void coroutines_of_a_task_may_transfer(void **state)
{
    (void)state;
    run(resumes_those_that_transfer, NULL);
    assert_string_equal(trace, "xyz");
}

/* ---- what belongs to a scheduler is left alone ---- */

static coro_t *root_of_victim, *middle_of_victim, *innermost_of_victim;

static void *waits_innermost(void *arg)
{
    coro_t *const all[] = {root_of_victim, middle_of_victim, coro_self()};

    innermost_of_victim = coro_self();
    for (int i = 0; i < 3; i++) {
        coro_step s = coro_resume(all[i], arg);

        EXPECT_INT(s.status, -EDEADLK);
        EXPECT_PTR(s.value, NULL);
        EXPECT_INT(coro_destroy(all[i]), -EDEADLK);
        EXPECT_INT(coro_get_status(all[i]), i == 2 ? CORO_RUNNING : CORO_NORMAL);
        if (i < 2)
            EXPECT_INT(coro_transfer(all[i], arg).status, -EDEADLK);
    }
    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    mark('i');
    return arg;
}

static void *waits_in_the_middle(void *arg)
{
    coro_t *co = made_inside(waits_innermost);

    middle_of_victim = coro_self();
    EXPECT_INT(coro_resume(co, arg).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    mark('m');
    return arg;
}

static void *is_the_victim(void *arg)
{
    coro_t *co = made_inside(waits_in_the_middle);

    root_of_victim = coro_self();
    EXPECT_INT(coro_resume(co, arg).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    mark('r');
    return arg;
}

static void *meddles_from_a_nested_one(void *co)
{
    coro_step s = coro_transfer(co, "x");

    EXPECT_INT(s.status, -EBUSY);
    EXPECT_PTR(s.value, NULL);
    return NULL;
}

static void *meddles_with_the_victim(void *arg)
{
    coro_t *const all[] = {root_of_victim, middle_of_victim, innermost_of_victim};

    for (int i = 0; i < 3; i++) {
        coro_step s = coro_resume(all[i], "x");
        coro_t *nested = made_inside(meddles_from_a_nested_one);

        EXPECT_INT(s.status, -EBUSY);
        EXPECT_PTR(s.value, NULL);
        EXPECT_INT(coro_destroy(all[i]), -EBUSY);
        EXPECT_INT(coro_get_status(all[i]), CORO_SUSPENDED);
        EXPECT_INT(coro_resume(nested, all[i]).status, CORO_RETURNED);
        EXPECT_INT(coro_destroy(nested), 0);
    }
    return arg;
}

static void *meddles_before_it_has_run(void *arg)
{
    coro_task_t *t = spawned(is_the_victim, arg), *meddler;

    EXPECT_INT(coro_pause(), 0);
    meddler = spawned(meddles_with_the_victim, arg);
    meddles_with_the_victim(arg);
    joined(meddler);
    joined(t);
    return arg;
}

static void coroutines_of_a_parked_task_are_busy(void **state)
{
    (void)state;
    run(meddles_before_it_has_run, NULL);
    assert_string_equal(trace, "imr");
}

static void *transfers_from_a_root(void *co)
{
    coro_step s = coro_transfer(co, "x");

    EXPECT_INT(s.status, -EBUSY);
    EXPECT_PTR(s.value, NULL);
    EXPECT_INT(coro_destroy(co), 0);
    return NULL;
}

static void the_root_of_a_task_cannot_transfer(void **state)
{
    (void)state;
    run(transfers_from_a_root, made(returns));
}

/* ---- floating-point control words ---- */

static void *keeps_its_rounding(void *mode)
{
    uint64_t mine = fp_rounding((unsigned)(uintptr_t)mode);

    fp_set_control(mine);
    for (int i = 0; i < 10; i++) {
        EXPECT_INT(coro_pause(), 0);
        EXPECT_INT(fp_control(), mine);
        EXPECT_INT(coro_sleep(CORO_MS(1 + (int)(uintptr_t)mode % 3)), 0);
        EXPECT_INT(fp_control(), mine);
    }
    return mode;
}

static void *keeps_it_below_a_nested_one(void *mode)
{
    uint64_t mine = fp_rounding((unsigned)(uintptr_t)mode + 1);
    coro_t *co = NULL;

    EXPECT_INT(coro_create(&co, keeps_its_rounding, NULL), 0);
    fp_set_control(mine);
    EXPECT_INT(coro_resume(co, mode).status, CORO_RETURNED);
    EXPECT_INT(fp_control(), mine);
    EXPECT_INT(coro_destroy(co), 0);
    return mode;
}

static void *changes_and_pauses(void *mode)
{
    for (unsigned i = 0; i < 10; i++) {
        fp_set_control(fp_rounding((unsigned)(uintptr_t)mode + i));
        EXPECT_INT(coro_pause(), 0);
    }
    return mode;
}

/* Shares the words with whoever resumes it. */
static void *shares_with_its_resumer(void *mode)
{
    uint64_t mine = fp_rounding((unsigned)(uintptr_t)mode), its = fp_rounding((unsigned)(uintptr_t)mode + 1);
    coro_t *co = NULL;

    EXPECT_INT(coro_create(&co, keeps_its_rounding, &(coro_opts){.flags = CORO_NO_FPENV}), 0);
    fp_set_control(its);
    EXPECT_INT(coro_resume(co, mode).status, CORO_RETURNED);
    EXPECT_INT(fp_control(), mine);
    EXPECT_INT(coro_destroy(co), 0);
    return mode;
}

static void *runs_with_all_roundings(void *how)
{
    coro_fn *const bodies[] = {keeps_its_rounding, keeps_it_below_a_nested_one};
    uint64_t mine = fp_control();
    coro_task_t *t[12];

    for (unsigned i = 0; i < 12; i++) {
        bool shares = how != NULL && i % 3 == 2;

        EXPECT_INT(coro_spawn(&t[i], shares ? changes_and_pauses : bodies[i % 2], (void *)(uintptr_t)i,
                              &(coro_opts){.flags = shares ? CORO_NO_FPENV : 0}),
                   0);
    }
    for (unsigned i = 0; i < 12; i++) {
        joined(t[i]);
        EXPECT_INT(fp_control(), mine);
    }
    return NULL;
}

static void tasks_keep_their_control_words_apart(void **state)
{
    uint64_t before = fp_control();
    (void)state;

    run(runs_with_all_roundings, NULL);
    assert_int_equal(fp_control(), before);
}

static void so_they_do_among_tasks_that_share_them(void **state)
{
    uint64_t before = fp_control();
    (void)state;

    run(runs_with_all_roundings, trace);
    fp_set_control(before);
}

static void *runs_one_that_shares(void *mode)
{
    joined(spawned(shares_with_its_resumer, mode));
    return mode;
}

static void *reads_control(void *out)
{
    *(uint64_t *)out = fp_control();
    return NULL;
}

static void *spawns_with_its_rounding(void *out)
{
    coro_task_t *t;

    fp_set_control(fp_rounding(2));
    t = spawned(reads_control, out);
    fp_set_control(fp_rounding(3));
    joined(t);
    return NULL;
}

static void a_task_begins_with_the_words_of_its_spawner(void **state)
{
    uint64_t before = fp_control(), seen = 0;
    (void)state;

    run(spawns_with_its_rounding, &seen);
    assert_int_equal(seen, fp_rounding(2));
    assert_int_equal(fp_control(), before);
}

/* A coroutine that shares its words is parked in the middle of that: what counts then are those of whoever waits. */
static void a_nested_coroutine_without_words_of_its_own_may_wait_alone(void **state)
{
    uint64_t before = fp_control();
    (void)state;

    run(runs_one_that_shares, NULL);
    fp_set_control(before);
}

/* ---- fork ---- */

static struct child_end end_of_child;

static struct forking {
    coro_task_t *ended, *asleep, *self;
    coro_group_t group;
    coro_pool_t *pool;
    coro_future_t *future;
    coro_sched_t *sched;
    bool cancelled;
} forking;

static int everything_is_refused(long arg)
{
    struct forking *f = &forking;
    coro_task_t *both[] = {f->ended, f->asleep}, *t = sentinel;
    coro_sched_t *s = NULL;
    coro_pool_t *p = NULL;
    coro_future_t *future = NULL;
    coro_group_t g;

    (void)arg;
    CHECK(coro_pause() == -ECHILD);
    CHECK(coro_sleep(0) == -ECHILD && coro_sleep(1) == -ECHILD);
    CHECK(coro_sleep_until(0) == -ECHILD && coro_sleep_until(CORO_FOREVER) == -ECHILD);
    CHECK(coro_spawn(&t, returns, NULL, NULL) == -ECHILD && t == sentinel);
    CHECK(coro_join(f->ended, NULL, 0) == -ECHILD && coro_join(f->ended, NULL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_join(f->asleep, NULL, 0) == -ECHILD && coro_join(f->asleep, NULL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_join_all(both, 2, NULL, 0) == -ECHILD && coro_join_all(both, 2, NULL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_join_any(both, 2, NULL, NULL, 0) == -ECHILD);
    CHECK(coro_join_any(both, 2, NULL, NULL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_detach(f->ended) == -ECHILD && coro_detach(f->asleep) == -ECHILD);
    CHECK(coro_cancel(f->asleep) == -ECHILD && coro_cancel(f->self) == -ECHILD);
    CHECK(coro_shield(true) == -ECHILD);
    CHECK(coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_group_spawn(&f->group, (coro_job *)(void *)returns, NULL) == -ECHILD);
    CHECK(coro_group_cancel(&f->group) == -ECHILD);
    CHECK(coro_group_join(&f->group) == -ECHILD);
    CHECK(coro_pool_create(&p, 1, 1) == -ECHILD && p == NULL);
    CHECK(coro_pool_submit(f->pool, &future, returns, NULL, 0) == -ECHILD);
    CHECK(coro_pool_submit(f->pool, &future, returns, NULL, CORO_FOREVER) == -ECHILD && future == NULL);
    CHECK(coro_future_wait(f->future, NULL, 0) == -ECHILD);
    CHECK(coro_future_wait(f->future, NULL, CORO_FOREVER) == -ECHILD);
    CHECK(coro_pool_close(f->pool) == -ECHILD);
    CHECK(coro_sched_create(&s, NULL) == -ECHILD && s == NULL);
    CHECK(coro_sched_spawn(f->sched, &t, returns, NULL, NULL) == -ECHILD && t == sentinel);
    CHECK(coro_sched_run(f->sched) == -ECHILD);
    CHECK(coro_sched_step(f->sched, 0) == -ECHILD);
    CHECK(coro_sched_fd(f->sched) == -ECHILD);
    CHECK(coro_sched_destroy(f->sched) == -ECHILD);
    return 0;
}

static int sleeps_as_a_job(void *arg)
{
    (void)arg;
    return coro_sleep(CORO_S(1));
}

static void *forks(void *is_cancelled)
{
    struct forking *f = &forking;

    f->self = coro_task_self();
    f->ended = spawned(returns, NULL);
    f->asleep = spawned(sleeps_a_second, NULL);
    EXPECT_INT(coro_sched_create(&f->sched, NULL), 0);
    EXPECT_INT(coro_pool_create(&f->pool, 1, 1), 0);
    EXPECT_INT(coro_pool_submit(f->pool, &f->future, sleeps_a_second, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_group_open(&f->group, CORO_WAIT_ALL, CORO_FOREVER), 0);
    EXPECT_INT(coro_group_spawn(&f->group, sleeps_as_a_job, NULL), 0);
    EXPECT_INT(coro_pause(), 0);
    if (is_cancelled != NULL)
        EXPECT_INT(coro_cancel(f->self), 0);
    end_of_child = in_forked_child(everything_is_refused, 0);
    coro_shield(true);
    EXPECT_INT(coro_group_join(&f->group), is_cancelled != NULL ? -ECANCELED : 0);
    EXPECT_INT(coro_future_wait(f->future, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_pool_close(f->pool), 0);
    EXPECT_INT(coro_sched_destroy(f->sched), 0);
    joined(f->ended);
    joined(f->asleep);
    return NULL;
}

static void the_child_of_a_fork_in_a_task_is_refused_everything(void **state)
{
    (void)state;
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        run(forks, cancelled ? trace : NULL);
        if (end_of_child.code != 0)
            print_error("cancelled: %d, child: exit code %d, signal %d, said: %s\n", cancelled, end_of_child.code,
                        end_of_child.signal, end_of_child.said);
        assert_int_equal(end_of_child.code, 0);
    }
}

/* ---- policies ---- */

static void *marks_and_pauses(void *letter)
{
    mark_arg(letter);
    EXPECT_INT(coro_pause(), 0);
    mark_arg(letter);
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    mark_arg(letter);
    return letter;
}

static void *eight_of_them(void *arg)
{
    coro_task_t *t[8];

    for (int i = 0; i < 8; i++)
        t[i] = spawned(marks_and_pauses, (void *)(uintptr_t) & "ABCDEFGH"[i]);
    EXPECT_INT(coro_join_all(t, 8, NULL, CORO_FOREVER), 0);
    return arg;
}

static const char *const order_of_seed_1 = "HAFEDFABDEHBCGGCACDHEBGF";

static void a_seed_gives_the_same_order_on_every_machine(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(trace, 0, sizeof trace);
        run_as((coro_sched_opts){.virtual_time = true, .seed = 1}, eight_of_them, NULL);
        assert_string_equal(trace, order_of_seed_1);
    }
    memset(trace, 0, sizeof trace);
    run_as((coro_sched_opts){.virtual_time = true, .seed = 1, .policy = CORO_DEPTH_FIRST}, eight_of_them, NULL);
    assert_string_equal(trace, order_of_seed_1);
    memset(trace, 0, sizeof trace);
    run_as((coro_sched_opts){.virtual_time = true, .seed = 2}, eight_of_them, NULL);
    assert_string_not_equal(trace, order_of_seed_1);
}

/* Exit codes: 1 as without a seed, 2 as with seed 1, 3 anything else. */
static int runs_under_coro_seed(long which)
{
    static const char *const values[] = {"1", "0x1", "0", "", "2"};
    const coro_sched_opts opts = {.virtual_time = true, .seed = which == 2 ? 1 : 0};

    setenv("CORO_SEED", values[which], 1);
    if (coro_run(eight_of_them, NULL, NULL, &opts) != 0)
        return 4;
    return strcmp(trace, "ABCDEFGHABCDEFGHABCDEFGH") == 0 ? 1 : strcmp(trace, order_of_seed_1) == 0 ? 2 : 3;
}

static void coro_seed_in_the_environment_takes_its_place(void **state)
{
    static const int codes[] = {2, 2, 1, 1, 3};
    (void)state;

    for (long which = 0; which < 5; which++)
        assert_int_equal(in_fresh_child(runs_under_coro_seed, which).code, codes[which]);
}

static void *spawns_two_and_marks(void *letters)
{
    char *mine = letters;

    mark(*mine);
    if (mine[1] != '\0' && mine[2] != '\0') {
        EXPECT_INT(coro_spawn(NULL, spawns_two_and_marks, mine + 1, NULL), 0);
        EXPECT_INT(coro_spawn(NULL, spawns_two_and_marks, mine + 2, NULL), 0);
    }
    return letters;
}

static void *spawns_paused_ones(void *arg)
{
    for (int i = 0; i < 3; i++)
        EXPECT_INT(coro_spawn(NULL, marks_and_pauses, (void *)(uintptr_t) & "abc"[i], NULL), 0);
    return arg;
}

static void depth_first_runs_the_youngest_and_paused_ones_last(void **state)
{
    const coro_sched_opts opts = {.virtual_time = true, .policy = CORO_DEPTH_FIRST};
    (void)state;

    run_as(opts, spawns_two_and_marks, (void *)(uintptr_t) "1234");
    assert_string_equal(trace, "13243");
    memset(trace, 0, sizeof trace);
    run_as(opts, spawns_paused_ones, NULL);
    assert_string_equal(trace, "cbacbaabc");
}

/* ---- reports; in children ---- */

static coro_task_t *joins_each_other[2];
static int cleaned_up;

static void count_cleanup(void **block)
{
    cleaned_up++;
    free(*block);
}

static void *joins_the_other(void *which)
{
    __attribute__((cleanup(count_cleanup))) void *block = malloc(100);

    if (block != NULL)
        coro_join(joins_each_other[(uintptr_t)which], NULL, CORO_FOREVER);
    cleaned_up += 100; /* never */
    return NULL;
}

static void *deadlocks(void *arg)
{
    coro_opts left = {.name = "left"}, right = {.name = "right"};

    coro_spawn(&joins_each_other[0], joins_the_other, (void *)1, &left);
    coro_spawn(&joins_each_other[1], joins_the_other, NULL, &right);
    coro_sleep(CORO_MS(1500));
    return arg;
}

static int deadlocks_in_a_child(long how)
{
    const coro_sched_opts opts = {.virtual_time = true};
    coro_task_t *t;
    coro_sched_t *s;
    void *result = trace;

    lets_others_run = coro_pause;
    if (how == 0) {
        CHECK(coro_run(deadlocks, NULL, &result, &opts) == -EDEADLK);
        CHECK(result == trace);
    } else {
        CHECK(coro_sched_create(&s, &opts) == 0);
        CHECK(coro_sched_spawn(s, &t, deadlocks, NULL, NULL) == 0);
        CHECK(coro_sched_run(s) == -EDEADLK && cleaned_up == 0);
        CHECK(coro_join(t, &result, 0) == 0 && result == NULL);
        CHECK(coro_sched_destroy(s) == 0);
    }
    CHECK(cleaned_up == 2);
    CHECK(coro_run(three_take_turns, trace, &result, &opts) == 0 && result == trace);
    return 0;
}

static void two_that_join_each_other_are_reported_and_unwound(void **state)
{
    (void)state;
    for (long how = 0; how < 2; how++) {
        struct child_end end = in_fresh_child(deadlocks_in_a_child, how);

        assert_says(&end,
                    "^libcoro: deadlock: nothing can wake the 2 tasks that are left:\n"
                    "    'left' \\(#[0-9.]+\\), created at [^\n]*test_sched\\.c:[0-9]+, waits for a task to end: "
                    "'right' \\(#[0-9.]+\\), since 1\\.500 s, at [^\n]*test_sched\\.c:[0-9]+\n"
                    "    'right' \\(#[0-9.]+\\), created at [^\n]*test_sched\\.c:[0-9]+, waits for a task to end: "
                    "'left' \\(#[0-9.]+\\), since 1\\.500 s, at [^\n]*test_sched\\.c:[0-9]+\n"
                    "libcoro: a cycle: 'left' \\(#[0-9.]+\\) waits for 'right' \\(#[0-9.]+\\) waits for 'left' "
                    "\\(#[0-9.]+\\)\n$");
        assert_int_equal(end.code, 0);
    }
}

static void *sleeps_for_good(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return arg;
}

static void *waits_for_those_that_never_end(void *arg)
{
    coro_task_t *t[60];

    for (int i = 0; i < 60; i++)
        coro_spawn(&t[i], sleeps_for_good, NULL, &(coro_opts){.name = "sleeper"});
    coro_join_all(t, 60, NULL, CORO_FOREVER);
    return arg;
}

static int never_ends(long arg)
{
    (void)arg;
    CHECK(coro_run(waits_for_those_that_never_end, NULL, NULL, &(coro_sched_opts){.virtual_time = true}) == -EDEADLK);
    return 0;
}

static void a_report_of_many_has_an_end_and_no_cycle_where_there_is_none(void **state)
{
    struct child_end end = in_fresh_child(never_ends, 0);
    int lines = 0;
    (void)state;

    assert_int_equal(end.code, 0);
    assert_says(&end,
                "^libcoro: deadlock: nothing can wake the 61 tasks that are left:\n"
                "    'main' \\(#[0-9.]+\\), created at [^\n]*test_sched\\.c:[0-9]+, waits for tasks to end: 'sleeper' "
                "\\(#[0-9.]+\\) and others, since 0\\.000 s, at [^\n]*test_sched\\.c:[0-9]+\n"
                "    'sleeper' \\(#[0-9.]+\\), created at [^\n]*, waits for time to pass, since 0\\.000 s, at ");
    for (const char *c = end.said; *c != '\0'; c++)
        lines += *c == '\n';
    if (strlen(end.said) < sizeof end.said - 1) {
        assert_int_equal(lines, 1 + 50 + 1);
        assert_says(&end, "\n    and 11 more\n$");
    }
    assert_null(strstr(end.said, "cycle"));
}

static void *leaves_tasks(void *arg)
{
    coro_task_t *t;

    coro_spawn(&t, returns, NULL, &(coro_opts){.name = "nobody's"});
    coro_pause();
    return arg;
}

static int leaves_tasks_behind(long how)
{
    coro_task_t *t, *other;
    coro_sched_t *s;

    CHECK(coro_sched_create(&s, NULL) == 0);
    CHECK(coro_sched_spawn(s, &t, leaves_tasks, NULL, NULL) == 0);
    CHECK(coro_sched_run(s) == 0);
    CHECK(coro_join(t, NULL, 0) == 0);
    if (how == 1)
        CHECK(coro_sched_spawn(s, &other, returns, NULL, &(coro_opts){.name = "never run"}) == 0);
    CHECK(coro_sched_destroy(s) == 0);
    return 0;
}

static void who_was_never_joined_or_never_run_is_told_of(void **state)
{
    struct child_end end = in_fresh_child(leaves_tasks_behind, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_says(&end, "^libcoro: nobody has joined or detached task 'nobody's' \\(#[0-9.]+\\), created at "
                      "[^\n]*test_sched\\.c:[0-9]+\n$");
    end = in_fresh_child(leaves_tasks_behind, 1);
    assert_int_equal(end.code, 0);
    assert_says(&end,
                "^libcoro: nobody has joined [^\n]*\nlibcoro: never run: task 'never run' \\(#[0-9.]+\\), created at "
                "[^\n]*test_sched\\.c:[0-9]+\n$");
}

static int goes_well(long arg)
{
    (void)arg;
    lets_others_run = coro_pause;
    CHECK(coro_run(three_take_turns, NULL, NULL, NULL) == 0);
    CHECK(coro_run(detaches, NULL, NULL, &(coro_sched_opts){.virtual_time = true}) == 0);
    CHECK(coro_run(NULL, NULL, NULL, NULL) == -EINVAL);
    return 0;
}

static void nothing_is_said_when_all_is_well(void **state)
{
    struct child_end end = in_fresh_child(goes_well, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_string_equal(end.said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_take_turns),
        TEST(a_yield_in_the_root_of_a_task_is_a_pause),
        TEST(a_spawn_does_not_switch_and_children_outlive_the_root),
        TEST(a_pause_of_the_only_task_comes_back),
        TEST(many_tasks_may_be_alive),
        TEST(tasks_nest_as_deep_as_memory_goes),
        TEST(a_run_needs_nowhere_to_put_its_result),
        TEST(a_join_gives_what_the_task_returned),
        TEST(a_join_that_is_too_early_changes_nothing),
        TEST(a_second_joiner_is_refused_and_so_is_oneself),
        TEST(a_detached_task_looks_after_itself),
        TEST(the_first_task_is_waited_for_by_coro_run),
        TEST(a_task_knows_itself_from_all_its_coroutines),
        TEST(spawn_has_the_options_of_create),
        TEST(a_scheduler_has_a_default_stack_size),
        TEST(a_refused_spawn_leaves_no_task),
        TEST(a_run_is_refused_without_a_body_in_a_task_and_with_unknown_options),
        TEST(a_run_may_be_in_a_coroutine),
        TEST(workers_may_be_asked_for),
        TEST(outside_a_task_there_is_nothing_to_wait_in),
        TEST(handlers_and_keys_run_at_the_end_of_a_task_and_may_not_wait),
        TEST(nor_may_those_of_a_cancelled_task),
        TEST(cleanups_of_a_nested_coroutine_may_not_wait),
        TEST(a_generator_that_waits_parks_the_whole_task),
        TEST(so_does_one_that_is_two_deep),
        TEST(a_coroutine_may_be_resumed_by_one_task_after_another),
        TEST(coroutines_of_a_task_may_transfer),
        TEST(coroutines_of_a_parked_task_are_busy),
        TEST(the_root_of_a_task_cannot_transfer),
        TEST(tasks_keep_their_control_words_apart),
        TEST(so_they_do_among_tasks_that_share_them),
        TEST(a_task_begins_with_the_words_of_its_spawner),
        TEST(a_nested_coroutine_without_words_of_its_own_may_wait_alone),
        TEST(the_child_of_a_fork_in_a_task_is_refused_everything),
        TEST(a_seed_gives_the_same_order_on_every_machine),
        TEST(coro_seed_in_the_environment_takes_its_place),
        TEST(depth_first_runs_the_youngest_and_paused_ones_last),
        TEST(two_that_join_each_other_are_reported_and_unwound),
        TEST(a_report_of_many_has_an_end_and_no_cycle_where_there_is_none),
        TEST(who_was_never_joined_or_never_run_is_told_of),
        TEST(nothing_is_said_when_all_is_well),
    };

    return RUN_TESTS(tests);
}
