/*
 * Sockets, pipes and files for tasks: what the calls return, what they wait for, and what ends the waiting.
 *
 * Time is real here, and short. Bodies note what they see; tests assert what was noted.
 */
#include "support/test.h"

#include <coro/io.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024, MIB = KIB * KIB };

/* ---- notes ---- */

static long noted[64];
static size_t notes;

static void note(long value)
{
    if (notes < sizeof noted / sizeof noted[0])
        noted[notes++] = value;
}

static void assert_noted(const long *expected, size_t n, int line)
{
    bool same = n == notes;

    for (size_t i = 0; same && i < n; i++)
        same = noted[i] == expected[i];
    if (same)
        return;
    for (size_t i = 0; i < notes || i < n; i++)
        print_error("%zu: %ld, expected %ld\n", i, i < notes ? noted[i] : -9999, i < n ? expected[i] : -9999);
    _fail(__FILE__, line);
}

#define ASSERT_NOTED(...)                                                                                              \
    assert_noted((const long[]){__VA_ARGS__}, sizeof((const long[]){__VA_ARGS__}) / sizeof(long), __LINE__)

/* Run a first task; what it and its children note is what is listed. */
#define RUNS_WITH(opts, fn, arg, ...)                                                                                  \
    do {                                                                                                               \
        notes = 0;                                                                                                     \
        assert_int_equal(coro_run(fn, arg, NULL, opts), 0);                                                            \
        ASSERT_NOTED(__VA_ARGS__);                                                                                     \
    } while (0)
#define RUNS(fn, ...) RUNS_WITH(NULL, fn, NULL, __VA_ARGS__)

static int64_t soon(void)
{
    return coro_after(CORO_MS(3));
}

static coro_task_t *spawned(coro_fn *fn, void *arg)
{
    coro_task_t *t = NULL;
    int err = coro_spawn(&t, fn, arg, NULL);

    if (err != 0)
        note(err);
    return t;
}

/* ---- descriptors ---- */

static void make_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        note(-errno);
}

static void make_pipe(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC) != 0)
        note(-errno);
}

static void close_both(const int fds[2])
{
    coro_close(fds[0]);
    coro_close(fds[1]);
}

/* "host:port" of a socket. */
static const char *named(const char *host, int fd)
{
    static char text[64];
    struct sockaddr_storage at;
    socklen_t length = sizeof at;

    getsockname(fd, (struct sockaddr *)&at, &length);
    snprintf(text, sizeof text, "%s:%d", host,
             ntohs(((struct sockaddr_in *)&at)->sin_port)); /* at the same place in IPv6 */
    return text;
}

/* Both ends of a TCP connection. */
static void connect_pair(int fds[2])
{
    int listener = coro_tcp_listen("127.0.0.1:0", 0);

    fds[0] = coro_tcp_dial(named("127.0.0.1", listener), coro_after(CORO_S(5)));
    fds[1] = coro_accept(listener, NULL, NULL, coro_after(CORO_S(5)));
    coro_close(listener);
    if (fds[0] < 0 || fds[1] < 0)
        note(fds[0] < 0 ? fds[0] : fds[1]);
}

/* Write until there is no room; how much there was. */
static size_t stuff(int fd)
{
    static const char much[4 * KIB];
    size_t sum = 0;
    ssize_t n;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    while ((n = write(fd, much, sizeof much)) > 0)
        sum += (size_t)n;
    return sum;
}

static char directory[] = "/tmp/coro-io-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static bool has_ipv6(void)
{
    int fd = coro_tcp_listen("[::1]:0", 0);

    return fd >= 0 && coro_close(fd) == 0;
}

/* ---- echo ---- */

/* Where the client reads and writes, and the server. */
struct link {
    int client_in, client_out, server_in, server_out;
};

enum kind { TCP, UNIX, ABSTRACT, PAIR, PIPES, KINDS };

static struct link from_pair(const int fds[2])
{
    return (struct link){fds[0], fds[0], fds[1], fds[1]};
}

static struct link unix_link(const char *path)
{
    int fds[2], listener = coro_unix_listen(path, 4);

    fds[0] = coro_unix_dial(path, soon());
    fds[1] = coro_accept(listener, NULL, NULL, soon());
    coro_close(listener);
    unlink(path);
    return from_pair(fds);
}

static struct link make_link(enum kind kind)
{
    int there[2], back[2];
    char name[64];

    switch (kind) {
    case TCP:
        connect_pair(there);
        return from_pair(there);
    case UNIX:
        return unix_link(path_of("echo"));
    case ABSTRACT:
        snprintf(name, sizeof name, "@coro-io-%d", (int)getpid());
        return unix_link(name);
    case PAIR:
        make_pair(there);
        return from_pair(there);
    default:
        make_pipe(there);
        make_pipe(back);
        return (struct link){back[0], there[1], there[0], back[1]};
    }
}

static void close_side(int in, int out)
{
    coro_close(in);
    if (out != in)
        coro_close(out);
}

static void *echoes(void *arg)
{
    const struct link *l = arg;
    char buf[3000];
    ssize_t n;

    while ((n = coro_read(l->server_in, buf, sizeof buf, CORO_FOREVER)) > 0)
        if (coro_write_all(l->server_out, buf, (size_t)n, CORO_FOREVER) != n)
            note(-1);
    if (n < 0)
        note(n);
    close_side(l->server_in, l->server_out);
    return NULL;
}

static unsigned char *sent, *came_back;
static size_t echo_size;

static void *sends(void *arg)
{
    const struct link *l = arg;

    note(coro_write_all(l->client_out, sent, echo_size, CORO_FOREVER) == (ssize_t)echo_size);
    if (l->client_in != l->client_out)
        coro_close(l->client_out);
    else
        shutdown(l->client_out, SHUT_WR);
    return NULL;
}

static bool reads_slowly;

