/* Dropped twice. */
/* clang: releasing (generator|mutex) 'g' that was not held */
/* gcc: NULL */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    ints_drop(&g);
    ints_drop(&g);
    return 0;
}
