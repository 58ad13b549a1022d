/* Two awaits on one line. */
/* gcc: duplicate case value */
/* clang: duplicate case value */
/* c++: duplicate case value */
#include "bodies.h"

struct misuse {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, misuse)
{
    int err, other;

    CORO_ASYNC_BEGIN;
    /* clang-format off */
    CORO_AWAIT(err, coro_sleep(1)); CORO_AWAIT(other, coro_sleep(1));
    /* clang-format on */
    CORO_ASYNC_RETURN(err + other);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {0};

    return coro_async_spawn(out, misuse, &frame);
}
