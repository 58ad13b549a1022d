/*
 * The test helpers: values of any type are written down, and compared as they are written.
 */
#include <coro/gen/expect.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 256 };

static intmax_t as_signed(coro_gen_value v)
{
    switch (v.size) {
    case 1:
        return *(const int8_t *)v.at;
    case 2:
        return *(const int16_t *)v.at;
    case 4:
        return *(const int32_t *)v.at;
    default:
        return *(const int64_t *)v.at;
    }
}

static uintmax_t as_unsigned(coro_gen_value v)
{
    return (uintmax_t)as_signed(v) & (UINTMAX_MAX >> (64 - 8 * v.size));
}

static double as_double(coro_gen_value v)
{
    return v.size == sizeof(float) ? (double)*(const float *)v.at : *(const double *)v.at;
}

static void write_bytes(char text[TEXT_MAX], coro_gen_value v)
{
    size_t shown = v.size < TEXT_MAX / 3 - 1 ? v.size : TEXT_MAX / 3 - 1;

    text[0] = '\0';
    for (size_t i = 0; i < shown; i++)
        snprintf(text + 3 * i, 4, "%02x ", ((const unsigned char *)v.at)[i]);
}

static void write_value(char text[TEXT_MAX], coro_gen_value v)
{
    const char *string = NULL;

    switch (v.kind) {
    case CORO_GEN_SIGNED:
        snprintf(text, TEXT_MAX, "%jd", as_signed(v));
        break;
    case CORO_GEN_UNSIGNED:
        snprintf(text, TEXT_MAX, "%ju", as_unsigned(v));
        break;
    case CORO_GEN_DOUBLE:
        snprintf(text, TEXT_MAX, "%.17g", as_double(v));
        break;
    case CORO_GEN_STRING:
        memcpy(&string, v.at, sizeof string);
        snprintf(text, TEXT_MAX, string != NULL ? "\"%s\"" : "NULL", string);
        break;
    case CORO_GEN_BYTES:
        write_bytes(text, v);
        break;
    }
}

static bool same_strings(coro_gen_value a, coro_gen_value b)
{
    const char *string_a, *string_b;

    memcpy(&string_a, a.at, sizeof string_a);
    memcpy(&string_b, b.at, sizeof string_b);
    return string_a == string_b || (string_a != NULL && string_b != NULL && strcmp(string_a, string_b) == 0);
}

static bool same(coro_gen_value a, coro_gen_value b)
{
    if (a.kind == CORO_GEN_STRING)
        return same_strings(a, b);
    if (a.kind == CORO_GEN_DOUBLE)
        return as_double(a) == as_double(b);
    return memcmp(a.at, b.at, a.size) == 0;
}

void coro_gen_expect(const char *file, int line, const char *signature, bool yields, coro_gen_value expected,
                     bool yielded, coro_gen_value got)
{
    char expected_text[TEXT_MAX], got_text[TEXT_MAX];

    if (yields == yielded && same(expected, got))
        return;
    write_value(expected_text, expected);
    write_value(got_text, got);
    fprintf(stderr, "%s:%d: %s: expected to %s %s, %s %s\n", file, line, signature, yields ? "yield" : "return",
            expected_text, yielded ? "yielded" : "returned", got_text);
    abort();
}
