/* A return that forgets the generator. */
/* clang: is (still|not) held */
/* gcc: leak */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    while (ints_step(&g, 0, &out))
        if (out.y == 3)
            return 1;
    return 0;
}
