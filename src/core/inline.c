/*
 * What coro/inline.h needs of the library, and the proof that what it says of the library is true.
 */
#include "base/thread.h"
#include "context/context.h"

#include <coro/inline.h>

#define SAME_OFFSET(inlined, own, field)                                                                               \
    _Static_assert(offsetof(struct inlined, field) == offsetof(struct own, field), "coro/inline.h: " #field)

SAME_OFFSET(coro_inline_context, coro__context, sp);
SAME_OFFSET(coro_inline_context, coro__context, return_sp);
SAME_OFFSET(coro_inline_context, coro__context, state);
SAME_OFFSET(coro_inline_context, coro__context, resumer);
SAME_OFFSET(coro_inline_thread, coro__thread, current);
SAME_OFFSET(coro_inline_thread, coro__thread, token);

_Static_assert(CORO_NO_FPENV == CORO_FLAG_SHARE_FPENV && CORO_FORWARD_EXCEPTIONS == CORO_FLAG_FORWARD,
               "coro/coroutine.h: flags");
_Static_assert(CORO_INLINE_BIT == CORO_STATE_INLINED && CORO_INLINE_ENTERED == CORO_STATE_ENTERED &&
                   CORO_INLINE_SHARES == CORO_STATE_SHARES,
               "coro/inline.h: state");

#if defined(__x86_64__)
_Static_assert(CORO_FRAME_RIP == CORO_FRAME_SIZE - 8 && CORO_FRAME_RBP == CORO_FRAME_SIZE - 16 &&
                   CORO_FRAME_RBX == CORO_FRAME_SIZE - 24 && CORO_FRAME_SIZE == 56,
               "coro/inline.h: frame");
#elif defined(__aarch64__)
_Static_assert(CORO_FRAME_X29 == 0 && CORO_FRAME_X30 == 8 && CORO_FRAME_X19 == 16 && CORO_FRAME_SIZE == 176,
               "coro/inline.h: frame");
#endif

void coro_inline_unwind(void)
{
    coro__unwind(coro__thread_self()->current);
}
