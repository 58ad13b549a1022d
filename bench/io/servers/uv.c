/* libuv: callbacks. What can be written at once is, with uv_try_write(). */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct connection {
    uv_tcp_t tcp;
    size_t used;
    char in[IO_BUFFER_SIZE];
};

static struct io_conversation conversation;

static void ended(uv_handle_t *handle)
{
    free(handle->data);
}

static void give(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct connection *c = handle->data;

    (void)size;
    *buf = uv_buf_init(c->in + c->used, (unsigned)(sizeof c->in - c->used));
}

static int answer(struct connection *c)
{
    const char *out;
    size_t size;

    while (c->used > 0 && (size = io_answer(&conversation, c->in, &c->used, &out)) > 0) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)out, (unsigned)size);

        if (uv_try_write((uv_stream_t *)&c->tcp, &buf, 1) != (int)size)
            return -1;
    }
    return c->used < sizeof c->in ? 0 : -1;
}

static void serve(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;

    (void)buf;
    if (n > 0)
        c->used += (size_t)n;
    if (n < 0 || answer(c) != 0)
        uv_close((uv_handle_t *)stream, ended);
}

static void take(uv_stream_t *listener, int status)
{
    struct connection *c = status == 0 ? malloc(sizeof *c) : NULL;

    if (c == NULL)
        return;
    uv_tcp_init(listener->loop, &c->tcp);
    c->tcp.data = c;
    c->used = 0;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 || uv_read_start((uv_stream_t *)&c->tcp, give, serve) != 0)
        uv_close((uv_handle_t *)&c->tcp, ended);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    int err;

    conversation = io_converse(argc > 1 ? argv[1] : "echo");
    uv_tcp_init(loop, &listener);
    err = uv_tcp_open(&listener, IO_LISTENER);
    if (err == 0)
        err = uv_listen((uv_stream_t *)&listener, 4096, take);
    if (err == 0)
        err = uv_run(loop, UV_RUN_DEFAULT);
    fprintf(stderr, "libuv: %s\n", uv_strerror(err));
    return 1;
}
