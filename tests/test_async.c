/*
 * Tasks without a stack: bodies, what they call and return, light ones, groups, storage of the caller's, cleanups, and what is refused.
 */
#include "support/tasks.h"

#include <stdlib.h>
#include <string.h>

/* ---- bodies ---- */

struct counts {
    CORO_ASYNC_POINT;
    char letter;
    int i, n;
};

CORO_ASYNC(int, counts)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < self->n && err == 0; self->i++) {
        mark(self->letter);
        CORO_AWAIT(err, coro_pause());
    }
    CORO_ASYNC_RETURN(err != 0 ? err : self->n);
    CORO_ASYNC_END;
}

static coro_task_t *counting(char letter, int n)
{
    coro_task_t *task = NULL;

    EXPECT_INT(coro_async_spawn(&task, counts, &(struct counts){.letter = letter, .n = n}), 0);
    return task;
}

static void *marks_and_pauses(void *letter)
{
    for (int i = 0; i < 3; i++) {
        mark(*(char *)letter);
        EXPECT_INT(coro_pause(), 0);
    }
    return letter;
}

static void *takes_turns(void *arg)
{
    coro_task_t *a = counting('a', 3), *b = spawned(marks_and_pauses, "b"), *c = counting('c', 3);

    EXPECT_INT((int)(intptr_t)joined(a), 3);
    joined(b);
    EXPECT_INT((int)(intptr_t)joined(c), 3);
    return arg;
}

static void both_kinds_take_turns_in_one_queue(void **state)
{
    (void)state;
    run(takes_turns, NULL);
    assert_string_equal(trace, "abcabcabc");
}

static void a_seed_gives_one_order(void **state)
{
    char first[sizeof trace];

    (void)state;
    run_as((coro_sched_opts){.seed = 5}, takes_turns, NULL);
    memcpy(first, trace, sizeof first);
    memset(trace, 0, sizeof trace);
    run_as((coro_sched_opts){.seed = 5}, takes_turns, NULL);
    assert_string_equal(trace, first);
    assert_int_equal(strlen(trace), 9);
}

static void *spawns_nested(void *arg)
{
    coro_task_t *a = counting('a', 1), *b = counting('b', 1);

    joined(b);
    joined(a);
    return arg;
}

static void depth_first_the_youngest_runs_first(void **state)
{
    (void)state;
    run_as((coro_sched_opts){.policy = CORO_DEPTH_FIRST}, spawns_nested, NULL);
    assert_string_equal(trace, "ba");
}

/* ---- calls ---- */

struct pair {
    long left, right;
    char text[16];
};

struct makes_pair {
    CORO_ASYNC_POINT;
    long left;
};

/* Larger than a pointer: to be called, not to be spawned. */
CORO_ASYNC(struct pair, makes_pair)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(CORO_MS(1)));
    EXPECT_INT(err, 0);
    CORO_ASYNC_RETURN(((struct pair){self->left, self->left + 1, "made"}));
    CORO_ASYNC_CLEANUP;
    mark('p');
    CORO_ASYNC_END;
}

struct sums {
    CORO_ASYNC_POINT;
    struct makes_pair child;
    struct pair pair;
    long sum, i;
};

CORO_ASYNC(long, sums)
{
    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < 3; self->i++) {
        self->child = (struct makes_pair){.left = self->i};
        CORO_ASYNC_CALL(self->pair, makes_pair, &self->child);
        EXPECT(strcmp(self->pair.text, "made") == 0);
        self->sum += self->pair.left + self->pair.right;
    }
    CORO_ASYNC_RETURN(self->sum);
    CORO_ASYNC_CLEANUP;
    mark('s');
    CORO_ASYNC_END;
}

static void *sums_up(void *arg)
{
    coro_task_t *task;
    int64_t start = coro_now();

    EXPECT_INT(coro_async_spawn(&task, sums, &(struct sums){.sum = 0}), 0);
    EXPECT_INT((long)joined(task), 9);
    EXPECT_INT(coro_now() - start, CORO_MS(3));
    return arg;
}

