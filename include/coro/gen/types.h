/*
 * coro/gen/types.h: the small types that generators need, type checks, and what happens on misuse.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_TYPES_H
#define CORO_GEN_TYPES_H

#include <coro/base.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The type with one value, for an input, a yield or a return that says nothing. */
typedef enum coro_unit { CORO_UNIT } coro_unit;

/** The type without values: a generator that yields coro_void never yields, one that returns coro_void never returns. C has no
 *  such type; this one stands for it, and whatever would need a value of it is refused. */
typedef struct coro_void {
    char has_no_values;
} coro_void;

/** `CORO_GEN_PAIR(P, A, B);` makes P a struct { A a; B b; }, which zip yields and join returns. */
#define CORO_GEN_PAIR(P, A, B)                                                                                         \
    typedef struct P {                                                                                                 \
        A a;                                                                                                           \
        B b;                                                                                                           \
    } P

/** `CORO_GEN_MAYBE(M, T);` makes M a struct { bool some; T value; }, which take returns. `value` is zero where `some` is
 * false. */
#define CORO_GEN_MAYBE(M, T)                                                                                           \
    typedef struct M {                                                                                                 \
        bool some;                                                                                                     \
        T value;                                                                                                       \
    } M

/**
 * End the program after a misuse: "libcoro: ints_step: the handle is NULL: ... (called from ./app(+0x12f0))".
 *
 * @param function  what was misused, by name: "ints_step"
 * @param what      what is wrong
 *
 * Context: anywhere. Does not return: aborts. Programs that define CORO_GEN_MISUSE(function, what) before they include the
 * header
 *          never get here, freestanding ones end in __builtin_trap() instead.
 */
CORO_API void coro_gen_misuse(const char *function, const char *what) __attribute__((noreturn, cold));

#ifdef __cplusplus
}
#endif

#ifndef CORO_GEN_MISUSE
#    if __STDC_HOSTED__
#        define CORO_GEN_MISUSE(function, what) coro_gen_misuse((function), (what))
#    else
#        define CORO_GEN_MISUSE(function, what) __builtin_trap()
#    endif
#endif

/* A replacement that comes back has not ended the program: nothing may go on from here. */
#define CORO_GEN__MISUSED(function, what) (CORO_GEN_MISUSE(function, what), __builtin_trap())

#define CORO_GEN__SPENT "the handle is NULL: its generator has returned, was dropped or was given away"
#define CORO_GEN__ENTERED                                                                                              \
    "the generator is running, or this handle is a stale copy of one that was stepped, dropped or given away"

/* ---- the same in C and C++ ---- */

#ifdef __cplusplus
#    define CORO_GEN__ASSERT(condition, text) static_assert(condition, text)
#    define CORO_GEN__SAME(A, B)              __is_same(__typeof__(A), __typeof__(B))
#    define CORO_GEN__ZERO                                                                                             \
        {                                                                                                              \
        }
#    define CORO_GEN__VALUE(T) coro_gen__value<T>::type
template <typename T> struct coro_gen__value {
    typedef T type;
};
template <> struct coro_gen__value<void> {
    typedef coro_unit type;
};
#else
#    define CORO_GEN__ASSERT(condition, text) _Static_assert(condition, text)
#    define CORO_GEN__SAME(A, B)              __builtin_types_compatible_p(__typeof__(A), __typeof__(B))
#    define CORO_GEN__ZERO                                                                                             \
        {                                                                                                              \
            0                                                                                                          \
        }
/* void, which has no values to pass, counts as coro_unit */
#    define CORO_GEN__VALUE(T)                                                                                         \
        __typeof__(*__builtin_choose_expr(CORO_GEN__SAME(T, void), (coro_unit *)0, (__typeof__(T) *)0))
#endif

/* always_inline, so that the place of a misuse is the place of the call, and that chains of generators fold at -O2. What
 * clang's check says of handles it is told of each function; their bodies, which see behind the handle, are not its
 * business. */
#if defined(CORO_GEN_LINT) && defined(__clang__)
#    define CORO_GEN__UNCHECKED no_thread_safety_analysis, unused
#else
#    define CORO_GEN__UNCHECKED unused
#endif
#define CORO_GEN__INLINE static inline __attribute__((always_inline, CORO_GEN__UNCHECKED))
#define CORO_GEN__LOCAL  static __attribute__((CORO_GEN__UNCHECKED))

/* ---- captured data ----
 *
 * Wherever a macro takes a function f it may be given a type C behind it: `f, C`. Then the state keeps a value of type C, which
 * is the last argument of N_init(), and f gets a pointer to it before its own arguments. __VA_ARGS__ below is `f` or `f, C`. */

#define CORO_GEN__PICK(f, C, which, ...) which
#define CORO_GEN__FIRST(...)             CORO_GEN__FIRST_(__VA_ARGS__, )
#define CORO_GEN__FIRST_(f, ...)         f

/* member */
#define CORO_GEN__DATA(...) CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__DATA_2, CORO_GEN__DATA_1, )(__VA_ARGS__)
#define CORO_GEN__DATA_1(f)
#define CORO_GEN__DATA_2(f, C) C data;

/* parameter, and its use as an argument */
#define CORO_GEN__PARAM(...) CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__PARAM_2, CORO_GEN__PARAM_1, )(__VA_ARGS__)
#define CORO_GEN__PARAM_1(f)
#define CORO_GEN__PARAM_2(f, C) , C data_
#define CORO_GEN__ARG(...)      CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__ARG_2, CORO_GEN__ARG_1, )(__VA_ARGS__)
#define CORO_GEN__ARG_1(f)
#define CORO_GEN__ARG_2(f, C) , data_
#define CORO_GEN__KEEP(...)   CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__KEEP_2, CORO_GEN__KEEP_1, )(__VA_ARGS__)
#define CORO_GEN__KEEP_1(f)
#define CORO_GEN__KEEP_2(f, C) state_->data = data_;

/* f(arguments) in the state's run function; the arguments are in parentheses */
#define CORO_GEN__CALL(arguments, ...)                                                                                 \
    CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__CALL_2, CORO_GEN__CALL_1, )(arguments, __VA_ARGS__)
#define CORO_GEN__CALL_1(arguments, f)    f arguments
#define CORO_GEN__CALL_2(arguments, f, C) f(&self_->data, CORO_GEN__BARE arguments)
#define CORO_GEN__BARE(...)               __VA_ARGS__

/* f must be a function of this type; the parameters are in parentheses */
#define CORO_GEN__IS_FN(N, result, parameters, text, ...)                                                              \
    CORO_GEN__PICK(__VA_ARGS__, CORO_GEN__IS_FN_2, CORO_GEN__IS_FN_1, )(N, result, parameters, text, __VA_ARGS__)
#define CORO_GEN__IS_FN_1(N, result, parameters, text, f)                                                              \
    CORO_GEN__ASSERT(CORO_GEN__SAME(f, result parameters), #N ": " #f " must be a function " text)
#define CORO_GEN__IS_FN_2(N, result, parameters, text, f, C)                                                           \
    CORO_GEN__ASSERT(CORO_GEN__SAME(f, result(C *, CORO_GEN__BARE parameters)),                                        \
                     #N ": " #f " must be a function " text ", with a " #C " * before its parameters")

#endif
