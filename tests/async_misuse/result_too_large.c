/* A task whose result does not fit into a pointer. */
/* gcc: size of array|negative */
/* clang: array size is negative */
/* c++: size of array|negative */
#include "bodies.h"

struct large {
    long a, b;
};

struct misuse {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(struct large, misuse)
{
    struct large result = {1, 2};

    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(result);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {0};

    return coro_async_spawn(out, misuse, &frame);
}