static void a_body_calls_another_within_its_struct(void **state)
{
    (void)state;
    run(sums_up, NULL);
    assert_string_equal(trace, "ppps");
}

static void *drops_in_the_middle(void *arg)
{
    coro_task_t *task;

    EXPECT_INT(coro_async_spawn(&task, sums, &(struct sums){.sum = 0}), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_async_drop(task), 0);
    EXPECT_INT((int)(intptr_t)joined(task), -ECANCELED);
    return arg;
}

static void cleanups_run_from_the_inside_out(void **state)
{
    (void)state;
    run(drops_in_the_middle, NULL);
    assert_string_equal(trace, "ps");
}

/* ---- results ---- */

struct negative {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(short, negative)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(-2);
    CORO_ASYNC_END;
}

struct doubles {
    CORO_ASYNC_POINT;
    double value;
};

CORO_ASYNC(double, doubles)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(2 * self->value);
    CORO_ASYNC_END;
}

static void *joins_results(void *arg)
{
    coro_task_t *task;
    void *result = "as it was";
    double value;

    EXPECT_INT(coro_async_spawn(&task, negative, &(struct negative){0}), 0);
    EXPECT_INT((short)(intptr_t)joined(task), -2);
    EXPECT_INT(coro_async_spawn(&task, doubles, &(struct doubles){.value = 1.25}), 0);
    EXPECT_INT(coro_join(task, &result, 0), -EAGAIN);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(task), -ESRCH);
    EXPECT_INT(coro_async_drop(task), -ESRCH);
    EXPECT_INT(coro_join(task, &result, 0), 0); /* it lay there */
    memcpy(&value, &result, sizeof value);
    EXPECT(value == 2.5);
    return arg;
}

static void results_are_typed(void **state)
{
    (void)state;
    run(joins_results, NULL);
}

/* ---- light ---- */

struct naps {
    CORO_ASYNC_POINT;
    int64_t ns;
    coro_chan_t *ch;
    int result;
};

CORO_ASYNC_LIGHT(int, naps)
{
    CORO_ASYNC_BEGIN;
    CORO_AWAIT(self->result, coro_sleep(self->ns));
    CORO_ASYNC_RETURN(self->result);
    CORO_ASYNC_CLEANUP;
    mark('n');
    CORO_ASYNC_END;
}

struct wants_more {
    CORO_ASYNC_POINT;
    coro_chan_t *ch;
    coro_group_t group;
};

