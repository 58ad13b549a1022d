/*
 * coro/inspect.h: what the tasks of a running program are doing: a list of them, numbers, a timeline.
 *
 * Nothing has to be switched on beforehand. Every task knows its name, the line that created it, and, while it waits, for what, since when
 * and at which line; these calls write it down. A program that was not built to be looked into can be all the same:
 *
 *     CORO_DUMP=SIGUSR1 ./server &         a signal by name or number
 *     kill -USR1 $!                        every task of the process, on its standard error
 *
 *     CORO_TRACE=server.json ./server      a timeline until it exits; for ui.perfetto.dev or chrome://tracing
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_INSPECT_H
#define CORO_INSPECT_H

#include <coro/base.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a list of the tasks ---- */

/**
 * Write every task of the process: its name and id, where it was created, whether it runs, is ready or waits, for what, since when and at
 * which line, and how much of its stack it has ever used; then the cycles of tasks that wait for each other. Tasks that are alike, having
 * been created on the same line and waiting on the same line for the same, are written as one group, with their number and three of them.
 *
 * The schedulers of other threads are asked, and write themselves down between two rounds. One that does not come to that within a tenth
 * of a second (for all of them together), because a task of it keeps the thread or because nobody runs it, is only named.
 *
 * @param fd  a descriptor to write to
 * @return    0; -EBADF, -EPIPE, -EAGAIN, -ENOSPC and the like: not all of it could be written; -ECHILD in a forked child
 *
 * Context:   any thread, inside a task or not; does not switch, but may wait as said above. Not in signal handlers. Takes time in
 *            proportion to the number of tasks, some 10 ms for 100,000, and 8 bytes of memory for each, for the cycles: without that
 *            memory, they are left out.
 */
CORO_API int coro_dump(int fd);

/**
 * Do the same, to standard error, whenever a signal comes.
 *
 * The handler says at once which task runs on the thread that it interrupts, and on every other thread with a scheduler; so one that
 * never waits is found, too. Schedulers then write their tasks down between two rounds, those that wait for events at once.
 * CORO_DUMP in the environment, a name such as SIGUSR1 or USR1, or a number, has the same effect from the first scheduler on.
 *
 * @param signo  a signal, in place of any that was given before; 0: none any more, and the disposition is again what it was
 * @return       0; -EINVAL not a signal that can be caught, or one that a fault raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
 *               SIGABRT, SIGSYS); -ECHILD in a forked child
 *
 * Context:   any thread. The disposition of the signal is taken over for as long. System calls that the signal interrupts are begun
 *            again where the system does that (SA_RESTART).
 */
CORO_API int coro_dump_on_signal(int signo);

/* ---- numbers ---- */

enum { CORO_STATS_REASONS = 24 };

/** What coro_stats() tells, of the schedulers of the calling thread together. */
typedef struct coro_stats_t {
    size_t live;       /* tasks that have not ended: running, ready and parked ones */
    uint64_t created;  /* tasks so far */
    uint64_t switches; /* how often a task has gone on, so far */
    size_t running;    /* 1 in a task, else 0 */
    size_t ready;      /* tasks that wait for nothing but their turn */
    size_t parked;     /* tasks that wait for something else: */
    struct {
        const char *reason; /* in words: "for time to pass", "to receive from a channel"; NULL after the last. Static */
        size_t tasks;
    } parked_by[CORO_STATS_REASONS]; /* by what for, in no order. What has no room is in `parked` alone */
    size_t bytes;         /* of the stacks of live tasks, as large as they may grow: address space, not memory in use */
    size_t stacks_cached; /* stacks that are kept for tasks to come, for this thread and for all threads together */
    size_t bytes_cached;  /* of those */
} coro_stats_t;

/**
 * Count. Nothing is counted while tasks run but what the scheduler needs itself; the rest is found by looking at every task of the calling
 * thread, and at every stack that is kept.
 *
 * @param out  where the numbers go
 * @return     0; -EINVAL `out` is NULL; -ECHILD in a forked child
 *
 * Context: any thread, inside a task or not. Does not switch. Takes time in proportion to the numbers, some 20 ms for 100,000 tasks.
 */
CORO_API int coro_stats(coro_stats_t *out);

/* ---- a timeline ---- */

/**
 * Record what tasks do, from now on, in the JSON format of Chrome and Perfetto.
 *
 * A task is a track: when it ran, when it waited (for what, at which line), when it was ready; arrows lead from whoever woke or created
 * it, which is the scheduler where time or input did. A scheduler is a track, too, of what lies between its rounds, and has counters of
 * the tasks that live and that are ready. Times are of CLOCK_MONOTONIC, in real time even where time is virtual.
 *
 * Each scheduler writes into a buffer of its own, of 1 MiB, and a thread of the library from there into the file. Where that is too slow,
 * turns are left out; the file has a mark where, and standard error is told how many. While this is on, a task that waits or pauses
 * leaves to its scheduler instead of switching to the next task directly. CORO_TRACE in the environment, a file name in which `%p` becomes
 * the process id, begins with the first scheduler and ends when the process exits.
 *
 * @param path  a file, made or emptied
 * @return      0; -EINVAL `path` is NULL or empty; -EBUSY one is being recorded; -ENOMEM; -ECHILD in a forked child; what the system
 *              failed with to open the file or start the thread, -ENOENT or -EACCES say
 *
 * Context:   any thread, inside a task or not. A forked child records nothing, and leaves the file to its parent.
 * Ownership: `path` is copied.
 */
CORO_API int coro_trace_start(const char *path);

/**
 * Stop recording, and complete the file. Done at exit if it is not done before.
 *
 * @return  0; -ESRCH nothing is being recorded; -ECHILD in a forked child; what the system failed with to write the file, -ENOSPC say:
 *          it is incomplete
 *
 * Context: any thread, inside a task or not; waits until all is written, and up to a tenth of a second for the schedulers of other threads.
 */
CORO_API int coro_trace_stop(void);

#ifdef __cplusplus
}
#endif

#endif
