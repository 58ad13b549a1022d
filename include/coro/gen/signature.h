/*
 * coro/gen/signature.h: the types and functions of one kind of generator, by what it takes, yields and returns.
 *
 * A handle (S *) moves. S_step() takes it and gives it back only if the generator yielded; giving it to a combinator, to
 * S_drop() or to a loop takes it for good. A step through a handle that is gone is found three times: at run time, always; by
 * clang, with -DCORO_GEN_LINT -Wthread-safety; by gcc, with -DCORO_GEN_LINT -O0 -fanalyzer (coro/gen/lint.h).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_SIGNATURE_H
#define CORO_GEN_SIGNATURE_H

#include <coro/gen/lint.h>
#include <coro/gen/types.h>

/**
 * Define the signature S: generators that take I, yield Y and return R.
 *
 *     CORO_GEN(ints, coro_unit, int, coro_unit);      generators of ints
 *
 * makes the types S_I, S_Y, S_R and
 *
 *     union S_out { Y y; R r; };
 *     struct S {                                      what a state begins with
 *         S *(*step)(S *self, S_I in, S_out *out);    sets out->y and returns the next state, or sets out->r and returns NULL
 *         void (*drop)(S *self);                      gives back what the state holds; may be NULL
 *     };
 *
 * and the functions
 *
 *     bool S_step(S **g, S_I in, S_out *out)          true: yielded out->y, *g is the next state.
 *                                                     false: returned out->r, *g is NULL
 *     void S_drop(S **g)                              ends a generator before it has returned; nothing happens where *g is
 *                                                     NULL, so that __attribute__((cleanup(S_drop))) fits
 *     S_R  S_for_each(S **g, void (*f)(void *context, S_Y y), void *context)
 *                                                     calls f with every yield; inputs are zero
 *     S_R  S_drive(S **g, S_I first, S_I (*f)(void *context, S_Y y), void *context)
 *                                                     the same; f returns the next input
 *     S_R  S_bootstrap(S **g, S_I first)              every yield is the next input; where I is Y
 *
 * A step of a NULL handle, and a step or drop of a generator that is running, end the program with a message that names S and
 * the caller. `in` and the values are copied; what they point to is the caller's. void counts as coro_unit.
 *
 * A state is the caller's storage. It must stay where it is and outlive its handle. A step function may return another state
 * than `self`; `self` is spent then and must be set up again before its next use. It may return `self` after giving it another
 * `step`.
 *
 * Context: anywhere. Loops use the stack of one step, however many there are.
 */
