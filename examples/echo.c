/*
 * echo: a server that gives back what it is sent (RFC 862).
 *
 * A task a connection, which reads and writes as if it were alone. One that says nothing for a while is closed.
 * SIGINT or SIGTERM end the server: reads return -ECANCELED, so each task goes on behind its loop, and closes its
 * connection. What it has read by then it still gives back.
 */
#include "server.h"

static int serve(void *arg);

static struct server server = {.name = "echo",
                               .about = "Give back what is sent by TCP",
                               .host = "127.0.0.1",
                               .port = 7777,
                               .idle_s = 60,
                               .serve = serve};
static unsigned long connections, bytes;

static int64_t deadline(void)
{
    return coro_after(CORO_S(server.idle_s));
}

/* Even if the server ends meanwhile; but the deadline holds. */
static bool give_back(int fd, const char *data, size_t n)
{
    int shielded = coro_shield(true);
    ssize_t written = coro_write_all(fd, data, n, deadline());

    coro_shield(shielded == 1);
    return written == (ssize_t)n;
}

static int serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    ssize_t n;

    connections++;
    while ((n = coro_read(fd, buffer, sizeof buffer, deadline())) > 0 && give_back(fd, buffer, (size_t)n))
        bytes += (unsigned long)n;
    coro_close(fd);
    return 0;
}

int main(int argc, char *argv[])
{
    int err;

    server_options(argc, argv, &server);
    err = server_run(&server);
    if (err == 0)
        printf("%s connections, %s bytes\n", GROUPED(connections), GROUPED(bytes));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
