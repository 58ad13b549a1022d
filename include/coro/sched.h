/*
 * coro/sched.h: tasks, and the scheduler that runs them in turn.
 *
 *     static void *greet(void *name)
 *     {
 *         for (int i = 0; i < 3 && coro_sleep(CORO_MS(100)) == 0; i++)
 *             printf("hello from %s\n", (char *)name);
 *         return NULL;
 *     }
 *
 *     static void *root(void *arg)
 *     {
 *         coro_task_t *a, *b;
 *         coro_spawn(&a, greet, "a", NULL);
 *         coro_spawn(&b, greet, "b", NULL);
 *         coro_join(a, NULL, CORO_FOREVER);
 *         coro_join(b, NULL, CORO_FOREVER);
 *         return NULL;
 *     }
 *
 *     int err = coro_run(root, NULL, NULL, NULL);
 *
 * A task is a coroutine that a scheduler drives, with all the coroutines that it resumes: when one of them waits, the whole task is
 * parked, and it goes on in that one. Tasks switch to each other directly, and only where they wait or pause.
 *
 * Waiting. A call that waits has a `deadline`: absolute CLOCK_MONOTONIC nanoseconds, as coro_after() gives them, or CORO_FOREVER. One
 * that has passed means to try once: -EAGAIN if it is 0, -ETIMEDOUT otherwise. Where several things have happened by the time
 * the task goes on, completion wins over cancellation, and cancellation over the deadline. Outside a task such calls return -EPERM,
 * unless the deadline is 0; in what runs at the end of a task, or unwinds it, -ECANCELED.
 *
 * Cancellation. A cancelled task gets -ECANCELED from the call that it waits in and from every later one that may wait, even if that
 * need not, until it ends; only calls with deadline 0 go on as ever. So it cleans up and returns.
 *
 * A scheduler and its tasks belong to the thread that created it. From other threads only coro_sched_spawn() may be called. In a
 * forked child every call is refused with -ECHILD, until coro_run() begins anew.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_SCHED_H
#define CORO_SCHED_H

#include <coro/coroutine.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A scheduler. */
typedef struct coro_sched coro_sched_t;

/** A task. */
typedef struct coro_task coro_task_t;

/** Which of the tasks that are ready runs next. */
typedef enum coro_policy {
    CORO_FIFO,        /* the one that has been ready longest: round robin */
    CORO_DEPTH_FIRST, /* the one that became ready last; paused ones after all others. For trees of tasks: few of them are
                         alive at any time. */
} coro_policy;

/** How to make a scheduler. All zero (`{0}`) means the defaults. */
typedef struct coro_sched_opts {
    unsigned
        workers; /* the most threads to run tasks on; 0 is 1. This version uses one, the caller's, whatever is asked for. */
    uint64_t
        seed; /* not 0: ready tasks run in a random order that follows from the seed alone. CORO_SEED in the environment,
                           a number, takes its place: that is how a run that failed is repeated. */
    bool virtual_time;  /* coro_now() stands still while tasks run, and jumps to the next deadline when none can */
    size_t stack_size;  /* of tasks whose options do not say; 0 is 64 KiB */
    coro_policy policy; /* without a seed */
} coro_sched_opts;

/**
 * Run `main` as a task, and all the tasks that come of it, until the last one has ended.
 *
 * @param main    the body of the first task
 * @param arg     its argument
 * @param result  where its return value goes; may be NULL
 * @param opts    how to make the scheduler; NULL is all defaults. Not kept.
 * @return        0; -EDEADLK the tasks that were left all waited for something that could not come any more: standard error has
 *                a report of them, and they were unwound; -EINVAL `main` is NULL or an option is unknown; -EBUSY called inside a
 *                task; -ENOMEM
 *
 * Context:   outside any task, in a coroutine or not. In the child of a fork(), where all else is refused, it begins anew: all
 *            coroutines of the parent are forgotten.
 * Ownership: `arg` and the result are passed through, never dereferenced. The first task is the call's own: joining or
 *            detaching it is -EBUSY.
 */
CORO_API int coro_run(coro_fn *main, void *arg, void **result, const coro_sched_opts *opts);

/**
 * coro_run(), for a wrapper that says for itself where the first task was created.
 *
 * @param site                     "file:line"; NULL is unknown
 * @param main, arg, result, opts  as for coro_run()
 * @return                         as coro_run()
 *
 * Context: as coro_run().
 */
CORO_API int coro_run_at(const char *site, coro_fn *main, void *arg, void **result, const coro_sched_opts *opts);

/* ---- a scheduler by itself, for a foreign event loop ---- */

/**
 * Make a scheduler, for the calling thread.
 *
 * @param out   where it goes
 * @param opts  how to make it; NULL is all defaults. Not kept.
 * @return      0; -EINVAL `out` is NULL or an option is unknown; -ENOMEM; -ECHILD in a forked child
 *
 * Context:   anywhere.
 * Ownership: the caller's, to be given to coro_sched_destroy().
 */
CORO_API int coro_sched_create(coro_sched_t **out, const coro_sched_opts *opts);

