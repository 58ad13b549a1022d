/*
 * Tasks that have no coroutine until it is their turn, as where a crowd is spawned at once: they are like all others.
 */
#include "support/fpenv.h"
#include "support/said.h"
#include "support/tasks.h"

#include <fenv.h>
#include <string.h>
#include <sys/resource.h>

enum { CROWD = 64 };

static coro_task_t *tasks[CROWD];
static int order[CROWD], ran;
static coro_key_t key;

static void *returns(void *arg)
{
    return arg;
}

/* So that there are idle ones. */
static void warm_up(void)
{
    for (int i = 0; i < CROWD; i++)
        EXPECT_INT(coro_spawn(&tasks[i], returns, NULL, &(coro_opts){0}), 0);
    for (int i = 0; i < CROWD; i++)
        EXPECT_INT(coro_join(tasks[i], NULL, CORO_FOREVER), 0);
    ran = 0;
}

static void join_all(void)
{
    for (intptr_t i = 0; i < CROWD; i++) {
        void *result = NULL;

        EXPECT_INT(coro_join(tasks[i], &result, CORO_FOREVER), 0);
        EXPECT_INT((intptr_t)result, i);
    }
}

/* ---- what each begins with ---- */

static const int roundings[] = {FE_TONEAREST, FE_TOWARDZERO, FE_UPWARD, FE_DOWNWARD};

static int rounding(intptr_t i)
{
    return roundings[i % 4];
}

/* A few ask for something, but not for another stack. */
static bool asks(intptr_t i)
{
    return i % 7 == 3;
}

/* Each leaves behind what the next must not find, and some wait in between, so that others go on in coroutines of their own. */
static void *begins_afresh(void *arg)
{
    intptr_t i = (intptr_t)arg;

    order[ran++] = (int)i;
    EXPECT_INT(fegetround(), rounding(i));
    EXPECT_INT(strcmp(coro_name(coro_self()), asks(i) ? "asks" : ""), 0);
    EXPECT_PTR(coro_user(coro_self()), asks(i) ? &key : NULL);
    EXPECT_PTR(coro_get(key), NULL);
    EXPECT_PTR(coro_task_self(), tasks[i]);
    EXPECT_INT(fesetround(rounding(i + 1)), 0);
    EXPECT_INT(coro_set(key, &tasks[i]), 0);
    EXPECT_INT(coro_set_name(coro_self(), "somebody"), 0);
    if (i % 3 == 0)
        EXPECT_INT(coro_sleep(1 + i), 0);
    else if (i % 3 == 1 && i % 2 == 0)
        EXPECT_INT(coro_pause(), 0);
    EXPECT_PTR(coro_get(key), &tasks[i]);
    EXPECT_INT(strcmp(coro_name(coro_self()), "somebody"), 0);
    EXPECT_INT(fegetround(), rounding(i + 1));
    return arg;
}

static void *spawns_a_crowd(void *arg)
{
    const coro_opts opts = {.name = "asks", .user = &key};

    warm_up();
    for (int times = 0; times < 3; times++) {
        ran = 0;
        for (intptr_t i = 0; i < CROWD; i++) {
            fesetround(rounding(i)); /* the spawner's is what a task begins with */
            EXPECT_INT(coro_spawn(&tasks[i], begins_afresh, (void *)i, asks(i) ? &opts : NULL), 0);
        }
        fesetround(FE_TONEAREST);
        join_all();
        EXPECT_INT(fegetround(), FE_TONEAREST);
        EXPECT_INT(ran, CROWD);
    }
    return arg;
}

static void each_begins_with_nothing_of_another(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, NULL), 0);
    run(spawns_a_crowd, NULL);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(order[i], i);
    run_as((coro_sched_opts){.virtual_time = true, .policy = CORO_DEPTH_FIRST}, spawns_a_crowd, NULL);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(order[i], CROWD - 1 - i);
    run_as((coro_sched_opts){.virtual_time = true, .seed = 7}, spawns_a_crowd, NULL);
    assert_int_equal(coro_key_delete(key), 0);
}

/* ---- control words ---- */

static bool shares(intptr_t i)
{
    return i % 5 == 1 || i % 5 == 2; /* so that each kind comes after each, in what may be one coroutine */
}

