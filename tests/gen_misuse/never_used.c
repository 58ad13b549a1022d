/* Made and forgotten. */
/* clang: is still held */
/* gcc: leak */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    return g != NULL;
}
