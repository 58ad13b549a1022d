/*
 * Every call that can be awaited, made by a task with a stack and by one without: the same script, and the same must come of it.
 *
 * The waiter waits for something that the main task holds back; then one thing happens to it, or several in one round.
 */
#include "support/tasks.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum op {
    SLEEP,
    JOIN,
    JOIN_STACKLESS,
    SEND,
    RECV,
    SELECT,
    MUTEX,
    COND,
    RDLOCK,
    WRLOCK,
    SEM,
    BARRIER,
    WAITGROUP,
    FUTURE,
    POLL,
    OPS
};
enum kind { WITH_STACK, STACKLESS, KINDS };

/* What is waited for, and what came of it. */
struct world {
    enum op op;
    int64_t deadline;
    coro_chan_t *ch, *other;
    coro_case cases[2];
    coro_mutex_t mutex;
    coro_cond_t cond;
    coro_rwlock_t rwlock;
    coro_sem_t sem, gate;
    coro_barrier_t barrier;
    coro_waitgroup_t waitgroup;
    coro_pool_t *pool;
    coro_future_t *future;
    coro_task_t *target;
    int fds[2];
    int elem;
    void *joined;

    int result;
    int64_t at;
    unsigned cleanups;
};

static coro_sched_opts in_turn = {.virtual_time = true};

/* ---- the script ---- */

static int wait_in(struct world *w)
{
    switch (w->op) {
    case SLEEP:
        return coro_sleep_until(coro_after(CORO_MS(10)));
    case JOIN:
    case JOIN_STACKLESS:
        return coro_join(w->target, &w->joined, w->deadline);
    case SEND:
        return coro_chan_send(w->ch, &w->elem, w->deadline);
    case RECV:
        return coro_chan_recv(w->ch, &w->elem, w->deadline);
    case SELECT:
        return coro_select(w->cases, 2, w->deadline);
    case MUTEX:
        return coro_mutex_lock(&w->mutex, w->deadline);
    case COND:
        return coro_cond_wait(&w->cond, &w->mutex, w->deadline);
    case RDLOCK:
        return coro_rwlock_rdlock(&w->rwlock, w->deadline);
    case WRLOCK:
        return coro_rwlock_wrlock(&w->rwlock, w->deadline);
    case SEM:
        return coro_sem_wait(&w->sem, w->deadline);
    case BARRIER:
        return coro_barrier_wait(&w->barrier, w->deadline);
    case WAITGROUP:
        return coro_waitgroup_wait(&w->waitgroup, w->deadline);
    case FUTURE:
        return coro_future_wait(w->future, &w->joined, w->deadline);
    default:
        return coro_poll_fd(w->fds[0], POLLIN, w->deadline);
    }
}

static int in_the_end(const struct world *w)
{
    return w->op == SELECT ? 1 : w->op == POLL ? POLLIN : 0;
}

static void note(struct world *w, int result)
{
    w->result = result;
    w->at = coro_now();
    if (w->op == COND && result != -EPERM)
        EXPECT_INT(coro_mutex_unlock(&w->mutex), 0);
    if (result < 0)
        return;
    if (w->op == MUTEX)
        EXPECT_INT(coro_mutex_unlock(&w->mutex), 0);
    if (w->op == RDLOCK || w->op == WRLOCK)
        EXPECT_INT(coro_rwlock_unlock(&w->rwlock), 0);
}

static void *waits(void *arg)
{
    struct world *w = arg;

    if (w->op == COND)
        EXPECT_INT(coro_mutex_lock(&w->mutex, 0), 0);
    note(w, wait_in(w));
    w->cleanups++;
    return (void *)(intptr_t)w->result;
}

struct waits_async {
    CORO_ASYNC_POINT;
    struct world *w;
};

CORO_ASYNC(int, waits_async)
{
    int err;

    CORO_ASYNC_BEGIN;
    if (self->w->op == COND)
        EXPECT_INT(coro_mutex_lock(&self->w->mutex, 0), 0);
    CORO_AWAIT(err, wait_in(self->w));
    note(self->w, err);
    CORO_ASYNC_RETURN(self->w->result);
    CORO_ASYNC_CLEANUP;
    self->w->cleanups++;
    CORO_ASYNC_END;
}

/* ---- the world ---- */

