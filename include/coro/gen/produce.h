/*
 * coro/gen/produce.h: generators that come from a value, a function or an array.
 *
 * Every macro defines a state: a type N, `S *N_init(N *state, ...)` and, where the type is to stay known, `N *N_make(N *state,
 * ...)` with the same arguments (coro/gen/state.h). Where a macro takes a function f, `f, C` adds data of type C: it is kept
 * in the state, is the last argument of N_init(), and f gets a `C *` before its own parameters.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_PRODUCE_H
#define CORO_GEN_PRODUCE_H

#include <coro/gen/state.h>

/**
 * Yields y for ever, whatever the input.
 *
 *     CORO_GEN_JUST_YIELD(ones, ints);            ints *g = ones_init(&state, 1);
 */
#define CORO_GEN_JUST_YIELD(N, S)                                                                                      \
    CORO_GEN__CAN_YIELD(N, S);                                                                                         \
    CORO_GEN__STATE(N, S, S##_Y y;)                                                                                    \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)in_;                                                                                                     \
        out_->y = self_->y;                                                                                            \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, S##_Y y_), state_->y = y_;)

/**
 * Returns r at the first step, whatever the input.
 *
 *     CORO_GEN_JUST_RETURN(done, ints);           ints *g = done_init(&state, CORO_UNIT);
 */
#define CORO_GEN_JUST_RETURN(N, S)                                                                                     \
    CORO_GEN__CAN_RETURN(N, S);                                                                                        \
    CORO_GEN__STATE(N, S, S##_R r;)                                                                                    \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)in_;                                                                                                     \
        out_->r = self_->r;                                                                                            \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, S##_R r_), state_->r = r_;)

/**
 * Yields f(input) for ever. `S_Y f(S_I in)`.
 *
 *     CORO_GEN_YIELD_WITH(doubled, ints_to_ints, twice);     g = doubled_init(&state);
 *     CORO_GEN_YIELD_WITH(counting, ints, next, int);        g = counting_init(&state, 0);    int next(int *i, coro_unit in)
 */
#define CORO_GEN_YIELD_WITH(N, S, ...)                                                                                 \
    CORO_GEN__CAN_YIELD(N, S);                                                                                         \
    CORO_GEN__IS_FN(N, S##_Y, (S##_I), #S "_Y f(" #S "_I in)", __VA_ARGS__);                                           \
    CORO_GEN__STATE(N, S, CORO_GEN__DATA(__VA_ARGS__))                                                                 \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)self_;                                                                                                   \
        out_->y = CORO_GEN__CALL((in_), __VA_ARGS__);                                                                  \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_ CORO_GEN__PARAM(__VA_ARGS__)), CORO_GEN__KEEP(__VA_ARGS__))

/**
 * Returns f(input) at the first step. `S_R f(S_I in)`.
 *
 *     CORO_GEN_RETURN_WITH(length, strings, strlen_of);      g = length_init(&state);
 */
#define CORO_GEN_RETURN_WITH(N, S, ...)                                                                                \
    CORO_GEN__CAN_RETURN(N, S);                                                                                        \
    CORO_GEN__IS_FN(N, S##_R, (S##_I), #S "_R f(" #S "_I in)", __VA_ARGS__);                                           \
    CORO_GEN__STATE(N, S, CORO_GEN__DATA(__VA_ARGS__))                                                                 \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)self_;                                                                                                   \
        out_->r = CORO_GEN__CALL((in_), __VA_ARGS__);                                                                  \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_ CORO_GEN__PARAM(__VA_ARGS__)), CORO_GEN__KEEP(__VA_ARGS__))

/**
 * One step, decided by f: it sets out->y and returns the generator that goes on from there, or sets out->r and returns NULL.
 * `S *f(S_I in, S_out *out)`. Its next state is another one, so there is no N_make().
 *
 *     CORO_GEN_FROM_FN(one, ints, yield_one);     ints *g = one_init(&state);
 */
