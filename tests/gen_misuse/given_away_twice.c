/* One generator for two places. */
/* clang: releasing (generator|mutex) 'g' that was not held */
/* gcc: after|double */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    doubled one, two;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));
    CORO_GEN_OWN(ints, h, doubled_init(&one, g));
    CORO_GEN_OWN(ints, i, doubled_init(&two, g));

    ints_drop(&h);
    ints_drop(&i);
    return 0;
}
