/*
 * coro/stack.h: where the stacks of coroutines come from.
 *
 * Three allocators come with the library, and any other fits in behind the same two functions. Stacks grow down. The built-in
 * mapped stacks have a guard of 64 KiB below them: a frame that jumps over it needs to be larger than that, and code built with
 * -fstack-clash-protection never jumps at all.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_STACK_H
#define CORO_STACK_H

#include <coro/base.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A stack: the bytes `base` ... `base + size` may be used; `map`, `map_size` are what the allocator needs to give it back. */
typedef struct coro_stack {
    void *base;      /* lowest usable byte, 16-byte aligned */
    size_t size;     /* usable bytes, a multiple of 16 */
    void *map;       /* the allocator's own: start of all that belongs to this stack, guard included */
    size_t map_size; /* the allocator's own: bytes of it */
} coro_stack;

/**
 * A source of stacks.
 *
 * alloc(ctx, size, out): fill `*out` with a stack of at least `size` usable bytes and return 0, or return a negative errno value
 * and leave `*out` alone. `size` is a multiple of the page size.
 *
 * free(ctx, stack): take back what alloc gave. Called on another stack than the one that goes.
 *
 * Context:   both run on the thread that calls coro_create() or coro_destroy(), on whatever stack that runs.
 * Ownership: the structure must outlive the coroutines that were made with it; it is not copied.
 */
typedef struct coro_stack_allocator {
    int (*alloc)(void *ctx, size_t size, coro_stack *out);
    void (*free)(void *ctx, coro_stack *stack);
    void *ctx;
} coro_stack_allocator;

/**
 * The default. Stacks are carved out of large mappings, each with a guard below it that does not split the mapping (where the
 * kernel knows MADV_GUARD_INSTALL, Linux 6.13; elsewhere mprotect(), which `vm.max_map_count` limits to some 32,000 stacks).
 * Freed stacks stay warm in a cache of their thread, further ones in a shared one; beyond 256 MiB their memory goes back to the
 * kernel. Sizes above 1 MiB are mapped one by one, as by coro_stack_mmap().
 *
 * alloc fails with -ENOMEM: out of memory, of address space or of mappings. In the last case one line on standard error, once a
 * process, says which limit to raise. It never hands out a stack without its guard.
 *
 * @return  the allocator, never NULL
 *
 * Context:   anywhere; its functions are thread-safe, and a stack may be freed by another thread than the one that took it.
 * Ownership: static.
 */
CORO_API const coro_stack_allocator *coro_stack_pooled(void);

/**
 * One mapping a stack, with its guard, unmapped when freed. For few, large or long-lived stacks.
 *
 * alloc fails with -ENOMEM, as that of coro_stack_pooled() does.
 *
 * @return  the allocator, never NULL
 *
 * Context:   anywhere; its functions are thread-safe.
 * Ownership: static.
 */
CORO_API const coro_stack_allocator *coro_stack_mmap(void);

/**
 * Stacks from malloc(), for where mmap() is not wanted. They have no guard. A canary at the low end is checked when the coroutine
 * is destroyed; a smashed one is a panic that names the coroutine.
 *
 * alloc fails with -ENOMEM.
 *
 * @return  the allocator, never NULL
 *
 * Context:   anywhere; its functions are thread-safe.
 * Ownership: static.
 */
CORO_API const coro_stack_allocator *coro_stack_heap(void);

/**
 * Give the memory of cached stacks back to the kernel: those of the calling thread and the shared ones. Other threads keep theirs.
 *
 * @return  bytes of stacks given back (address space of their usable parts; what was resident of it is what the process loses); 0 in a
 *          forked child
 *
 * Context: any thread, inside a coroutine or not.
 */
CORO_API size_t coro_stack_trim(void);

#ifdef __cplusplus
}
#endif

#endif
