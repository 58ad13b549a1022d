/* server.h: what the requests of all connections share, and what is known of one connection. */
#ifndef RESP_SERVER_H
#define RESP_SERVER_H

#include "request.h"
#include "store.h"

struct server {
    struct store store;
    size_t clients;
    unsigned long connections, requests; /* since the beginning */
};

struct client {
    struct server *server;
    coro_stream_t *stream;
    struct request request;
    int64_t until; /* when to give up on a client that does not take its replies */
    int err;       /* of the first reply that could not be written: those behind it are not */
    bool quits;
};

#endif