CORO_ASYNC_LIGHT(int, wants_more)
{
    int err, elem = 0;

    CORO_ASYNC_BEGIN;
    EXPECT_INT(coro_chan_recv(self->ch, &elem, 0), -EAGAIN);
    CORO_AWAIT(err, coro_chan_recv(self->ch, &elem, CORO_FOREVER));
    EXPECT_INT(err, -EPERM);
    EXPECT_INT(coro_group_open(&self->group, CORO_WAIT_ALL, CORO_FOREVER), -EPERM);
    CORO_AWAIT(err, coro_sleep(0));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static coro_task_t *napping(int64_t ns)
{
    coro_task_t *task = NULL;

    EXPECT_INT(coro_async_spawn(&task, naps, &(struct naps){.ns = ns}), 0);
    return task;
}

static void *naps_lightly(void *arg)
{
    coro_task_t *tasks[3] = {napping(CORO_MS(30)), napping(CORO_MS(10)), napping(CORO_FOREVER)};
    int64_t start = coro_now();
    coro_task_t *task;
    coro_chan_t *ch;

    EXPECT_INT((int)(intptr_t)joined(tasks[1]), 0);
    EXPECT_INT(coro_now() - start, CORO_MS(10));
    EXPECT_INT(coro_cancel(tasks[0]), 0);
    EXPECT_INT(coro_cancel(tasks[0]), 0);
    EXPECT_INT((int)(intptr_t)joined(tasks[0]), -ECANCELED);
    EXPECT_INT(coro_now() - start, CORO_MS(10));
    EXPECT_INT(coro_join(tasks[2], NULL, coro_after(CORO_MS(5))), -ETIMEDOUT);
    EXPECT_INT(coro_async_drop(tasks[2]), 0);
    EXPECT_INT((int)(intptr_t)joined(tasks[2]), -ECANCELED);
    EXPECT_INT(coro_chan_create(&ch, sizeof(int), 0), 0);
    EXPECT_INT(coro_async_spawn(&task, wants_more, &(struct wants_more){.ch = ch}), 0);
    EXPECT_INT((int)(intptr_t)joined(task), 0);
    EXPECT_INT(coro_chan_destroy(ch), 0);
    return arg;
}

static void light_ones_wait_for_time_alone(void **state)
{
    (void)state;
    run(naps_lightly, NULL);
    assert_string_equal(trace, "nnn");
}

static void *times_up_and_cancelled(void *arg)
{
    coro_task_t *task = napping(CORO_MS(10)), *late = napping(CORO_MS(10));

    EXPECT_INT(coro_sleep(CORO_MS(10)),
               0); /* its timer fires after theirs, in the same round: they are ready, not run */
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(late), -ESRCH);
    EXPECT_INT((int)(intptr_t)joined(task), 0);
    EXPECT_INT((int)(intptr_t)joined(late), 0);
    return arg;
}

static void time_that_has_come_wins_over_cancellation(void **state)
{
    (void)state;
    run(times_up_and_cancelled, NULL);
}

enum { MANY = 10000 };

static void *many_naps(void *arg)
{
    coro_task_t **tasks = malloc(MANY * sizeof(coro_task_t *));
    size_t many = scaled(MANY);

    for (size_t i = 0; i < many; i++)
        tasks[i] = napping(CORO_MS(1 + (int64_t)(random64() % 100)));
    for (size_t i = 0; i < many; i += 3)
        EXPECT_INT(i % 2 != 0 ? coro_cancel(tasks[i]) : coro_async_drop(tasks[i]), 0);
    for (size_t i = 0; i < many; i++)
        EXPECT_INT((int)(intptr_t)joined(tasks[i]), i % 3 == 0 ? -ECANCELED : 0);
    free(tasks);
    return arg;
}

static void many_sleep_at_once(void **state)
{
    (void)state;
    run(many_naps, NULL);
    run_as((coro_sched_opts){.virtual_time = true, .seed = 3}, many_naps, NULL);
}

/* ---- storage of the caller's ---- */

static void *lends(void *arg)
{
    static counts_storage counting_here;
    static naps_storage napping_here;
    coro_task_t *task;

    for (int i = 0; i < 2; i++) {
        EXPECT_INT(coro_async_spawn_in(&task, &counting_here, counts, &(struct counts){.letter = 'x', .n = 2}), 0);
        EXPECT_PTR(task, &counting_here);
        EXPECT_INT((int)(intptr_t)joined(task), 2);
        EXPECT_INT(coro_async_spawn_in(&task, &napping_here, naps, &(struct naps){.ns = 1}), 0);
        EXPECT_INT((int)(intptr_t)joined(task), 0);
    }
    return arg;
}

static void a_task_may_lie_in_the_callers_storage(void **state)
{
    (void)state;
    run(lends, NULL);
    assert_string_equal(trace, "xxnxxn");
}

struct large {
    CORO_ASYNC_POINT;
    char bytes[4000];
};

CORO_ASYNC(int, large)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_pause());
    CORO_ASYNC_RETURN(err + self->bytes[3999]);
    CORO_ASYNC_END;
}

static void *spawns_large(void *arg)
{
    static const struct large frame = {.bytes[3999] = 7};
    coro_task_t *task;

    EXPECT_INT(coro_async_spawn(&task, large, &frame), 0);
    EXPECT_INT((int)(intptr_t)joined(task), 7);
    return arg;
}

