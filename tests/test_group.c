/*
 * Groups: what becomes of children when one of them fails or wins, when the time is up, when something around them is cancelled.
 */
#include "support/tasks.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- children ---- */

/* What a child does: sleep, and then return. One that is interrupted returns what the sleep did. */
struct child {
    int ms;
    int result;
    char letter;
};

static int sleeps(void *arg)
{
    const struct child *c = arg;
    int err = coro_sleep(CORO_MS(c->ms));

    mark(err == 0 ? c->letter : (char)(c->letter - 'a' + 'A'));
    return err != 0 ? err : c->result;
}

/* Does not let itself be interrupted. */
static int sleeps_stubbornly(void *arg)
{
    const struct child *c = arg;

    coro_shield(true);
    EXPECT_INT(coro_sleep(CORO_MS(c->ms)), 0);
    mark(c->letter);
    return c->result;
}

static int succeeds(void *arg)
{
    (void)arg;
    return 0;
}

static int fails(void *arg)
{
    return *(int *)arg;
}

static void open_group(coro_group_t *g, coro_group_policy policy, int64_t deadline)
{
    memset(g, 0x5e, sizeof *g); /* storage need not be anything */
    EXPECT_INT(coro_group_open(g, policy, deadline), 0);
}

static void spawn_child(coro_group_t *g, coro_job *fn, const void *arg)
{
    EXPECT_INT(coro_group_spawn(g, fn, (void *)(uintptr_t)arg), 0);
}

/* ---- policies ---- */

/* A capital letter is a child that was interrupted. */
static const struct row {
    const char *name;
    coro_group_policy policy;
    int deadline_ms; /* 0: forever; -1: has passed */
    struct child children[4];
    const char *trace;
    int outcome;
    int took_ms;
} rows[] = {
    {"all succeed", CORO_FAIL_FAST, 0, {{20, 0, 'a'}, {10, 0, 'b'}}, "ba", 0, 20},
    {"no child", CORO_FAIL_FAST, 0, {{0}}, "", 0, 0},
    {"one fails", CORO_FAIL_FAST, 0, {{30, 0, 'a'}, {10, -EIO, 'b'}, {20, 0, 'c'}}, "bAC", -EIO, 10},
    {"two fail, one after the other", CORO_FAIL_FAST, 0, {{20, -ENOENT, 'a'}, {10, -EIO, 'b'}}, "bA", -EIO, 10},
    {"a positive error", CORO_FAIL_FAST, 0, {{10, 7, 'a'}, {20, 0, 'b'}}, "aB", 7, 10},
    {"one fails before the deadline", CORO_FAIL_FAST, 15, {{10, -EIO, 'a'}, {20, 0, 'b'}}, "aB", -EIO, 10},
    {"all end before the deadline", CORO_FAIL_FAST, 30, {{10, 0, 'a'}, {20, 0, 'b'}}, "ab", 0, 20},
    {"the deadline passes", CORO_FAIL_FAST, 15, {{10, 0, 'a'}, {20, 0, 'b'}}, "aB", -ETIMEDOUT, 15},
    {"the deadline has passed", CORO_FAIL_FAST, -1, {{10, 0, 'a'}}, "A", -ETIMEDOUT, 0},
    {"all wait", CORO_WAIT_ALL, 0, {{30, 0, 'a'}, {10, -EIO, 'b'}, {20, -ENOENT, 'c'}}, "bca", -EIO, 30},
    {"all succeed, all wait", CORO_WAIT_ALL, 0, {{30, 0, 'a'}, {10, 0, 'b'}}, "ba", 0, 30},
    {"one fails, then it is too late", CORO_WAIT_ALL, 15, {{30, 0, 'a'}, {10, -EIO, 'b'}}, "bA", -EIO, 15},
    {"it is too late for all", CORO_WAIT_ALL, 5, {{30, 0, 'a'}, {10, -EIO, 'b'}}, "AB", -ETIMEDOUT, 5},
    {"a race", CORO_RACE, 0, {{30, 0, 'a'}, {10, 0, 'b'}, {20, 0, 'c'}}, "bAC", 0, 10},
    {"the first has failed", CORO_RACE, 0, {{30, 0, 'a'}, {10, -EIO, 'b'}, {20, 0, 'c'}}, "bcA", 0, 20},
    {"all have failed", CORO_RACE, 0, {{30, -ENOENT, 'a'}, {10, -EIO, 'b'}}, "ba", -EIO, 30},
    {"nobody wins in time", CORO_RACE, 15, {{30, 0, 'a'}, {10, -EIO, 'b'}}, "bA", -ETIMEDOUT, 15},
    {"a race without anybody", CORO_RACE, 0, {{0}}, "", 0, 0},
};

