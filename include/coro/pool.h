/*
 * coro/pool.h: a fixed number of coroutines that work off a bounded queue. Submit work, get a future.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_POOL_H
#define CORO_POOL_H

#include <coro/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A pool. */
typedef struct coro_pool coro_pool_t;

/** What work in a pool will return. */
typedef struct coro_future coro_future_t;

/**
 * Start a pool: so many tasks of the running scheduler, waiting for work.
 *
 * @param out         where it goes
 * @param coroutines  how many, at least 1
 * @param queue       how much work may wait for one of them to be free; 0: none, submit waits for that itself
 * @return            0; -EINVAL `out` is NULL or `coroutines` is 0; -EPERM outside a task; -ECANCELED in what runs at the end of
 *                    one; -ENOMEM
 *
 * Context:   inside a task.
 * Ownership: the caller's, to be given to coro_pool_close().
 */
CORO_API int coro_pool_create(coro_pool_t **out, size_t coroutines, size_t queue);

/**
 * Hand work to a pool. If its queue is full, wait for room.
 *
 * @param p         a pool
 * @param out       where the future goes; NULL: nobody will ask
 * @param fn        the work; what it returns is what the future gives. An error is told like any other value.
 * @param arg       its argument
 * @param deadline  until when to wait for room
 * @return          0; -EINVAL `p` or `fn` is NULL; -EPIPE the pool is closed, or was closed meanwhile; -ENOMEM; -ETIMEDOUT, -EAGAIN,
 *                  -ECANCELED, -EPERM as coro/sched.h says
 *
 * Context:   inside a task of the same scheduler. Work is done in submission order, each piece in one of the pool's tasks.
 * Ownership: the future is the caller's, to be given to coro_future_wait() until that succeeds.
 */
CORO_API int coro_pool_submit(coro_pool_t *p, coro_future_t **out, coro_fn *fn, void *arg, int64_t deadline);
CORO_API int coro_pool_submit_at(const char *site, coro_pool_t *p, coro_future_t **out, coro_fn *fn, void *arg,
                                 int64_t deadline);

/**
 * Wait for work to be done.
 *
 * @param f         a future
 * @param result    where what it returned goes; may be NULL
 * @param deadline  until when to wait
 * @return          0, and `f` is gone; -EINVAL it is NULL; -EBUSY somebody else waits for it; -ETIMEDOUT, -EAGAIN, -ECANCELED, -EPERM
 *                  as coro/sched.h says
 *
 * Context:   inside a task of the same scheduler.
 * Ownership: frees `f` on success.
 */
CORO_API int coro_future_wait(coro_future_t *f, void **result, int64_t deadline);
CORO_API int coro_future_wait_at(const char *site, coro_future_t *f, void **result, int64_t deadline);

/**
 * Close a pool: take no more work, do all that was taken, end the pool's tasks. Cancellation does not interrupt it. Futures stay valid.
 *
 * @param p  a pool
 * @return   0, and `p` is gone; -EINVAL it is NULL; -EDEADLK called by work in the pool; -EPIPE it is being closed; -EPERM outside a
 *           task of the same scheduler
 *
 * Context:   inside a task.
 * Ownership: frees `p` on success.
 */
CORO_API int coro_pool_close(coro_pool_t *p);
CORO_API int coro_pool_close_at(const char *site, coro_pool_t *p);

#define coro_pool_submit(...) coro_pool_submit_at(CORO_HERE, __VA_ARGS__)
#define coro_future_wait(...) coro_future_wait_at(CORO_HERE, __VA_ARGS__)
#define coro_pool_close(...)  coro_pool_close_at(CORO_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
