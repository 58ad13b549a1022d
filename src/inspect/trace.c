/*
 * What a scheduler records while a recording is on: it is the observer of its turns.
 *
 * Nothing else of the scheduler knows of it. Whom a task has woken or spawned stands in the queue when its turn is over, behind what was
 * there before; and who stands there at the beginning of a round that did not at the end of the last was woken in between, by time,
 * input or another thread.
 *
 * One look at the clock a turn: where one ends the next begins.
 */
#include "trace.h"

#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

/* Of one scheduler; its thread's alone. */
struct trace {
    struct coro__observed observed;
    struct coro__ring *ring;
    struct coro__tracks tracks;
    uint32_t track; /* its own */
    int64_t now;    /* the last look at the clock */
    size_t known;   /* entries of the queue that it has seen */
    uint64_t told;  /* of what was lost */

    /* valid only while a task has its turn */
    struct coro_task *running;         /* NULL outside of turns */
    struct coro__track *running_track; /* NULL: there is no room for one */
    uint64_t ended;                    /* tasks, at the beginning */
    int64_t begin;
};

static struct trace *trace_of(const struct coro_sched *s)
{
    return (struct trace *)s->observed;
}

/* No two readings are equal: no turn is empty. */
static int64_t look_at_clock(struct trace *trace)
{
    int64_t now = coro__real_now();

    trace->now = now > trace->now ? now : trace->now + 1;
    return trace->now;
}

/* ---- records ---- */

static struct coro__record *place(struct trace *trace)
{
    if (coro__ring_count(trace->ring) == CORO__RING_RECORDS / 2)
        coro__timeline_hurry();
    return coro__ring_place(trace->ring);
}

static bool put_name(struct trace *trace, const struct coro__track *track)
{
    const struct coro_task *task = track->task;
    struct coro__record *record = place(trace);

    if (record == NULL)
        return false;
    *record = (struct coro__record){.track = track->number};
    if (task->stackless) {
        record->kind = CORO__RECORD_STACKLESS;
        record->stackless.name = task->type->name;
        record->stackless.site = task->light || task->site == NULL ? task->type->site : task->site;
        record->stackless.address = task;
    } else {
        record->kind = CORO__RECORD_TASK;
        if (task->co != NULL) {
            memcpy(record->task.name, task->co->name, sizeof record->task.name);
            record->task.number = task->co->number;
            record->from = (uint32_t)coro__turn(task->co);
        }
        record->task.site = task->co != NULL ? task->co->site : task->site;
    }
    coro__ring_put(trace->ring);
    return true;
}

static void put_turn(struct trace *trace, const struct coro__track *track, enum coro__record_kind kind, int64_t begin,
                     int64_t end)
{
    struct coro__record *record = place(trace);

    if (record == NULL)
        return;
    record->kind = (uint8_t)kind;
    record->track = track->number;
    record->from = track->from;
    record->turn.since = track->since;
    record->turn.woken = track->woken;
    record->turn.begin = begin;
    record->turn.end = end;
    record->turn.reason = track->reason;
    record->turn.site = track->site;
    coro__ring_put(trace->ring);
}

static void put_round(struct trace *trace, const struct coro_sched *s, int64_t begin, int64_t end)
{
    struct coro__record *record = place(trace);

    if (record == NULL)
        return;
    *record = (struct coro__record){.kind = CORO__RECORD_ROUND, .track = trace->track};
    record->round.begin = begin;
    record->round.end = end;
    record->round.live = coro__sched_live(s);
    record->round.ready = coro__queue_count(&s->queue);
    coro__ring_put(trace->ring);
}

static void put_lost(struct trace *trace)
{
    uint64_t lost = atomic_load_explicit(&trace->ring->lost, memory_order_relaxed);
    struct coro__record *record;

    if (lost == trace->told || coro__ring_count(trace->ring) == CORO__RING_RECORDS)
        return;
    record = place(trace);
    *record = (struct coro__record){.kind = CORO__RECORD_LOST, .track = trace->track};
    record->lost.at = trace->now;
    record->lost.count = lost - trace->told;
    coro__ring_put(trace->ring);
    trace->told = lost;
}

