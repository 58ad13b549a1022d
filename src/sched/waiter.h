/*
 * The waiter: the one thing that waiting is made of.
 *
 * Whoever waits puts a waiter on the list of what it waits for, and goes away. One word decides what comes of it:
 *
 *     WAITING --- complete ---> WOKEN                 the event: the waiter is off the list, and will be handed the value
 *        |                        ^
 *        | expire                 |  complete, or settle when it goes on
 *        v                        |
 *     EXPIRED --------------------+                   deadline or cancellation: it will go on soon, but is still on the list
 *
 * So an event that comes before an expired waiter has gone on still completes it (completion wins), and a cancellation overrides a
 * deadline. Every arrow is taken once, by whoever changes the word: with several threads it is to be a compare-and-swap, and nothing
 * else about waiting has to change. docs/design/0010-waiting.md.
 *
 * Completing does all that is to be done for the waiter, results included; it has nothing left to do but go on. That is why a call
 * that waits can end in the switch away, with no frame of its own to come back to.
 *
 * A waiter belongs to whatever waits, which need not be a task: `wake` says how it is told.
 */
#ifndef CORO_SCHED_WAITER_H
#define CORO_SCHED_WAITER_H

#include "base/list.h"
#include "timer.h"

#include <coro/sched.h>
#include <stdint.h>

enum coro__waiter_state {
    CORO__WOKEN,
    CORO__WAITING,
    CORO__EXPIRED,
    CORO__BRANCH /* it is no waiter, but one of several places where one waits */
};

struct coro__waiter;

/* What is waited for; constant. */
struct coro__wait {
    const char *what;                           /* "for a task to end", for reports */
    void (*due)(struct coro__timer *timer);     /* what the deadline does */
    void (*leave)(struct coro__waiter *waiter); /* off the list; NULL: take the link off */

    /* Not NULL: it cannot go on at once when its time is up, or it is cancelled: somebody else has its memory. This sees to it that it is
       completed soon, with `error` if with nothing else. */
    void (*recall)(struct coro__waiter *waiter, int error);

    /* The tasks that could end it, one after the other: the first for NULL, then the one after `last`, in the end NULL. Is itself NULL
       if they are nobody in particular. */
    struct coro_task *(*blocker)(const struct coro__waiter *waiter, struct coro_task *last);
    bool held;  /* cancellation does nothing */
    bool again; /* a stackless task makes the call once more when it goes on: it has something to do then */
};

struct coro__waiter {
    struct coro__list link; /* valid until woken, if what is waited for has a list */
    enum coro__waiter_state state;
    int error; /* valid once expired */
    const struct coro__wait *kind;
    void *slot, *out; /* the kind's */
    const char *site; /* of the call; NULL if unknown */
    int64_t since;
    struct coro__timer timer;
    struct coro__timers *timers;
    /* Goes on, handed `value`. CORO__UNSETTLED: ask coro__waiter_settle() for it, then. */
    void (*wake)(struct coro__waiter *waiter, uintptr_t value);
};

#define CORO__UNSETTLED ((uintptr_t)INTPTR_MIN)

/* For a handler of its timer. */
static inline struct coro__waiter *coro__waiter_of_timer(struct coro__timer *timer)
{
    return CORO__OWNER(timer, struct coro__waiter, timer);
}

static inline struct coro__waiter *coro__waiter_of_link(struct coro__list *link)
{
    return CORO__OWNER(link, struct coro__waiter, link);
}

/* The event has come, and the waiter is off its list. */
static inline void coro__waiter_complete(struct coro__waiter *waiter, uintptr_t value)
{
    enum coro__waiter_state was = waiter->state;

    if (waiter->timer.handle != 0)
        coro__timers_unset(waiter->timers, &waiter->timer);
    waiter->state = CORO__WOKEN;
    if (__builtin_expect(was == CORO__EXPIRED, 0))
        waiter->error = (int)value;
    else
        waiter->wake(waiter, value);
}

/* The first on the list, off it; NULL if there is none. To be completed at once. */
static inline struct coro__waiter *coro__waiter_pop(struct coro__list *list)
{
    struct coro__list *link = list->next;

    if (link == list)
        return NULL;
    coro__list_remove(link);
    return coro__waiter_of_link(link);
}

/* Its time is up, or it is cancelled: `error`. Nothing if it is woken already. */
void coro__waiter_expire(struct coro__waiter *waiter, int error);

/* It goes on, having expired: with what? */
uintptr_t coro__waiter_settle(struct coro__waiter *waiter);

/* It will never go on. */
void coro__waiter_abandon(struct coro__waiter *waiter);

/* Handlers of its timer: the deadline, and the event if that is what was waited for. */
void coro__waiter_too_late(struct coro__timer *timer);
void coro__waiter_in_time(struct coro__timer *timer);

#endif
