/*
 * What is no file: /status tells in JSON how the server is doing, /echo sends back what it was sent.
 */
#include "httpd.h"

#include <stdio.h>
#include <string.h>

int reply_counters(struct connection *c, struct request *r)
{
    const struct server *server = c->server;
    char json[256];
    int n = snprintf(json, sizeof json,
                     "{\"uptime_s\": %.3f, \"open\": %lu, \"connections\": %lu, \"requests\": %lu, \"stopping\": %s}\n",
                     (double)(coro_now() - server->begun) / 1e9, server->open, server->connections, server->requests,
                     server->stopping ? "true" : "false");

    if (r->parser.method != HTTP_GET && r->parser.method != HTTP_HEAD)
        return reply_not_allowed(c, r, "GET, HEAD");
    return reply_with(c, r, HTTP_STATUS_OK, "application/json", json, (size_t)n);
}

static int write_chunk(struct connection *c, const char *bytes, size_t n)
{
    char size[24];
    int err = connection_write(c, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));

    if (err == 0)
        err = connection_write(c, bytes, n);
    return err == 0 ? connection_write(c, "\r\n", 2) : err;
}

static int reply_in_chunks(struct connection *c, struct request *r, const char *type)
{
    enum { CHUNK = 16384 };
    char head[HEAD_MOST];
    size_t n = reply_head(c, r, HTTP_STATUS_OK, head, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n", type);
    int err = connection_write(c, head, n);

    for (size_t done = 0; done < r->body_length && err == 0; done += CHUNK)
        err = write_chunk(c, r->body + done, r->body_length - done < CHUNK ? r->body_length - done : CHUNK);
    return err == 0 ? connection_write(c, "0\r\n\r\n", 5) : err;
}

/* What came in chunks goes back in chunks. */
int reply_echo(struct connection *c, struct request *r)
{
    struct slice sent = r->headers[CONTENT_TYPE];
    char type[128] = "application/octet-stream";

    if (r->parser.method != HTTP_POST && r->parser.method != HTTP_PUT)
        return reply_not_allowed(c, r, "POST, PUT");
    if (sent.at != 0 && sent.length < sizeof type)
        snprintf(type, sizeof type, "%.*s", (int)sent.length, r->head + sent.at);
    if ((r->parser.flags & F_CHUNKED) != 0)
        return reply_in_chunks(c, r, type);
    return reply_with(c, r, HTTP_STATUS_OK, type, r->body, r->body_length);
}
