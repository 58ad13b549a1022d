/*
 * coro/gen/combine.h: generators made of one other generator.
 *
 * The parameters of every macro: the state N that it defines, its signature S, the source FROM, then a function f or `f, C`
 * (see coro/gen/produce.h). FROM is the signature of the source, whose handle N_init() takes, or a state, whose type is known
 * then. The source is stepped once a step, with the same input, and dropped with N, if not said otherwise. It is gone once it
 * has returned.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_COMBINE_H
#define CORO_GEN_COMBINE_H

#include <coro/gen/state.h>

/**
 * Yields f(y) for every yield y. `S_Y f(FROM_Y y)`.
 *
 *     CORO_GEN_MAP_YIELD(squares, ints, ints, square);       g = squares_init(&state, g);
 *     CORO_GEN_MAP_YIELD(scaled, ints, ints, times, int);    g = scaled_init(&state, g, 3);    int times(int *factor, int y)
 */
#define CORO_GEN_MAP_YIELD(N, S, FROM, ...)                                                                            \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_R, FROM##_R);                                                                               \
    CORO_GEN__IS_FN(N, S##_Y, (FROM##_Y), #S "_Y f(" #FROM "_Y y)", __VA_ARGS__);                                      \
    CORO_GEN__STATE(N, S, FROM *source; CORO_GEN__DATA(__VA_ARGS__))                                                   \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (!FROM##__pull(&self_->source, in_, &got_)) {                                                               \
            out_->r = got_.r;                                                                                          \
            return false;                                                                                              \
        }                                                                                                              \
        out_->y = CORO_GEN__CALL((got_.y), __VA_ARGS__);                                                               \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, FROM, __VA_ARGS__)

/**
 * Returns f(r) where the source returns r. `S_R f(FROM_R r)`.
 *
 *     CORO_GEN_MAP_RETURN(counted, ints_to_count, ints, to_count);      g = counted_init(&state, source);
 */
#define CORO_GEN_MAP_RETURN(N, S, FROM, ...)                                                                           \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__IS_FN(N, S##_R, (FROM##_R), #S "_R f(" #FROM "_R r)", __VA_ARGS__);                                      \
    CORO_GEN__STATE(N, S, FROM *source; CORO_GEN__DATA(__VA_ARGS__))                                                   \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (FROM##__pull(&self_->source, in_, &got_)) {                                                                \
            out_->y = got_.y;                                                                                          \
            return true;                                                                                               \
        }                                                                                                              \
        out_->r = CORO_GEN__CALL((got_.r), __VA_ARGS__);                                                               \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, FROM, __VA_ARGS__)

/**
 * Steps the source with f(input); f runs before each step. `FROM_I f(S_I in)`.
 *
 *     CORO_GEN_CONTRAMAP(parsed, from_text, from_ints, atoi_of);        g = parsed_init(&state, source);
 */
#define CORO_GEN_CONTRAMAP(N, S, FROM, ...)                                                                            \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__MATCH(N, S##_R, FROM##_R);                                                                               \
    CORO_GEN__IS_FN(N, FROM##_I, (S##_I), #FROM "_I f(" #S "_I in)", __VA_ARGS__);                                     \
    CORO_GEN__STATE(N, S, FROM *source; CORO_GEN__DATA(__VA_ARGS__))                                                   \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        CORO_GEN__PASS_ON(FROM, &self_->source, CORO_GEN__CALL((in_), __VA_ARGS__));                                   \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, FROM, __VA_ARGS__)

/**
 * A source that returns a generator of signature S (FROM_R is S *) goes on as that generator. The step on which the source
 * returns passes its input on to the inner generator's first step, within the same call.
 *
 *     CORO_GEN_FLATTEN(flat, ints, nested);       ints *g = flat_init(&state, source);
 */
