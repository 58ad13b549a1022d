/*
 * Offsets that the assembly of every architecture shares with C. src/base/thread.h asserts each of them at compile time.
 */
#ifndef CORO_ASM_LAYOUT_H
#define CORO_ASM_LAYOUT_H

/* struct coro__context: the cache line of a coroutine that a switch touches */
#define CORO_CONTEXT_SP     0
#define CORO_CONTEXT_LINK   8
#define CORO_CONTEXT_FLAGS  16
#define CORO_CONTEXT_AT_END 24
#define CORO_CONTEXT_FN     32
#define CORO_CONTEXT_SIZE   64

/* struct coro__thread: the thread-local block */
#define CORO_THREAD_CURRENT 0
#define CORO_THREAD_TOKEN   8

/* values of link that are neither a thread's token nor a context */
#define CORO_LINK_DEAD   2 /* no token (those are odd), no address */
#define CORO_LINK_ENDING 1 /* or'ed to the resumer's address: entered, but must not yield any more */

/* bits of flags */
#define CORO_FLAG_SHARE_FPENV 1 /* the public CORO_NO_FPENV */

#endif
