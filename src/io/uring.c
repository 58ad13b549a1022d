/*
 * Waiting with io_uring. Who waits has one request in the ring: to poll a descriptor, or to receive or send what a task has asked for, so
 * that neither the wait nor the transfer is a system call of its own. Requests are submitted together, when the scheduler looks around.
 *
 *   I1  A descriptor is known to be drained only as a hint: the kernel looks before it waits. So no event can be missed, and none
 *       comes for a descriptor that is closed.
 *   I2  A task goes on when its request has come to its end, and not before: the buffer is the kernel's until then. Deadline and
 *       cancellation only call the request back; what it has transferred by then is the result.
 *   I3  A request that has not been submitted names a descriptor by a number. So it is taken back where that is closed.
 */
#ifdef CORO_HAVE_URING
#    include "driver.h"

#    include "base/clock.h"
#    include "base/sanitize.h"

#    include <liburing.h>
#    include <limits.h>
#    include <poll.h>
#    include <sys/eventfd.h>
#    include <unistd.h>

enum {
    REQUESTS_MOST = 1024, /* at a time; more are submitted in between */
    COMPLETIONS = 4 * REQUESTS_MOST,
    SEND_MOST = 16 * 1024, /* copying more takes longer than a system call, which can go at once */
};

/* What a completion is for: a waiter, with the directions that it waits for in the lowest bits, or ... */
enum { NOBODY = 0, SIGNAL = 4, DIRECTIONS = 3 };

struct uring {
    struct coro__io io;
    struct io_uring ring;
    struct coro__list recalled; /* waiters whose requests are to be cancelled, which the ring has not been told yet */
    bool watching;              /* event_fd */
    bool hosted;                /* `driver.fd` has events; ones of the ring itself tell of completions, not of work */
};

static struct uring *of(struct coro__io *io)
{
    return (struct uring *)(void *)io;
}

/* A place for a request; NULL if there is none, for want of memory in the kernel. */
static struct io_uring_sqe *next_request(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (likely(sqe != NULL))
        return sqe;
    io_uring_submit(&u->ring);
    return io_uring_get_sqe(&u->ring);
}

/* ---- requests that are called back ---- */

static uint64_t name_of(const struct coro__waiter *waiter, unsigned directions)
{
    return (uint64_t)(uintptr_t)waiter | directions;
}

static unsigned directions_of(const struct coro__waiter *waiter)
{
    const struct coro__fd *f = waiter->slot;

    return (f->waiters[CORO__IO_IN] == waiter ? 1u << CORO__IO_IN : 0) |
           (f->waiters[CORO__IO_OUT] == waiter ? 1u << CORO__IO_OUT : 0);
}

/* A request has come to its end. An abandoned waiter is told nothing. */
static void finish(struct uring *u, struct coro__waiter *waiter, int result)
{
    coro__io_wait_ends(&u->io, waiter->slot, waiter);
    waiter->slot = NULL;
    coro__list_remove(&waiter->link);
    if (waiter->state == CORO__WOKEN)
        return;
    if ((result == -ECANCELED || result == -EINTR) && waiter->error != 0)
        result = waiter->error;
    coro__task_fetch(CORO__OWNER(waiter, struct coro_task, waiter));
    coro__waiter_complete(waiter, (uintptr_t)(intptr_t)result);
}

/* Take back a request that has not been submitted. */
static bool withdraw(struct uring *u, const struct coro__waiter *waiter)
{
    struct io_uring_sq *sq = &u->ring.sq;
    uint64_t name = name_of(waiter, directions_of(waiter));

    for (unsigned left = io_uring_sq_ready(&u->ring); left > 0; left--) {
        struct io_uring_sqe *sqe = &sq->sqes[(sq->sqe_tail - left) & *sq->kring_mask];

        if (sqe->user_data != name)
            continue;
        io_uring_prep_nop(sqe);
        sqe->user_data = NOBODY;
        return true;
    }
    return false;
}

static void cancel_recalled(struct uring *u)
{
    while (!coro__list_empty(&u->recalled)) {
        struct coro__waiter *waiter = coro__waiter_of_link(u->recalled.next);
        struct io_uring_sqe *sqe = next_request(u);

        if (sqe == NULL)
            return; /* the next time */
        io_uring_prep_cancel64(sqe, name_of(waiter, directions_of(waiter)), 0);
        sqe->user_data = NOBODY;
        coro__list_remove(&waiter->link);
        coro__list_init(&waiter->link);
    }
}

/* End the request of `waiter` with `error`, unless it has come to its end. */
static void recall(struct uring *u, struct coro__waiter *waiter, int error)
{
    bool first = waiter->error == 0;

    if (waiter->error != -ECANCELED)
        waiter->error = error;
    if (!first)
        return;
    if (withdraw(u, waiter))
        finish(u, waiter, error);
    else
        coro__list_insert(&u->recalled, &waiter->link);
}

/* ---- completions ---- */

