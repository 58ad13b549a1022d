/*
 * Read-write lock. One queue for readers and writers: who comes later than a writer waits behind it.
 */
#include "waiting.h"

static const struct coro__wait to_read, to_write;

/* ---- who holds it ---- */

/* Where a reader is known by name; NULL if it is not. */
static void **find(coro_rwlock_t *l, const void *name)
{
    for (int i = 0; i < CORO_RWLOCK_NAMES_; i++)
        if (l->readers_[i] == name)
            return &l->readers_[i];
    return NULL;
}

static size_t named(coro_rwlock_t *l)
{
    size_t n = 0;

    for (int i = 0; i < CORO_RWLOCK_NAMES_; i++)
        n += l->readers_[i] != NULL;
    return n;
}

static void let_read(coro_rwlock_t *l, void *name)
{
    void **place = find(l, NULL);

    if (place != NULL)
        *place = name;
    l->count_++;
}

static bool may_read(const coro_rwlock_t *l)
{
    return l->writer_ == NULL && coro__sync_nobody((const struct coro__list *)(const void *)&l->waiters_);
}

static bool may_write(const coro_rwlock_t *l)
{
    return l->writer_ == NULL && l->count_ == 0;
}

/* Let those at the head of the queue in that can be: one writer, or all readers up to the next writer. Who is about to be unwound is
   passed by no one: it leaves the queue, too. */
static void let_in(coro_rwlock_t *l)
{
    struct coro__list *list = coro__sync_list(&l->waiters_);

    while (!coro__sync_nobody(list)) {
        struct coro__waiter *first = coro__waiter_of_link(list->next);
        bool writes = first->kind == &to_write;

        if (writes ? !may_write(l) : l->writer_ != NULL)
            return;
        if (((struct coro_task *)first->slot)->sched->closing)
            return;
        coro__list_remove(&first->link);
        if (writes)
            l->writer_ = first->slot;
        else
            let_read(l, first->slot);
        coro__waiter_complete(first, 0);
    }
}

/* Off the queue: those behind it may have waited for it alone. */
static void give_up(struct coro__waiter *waiter)
{
    coro__list_remove(&waiter->link);
    let_in((coro_rwlock_t *)(void *)waiter->out);
}

static struct coro_task *holder(const struct coro__waiter *waiter, struct coro_task *last)
{
    const coro_rwlock_t *l = waiter->out;
    bool seen = last == NULL;

    if (l->writer_ != NULL)
        return seen ? coro__sync_task(l->writer_) : NULL;
    for (int i = 0; i < CORO_RWLOCK_NAMES_; i++) {
        struct coro_task *reader = l->readers_[i] != NULL ? coro__sync_task(l->readers_[i]) : NULL;

        if (seen && reader != NULL)
            return reader;
        seen = seen || reader == last;
    }
    return NULL;
}

static const struct coro__wait to_read = {
    .what = "to lock a read-write lock for reading", .due = coro__waiter_too_late, .leave = give_up, .blocker = holder};
static const struct coro__wait to_write = {
    .what = "to lock a read-write lock for writing", .due = coro__waiter_too_late, .leave = give_up, .blocker = holder};

/* ---- the calls ---- */

static int lock(const char *site, coro_rwlock_t *l, int64_t deadline, bool write)
{
    struct coro_task *self;
    void *me;
    int err;

    if (l == NULL)
        return -EINVAL;
    err = coro__sync_caller(deadline, &self);
    if (err != 0)
        return err;
    me = coro__sync_name(self);
    if (l->writer_ == me || find(l, me) != NULL)
        return -EDEADLK;
    if (write ? may_write(l) : may_read(l)) {
        if (write)
            l->writer_ = me;
        else
            let_read(l, me);
        return 0;
    }
    if (self != NULL) {
        self->waiter.slot = me;
        self->waiter.out = (void **)(void *)l;
    }
    return coro__sync_wait(coro__sync_list(&l->waiters_), self, write ? &to_write : &to_read, deadline, site);
}

#undef coro_rwlock_rdlock
int coro_rwlock_rdlock_at(const char *site, coro_rwlock_t *l, int64_t deadline)
{
    return lock(site, l, deadline, false);
}

int coro_rwlock_rdlock(coro_rwlock_t *l, int64_t deadline)
{
    return lock(NULL, l, deadline, false);
}

#undef coro_rwlock_wrlock
int coro_rwlock_wrlock_at(const char *site, coro_rwlock_t *l, int64_t deadline)
{
    return lock(site, l, deadline, true);
}

int coro_rwlock_wrlock(coro_rwlock_t *l, int64_t deadline)
{
    return lock(NULL, l, deadline, true);
}

int coro_rwlock_unlock(coro_rwlock_t *l)
{
    void *me, **place;
    int err;

    if (l == NULL)
        return -EINVAL;
    err = coro__sync_refusal();
    if (err != 0)
        return err;
    me = coro__sync_name(NULL);
    place = find(l, me);
    if (l->writer_ == me)
        l->writer_ = NULL;
    else if (place != NULL || l->count_ > named(l))
        l->count_--;
    else
        return -EPERM;
    if (place != NULL)
        *place = NULL;
    let_in(l);
    return 0;
}
