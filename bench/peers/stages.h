/*
 * stages.h: what the cases "pipeline" and "generator" do with their items, for every peer alike (gobench/main.go says it once
 * more). A pass goes over all items, and its sum is checked: a peer that lost or swapped an item has no figure.
 *
 * The running sum makes each item depend on the one before, and the items are in memory: no compiler can find a formula for
 * the whole, or do several items at once.
 */
#ifndef BENCH_PEERS_STAGES_H
#define BENCH_PEERS_STAGES_H

#include "bench.h"

#define PIPELINE_SUM  UINT64_C(3251716437108001) /* of the items after the last stage, for STAGE_ITEMS items */
#define GENERATOR_SUM UINT64_C(2181611128005)    /* of the items */

enum { STAGE_ITEMS = 1000 }; /* the size of the cases */

static uint64_t *stage_items;

static inline long setup_stages(size_t size)
{
    uint64_t x = 1;

    stage_items = (uint64_t *)bench_array(size, sizeof *stage_items);
    for (size_t i = 0; i < size; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        stage_items[i] = x >> 32;
    }
    return (long)size;
}

static inline uint64_t triple(uint64_t x)
{
    return x * 3 + 1;
}

static inline uint64_t mix(uint64_t x)
{
    return x ^ x >> 7;
}

static inline uint64_t add_up(uint64_t *sum, uint64_t x)
{
    return *sum += x;
}

/* Does passes over the items, each of which returns its sum: as many as make so many operations. */
static inline __attribute__((always_inline)) void run_passes(uint64_t operations, uint64_t (*pass)(void),
                                                             uint64_t expected)
{
    for (; operations >= STAGE_ITEMS; operations -= STAGE_ITEMS) {
        if (pass() != expected)
            bench_fail("the sum is wrong");
        BENCH_NO_TAIL; /* nor may one pass stand for all */
    }
}

#endif
