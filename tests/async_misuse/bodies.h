/* What the files in this folder misuse. */
#include <coro.h>

struct child {
    CORO_ASYNC_POINT;
    int n;
};

CORO_ASYNC(int, child)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(self->n));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}