static void *passes_gate(void *arg)
{
    struct world *w = arg;

    EXPECT_INT(coro_sem_wait(&w->gate, CORO_FOREVER), 0);
    return w;
}

struct passes_gate_async {
    CORO_ASYNC_POINT;
    struct world *w;
};

CORO_ASYNC(void *, passes_gate_async)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sem_wait(&self->w->gate, CORO_FOREVER));
    EXPECT_INT(err, 0);
    CORO_ASYNC_RETURN(self->w);
    CORO_ASYNC_END;
}

static void set_up(struct world *w)
{
    w->cases[0] = (coro_case){NULL, CORO_SEND, &w->elem, 0};
    w->cases[1] = (coro_case){NULL, CORO_RECV, &w->elem, 0};
    EXPECT_INT(coro_chan_create(&w->ch, sizeof(int), 0), 0);
    EXPECT_INT(coro_chan_create(&w->other, sizeof(int), 0), 0);
    w->cases[0].ch = w->other;
    w->cases[1].ch = w->ch;
    EXPECT_INT(coro_barrier_init(&w->barrier, 2), 0);
    EXPECT_INT(coro_waitgroup_add(&w->waitgroup, 1), 0);
    EXPECT_INT(pipe(w->fds), 0);
    if (w->op == MUTEX)
        EXPECT_INT(coro_mutex_lock(&w->mutex, 0), 0);
    if (w->op == RDLOCK || w->op == WRLOCK)
        EXPECT_INT(coro_rwlock_wrlock(&w->rwlock, 0), 0);
    if (w->op == JOIN)
        EXPECT_INT(coro_spawn(&w->target, passes_gate, w, NULL), 0);
    if (w->op == JOIN_STACKLESS)
        EXPECT_INT(coro_async_spawn(&w->target, passes_gate_async, &(struct passes_gate_async){.w = w}), 0);
    if (w->op == FUTURE) {
        EXPECT_INT(coro_pool_create(&w->pool, 1, 1), 0);
        EXPECT_INT(coro_pool_submit(w->pool, &w->future, passes_gate, w, 0), 0);
    }
}

/* What it waits for comes. */
static void bring_about(struct world *w)
{
    int elem = 7;

    switch (w->op) {
    case SLEEP:
        break;
    case JOIN:
    case JOIN_STACKLESS:
    case FUTURE:
        EXPECT_INT(coro_sem_post(&w->gate), 0);
        break;
    case SEND:
        EXPECT_INT(coro_chan_recv(w->ch, &elem, 0), 0);
        break;
    case RECV:
    case SELECT:
        EXPECT_INT(coro_chan_send(w->ch, &elem, 0), 0);
        break;
    case MUTEX:
        EXPECT_INT(coro_mutex_unlock(&w->mutex), 0);
        break;
    case COND:
        EXPECT_INT(coro_cond_signal(&w->cond), 0);
        break;
    case RDLOCK:
    case WRLOCK:
        EXPECT_INT(coro_rwlock_unlock(&w->rwlock), 0);
        break;
    case SEM:
        EXPECT_INT(coro_sem_post(&w->sem), 0);
        break;
    case BARRIER:
        EXPECT_INT(coro_barrier_wait(&w->barrier, 0), 1);
        break;
    case WAITGROUP:
        EXPECT_INT(coro_waitgroup_done(&w->waitgroup), 0);
        break;
    default:
        EXPECT_INT(write(w->fds[1], "x", 1), 1);
        break;
    }
}

/* Nobody is on any list any more, or this is refused, or finds nobody to hand something to. */
static void tear_down(struct world *w, bool came)
{
    if (!came && w->op != SLEEP) {
        if (w->op == SEND || w->op == RECV || w->op == SELECT || w->op == COND || w->op == BARRIER) {
            EXPECT_INT(coro_cond_signal(&w->cond), 0);
            EXPECT_INT(coro_barrier_wait(&w->barrier, 0), -EAGAIN);
        } else {
            bring_about(w);
        }
    }
    if (w->op == JOIN || w->op == JOIN_STACKLESS)
        if (!came) {
            EXPECT_INT(coro_join(w->target, &w->joined, CORO_FOREVER), 0);
            EXPECT_PTR(w->joined, w);
        }
    if (w->op == FUTURE) {
        if (!came)
            EXPECT_INT(coro_future_wait(w->future, &w->joined, CORO_FOREVER), 0);
        EXPECT_PTR(w->joined, w);
        EXPECT_INT(coro_pool_close(w->pool), 0);
    }
    EXPECT_INT(coro_mutex_lock(&w->mutex, 0), 0);
    EXPECT_INT(coro_rwlock_wrlock(&w->rwlock, 0), 0);
    EXPECT_INT(coro_chan_destroy(w->ch), 0);
    EXPECT_INT(coro_chan_destroy(w->other), 0);
    EXPECT_INT(coro_close(w->fds[0]), 0);
    EXPECT_INT(coro_close(w->fds[1]), 0);
}

