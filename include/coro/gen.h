/*
 * coro/gen.h: generators and combinators, typed.
 *
 * A generator takes inputs I, yields values Y and finally returns one R. Its handle moves: a step takes it, and gives it back
 * only if the generator yielded. So what has returned cannot be stepped again (coro/gen/signature.h says who notices).
 *
 *     CORO_GEN(ints, coro_unit, int, coro_unit);                generators of ints: input, yield, return
 *     CORO_GEN_FROM_ARRAY(numbers, ints);                       one that yields an array
 *     CORO_GEN_MAP_YIELD(squares, ints, ints, square);          one that squares what another yields
 *
 *     int array[] = {1, 2, 3};
 *     numbers from;
 *     squares to;
 *     ints *g = squares_init(&to, numbers_init(&from, array, 3, CORO_UNIT));
 *     CORO_GEN_EACH(ints, n, g)
 *         printf("%d\n", n);
 *
 * Where things are:
 *
 *     coro/gen/signature.h   CORO_GEN; S_step, S_drop, S_for_each, S_drive, S_bootstrap; CORO_GEN_EACH, CORO_GEN_OWN
 *     coro/gen/types.h       coro_unit, coro_void, CORO_GEN_PAIR, CORO_GEN_MAYBE
 *     coro/gen/produce.h     JUST_YIELD, JUST_RETURN, YIELD_WITH, RETURN_WITH, FROM_FN, FROM_CONTROL_FLOW, FROM_ARRAY, LIMIT,
 *                            WHILE, UNTIL
 *     coro/gen/body.h        BEGIN, YIELD, RETURN, END: a stackless body
 *     coro/gen/coroutine.h   FROM_CORO: a stackful one
 *     coro/gen/combine.h     MAP_YIELD, MAP_RETURN, CONTRAMAP, FLATTEN, FLAT_MAP, AND_THEN, TAKE, MAP_YIELD_WHILE,
 *                            WITH_STATE, FINALLY
 *     coro/gen/pair.h        COMPOSE, ZIP, ZIP2, JOIN, WEAVE, PROCESS
 *     coro/gen/static.h      YIELDED, RETURNED, RESUME: machines without a branch
 *     coro/gen/expect.h      ASSERT_YIELDS, ASSERT_RETURNS
 *
 * Nothing here allocates: states are the caller's, wherever they are. With -ffreestanding everything works but FROM_CORO and
 * the assertions, which are left out, and nothing is called that is not in these headers.
 *
 * Source: the crate cocoro.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_H
#define CORO_GEN_H

#include <coro/gen/body.h>
#include <coro/gen/combine.h>
#include <coro/gen/pair.h>
#include <coro/gen/produce.h>
#include <coro/gen/static.h>
#if __STDC_HOSTED__
#    include <coro/gen/coroutine.h>
#    include <coro/gen/expect.h>
#endif

#endif
