/*
 * Waiting with epoll, edge-triggered. Each descriptor is registered once, for both directions, and stays.
 *
 * An event is remembered until a call finds that direction drained: so a task that has read all there was parks without asking the system
 * again, and one call a request is saved.
 *
 * An event may be for a descriptor that has been closed since, and whose number is in use again: each carries the generation that it is
 * meant for.
 */
#include "driver.h"
#include "system.h"

#include "base/clock.h"
#include "base/sanitize.h"

#include <limits.h>
#include <unistd.h>

enum { EVENTS_MOST = 32 }; /* what is touched for an event is still in the cache when its task goes on */

/* the driver's own event: no descriptor has this number */
#define SIGNAL UINT64_MAX

/* ---- events ---- */

static void wake(struct coro__io *io, struct coro__fd *f, enum coro__io_direction direction, int result)
{
    struct coro__waiter *waiter = f->waiters[direction];

    f->drained[direction] = false;
    if (waiter == NULL)
        return;
    coro__io_wait_ends(io, f, waiter);
    coro__task_fetch(CORO__OWNER(waiter, struct coro_task, waiter));
    coro__waiter_complete(waiter, (uintptr_t)result);
}

static void handle(struct coro__io *io, const struct epoll_event *event)
{
    struct coro__fd *f;

    if (event->data.u64 == SIGNAL) {
        coro__io_signalled(io);
        return;
    }
    f = coro__io_find(io, (int)(uint32_t)event->data.u64);
    if (f == NULL || f->generation != event->data.u64 >> 32)
        return;
    if ((event->events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        f->hung_up = true;
    if ((event->events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        wake(io, f, CORO__IO_IN, 0);
    if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        wake(io, f, CORO__IO_OUT, 0);
}

/* epoll_wait() with a time in ns, -1 for ever. */
static int wait_for(int epoll_fd, struct epoll_event *events, int64_t ns)
{
    static atomic_bool coarse; /* valgrind and old kernels know milliseconds only */
    const struct timespec timeout = {.tv_sec = ns / CORO_S(1), .tv_nsec = ns % CORO_S(1)};
    int n;

    if (ns <= 0)
        return epoll_wait(epoll_fd, events, EVENTS_MOST, ns == 0 ? 0 : -1);
    if (!coro__under_valgrind && !atomic_load_explicit(&coarse, memory_order_relaxed)) {
        n = coro__epoll_wait_for(epoll_fd, events, EVENTS_MOST, &timeout);
        if (n >= 0 || errno != ENOSYS)
            return n;
        atomic_store_explicit(&coarse, true, memory_order_relaxed);
    }
    ns = (ns + CORO_MS(1) - 1) / CORO_MS(1);
    return epoll_wait(epoll_fd, events, EVENTS_MOST, ns < INT_MAX ? (int)ns : INT_MAX);
}

static void wait_for_events(struct coro__driver *driver, int64_t deadline)
{
    struct epoll_event events[EVENTS_MOST];
    int64_t ns = deadline == CORO_FOREVER ? -1 : deadline != 0 ? deadline - coro__real_now() : 0;
    int n = wait_for(driver->fd, events, deadline != CORO_FOREVER && ns < 0 ? 0 : ns);

    coro__san_reuse(events, n > 0 ? (size_t)n * sizeof *events : 0); /* MemorySanitizer does not know epoll_pwait2() */
    for (int i = 0; i < n; i++)
        handle(coro__io_of(driver), &events[i]);
}

/* ---- made and ended ---- */

static void end_waiting(struct coro__io *io)
{
    close(io->driver.fd);
}

static int open_epoll(struct coro__io *io)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNAL};
    int fd = epoll_create1(EPOLL_CLOEXEC), err;

    if (fd < 0)
        return -errno;
    if (epoll_ctl(fd, EPOLL_CTL_ADD, io->event_fd, &event) != 0) {
        err = -errno;
        close(fd);
        return err;
    }
    io->driver.fd = fd;
    io->driver.wait = wait_for_events;
    return 0;
}

/* ---- descriptors ---- */

static int register_fd(struct coro__io *io, int fd, struct coro__fd *f)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)f->generation << 32 | (uint32_t)fd};

    if (epoll_ctl(io->driver.fd, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EPERM) /* a file, which never blocks */
        return 0;
    if (errno == EEXIST && /* a duplicate of what was closed, under its number: of another generation */
        epoll_ctl(io->driver.fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return -errno;
}

static void leave(struct coro__waiter *waiter)
{
    coro__io_wait_ends(coro__io_of_waiter(waiter), waiter->slot, waiter);
}

static const struct coro__wait for_input = {
    .what = "for input", .due = coro__waiter_too_late, .leave = leave, .again = true};
static const struct coro__wait for_output = {
    .what = "for room for output", .due = coro__waiter_too_late, .leave = leave, .again = true};

static int await_event(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f, unsigned directions,
                       struct coro_task *self, int64_t deadline)
{
    int err = coro__io_refusal(f, directions, self, deadline);

    (void)op;
    if (err != 0)
        return err;
    coro__io_wait_begins(io, f, directions, &self->waiter);
    return coro__park(self, (directions & 1u << CORO__IO_IN) != 0 ? &for_input : &for_output, deadline, NULL);
}

/* Whoever waits goes on, and sees that the generation is another. */
static void dismiss(struct coro__io *io, struct coro__fd *f)
{
    wake(io, f, CORO__IO_IN, -ECANCELED);
    wake(io, f, CORO__IO_OUT, -ECANCELED);
}

const struct coro__io_backend coro__epoll = {
    .size = sizeof(struct coro__io),
    .open = open_epoll,
    .close = end_waiting,
    .enrol = register_fd,
    .await = await_event,
    .dismiss = dismiss,
};
