/*
 * One guarded mapping a stack.
 *
 *     map                base                                base + size
 *      | guard, 64 KiB    | usable ...                          | headroom, a page |
 *
 * The guard is never writable, not even for a moment: all is reserved first, then the upper part opened. Where markers work the
 * guard is opened as well, after the marker is in, so that neighbouring stacks merge into one mapping.
 */
#include "os.h"
#include "stack.h"

#include <errno.h>
#include <stdint.h>

int coro__mapped_alloc(void *ctx, size_t size, coro_stack *out)
{
    size_t page = coro__os_page_size();
    size_t guard = coro__round_up(CORO__GUARD_SIZE, page);
    size_t whole;
    char *map;
    int err;

    (void)ctx;
    if (size > PTRDIFF_MAX - guard - 2 * page)
        return -ENOMEM;
    size = coro__round_up(size, page);
    whole = guard + size + page;
    map = coro__os_reserve(whole);
    if (map == NULL)
        return -ENOMEM;
    err = coro__os_mark(map, guard) ? coro__os_open(map, whole) : coro__os_open(map + guard, whole - guard);
    if (err != 0)
        goto release;
    *out = (coro_stack){.base = map + guard, .size = size, .map = map, .map_size = whole};
    return 0;

release:
    coro__os_release(map, whole);
    return err;
}

void coro__mapped_free(void *ctx, coro_stack *stack)
{
    (void)ctx;
    coro__os_release(stack->map, stack->map_size);
}

const coro_stack_allocator *coro_stack_mmap(void)
{
    static const coro_stack_allocator mapped = {.alloc = coro__mapped_alloc, .free = coro__mapped_free};

    return &mapped;
}
