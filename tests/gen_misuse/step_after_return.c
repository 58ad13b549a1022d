/* A step of what has returned. */
/* clang: releasing .* 'g' that was not held */
/* gcc: NULL */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    while (ints_step(&g, 0, &out))
        continue;
    ints_step(&g, 0, &out);
    return out.r;
}
