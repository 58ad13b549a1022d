/*
 * state-threads has threads and a scheduler, and no plain yield. Resume signals the condition of the other thread and waits on
 * one's own, yield does the same the other way round.
 */
#include "bench.h"
#include "tasks.h"

#include <st.h>

struct co {
    st_cond_t go;
};

static st_cond_t back;
static struct co one, *all;
static size_t all_count;

static void hand_over(st_cond_t to, st_cond_t own)
{
    st_cond_signal(to);
    st_cond_wait(own);
}

static void *yield_always(void *arg)
{
    struct co *co = arg;

    for (;;)
        hand_over(back, co->go);
    return NULL;
}

static BENCH_HELPER void helped_hand_over(st_cond_t to, st_cond_t own)
{
    hand_over(to, own);
    BENCH_NO_TAIL;
}

static void *helped_yield_always(void *arg)
{
    struct co *co = arg;

    for (;;)
        helped_hand_over(back, co->go);
    return NULL;
}

static void init(void)
{
    if (st_init() != 0)
        bench_fail("st_init");
    back = st_cond_new();
}

/* Made, and run up to its first yield. */
static bool make(struct co *co, void *(*fn)(void *))
{
    co->go = st_cond_new();
    if (co->go == NULL || st_thread_create(fn, co, 0, BENCH_STACK) == NULL)
        return false;
    st_cond_wait(back);
    return true;
}

static long setup_switch(size_t size)
{
    init();
    return make(&one, yield_always) ? (long)size : 0;
}

static void run_switch(uint64_t operations)
{
    for (; operations > 0; operations--)
        hand_over(one.go, back);
}

static long setup_helper(size_t size)
{
    init();
    return make(&one, helped_yield_always) ? (long)size : 0;
}

static void run_helper(uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_hand_over(one.go, back);
}

static long setup_robin(size_t size)
{
    init();
    all = bench_array(size, sizeof *all);
    while (all_count < size && make(&all[all_count], yield_always))
        all_count++;
    return (long)all_count;
}

static void run_robin(uint64_t operations)
{
    for (size_t i = 0; operations > 0; operations--) {
        hand_over(all[i].go, back);
        if (++i == all_count)
            i = 0;
    }
}

/* ---- sched-yield, sched-yield-calls: in a ring, each lets the next one go ---- */

struct link {
    struct co *own, *next;
};

static uint64_t turns;
static struct link *links;

static inline void turn(const struct link *link)
{
    hand_over(link->next->go, link->own->go);
}

TASKS_CALLS(turn_within, turn(self))

static void *turn_always(void *arg)
{
    const struct link *link = arg;

    st_cond_wait(link->own->go);
    for (;;) {
        turns++;
        turn(link);
    }
    return NULL;
}

static void *turn_within_always(void *arg)
{
    const struct link *link = arg;

    st_cond_wait(link->own->go);
    for (;;) {
        turns++;
        turn_within(arg);
    }
    return NULL;
}

static long make_ring(size_t size, void *(*fn)(void *))
{
    links = bench_array(size, sizeof *links);

    init();
    all = bench_array(size, sizeof *all);
    for (size_t i = 0; i < size; i++) {
        links[i] = (struct link){&all[i], &all[(i + 1) % size]};
        all[i].go = st_cond_new();
        if (all[i].go == NULL || (i > 0 && st_thread_create(fn, &links[i], 0, BENCH_STACK) == NULL))
            return (long)i;
    }
    all_count = size;
    st_usleep(0); /* until they all wait */
    return (long)size;
}

static long setup_ring(size_t size)
{
    return make_ring(size, turn_always);
}

static long setup_ring_within(size_t size)
{
    return make_ring(size, turn_within_always);
}

static void run_ring(uint64_t operations)
{
    for (uint64_t end = turns + operations; turns < end; turns++)
        turn(&links[0]);
}

