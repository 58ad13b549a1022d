/*
 * libcoro, as a program uses it: linked, guarded stacks from the default allocator. coro_inline.c compiles this once more, with
 * the header's inline path.
 */
#include "bench.h"
#include "stackful.h"
#include "tasks.h"

#include <coro.h>

static coro_t *one, **all;
static size_t all_count;

/* How to make one: with control words of its own, or without. Constant, as in programs whose coroutines are all of a kind. */
static const coro_opts share = {.stack_size = BENCH_STACK, .flags = CORO_NO_FPENV};
#ifndef CORO_INLINE
static const coro_opts keep = {.stack_size = BENCH_STACK};
#endif

static void make(coro_t **out, coro_fn *fn, const coro_opts *opts)
{
    if (coro_create(out, fn, opts) != 0)
        bench_fail("coro_create");
}

static void destroy(coro_t *co)
{
    if (coro_destroy(co) != 0)
        bench_fail("coro_destroy");
}

/* ---- switch ---- */

static void *yield_always(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static long setup_switch(size_t size)
{
    make(&one, yield_always, &share);
    return (long)size;
}

static void run_switch(uint64_t operations)
{
    for (; operations > 0; operations--)
        coro_resume(one, NULL);
}

/* ---- switch-helper ---- */

static BENCH_HELPER void *helped_yield(void *output)
{
    void *input = coro_yield(output);

    BENCH_NO_TAIL;
    return input;
}

static BENCH_HELPER coro_step helped_resume(coro_t *co)
{
    coro_step step = coro_resume(co, NULL);

    BENCH_NO_TAIL;
    return step;
}

static void *helped_yield_always(void *input)
{
    for (;;)
        input = helped_yield(input);
    return NULL;
}

static long setup_helper(size_t size)
{
    make(&one, helped_yield_always, &share);
    return (long)size;
}

static void run_helper(uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_resume(one);
}

/* ---- robin, memory ---- */

static long setup_all(size_t size, const coro_opts *opts)
{
    all = bench_array(size, sizeof *all);
    for (all_count = 0; all_count < size; all_count++)
        make(&all[all_count], yield_always, opts);
    return (long)size;
}

static long setup_robin(size_t size)
{
    return setup_all(size, &share);
}

static void run_robin(uint64_t operations)
{
    for (size_t i = 0; operations > 0; operations--) {
        coro_resume(all[i], NULL);
        if (++i == all_count)
            i = 0;
    }
}

static void *return_at_once(void *input)
{
    return input;
}

/* ---- create ---- */

static long setup_create(size_t size)
{
    return (long)size;
}

static inline void create_each(uint64_t operations, const coro_opts *opts)
{
    coro_t *co;

    for (; operations > 0; operations--) {
        make(&co, return_at_once, opts);
        coro_resume(co, NULL);
        destroy(co);
    }
}

static void run_create(uint64_t operations)
{
    create_each(operations, &share);
}

/* ---- generator, pipeline ---- */

static inline uint64_t generate(const coro_opts *opts)
{
    uint64_t sum = 0;
    each state;
    items *g = MADE(each_init(&state, stage_items, opts));

    CORO_GEN_EACH(items, x, g)
    sum += x;
    return sum;
}

static BENCH_HELPER uint64_t generate_all(void)
{
    return generate(&share);
}

static void run_generator(uint64_t operations)
{
    run_passes(operations, generate_all, GENERATOR_SUM);
}

CORO_GEN_FROM_CORO(tripled, items, triple_each, items *);
CORO_GEN_FROM_CORO(mixed, items, mix_each, items *);
CORO_GEN_FROM_CORO(added_up, items, add_up_each, items *);

static coro_unit triple_each(tripled *self, coro_unit in)
{
    (void)in;
    CORO_GEN_EACH(items, x, self->data)
    tripled_yield(self, triple(x));
    return CORO_UNIT;
}

static coro_unit mix_each(mixed *self, coro_unit in)
{
    (void)in;
    CORO_GEN_EACH(items, x, self->data)
    mixed_yield(self, mix(x));
    return CORO_UNIT;
}

static coro_unit add_up_each(added_up *self, coro_unit in)
{
    uint64_t sum = 0;

    (void)in;
    CORO_GEN_EACH(items, x, self->data)
    added_up_yield(self, add_up(&sum, x));
    return CORO_UNIT;
}

static BENCH_HELPER uint64_t pipe_all(void)
{
    uint64_t sum = 0;
    each source;
    tripled first;
    mixed second;
    added_up third;
    items *g = MADE(each_init(&source, stage_items, &share));

    g = MADE(tripled_init(&first, g, &share));
    g = MADE(mixed_init(&second, g, &share));
    g = MADE(added_up_init(&third, g, &share));
    CORO_GEN_EACH(items, x, g)
    sum += x;
    return sum;
}

static void run_pipeline(uint64_t operations)
{
    run_passes(operations, pipe_all, PIPELINE_SUM);
}

static const char *version(void)
{
    return coro_version();
}

#ifdef CORO_INLINE

const struct bench_peer bench_peer_coro_inline = {
    .name = "libcoro inline",
    .what = "the same with `#define CORO_INLINE`: the fast path of resume and yield inlined",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, NULL},
              {"switch-helper", setup_helper, NULL, run_helper, 0, NULL},
              {"robin", setup_robin, NULL, run_robin, 0, "guarded"},
              {"create", setup_create, NULL, run_create, 0, NULL},
              {"pipeline", setup_stages, NULL, run_pipeline, 0, "a coroutine a stage"},
              {"generator", setup_stages, NULL, run_generator, 0, "CORO_GEN_FROM_CORO, a handle"}},
};

