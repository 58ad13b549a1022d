/*
 * Operations: a system call is made, and if it would block the task waits and makes it again.
 *
 * What is known of a direction saves calls: once one has found it drained, because it would block or gave less than it could have, the
 * next waits first.
 */
#include "driver.h"

#include <sys/socket.h>

/* Once, without a driver: for who may not wait. */
static ssize_t try_once(const struct coro__io_op *op)
{
    int err = coro__io_make_nonblocking(op->fd);
    ssize_t n;

    if (err != 0)
        return err;
    do
        n = op->call(op);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* What is known of the descriptor. */
static inline int find(int fd, const struct coro_task *self, struct coro__io **io, struct coro__fd **f)
{
    struct coro__driver *driver = atomic_load_explicit(&self->sched->io, memory_order_relaxed);
    int err = 0;

    *f = NULL; /* compilers do not see that a refusal is never 0 */
    *io = coro__io_of(driver);
    if (unlikely(driver == NULL))
        err = coro__io_start(self->sched, io);
    if (unlikely(err != 0))
        return err;
    *f = coro__io_find(*io, fd);
    return likely(*f != NULL) && likely((*f)->known) ? 0 : coro__io_enrol(*io, fd, f);
}

/* Who calls, and what is known of the descriptor. */
static inline int begin(int fd, struct coro_task **self, struct coro__io **io, struct coro__fd **f)
{
    *io = NULL;
    *f = NULL;
    *self = coro__may_wait();
    return likely(*self != NULL) ? find(fd, *self, io, f) : coro__wait_refusal();
}

/* What is known to be a socket is received from and not read from: for the kernel that is the shorter way, by a fortieth of a request
   where its tables of files are in no cache. But the number may have been closed and used again behind our back. */
static inline ssize_t call(const struct coro__io_op *op, const struct coro__fd *f)
{
    ssize_t n;

    if (!f->socket || !op->plain || op->direction != CORO__IO_IN || op->size == 0)
        return op->call(op);
    n = recv(op->fd, op->buf, op->size, 0);
    return unlikely(n < 0) && errno == ENOTSOCK ? op->call(op) : n;
}

/* What the call returned, by whoever it was made. */
static inline ssize_t make(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f,
                           struct coro_task *self, int64_t deadline, bool taken)
{
    ssize_t n;

    if (taken)
        return io->backend->transfer(io, op, f, self, deadline);
    n = call(op, f);
    return likely(n >= 0) ? n : -errno;
}

ssize_t coro__io_do(const struct coro__io_op *op, int64_t deadline)
{
    enum coro__io_direction direction = op->direction;
    struct coro_task *self;
    struct coro__io *io;
    struct coro__fd *f;
    uint32_t generation;
    bool given = false; /* to the backend, which would not have it */
    int err;

    if (deadline == 0)
        return try_once(op);
    err = begin(op->fd, &self, &io, &f);
    if (unlikely(err != 0))
        return err;
    generation = f->generation;
    if (f->drained[direction] && (deadline <= self->sched->now || op->size == 0))
        f->drained[direction] =
            false; /* the event may be there and not have been looked at; nothing need not be waited for */
    for (;;) {
        bool taken =
            io->backend->takes != NULL && !given && deadline > self->sched->now && io->backend->takes(op, f, self);

        if (taken || !f->drained[direction] || op->aside) {
            ssize_t n = make(io, op, f, self, deadline, taken);

            if (unlikely(f->generation != generation)) /* it was closed, and may be another by now */
                return n >= 0 ? n : -ECANCELED;
            if (likely(n >= 0)) {
                if (!op->aside)
                    f->drained[direction] = f->tcp && (size_t)n < op->size && n != 0 && !f->hung_up;
                return n;
            }
            if (n == -EINTR)
                continue;
            if (n != -EAGAIN && n != -EWOULDBLOCK)
                return n;
            f->drained[direction] = !op->aside;
            given = taken;
        }
        err = io->backend->await(io, op, f, 1u << direction, self, deadline);
        if (err == 0 && f->generation != generation)
            err = -ECANCELED;
        if (err != 0)
            return err;
    }
}

/* Who polls. A stackless task does so once more when it goes on, with the deadline that it has come with at first. */
static int begin_poll(struct coro_task **self, int64_t *deadline)
{
    *self = coro__may_await();
    if (unlikely(coro__await_goes_on(self))) {
        int result = (*self)->waiter.error; /* above 0: events, which will be looked at */

        *deadline = (int64_t)(intptr_t)(*self)->waiter.out;
        return result < 0 ? result : 0;
    }
    if (*self == NULL)
        return coro__wait_refusal();
    (*self)->waiter.out = (void **)(intptr_t)*deadline;
    return 0;
}

ssize_t coro__io_poll(const struct coro__io_op *op, unsigned directions, int64_t deadline)
{
    struct coro__io *io = NULL;
    struct coro__fd *f = NULL;
    struct coro_task *self;
    uint32_t generation;
    int err;

    if (deadline == 0)
        return try_once(op);
    err = begin_poll(&self, &deadline);
    if (err == 0)
        err = find(op->fd, self, &io, &f);
    if (err != 0)
        return err;
    generation = f->generation;
    for (;;) {
        ssize_t n = op->call(op);

        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        err = self->refused ? -ECANCELED : io->backend->await(io, op, f, directions, self, deadline);
        if (err == 0 && f->generation != generation)
            err = -ECANCELED;
        if (err != 0)
            return err;
    }
}

int coro__io_await_output(int fd, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd, .direction = CORO__IO_OUT};
    struct coro_task *self;
    struct coro__io *io;
    struct coro__fd *f;
    uint32_t generation;
    int err = begin(fd, &self, &io, &f);

    if (err != 0)
        return err;
    generation = f->generation;
    err = io->backend->await(io, &op, f, 1u << CORO__IO_OUT, self, deadline);
    return err == 0 && f->generation != generation ? -ECANCELED : err;
}
