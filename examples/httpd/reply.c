/*
 * Replies: their heads, and those that fit into memory. A head and a short body go out in one piece, and so do the
 * replies to requests that came in one piece: the stream is flushed before the server waits.
 */
#include "httpd.h"

#include <stdio.h>
#include <string.h>

void http_date(time_t time, char to[DATE_SIZE])
{
    struct tm parts;

    gmtime_r(&time, &parts);
    strftime(to, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

/* Made once a second. */
static const char *date_now(struct server *server)
{
    time_t now = time(NULL);

    if (now != server->date_of) {
        http_date(now, server->date);
        server->date_of = now;
    }
    return server->date;
}

/* Clients are not kept where others wait for a place, or when the server stops. */
static const char *connection_header(const struct connection *c, struct request *r)
{
    const struct server *server = c->server;

    r->keep_alive = r->keep_alive && !server->stopping && server->open < server->limits.connections;
    if (!r->keep_alive)
        return "Connection: close\r\n";
    return r->parser.http_minor == 0 ? "Connection: keep-alive\r\n" : "";
}

size_t reply_head(struct connection *c, struct request *r, int status, char *to, const char *headers, ...)
{
    const char *kept = connection_header(c, r);
    int n = snprintf(to, HEAD_MOST, "HTTP/1.1 %d %s\r\nServer: libcoro\r\nDate: %s\r\n%s", status,
                     http_status_str((enum http_status)status), date_now(c->server), kept);
    va_list args;

    va_start(args, headers);
    n += vsnprintf(to + n, (size_t)(HEAD_MOST - n - 2), headers, args);
    va_end(args);
    memcpy(to + n, "\r\n", 2);
    return (size_t)n + 2;
}

int connection_write(struct connection *c, const void *bytes, size_t n)
{
    ssize_t written = coro_stream_write(c->stream, bytes, n, coro_after(c->server->limits.send_timeout));

    return written < 0 ? (int)written : 0;
}

int reply_with(struct connection *c, struct request *r, int status, const char *type, const char *body, size_t length)
{
    char head[HEAD_MOST];
    size_t n = reply_head(c, r, status, head, "Content-Type: %s\r\nContent-Length: %zu\r\n", type, length);
    int err = connection_write(c, head, n);

    if (err == 0 && r->parser.method != HTTP_HEAD)
        err = connection_write(c, body, length);
    return err;
}

int reply_status(struct connection *c, struct request *r, int status)
{
    char body[64];
    int n = snprintf(body, sizeof body, "%d %s\n", status, http_status_str((enum http_status)status));

    return reply_with(c, r, status, "text/plain; charset=utf-8", body, (size_t)n);
}

int reply_not_allowed(struct connection *c, struct request *r, const char *methods)
{
    char head[HEAD_MOST];
    size_t n = reply_head(c, r, HTTP_STATUS_METHOD_NOT_ALLOWED, head, "Allow: %s\r\nContent-Length: 0\r\n", methods);

    return connection_write(c, head, n);
}
