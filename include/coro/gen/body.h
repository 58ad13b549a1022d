/*
 * coro/gen/body.h: a generator written as a function from top to bottom, without a stack of its own.
 *
 *     struct count {
 *         CORO_GEN_POINT;             where the body goes on
 *         int i, to;                  what must outlive a yield lives here, not in local variables
 *     };
 *
 *     static bool count(struct count *self, coro_unit in, ints_out *out)
 *     {
 *         (void)in;
 *         CORO_GEN_BEGIN(self, out);
 *         for (self->i = 1; self->i <= self->to; self->i++)
 *             CORO_GEN_YIELD(self->i);
 *         CORO_GEN_RETURN(CORO_UNIT);
 *         CORO_GEN_END;
 *     }
 *
 *     CORO_GEN_FROM_CONTROL_FLOW(counter, ints, count, struct count);
 *     ints *g = counter_init(&state, (struct count){.to = 3});
 *
 * After a yield `in` is the new input. Local variables do not keep their values over a yield. A yield cannot stand in a switch
 * statement of the body; two cannot stand on one line.
 *
 * Source: Simon Tatham, "Coroutines in C".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_BODY_H
#define CORO_GEN_BODY_H

#include <coro/gen/types.h>

/** A member of the struct that a body works on; zero before the first step. */
#define CORO_GEN_POINT int coro_gen_point

/** Begin the body. `self`: a pointer to the struct; `out`: where the step's value goes. */
#define CORO_GEN_BEGIN(self, out)                                                                                      \
    int *const coro_gen_at = &(self)->coro_gen_point;                                                                  \
    __typeof__(out) const coro_gen_out = (out);                                                                        \
                                                                                                                       \
    switch (*coro_gen_at) {                                                                                            \
    default:                                                                                                           \
        CORO_GEN__MISUSED(__func__, "the body has returned, or a yield stands in a switch statement");                 \
    case 0:

/** Yield a value and go on behind this with the next step. */
#define CORO_GEN_YIELD(value)                                                                                          \
    do {                                                                                                               \
        coro_gen_out->y = (value);                                                                                     \
        *coro_gen_at = __LINE__;                                                                                       \
        return true;                                                                                                   \
    case __LINE__:;                                                                                                    \
    } while (0)

/** Return a value: the generator ends. */
#define CORO_GEN_RETURN(value)                                                                                         \
    do {                                                                                                               \
        coro_gen_out->r = (value);                                                                                     \
        *coro_gen_at = -1;                                                                                             \
        return false;                                                                                                  \
    } while (0)

/** End the body. A body that gets here has forgotten CORO_GEN_RETURN: the program ends with a message. */
#define CORO_GEN_END                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__MISUSED(__func__, "the body has ended without CORO_GEN_RETURN")

#endif