static ssize_t read_back(int fd)
{
    size_t done = 0;
    ssize_t n = 1;

    if (!reads_slowly)
        return coro_read_full(fd, came_back, echo_size, CORO_FOREVER);
    while (done < echo_size && n > 0) {
        size_t part = echo_size - done < 10000 ? echo_size - done : 10000;

        coro_sleep(CORO_US(20));
        n = coro_read(fd, came_back + done, part, CORO_FOREVER);
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

static void *echo_client(void *kind)
{
    struct link l = make_link((enum kind)(intptr_t)kind);
    coro_task_t *server = spawned(echoes, &l), *sender = spawned(sends, &l);
    char more;

    note(read_back(l.client_in) == (ssize_t)echo_size);
    note(memcmp(sent, came_back, echo_size) == 0);
    note(coro_read(l.client_in, &more, 1, CORO_FOREVER));
    coro_join(sender, NULL, CORO_FOREVER);
    coro_join(server, NULL, CORO_FOREVER);
    coro_close(l.client_in);
    return NULL;
}

static void echo_all_kinds(size_t size)
{
    echo_size = size;
    sent = malloc(size);
    came_back = calloc(1, size);
    for (size_t i = 0; i < size; i++)
        sent[i] = (unsigned char)random64();
    for (intptr_t kind = 0; kind < KINDS; kind++) {
        memset(came_back, 0, size);
        RUNS_WITH(NULL, echo_client, (void *)kind, 1, 1, 1, 0);
    }
    free(sent);
    free(came_back);
}

static void a_mebibyte_comes_back_intact_over_every_kind_of_stream(void **state)
{
    (void)state;
    reads_slowly = false;
    echo_all_kinds(MIB);
}

static void a_slow_reader_holds_the_writers_up_and_loses_nothing(void **state)
{
    (void)state;
    reads_slowly = true;
    echo_all_kinds(under_emulator() || under_valgrind() ? 300 * KIB : MIB);
}

static void *udp(void *arg)
{
    int a = coro_udp_bind("127.0.0.1:0"), b = coro_udp_bind("127.0.0.1:0");
    struct sockaddr_in to, from;
    socklen_t length = sizeof to, from_length = sizeof from;
    char buf[16];

    (void)arg;
    getsockname(b, (struct sockaddr *)&to, &length);
    note(coro_sendto(a, "ping", 4, 0, (struct sockaddr *)&to, length, CORO_FOREVER));
    note(coro_sendto(a, "", 0, 0, (struct sockaddr *)&to, length, CORO_FOREVER));
    note(coro_sendto(a, "xyz", 3, 0, (struct sockaddr *)&to, length, CORO_FOREVER));
    note(coro_recvfrom(b, buf, sizeof buf, 0, (struct sockaddr *)&from, &from_length, CORO_FOREVER));
    note(coro_recv(b, buf, sizeof buf, 0, CORO_FOREVER));
    note(coro_recv(b, buf, sizeof buf, 0, CORO_FOREVER));
    note(coro_sendto(b, "pong!", 5, 0, (struct sockaddr *)&from, from_length, CORO_FOREVER));
    note(coro_read(a, buf, sizeof buf, CORO_FOREVER));
    note(coro_recv(a, buf, sizeof buf, 0, soon()));
    coro_close(a);
    coro_close(b);
    return NULL;
}

static void datagrams_go_there_and_back(void **state)
{
    (void)state;
    RUNS(udp, 4, 0, 3, 4, 0, 3, 5, 5, -ETIMEDOUT);
}

/* ---- results ---- */

static void *vectors(void *arg)
{
    int fds[2];
    char a[3] = "", b[4] = "";
    const struct iovec out[] = {{(void *)(uintptr_t) "he", 2}, {NULL, 0}, {(void *)(uintptr_t) "llo", 3}};
    const struct iovec in[] = {{a, 2}, {b, 3}};
    const struct iovec too_much[] = {{a, SIZE_MAX / 2}, {b, SIZE_MAX / 2}};

    (void)arg;
    make_pair(fds);
    note(coro_writev(fds[0], out, 3, CORO_FOREVER));
    note(coro_readv(fds[1], in, 2, CORO_FOREVER));
    note(strcmp(a, "he") == 0 && strcmp(b, "llo") == 0);
    note(coro_readv(fds[1], in, -1, CORO_FOREVER));
    note(coro_readv(fds[1], in, 1 << 20, CORO_FOREVER));
    note(coro_writev(fds[1], NULL, 1, CORO_FOREVER));
    note(coro_writev(fds[1], too_much, 2, CORO_FOREVER));
    close_both(fds);
    make_pipe(fds); /* no socket */
    note(coro_writev(fds[1], out, 3, CORO_FOREVER));
    note(coro_readv(fds[0], in, 2, CORO_FOREVER));
    close_both(fds);
    return NULL;
}

static void vectors_are_gathered_and_scattered(void **state)
{
    (void)state;
    RUNS(vectors, 5, 5, 1, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 5, 5);
}

static void *parts(void *arg)
{
    int fds[2];
    char buf[16];

    (void)arg;
    make_pair(fds);
    coro_write(fds[0], "abcdef", 6, 0);
    note(coro_read(fds[1], buf, 4, CORO_FOREVER));
    note(coro_read(fds[1], buf, 16, CORO_FOREVER));
    coro_write(fds[0], "abc", 3, 0);
    note(coro_read_full(fds[1], buf, 5, soon())); /* the deadline: what was there is not lost */
    note(coro_read_full(fds[1], buf, 5, soon()));
    note(coro_read_full(fds[1], buf, 0, CORO_FOREVER));
    note(coro_write_all(fds[1], buf, 0, CORO_FOREVER));
    coro_write(fds[0], "xy", 2, 0);
    coro_close(fds[0]);
    note(coro_read_full(fds[1], buf, 5, CORO_FOREVER)); /* the end */
    note(coro_read_full(fds[1], buf, 5, CORO_FOREVER));
    coro_close(fds[1]);
    return NULL;
}

static void what_was_transferred_is_returned_before_what_went_wrong(void **state)
{
    (void)state;
    RUNS(parts, 4, 2, 3, -ETIMEDOUT, 0, 0, 2, 0);
}

static void *writes_into_the_void(void *arg)
{
    static char much[MIB];
    int fds[2];
    ssize_t n;

    (void)arg;
    make_pair(fds);
    n = coro_write_all(fds[0], much, sizeof much, soon());
    note(n > 0 && n < MIB);
    note(coro_write_all(fds[0], much, sizeof much, soon()));
    close_both(fds);
    return NULL;
}

static void a_write_of_everything_says_how_far_it_came(void **state)
{
    (void)state;
    RUNS(writes_into_the_void, 1, -ETIMEDOUT);
}

static void *gone(void *arg)
{
    static const struct linger at_once = {.l_onoff = 1};
    struct iovec iov = {(void *)(uintptr_t) "x", 1};
    int fds[2];
    char buf[4];

    (void)arg;
    make_pair(fds);
    coro_close(fds[0]);
    note(coro_write(fds[1], "x", 1, CORO_FOREVER));
    note(coro_writev(fds[1], &iov, 1, CORO_FOREVER));
    note(coro_send(fds[1], "x", 1, 0, CORO_FOREVER));
    note(coro_write_all(fds[1], "x", 1, CORO_FOREVER));
    note(coro_read(fds[1], buf, 4, CORO_FOREVER));
    coro_close(fds[1]);

    connect_pair(fds);
    setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    coro_close(fds[0]);
    note(coro_read(fds[1], buf, 4, CORO_FOREVER));
    note(coro_write(fds[1], "x", 1, CORO_FOREVER));
    coro_close(fds[1]);
    return NULL;
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
    (void)state; /* SIGPIPE is as ever: it would end this program */
    RUNS(gone, -EPIPE, -EPIPE, -EPIPE, -EPIPE, 0, -ECONNRESET, -EPIPE);
}

static void *resets(void *arg)
{
    static const struct linger at_once = {.l_onoff = 1};
    int fd = (int)(intptr_t)arg;

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    coro_close(fd);
    return NULL;
}

static void *reset_while_waiting(void *arg)
{
    coro_task_t *t;
    int fds[2];
    char buf[4];

    (void)arg;
    connect_pair(fds);
    t = spawned(resets, (void *)(intptr_t)fds[0]);
    note(coro_read(fds[1], buf, 4, CORO_FOREVER));
    coro_join(t, NULL, CORO_FOREVER);
    coro_close(fds[1]);
    return NULL;
}

static void a_reset_wakes_who_waits(void **state)
{
    (void)state;
    RUNS(reset_while_waiting, -ECONNRESET);
}

static void *no_descriptors(void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    struct iovec iov = {NULL, 0};
    char buf[4];

    (void)arg;
    for (int i = 0; i < 4; i++) {
        int fd = i == 0 ? -1 : i == 1 ? 19999 : i == 2 ? INT32_MAX : INT32_MIN;

        note(coro_read(fd, buf, 1, CORO_FOREVER));
        note(coro_write(fd, buf, 1, i % 2 ? 0 : CORO_FOREVER));
        note(coro_readv(fd, &iov, 1, CORO_FOREVER));
        note(coro_recv(fd, buf, 1, 0, CORO_FOREVER));
        note(coro_send(fd, buf, 1, 0, CORO_FOREVER));
        note(coro_poll_fd(fd, POLLIN, CORO_FOREVER));
        note(coro_accept(fd, NULL, NULL, CORO_FOREVER));
        note(coro_connect(fd, (struct sockaddr *)&at, sizeof at, CORO_FOREVER));
        note(coro_close(fd));
        note(coro_pread(fd, buf, 1, 0, CORO_FOREVER));
        note(coro_fsync(fd, CORO_FOREVER));
    }
    return NULL;
}

static void a_bad_descriptor_is_said_to_be_bad(void **state)
{
    (void)state;
    notes = 0;
    assert_int_equal(coro_run(no_descriptors, NULL, NULL, NULL), 0);
    assert_int_equal(notes, 44);
    for (size_t i = 0; i < notes; i++)
        assert_int_equal(noted[i], -EBADF);
}

static void *offloaded(void *arg)
{
    return (void *)((uintptr_t)arg + 1);
}

static void outside_a_task_calls_do_not_wait(void **state)
{
    struct sockaddr_un {
        short family;
    } at = {AF_UNIX};
    struct addrinfo *found = NULL;
    struct iovec iov;
    int fds[2];
    char buf[4];
    (void)state;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    iov = (struct iovec){buf, 1};
    assert_int_equal(coro_read(fds[0], buf, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_write(fds[0], "x", 1, 1), -EPERM);
    assert_int_equal(coro_readv(fds[0], &iov, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_writev(fds[0], &iov, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_recv(fds[0], buf, 1, 0, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_send(fds[0], buf, 1, 0, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_read_full(fds[0], buf, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_write_all(fds[0], buf, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_poll_fd(fds[0], POLLOUT, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_accept(fds[0], NULL, NULL, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_connect(fds[0], (struct sockaddr *)&at, sizeof at, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_tcp_dial("127.0.0.1:1", CORO_FOREVER), -EPERM);
    assert_int_equal(coro_unix_dial("/nowhere", CORO_FOREVER), -EPERM);
    assert_int_equal(coro_offload(offloaded, NULL, NULL, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_getaddrinfo("127.0.0.1", NULL, NULL, &found, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_pread(fds[0], buf, 1, 0, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_pwrite(fds[0], buf, 1, 0, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_fsync(fds[0], CORO_FOREVER), -EPERM);
    assert_int_equal(coro_open("/dev/null", O_RDONLY, 0, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_wait_signal(SIGUSR1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_wait_pid(1, NULL, CORO_FOREVER), -EPERM);

    assert_int_equal(coro_read(fds[0], buf, 1, 0), -EAGAIN);
    assert_int_equal(coro_poll_fd(fds[0], POLLIN, 0), -EAGAIN);
    assert_int_equal(coro_poll_fd(fds[0], POLLOUT, 0), POLLOUT);
    assert_int_equal(coro_write(fds[1], "x", 1, 0), 1);
    assert_int_equal(coro_poll_fd(fds[0], POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
    assert_int_equal(coro_read_full(fds[0], buf, 2, 0), 1);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(coro_offload(offloaded, NULL, NULL, 0), -EAGAIN);
    assert_int_equal(coro_close(fds[0]), 0);
    assert_int_equal(coro_close(fds[0]), -EBADF);
    assert_int_equal(coro_close(fds[1], CORO_FOREVER), 0);
}

static void *given_as_it_is(void *arg)
{
    int fds[2];
    char buf[4];

    (void)arg;
    make_pipe(fds);
    note(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    note(coro_read(fds[0], buf, 1, soon()));
    note(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    close_both(fds);
    return NULL;
}

static void a_blocking_descriptor_is_made_non_blocking(void **state)
{
    (void)state;
    RUNS(given_as_it_is, 0, -ETIMEDOUT, O_NONBLOCK);
}

/* ---- what is not drained by a short read ---- */

/* Its events come from now on, and those of what is written are looked at before it is read. */
static void write_and_look(int from, int to, const char *text)
{
    if (coro_write(from, text, strlen(text), CORO_FOREVER) != (ssize_t)strlen(text))
        note(-1);
    if (coro_poll_fd(to, POLLIN, soon()) != POLLIN)
        note(-2);
    coro_sleep(CORO_US(200));
}

static void *short_reads(void *arg)
{
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    int fds[2], slave;
    char buf[64];

    (void)arg;
    for (int i = 0; i < 3; i++) {
        if (i == 2 ? pipe2(fds, O_DIRECT | O_CLOEXEC) : socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, fds))
            note(-errno);
        note(coro_read(fds[0], buf, 1, soon()));
        write_and_look(fds[1], fds[0], "ab");
        write_and_look(fds[1], fds[0], "c");
        note(coro_read(fds[0], buf, sizeof buf, CORO_FOREVER));
        note(coro_read(fds[0], buf, sizeof buf, soon()));
        close_both(fds);
    }
    fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (grantpt(fds[0]) != 0 || unlockpt(fds[0]) != 0)
        note(-errno);
    slave = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    note(coro_read(slave, buf, 1, soon()));
    write_and_look(fds[0], slave, "one\ntwo\n");
    note(coro_read(slave, buf, sizeof buf, CORO_FOREVER)); /* a line at a time */
    note(coro_read(slave, buf, sizeof buf, soon()));
    coro_close(slave);
    coro_close(fds[0]);
    return NULL;
}

static void packets_and_lines_of_a_terminal_do_not_look_drained(void **state)
{
    (void)state;
    RUNS(short_reads, -ETIMEDOUT, 2, 1, -ETIMEDOUT, 2, 1, -ETIMEDOUT, 2, 1, -ETIMEDOUT, 4, 4);
}

static void *looks_first(void *arg)
{
    int fds[2];
    char buf[16];

    (void)arg;
    connect_pair(fds);
    note(coro_write(fds[1], "hello", 5, CORO_FOREVER));
    note(coro_recv(fds[0], buf, sizeof buf, MSG_PEEK, CORO_FOREVER));
    note(coro_recv(fds[0], buf, sizeof buf, MSG_PEEK, soon()));
    note(coro_read(fds[0], buf, sizeof buf, soon()));
    note(coro_recv(fds[0], buf, sizeof buf, MSG_PEEK, soon()));
    close_both(fds);
    return NULL;
}

static void what_was_only_looked_at_is_still_there(void **state)
{
    (void)state;
    RUNS(looks_first, 5, 5, 5, 5, -ETIMEDOUT);
}

/* A read of TCP stops at urgent data, which is short, too. */
static void *urgent(void *arg)
{
    int fds[2];
    char buf[16];

    (void)arg;
    connect_pair(fds);
    note(coro_poll_fd(fds[0], POLLIN, soon()));
    note(coro_send(fds[1], "ab", 2, 0, CORO_FOREVER));
    note(coro_send(fds[1], "!", 1, MSG_OOB, CORO_FOREVER));
    note(coro_send(fds[1], "cde", 3, 0, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER) & POLLIN);
    coro_sleep(CORO_MS(1)); /* the event is looked at */
    note(coro_read(fds[0], buf, sizeof buf, CORO_FOREVER));
    note(coro_read(fds[0], buf, sizeof buf, coro_after(CORO_MS(50))));
    note(coro_recv(fds[0], buf, sizeof buf, MSG_OOB, 0) < 0); /* it is behind */
    close_both(fds);
    return NULL;
}

static void urgent_data_does_not_hide_what_comes_after_it(void **state)
{
    (void)state;
    RUNS(urgent, -ETIMEDOUT, 2, 1, 3, POLLIN, 2, 3, 1);
}

static void *says_and_leaves(void *arg)
{
    int fd = (int)(intptr_t)arg;

    note(send(fd, "bye", 3, MSG_NOSIGNAL));
    close(fd);
    return NULL;
}

/* Before anybody waits, while somebody does, and with something between them. */
static void *data_and_end(void *arg)
{
    coro_task_t *t;
    int fds[2];
    char buf[16];

    (void)arg;
    for (int when = 0; when < 4; when++) {
        connect_pair(fds);
        if (when == 2)
            note(coro_read(fds[0], buf, 16, soon()));
        t = when != 1 ? spawned(says_and_leaves, (void *)(intptr_t)fds[1]) : NULL;
        if (when == 0 || when == 2)
            coro_sleep(CORO_MS(1));
        if (when == 1)
            says_and_leaves((void *)(intptr_t)fds[1]);
        note(coro_read(fds[0], buf, 16, CORO_FOREVER));
        note(coro_read(fds[0], buf, 16, coro_after(CORO_MS(100))));
        note(coro_read(fds[0], buf, 16, coro_after(CORO_MS(100))));
        if (t != NULL)
            coro_join(t, NULL, CORO_FOREVER);
        coro_close(fds[0]);
    }
    return NULL;
}

static void data_and_the_end_may_come_together(void **state)
{
    (void)state;
    RUNS(data_and_end, 3, 3, 0, 0, 3, 3, 0, 0, -ETIMEDOUT, 3, 3, 0, 0, 3, 3, 0, 0);
}

/* ---- every place where a call waits, and everything that ends the waiting ---- */

/* What a call finds so that it has to wait. */
enum obstacle { EMPTY, FULL, QUIET, DEAF, NEITHER };

struct obstacle_fds {
    int fd, other, more[8];
    size_t count;
};

static void make_deaf(struct obstacle_fds *o)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;

    /* its queue is full: who connects gets no answer */
    o->other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(o->other, (struct sockaddr *)&at, sizeof at) != 0 || listen(o->other, 0) != 0)
        note(-errno);
    getsockname(o->other, (struct sockaddr *)&at, &length);
    while (o->count < 3) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        o->more[o->count++] = fd;
        (void)!connect(fd, (struct sockaddr *)&at, sizeof at);
    }
    coro_sleep(CORO_MS(1));
    o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static struct obstacle_fds put_up(enum obstacle obstacle)
{
    struct obstacle_fds o = {.fd = -1, .other = -1};
    int fds[2];

    switch (obstacle) {
    case EMPTY:
    case FULL:
        make_pair(fds);
        o.fd = fds[0];
        o.other = fds[1];
        if (obstacle == FULL)
            stuff(o.fd);
        break;
    case QUIET:
        o.fd = coro_tcp_listen("127.0.0.1:0", 0);
        break;
    case DEAF:
        make_deaf(&o);
        break;
    default:
        break;
    }
    return o;
}

static void take_down(const struct obstacle_fds *o)
{
    if (o->fd >= 0)
        coro_close(o->fd); /* it may be closed already */
    if (o->other >= 0)
        close(o->other);
    for (size_t i = 0; i < o->count; i++)
        close(o->more[i]);
}

static struct obstacle_fds *obstacle_now;

static ssize_t p_read(int fd, int64_t deadline)
{
    char c;

    return coro_read(fd, &c, 1, deadline);
}

static ssize_t p_readv(int fd, int64_t deadline)
{
    char c;
    const struct iovec iov = {&c, 1};

    return coro_readv(fd, &iov, 1, deadline);
}

static ssize_t p_recv(int fd, int64_t deadline)
{
    char c;

    return coro_recv(fd, &c, 1, 0, deadline);
}

static ssize_t p_recvfrom(int fd, int64_t deadline)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    char c;

    return coro_recvfrom(fd, &c, 1, MSG_PEEK, (struct sockaddr *)&from, &length, deadline);
}

static ssize_t p_read_full(int fd, int64_t deadline)
{
    char c[2];

    return coro_read_full(fd, c, 2, deadline);
}

static ssize_t p_write(int fd, int64_t deadline)
{
    return coro_write(fd, "x", 1, deadline);
}

static ssize_t p_writev(int fd, int64_t deadline)
{
    const struct iovec iov = {(void *)(uintptr_t) "x", 1};

    return coro_writev(fd, &iov, 1, deadline);
}

static ssize_t p_send(int fd, int64_t deadline)
{
    return coro_send(fd, "x", 1, 0, deadline);
}

static ssize_t p_sendto(int fd, int64_t deadline)
{
    return coro_sendto(fd, "x", 1, 0, NULL, 0, deadline);
}

static ssize_t p_write_all(int fd, int64_t deadline)
{
    return coro_write_all(fd, "xy", 2, deadline);
}

static ssize_t p_poll_in(int fd, int64_t deadline)
{
    return coro_poll_fd(fd, POLLIN, deadline);
}

static ssize_t p_poll_out(int fd, int64_t deadline)
{
    return coro_poll_fd(fd, POLLOUT, deadline);
}

static ssize_t p_accept(int fd, int64_t deadline)
{
    return coro_accept(fd, NULL, NULL, deadline);
}

static ssize_t p_connect(int fd, int64_t deadline)
{
    struct sockaddr_in at;
    socklen_t length = sizeof at;

    getsockname(obstacle_now->other, (struct sockaddr *)&at, &length);
    return coro_connect(fd, (struct sockaddr *)&at, length, deadline);
}

static ssize_t p_dial(int fd, int64_t deadline)
{
    (void)fd;
    return coro_tcp_dial(named("127.0.0.1", obstacle_now->other), deadline);
}

static ssize_t p_dial_by_name(int fd, int64_t deadline)
{
    (void)fd;
    return coro_tcp_dial(named("localhost", obstacle_now->other), deadline);
}

static ssize_t p_signal(int fd, int64_t deadline)
{
    (void)fd;
    return coro_wait_signal(SIGUSR2, deadline);
}

static pid_t child_pid;

static ssize_t p_pid(int fd, int64_t deadline)
{
    (void)fd;
    return coro_wait_pid(child_pid, NULL, deadline);
}

static void *dawdles(void *arg)
{
    usleep(30000);
    return arg;
}

static ssize_t p_offload(int fd, int64_t deadline)
{
    (void)fd;
    return coro_offload(dawdles, NULL, NULL, deadline);
}

static const struct point {
    const char *name;
    enum obstacle obstacle;
    ssize_t (*call)(int fd, int64_t deadline);
    bool no_close; /* it waits on no descriptor that could be closed */
} points[] = {
    {"read", EMPTY, p_read, false},
    {"readv", EMPTY, p_readv, false},
    {"recv", EMPTY, p_recv, false},
    {"recvfrom", EMPTY, p_recvfrom, false},
    {"read_full", EMPTY, p_read_full, false},
    {"poll_fd for input", EMPTY, p_poll_in, false},
    {"write", FULL, p_write, false},
    {"writev", FULL, p_writev, false},
    {"send", FULL, p_send, false},
    {"sendto", FULL, p_sendto, false},
    {"write_all", FULL, p_write_all, false},
    {"poll_fd for output", FULL, p_poll_out, false},
    {"accept", QUIET, p_accept, false},
    {"connect", DEAF, p_connect, false},
    {"tcp_dial", DEAF, p_dial, true},
    {"tcp_dial by name", DEAF, p_dial_by_name, true},
    {"wait_signal", NEITHER, p_signal, true},
    {"wait_pid", NEITHER, p_pid, true},
    {"offload", NEITHER, p_offload, true},
};

enum { POINTS = sizeof points / sizeof points[0] };

enum ending { AT_ONCE, PASSED, IN_TIME, CANCELLED_BEFORE, CANCELLED, CLOSED, BOTH, ENDINGS };

static const struct point *point_now;
static enum ending ending_now;

static void *waits_there(void *arg)
{
    int64_t before = coro_now();
    int64_t deadline = ending_now == AT_ONCE   ? 0
                       : ending_now == PASSED  ? 1
                       : ending_now == IN_TIME ? before + CORO_MS(2)
                                               : CORO_FOREVER;
    ssize_t n;

    (void)arg;
    n = point_now->call(obstacle_now->fd, deadline);
    if (ending_now == IN_TIME && coro_now() < deadline)
        note(-1);
    note(n);
    return NULL;
}

static void *one_ending(void *arg)
{
    struct obstacle_fds o = put_up(point_now->obstacle);
    coro_task_t *t;

    (void)arg;
    obstacle_now = &o;
    t = spawned(waits_there, NULL);
    if (ending_now == CANCELLED_BEFORE)
        coro_cancel(t);
    if (ending_now == CANCELLED || ending_now == CLOSED || ending_now == BOTH)
        coro_sleep(CORO_US(300));
    if (ending_now == CANCELLED || ending_now == BOTH)
        coro_cancel(t);
    if (ending_now == CLOSED || ending_now == BOTH)
        coro_close(o.fd);
    note(coro_join(t, NULL, coro_after(CORO_S(20))));
    take_down(&o);
    return NULL;
}

static void assert_ending(const struct point *point, enum ending ending)
{
    long expected = ending == AT_ONCE ? -EAGAIN : ending <= IN_TIME ? -ETIMEDOUT : -ECANCELED;

    notes = 0;
    point_now = point;
    ending_now = ending;
    assert_int_equal(coro_run(one_ending, NULL, NULL, NULL), 0);
    if (notes == 2 && noted[0] == expected && noted[1] == 0)
        return;
    print_error("%s, ending %d: %ld %ld (of %zu), expected %ld\n", point->name, (int)ending, noted[0], noted[1], notes,
                expected);
    fail();
}

static atomic_int gathered;

static void *gathers(void *arg)
{
    atomic_fetch_add(&gathered, 1);
    while (atomic_load(&gathered) < 8)
        usleep(100);
    return arg;
}

static void *gathers_a_helper(void *arg)
{
    return (void *)(intptr_t)coro_offload(gathers, arg, NULL, CORO_FOREVER);
}

/* Until what was given up is over: a look-up may have a file open. */
static void *gathers_all_helpers(void *arg)
{
    gathered = 0;
    for (int i = 0; i < 8; i++)
        coro_spawn(NULL, gathers_a_helper, NULL, NULL);
    return arg;
}

static void every_wait_ends_with_its_deadline_or_is_cancelled_or_closed(void **state)
{
    sigset_t before;
    (void)state;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    child_pid = fork();
    if (child_pid == 0) {
        alarm(120); /* should nobody be left to end it */
        for (;;)
            pause();
    }
    for (int i = 0; i < POINTS; i++)
        for (int e = 0; e < ENDINGS; e++)
            if (!points[i].no_close || (e != CLOSED && e != BOTH))
                assert_ending(&points[i], (enum ending)e);
    assert_int_equal(coro_run(gathers_all_helpers, NULL, NULL, NULL), 0);
    kill(child_pid, SIGKILL);
    waitpid(child_pid, NULL, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Cancellation is seen where nothing would have to be waited for, too. */
static void *goes_on_cancelled(void *arg)
{
    int fds[2];
    char buf[4];

    (void)arg;
    make_pair(fds);
    coro_write(fds[1], "abc", 3, 0);
    coro_cancel(coro_task_self());
    note(coro_read(fds[0], buf, 1, CORO_FOREVER));
    note(coro_write(fds[0], buf, 1, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER));
    note(coro_offload(offloaded, NULL, NULL, CORO_FOREVER));
    note(coro_pread(fds[0], buf, 1, 0, CORO_FOREVER));
    note(coro_read(fds[0], buf, 1, 0));
    note(coro_poll_fd(fds[0], POLLIN, 0));
    coro_shield(true);
    note(coro_read(fds[0], buf, 1, CORO_FOREVER));
    note(coro_offload(offloaded, NULL, NULL, CORO_FOREVER));
    coro_shield(false);
    close_both(fds);
    return NULL;
}

static void a_cancelled_task_transfers_nothing_more(void **state)
{
    (void)state;
    RUNS(goes_on_cancelled, -ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, 1, POLLIN, 1, 0);
}

static void *ready_all_the_same(void *arg)
{
    int fds[2];
    char buf[4];

    (void)arg;
    make_pair(fds);
    note(coro_write(fds[1], "abc", 3, 1));
    note(coro_read(fds[0], buf, 1, 1));
    note(coro_read(fds[0], buf, 1, INT64_MIN));
    note(coro_read(fds[0], buf, 1, INT64_MAX));
    note(coro_read(fds[0], buf, 1, INT64_MIN));
    close_both(fds);
    return NULL;
}

static void a_deadline_that_has_passed_means_to_try_once(void **state)
{
    (void)state;
    RUNS(ready_all_the_same, 3, 1, 1, 1, -ETIMEDOUT);
}

/* A drained direction, an event that has not been looked at, and no time to wait for it. */
static void *late_but_there(void *arg)
{
    int fds[2];
    char buf[8];

    (void)arg;
    connect_pair(fds);
    note(coro_read(fds[0], buf, 8, soon()));
    note(send(fds[1], "abc", 3, 0));
    usleep(500);
    note(coro_read(fds[0], buf, 8, 1));
    note(coro_read(fds[0], buf, 8, 0));
    note(send(fds[1], "de", 2, 0));
    usleep(500);
    note(coro_read(fds[0], buf, 8, coro_now()));
    close_both(fds);
    return NULL;
}

static void input_that_no_event_has_told_of_yet_is_found(void **state)
{
    (void)state;
    RUNS(late_but_there, -ETIMEDOUT, 3, 3, -EAGAIN, 2, 2);
}

/* ---- who may wait ---- */

static void *reads_one(void *arg)
{
    char c;

    note(coro_read((int)(intptr_t)arg, &c, 1, coro_after(CORO_S(5))));
    return NULL;
}

static void *second_waiter(void *arg)
{
    coro_task_t *reader;
    int fds[2];
    char buf[4];

    (void)arg;
    make_pair(fds);
    stuff(fds[0]);
    reader = spawned(reads_one, (void *)(intptr_t)fds[0]);
    coro_pause();
    note(coro_read(fds[0], buf, 1, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN | POLLOUT, CORO_FOREVER));
    note(coro_read(fds[0], buf, 1, 0));
    note(coro_write(fds[0], buf, 1, soon())); /* the other direction */
    note(coro_write(fds[1], "x", 1, CORO_FOREVER));
    coro_join(reader, NULL, CORO_FOREVER);
    close_both(fds);
    return NULL;
}

static void a_second_waiter_on_a_direction_is_refused(void **state)
{
    (void)state;
    RUNS(second_waiter, -EBUSY, -EBUSY, -EBUSY, -EAGAIN, -ETIMEDOUT, 1, 1);
}

static void *writes_much(void *arg)
{
    static char much[MIB];

    note(coro_write_all((int)(intptr_t)arg, much, sizeof much, coro_after(CORO_S(20))));
    return NULL;
}

static void *both_directions(void *arg)
{
    coro_task_t *reader, *writer;
    char buf[4 * KIB];
    size_t sum = 0;
    int fds[2];

    (void)arg;
    connect_pair(fds);
    reader = spawned(reads_one, (void *)(intptr_t)fds[0]);
    writer = spawned(writes_much, (void *)(intptr_t)fds[0]);
    coro_sleep(CORO_MS(1)); /* both wait by now */
    while (sum < MIB) {
        ssize_t n = coro_read(fds[1], buf, sizeof buf, coro_after(CORO_S(20)));

        if (n <= 0)
            break;
        sum += (size_t)n;
    }
    coro_join(writer, NULL, CORO_FOREVER);
    coro_write(fds[1], "x", 1, CORO_FOREVER);
    coro_join(reader, NULL, CORO_FOREVER);
    note((long)sum);
    close_both(fds);
    return NULL;
}

static void a_reader_and_a_writer_share_a_descriptor(void **state)
{
    (void)state;
    RUNS(both_directions, MIB, 1, MIB);
}

static void *nested(void *arg)
{
    char c;

    note(coro_read((int)(intptr_t)arg, &c, 1, CORO_FOREVER));
    return NULL;
}

static void *resumes_one_that_waits(void *arg)
{
    coro_t *co;

    note(coro_create(&co, nested, NULL));
    note(coro_resume(co, arg).status == CORO_RETURNED);
    coro_destroy(co);
    return NULL;
}

static void *parks_whole(void *arg)
{
    coro_task_t *t;
    int fds[2];

    (void)arg;
    make_pair(fds);
    t = spawned(resumes_one_that_waits, (void *)(intptr_t)fds[0]);
    coro_pause();
    note(42);
    coro_write(fds[1], "x", 1, CORO_FOREVER);
    coro_join(t, NULL, CORO_FOREVER);
    close_both(fds);
    return NULL;
}

static void a_wait_in_a_nested_coroutine_parks_the_whole_task(void **state)
{
    (void)state;
    RUNS(parks_whole, 0, 42, 1, 1);
}

/* ---- readiness ---- */

static void *readiness(void *arg)
{
    int fds[2];

    (void)arg;
    make_pair(fds);
    note(coro_poll_fd(fds[0], 0, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLPRI, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLOUT, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN | POLLOUT, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN, soon()));
    coro_write(fds[1], "x", 1, 0);
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER));
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER)); /* nobody has read it */
    note(coro_poll_fd(fds[0], POLLIN | POLLOUT, CORO_FOREVER));
    coro_close(fds[1]);
    note(coro_poll_fd(fds[0], POLLIN, CORO_FOREVER));
    coro_close(fds[0]);
    return NULL;
}

static void a_descriptor_is_ready_for_what_it_is_ready_for(void **state)
{
    (void)state;
    RUNS(readiness, -EINVAL, -EINVAL, POLLOUT, POLLOUT, -ETIMEDOUT, POLLIN, POLLIN, POLLIN | POLLOUT,
         POLLIN | POLLHUP | POLLRDHUP);
}

static void *polls(void *arg)
{
    note(coro_poll_fd((int)(intptr_t)arg, POLLIN | POLLOUT, coro_after(CORO_S(5))));
    return NULL;
}

static void *polls_for_both(void *arg)
{
    static char much[MIB];
    coro_task_t *t;
    int fds[2];

    (void)arg;
    for (int i = 0; i < 2; i++) {
        make_pair(fds);
        stuff(fds[0]);
        t = spawned(polls, (void *)(intptr_t)fds[0]);
        coro_sleep(CORO_MS(1));
        note(i);
        if (i == 0)
            coro_write(fds[1], "x", 1, 0);
        else
            coro_read_full(fds[1], much, sizeof much, soon());
        coro_join(t, NULL, CORO_FOREVER);
        close_both(fds);
    }
    return NULL;
}

static void either_direction_wakes_who_polls_for_both(void **state)
{
    (void)state;
    RUNS(polls_for_both, 0, POLLIN, 1, POLLOUT);
}

static void *never_in_the_way(void *arg)
{
    int fd = open(path_of("plain"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char buf[8] = "";

    (void)arg;
    note(coro_write(fd, "plain", 5, CORO_FOREVER));
    note(coro_pread(fd, buf, 8, 0, CORO_FOREVER));
    note(coro_read(fd, buf, 8, CORO_FOREVER));
    note(lseek(fd, 1, SEEK_SET));
    note(coro_read(fd, buf, 8, CORO_FOREVER));
    note(coro_poll_fd(fd, POLLIN | POLLOUT, CORO_FOREVER));
    coro_close(fd);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    note(coro_read(fd, buf, 8, CORO_FOREVER));
    coro_close(fd);
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    note(coro_read(fd, buf, 8, CORO_FOREVER));
    note(coro_write(fd, buf, 8, CORO_FOREVER));
    coro_close(fd);
    unlink(path_of("plain"));
    return NULL;
}

static void files_and_directories_never_block(void **state)
{
    (void)state;
    RUNS(never_in_the_way, 5, 5, 0, 1, 4, POLLIN | POLLOUT, -EISDIR, 0, 8);
}

/* ---- numbers that come again ---- */

static int storm_fd, storm_round;

static void *reads_in_the_storm(void *arg)
{
    int got = -1;
    ssize_t n = coro_read(storm_fd, &got, sizeof got, CORO_FOREVER);

    *(bool *)arg = n == -ECANCELED || (n == sizeof got && got == storm_round);
    return NULL;
}

/* One reader finds its descriptor closed and gets nothing of what the next one, on the same number, is sent. */
static void *storm(void *arg)
{
    size_t rounds = scaled(100000), right = 0;
    int number = -1, old[2], new[2], message;

    (void)arg;
    for (size_t i = 0; i < rounds; i++) {
        bool first = false, second = false;
        coro_task_t *a, *b;

        make_pair(old);
        storm_fd = old[0];
        storm_round = -2;
        a = spawned(reads_in_the_storm, &first);
        coro_pause();
        if (i % 2 == 0)
            (void)!write(old[1], "x", 1); /* an event that nobody is there for any more */
        coro_close(old[0]);
        coro_close(old[1]);
        make_pair(new);
        if (number >= 0 && (new[0] != number || old[0] != number))
            note(-2);
        number = new[0];
        storm_fd = new[0];
        storm_round = message = (int)i;
        b = spawned(reads_in_the_storm, &second);
        coro_pause();
        (void)!write(new[1], &message, sizeof message);
        coro_join(a, NULL, CORO_FOREVER);
        coro_join(b, NULL, CORO_FOREVER);
        right += first && second;
        close_both(new);
    }
    note(right == rounds);
    return NULL;
}

static void a_number_that_comes_again_at_once_is_another_descriptor(void **state)
{
    (void)state;
    RUNS(storm, 1);
}

/* A duplicate keeps the old file alive, and its events come on: with the generation of the one that was closed. A connect() that
   anything would end shows it. */
static void *stale_events(void *arg)
{
    struct obstacle_fds o = {.fd = -1, .other = -1};
    struct sockaddr_in at;
    socklen_t length = sizeof at;
    coro_task_t *t;
    int fds[2], copy;

    (void)arg;
    make_deaf(&o);
    getsockname(o.other, (struct sockaddr *)&at, &length);
    make_pair(fds);
    note(coro_poll_fd(fds[0], POLLIN, soon()));
    copy = dup(fds[0]);
    coro_close(fds[0]);
    note(dup2(o.fd, fds[0]) == fds[0]);
    close(o.fd);
    o.fd = fds[0];
    obstacle_now = &o;
    point_now = &points[13];
    ending_now = IN_TIME;
    t = spawned(waits_there, NULL);
    coro_pause();
    coro_write(fds[1], "x", 1, 0);
    coro_join(t, NULL, CORO_FOREVER);
    close(copy);
    coro_close(fds[1]);
    take_down(&o);
    return NULL;
}

static void events_of_a_closed_descriptor_wake_nobody(void **state)
{
    (void)state;
    assert_string_equal(points[13].name, "connect");
    RUNS(stale_events, -ETIMEDOUT, 1, -ETIMEDOUT);
}

/* What was a socket is a pipe now, and nobody has said so. */
static void *closed_behind_its_back(void *arg)
{
    char byte = 0;
    int fds[2], ends[2];

    (void)arg;
    make_pair(fds);
    coro_write(fds[1], "s", 1, soon());
    note(coro_read(fds[0], &byte, 1, soon()));
    note(byte);
    note(pipe(ends));
    note(dup2(ends[0], fds[0]) == fds[0]);
    note(write(ends[1], "p", 1));
    note(coro_read(fds[0], &byte, 1, soon()));
    note(byte);
    close(ends[0]);
    close(ends[1]);
    coro_close(fds[0]);
    coro_close(fds[1]);
    return NULL;
}

static void a_number_that_is_no_socket_any_more_is_read_all_the_same(void **state)
{
    (void)state;
    RUNS(closed_behind_its_back, 1, 's', 0, 1, 1, 1, 'p');
}

/* The same file under the same number again: the kernel has kept its registration. */
static void *the_same_again(void *arg)
{
    coro_task_t *t;
    int fds[2], copy;

    (void)arg;
    make_pair(fds);
    note(coro_poll_fd(fds[0], POLLIN, soon()));
    copy = dup(fds[0]);
    coro_close(fds[0]);
    note(dup2(copy, fds[0]) == fds[0]);
    close(copy);
    t = spawned(reads_one, (void *)(intptr_t)fds[0]);
    coro_sleep(CORO_MS(1));
    coro_write(fds[1], "x", 1, 0);
    coro_join(t, NULL, CORO_FOREVER);
    close_both(fds);
    return NULL;
}

static void a_duplicate_may_take_the_number_of_the_original(void **state)
{
    (void)state;
    RUNS(the_same_again, -ETIMEDOUT, 1, 1);
}

/* A connect() that waits on a number which is closed, and at once a connected socket's. */
static void *connect_closed(void *arg)
{
    struct obstacle_fds o = {.fd = -1, .other = -1};
    coro_task_t *t;
    int fds[2];

    (void)arg;
    make_deaf(&o);
    obstacle_now = &o;
    point_now = &points[13];
    ending_now = CLOSED;
    t = spawned(waits_there, NULL);
    coro_pause();
    coro_close(o.fd);
    connect_pair(fds);
    coro_join(t, NULL, CORO_FOREVER);
    close_both(fds);
    o.fd = -1;
    take_down(&o);
    return NULL;
}

static void a_connect_does_not_take_another_socket_for_its_own(void **state)
{
    (void)state;
    RUNS(connect_closed, -ECANCELED);
}

/* The kernel may be at work on a descriptor that somebody waits on: that must not keep it open. */
static void *hears_of_the_end(void *arg)
{
    coro_task_t *reader;
    int fds[2];
    char c;

    (void)arg;
    make_pair(fds);
    reader = spawned(reads_one, (void *)(intptr_t)fds[0]);
    coro_sleep(CORO_MS(1));
    coro_close(fds[0]);
    note(coro_read(fds[1], &c, 1, 0));
    coro_join(reader, NULL, CORO_FOREVER);
    coro_close(fds[1]);
    return NULL;
}

static void closing_ends_a_connection_at_once(void **state)
{
    (void)state;
    RUNS(hears_of_the_end, 0, -ECANCELED);
}

/* Whoever is cancelled as input comes has it, or has left it where it was. */
static void *reads_what_is_left(void *arg)
{
    int *fds = arg;
    char buf[8];
    ssize_t n = coro_read(fds[0], buf, sizeof buf, CORO_FOREVER);

    note(n == 3 || n == -ECANCELED);
    coro_shield(true);
    note(n == 3 ? 3 : coro_read(fds[0], buf, sizeof buf, soon()));
    return NULL;
}

static void *cancels_as_input_comes(void *arg)
{
    coro_task_t *reader;
    int fds[2];

    (void)arg;
    for (int when = 0; when < 3; when++) {
        connect_pair(fds);
        reader = spawned(reads_what_is_left, fds);
        coro_sleep(CORO_MS(1));
        if (when != 1)
            note(send(fds[1], "abc", 3, 0));
        if (when == 2)
            coro_pause();
        coro_cancel(reader);
        if (when == 1)
            note(send(fds[1], "abc", 3, 0));
        coro_join(reader, NULL, CORO_FOREVER);
        close_both(fds);
    }
    return NULL;
}

static void what_comes_as_a_task_is_cancelled_is_not_lost(void **state)
{
    (void)state;
    RUNS(cancels_as_input_comes, 3, 1, 3, 3, 1, 3, 3, 1, 3);
}

/* ---- connections ---- */

static void *refused(void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)arg;
    note(bind(bound, (struct sockaddr *)&at, sizeof at)); /* nobody listens */
    note(coro_tcp_dial(named("127.0.0.1", bound), CORO_FOREVER));
    note(coro_tcp_dial(named("localhost", bound), CORO_FOREVER));
    note(coro_unix_dial(path_of("nobody"), CORO_FOREVER));
    coro_close(bound);
    bound = coro_unix_listen(path_of("left"), 0);
    coro_close(bound);
    note(coro_unix_dial(path_of("left"), CORO_FOREVER));
    note(coro_unix_listen(path_of("left"), 0));
    unlink(path_of("left"));
    return NULL;
}

static void a_connection_may_be_refused(void **state)
{
    (void)state;
    RUNS(refused, 0, -ECONNREFUSED, -ECONNREFUSED, -ENOENT, -ECONNREFUSED, -EADDRINUSE);
}

static void *bad_addresses(void *arg)
{
    static const char *const bad[] = {
        NULL,
        "",
        "localhost",
        "127.0.0.1",
        ":",
        "127.0.0.1:",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "127.0.0.1:65536",
        "127.0.0.1:99999999999999999999",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1: 1",
    };
    char long_one[400];

    (void)arg;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int err = coro_tcp_dial(bad[i], soon()), listened = coro_tcp_listen(bad[i], 0), bound = coro_udp_bind(bad[i]);

        if (err != -EINVAL || listened != -EINVAL || bound != -EINVAL) {
            print_error("%s: %d %d %d\n", bad[i] != NULL ? bad[i] : "NULL", err, listened, bound);
            note((long)i);
        }
        if (listened >= 0)
            coro_close(listened);
        if (bound >= 0)
            coro_close(bound);
    }
    note(coro_tcp_dial(":80", CORO_FOREVER));
    memset(long_one, 'a', sizeof long_one);
    memcpy(long_one + sizeof long_one - 4, ":80", 4);
    note(coro_tcp_dial(long_one, CORO_FOREVER));
    memcpy(long_one + 70, ":80", 4); /* a label of 70 letters: no resolver has to be asked for that */
    note(coro_tcp_dial(long_one, coro_after(CORO_S(2))));
    note(coro_unix_dial("", CORO_FOREVER));
    note(coro_unix_dial(NULL, CORO_FOREVER));
    memset(long_one, 'a', sizeof long_one - 1);
    note(coro_unix_listen(long_one, 0));
    note(coro_tcp_dial("127.0.0.1:no-such-service", coro_after(CORO_S(5))));
    return NULL;
}

static void an_address_that_cannot_be_read_is_invalid(void **state)
{
    (void)state;
    RUNS(bad_addresses, -EINVAL, -EINVAL, -ENOENT, -EINVAL, -EINVAL, -EINVAL, -ENOENT);
}

static void *dial_and_accept(void *address)
{
    int listener = coro_tcp_listen("127.0.0.1:0", 5), fd, got, six;
    struct sockaddr_in peer = {0};
    socklen_t length = sizeof peer;

    (void)address;
    fd = coro_tcp_dial(named("localhost", listener), coro_after(CORO_S(2)));
    got = coro_accept(listener, (struct sockaddr *)&peer, &length, soon());
    note(fd >= 0 && got >= 0);
    note(peer.sin_family);
    note(length);
    note(fcntl(got, F_GETFL) & O_NONBLOCK);
    note(fcntl(got, F_GETFD) & FD_CLOEXEC);
    coro_close(fd);
    coro_close(got);
    coro_close(listener);
    if (!has_ipv6()) {
        note(1);
        note(1);
        return NULL;
    }
    listener = coro_tcp_listen("[::1]:0", 5);
    fd = coro_tcp_dial(named("[::1]", listener), coro_after(CORO_S(2)));
    note(fd >= 0);
    coro_close(fd);
    coro_close(listener);
    listener = coro_tcp_listen(":0", 5); /* every address, of either family */
    fd = coro_tcp_dial(named("127.0.0.1", listener), coro_after(CORO_S(2)));
    six = coro_tcp_dial(named("[::1]", listener), coro_after(CORO_S(2)));
    note(fd >= 0 && six >= 0);
    coro_close(fd);
    coro_close(six);
    coro_close(listener);
    return NULL;
}

static void names_and_numbers_can_be_dialled(void **state)
{
    (void)state;
    RUNS(dial_and_accept, 1, AF_INET, sizeof(struct sockaddr_in), O_NONBLOCK, FD_CLOEXEC, 1, 1);
}

/* A queue of unix connections that is full is -EAGAIN to a socket that does not block. */
static void *dials_a_busy_one(void *arg)
{
    int fd = coro_unix_dial(path_of("busy"), *(int64_t *)arg);

    note(fd >= 0 ? 1 : fd);
    if (fd >= 0)
        coro_close(fd);
    return NULL;
}

static void *busy_listener(void *arg)
{
    int listener = coro_unix_listen(path_of("busy"), 1), waiting[8], n = 0;
    int64_t limits[2] = {coro_after(CORO_MS(10)), coro_after(CORO_S(5))};
    coro_task_t *t[2];

    (void)arg;
    while (n < 8 && (waiting[n] = coro_unix_dial(path_of("busy"), 0)) >= 0)
        n++;
    note(waiting[n]);
    for (int i = 0; i < 2; i++)
        t[i] = spawned(dials_a_busy_one, &limits[i]);
    coro_join(t[0], NULL, CORO_FOREVER);
    for (int i = 0; i < n; i++) {
        coro_close(coro_accept(listener, NULL, NULL, soon()));
        coro_close(waiting[i]);
    }
    coro_join(t[1], NULL, CORO_FOREVER);
    coro_close(listener);
    unlink(path_of("busy"));
    return NULL;
}

static void dialling_waits_until_a_full_queue_has_room(void **state)
{
    (void)state;
    RUNS(busy_listener, -EAGAIN, -ETIMEDOUT, 1);
}

static struct {
    int listener, connections, served, answered;
} crowd;

static void *serves_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[8];

    while (coro_read(fd, buf, sizeof buf, CORO_FOREVER) > 0)
        if (coro_write(fd, "pong", 4, CORO_FOREVER) == 4)
            crowd.served++;
    coro_close(fd);
    return NULL;
}

static void *serves_all(void *arg)
{
    for (int i = 0; i < crowd.connections; i++) {
        int fd = coro_accept(crowd.listener, NULL, NULL, CORO_FOREVER);

        if (fd < 0 || coro_spawn(NULL, serves_one, (void *)(intptr_t)fd, NULL) != 0)
            note(fd);
    }
    return arg;
}

static int crowd_connected;

static void *one_of_the_crowd(void *address)
{
    int fd = coro_tcp_dial(address, CORO_FOREVER);
    char buf[8];

    crowd_connected++;
    while (crowd_connected < crowd.connections) /* all are there at a time */
        coro_sleep(CORO_MS(1));
    for (int i = 0; i < 3; i++)
        if (coro_write(fd, "ping", 4, CORO_FOREVER) == 4 && coro_read_full(fd, buf, 4, CORO_FOREVER) == 4)
            crowd.answered++;
    coro_close(fd);
    return NULL;
}

static void *gathers_a_crowd(void *arg)
{
    int64_t limit = coro_after(CORO_S(60));
    char address[64];

    crowd.listener = coro_tcp_listen("127.0.0.1:0", 0);
    snprintf(address, sizeof address, "%s", named("127.0.0.1", crowd.listener));
    for (int i = 0; i < crowd.connections; i++)
        coro_spawn(NULL, one_of_the_crowd, address, NULL);
    serves_all(arg);
    while (crowd.served < 3 * crowd.connections)
        coro_sleep(CORO_MS(1));
    coro_close(crowd.listener);
    while (crowd.answered < 3 * crowd.connections && coro_now() < limit)
        coro_sleep(CORO_MS(1));
    note(crowd.answered == 3 * crowd.connections);
    return NULL;
}

static void thousands_of_connections_are_served_at_a_time(void **state)
{
    struct rlimit before, limit;
    size_t most = alive_at_most(scaled(5000));
    (void)state;

    getrlimit(RLIMIT_NOFILE, &before);
    limit = (struct rlimit){before.rlim_max, before.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit = before;
    if (limit.rlim_cur < 2 * most + 100)
        most = (size_t)(limit.rlim_cur - 100) / 2;
    memset(&crowd, 0, sizeof crowd);
    crowd_connected = 0;
    crowd.connections = (int)most;
    RUNS(gathers_a_crowd, 1);
    setrlimit(RLIMIT_NOFILE, &before);
}

/* ---- no more descriptors ---- */

static int spares[64], spare_count;

static void *gives_one_back(void *arg)
{
    coro_sleep(CORO_MS(4));
    close(spares[--spare_count]);
    return arg;
}

static void *runs_out(void *arg)
{
    struct rlimit few;
    int listener = coro_tcp_listen("127.0.0.1:0", 0), fd, got;
    coro_task_t *t;

    (void)arg;
    fd = coro_tcp_dial(named("127.0.0.1", listener), coro_after(CORO_S(5)));
    note(coro_poll_fd(listener, POLLIN, CORO_FOREVER));
    getrlimit(RLIMIT_NOFILE, &few);
    few.rlim_cur = 40;
    setrlimit(RLIMIT_NOFILE, &few);
    while (spare_count < 64 && (got = dup(listener)) >= 0)
        spares[spare_count++] = got;
    note(coro_accept(listener, NULL, NULL, 0));
    note(coro_accept(listener, NULL, NULL, coro_after(CORO_MS(8))));
    t = spawned(gives_one_back, NULL);
    got = coro_accept(listener, NULL, NULL, coro_after(CORO_S(5)));
    note(got >= 0);
    coro_join(t, NULL, CORO_FOREVER);
    note(coro_write(fd, "x", 1, CORO_FOREVER));
    note(coro_read(got, &(char){0}, 1, CORO_FOREVER));
    return NULL;
}

static int accept_without_descriptors(long arg)
{
    static const long expected[] = {POLLIN, -EMFILE, -EMFILE, 1, 1, 1};

    (void)arg;
    notes = 0;
    if (coro_run(runs_out, NULL, NULL, NULL) != 0 || notes != 6)
        return 1;
    for (size_t i = 0; i < notes; i++)
        if (noted[i] != expected[i])
            return 10 + (int)i;
    return 0;
}

static void a_server_gets_over_running_out_of_descriptors(void **state)
{
    struct child_end end;
    (void)state;

    if (under_valgrind()) /* which takes the connection, and then finds that there is no descriptor for it */
        skip();
    end = in_fresh_child(accept_without_descriptors, 0);
    if (end.code != 0)
        print_error("%s\n", end.said);
    assert_int_equal(end.code, 0);
}

/* ---- helper threads ---- */

static void *looks_up(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_INET, .ai_flags = AI_NUMERICHOST};
    const struct addrinfo wrong = {.ai_family = 12345};
    struct addrinfo *found = NULL;

    (void)arg;
    note(coro_getaddrinfo("127.0.0.1", "80", &hints, &found, CORO_FOREVER));
    note(((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    freeaddrinfo(found);
    found = NULL;
    note(coro_getaddrinfo("no number", NULL, &hints, &found, CORO_FOREVER));
    note(coro_getaddrinfo("127.0.0.1", NULL, &wrong, &found, CORO_FOREVER));
    note(coro_getaddrinfo("127.0.0.1", NULL, NULL, NULL, CORO_FOREVER));
    note(coro_getaddrinfo("127.0.0.1", NULL, NULL, &found, 0));
    note(coro_getaddrinfo("127.0.0.1", NULL, NULL, &found, 1));
    note(coro_getaddrinfo(NULL, NULL, NULL, &found, CORO_FOREVER));
    note(found == NULL);
    return NULL;
}

static void names_are_looked_up(void **state)
{
    (void)state;
    RUNS(looks_up, 0, 1, -ENOENT, -EINVAL, -EINVAL, -EAGAIN, -ETIMEDOUT, -ENOENT, 1);
}

static atomic_int busy, busiest, calls_made;

static void *counts_itself(void *arg)
{
    int now = atomic_fetch_add(&busy, 1) + 1, most = atomic_load(&busiest);

    while (now > most && !atomic_compare_exchange_weak(&busiest, &most, now)) {
    }
    usleep(2000);
    atomic_fetch_sub(&busy, 1);
    atomic_fetch_add(&calls_made, 1);
    return (void *)((uintptr_t)arg * 2);
}

static void *offloads_one(void *arg)
{
    void *result = NULL;
    int err = coro_offload(counts_itself, arg, &result, CORO_FOREVER);

    return (void *)(uintptr_t)(err == 0 && result == (void *)((uintptr_t)arg * 2));
}

enum { MANY = 40 };

static void *offloads_many(void *arg)
{
    coro_task_t *t[MANY];
    void *right[MANY];
    long sum = 0;

    (void)arg;
    for (uintptr_t i = 0; i < MANY; i++)
        t[i] = spawned(offloads_one, (void *)i);
    note(coro_join_all(t, MANY, right, CORO_FOREVER));
    for (int i = 0; i < MANY; i++)
        sum += right[i] != NULL;
    note(sum);
    note(atomic_load(&busiest) <= 8 && atomic_load(&busiest) > 1);
    note(coro_offload(NULL, NULL, NULL, CORO_FOREVER));
    note(coro_offload(offloaded, NULL, NULL, CORO_FOREVER));
    note(coro_offload(offloaded, NULL, NULL, 1));
    return NULL;
}

static void at_most_eight_calls_are_made_at_a_time(void **state)
{
    (void)state;
    busiest = 0;
    RUNS(offloads_many, 0, MANY, 1, -EINVAL, 0, -ETIMEDOUT);
}

/* Calls that block until the gate is opened. */
static int gate[2];
static atomic_int at_the_gate, through;

static void *waits_at_the_gate(void *arg)
{
    char c;

    atomic_fetch_add(&at_the_gate, 1);
    (void)!read(gate[0], &c, 1);
    atomic_fetch_add(&through, 1);
    return arg;
}

static void close_gate(void)
{
    at_the_gate = through = 0;
    make_pipe(gate);
}

static void open_gate(int expected)
{
    close(gate[1]);
    while (atomic_load(&through) < expected)
        usleep(100);
    close(gate[0]);
}

static void *offloads_to_the_gate(void *arg)
{
    return (void *)(intptr_t)coro_offload(waits_at_the_gate, NULL, NULL, *(int64_t *)arg);
}

/* Whoever gives up does not look at the job again, which the helper thread frees. */
static void *gives_up_one(void *arg)
{
    int64_t forever = CORO_FOREVER;
    coro_task_t *t = spawned(offloads_to_the_gate, &forever);
    void *result;

    (void)arg;
    coro_pause();
    while (atomic_load(&at_the_gate) == 0)
        usleep(100);
    coro_cancel(t);
    coro_join(t, &result, CORO_FOREVER);
    note((long)(intptr_t)result);
    open_gate(1);
    usleep(1000);
    return NULL;
}

static void a_call_that_nobody_waits_for_ends_by_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        close_gate();
        RUNS(gives_up_one, -ECANCELED);
    }
}

static void *queued_and_running(void *arg)
{
    int64_t forever = CORO_FOREVER, in_time;
    coro_task_t *t[10];
    void *results[10];

    (void)arg;
    close_gate();
    for (int i = 0; i < 6; i++)
        t[i] = spawned(offloads_to_the_gate, &forever);
    in_time = coro_after(CORO_MS(30));
    t[6] = spawned(offloads_to_the_gate, &in_time); /* time is up while it runs */
    t[7] = spawned(offloads_to_the_gate, &forever); /* cancelled while it runs */
    while (atomic_load(&at_the_gate) < 8)
        coro_sleep(CORO_MS(1));
    t[8] = spawned(offloads_to_the_gate, &in_time); /* the same while they are queued */
    t[9] = spawned(offloads_to_the_gate, &forever);
    coro_sleep(CORO_MS(1));
    coro_cancel(t[7]);
    coro_cancel(t[9]);
    note(coro_join_all(t + 6, 4, results, CORO_FOREVER));
    for (int i = 0; i < 4; i++)
        note((intptr_t)results[i]);
    note(atomic_load(&at_the_gate));
    note(atomic_load(&through));
    open_gate(8);
    note(coro_join_all(t, 6, results, CORO_FOREVER));
    note(results[5] == NULL);
    note(atomic_load(&through));
    return NULL;
}

static void an_offloaded_call_may_be_given_up(void **state)
{
    (void)state;
    RUNS(queued_and_running, 0, -ETIMEDOUT, -ECANCELED, -ETIMEDOUT, -ECANCELED, 8, 0, 0, 1, 8);
}

static void a_scheduler_may_go_while_a_call_is_made_for_it(void **state)
{
    int64_t forever = CORO_FOREVER;
    coro_sched_t *s;
    (void)state;

    for (int posted = 0; posted < 2; posted++) {
        close_gate();
        assert_int_equal(coro_sched_create(&s, NULL), 0);
        for (int i = 0; i < 10; i++) /* more than there are threads */
            assert_int_equal(coro_sched_spawn(s, NULL, offloads_to_the_gate, &forever, NULL), 0);
        while (atomic_load(&at_the_gate) < 8)
            coro_sched_step(s, coro_after(CORO_MS(1)));
        if (posted)
            open_gate(10);
        assert_int_equal(coro_sched_destroy(s), 0);
        if (!posted)
            open_gate(8);
    }
}

/* What is held has the caller's memory: it is over before that goes. */
static void *opens_a_fifo(void *path)
{
    int fd = coro_open(path, O_RDONLY, 0, CORO_FOREVER);

    note(fd); /* never */
    return NULL;
}

static void *opens_the_other_end(void *path)
{
    usleep(5000);
    return (void *)(intptr_t)open(path, O_WRONLY | O_CLOEXEC);
}

static void a_scheduler_that_goes_waits_for_what_has_the_memory_of_a_task(void **state)
{
    struct pollfd end = {.events = POLLOUT};
    char fifo[128];
    pthread_t thread;
    coro_sched_t *s;
    void *fd;
    (void)state;

    snprintf(fifo, sizeof fifo, "%s", path_of("fifo"));
    notes = 0;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, opens_a_fifo, fifo, NULL), 0);
    coro_sched_step(s, 0);
    usleep(2000); /* the call is being made */
    assert_int_equal(pthread_create(&thread, NULL, opens_the_other_end, fifo), 0);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_int_equal(pthread_join(thread, &fd), 0);
    end.fd = (int)(intptr_t)fd;
    assert_int_equal(poll(&end, 1, 0), 1);
    assert_true(end.revents & POLLERR); /* nobody has been left with the other end */
    assert_int_equal(close((int)(intptr_t)fd), 0);
    assert_int_equal(notes, 0);
    unlink(fifo);
}

static void *offloads_in_a_fork(void *arg)
{
    void *result = NULL;

    (void)arg;
    note(coro_offload(offloaded, (void *)41, &result, CORO_FOREVER));
    note((long)(uintptr_t)result);
    return NULL;
}

static int in_a_fork(long arg)
{
    int fds[2];
    char c;

    (void)arg;
    notes = 0;
    make_pipe(fds);
    if (coro_read(fds[0], &c, 1, CORO_FOREVER) != -ECHILD)
        return 2;
    if (coro_run(offloads_in_a_fork, NULL, NULL, NULL) != 0)
        return 3;
    return notes == 2 && noted[0] == 0 && noted[1] == 42 ? 0 : 4;
}

static void a_forked_child_has_helpers_of_its_own(void **state)
{
    struct child_end end;
    (void)state;

    RUNS(offloads_in_a_fork, 0, 42);
    if (under_emulator()) /* qemu-user cannot start threads in a fork of a process that had some */
        skip();
    end = in_forked_child(in_a_fork, 0);
    if (end.code != 0)
        print_error("%s\n", end.said);
    assert_int_equal(end.code, 0);
}

/* ---- files ---- */

static void *uses_a_file(void *arg)
{
    char path[128], buf[16]; /* which has no values before it is read into */
    int fd;

    (void)arg;
    snprintf(path, sizeof path, "%s", path_of("file"));
    fd = coro_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, CORO_FOREVER);
    note(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    note(coro_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, CORO_FOREVER));
    note(coro_open(path, O_RDWR, 0, 0));
    note(coro_open(NULL, O_RDWR, 0, CORO_FOREVER));
    note(coro_pwrite(fd, "hello", 5, 3, CORO_FOREVER));
    note(coro_pwrite(fd, "abc", 3, 0, CORO_FOREVER));
    note(coro_fsync(fd, CORO_FOREVER));
    note(coro_pread(fd, buf, 5, 1, CORO_FOREVER));
    note(memcmp(buf, "bchel", 5) == 0);
    note(coro_pread(fd, buf, 16, 6, CORO_FOREVER));
    note(coro_pread(fd, buf, 16, 8, CORO_FOREVER));
    note(coro_pread(fd, buf, 16, 100, CORO_FOREVER));
    note(coro_pread(fd, buf, 1, -1, CORO_FOREVER));
    note(coro_pwrite(fd, buf, SIZE_MAX, 0, CORO_FOREVER));
    note(coro_fsync(fd, 0));
    note(coro_close(fd));
    unlink(path);
    return NULL;
}

static void files_are_read_and_written_anywhere(void **state)
{
    (void)state;
    RUNS(uses_a_file, 1, -EEXIST, -EAGAIN, -EINVAL, 5, 3, 0, 5, 1, 2, 0, 0, -EINVAL, -EINVAL, -EAGAIN, 0);
}

/* ---- signals and children ---- */

static void *raises(void *arg)
{
    coro_sleep(CORO_MS(1));
    raise((int)(intptr_t)arg);
    return NULL;
}

static void *signals(void *arg)
{
    coro_task_t *t = spawned(raises, (void *)(intptr_t)SIGUSR1);

    (void)arg;
    note(coro_wait_signal(SIGUSR1, CORO_FOREVER));
    note(coro_wait_signal(SIGUSR1, soon()));
    raise(SIGUSR1); /* blocked by now: it is kept */
    note(coro_wait_signal(SIGUSR1, CORO_FOREVER));
    note(coro_wait_signal(0, CORO_FOREVER));
    note(coro_wait_signal(-1, CORO_FOREVER));
    note(coro_wait_signal(10000, CORO_FOREVER));
    note(coro_wait_signal(SIGKILL, CORO_FOREVER));
    note(coro_wait_signal(SIGSTOP, CORO_FOREVER));
    coro_join(t, NULL, CORO_FOREVER);
    return NULL;
}

static void a_signal_can_be_waited_for(void **state)
{
    sigset_t before;
    (void)state;

    pthread_sigmask(SIG_SETMASK, NULL, &before);
    RUNS(signals, SIGUSR1, -ETIMEDOUT, SIGUSR1, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* It ends when the write end of the pipe is closed; not by exiting: valgrind would have a code of its own. */
static pid_t a_child(const int ends[2])
{
    pid_t pid = fork();
    char byte;

    if (pid == 0) {
        close(ends[1]);
        raise(read(ends[0], &byte, 1) == 0 ? SIGKILL : SIGABRT);
    }
    return pid;
}

static void *lets_it_end(void *arg)
{
    coro_sleep(CORO_MS(1));
    close(((int *)arg)[1]);
    return NULL;
}

static void *children(void *arg)
{
    int status = 0, ends[2];
    coro_task_t *t;
    pid_t pid;

    (void)arg;
    assert_int_equal(pipe(ends), 0);
    pid = a_child(ends);
    note(coro_wait_pid(pid, &status, 0));
    t = spawned(lets_it_end, ends);
    note(coro_wait_pid(pid, &status, CORO_FOREVER) == pid);
    coro_join(t, NULL, CORO_FOREVER);
    note(WTERMSIG(status));
    note(coro_wait_pid(pid, &status, CORO_FOREVER));
    note(coro_wait_pid(0, &status, CORO_FOREVER));
    note(coro_wait_pid(-1, NULL, CORO_FOREVER));
    note(coro_wait_pid(getpid(), NULL, CORO_FOREVER));
    pid = a_child((const int[]){ends[0], -1}); /* nobody keeps that pipe open */
    coro_sleep(CORO_MS(2));
    note(coro_wait_pid(pid, NULL, CORO_FOREVER) == pid);
    close(ends[0]);
    return NULL;
}

static void a_child_can_be_waited_for(void **state)
{
    (void)state;
    RUNS(children, -EAGAIN, 1, SIGKILL, -ECHILD, -EINVAL, -EINVAL, -ECHILD, 1);
}

/* ---- schedulers ---- */

static bool readable(int fd, int ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    return poll(&pollfd, 1, ms) == 1;
}

static void a_foreign_loop_sees_that_a_socket_is_ready(void **state)
{
    coro_sched_t *s;
    int fds[2];
    (void)state;

    for (int asked_first = 0; asked_first < 2; asked_first++) {
        notes = 0;
        make_pair(fds);
        assert_int_equal(coro_sched_create(&s, NULL), 0);
        if (asked_first)
            assert_true(coro_sched_fd(s) >= 0);
        assert_int_equal(coro_sched_spawn(s, NULL, reads_one, (void *)(intptr_t)fds[0], NULL), 0);
        assert_true(readable(coro_sched_fd(s), 0));
        assert_int_equal(coro_sched_step(s, 0), 1);
        assert_int_equal(coro_sched_step(s, 0), 0);
        assert_false(readable(coro_sched_fd(s), 0));
        assert_int_equal(write(fds[1], "x", 1), 1);
        assert_true(readable(coro_sched_fd(s), 1000));
        assert_int_equal(notes, 0);
        assert_int_equal(coro_sched_step(s, 0), 1);
        ASSERT_NOTED(1);
        assert_false(readable(coro_sched_fd(s), 0));
        assert_int_equal(coro_sched_destroy(s), 0);
        close_both(fds);
    }
}

/* Closed by the loop that hosts the scheduler, not by a task. */
static void a_foreign_loop_may_close_what_a_task_waits_on(void **state)
{
    coro_sched_t *s;
    int fds[2], again[2];
    (void)state;

    notes = 0;
    make_pair(fds);
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, reads_one, (void *)(intptr_t)fds[0], NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    close_both(fds);
    make_pair(again);
    assert_int_equal(again[0], fds[0]);
    assert_int_equal(coro_sched_spawn(s, NULL, reads_one, (void *)(intptr_t)again[0], NULL), 0);
    coro_sched_step(s, coro_after(CORO_MS(10)));
    coro_sched_step(s, 0);
    assert_int_equal(write(again[1], "x", 1), 1);
    coro_sched_step(s, coro_after(CORO_S(1)));
    ASSERT_NOTED(-ECANCELED, 1);
    assert_int_equal(coro_sched_destroy(s), 0);
    close_both(again);
}

static int hosted_without_descriptors(long arg)
{
    struct rlimit limit;
    coro_sched_t *s;
    int fds[2];

    (void)arg;
    notes = 0;
    make_pair(fds);
    if (coro_sched_create(&s, NULL) != 0 || coro_sched_spawn(s, NULL, reads_one, (void *)(intptr_t)fds[0], NULL) != 0)
        return 1;
    coro_sched_step(s, 0);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)dup(0) + 1; /* room for one */
    close((int)limit.rlim_cur - 1);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (coro_sched_fd(s) != -EMFILE)
        return 2;
    if (write(fds[1], "x", 1) != 1 || coro_sched_step(s, coro_after(CORO_S(1))) != 1)
        return 3;
    if (notes != 1 || noted[0] != 1)
        return 4;
    return coro_sched_destroy(s) == 0 ? 0 : 5;
}

static void a_scheduler_that_cannot_be_hosted_does_its_io_all_the_same(void **state)
{
    struct child_end end = in_fresh_child(hosted_without_descriptors, 0);
    (void)state;

    if (end.code != 0)
        print_error("%s\n", end.said);
    assert_int_equal(end.code, 0);
}

static void a_scheduler_may_go_while_tasks_wait_for_io(void **state)
{
    coro_sched_t *s;
    int fds[2];
    (void)state;

    make_pair(fds);
    notes = 0;
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, reads_one, (void *)(intptr_t)fds[0], NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, polls, (void *)(intptr_t)fds[1], NULL), 0);
    coro_sched_step(s, 0);
    assert_int_equal(coro_sched_destroy(s), 0);
    ASSERT_NOTED(POLLOUT);
    close_both(fds);
}

static void *writes_from_afar(void *fd)
{
    usleep(3000);
    (void)!write((int)(intptr_t)fd, "x", 1);
    return NULL;
}

static void *waits_for_afar(void *arg)
{
    char c;

    note(coro_read(((int *)arg)[0], &c, 1, CORO_FOREVER));
    note(coro_read(((int *)arg)[0], &c, 1, CORO_MS(1)));
    return NULL;
}

static void waiting_for_input_is_no_deadlock(void **state)
{
    pthread_t thread;
    int fds[2];
    (void)state;

    make_pipe(fds);
    assert_int_equal(pthread_create(&thread, NULL, writes_from_afar, (void *)(intptr_t)fds[1]), 0);
    RUNS_WITH(NULL, waits_for_afar, fds, 1, -ETIMEDOUT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close_both(fds);
}

static void *joins_in_a_ring(void *arg)
{
    static coro_task_t *self;
    coro_task_t *t;

    (void)arg;
    if (self == NULL) {
        self = coro_task_self();
        t = spawned(joins_in_a_ring, NULL);
        coro_join(t, NULL, CORO_FOREVER);
    } else {
        int fds[2];
        char c;

        make_pair(fds);
        coro_read(fds[0], &c, 1, soon());
        close_both(fds);
        coro_offload(offloaded, NULL, NULL, CORO_FOREVER);
        coro_join(self, NULL, CORO_FOREVER);
    }
    return NULL;
}

static void *makes_a_ring(void *arg)
{
    spawned(joins_in_a_ring, NULL); /* the first task of coro_run() cannot be joined */
    return arg;
}

static int deadlocks(long arg)
{
    (void)arg;
    return coro_run(makes_a_ring, NULL, NULL, NULL) == -EDEADLK ? 0 : 1;
}

static void a_deadlock_is_found_after_all_io_is_done(void **state)
{
    struct child_end end = in_fresh_child(deadlocks, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_non_null(strstr(end.said, "a cycle: "));
}

static void *virtually(void *arg)
{
    int64_t before = coro_now();
    coro_task_t *t;
    int fds[2];
    char c;

    (void)arg;
    make_pair(fds);
    note(coro_read(fds[0], &c, 1, coro_after(CORO_S(3600))));
    note(coro_now() == before + CORO_S(3600));
    t = spawned(reads_one, (void *)(intptr_t)fds[0]); /* input that is there comes before time that is not */
    coro_pause();
    coro_write(fds[1], "x", 1, CORO_FOREVER);
    coro_join(t, NULL, CORO_FOREVER);
    note(coro_now() == before + CORO_S(3600));
    note(coro_offload(dawdles, NULL, NULL, CORO_FOREVER));
    note(coro_now() == before + CORO_S(3600));
    close_both(fds);
    return NULL;
}

static void virtual_time_passes_only_when_there_is_no_input(void **state)
{
    (void)state;
    RUNS_WITH((&(coro_sched_opts){.virtual_time = true}), virtually, NULL, -ETIMEDOUT, 1, 1, 1, 0, 1);
}

/* One with a sleeper that is always ready first must not starve those that wait for input. */
static bool stop_pausing;

static void *pauses(void *arg)
{
    while (!stop_pausing)
        coro_pause();
    return arg;
}

static void *in_a_crowd(void *arg)
{
    coro_task_t *t[3], *reader;
    int fds[2];

    (void)arg;
    stop_pausing = false;
    make_pair(fds);
    for (int i = 0; i < 3; i++)
        t[i] = spawned(pauses, NULL);
    reader = spawned(reads_one, (void *)(intptr_t)fds[0]);
    coro_pause();
    coro_write(fds[1], "x", 1, CORO_FOREVER);
    note(coro_join(reader, NULL, coro_after(CORO_S(5))));
    stop_pausing = true;
    coro_join_all(t, 3, NULL, CORO_FOREVER);
    close_both(fds);
    return NULL;
}

static void input_comes_through_though_others_are_always_ready(void **state)
{
    (void)state;
    for (int policy = CORO_FIFO; policy <= CORO_DEPTH_FIRST; policy++)
        RUNS_WITH((&(coro_sched_opts){.policy = (coro_policy)policy}), in_a_crowd, NULL, 1, 0);
    RUNS_WITH((&(coro_sched_opts){.seed = 7}), in_a_crowd, NULL, 1, 0);
}

static void *ping_pong(void *fd)
{
    intptr_t rounds = 0;
    char c = 'x';

    for (size_t i = 0; i < scaled(2000); i++)
        if (coro_write((int)(intptr_t)fd, &c, 1, CORO_FOREVER) == 1 &&
            coro_read((int)(intptr_t)fd, &c, 1, coro_after(CORO_S(20))) == 1)
            rounds++;
    if (coro_offload(offloaded, NULL, NULL, CORO_FOREVER) != 0)
        rounds = -1;
    coro_close((int)(intptr_t)fd);
    return (void *)rounds;
}

static void *runs_ping_pong(void *fd)
{
    void *rounds = NULL;
    int err = coro_run(ping_pong, fd, &rounds, NULL);

    return err == 0 ? rounds : NULL;
}

static void two_schedulers_in_two_threads_talk_to_each_other(void **state)
{
    pthread_t threads[2];
    void *rounds;
    int fds[2];
    (void)state;

    make_pair(fds);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, runs_ping_pong, (void *)(intptr_t)fds[i]), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &rounds), 0);
        assert_int_equal((size_t)(uintptr_t)rounds, scaled(2000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mebibyte_comes_back_intact_over_every_kind_of_stream),
        TEST(a_slow_reader_holds_the_writers_up_and_loses_nothing),
        TEST(datagrams_go_there_and_back),
        TEST(vectors_are_gathered_and_scattered),
        TEST(what_was_transferred_is_returned_before_what_went_wrong),
        TEST(a_write_of_everything_says_how_far_it_came),
        TEST(a_peer_that_is_gone_is_an_error_and_no_signal),
        TEST(a_reset_wakes_who_waits),
        TEST(a_bad_descriptor_is_said_to_be_bad),
        TEST(outside_a_task_calls_do_not_wait),
        TEST(a_blocking_descriptor_is_made_non_blocking),
        TEST(packets_and_lines_of_a_terminal_do_not_look_drained),
        TEST(what_was_only_looked_at_is_still_there),
        TEST(urgent_data_does_not_hide_what_comes_after_it),
        TEST(data_and_the_end_may_come_together),
        TEST(every_wait_ends_with_its_deadline_or_is_cancelled_or_closed),
        TEST(a_cancelled_task_transfers_nothing_more),
        TEST(a_deadline_that_has_passed_means_to_try_once),
        TEST(input_that_no_event_has_told_of_yet_is_found),
        TEST(a_second_waiter_on_a_direction_is_refused),
        TEST(a_reader_and_a_writer_share_a_descriptor),
        TEST(a_wait_in_a_nested_coroutine_parks_the_whole_task),
        TEST(a_descriptor_is_ready_for_what_it_is_ready_for),
        TEST(either_direction_wakes_who_polls_for_both),
        TEST(files_and_directories_never_block),
        TEST(a_number_that_comes_again_at_once_is_another_descriptor),
        TEST(events_of_a_closed_descriptor_wake_nobody),
        TEST(a_number_that_is_no_socket_any_more_is_read_all_the_same),
        TEST(a_duplicate_may_take_the_number_of_the_original),
        TEST(a_connect_does_not_take_another_socket_for_its_own),
        TEST(closing_ends_a_connection_at_once),
        TEST(what_comes_as_a_task_is_cancelled_is_not_lost),
        TEST(a_connection_may_be_refused),
        TEST(an_address_that_cannot_be_read_is_invalid),
        TEST(names_and_numbers_can_be_dialled),
        TEST(dialling_waits_until_a_full_queue_has_room),
        TEST(thousands_of_connections_are_served_at_a_time),
        TEST(a_server_gets_over_running_out_of_descriptors),
        TEST(names_are_looked_up),
        TEST(at_most_eight_calls_are_made_at_a_time),
        TEST(a_call_that_nobody_waits_for_ends_by_itself),
        TEST(an_offloaded_call_may_be_given_up),
        TEST(a_scheduler_may_go_while_a_call_is_made_for_it),
        TEST(a_scheduler_that_goes_waits_for_what_has_the_memory_of_a_task),
        TEST(a_forked_child_has_helpers_of_its_own),
        TEST(files_are_read_and_written_anywhere),
        TEST(a_signal_can_be_waited_for),
        TEST(a_child_can_be_waited_for),
        TEST(a_foreign_loop_sees_that_a_socket_is_ready),
        TEST(a_foreign_loop_may_close_what_a_task_waits_on),
        TEST(a_scheduler_that_cannot_be_hosted_does_its_io_all_the_same),
        TEST(a_scheduler_may_go_while_tasks_wait_for_io),
        TEST(waiting_for_input_is_no_deadlock),
        TEST(a_deadlock_is_found_after_all_io_is_done),
        TEST(virtual_time_passes_only_when_there_is_no_input),
        TEST(input_comes_through_though_others_are_always_ready),
        TEST(two_schedulers_in_two_threads_talk_to_each_other),
    };
    int failed;

    if (mkdtemp(directory) == NULL)
        return 125;
    failed = RUN_TESTS(tests);
    rmdir(directory);
    return failed;
}
