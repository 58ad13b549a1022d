/*
 * resp: a key-value server that talks the Redis protocol, for redis-cli, redis-benchmark and whatever else does.
 *
 * A task a connection, straight on: read a request, do it, reply. Requests that have come together are answered together: what is in the
 * stream's buffer is done first, and then the replies go out, in one write as long as they fit into a buffer. While a connection is idle it
 * holds no buffer. Nothing is locked, since tasks switch only where they wait, and no command waits between looking and changing.
 *
 * All tasks belong to one group, which a signal cancels: who waits for a request ends, who is answering some finishes that first.
 */
#include "../common.h"
#include "../listen.h"
#include "../signals.h"
#include "commands.h"
#include "reply.h"

#include <netinet/tcp.h>
#include <sys/stat.h>

enum { SWEEP_MS = 100, SWEEP_BUCKETS = 1024, SWEEP_MANY = 256, LINGER_S = 5 };

static const char usage[] = "usage: resp [OPTION]...\n"
                            "A key-value server in memory that talks the Redis protocol (RESP2).\n"
                            "\n"
                            "  -H, --host HOST          listen there (default: 127.0.0.1)\n"
                            "  -p, --port PORT          on this port; 0: any that is free (default: 6379)\n"
                            "  -u, --unix PATH          on this Unix socket instead\n"
                            "  -c, --clients COUNT      at most so many at a time (default: 10000)\n"
                            "  -t, --timeout SECONDS    end connections that are idle for so long; 0: never (default)\n"
                            "  -h, --help               show this text\n"
                            "\n"
                            "It says where it listens, and runs until SIGTERM or SIGINT.\n";

static struct {
    const char *host, *unix_path;
    unsigned long port, clients, timeout;
} settings = {.host = "127.0.0.1", .port = 6379, .clients = 10000};

static struct server server;
static coro_group_t group; /* of all tasks */
static int listener;

/* ---- a connection ---- */

static int64_t patience(void)
{
    return settings.timeout != 0 ? CORO_S((int64_t)settings.timeout) : CORO_FOREVER;
}

/* All requests that are in the window, and their replies. */
static enum request_state answer(struct client *client, char *window, size_t size)
{
    struct request *r = &client->request;
    enum request_state state = REQUEST_COMPLETE;

    client->until = coro_after(REPLY_PATIENCE);
    while (state == REQUEST_COMPLETE && !client->quits && client->err == 0) {
        state = request_parse(r, window, size);
        if (state != REQUEST_COMPLETE)
            break;
        command_run(client);
        coro_stream_skip(client->stream, r->parsed);
        window += r->parsed;
        size -= r->parsed;
        request_end(r);
    }
    if (state == REQUEST_BAD) {
        reply_error(client, "ERR Protocol error: %s", r->error);
        client->quits = true;
    }
    if (client->err == 0)
        client->err = coro_stream_flush(client->stream, client->until);
    return state;
}

static void converse(struct client *client)
{
    struct request *r = &client->request;

    while (!client->quits && client->err == 0) {
        enum request_state state;
        char *window;
        ssize_t n = coro_stream_peek(client->stream, r->wanted, &window, coro_after(patience()));

        if (n < (ssize_t)r->wanted)
            break;
        coro_shield(true);
        state = answer(client, window, (size_t)n);
        coro_shield(false);
        if (state == REQUEST_BIG && client->err == 0)
            client->err = request_gather(r, client->stream, patience());
    }
}

/* To close a connection with input unread would take away what is still on its way to the client: its last reply. So wait until the client
 * has closed its side, but not for long. */
static void part(struct client *client)
{
    int64_t deadline = coro_after(CORO_S(LINGER_S));
    char *window;
    ssize_t n;

    shutdown(coro_stream_fd(client->stream), SHUT_WR);
    while ((n = coro_stream_peek(client->stream, 1, &window, deadline)) > 0)
        coro_stream_skip(client->stream, (size_t)n);
}