static void *goes_by_the_row(void *arg)
{
    const struct row *row = arg;
    int64_t begin = coro_now();
    coro_group_t g;
    int outcome;

    open_group(&g, row->policy,
               row->deadline_ms == 0  ? CORO_FOREVER
               : row->deadline_ms < 0 ? 0
                                      : coro_after(CORO_MS(row->deadline_ms)));
    for (int i = 0; i < 4 && row->children[i].letter != '\0'; i++)
        spawn_child(&g, sleeps, &row->children[i]);
    outcome = coro_group_join(&g);
    expect_at(outcome, row->outcome, row->name, __FILE__, __LINE__);
    expect_at(coro_now() - begin, CORO_MS(row->took_ms), row->name, __FILE__, __LINE__);
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_sleep(1), 0); /* the host is as before */
    EXPECT_INT(coro_group_join(&g), -EINVAL);
    return arg;
}

/* In which order those go on that are interrupted at once is nowhere said. */
static void sort_interrupted(void)
{
    for (char *a = trace; *a != '\0'; a++)
        for (char *b = a + 1; *b != '\0'; b++)
            if (*a <= 'Z' && *b < *a) {
                char swap = *a;

                *a = *b;
                *b = swap;
            }
}

static void each_policy_ends_as_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memset(trace, 0, sizeof trace);
        run(goes_by_the_row, (void *)(uintptr_t)&rows[i]);
        sort_interrupted();
        assert_string_equal(trace, rows[i].trace);
    }
}

/* The first error before anything was cancelled; then the cancellation, the deadline; then any error. */
static void *joins_after_a_cancel(void *arg)
{
    static const struct child late = {20, -EIO, 'a'}, early = {0, -ENOENT, 'b'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER); /* by its own call: it reports what the children say */
    spawn_child(&g, sleeps, &late);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_group_join(&g), -ECANCELED);

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, sleeps_stubbornly, &late);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_group_join(&g), -EIO);

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER); /* nobody minds */
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_group_join(&g), 0);

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(10)));
    spawn_child(&g, sleeps_stubbornly, &late);
    spawn_child(&g, sleeps, &early);
    EXPECT_INT(coro_group_join(&g), -ENOENT);

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(10)));
    spawn_child(&g, sleeps_stubbornly, &late);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);

    open_group(&g, CORO_RACE, CORO_FOREVER); /* cancelled, and won in spite of that */
    spawn_child(&g, succeeds, NULL);
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_group_join(&g), 0);
    return arg;
}

static void a_join_says_what_went_wrong_first(void **state)
{
    (void)state;
    run(joins_after_a_cancel, NULL);
}

static void *wins_late(void *arg)
{
    static const struct child quick = {10, 0, 'a'}, stubborn = {20, -EIO, 'b'};
    int64_t begin = coro_now();
    coro_group_t g;

    open_group(&g, CORO_RACE, CORO_FOREVER);
    spawn_child(&g, sleeps, &quick);
    spawn_child(&g, sleeps_stubbornly, &stubborn);
    EXPECT_INT(coro_group_join(&g), 0);
    EXPECT_INT(coro_now() - begin, CORO_MS(20));
    return arg;
}

static void no_child_outlives_its_group(void **state)
{
    (void)state;
    run(wins_late, NULL);
    assert_string_equal(trace, "ab");
}

/* ---- the host ---- */

