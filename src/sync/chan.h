/*
 * A channel, for select.
 */
#ifndef CORO_SYNC_CHAN_H
#define CORO_SYNC_CHAN_H

#include "waiting.h"

#include <coro/chan.h>

/*   I1  somebody waits to receive  =>  count == 0, and nobody waits to send
 *   I2  somebody waits to send      =>  count == capacity
 *   I3  closed                      =>  nobody waits                          */
struct coro_chan {
    struct coro__list senders, receivers;
    size_t head, count;
    size_t elem_size, capacity; /* constant */
    uintptr_t token;            /* of its thread; constant */
    bool closed;
    _Alignas(16) char elems[];
};

/* One of several things that a select waits for. It looks like the beginning of a waiter, and is on lists like one. */
struct coro__branch {
    struct coro__list link;
    enum coro__waiter_state state; /* always CORO__BRANCH */
    struct coro__waiter *waiter;
    coro_case *its_case;
};
_Static_assert(offsetof(struct coro__branch, state) == offsetof(struct coro__waiter, state),
               "a branch looks like a waiter");

/* Its case has come to pass: the others do not wait any more. */
void coro__select_fire(struct coro__branch *branch, int result);

/* Is the channel one of the calling thread? 0, -EPERM or -ECHILD. */
static inline int coro__chan_check(const coro_chan_t *ch)
{
    if (likely(ch->token == coro__thread_self()->token))
        return 0;
    return coro__in_forked_child() ? -ECHILD : -EPERM;
}

/* Is it possible to send or to receive at once, be it to find the channel closed? */
static inline bool coro__chan_can_send(const coro_chan_t *ch)
{
    return ch->count < ch->capacity || ch->closed || !coro__list_empty(&ch->receivers);
}

static inline bool coro__chan_can_recv(const coro_chan_t *ch)
{
    return ch->count != 0 || ch->closed || !coro__list_empty(&ch->senders);
}

/* Send or receive if that is possible at once: 0, -EPIPE; -EAGAIN if it is not. */
int coro__chan_try_send(coro_chan_t *ch, const void *elem);
int coro__chan_try_recv(coro_chan_t *ch, void *elem);

#endif