static void a_struct_may_be_large(void **state)
{
    (void)state;
    run(spawns_large, NULL);
}

/* ---- groups ---- */

struct job {
    CORO_ASYNC_POINT;
    int64_t ns;
    int says;
};

CORO_ASYNC(int, job)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(self->ns));
    mark(err == 0 ? 'd' : err == -ECANCELED ? 'c' : '?');
    CORO_ASYNC_RETURN(err != 0 ? err : self->says);
    CORO_ASYNC_END;
}

static int sleeps_long(void *arg)
{
    int err = coro_sleep(CORO_S(10));

    mark(err == -ECANCELED ? 'C' : 'D');
    (void)arg;
    return err;
}

struct hosts {
    CORO_ASYNC_POINT;
    coro_group_t group;
    coro_group_policy policy;
    int64_t deadline;
    int says;
};

CORO_ASYNC(int, hosts)
{
    int err;

    CORO_ASYNC_BEGIN;
    EXPECT_INT(coro_group_open(&self->group, self->policy, coro_after(self->deadline)), 0);
    EXPECT_INT(coro_group_async_spawn(&self->group, job, &(struct job){.ns = CORO_MS(10), .says = self->says}), 0);
    EXPECT_INT(coro_group_async_spawn(&self->group, job, &(struct job){.ns = CORO_MS(30)}), 0);
    EXPECT_INT(coro_group_spawn(&self->group, sleeps_long, NULL), 0);
    EXPECT_INT(coro_group_join(&self->group), -EPERM); /* not in an await */
    CORO_AWAIT(err, coro_group_join(&self->group));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static void *hosts_with_stack(void *arg)
{
    const struct hosts *how = arg;
    coro_group_t group;

    EXPECT_INT(coro_group_open(&group, how->policy, coro_after(how->deadline)), 0);
    EXPECT_INT(coro_group_async_spawn(&group, job, &(struct job){.ns = CORO_MS(10), .says = how->says}), 0);
    EXPECT_INT(coro_group_async_spawn(&group, job, &(struct job){.ns = CORO_MS(30)}), 0);
    EXPECT_INT(coro_group_spawn(&group, sleeps_long, NULL), 0);
    return (void *)(intptr_t)coro_group_join(&group);
}

struct hosting {
    struct hosts how;
    int outcome;
    bool cancel;
};

static void *hosts_both_ways(void *arg)
{
    const struct hosting *h = arg;
    coro_task_t *tasks[2] = {spawned(hosts_with_stack, (void *)(uintptr_t)&h->how), NULL};

    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            EXPECT_INT(coro_async_spawn(&tasks[1], hosts, &h->how), 0);
            mark(' ');
        }
        EXPECT_INT(coro_pause(), 0);
        EXPECT_INT(coro_pause(), 0);
        if (i == 1)
            EXPECT_INT(coro_async_drop(tasks[1]), -EBUSY);
        if (h->cancel)
            EXPECT_INT(coro_cancel(tasks[i]), 0);
        EXPECT_INT((int)(intptr_t)joined(tasks[i]), h->outcome);
    }
    return NULL;
}