static coro_task_t *begun(enum kind kind, struct world *w)
{
    coro_task_t *task = NULL;

    if (kind == WITH_STACK)
        EXPECT_INT(coro_spawn(&task, waits, w, NULL), 0);
    else
        EXPECT_INT(coro_async_spawn(&task, waits_async, &(struct waits_async){.w = w}), 0);
    return task;
}

/* ---- what happens ---- */

enum event {
    COMES,
    COMES_THEN_CANCELLED,
    CANCELLED_THEN_COMES,
    CANCELLED,
    CANCELLED_BEFORE,
    TOO_LATE,
    TOO_LATE_AND_CANCELLED,
    NOT_WAITING,
    OVERDUE,
    EVENTS
};

struct play {
    enum kind kind;
    enum event event;
    struct world w;
};

static int expected_of(const struct play *p)
{
    switch (p->event) {
    case COMES:
        return in_the_end(&p->w);
    case COMES_THEN_CANCELLED: /* in one round, and the one that it waits for runs first */
        return p->w.op == POLL ? -ECANCELED : in_the_end(&p->w);
    case CANCELLED_THEN_COMES:
        return p->w.op == JOIN || p->w.op == JOIN_STACKLESS || p->w.op == FUTURE || p->w.op == POLL
                   ? -ECANCELED /* it takes a turn to come */
                   : in_the_end(&p->w);
    case CANCELLED:
    case CANCELLED_BEFORE:
    case TOO_LATE_AND_CANCELLED:
        return -ECANCELED;
    case NOT_WAITING:
        return -EAGAIN;
    default:
        return -ETIMEDOUT;
    }
}

static void happen(struct play *p, coro_task_t *task)
{
    if (p->event == COMES || p->event == COMES_THEN_CANCELLED)
        bring_about(&p->w);
    if (p->event == COMES_THEN_CANCELLED || p->event == CANCELLED_THEN_COMES || p->event == CANCELLED)
        EXPECT_INT(coro_cancel(task), 0);
    if (p->event == CANCELLED_THEN_COMES)
        bring_about(&p->w);
    if (p->event == TOO_LATE_AND_CANCELLED) {
        EXPECT_INT(coro_sleep_until(p->w.deadline - 1), 0);
        EXPECT_INT(coro_cancel(task), 0);
    }
}

static void *plays(void *arg)
{
    struct play *p = arg;
    struct world *w = &p->w;
    int64_t start = coro_now();
    coro_task_t *task;
    void *result;
    bool came;

    set_up(w);
    w->deadline = p->event == NOT_WAITING ? 0 : p->event == OVERDUE ? 1 : CORO_FOREVER;
    if (p->event == TOO_LATE || p->event == TOO_LATE_AND_CANCELLED)
        w->deadline = start + CORO_MS(5);
    task = begun(p->kind, w);
    if (p->event == CANCELLED_BEFORE)
        EXPECT_INT(coro_cancel(task), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pause(), 0);
    happen(p, task);
    EXPECT_INT(coro_join(task, &result, CORO_FOREVER), 0);
    EXPECT_INT((int)(intptr_t)result, w->result);
    EXPECT_INT(w->cleanups, 1);
    if (p->event == TOO_LATE)
        EXPECT_INT(w->at - start, CORO_MS(5));
    came = p->event == COMES || p->event == COMES_THEN_CANCELLED || p->event == CANCELLED_THEN_COMES;
    if (came && w->result < 0 && (w->op == JOIN || w->op == JOIN_STACKLESS || w->op == FUTURE)) {
        EXPECT_INT(w->op == FUTURE ? coro_future_wait(w->future, &w->joined, CORO_FOREVER)
                                   : coro_join(w->target, &w->joined, CORO_FOREVER),
                   0);
    }
    tear_down(w, came);
    return NULL;
}

