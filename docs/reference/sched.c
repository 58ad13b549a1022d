/*
 * Examples for coro/sched.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <poll.h>
#include <stdio.h>

static void *work(void *arg)
{
    return arg;
}

/* coro_run */
static int run_repeatably(coro_fn *body)
{
    coro_sched_opts opts = {.seed = 7, .virtual_time = true};

    return coro_run(body, NULL, NULL, &opts);
}

/* coro_run_at */
static int run_named(const char *site, coro_fn *body)
{
    return coro_run_at(site, body, NULL, NULL, NULL); /* a deadlock report names the caller's line */
}

/* coro_sched_create coro_sched_spawn coro_sched_run coro_sched_destroy */
static int run_two(void)
{
    coro_sched_t *s;
    int err = coro_sched_create(&s, NULL);

    if (err != 0)
        return err;
    coro_sched_spawn(s, NULL, work, "a", NULL);
    coro_sched_spawn(s, NULL, work, "b", NULL);
    err = coro_sched_run(s);
    coro_sched_destroy(s);
    return err;
}

/* coro_sched_fd coro_sched_next coro_sched_step */
static void foreign_loop(coro_sched_t *s, int other_fd)
{
    struct pollfd fds[] = {{.fd = coro_sched_fd(s), .events = POLLIN}, {.fd = other_fd, .events = POLLIN}};

    while (coro_sched_next(s) != CORO_FOREVER) { /* as long as a task is ready or waits for a time */
        poll(fds, 2, -1);
        coro_sched_step(s, 0);
    }
}

/* coro_spawn coro_join */
static void *parent(void *arg)
{
    coro_task_t *t;
    void *result = NULL;

    if (coro_spawn(&t, work, arg, NULL) == 0)
        coro_join(t, &result, CORO_FOREVER);
    return result;
}

/* coro_detach */
static int start_and_forget(coro_task_t **t)
{
    int err = coro_spawn(t, work, NULL, NULL);

    return err != 0 ? err : coro_detach(*t);
}

/* coro_cancel */
static int give_up_after(coro_task_t *t, int64_t ns)
{
    int err = coro_join(t, NULL, coro_after(ns));

    if (err == -ETIMEDOUT) {
        coro_cancel(t); /* what it waits in returns -ECANCELED */
        err = coro_join(t, NULL, CORO_FOREVER);
    }
    return err;
}

/* coro_cancelled coro_pause */
static int compute(unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        if (coro_cancelled())
            return -ECANCELED;
        coro_pause(); /* let others run */
    }
    return 0;
}

/* coro_shield */
static int say_goodbye(int fd)
{
    int was = coro_shield(true);
    ssize_t n = coro_write_all(fd, "bye\n", 4, coro_after(CORO_S(1))); /* even if this task has been cancelled */

    coro_shield(was == 1);
    return n < 0 ? (int)n : 0;
}

/* coro_task_self */
static void *register_self(void *place)
{
    *(coro_task_t **)place = coro_task_self();
    return NULL;
}

/* coro_sleep */
static int blink(void)
{
    int err = 0;

    while (err == 0) {
        putchar('*');
        err = coro_sleep(CORO_MS(500));
    }
    return err; /* -ECANCELED */
}

/* coro_sleep_until */
static int tick(int ticks)
{
    int64_t next = coro_now();
    int err = 0;

    while (err == 0 && ticks-- > 0)
        err = coro_sleep_until(next += CORO_MS(10)); /* does not drift */
    return err;
}

/* coro_join_all */
static int wait_for_both(coro_task_t *a, coro_task_t *b)
{
    coro_task_t *t[] = {a, b};
    void *results[2];

    return coro_join_all(t, 2, results, coro_after(CORO_S(5)));
}

/* coro_join_any */
static void *first_of(coro_task_t *t[2])
{
    size_t which;
    void *result = NULL;

    if (coro_join_any(t, 2, &which, &result, CORO_FOREVER) == 0)
        coro_detach(t[1 - which]);
    return result;
}
