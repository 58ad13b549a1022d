/*
 * Mutex and condition. Who waits for a mutex is handed it; who waits for a condition and is signalled goes over to the queue of the mutex,
 * and goes on when it holds that.
 */
#include "waiting.h"

/* ---- mutex ---- */

static struct coro_task *holder(const struct coro__waiter *waiter, struct coro_task *last)
{
    const coro_mutex_t *m = waiter->out;

    return last == NULL ? coro__sync_task(m->holder_) : NULL;
}

static const struct coro__wait for_mutex = {.what = "to lock a mutex", .due = coro__waiter_too_late, .blocker = holder};
static const struct coro__wait for_mutex_again = {.what = "to lock the mutex of a condition again",
                                                  .due = coro__waiter_too_late,
                                                  .blocker = holder,
                                                  .held = true,
                                                  .again = true};

static int wait_for_mutex(coro_mutex_t *m, const struct coro__wait *kind, struct coro_task *self, int64_t deadline,
                          const char *site)
{
    if (self != NULL) {
        self->waiter.slot = self;
        self->waiter.out = (void **)(void *)m;
    }
    return coro__sync_wait(coro__sync_list(&m->waiters_), self, kind, deadline, site);
}

static __attribute__((noinline)) int lock(const char *site, coro_mutex_t *m, int64_t deadline)
{
    struct coro_task *self;
    void *me;
    int err;

    if (unlikely(m == NULL))
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (unlikely(err != 0))
        return err;
    me = coro__sync_name(self);
    if (likely(m->holder_ == NULL)) {
        m->holder_ = me;
        return 0;
    }
    if (m->holder_ == me)
        return -EDEADLK;
    return wait_for_mutex(m, &for_mutex, self, deadline, site);
}

/* Mostly a task finds it free. */
#undef coro_mutex_lock
int coro_mutex_lock_at(const char *site, coro_mutex_t *m, int64_t deadline)
{
    struct coro_task *self = coro__task_in_root();

    if (likely(self != NULL) && likely(m != NULL) && likely(m->holder_ == NULL) && likely(!self->refused)) {
        m->holder_ = self;
        return 0;
    }
    return lock(site, m, deadline);
}

int coro_mutex_lock(coro_mutex_t *m, int64_t deadline)
{
    return coro_mutex_lock_at(NULL, m, deadline);
}

static inline void hand_over(coro_mutex_t *m)
{
    struct coro__waiter *next = coro__sync_first(coro__sync_list(&m->waiters_));

    m->holder_ = NULL;
    if (next != NULL) {
        m->holder_ = next->slot;
        coro__waiter_complete(next, 0);
    }
}

static __attribute__((noinline)) int unlock(coro_mutex_t *m)
{
    int err;

    if (m == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (err != 0)
        return err;
    if (unlikely(m->holder_ == NULL) || unlikely(m->holder_ != coro__sync_name(NULL)))
        return -EPERM;
    hand_over(m);
    return 0;
}

/* Mostly nobody waits for it. */
int coro_mutex_unlock(coro_mutex_t *m)
{
    const struct coro_task *self = coro__task_in_root();

    if (likely(m != NULL) && likely(self != NULL) && likely(m->holder_ == self) &&
        likely(coro__sync_nobody(coro__sync_list(&m->waiters_)))) {
        m->holder_ = NULL;
        return 0;
    }
    return unlock(m);
}

/* ---- condition ---- */

static const struct coro__wait for_condition = {.what = "for a condition", .due = coro__waiter_too_late, .again = true};

/* It goes on, with `err`, once it holds the mutex again. */
static int lock_again(coro_mutex_t *m, struct coro_task *self, int err, const char *site)
{
    if (m->holder_ == NULL)
        m->holder_ = self;
    if (m->holder_ == self)
        return err;
    self->waiter.error = err; /* of a stackless task, until it is called again */
    if (wait_for_mutex(m, &for_mutex_again, self, CORO_FOREVER, site) == CORO_ASYNC_PENDING_)
        return CORO_ASYNC_PENDING_;
    return err;
}

#undef coro_cond_wait
int coro_cond_wait_at(const char *site, coro_cond_t *c, coro_mutex_t *m, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (c == NULL || m == NULL)
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (unlikely(coro__await_goes_on(&self)))
        return lock_again(m, self, self->waiter.error, site);
    if (err == 0 && m->holder_ != coro__sync_name(self))
        err = -EPERM;
    if (err == 0)
        err = deadline == 0 ? -EAGAIN : coro__wait_overdue(self, deadline);
    if (err != 0)
        return err;
    hand_over(m);
    self->waiter.slot = self;
    self->waiter.out = (void **)(void *)m;
    err = coro__sync_wait(coro__sync_list(&c->waiters_), self, &for_condition, deadline, site);
    return err != CORO_ASYNC_PENDING_ ? lock_again(m, self, err, site) : err;
}

int coro_cond_wait(coro_cond_t *c, coro_mutex_t *m, int64_t deadline)
{
    return coro_cond_wait_at(NULL, c, m, deadline);
}

/* Signalled: from the condition to the mutex. One that has expired goes on anyway, and sees to the mutex itself. */
static void go_over(struct coro__waiter *waiter)
{
    coro_mutex_t *m = (coro_mutex_t *)(void *)waiter->out;

    if (m->holder_ == NULL || waiter->state == CORO__EXPIRED) {
        if (m->holder_ == NULL)
            m->holder_ = waiter->slot;
        coro__waiter_complete(waiter, 0);
        return;
    }
    coro__timers_unset(waiter->timers, &waiter->timer);
    waiter->kind = &for_mutex_again;
    if (m->waiters_.opaque[0] == NULL)
        coro__list_init(coro__sync_list(&m->waiters_));
    coro__list_insert(coro__sync_list(&m->waiters_), &waiter->link);
}

/* The first `most` of those who wait. */
static int signal_some(coro_cond_t *c, size_t most)
{
    struct coro__waiter *waiter;
    int err;

    if (c == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (err != 0)
        return err;
    for (; most > 0 && (waiter = coro__sync_first(coro__sync_list(&c->waiters_))) != NULL; most--)
        go_over(waiter);
    return 0;
}

int coro_cond_signal(coro_cond_t *c)
{
    return signal_some(c, 1);
}

int coro_cond_broadcast(coro_cond_t *c)
{
    return signal_some(c, SIZE_MAX);
}
