#include "reply.h"

#include <coro.h>
#include <stdarg.h>
#include <stdio.h>

enum { SMALL = 256, PIECE = 1 << 20, ERROR_MOST = 512 };

void reply_raw(struct client *client, const char *text, size_t size)
{
    ssize_t n = client->err == 0 ? coro_stream_write(client->stream, text, size, client->until) : 0;

    if (n < 0)
        client->err = (int)n;
}

/* "$3\r\n": a letter, a number, the end of the line. How many bytes? */
static size_t write_header(char out[24], char type, unsigned long long n)
{
    char digits[20];
    size_t count = 0, size = 0;

    do
        digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    out[size++] = type;
    while (count > 0)
        out[size++] = digits[--count];
    out[size++] = '\r';
    out[size++] = '\n';
    return size;
}

void reply_integer(struct client *client, long long n)
{
    char out[24];
    int size = snprintf(out, sizeof out, ":%lld\r\n", n);

    reply_raw(client, out, (size_t)size);
}

void reply_array(struct client *client, size_t count)
{
    char out[24];

    reply_raw(client, out, write_header(out, '*', count));
}

void reply_bulk(struct client *client, const char *bytes, size_t size)
{
    char out[24 + SMALL + 2];
    size_t header = write_header(out, '$', size);

    if (size <= SMALL) {
        memcpy(out + header, bytes, size);
        memcpy(out + header + size, "\r\n", 2);
        reply_raw(client, out, header + size + 2);
        return;
    }
    reply_raw(client, out, header);
    for (size_t done = 0, piece; done < size && client->err == 0; done += piece) {
        piece = size - done < PIECE ? size - done : PIECE;
        client->until = coro_after(REPLY_PATIENCE);
        reply_raw(client, bytes + done, piece);
    }
    reply_literal(client, "\r\n");
}

/* It is held: to write may be to wait, and others may replace it meanwhile. */
void reply_value(struct client *client, struct value *value)
{
    value_hold(value);
    reply_bulk(client, value->bytes, value->size);
    value_release(value);
}

/* What a client sent may be part of the message, but must not end it. */
void reply_error(struct client *client, const char *format, ...)
{
    char out[ERROR_MOST];
    va_list args;
    size_t size;

    out[0] = '-';
    va_start(args, format);
    vsnprintf(out + 1, sizeof out - 3, format, args);
    va_end(args);
    size = strlen(out);
    for (size_t i = 0; i < size; i++)
        if (out[i] == '\r' || out[i] == '\n')
            out[i] = ' ';
    memcpy(out + size, "\r\n", 2);
    reply_raw(client, out, size + 2);
}
