/*
 * The machine: what the assembly offers to C besides the public resume, yield and transfer, and how a fresh context is parked.
 */
#ifndef CORO_CONTEXT_CONTEXT_H
#define CORO_CONTEXT_CONTEXT_H

#include "base/thread.h"
#include "frame.h"

#include <coro/base.h>
#include <string.h>
#include <unwind.h>

#pragma GCC visibility push(hidden)

/* The first frame of every coroutine: coro__first_frame <= pc < coro__run_at_end. Not to be called. */
void coro__first_frame(void);

/* What called it, to an unwinder. Not to be called. */
void coro__parked(void);

/* Where an unwinder may land in it with an exception: coro__forward(context, exception) is called. */
void coro__forward_landing(void);

/* End the running context from anywhere on its stack: its resumer goes on with {CORO_RETURNED, value}. */
_Noreturn void coro__finish(struct coro__context *context, void *value);

/* Enter a suspended context to unwind it: coro__unwind(context) runs on top of its stack. Back when that calls coro__finish(). */
void coro__enter_unwind(struct coro__context *context, int inlined);

/* End the running context: its resumer goes on by coro__raise(exception), called as it were from its coro_resume(). */
_Noreturn void coro__finish_by_exception(struct coro__context *context, struct _Unwind_Exception *exception);

/* The scheduler's switch: park `from`, which runs, and go on with `to`, which this has parked or which is fresh. `value` is what the
   call that parked it returns, or its input. `words` is as it were a frame with the control words of contexts that share them.
   A function that ends by returning what this returns need never be returned to: if the types are the same, compilers jump. */
int coro__switch(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words);

/* The same, `from` having ended: nobody goes on with it. */
#ifdef CORO_SANITIZED
int coro__switch_for_good(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words);
#else
#    define coro__switch_for_good coro__switch
#endif

/* Who goes on when the body of a task is over, and the rest of what coro__switch() wants to know. What is returned is in two registers. */
struct coro__leave {
    struct coro__context *to;
    const struct coro__leaving {
        uintptr_t value;
        void *words;
    } * how;
};

/* Make of CORO_FRAME_SIZE bytes a parked frame in which unwinders see the end of a stack. */
void coro__make_outermost(void *frame);

/* Run what is to be done at the end, in coro__run_handlers(). No exception gets out. */
void coro__run_at_end(struct coro__context *context);

/* Called from the assembly. */
void coro__run_handlers(struct coro__context *context);
_Noreturn void coro__unwind(struct coro__context *context);
_Noreturn void coro__forward(struct coro__context *context, struct _Unwind_Exception *exception);
_Noreturn void coro__raise(struct _Unwind_Exception *exception);

#pragma GCC visibility pop

/* Where in a frame they lie. */
#if defined(__x86_64__)
enum { CORO__FRAME_FP_WORDS = CORO_FRAME_MXCSR };
#elif defined(__aarch64__)
enum { CORO__FRAME_FP_WORDS = CORO_FRAME_FPCR };
#endif

/* Write the thread's floating-point control words down at `words`, as they lie in a frame: what coro__context_make() leaves in `sp`. Better
   not read soon, processors wait for these stores, and not as one word. */
static inline void coro__fp_store(void **words)
{
#if defined(__x86_64__)
    _Static_assert(CORO_FRAME_X87_CW == CORO_FRAME_MXCSR + 4, "the words of a frame");
    __asm__ volatile("fnstcw 4(%1)\n\t"
                     "stmxcsr (%1)"
                     : "+m"(*words)
                     : "r"(words));
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, fpcr" : "=r"(*words));
#endif
}

/* Let them be those at `words`; those at `now` are in use. Loading takes longer than looking. */
static inline void coro__fp_load(void *const *words, void *const *now)
{
#if defined(__x86_64__)
    enum { STATUS = 0x3f }; /* bits of MXCSR that stay as they are */
    const char *to = (const char *)words, *from = (const char *)now;
    uint32_t mxcsr, mxcsr_now;
    uint16_t x87_cw, x87_cw_now;

    memcpy(&mxcsr, to, sizeof mxcsr);
    memcpy(&x87_cw, to + sizeof mxcsr, sizeof x87_cw);
    memcpy(&x87_cw_now, from + sizeof mxcsr, sizeof x87_cw);
    memcpy(&mxcsr_now, from, sizeof mxcsr);
    if (__builtin_expect(x87_cw != x87_cw_now, 0))
        __asm__ volatile("fldcw %0" : : "m"(x87_cw));
    if (__builtin_expect(mxcsr != mxcsr_now, 0)) {
        mxcsr = (mxcsr & ~(uint32_t)STATUS) | (mxcsr_now & STATUS);
        __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    }
#elif defined(__aarch64__)
    if (__builtin_expect(*words != *now, 0))
        __asm__ volatile("msr fpcr, %0" : : "r"(*words));
#endif
}

/* Switch as `leave` says, from the outermost function of `from`, which has to return what this returns. On x86-64 it is left to the first
   frame, so that all calls have returned by then: processors expect that of calls. */
static inline struct coro__leave coro__leave(struct coro__context *from, struct coro__leave leave)
{
#if defined(__x86_64__) && !defined(CORO_SANITIZED)
    _Static_assert(offsetof(struct coro__leaving, value) == CORO_LEAVING_VALUE, "asm/layout.h");
    _Static_assert(offsetof(struct coro__leaving, words) == CORO_LEAVING_WORDS, "asm/layout.h");
    from->at_end = (void *)CORO_AT_END_LEAVES;
    return leave;
#else
    coro__switch(from, leave.to, leave.how->value, leave.how->words);
    __builtin_unreachable();
#endif
}

/* Make a context whose function and flags, which are `flags`, are set ready to be resumed by the thread with this token: below it is
   where its stack begins. If it keeps its floating-point control words to itself, they are at first those of the caller. */
static inline void coro__context_make(struct coro__context *context, unsigned flags, uintptr_t token)
{
    if ((flags & CORO_FLAG_SHARE_FPENV) != 0) {
        context->state = token | CORO_STATE_FRESH | CORO_STATE_SHARES;
    } else {
        context->state = token | CORO_STATE_FRESH;
        coro__fp_store(&context->sp);
    }
}

#endif
