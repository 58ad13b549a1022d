/*
 * signals.h: for examples that run until SIGINT or SIGTERM.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <coro.h>
#include <pthread.h>
#include <signal.h>

static inline int await_signal(void *signo)
{
    int got = coro_wait_signal((int)(intptr_t)signo, CORO_FOREVER);

    return got < 0 ? got : 0;
}

/* Call job(arg) in a task, and cancel that when a signal comes. Returns when it has ended. Which of the two came
 * first is the job's business to know: it gets -ECANCELED from whatever it waits in. */
static inline int until_signal(coro_job *job, void *arg)
{
    coro_group_t first;
    sigset_t set;
    int err;

    /* From the start: one that comes early must find somebody waiting, and threads that come later are to leave it
     * alone. */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);

    err = coro_group_open(&first, CORO_RACE, CORO_FOREVER);
    if (err != 0)
        return err;
    err = coro_group_spawn(&first, job, arg);
    if (err == 0)
        err = coro_group_spawn(&first, await_signal, (void *)(intptr_t)SIGINT);
    if (err == 0)
        err = coro_group_spawn(&first, await_signal, (void *)(intptr_t)SIGTERM);
    if (err != 0)
        coro_group_cancel(&first);
    coro_group_join(&first);
    return err;
}

#endif
