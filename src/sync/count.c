/*
 * What waits for a count: semaphore, barrier, wait group. And once, which waits for one thing to be done.
 */
#include "waiting.h"
#include <limits.h>

static void complete_all(coro_wait_list *waiters)
{
    struct coro__waiter *waiter;

    while ((waiter = coro__sync_first(coro__sync_list(waiters))) != NULL)
        coro__waiter_complete(waiter, 0);
}

/* ---- semaphore ---- */

static const struct coro__wait for_semaphore = {.what = "for a semaphore", .due = coro__waiter_too_late};

int coro_sem_init(coro_sem_t *s, unsigned n)
{
    if (s == NULL)
        return -EINVAL;
    *s = (coro_sem_t)CORO_SEM_INIT(n);
    return 0;
}

#undef coro_sem_wait
int coro_sem_wait_at(const char *site, coro_sem_t *s, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (unlikely(err != 0))
        return err;
    if (s->count_ == 0)
        return coro__sync_wait(coro__sync_list(&s->waiters_), self, &for_semaphore, deadline, site);
    s->count_--;
    return 0;
}

int coro_sem_wait(coro_sem_t *s, int64_t deadline)
{
    return coro_sem_wait_at(NULL, s, deadline);
}

int coro_sem_post(coro_sem_t *s)
{
    struct coro__waiter *first;
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (err != 0)
        return err;
    first = coro__sync_first(coro__sync_list(&s->waiters_));
    if (first != NULL)
        coro__waiter_complete(first, 0);
    else if (s->count_ == UINT_MAX)
        return -EOVERFLOW;
    else
        s->count_++;
    return 0;
}

/* ---- barrier ---- */

static void leave_barrier(struct coro__waiter *waiter)
{
    coro_barrier_t *b = waiter->slot;

    coro__list_remove(&waiter->link);
    b->count_--;
}

static const struct coro__wait for_barrier = {
    .what = "at a barrier", .due = coro__waiter_too_late, .leave = leave_barrier};

int coro_barrier_init(coro_barrier_t *b, unsigned n)
{
    if (b == NULL || n == 0)
        return -EINVAL;
    *b = (coro_barrier_t)CORO_BARRIER_INIT(n);
    return 0;
}

#undef coro_barrier_wait
int coro_barrier_wait_at(const char *site, coro_barrier_t *b, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (b == NULL || b->needed_ == 0)
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (err != 0)
        return err;
    if (b->count_ + 1 == b->needed_) {
        b->count_ = 0;
        complete_all(&b->waiters_);
        return 1;
    }
    err = deadline == 0 ? -EAGAIN : coro__wait_overdue(self, deadline);
    if (err != 0)
        return err;
    b->count_++;
    self->waiter.slot = b;
    return coro__sync_wait(coro__sync_list(&b->waiters_), self, &for_barrier, deadline, site);
}

int coro_barrier_wait(coro_barrier_t *b, int64_t deadline)
{
    return coro_barrier_wait_at(NULL, b, deadline);
}

/* ---- wait group ---- */

static const struct coro__wait for_all = {.what = "for a wait group", .due = coro__waiter_too_late};

int coro_waitgroup_add(coro_waitgroup_t *w, int n)
{
    int count, err;

    if (w == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (err != 0)
        return err;
    if (__builtin_add_overflow(w->count_, n, &count) || count < 0)
        return -EOVERFLOW;
    w->count_ = count;
    if (count == 0)
        complete_all(&w->waiters_);
    return 0;
}

int coro_waitgroup_done(coro_waitgroup_t *w)
{
    return coro_waitgroup_add(w, -1);
}

#undef coro_waitgroup_wait
int coro_waitgroup_wait_at(const char *site, coro_waitgroup_t *w, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (w == NULL)
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (err != 0 || w->count_ == 0)
        return err;
    return coro__sync_wait(coro__sync_list(&w->waiters_), self, &for_all, deadline, site);
}

int coro_waitgroup_wait(coro_waitgroup_t *w, int64_t deadline)
{
    return coro_waitgroup_wait_at(NULL, w, deadline);
}

/* ---- once ---- */

static struct coro_task *runner(const struct coro__waiter *waiter, struct coro_task *last)
{
    const coro_once_t *o = waiter->slot;

    return last == NULL ? coro__sync_task(o->runner_) : NULL;
}

static const struct coro__wait for_once = {
    .what = "for another task to do something once", .due = coro__waiter_too_late, .blocker = runner};

static int wait_until_done(const char *site, coro_once_t *o, const void *me)
{
    struct coro_task *self;

    if (o->runner_ == me)
        return -EDEADLK;
    self = coro__may_wait(); /* not a stackless one: what it would be woken to do may wait itself */
    if (self == NULL)
        return coro__wait_refusal();
    self->waiter.slot = o;
    return coro__sync_wait(coro__sync_list(&o->waiters_), self, &for_once, CORO_FOREVER, site);
}

#undef coro_once
int coro_once_at(const char *site, coro_once_t *o, void (*fn)(void))
{
    struct coro_task *self;
    void *me;
    int err;

    if (o == NULL || fn == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (unlikely(err != 0) || likely(o->done_))
        return err;
    self = coro__task_running();
    me = coro__sync_name(self);
    if (o->runner_ != NULL)
        return wait_until_done(site, o, me);
    o->runner_ = me;
    if (self != NULL && self->stackless)
        self->sched->async_now.armed_ = false; /* it is not in this call that it waits */
    fn();
    o->done_ = 1;
    complete_all(&o->waiters_);
    return 0;
}

int coro_once(coro_once_t *o, void (*fn)(void))
{
    return coro_once_at(NULL, o, fn);
}
