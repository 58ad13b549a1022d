/*
 * Boost.Context's raw switch: the two assembly routines under boost::context, called from C. They keep the FP control words, and
 * check nothing. Their stacks come from malloc(), whose headers leave neighbours in different sets of the cache.
 */
#include "bench.h"

#include <boost/version.hpp>
#include <stdio.h>
#include <stdlib.h>

typedef void *fcontext_t;

typedef struct transfer {
    fcontext_t from;
    void *data;
} transfer_t;

/* boost/context/detail/fcontext.hpp, in C */
transfer_t jump_fcontext(fcontext_t to, void *data);
fcontext_t make_fcontext(void *top, size_t size, void (*fn)(transfer_t));

struct co {
    fcontext_t context;
    char *stack;
};

static struct co one, *all;
static size_t all_count;

static void yield_always(transfer_t t)
{
    for (;;)
        t = jump_fcontext(t.from, NULL);
}

static void make(struct co *co, void (*fn)(transfer_t), char *stack)
{
    if (stack == NULL)
        bench_fail("no stack");
    co->stack = stack;
    co->context = make_fcontext(stack + BENCH_STACK, BENCH_STACK, fn);
}

static inline void resume(struct co *co)
{
    co->context = jump_fcontext(co->context, NULL).from;
}

/* ---- switch, switch-fp ---- */

static long setup_switch(size_t size)
{
    make(&one, yield_always, malloc(BENCH_STACK));
    return (long)size;
}

static void run_switch(uint64_t operations)
{
    fcontext_t context = one.context;

    for (; operations > 0; operations--)
        context = jump_fcontext(context, NULL).from;
    one.context = context;
}

/* ---- switch-helper ---- */

static BENCH_HELPER transfer_t helped_yield(fcontext_t to)
{
    transfer_t t = jump_fcontext(to, NULL);

    BENCH_NO_TAIL;
    return t;
}

static BENCH_HELPER void helped_resume(struct co *co)
{
    resume(co);
    BENCH_NO_TAIL;
}

static void helped_yield_always(transfer_t t)
{
    for (;;)
        t = helped_yield(t.from);
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

enum { AHEAD = 8, LINE = 64 };

static void run_robin_ahead(uint64_t operations)
{
    for (size_t i = 0, ahead = AHEAD % all_count; operations > 0; operations--) {
        __builtin_prefetch(all[ahead].context);
        __builtin_prefetch((char *)all[ahead].context + LINE);
        resume(&all[i]);
        if (++i == all_count)
            i = 0;
        if (++ahead == all_count)
            ahead = 0;
    }
}

static long setup_memory(size_t size)
{
    setup_robin(size);
    run_robin(size);
    return (long)size;
}

/* ---- create ---- */

static void return_at_once(transfer_t t)
{
    jump_fcontext(t.from, NULL); /* such a function has nowhere to return to */
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

static const char *version(void)
{
    static char text[16];

    snprintf(text, sizeof text, "%d.%d", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000);
    return text;
}

const struct bench_peer bench_peer_fcontext = {
    .name = "Boost fcontext",
    .what = "Boost.Context's raw jump_fcontext() both ways: no checks, no bookkeeping",
    .version = version,
    .works = {{"switch", setup_switch, NULL, run_switch, 0, "FP words kept"},
              {"switch-fp", setup_switch, NULL, run_switch, 0, NULL},
              {"switch-helper", setup_helper, NULL, run_helper, 0, NULL},
              {"robin", setup_robin, NULL, run_robin, 0, "malloc'ed stacks, no guards"},
              {"create", setup_create, NULL, run_create, 0, "one stack, used again"},
              {"create-fresh", setup_fresh, prepare_fresh, run_fresh, 0, "mmap() and mprotect() by hand"},
              {"memory", setup_memory, NULL, NULL, 0, "no guards"}},
};

const struct bench_peer bench_peer_fcontext_ahead = {
    .name = "Boost fcontext, ahead",
    .what = "the same with a prefetch of the frame that comes eight resumes later",
    .version = version,
    .works = {{"robin", setup_robin, NULL, run_robin_ahead, 0, "no guards, prefetched"}},
};
