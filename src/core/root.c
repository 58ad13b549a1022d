/*
 * Coroutines that are the roots of tasks: what sets them apart from those that are resumed.
 *
 * Nobody resumes one and it yields to nobody. Its state says so, and whatever looks at states refuses it on its ordinary way. While
 * its task is parked its state stays what it is, and so do those of the coroutines that it has resumed: they are entered, though
 * not on the way from what runs to the root of the thread.
 */
#include "context/context.h"
#include "coroutine.h"

void coro__root_release(struct coro *co, struct coro__context *innermost)
{
    uintptr_t token = coro__thread_self()->token, inlined = 0;
    void *sp = innermost->sp;

    for (struct coro__context *c = innermost;; c = c->resumer) {
        /* where the next one is parked, and how, is known to the one that it has resumed */
        uintptr_t next_inlined = c->state & CORO_STATE_INLINED;
        void *next_sp = c->return_sp;

        if ((c->state & CORO_STATE_FRESH) == 0)
            c->sp = sp;
        c->state = token | (c->state & (CORO_STATE_FRESH | CORO_STATE_SHARES)) | inlined;
        if (c == &co->context)
            break;
        sp = next_sp;
        inlined = next_inlined;
    }
    co->task = NULL;
}
