/*
 * What coros.py looks at: coroutines of every kind in every state, while one of them stands in stop_here(). Two threads; on the second
 * one, coroutines outside of any scheduler.
 *
 *     gdb_coros          exits with 0 when all have gone on to their ends
 *     gdb_coros abort    ends in stop_here() by abort()
 */
#include <coro.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FRAME __attribute__((noinline))

static bool aborts;
static pthread_barrier_t meeting;

/* What the printers are tried on. */
static coro_mutex_t door = CORO_MUTEX_INIT, guard = CORO_MUTEX_INIT;
static coro_rwlock_t shelf = CORO_RWLOCK_INIT;
static coro_sem_t places = CORO_SEM_INIT(0);
static coro_cond_t signal_ = CORO_COND_INIT;
static coro_chan_t *numbers, *empty;
coro_barrier_t all_there = CORO_BARRIER_INIT(3); /* no one uses them, but somebody could */
coro_waitgroup_t to_do = CORO_WAITGROUP_INIT;
coro_once_t at_first = CORO_ONCE_INIT;
coro_chan_t *room, *shut;
coro_task_t *task_of_interest;
coro_t *coroutine_of_interest;

FRAME static void check(int err)
{
    if (err != 0)
        abort();
}

/* ---- where it all stands still ---- */

FRAME static void stop_here(const char *why)
{
    if (aborts)
        abort();
    __asm__ volatile("# stop" : : "r"(why));
}

/* For gdb to call. */
int twice(int n);
int twice(int n)
{
    return 2 * n;
}

/* ---- coroutines outside of any scheduler ---- */

/* Registers that calls preserve have to be right, too: the compiler keeps these in some. */
FRAME static long counts(long from)
{
    long a = from + 1, b = from + 2, c = from + 3;
    long got = (long)(intptr_t)coro_yield((void *)(intptr_t)from);

    return a * 100 + b * 10 + c + got;
}

static void *generates(void *input)
{
    const char *said = "generates";

    long n = counts((long)strlen(said));

    __asm__ volatile("# not at its end" : : "r"(said), "r"(input));
    return (void *)(intptr_t)n;
}

static coro_t *created(coro_fn *fn, const char *name)
{
    coro_opts opts = {.name = name};
    coro_t *co;

    check(coro_create(&co, fn, &opts));
    return co;
}

static void *meets(void *unused)
{
    pthread_barrier_wait(&meeting); /* all is set up */
    pthread_barrier_wait(&meeting); /* and has been looked at */
    return unused;
}

static void *resumes(void *inner)
{
    coro_step step = coro_resume(inner, NULL);

    return step.value;
}

static void *other_thread(void *unused)
{
    coro_t *inner = created(meets, "inner"), *outer = created(resumes, "outer"), *left = created(generates, "left");

    coro_resume(left, NULL);
    coro_resume(outer, inner);
    coro_destroy(outer);
    coro_destroy(inner);
    coro_destroy(left);
    return unused;
}

/* ---- tasks ---- */

static void *wants_lock(void *unused)
{
    check(coro_mutex_lock(&door, CORO_FOREVER));
    coro_mutex_unlock(&door);
    return unused;
}

FRAME static int receives_deeper(int depth)
{
    int n = 0;

    if (depth > 0)
        return receives_deeper(depth - 1) + 1;
    check(coro_chan_recv(numbers, &n, CORO_FOREVER));
    return n;
}

static void *receives(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)receives_deeper(2);
}

static void *selects(void *unused)
{
    int n;
    coro_case cases[2] = {{.ch = numbers, .op = CORO_RECV, .elem = &n}, {.ch = empty, .op = CORO_RECV, .elem = &n}};

    coro_select(cases, 2, CORO_FOREVER);
    return unused;
}

static void *waits_signal(void *unused)
{
    check(coro_mutex_lock(&guard, CORO_FOREVER));
    check(coro_cond_wait(&signal_, &guard, CORO_FOREVER));
    coro_mutex_unlock(&guard);
    return unused;
}

static void *sleeps_inside(void *unused)
{
    coro_sleep(CORO_S(1000));
    return unused;
}

static void *has_coroutine(void *unused)
{
    coro_t *co = created(sleeps_inside, "nested");

    coro_resume(co, NULL);
    coro_destroy(co);
    return unused;
}

static void *pauses(void *unused)
{
    coro_pause();
    return unused;
}

