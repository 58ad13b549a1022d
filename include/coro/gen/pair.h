/*
 * coro/gen/pair.h: generators made of two others.
 *
 * The parameters of every macro: the state N that it defines, its signature S, the sources A and B, each a signature or a
 * state whose type is known (coro/gen/combine.h). N_init() takes a handle of each. What is left of them is dropped with N, A
 * first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_PAIR_H
#define CORO_GEN_PAIR_H

#include <coro/gen/combine.h>

/**
 * A's yields are B's inputs; B's yields are yielded. Whichever returns first ends both: its value is returned, the other is
 * dropped.
 *
 *     CORO_GEN_COMPOSE(both, ints, ints, filter);            g = both_init(&state, a, b);
 */
#define CORO_GEN_COMPOSE(N, S, A, B)                                                                                   \
    CORO_GEN__MATCH(N, S##_I, A##_I);                                                                                  \
    CORO_GEN__MATCH(N, B##_I, A##_Y);                                                                                  \
    CORO_GEN__MATCH(N, S##_Y, B##_Y);                                                                                  \
    CORO_GEN__MATCH(N, S##_R, A##_R);                                                                                  \
    CORO_GEN__MATCH(N, S##_R, B##_R);                                                                                  \
    CORO_GEN__STATE(N, S, A *a; B * b;)                                                                                \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        A##_out from_a_;                                                                                               \
        B##_out from_b_;                                                                                               \
                                                                                                                       \
        if (!A##__pull(&self_->a, in_, &from_a_)) {                                                                    \
            B##_drop(&self_->b);                                                                                       \
            out_->r = from_a_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        if (!B##__pull(&self_->b, from_a_.y, &from_b_)) {                                                              \
            A##_drop(&self_->a);                                                                                       \
            out_->r = from_b_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = from_b_.y;                                                                                           \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__TWO_SOURCES(N, S, A, B)

/**
 * Yields pairs: S_Y is a struct { A_Y a; B_Y b; } (CORO_GEN_PAIR). Both are stepped with the same input, A first. If A
 * returns, B is not stepped; if B returns, A's value is lost; either way the value is returned and the other is dropped.
 *
 *     CORO_GEN_ZIP(zipped, pairs, ints, texts);              pairs *g = zipped_init(&state, a, b);
 */
#define CORO_GEN_ZIP(N, S, A, B)                                                                                       \
    CORO_GEN__MATCH(N, S##_I, A##_I);                                                                                  \
    CORO_GEN__MATCH(N, S##_I, B##_I);                                                                                  \
    CORO_GEN__ZIP(N, S, A, B, in_, in_)

/**
 * The same with an input for each: S_I is a struct { A_I a; B_I b; }.
 *
 *     CORO_GEN_ZIP2(zipped, pairs_to_pairs, from_ints, from_texts);
 */
#define CORO_GEN_ZIP2(N, S, A, B)                                                                                      \
    CORO_GEN__IS_PAIR(N, S##_I, A##_I, B##_I);                                                                         \
    CORO_GEN__ZIP(N, S, A, B, in_.a, in_.b)

#define CORO_GEN__ZIP(N, S, A, B, in_a, in_b)                                                                          \
    CORO_GEN__IS_PAIR(N, S##_Y, A##_Y, B##_Y);                                                                         \
    CORO_GEN__MATCH(N, S##_R, A##_R);                                                                                  \
    CORO_GEN__MATCH(N, S##_R, B##_R);                                                                                  \
    CORO_GEN__STATE(N, S, A *a; B * b;)                                                                                \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        A##_out from_a_;                                                                                               \
        B##_out from_b_;                                                                                               \
                                                                                                                       \
        if (!A##__pull(&self_->a, in_a, &from_a_)) {                                                                   \
            B##_drop(&self_->b);                                                                                       \
            out_->r = from_a_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        if (!B##__pull(&self_->b, in_b, &from_b_)) {                                                                   \
            A##_drop(&self_->a);                                                                                       \
            out_->r = from_b_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y.a = from_a_.y;                                                                                         \
        out_->y.b = from_b_.y;                                                                                         \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__TWO_SOURCES(N, S, A, B)

/**
 * Steps A and B in turn until both have returned, then returns both values: S_R is a struct { A_R a; B_R b; } (CORO_GEN_PAIR).
 * The step on which one of them returns passes its input on to the other, within the same call.
 *
 *     CORO_GEN_JOIN(joined, ints_and_both, ints, ints);      g = joined_init(&state, a, b);
 */
#define CORO_GEN_JOIN(N, S, A, B)                                                                                      \
    CORO_GEN__MATCH(N, S##_I, A##_I);                                                                                  \
    CORO_GEN__MATCH(N, S##_I, B##_I);                                                                                  \
    CORO_GEN__MATCH(N, S##_Y, A##_Y);                                                                                  \
    CORO_GEN__MATCH(N, S##_Y, B##_Y);                                                                                  \
    CORO_GEN__IS_PAIR(N, S##_R, A##_R, B##_R);                                                                         \
    CORO_GEN__STATE(N, S, A *a; B * b; S##_R r; bool turn_of_b;)                                                       \
    CORO_GEN__INLINE bool N##__a_yields(N *self_, S##_I in_, S##_out *out_)                                            \
    {                                                                                                                  \
        A##_out got_;                                                                                                  \
                                                                                                                       \
        self_->turn_of_b = true;                                                                                       \
        if (self_->a == NULL)                                                                                          \
            return false;                                                                                              \
        if (!A##__pull(&self_->a, in_, &got_)) {                                                                       \
            self_->r.a = got_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = got_.y;                                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__INLINE bool N##__b_yields(N *self_, S##_I in_, S##_out *out_)                                            \
    {                                                                                                                  \
        B##_out got_;                                                                                                  \
                                                                                                                       \
        self_->turn_of_b = false;                                                                                      \
        if (self_->b == NULL)                                                                                          \
            return false;                                                                                              \
        if (!B##__pull(&self_->b, in_, &got_)) {                                                                       \
            self_->r.b = got_.r;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = got_.y;                                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        if (self_->turn_of_b ? N##__b_yields(self_, in_, out_) || N##__a_yields(self_, in_, out_)                      \
                             : N##__a_yields(self_, in_, out_) || N##__b_yields(self_, in_, out_))                     \
            return true;                                                                                               \
        out_->r = self_->r;                                                                                            \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__DROP_BOTH(N, S, A, B)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(a_, b_), (N * state_, A * a_, B * b_), state_->a = CORO_GEN__GIVEN(N, A, a_);  \
                   state_->b = CORO_GEN__GIVEN(N, B, b_); CORO_GEN__APART(N, a_, b_) state_->turn_of_b = false;)

/**
 * Not a state but a loop: A's yields are B's inputs and the other way round, until one of them returns.
 *
 *     CORO_GEN_WEAVE(talk, clients, servers);
 *     talk_out out;
 *     if (talk_run(&client, &server, first, &out))      true: the client has returned out.a, `server` can be stepped on.
 *                                                       false: the server has returned out.b, `client` can be stepped on.
 *
 * `first` is A's first input.
 */
#define CORO_GEN_WEAVE(N, A, B)                                                                                        \
    CORO_GEN__MATCH(N, B##_I, A##_Y);                                                                                  \
    CORO_GEN__MATCH(N, A##_I, B##_Y);                                                                                  \
    typedef union N##_out {                                                                                            \
        A##_R a;                                                                                                       \
        B##_R b;                                                                                                       \
    } N##_out;                                                                                                         \
    CORO_GEN__LINT_WEAVE(N, A, B)                                                                                      \
    CORO_GEN__INLINE bool N##_run(A **a_, B **b_, A##_I first_, N##_out *out_)                                         \
    {                                                                                                                  \
        A##_out from_a_;                                                                                               \
        B##_out from_b_;                                                                                               \
                                                                                                                       \
        while (A##_step(a_, first_, &from_a_)) {                                                                       \
            if (!B##_step(b_, from_a_.y, &from_b_)) {                                                                  \
                out_->b = from_b_.r;                                                                                   \
                return false;                                                                                          \
            }                                                                                                          \
            first_ = from_b_.y;                                                                                        \
        }                                                                                                              \
        out_->a = from_a_.r;                                                                                           \
        return true;                                                                                                   \
    }                                                                                                                  \
    union N##_out

/**
 * Yields what workers make of the source. For each input, f makes a worker B and says what the source is to be stepped with
 * first; the two are woven together, and what the worker returns is yielded. If the source returns r instead, the whole
 * returns { r, the worker }: S_R is a struct { A_R a; B *b; } (CORO_GEN_PAIR). `B *f(S_I in, A_I *first)`.
 *
 *     CORO_GEN_PROCESS(words, texts, chars, splitters, begin_word, struct splitter);
 */
#define CORO_GEN_PROCESS(N, S, A, B, ...)                                                                              \
    CORO_GEN__MATCH(N, S##_Y, B##_R);                                                                                  \
    CORO_GEN__IS_PAIR(N, S##_R, A##_R, B *);                                                                           \
    CORO_GEN__IS_FN(N, B *, (S##_I, A##_I *), #B " *f(" #S "_I in, " #A "_I *first)", __VA_ARGS__);                    \
    CORO_GEN_WEAVE(N##__weave, A, B);                                                                                  \
    CORO_GEN__STATE(N, S, A *source; CORO_GEN__DATA(__VA_ARGS__))                                                      \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        A##_I first_ = CORO_GEN__ZERO;                                                                                 \
        B *worker_ = CORO_GEN__CALL((in_, &first_), __VA_ARGS__);                                                      \
        N##__weave_out woven_;                                                                                         \
                                                                                                                       \
        if (N##__weave_run(&self_->source, &worker_, first_, &woven_)) {                                               \
            out_->r.a = woven_.a;                                                                                      \
            out_->r.b = worker_;                                                                                       \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = woven_.b;                                                                                            \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, A, __VA_ARGS__)

/* ---- what they share ---- */

#define CORO_GEN__APART(N, a, b)                                                                                       \
    if ((void *)(a) == (void *)(b))                                                                                    \
        CORO_GEN__MISUSED(#N "_init", "one generator is given twice");

#define CORO_GEN__TWO_SOURCES(N, S, A, B)                                                                              \
    CORO_GEN__DROP_BOTH(N, S, A, B)                                                                                    \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(a_, b_), (N * state_, A * a_, B * b_), state_->a = CORO_GEN__GIVEN(N, A, a_);  \
                   state_->b = CORO_GEN__GIVEN(N, B, b_); CORO_GEN__APART(N, a_, b_))

#define CORO_GEN__DROP_BOTH(N, S, A, B)                                                                                \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        A##_drop(&self_->a);                                                                                           \
        B##_drop(&self_->b);                                                                                           \
    }                                                                                                                  \
    CORO_GEN__STATE_END(N, S);

#endif
