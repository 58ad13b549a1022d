/*
 * coro/io.h: sockets, pipes and files for tasks. POSIX calls that park the task instead of the thread.
 *
 *     static void *serve(void *arg)
 *     {
 *         int fd = (int)(intptr_t)arg;
 *         char line[512];
 *         ssize_t n;
 *
 *         while ((n = coro_read(fd, line, sizeof line, coro_after(CORO_S(30)))) > 0)
 *             if (coro_write_all(fd, line, (size_t)n, CORO_FOREVER) < 0)
 *                 break;
 *         coro_close(fd);
 *         return NULL;
 *     }
 *
 * Results are those of the POSIX calls, but an error is a negative errno value in the result: what the system said; besides -EAGAIN,
 * -ETIMEDOUT, -ECANCELED and -EPERM as coro/sched.h says; -EBUSY if another task waits for the same direction of the descriptor;
 * -ECANCELED also if it was closed meanwhile. EINTR is not seen. What has been transferred is never lost: a call that has
 * transferred something returns how much.
 *
 * A descriptor that is used here is made non-blocking, is used in one scheduler at a time, and must be closed by coro_close(): a number
 * that is closed otherwise and used again may hang. Sending to a peer that is gone is -EPIPE, without a SIGPIPE on sockets.
 *
 * What it is done with, the environment may say: CORO_IO=epoll, uring or auto, which is the default and takes epoll. io_uring is there if the
 * library was built with it (CORO_WITH_URING) and the kernel has it and allows it (Linux 6.1); else epoll is used, and one line on standard
 * error says so. Calls and results are the same. With io_uring, the memory that a call was given is the kernel's until the call has returned;
 * a deadline or a cancellation first calls the kernel back, and what it has transferred by then is the result.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_IO_H
#define CORO_IO_H

#include <coro/sched.h>
#include <sys/types.h>

/* Not <sys/socket.h> and its like: who needs them includes them, and nobody else gets to know their names. */
struct addrinfo;
struct iovec;
struct sockaddr;

#ifdef __cplusplus
extern "C" {
#endif

/* ---- streams and datagrams ---- */

/**
 * The POSIX calls of the same names, with a deadline.
 *
 * @param fd          a descriptor
 * @param buf, n      from where or to where, and how many bytes at most
 * @param iov, count  the same in several pieces
 * @param flags       as for the POSIX call
 * @param from        where the sender's address goes; may be NULL
 * @param to          the receiver's address
 * @param length      of the address: a socklen_t
 * @param deadline    until when to wait
 * @return            how many bytes were transferred; 0 at the end of a stream that is read; a negative errno value
 *
 * Context: inside a task; with deadline 0 anywhere.
 */
CORO_API ssize_t coro_read(int fd, void *buf, size_t n, int64_t deadline);
CORO_API ssize_t coro_write(int fd, const void *buf, size_t n, int64_t deadline);
CORO_API ssize_t coro_readv(int fd, const struct iovec *iov, int count, int64_t deadline);
CORO_API ssize_t coro_writev(int fd, const struct iovec *iov, int count, int64_t deadline);
CORO_API ssize_t coro_recv(int fd, void *buf, size_t n, int flags, int64_t deadline);
CORO_API ssize_t coro_send(int fd, const void *buf, size_t n, int flags, int64_t deadline);
CORO_API ssize_t coro_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, unsigned *length,
                               int64_t deadline);
CORO_API ssize_t coro_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, unsigned length,
                             int64_t deadline);

/**
 * Read until `n` bytes are there, the stream ends, or something goes wrong.
 *
 * @param fd, buf, n  as for coro_read()
 * @param deadline    until when to wait, for all of it
 * @return            how many bytes were read: fewer than `n` if the stream has ended, or if something went wrong after them, which
 *                    the next call will say; a negative errno value if there were none
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_read_full(int fd, void *buf, size_t n, int64_t deadline);

/**
 * Write all of `n` bytes.
 *
 * @param fd, buf, n  as for coro_write()
 * @param deadline    until when to wait, for all of it
 * @return            `n`; fewer if something went wrong after them, which the next call will say; a negative errno value if there were
 *                    none
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_write_all(int fd, const void *buf, size_t n, int64_t deadline);

/**
 * Wait until a descriptor is ready.
 *
 * @param fd        a descriptor
 * @param events    POLLIN, POLLOUT or both
 * @param deadline  until when to wait
 * @return          those of POLLIN, POLLOUT, POLLERR, POLLHUP, POLLRDHUP that are the case; a negative errno value
 *
 * Context: inside a task; with deadline 0 anywhere.
 */
CORO_API int coro_poll_fd(int fd, short events, int64_t deadline);

/**
 * Close a descriptor. Tasks that wait on it get -ECANCELED.
 *
 * @param fd        a descriptor
 * @param deadline  may be left out; closing does not wait
 * @return          0; -EBADF it is none; -EIO
 *
 * Context: anywhere on the thread that used it.
 */
CORO_API int coro_close(int fd, int64_t deadline);
#define CORO_CLOSE_(fd, deadline, ...) coro_close(fd, deadline)
#define coro_close(...)                CORO_CLOSE_(__VA_ARGS__, 0, 0)

/* ---- connections ---- */

/**
 * Take a connection off a listening socket: accept4(2), non-blocking and close-on-exec. Where descriptors have run out it waits a little
 * and tries again, so that a server gets over it.
 *
 * @param fd        a listening socket
 * @param peer      where the peer's address goes; may be NULL
 * @param length    as for accept(2)
 * @param deadline  until when to wait
 * @return          a descriptor; a negative errno value; -EMFILE or -ENFILE if that is what it waited for to the end
 *
 * Context:   inside a task; with deadline 0 anywhere.
 * Ownership: the descriptor is the caller's, to be given to coro_close().
 */
