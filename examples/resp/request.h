/*
 * request.h: requests of the Redis protocol (RESP2), taken off a stream.
 *
 * Arguments are not copied: they lie in the stream's buffer, the window. Those that are too long for it are read into values of their own,
 * which a SET may keep.
 */
#ifndef RESP_REQUEST_H
#define RESP_REQUEST_H

#include "store.h"

#include <coro/stream.h>

enum {
    INLINE_MOST = 64 << 10,    /* bytes of a request that is a line, and of a length */
    WINDOW_MOST = 64 << 10,    /* bytes of a request that are buffered */
    ARGUMENTS_MOST = 1 << 20,  /* of a request */
    BULK_MOST = 512 << 20,     /* bytes of an argument */
    REQUEST_MOST = 1024 << 20, /* bytes of all arguments */
    ARGUMENTS_FEW = 8,         /* so many need no heap */
};

struct argument {
    char *bytes; /* valid once the request is complete */
    size_t size;
    size_t at;           /* in the window, if there is no value */
    struct value *value; /* NULL: it lies in the window */
};

/* A request, as far as it has come. */
struct request {
    struct argument *arguments; /* `few`, or on the heap */
    size_t count, capacity;
    size_t expected; /* arguments; 0: not known yet */
    size_t parsed;   /* bytes of the window */
    size_t wanted;   /* bytes of the window that it takes to get any further */
    size_t total;    /* bytes of all arguments */
    bool bulk_known; /* the length of the next argument: */
    size_t bulk;
    bool end_due;   /* the end of the line behind the last argument has not come */
    char error[64]; /* how the protocol was violated */
    struct argument few[ARGUMENTS_FEW];
};

enum request_state {
    REQUEST_PARTIAL,  /* more must come: `wanted` */
    REQUEST_COMPLETE, /* `arguments` are valid; `parsed` bytes are to be skipped once it is answered */
    REQUEST_BIG,      /* the next argument is not for the window: request_gather() */
    REQUEST_BAD,      /* a violation: `error` */
};

void request_begin(struct request *r);
void request_end(struct request *r);

/* Go on with a request, whose window begins where the stream stands. Does not wait. */
enum request_state request_parse(struct request *r, char *window, size_t size);

/* Read the argument that is big into a value, and copy those before it: the window is empty then. `patience`: ns to wait for any byte.
   0, or a negative errno value. */
int request_gather(struct request *r, coro_stream_t *s, int64_t patience);

#endif
