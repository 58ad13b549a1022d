/* libcoro's tasks without a stack. What is timed is done by one of them, as far as that may be; the task that asks waits for it. */
#include "tasks.h"

#include <coro.h>

static size_t batch;
static coro_task_t **tasks;
static uint64_t yields, received;
static coro_chan_t *channel;

static long setup(size_t size)
{
    batch = size;
    tasks = bench_array(size, sizeof *tasks);
    return (long)size;
}

static void check(int err, const char *what)
{
    if (err != 0)
        bench_fail(what);
}

/* ---- sched-yield ---- */

struct pauses {
    CORO_ASYNC_POINT;
    uint64_t end;
};

CORO_ASYNC_LIGHT(int, pauses)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    while (yields < self->end && err == 0) {
        yields++;
        CORO_AWAIT(err, coro_pause());
    }
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static long setup_yield(size_t size)
{
    for (size_t i = 1; i < size; i++)
        check(coro_async_spawn(NULL, pauses, &(struct pauses){.end = UINT64_MAX}), "coro_async_spawn");
    return (long)size;
}

static void run_yield(uint64_t operations)
{
    coro_task_t *last;

    check(coro_async_spawn(&last, pauses, &(struct pauses){.end = yields + operations}), "coro_async_spawn");
    check(coro_join(last, NULL, CORO_FOREVER), "coro_join");
}

/* ---- spawn-join ---- */

struct returns_at_once {
    CORO_ASYNC_POINT;
};

CORO_ASYNC_LIGHT(int, returns_at_once)
{
    CORO_ASYNC_BEGIN;
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

struct spawns {
    CORO_ASYNC_POINT;
    uint64_t left;
    size_t i;
};

CORO_ASYNC(int, spawns)
{
    int err;

    CORO_ASYNC_BEGIN;
    for (; self->left >= batch; self->left -= batch) {
        for (size_t i = 0; i < batch; i++)
            check(coro_async_spawn(&tasks[i], returns_at_once, &(struct returns_at_once){0}), "coro_async_spawn");
        for (self->i = 0; self->i < batch; self->i++) {
            CORO_AWAIT(err, coro_join(tasks[self->i], NULL, CORO_FOREVER));
            check(err, "coro_join");
        }
    }
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

static void run_spawn(uint64_t operations)
{
    coro_task_t *task;

    check(coro_async_spawn(&task, spawns, &(struct spawns){.left = operations}), "coro_async_spawn");
    check(coro_join(task, NULL, CORO_FOREVER), "coro_join");
}

/* ---- sleepers ---- */

struct sleeps_once {
    CORO_ASYNC_POINT;
    int64_t ns;
};

CORO_ASYNC_LIGHT(int, sleeps_once)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(self->ns));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static void *sleep_all(void *arg)
{
    uint64_t x = 1;

    for (size_t i = 0; i < batch; i++)
        check(coro_async_spawn(&tasks[i], sleeps_once, &(struct sleeps_once){.ns = sleep_ns(&x)}), "coro_async_spawn");
    for (size_t i = 0; i < batch; i++)
        check(coro_join(tasks[i], NULL, CORO_FOREVER), "coro_join");
    return arg;
}

static void run_sleepers(uint64_t operations)
{
    for (; operations >= batch; operations -= batch)
        check(coro_run(sleep_all, NULL, NULL, NULL), "coro_run");
}

/* ---- chan-rendezvous, chan-buffered ---- */

struct sends {
    CORO_ASYNC_POINT;
    uint64_t x;
};

CORO_ASYNC(int, sends)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    for (; err == 0; self->x++)
        CORO_AWAIT(err, coro_chan_send(channel, &self->x, CORO_FOREVER));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

struct receives {
    CORO_ASYNC_POINT;
    uint64_t i, n, x, sum;
};

CORO_ASYNC(int, receives)
{
    int err;

    CORO_ASYNC_BEGIN;
    for (; self->i < self->n; self->i++) {
        CORO_AWAIT(err, coro_chan_recv(channel, &self->x, CORO_FOREVER));
        check(err, "coro_chan_recv");
        self->sum += self->x;
    }
    if (self->sum != sum_from(received, self->n))
        bench_fail("the sum is wrong");
    received += self->n;
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

static long setup_channel(size_t size, size_t capacity)
{
    check(coro_chan_create(&channel, sizeof(uint64_t), capacity), "coro_chan_create");
    check(coro_async_spawn(NULL, sends, &(struct sends){.x = 0}), "coro_async_spawn");
    return (long)size;
}

static long setup_rendezvous(size_t size)
{
    return setup_channel(size, 0);
}

static long setup_buffered(size_t size)
{
    return setup_channel(size, CHAN_BUFFER);
}

static void run_channel(uint64_t operations)
{
    coro_task_t *task;

    check(coro_async_spawn(&task, receives, &(struct receives){.n = operations}), "coro_async_spawn");
    check(coro_join(task, NULL, CORO_FOREVER), "coro_join");
}

static const char *version(void)
{
    return coro_version();
}

const struct bench_peer bench_peer_async = {
    .name = "libcoro async",
    .what = "its tasks without a stack; those that only sleep, pause or return are light",
    .role = BENCH_STACKLESS,
    .version = version,
    .as_task = tasks_as_task,
    .works = {{"sched-yield", setup_yield, NULL, run_yield, 0, "stackless"},
              {"spawn-join", setup, NULL, run_spawn, 0, "stackless"},
              {"sleepers", setup, NULL, run_sleepers, 0, "stackless"},
              {"chan-rendezvous", setup_rendezvous, NULL, run_channel, 0, "stackless"},
              {"chan-buffered", setup_buffered, NULL, run_channel, 0, "stackless"}},
};