/* Signals of other threads. */
static void watch_event(struct uring *u)
{
    struct io_uring_sqe *sqe = u->watching ? NULL : next_request(u);

    if (sqe == NULL)
        return;
    u->watching = true;
    io_uring_prep_poll_multishot(sqe, u->io.event_fd, POLLIN);
    sqe->user_data = SIGNAL;
}

static void handle(struct uring *u, const struct io_uring_cqe *cqe)
{
    if (cqe->user_data == SIGNAL) {
        coro__io_signalled(&u->io);
        u->watching = (cqe->flags & IORING_CQE_F_MORE) != 0;
    } else if (cqe->user_data != NOBODY) {
        finish(u, (struct coro__waiter *)(uintptr_t)(cqe->user_data & ~(uint64_t)DIRECTIONS), cqe->res);
    }
}

static void handle_all(struct uring *u)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        handle(u, cqe);
        n++;
    }
    io_uring_cq_advance(&u->ring, n);
}

/* Has the kernel something to do for us that only comes about when it is entered? */
static bool has_work(struct uring *u)
{
    return io_uring_sq_ready(&u->ring) != 0 ||
           (atomic_load_explicit((_Atomic unsigned *)u->ring.sq.kflags, memory_order_relaxed) &
            (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

static void submit(struct uring *u)
{
    cancel_recalled(u);
    watch_event(u);
    if (io_uring_sq_ready(&u->ring) != 0)
        io_uring_submit(&u->ring);
}

/* Let `driver.fd` be readable if there is something to do, or as soon as there is. */
static void be_hosted(struct coro__driver *driver)
{
    struct uring *u = of(coro__io_of(driver));
    uint64_t count = 1;

    if (!u->hosted)
        u->hosted = io_uring_register_eventfd(&u->ring, driver->fd) == 0;
    submit(u);
    if (read(driver->fd, &count, sizeof count) < 0)
        count = 1; /* it was not readable */
    if (!u->hosted || has_work(u) || io_uring_cq_ready(&u->ring) != 0)
        (void)!write(driver->fd, &count, sizeof count);
}

/* Valgrind lets no other thread run while a ring is waited in: so it is waited for. Linux may not tell one eventfd of another. */
static void wait_outside(struct uring *u, const struct timespec *timeout)
{
    struct pollfd fds[] = {{.fd = u->io.driver.fd, .events = POLLIN}, {.fd = u->io.event_fd, .events = POLLIN}};

    be_hosted(&u->io.driver);
    ppoll(fds, 2, timeout, NULL);
    io_uring_submit_and_get_events(&u->ring);
}

/* Submit, and wait for a completion; ns < 0: for ever. */
static void wait_for_one(struct uring *u, int64_t ns)
{
    struct __kernel_timespec timeout = {.tv_sec = ns / CORO_S(1), .tv_nsec = ns % CORO_S(1)};
    struct io_uring_cqe *cqe;

    if (coro__under_valgrind)
        wait_outside(u, ns < 0 ? NULL : &(struct timespec){.tv_sec = timeout.tv_sec, .tv_nsec = (long)timeout.tv_nsec});
    else if (ns < 0)
        io_uring_submit_and_wait(&u->ring, 1);
    else
        io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &timeout, NULL);
}

static void wait_for_completions(struct coro__driver *driver, int64_t deadline)
{
    struct uring *u = of(coro__io_of(driver));
    int64_t ns = deadline == CORO_FOREVER ? -1 : deadline != 0 ? deadline - coro__real_now() : 0;

    cancel_recalled(u);
    watch_event(u);
    if (deadline == CORO_FOREVER || ns > 0)
        wait_for_one(u, ns);
    else if (has_work(u))
        io_uring_submit_and_get_events(&u->ring);
    handle_all(u);
}

/* Until nobody waits for `f`, or `waiter` does not. What else comes to its end meanwhile is seen to as well. */
static void await_end(struct uring *u, const struct coro__fd *f, const struct coro__waiter *waiter)
{
    while (f != NULL ? f->waiters[CORO__IO_IN] != NULL || f->waiters[CORO__IO_OUT] != NULL : waiter->slot != NULL)
        wait_for_completions(&u->io.driver, CORO_FOREVER);
}

/* ---- who waits ---- */

static struct coro_task *task_of(const struct coro__waiter *waiter)
{
    return CORO__OWNER(waiter, struct coro_task, waiter);
}

static struct uring *ring_of(const struct coro__waiter *waiter)
{
    return of(coro__io_of_waiter(waiter));
}

/* A foreign loop that hosts the scheduler would not know that it has to submit something. */
static void end_early(struct coro__waiter *waiter, int error)
{
    struct uring *u = ring_of(waiter);

    recall(u, waiter, error);
    if (task_of(waiter)->sched->driver == NULL)
        submit(u);
}

static void leave(struct coro__waiter *waiter)
{
    struct uring *u = ring_of(waiter);

    recall(u, waiter, -ECANCELED);
    await_end(u, NULL, waiter);
}

static const struct coro__wait for_input = {
    .what = "for input", .due = coro__waiter_too_late, .recall = end_early, .leave = leave, .again = true};
static const struct coro__wait for_output = {
    .what = "for room for output", .due = coro__waiter_too_late, .recall = end_early, .leave = leave, .again = true};

/* The request in the last place taken is that of `self`, who waits for it. */
static int park(struct uring *u, struct io_uring_sqe *sqe, struct coro__fd *f, unsigned directions,
                struct coro_task *self, int64_t deadline)
{
    struct coro__waiter *waiter = &self->waiter;

    sqe->user_data = name_of(waiter, directions);
    waiter->error = 0;
    coro__list_init(&waiter->link);
    coro__io_wait_begins(&u->io, f, directions, waiter);
    return coro__park(self, (directions & 1u << CORO__IO_IN) != 0 ? &for_input : &for_output, deadline, NULL);
}

/* What a call that would block waits for: not for what it leaves where it is, or it would be told so again and again. */
static unsigned events_for(const struct coro__io_op *op, unsigned directions)
{
    if (op->aside)
        return (op->flags & MSG_ERRQUEUE) != 0 ? 0 : (op->flags & MSG_OOB) != 0 ? POLLPRI : POLLIN | POLLRDHUP;
    return ((directions & 1u << CORO__IO_IN) != 0 ? POLLIN | POLLRDHUP : 0) |
           ((directions & 1u << CORO__IO_OUT) != 0 ? POLLOUT : 0);
}

static int await_events(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f, unsigned directions,
                        struct coro_task *self, int64_t deadline)
{
    int err = coro__io_refusal(f, directions, self, deadline);
    struct uring *u = of(io);
    struct io_uring_sqe *sqe;

    if (err != 0)
        return err;
    sqe = next_request(u);
    if (sqe == NULL)
        return -ENOMEM;
    io_uring_prep_poll_add(sqe, op->fd, events_for(op, directions));
    err = park(u, sqe, f, directions, self, deadline);
    if (err < 0)
        return err;
    for (unsigned i = 0; i < 2; i++)
        if ((directions & 1u << i) != 0)
            f->drained[i] = false;
    return 0;
}

/* What would have to be waited for; and of what would not, what is sent while others are ready, for their sends will be submitted
   along with it. */
static bool takes(const struct coro__io_op *op, const struct coro__fd *f, const struct coro_task *self)
{
    if (!op->plain || !f->socket || op->size == 0 || op->size > INT_MAX || f->waiters[op->direction] != NULL)
        return false;
    return f->drained[op->direction] ||
           (op->direction == CORO__IO_OUT && op->size <= SEND_MOST && coro__queue_count(&self->sched->queue) != 0);
}

static ssize_t transfer(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f, struct coro_task *self,
                        int64_t deadline)
{
    struct uring *u = of(io);
    struct io_uring_sqe *sqe = next_request(u);
    bool in = op->direction == CORO__IO_IN;
    int n;

    if (sqe == NULL)
        return -ENOMEM;
    if (in)
        io_uring_prep_recv(sqe, op->fd, op->buf, op->size, 0);
    else
        io_uring_prep_send(sqe, op->fd, op->buf, op->size, MSG_NOSIGNAL);
    if (f->drained[op->direction])
        sqe->ioprio = IORING_RECVSEND_POLL_FIRST;
    n = park(u, sqe, f, 1u << op->direction, self, deadline);
    if (in && n > 0)
        coro__san_filled(op->buf, (size_t)n);
    return n;
}

/* ---- descriptors ---- */

static void dismiss(struct coro__io *io, struct coro__fd *f)
{
    for (int i = 0; i < 2; i++)
        if (f->waiters[i] != NULL)
            recall(of(io), f->waiters[i], -ECANCELED);
    await_end(of(io), f, NULL);
}

/* ---- made and ended ---- */

static void close_ring(struct coro__io *io)
{
    io_uring_queue_exit(&of(io)->ring);
    close(io->driver.fd);
}

static int open_ring(struct coro__io *io)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    struct uring *u = of(io);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), err;

    if (fd < 0)
        return -errno;
    err = io_uring_queue_init_params(REQUESTS_MOST, &u->ring, &params);
    if (err != 0) { /* -EINVAL: Linux before 6.1 */
        close(fd);
        return err;
    }
    coro__san_reuse(u->ring.sq.ring_ptr, u->ring.sq.ring_sz); /* mapped behind the back of MemorySanitizer */
    coro__san_reuse(u->ring.cq.ring_ptr, u->ring.cq.ring_sz);
    coro__san_reuse(u->ring.sq.sqes, REQUESTS_MOST * sizeof *u->ring.sq.sqes);
    io_uring_register_ring_fd(&u->ring); /* or it goes by its number, which is slower */
    coro__list_init(&u->recalled);
    io->driver.fd = fd;
    io->driver.wait = wait_for_completions;
    io->driver.submit = be_hosted;
    return 0;
}

const struct coro__io_backend coro__uring = {
    .size = sizeof(struct uring),
    .open = open_ring,
    .close = close_ring,
    .await = await_events,
    .takes = takes,
    .transfer = transfer,
    .dismiss = dismiss,
};
#endif