static bool makes_sense(enum op op, enum event event)
{
    return op != SLEEP || event == COMES || event == CANCELLED || event == CANCELLED_BEFORE;
}

/* Who calls, and what comes of it; the same for both. */
static void both_kinds_wait_alike(void **state)
{
    (void)state;
    for (enum op op = 0; op < OPS; op++)
        for (enum event event = 0; event < EVENTS; event++)
            for (enum kind kind = 0; kind < KINDS && makes_sense(op, event); kind++) {
                struct play p = {.kind = kind, .event = event, .w.op = op};

                run_as(in_turn, plays, &p);
                if (p.w.result != expected_of(&p)) {
                    print_error("op %d, event %d, kind %d: %d\n", (int)op, (int)event, (int)kind, p.w.result);
                    fail();
                }
            }
}

/* ---- dropped ---- */

static void *drops(void *arg)
{
    struct world *w = arg;
    coro_task_t *task;
    void *result;

    set_up(w);
    w->deadline = CORO_FOREVER;
    w->result = 1000;
    task = begun(STACKLESS, w);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_async_drop(task), 0);
    EXPECT_INT(coro_async_drop(task), 0);
    EXPECT_INT(coro_join(task, &result, CORO_FOREVER), 0);
    EXPECT_INT((int)(intptr_t)result, -ECANCELED);
    EXPECT_INT(w->result, 1000); /* it has not gone on */
    EXPECT_INT(w->cleanups, 1);
    tear_down(w, false);
    return NULL;
}

static void a_dropped_task_does_its_cleanup_wherever_it_waits(void **state)
{
    (void)state;
    for (enum op op = 0; op < OPS; op++) {
        struct world w = {.op = op};

        run_as(in_turn, drops, &w);
    }
}

static void *drops_handed(void *arg)
{
    struct world *w = arg;
    coro_task_t *task;
    void *result;

    set_up(w);
    w->deadline = CORO_FOREVER;
    task = begun(STACKLESS, w);
    EXPECT_INT(coro_pause(), 0);
    bring_about(w);
    EXPECT_INT(coro_async_drop(task), 0);
    EXPECT_INT(coro_join(task, &result, CORO_FOREVER), 0);
    EXPECT_INT((int)(intptr_t)result, 0);
    EXPECT_INT(w->cleanups, 1);
    tear_down(w, true);
    return NULL;
}

static void what_has_come_is_not_lost_by_dropping(void **state)
{
    static const enum op ops[] = {SEND, RECV, MUTEX, COND, RDLOCK, WRLOCK, SEM};

    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct world w = {.op = ops[i]};

        run_as(in_turn, drops_handed, &w);
    }
}

/* ---- the scheduler goes ---- */

static void *leaves_waiting(void *arg)
{
    struct world *w = arg;

    set_up(w);
    w->deadline = CORO_FOREVER;
    begun(STACKLESS, w);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_pause(), 0);
    return NULL;
}

static int deadlocks(long op)
{
    struct world w = {.op = (enum op)op};

    if (coro_run(leaves_waiting, &w, NULL, &in_turn) != -EDEADLK)
        return 1;
    if (coro_chan_destroy(w.ch) != 0 || coro_chan_destroy(w.other) != 0) /* nobody is on their lists */
        return 2;
    return w.cleanups == 1 ? 0 : 3;
}

static void waiting_for_good_is_reported_and_unwound(void **state)
{
    (void)state;
    for (enum op op = SEND; op < FUTURE; op++) {
        struct child_end end = in_fresh_child(deadlocks, (long)op);

        assert_int_equal(end.code, 0);
        assert_non_null(strstr(end.said, "'waits_async', stackless, created at "));
        assert_non_null(strstr(end.said, ", waits "));
        assert_non_null(strstr(end.said, "test_async_waits.c:"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_kinds_wait_alike),
        TEST(a_dropped_task_does_its_cleanup_wherever_it_waits),
        TEST(what_has_come_is_not_lost_by_dropping),
        TEST(waiting_for_good_is_reported_and_unwound),
    };

    return RUN_TESTS(tests);
}
