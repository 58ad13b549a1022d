/* reply.h: replies, as RESP2 writes them. Into the stream's buffer; what does not fit waits for the client to take it. */
#ifndef RESP_REPLY_H
#define RESP_REPLY_H

#include "server.h"

/* How long a client may take nothing of a reply. */
#define REPLY_PATIENCE CORO_S(60)

/* As it stands: "+OK\r\n" */
void reply_raw(struct client *client, const char *text, size_t size);
#define reply_literal(client, text) reply_raw((client), (text), sizeof(text) - 1)

void reply_integer(struct client *client, long long n);
void reply_array(struct client *client, size_t count);
void reply_bulk(struct client *client, const char *bytes, size_t size);
void reply_value(struct client *client, struct value *value);
void reply_error(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
