#include "waiter.h"

#include <errno.h>

void coro__waiter_expire(struct coro__waiter *waiter, int error)
{
    if (waiter->state == CORO__WAITING) {
        coro__timers_unset(waiter->timers, &waiter->timer);
        if (waiter->kind->recall != NULL) {
            waiter->kind->recall(waiter, error);
            return;
        }
        waiter->state = CORO__EXPIRED;
        waiter->error = error;
        waiter->wake(waiter, CORO__UNSETTLED);
    } else if (waiter->state == CORO__EXPIRED && error == -ECANCELED) {
        waiter->error = error;
    }
}

/* Off the list. */
static void leave(struct coro__waiter *waiter)
{
    waiter->state = CORO__WOKEN;
    if (waiter->kind->leave != NULL)
        waiter->kind->leave(waiter);
    else
        coro__list_remove(&waiter->link);
}

uintptr_t coro__waiter_settle(struct coro__waiter *waiter)
{
    if (waiter->state == CORO__EXPIRED)
        leave(waiter);
    return (uintptr_t)waiter->error;
}

void coro__waiter_abandon(struct coro__waiter *waiter)
{
    coro__timers_unset(waiter->timers, &waiter->timer);
    if (waiter->state != CORO__WOKEN)
        leave(waiter);
}

void coro__waiter_too_late(struct coro__timer *timer)
{
    coro__waiter_expire(coro__waiter_of_timer(timer), -ETIMEDOUT);
}

void coro__waiter_in_time(struct coro__timer *timer)
{
    coro__waiter_complete(coro__waiter_of_timer(timer), 0);
}
