/* The struct of another body. */
/* gcc: pointer type mismatch|incompatible pointer */
/* clang: pointer type mismatch|incompatible */
/* c++: distinct pointer types|incompatible operand types|lacks a cast */
#include "bodies.h"

struct misuse {
    CORO_ASYNC_POINT;
};

CORO_ASYNC(int, misuse)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

int use(coro_task_t **out);
int use(coro_task_t **out)
{
    struct child frame = {0, 1};

    return coro_async_spawn(out, misuse, &frame);
}