CORO_API int coro_accept(int fd, struct sockaddr *peer, unsigned *length, int64_t deadline);

/**
 * Connect a socket: connect(2).
 *
 * @param fd        a socket
 * @param to        the address to connect to
 * @param length    of the address: a socklen_t
 * @param deadline  until when to wait
 * @return          0, or a negative errno value
 *
 * Context: inside a task.
 */
CORO_API int coro_connect(int fd, const struct sockaddr *to, unsigned length, int64_t deadline);

/**
 * Listen for TCP connections.
 *
 * @param addr     "host:port", "[::1]:port"; ":port" for every address, IPv6 and IPv4 (IPv4 alone where there is no IPv6); host by
 *                 number or name; port 0: any
 * @param backlog  as for listen(2); 0 is SOMAXCONN
 * @return         a descriptor; -EINVAL `addr` cannot be read; -ENOENT there is no such host; what socket(2), bind(2) or listen(2) failed
 *                 with
 *
 * Context:   anywhere. A name other than "localhost" may block the thread.
 * Ownership: the descriptor is the caller's, to be given to coro_close().
 */
CORO_API int coro_tcp_listen(const char *addr, int backlog);

/**
 * Connect by TCP: look the host up, and try its addresses in turn, the next one 250 ms after the last or as soon as that has failed; the
 * first that answers is taken.
 *
 * @param addr      "host:port", "[::1]:port"
 * @param deadline  until when to wait
 * @return          a descriptor; -EINVAL `addr` cannot be read; -ENOENT there is no such host; what the last connect failed with
 *
 * Context:   inside a task.
 * Ownership: the descriptor is the caller's, to be given to coro_close().
 * Source:    RFC 8305, Happy Eyeballs.
 */
CORO_API int coro_tcp_dial(const char *addr, int64_t deadline);

/**
 * Listen for connections on this host, or make one: coro_tcp_listen() and coro_tcp_dial() with sockets of the Unix kind.
 *
 * @param path      of the socket in the file system; of the abstract kind if it begins with '@'
 * @param backlog   as for listen(2); 0 is SOMAXCONN
 * @param deadline  until when to wait
 * @return          a descriptor; -EINVAL `path` is NULL or too long; what the system failed with
 *
 * Context:   listening anywhere, connecting inside a task.
 * Ownership: the descriptor is the caller's, to be given to coro_close().
 */
CORO_API int coro_unix_listen(const char *path, int backlog);
CORO_API int coro_unix_dial(const char *path, int64_t deadline);

/**
 * Make a UDP socket that is bound to an address.
 *
 * @param addr  as for coro_tcp_listen()
 * @return      as coro_tcp_listen()
 *
 * Context:   anywhere. A name other than "localhost" may block the thread.
 * Ownership: the descriptor is the caller's, to be given to coro_close().
 */
CORO_API int coro_udp_bind(const char *addr);

/**
 * getaddrinfo(3), on a helper thread.
 *
 * @param node, service, hints, out  as for getaddrinfo(3)
 * @param deadline                   until when to wait
 * @return                           0; -ENOENT there is no such name; -EAGAIN it cannot be told now; -EINVAL, -ENOMEM; a negative errno
 *                                   value
 *
 * Context:   inside a task.
 * Ownership: `*out` is to be given to freeaddrinfo().
 */
CORO_API int coro_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                              struct addrinfo **out, int64_t deadline);

/* ---- files ---- */

/**
 * Calls on files: pread(2), pwrite(2), fsync(2), open(2). What is not in memory is read on a helper thread, and so is done what blocks.
 *
 * @param fd           a file
 * @param buf, n       from where or to where, and how many bytes
 * @param at           offset in the file
 * @param path         of the file
 * @param flags, mode  as for open(2)
 * @param deadline     until when to wait
 * @return             as the POSIX call; a negative errno value
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_pread(int fd, void *buf, size_t n, off_t at, int64_t deadline);
CORO_API ssize_t coro_pwrite(int fd, const void *buf, size_t n, off_t at, int64_t deadline);
CORO_API int coro_fsync(int fd, int64_t deadline);
CORO_API int coro_open(const char *path, int flags, mode_t mode, int64_t deadline);

/* ---- everything else that blocks ---- */

/**
 * Call `fn(arg)` on a helper thread, and wait for it. There are at most 8 of these threads; calls beyond that wait for one.
 *
 * @param fn        what to call. It must not use tasks.
 * @param arg       its argument
 * @param result    where what it returns goes; may be NULL
 * @param deadline  until when to wait
 * @return          0; -EINVAL `fn` is NULL; -ENOMEM, -EAGAIN there is no thread; -ETIMEDOUT, -ECANCELED: if it had begun, it goes on all
 *                  the same, with `arg`, and what it returns is dropped
 *
 * Context: inside a task.
 */
CORO_API int coro_offload(coro_fn *fn, void *arg, void **result, int64_t deadline);

/**
 * Wait for a signal, which is blocked in the calling thread from then on: sigwait(3).
 *
 * @param signo     for which; other threads have to block it, too (pthread_sigmask())
 * @param deadline  until when to wait
 * @return          `signo`; -EINVAL there is no such signal, or it cannot be blocked; a negative errno value
 *
 * Context: inside a task.
 */
CORO_API int coro_wait_signal(int signo, int64_t deadline);

/**
 * Wait for a child process to end: waitpid(2).
 *
 * @param pid       a child
 * @param status    where its status goes; may be NULL
 * @param deadline  until when to wait
 * @return          `pid`; -ECHILD it is no child of this process; a negative errno value
 *
 * Context: inside a task.
 */
CORO_API int coro_wait_pid(pid_t pid, int *status, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