/* ---- tracks ---- */

/* NULL: it is left out. */
static struct coro__track *track_of(struct trace *trace, struct coro_task *task)
{
    struct coro__track *track = coro__track_of(&trace->tracks, task);

    if (track == NULL)
        return NULL;
    if (track->number == 0) {
        track->number = coro__timeline_track();
        track->since = trace->now;
    }
    return track;
}

/* What differs between two names, mostly; 0: it has none. */
static uint64_t essence_of_name(const struct coro_task *task)
{
    const struct coro *co = task->stackless ? NULL : task->co;
    uint64_t essence = 0;

    for (const char *c = co != NULL ? co->name : ""; *c != '\0'; c++)
        essence = essence * 31 + (unsigned char)*c;
    return co != NULL ? essence + co->number : essence;
}

/* Its name is in the ring, or now put there. */
static bool is_named(struct trace *trace, struct coro__track *track)
{
    if (!track->named) {
        track->named = put_name(trace, track);
        track->name = essence_of_name(track->task);
    }
    return track->named;
}

/* A task may have got its coroutine since, and given itself a name. */
static void name_anew(struct trace *trace, struct coro__track *track)
{
    if (track->name != essence_of_name(track->task))
        track->named = false;
    is_named(trace, track);
}

/* It does not run any more. */
static void begin_to_wait(struct coro__track *track, const struct coro_task *task, int64_t now)
{
    bool waits = coro__inspect_task(task, NULL) == CORO__TASK_WAITS;

    track->since = now;
    track->woken = waits ? 0 : now;
    track->from = 0;
    track->reason = waits ? coro__inspect_reason(task) : NULL;
    track->site = waits && !task->light ? task->waiter.site : NULL;
}

static void note_woken(struct trace *trace, struct coro__ready ready, uint32_t from)
{
    struct coro_task *task = coro__sched_task_of(ready);
    struct coro__track *track = task != trace->running ? track_of(trace, task) : NULL;

    if (track == NULL)
        return;
    track->woken = trace->now;
    track->from = from;
}

/* Those that have joined the queue: at its end, or at its head, but for one that has let others go first. */
static void note_all_woken(struct trace *trace, const struct coro__queue *queue, uint32_t from)
{
    size_t count = coro__queue_count(queue) - trace->known, at = queue->tail - count;

    if (count == 0)
        return;
    if (queue->newest_first) {
        if (trace->running != NULL &&
            coro__sched_task_of(queue->ring[(queue->tail - 1) & queue->mask]) == trace->running)
            count--;
        at = queue->head;
    }
    for (size_t i = 0; i < count; i++)
        note_woken(trace, queue->ring[(at + i) & queue->mask], from);
}

/* ---- begun and ended ---- */

static void leave_ring(struct coro_sched *s)
{
    struct trace *trace = trace_of(s);

    s->observed = NULL;
    atomic_store(&trace->ring->left, true);
    coro__ring_drop(trace->ring);
    free(trace->tracks.slots);
    free(trace);
}

/* What does not fit waits a while for the thread that makes room. */
static void make_room(struct trace *trace)
{
    enum { STEP_NS = 500000, STEPS = 200 };

    for (int i = 0; i < STEPS && coro__ring_count(trace->ring) == CORO__RING_RECORDS; i++) {
        const struct timespec step = {.tv_nsec = STEP_NS};

        coro__timeline_hurry();
        nanosleep(&step, NULL);
    }
}

