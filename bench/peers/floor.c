/* The floor: what it costs to get to another function and back, without a stack of its own. */
#include "bench.h"

static BENCH_HELPER void *callee(void *input)
{
    BENCH_NO_TAIL;
    return input;
}

static void *(*volatile function)(void *) = callee;

static long setup(size_t size)
{
    return (long)size;
}

static void run_switch(uint64_t operations)
{
    for (; operations > 0; operations--)
        function(NULL);
}

static BENCH_HELPER void *helped_callee(void *input)
{
    void *output = callee(input);

    BENCH_NO_TAIL;
    return output;
}

static BENCH_HELPER void *helped_call(void *(*fn)(void *))
{
    void *output = fn(NULL);

    BENCH_NO_TAIL;
    return output;
}

static void *(*volatile helped_function)(void *) = helped_callee;

static void run_helper(uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_call(helped_function);
}

const struct bench_peer bench_peer_floor = {
    .name = "indirect call",
    .what = "the floor: an empty function, called through a pointer",
    .role = BENCH_FLOOR,
    .works = {{"switch", setup, NULL, run_switch, 0, "no stack of its own"},
              {"switch-helper", setup, NULL, run_helper, 0, "no stack of its own"}},
};
