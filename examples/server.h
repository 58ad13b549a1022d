/*
 * server.h: what the servers among the examples share. A task a connection, until a signal comes; and their options.
 */
#ifndef SERVER_H
#define SERVER_H

#include "common.h"
#include "signals.h"

#include <coro.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* ---- a task a connection ---- */

struct server {
    const char *name, *about;
    const char *port; /* where to listen; 0: any that is free */
    const char *host;
    unsigned long idle_s; /* how long a connection may be silent */
    coro_job *serve;      /* given a descriptor as (void *)(intptr_t)fd, which it closes */
    int err;              /* why it ended; 0: a signal */
};

static inline int port_of(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t length = sizeof at;

    getsockname(fd, (struct sockaddr *)&at, &length);
    return ntohs(((struct sockaddr_in *)(void *)&at)->sin_port); /* at the same place in IPv6 */
}

/* Take connections until that fails or is cancelled; then nobody new gets in, and those that are there are
 * cancelled and waited for. */
static inline int accept_all(const struct server *server, int listener)
{
    coro_group_t connections;
    int fd, err = coro_group_open(&connections, CORO_WAIT_ALL, CORO_FOREVER);

    if (err != 0)
        return err;
    while ((fd = coro_accept(listener, NULL, NULL, CORO_FOREVER)) >= 0)
        if (coro_group_spawn(&connections, server->serve, (void *)(intptr_t)fd) != 0)
            coro_close(fd); /* no memory: serve the others */
    coro_close(listener);
    coro_group_cancel(&connections);
    coro_group_join(&connections);
    return fd;
}

/* Without an error in any case: the first job that succeeds ends until_signal(). */
static inline int listen_and_serve(void *arg)
{
    struct server *server = arg;
    char addr[300];
    int listener;

    snprintf(addr, sizeof addr, strchr(server->host, ':') != NULL ? "[%s]:%s" : "%s:%s", server->host, server->port);
    listener = server->err = coro_tcp_listen(addr, 0);
    if (listener < 0)
        return 0;
    printf("listening on port %d\n", port_of(listener));
    fflush(stdout);
    server->err = accept_all(server, listener);
    if (server->err == -ECANCELED)
        server->err = 0;
    return 0;
}

static inline void *server_task(void *arg)
{
    struct server *server = arg;
    int err = until_signal(listen_and_serve, server);

    if (err != 0)
        server->err = err;
    return NULL;
}

/* Serve until SIGINT or SIGTERM. 0, or why that could not be. */
static inline int server_run(struct server *server)
{
    int err = coro_run(server_task, server, NULL, NULL);

    if (err == 0)
        err = server->err;
    if (err != 0)
        fprintf(stderr, "%s: %s\n", server->name, coro_strerror(err));
    return err;
}

/* ---- options ---- */

static inline void server_usage(FILE *to, const struct server *server)
{
    fprintf(to,
            "usage: %s [--host HOST] [--port PORT] [--idle SECONDS]\n"
            "%s, until SIGINT or SIGTERM.\n"
            "\n"
            "  --host HOST     where to listen; %s if not said\n"
            "  --port PORT     %s if not said; 0: any that is free\n"
            "  --idle SECONDS  close connections over which nothing has gone for so long; %lu if not said\n",
            server->name, server->about, server->host, server->port, server->idle_s);
}

static inline void server_options(int argc, char *argv[], struct server *server)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"host", required_argument, NULL, 'H'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"idle", required_argument, NULL, 'i'},
                                            {NULL, 0, NULL, 0}};
    const struct server defaults = *server;
    unsigned long port;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            server_usage(stdout, &defaults);
            exit(EXIT_SUCCESS);
        } else if (option == 'H') {
            server->host = optarg;
        } else if (option == 'p' && parse_number(optarg, 65535, &port)) {
            server->port = optarg;
        } else if (option != 'i' || !parse_number(optarg, 1000000, &server->idle_s) || server->idle_s == 0) {
            server_usage(stderr, &defaults);
            exit(2);
        }
    }
    if (optind < argc) {
        server_usage(stderr, &defaults);
        exit(2);
    }
}

#endif
