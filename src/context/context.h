/*
 * The machine: what the assembly offers to C besides the public resume, yield and transfer, and how a fresh context is parked.
 */
#ifndef CORO_CONTEXT_CONTEXT_H
#define CORO_CONTEXT_CONTEXT_H

#include "base/thread.h"
#include "frame.h"

#include <coro/base.h>
#include <string.h>

#pragma GCC visibility push(hidden)

/* The first frame of every coroutine: coro__first_frame <= pc < coro__finish. Not to be called. */
void coro__first_frame(void);
void coro__entry(void);

/* End the running context from anywhere on its stack: its resumer goes on with {CORO_RETURNED, value}. */
_Noreturn void coro__finish(struct coro__context *context, void *value);

/* Enter a suspended context to unwind it: coro__unwind(context) runs on top of its stack. Back when that calls coro__finish(). */
void coro__enter_unwind(struct coro__context *context, int inlined);

/* Called from the assembly. */
void coro__run_at_end(struct coro__context *context);
_Noreturn void coro__unwind(struct coro__context *context);
#ifdef __aarch64__
void *coro__sign_entry(void *sp);
#endif

#pragma GCC visibility pop

#if defined(__x86_64__)

/* Park `context` so that its first resume enters coro__entry with the stack pointer at `top`, 16-byte aligned. If it keeps its
   floating-point control words to itself, they are at first those of the caller. */
static inline void coro__context_make(struct coro__context *context, void *top)
{
    char *frame = (char *)top - CORO_FRAME_SIZE;
    uint64_t word = (uint64_t)(uintptr_t)context;

    if ((context->flags & CORO_FLAG_SHARE_FPENV) == 0) {
        __asm__ volatile("stmxcsr %0" : "=m"(*(uint32_t *)(frame + CORO_FRAME_MXCSR)));
        __asm__ volatile("fnstcw %0" : "=m"(*(uint16_t *)(frame + CORO_FRAME_X87_CW)));
    }
    memcpy(frame + CORO_FRAME_RBX, &word, sizeof word);
    memset(frame + CORO_FRAME_RBP, 0, 8); /* the end of a chain of frame pointers */
    word = (uint64_t)(uintptr_t)coro__entry;
    memcpy(frame + CORO_FRAME_RIP, &word, sizeof word);
    context->sp = frame;
}

#elif defined(__aarch64__)

static inline void coro__context_make(struct coro__context *context, void *top)
{
    char *frame = (char *)top - CORO_FRAME_SIZE;
    uint64_t word;

    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    memcpy(frame + CORO_FRAME_FPCR, &word, sizeof word);
    word = (uint64_t)(uintptr_t)context;
    memcpy(frame + CORO_FRAME_X19, &word, sizeof word);
    memset(frame + CORO_FRAME_X29, 0, 8);
    word = (uint64_t)(uintptr_t)coro__sign_entry(top);
    memcpy(frame + CORO_FRAME_X30, &word, sizeof word);
    context->sp = frame;
}

#endif

#endif
