/*
 * libcoro's generators beside coro.c's, which are coroutines: without a stack, with known states and behind handles, and with
 * a stack for the source only. What they are compared with in C: a coroutine by hand, and the loop by hand.
 */
#include "bench.h"
#include "stackful.h"

#include <coro.h>

static const coro_opts share = {.stack_size = BENCH_STACK, .flags = CORO_NO_FPENV};

/* What the compiler knows of the generator behind a handle it forgets: behind a handle it can be any. */
#define ANY(g) __asm__("" : "+r"(g))

/* ---- generator: a body ---- */

struct place {
    CORO_GEN_POINT;
    size_t i;
    const uint64_t *from;
};

static bool body(struct place *self, coro_unit in, items_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    for (self->i = 0; self->i < STAGE_ITEMS; self->i++)
        CORO_GEN_YIELD(self->from[self->i]);
    CORO_GEN_RETURN(CORO_UNIT);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(stackless, items, body, struct place);

static BENCH_HELPER uint64_t generate_known(void)
{
    uint64_t sum = 0;
    stackless state;
    stackless *g = stackless_make(&state, (struct place){.from = stage_items});

    CORO_GEN_EACH(stackless, x, g)
    sum += x;
    return sum;
}

static BENCH_HELPER uint64_t generate_any(void)
{
    uint64_t sum = 0;
    stackless state;
    items *g = stackless_init(&state, (struct place){.from = stage_items});

    ANY(g);
    CORO_GEN_EACH(items, x, g)
    sum += x;
    return sum;
}

static void run_generator_known(uint64_t operations)
{
    run_passes(operations, generate_known, GENERATOR_SUM);
}

static void run_generator_any(uint64_t operations)
{
    run_passes(operations, generate_any, GENERATOR_SUM);
}

/* ---- generator: a coroutine ---- */

static BENCH_HELPER uint64_t generate_on_stack(void)
{
    uint64_t sum = 0;
    each state;
    each *g = MADE(each_make(&state, stage_items, &share));

    CORO_GEN_EACH(each, x, g)
    sum += x;
    return sum;
}

static void run_generator_on_stack(uint64_t operations)
{
    run_passes(operations, generate_on_stack, GENERATOR_SUM);
}

/* ---- generator: a coroutine by hand ---- */

static void *yield_addresses(void *input)
{
    (void)input;
    for (size_t i = 0; i < STAGE_ITEMS; i++)
        coro_yield(&stage_items[i]);
    return NULL;
}

static BENCH_HELPER uint64_t generate_by_hand(void)
{
    uint64_t sum = 0;
    coro_t *co;

    if (coro_create(&co, yield_addresses, &share) != 0)
        bench_fail("coro_create");
    for (coro_step step = coro_resume(co, NULL); step.status == CORO_YIELDED; step = coro_resume(co, NULL))
        sum += *(const uint64_t *)step.value;
    if (coro_destroy(co) != 0)
        bench_fail("coro_destroy");
    return sum;
}

static void run_generator_by_hand(uint64_t operations)
{
    run_passes(operations, generate_by_hand, GENERATOR_SUM);
}

/* ---- pipeline: known states ---- */

CORO_GEN_FROM_ARRAY(array, items);
CORO_GEN_MAP_YIELD(tripled, items, array, triple);
CORO_GEN_MAP_YIELD(mixed, items, tripled, mix);
CORO_GEN_MAP_YIELD(added_up, items, mixed, add_up, uint64_t);

static BENCH_HELPER uint64_t pipe_known(void)
{
    uint64_t sum = 0;
    array source;
    tripled first;
    mixed second;
    added_up third;
    array *from = array_make(&source, stage_items, STAGE_ITEMS, CORO_UNIT);
    added_up *g = added_up_make(&third, mixed_make(&second, tripled_make(&first, from)), 0);

    CORO_GEN_EACH(added_up, x, g)
    sum += x;
    return sum;
}

static void run_pipeline_known(uint64_t operations)
{
    run_passes(operations, pipe_known, PIPELINE_SUM);
}

/* ---- pipeline: handles ---- */

CORO_GEN_MAP_YIELD(any_tripled, items, items, triple);
CORO_GEN_MAP_YIELD(any_mixed, items, items, mix);
CORO_GEN_MAP_YIELD(any_added_up, items, items, add_up, uint64_t);

static BENCH_HELPER uint64_t pipe_any(void)
{
    uint64_t sum = 0;
    array source;
    any_tripled first;
    any_mixed second;
    any_added_up third;
    items *g = array_init(&source, stage_items, STAGE_ITEMS, CORO_UNIT);

    ANY(g);
    g = any_tripled_init(&first, g);
    ANY(g);
    g = any_mixed_init(&second, g);
    ANY(g);
    g = any_added_up_init(&third, g, 0);
    ANY(g);
    CORO_GEN_EACH(items, x, g)
    sum += x;
    return sum;
}

static void run_pipeline_any(uint64_t operations)
{
    run_passes(operations, pipe_any, PIPELINE_SUM);
}

/* ---- pipeline: a stack for the source only ---- */

CORO_GEN_MAP_YIELD(each_tripled, items, each, triple);
CORO_GEN_MAP_YIELD(each_mixed, items, each_tripled, mix);
CORO_GEN_MAP_YIELD(each_added_up, items, each_mixed, add_up, uint64_t);

static BENCH_HELPER uint64_t pipe_from_stack(void)
{
    uint64_t sum = 0;
    each source;
    each_tripled first;
    each_mixed second;
    each_added_up third;
    each *from = MADE(each_make(&source, stage_items, &share));
    each_added_up *g = each_added_up_make(&third, each_mixed_make(&second, each_tripled_make(&first, from)), 0);

    CORO_GEN_EACH(each_added_up, x, g)
    sum += x;
    return sum;
}

static void run_pipeline_from_stack(uint64_t operations)
{
    run_passes(operations, pipe_from_stack, PIPELINE_SUM);
}

/* ---- by hand ---- */

static BENCH_HELPER uint64_t add_all(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < STAGE_ITEMS; i++)
        sum += stage_items[i];
    return sum;
}