/**
 * Destroy a scheduler. Tasks that have not ended are unwound, the youngest first, as coro_destroy() unwinds; to the cleanups of older
 * ones, those before are tasks that have ended, with -ECANCELED for a result. Standard error is told of
 * those that never ran, and of those that have ended and that nobody has joined or detached.
 *
 * @param s  a scheduler that is not running
 * @return   0; -EINVAL `s` is NULL; -EBUSY it is running; -EPERM it belongs to another thread; -ECHILD in a forked child
 *
 * Context:   the thread that created it, outside its tasks.
 * Ownership: frees `s` and every task of it.
 */
CORO_API int coro_sched_destroy(coro_sched_t *s);

/**
 * Start a task from outside.
 *
 * @param s    a scheduler
 * @param out  where the task goes, to be joined or detached; NULL: it is detached
 * @param fn   its body
 * @param arg  its argument
 * @param opts as for coro_create()
 * @return     as coro_spawn(); -EINVAL also if `s` is NULL
 *
 * Context:   any thread, inside a task or not. The handle is for tasks of `s`.
 * Ownership: as coro_spawn().
 */
CORO_API int coro_sched_spawn(coro_sched_t *s, coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts);
CORO_API int coro_sched_spawn_at(const char *site, coro_sched_t *s, coro_task_t **out, coro_fn *fn, void *arg,
                                 const coro_opts *opts);

/**
 * Run until no task is left.
 *
 * @param s  a scheduler
 * @return   0; -EDEADLK the tasks that are left all wait for something that cannot come any more: standard error has a report; they
 *           stay as they are; -EINVAL `s` is NULL; -EBUSY it is running, or called inside a task; -EPERM it belongs to another thread;
 *           -ECHILD in a forked child
 *
 * Context: the thread that created it, outside any task.
 */
CORO_API int coro_sched_run(coro_sched_t *s);

/**
 * Run one round: as many switches as tasks are ready, which round robin is each of them once. If none is, wait for that.
 *
 * @param s         a scheduler
 * @param deadline  until when to wait; 0, or one that has passed: not at all
 * @return          how many tasks were switched to; 0 if none was ready by then, or no task is left. Otherwise as coro_sched_run();
 *                  tasks that wait for good are no error here, since the foreign loop may still wake them.
 *
 * Context: as coro_sched_run().
 */
CORO_API int coro_sched_step(coro_sched_t *s, int64_t deadline);

/**
 * A file descriptor to wait for: readable when coro_sched_step() has something to do, be it that a task is ready, that a deadline has
 * passed, or that another thread has spawned.
 *
 * @param s  a scheduler
 * @return   the descriptor; -EINVAL `s` is NULL; -EPERM it belongs to another thread; -ECHILD in a forked child; what
 *           the system failed with, -EMFILE say
 *
 * Context:   the thread that created it.
 * Ownership: the scheduler's; not to be read, written or closed.
 */
CORO_API int coro_sched_fd(coro_sched_t *s);

/**
 * When coro_sched_step() will next have something to do, as far as is known.
 *
 * @param s  a scheduler
 * @return   a deadline: one that has passed if a task is ready, CORO_FOREVER if no task waits for any time or `s` is NULL
 *
 * Context: the thread that created it.
 */
CORO_API int64_t coro_sched_next(coro_sched_t *s);

/* ---- tasks ---- */

/**
 * Start a task. It runs in its turn, not at once. With default options, in a scheduler that is busy, it may get its coroutine only then:
 * one that has become idle; and if it is the turn of many that end without waiting, one after the other goes on in the same.
 *
 * @param out   where the task goes, to be joined or detached; NULL: it is detached
 * @param fn    its body; what it returns is the task's result
 * @param arg   its argument
 * @param opts  as for coro_create(); NULL is all defaults. Not kept.
 * @return      0; -EINVAL `fn` is NULL, an option is wrong, or CORO_FORWARD_EXCEPTIONS is among the flags (there is no resumer);
 *              -EPERM called outside a task; -ECANCELED the scheduler is being destroyed; -ENOMEM; whatever a custom
 *              allocator returned
 *
 * Context:   inside a task.
 * Ownership: the task is the caller's, to be given to coro_join() or coro_detach() once. `arg` is passed through.
 */
CORO_API int coro_spawn(coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts);
CORO_API int coro_spawn_at(const char *site, coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts);

/**
 * Wait for a task to end.
 *
 * @param t         a task
 * @param result    where what it returned goes; may be NULL
 * @param deadline  until when to wait
 * @return          0, and `t` is gone; -EDEADLK `t` is the caller; -EBUSY somebody else is waiting for it; -EINVAL it is NULL or
 *                  detached; -ETIMEDOUT, -EAGAIN, -ECANCELED (the caller was cancelled), -EPERM as the head of this file says
 *
 * Context:   inside a task of the same scheduler; with deadline 0 anywhere on its thread.
 * Ownership: frees `t` on success.
 */
CORO_API int coro_join(coro_task_t *t, void **result, int64_t deadline);
CORO_API int coro_join_at(const char *site, coro_task_t *t, void **result, int64_t deadline);

