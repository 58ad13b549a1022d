/*
 * The driver on epoll, edge-triggered. Each descriptor is registered once, for both directions, and stays.
 *
 * An event is remembered until a call finds that direction drained: it would block, or it gave less than it could have. So a task that has
 * read all there was parks without asking the system again, and one call a request is saved.
 *
 * An event may be for a descriptor that has been closed since, and whose number is in use again: each carries the generation that it is
 * meant for.
 */
#include "io.h"

#include "base/clock.h"
#include "base/sanitize.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256, EVENTS_MOST = 256, SPARES_MOST = 256 };

/* the driver's own event: no descriptor has this number */
#define SIGNAL UINT64_MAX

struct epoll_driver {
    struct coro__driver driver;
    struct epoll_driver *next; /* of the thread's */
    int event_fd;
    atomic_bool signalled; /* since the last wait */
    size_t chunks;
    struct coro__fd **table; /* by number, in chunks that stay where they are */

    /* buffers that nobody uses */
    struct spare {
        struct spare *next;
    } * spares;
    unsigned spare_count;
};

static struct epoll_driver *of(struct coro__driver *driver)
{
    return (struct epoll_driver *)(void *)driver;
}

/* Those of the calling thread. */
static struct epoll_driver **drivers(void)
{
    return (struct epoll_driver **)&coro__thread_self()->drivers;
}

/* ---- descriptors ---- */

/* What is known of a number; NULL if nothing is. */
static struct coro__fd *find(const struct epoll_driver *d, int fd)
{
    size_t chunk = (size_t)fd / CHUNK;

    return fd >= 0 && chunk < d->chunks && d->table[chunk] != NULL ? &d->table[chunk][fd % CHUNK] : NULL;
}

static int make_room(struct epoll_driver *d, size_t chunk)
{
    struct coro__fd **table;

    if (chunk >= d->chunks) {
        table = realloc(d->table, (chunk + 1) * sizeof(struct coro__fd *));
        if (table == NULL)
            return -ENOMEM;
        memset(table + d->chunks, 0, (chunk + 1 - d->chunks) * sizeof(struct coro__fd *));
        d->table = table;
        d->chunks = chunk + 1;
    }
    if (d->table[chunk] == NULL)
        d->table[chunk] = calloc(CHUNK, sizeof(struct coro__fd));
    return d->table[chunk] != NULL ? 0 : -ENOMEM;
}

int coro__io_make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    if ((flags & O_NONBLOCK) != 0)
        return 0;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

/* Have its events come. */
static int enrol(struct epoll_driver *d, int fd, struct coro__fd *f)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)f->generation << 32 | (uint32_t)fd};
    int err = f->nonblocking ? 0 : coro__io_make_nonblocking(fd), protocol = 0;
    socklen_t length = sizeof protocol;

    if (err != 0)
        return err;
    if (!f->tcp) {
        f->socket = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0;
        f->tcp = f->socket && protocol == IPPROTO_TCP;
    }
    f->always = false;
    if (epoll_ctl(d->driver.fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        if (errno == EEXIST) /* a duplicate of what was closed, under its number: of another generation */
            err = epoll_ctl(d->driver.fd, EPOLL_CTL_MOD, fd, &event);
        else
            err = errno == EPERM ? 0 : -1; /* a file or a directory */
        if (err != 0)
            return -errno;
        f->always = errno == EPERM;
    }
    f->hung_up = f->drained[CORO__IO_IN] = f->drained[CORO__IO_OUT] = false;
    f->known = true;
    return 0;
}

static int look_up(struct epoll_driver *d, int fd, struct coro__fd **out)
{
    struct coro__fd *f = find(d, fd);
    int err;

    if (fd < 0)
        return -EBADF;
    if (unlikely(f == NULL)) {
        if (fcntl(fd, F_GETFD) < 0)
            return -errno; /* and no table for it */
        err = make_room(d, (size_t)fd / CHUNK);
        if (err != 0)
            return err;
        f = find(d, fd);
    }
    *out = f;
    return likely(f->known) ? 0 : enrol(d, fd, f);
}