static void run_ring_within(uint64_t operations)
{
    for (uint64_t end = turns + operations; turns < end; turns++)
        turn_within(&links[0]);
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

static inline void spawn_and_join(void)
{
    st_thread_t thread = st_thread_create(return_at_once, NULL, 1, BENCH_STACK);

    if (thread == NULL || st_thread_join(thread, NULL) != 0)
        bench_fail("st_thread_create");
}

static void run_create(uint64_t operations)
{
    for (; operations > 0; operations--)
        spawn_and_join();
}

TASKS_CALLS(spawn_within, spawn_and_join())

static void run_create_within(uint64_t operations)
{
    for (; operations > 0; operations--)
        spawn_within(NULL);
}

static size_t batch;
static st_thread_t *threads;

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
            threads[i] = st_thread_create(return_at_once, NULL, 1, BENCH_STACK);
            if (threads[i] == NULL)
                bench_fail("st_thread_create");
        }
        for (size_t i = 0; i < batch; i++)
            if (st_thread_join(threads[i], NULL) != 0)
                bench_fail("st_thread_join");
    }
}

/* ---- skynet ---- */

struct node {
    uint64_t first, leaves;
};

static void *skynet(void *arg)
{
    const struct node *node = arg;
    struct node children[SKYNET_CHILDREN];
    st_thread_t child[SKYNET_CHILDREN];
    uint64_t leaves = node->leaves / SKYNET_CHILDREN, sum = 0;
    void *part;

    if (leaves == 0)
        return (void *)(uintptr_t)node->first;
    for (unsigned i = 0; i < SKYNET_CHILDREN; i++) {
        children[i] = (struct node){node->first + i * leaves, leaves};
        child[i] = st_thread_create(skynet, &children[i], 1, BENCH_STACK);
        if (child[i] == NULL)
            bench_fail("st_thread_create");
    }
    for (unsigned i = 0; i < SKYNET_CHILDREN; i++) {
        if (st_thread_join(child[i], &part) != 0)
            bench_fail("st_thread_join");
        sum += (uintptr_t)part;
    }
    return (void *)(uintptr_t)sum;
}

static void run_skynet(uint64_t operations)
{
    for (; operations >= SKYNET_LEAVES; operations -= SKYNET_LEAVES) {
        struct node root = {0, SKYNET_LEAVES};

        if ((uintptr_t)skynet(&root) != SKYNET_SUM)
            bench_fail("the sum is wrong");
    }
}

/* ---- sleepers ---- */

static void *sleep_once(void *us)
{
    st_usleep((st_utime_t)(uintptr_t)us);
    return NULL;
}

static void run_sleepers(uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        uint64_t x = 1;

        for (size_t i = 0; i < batch; i++) {
            threads[i] = st_thread_create(sleep_once, (void *)(uintptr_t)(sleep_ns(&x) / 1000), 1, BENCH_STACK);
            if (threads[i] == NULL)
                bench_fail("st_thread_create");
        }
        for (size_t i = 0; i < batch; i++)
            if (st_thread_join(threads[i], NULL) != 0)
                bench_fail("st_thread_join");
    }
}

static const char *version(void)
{
    return ST_VERSION;
}

const struct bench_peer bench_peer_st = {
    .name = "state-threads",
    .what = "threads of its scheduler that hand over with st_cond_signal() and st_cond_wait()",
    .version = version,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, "FP words shared"},
              {"switch-helper", setup_helper, NULL, run_helper, 0, "FP words shared"},
              {"robin", setup_robin, NULL, run_robin, 0, "FP words shared; no guards"},
              {"create", setup_create, NULL, run_create, 0, "spawn and join"},
              {"memory", setup_robin, NULL, NULL, 0, "no guards"},
              {"sched-yield", setup_ring, NULL, run_ring, 0, "a condition each, in a ring; FP words shared; no guards"},
              {"sched-yield-calls", setup_ring_within, NULL, run_ring_within, 0,
               "a condition each, in a ring; FP words shared; no guards"},
              {"spawn-join", setup_spawn, NULL, run_spawn, 0, "FP words shared; no guards"},
              {"spawn-join-calls", setup_create, NULL, run_create_within, 0, "FP words shared; no guards"},
              {"skynet", setup_create, NULL, run_skynet, 0, "no guards"},
              {"sleepers", setup_spawn, NULL, run_sleepers, 0, "no guards"}},
};
