/*
 * Timers: a 4-ary heap of deadlines. Those of one deadline fire in the order in which they were set.
 *
 * Setting one allocates nothing: whoever may have one has reserved a place beforehand.
 *
 * A light timer is a handle alone; all of them fire in the same way.
 */
#ifndef CORO_SCHED_TIMER_H
#define CORO_SCHED_TIMER_H

#include <stddef.h>
#include <stdint.h>

struct coro__timer {
    uint32_t handle; /* from 1; 0: not set */
    void (*fire)(struct coro__timer *timer);
};

/* Moving a slot writes where it is to a table by handle, and not to the timer, which is in nobody's cache.
 *
 *   I1  heap[i] is due no later than its children heap[4i + 1] ... heap[4i + 4]
 *   I2  place[heap[i].handle] == i, and heap[i].handle is what stands where heap[i].timer says
 *   I3  count <= reserved <= capacity, and handles are 1 ... capacity
 *   I4  place[] of a handle that is free is the next free one; 0 ends the list  */
struct coro__timers {
    struct coro__timer_slot {
        int64_t deadline;
        uint32_t turn;
        uint32_t handle;
        uintptr_t timer; /* where its handle is; odd if it is light */
    } * heap;
    uint32_t *place;
    uint32_t free;
    uint32_t turn;
    size_t count, reserved, capacity;
    void (*fire_light)(uint32_t *handle);
};

/* Make the heap larger. 0 or -ENOMEM. */
int coro__timers_grow(struct coro__timers *timers);

/* Make sure of one more place, or give one back. 0 or -ENOMEM. */
static inline int coro__timers_reserve(struct coro__timers *timers)
{
    int err = timers->reserved == timers->capacity ? coro__timers_grow(timers) : 0;

    timers->reserved += err == 0;
    return err;
}

static inline void coro__timers_release(struct coro__timers *timers)
{
    timers->reserved--;
}

void coro__timers_set(struct coro__timers *timers, struct coro__timer *timer, int64_t deadline);
void coro__timers_unset(struct coro__timers *timers, struct coro__timer *timer); /* nothing if it is not set */

void coro__timers_set_light(struct coro__timers *timers, uint32_t *handle, int64_t deadline);
void coro__timers_unset_light(struct coro__timers *timers, uint32_t *handle);

/* The next deadline; CORO_FOREVER if there is none. */
int64_t coro__timers_next(const struct coro__timers *timers);

/* Fire all that are due. How many were? What they do may set and unset timers. */
size_t coro__timers_fire(struct coro__timers *timers, int64_t now);

/* Free the heap, in which no timer is set any more. */
void coro__timers_end(struct coro__timers *timers);

#endif
