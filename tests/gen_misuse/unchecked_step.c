/* What a step said is not looked at, and then the generator is dropped. */
/* clang: not held */
/* gcc: NULL */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    (void)ints_step(&g, 0, &out);
    ints_drop(&g);
    return 0;
}
