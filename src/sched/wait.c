/*
 * Who may wait, and the calls that wait for nothing but time.
 */
#include "async.h"
#include "sched.h"

#include <errno.h>

int coro__sched_refusal(const struct coro_sched *s)
{
    struct coro__thread *t;
    int err = coro__thread_enter(&t);

    return err == 0 && t->token != s->token ? -EPERM : err;
}

int coro__wait_refusal(void)
{
    struct coro__thread *t;
    int err = coro__thread_enter(&t);
    const struct coro_sched *s = t->sched;

    if (err != 0)
        return err;
    if (s == NULL)
        return -EPERM;
    if (s->async != NULL)
        return coro__async_refusal(s);
    if (t->current == s->driver && !s->closing)
        return -EPERM;
    return -ECANCELED; /* it is, or it is ending */
}

struct coro_task *coro__task_that_may_wait(void)
{
    return coro__may_wait();
}

int coro__wait_caller_slowly(int64_t deadline, const struct coro_sched *of, struct coro_task *(*may)(void))
{
    const struct coro_task *task = coro__task_running();
    struct coro__thread *t;
    int err = coro__thread_enter(&t);

    if (deadline != 0 && may() == NULL)
        return coro__wait_refusal();
    if (err == 0 && (t->token != of->token || (task != NULL && task->sched != of)))
        err = -EPERM;
    return err;
}

struct coro_task *coro__task_at_work(void)
{
    const struct coro__thread *t = coro__thread_self();

    if (t->sched == NULL)
        return NULL;
    for (struct coro__context *c = t->current; c != &t->root; c = c->resumer) {
        if (coro__is_root(c))
            return coro__of_context(c)->task;
        if (c->state == CORO_STATE_ENDING)
            return NULL;
    }
    return NULL;
}

int coro__park_until(struct coro_task *task, int64_t deadline)
{
    struct coro_sched *s = task->sched;
    struct coro__waiter *w = &task->waiter;

    if (deadline != CORO_FOREVER) {
        w->timer.fire = w->kind->due;
        coro__timers_set(&s->timers, &w->timer, deadline);
    }
    if (task->stackless)
        return coro__async_pend(task);
    task->context = coro__thread_self()->current;
    return coro__sched_leave(s, task->context);
}

/* ---- time ---- */

static void stay(struct coro__waiter *waiter)
{
    (void)waiter; /* on no list */
}

static const struct coro__wait for_time = {.what = "for time to pass", .due = coro__waiter_in_time, .leave = stay};

/* When nobody has to wait any more, others run first all the same. Looks at nothing of the task: with thousands of them it would have to be
   fetched from afar. */
static inline int pause_on(const struct coro__thread *t)
{
    struct coro_sched *s = t->sched;
    struct coro__context *self = t->current;

    coro__queue_paused(&s->queue, self, 0);
    return coro__sched_leave(s, self);
}

static __attribute__((noinline)) int pause_slowly(void)
{
    const struct coro_task *task;
    int err;

    if (coro__may_wait() != NULL)
        return pause_on(coro__thread_self());
    err = coro__wait_refusal();
    task = coro__task_running();
    if (err == -ECANCELED && task != NULL && task->refused && !task->stackless)
        pause_on(coro__thread_self()); /* or it would never end in a loop that does not look */
    return err;
}

static __attribute__((noinline)) int pause_otherwise(void)
{
    struct coro_task *task = coro__async_at_work();

    return task != NULL ? coro__async_pause(task) : pause_slowly();
}

int coro_pause(void)
{
    const struct coro__thread *t = coro__thread_self();
    const struct coro__context *self = t->current;

    if (unlikely(self == NULL) || unlikely(!coro__is_root(self)) ||
        unlikely(((const struct coro_sched *)t->sched)->refused != 0))
        return pause_otherwise();
    return pause_on(t);
}

#undef coro_sleep_until
#undef coro_sleep

static __attribute__((noinline)) int sleep_slowly(const char *site, int64_t deadline)
{
    struct coro_task *task = coro__async_at_work();

    if (task != NULL && task->light && deadline > task->sched->now && !task->refused)
        return coro__async_sleep(task, deadline);
    task = coro__may_await_slowly();
    if (task != NULL && deadline > task->sched->now)
        return coro__park(task, &for_time, deadline, site);
    if (task == NULL)
        task = coro__task_running();
    return task != NULL && deadline <= task->sched->now ? coro_pause() : coro__wait_refusal();
}

int coro_sleep_until_at(const char *site, int64_t deadline)
{
    struct coro_task *task = coro__task_in_root();

    if (unlikely(task == NULL) || unlikely(task->refused))
        return sleep_slowly(site, deadline);
    if (deadline <= task->sched->now)
        return pause_on(coro__thread_self());
    return coro__park(task, &for_time, deadline, site);
}

int coro_sleep_until(int64_t deadline)
{
    return coro_sleep_until_at(NULL, deadline);
}

int coro_sleep_at(const char *site, int64_t ns)
{
    return coro_sleep_until_at(site, ns > 0 ? coro_after(ns) : 0);
}

int coro_sleep(int64_t ns)
{
    return coro_sleep_at(NULL, ns);
}

/* coro_yield() in the root of a task. */
static void *yield(void *output)
{
    (void)output;
    pause_on(coro__thread_self()); /* cancelled or not */
    return NULL;
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__root_on_yield(yield);
}
