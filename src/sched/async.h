/*
 * Stackless tasks, for the files of this layer. docs/design/0012-stackless-tasks.md.
 *
 * The driver runs them, on its own stack, one after the other: in the run queue stands the task itself instead of a context, marked, and
 * a task with a stack that finds such an entry next leaves to the driver. A call that parks one returns at once; the body returns, too, and
 * is handed what the call comes to when it is run again.
 */
#ifndef CORO_SCHED_ASYNC_H
#define CORO_SCHED_ASYNC_H

#include "sched.h"

#include <stddef.h>

enum { CORO__ASYNC_MARK = 1 };

static inline struct coro__ready coro__async_entry(const struct coro_task *task)
{
    return (struct coro__ready){(struct coro__context *)((uintptr_t)task | CORO__ASYNC_MARK), CORO__UNSETTLED};
}

/* Is an entry about a task itself: a stackless one, or one that has no coroutine yet? */
static inline bool coro__async_is(struct coro__ready ready)
{
    return ((uintptr_t)ready.context & CORO__ASYNC_MARK) != 0;
}

/* Which one, if it is. */
static inline struct coro_task *coro__async_of(struct coro__ready ready)
{
    return (struct coro_task *)((uintptr_t)ready.context - CORO__ASYNC_MARK);
}

static inline void *coro__async_frame(const struct coro_task *task)
{
    return (char *)(uintptr_t)task + (task->light ? CORO_ASYNC_LIGHT_WORDS_ : CORO_ASYNC_WORDS_) * sizeof(void *);
}

/* Run one that is not just a light one whose time has come. */
void coro__async_run_slowly(struct coro_sched *s, struct coro_task *task);

/* Its body has said that it is over. */
void coro__async_over(struct coro_task *task, int said, void *result);

/* Whoever runs it last clears `async`: between one and the next there is no call that asks. */
static inline int coro__async_call(struct coro_sched *s, struct coro_task *task, void *frame, void **result)
{
    s->async = task;
    return task->type->run(frame, result, &s->async_now);
}

/* Run it until it waits or ends. */
static inline void coro__async_run(struct coro_sched *s, struct coro_task *task)
{
    void *result = NULL;
    int said;

    if (!task->light || task->dropped || task->roused) {
        coro__async_run_slowly(s, task);
        return;
    }
    s->async_now = (coro_async_now){.mode_ = CORO_ASYNC_VALUE_};
    said = coro__async_call(s, task, (void **)task + CORO_ASYNC_LIGHT_WORDS_, &result);
    if (said != CORO_ASYNC_PENDING_)
        coro__async_over(task, said, result);
}

/* Has it run? It has not ended. */
bool coro__async_has_begun(const struct coro_task *task);

/* Let it do its cleanup; it waits for nothing, and has not ended. It has then. */
void coro__async_unwind(struct coro_task *task);

/* The outcome of one that has ended; it is freed. */
void *coro__async_reap(struct coro_task *task);

void coro__async_end(struct coro_sched *s);

/* ---- the running one waits ---- */

/* It, if it may open a group; else NULL. */
struct coro_task *coro__async_host(void);

/* Why it may not. */
int coro__async_refusal(const struct coro_sched *s);

/* CORO_ASYNC_PENDING_, all of them. */
int coro__async_pause_slowly(struct coro_task *task);

static inline int coro__async_pause(struct coro_task *task)
{
    struct coro__ready entry = coro__async_entry(task);

    if (!task->light || task->refused)
        return coro__async_pause_slowly(task);
    coro__queue_paused(&task->sched->queue, entry.context, entry.value);
    return coro__async_pend(task);
}

int coro__async_sleep(struct coro_task *task, int64_t deadline); /* a light one */

/* For a light one: its time has come; its cancellation has changed. */
void coro__async_due(uint32_t *timer);
void coro__async_rouse(struct coro_task *task);

#endif
