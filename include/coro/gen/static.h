/*
 * coro/gen/static.h: machines whose every step is known when they are compiled. A state is a struct of its own, passed by
 * value; the type of the state says whether its step yields or returns, and which state is next. No branch is left for run
 * time.
 *
 *     typedef struct two { char none; } two;                       a state
 *     CORO_GEN_RETURNED(two, int);                                 its step returns an int
 *     static inline two_returned two_resume(two self, coro_unit in) { ...; return (two_returned){2}; }
 *
 *     typedef struct one { char none; } one;
 *     CORO_GEN_YIELDED(one, int, two);                             its step yields an int; the next state is a two
 *     static inline one_yielded one_resume(one self, coro_unit in) { ...; return (one_yielded){1, {0}}; }
 *
 *     #define resume(state) CORO_GEN_RESUME((state), CORO_UNIT, one, two)
 *     one_yielded first = resume((one){0});                        first.y, first.next
 *     two_returned last = resume(first.next);                      last.r; there is no last.next
 *
 * What a step does not have cannot be read: no `r` of a step that yields, no `y` and no `next` of one that returns. A state
 * that is copied can be stepped twice, as with every value in C.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_STATIC_H
#define CORO_GEN_STATIC_H

#include <coro/gen/state.h>

/** The step of state T yields a Y, and the next state is a NEXT (which may be T): makes T_yielded, a struct { Y y; NEXT next;
 * }. */
#define CORO_GEN_YIELDED(T, Y, NEXT)                                                                                   \
    CORO_GEN__ASSERT(!CORO_GEN__SAME(NEXT, coro_void), #T ": its next state would be coro_void, so it cannot yield");  \
    typedef struct T##_yielded {                                                                                       \
        Y y;                                                                                                           \
        NEXT next;                                                                                                     \
    } T##_yielded

/** The step of state T returns an R: makes T_returned, a struct { R r; }. */
#define CORO_GEN_RETURNED(T, R)                                                                                        \
    typedef struct T##_returned {                                                                                      \
        R r;                                                                                                           \
    } T##_returned

/** Step a state with T_resume(state, in), where T is the type of the state, one of those listed: up to 16. C only. */
#define CORO_GEN_RESUME(state, in, ...)                                                                                \
    _Generic((state), CORO_GEN__STATES(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,                \
                                       1, )(__VA_ARGS__))((state), (in))

#define CORO_GEN__STATES(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, number, ...) CORO_GEN__STATES_##number
/* clang-format off */
#define CORO_GEN__STATES_1(T) T: T##_resume
#define CORO_GEN__STATES_2(T, ...) T: T##_resume, CORO_GEN__STATES_1(__VA_ARGS__)
#define CORO_GEN__STATES_3(T, ...) T: T##_resume, CORO_GEN__STATES_2(__VA_ARGS__)
#define CORO_GEN__STATES_4(T, ...) T: T##_resume, CORO_GEN__STATES_3(__VA_ARGS__)
#define CORO_GEN__STATES_5(T, ...) T: T##_resume, CORO_GEN__STATES_4(__VA_ARGS__)
#define CORO_GEN__STATES_6(T, ...) T: T##_resume, CORO_GEN__STATES_5(__VA_ARGS__)
#define CORO_GEN__STATES_7(T, ...) T: T##_resume, CORO_GEN__STATES_6(__VA_ARGS__)
#define CORO_GEN__STATES_8(T, ...) T: T##_resume, CORO_GEN__STATES_7(__VA_ARGS__)
#define CORO_GEN__STATES_9(T, ...) T: T##_resume, CORO_GEN__STATES_8(__VA_ARGS__)
#define CORO_GEN__STATES_10(T, ...) T: T##_resume, CORO_GEN__STATES_9(__VA_ARGS__)
#define CORO_GEN__STATES_11(T, ...) T: T##_resume, CORO_GEN__STATES_10(__VA_ARGS__)
#define CORO_GEN__STATES_12(T, ...) T: T##_resume, CORO_GEN__STATES_11(__VA_ARGS__)
#define CORO_GEN__STATES_13(T, ...) T: T##_resume, CORO_GEN__STATES_12(__VA_ARGS__)
#define CORO_GEN__STATES_14(T, ...) T: T##_resume, CORO_GEN__STATES_13(__VA_ARGS__)
#define CORO_GEN__STATES_15(T, ...) T: T##_resume, CORO_GEN__STATES_14(__VA_ARGS__)
#define CORO_GEN__STATES_16(T, ...) T: T##_resume, CORO_GEN__STATES_15(__VA_ARGS__)
/* clang-format on */

/* ---- behind a handle ---- */

/**
 * The state N of signature S whose step is that of T (CORO_GEN_YIELDED); after it comes NEXT, made by one of these three
 * macros for T's next state. `S *N_init(N *state, T first_)`. The states to come have their places inside N.
 *
 *     CORO_GEN_FROM_RETURNED(two_behind, ints, two);
 *     CORO_GEN_FROM_YIELDED(one_behind, ints, one, two_behind);         ints *g = one_behind_init(&state, (one){0});
 */
#define CORO_GEN_FROM_YIELDED(N, S, T, NEXT)                                                                           \
    CORO_GEN__MATCH(N, S##_Y, __typeof__(((T##_yielded *)0)->y));                                                      \
    CORO_GEN__HOPPING_STATE(                                                                                           \
        N, S, union {                                                                                                  \
            T now;                                                                                                     \
            NEXT after;                                                                                                \
        } at;)                                                                                                         \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_)                                                \
    {                                                                                                                  \
        N *self_ = (N *)gen_;                                                                                          \
        T##_yielded got_ = T##_resume(self_->at.now, in_);                                                             \
                                                                                                                       \
        out_->y = got_.y;                                                                                              \
        return NEXT##_init(&self_->at.after, got_.next);                                                               \
    }                                                                                                                  \
    CORO_GEN__MAKE_HANDLE(N, S, CORO_GEN__FRESH, (N * state_, T first_), state_->at.now = first_;)

/** The same for a T whose next state is a T again. */
#define CORO_GEN_FROM_LOOP(N, S, T)                                                                                    \
    CORO_GEN__MATCH(N, S##_Y, __typeof__(((T##_yielded *)0)->y));                                                      \
    CORO_GEN__MATCH(N, T, __typeof__(((T##_yielded *)0)->next));                                                       \
    CORO_GEN__STATE(N, S, T now;)                                                                                      \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        T##_yielded got_ = T##_resume(self_->now, in_);                                                                \
                                                                                                                       \
        out_->y = got_.y;                                                                                              \
        self_->now = got_.next;                                                                                        \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, T first_), state_->now = first_;)

/** The same for a T whose step returns (CORO_GEN_RETURNED). */
#define CORO_GEN_FROM_RETURNED(N, S, T)                                                                                \
    CORO_GEN__MATCH(N, S##_R, __typeof__(((T##_returned *)0)->r));                                                     \
    CORO_GEN__STATE(N, S, T now;)                                                                                      \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        out_->r = T##_resume(self_->now, in_).r;                                                                       \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN__FRESH, (N * state_, T first_), state_->now = first_;)

#endif
