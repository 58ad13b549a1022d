#include "timer.h"

#include <coro/base.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CHILDREN = 4, CAPACITY_LEAST = 64, CAPACITY_MOST = 1 << 30 };

/* Turns wrap around: of two with one deadline, neither is older by two thousand million. */
static bool before(const struct coro__timer_slot *a, const struct coro__timer_slot *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : (int32_t)(a->turn - b->turn) < 0;
}

static void put(struct coro__timers *timers, size_t i, struct coro__timer_slot slot)
{
    timers->heap[i] = slot;
    timers->place[slot.handle] = (uint32_t)i;
}

/* `slot` goes to `i` or above. */
static void rise(struct coro__timers *timers, size_t i, struct coro__timer_slot slot)
{
    while (i > 0) {
        size_t parent = (i - 1) / CHILDREN;

        if (!before(&slot, &timers->heap[parent]))
            break;
        put(timers, i, timers->heap[parent]);
        i = parent;
    }
    put(timers, i, slot);
}

static size_t least_child(const struct coro__timers *timers, size_t i)
{
    size_t least = i * CHILDREN + 1, end = least + CHILDREN;

    if (end > timers->count)
        end = timers->count;
    for (size_t child = least + 1; child < end; child++)
        if (before(&timers->heap[child], &timers->heap[least]))
            least = child;
    return least;
}

/* Fetch the children of the children of `i`, which lie side by side, while it is found out which of them matter. The topmost are in the
   cache anyway. */
static inline void fetch_ahead(const struct coro__timers *timers, size_t i)
{
    enum { TOPMOST = 85, LINE = 64 };
    size_t first = (i * CHILDREN + 1) * CHILDREN + 1, end = first + (size_t)CHILDREN * CHILDREN;

    if (i < TOPMOST || end > timers->count)
        return;
    for (const char *p = (const char *)&timers->heap[first]; p < (const char *)&timers->heap[end]; p += LINE)
        __builtin_prefetch(p);
}

/* `slot` goes to `i` or below. */
static void sink(struct coro__timers *timers, size_t i, struct coro__timer_slot slot)
{
    for (size_t child; i * CHILDREN + 1 < timers->count; i = child) {
        fetch_ahead(timers, i);
        child = least_child(timers, i);
        if (!before(&timers->heap[child], &slot))
            break;
        put(timers, i, timers->heap[child]);
    }
    put(timers, i, slot);
}

int coro__timers_grow(struct coro__timers *timers)
{
    size_t capacity = timers->capacity != 0 ? timers->capacity * 2 : CAPACITY_LEAST;
    struct coro__timer_slot *heap;
    uint32_t *place;

    if (capacity > CAPACITY_MOST)
        return -ENOMEM;
    heap = realloc(timers->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return -ENOMEM;
    timers->heap = heap;
    place = realloc(timers->place, (capacity + 1) * sizeof *place);
    if (place == NULL)
        return -ENOMEM;
    timers->place = place;
    for (size_t handle = capacity; handle > timers->capacity; handle--) {
        place[handle] = timers->free;
        timers->free = (uint32_t)handle;
    }
    timers->capacity = capacity;
    return 0;
}

enum { LIGHT = 1 };

static void set(struct coro__timers *timers, uint32_t *out, uintptr_t timer, int64_t deadline)
{
    uint32_t handle = timers->free;

    timers->free = timers->place[handle];
    *out = handle;
    rise(timers, timers->count++, (struct coro__timer_slot){deadline, timers->turn++, handle, timer});
}

void coro__timers_set(struct coro__timers *timers, struct coro__timer *timer, int64_t deadline)
{
    set(timers, &timer->handle, (uintptr_t)timer, deadline);
}

void coro__timers_set_light(struct coro__timers *timers, uint32_t *handle, int64_t deadline)
{
    set(timers, handle, (uintptr_t)handle | LIGHT, deadline);
}

void coro__timers_unset(struct coro__timers *timers, struct coro__timer *timer)
{
    coro__timers_unset_light(timers, &timer->handle);
}

void coro__timers_unset_light(struct coro__timers *timers, uint32_t *of)
{
    uint32_t handle = *of;
    struct coro__timer_slot last;
    size_t i;

    if (handle == 0)
        return;
    *of = 0;
    i = timers->place[handle];
    timers->place[handle] = timers->free;
    timers->free = handle;
    last = timers->heap[--timers->count];
    if (i == timers->count)
        return;
    if (i > 0 && before(&last, &timers->heap[(i - 1) / CHILDREN]))
        rise(timers, i, last);
    else
        sink(timers, i, last);
}

int64_t coro__timers_next(const struct coro__timers *timers)
{
    return timers->count != 0 ? timers->heap[0].deadline : CORO_FOREVER;
}

static void fire(struct coro__timers *timers, uintptr_t timer)
{
    if ((timer & LIGHT) != 0) {
        uint32_t *handle = (uint32_t *)(timer - LIGHT);

        coro__timers_unset_light(timers, handle);
        timers->fire_light(handle);
    } else {
        struct coro__timer *whole = (struct coro__timer *)timer;

        coro__timers_unset(timers, whole);
        whole->fire(whole);
    }
}

size_t coro__timers_fire(struct coro__timers *timers, int64_t now)
{
    size_t fired = 0;

    for (; timers->count != 0 && timers->heap[0].deadline <= now; fired++) {
        for (size_t i = 1; i <= CHILDREN && i < timers->count; i++)
            __builtin_prefetch((const void *)timers->heap[i].timer, 1); /* one of them is next */
        fire(timers, timers->heap[0].timer);
    }
    return fired;
}

void coro__timers_end(struct coro__timers *timers)
{
    free(timers->heap);
    free(timers->place);
}
