/* A local variable that is set before an await and read after it. */
/* gcc: jump|may be used uninitialized */
/* clang: uninitialized */
/* c++: jump to case label|cannot jump from switch statement to this case label */
#include "bodies.h"

struct misuse {
    CORO_ASYNC_POINT;
    int n;
};

CORO_ASYNC(int, misuse)
{
    int err;

    CORO_ASYNC_BEGIN;
    int kept = self->n;

    CORO_AWAIT(err, coro_sleep(1));
    CORO_ASYNC_RETURN(err + kept);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {0, 1};

    return coro_async_spawn(out, misuse, &frame);
}