#define CORO_GEN_FROM_FN(N, S, ...)                                                                                    \
    CORO_GEN__IS_FN(N, S *, (S##_I, S##_out *), #S " *f(" #S "_I in, " #S "_out *out)", __VA_ARGS__);                  \
    CORO_GEN__HOPPING_STATE(N, S, CORO_GEN__DATA(__VA_ARGS__))                                                         \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_)                                                \
    {                                                                                                                  \
        N *self_ = (N *)gen_;                                                                                          \
                                                                                                                       \
        (void)self_;                                                                                                   \
        return CORO_GEN__CALL((in_, out_), __VA_ARGS__);                                                               \
    }                                                                                                                  \
    CORO_GEN__MAKE_HANDLE(N, S, CORO_GEN__FRESH, (N * state_ CORO_GEN__PARAM(__VA_ARGS__)), CORO_GEN__KEEP(__VA_ARGS__))

/**
 * f says at each step whether to yield or to return: true after setting out->y, false after setting out->r.
 * `bool f(S_I in, S_out *out)`. Stackless bodies (coro/gen/body.h) are such functions too.
 *
 *     CORO_GEN_FROM_CONTROL_FLOW(down, ints, count_down, int);     g = down_init(&state, 3);
 *                                                                  bool count_down(int *left, coro_unit in, ints_out *out)
 */
#define CORO_GEN_FROM_CONTROL_FLOW(N, S, ...)                                                                          \
    CORO_GEN__IS_FN(N, bool, (S##_I, S##_out *), "bool f(" #S "_I in, " #S "_out *out)", __VA_ARGS__);                 \
    CORO_GEN__STATE(N, S, CORO_GEN__DATA(__VA_ARGS__))                                                                 \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)self_;                                                                                                   \
        return CORO_GEN__CALL((in_, out_), __VA_ARGS__);                                                               \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_ CORO_GEN__PARAM(__VA_ARGS__)), CORO_GEN__KEEP(__VA_ARGS__))

/**
 * Yields the elements of an array, which is not copied, then returns r.
 *
 *     CORO_GEN_FROM_ARRAY(elements, ints);        ints *g = elements_init(&state, array, 3, CORO_UNIT);
 */
#define CORO_GEN_FROM_ARRAY(N, S)                                                                                      \
    CORO_GEN__CAN_YIELD(N, S);                                                                                         \
    CORO_GEN__CAN_RETURN(N, S);                                                                                        \
    CORO_GEN__STATE(N, S, const S##_Y *next; const S##_Y *end; S##_R r;)                                               \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        (void)in_;                                                                                                     \
        if (self_->next == self_->end) {                                                                               \
            out_->r = self_->r;                                                                                        \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = *self_->next++;                                                                                      \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, const S##_Y *array_, size_t count_, S##_R r_),                  \
                   state_->next = array_;                                                                              \
                   state_->end = count_ == 0 ? array_ : array_ + count_; state_->r = r_;)

/* ---- these pass their inputs on: for the right-hand side of compose ---- */

/**
 * Yields its first n inputs, then returns. I is Y; R is coro_unit.
 *
 *     CORO_GEN_LIMIT(at_most, ints_to_ints);      g = at_most_init(&state, 10);
 */
#define CORO_GEN_LIMIT(N, S)                                                                                           \
    CORO_GEN__MATCH(N, S##_Y, S##_I);                                                                                  \
    CORO_GEN__MATCH(N, S##_R, coro_unit);                                                                              \
    CORO_GEN__STATE(N, S, size_t left;)                                                                                \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        if (self_->left == 0) {                                                                                        \
            out_->r = CORO_UNIT;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        self_->left--;                                                                                                 \
        out_->y = in_;                                                                                                 \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, size_t n_), state_->left = n_;)

/**
 * Yields its inputs while f is true of them, then returns the first of which it is not. I is Y and R. `bool f(S_I in)`.
 *
 *     CORO_GEN_WHILE(small, ints_to_int, is_small);
 */
#define CORO_GEN_WHILE(N, S, ...) CORO_GEN__WHILE(N, S, true, __VA_ARGS__)

/**
 * Yields its inputs until f is true of one, then returns that. I is Y and R. `bool f(S_I in)`.
 *
 *     CORO_GEN_UNTIL(up_to_large, ints_to_int, is_large);
 */
#define CORO_GEN_UNTIL(N, S, ...) CORO_GEN__WHILE(N, S, false, __VA_ARGS__)

#define CORO_GEN__WHILE(N, S, on, ...)                                                                                 \
    CORO_GEN__MATCH(N, S##_Y, S##_I);                                                                                  \
    CORO_GEN__MATCH(N, S##_R, S##_I);                                                                                  \
    CORO_GEN__IS_FN(N, bool, (S##_I), "bool f(" #S "_I in)", __VA_ARGS__);                                             \
    CORO_GEN__STATE(N, S, CORO_GEN__DATA(__VA_ARGS__))                                                                 \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        bool more_ = CORO_GEN__CALL((in_), __VA_ARGS__) == on;                                                         \
                                                                                                                       \
        (void)self_;                                                                                                   \
        if (more_)                                                                                                     \
            out_->y = in_;                                                                                             \
        else                                                                                                           \
            out_->r = in_;                                                                                             \
        return more_;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_ CORO_GEN__PARAM(__VA_ARGS__)), CORO_GEN__KEEP(__VA_ARGS__))

#endif
