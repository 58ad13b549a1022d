/*
 * countdown: Three, Two, One, Blastoff! in three forms.
 *
 * As states that are types: the compiler knows which step yields and which returns. It refuses to step Blastoff, to read
 * what Three returns, and to compare anything when the program runs. As functions that each name the next one. And as one
 * function from top to bottom.
 */
#include "common.h"

#include <coro.h>

/* ---- states that are types ---- */

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

CORO_GEN_RETURNED(blastoff, const char *);
CORO_GEN_YIELDED(one, int, blastoff);
CORO_GEN_YIELDED(two, int, one);
CORO_GEN_YIELDED(three, int, two);

static inline three_yielded three_resume(three self, coro_unit in)
{
    (void)self;
    (void)in;
    return (three_yielded){3, {0}};
}

static inline two_yielded two_resume(two self, coro_unit in)
{
    (void)self;
    (void)in;
    return (two_yielded){2, {0}};
}

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

#define resume(state) CORO_GEN_RESUME((state), CORO_UNIT, three, two, one, blastoff)

static void by_types(void)
{
    three countdown = {0};
    three_yielded first = resume(countdown);
    two_yielded second = resume(first.next);
    one_yielded third = resume(second.next);
    blastoff_returned last = resume(third.next);

    printf("%d\n%d\n%d\n%s!\n", first.y, second.y, third.y, last.r);
}

/* ---- functions that name the next one ---- */

CORO_GEN(countdowns, coro_unit, int, const char *);

static countdowns *from_three(coro_unit in, countdowns_out *out);
static countdowns *from_two(coro_unit in, countdowns_out *out);
static countdowns *from_one(coro_unit in, countdowns_out *out);
static countdowns *from_zero(coro_unit in, countdowns_out *out);

CORO_GEN_FROM_FN(at_three, countdowns, from_three);
CORO_GEN_FROM_FN(at_two, countdowns, from_two);
CORO_GEN_FROM_FN(at_one, countdowns, from_one);
CORO_GEN_FROM_FN(at_zero, countdowns, from_zero);

/* A state that is spent makes room for a later one: two would do. */
static at_three place_three;
static at_two place_two;
static at_one place_one;
static at_zero place_zero;

static countdowns *from_three(coro_unit in, countdowns_out *out)
{
    (void)in;
    out->y = 3;
    return at_two_init(&place_two);
}

static countdowns *from_two(coro_unit in, countdowns_out *out)
{
    (void)in;
    out->y = 2;
    return at_one_init(&place_one);
}

static countdowns *from_one(coro_unit in, countdowns_out *out)
{
    (void)in;
    out->y = 1;
    return at_zero_init(&place_zero);
}

static countdowns *from_zero(coro_unit in, countdowns_out *out)
{
    (void)in;
    out->r = "Blastoff";
    return NULL;
}

/* ---- one function from top to bottom ---- */

struct count {
    CORO_GEN_POINT;
    int left;
};

static bool count_down(struct count *self, coro_unit in, countdowns_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    for (; self->left > 0; self->left--)
        CORO_GEN_YIELD(self->left);
    CORO_GEN_RETURN("Blastoff");
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(counter, countdowns, count_down, struct count);

static void run(countdowns *g)
{
    countdowns_out out;

    while (countdowns_step(&g, CORO_UNIT, &out))
        printf("%d\n", out.y);
    printf("%s!\n", out.r);
}

int main(int argc, char *argv[])
{
    counter state;

    no_options(argc, argv, 0, "usage: countdown\nCount down from three in three ways.\n");
    by_types();
    run(at_three_init(&place_three));
    run(counter_init(&state, (struct count){.left = 3}));
    return EXIT_SUCCESS;
}
