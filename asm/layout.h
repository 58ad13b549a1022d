/*
 * Offsets that the assembly of every architecture shares with C. src/base/thread.h asserts each of them at compile time.
 */
#ifndef CORO_ASM_LAYOUT_H
#define CORO_ASM_LAYOUT_H

/* struct coro__context: what a switch touches of a coroutine */
#define CORO_CONTEXT_SP        0
#define CORO_CONTEXT_RETURN_SP 8
#define CORO_CONTEXT_STATE     16
#define CORO_CONTEXT_RESUMER   24

/* and what only its beginning and its end touch */
#define CORO_CONTEXT_AT_END 32
#define CORO_CONTEXT_FN     40
#define CORO_CONTEXT_FLAGS  48
#define CORO_CONTEXT_CALLER 72

/* What AT_END may be instead of an address: the body of a task is over, and has returned a struct coro__leave. */
#define CORO_AT_END_LEAVES 1
#define CORO_LEAVING_VALUE 0
#define CORO_LEAVING_WORDS 8

/* C++'s */
#define CORO_CONTEXT_EXCEPTIONS 56

/* struct coro__thread: the thread-local block */
#define CORO_THREAD_CURRENT 0
#define CORO_THREAD_TOKEN   8
#define CORO_THREAD_RETURN_SP 16
#define CORO_THREAD_ROOT      64

/* Values of state, besides the token of a thread. Tokens are 1 above a multiple of 16, or 0 in a thread that nothing can be resumed
   by. */
#define CORO_STATE_ENTERED 16
#define CORO_STATE_ENDING  32 /* entered, but must not yield any more */
#define CORO_STATE_DEAD    48
#define CORO_STATE_TASK    64 /* the root of a task: entered or parked by its scheduler, and never resumed or yielded from */

/* Bits that go with a token, with ENTERED or with TASK. INLINED: coro/inline.h has parked the frame that the state stands for, the context's own
   while suspended, else its resumer's. There is less in it, and it may be left the short way or like any other. */
#define CORO_STATE_INLINED 2
#define CORO_STATE_FRESH   4 /* not with ENTERED: not begun, has no frame yet */
#define CORO_STATE_SHARES  8 /* the floating-point control words of its resumer */
#define CORO_STATE_BITS    (CORO_STATE_INLINED | CORO_STATE_FRESH | CORO_STATE_SHARES)

/* With CORO_FRAME_POINTERS, how far below a context its first frame has a frame record: where the resumer's is, and coro__parked. Else a
   chain of frame pointers ends in the first frame. docs/design/0015-frame-pointers.md */
#define CORO_RECORD 16

/* bits of flags */
#define CORO_FLAG_SHARE_FPENV 1 /* the public CORO_NO_FPENV */
#define CORO_FLAG_FORWARD     2 /* the public CORO_FORWARD_EXCEPTIONS */
#define CORO_FLAG_BITS        8 /* how many bits of the word are flags */

#endif
