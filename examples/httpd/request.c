/*
 * Reading a request. http_parser says what it means; here it is seen to that it comes in time and is not too large.
 *
 * The parser is given a head when all of it is there. So the parts of a request are where they were received, and
 * nothing is copied unless a body follows, which is received into the same buffer.
 */
#include "httpd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what the parser calls ---- */

static int on_url(http_parser *parser, const char *at, size_t length)
{
    struct request *r = parser->data;

    r->url = (struct slice){(size_t)(at - r->head), length};
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    static const char *const names[HEADERS] = {[HOST] = "host",         [RANGE] = "range",
                                               [IF_RANGE] = "if-range", [IF_MODIFIED_SINCE] = "if-modified-since",
                                               [EXPECT] = "expect",     [CONTENT_TYPE] = "content-type"};
    struct request *r = parser->data;

    for (r->field = 0; r->field < HEADERS; r->field++)
        if (strlen(names[r->field]) == length && strncasecmp(names[r->field], at, length) == 0)
            break;
    return 0;
}

/* A header that is there twice, or goes on in the next line, is an error: each may mean something else to whoever
 * stands in between. */
static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct request *r = parser->data;

    if (r->headed || r->field == OTHER) /* trailers are dropped */
        return 0;
    if (r->headers[r->field].at != 0)
        return -1;
    r->headers[r->field] = (struct slice){(size_t)(at - r->head), length};
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct request *r = parser->data;

    r->headed = true;
    r->keep_alive = http_should_keep_alive(parser) != 0;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct request *r = parser->data;

    r->too_large = length > r->body_most - r->body_length;
    if (r->too_large)
        return -1;
    memcpy(r->body + r->body_length, at, length);
    r->body_length += length;
    return 0;
}

/* What follows is the next request. */
static int on_message_complete(http_parser *parser)
{
    struct request *r = parser->data;

    r->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings callbacks = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* The status for what the parser did not like; 0 if all is well. */
static int complaint(const struct request *r)
{
    switch (HTTP_PARSER_ERRNO(&r->parser)) {
    case HPE_OK:
    case HPE_PAUSED:
        return 0;
    case HPE_INVALID_METHOD:
        return HTTP_STATUS_NOT_IMPLEMENTED;
    case HPE_INVALID_VERSION:
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    case HPE_HEADER_OVERFLOW:
        return HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
    default:
        return r->too_large ? HTTP_STATUS_PAYLOAD_TOO_LARGE : HTTP_STATUS_BAD_REQUEST;
    }
}

/* ---- the head ---- */

/* How long the head is that `bytes` begin with, its empty line included; 0 if that is not there yet. It is not in the
 * first `seen`. */
static size_t length_of_head(const char *bytes, size_t n, size_t seen)
{
    const char *end = bytes + n;
    const char *line = bytes + (seen > 2 ? seen - 2 : 0);

    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        line++;
        if (end - line >= 1 && line[0] == '\n')
            return (size_t)(line + 1 - bytes);
        if (end - line >= 2 && line[0] == '\r' && line[1] == '\n')
            return (size_t)(line + 2 - bytes);
    }
    return 0;
}

/* Wait for more than `held` bytes. What was replied goes out before. Returns how many there are, or an error. */
static ssize_t wait_for_more(struct connection *c, size_t held, char **bytes, int64_t deadline)
{
    const struct limits *limits = &c->server->limits;
    ssize_t n = coro_stream_flush(c->stream, coro_after(limits->send_timeout));

    if (n != 0)
        return n;
    c->idle = held == 0;
    n = coro_stream_peek(c->stream, held + 1, bytes, held == 0 ? coro_after(limits->idle_timeout) : deadline);
    c->idle = false;
    return n >= 0 && (size_t)n <= held ? -EPIPE : n;
}

static int read_head(struct connection *c, struct request *r)
{
    const struct limits *limits = &c->server->limits;
    int64_t deadline = CORO_FOREVER; /* once there is a byte */
    size_t seen = 0;
    char *bytes;
    ssize_t held = coro_stream_peek(c->stream, 0, &bytes, 0); /* sent ahead, with the last request */

    while (r->head_length == 0) {
        if (held == 0 || (size_t)held == seen)
            held = wait_for_more(c, seen, &bytes, deadline);
        if (held < 0)
            return held == -ETIMEDOUT && seen != 0 ? HTTP_STATUS_REQUEST_TIMEOUT : (int)held;
        if (seen == 0)
            deadline = coro_after(limits->head_timeout);
        r->head_length = length_of_head(bytes, (size_t)held, seen);
        if (r->head_length > limits->head || (r->head_length == 0 && (size_t)held >= limits->head))
            return HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE;
        seen = (size_t)held;
    }
    r->head = bytes;
    http_parser_execute(&r->parser, &callbacks, bytes, r->head_length);
    return complaint(r);
}

