/*
 * Examples for coro/io.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* coro_read coro_write_all coro_close */
static void *serve(void *arg)
{
    int fd = *(int *)arg;
    char buf[512];
    ssize_t n;

    while ((n = coro_read(fd, buf, sizeof buf, coro_after(CORO_S(30)))) > 0)
        if (coro_write_all(fd, buf, (size_t)n, CORO_FOREVER) < n)
            break;
    coro_close(fd);
    return NULL;
}

/* coro_write */
static ssize_t write_some(int fd, const char *text)
{
    return coro_write(fd, text, strlen(text), CORO_FOREVER); /* may be fewer than asked for */
}

/* coro_readv coro_writev */
static ssize_t copy_record(int from, int to)
{
    char head[16], body[4096];
    struct iovec iov[] = {{head, sizeof head}, {body, sizeof body}};
    ssize_t n = coro_readv(from, iov, 2, CORO_FOREVER);

    if (n <= (ssize_t)sizeof head)
        return n;
    iov[1].iov_len = (size_t)n - sizeof head;
    return coro_writev(to, iov, 2, CORO_FOREVER);
}

/* coro_recv coro_send */
static ssize_t answer_urgently(int fd)
{
    char byte;
    ssize_t n = coro_recv(fd, &byte, 1, MSG_PEEK, CORO_FOREVER); /* the byte stays there */

    return n <= 0 ? n : coro_send(fd, &byte, 1, MSG_OOB, CORO_FOREVER);
}

/* coro_udp_bind coro_recvfrom coro_sendto */
static int echo_datagrams(const char *address)
{
    int fd = coro_udp_bind(address);
    struct sockaddr_storage peer;
    ssize_t n = fd;
    char buf[1500];

    while (n >= 0) {
        socklen_t length = sizeof peer;

        n = coro_recvfrom(fd, buf, sizeof buf, 0, (struct sockaddr *)&peer, &length, CORO_FOREVER);
        if (n >= 0)
            n = coro_sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&peer, length, CORO_FOREVER);
    }
    if (fd >= 0)
        coro_close(fd);
    return (int)n;
}

/* coro_read_full */
static int read_header(int fd, unsigned char header[8])
{
    ssize_t n = coro_read_full(fd, header, 8, coro_after(CORO_S(1)));

    return n == 8 ? 0 : n < 0 ? (int)n : -EPROTO; /* fewer: the stream has ended */
}

/* coro_poll_fd */
static int has_input(int fd)
{
    return coro_poll_fd(fd, POLLIN, 0) > 0;
}

/* coro_tcp_listen coro_accept */
static int accept_all(const char *address)
{
    int listener = coro_tcp_listen(address, 0);
    int fd = listener;

    while (fd >= 0) {
        fd = coro_accept(listener, NULL, NULL, CORO_FOREVER);
        if (fd >= 0)
            coro_close(fd);
    }
    if (listener >= 0)
        coro_close(listener);
    return fd; /* -ECANCELED, when the server is to end */
}

/* coro_connect */
static int connect_to(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    int err = fd < 0 ? -errno : coro_connect(fd, to->ai_addr, to->ai_addrlen, coro_after(CORO_S(3)));

    if (err < 0 && fd >= 0)
        coro_close(fd);
    return err < 0 ? err : fd;
}

/* coro_tcp_dial */
static int dial_web_server(void)
{
    return coro_tcp_dial("localhost:80", coro_after(CORO_S(3)));
}

/* coro_unix_listen coro_unix_dial */
static int connect_to_self(int fd[2])
{
    int listener = coro_unix_listen("@example", 1);

    if (listener < 0)
        return listener;
    fd[0] = coro_unix_dial("@example", CORO_FOREVER);
    fd[1] = fd[0] < 0 ? fd[0] : coro_accept(listener, NULL, NULL, CORO_FOREVER);
    coro_close(listener);
    return fd[1] < 0 ? fd[1] : 0;
}

/* coro_getaddrinfo */
static int is_known(const char *host)
{
    struct addrinfo *found;
    int err = coro_getaddrinfo(host, NULL, NULL, &found, coro_after(CORO_S(5)));

    if (err == 0)
        freeaddrinfo(found);
    return err;
}

/* coro_open coro_pread */
static ssize_t read_beginning(const char *path, char *buf, size_t n)
{
    int fd = coro_open(path, O_RDONLY | O_CLOEXEC, 0, CORO_FOREVER);

    if (fd < 0)
        return fd;
    ssize_t got = coro_pread(fd, buf, n, 0, CORO_FOREVER);
    coro_close(fd);
    return got;
}

/* coro_pwrite coro_fsync */
static int store(int fd, const void *record, size_t size, off_t at)
{
    ssize_t n = coro_pwrite(fd, record, size, at, CORO_FOREVER);

    return n < 0 ? (int)n : coro_fsync(fd, CORO_FOREVER);
}

static void *long_computation(void *arg)
{
    return arg;
}

/* coro_offload */
static int compute_elsewhere(void *problem, void **solution)
{
    return coro_offload(long_computation, problem, solution, CORO_FOREVER); /* other tasks run meanwhile */
}

/* coro_wait_signal */
static void *stop_on_interrupt(void *server)
{
    if (coro_wait_signal(SIGINT, CORO_FOREVER) == SIGINT)
        coro_cancel(server);
    return NULL;
}

/* coro_wait_pid */
static int run_program(char *const argv[])
{
    int status, err;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    err = pid < 0 ? -errno : coro_wait_pid(pid, &status, CORO_FOREVER);
    return err < 0 ? err : status;
}
