/*
 * Offsets that the assembly of every architecture shares with C. src/base/thread.h asserts each of them at compile time.
 */
#ifndef CORO_ASM_LAYOUT_H
#define CORO_ASM_LAYOUT_H

/* struct coro__context: the cache line of a coroutine that a switch touches */
#define CORO_CONTEXT_SP        0
#define CORO_CONTEXT_RETURN_SP 8
#define CORO_CONTEXT_STATE     16
#define CORO_CONTEXT_RESUMER   24
#define CORO_CONTEXT_FLAGS     32
#define CORO_CONTEXT_AT_END    40
#define CORO_CONTEXT_FN        48

/* struct coro__thread: the thread-local block */
#define CORO_THREAD_CURRENT 0
#define CORO_THREAD_TOKEN   8

/* Values of state other than the token of a thread. Tokens are 1 above a multiple of 4, or 0 in a thread that nothing can be
   resumed by. The bit says that coro/inline.h has parked the frame that the state stands for, its own while suspended, else its
   resumer's: there is less in it, and it may be left the short way or like any other. */
#define CORO_STATE_INLINED 2
#define CORO_STATE_ENTERED 4
#define CORO_STATE_ENDING  8 /* entered, but must not yield any more */
#define CORO_STATE_DEAD    12

/* bits of flags */
#define CORO_FLAG_SHARE_FPENV 1 /* the public CORO_NO_FPENV */

#endif
