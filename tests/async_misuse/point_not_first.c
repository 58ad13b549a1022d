/* The point is not the first member. */
/* gcc: CORO_ASYNC_POINT must come first */
/* clang: CORO_ASYNC_POINT must come first */
/* c++: CORO_ASYNC_POINT must come first */
#include "bodies.h"

struct misuse {
    int n;
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, misuse)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(self->n);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {1, 0};

    return coro_async_spawn(out, misuse, &frame);
}
