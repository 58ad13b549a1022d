/*
 * ucontext: getcontext(), makecontext(), swapcontext() of the C library. They keep the FP control words, and the signal mask,
 * which takes a system call a switch.
 */
#include "bench.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <ucontext.h>

struct co {
    ucontext_t context;
    void *stack;
};

static ucontext_t caller;
static struct co one, *all, *current;
static size_t all_count;

static void yield_always(void)
{
    for (;;)
        swapcontext(&current->context, &caller);
}

static void make(struct co *co, void (*fn)(void), void *stack)
{
    if (stack == NULL || getcontext(&co->context) != 0)
        bench_fail("no stack, or no context");
    co->stack = stack;
    co->context.uc_stack.ss_sp = stack;
    co->context.uc_stack.ss_size = BENCH_STACK;
    co->context.uc_link = &caller;
    makecontext(&co->context, fn, 0);
}

static void resume(struct co *co)
{
    current = co;
    swapcontext(&caller, &co->context);
}

/* ---- switch, switch-fp ---- */

static long setup_switch(size_t size)
{
    make(&one, yield_always, malloc(BENCH_STACK));
    return (long)size;
}

static void run_switch(uint64_t operations)
{
    for (; operations > 0; operations--)
        resume(&one);
}

/* ---- switch-helper ---- */

static BENCH_HELPER void helped_yield(void)
{
    swapcontext(&current->context, &caller);
    BENCH_NO_TAIL;
}

static BENCH_HELPER void helped_resume(struct co *co)
{
    resume(co);
    BENCH_NO_TAIL;
}

static void helped_yield_always(void)
{
    for (;;)
        helped_yield();
}

static long setup_helper(size_t size)
{
    make(&one, helped_yield_always, malloc(BENCH_STACK));
    return (long)size;
}

static void run_helper(uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_resume(&one);
}

/* ---- robin, memory ---- */

static long setup_robin(size_t size)
{
    all = bench_array(size, sizeof *all);
    for (all_count = 0; all_count < size; all_count++)
        make(&all[all_count], yield_always, malloc(BENCH_STACK));
    return (long)size;
}

static void run_robin(uint64_t operations)
{
    for (size_t i = 0; operations > 0; operations--) {
        resume(&all[i]);
        if (++i == all_count)
            i = 0;
    }
}

static long setup_memory(size_t size)
{
    setup_robin(size);
    run_robin(size);
    return (long)size;
}

/* ---- create ---- */

static void return_at_once(void)
{
}

static long setup_create(size_t size)
{
    one.stack = malloc(BENCH_STACK);
    return (long)size;
}

static void run_create(uint64_t operations)
{
    for (; operations > 0; operations--) {
        make(&one, return_at_once, one.stack);
        resume(&one);
    }
}

/* ---- create-fresh ---- */

static long setup_fresh(size_t size)
{
    all = bench_array(BENCH_BATCH, sizeof *all);
    return (long)size;
}

static void prepare_fresh(size_t operations)
{
    (void)operations;
    for (; all_count > 0; all_count--)
        bench_guarded_stack_free(all[all_count - 1].stack);
}

static void run_fresh(uint64_t operations)
{
    for (; all_count < operations; all_count++) {
        make(&all[all_count], yield_always, bench_guarded_stack());
        resume(&all[all_count]);
    }
}

const struct bench_peer bench_peer_ucontext = {
    .name = "ucontext",
    .what = "swapcontext() both ways",
    .version = gnu_get_libc_version,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, "FP words and signal mask kept"},
              {"switch-fp", setup_switch, NULL, run_switch, 0, NULL},
              {"switch-helper", setup_helper, NULL, run_helper, 0, NULL},
              {"robin", setup_robin, NULL, run_robin, 0, "malloc'ed stacks, no guards"},
              {"create", setup_create, NULL, run_create, 0, "one stack, used again"},
              {"create-fresh", setup_fresh, prepare_fresh, run_fresh, 0, "mmap() and mprotect() by hand"},
              {"memory", setup_memory, NULL, NULL, 0, "no guards"}},
};
