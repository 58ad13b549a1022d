/*
 * Stacks from malloc(). With nothing to stop an overflow, there is at least a canary below, which tells of it afterwards.
 *
 *     map                base                                base + size
 *      | canary, 64 bytes | usable ...                          | headroom |
 */
#include "stack.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* Depends on the address, so that a stack copied over another one does not look right. */
static uint64_t canary_word(const uint64_t *at)
{
    return ((uint64_t)(uintptr_t)at + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void coro__canary_set(void *p)
{
    uint64_t *words = p;

    for (size_t i = 0; i < CORO__CANARY_SIZE / sizeof *words; i++)
        words[i] = canary_word(&words[i]);
}

bool coro__canary_intact(const void *p)
{
    const uint64_t *words = p;

    for (size_t i = 0; i < CORO__CANARY_SIZE / sizeof *words; i++)
        if (words[i] != canary_word(&words[i]))
            return false;
    return true;
}

static int heap_alloc(void *ctx, size_t size, coro_stack *out)
{
    size_t whole;
    char *map;

    (void)ctx;
    if (size > PTRDIFF_MAX - CORO__CANARY_SIZE - CORO__HEAP_HEADROOM)
        return -ENOMEM;
    whole = CORO__CANARY_SIZE + ((size + 15) & ~(size_t)15) + CORO__HEAP_HEADROOM;
    map = aligned_alloc(64, (whole + 63) & ~(size_t)63);
    if (map == NULL)
        return -ENOMEM;
    coro__canary_set(map);
    *out = (coro_stack){
        .base = map + CORO__CANARY_SIZE,
        .size = whole - CORO__CANARY_SIZE - CORO__HEAP_HEADROOM,
        .map = map,
        .map_size = whole,
    };
    return 0;
}

static void heap_free(void *ctx, coro_stack *stack)
{
    (void)ctx;
    free(stack->map);
}

const coro_stack_allocator *coro_stack_heap(void)
{
    static const coro_stack_allocator heap = {.alloc = heap_alloc, .free = heap_free};

    return &heap;
}
