/*
 * listen.h: for examples that others connect to.
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <coro.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Listen by TCP, and say where; port 0 is any that is free. Returns a descriptor, or a negative errno value. */
static inline int listen_at(const char *host, unsigned long port)
{
    const char *format = strchr(host, ':') != NULL ? "[%s]:%lu" : "%s:%lu"; /* IPv6 has colons of its own */
    struct sockaddr_storage at = {0};
    socklen_t length = sizeof at;
    char address[300];
    int listener;

    snprintf(address, sizeof address, format, host, port);
    listener = coro_tcp_listen(address, 0);
    if (listener < 0)
        return listener;
    getsockname(listener, (struct sockaddr *)&at, &length);
    port = ntohs(((struct sockaddr_in *)(void *)&at)->sin_port); /* at the same place in IPv6 */
    snprintf(address, sizeof address, format, host, port);
    printf("listening on %s\n", address);
    fflush(stdout);
    return listener;
}

#endif
