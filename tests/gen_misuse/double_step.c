/* A second step without a look at what the first one did. */
/* clang: releasing (generator|mutex) 'g' that was not held */
/* gcc: use of NULL .g. where non-null expected */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    ints_step(&g, 0, &out);
    ints_step(&g, 0, &out);
    ints_drop(&g);
    return 0;
}
