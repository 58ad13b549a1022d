/*
 * Examples for coro/stream.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* coro_stream_open coro_stream_read_until coro_stream_printf coro_stream_flush coro_stream_close */
static int repeat_lines(int fd)
{
    coro_stream_t *s;
    char *line;
    int err = coro_stream_open(&s, fd);

    if (err != 0)
        return err;
    while (coro_stream_read_until(s, '\n', &line, coro_after(CORO_S(30))) > 0) {
        coro_stream_printf(s, CORO_FOREVER, "you said: %s", line);
        coro_stream_flush(s, CORO_FOREVER);
    }
    return coro_stream_close(s, CORO_FOREVER);
}

/* coro_stream_read coro_stream_write */
static ssize_t copy(coro_stream_t *from, coro_stream_t *to)
{
    char buf[4096];
    ssize_t n;

    while ((n = coro_stream_read(from, buf, sizeof buf, CORO_FOREVER)) > 0)
        if ((n = coro_stream_write(to, buf, (size_t)n, CORO_FOREVER)) < 0)
            break;
    return n;
}

/* coro_stream_read_full */
static int read_body(coro_stream_t *s, char *body, size_t n)
{
    ssize_t got = coro_stream_read_full(s, body, n, coro_after(CORO_S(10)));

    return got == (ssize_t)n ? 0 : got < 0 ? (int)got : -EPROTO; /* fewer: the stream has ended */
}

/* coro_stream_fd */
static int send_at_once(const coro_stream_t *s)
{
    int on = 1;

    return setsockopt(coro_stream_fd(s), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* coro_stream_peek coro_stream_skip */
static int skip_byte_order_mark(coro_stream_t *s)
{
    char *data;
    ssize_t n = coro_stream_peek(s, 3, &data, CORO_FOREVER);

    return n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? coro_stream_skip(s, 3) : 0;
}

/* coro_stream_vprintf */
static __attribute__((format(printf, 2, 3))) int reply(coro_stream_t *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = coro_stream_vprintf(s, coro_after(CORO_S(5)), format, args);
    va_end(args);
    return n;
}