static void *waits_inside(void *arg)
{
    static const int failure = -EIO;
    coro_task_t *t;
    coro_group_t g;
    int64_t begin = coro_now();

    open_group(&g, CORO_FAIL_FAST, coro_after(CORO_MS(10)));
    EXPECT_INT(coro_sleep(CORO_S(1)), -ECANCELED);
    EXPECT(coro_cancelled());
    EXPECT_INT(coro_now() - begin, CORO_MS(10));
    EXPECT_INT(coro_pause(), -ECANCELED);
    EXPECT_INT(coro_spawn(&t, waits_inside, NULL, &(coro_opts){.stack_size = 1}), -EINVAL);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    EXPECT_INT(coro_pause(), 0);

    open_group(&g, CORO_FAIL_FAST, CORO_FOREVER);
    spawn_child(&g, fails, &failure);
    EXPECT_INT(coro_sleep(CORO_S(1)), -ECANCELED);
    EXPECT_INT(coro_group_join(&g), -EIO);
    EXPECT(!coro_cancelled());

    open_group(&g, CORO_RACE, CORO_FOREVER);
    spawn_child(&g, succeeds, NULL);
    EXPECT_INT(coro_sleep(CORO_S(1)), -ECANCELED);
    EXPECT_INT(coro_group_join(&g), 0);

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    EXPECT_INT(coro_group_cancel(&g), 0);
    EXPECT_INT(coro_sleep(0), -ECANCELED);
    EXPECT_INT(coro_shield(true), 0);
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    EXPECT_INT(coro_shield(false), 1);
    EXPECT_INT(coro_sleep(CORO_MS(1)), -ECANCELED);
    EXPECT_INT(coro_group_join(&g), 0);
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    return arg;
}

static void the_host_is_interrupted_inside_and_only_there(void **state)
{
    (void)state;
    run(waits_inside, NULL);
}

static void *joins_a_child_of_its_own(void *t)
{
    static const struct child child = {20, 0, 'a'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(10)));
    spawn_child(&g, sleeps, &child);
    EXPECT_INT(coro_join(t, NULL, coro_after(CORO_MS(5))), -ETIMEDOUT);
    EXPECT_INT(coro_join(t, NULL, coro_after(CORO_MS(50))), -ECANCELED); /* the group's time is up */
    EXPECT_INT(coro_join(t, NULL, 0), -EAGAIN);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    return NULL;
}

static void *sleeps_a_second(void *arg)
{
    EXPECT_INT(coro_sleep(CORO_S(1)), 0);
    return arg;
}

static void *has_a_host_wait(void *arg)
{
    coro_task_t *t = spawned(sleeps_a_second, arg);

    joined(spawned(joins_a_child_of_its_own, t));
    EXPECT_PTR(joined(t), arg);
    return arg;
}

static void a_deadline_of_the_group_ends_calls_with_later_ones(void **state)
{
    (void)state;
    run(has_a_host_wait, NULL);
    assert_string_equal(trace, "A");
}

/* ---- nested ---- */

/* A child that opens a group of its own with a child, and returns what that comes to. */
struct scope {
    int deadline_ms;
    bool shielded;
    struct child child;
    int outcome;
};

static int hosts_a_scope(void *arg)
{
    struct scope *s = arg;
    coro_group_t g;

    if (s->shielded)
        coro_shield(true);
    open_group(&g, CORO_FAIL_FAST, s->deadline_ms == 0 ? CORO_FOREVER : coro_after(CORO_MS(s->deadline_ms)));
    if (s->shielded)
        coro_shield(false);
    spawn_child(&g, sleeps, &s->child);
    s->outcome = coro_group_join(&g);
    return s->outcome;
}