#define CORO_GEN_FLATTEN(N, S, FROM)                                                                                   \
    CORO_GEN__MATCH(N, FROM##_R, S *);                                                                                 \
    CORO_GEN__FLAT(N, S, FROM, got_.r, CORO_GEN__NONE)

/**
 * Where the source returns r, goes on as the generator that f(r) returns; like flatten. `S *f(FROM_R r)`. The storage of that
 * generator is f's business; data of type C is a good place.
 *
 *     CORO_GEN_FLAT_MAP(twice, ints, ints, again, struct counter);      ints *again(struct counter *place, coro_unit r)
 */
#define CORO_GEN_FLAT_MAP(N, S, FROM, ...)                                                                             \
    CORO_GEN__IS_FN(N, S *, (FROM##_R), #S " *f(" #FROM "_R r)", __VA_ARGS__);                                         \
    CORO_GEN__FLAT(N, S, FROM, CORO_GEN__CALL((got_.r), __VA_ARGS__), __VA_ARGS__)

#define CORO_GEN__FLAT(N, S, FROM, inner_of_got, ...)                                                                  \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__AFTER(N, S, FROM, inner_of_got, S##__pull(&self_->inner, in_, out_), __VA_ARGS__)

/**
 * Where the source returns r, f(r, out) decides what that step does: it sets out->y and returns the generator that goes on, or
 * sets out->r and returns NULL. `S *f(FROM_R r, S_out *out)`. Unlike with flat_map, no input is used twice.
 *
 *     CORO_GEN_AND_THEN(both, ints, ints, second, struct counter);
 *                                                      ints *second(struct counter *place, coro_unit r, ints_out *out)
 */
#define CORO_GEN_AND_THEN(N, S, FROM, ...)                                                                             \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__IS_FN(N, S *, (FROM##_R, S##_out *), #S " *f(" #FROM "_R r, " #S "_out *out)", __VA_ARGS__);             \
    CORO_GEN__AFTER(N, S, FROM, CORO_GEN__CALL((got_.r, out_), __VA_ARGS__), (void)0, __VA_ARGS__)

/* The source, then another generator. Behind a handle S * that one takes the state's place, so that a chain of any number of
 * them costs what its last link costs; behind a handle N * the state stays and passes on. `begin` makes self->inner of `got`,
 * `first_step` is its first step, which leaves it NULL if it has returned. */
#define CORO_GEN__AFTER(N, S, FROM, begin, first_step, ...)                                                            \
    CORO_GEN__STATE(N, S, FROM *source; S * inner; CORO_GEN__DATA(__VA_ARGS__))                                        \
    CORO_GEN__INLINE bool N##__source_yields(N *self_, S##_I in_, S##_out *out_)                                       \
    {                                                                                                                  \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (FROM##__pull(&self_->source, in_, &got_)) {                                                                \
            out_->y = got_.y;                                                                                          \
            return true;                                                                                               \
        }                                                                                                              \
        self_->inner = begin;                                                                                          \
        first_step;                                                                                                    \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        if (self_->source == NULL)                                                                                     \
            return S##__pull(&self_->inner, in_, out_);                                                                \
        return N##__source_yields(self_, in_, out_) || self_->inner != NULL;                                           \
    }                                                                                                                  \
    CORO_GEN__LOCAL S *N##__dispatch(S *gen_, S##_I in_, S##_out *out_)                                                \
    {                                                                                                                  \
        N *self_ = (N *)gen_;                                                                                          \
                                                                                                                       \
        return N##__source_yields(self_, in_, out_) ? gen_ : self_->inner;                                             \
    }                                                                                                                  \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        FROM##_drop(&self_->source);                                                                                   \
        S##_drop(&self_->inner);                                                                                       \
    }                                                                                                                  \
    CORO_GEN__STATE_HANDLE(N, S);                                                                                      \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(source_), (N * state_, FROM * source_ CORO_GEN__PARAM(__VA_ARGS__)),           \
                   state_->source = CORO_GEN__GIVEN(N, FROM, source_);                                                 \
                   state_->inner = NULL; CORO_GEN__KEEP(__VA_ARGS__))

/**
 * Yields the first n yields. Returns S_R, a struct { bool some; T value; } (CORO_GEN_MAYBE): none after n yields, or what the
 * source has returned before. The step after the nth still steps the source: if that yields, the value is lost and the source
 * dropped.
 *
 *     CORO_GEN_TAKE(first, maybe_ints, ints);     maybe_ints *g = first_init(&state, source, 10);
 */
#define CORO_GEN_TAKE(N, S, FROM)                                                                                      \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__ASSERT(CORO_GEN__SAME(((S##_R *)0)->some, bool) && CORO_GEN__SAME(((S##_R *)0)->value, FROM##_R),        \
                     #N ": " #S "_R must be a CORO_GEN_MAYBE() of " #FROM "_R");                                       \
    CORO_GEN__STATE(N, S, FROM *source; size_t left;)                                                                  \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        static const S##_R none_ = CORO_GEN__ZERO;                                                                     \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (!FROM##__pull(&self_->source, in_, &got_)) {                                                               \
            out_->r.some = true;                                                                                       \
            out_->r.value = got_.r;                                                                                    \
            return false;                                                                                              \
        }                                                                                                              \
        if (self_->left > 0) {                                                                                         \
            self_->left--;                                                                                             \
            out_->y = got_.y;                                                                                          \
            return true;                                                                                               \
        }                                                                                                              \
        FROM##_drop(&self_->source);                                                                                   \
        out_->r = none_;                                                                                               \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__DROP_SOURCE(N, S, FROM)                                                                                  \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(source_), (N * state_, FROM * source_, size_t n_),                             \
                   state_->source = CORO_GEN__GIVEN(N, FROM, source_);                                                 \
                   state_->left = n_;)

/**
 * f says of each yield y whether to go on: true after setting out->y, which is yielded; false after setting out->r, which the
 * whole returns; the source is dropped then. `bool f(FROM_Y y, S_out *out)`.
 *
 *     CORO_GEN_MAP_YIELD_WHILE(positive, ints, ints, is_positive);      bool is_positive(int y, ints_out *out)
 */
