/*
 * generator: the smallest stackless body, and a state machine written as one.
 *
 * Both stop at each CORO_GEN_YIELD and go on behind it with the next step, in a few bytes of the caller's. After the last
 * state the handle is NULL: there is nothing left that could be stepped, and a compiler's check can see to it that nobody
 * tries (-DCORO_GEN_LINT).
 */
#include "common.h"

#include <coro.h>

/* ---- three numbers ---- */

CORO_GEN(numbers, coro_unit, int, coro_unit);

struct simple {
    CORO_GEN_POINT;
};

static bool simple(struct simple *self, coro_unit in, numbers_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    CORO_GEN_YIELD(1);
    CORO_GEN_YIELD(2);
    CORO_GEN_YIELD(3);
    CORO_GEN_RETURN(CORO_UNIT);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(simple_state, numbers, simple, struct simple);

static void yield_three_numbers(void)
{
    simple_state state;
    numbers *g = simple_state_init(&state, (struct simple){0});

    CORO_GEN_EACH(numbers, n, g)
    printf("Yielded: %d\n", n);
    puts("Done!");
}

/* ---- a state machine ---- */

CORO_GEN(machines, coro_unit, const char *, const char *); /* yields the state it is in next, returns the last one */

struct work {
    CORO_GEN_POINT;
};

static bool work(struct work *self, coro_unit in, machines_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    puts("Initialize");
    CORO_GEN_YIELD("Processing");
    puts("Processing data");
    CORO_GEN_YIELD("Waiting");
    puts("Waiting for I/O");
    CORO_GEN_RETURN("Done");
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(machine, machines, work, struct work);

static void run_the_machine(void)
{
    machine state;
    machines *g = machine_init(&state, (struct work){0});
    machines_out out;

    while (machines_step(&g, CORO_UNIT, &out))
        printf("  -> %s\n", out.y);
    printf("  -> %s\n", out.r);
    printf("One step more: %s\n", g == NULL ? "there is no machine left" : "possible");
}

int main(int argc, char *argv[])
{
    no_options(argc, argv, 0, "usage: generator\nYield three numbers, then run a machine of four states.\n");
    yield_three_numbers();
    run_the_machine();
    return EXIT_SUCCESS;
}
