/*
 * System calls for which glibc has functions from 2.35 on, and musl has none. There the kernel is asked by number.
 */
#ifndef CORO_IO_SYSTEM_H
#define CORO_IO_SYSTEM_H

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#    if __GLIBC_PREREQ(2, 35)
#        define CORO__HAVE_NEW_CALLS
#    endif
#endif
#ifndef SYS_epoll_pwait2
#    define SYS_epoll_pwait2 441
#endif
#ifndef RWF_NOWAIT
#    define RWF_NOWAIT 8
#endif

/* epoll_wait() with a time to the nanosecond. -1 and ENOSYS: the kernel does not know it. */
static inline int coro__epoll_wait_for(int epoll_fd, struct epoll_event *events, int most, const struct timespec *time)
{
#ifdef CORO__HAVE_NEW_CALLS
    return epoll_pwait2(epoll_fd, events, most, time, NULL);
#else
    return (int)syscall(SYS_epoll_pwait2, epoll_fd, events, most, time, NULL, 0UL);
#endif
}

/* preadv() and pwritev() of what is in memory: -1 and EAGAIN if that is nothing. A place is given to the kernel in two halves. */
static inline ssize_t coro__read_now(int fd, const struct iovec *iov, off_t at)
{
#ifdef CORO__HAVE_NEW_CALLS
    return preadv2(fd, iov, 1, at, RWF_NOWAIT);
#else
    return syscall(SYS_preadv2, fd, iov, 1UL, (unsigned long)at, 0UL, RWF_NOWAIT);
#endif
}

static inline ssize_t coro__write_now(int fd, const struct iovec *iov, off_t at)
{
#ifdef CORO__HAVE_NEW_CALLS
    return pwritev2(fd, iov, 1, at, RWF_NOWAIT);
#else
    return syscall(SYS_pwritev2, fd, iov, 1UL, (unsigned long)at, 0UL, RWF_NOWAIT);
#endif
}

#endif
