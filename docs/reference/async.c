/*
 * Examples for coro/async.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <stdlib.h>

struct naps {
    CORO_ASYNC_POINT;
    int64_t ns;
};

CORO_ASYNC(int, naps)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(self->ns));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

/* coro_async_spawn */
static int nap_beside(void)
{
    coro_task_t *task;
    void *result;
    int err = coro_async_spawn(&task, naps, &(struct naps){.ns = CORO_MS(5)});

    if (err == 0)
        err = coro_join(task, &result, CORO_FOREVER);
    return err == 0 ? (int)(intptr_t)result : err;
}

/* coro_async_spawn_in */
static int nap_in_place(void)
{
    naps_storage storage; /* lives until the task has been joined */
    coro_task_t *task;
    int err = coro_async_spawn_in(&task, &storage, naps, &(struct naps){.ns = CORO_MS(5)});

    return err == 0 ? coro_join(task, NULL, CORO_FOREVER) : err;
}

/* coro_sched_async_spawn */
static int nap_from_outside(coro_sched_t *s)
{
    int err = coro_sched_async_spawn(s, NULL, naps, &(struct naps){.ns = CORO_MS(5)});

    return err == 0 ? coro_sched_run(s) : err;
}

/* coro_group_async_spawn */
static int nap_together(int n)
{
    coro_group_t g;
    int err = coro_group_open(&g, CORO_FAIL_FAST, coro_after(CORO_S(1)));

    if (err != 0)
        return err;
    for (int i = 0; i < n; i++)
        coro_group_async_spawn(&g, naps, &(struct naps){.ns = CORO_MS(i)});
    return coro_group_join(&g);
}

struct holds {
    CORO_ASYNC_POINT;
    char *buffer;
};

CORO_ASYNC(int, holds)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    self->buffer = malloc(4096);
    if (self->buffer != NULL)
        CORO_AWAIT(err, coro_sleep(CORO_S(60)));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_CLEANUP;
    free(self->buffer); /* whether it has slept for a minute or was dropped */
    CORO_ASYNC_END;
}

/* coro_async_drop */
static int hold_for_a_while(void)
{
    coro_task_t *task;
    int err = coro_async_spawn(&task, holds, &(struct holds){.buffer = NULL});

    if (err != 0)
        return err;
    coro_sleep(CORO_MS(5));
    coro_async_drop(task);
    return coro_join(task, NULL, CORO_FOREVER);
}
