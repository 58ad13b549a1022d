/*
 * Tracing, for its two halves: what a scheduler records of its turns (trace.c, tracks.c), and what becomes of that (timeline.c).
 *
 * Between the two lies a ring for each scheduler. One thread writes to it and one reads, so that neither waits for the other; what finds
 * no room is counted.
 */
#ifndef CORO_INSPECT_TRACE_H
#define CORO_INSPECT_TRACE_H

#include "inspect.h"

/* ---- records ---- */

enum coro__record_kind {
    CORO__RECORD_SCHEDULER, /* a track is that of a scheduler */
    CORO__RECORD_TASK,      /* of a task with a stack */
    CORO__RECORD_STACKLESS,
    CORO__RECORD_TURN,  /* a task ran, after it had waited, or been ready */
    CORO__RECORD_STILL, /* it waits, or is ready, where the recording ends */
    CORO__RECORD_ROUND, /* what lay between two rounds */
    CORO__RECORD_LOST   /* turns that found no room */
};

/* A line of the cache. Strings are static, but for names. */
struct coro__record {
    uint8_t kind;
    uint32_t track; /* which one it is about */
    uint32_t
        from; /* a turn: the track of whoever woke it, 0 if nobody is known; a task: how often its coroutine was used before */
    union {
        struct {
            int64_t since, woken, begin, end; /* ns. woken: since then it is ready; 0: not yet */
            const char *reason, *site;        /* what it waited for, and where; NULL if for nothing, or unknown */
        } turn;
        struct {
            char name[CORO__NAME_SIZE];
            uint64_t number;
            const char *site;
        } task;
        struct {
            const char *name, *site;
            const void *address;
        } stackless;
        struct {
            int64_t begin, end;
            uint64_t live, ready;
        } round;
        struct {
            int64_t at;
            uint64_t count;
        } lost;
        struct {
            uint64_t number;
        } scheduler;
    };
};
_Static_assert(sizeof(struct coro__record) == 64, "a line of the cache");

/* ---- the ring ---- */

enum { CORO__RING_RECORDS = 16384 };

/*   I1  written - taken <= CORO__RING_RECORDS
 *   I2  owners counts the scheduler and the recording; the last to go frees it */
struct coro__ring {
    struct coro__ring *next; /* the recording's */
    atomic_uint owners;
    atomic_bool over; /* the recording is: nothing is to be written any more */
    atomic_bool left; /* the scheduler has: nothing will be */
    atomic_uint_fast64_t lost;
    _Alignas(64) atomic_size_t written;
    _Alignas(64) atomic_size_t taken;
    struct coro__record records[CORO__RING_RECORDS];
};

static inline size_t coro__ring_count(const struct coro__ring *ring)
{
    return atomic_load_explicit(&ring->written, memory_order_acquire) -
           atomic_load_explicit(&ring->taken, memory_order_acquire);
}

/* The place for the next record; NULL if there is none, which is counted. It is there once coro__ring_put() is called. */
static inline struct coro__record *coro__ring_place(struct coro__ring *ring)
{
    size_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);

    if (at - atomic_load_explicit(&ring->taken, memory_order_acquire) < CORO__RING_RECORDS)
        return &ring->records[at % CORO__RING_RECORDS];
    atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
    return NULL;
}

static inline void coro__ring_put(struct coro__ring *ring)
{
    size_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);

    atomic_store_explicit(&ring->written, at + 1, memory_order_release);
}

void coro__ring_drop(struct coro__ring *ring); /* by one of its owners */

/* ---- tracks; tracks.c ---- */

/* A task that is alive, as it is known to whoever records. */
struct coro__track {
    struct coro_task *task; /* NULL: nobody is here */
    uint32_t number;
    uint32_t from;
    bool named;    /* that there is such a track is in the ring */
    uint64_t name; /* what is essential of the name that is there */
    int64_t since, woken;
    const char *reason, *site;
};

/* A hash table by address, no more than half full. */
struct coro__tracks {
    struct coro__track *slots;
    size_t capacity, count;
    unsigned shift;
};

/* That of a task. A new one is all zero but for the task. NULL: it is new, and there is no room or no memory. */
struct coro__track *coro__track_of(struct coro__tracks *tracks, struct coro_task *task);
void coro__track_end(struct coro__tracks *tracks,
                     struct coro__track *track); /* pointers to others are not good any more */

/* ---- the recording; timeline.c ---- */

/* A new ring for a scheduler, which is one of its owners; NULL if there is no recording, or no memory. */
struct coro__ring *coro__timeline_join(void);

/* A number for a track. */
uint32_t coro__timeline_track(void);

/* The ring fills up. */
void coro__timeline_hurry(void);

/* As CORO_TRACE in the environment says. */
void coro__timeline_begin(const char *path);

/* ---- what is recorded; trace.c ---- */

extern const struct coro__observer coro__trace_observer;

/* A scheduler of the calling thread writes down what goes on still, and leaves its ring. */
void coro__trace_settle(struct coro_sched *s);

#endif
