/* A call whose result goes to a variable of another type. */
/* gcc: incompatible types|cannot convert */
/* clang: incompatible type|assigning to */
/* c++: no match for .operator=|no viable overloaded */
#include "bodies.h"

struct misuse {
    CORO_ASYNC_POINT;
    struct child child;
};

CORO_ASYNC(int, misuse)
{
    struct child result;

    CORO_ASYNC_BEGIN;
    CORO_ASYNC_CALL(result, child, &self->child);
    CORO_ASYNC_RETURN(result.n);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct misuse frame = {0, {0, 1}};

    return coro_async_spawn(out, misuse, &frame);
}
