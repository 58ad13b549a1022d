/*
 * socks: a proxy for TCP connections (SOCKS5, RFC 1928; CONNECT, without authentication).
 *
 * A task a connection says hello and dials, with one deadline for both. Then two tasks in a group carry the bytes,
 * one a direction. The end of one direction is handed on by shutting down that half; the other goes on as long as it
 * likes. If one fails the group cancels the other, and when both have ended the connection is over: no state, no
 * callbacks, nothing to be freed.
 */
#include "server.h"

#include <arpa/inet.h>

#define HANDSHAKE CORO_S(30)

enum { SOCKS5 = 5, NO_AUTHENTICATION = 0, NO_ACCEPTABLE_METHOD = 0xff, CONNECT = 1 };
enum address_type { IPV4 = 1, DOMAIN_NAME = 3, IPV6 = 4 };
enum reply {
    SUCCEEDED = 0,
    GENERAL_FAILURE = 1,
    NETWORK_UNREACHABLE = 3,
    HOST_UNREACHABLE = 4,
    CONNECTION_REFUSED = 5,
    TIMED_OUT = 6, /* "TTL expired" */
    COMMAND_NOT_SUPPORTED = 7,
    ADDRESS_TYPE_NOT_SUPPORTED = 8
};

static int serve(void *arg);

static struct server server = {.name = "socks",
                               .about = "A SOCKS5 proxy: make TCP connections for others",
                               .host = "127.0.0.1",
                               .port = 1080,
                               .idle_s = 300,
                               .serve = serve};

/* ---- what the client wants: 0, a negative errno value, or a reply ---- */

static int read_exactly(int fd, void *buffer, size_t n, int64_t deadline)
{
    ssize_t got = coro_read_full(fd, buffer, n, deadline);

    return got < 0 ? (int)got : (size_t)got < n ? -EPIPE : 0;
}

static int write_exactly(int fd, const void *buffer, size_t n, int64_t deadline)
{
    ssize_t written = coro_write_all(fd, buffer, n, deadline);

    return written < 0 ? (int)written : (size_t)written < n ? -EPIPE : 0;
}

static int agree_on_method(int fd, int64_t deadline)
{
    unsigned char hello[2], methods[255], choice[2] = {SOCKS5, NO_ACCEPTABLE_METHOD};
    int err = read_exactly(fd, hello, 2, deadline);

    if (err == 0 && hello[0] != SOCKS5)
        return -EPROTO;
    if (err == 0)
        err = read_exactly(fd, methods, hello[1], deadline);
    if (err != 0)
        return err;
    if (memchr(methods, NO_AUTHENTICATION, hello[1]) != NULL)
        choice[1] = NO_AUTHENTICATION;
    err = write_exactly(fd, choice, 2, deadline);
    return err == 0 && choice[1] == NO_ACCEPTABLE_METHOD ? -EACCES : err;
}

/* Read an address and a port, as coro_tcp_dial() wants them. */
static int read_target(int fd, int type, char target[300], int64_t deadline)
{
    unsigned char address[256] = {0}, port[2], length = type == IPV4 ? 4 : 16;
    char number[INET6_ADDRSTRLEN];
    const char *host = (const char *)address;
    int err = 0;

    if (type == DOMAIN_NAME)
        err = read_exactly(fd, &length, 1, deadline);
    else if (type != IPV4 && type != IPV6)
        return ADDRESS_TYPE_NOT_SUPPORTED;
    if (err == 0)
        err = read_exactly(fd, address, length, deadline);
    if (err == 0)
        err = read_exactly(fd, port, 2, deadline);
    if (err != 0)
        return err;
    if (type != DOMAIN_NAME)
        host = inet_ntop(type == IPV4 ? AF_INET : AF_INET6, address, number, sizeof number);
    else if (strlen(host) != length)
        return GENERAL_FAILURE; /* a name with a zero in it would be taken for another one */
    snprintf(target, 300, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port[0] << 8 | port[1]);
    return 0;
}

