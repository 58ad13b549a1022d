/* What the snippets of docs/guide/generators.md take for granted: mostly what the ones before them have defined. */
#include <stdlib.h>

struct tree {
    struct tree *left, *right;
    int value;
};
extern struct tree *root;

#if !AT_a_generator_has_three_types
CORO_GEN(ints, coro_unit, int, coro_unit);
extern ints *g, *source;
extern ints_out out;

#    if !AT_writing_one
struct count {
    CORO_GEN_POINT;
    int i, to;
};

static inline bool count(struct count *self, coro_unit in, ints_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    for (self->i = 1; self->i <= self->to; self->i++)
        CORO_GEN_YIELD(self->i);
    CORO_GEN_RETURN(CORO_UNIT);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(counter, ints, count, struct count);
extern counter state;
#    endif
#endif

#if AT_combining_them >= 2 || AT_as_fast_as_the_loop
static inline int square(int x)
{
    return x * x;
}
#endif

#if AT_combining_them == 2
CORO_GEN_MAP_YIELD(squares, ints, ints, square);
#elif AT_combining_them == 4
static inline int times(int *factor, int x)
{
    return *factor * x;
}

CORO_GEN_MAP_YIELD(scaled, ints, ints, times, int);
#elif AT_combining_them == 5
CORO_GEN(lines, coro_unit, const char *, coro_unit);
#endif

#if AT_a_generator_with_a_stack == 2
CORO_GEN_FROM_CORO(walk, ints, walk_from, const struct tree *);

static coro_unit walk_from(walk *self, coro_unit in)
{
    walk_yield(self, self->data->value);
    return in;
}
#endif

#if AT_as_fast_as_the_loop
CORO_GEN_MAYBE(maybe_unit, coro_unit);
CORO_GEN(first_ints, coro_unit, int, maybe_unit);
#endif
#if AT_as_fast_as_the_loop == 2
CORO_GEN_MAP_YIELD(squares, ints, counter, square);
CORO_GEN_TAKE(some, first_ints, squares);
extern void print(void *unused, int y);
#endif

#if AT_steps_that_are_known
typedef struct blastoff {
    char none;
} blastoff;
typedef struct one {
    char none;
} one;
#endif
#if AT_steps_that_are_known == 2
CORO_GEN_RETURNED(blastoff, const char *);
CORO_GEN_YIELDED(one, int, blastoff);

static inline one_yielded one_resume(one self, coro_unit in)
{
    (void)self;
    (void)in;
    return (one_yielded){1, {0}};
}

static inline blastoff_returned blastoff_resume(blastoff self, coro_unit in)
{
    (void)self;
    (void)in;
    return (blastoff_returned){"Blastoff"};
}

#    define resume(state) CORO_GEN_RESUME((state), CORO_UNIT, one, blastoff)
#endif