static void run_generator_loop(uint64_t operations)
{
    run_passes(operations, add_all, GENERATOR_SUM);
}

static BENCH_HELPER uint64_t loop(void)
{
    uint64_t sum = 0, so_far = 0;

    for (size_t i = 0; i < STAGE_ITEMS; i++)
        sum += add_up(&so_far, mix(triple(stage_items[i])));
    return sum;
}

static void run_pipeline_loop(uint64_t operations)
{
    run_passes(operations, loop, PIPELINE_SUM);
}

/* ---- the peers ---- */

static const char *version(void)
{
    return coro_version();
}

const struct bench_peer bench_peer_gen_known = {
    .name = "libcoro, known",
    .what = "generators without stacks, each of which knows the type of its source",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"generator", setup_stages, NULL, run_generator_known, 0, "stackless body"},
              {"pipeline", setup_stages, NULL, run_pipeline_known, 0, "stackless"}},
};

const struct bench_peer bench_peer_gen_handles = {
    .name = "libcoro, handles",
    .what = "generators without stacks, each behind a handle that could be any generator",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"generator", setup_stages, NULL, run_generator_any, 0, "stackless body"},
              {"pipeline", setup_stages, NULL, run_pipeline_any, 0, "stackless"}},
};

const struct bench_peer bench_peer_gen_source = {
    .name = "libcoro, source",
    .what = "a coroutine as the source, of known type; stages without stacks that know the types of theirs",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"generator", setup_stages, NULL, run_generator_on_stack, 0, "CORO_GEN_FROM_CORO, known type"},
              {"pipeline", setup_stages, NULL, run_pipeline_from_stack, 0, "one coroutine"}},
};

const struct bench_peer bench_peer_gen_by_hand = {
    .name = "libcoro, by hand",
    .what = "coro_resume() and coro_yield(), with the address of the item as the value",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"generator", setup_stages, NULL, run_generator_by_hand, 0, "no generator"}},
};

const struct bench_peer bench_peer_loop = {
    .name = "loop",
    .what = "the floor of generators: the loop that one would write without them",
    .role = BENCH_FLOOR,
    .works = {{"generator", setup_stages, NULL, run_generator_loop, 0, "no generator"},
              {"pipeline", setup_stages, NULL, run_pipeline_loop, 0, "no generators"}},
};
