/* libcoro's scheduler, with default options; and with tasks that share the floating-point control words. */
#include "tasks.h"

#include <coro.h>

static size_t batch;
static coro_task_t **tasks;
static uint64_t yields;

static const coro_opts sharing = {.flags = CORO_NO_FPENV};

long tasks_setup(size_t size)
{
    batch = size;
    tasks = bench_array(size, sizeof *tasks);
    return (long)size;
}

static void spawn(coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts)
{
    if (coro_spawn(out, fn, arg, opts) != 0)
        bench_fail("coro_spawn");
}

static void *join(coro_task_t *task)
{
    void *result;

    if (coro_join(task, &result, CORO_FOREVER) != 0)
        bench_fail("coro_join");
    return result;
}

/* ---- the task that takes the sample ---- */

struct errand {
    void (*take)(void *arg);
    void *arg;
};

static void *run_errand(void *arg)
{
    const struct errand *errand = arg;

    errand->take(errand->arg);
    return NULL;
}

static void take_in_task(struct errand errand, const coro_opts *opts)
{
    coro_sched_t *sched;

    if (coro_sched_create(&sched, NULL) != 0 || coro_sched_spawn(sched, NULL, run_errand, &errand, opts) != 0)
        bench_fail("coro_sched_create");
    if (coro_sched_run(sched) != 0)
        bench_fail("coro_sched_run");
}

void tasks_as_task(void (*take)(void *arg), void *arg)
{
    take_in_task((struct errand){take, arg}, NULL);
}

static void as_sharing_task(void (*take)(void *arg), void *arg)
{
    take_in_task((struct errand){take, arg}, &sharing);
}

/* ---- sched-yield, sched-yield-calls ---- */

TASKS_CALLS(pause_within, coro_pause())

static void *pause_always(void *arg)
{
    for (;;) {
        yields++;
        coro_pause();
    }
    return arg;
}

static void *pause_within_always(void *arg)
{
    for (;;) {
        yields++;
        pause_within(arg);
    }
    return arg;
}

/* The task that asks is one of them. */
static long setup_turns(size_t size, coro_fn *fn, const coro_opts *opts)
{
    for (size_t i = 1; i < size; i++)
        spawn(NULL, fn, NULL, opts);
    return (long)size;
}

long tasks_setup_yield(size_t size)
{
    return setup_turns(size, pause_always, NULL);
}

static long setup_sharing_yield(size_t size)
{
    return setup_turns(size, pause_always, &sharing);
}

long tasks_setup_calls(size_t size)
{
    return setup_turns(size, pause_within_always, NULL);
}

static long setup_sharing_calls(size_t size)
{
    return setup_turns(size, pause_within_always, &sharing);
}

void tasks_run_yield(uint64_t operations)
{
    for (uint64_t end = yields + operations; yields < end; yields++)
        coro_pause();
}

void tasks_run_calls(uint64_t operations)
{
    for (uint64_t end = yields + operations; yields < end; yields++)
        pause_within(NULL);
}

/* ---- spawn-join, spawn-join-calls ---- */

static void *return_at_once(void *arg)
{
    return arg;
}

static inline void spawn_and_join(uint64_t operations, const coro_opts *opts)
{
    for (; operations >= batch; operations -= batch) {
        for (size_t i = 0; i < batch; i++)
            spawn(&tasks[i], return_at_once, NULL, opts);
        for (size_t i = 0; i < batch; i++)
            join(tasks[i]);
    }
}

void tasks_run_spawn(uint64_t operations)
{
    spawn_and_join(operations, NULL);
}

static void run_sharing_spawn(uint64_t operations)
{
    spawn_and_join(operations, &sharing);
}

static inline void spawn_and_join_one(const coro_opts *opts)
{
    coro_task_t *task;

    spawn(&task, return_at_once, NULL, opts);
    join(task);
}

TASKS_CALLS(spawn_within, spawn_and_join_one(self))

void tasks_run_spawn_calls(uint64_t operations)
{
    for (; operations > 0; operations--)
        spawn_within(NULL);
}

static void run_sharing_spawn_calls(uint64_t operations)
{
    for (; operations > 0; operations--)
        spawn_within((void *)&sharing);
}

/* ---- skynet ---- */

struct node {
    uint64_t first, leaves;
};

static void *skynet(void *arg)
{
    const struct node *node = arg;
    struct node children[SKYNET_CHILDREN];
    coro_task_t *child[SKYNET_CHILDREN];
    uint64_t leaves = node->leaves / SKYNET_CHILDREN, sum = 0;

    if (leaves == 0)
        return (void *)(uintptr_t)node->first;
    for (unsigned i = 0; i < SKYNET_CHILDREN; i++) {
        children[i] = (struct node){node->first + i * leaves, leaves};
        spawn(&child[i], skynet, &children[i], NULL);
    }
    for (unsigned i = 0; i < SKYNET_CHILDREN; i++)
        sum += (uintptr_t)join(child[i]);
    return (void *)(uintptr_t)sum;
}

void tasks_run_skynet(uint64_t operations)
{
    for (; operations >= SKYNET_LEAVES; operations -= SKYNET_LEAVES) {
        struct node root = {0, SKYNET_LEAVES};
        void *sum;

        if (coro_run(skynet, &root, &sum, &(coro_sched_opts){.policy = CORO_DEPTH_FIRST}) != 0)
            bench_fail("coro_run");
        if ((uintptr_t)sum != SKYNET_SUM)
            bench_fail("the sum is wrong");
    }
}

/* ---- sleepers ---- */

static void *sleep_once(void *ns)
{
    coro_sleep((int64_t)(intptr_t)ns);
    return NULL;
}

static void *sleep_all(void *arg)
{
    uint64_t x = 1;

    for (size_t i = 0; i < batch; i++)
        spawn(&tasks[i], sleep_once, (void *)(intptr_t)sleep_ns(&x), NULL);
    for (size_t i = 0; i < batch; i++)
        join(tasks[i]);
    return arg;
}

void tasks_run_sleepers(uint64_t operations)
{
    for (; operations >= batch; operations -= batch)
        if (coro_run(sleep_all, NULL, NULL, NULL) != 0)
            bench_fail("coro_run");
}

static const char *version(void)
{
    return coro_version();
}

const struct bench_peer bench_peer_tasks_no_fp = {
    .name = "libcoro, no FP words",
    .what = "its tasks with CORO_NO_FPENV: they share the floating-point control words",
    .role = BENCH_OURS,
    .version = version,
    .as_task = as_sharing_task,
    .works = {{"sched-yield", setup_sharing_yield, NULL, tasks_run_yield, 0, "guarded"},
              {"sched-yield-calls", setup_sharing_calls, NULL, tasks_run_calls, 0, "guarded"},
              {"spawn-join", tasks_setup, NULL, run_sharing_spawn, 0, "guarded"},
              {"spawn-join-calls", tasks_setup, NULL, run_sharing_spawn_calls, 0, "guarded"}},
};
