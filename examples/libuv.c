/*
 * libuv: tasks in a loop of libuv.
 *
 * The loop watches one file descriptor, coro_sched_fd(), and does one coro_sched_step() when it is readable. That is all. Callbacks of
 * libuv may wake tasks, and tasks may call libuv: all is one thread.
 *
 * alarm_wait() makes a call of what libuv has as two callbacks. Whatever it needs lies on the stack of the task that waits.
 */
#include "common.h"

#include <coro.h>
#include <uv.h>

enum { ROUNDS = 3, PAUSE_MS = 20 };

/* ---- a timer of libuv, for tasks ---- */

struct alarm {
    uv_timer_t timer;
    coro_sem_t rung, closed;
};

static void alarm_rings(uv_timer_t *timer)
{
    struct alarm *alarm = timer->data;

    puts("libuv: the timer has fired");
    coro_sem_post(&alarm->rung);
}

static void alarm_is_closed(uv_handle_t *timer)
{
    struct alarm *alarm = timer->data;

    coro_sem_post(&alarm->closed);
}

/* libuv may use the handle until it says that it is closed. That has to be waited for, cancelled or not. */
static void alarm_close(struct alarm *alarm)
{
    int shielded = coro_shield(true);

    uv_close((uv_handle_t *)&alarm->timer, alarm_is_closed);
    coro_sem_wait(&alarm->closed, CORO_FOREVER);
    coro_shield(shielded == 1);
}

static int alarm_wait(uv_loop_t *loop, uint64_t ms)
{
    struct alarm alarm = {.rung = CORO_SEM_INIT(0), .closed = CORO_SEM_INIT(0)};
    int err = uv_timer_init(loop, &alarm.timer);

    if (err != 0)
        return err;
    alarm.timer.data = &alarm;
    err = uv_timer_start(&alarm.timer, alarm_rings, ms, 0);
    if (err == 0)
        err = coro_sem_wait(&alarm.rung, CORO_FOREVER);
    alarm_close(&alarm);
    return err;
}

/* ---- a scheduler in the loop ---- */

static void step(uv_poll_t *watch, int status, int events)
{
    (void)events;
    if (status != 0 || coro_sched_step(watch->data, 0) < 0)
        uv_stop(watch->loop);
}

/* The task. Takes the scheduler off the loop at its end, which ends the loop, too. */
static void *run(void *arg)
{
    uv_poll_t *watch = arg;

    for (int i = 1; i <= ROUNDS; i++) {
        if (coro_sleep(CORO_MS(PAUSE_MS)) != 0)
            break;
        printf("task: slept %d\n", i);
        if (alarm_wait(watch->loop, PAUSE_MS) != 0)
            break;
        printf("task: waited for libuv %d\n", i);
    }
    uv_close((uv_handle_t *)watch, NULL);
    return NULL;
}

static int run_loop(uv_loop_t *loop, coro_sched_t *sched)
{
    uv_poll_t watch = {.data = sched};
    int fd = coro_sched_fd(sched), err = fd < 0 ? fd : uv_poll_init(loop, &watch, fd);

    if (err != 0)
        return err;
    err = coro_sched_spawn(sched, NULL, run, &watch, NULL);
    if (err == 0)
        err = uv_poll_start(&watch, UV_READABLE, step);
    if (err != 0)
        uv_close((uv_handle_t *)&watch, NULL);
    if (uv_run(loop, UV_RUN_DEFAULT) != 0 && err == 0)
        err = -ECANCELED; /* stopped */
    return err;
}

int main(int argc, char *argv[])
{
    coro_sched_t *sched;
    uv_loop_t loop;
    int err = uv_loop_init(&loop);

    no_options(argc, argv, 0,
               "usage: libuv\nA task that sleeps, and waits for a timer of libuv, in a loop of libuv.\n");
    if (err == 0)
        err = coro_sched_create(&sched, NULL);
    if (err == 0) {
        err = run_loop(&loop, sched);
        coro_sched_destroy(sched);
        uv_loop_close(&loop);
    }
    if (err != 0)
        fprintf(stderr, "libuv: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