/* ---- the body ---- */

/* Make what has been read of the request the caller's own, and make room for a body. */
static int prepare_for_body(struct connection *c, struct request *r)
{
    bool chunked = (r->parser.flags & F_CHUNKED) != 0;
    char *copy;

    r->body_most = c->server->limits.body;
    if (!chunked && r->parser.content_length > r->body_most)
        return HTTP_STATUS_PAYLOAD_TOO_LARGE;
    if (!chunked)
        r->body_most = (size_t)r->parser.content_length;
    copy = malloc(r->head_length);
    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, r->head, r->head_length);
    r->head = copy;
    r->copied = true;
    coro_stream_skip(c->stream, r->head_length);
    r->body = malloc(r->body_most);
    return r->body != NULL || r->body_most == 0 ? 0 : -ENOMEM;
}

/* A client that asks first may go on, unless it has not waited for an answer. */
static int tell_to_go_on(struct connection *c, const struct request *r)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *bytes;
    int err;

    if (!request_says(r, r->headers[EXPECT], "100-continue") || coro_stream_peek(c->stream, 0, &bytes, 0) != 0)
        return 0;
    err = connection_write(c, go_on, sizeof go_on - 1);
    return err == 0 ? coro_stream_flush(c->stream, coro_after(c->server->limits.send_timeout)) : err;
}

static int read_body(struct connection *c, struct request *r)
{
    int64_t deadline = coro_after(c->server->limits.body_timeout);
    int err = prepare_for_body(c, r);

    if (err == 0)
        err = tell_to_go_on(c, r);
    while (err == 0 && !r->complete) {
        char *bytes;
        ssize_t n = coro_stream_peek(c->stream, 1, &bytes, deadline);

        if (n == -ETIMEDOUT)
            return HTTP_STATUS_REQUEST_TIMEOUT;
        if (n <= 0)
            return n < 0 ? (int)n : -EPIPE;
        coro_stream_skip(c->stream, http_parser_execute(&r->parser, &callbacks, bytes, (size_t)n));
        err = complaint(r);
    }
    return err;
}

/* ---- both ---- */

/* What is still to be said against a request, and which path it is for. */
static int check(struct request *r)
{
    struct http_parser_url parts;
    const char *url = r->head + r->url.at;

    if (r->parser.http_major != 1)
        return HTTP_STATUS_HTTP_VERSION_NOT_SUPPORTED;
    if (r->parser.http_minor > 0 && r->headers[HOST].at == 0)
        return HTTP_STATUS_BAD_REQUEST;
    http_parser_url_init(&parts);
    if (r->parser.method == HTTP_CONNECT || http_parser_parse_url(url, r->url.length, 0, &parts) != 0)
        return HTTP_STATUS_BAD_REQUEST;
    if (parts.field_data[UF_PATH].len > PATH_MOST)
        return HTTP_STATUS_URI_TOO_LONG;
    if (parts.field_data[UF_PATH].len == 0 || url[parts.field_data[UF_PATH].off] != '/')
        return HTTP_STATUS_BAD_REQUEST;
    r->path = (struct slice){r->url.at + parts.field_data[UF_PATH].off, parts.field_data[UF_PATH].len};
    return 0;
}

int request_read(struct connection *c, struct request *r)
{
    int err;

    do { /* empty lines before a request are nothing */
        *r = (struct request){0};
        http_parser_init(&r->parser, HTTP_REQUEST);
        r->parser.data = r;
        err = read_head(c, r);
        if (err == 0 && !r->headed)
            coro_stream_skip(c->stream, r->head_length);
    } while (err == 0 && !r->headed);
    if (err == 0)
        err = check(r);
    if (err == 0 && !r->complete)
        err = read_body(c, r);
    return err;
}

void request_end(struct connection *c, struct request *r)
{
    if (r->copied)
        free((void *)(uintptr_t)r->head);
    else
        coro_stream_skip(c->stream, r->head_length);
    free(r->body);
}

bool request_says(const struct request *r, struct slice slice, const char *text)
{
    return slice.at != 0 && slice.length == strlen(text) && strncasecmp(r->head + slice.at, text, slice.length) == 0;
}
