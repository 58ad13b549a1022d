/*
 * A coroutine, for the files of the core.
 */
#ifndef CORO_CORE_COROUTINE_H
#define CORO_CORE_COROUTINE_H

#include "base/thread.h"

#include <coro/coroutine.h>
#include <stdbool.h>
#include <unwind.h>

/* It lies at the top of its own stack, so that one page holds both it and its first frames:
 *
 *     base                                       co                     end
 *      | ...  frames, growing down  <-  | first | struct coro | colour | allocator's |
 *
 *   I1  context.state is suspended and CORO_STATE_FRESH   <=>  it has never run
 *   I2  context.at_end != NULL                            <=>  it has handlers or values
 *   I3  owner is the token of a thread                     =>  it is on that thread's list of live ones
 *   I4  it is idle: destroyed, but kept                    =>  dead, and on its thread's list of idle ones as well            */
struct coro {
    struct coro__context context;

    /* what create and destroy touch besides when they take the short way */
    void *user;             /* constant after create */
    uintptr_t owner;        /* the token of its thread, or ORPHANED once that has ended */
    struct coro *next_idle; /* valid only while idle */
    unsigned valgrind_id;
    bool reusable; /* as it is, by any coro_create() that asks for nothing special */
    char name[32];

    /* constant from the first create on, however often it is used again */
    const coro_stack_allocator *allocator; /* NULL: the caller's own memory */
    coro_stack stack;
    size_t stack_size; /* as coro_stack_size() tells it */

    struct coro *next_live, **live_link;

    /* valid only while unwinding. Not on the stack that is unwound: each cleanup runs on top of its own frame, over all below. */
    struct _Unwind_Exception unwinding;
};

enum { CORO__ORPHANED = 1 };

static inline struct coro *coro__of_context(struct coro__context *context)
{
    return (struct coro *)context; /* its first member */
}

/* The running coroutine. NULL outside any, with -EPERM in `*err`, or with whatever keeps the thread from being ready for use. */
struct coro *coro__running(int *err);

/* Why `co` cannot be resumed by the calling thread: a negative errno value, or 0 if it can. */
int coro__resume_error(const struct coro *co);

/* Why the running context cannot yield: a negative errno value, or 0 if it can. */
int coro__yield_error(void);

/* Why the running context cannot transfer to `to`. */
int coro__transfer_error(const struct coro *to);

#endif
