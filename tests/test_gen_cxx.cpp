/*
 * coro/gen.h as C++17 sees it: the same macros, which need no cast, no designated initializer and no compound literal of C.
 */
#include "support/test.h"

#include <coro/gen.h>

CORO_GEN_PAIR(two_ints, int, int);
CORO_GEN_MAYBE(maybe_unit, coro_unit);
CORO_GEN(ints, void, int, coro_unit);
CORO_GEN(echoes, int, int, int);
CORO_GEN(pairs, coro_unit, two_ints, coro_unit);
CORO_GEN(some_ints, coro_unit, int, maybe_unit);

struct count {
    CORO_GEN_POINT;
    int i;
};

static bool count_body(struct count *self, coro_unit in, ints_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    for (self->i = 1; self->i <= 3; self->i++)
        CORO_GEN_YIELD(self->i);
    CORO_GEN_RETURN(CORO_UNIT);
    CORO_GEN_END;
}

static int next(int *i, coro_unit in)
{
    (void)in;
    return (*i)++;
}

static int product(two_ints y)
{
    return y.a * y.b;
}

static bool is_small(int x)
{
    return x < 100;
}

CORO_GEN_FROM_CONTROL_FLOW(counter, ints, count_body, count);
CORO_GEN_YIELD_WITH(from, ints, next, int);
CORO_GEN_FROM_ARRAY(elements, ints);
CORO_GEN_ZIP(zipped, pairs, counter, from);
CORO_GEN_MAP_YIELD(products, ints, zipped, product);
CORO_GEN_TAKE(first, some_ints, products);
CORO_GEN_WHILE(while_small, echoes, is_small);
CORO_GEN_FROM_CORO(recursive, ints, recurse, int);

static void descend(recursive *self, int depth)
{
    if (depth == 0)
        return;
    recursive_yield(self, depth);
    descend(self, depth - 1);
}

static coro_unit recurse(recursive *self, coro_unit in)
{
    (void)in;
    descend(self, self->data);
    return CORO_UNIT;
}

static void generators_work_in_cxx(void **state)
{
    counter a;
    from b;
    zipped z;
    products p;
    first f;
    int sum = 0;
    (void)state;

    some_ints *g = first_init(&f, products_make(&p, zipped_make(&z, counter_make(&a, count()), from_make(&b, 7))), 2);
    CORO_GEN_EACH(some_ints, y, g)
    sum += y;
    assert_int_equal(sum, 1 * 7 + 2 * 8);
}

static void stackful_ones_too(void **state)
{
    recursive r;
    ints *g = recursive_init(&r, 4, NULL);
    int sum = 0;
    (void)state;

    CORO_GEN_EACH(ints, y, g)
    sum = 10 * sum + y;
    assert_int_equal(sum, 4321);
    g = recursive_init(&r, 4, NULL);
    ints_drop(&g);
}

static int next_input(void *context, int y)
{
    ++*(int *)context;
    return 3 * y;
}

static void loops_too(void **state)
{
    while_small w;
    echoes *g = while_small_init(&w);
    int steps = 0;
    (void)state;

    assert_int_equal(echoes_drive(&g, 1, next_input, &steps), 243);
    assert_int_equal(steps, 5);
    g = while_small_init(&w);
    assert_int_equal(echoes_bootstrap(&g, 100), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(generators_work_in_cxx),
        TEST(stackful_ones_too),
        TEST(loops_too),
    };

    return RUN_TESTS(tests);
}
