/*
 * tasks.h: what the cases about tasks do, for every peer alike (gobench/main.go says it once more); and libcoro's works in them,
 * which are in tasks.c and channels.c.
 */
#ifndef BENCH_PEERS_TASKS_H
#define BENCH_PEERS_TASKS_H

#include "bench.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SKYNET_SUM UINT64_C(499999500000) /* of the numbers of 1,000,000 leaves */

enum {
    SKYNET_LEAVES = 1000000,
    SKYNET_CHILDREN = 10,
    CHAN_BUFFER = 128,
    SIEVE_PRIMES = 2000,
    SIEVE_LAST = 17389,
    SELECT_MOST = 16
};

/* How long the next sleeper sleeps: 1 to 100 ms, in ns. `*x` is 1 at first. */
static inline int64_t sleep_ns(uint64_t *x)
{
    *x = *x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(1000 + (*x >> 33) % 99001) * 1000;
}

/* name(self), which calls what calls what evaluates `yield`. */
#define TASKS_CALLS(name, yield)                                                                                       \
    static BENCH_HELPER void name##_innermost(void *self)                                                              \
    {                                                                                                                  \
        (void)self;                                                                                                    \
        yield;                                                                                                         \
        BENCH_NO_TAIL;                                                                                                 \
    }                                                                                                                  \
    static BENCH_HELPER void name##_inner(void *self)                                                                  \
    {                                                                                                                  \
        name##_innermost(self);                                                                                        \
        BENCH_NO_TAIL;                                                                                                 \
    }                                                                                                                  \
    static BENCH_HELPER void name(void *self)                                                                          \
    {                                                                                                                  \
        name##_inner(self);                                                                                            \
        BENCH_NO_TAIL;                                                                                                 \
    }

/* Of `n` consecutive numbers. */
static inline uint64_t sum_from(uint64_t first, uint64_t n)
{
    return n * first + n * (n - 1) / 2;
}

void tasks_as_task(void (*take)(void *arg), void *arg);
long tasks_setup(size_t size);
long tasks_setup_yield(size_t size);
void tasks_run_yield(uint64_t operations);
long tasks_setup_calls(size_t size);
void tasks_run_calls(uint64_t operations);
void tasks_run_spawn(uint64_t operations);
void tasks_run_spawn_calls(uint64_t operations);
void tasks_run_skynet(uint64_t operations);
void tasks_run_sleepers(uint64_t operations);
long channels_setup_rendezvous(size_t size);
long channels_setup_buffered(size_t size);
void channels_run(uint64_t operations);
long channels_setup_select(size_t size);
void channels_run_select(uint64_t operations);
long channels_setup_mutex(size_t size);
void channels_run_mutex(uint64_t operations);
long channels_setup_sieve(size_t size);
void channels_run_sieve(uint64_t operations);

#ifdef __cplusplus
}
#endif

#endif
