/*
 * Functions whose assembly is looked at: what is known when it is compiled leaves nothing to do when it runs. Those that end
 * in _not are there to be found by the same look.
 */
#include <coro/gen.h>

/* ---- steps that are known: no comparison ---- */

typedef struct blastoff {
    char none;
} blastoff;
typedef struct one {
    char none;
} one;
typedef struct two {
    char none;
} two;
typedef struct three {
    char none;
} three;

CORO_GEN_RETURNED(blastoff, int);
CORO_GEN_YIELDED(one, int, blastoff);
CORO_GEN_YIELDED(two, int, one);
CORO_GEN_YIELDED(three, int, two);

static inline blastoff_returned blastoff_resume(blastoff self, int in)
{
    (void)self;
    return (blastoff_returned){in};
}

static inline one_yielded one_resume(one self, int in)
{
    (void)self;
    return (one_yielded){in * 1, {0}};
}

static inline two_yielded two_resume(two self, int in)
{
    (void)self;
    return (two_yielded){in * 2, {0}};
}

static inline three_yielded three_resume(three self, int in)
{
    (void)self;
    return (three_yielded){in * 3, {0}};
}

#define resume(state, in) CORO_GEN_RESUME((state), (in), three, two, one, blastoff)

void countdown(volatile int *out, int in);
void countdown(volatile int *out, int in)
{
    three_yielded first = resume((three){0}, in);
    two_yielded second = (*out = first.y, resume(first.next, in));
    one_yielded third = (*out = second.y, resume(second.next, in));

    *out = third.y;
    *out = resume(third.next, in).r;
}

/* ---- states whose type is known: no call ---- */

CORO_GEN_MAYBE(maybe_unit, coro_unit);
CORO_GEN(ints, coro_unit, long, coro_unit);
CORO_GEN(some_ints, coro_unit, long, maybe_unit);

static inline long next(long *i, coro_unit in)
{
    (void)in;
    return (*i)++;
}

static inline long mixed(long x)
{
    return x * 3 ^ x >> 3;
}

static inline void collect(void *sum, long y)
{
    *(long *)sum ^= y;
}

CORO_GEN_YIELD_WITH(from, ints, next, long);
CORO_GEN_MAP_YIELD(mapped, ints, from, mixed);
CORO_GEN_TAKE(taken, some_ints, mapped);
CORO_GEN_MAP_YIELD(mapped_not, ints, ints, mixed);
CORO_GEN_TAKE(taken_not, some_ints, ints);

long folded(size_t n);
long folded(size_t n)
{
    from source;
    mapped map;
    taken take;
    long sum = 0;
    taken *g = taken_make(&take, mapped_make(&map, from_make(&source, 0)), n);

    taken_for_each(&g, collect, &sum);
    return sum;
}

long folded_not(size_t n);
long folded_not(size_t n)
{
    from source;
    mapped_not map;
    taken_not take;
    long sum = 0;
    some_ints *g = taken_not_init(&take, mapped_not_init(&map, from_init(&source, 0)), n);

    some_ints_for_each(&g, collect, &sum);
    return sum;
}

/* ---- a long chain of them: no state in memory either ---- */

static inline long total(long *sum, long x)
{
    return *sum += x;
}

CORO_GEN_FROM_ARRAY(array, ints);
CORO_GEN_MAP_YIELD(map1, ints, array, mixed);
CORO_GEN_MAP_YIELD(map2, ints, map1, total, long);
CORO_GEN_MAP_YIELD(map3, ints, map2, mixed);
CORO_GEN_MAP_YIELD(map4, ints, map3, total, long);
CORO_GEN_MAP_YIELD(map5, ints, map4, mixed);
CORO_GEN_MAP_YIELD(map6, ints, map5, total, long);
CORO_GEN_MAP_YIELD(map1_not, ints, ints, mixed);

long chain(const long *from, size_t n);
long chain(const long *from, size_t n)
{
    array source;
    map1 s1;
    map2 s2;
    map3 s3;
    map4 s4;
    map5 s5;
    map6 s6;
    long sum = 0;
    map2 *g2 = map2_make(&s2, map1_make(&s1, array_make(&source, from, n, CORO_UNIT)), 0);
    map4 *g4 = map4_make(&s4, map3_make(&s3, g2), 0);
    map6 *g6 = map6_make(&s6, map5_make(&s5, g4), 0);

    map6_for_each(&g6, collect, &sum);
    return sum;
}

long chain_not(const long *from, size_t n);
long chain_not(const long *from, size_t n)
{
    array source;
    map1_not s1;
    long sum = 0;
    ints *g = map1_not_init(&s1, array_init(&source, from, n, CORO_UNIT));

    ints_for_each(&g, collect, &sum);
    return sum;
}

void countdown_not(volatile int *out, int in);
void countdown_not(volatile int *out, int in)
{
    for (int i = 3; i > 0; i--)
        *out = in * i;
    if (in != 0)
        *out = in;
}