static void *joins(void *task)
{
    coro_join(task, NULL, CORO_FOREVER);
    return NULL;
}

static void *reads(void *unused)
{
    check(coro_rwlock_rdlock(&shelf, CORO_FOREVER));
    coro_sem_wait(&places, CORO_FOREVER);
    coro_rwlock_unlock(&shelf);
    return unused;
}

static void *ends(void *unused)
{
    return unused;
}

/* ---- stackless ones ---- */

struct sleeper {
    CORO_ASYNC_POINT;
};

CORO_ASYNC_LIGHT(int, sleeper)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(CORO_S(1000)));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

struct stateless {
    CORO_ASYNC_POINT;
    int n;
};

CORO_ASYNC(int, stateless)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_chan_recv(numbers, &self->n, CORO_FOREVER));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

static coro_task_t *spawned(coro_fn *fn, void *arg, const char *name)
{
    coro_opts opts = {.name = name};
    coro_task_t *task;

    check(coro_spawn(&task, fn, arg, &opts));
    return task;
}

static void *main_task(void *unused)
{
    enum { TASKS = 10 };
    coro_t *suspended = created(generates, "suspended"), *fresh = created(generates, "fresh");
    coro_t *ended = created(ends, "ended");
    coro_task_t *tasks[TASKS], *async[2];
    int n = 7;

    coro_resume(suspended, NULL);
    coro_resume(ended, NULL);
    check(coro_chan_create(&numbers, sizeof n, 0));
    check(coro_chan_create(&room, sizeof n, 8));
    check(coro_chan_send(room, &n, 0));
    check(coro_chan_create(&empty, sizeof n, 0));
    check(coro_chan_create(&shut, 8, 1));
    check(coro_chan_close(shut));
    check(coro_waitgroup_add(&to_do, 2));
    check(coro_mutex_lock(&door, CORO_FOREVER));
    tasks[0] = spawned(wants_lock, NULL, "wants-lock");
    tasks[1] = spawned(receives, NULL, "receives");
    tasks[2] = spawned(selects, NULL, "selects");
    tasks[3] = spawned(has_coroutine, NULL, "has-coroutine");
    tasks[4] = spawned(reads, NULL, "reads");
    tasks[5] = spawned(ends, NULL, "ends");
    tasks[6] = spawned(joins, tasks[1], "joins");
    tasks[7] = spawned(waits_signal, NULL, "waits-signal");
    check(coro_async_spawn(&async[0], sleeper, &(struct sleeper){0}));
    check(coro_async_spawn(&async[1], stateless, &(struct stateless){.n = 40}));
    coro_pause();
    tasks[8] = spawned(pauses, NULL, "pauses");
    coro_pause();
    tasks[9] = spawned(ends, NULL, "not-begun");
    coroutine_of_interest = suspended;
    task_of_interest = tasks[1];
    stop_here("looks");

    /* And everything goes on as if nobody had looked. */
    coro_mutex_unlock(&door);
    coro_sem_post(&places);
    n = 1;
    check(coro_chan_send(numbers, &n, CORO_FOREVER));
    coro_cancel(tasks[3]);
    coro_cancel(async[0]);
    coro_cond_signal(&signal_);
    check(coro_chan_close(numbers) | coro_chan_close(empty));
    coro_join(tasks[6], NULL, CORO_FOREVER);
    for (int i = 0; i < TASKS; i++)
        if (i != 1 && i != 6)
            coro_join(tasks[i], NULL, CORO_FOREVER);
    coro_join(async[0], NULL, CORO_FOREVER);
    coro_join(async[1], NULL, CORO_FOREVER);
    if (coro_resume(suspended, (void *)5).value != (void *)(10 * 100 + 11 * 10 + 12 + 5))
        abort();
    coro_destroy(suspended);
    coro_destroy(fresh);
    coro_destroy(ended);
    check(coro_chan_destroy(numbers) | coro_chan_destroy(empty) | coro_chan_destroy(room) | coro_chan_destroy(shut));
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    int err;

    aborts = argc > 1 && strcmp(argv[1], "abort") == 0;
    pthread_barrier_init(&meeting, NULL, 2);
    pthread_create(&thread, NULL, other_thread, NULL);
    pthread_barrier_wait(&meeting);
    err = coro_run(main_task, NULL, NULL, NULL);
    pthread_barrier_wait(&meeting);
    pthread_join(thread, NULL);
    return err == 0 ? 0 : 1;
}
