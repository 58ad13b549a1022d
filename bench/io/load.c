#include "load.h"

#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MOST = 2048, EVENTS_MOST = 256, LINEAR = 64, BUCKETS = 64 * LINEAR, PATIENCE_S = 30, START_MS = 5000 };

struct connection {
    int fd;
    size_t used;
    int64_t sent_at;
};

/* ---- in the child ---- */

static struct {
    char request[MESSAGE_MOST], response[MESSAGE_MOST];
    size_t request_size, response_size;
    bool http; /* of the response only the head is known */
    struct connection *connections;
    size_t count;
    int epoll_fd;
    uint64_t to_send, to_come;
    uint64_t buckets[BUCKETS]; /* of latencies: powers of two, each in LINEAR / 2 steps */
} client;

static int64_t now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static size_t bucket_of(int64_t ns)
{
    uint64_t n = ns > 0 ? (uint64_t)ns : 0;
    unsigned shift = 0;

    while (n >> shift >= LINEAR)
        shift++;
    return shift * (LINEAR / 2) + (size_t)(n >> shift);
}

static int64_t start_of(size_t bucket)
{
    unsigned shift = bucket < LINEAR ? 0 : (unsigned)(bucket / (LINEAR / 2)) - 1;

    return (int64_t)(bucket - shift * (LINEAR / 2)) << shift;
}

static int64_t quantile(uint64_t requests, double q)
{
    uint64_t rank = (uint64_t)((double)requests * q), sum = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        sum += client.buckets[i];
        if (sum > rank)
            return start_of(i);
    }
    return 0;
}

static int send_request(struct connection *c)
{
    client.to_send--;
    c->used = 0;
    c->sent_at = now();
    if (send(c->fd, client.request, client.request_size, MSG_NOSIGNAL) != (ssize_t)client.request_size)
        return errno != 0 ? errno : EPIPE;
    return 0;
}

/* A response of HTTP, whole; servers write heads of their own. */
static bool is_http(const char *in, size_t size)
{
    static const char field[] = "Content-Length: ";
    const char *end = memmem(in, size, "\r\n\r\n", 4), *length;

    if (end == NULL)
        return false;
    length = memmem(in, (size_t)(end - in), field, sizeof field - 1);
    return length != NULL && memcmp(in, "HTTP/1.1 200 ", 13) == 0 &&
           (size_t)(end + 4 - in) + strtoul(length + sizeof field - 1, NULL, 10) == size;
}

/* Something has come: responses are short, and come in one piece on this host; those to requests that were sent together may not. */
static int receive(struct connection *c)
{
    static char in[MESSAGE_MOST];
    ssize_t n = recv(c->fd, in, sizeof in, 0);

    if (n <= 0)
        return n == 0 ? ECONNRESET : errno == EAGAIN ? 0 : errno;
    if (client.http) {
        if (!is_http(in, (size_t)n))
            return EPROTO;
    } else {
        if ((size_t)n > client.response_size - c->used || memcmp(in, client.response + c->used, (size_t)n) != 0)
            return EPROTO;
        c->used += (size_t)n;
        if (c->used < client.response_size)
            return 0;
    }
    client.buckets[bucket_of(now() - c->sent_at)]++;
    client.to_come--;
    return client.to_send != 0 ? send_request(c) : 0;
}

static int run(uint64_t requests)
{
    struct epoll_event events[EVENTS_MOST];
    int err = 0;

    client.to_send = client.to_come = requests;
    for (size_t i = 0; i < client.count && client.to_send != 0 && err == 0; i++)
        err = send_request(&client.connections[i]);
    while (client.to_come != 0 && err == 0) {
        int n = epoll_wait(client.epoll_fd, events, EVENTS_MOST, PATIENCE_S * 1000);

        if (n == 0)
            return ETIMEDOUT;
        if (n < 0 && errno != EINTR)
            return errno;
        for (int i = 0; i < n && err == 0; i++)
            err = receive(events[i].data.ptr);
    }
    return err;
}