static void put_what_goes_on(struct trace *trace)
{
    look_at_clock(trace);
    if (trace->running_track != NULL && is_named(trace, trace->running_track))
        put_turn(trace, trace->running_track, CORO__RECORD_TURN, trace->begin, trace->now);
    for (size_t i = 0; i < trace->tracks.capacity; i++) {
        struct coro__track *track = &trace->tracks.slots[i];

        if (track->task == NULL || track->task == trace->running)
            continue;
        make_room(trace);
        if (is_named(trace, track)) {
            make_room(trace);
            put_turn(trace, track, CORO__RECORD_STILL, trace->now, trace->now);
        }
    }
    put_lost(trace);
}

void coro__trace_settle(struct coro_sched *s)
{
    struct trace *trace = trace_of(s);

    if (trace == NULL)
        return;
    if (!atomic_load(&trace->ring->over))
        put_what_goes_on(trace);
    leave_ring(s);
}

/* At the first round in a recording: what there is by now. */
static void begin(struct coro_sched *s)
{
    struct trace *trace = calloc(1, sizeof *trace);
    struct coro__record *record;

    if (trace == NULL)
        return;
    trace->ring = coro__timeline_join();
    if (trace->ring == NULL) {
        free(trace);
        return;
    }
    trace->observed.end = coro__trace_settle;
    trace->track = coro__timeline_track();
    s->observed = &trace->observed;
    record = place(trace);
    *record = (struct coro__record){.kind = CORO__RECORD_SCHEDULER, .track = trace->track};
    record->scheduler.number = atomic_load(&s->place->number);
    coro__ring_put(trace->ring);
    look_at_clock(trace);
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next) {
        struct coro_task *task = coro__task_at(link);
        struct coro__track *track = !task->ended ? track_of(trace, task) : NULL;

        if (track != NULL)
            begin_to_wait(track, task, trace->now);
    }
    trace->known = coro__queue_count(&s->queue);
}

/* One that was stopped leaves its ring, and with that what it knows. */
static struct trace *present_trace(struct coro_sched *s)
{
    struct trace *trace = trace_of(s);

    if (trace == NULL || !atomic_load_explicit(&trace->ring->over, memory_order_relaxed))
        return trace;
    leave_ring(s);
    return NULL;
}

/* ---- observed ---- */

static void round_begins(struct coro_sched *s)
{
    struct trace *trace = present_trace(s);
    int64_t before;

    if (trace == NULL) {
        begin(s);
        return;
    }
    before = trace->now;
    look_at_clock(trace);
    put_round(trace, s, before, trace->now);
    note_all_woken(trace, &s->queue, trace->track);
    put_lost(trace);
}

static void turn_begins(struct coro_sched *s, struct coro__ready next)
{
    struct trace *trace = trace_of(s);

    if (trace == NULL)
        return;
    trace->running = coro__sched_task_of(next);
    trace->running_track = track_of(trace, trace->running);
    if (trace->running_track == NULL)
        atomic_fetch_add_explicit(&trace->ring->lost, 1, memory_order_relaxed);
    else
        is_named(trace, trace->running_track);
    trace->begin = trace->now;
    trace->ended = s->ended;
    trace->known = coro__queue_count(&s->queue);
}

static void turn_ends(struct coro_sched *s)
{
    struct trace *trace = present_trace(s);
    struct coro__track *track;
    uint32_t from = 0;

    if (trace == NULL || trace->running == NULL)
        return;
    look_at_clock(trace);
    track = trace->running_track;
    if (track != NULL && track->named) {
        put_turn(trace, track, CORO__RECORD_TURN, trace->begin, trace->now);
        from = track->number;
    }
    if (track != NULL && s->ended != trace->ended)
        coro__track_end(&trace->tracks, track);
    else if (track != NULL) {
        name_anew(trace, track);
        begin_to_wait(track, trace->running, trace->now);
    }
    note_all_woken(trace, &s->queue, from);
    trace->known = coro__queue_count(&s->queue);
    trace->running = NULL;
    trace->running_track = NULL;
}

const struct coro__observer coro__trace_observer = {
    .round_begins = round_begins, .turn_begins = turn_begins, .turn_ends = turn_ends};
