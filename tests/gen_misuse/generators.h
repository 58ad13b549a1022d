/*
 * What the files of this folder use and misuse.
 */
#include <coro/gen.h>

CORO_GEN(ints, int, int, int);
CORO_GEN(texts, int, const char *, int);

static inline int twice(int x)
{
    return 2 * x;
}

CORO_GEN_JUST_YIELD(ones, ints);
CORO_GEN_FROM_ARRAY(elements, ints);
CORO_GEN_MAP_YIELD(doubled, ints, ints, twice);
CORO_GEN_COMPOSE(composed, ints, ints, ints);
CORO_GEN_WEAVE(weave, ints, ints);

int misuse(const int *array, size_t count);
