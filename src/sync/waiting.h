/*
 * What the files of this layer share: waiting in turn for something that lies in the caller's storage, or the library's.
 */
#ifndef CORO_SYNC_WAITING_H
#define CORO_SYNC_WAITING_H

#include "sched/sched.h"

#include <coro/sync.h>

/* Why a call that never waits is refused: 0 if it is not. */
static inline int coro__sync_refusal(void)
{
    return unlikely(coro__thread_self()->token == 0) && coro__in_forked_child() ? -ECHILD : 0;
}

/* Who makes a call with this deadline: a task, or with deadline 0 whoever it is (NULL). Or why not. */
static inline __attribute__((always_inline)) int coro__sync_caller(int64_t deadline, struct coro_task **out)
{
    if (unlikely(deadline == 0)) {
        *out = NULL;
        return coro__sync_refusal();
    }
    *out = coro__may_await();
    return likely(*out != NULL) ? 0 : coro__wait_refusal();
}

/* What the caller is known as to what can be held: its task, also while that is unwound; outside tasks, its thread. */
static inline void *coro__sync_name(struct coro_task *self)
{
    struct coro__thread *t = coro__thread_self();
    const struct coro_sched *s = t->sched;

    if (unlikely(self == NULL))
        self = coro__task_running();
    if (unlikely(self == NULL) && s != NULL && s->closing)
        self = s->unwinding;
    return self != NULL ? (void *)self : t;
}

/* The task of that name; NULL if it is a thread. */
static inline struct coro_task *coro__sync_task(void *name)
{
    return name != coro__thread_self() ? name : NULL;
}

static inline struct coro__list *coro__sync_list(coro_wait_list *waiters)
{
    return (struct coro__list *)(void *)waiters;
}

/* A list in storage that its owner has only set to zero. */
static inline bool coro__sync_nobody(const struct coro__list *list)
{
    return list->next == NULL || list->next == list;
}

static inline struct coro__waiter *coro__sync_first(struct coro__list *list)
{
    return coro__sync_nobody(list) ? NULL : coro__waiter_pop(list);
}

/* Wait in turn on such a list. To be called last. */
static inline __attribute__((always_inline)) int coro__sync_wait(struct coro__list *list, struct coro_task *self,
                                                                 const struct coro__wait *kind, int64_t deadline,
                                                                 const char *site)
{
    int err = unlikely(deadline == 0) ? -EAGAIN : coro__wait_overdue(self, deadline);

    if (unlikely(err != 0))
        return err;
    if (unlikely(list->next == NULL))
        coro__list_init(list);
    coro__list_insert(list, &self->waiter.link);
    return coro__park(self, kind, deadline, site);
}

#endif
