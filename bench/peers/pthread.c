/*
 * Threads that hand over with a pair of semaphores: resume posts one and waits for the other, yield the other way round. All of
 * them are on one CPU, where a hand-over is a switch of the kernel and nothing else.
 */
#include "bench.h"

#include <gnu/libc-version.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>

struct co {
    pthread_t thread;
    sem_t go;
    char *stack; /* only in create-fresh */
};

static sem_t back;
static struct co one, *all;
static size_t all_count, depth;
static size_t cleanups;
static pthread_attr_t attr;

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0)
        continue; /* a signal came in between */
}

static void *yield_always(void *arg)
{
    struct co *co = arg;

    for (;;) {
        wait_for(&co->go);
        sem_post(&back);
    }
    return NULL;
}

static void init(void)
{
    sem_init(&back, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, BENCH_STACK);
}

static bool make(struct co *co, void *(*fn)(void *))
{
    sem_init(&co->go, 0, 0);
    return pthread_create(&co->thread, &attr, fn, co) == 0;
}

static void resume(struct co *co)
{
    sem_post(&co->go);
    wait_for(&back);
}

/* ---- switch, switch-fp ---- */

static long setup_switch(size_t size)
{
    init();
    return make(&one, yield_always) ? (long)size : 0;
}

static void run_switch(uint64_t operations)
{
    for (; operations > 0; operations--)
        resume(&one);
}

/* ---- switch-helper ---- */

static BENCH_HELPER void helped_yield(struct co *co)
{
    sem_post(&back);
    wait_for(&co->go);
    BENCH_NO_TAIL;
}

static BENCH_HELPER void helped_resume(struct co *co)
{
    resume(co);
    BENCH_NO_TAIL;
}

static void *helped_yield_always(void *arg)
{
    struct co *co = arg;

    wait_for(&co->go);
    for (;;)
        helped_yield(co);
    return NULL;
}

static long setup_helper(size_t size)
{
    init();
    return make(&one, helped_yield_always) ? (long)size : 0;
}

static void run_helper(uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_resume(&one);
}

/* ---- robin, memory ---- */

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
        resume(&all[i]);
        if (++i == all_count)
            i = 0;
    }
}

static size_t limit(const char *path)
{
    size_t n = SIZE_MAX;
    FILE *file = fopen(path, "r");

    if (file != NULL) {
        if (fscanf(file, "%zu", &n) != 1)
            n = SIZE_MAX;
        fclose(file);
    }
    return n;
}

/* As many as the system has room for, less what everybody else on it needs: the last process id is nobody's to take. */
static size_t most_threads(void)
{
    size_t ids = limit("/proc/sys/kernel/pid_max");
    size_t mappings = limit("/proc/sys/vm/max_map_count") / 2; /* a stack and its guard */
    size_t most = ids < mappings ? ids : mappings;

    return most - most / 10;
}

static long setup_memory(size_t size)
{
    size_t most = most_threads();
    long made = setup_robin(size < most ? size : most);

    run_robin(all_count);
    return made;
}

/* ---- create ---- */

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
    pthread_t thread;

    for (; operations > 0; operations--) {
        if (pthread_create(&thread, &attr, return_at_once, NULL) != 0)
            bench_fail("pthread_create");
        pthread_join(thread, NULL);
    }
}

/* ---- create-fresh ---- */

static void *yield_once(void *arg)
{
    struct co *co = arg;

    sem_post(&back);
    wait_for(&co->go);
    return NULL;
}

static long setup_batch(size_t size)
{
    init();
    all = bench_array(BENCH_BATCH, sizeof *all);
    depth = size;
    return (long)size;
}

static void prepare_fresh(size_t operations)
{
    (void)operations;
    for (; all_count > 0; all_count--) {
        sem_post(&all[all_count - 1].go);
        pthread_join(all[all_count - 1].thread, NULL);
        bench_guarded_stack_free(all[all_count - 1].stack);
    }
}

static void run_fresh(uint64_t operations)
{
    for (; all_count < operations; all_count++) {
        struct co *co = &all[all_count];

        co->stack = bench_guarded_stack(); /* the C library would recycle its own */
        if (co->stack == NULL || pthread_attr_setstack(&attr, co->stack, BENCH_STACK) != 0 || !make(co, yield_once))
            bench_fail("no thread");
        wait_for(&back);
    }
}

/* ---- unwind ---- */

static void clean_up(const char *frame)
{
    (void)frame;
    cleanups++;
}

static BENCH_HELPER void go_down(struct co *co, size_t frames)
{
    __attribute__((cleanup(clean_up))) char frame = 0;

    (void)frame;
    if (frames > 1) {
        go_down(co, frames - 1);
    } else {
        sem_post(&back);
        wait_for(&co->go);
    }
    BENCH_NO_TAIL;
}

static void *suspend_deep(void *arg)
{
    go_down(arg, depth);
    return NULL;
}

static void prepare_unwind(size_t operations)
{
    static size_t expected;

    if (cleanups != expected)
        bench_fail("cleanups were not run");
    expected += operations * depth;
    for (all_count = 0; all_count < operations; all_count++) {
        if (!make(&all[all_count], suspend_deep))
            bench_fail("no thread");
        wait_for(&back);
    }
}

static void run_unwind(uint64_t operations)
{
    (void)operations;
    for (; all_count > 0; all_count--) {
        pthread_cancel(all[all_count - 1].thread);
        pthread_join(all[all_count - 1].thread, NULL);
    }
}

const struct bench_peer bench_peer_pthread = {
    .name = "pthread",
    .what = "threads on one CPU that hand over with two semaphores",
    .version = gnu_get_libc_version,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, "FP words and signal mask kept"},
              {"switch-fp", setup_switch, NULL, run_switch, 0, NULL},
              {"switch-helper", setup_helper, NULL, run_helper, 0, NULL},
              {"robin", setup_robin, NULL, run_robin, 10000, "guarded; to 10,000"},
              {"create", setup_create, NULL, run_create, 0, "guarded"},
              {"create-fresh", setup_batch, prepare_fresh, run_fresh, 0, "mmap() and mprotect() by hand"},
              {"unwind", setup_batch, prepare_unwind, run_unwind, 0, "pthread_cancel() and pthread_join()"},
              {"memory", setup_memory, NULL, NULL, 0, "guarded; its stack in the kernel not counted"}},
};