static void groups_mean_the_same_for_both(void **state)
{
    static const struct {
        struct hosting h;
        const char *trace;
    } rows[] = {
        {{{.policy = CORO_FAIL_FAST, .deadline = CORO_FOREVER, .says = -EIO}, -EIO, false}, "dCc dCc"},
        {{{.policy = CORO_RACE, .deadline = CORO_FOREVER}, 0, false}, "dCc dCc"},
        {{{.policy = CORO_WAIT_ALL, .deadline = CORO_FOREVER}, 0, false}, "ddD ddD"},
        {{{.policy = CORO_WAIT_ALL, .deadline = CORO_MS(20)}, -ETIMEDOUT, false}, "dCc dCc"},
        {{{.policy = CORO_WAIT_ALL, .deadline = CORO_FOREVER}, -ECANCELED, true}, "Ccc Ccc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct hosting h = rows[i].h;

        memset(trace, 0, sizeof trace);
        run(hosts_both_ways, &h);
        assert_string_equal(trace, rows[i].trace);
    }
}

/* ---- what one does to the other ---- */

struct looks_after {
    CORO_ASYNC_POINT;
    coro_task_t *other;
    void *result;
};

CORO_ASYNC(void *, looks_after)
{
    int err;

    CORO_ASYNC_BEGIN;
    EXPECT_PTR(coro_task_self(), coro_task_self());
    EXPECT_INT(coro_join(coro_task_self(), NULL, 0), -EDEADLK);
    EXPECT_INT(coro_async_drop(coro_task_self()), -EDEADLK);
    EXPECT_INT(coro_spawn(&self->other, marks_and_pauses, "o", NULL), 0);
    CORO_AWAIT(err, coro_join(self->other, &self->result, CORO_FOREVER));
    EXPECT_INT(err, 0);
    EXPECT_INT(*(char *)self->result, 'o');
    EXPECT_INT(coro_async_spawn(&self->other, naps, &(struct naps){.ns = CORO_FOREVER}), 0);
    CORO_AWAIT(err, coro_pause());
    EXPECT_INT(coro_cancel(self->other), 0);
    CORO_AWAIT(err, coro_join(self->other, &self->result, CORO_FOREVER));
    EXPECT_INT((int)(intptr_t)self->result, -ECANCELED);
    EXPECT_INT(coro_spawn(&self->other, marks_and_pauses, "p", NULL), 0);
    EXPECT_INT(coro_async_drop(self->other), -EINVAL);
    EXPECT_INT(coro_detach(self->other), 0);
    CORO_ASYNC_RETURN(self);
    CORO_ASYNC_END;
}

static void *is_looked_after(void *arg)
{
    coro_task_t *task;

    EXPECT_INT(coro_async_spawn(&task, looks_after, &(struct looks_after){.other = NULL}), 0);
    EXPECT(joined(task) != NULL);
    EXPECT_INT(coro_async_spawn(NULL, counts, &(struct counts){.letter = 'z', .n = 1}), 0);
    EXPECT_INT(coro_async_spawn(&task, counts, &(struct counts){.letter = 'y', .n = 1}), 0);
    EXPECT_INT(coro_detach(task), 0);
    return arg;
}

static void each_looks_after_the_other(void **state)
{
    (void)state;
    run(is_looked_after, NULL);
    assert_int_equal(strlen(trace), 3 + 1 + 3 + 2);
}

/* ---- cancellation ---- */

struct shielded {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, shielded)
{
    int err;

    CORO_ASYNC_BEGIN;
    EXPECT_INT(coro_shield(true), 0);
    CORO_AWAIT(err, coro_sleep(CORO_MS(10)));
    EXPECT_INT(err, 0);
    EXPECT(!coro_cancelled());
    EXPECT_INT(coro_shield(false), 1);
    EXPECT(coro_cancelled());
    CORO_AWAIT(err, coro_sleep(CORO_MS(10)));
    EXPECT_INT(err, -ECANCELED);
    CORO_AWAIT(err, coro_pause()); /* lets the others run all the same */
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static void *cancels_shielded(void *arg)
{
    int64_t start = coro_now();
    coro_task_t *task;

    EXPECT_INT(coro_async_spawn(&task, shielded, &(struct shielded){0}), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_cancel(task), 0);
    EXPECT_INT((int)(intptr_t)joined(task), -ECANCELED);
    EXPECT_INT(coro_now() - start, CORO_MS(10));
    return arg;
}

static void a_shield_holds_cancellation_back(void **state)
{
    (void)state;
    run(cancels_shielded, NULL);
}

static void *cancels_fresh(void *arg)
{
    coro_task_t *cancelled = counting('a', 5), *dropped = counting('b', 5);

    EXPECT_INT(coro_cancel(cancelled), 0);
    EXPECT_INT(coro_async_drop(dropped), 0);
    EXPECT_INT((int)(intptr_t)joined(cancelled), -ECANCELED);
    EXPECT_INT((int)(intptr_t)joined(dropped), -ECANCELED);
    return arg;
}

static void a_cancelled_one_begins_and_a_dropped_one_does_not(void **state)
{
    (void)state;
    run(cancels_fresh, NULL);
    assert_string_equal(trace, "a");
}

/* ---- from outside, and what is refused ---- */

struct refused {
    CORO_ASYNC_POINT;
    coro_task_t *task;
    coro_t *co;
};

static void *waits_inside(void *arg)
{
    (void)arg;
    EXPECT_INT(coro_sleep(CORO_MS(1)), -EPERM);
    EXPECT_INT(coro_pause(), -EPERM);
    return NULL;
}

CORO_ASYNC(int, refused)
{
    int err;

    CORO_ASYNC_BEGIN;
    EXPECT_INT(coro_sleep(CORO_MS(1)), -EPERM);
    EXPECT_INT(coro_pause(), -EPERM);
    self->task = counting('r', 1);
    EXPECT_INT(coro_join(self->task, NULL, CORO_FOREVER), -EPERM);
    EXPECT_INT(coro_join_all(&self->task, 1, NULL, CORO_FOREVER), -EPERM);
    CORO_AWAIT(err, coro_join_all(&self->task, 1, NULL, CORO_FOREVER));
    EXPECT_INT(err, -EPERM);
    CORO_AWAIT(err, (int)coro_read(0, &err, sizeof err, CORO_FOREVER));
    EXPECT_INT(err, -EPERM);
    self->co = made_inside(waits_inside);
    CORO_AWAIT(err, (int)coro_resume(self->co, NULL).status);
    EXPECT_INT(err, CORO_RETURNED);
    EXPECT_INT(coro_destroy(self->co), 0);
    CORO_AWAIT(err, coro_join(self->task, NULL, CORO_FOREVER));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static void other_ways_to_wait_are_refused(void **state)
{
    coro_sched_t *s;
    coro_task_t *task = NULL;
    void *result;

    (void)state;
    assert_int_equal(coro_async_spawn(&task, refused, &(struct refused){.task = NULL}), -EPERM);
    assert_int_equal(coro_sched_async_spawn(NULL, &task, refused, &(struct refused){.task = NULL}), -EINVAL);
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_async_spawn(s, &task, refused, (const struct refused *)NULL), -EINVAL);
    assert_int_equal(coro_sched_async_spawn(s, &task, refused, &(struct refused){.task = NULL}), 0);
    assert_int_equal(coro_async_drop(NULL), -EINVAL);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_run(s), 0);
    assert_nothing_unexpected();
    assert_int_equal(coro_join(task, &result, 0), 0);
    assert_int_equal((int)(intptr_t)result, 0);
    assert_int_equal(coro_sched_destroy(s), 0);
}

static void what_has_not_ended_is_unwound_with_its_scheduler(void **state)
{
    coro_sched_t *s;
    coro_task_t *task;

    (void)state;
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_async_spawn(s, &task, naps, &(struct naps){.ns = CORO_FOREVER}), 0);
    assert_int_equal(coro_sched_async_spawn(s, NULL, sums, &(struct sums){.sum = 0}), 0);
    assert_int_equal(coro_sched_async_spawn(s, NULL, counts, &(struct counts){.letter = 'c', .n = 9}), 0);
    assert_int_equal(coro_sched_step(s, 0), 3);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_string_equal(trace, "cpsn"); /* the youngest first */
}