#else

/* ---- with control words ---- */

static long setup_switch_fp(size_t size)
{
    make(&one, yield_always, &keep);
    return (long)size;
}

static long setup_helper_fp(size_t size)
{
    make(&one, helped_yield_always, &keep);
    return (long)size;
}

static long setup_robin_fp(size_t size)
{
    return setup_all(size, &keep);
}

static void run_create_fp(uint64_t operations)
{
    create_each(operations, &keep);
}

static BENCH_HELPER uint64_t generate_all_fp(void)
{
    return generate(&keep);
}

static void run_generator_fp(uint64_t operations)
{
    run_passes(operations, generate_all_fp, GENERATOR_SUM);
}

const struct bench_peer bench_peer_coro_fp = {
    .name = "libcoro, FP words",
    .what = "the same with default options: each coroutine has floating-point control words of its own",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"switch-helper", setup_helper_fp, NULL, run_helper, 0, "FP words kept"},
              {"robin", setup_robin_fp, NULL, run_robin, 0, "guarded, FP words kept"},
              {"create", setup_create, NULL, run_create_fp, 0, "guarded, FP words kept"},
              {"generator", setup_stages, NULL, run_generator_fp, 0, "CORO_GEN_FROM_CORO, FP words kept"}},
};

/* ---- fetching ahead ---- */

enum { AT_ONCE = 16 };

/* The sixteen that come after the next sixteen: a processor looks for the pages of several at the same time. Fewer are in the
   cache anyway. */
static void fetch_ahead(size_t i)
{
    if (all_count < (size_t)2 * AT_ONCE)
        return;
    for (size_t k = i + AT_ONCE; k < i + (size_t)2 * AT_ONCE; k++)
        coro_prefetch(all[k < all_count ? k : k - all_count]);
}

static void run_robin_ahead(uint64_t operations)
{
    for (size_t i = 0; operations > 0; operations--) {
        if (i % AT_ONCE == 0)
            fetch_ahead(i);
        coro_resume(all[i], NULL);
        if (++i == all_count)
            i = 0;
    }
}

const struct bench_peer bench_peer_coro_ahead = {
    .name = "libcoro, ahead",
    .what = "the same with coro_prefetch() of the coroutines that come sixteen resumes later, as a run queue can do it",
    .role = BENCH_OURS,
    .version = version,
    .works = {{"robin", setup_robin, NULL, run_robin_ahead, 0, "guarded, prefetched"}},
};

