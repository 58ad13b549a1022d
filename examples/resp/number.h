/* number.h: a whole number as Redis takes it, the one way to write it that there is: no blanks, no plus, no zeros in front. */
#ifndef RESP_NUMBER_H
#define RESP_NUMBER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool parse_integer(const char *text, size_t size, long long *out)
{
    bool negative = size != 0 && text[0] == '-';
    long long n = 0;
    size_t at = negative;

    if (at == size || (text[at] == '0' && size != 1))
        return false;
    for (; at < size; at++) {
        int digit = text[at] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, digit, &n))
            return false;
    }
    if (!negative && n == LLONG_MIN)
        return false;
    *out = negative ? n : -n; /* there is one more below zero than above */
    return true;
}

#endif
