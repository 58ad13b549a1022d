#include "queue.h"

#include <errno.h>
#include <stdlib.h>

enum { CAPACITY_LEAST = 64 };

int coro__queue_grow(struct coro__queue *queue)
{
    size_t capacity = queue->capacity != 0 ? queue->capacity * 2 : CAPACITY_LEAST, count = coro__queue_count(queue);
    struct coro__ready *ring = malloc(capacity * sizeof *ring);

    if (ring == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        ring[i] = queue->ring[(queue->head + i) & queue->mask];
    free(queue->ring);
    queue->ring = ring;
    queue->capacity = capacity;
    queue->mask = capacity - 1;
    queue->head = 0;
    queue->tail = count;
    return 0;
}

void coro__queue_end(struct coro__queue *queue)
{
    free(queue->ring);
}

void coro__queue_fetch(const struct coro__queue *queue)
{
    size_t first = queue->head + CORO__QUEUE_AT_ONCE;

    for (size_t i = first; i < first + CORO__QUEUE_AT_ONCE; i++)
        coro__queue_prefetch(&queue->ring[i & queue->mask]);
}

void coro__queue_draw(struct coro__queue *queue)
{
    uint64_t drawn = coro__random(&queue->seed) % coro__queue_count(queue);
    struct coro__ready *head = &queue->ring[queue->head & queue->mask];
    struct coro__ready *other = &queue->ring[(queue->head + drawn) & queue->mask];
    struct coro__ready swap = *head;

    *head = *other;
    *other = swap;
}
