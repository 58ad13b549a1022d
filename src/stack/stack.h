/*
 * What the core needs to know about stacks beyond the public allocators.
 */
#ifndef CORO_STACK_STACK_H
#define CORO_STACK_STACK_H

#include <coro/stack.h>
#include <stdbool.h>

/* Bytes at base + size that a stack of this allocator has on top for the coroutine's bookkeeping; 0 for a custom allocator. */
size_t coro__stack_headroom(const coro_stack_allocator *allocator);

/* Headroom of stacks from malloc(). The mapped ones have a page of it, less what the pool keeps at its end. */
#ifdef CORO_SANITIZED
#    define CORO__HEAP_HEADROOM ((size_t)512)
#else
#    define CORO__HEAP_HEADROOM ((size_t)448)
#endif
#define CORO__POOL_TAIL ((size_t)64)

/* A pattern at the low end of memory that has no guard. */
#define CORO__CANARY_SIZE ((size_t)64)
void coro__canary_set(void *p);
bool coro__canary_intact(const void *p);

/* How many stacks the pool keeps warm for the calling thread and for all threads together, and their bytes. */
size_t coro__pool_count(size_t *bytes);

/* What coro_stack_trim() calls first: whoever else keeps stacks gives those of the calling thread back. Set once. */
void coro__stack_on_trim(void (*fn)(void));

/* A stack of a size that is not pooled. */
int coro__mapped_alloc(void *ctx, size_t size, coro_stack *out);
void coro__mapped_free(void *ctx, coro_stack *stack);

#endif
