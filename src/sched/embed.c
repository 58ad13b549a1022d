/*
 * Waiting and being waited for.
 *
 * A scheduler that runs by itself waits on a futex: no file descriptor is needed. One that a foreign loop hosts has three, made when
 * they are first asked for: an event that says that something is ready, a timer for the next deadline, and an epoll that is readable
 * when one of the two is.
 */
#include "embed.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* ---- by itself ---- */

static struct timespec timespec_of(int64_t deadline)
{
    return (struct timespec){.tv_sec = deadline / CORO_S(1), .tv_nsec = deadline % CORO_S(1)};
}

static struct coro__driver *driver_of(struct coro_sched *s)
{
    return atomic_load(&s->io);
}

void coro__embed_look(struct coro_sched *s)
{
    struct coro__driver *io = driver_of(s);

    if (io != NULL && io->waiting != 0)
        io->wait(io, 0);
}

void coro__embed_submit(struct coro_sched *s)
{
    struct coro__driver *io = driver_of(s);

    if (io != NULL && io->submit != NULL)
        io->submit(io);
}

void coro__embed_wait(struct coro_sched *s, unsigned signals, int64_t deadline)
{
    struct timespec until = timespec_of(deadline);
    struct coro__driver *io = driver_of(s);

    if (io != NULL) {
        io->wait(io, deadline);
        return;
    }
    syscall(SYS_futex, &s->signals, FUTEX_WAIT_BITSET_PRIVATE, signals, deadline != CORO_FOREVER ? &until : NULL, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

static void make_readable(int fd)
{
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one); /* cannot fail but by being full: readable */

    (void)ignored;
}

void coro__embed_signal(struct coro_sched *s)
{
    int fd = atomic_load(&s->event_fd);
    struct coro__driver *io = driver_of(s);

    if (io != NULL)
        io->signal(io);
    atomic_fetch_add(&s->signals, 1);
    syscall(SYS_futex, &s->signals, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    if (fd >= 0)
        make_readable(fd);
}

/* ---- hosted ---- */

static int watch(int epoll_fd, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void coro__embed_end(struct coro_sched *s)
{
    int event_fd = atomic_exchange(&s->event_fd, -1);
    struct coro__driver *io = atomic_exchange(&s->io, NULL);

    if (io != NULL)
        io->end(io);
    close_fd(&event_fd);
    close_fd(&s->timer_fd);
    close_fd(&s->epoll_fd);
}

static int open_fds(struct coro_sched *s)
{
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err;

    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (event_fd >= 0 && s->timer_fd >= 0 && s->epoll_fd >= 0 && watch(s->epoll_fd, event_fd) == 0 &&
        watch(s->epoll_fd, s->timer_fd) == 0 && (s->io == NULL || watch(s->epoll_fd, s->io->fd) == 0)) {
        atomic_store(&s->event_fd, event_fd);
        return 0;
    }
    err = -errno;
    close_fd(&event_fd);
    close_fd(&s->timer_fd);
    close_fd(&s->epoll_fd);
    return err;
}

int coro__sched_drive(struct coro_sched *s, struct coro__driver *driver)
{
    if (s->epoll_fd >= 0 && watch(s->epoll_fd, driver->fd) != 0)
        return -errno;
    atomic_store(&s->io, driver);
    atomic_thread_fence(memory_order_seq_cst); /* who posts from now on sees it, or the inbox is not empty */
    return 0;
}

static bool is_ready(struct coro_sched *s)
{
    return coro__queue_count(&s->queue) != 0 || atomic_load(&s->inbox) != NULL;
}

void coro__sched_announce(struct coro_sched *s)
{
    int event_fd = atomic_load(&s->event_fd);
    struct itimerspec timer = {{0}, {0}};
    int64_t next = coro__timers_next(&s->timers);
    uint64_t count;

    if (event_fd < 0)
        return;
    if (!s->virtual_time && next != CORO_FOREVER)
        timer.it_value = timespec_of(next > 0 ? next : 1);
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
    if (read(event_fd, &count, sizeof count) < 0)
        count = 0;                                                /* it was not readable */
    if (is_ready(s) || (s->virtual_time && next != CORO_FOREVER)) /* that time comes when it is stepped to */
        make_readable(event_fd);
}

int coro_sched_fd(coro_sched_t *s)
{
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__sched_refusal(s);
    if (err == 0 && s->epoll_fd < 0)
        err = open_fds(s);
    if (err != 0)
        return err;
    coro__sched_announce(s);
    return s->epoll_fd;
}

int64_t coro_sched_next(coro_sched_t *s)
{
    if (s == NULL)
        return CORO_FOREVER;
    if (is_ready(s))
        return s->virtual_time ? s->now : coro__real_now();
    return coro__timers_next(&s->timers);
}
