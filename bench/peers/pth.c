/*
 * GNU Pth has threads and a scheduler, no resume. Threads that all yield in a loop take turns, and a round trip is two yields.
 * The main program is one of the threads.
 */
#include "bench.h"

#include <pth.h>

static pth_attr_t attr;
static uint64_t yields;

static void *yield_always(void *arg)
{
    for (;;) {
        yields++;
        pth_yield(NULL);
    }
    return arg;
}

static BENCH_HELPER void helped_yield(void)
{
    pth_yield(NULL);
    BENCH_NO_TAIL;
}

static void *helped_yield_always(void *arg)
{
    for (;;) {
        yields++;
        helped_yield();
    }
    return arg;
}

static void init(void)
{
    if (pth_init() == 0)
        bench_fail("pth_init");
    attr = pth_attr_new();
    pth_attr_set(attr, PTH_ATTR_STACK_SIZE, (unsigned)BENCH_STACK);
}

static long spawn(size_t n, void *(*fn)(void *))
{
    size_t i = 0;

    while (i < n && pth_spawn(attr, fn, NULL) != NULL)
        i++;
    return (long)i;
}

static long setup_robin(size_t size)
{
    init();
    return spawn(size - 1, yield_always) + 1;
}

static long setup_switch(size_t size)
{
    return setup_robin(size + 1) - 1;
}

static void run_robin(uint64_t operations)
{
    for (uint64_t end = yields + 2 * operations; yields < end; yields++)
        pth_yield(NULL);
}

static long setup_helper(size_t size)
{
    init();
    return spawn(size, helped_yield_always);
}

static void run_helper(uint64_t operations)
{
    for (uint64_t end = yields + 2 * operations; yields < end; yields++)
        helped_yield();
}

static void run_yield(uint64_t operations)
{
    for (uint64_t end = yields + operations; yields < end; yields++)
        pth_yield(NULL);
}

static long setup_memory(size_t size)
{
    init();

    long made = spawn(size, yield_always);
    run_robin((uint64_t)made / 2 + 1);
    return made;
}

static void *return_at_once(void *arg)
{
    return arg;
}

static long setup_create(size_t size)
{
    init();
    return (long)size;
}

static void run_create(uint64_t operations)
{
    for (; operations > 0; operations--) {
        pth_t thread = pth_spawn(attr, return_at_once, NULL);

        if (thread == NULL || pth_join(thread, NULL) == 0)
            bench_fail("pth_spawn");
    }
}

static size_t batch;
static pth_t *threads;

static long setup_spawn(size_t size)
{
    init();
    batch = size;
    threads = bench_array(size, sizeof *threads);
    return (long)size;
}

static void run_spawn(uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        for (size_t i = 0; i < batch; i++) {
            threads[i] = pth_spawn(attr, return_at_once, NULL);
            if (threads[i] == NULL)
                bench_fail("pth_spawn");
        }
        for (size_t i = 0; i < batch; i++)
            if (pth_join(threads[i], NULL) == 0)
                bench_fail("pth_join");
    }
}

static const char *version(void)
{
    return "2.0.7";
}
_Static_assert(PTH_VERSION == 0x200207, "the version above");

const struct bench_peer bench_peer_pth = {
    .name = "GNU Pth",
    .what = "two pth_yield(), between threads of its scheduler",
    .version = version,
    .works = {{"switch", setup_switch, NULL, run_robin, 0, "two yields"},
              {"switch-helper", setup_helper, NULL, run_helper, 0, "two yields"},
              {"robin", setup_robin, NULL, run_robin, 1000,
               "two yields; no guards; to 1,000, it walks over all threads"},
              {"create", setup_create, NULL, run_create, 0, "spawn and join"},
              {"memory", setup_memory, NULL, NULL, 10000, "no guards; to 10,000"},
              {"sched-yield", setup_robin, NULL, run_yield, 1000, "no guards; to 1,000, it walks over all threads"},
              {"spawn-join", setup_spawn, NULL, run_spawn, 0, "no guards"}},
};
