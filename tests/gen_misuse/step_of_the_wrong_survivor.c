/* After a weave, the one that has returned. */
/* clang: not held */
/* gcc: NULL */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ones other;
    weave_out out;
    CORO_GEN_OWN(ints, a, elements_init(&state, array, count, 0));
    CORO_GEN_OWN(ints, b, ones_init(&other, 1));

    if (weave_run(&a, &b, 0, &out)) {
        ints_drop(&a);
        return out.a;
    }
    ints_drop(&a);
    return out.b;
}
