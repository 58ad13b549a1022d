/*
 * coro/gen/lint.h: a handle that was given away, used again, found by the compiler. Only with CORO_GEN_LINT defined.
 *
 *     clang -DCORO_GEN_LINT -Wthread-safety -fsyntax-only file.c
 *     gcc -DCORO_GEN_LINT -O0 -fanalyzer -c -o /dev/null file.c
 *
 * clang: every handle is a capability, which is what its thread safety analysis calls a lock. Steps release it and acquire it
 * again if they yield; who gives a handle away releases it. The analysis knows capabilities by name and no aliases, so a
 * handle is declared with CORO_GEN_OWN(), and lives in one variable.
 *
 * gcc: every handle is a piece of memory, and whoever takes one frees it. Steps are only declared, so what is compiled this way
 * is there to be looked at, not to be linked.
 *
 * Source: typestate as thread safety: the attributes are those of the clang manual, "Thread Safety Analysis";
 *         malloc(deallocator) is that of the gcc manual, "Common Function Attributes".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_LINT_H
#define CORO_GEN_LINT_H

#include <coro/gen/types.h>

#if defined(CORO_GEN_LINT) && defined(__clang__)

/** Behind the prototype of a function that uses up a handle: `int sum(ints **g) CORO_GEN_TAKES(*g);` */
#    define CORO_GEN_TAKES(...) __attribute__((release_capability(__VA_ARGS__)))

#    define CORO_GEN__CAPABILITY  __attribute__((capability("generator")))
#    define CORO_GEN__ACQUIRES(x) __attribute__((acquire_capability(x), lock_returned(x)))
#    define CORO_GEN__FRESH
#    define CORO_GEN__BORN(T, g)     (g)
#    define CORO_GEN__TRY(g)         __attribute__((release_capability(g), try_acquire_capability(true, g)))
#    define CORO_GEN__MOVE(to, from) __attribute__((release_capability(from), acquire_capability(to)))
#    define CORO_GEN__LINT_HANDLE(T)                                                                                   \
        static inline bool T##_step(T **g_, T##_I in_, T##_out *out_) CORO_GEN__TRY(*g_);                              \
        static inline bool T##_each(T **g_, T##_Y *y_) CORO_GEN__TRY(*g_);                                             \
        static inline void T##_drop(T **g_) CORO_GEN_TAKES(*g_);                                                       \
        static inline void T##_own(T **g_, T *fresh_) CORO_GEN__MOVE(*g_, fresh_);                                     \
        static inline T##_R T##_for_each(T **g_, void (*f_)(void *context, T##_Y y), void *context_)                   \
            CORO_GEN_TAKES(*g_);                                                                                       \
        static inline T##_R T##_drive(T **g_, T##_I first_, T##_I (*f_)(void *context, T##_Y y), void *context_)       \
            CORO_GEN_TAKES(*g_);                                                                                       \
        static inline T##_R T##_bootstrap(T **g_, T##_I first_) CORO_GEN_TAKES(*g_);
#    define CORO_GEN__LINT_MAKE(N, T, made, verb, taking, parameters)                                                  \
        static inline T *N##_##verb parameters taking CORO_GEN__ACQUIRES(made);

#    define CORO_GEN__LINT_WEAVE(N, A, B)                                                                              \
        static inline bool N##_run(A **a_, B **b_, A##_I first_, N##_out *out_) __attribute__((                        \
            release_capability(*a_, *b_), try_acquire_capability(true, *b_), try_acquire_capability(false, *a_)));

#else

#    define CORO_GEN_TAKES(...)
#    define CORO_GEN__CAPABILITY
#    define CORO_GEN__LINT_WEAVE(N, A, B)
#    define CORO_GEN__FRESH
#    define CORO_GEN__LINT_MAKE(N, T, made, verb, taking, parameters)

#    if defined(CORO_GEN_LINT) && !defined(__cplusplus)

#        define CORO_GEN__GIVEN(N, T, g) T##__use(g)
#        define CORO_GEN__BORN(T, g)     ((void)(g), T##__fresh())
#        define CORO_GEN__LINT_HANDLE(T)                                                                               \
            extern T *T##__use(T *g_) __attribute__((nonnull, returns_nonnull));                                       \
            extern T *T##__fresh(void) __attribute__((malloc(T##__use, 1), returns_nonnull));                          \
            extern T *T##__stepped(T *used, T##_I in_, T##_out *out_) __attribute__((malloc(T##__use, 1)));
#        define CORO_GEN__STEP_AND_DROP(T)                                                                             \
            CORO_GEN__INLINE bool T##_step(T **g_, T##_I in_, T##_out *out_)                                           \
            {                                                                                                          \
                *g_ = T##__stepped(T##__use(*g_), in_, out_);                                                          \
                if (*g_ == NULL) /* a branch, which the analyzer follows, and not a value, which it forgets */         \
                    return false;                                                                                      \
                return true;                                                                                           \
            }                                                                                                          \
            CORO_GEN__INLINE bool T##__pull(T **g_, T##_I in_, T##_out *out_)                                          \
            {                                                                                                          \
                return T##_step(g_, in_, out_);                                                                        \
            }                                                                                                          \
            CORO_GEN__INLINE void T##_drop(T **g_)                                                                     \
            {                                                                                                          \
                T##__use(*g_);                                                                                         \
                *g_ = NULL;                                                                                            \
            }
#    else

#        define CORO_GEN__BORN(T, g) (g)
#        define CORO_GEN__LINT_HANDLE(T)

#    endif
#endif

#endif
