/* What the snippets of docs/guide/async.md take for granted. */
#include <poll.h>

struct fetch {
    CORO_ASYNC_POINT;
    int key;
};

CORO_ASYNC(long, fetch)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(self->key);
    CORO_ASYNC_END;
}
