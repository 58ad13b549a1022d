/* libcoro once more, with the header's inline path. */
#define CORO_INLINE
#include "coro.c"