static void *nests(void *arg)
{
    struct scope inner = {.deadline_ms = 10, .child = {50, 0, 'a'}}, both = {.deadline_ms = 20, .child = {50, 0, 'b'}};
    struct scope outer = {.deadline_ms = 90, .child = {50, 0, 'c'}},
                 shielded = {.shielded = true, .child = {50, 0, 'd'}};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER); /* the inner one is late: the outer one has an error of a child */
    spawn_child(&g, hosts_a_scope, &inner);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    EXPECT_INT(inner.outcome, -ETIMEDOUT);

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(20))); /* at one instant: the outermost wins */
    spawn_child(&g, hosts_a_scope, &both);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    EXPECT_INT(both.outcome, -ECANCELED);

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(20)));
    spawn_child(&g, hosts_a_scope, &outer);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    EXPECT_INT(outer.outcome, -ECANCELED);

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(20))); /* is not reached */
    spawn_child(&g, hosts_a_scope, &shielded);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    EXPECT_INT(shielded.outcome, 0);
    return arg;
}

static void the_outermost_cancelled_scope_wins(void **state)
{
    (void)state;
    run(nests, NULL);
    assert_string_equal(trace, "ABCd");
}

static void *nests_in_one_task(void *arg)
{
    static const struct child slow = {50, 0, 'a'};
    coro_group_t outer, middle, inner;

    open_group(&outer, CORO_WAIT_ALL, CORO_FOREVER);
    open_group(&middle, CORO_WAIT_ALL, coro_after(CORO_MS(10)));
    open_group(&inner, CORO_WAIT_ALL, coro_after(CORO_MS(20)));
    spawn_child(&outer, sleeps, &slow);
    spawn_child(&inner, sleeps, &slow);
    EXPECT_INT(coro_sleep(CORO_MS(15)), -ECANCELED);
    EXPECT_INT(coro_group_join(&inner), -ECANCELED);
    EXPECT_INT(coro_pause(), -ECANCELED);
    EXPECT_INT(coro_group_join(&middle), -ETIMEDOUT);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_group_join(&outer), 0);

    open_group(&outer, CORO_WAIT_ALL, CORO_FOREVER); /* joined in another order */
    open_group(&inner, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&outer, sleeps, &slow);
    spawn_child(&inner, sleeps, &slow);
    EXPECT_INT(coro_group_cancel(&inner), 0);
    EXPECT_INT(coro_group_join(&outer), 0);
    EXPECT_INT(coro_pause(), -ECANCELED);
    EXPECT_INT(coro_group_join(&inner), -ECANCELED);
    EXPECT_INT(coro_pause(), 0);

    open_group(&outer, CORO_WAIT_ALL, CORO_FOREVER); /* opened in one that is cancelled */
    EXPECT_INT(coro_group_cancel(&outer), 0);
    open_group(&inner, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&inner, sleeps, &slow);
    EXPECT_INT(coro_group_join(&inner), -ECANCELED);
    EXPECT_INT(coro_group_join(&outer), 0);
    EXPECT_INT(coro_pause(), 0);
    return arg;
}

static void groups_of_one_task_nest(void **state)
{
    (void)state;
    run(nests_in_one_task, NULL);
    assert_string_equal(trace, "AaAaA");
}

static void *hosts_until_cancelled(void *outcome)
{
    static const struct child slow = {50, 0, 'a'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, sleeps, &slow);
    *(int *)outcome = coro_group_join(&g);
    EXPECT_INT(coro_pause(), -ECANCELED);
    return NULL;
}

static void *hosts_with_a_shield(void *outcome)
{
    static const struct child slow = {50, 0, 'b'};
    coro_group_t g;

    EXPECT_INT(coro_shield(true), 0);
    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    EXPECT_INT(coro_shield(false), 1);
    spawn_child(&g, sleeps, &slow);
    *(int *)outcome = coro_group_join(&g);
    EXPECT_INT(coro_pause(), -ECANCELED);
    return NULL;
}

static void *cancels_hosts(void *arg)
{
    int outcome = 1, outcome_of_shielded = 1;
    coro_task_t *t = spawned(hosts_until_cancelled, &outcome), *s = spawned(hosts_with_a_shield, &outcome_of_shielded);

    EXPECT_INT(coro_sleep(CORO_MS(10)), 0);
    EXPECT_INT(coro_cancel(t), 0);
    EXPECT_INT(coro_cancel(s), 0);
    joined(t);
    joined(s);
    EXPECT_INT(outcome, -ECANCELED);
    EXPECT_INT(outcome_of_shielded, 0);
    return arg;
}

