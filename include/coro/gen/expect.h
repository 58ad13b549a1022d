/*
 * coro/gen/expect.h: what a generator should do, said in a test. C only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GEN_EXPECT_H
#define CORO_GEN_EXPECT_H

#include <coro/gen/signature.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A value of any type, as it is compared and printed. */
typedef struct coro_gen_value {
    enum { CORO_GEN_SIGNED, CORO_GEN_UNSIGNED, CORO_GEN_DOUBLE, CORO_GEN_STRING, CORO_GEN_BYTES } kind;
    const void *at;
    size_t size;
} coro_gen_value;

/**
 * End the program unless a step did what it should have done: "file:3: ints: expected to yield 1, returned 0".
 *
 * @param file, line  where the step stands
 * @param signature   by name
 * @param yields      should it have yielded? Otherwise, returned
 * @param expected    which value
 * @param yielded     did it?
 * @param got         which value
 *
 * Context: anywhere. Aborts where it ends the program.
 */
CORO_API void coro_gen_expect(const char *file, int line, const char *signature, bool yields, coro_gen_value expected,
                              bool yielded, coro_gen_value got);

#ifdef __cplusplus
}
#else

/**
 * Step `S *g` with `in`: it must yield `expected`. A message with both values ends the program otherwise. Numbers and strings
 * are compared by value, all else byte by byte.
 *
 *     CORO_GEN_ASSERT_YIELDS(ints, g, CORO_UNIT, 3);
 */
#    define CORO_GEN_ASSERT_YIELDS(S, g, in, expected)  CORO_GEN__EXPECT(S, g, in, true, y, expected)

/** The same for a step that must return `expected`. */
#    define CORO_GEN_ASSERT_RETURNS(S, g, in, expected) CORO_GEN__EXPECT(S, g, in, false, r, expected)

#    define CORO_GEN__EXPECT(S, g, in, yields, member, expected)                                                       \
        do {                                                                                                           \
            __typeof__(((S##_out *)0)->member) coro_gen_expected = (expected);                                         \
            S##_out coro_gen_out;                                                                                      \
                                                                                                                       \
            if (S##_step(&(g), (in), &coro_gen_out))                                                                   \
                coro_gen_expect(__FILE__, __LINE__, #S, (yields), CORO_GEN__VALUE_OF(coro_gen_expected), true,         \
                                CORO_GEN__VALUE_OF(coro_gen_out.y));                                                   \
            else                                                                                                       \
                coro_gen_expect(__FILE__, __LINE__, #S, (yields), CORO_GEN__VALUE_OF(coro_gen_expected), false,        \
                                CORO_GEN__VALUE_OF(coro_gen_out.r));                                                   \
        } while (0)

#    define CORO_GEN__VALUE_OF(x) ((coro_gen_value){CORO_GEN__KIND_OF(x), &(x), sizeof(x)})
#    define CORO_GEN__KIND_OF(x)                                                                                       \
        _Generic((x), \
        char: CORO_GEN_SIGNED, signed char: CORO_GEN_SIGNED, short: CORO_GEN_SIGNED, int: CORO_GEN_SIGNED, \
        long: CORO_GEN_SIGNED, long long: CORO_GEN_SIGNED, bool: CORO_GEN_UNSIGNED, \
        unsigned char: CORO_GEN_UNSIGNED, unsigned short: CORO_GEN_UNSIGNED, unsigned: CORO_GEN_UNSIGNED, \
        unsigned long: CORO_GEN_UNSIGNED, unsigned long long: CORO_GEN_UNSIGNED, float: CORO_GEN_DOUBLE, \
        double: CORO_GEN_DOUBLE, char *: CORO_GEN_STRING, const char *: CORO_GEN_STRING, default: CORO_GEN_BYTES)

#endif

#endif
