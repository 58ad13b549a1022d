/* A step of what a combinator has. */
/* clang: releasing (generator|mutex) 'g' that was not held */
/* gcc: double-.*|use after .*|after */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    doubled outer;
    ints_out out;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));
    CORO_GEN_OWN(ints, h, doubled_init(&outer, g));

    if (ints_step(&g, 0, &out))
        ints_drop(&g);
    ints_drop(&h);
    return 0;
}
