/*
 * Which track a task has. Tasks have no room for such a thing, and need none as long as nobody records.
 */
#include "trace.h"

#include <stdlib.h>

enum { CAPACITY_LEAST = 256, CAPACITY_MOST = 1 << 17, WORD_BITS = 64 };

static size_t home_of(const struct coro__tracks *tracks, const struct coro_task *task)
{
    return (size_t)(((uintptr_t)task >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> tracks->shift);
}

/* Where it is, or would be put. */
static struct coro__track *find(const struct coro__tracks *tracks, const struct coro_task *task)
{
    size_t i = home_of(tracks, task);

    while (tracks->slots[i].task != NULL && tracks->slots[i].task != task)
        i = (i + 1) & (tracks->capacity - 1);
    return &tracks->slots[i];
}

static bool grow(struct coro__tracks *tracks)
{
    struct coro__tracks larger = {.capacity = tracks->capacity != 0 ? tracks->capacity * 2 : CAPACITY_LEAST,
                                  .count = tracks->count};

    if (larger.capacity > CAPACITY_MOST)
        return false;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return false;
    larger.shift = (unsigned)(WORD_BITS - __builtin_ctzll(larger.capacity));
    for (size_t i = 0; i < tracks->capacity; i++)
        if (tracks->slots[i].task != NULL)
            *find(&larger, tracks->slots[i].task) = tracks->slots[i];
    free(tracks->slots);
    *tracks = larger;
    return true;
}

struct coro__track *coro__track_of(struct coro__tracks *tracks, struct coro_task *task)
{
    struct coro__track *track = tracks->capacity != 0 ? find(tracks, task) : NULL;

    if (track != NULL && track->task != NULL)
        return track;
    if (tracks->count * 2 == tracks->capacity) {
        if (!grow(tracks))
            return NULL;
        track = find(tracks, task);
    }
    *track = (struct coro__track){.task = task};
    tracks->count++;
    return track;
}

/* Those after it move up, so that the way from where each belongs to where it is has no gap. */
void coro__track_end(struct coro__tracks *tracks, struct coro__track *track)
{
    size_t mask = tracks->capacity - 1, gap = (size_t)(track - tracks->slots);

    for (size_t i = (gap + 1) & mask; tracks->slots[i].task != NULL; i = (i + 1) & mask) {
        size_t home = home_of(tracks, tracks->slots[i].task);

        if (((i - home) & mask) < ((i - gap) & mask))
            continue; /* it belongs after the gap */
        tracks->slots[gap] = tracks->slots[i];
        gap = i;
    }
    tracks->slots[gap].task = NULL;
    tracks->count--;
}
