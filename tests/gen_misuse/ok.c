/* Every way to use a handle up. */
/* accepted */
#include "generators.h"

static int to_the_end(const int *array, size_t count)
{
    elements state;
    ints_out out;
    int sum = 0;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    while (ints_step(&g, 0, &out))
        sum += out.y;
    return sum + out.r;
}

static int to_somewhere(const int *array, size_t count)
{
    elements state;
    doubled outer;
    ints_out out;
    CORO_GEN_OWN(ints, g, doubled_init(&outer, elements_init(&state, array, count, 0)));

    if (!ints_step(&g, 0, &out))
        return out.r;
    if (out.y == 0) {
        ints_drop(&g);
        return 0;
    }
    ints_drop(&g);
    return 1;
}

static int given_away(const int *array, size_t count)
{
    elements state;
    ones other;
    composed both;
    CORO_GEN_OWN(ints, a, elements_init(&state, array, count, 0));
    CORO_GEN_OWN(ints, b, ones_init(&other, 1));
    CORO_GEN_OWN(ints, g, composed_init(&both, a, b));

    return ints_bootstrap(&g, 0);
}

static int woven(const int *array, size_t count)
{
    elements state;
    ones other;
    weave_out out;
    CORO_GEN_OWN(ints, a, elements_init(&state, array, count, 0));
    CORO_GEN_OWN(ints, b, ones_init(&other, 1));

    if (weave_run(&a, &b, 0, &out)) {
        ints_drop(&b);
        return out.a;
    }
    ints_drop(&a);
    return out.b;
}

static int of_known_type(const int *array, size_t count)
{
    elements state;
    elements_out out;
    int sum = 0;
    CORO_GEN_OWN(elements, g, elements_make(&state, array, count, 0));

    while (elements_step(&g, 0, &out))
        sum += out.y;
    return sum;
}

static int each(const int *array, size_t count)
{
    elements state;
    int sum = 0;
    CORO_GEN_OWN(ints, g, elements_init(&state, array, count, 0));

    CORO_GEN_EACH(ints, y, g)
    sum += y;
    return sum;
}

int misuse(const int *array, size_t count)
{
    return to_the_end(array, count) + to_somewhere(array, count) + given_away(array, count) + woven(array, count) +
           of_known_type(array, count) + each(array, count);
}
