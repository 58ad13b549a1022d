/*
 * Reads and writes of streams and datagrams.
 */
#include "io.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

/* ---- the system calls ---- */

static ssize_t do_read(const struct coro__io_op *op)
{
    return read(op->fd, op->buf, op->size);
}

static ssize_t do_write(const struct coro__io_op *op)
{
    return write(op->fd, op->buf, op->size);
}

static ssize_t do_readv(const struct coro__io_op *op)
{
    return readv(op->fd, op->buf, op->flags);
}

static ssize_t do_writev(const struct coro__io_op *op)
{
    return writev(op->fd, op->buf, op->flags);
}

static ssize_t do_recv(const struct coro__io_op *op)
{
    return recvfrom(op->fd, op->buf, op->size, op->flags, op->address, op->length);
}

static ssize_t do_send(const struct coro__io_op *op)
{
    return sendto(op->fd, op->buf, op->size, op->flags | MSG_NOSIGNAL, op->address,
                  op->length != NULL ? *op->length : 0);
}

/* write(2), but no signal from a socket. */
static ssize_t do_write_quietly(const struct coro__io_op *op)
{
    ssize_t n = send(op->fd, op->buf, op->size, MSG_NOSIGNAL);

    return n < 0 && errno == ENOTSOCK ? do_write(op) : n;
}

static ssize_t do_writev_quietly(const struct coro__io_op *op)
{
    const struct msghdr message = {.msg_iov = op->buf, .msg_iovlen = (size_t)op->flags};
    ssize_t n = sendmsg(op->fd, &message, MSG_NOSIGNAL);

    return n < 0 && errno == ENOTSOCK ? do_writev(op) : n;
}

/* ---- the calls ---- */

ssize_t coro_read(int fd, void *buf, size_t n, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd, .call = do_read, .buf = buf, .size = n, .plain = true};

    return coro__io_do(&op, deadline);
}

ssize_t coro_write(int fd, const void *buf, size_t n, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd,
                                   .direction = CORO__IO_OUT,
                                   .call = do_write_quietly,
                                   .buf = (void *)(uintptr_t)buf,
                                   .size = n,
                                   .plain = true};

    return coro__io_do(&op, deadline);
}

/* The bytes of all of them; -EINVAL if that does not fit. */
static ssize_t whole(const struct iovec *iov, int count)
{
    size_t sum = 0;

    if (count < 0 || count > IOV_MAX || (iov == NULL && count != 0))
        return -EINVAL;
    for (int i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, iov[i].iov_len, &sum) || sum > SSIZE_MAX)
            return -EINVAL;
    return (ssize_t)sum;
}

static ssize_t vectors(ssize_t (*call)(const struct coro__io_op *), enum coro__io_direction direction, int fd,
                       const struct iovec *iov, int count, int64_t deadline)
{
    ssize_t size = whole(iov, count);
    const struct coro__io_op op = {.fd = fd,
                                   .direction = direction,
                                   .call = call,
                                   .buf = (void *)(uintptr_t)iov,
                                   .size = (size_t)size,
                                   .flags = count};

    return size < 0 ? size : coro__io_do(&op, deadline);
}

ssize_t coro_readv(int fd, const struct iovec *iov, int count, int64_t deadline)
{
    return vectors(do_readv, CORO__IO_IN, fd, iov, count, deadline);
}

ssize_t coro_writev(int fd, const struct iovec *iov, int count, int64_t deadline)
{
    return vectors(do_writev_quietly, CORO__IO_OUT, fd, iov, count, deadline);
}

ssize_t coro_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, unsigned *length, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd,
                                   .call = do_recv,
                                   .buf = buf,
                                   .size = n,
                                   .flags = flags,
                                   .plain = flags == 0 && from == NULL,
                                   .aside = (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)) != 0,
                                   .address = from,
                                   .length = length};

    return coro__io_do(&op, deadline);
}

ssize_t coro_recv(int fd, void *buf, size_t n, int flags, int64_t deadline)
{
    return coro_recvfrom(fd, buf, n, flags, NULL, NULL, deadline);
}

ssize_t coro_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, unsigned length,
                    int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd,
                                   .direction = CORO__IO_OUT,
                                   .call = do_send,
                                   .buf = (void *)(uintptr_t)buf,
                                   .size = n,
                                   .flags = flags,
                                   .plain = flags == 0 && to == NULL,
                                   .address = (void *)(uintptr_t)to,
                                   .length = &length};

    return coro__io_do(&op, deadline);
}

ssize_t coro_send(int fd, const void *buf, size_t n, int flags, int64_t deadline)
{
    return coro_sendto(fd, buf, n, flags, NULL, 0, deadline);
}

/* ---- all of it ---- */

typedef ssize_t io_part(int fd, void *buf, size_t n, int64_t deadline);

static ssize_t all(io_part *part, int fd, void *buf, size_t n, int64_t deadline)
{
    size_t done = 0;

    do {
        ssize_t some = part(fd, (char *)buf + done, n - done, deadline);

        if (some < 0)
            return done != 0 ? (ssize_t)done : some;
        if (some == 0)
            break;
        done += (size_t)some;
    } while (done < n);
    return (ssize_t)done;
}

static ssize_t write_part(int fd, void *buf, size_t n, int64_t deadline)
{
    return coro_write(fd, buf, n, deadline);
}

ssize_t coro_read_full(int fd, void *buf, size_t n, int64_t deadline)
{
    return all(coro_read, fd, buf, n, deadline);
}

ssize_t coro_write_all(int fd, const void *buf, size_t n, int64_t deadline)
{
    return all(write_part, fd, (void *)(uintptr_t)buf, n, deadline);
}

/* ---- readiness ---- */

/* As a system call that would block: the events are in `flags`. */
static ssize_t do_poll(const struct coro__io_op *op)
{
    struct pollfd pollfd = {.fd = op->fd, .events = (short)(op->flags | POLLRDHUP)};
    int n = poll(&pollfd, 1, 0);
    int wanted = op->flags | POLLERR | POLLHUP | ((op->flags & POLLIN) != 0 ? POLLRDHUP : 0);

    if (n > 0 && (pollfd.revents & POLLNVAL) != 0) {
        errno = EBADF;
        return -1;
    }
    if (n < 0 || (pollfd.revents & wanted) != 0)
        return n < 0 ? n : pollfd.revents;
    errno = EAGAIN;
    return -1;
}

int coro_poll_fd(int fd, short events, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd, .call = do_poll, .flags = events};

    if (events == 0 || (events & ~(POLLIN | POLLOUT)) != 0)
        return -EINVAL;
    return (int)coro__io_poll(
        &op, ((events & POLLIN) != 0 ? 1u << CORO__IO_IN : 0) | ((events & POLLOUT) != 0 ? 1u << CORO__IO_OUT : 0),
        deadline);
}