/* Those that share have what the others of their kind have, the rest what they were spawned with; some wait. */
static void *has_its_words(void *arg)
{
    intptr_t i = (intptr_t)arg;

    ran++;
    EXPECT_INT(fegetround(), shares(i) ? FE_UPWARD : rounding(i));
    if (!shares(i))
        EXPECT_INT(fesetround(rounding(i + 1)), 0);
    if (i % 3 == 0)
        EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(fegetround(), shares(i) ? FE_UPWARD : rounding(i + 1));
    return arg;
}

static void *spawns_some_that_share(void *arg)
{
    const coro_opts opts = {.flags = CORO_NO_FPENV};

    warm_up();
    for (int times = 0; times < 3; times++) {
        ran = 0;
        for (intptr_t i = 0; i < CROWD; i++) {
            fesetround(rounding(i));
            EXPECT_INT(coro_spawn(&tasks[i], has_its_words, (void *)i, shares(i) ? &opts : NULL), 0);
        }
        join_all();
        EXPECT_INT(ran, CROWD);
        EXPECT_INT(fegetround(), rounding(CROWD - 1));
    }
    return arg;
}

static void some_share_the_schedulers_control_words(void **state)
{
    (void)state;
    fesetround(FE_UPWARD);
    run(spawns_some_that_share, NULL);
    assert_int_equal(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
}

static void *raises_one_more(void *arg)
{
    intptr_t i = (intptr_t)arg;
    uint32_t raised = fp_status();

    ran++;
    EXPECT_INT(raised & 0x1f, (1u << i % 6) - 1);
    EXPECT_INT(fegetround(), rounding(i));
    fp_set_status(i % 6 == 5 ? 0 : raised | 1u << i % 6);
    return arg;
}

static void *spawns_some_that_raise(void *arg)
{
    warm_up();
    for (intptr_t i = 0; i < CROWD; i++) {
        fesetround(rounding(i));
        EXPECT_INT(coro_spawn(&tasks[i], raises_one_more, (void *)i, NULL), 0);
    }
    fesetround(FE_TONEAREST);
    fp_set_status(0);
    join_all();
    EXPECT_INT(ran, CROWD);
    EXPECT_INT(fp_status() & 0x1f, (1u << CROWD % 6) - 1);
    fp_set_status(0);
    return arg;
}

/* They are the thread's, whoever's control words are loaded. */
static void status_bits_stay_from_one_to_the_next(void **state)
{
    uint32_t kept;

    (void)state;
    fp_set_status(1);
    kept = fp_status();
    fp_set_status(0);
    if (kept != 1) /* valgrind has none */
        skip();
    run(spawns_some_that_raise, NULL);
}

/* ---- where the coroutines come from ---- */

static void *gives_index(void *arg)
{
    ran++;
    return arg;
}

static void spawn_crowd(coro_fn *fn)
{
    for (intptr_t i = 0; i < CROWD; i++)
        EXPECT_INT(coro_spawn(&tasks[i], fn, (void *)i, NULL), 0);
}

static void *trims_before_they_begin(void *arg)
{
    warm_up();
    spawn_crowd(gives_index);
    coro_stack_trim();
    join_all();
    return arg;
}

static void *creates_before_they_begin(void *arg)
{
    static coro_t *others[2 * CROWD];

    warm_up();
    spawn_crowd(gives_index);
    for (int i = 0; i < 2 * CROWD; i++)
        EXPECT_INT(coro_create(&others[i], returns, NULL), 0);
    join_all();
    for (int i = 0; i < 2 * CROWD; i++)
        EXPECT_INT(coro_destroy(others[i]), 0);
    return arg;
}

/* In between are some whose stacks no other task can take. */
static void *has_other_stacks_among_them(void *arg)
{
    const coro_opts other = {.stack_size = 128 << 10, .name = "other"};

    warm_up();
    for (intptr_t i = 0; i < CROWD; i++)
        EXPECT_INT(coro_spawn(&tasks[i], gives_index, (void *)i, i % 5 == 4 ? &other : NULL), 0);
    join_all();
    return arg;
}

static void idle_coroutines_may_be_gone_by_then(void **state)
{
    coro_fn *const cases[] = {trims_before_they_begin, creates_before_they_begin, has_other_stacks_among_them};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i], NULL);
        assert_int_equal(ran, CROWD);
    }
}

static void *sleeps_on(void *arg)
{
    ran++;
    EXPECT_INT(coro_sleep(1), 0);
    return arg;
}