static int read_request(int fd, char target[300], int64_t deadline)
{
    unsigned char request[4]; /* version, command, reserved, type of the address */
    int err = read_exactly(fd, request, 4, deadline);

    if (err == 0 && request[0] != SOCKS5)
        return -EPROTO;
    if (err == 0)
        err = read_target(fd, request[3], target, deadline);
    return err == 0 && request[1] != CONNECT ? COMMAND_NOT_SUPPORTED : err;
}

/* ---- what it gets ---- */

static int reply_for(int err)
{
    if (err >= 0)
        return SUCCEEDED;
    switch (err) {
    case -ECONNREFUSED:
        return CONNECTION_REFUSED;
    case -ENETUNREACH:
        return NETWORK_UNREACHABLE;
    case -ENOENT:
    case -EHOSTUNREACH:
        return HOST_UNREACHABLE;
    case -ETIMEDOUT:
        return TIMED_OUT;
    default:
        return GENERAL_FAILURE;
    }
}

static int answer(int fd, int reply, int64_t deadline)
{
    const unsigned char bytes[10] = {SOCKS5, (unsigned char)reply, 0,
                                     IPV4}; /* bound to 0.0.0.0:0: who wants to know? */

    return write_exactly(fd, bytes, sizeof bytes, deadline);
}

/* The descriptor of a connection to where the client wants to go, or a negative errno value. */
static int dial_for(int client)
{
    int64_t deadline = coro_after(HANDSHAKE);
    char target[300];
    int fd, err = agree_on_method(client, deadline);

    if (err == 0)
        err = read_request(client, target, deadline);
    if (err > 0)
        answer(client, err, deadline);
    if (err != 0)
        return err < 0 ? err : -EPROTO;
    fd = coro_tcp_dial(target, deadline);
    /* A dial that took all the time is to be answered, too. */
    err = answer(client, reply_for(fd), coro_after(HANDSHAKE));
    if (fd >= 0 && err != 0) {
        coro_close(fd);
        return err;
    }
    return fd;
}

/* ---- the bytes ---- */

struct tunnel {
    int64_t idle_until; /* of both directions: a long download is no reason to hang up on a client that is silent */
};

struct direction {
    struct tunnel *tunnel;
    int from, to;
};

static int64_t touch(struct tunnel *tunnel)
{
    return tunnel->idle_until = coro_after(CORO_S(server.idle_s));
}

static ssize_t read_some(const struct direction *d, char *buffer, size_t size)
{
    ssize_t n;

    do
        n = coro_read(d->from, buffer, size, d->tunnel->idle_until);
    while (n == -ETIMEDOUT && coro_now() < d->tunnel->idle_until);
    return n;
}

static int carry(void *arg)
{
    const struct direction *d = arg;
    char buffer[16384];
    ssize_t n;
    int err;

    while ((n = read_some(d, buffer, sizeof buffer)) > 0) {
        err = write_exactly(d->to, buffer, (size_t)n, touch(d->tunnel));
        if (err != 0)
            return err;
    }
    if (n < 0)
        return (int)n;
    return shutdown(d->to, SHUT_WR) == 0 ? 0 : -errno;
}

static int carry_both(int client, int target)
{
    struct tunnel tunnel;
    struct direction there = {&tunnel, client, target}, back = {&tunnel, target, client};
    coro_group_t group;
    int err = coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER);

    if (err != 0)
        return err;
    touch(&tunnel);
    err = coro_group_spawn(&group, carry, &there);
    if (err == 0)
        err = coro_group_spawn(&group, carry, &back);
    if (err != 0)
        coro_group_cancel(&group);
    coro_group_join(&group);
    return err;
}

static int serve(void *arg)
{
    int client = (int)(intptr_t)arg, target = dial_for(client), err = target;

    if (target >= 0) {
        err = carry_both(client, target);
        coro_close(target);
    }
    coro_close(client);
    return err;
}

int main(int argc, char *argv[])
{
    server_options(argc, argv, &server);
    return server_run(&server) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