/* ---- what ends the program ---- */

struct awaits_in_switch {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, awaits_in_switch)
{
    int err = 1;

    CORO_ASYNC_BEGIN;
    switch (err) {
    case 1:
        CORO_AWAIT(err, coro_pause());
        break;
    default:
        break;
    }
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

struct forgets_to_return {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, forgets_to_return)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_pause());
    EXPECT_INT(err, 0);
    CORO_ASYNC_END;
}

struct leaves_open {
    CORO_ASYNC_POINT;
    coro_group_t group;
};

CORO_ASYNC(int, leaves_open)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(coro_group_open(&self->group, CORO_WAIT_ALL, CORO_FOREVER));
    CORO_ASYNC_END;
}

struct waits_for_itself {
    CORO_ASYNC_POINT;
    coro_mutex_t *mutex;
};

CORO_ASYNC(int, waits_for_itself)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_mutex_lock(self->mutex, CORO_FOREVER));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static void *goes_wrong(void *arg)
{
    static coro_mutex_t mutex = CORO_MUTEX_INIT;
    coro_task_t *task;

    switch ((int)(intptr_t)arg) {
    case 0:
        coro_async_spawn(&task, awaits_in_switch, &(struct awaits_in_switch){0});
        break;
    case 1:
        coro_async_spawn(&task, forgets_to_return, &(struct forgets_to_return){0});
        break;
    case 2:
        coro_async_spawn(&task, leaves_open, &(struct leaves_open){0});
        break;
    case 3:
        coro_mutex_lock(&mutex, CORO_FOREVER);
        coro_async_spawn(&task, waits_for_itself, &(struct waits_for_itself){.mutex = &mutex});
        break;
    case 4:
        coro_async_spawn(&task, naps, &(struct naps){.ns = CORO_FOREVER});
        break;
    default:
        coro_async_spawn(&task, counts, &(struct counts){.n = 0});
        return NULL;
    }
    coro_join(task, NULL, CORO_FOREVER);
    return NULL;
}

