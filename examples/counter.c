/*
 * counter: integers that never end, in the two forms in which the crate cocoro introduces itself.
 *
 * First as a state whose step is known to yield, and whose next state is known to be a counter again: nothing is left to
 * decide when the program runs. Then as a function that is asked for every yield, cut off after ten.
 */
#include "common.h"

#include <coro.h>

/* ---- a state ---- */

typedef struct counter {
    int n;
} counter;

CORO_GEN_YIELDED(counter, int, counter);

static inline counter_yielded counter_resume(counter self, coro_unit in)
{
    (void)in;
    return (counter_yielded){self.n, {self.n + 1}};
}

static void count_by_a_state(void)
{
    counter c = {0};

    for (int i = 0; i < 10; i++) {
        counter_yielded step = counter_resume(c, CORO_UNIT);

        printf("%d\n", step.y);
        c = step.next;
    }
}

/* ---- a function ---- */

CORO_GEN(ints, coro_unit, int, coro_void); /* never return */
CORO_GEN_MAYBE(maybe_void, coro_void);
CORO_GEN(first_ints, coro_unit, int, maybe_void); /* the first of such ints: return none */

static int next(int *i, coro_unit in)
{
    (void)in;
    return ++*i;
}

static void print(void *unused, int n)
{
    (void)unused;
    printf("%d\n", n);
}

CORO_GEN_YIELD_WITH(counting, ints, next, int);
CORO_GEN_TAKE(taken, first_ints, ints);

static void count_by_a_function(void)
{
    counting source;
    taken ten;
    first_ints *g = taken_init(&ten, counting_init(&source, 0), 10);

    first_ints_for_each(&g, print, NULL);
}

int main(int argc, char *argv[])
{
    no_options(argc, argv, 0, "usage: counter\nCount to ten twice: from 0 by a state, from 1 by a function.\n");
    count_by_a_state();
    count_by_a_function();
    return EXIT_SUCCESS;
}