#define CORO_GEN_MAP_YIELD_WHILE(N, S, FROM, ...)                                                                      \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_R, FROM##_R);                                                                               \
    CORO_GEN__IS_FN(N, bool, (FROM##_Y, S##_out *), "bool f(" #FROM "_Y y, " #S "_out *out)", __VA_ARGS__);            \
    CORO_GEN__STATE(N, S, FROM *source; CORO_GEN__DATA(__VA_ARGS__))                                                   \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (!FROM##__pull(&self_->source, in_, &got_)) {                                                               \
            out_->r = got_.r;                                                                                          \
            return false;                                                                                              \
        }                                                                                                              \
        if (CORO_GEN__CALL((got_.y, out_), __VA_ARGS__))                                                               \
            return true;                                                                                               \
        FROM##_drop(&self_->source);                                                                                   \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, FROM, __VA_ARGS__)

/**
 * Keeps a state of type T for a source that is given it with each input and gives it back with each yield: FROM_I is a struct
 * { T a; S_I b; } and FROM_Y a struct { T a; S_Y b; } (CORO_GEN_PAIR).
 *
 *     CORO_GEN_WITH_STATE(stateful, ints, with_total, long);            g = stateful_init(&state, source, 0);
 */
#define CORO_GEN_WITH_STATE(N, S, FROM, T)                                                                             \
    CORO_GEN__IS_PAIR(N, FROM##_I, T, S##_I);                                                                          \
    CORO_GEN__IS_PAIR(N, FROM##_Y, T, S##_Y);                                                                          \
    CORO_GEN__MATCH(N, S##_R, FROM##_R);                                                                               \
    CORO_GEN__STATE(N, S, FROM *source; T data;)                                                                       \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        FROM##_I with_input_;                                                                                          \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        with_input_.a = self_->data;                                                                                   \
        with_input_.b = in_;                                                                                           \
        if (!FROM##__pull(&self_->source, with_input_, &got_)) {                                                       \
            out_->r = got_.r;                                                                                          \
            return false;                                                                                              \
        }                                                                                                              \
        self_->data = got_.y.a;                                                                                        \
        out_->y = got_.y.b;                                                                                            \
        return true;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__ONE_SOURCE(N, S, FROM, , T)

/**
 * Calls f once the source is gone, because it has returned or was dropped. `void f(C *data)`. For giving back what the source
 * used.
 *
 *     CORO_GEN_FINALLY(lines, texts, texts, close_file, FILE *);        g = lines_init(&state, source, file);
 */
#define CORO_GEN_FINALLY(N, S, FROM, f, C)                                                                             \
    CORO_GEN__MATCH(N, S##_I, FROM##_I);                                                                               \
    CORO_GEN__MATCH(N, S##_Y, FROM##_Y);                                                                               \
    CORO_GEN__MATCH(N, S##_R, FROM##_R);                                                                               \
    CORO_GEN__ASSERT(CORO_GEN__SAME(f, void(C *)), #N ": " #f " must be a function void f(" #C " *)");                 \
    CORO_GEN__STATE(N, S, FROM *source; C data;)                                                                       \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        FROM##_out got_;                                                                                               \
                                                                                                                       \
        if (FROM##__pull(&self_->source, in_, &got_)) {                                                                \
            out_->y = got_.y;                                                                                          \
            return true;                                                                                               \
        }                                                                                                              \
        f(&self_->data);                                                                                               \
        out_->r = got_.r;                                                                                              \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        FROM##_drop(&self_->source);                                                                                   \
        f(&self_->data);                                                                                               \
    }                                                                                                                  \
    CORO_GEN__STATE_END(N, S);                                                                                         \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(source_), (N * state_, FROM * source_, C data_),                               \
                   state_->source = CORO_GEN__GIVEN(N, FROM, source_);                                                 \
                   state_->data = data_;)

/* ---- what they share ---- */

#define CORO_GEN__ONE_SOURCE(N, S, FROM, ...)                                                                          \
    CORO_GEN__DROP_SOURCE(N, S, FROM)                                                                                  \
    CORO_GEN__MAKE(N, S, CORO_GEN_TAKES(source_), (N * state_, FROM * source_ CORO_GEN__PARAM(__VA_ARGS__)),           \
                   state_->source = CORO_GEN__GIVEN(N, FROM, source_);                                                 \
                   CORO_GEN__KEEP(__VA_ARGS__))

#define CORO_GEN__DROP_SOURCE(N, S, FROM)                                                                              \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        FROM##_drop(&self_->source);                                                                                   \
    }                                                                                                                  \
    CORO_GEN__STATE_END(N, S);

/* One step of *g is this step. */
#define CORO_GEN__PASS_ON(FROM, g, input)                                                                              \
    FROM##_out got_;                                                                                                   \
    bool more_ = FROM##__pull((g), (input), &got_);                                                                    \
                                                                                                                       \
    if (more_)                                                                                                         \
        out_->y = got_.y;                                                                                              \
    else                                                                                                               \
        out_->r = got_.r;                                                                                              \
    return more_

#define CORO_GEN__IS_PAIR(N, P, A, B)                                                                                  \
    CORO_GEN__ASSERT(CORO_GEN__SAME(((P *)0)->a, A) && CORO_GEN__SAME(((P *)0)->b, B),                                 \
                     #N ": " #P " must be a CORO_GEN_PAIR() of " #A " and " #B)

#endif
