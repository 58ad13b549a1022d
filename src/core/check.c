/*
 * Where the library is built with assertions: the invariants of a coroutine, checked when it is made and when it goes; and the use
 * of one that is gone. That is seen as long as its memory is as it was left: idle, or in a cache of stacks.
 */
#include "coroutine.h"

#ifndef NDEBUG

#    include "base/sanitize.h"

#    include <assert.h>
#    include <stdlib.h>
#    include <string.h>

static bool state_is_known(const struct coro *co)
{
    switch (co->context.state & ~(uintptr_t)CORO_STATE_BITS) {
    case CORO_STATE_ENTERED:
    case CORO_STATE_ENDING:
    case CORO_STATE_DEAD:
    case CORO_STATE_TASK:
        return true;
    default:
        return coro__suspended(co->context.state, co->owner) || coro__is_idle(co);
    }
}

static bool is_listed(const struct coro *co)
{
    return *co->live_link == co && (co->next_live == NULL || co->next_live->live_link == &co->next_live);
}

/* The numbers are those of struct coro, and of struct coro__context for the states. */
void coro__check(const struct coro *co)
{
    const struct coro__context *context = &co->context;

    assert(state_is_known(co));                                      /* I1 to I3 of the context */
    assert(!coro__ended(context->state) || context->at_end == NULL); /* what it had has been looked after */
    assert(co->owner == CORO__ORPHANED || is_listed(co));            /* I3 */
    assert(!coro__is_idle(co) || co->reusable_by == co->owner);      /* I5 */
    assert((const char *)co > (const char *)co->stack.base && (uintptr_t)co % CORO__ALIGNMENT == CORO__OVER_ALIGNMENT);
    assert(memchr(co->name, '\0', sizeof co->name) != NULL);
}

void coro__check_not_destroyed(const struct coro *co, const char *misuse)
{
    struct coro__text line = {0};
    uintptr_t owner = __atomic_load_n(&co->owner, __ATOMIC_RELAXED);

    if (owner != CORO__DESTROYED && (owner != coro__thread_self()->token || !coro__is_idle(co)))
        return; /* those of another thread may be taken up again at any time */
    coro__valgrind_define(co, sizeof *co);
    coro__text_add(&line, "libcoro: coroutine ");
    coro__describe(&line, co);
    coro__text_add(&line, ", ");
    coro__describe_site(&line, co);
    coro__text_add(&line, ": ");
    coro__text_add(&line, misuse);
    coro__text_write(&line);
    abort();
}

#endif
