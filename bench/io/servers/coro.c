/* libcoro: a task a connection. */
#include "wire.h"

#include <coro.h>
#include <coro/io.h>

#include <stdint.h>
#include <stdio.h>

static struct io_conversation conversation;

static bool answer(int fd, char *in, size_t *used)
{
    const char *out;
    size_t size;

    while (*used > 0 && (size = io_answer(&conversation, in, used, &out)) > 0)
        if (coro_write_all(fd, out, size, CORO_FOREVER) != (ssize_t)size)
            return false;
    return *used < IO_BUFFER_SIZE;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char in[IO_BUFFER_SIZE];
    size_t used = 0;
    ssize_t n;

    while ((n = coro_read(fd, in + used, sizeof in - used, CORO_FOREVER)) > 0) {
        used += (size_t)n;
        if (!answer(fd, in, &used))
            break;
    }
    coro_close(fd);
    return NULL;
}

static void *listen_on(void *arg)
{
    int fd;

    while ((fd = coro_accept(IO_LISTENER, NULL, NULL, CORO_FOREVER)) >= 0)
        if (coro_spawn(NULL, serve, (void *)(intptr_t)fd, NULL) != 0)
            coro_close(fd);
    fprintf(stderr, "accept: %s\n", coro_strerror(fd));
    return arg;
}

int main(int argc, char **argv)
{
    conversation = io_converse(argc > 1 ? argv[1] : "echo");
    return coro_run(listen_on, NULL, NULL, NULL) == 0 ? 0 : 1;
}
