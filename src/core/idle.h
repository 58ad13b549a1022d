/*
 * Idle coroutines: destroyed, but kept for the next create.
 */
#ifndef CORO_CORE_IDLE_H
#define CORO_CORE_IDLE_H

#include "coroutine.h"

/* ---- a list ---- */

/* A list of idle ones is one word: where the first is, and above that for how many more there is room. The state of each is the list of
   those after it: even, and larger than any other even state. */
enum { CORO__ROOM_SHIFT = 48 };

static inline uintptr_t coro__idle_none(unsigned room)
{
    return (uintptr_t)room << CORO__ROOM_SHIFT;
}

static inline unsigned coro__idle_room(uintptr_t list)
{
    return (unsigned)(list >> CORO__ROOM_SHIFT);
}

static inline bool coro__idle_has_any(uintptr_t list)
{
    return list << (64 - CORO__ROOM_SHIFT) != 0; /* 0 until the thread is prepared */
}

static inline bool coro__idle_has_room(uintptr_t list)
{
    return list >> CORO__ROOM_SHIFT != 0;
}

/* Of a list that has any. */
static inline struct coro *coro__idle_first(uintptr_t list)
{
    return (struct coro *)(list & (((uintptr_t)1 << CORO__ROOM_SHIFT) - 1));
}

/* To a list that has room. */
static inline uintptr_t coro__idle_add(uintptr_t list, const struct coro *co)
{
    return (uintptr_t)co | coro__idle_none(coro__idle_room(list) - 1);
}

/* ---- those of a thread; idle.c ---- */

/* It begins to use the library: it has none yet. */
void coro__idle_begin(struct coro__thread *t);

/* There is room for one that has ended: keep it. */
static inline void coro__idle_keep(struct coro__thread *t, struct coro *co)
{
    coro__check(co);
    co->context.state = t->idle;
    t->idle = coro__idle_add(t->idle, co);
}

/* The list is empty: go on with the full one. False if there is none. */
bool coro__idle_take_back(struct coro__thread *t);

/* Give all of them back. */
void coro__idle_free(struct coro__thread *t);

/* ---- for the scheduler ---- */

/* coro_create() with all defaults, of an idle coroutine; NULL if there is none. */
struct coro *coro__create_idle(const char *site, coro_fn *fn);

/* Has the calling thread more than `n` idle coroutines, so that coro_create() needs no memory for the next ones? */
static inline bool coro__idle_more_than(const struct coro__thread *t, size_t n)
{
    return t->idle_most - coro__idle_room(t->idle) + (t->idle_full != 0 ? (size_t)t->idle_most : 0) > n;
}

/* From now on the calling thread keeps many idle coroutines: tasks come and go in crowds. */
void coro__idle_keep_many(void);

/* How many it keeps, and the bytes of their stacks. */
size_t coro__idle_count(size_t *bytes);

/* It has run its body, and what is to be done at its end is done. Can it be kept? Else it must be destroyed, from another stack. */
bool coro__root_can_retire(const struct coro *co);

/* Be idle, though still running for the one switch that is left to make. */
void coro__root_retire(struct coro *co);

#endif