static void *waits_for_memory(void *arg)
{
    static coro_t *others[100000];
    const struct rlimit none = {0, RLIM_INFINITY}, unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    int n = 0, begun;

    warm_up();
    spawn_crowd(sleeps_on);
    EXPECT_INT(setrlimit(RLIMIT_AS, &none), 0);
    while (n < 100000 && coro_create(&others[n], returns, NULL) == 0)
        n++;
    EXPECT(n < 100000);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(coro_pause(), 0);
    begun = ran;
    EXPECT_INT(setrlimit(RLIMIT_AS, &unlimited), 0);
    while (n > 0)
        EXPECT_INT(coro_destroy(others[--n]), 0);
    join_all();
    EXPECT(begun < CROWD); /* the first ones had a coroutine */
    return arg;
}

static int goes_on_when_there_is_memory(long arg)
{
    (void)arg;
    CHECK(coro_run(waits_for_memory, NULL, NULL, NULL) == 0);
    CHECK(unexpected.what == NULL);
    CHECK(ran == CROWD);
    return 0;
}

static void without_memory_for_a_coroutine_they_begin_later(void **state)
{
    (void)state;
    if (under_valgrind() || under_emulator() || under_sanitizer())
        skip(); /* they need memory of their own */
    assert_int_equal(in_fresh_child(goes_on_when_there_is_memory, 0).code, 0);
}

/* ---- never begun ---- */

static void *finds_itself_cancelled(void *arg)
{
    ran++;
    EXPECT_INT(coro_sleep(1), -ECANCELED);
    return arg;
}

static void *cancels_before_they_begin(void *arg)
{
    warm_up();
    spawn_crowd(finds_itself_cancelled);
    for (int i = 0; i < CROWD; i++)
        EXPECT_INT(coro_cancel(tasks[i]), 0);
    join_all();
    return arg;
}

static void one_cancelled_before_it_begins_runs_all_the_same(void **state)
{
    (void)state;
    run(cancels_before_they_begin, NULL);
    assert_int_equal(ran, CROWD);
}

static int job(void *arg)
{
    ran++;
    return (intptr_t)arg == 10 ? -EIO : coro_sleep(CORO_S(1));
}

static void *fails_fast(void *arg)
{
    coro_group_t group;

    warm_up();
    EXPECT_INT(coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER), 0);
    for (intptr_t i = 0; i < CROWD; i++)
        EXPECT_INT(coro_group_spawn(&group, job, (void *)i), 0);
    EXPECT_INT(coro_group_join(&group), -EIO);
    return arg;
}

static void a_group_ends_children_that_have_not_begun(void **state)
{
    (void)state;
    run(fails_fast, NULL);
    assert_int_equal(ran, CROWD);
}

static void *warms_up(void *arg)
{
    warm_up();
    return arg;
}

static int goes_before_they_begin(long joined)
{
    coro_sched_t *s;

    CHECK(coro_run(warms_up, NULL, NULL, NULL) == 0);
    CHECK(coro_sched_create(&s, NULL) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(coro_sched_spawn(s, joined ? &tasks[i] : NULL, gives_index, NULL, NULL) == 0);
    CHECK(coro_sched_destroy(s) == 0);
    CHECK(ran == 0);
    return 0;
}

/* The first ones have a coroutine, and so a number. */
static void those_that_never_begin_are_told_of_and_freed(void **state)
{
    (void)state;
    for (long joined = 0; joined < 2; joined++) {
        struct child_end end = in_fresh_child(goes_before_they_begin, joined);

        assert_int_equal(end.code, 0);
        assert_says(&end, "^(libcoro: never run: task '[(]unnamed[)]'( [(]#[0-9.]+[)])?, created at "
                          "[^\n]*test_newcomers\\.c:[0-9]+\n){8}$");
        if (!under_sanitizer()) /* there are no idle ones then */
            assert_says(&end, "task '[(]unnamed[)]', created at [^\n]*test_newcomers\\.c:[0-9]+\n$");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_begins_with_nothing_of_another),
        TEST(some_share_the_schedulers_control_words),
        TEST(status_bits_stay_from_one_to_the_next),
        TEST(idle_coroutines_may_be_gone_by_then),
        TEST(without_memory_for_a_coroutine_they_begin_later),
        TEST(one_cancelled_before_it_begins_runs_all_the_same),
        TEST(a_group_ends_children_that_have_not_begun),
        TEST(those_that_never_begin_are_told_of_and_freed),
    };

    return RUN_TESTS(tests);
}
