/*
 * coro/sync.h: mutex, condition, read-write lock, semaphore, barrier, wait group, once. For tasks, with pthread's verbs.
 *
 *     static coro_mutex_t lock = CORO_MUTEX_INIT;
 *
 *     if (coro_mutex_lock(&lock, coro_after(CORO_MS(20))) == 0) {
 *         ...                                     // may sleep, or wait for something else
 *         coro_mutex_unlock(&lock);
 *     }
 *
 * They lie in storage of the caller's, need no memory and no destruction, and are ready once set by their initialiser (or to zero). They
 * must stay where they are while they are in use, by tasks of one thread. Who waits is served in turn, and what it waits for is
 * handed over to it: nobody comes in between. A wait that is cancelled or too late leaves the queue as if it had not been there.
 *
 * All calls with a deadline return, besides what they say: -EINVAL for NULL; -EAGAIN, -ETIMEDOUT, -ECANCELED, -EPERM as
 * coro/sched.h says. With deadline 0 they can be called outside tasks, on the same thread; then the thread itself is the holder. In a
 * forked child all calls are refused with -ECHILD, as there.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_SYNC_H
#define CORO_SYNC_H

#include <coro/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The members of what follows are the library's. */
typedef struct coro_wait_list {
    void *opaque[2];
} coro_wait_list;

/* ---- mutex ---- */

/** A mutex. */
typedef struct coro_mutex {
    void *holder_;
    coro_wait_list waiters_;
} coro_mutex_t;

