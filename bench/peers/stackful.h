/*
 * stackful.h: stages of the case "pipeline" that are coroutines. For coro.c, and so for coro_inline.c, and for gen.c.
 */
#ifndef BENCH_PEERS_STACKFUL_H
#define BENCH_PEERS_STACKFUL_H

#include "stages.h"

#include <coro.h>

CORO_GEN(items, coro_unit, uint64_t, coro_unit);
CORO_GEN_FROM_CORO(each, items, yield_each, const uint64_t *);

static coro_unit yield_each(each *self, coro_unit in)
{
    (void)in;
    for (size_t i = 0; i < STAGE_ITEMS; i++)
        each_yield(self, self->data[i]);
    return CORO_UNIT;
}

/* No generator without its stack. */
#define MADE(generator)                                                                                                \
    __extension__({                                                                                                    \
        __auto_type made_ = (generator);                                                                               \
                                                                                                                       \
        if (made_ == NULL)                                                                                             \
            bench_fail("a generator");                                                                                 \
        made_;                                                                                                         \
    })

#endif
