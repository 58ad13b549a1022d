/*
 * coro/gen/coroutine.h: a generator that is a coroutine. It has a stack of its own, so that it can yield from inside the
 * functions that it calls: a recursive walk over a tree is a generator.
 *
 *     CORO_GEN_FROM_CORO(walk, ints, walk_body, const struct tree *);
 *
 *     static void visit(walk *self, const struct tree *t)
 *     {
 *         if (t == NULL)
 *             return;
 *         visit(self, t->left);
 *         walk_yield(self, t->value);
 *         visit(self, t->right);
 *     }
 *
 *     static coro_unit walk_body(walk *self, coro_unit in)
 *     {
 *         (void)in;
 *         visit(self, self->data);
 *         return CORO_UNIT;
 *     }
 *
 *     walk state;
 *     ints *g = walk_init(&state, tree, NULL);
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_COROUTINE_H
#define CORO_GEN_COROUTINE_H

#include <coro/coroutine.h>
#include <coro/gen/state.h>
#include <errno.h>

/**
 * The state N of signature S whose body is `static S_R f(N *self, S_I in)`, defined behind this; or `f, C` for data of type C
 * in self->data. `in` is the first step's input.
 *
 *     S *N_init(N *state, [C data,] const coro_opts *opts)       NULL if there is no memory or an option is wrong, errno says
 *                                                                which; opts as in coro_create(), NULL is all defaults
 *     S_I N_yield(N *self, S_Y y)                                inside the body, at any depth of calls: yields y, returns
 *                                                                the next step's input
 *
 * Dropping it unwinds it, as coro_destroy() does; a yield while it unwinds does nothing and returns the last input. Steps run
 * on the coroutine's stack, on the thread that made it. A yield outside the body, and a step that coro_resume() refuses, end
 * the program with a message.
 */
#define CORO_GEN_FROM_CORO(N, S, ...)                                                                                  \
    CORO_GEN__STATE(N, S, coro_t *co; S##_I in; S##_out * out; CORO_GEN__DATA(__VA_ARGS__))                            \
    static S##_R CORO_GEN__FIRST(__VA_ARGS__)(N * self_, S##_I in_);                                                   \
    CORO_GEN__LOCAL void *N##__body(void *state_)                                                                      \
    {                                                                                                                  \
        N *self_ = (N *)state_;                                                                                        \
        S##_R r_ = CORO_GEN__FIRST(__VA_ARGS__)(self_, self_->in);                                                     \
                                                                                                                       \
        self_->out->r = r_;                                                                                            \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    CORO_GEN__INLINE S##_I N##_yield(N *self_, S##_Y y_)                                                               \
    {                                                                                                                  \
        if (__builtin_expect(coro_self() != self_->co, 0))                                                             \
            CORO_GEN__MISUSED(#N "_yield", "called outside the generator's own coroutine");                            \
        if (self_->out != NULL) {                                                                                      \
            self_->out->y = y_;                                                                                        \
            coro_yield(NULL);                                                                                          \
        }                                                                                                              \
        return self_->in;                                                                                              \
    }                                                                                                                  \
    CORO_GEN__RUN(N, S)                                                                                                \
    {                                                                                                                  \
        coro_step step_;                                                                                               \
                                                                                                                       \
        self_->in = in_;                                                                                               \
        self_->out = out_;                                                                                             \
        step_ = coro_resume(self_->co, self_);                                                                         \
        if (__builtin_expect(step_.status == CORO_YIELDED, 1))                                                         \
            return true;                                                                                               \
        coro_gen_ended(&self_->co, step_.status, #N "_step");                                                          \
        return false;                                                                                                  \
    }                                                                                                                  \
    CORO_GEN__END(N)                                                                                                   \
    {                                                                                                                  \
        self_->out = NULL; /* nobody takes what it might yield while it unwinds */                                     \
        coro_gen_ended(&self_->co, CORO_RETURNED, #N "_drop");                                                         \
    }                                                                                                                  \
    CORO_GEN__STATE_END(N, S);                                                                                         \
    CORO_GEN__MAKE_CORO(N, N, *state_, make, (N * state_ CORO_GEN__PARAM(__VA_ARGS__), const coro_opts *opts_),        \
                        __VA_ARGS__)                                                                                   \
    CORO_GEN__MAKE_CORO(N, S, state_->gen, init, (N * state_ CORO_GEN__PARAM(__VA_ARGS__), const coro_opts *opts_),    \
                        __VA_ARGS__)                                                                                   \
    struct N

#define CORO_GEN__MAKE_CORO(N, T, made, verb, parameters, ...)                                                         \
    CORO_GEN__LINT_MAKE(N, T, made, verb, CORO_GEN__FRESH, parameters)                                                 \
    CORO_GEN__INLINE T *N##_##verb parameters                                                                          \
    {                                                                                                                  \
        CORO_GEN__KEEP(__VA_ARGS__)                                                                                    \
        if (!coro_gen_began(&state_->co, N##__body, opts_))                                                            \
            return NULL;                                                                                               \
        N##__begin(state_);                                                                                            \
        return CORO_GEN__BORN(T, &made);                                                                               \
    }

#ifdef __cplusplus
extern "C" {
#endif

/** What the macro above calls, to make and to end its coroutine. */
CORO_API bool coro_gen_began(coro_t **co, coro_fn *fn, const coro_opts *opts);
CORO_API void coro_gen_ended(coro_t **co, long status, const char *function);

#ifdef __cplusplus
}
#endif

#endif
