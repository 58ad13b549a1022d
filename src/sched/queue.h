/*
 * The run queue: which of the contexts that are ready goes on next. Three policies behind four calls.
 *
 * A ring of contexts, each with the word that it is to be handed, so that whoever takes one off has everything for the switch. It
 * never grows where a task waits: every task has a place reserved from its spawn on, and is in here at most once.
 */
#ifndef CORO_SCHED_QUEUE_H
#define CORO_SCHED_QUEUE_H

#include "base/random.h"
#include "base/thread.h"

/* Where the word is CORO__UNSETTLED there is more to be found out before it goes on: coro__sched_resolve(). */
struct coro__ready {
    struct coro__context *context;
    uintptr_t value;
};

/*   I1  tail - head of the ring is in use, at most `reserved`
 *   I2  reserved <= capacity; mask == capacity - 1 unless that is 0 */
struct coro__queue {
    struct coro__ready *ring;
    size_t head, tail, mask;
    bool newest_first; /* CORO_DEPTH_FIRST */
    bool random;
    uint64_t seed; /* what the random order follows from */
    size_t reserved, capacity;
};

/* Make the ring larger. 0 or -ENOMEM. */
int coro__queue_grow(struct coro__queue *queue);

/* Make sure of one more place, or give one back. 0 or -ENOMEM. */
static inline int coro__queue_reserve(struct coro__queue *queue)
{
    int err = queue->reserved == queue->capacity ? coro__queue_grow(queue) : 0;

    queue->reserved += err == 0;
    return err;
}

static inline void coro__queue_release(struct coro__queue *queue)
{
    queue->reserved--;
}

void coro__queue_end(struct coro__queue *queue);

/* Bring one to the head that is drawn at random. */
void coro__queue_draw(struct coro__queue *queue);

static inline size_t coro__queue_count(const struct coro__queue *queue)
{
    return queue->tail - queue->head;
}

/* One that has let the others go first. */
static inline void coro__queue_paused(struct coro__queue *queue, struct coro__context *context, uintptr_t value)
{
    queue->ring[queue->tail++ & queue->mask] = (struct coro__ready){context, value};
}

/* One that is new, or that need not wait any more. */
static inline void coro__queue_woken(struct coro__queue *queue, struct coro__context *context, uintptr_t value)
{
    size_t at = queue->newest_first ? --queue->head : queue->tail++;

    queue->ring[at & queue->mask] = (struct coro__ready){context, value};
}

/* Fetch from memory what one is parked in. */
static inline void coro__queue_prefetch(const struct coro__ready *ready)
{
    enum { LINE = 64 };
    const char *frames = (const char *)ready->context;

    __builtin_prefetch(frames, 1);
    __builtin_prefetch(frames - LINE, 1);
    if ((intptr_t)ready->value > 0) /* neither an error nor CORO__UNSETTLED: the task, which is about to begin */
        __builtin_prefetch((const void *)ready->value, 1);
    __asm__ volatile(""); /* gcc drops calls of functions that do nothing besides */
}

enum { CORO__QUEUE_AT_ONCE = 16 };

/* Where there are so many that their pages are in no buffer of the processor's, it waits for each; but it looks for those of several at the
   same time. So there several are fetched at once. Is it time for that? */
static inline bool coro__queue_at_fetch(const struct coro__queue *queue)
{
    enum { MANY = 2048 };

    return coro__queue_count(queue) > MANY && queue->head % CORO__QUEUE_AT_ONCE == 0;
}

void coro__queue_fetch(const struct coro__queue *queue);

/* The one at the head; there is one. */
static inline struct coro__ready coro__queue_take_first(struct coro__queue *queue)
{
    enum { AHEAD = 6 }; /* what is fetched in that time */

    if (coro__queue_count(queue) > 4 * AHEAD) /* fewer are in the cache anyway */
        coro__queue_prefetch(&queue->ring[(queue->head + AHEAD) & queue->mask]);
    return queue->ring[queue->head++ & queue->mask];
}

/* The next one; there is one. */
static inline struct coro__ready coro__queue_take(struct coro__queue *queue)
{
    if (__builtin_expect(queue->random, 0))
        coro__queue_draw(queue);
    else if (__builtin_expect(coro__queue_at_fetch(queue), 0))
        coro__queue_fetch(queue);
    return coro__queue_take_first(queue);
}

#endif
