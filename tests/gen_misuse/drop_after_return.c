/* Dropped after it has returned. */
/* clang: releasing .* 'g' that was not held */
/* gcc: NULL */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    if (!ints_step(&g, 0, &out)) {
        ints_drop(&g);
        return 0;
    }
    ints_drop(&g);
    return 1;
}