/**
 * Let a task go: it is freed when it ends, and nobody may join it.
 *
 * @param t  a task
 * @return   0; -EINVAL it is NULL or detached already; -EBUSY somebody is waiting for it; -EPERM it belongs to another thread
 *
 * Context:   the thread of its scheduler.
 * Ownership: takes `t`.
 */
CORO_API int coro_detach(coro_task_t *t);

/**
 * Cancel a task, with everything in the groups that it has open. Nothing is done to it but that its calls fail, as the head of this
 * file says; one that has not run yet runs.
 *
 * @param t  a task; the caller is allowed
 * @return   0, the second time too; -EINVAL it is NULL; -ESRCH it has ended; -EPERM it belongs to another thread
 *
 * Context: the thread of its scheduler.
 */
CORO_API int coro_cancel(coro_task_t *t);

/**
 * Has the running task been cancelled, by itself or with a group that it runs in?
 *
 * @return  true if a call that waits would return -ECANCELED; false while that is held back by coro_shield(), and outside any task
 *
 * Context: anywhere.
 */
CORO_API bool coro_cancelled(void);

/**
 * Hold cancellation back from the running task, for what has to be finished; or let it through again.
 *
 * @param on  true: calls do not see it; groups opened meanwhile are not reached by it either
 * @return    1 if it was held back before, 0 if not; -EPERM outside a task
 *
 * Context: inside a task.
 */
CORO_API int coro_shield(bool on);

/**
 * The running task.
 *
 * @return  the task, whichever of its coroutines runs; NULL outside any
 *
 * Context:   anywhere.
 * Ownership: as it was.
 */
CORO_API coro_task_t *coro_task_self(void);

/**
 * Let the other tasks that are ready run, each once. coro_yield() in the root coroutine of a task does the same.
 *
 * @return  0; -ECANCELED (after they have run), -EPERM as the head of this file says
 *
 * Context: inside a task.
 */
CORO_API int coro_pause(void);

/**
 * Wait for some time, or until some time.
 *
 * @param ns        nanoseconds; none or fewer is coro_pause()
 * @param deadline  when to go on; one that has passed is coro_pause()
 * @return          0 when it is time, never before; -ECANCELED, -EPERM as the head of this file says
 *
 * How late it may be is up to the kernel (50 us, mostly: PR_SET_TIMERSLACK), and to what other tasks do meanwhile. A scheduler that has a
 * crowd of sleepers, sixteen and more at a time, lets them gather for up to 100 us more, so as to wake up less often.
 *
 * Context: inside a task.
 */
CORO_API int coro_sleep(int64_t ns);
CORO_API int coro_sleep_at(const char *site, int64_t ns);
CORO_API int coro_sleep_until(int64_t deadline);
CORO_API int coro_sleep_until_at(const char *site, int64_t deadline);

/**
 * Wait for several tasks to end.
 *
 * @param t         `n` tasks, all different
 * @param n         how many; none is fine
 * @param results   where what they returned goes, in their order; may be NULL
 * @param deadline  until when to wait
 * @return          0, and all are gone; otherwise none is, and as coro_join(): -EBUSY also if one is named twice
 *
 * Context:   as coro_join().
 * Ownership: frees the tasks on success.
 */
CORO_API int coro_join_all(coro_task_t *const t[], size_t n, void *results[], int64_t deadline);
CORO_API int coro_join_all_at(const char *site, coro_task_t *const t[], size_t n, void *results[], int64_t deadline);

/**
 * Wait for the first of several tasks to end.
 *
 * @param t         `n` tasks, all different
 * @param n         how many, at least 1
 * @param which     where the index of the one goes that has ended (the first in the array if several have); may be NULL
 * @param result    where what it returned goes; may be NULL
 * @param deadline  until when to wait
 * @return          0, and that one is gone; as coro_join_all(); -EINVAL also if `n` is 0
 *
 * Context:   as coro_join().
 * Ownership: frees the one on success.
 */
CORO_API int coro_join_any(coro_task_t *const t[], size_t n, size_t *which, void **result, int64_t deadline);
CORO_API int coro_join_any_at(const char *site, coro_task_t *const t[], size_t n, size_t *which, void **result,
                              int64_t deadline);

/* Calls by name hand on where they stand, for reports. Variadic, since an argument may be a compound literal, with commas in it. */
#define coro_run(...)         coro_run_at(CORO_HERE, __VA_ARGS__)
#define coro_sched_spawn(...) coro_sched_spawn_at(CORO_HERE, __VA_ARGS__)
#define coro_spawn(...)       coro_spawn_at(CORO_HERE, __VA_ARGS__)
#define coro_join(...)        coro_join_at(CORO_HERE, __VA_ARGS__)
#define coro_sleep(...)       coro_sleep_at(CORO_HERE, __VA_ARGS__)
#define coro_sleep_until(...) coro_sleep_until_at(CORO_HERE, __VA_ARGS__)
#define coro_join_all(...)    coro_join_all_at(CORO_HERE, __VA_ARGS__)
#define coro_join_any(...)    coro_join_any_at(CORO_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
