/*
 * Streams. Each has a buffer for input and one for output, and holds neither while there is nothing in it: buffers of the usual size are
 * passed around by the scheduler's streams.
 */
#include "io.h"

#include <coro/stream.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct buffer {
    char *bytes; /* NULL: there is nothing in it */
    size_t capacity;
    size_t begin, end; /* what is in it */
};

struct coro_stream {
    int fd;
    struct buffer in, out;
    char *ended;   /* where coro_stream_read_until() has put a '\0', NULL if it has not; ... */
    char replaced; /* ... and of what */
};

/* ---- buffers ---- */

static size_t content(const struct buffer *b)
{
    return b->end - b->begin;
}

static void release(struct buffer *b)
{
    if (b->capacity == CORO__IO_BUFFER)
        coro__io_give_buffer(b->bytes);
    else
        free(b->bytes);
    *b = (struct buffer){0};
}

static void consume(struct buffer *b, size_t n)
{
    b->begin += n;
    if (b->begin == b->end)
        b->begin = b->end = 0;
}

static size_t capacity_for(size_t n)
{
    size_t capacity = CORO__IO_BUFFER;

    while (n >= capacity)
        capacity *= 2;
    return capacity;
}

/* Make room for `n` bytes more, and one. */
static int make_room(struct buffer *b, size_t n)
{
    size_t held = content(b), capacity = capacity_for(held + n);
    char *bytes;

    if (b->bytes != NULL && b->end + n < b->capacity)
        return 0;
    if (b->bytes != NULL && capacity <= b->capacity) {
        memmove(b->bytes, b->bytes + b->begin, held);
    } else {
        bytes = capacity == CORO__IO_BUFFER ? coro__io_take_buffer() : malloc(capacity);
        if (bytes == NULL)
            return -ENOMEM;
        if (held != 0)
            memcpy(bytes, b->bytes + b->begin, held);
        if (b->bytes != NULL)
            release(b);
        b->bytes = bytes;
        b->capacity = capacity;
    }
    b->begin = 0;
    b->end = held;
    return 0;
}

/* ---- made and closed ---- */

int coro_stream_open(coro_stream_t **out, int fd)
{
    coro_stream_t *s;

    if (out == NULL || fd < 0)
        return -EINVAL;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    s->fd = fd;
    *out = s;
    return 0;
}

int coro_stream_close(coro_stream_t *s, int64_t deadline)
{
    int err, closed;

    if (s == NULL)
        return -EINVAL;
    err = coro_stream_flush(s, deadline);
    closed = coro_close(s->fd);
    release(&s->in);
    release(&s->out);
    free(s);
    return err != 0 ? err : closed;
}

int coro_stream_fd(const coro_stream_t *s)
{
    return s != NULL ? s->fd : -EINVAL;
}

/* ---- reading ---- */

/* What was read by coro_stream_read_until() is of no use any more. */
static void go_on(coro_stream_t *s)
{
    if (s->ended != NULL)
        *s->ended = s->replaced;
    s->ended = NULL;
}

/* A read that takes a buffer only when it is made, and has none while it waits for the next one. */
static ssize_t read_into_buffer(const struct coro__io_op *op)
{
    struct buffer *in = op->buf;
    ssize_t n;
    int err;

    if (in->bytes == NULL && make_room(in, op->size) != 0) {
        errno = ENOMEM;
        return -1;
    }
    n = read(op->fd, in->bytes + in->end, op->size);
    err = errno;
    if (n > 0)
        in->end += (size_t)n;
    else if (content(in) == 0)
        release(in);
    errno = err;
    return n;
}

/* Get more input, `wanted` bytes if they come at once: how many; 0 at the end. */
static ssize_t fill(coro_stream_t *s, size_t wanted, int64_t deadline)
{
    struct buffer *in = &s->in;
    struct coro__io_op op = {.fd = s->fd, .call = read_into_buffer, .buf = in, .size = capacity_for(wanted) - 1};
    int err = 0;

    if (content(in) == 0) {
        release(in);
    } else {
        err = make_room(in, wanted);
        op.size = in->capacity - in->end - 1;
    }
    return err != 0 ? err : coro__io_do(&op, deadline);
}

static void take(coro_stream_t *s, void *buf, size_t n)
{
    if (n != 0)
        memcpy(buf, s->in.bytes + s->in.begin, n);
    consume(&s->in, n);
}

ssize_t coro_stream_read(coro_stream_t *s, void *buf, size_t n, int64_t deadline)
{
    size_t held;

    if (s == NULL || (buf == NULL && n != 0) || n > SSIZE_MAX)
        return -EINVAL;
    go_on(s);
    if (content(&s->in) == 0 && n != 0) {
        ssize_t more = n >= CORO__IO_BUFFER ? coro_read(s->fd, buf, n, deadline) : fill(s, 1, deadline);

        if (more <= 0 || n >= CORO__IO_BUFFER)
            return more;
    }
    held = content(&s->in);
    if (n > held)
        n = held;
    take(s, buf, n);
    return (ssize_t)n;
}

