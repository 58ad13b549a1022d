/*
 * signals.h: for examples that run until SIGINT or SIGTERM.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <coro.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

static inline int await_signal(void *signo)
{
    int got = coro_wait_signal((int)(intptr_t)signo, CORO_FOREVER);

    return got < 0 ? got : 0;
}

/* A job, and what came of it. */
struct until_signal {
    coro_job *job;
    void *arg;
    int result;
};

/* Always a success, which ends the race. */
static inline int run_first(void *arg)
{
    struct until_signal *first = arg;

    first->result = first->job(first->arg);
    return 0;
}

/* To be called before anything else: a signal that comes early must find somebody waiting, and threads that come later
 * are to leave it alone. */
static inline void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Call job(arg) in a task, and cancel that when a signal comes. Returns when it has ended: with its result, but 0 if
 * that is -ECANCELED. */
static inline int until_signal(coro_job *job, void *arg)
{
    struct until_signal first = {.job = job, .arg = arg};
    coro_group_t race;
    int err = coro_group_open(&race, CORO_RACE, CORO_FOREVER);

    if (err != 0)
        return err;
    err = coro_group_spawn(&race, run_first, &first);
    if (err == 0)
        err = coro_group_spawn(&race, await_signal, (void *)(intptr_t)SIGINT);
    if (err == 0)
        err = coro_group_spawn(&race, await_signal, (void *)(intptr_t)SIGTERM);
    if (err != 0)
        coro_group_cancel(&race);
    coro_group_join(&race);
    if (err == 0 && first.result != -ECANCELED)
        err = first.result;
    return err;
}

static inline void *until_signal_task(void *arg)
{
    struct until_signal *all = arg;

    all->result = until_signal(all->job, all->arg);
    return NULL;
}

/* The same, with a scheduler around it. */
static inline int run_until_signal(coro_job *job, void *arg)
{
    struct until_signal all = {.job = job, .arg = arg};
    int err;

    block_signals();
    err = coro_run(until_signal_task, &all, NULL, NULL);
    return err != 0 ? err : all.result;
}

#endif