#define CORO_GEN(S, I, Y, R)                                                                                           \
    typedef CORO_GEN__VALUE(I) S##_I;                                                                                  \
    typedef CORO_GEN__VALUE(Y) S##_Y;                                                                                  \
    typedef CORO_GEN__VALUE(R) S##_R;                                                                                  \
    typedef union S##_out {                                                                                            \
        S##_Y y;                                                                                                       \
        S##_R r;                                                                                                       \
    } S##_out;                                                                                                         \
    typedef struct S S;                                                                                                \
    struct CORO_GEN__CAPABILITY S {                                                                                    \
        S *(*step)(S * self, S##_I in, S##_out *out);                                                                  \
        void (*drop)(S * self);                                                                                        \
    };                                                                                                                 \
    CORO_GEN__INLINE S *S##__advance(S *self_, S##_I in_, S##_out *out_)                                               \
    {                                                                                                                  \
        S *(*step_)(S *, S##_I, S##_out *) = self_->step;                                                              \
        S *next_;                                                                                                      \
                                                                                                                       \
        if (__builtin_expect(step_ == NULL, 0))                                                                        \
            CORO_GEN__MISUSED(#S "_step", CORO_GEN__ENTERED);                                                          \
        self_->step = NULL; /* running, and after it spent: its storage may be gone by then */                         \
        next_ = step_(self_, in_, out_);                                                                               \
        if (next_ == self_ && self_->step == NULL)                                                                     \
            self_->step = step_;                                                                                       \
        return next_;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__INLINE void S##__discard(S *self_)                                                                       \
    {                                                                                                                  \
        if (__builtin_expect(self_->step == NULL, 0))                                                                  \
            CORO_GEN__MISUSED(#S "_drop", CORO_GEN__ENTERED);                                                          \
        self_->step = NULL;                                                                                            \
        if (self_->drop != NULL)                                                                                       \
            self_->drop(self_);                                                                                        \
    }                                                                                                                  \
    CORO_GEN__HANDLE(S)

/* What handles of type T can do: T is a signature, or a state whose type is known. T__advance() and T__discard() do the
 * work. */
#define CORO_GEN__HANDLE(T)                                                                                            \
    CORO_GEN__LINT_HANDLE(T)                                                                                           \
    CORO_GEN__STEP_AND_DROP(T)                                                                                         \
    CORO_GEN__LOOPS(T)

/* T__pull() is the step of a generator that belongs to another one. Its handle stays while it runs: nobody can get at it but
 * through its owner, which is running too. A member that is written once a step, and mostly with what it held, is one that
 * gcc can do without, in chains of any length; set to NULL before, only three deep.
 *
 * In gcc's lint build these are others, which gcc's analyzer understands. */
#ifndef CORO_GEN__STEP_AND_DROP
#    define CORO_GEN__STEP_AND_DROP(T)                                                                                 \
        CORO_GEN__INLINE bool T##__pull(T **g_, T##_I in_, T##_out *out_)                                              \
        {                                                                                                              \
            T *self_ = *g_;                                                                                            \
                                                                                                                       \
            if (__builtin_expect(self_ == NULL, 0))                                                                    \
                CORO_GEN__MISUSED(#T "_step", CORO_GEN__SPENT);                                                        \
            self_ = T##__advance(self_, in_, out_);                                                                    \
            if (self_ != NULL ? CORO_GEN__SAME(T##_Y, coro_void) : CORO_GEN__SAME(T##_R, coro_void))                   \
                CORO_GEN__MISUSED(#T "_step", "a value of type coro_void, which has none");                            \
            *g_ = self_;                                                                                               \
            return self_ != NULL;                                                                                      \
        }                                                                                                              \
        CORO_GEN__INLINE bool T##_step(T **g_, T##_I in_, T##_out *out_)                                               \
        {                                                                                                              \
            T *self_ = *g_;                                                                                            \
            bool more_;                                                                                                \
                                                                                                                       \
            *g_ = NULL;                                                                                                \
            more_ = T##__pull(&self_, in_, out_);                                                                      \
            *g_ = self_;                                                                                               \
            return more_;                                                                                              \
        }                                                                                                              \
        CORO_GEN__INLINE void T##_drop(T **g_)                                                                         \
        {                                                                                                              \
            T *self_ = *g_;                                                                                            \
                                                                                                                       \
            *g_ = NULL;                                                                                                \
            if (self_ != NULL)                                                                                         \
                T##__discard(self_);                                                                                   \
        }
#endif

#define CORO_GEN__LOOPS(T)                                                                                             \
    CORO_GEN__INLINE void T##_own(T **g_, T *fresh_)                                                                   \
    {                                                                                                                  \
        *g_ = fresh_;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__INLINE T##_I T##__nothing(void)                                                                          \
    {                                                                                                                  \
        T##_I nothing_ = CORO_GEN__ZERO;                                                                               \
        return nothing_;                                                                                               \
    }                                                                                                                  \
    CORO_GEN__INLINE bool T##_each(T **g_, T##_Y *y_)                                                                  \
    {                                                                                                                  \
        T##_out out_;                                                                                                  \
        bool more_ = T##_step(g_, T##__nothing(), &out_);                                                              \
                                                                                                                       \
        if (more_)                                                                                                     \
            *y_ = out_.y;                                                                                              \
        return more_;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__INLINE T##_R T##_for_each(T **g_, void (*f_)(void *context, T##_Y y), void *context_)                    \
    {                                                                                                                  \
        T##_out out_;                                                                                                  \
                                                                                                                       \
        while (T##_step(g_, T##__nothing(), &out_))                                                                    \
            f_(context_, out_.y);                                                                                      \
        return out_.r;                                                                                                 \
    }                                                                                                                  \
    CORO_GEN__INLINE T##_R T##_drive(T **g_, T##_I first_, T##_I (*f_)(void *context, T##_Y y), void *context_)        \
    {                                                                                                                  \
        T##_out out_;                                                                                                  \
                                                                                                                       \
        while (T##_step(g_, first_, &out_))                                                                            \
            first_ = f_(context_, out_.y);                                                                             \
        return out_.r;                                                                                                 \
    }                                                                                                                  \
    extern void T##_bootstrap_needs_inputs_and_yields_of_one_type(void)                                                \
        CORO_GEN__ERROR(#T "_bootstrap: inputs and yields are of different types");                                    \
    CORO_GEN__INLINE T##_R T##_bootstrap(T **g_, T##_I first_)                                                         \
    {                                                                                                                  \
        T##_out out_;                                                                                                  \
                                                                                                                       \
        if (!CORO_GEN__SAME(T##_I, T##_Y))                                                                             \
            T##_bootstrap_needs_inputs_and_yields_of_one_type();                                                       \
        while (T##_step(g_, first_, &out_))                                                                            \
            __builtin_memcpy(&first_, &out_, sizeof out_ < sizeof first_ ? sizeof out_ : sizeof first_);               \
        return out_.r;                                                                                                 \
    }                                                                                                                  \
    struct T

/* An error where a call of it is compiled into a program. */
#if defined(__clang__) && __clang_major__ < 14
#    define CORO_GEN__ERROR(text)
#else
#    define CORO_GEN__ERROR(text) __attribute__((error(text)))
#endif

/**
 * `CORO_GEN_OWN(S, g, ones_init(&ones, 1));` declares the handle g. The same as `S *g = ones_init(&ones, 1);`, but says to
 * clang's check which variable owns the generator, which it cannot see by itself.
 */
#define CORO_GEN_OWN(S, g, generator)                                                                                  \
    S *g;                                                                                                              \
    S##_own(&g, (generator))

/**
 * `CORO_GEN_EACH(S, y, g) statement`: run the statement with every yield of `S *g`, in a fresh variable y; inputs are zero.
 * After the loop g is NULL; after a `break` it is whole. What the generator returns is lost.
 */
#define CORO_GEN_EACH(S, y, g) for (S##_Y y __attribute__((unused)); S##_each(&(g), &y);)

#endif