ssize_t coro_stream_peek(coro_stream_t *s, size_t n, char **data, int64_t deadline)
{
    if (s == NULL || data == NULL)
        return -EINVAL;
    if (n > CORO_STREAM_MOST)
        return -EMSGSIZE;
    go_on(s);
    while (content(&s->in) < n) {
        ssize_t more = fill(s, n - content(&s->in), deadline);

        if (more < 0)
            return more;
        if (more == 0)
            break;
    }
    *data = s->in.bytes != NULL ? s->in.bytes + s->in.begin : NULL;
    return (ssize_t)content(&s->in);
}

int coro_stream_skip(coro_stream_t *s, size_t n)
{
    if (s == NULL || n > content(&s->in))
        return -EINVAL;
    go_on(s);
    consume(&s->in, n);
    return 0;
}

ssize_t coro_stream_read_full(coro_stream_t *s, void *buf, size_t n, int64_t deadline)
{
    size_t done = 0;

    if (s == NULL || (buf == NULL && n != 0) || n > SSIZE_MAX)
        return -EINVAL;
    while (done < n) {
        ssize_t some = coro_stream_read(s, (char *)buf + done, n - done, deadline);

        if (some < 0 && done == 0)
            return some;
        if (some <= 0)
            break;
        done += (size_t)some;
    }
    return (ssize_t)done;
}

ssize_t coro_stream_read_until(coro_stream_t *s, char delimiter, char **data, int64_t deadline)
{
    size_t looked_at = 0, length;
    ssize_t more = 1;

    if (s == NULL || data == NULL)
        return -EINVAL;
    go_on(s);
    for (;;) {
        const char *begin = content(&s->in) != 0 ? s->in.bytes + s->in.begin : NULL;
        const char *found =
            content(&s->in) > looked_at ? memchr(begin + looked_at, delimiter, content(&s->in) - looked_at) : NULL;

        looked_at = content(&s->in);
        length = found != NULL ? (size_t)(found - begin) + 1 : looked_at;
        if (found != NULL || more == 0)
            break;
        if (looked_at >= CORO_STREAM_MOST)
            return -EMSGSIZE;
        more = fill(s, 1, deadline);
        if (more < 0)
            return more;
    }
    if (length == 0)
        return 0;
    *data = s->in.bytes + s->in.begin;
    s->ended = *data + length;
    s->replaced = *s->ended;
    *s->ended = '\0';
    consume(&s->in, length);
    return (ssize_t)length;
}

/* ---- writing ---- */

int coro_stream_flush(coro_stream_t *s, int64_t deadline)
{
    struct buffer *out;

    if (s == NULL)
        return -EINVAL;
    out = &s->out;
    while (content(out) != 0) {
        ssize_t n = coro_write(s->fd, out->bytes + out->begin, content(out), deadline);

        if (n < 0)
            return (int)n;
        consume(out, (size_t)n);
    }
    release(out);
    return 0;
}

/* What is too much to be worth copying goes out as it is. */
static int write_through(coro_stream_t *s, const void *buf, size_t n, int64_t deadline)
{
    int err = coro_stream_flush(s, deadline);
    ssize_t done = err == 0 ? coro_write_all(s->fd, buf, n, deadline) : err;

    if (done < 0)
        return (int)done;
    return (size_t)done == n ? 0 : -EIO; /* the next write would say why */
}

ssize_t coro_stream_write(coro_stream_t *s, const void *buf, size_t n, int64_t deadline)
{
    int err;

    if (s == NULL || (buf == NULL && n != 0) || n > SSIZE_MAX)
        return -EINVAL;
    if (n >= CORO__IO_BUFFER) {
        err = write_through(s, buf, n, deadline);
        return err != 0 ? err : (ssize_t)n;
    }
    err = content(&s->out) + n >= CORO__IO_BUFFER ? coro_stream_flush(s, deadline) : 0;
    if (err == 0)
        err = make_room(&s->out, n);
    if (err != 0)
        return err;
    if (n != 0)
        memcpy(s->out.bytes + s->out.end, buf, n);
    s->out.end += n;
    return (ssize_t)n;
}

/* What does not fit into the usual buffer. */
static int print_much(coro_stream_t *s, int64_t deadline, const char *format, va_list args)
{
    char *text;
    int n = vasprintf(&text, format, args);
    ssize_t err;

    if (n < 0)
        return -ENOMEM;
    err = coro_stream_write(s, text, (size_t)n, deadline);
    free(text);
    return err < 0 ? (int)err : n;
}

int coro_stream_vprintf(coro_stream_t *s, int64_t deadline, const char *format, va_list args)
{
    va_list again;
    size_t room;
    int n, err;

    if (s == NULL || format == NULL)
        return -EINVAL;
    err = make_room(&s->out, 1);
    if (err != 0)
        return err;
    room = s->out.capacity - s->out.end;
    va_copy(again, args);
    n = vsnprintf(s->out.bytes + s->out.end, room, format, args);
    if (n >= 0 && (size_t)n < room)
        s->out.end += (size_t)n;
    else
        n = n < 0 ? -EINVAL : print_much(s, deadline, format, again);
    va_end(again);
    return n;
}

int coro_stream_printf(coro_stream_t *s, int64_t deadline, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = coro_stream_vprintf(s, deadline, format, args);
    va_end(args);
    return n;
}