/* ---- the driver ---- */

static void stop_waiting(struct epoll_driver *d, struct coro__fd *f, const struct coro__waiter *waiter)
{
    for (int i = 0; i < 2; i++)
        if (f->waiters[i] == waiter)
            f->waiters[i] = NULL;
    d->driver.waiting--;
}

static void wake(struct epoll_driver *d, struct coro__fd *f, enum coro__io_direction direction, int result)
{
    struct coro__waiter *waiter = f->waiters[direction];

    f->drained[direction] = false;
    if (waiter == NULL)
        return;
    stop_waiting(d, f, waiter);
    coro__waiter_complete(waiter, (uintptr_t)result);
}

static void handle(struct epoll_driver *d, const struct epoll_event *event)
{
    struct coro__fd *f;
    uint64_t ignored;

    if (event->data.u64 == SIGNAL) {
        if (read(d->event_fd, &ignored, sizeof ignored) < 0)
            return; /* somebody else has */
        atomic_store(&d->signalled, false);
        return;
    }
    f = find(d, (int)(uint32_t)event->data.u64);
    if (f == NULL || f->generation != event->data.u64 >> 32)
        return;
    if ((event->events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        f->hung_up = true;
    if ((event->events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        wake(d, f, CORO__IO_IN, 0);
    if ((event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        wake(d, f, CORO__IO_OUT, 0);
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
        n = epoll_pwait2(epoll_fd, events, EVENTS_MOST, &timeout, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
        atomic_store_explicit(&coarse, true, memory_order_relaxed);
    }
    ns = (ns + CORO_MS(1) - 1) / CORO_MS(1);
    return epoll_wait(epoll_fd, events, EVENTS_MOST, ns < INT_MAX ? (int)ns : INT_MAX);
}

static void wait_for_events(struct coro__driver *driver, int64_t deadline)
{
    struct epoll_driver *d = of(driver);
    struct epoll_event events[EVENTS_MOST];
    int64_t ns = deadline == CORO_FOREVER ? -1 : deadline != 0 ? deadline - coro__real_now() : 0;
    int n = wait_for(driver->fd, events, deadline != CORO_FOREVER && ns < 0 ? 0 : ns);

    coro__san_reuse(events, n > 0 ? (size_t)n * sizeof *events : 0); /* MemorySanitizer does not know epoll_pwait2() */
    for (int i = 0; i < n; i++)
        handle(d, &events[i]);
}

static void signal_driver(struct coro__driver *driver)
{
    struct epoll_driver *d = of(driver);
    uint64_t one = 1;
    ssize_t ignored;

    if (atomic_exchange(&d->signalled, true))
        return;
    ignored = write(d->event_fd, &one, sizeof one);
    (void)ignored;
}

static void end(struct coro__driver *driver)
{
    struct epoll_driver *d = of(driver), **link = drivers();

    while (*link != d)
        link = &(*link)->next;
    *link = d->next;
    for (size_t i = 0; i < d->chunks; i++)
        free(d->table[i]);
    free(d->table);
    for (struct spare *spare = d->spares, *next; spare != NULL; spare = next) {
        next = spare->next;
        free(spare);
    }
    close(d->event_fd);
    close(driver->fd);
    free(d);
}

static int start(struct coro_sched *s)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = SIGNAL};
    struct epoll_driver *d = calloc(1, sizeof *d);
    int err;

    if (d == NULL)
        return -ENOMEM;
    d->driver = (struct coro__driver){.wait = wait_for_events, .signal = signal_driver, .end = end};
    d->driver.fd = epoll_create1(EPOLL_CLOEXEC);
    d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = d->driver.fd < 0 || d->event_fd < 0 ? -errno : 0;
    if (err == 0 && epoll_ctl(d->driver.fd, EPOLL_CTL_ADD, d->event_fd, &event) != 0)
        err = -errno;
    if (err == 0)
        err = coro__sched_drive(s, &d->driver);
    if (err != 0) {
        if (d->event_fd >= 0)
            close(d->event_fd);
        if (d->driver.fd >= 0)
            close(d->driver.fd);
        free(d);
        return err;
    }
    d->next = *drivers();
    *drivers() = d;
    return 0;
}

static int driver_of(struct coro_sched *s, struct epoll_driver **out)
{
    struct coro__driver *driver = atomic_load_explicit(&s->io, memory_order_relaxed);
    int err = 0;

    if (unlikely(driver == NULL)) {
        err = start(s);
        driver = atomic_load_explicit(&s->io, memory_order_relaxed);
    }
    *out = of(driver);
    return err;
}

/* ---- operations ---- */

static void leave(struct coro__waiter *waiter)
{
    const struct coro_task *task = CORO__OWNER(waiter, struct coro_task, waiter);

    stop_waiting(of(atomic_load_explicit(&task->sched->io, memory_order_relaxed)), waiter->slot, waiter);
}

static const struct coro__wait for_input = {
    .what = "for input", .due = coro__waiter_too_late, .leave = leave, .again = true};
static const struct coro__wait for_output = {
    .what = "for room for output", .due = coro__waiter_too_late, .leave = leave, .again = true};

/* Wait for an event in one of `directions`. */
static int await_event(struct epoll_driver *d, struct coro__fd *f, unsigned directions, struct coro_task *self,
                       int64_t deadline)
{
    bool in = (directions & 1u << CORO__IO_IN) != 0, out = (directions & 1u << CORO__IO_OUT) != 0;
    int err = deadline == 0 ? -EAGAIN : coro__wait_overdue(self, deadline);

    if (err == 0 && ((in && f->waiters[CORO__IO_IN] != NULL) || (out && f->waiters[CORO__IO_OUT] != NULL)))
        err = -EBUSY;
    if (err != 0)
        return err;
    if (in)
        f->waiters[CORO__IO_IN] = &self->waiter;
    if (out)
        f->waiters[CORO__IO_OUT] = &self->waiter;
    d->driver.waiting++;
    self->waiter.slot = f;
    return coro__park(self, in ? &for_input : &for_output, deadline, NULL);
}

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

/* Who calls, and what is known of the descriptor. */
static inline int begin(int fd, struct coro_task **self, struct epoll_driver **d, struct coro__fd **f)
{
    int err;

    *d = NULL; /* compilers do not see that a refusal is never 0 */
    *f = NULL;
    *self = coro__may_wait();
    if (unlikely(*self == NULL))
        return coro__wait_refusal();
    err = driver_of((*self)->sched, d);
    return likely(err == 0) ? look_up(*d, fd, f) : err;
}

ssize_t coro__io_do(const struct coro__io_op *op, int64_t deadline)
{
    enum coro__io_direction direction = op->direction;
    struct epoll_driver *d;
    struct coro_task *self;
    struct coro__fd *f;
    uint32_t generation;
    int err;

    if (deadline == 0)
        return try_once(op);
    err = begin(op->fd, &self, &d, &f);
    if (unlikely(err != 0))
        return err;
    generation = f->generation;
    if (f->drained[direction] && (deadline <= self->sched->now || op->size == 0))
        f->drained[direction] =
            false; /* the event may be there and not have been looked at; nothing need not be waited for */
    for (;;) {
        if (!f->drained[direction] || op->aside) {
            ssize_t n = op->call(op);

            if (likely(n >= 0)) {
                if (f->tcp && (size_t)n < op->size && n != 0 && !f->hung_up && !op->aside)
                    f->drained[direction] = true;
                return n;
            }
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                return -errno;
            f->drained[direction] = !op->aside;
        }
        err = await_event(d, f, 1u << direction, self, deadline);
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
        *deadline = (int64_t)(intptr_t)(*self)->waiter.out;
        return (*self)->waiter.error;
    }
    if (*self == NULL)
        return coro__wait_refusal();
    (*self)->waiter.out = (void **)(intptr_t)*deadline;
    return 0;
}

ssize_t coro__io_poll(const struct coro__io_op *op, unsigned directions, int64_t deadline)
{
    struct epoll_driver *d = NULL;
    struct coro_task *self;
    struct coro__fd *f = NULL;
    uint32_t generation;
    int err;

    if (deadline == 0)
        return try_once(op);
    err = begin_poll(&self, &deadline);
    if (err == 0)
        err = driver_of(self->sched, &d);
    if (err == 0)
        err = look_up(d, op->fd, &f);
    if (err != 0)
        return err;
    generation = f->generation;
    for (;;) {
        ssize_t n = op->call(op);

        if (n >= 0)
            return n;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
        err = self->refused ? -ECANCELED : await_event(d, f, directions, self, deadline);
        if (err == 0 && f->generation != generation)
            err = -ECANCELED;
        if (err != 0)
            return err;
    }
}

int coro__io_await_output(int fd, int64_t deadline)
{
    struct epoll_driver *d;
    struct coro_task *self;
    struct coro__fd *f;
    uint32_t generation;
    int err = begin(fd, &self, &d, &f);

    if (err != 0)
        return err;
    generation = f->generation;
    err = await_event(d, f, 1u << CORO__IO_OUT, self, deadline);
    return err == 0 && f->generation != generation ? -ECANCELED : err;
}

/* ---- buffers ---- */

static struct epoll_driver *running_driver(void)
{
    struct coro_task *self = coro__task_running();
    struct coro__driver *driver = self != NULL ? atomic_load_explicit(&self->sched->io, memory_order_relaxed) : NULL;

    return driver != NULL ? of(driver) : NULL;
}

void *coro__io_take_buffer(void)
{
    struct epoll_driver *d = running_driver();
    struct spare *spare = d != NULL ? d->spares : NULL;

    if (spare == NULL)
        return malloc(CORO__IO_BUFFER);
    d->spares = spare->next;
    d->spare_count--;
    return spare;
}

void coro__io_give_buffer(void *buffer)
{
    struct epoll_driver *d = running_driver();
    struct spare *spare = buffer;

    if (CORO__SANITIZED || coro__under_valgrind || d == NULL || d->spare_count == SPARES_MOST) {
        free(buffer);
        return;
    }
    spare->next = d->spares;
    d->spares = spare;
    d->spare_count++;
}

/* What was known is not true any more. */
static void forget(struct epoll_driver *d, struct coro__fd *f)
{
    f->known = f->nonblocking = f->tcp = false;
    f->generation++;
    wake(d, f, CORO__IO_IN, -ECANCELED);
    wake(d, f, CORO__IO_OUT, -ECANCELED);
}

/* In whichever scheduler of the thread: the caller may be a loop that hosts it. */
void coro__io_forget(int fd)
{
    for (struct epoll_driver *d = *drivers(); d != NULL; d = d->next) {
        struct coro__fd *f = find(d, fd);

        if (f != NULL)
            forget(d, f);
    }
}

void coro__io_opened(int fd, int parent)
{
    struct epoll_driver *d = running_driver();
    const struct coro__fd *from;
    struct coro__fd *f;

    coro__io_forget(fd);
    if (d == NULL || (find(d, fd) == NULL && make_room(d, (size_t)fd / CHUNK) != 0))
        return;
    f = find(d, fd);
    from = find(d, parent);
    f->nonblocking = true;
    f->socket = f->tcp = from != NULL && from->tcp;
}

#undef coro_close
int coro_close(int fd, int64_t deadline)
{
    (void)deadline;
    coro__io_forget(fd);
    if (close(fd) == 0 || errno == EINTR) /* Linux has closed it then */
        return 0;
    return -errno;
}