/* ---- what only the linked one does ---- */

static size_t depth;
static size_t cleanups; /* that have run */

static long setup_memory(size_t size)
{
    setup_robin(size);
    run_robin(size);
    return (long)size;
}

/* ---- create-fresh ---- */

static void destroy_all(void)
{
    for (; all_count > 0; all_count--)
        destroy(all[all_count - 1]);
}

static long setup_batch(size_t size)
{
    all = bench_array(BENCH_BATCH, sizeof *all);
    depth = size;
    return (long)size;
}

static void prepare_fresh(size_t operations)
{
    (void)operations;
    destroy_all();
    coro_stack_trim();
}

static void run_fresh(uint64_t operations)
{
    for (; all_count < operations; all_count++) {
        make(&all[all_count], yield_always, &share);
        coro_resume(all[all_count], NULL);
    }
}

/* ---- unwind ---- */

static void clean_up(const char *frame)
{
    (void)frame;
    cleanups++;
}

static BENCH_HELPER void go_down(size_t frames)
{
    __attribute__((cleanup(clean_up))) char frame;

    if (frames > 1)
        go_down(frames - 1);
    else
        coro_yield(&frame);
    BENCH_NO_TAIL;
}

static void *suspend_deep(void *input)
{
    go_down(depth);
    return input;
}

static void prepare_unwind(size_t operations)
{
    static size_t expected;

    if (cleanups != expected)
        bench_fail("cleanups were not run");
    expected += operations * depth;
    for (all_count = 0; all_count < operations; all_count++) {
        make(&all[all_count], suspend_deep, &share);
        coro_resume(all[all_count], NULL);
    }
}

static void run_unwind(uint64_t operations)
{
    (void)operations;
    destroy_all();
}

const struct bench_peer bench_peer_coro = {
    .name = "libcoro",
    .what = "coro_resume(), coro_yield(), linked statically; every stack guarded",
    .role = BENCH_OURS,
    .version = version,
    .as_task = tasks_as_task,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, "no FP words"},
              {"switch-fp", setup_switch_fp, NULL, run_switch, 0, NULL},
              {"switch-helper", setup_helper, NULL, run_helper, 0, "no FP words"},
              {"robin", setup_robin, NULL, run_robin, 0, "guarded"},
              {"create", setup_create, NULL, run_create, 0, "guarded"},
              {"create-fresh", setup_batch, prepare_fresh, run_fresh, 0, "guarded"},
              {"unwind", setup_batch, prepare_unwind, run_unwind, 0, NULL},
              {"memory", setup_memory, NULL, NULL, 0, "guarded"},
              {"pipeline", setup_stages, NULL, run_pipeline, 0, "a coroutine a stage"},
              {"generator", setup_stages, NULL, run_generator, 0, "CORO_GEN_FROM_CORO, a handle"},
              {"sched-yield", tasks_setup_yield, NULL, tasks_run_yield, 0, "guarded, FP words kept"},
              {"sched-yield-calls", tasks_setup_calls, NULL, tasks_run_calls, 0, "guarded, FP words kept"},
              {"spawn-join", tasks_setup, NULL, tasks_run_spawn, 0, "guarded, FP words kept"},
              {"spawn-join-calls", tasks_setup, NULL, tasks_run_spawn_calls, 0, "guarded, FP words kept"},
              {"skynet", tasks_setup, NULL, tasks_run_skynet, 0, "guarded, CORO_DEPTH_FIRST"},
              {"sleepers", tasks_setup, NULL, tasks_run_sleepers, 0, "guarded"},
              {"chan-rendezvous", channels_setup_rendezvous, NULL, channels_run, 0, NULL},
              {"chan-buffered", channels_setup_buffered, NULL, channels_run, 0, NULL},
              {"select", channels_setup_select, NULL, channels_run_select, 0, NULL},
              {"mutex", channels_setup_mutex, NULL, channels_run_mutex, 0, "handed over in turn"},
              {"sieve", channels_setup_sieve, NULL, channels_run_sieve, 0, "guarded"}},
};

#endif