static void cancelling_a_task_reaches_its_groups_unless_shielded(void **state)
{
    (void)state;
    run(cancels_hosts, NULL);
    assert_string_equal(trace, "Ab");
}

/* ---- cancelled before, after ---- */

static void *spawns_into_a_cancelled_one(void *arg)
{
    static const struct child child = {10, 0, 'a'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    EXPECT_INT(coro_group_cancel(&g), 0);
    spawn_child(&g, sleeps, &child); /* runs, and is cancelled from the start */
    spawn_child(&g, succeeds, NULL);
    EXPECT_INT(coro_group_join(&g), -ECANCELED);
    return arg;
}

static void a_child_of_a_cancelled_group_runs(void **state)
{
    (void)state;
    run(spawns_into_a_cancelled_one, NULL);
    assert_string_equal(trace, "A");
}

static int spawns_a_sibling(void *g)
{
    static const struct child sibling = {10, 0, 's'};

    spawn_child(g, sleeps, &sibling);
    return 0;
}

static void *hosts_who_spawn(void *arg)
{
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, spawns_a_sibling, &g);
    EXPECT_INT(coro_group_join(&g), 0);
    return arg;
}

static void a_child_may_spawn_siblings_while_the_host_joins(void **state)
{
    (void)state;
    run(hosts_who_spawn, NULL);
    assert_string_equal(trace, "s");
}

static int cancels_its_group(void *g)
{
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_group_cancel(g), 0);
    EXPECT(coro_cancelled());
    EXPECT_INT(coro_pause(), -ECANCELED);
    return 0;
}

static void *is_cancelled_by_a_child(void *arg)
{
    static const struct child child = {10, 0, 'a'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, sleeps, &child);
    spawn_child(&g, cancels_its_group, &g);
    EXPECT_INT(coro_group_join(&g), -ECANCELED);
    return arg;
}

static void a_child_may_cancel_its_group(void **state)
{
    (void)state;
    run(is_cancelled_by_a_child, NULL);
    assert_string_equal(trace, "A");
}

/* The host is cancelled while it joins: that hurries the children, and does not end the join. */
static void *joins_while_cancelled(void *arg)
{
    static const struct child stubborn = {20, 0, 'a'};
    coro_group_t g;
    int64_t begin = coro_now();

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, sleeps_stubbornly, &stubborn);
    EXPECT_INT(coro_group_join(&g), -ECANCELED);
    EXPECT_INT(coro_now() - begin, CORO_MS(20));
    return arg;
}

static void *cancels_a_joiner(void *arg)
{
    coro_task_t *t = spawned(joins_while_cancelled, arg);

    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(t), 0);
    joined(t);
    t = spawned(joins_while_cancelled, arg);
    EXPECT_INT(coro_cancel(t), 0); /* before it has begun: it opens, spawns and joins all the same */
    joined(t);
    return arg;
}

static void nothing_interrupts_a_join(void **state)
{
    (void)state;
    run(cancels_a_joiner, NULL);
    assert_string_equal(trace, "aa");
}

/* ---- in nested coroutines ---- */

static void *hosts_in_a_generator(void *arg)
{
    static const struct child child = {10, -EIO, 'a'};
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    spawn_child(&g, sleeps, &child);
    coro_yield(arg);
    EXPECT_INT(coro_group_join(&g), -EIO);
    return arg;
}