static struct load_result run_measured(uint64_t requests)
{
    struct load_result result = {.requests = requests};
    int64_t start = now();

    memset(client.buckets, 0, sizeof client.buckets);
    result.err = run(requests);
    result.ns = now() - start;
    result.p50 = quantile(requests, 0.50);
    result.p99 = quantile(requests, 0.99);
    return result;
}

/* A connection that is ended is reset: ports are not kept busy for a minute each. */
static int open_connection(struct connection *c, unsigned port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct linger reset = {.l_onoff = 1};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return errno;
    for (int ms = 0; connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0; ms++) {
        if (errno != ECONNREFUSED || ms == START_MS)
            return errno;
        nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL); /* it is starting */
    }
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return epoll_ctl(client.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0 ? 0 : errno;
}

/* `depth` times the same. How many bytes? */
static size_t repeat(char out[MESSAGE_MOST], const char *text, size_t depth)
{
    size_t size = strlen(text);

    for (size_t i = 0; i < depth; i++)
        memcpy(out + i * size, text, size);
    return depth * size;
}

/* What has to be said once, on the first connection. */
static int set_up(const struct talk *talk)
{
    char in[128];
    size_t size = strlen(talk->setup), expected = strlen(talk->setup_response);

    if (send(client.connections[0].fd, talk->setup, size, MSG_NOSIGNAL) != (ssize_t)size)
        return errno;
    if (recv(client.connections[0].fd, in, expected, MSG_WAITALL) != (ssize_t)expected)
        return errno != 0 ? errno : EPIPE;
    return memcmp(in, talk->setup_response, expected) == 0 ? 0 : EPROTO;
}

static int prepare(const struct talk *talk, unsigned port, size_t connections)
{
    int err = 0;

    client.http = strcmp(talk->protocol, "http") == 0;
    client.request_size = repeat(client.request, talk->request, talk->depth);
    client.response_size = repeat(client.response, talk->response, talk->depth);
    client.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client.connections = calloc(connections, sizeof *client.connections);
    if (client.epoll_fd < 0 || client.connections == NULL)
        return errno;
    while (client.count < connections && err == 0)
        err = open_connection(&client.connections[client.count++], port);
    if (err == 0 && talk->setup != NULL)
        err = set_up(talk);
    for (int i = 0; i < 2 && err == 0; i++)
        err = run(connections);
    return err;
}

static void __attribute__((noreturn)) be_client(int asked, const struct talk *talk, unsigned port, size_t connections)
{
    struct load_result result = {.err = prepare(talk, port, connections)};
    uint64_t requests;

    while (write(asked, &result, sizeof result) == (ssize_t)sizeof result &&
           read(asked, &requests, sizeof requests) == (ssize_t)sizeof requests)
        result = run_measured(requests);
    _exit(0);
}

/* ---- in the parent ---- */

static struct load_result await(const struct load *load)
{
    struct load_result result;

    if (read(load->socket, &result, sizeof result) != (ssize_t)sizeof result)
        result = (struct load_result){.err = EPIPE};
    return result;
}

int load_start(struct load *load, const struct talk *talk, unsigned port, size_t connections, int cpu)
{
    pid_t parent = getpid();
    int pair[2], err;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return errno;
    load->pid = fork();
    if (load->pid == 0) {
        close(pair[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        pin(cpu);
        be_client(pair[1], talk, port, connections);
    }
    close(pair[1]);
    load->socket = pair[0];
    if (load->pid < 0) {
        err = errno;
        close(pair[0]);
        return err;
    }
    err = await(load).err;
    if (err != 0)
        load_end(load);
    return err;
}

struct load_result load_run(const struct load *load, uint64_t requests)
{
    if (send(load->socket, &requests, sizeof requests, MSG_NOSIGNAL) != (ssize_t)sizeof requests)
        return (struct load_result){.err = EPIPE};
    return await(load);
}

void load_end(struct load *load)
{
    close(load->socket);
    kill(load->pid, SIGKILL);
    waitpid(load->pid, NULL, 0);
}
