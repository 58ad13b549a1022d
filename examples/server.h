/*
 * server.h: what servers of a task a connection share, and their options.
 */
#ifndef SERVER_H
#define SERVER_H

#include "common.h"
#include "listen.h"
#include "signals.h"

struct server {
    const char *name, *about;
    const char *host;
    unsigned long port;   /* 0: any that is free */
    unsigned long idle_s; /* how long a connection may be silent */
    coro_job *serve;      /* given a descriptor as (void *)(intptr_t)fd, which it closes */
};

/* ---- a task a connection ---- */

/* Take connections until that fails or is cancelled; then nobody new gets in, and those that are there are cancelled
 * and waited for. */
static inline int listen_and_serve(void *arg)
{
    const struct server *server = arg;
    coro_group_t connections;
    int fd, err, listener = listen_at(server->host, server->port);

    if (listener < 0)
        return listener;
    err = coro_group_open(&connections, CORO_WAIT_ALL, CORO_FOREVER);
    if (err != 0) {
        coro_close(listener);
        return err;
    }
    while ((fd = coro_accept(listener, NULL, NULL, CORO_FOREVER)) >= 0)
        if (coro_group_spawn(&connections, server->serve, (void *)(intptr_t)fd) != 0)
            coro_close(fd); /* no memory: serve the others */
    coro_close(listener);
    coro_group_cancel(&connections);
    coro_group_join(&connections);
    return fd;
}

/* Serve until SIGINT or SIGTERM. 0, or why that could not be. */
static inline int server_run(struct server *server)
{
    int err = run_until_signal(listen_and_serve, server);

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
            "  --port PORT     %lu if not said; 0: any that is free\n"
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
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            server_usage(stdout, &defaults);
            exit(EXIT_SUCCESS);
        } else if (option == 'H') {
            server->host = optarg;
        } else if (option == 'p' && parse_number(optarg, UINT16_MAX, &server->port)) {
            continue;
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