/** A mutex that nobody holds. */
#define CORO_MUTEX_INIT                                                                                                \
    {                                                                                                                  \
        0,                                                                                                             \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/**
 * Lock a mutex.
 *
 * @param m         a mutex
 * @param deadline  until when to wait for it
 * @return          0; -EDEADLK the caller holds it already; and as the head of this file says
 *
 * Context: inside a task.
 */
CORO_API int coro_mutex_lock(coro_mutex_t *m, int64_t deadline);
CORO_API int coro_mutex_lock_at(const char *site, coro_mutex_t *m, int64_t deadline);

/**
 * Unlock a mutex. If somebody waits for it, that one holds it from now on, and runs in its turn.
 *
 * @param m  a mutex
 * @return   0; -EINVAL it is NULL; -EPERM the caller does not hold it
 *
 * Context: the task that has locked it; also while that is ending.
 */
CORO_API int coro_mutex_unlock(coro_mutex_t *m);

/* ---- condition ---- */

/** A condition: something that holders of a mutex wait for. */
typedef struct coro_cond {
    coro_wait_list waiters_;
} coro_cond_t;

/** A condition that nobody waits for. */
#define CORO_COND_INIT                                                                                                 \
    {                                                                                                                  \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/**
 * Unlock a mutex, wait for a condition to be signalled, lock the mutex again: however the wait ends, the caller holds it.
 *
 * @param c         a condition
 * @param m         a mutex that the caller holds
 * @param deadline  until when to wait for the signal; locking again takes as long as it takes
 * @return          0; -EPERM the caller does not hold `m`; and as the head of this file says. If it did not wait, it did not unlock.
 *
 * Context: inside a task. There are no wakes without a signal, but others may have held the mutex since: look again.
 */
CORO_API int coro_cond_wait(coro_cond_t *c, coro_mutex_t *m, int64_t deadline);
CORO_API int coro_cond_wait_at(const char *site, coro_cond_t *c, coro_mutex_t *m, int64_t deadline);

/**
 * Signal a condition: the one who has waited longest goes on, or all who wait. Nobody has to hold the mutex.
 *
 * @param c  a condition
 * @return   0; -EINVAL it is NULL
 *
 * Context: anywhere on the thread.
 */
CORO_API int coro_cond_signal(coro_cond_t *c);
CORO_API int coro_cond_broadcast(coro_cond_t *c);

/* ---- read-write lock ---- */

enum { CORO_RWLOCK_NAMES_ = 6 };

/** A lock for many readers or one writer. Who waits is served in turn; a writer that waits keeps later readers out, so writers are not
 *  starved. The first six readers are known by name, so that misuse is seen; more are only counted. */
typedef struct coro_rwlock {
    void *writer_;
    void *readers_[CORO_RWLOCK_NAMES_];
    size_t count_;
    coro_wait_list waiters_;
} coro_rwlock_t;

/** A read-write lock that nobody holds. */
#define CORO_RWLOCK_INIT                                                                                               \
    {                                                                                                                  \
        0, {0}, 0,                                                                                                     \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/**
 * Lock for reading, or for writing.
 *
 * @param l         a read-write lock
 * @param deadline  until when to wait for it
 * @return          0; -EDEADLK the caller holds it already, in whichever way; and as the head of this file says
 *
 * Context: inside a task.
 */
CORO_API int coro_rwlock_rdlock(coro_rwlock_t *l, int64_t deadline);
CORO_API int coro_rwlock_rdlock_at(const char *site, coro_rwlock_t *l, int64_t deadline);
CORO_API int coro_rwlock_wrlock(coro_rwlock_t *l, int64_t deadline);
CORO_API int coro_rwlock_wrlock_at(const char *site, coro_rwlock_t *l, int64_t deadline);

/**
 * Unlock what the caller has locked for reading or writing.
 *
 * @param l  a read-write lock
 * @return   0; -EINVAL it is NULL; -EPERM the caller does not hold it
 *
 * Context: the task that has locked it.
 */
CORO_API int coro_rwlock_unlock(coro_rwlock_t *l);

/* ---- semaphore ---- */

/** A counting semaphore. */
typedef struct coro_sem {
    unsigned count_;
    coro_wait_list waiters_;
} coro_sem_t;

/** A semaphore that counts `n`. */
#define CORO_SEM_INIT(n)                                                                                               \
    {                                                                                                                  \
        (n),                                                                                                           \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/** Make a semaphore that counts `n`. @return  0; -EINVAL it is NULL */
CORO_API int coro_sem_init(coro_sem_t *s, unsigned n);

/**
 * Take one off the count of a semaphore; wait as long as it is zero.
 *
 * @param s         a semaphore
 * @param deadline  until when to wait
 * @return          0; and as the head of this file says
 *
 * Context: inside a task.
 */
CORO_API int coro_sem_wait(coro_sem_t *s, int64_t deadline);
CORO_API int coro_sem_wait_at(const char *site, coro_sem_t *s, int64_t deadline);

/**
 * Add one to the count of a semaphore, or hand it to who has waited longest.
 *
 * @param s  a semaphore
 * @return   0; -EINVAL it is NULL; -EOVERFLOW it counts UINT_MAX
 *
 * Context: anywhere on the thread.
 */
CORO_API int coro_sem_post(coro_sem_t *s);

/* ---- barrier ---- */

/** A barrier for a number of tasks, over and over. */
typedef struct coro_barrier {
    unsigned needed_, count_;
    coro_wait_list waiters_;
} coro_barrier_t;

/** A barrier for `n` tasks, at least 1. */
#define CORO_BARRIER_INIT(n)                                                                                           \
    {                                                                                                                  \
        (n), 0,                                                                                                        \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/** Make a barrier for `n` tasks. @return  0; -EINVAL it is NULL or `n` is 0 */
CORO_API int coro_barrier_init(coro_barrier_t *b, unsigned n);

/**
 * Wait until as many tasks wait here as the barrier is for.
 *
 * @param b         a barrier
 * @param deadline  until when to wait
 * @return          1 in the one task that came last, 0 in the others; -EINVAL it is for none; and as the head of this file says:
 *                  then the caller does not count any more
 *
 * Context: inside a task.
 */
CORO_API int coro_barrier_wait(coro_barrier_t *b, int64_t deadline);
CORO_API int coro_barrier_wait_at(const char *site, coro_barrier_t *b, int64_t deadline);

/* ---- wait group ---- */

/** A count of things to be done, and who waits for all of them. */
typedef struct coro_waitgroup {
    int count_;
    coro_wait_list waiters_;
} coro_waitgroup_t;

/** A wait group with nothing to be done. */
#define CORO_WAITGROUP_INIT                                                                                            \
    {                                                                                                                  \
        0,                                                                                                             \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/**
 * Change the count: by `n`, or by one that is done. At zero all who wait go on.
 *
 * @param w  a wait group
 * @param n  what to add
 * @return   0; -EINVAL it is NULL; -EOVERFLOW the count would be below zero, or above INT_MAX
 *
 * Context: anywhere on the thread.
 */
CORO_API int coro_waitgroup_add(coro_waitgroup_t *w, int n);
CORO_API int coro_waitgroup_done(coro_waitgroup_t *w);

/**
 * Wait until the count is zero.
 *
 * @param w         a wait group
 * @param deadline  until when to wait
 * @return          0; and as the head of this file says
 *
 * Context: inside a task.
 */
CORO_API int coro_waitgroup_wait(coro_waitgroup_t *w, int64_t deadline);
CORO_API int coro_waitgroup_wait_at(const char *site, coro_waitgroup_t *w, int64_t deadline);

/* ---- once ---- */

/** Something that is done once. */
typedef struct coro_once_state {
    void *runner_;
    int done_;
    coro_wait_list waiters_;
} coro_once_t;

/** Something that has not been done. */
#define CORO_ONCE_INIT                                                                                                 \
    {                                                                                                                  \
        0, 0,                                                                                                          \
        {                                                                                                              \
            {                                                                                                          \
                0                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/**
 * Call `fn`, unless that has been done; if another task is about it, wait until it has returned.
 *
 * @param o   one for each thing
 * @param fn  what to do; it may wait
 * @return    0: it has been done; -EINVAL one is NULL; -EDEADLK called by `fn` itself; where it would have to wait, -ECANCELED and
 *            -EPERM as coro/sched.h says
 *
 * Context: inside a task; outside, if nobody is about it.
 */
CORO_API int coro_once(coro_once_t *o, void (*fn)(void));
CORO_API int coro_once_at(const char *site, coro_once_t *o, void (*fn)(void));

/* Calls by name hand on where they stand, for reports. */
#define coro_mutex_lock(...)     coro_mutex_lock_at(CORO_HERE, __VA_ARGS__)
#define coro_cond_wait(...)      coro_cond_wait_at(CORO_HERE, __VA_ARGS__)
#define coro_rwlock_rdlock(...)  coro_rwlock_rdlock_at(CORO_HERE, __VA_ARGS__)
#define coro_rwlock_wrlock(...)  coro_rwlock_wrlock_at(CORO_HERE, __VA_ARGS__)
#define coro_sem_wait(...)       coro_sem_wait_at(CORO_HERE, __VA_ARGS__)
#define coro_barrier_wait(...)   coro_barrier_wait_at(CORO_HERE, __VA_ARGS__)
#define coro_waitgroup_wait(...) coro_waitgroup_wait_at(CORO_HERE, __VA_ARGS__)
#define coro_once(...)           coro_once_at(CORO_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
