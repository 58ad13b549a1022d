/*
 * coro_stats(): counted when asked for.
 */
#include "inspect.h"

#include "stack/stack.h"

static void count_reason(coro_stats_t *stats, const char *reason)
{
    size_t i = 0;

    while (i < CORO_STATS_REASONS && stats->parked_by[i].reason != NULL && stats->parked_by[i].reason != reason)
        i++;
    if (i == CORO_STATS_REASONS)
        return;
    stats->parked_by[i].reason = reason;
    stats->parked_by[i].tasks++;
}

static void count_task(coro_stats_t *stats, const struct coro_task *task, enum coro__inspect_state state)
{
    stats->running += state == CORO__TASK_RUNS;
    stats->ready += state == CORO__TASK_READY;
    if (state == CORO__TASK_WAITS) {
        stats->parked++;
        count_reason(stats, coro__inspect_reason(task));
    }
    if (state != CORO__TASK_ENDED && !task->stackless && task->co != NULL)
        stats->bytes += coro_stack_size(task->co);
}

static void count_scheduler(coro_stats_t *stats, struct coro_sched *s)
{
    const struct coro_task *running = coro__task_running();

    stats->live += coro__sched_live(s);
    stats->created += s->spawned;
    stats->switches += s->turns - s->budget;
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next)
        count_task(stats, coro__task_at(link), coro__inspect_task(coro__task_at(link), running));
}

int coro_stats(coro_stats_t *out)
{
    coro_stats_t stats = {0};
    size_t idle_bytes, pool_bytes;
    int err = out != NULL ? coro__inspect_refusal() : -EINVAL;

    if (err != 0)
        return err;
    for (struct coro_sched *s = coro__registry_own(NULL); s != NULL; s = coro__registry_own(s))
        count_scheduler(&stats, s);
    stats.stacks_cached = coro__idle_count(&idle_bytes);
    stats.stacks_cached += coro__pool_count(&pool_bytes);
    stats.bytes_cached = idle_bytes + pool_bytes;
    *out = stats;
    return 0;
}
