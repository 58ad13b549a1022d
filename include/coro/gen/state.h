/*
 * coro/gen/state.h: what every state has in common. Included by the headers that make states.
 *
 * A state N of signature S can be used in two ways. Behind a handle S *, which N_init() returns, it is one of many, and a step
 * is a call through a pointer. Behind a handle N *, which N_make() returns, its type is known: N has the same types and
 * functions as a signature (N_I, N_step(), N_drop(), N_for_each(), ...), and can be given wherever a macro takes the signature
 * of a source. Chains of known states are compiled into one loop.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_STATE_H
#define CORO_GEN_STATE_H

#include <coro/gen/signature.h>

/* The struct: what every state begins with, then its own members. */
#define CORO_GEN__STATE(N, S, members)                                                                                 \
    typedef S##_I N##_I;                                                                                               \
    typedef S##_Y N##_Y;                                                                                               \
    typedef S##_R N##_R;                                                                                               \
    typedef S##_out N##_out;                                                                                           \
    typedef struct N N;                                                                                                \
    struct CORO_GEN__CAPABILITY N {                                                                                    \
        S gen;                                                                                                         \
        members                                                                                                        \
    };                                                                                                                 \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_);                                               \
    CORO_GEN__LOCAL void N##__dispatch_drop(S *gen_);                                                                  \
    CORO_GEN__INLINE N *N##__begin(N *state_)                                                                          \
    {                                                                                                                  \
        state_->gen.step = N##__dispatch;                                                                              \
        state_->gen.drop = N##__dispatch_drop;                                                                         \
        return state_;                                                                                                 \
    }

/* The struct of a state whose next state is always another one. Its N__dispatch() follows; there is nothing to drop. */
#define CORO_GEN__HOPPING_STATE(N, S, members)                                                                         \
    typedef struct N N;                                                                                                \
    struct N {                                                                                                         \
        S gen;                                                                                                         \
        members                                                                                                        \
    };                                                                                                                 \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_);                                               \
    CORO_GEN__INLINE N *N##__begin(N *state_)                                                                          \
    {                                                                                                                  \
        state_->gen.step = N##__dispatch;                                                                              \
        state_->gen.drop = NULL;                                                                                       \
        return state_;                                                                                                 \
    }

/* The head of the function that makes one step: true, it has yielded out->y; false, it has returned out->r. */
#define CORO_GEN__RUN(N, S) CORO_GEN__INLINE bool N##__run(N *self_, S##_I in_, S##_out *out_)

/* The head of the function that gives back what the state holds. */
#define CORO_GEN__END(N) CORO_GEN__INLINE void N##__end(N *self_)

/* Everything else, after those two. */
#define CORO_GEN__STATE_END(N, S)                                                                                      \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_)                                                \
    {                                                                                                                  \
        return N##__run((N *)gen_, in_, out_) ? gen_ : NULL;                                                           \
    }                                                                                                                  \
    CORO_GEN__STATE_HANDLE(N, S)

/* STATE_END and an END for states that hold nothing. */
#define CORO_GEN__NOTHING_TO_DROP(N, S)                                                                                \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        (void)self_;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__STATE_END(N, S);

#define CORO_GEN__STATE_HANDLE(N, S)                                                                                   \
    CORO_GEN__LOCAL void N##__dispatch_drop(S *gen_)                                                                   \
    {                                                                                                                  \
        N##__end((N *)gen_);                                                                                           \
    }                                                                                                                  \
    CORO_GEN__INLINE N *N##__advance(N *self_, S##_I in_, S##_out *out_)                                               \
    {                                                                                                                  \
        if (__builtin_expect(self_->gen.step == NULL, 0))                                                              \
            CORO_GEN__MISUSED(#N "_step", CORO_GEN__ENTERED);                                                          \
        self_->gen.step = NULL;                                                                                        \
        if (!N##__run(self_, in_, out_))                                                                               \
            return NULL;                                                                                               \
        self_->gen.step = N##__dispatch;                                                                               \
        return self_;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__INLINE void N##__discard(N *self_)                                                                       \
    {                                                                                                                  \
        if (__builtin_expect(self_->gen.step == NULL, 0))                                                              \
            CORO_GEN__MISUSED(#N "_drop", CORO_GEN__ENTERED);                                                          \
        self_->gen.step = NULL;                                                                                        \
        N##__end(self_);                                                                                               \
    }                                                                                                                  \
    CORO_GEN__HANDLE(N)

/* N_make() and N_init(). `taking`: CORO_GEN__FRESH, or CORO_GEN_TAKES(names of the handles that are given away); `parameters`
 * in parentheses; `...`: the statements that fill in *state. */
#define CORO_GEN__MAKE(N, S, taking, parameters, ...)                                                                  \
    CORO_GEN__LINT_MAKE(N, N, *state_, make, taking, parameters)                                                       \
    CORO_GEN__INLINE N *N##_make parameters                                                                            \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
        return CORO_GEN__BORN(N, N##__begin(state_));                                                                  \
    }                                                                                                                  \
    CORO_GEN__MAKE_HANDLE(N, S, taking, parameters, __VA_ARGS__)

#define CORO_GEN__MAKE_HANDLE(N, S, taking, parameters, ...)                                                           \
    CORO_GEN__LINT_MAKE(N, S, state_->gen, init, taking, parameters)                                                   \
    CORO_GEN__INLINE S *N##_init parameters                                                                            \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
        return CORO_GEN__BORN(S, &N##__begin(state_)->gen);                                                            \
    }                                                                                                                  \
    struct N

/* A handle that is given to N_init(). */
#ifndef CORO_GEN__GIVEN
#    define CORO_GEN__GIVEN(N, T, g)                                                                                   \
        ((g) != NULL ? (g) : (CORO_GEN__MISUSED(#N "_init", "the handle given is NULL: " #T " is spent"), (g)))
#endif

/* ---- type checks: one readable line a mismatch ---- */

#define CORO_GEN__MATCH(N, A, B) CORO_GEN__ASSERT(CORO_GEN__SAME(A, B), #N ": " #A " and " #B " must be the same type")
#define CORO_GEN__CAN_YIELD(N, S)                                                                                      \
    CORO_GEN__ASSERT(!CORO_GEN__SAME(S##_Y, coro_void), #N ": " #S "_Y is coro_void, so it cannot yield")
#define CORO_GEN__CAN_RETURN(N, S)                                                                                     \
    CORO_GEN__ASSERT(!CORO_GEN__SAME(S##_R, coro_void), #N ": " #S "_R is coro_void, so it cannot return")

#endif
