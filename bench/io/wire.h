/*
 * What the servers and their client talk.
 *
 * echo: the client sends IO_ECHO_SIZE bytes and waits for them to come back. http: a GET, and a response of 128 bytes. How a server that
 * is written by hand finds the end of a request is the same in all of them, so that what is compared is what is around it.
 *
 * resp: the Redis protocol, PING, SET and GET.
 *
 * A server is a program: SERVER echo|http|resp PORT. The listening socket is descriptor 3, but for those that listen
 * by themselves.
 */
#ifndef IO_WIRE_H
#define IO_WIRE_H

#include <stddef.h>
#include <string.h>

enum { IO_LISTENER = 3, IO_ECHO_SIZE = 64, IO_BUFFER_SIZE = 1024 };

#define IO_REQUEST "GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
#define IO_BODY                                                                                                        \
    "{\"name\":\"libcoro\",\"status\":\"ready\",\"requests\":1234567,\"connections\":1000,\"uptime\":8640,"            \
    "\"load\":[0.25,0.50,0.75],\"ok\":true,\"z\":0}\n"
#define IO_RESPONSE "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 128\r\n\r\n" IO_BODY

#ifdef __cplusplus
static_assert(sizeof IO_BODY - 1 == 128, "Content-Length");
#else
_Static_assert(sizeof IO_BODY - 1 == 128, "Content-Length");
#endif

/* The bytes of a request and of a response. */
struct io_conversation {
    const char *response; /* NULL: what came */
    size_t response_size;
};

static inline struct io_conversation io_converse(const char *name)
{
    struct io_conversation c = {NULL, 0};

    if (strcmp(name, "http") == 0) {
        c.response = IO_RESPONSE;
        c.response_size = sizeof IO_RESPONSE - 1;
    }
    return c;
}

/* The length of the request that `in` begins with; 0 if it is not all there. */
static inline size_t io_request_end(const char *in, size_t size)
{
    const char *end = (const char *)memmem(in, size, "\r\n\r\n", 4);

    return end != NULL ? (size_t)(end - in) + 4 : 0;
}

/* There are `*used` bytes in `in`. What to answer to them, if there is something to be answered: of requests that are all there, one is
   taken off. */
static inline size_t io_answer(const struct io_conversation *c, char *in, size_t *used, const char **out)
{
    size_t size = *used, end;

    if (c->response == NULL) {
        *out = in;
        *used = 0;
        return size;
    }
    end = io_request_end(in, size);
    if (end == 0)
        return 0;
    if (end < size)
        memmove(in, in + end, size - end);
    *used = size - end;
    *out = c->response;
    return c->response_size;
}

#endif