static int serve(void *arg)
{
    struct client client = {.server = &server, .stream = arg};

    request_begin(&client.request);
    converse(&client);
    request_end(&client.request);
    if (client.quits && client.err == 0)
        part(&client);
    coro_stream_close(client.stream, 0);
    server.clients--;
    return 0;
}

/* ---- the other tasks ---- */

/* 0, or why it is not served. */
static int take(int fd)
{
    static const char full[] = "-ERR max number of clients reached\r\n";
    coro_stream_t *stream;
    int one = 1, err;

    if (server.clients >= settings.clients) {
        coro_write(fd, full, sizeof full - 1, 0);
        return -EBUSY;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* a Unix socket says no, and needs none */
    err = coro_stream_open(&stream, fd);
    if (err != 0)
        return err;
    err = coro_group_spawn(&group, serve, stream);
    if (err != 0) {
        coro_stream_close(stream, 0);
        return 0; /* the descriptor is gone with it */
    }
    server.clients++;
    server.connections++;
    return 0;
}

static int accept_all(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = coro_accept(listener, NULL, NULL, CORO_FOREVER)) >= 0)
        if (take(fd) != 0)
            coro_close(fd);
    return fd;
}

/* Keys that nobody asks for any more go, too. Where many do, there are more of them. */
static int sweep(void *arg)
{
    int err = 0;

    (void)arg;
    while (err == 0) {
        size_t gone = store_sweep(&server.store, SWEEP_BUCKETS);

        err = gone > SWEEP_MANY ? coro_pause() : coro_sleep(CORO_MS(SWEEP_MS));
    }
    return 0;
}

static int run_group(void)
{
    int err = coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER), outcome;

    if (err != 0)
        return err;
    err = coro_group_spawn(&group, sweep, NULL);
    if (err == 0)
        err = coro_group_spawn(&group, accept_all, NULL);
    if (err != 0)
        coro_group_cancel(&group);
    outcome = coro_group_join(&group);
    return err != 0 ? err : outcome;
}

/* ---- the server ---- */

static int listen_at_path(const char *path)
{
    struct stat status;
    int fd;

    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode))
        unlink(path); /* of a server that did not end well */
    fd = coro_unix_listen(path, 0);
    if (fd >= 0) {
        printf("listening on %s\n", path);
        fflush(stdout);
    }
    return fd;
}

/* Until it is cancelled. */
static int serve_all(void *arg)
{
    int err;

    (void)arg;
    listener =
        settings.unix_path != NULL ? listen_at_path(settings.unix_path) : listen_at(settings.host, settings.port);
    if (listener < 0)
        return listener;
    store_open(&server.store);
    err = run_group();
    coro_close(listener);
    if (settings.unix_path != NULL)
        unlink(settings.unix_path);
    store_clear(&server.store);
    return err;
}

static unsigned long number(const char *text, unsigned long most)
{
    unsigned long n;

    if (parse_number(text, most, &n))
        return n;
    fprintf(stderr, "resp: not a number from 0 to %lu: %s\n", most, text);
    exit(2);
}

static void read_options(int argc, char *argv[])
{
    static const struct option options[] = {{"host", required_argument, NULL, 'H'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"unix", required_argument, NULL, 'u'},
                                            {"clients", required_argument, NULL, 'c'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "H:p:u:c:t:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        } else if (option == 'H') {
            settings.host = optarg;
        } else if (option == 'p') {
            settings.port = number(optarg, UINT16_MAX);
        } else if (option == 'u') {
            settings.unix_path = optarg;
        } else if (option == 'c') {
            settings.clients = number(optarg, 1000000);
        } else if (option == 't') {
            settings.timeout = number(optarg, 1000000);
        } else {
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char *argv[])
{
    int err;

    read_options(argc, argv);
    err = run_until_signal(serve_all, NULL);
    if (err != 0)
        fprintf(stderr, "resp: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