static void *resumes_a_host(void *arg)
{
    coro_t *co = made_inside(hosts_in_a_generator);

    EXPECT_INT(coro_resume(co, arg).status, CORO_YIELDED);
    EXPECT_INT(coro_sleep(CORO_MS(1)), 0);
    EXPECT_INT(coro_resume(co, arg).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    return arg;
}

static void the_host_is_the_task_whichever_coroutine_runs(void **state)
{
    (void)state;
    run(resumes_a_host, NULL);
    assert_string_equal(trace, "a");
}

/* ---- misuse ---- */

static int results_of_misuse[4];

static void *joins_anothers_group(void *g)
{
    results_of_misuse[0] = coro_group_join(g);
    return NULL;
}

static void *uses_on_a_thread(void *g)
{
    results_of_misuse[0] = coro_group_spawn(g, succeeds, NULL);
    results_of_misuse[1] = coro_group_cancel(g);
    results_of_misuse[2] = coro_group_join(g);
    return NULL;
}

static void *misuses(void *arg)
{
    coro_group_t g = {{NULL}};
    pthread_t thread;

    EXPECT_INT(coro_group_open(NULL, CORO_WAIT_ALL, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_group_open(&g, (coro_group_policy)3, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_group_open(&g, (coro_group_policy)-1, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_group_spawn(NULL, succeeds, NULL), -EINVAL);
    EXPECT_INT(coro_group_cancel(NULL), -EINVAL);
    EXPECT_INT(coro_group_join(NULL), -EINVAL);
    EXPECT_INT(coro_group_spawn(&g, succeeds, NULL), -EINVAL);
    EXPECT_INT(coro_group_cancel(&g), -EINVAL);
    EXPECT_INT(coro_group_join(&g), -EINVAL);

    open_group(&g, CORO_WAIT_ALL, CORO_FOREVER);
    EXPECT_INT(coro_group_spawn(&g, NULL, NULL), -EINVAL);
    joined(spawned(joins_anothers_group, &g));
    EXPECT_INT(results_of_misuse[0], -EPERM);
    if (EXPECT_INT(pthread_create(&thread, NULL, uses_on_a_thread, &g), 0))
        pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(results_of_misuse[i], -EPERM);
    EXPECT_INT((coro_group_spawn)(&g, succeeds, NULL), 0);
    EXPECT_INT((coro_group_join)(&g), 0);
    EXPECT_INT(coro_group_spawn(&g, succeeds, NULL), -EINVAL);
    EXPECT_INT(coro_group_cancel(&g), -EINVAL);
    return arg;
}

static void misuse_is_refused(void **state)
{
    (void)state;
    run(misuses, NULL);
}

static coro_sched_t *sched;
static coro_group_t shared;

static void *opens_for_others(void *arg)
{
    open_group(&shared, CORO_WAIT_ALL, CORO_FOREVER);
    EXPECT_INT(coro_sleep(CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_group_join(&shared), -ECANCELED);
    return arg;
}

static int waits_for_good(void *arg)
{
    (void)arg;
    return coro_sleep(CORO_FOREVER);
}

static void *spawns_into_a_foreign_group(void *arg)
{
    EXPECT_INT(coro_group_spawn(&shared, succeeds, NULL), -EPERM);
    EXPECT_INT(coro_group_join(&shared), -EPERM);
    return arg;
}

static void *spawns_into_anothers_group(void *arg)
{
    EXPECT_INT(coro_group_spawn(&shared, waits_for_good, NULL), 0);
    return arg;
}

static void a_group_may_be_cancelled_from_outside_but_not_spawned_into(void **state)
{
    (void)state;
    assert_int_equal(coro_sched_create(&sched, NULL), 0);
    assert_int_equal(coro_sched_spawn(sched, NULL, opens_for_others, NULL, NULL), 0);
    assert_int_equal(coro_sched_spawn(sched, NULL, spawns_into_anothers_group, NULL, NULL), 0);
    assert_int_equal(coro_sched_step(sched, 0), 2);
    assert_int_equal(coro_sched_step(sched, 0), 1);
    assert_int_equal(coro_group_spawn(&shared, succeeds, NULL), -EPERM);
    assert_int_equal(coro_group_join(&shared), -EPERM);
    run(spawns_into_a_foreign_group, NULL);
    assert_int_equal(coro_group_cancel(&shared), 0);
    assert_int_equal(coro_sched_run(sched), 0);
    assert_nothing_unexpected();
    assert_int_equal(coro_sched_destroy(sched), 0);
}

static void *returns_with_a_group(void *arg)
{
    static coro_group_t g;

    coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER);
    return arg;
}

static int forgets_a_group(long arg)
{
    (void)arg;
    coro_run(returns_with_a_group, NULL, NULL, NULL);
    return 0;
}

static void a_task_that_returns_with_a_group_open_ends_the_program(void **state)
{
    struct child_end end = in_fresh_child(forgets_a_group, 0);
    (void)state;

    assert_int_equal(end.signal, SIGABRT);
    assert_non_null(strstr(end.said, "libcoro: coroutine 'main': a task has returned with a group open"));
}

/* ---- many, deep ---- */

static int deepest, interrupted;

static int hosts_the_next(void *left)
{
    coro_group_t g;
    int err;

    if (left == NULL) {
        deepest++;
        err = coro_sleep(CORO_FOREVER);
        interrupted += err == -ECANCELED;
        return err;
    }
    if (coro_group_open(&g, CORO_FAIL_FAST, CORO_FOREVER) != 0)
        return -ENOTSUP;
    err = coro_group_spawn(&g, hosts_the_next, (void *)((uintptr_t)left - 1));
    EXPECT_INT(err, 0);
    err = coro_group_join(&g);
    interrupted += err == -ECANCELED;
    return err;
}

static void *cancels_from_the_top(void *levels)
{
    coro_group_t g;

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_S(1)));
    spawn_child(&g, hosts_the_next, levels);
    EXPECT_INT(coro_group_join(&g), -ETIMEDOUT);
    return NULL;
}

static void a_deep_tree_is_cancelled_without_recursion(void **state)
{
    size_t levels = alive_at_most(10000);
    (void)state;

    deepest = interrupted = 0;
    run(cancels_from_the_top, (void *)(uintptr_t)levels);
    assert_int_equal(deepest, 1);
    assert_int_equal(interrupted, levels + 1);
}

static int spreads(void *depth)
{
    static int failure = -EIO;
    coro_group_t g;

    if (depth == NULL)
        return coro_sleep(CORO_S(1));
    open_group(&g, CORO_FAIL_FAST, CORO_FOREVER);
    for (int i = 0; i < 4; i++)
        spawn_child(&g, spreads, (void *)((uintptr_t)depth - 1));
    if (random_below(1000) == 0)
        spawn_child(&g, fails, &failure);
    return coro_group_join(&g);
}

static void *spreads_wide(void *depth)
{
    coro_group_t g;
    int err;

    open_group(&g, CORO_WAIT_ALL, coro_after(CORO_MS(500)));
    spawn_child(&g, spreads, depth);
    err = coro_group_join(&g);
    EXPECT(err == -ETIMEDOUT || err == -EIO);
    return NULL;
}

static void a_wide_tree_is_cancelled_whole(void **state)
{
    void *depth = (void *)(uintptr_t)(scaled(100) == 100 ? 5 : 3);
    (void)state;

    for (uint64_t seed = 0; seed < 4; seed++)
        run_as((coro_sched_opts){.virtual_time = true, .seed = seed}, spreads_wide, depth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_policy_ends_as_it_should),
        TEST(a_join_says_what_went_wrong_first),
        TEST(no_child_outlives_its_group),
        TEST(the_host_is_interrupted_inside_and_only_there),
        TEST(a_deadline_of_the_group_ends_calls_with_later_ones),
        TEST(the_outermost_cancelled_scope_wins),
        TEST(groups_of_one_task_nest),
        TEST(cancelling_a_task_reaches_its_groups_unless_shielded),
        TEST(a_child_of_a_cancelled_group_runs),
        TEST(a_child_may_spawn_siblings_while_the_host_joins),
        TEST(a_child_may_cancel_its_group),
        TEST(nothing_interrupts_a_join),
        TEST(the_host_is_the_task_whichever_coroutine_runs),
        TEST(misuse_is_refused),
        TEST(a_group_may_be_cancelled_from_outside_but_not_spawned_into),
        TEST(a_task_that_returns_with_a_group_open_ends_the_program),
        TEST(a_deep_tree_is_cancelled_without_recursion),
        TEST(a_wide_tree_is_cancelled_whole),
    };

    return RUN_TESTS(tests);
}