static int goes_wrong_in_a_child(long how)
{
    return coro_run(goes_wrong, (void *)(intptr_t)how, NULL, NULL) == 0 ? 0 : 3;
}

static void mistakes_are_told(void **state)
{
    static const char *const said[][2] = {
        {"task 'awaits_in_switch': the body has returned, or an await stands in a switch statement", NULL},
        {"task 'forgets_to_return': the body has ended without CORO_ASYNC_RETURN", NULL},
        {"coroutine 'leaves_open': a task has returned with a group open", NULL},
        {"'waits_for_itself', stackless, created at ", "a cycle: 'main'"},
        {"'naps', stackless, of ", ", waits for time to pass"},
        {"nobody has joined or detached task 'counts', stackless, created at ", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct child_end end = in_fresh_child(goes_wrong_in_a_child, (long)i);

        if (strstr(end.said, said[i][0]) == NULL || (said[i][1] != NULL && strstr(end.said, said[i][1]) == NULL)) {
            print_error("%zu: code %d, signal %d, said: %s\n", i, end.code, end.signal, end.said);
            fail();
        }
        assert_int_equal(end.code, i < 3 ? -1 : i < 5 ? 3 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_kinds_take_turns_in_one_queue),
        TEST(a_seed_gives_one_order),
        TEST(depth_first_the_youngest_runs_first),
        TEST(a_body_calls_another_within_its_struct),
        TEST(cleanups_run_from_the_inside_out),
        TEST(results_are_typed),
        TEST(light_ones_wait_for_time_alone),
        TEST(time_that_has_come_wins_over_cancellation),
        TEST(many_sleep_at_once),
        TEST(a_task_may_lie_in_the_callers_storage),
        TEST(a_struct_may_be_large),
        TEST(groups_mean_the_same_for_both),
        TEST(each_looks_after_the_other),
        TEST(a_shield_holds_cancellation_back),
        TEST(a_cancelled_one_begins_and_a_dropped_one_does_not),
        TEST(other_ways_to_wait_are_refused),
        TEST(what_has_not_ended_is_unwound_with_its_scheduler),
        TEST(mistakes_are_told),
    };

    return RUN_TESTS(tests);
}
