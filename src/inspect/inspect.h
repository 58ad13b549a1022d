/*
 * What the files of this layer have in common.
 */
#ifndef CORO_INSPECT_INSPECT_H
#define CORO_INSPECT_INSPECT_H

#include "sched/async.h"
#include "sched/registry.h"

#include <coro/inspect.h>

/* How long the schedulers of other threads are waited for, together. */
#define CORO__INSPECT_PATIENCE CORO_MS(100)

enum coro__inspect_state { CORO__TASK_RUNS, CORO__TASK_READY, CORO__TASK_WAITS, CORO__TASK_ENDED };

static inline struct coro_task *coro__task_at(struct coro__list *link)
{
    return CORO__OWNER(link, struct coro_task, in_sched);
}

/* What a task of the calling thread does. `running` is coro__task_running(). */
static inline enum coro__inspect_state coro__inspect_task(const struct coro_task *task, const struct coro_task *running)
{
    if (task == running)
        return CORO__TASK_RUNS;
    if (task->ended)
        return CORO__TASK_ENDED;
    if (task->light)
        return task->asleep ? CORO__TASK_WAITS : CORO__TASK_READY;
    return task->waiter.state == CORO__WAITING ? CORO__TASK_WAITS : CORO__TASK_READY;
}

/* What one waits for that waits. */
static inline const char *coro__inspect_reason(const struct coro_task *task)
{
    return task->light ? "for time to pass" : task->waiter.kind->what;
}

/* Why the calling thread may look into nothing: -ECHILD; 0 if it may. */
static inline int coro__inspect_refusal(void)
{
    return coro__in_forked_child() ? -ECHILD : 0;
}

/* Write down the tasks of one scheduler of the calling thread, to standard error; dump.c. */
void coro__dump_here(struct coro_sched *s);

/* As CORO_DUMP in the environment say. */
void coro__signal_begin(const char *value);

#endif
