/*
 * Idle coroutines: destroyed, but kept for the next create.
 */
#ifndef CORO_CORE_IDLE_H
#define CORO_CORE_IDLE_H

#include "coroutine.h"

/* ---- a list ---- */

/* The list of a thread begins at its `idle`, and the state of each is where the next one is. After the last one comes this: even, and
   larger than any other even state, as addresses are. */
enum { CORO__IDLE_END = 128 };
_Static_assert(CORO__IDLE_END % 2 == 0 && (int)CORO__IDLE_END > (CORO_STATE_TASK | CORO_STATE_BITS),
               "coro__is_idle_state()");

static inline bool coro__idle_has_any(uintptr_t list)
{
    return list > CORO__IDLE_END; /* 0 until the thread is prepared */
}

/* ---- those of a thread; idle.c ---- */

/* It begins to use the library: it has none yet. */
void coro__idle_begin(struct coro__thread *t);

/* Keep one that has ended. False if there is no room for it. */
static inline bool coro__idle_push(struct coro__thread *t, struct coro *co)
{
    unsigned room;

    if (__builtin_expect(__builtin_sub_overflow(t->idle_room, 1u, &room), 0))
        return false;
    coro__check(co);
    co->context.state = t->idle;
    t->idle = (uintptr_t)co;
    t->idle_room = room;
    return true;
}

/* There is one: take it. */
static inline struct coro *coro__idle_pop(struct coro__thread *t)
{
    struct coro *co = (struct coro *)t->idle;

    t->idle = co->context.state;
    t->idle_room++;
    return co;
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
    return t->idle_most - t->idle_room + (t->idle_full != 0 ? (size_t)t->idle_most : 0) > n;
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
