/*
 * The server: a task that accepts, a task for each connection, and an orderly end.
 *
 *     server_run
 *     +-- group of connections: all have ended when it is joined
 *     +-- accept_all, until a signal comes
 *
 * After that nobody is accepted any more. Connections that wait for a request end as if their clients had hung up; the
 * others finish their reply, or are cancelled when the grace period is over.
 */
#include "httpd.h"

#include "../signals.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- a connection ---- */

static int answer(struct connection *c, struct request *r)
{
    c->server->requests++;
    if (request_says(r, r->path, "/status"))
        return reply_counters(c, r);
    if (request_says(r, r->path, "/echo"))
        return reply_echo(c, r);
    return reply_file(c, r);
}

/* Requests, one after the other. Returns 0 when a reply was the last one, or an error. */
static int converse(struct connection *c)
{
    struct request r;
    int status;

    do {
        status = request_read(c, &r);
        if (status > 0) {
            r.keep_alive = false;
            status = reply_status(c, &r, status);
        } else if (status == 0) {
            status = answer(c, &r);
        }
        request_end(c, &r);
    } while (status == 0 && r.keep_alive && !c->server->stopping);
    return status;
}

/* A client that is still sending when its connection is closed would lose what was sent to it: wait until it has read
 * that and hangs up. */
static void linger(struct connection *c)
{
    int64_t deadline = coro_after(CORO_S(2));
    int err = coro_stream_flush(c->stream, coro_after(c->server->limits.send_timeout));
    char *bytes;
    ssize_t n = 1;

    if (err == 0 && shutdown(coro_stream_fd(c->stream), SHUT_WR) == 0)
        while (n > 0) {
            n = coro_stream_peek(c->stream, 1, &bytes, deadline);
            if (n > 0)
                coro_stream_skip(c->stream, (size_t)n);
        }
}

static void leave(struct connection *c)
{
    struct server *server = c->server;

    if (c->newer != NULL)
        c->newer->older = c->older;
    else
        server->newest = c->older;
    if (c->older != NULL)
        c->older->newer = c->newer;
    free(c);
    server->open--;
    coro_sem_post(&server->places);
    coro_waitgroup_done(&server->all);
}

static int serve(void *arg)
{
    struct connection *c = arg;

    if (converse(c) == 0)
        linger(c);
    coro_stream_close(c->stream, 0);
    leave(c);
    return 0;
}

/* Takes `fd`. */
static int begin(struct server *server, int fd)
{
    struct connection *c = malloc(sizeof *c);
    int err = c != NULL ? 0 : -ENOMEM, on = 1;

    if (err == 0) {
        *c = (struct connection){.server = server, .idle = true, .older = server->newest};
        err = coro_stream_open(&c->stream, fd);
    }
    if (err == 0) {
        err = coro_group_spawn(&server->group, serve, c);
        if (err == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            if (c->older != NULL)
                c->older->newer = c;
            server->newest = c;
            server->open++;
            server->connections++;
            coro_waitgroup_add(&server->all, 1);
            return 0;
        }
        coro_stream_close(c->stream, 0);
    } else {
        coro_close(fd);
    }
    free(c);
    return err;
}

/* ---- the server ---- */

/* Clients beyond the limit wait until a place is free. One that a firewall refuses, or that there is no memory for, is
 * no reason to stop. */
static int accept_all(void *arg)
{
    struct server *server = arg;

    for (;;) {
        int err = coro_sem_wait(&server->places, CORO_FOREVER);
        int fd = err == 0 ? coro_accept(server->listener, NULL, NULL, CORO_FOREVER) : err;

        if (fd < 0 && fd != -EPERM && fd != -ENOMEM && fd != -ENOBUFS)
            return fd;
        if (fd < 0 || begin(server, fd) != 0)
            coro_sem_post(&server->places);
    }
}

static void stop(struct server *server)
{
    server->stopping = true;
    coro_close(server->listener);
    for (struct connection *c = server->newest; c != NULL; c = c->older)
        if (c->idle)
            shutdown(coro_stream_fd(c->stream), SHUT_RD);
    if (coro_waitgroup_wait(&server->all, coro_after(server->limits.grace)) != 0) {
        printf("httpd: cutting off %lu\n", server->open);
        coro_group_cancel(&server->group);
    }
}

int server_run(struct server *server)
{
    int err = coro_group_open(&server->group, CORO_WAIT_ALL, CORO_FOREVER);

    if (err != 0)
        return err;
    server->begun = coro_now();
    coro_sem_init(&server->places, (unsigned)server->limits.connections);
    err = until_signal(accept_all, server);
    stop(server);
    coro_group_join(&server->group);
    return err;
}
