/*
 * httpd: a web server for files, with a task for each connection.
 *
 * HTTP/1.1 with connections that are kept, requests that are sent ahead, bodies in chunks, parts of files and
 * conditional requests; and clients that are slow, greedy or wrong. Each connection is served by code that reads, then
 * writes, as if it were alone: see converse() in server.c.
 */
#include "httpd.h"

#include "../common.h"
#include "../listen.h"
#include "../signals.h"

#include <fcntl.h>

static const char usage[] = "usage: httpd [OPTION...] FOLDER\n"
                            "Serve the files of a folder by HTTP, until SIGTERM or SIGINT; also /status, which tells "
                            "in JSON how the server is doing,\n"
                            "and /echo, which sends back what is posted to it.\n"
                            "\n"
                            "  --host HOST            listen on this address (127.0.0.1)\n"
                            "  --port PORT            and port (8080); 0: any that is free\n"
                            "  --connections N        so many clients at a time, others wait (1000)\n"
                            "  --head BYTES           longest head of a request, at most 65536 (8192)\n"
                            "  --body BYTES           longest body of a request (1048576)\n"
                            "  --idle-timeout S       seconds that a connection is kept without a request (30)\n"
                            "  --head-timeout S       that a client may take to send a head (10)\n"
                            "  --body-timeout S       to send a body (30)\n"
                            "  --send-timeout S       to receive 64 KiB of a reply (30)\n"
                            "  --grace S              that replies may take after a signal (10)\n";

/* What each option sets; its place in the table is what getopt_long() returns. */
enum {
    CONNECTIONS,
    HEAD,
    BODY,
    IDLE_TIMEOUT,
    HEAD_TIMEOUT,
    BODY_TIMEOUT,
    SEND_TIMEOUT,
    GRACE,
    PORT,
    NUMBERS,
    HOST_NAME,
    HELP
};

struct settings {
    unsigned long numbers[NUMBERS];
    const char *host, *folder;
};

static void refuse(void)
{
    fputs(usage, stderr);
    exit(2);
}

static void parse_options(int argc, char *argv[], struct settings *settings)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, CONNECTIONS},
        {"head", required_argument, NULL, HEAD},
        {"body", required_argument, NULL, BODY},
        {"idle-timeout", required_argument, NULL, IDLE_TIMEOUT},
        {"head-timeout", required_argument, NULL, HEAD_TIMEOUT},
        {"body-timeout", required_argument, NULL, BODY_TIMEOUT},
        {"send-timeout", required_argument, NULL, SEND_TIMEOUT},
        {"grace", required_argument, NULL, GRACE},
        {"port", required_argument, NULL, PORT},
        {"host", required_argument, NULL, HOST_NAME},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    static const unsigned long most[NUMBERS] = {
        [CONNECTIONS] = 1000000, [HEAD] = 65536,         [BODY] = 1ul << 30,
        [IDLE_TIMEOUT] = 86400,  [HEAD_TIMEOUT] = 86400, [BODY_TIMEOUT] = 86400,
        [SEND_TIMEOUT] = 86400,  [GRACE] = 86400,        [PORT] = 65535,
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == HELP) {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (option == HOST_NAME)
            settings->host = optarg;
        else if (option >= NUMBERS || !parse_number(optarg, most[option], &settings->numbers[option]))
            refuse();
    }
    if (argc - optind != 1 || settings->numbers[CONNECTIONS] == 0)
        refuse();
    settings->folder = argv[optind];
}

/* Returns 0 or an error. */
static void *run(void *arg)
{
    return (void *)(intptr_t)server_run(arg);
}

int main(int argc, char *argv[])
{
    struct settings settings = {
        .numbers = {[CONNECTIONS] = 1000,
                    [HEAD] = 8192,
                    [BODY] = 1 << 20,
                    [IDLE_TIMEOUT] = 30,
                    [HEAD_TIMEOUT] = 10,
                    [BODY_TIMEOUT] = 30,
                    [SEND_TIMEOUT] = 30,
                    [GRACE] = 10,
                    [PORT] = 8080},
        .host = "127.0.0.1",
    };
    const unsigned long *numbers = settings.numbers;
    struct server server = {0};
    void *failed = NULL;
    int err;

    block_signals();
    parse_options(argc, argv, &settings);
    server.limits = (struct limits){
        .connections = numbers[CONNECTIONS],
        .head = numbers[HEAD],
        .body = numbers[BODY],
        .idle_timeout = CORO_S((int64_t)numbers[IDLE_TIMEOUT]),
        .head_timeout = CORO_S((int64_t)numbers[HEAD_TIMEOUT]),
        .body_timeout = CORO_S((int64_t)numbers[BODY_TIMEOUT]),
        .send_timeout = CORO_S((int64_t)numbers[SEND_TIMEOUT]),
        .grace = CORO_S((int64_t)numbers[GRACE]),
    };
    server.root = open(settings.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (server.root < 0) {
        fprintf(stderr, "httpd: %s: %s\n", settings.folder, strerror(errno));
        return EXIT_FAILURE;
    }
    server.listener = listen_at(settings.host, numbers[PORT]);
    if (server.listener < 0) {
        fprintf(stderr, "httpd: %s:%lu: %s\n", settings.host, numbers[PORT], coro_strerror(server.listener));
        return EXIT_FAILURE;
    }
    err = coro_run(run, &server, &failed, NULL);
    if (err == 0)
        err = (int)(intptr_t)failed;
    close(server.root);
    printf("httpd: %lu requests on %lu connections\n", server.requests, server.connections);
    if (err != 0)
        fprintf(stderr, "httpd: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
