/*
 * httpd.h: the parts of the server, and what they hand to each other.
 *
 *     main.c      options
 *     server.c    accepts connections, a task for each; stops when told to
 *     request.c   reads a request, within limits of size and time
 *     reply.c     heads of replies, and replies without a file
 *     files.c     replies with a file, or a part of it
 *     pages.c     /status and /echo
 *
 * Results of functions that may fail: 0; a negative errno value, and the connection is of no use any more; or a
 * positive number, the status of HTTP to reply with before it is closed.
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <coro.h>
#include <http_parser.h>
#include <stdarg.h>
#include <stdbool.h>
#include <time.h>

enum {
    HEAD_MOST = 2048, /* bytes of the head of a reply */
    PATH_MOST = 1024, /* bytes of the path in a request, longest that is served */
    DATE_SIZE = 30,   /* of a date as HTTP writes it, with its '\0' */
};

struct limits {
    unsigned long connections;
    unsigned long head, body;                                       /* bytes */
    int64_t idle_timeout, head_timeout, body_timeout, send_timeout; /* ns */
    int64_t grace; /* ns, for requests in flight when the server stops */
};

struct server {
    /* constant while it runs */
    struct limits limits;
    int root; /* of the files */
    int listener;

    coro_group_t group;        /* of connections */
    coro_waitgroup_t all;      /* connections that are open */
    coro_sem_t places;         /* for further ones */
    struct connection *newest; /* list of them */
    bool stopping;

    unsigned long open, connections, requests;
    int64_t begun;

    time_t date_of; /* the second that `date` stands for */
    char date[DATE_SIZE];
};

struct connection {
    struct server *server;
    coro_stream_t *stream;
    bool idle; /* waits for the first byte of a request */
    struct connection *newer, *older;
};

/* The headers that matter here. */
enum header { HOST, RANGE, IF_RANGE, IF_MODIFIED_SINCE, EXPECT, CONTENT_TYPE, HEADERS, OTHER = HEADERS };

/* A part of the head: an offset, since the head may move. */
struct slice {
    size_t at, length;
};

struct request {
    http_parser parser;
    const char *head; /* in the stream if there is no body, otherwise on the heap */
    size_t head_length;
    struct slice url, path, headers[HEADERS]; /* `at` is 0 where a header is missing */
    char *body;
    size_t body_length, body_most;
    bool keep_alive;

    /* while it is parsed */
    enum header field;
    bool headed, complete, copied, too_large;
};

/* server.c: serve until SIGTERM or SIGINT. Returns 0, or a negative errno value. */
int server_run(struct server *server);

/* request.c. What has been read must be ended, whatever came of it. */
int request_read(struct connection *c, struct request *r);
void request_end(struct connection *c, struct request *r);

/* Is the text of a slice `text`, letters of either case? */
bool request_says(const struct request *r, struct slice slice, const char *text);

/* reply.c. Write a head to `to`, of HEAD_MOST bytes: the status line, what every reply has, and further headers, each
 * line ended. Returns its length. */
size_t reply_head(struct connection *c, struct request *r, int status, char *to, const char *headers, ...)
    __attribute__((format(printf, 5, 6)));

/* A reply that is short enough to be kept in memory. */
int reply_with(struct connection *c, struct request *r, int status, const char *type, const char *body, size_t length);
int reply_status(struct connection *c, struct request *r, int status);
int reply_not_allowed(struct connection *c, struct request *r, const char *methods);

int connection_write(struct connection *c, const void *bytes, size_t n);
void http_date(time_t time, char to[DATE_SIZE]);

/* files.c, pages.c */
int reply_file(struct connection *c, struct request *r);
int reply_counters(struct connection *c, struct request *r);
int reply_echo(struct connection *c, struct request *r);

#endif
