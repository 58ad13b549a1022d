/*
 * Connections: listening, accepting, dialling; and what is said as an address.
 */
#include "io.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <coro/group.h>
#include <coro/sync.h>

/* ---- accept ---- */

static ssize_t do_accept(const struct coro__io_op *op)
{
    return accept4(op->fd, op->address, op->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* A connection that is gone before it was taken is none. */
static bool passes(int err)
{
    return err == -ECONNABORTED || err == -EPROTO;
}

int coro_accept(int fd, struct sockaddr *peer, unsigned *length, int64_t deadline)
{
    const struct coro__io_op op = {.fd = fd, .call = do_accept, .address = peer, .length = length};
    int64_t pause = CORO_MS(1);

    for (;;) {
        int got = (int)coro__io_do(&op, deadline), err;

        if (got >= 0) {
            coro__io_opened(got, fd);
            return got;
        }
        if (passes(got))
            continue;
        if ((got != -EMFILE && got != -ENFILE) || deadline <= coro_after(pause))
            return got;
        err = coro_sleep(pause); /* until somebody closes something */
        if (err != 0)
            return err;
        pause = pause < CORO_MS(500) ? pause * 2 : pause;
    }
}

/* ---- connect ---- */

static int outcome_of_connect(int fd)
{
    int err = 0;
    socklen_t length = sizeof err;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) != 0)
        return -errno;
    return -err;
}

/* connect(2), and on a unix socket wait for room in the listener's queue, of which no event tells. */
static int begin_to_connect(int fd, const struct sockaddr *to, unsigned length, int64_t deadline)
{
    int64_t pause = CORO_US(100), until;
    int err;

    while (connect(fd, to, length) != 0) {
        if (errno != EAGAIN || to->sa_family != AF_UNIX || deadline == 0)
            return -errno;
        until = coro_after(pause);
        err = coro_sleep_until(until < deadline ? until : deadline);
        if (err == 0 && coro_now() >= deadline)
            err = -ETIMEDOUT;
        if (err != 0)
            return err;
        pause = pause < CORO_MS(20) ? pause * 2 : pause;
    }
    return 0;
}

int coro_connect(int fd, const struct sockaddr *to, unsigned length, int64_t deadline)
{
    struct coro_task *self;
    int err = deadline != 0 ? coro__wait_caller(deadline, coro__thread_self()->sched, &self) : 0;

    if (err != 0)
        return err;
    err = coro__io_make_nonblocking(fd);
    if (err != 0)
        return err;
    err = begin_to_connect(fd, to, length, deadline);
    if (err != -EINPROGRESS && err != -EINTR)
        return err;
    if (deadline == 0)
        return -EAGAIN;
    err = coro__io_await_output(fd, deadline);
    return err != 0 ? err : outcome_of_connect(fd);
}

/* ---- addresses ---- */

struct place {
    char host[256];
    char service[32];
};

/* A name or a port: getaddrinfo() would take any number, modulo 65536. */
static bool is_service(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (strchr("+- \t\n\v\f\r", text[0]) != NULL)
        return false;
    return *end != '\0' || port <= UINT16_MAX;
}

/* "host:port", "[host]:port", ":port" */
static int parse(const char *addr, struct place *out)
{
    const char *colon = addr != NULL ? strrchr(addr, ':') : NULL, *host = addr;
    size_t length;

    if (colon == NULL || colon[1] == '\0' || strlen(colon + 1) >= sizeof out->service)
        return -EINVAL;
    length = (size_t)(colon - host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    } else if (memchr(host, ':', length) != NULL) {
        return -EINVAL; /* an address with colons needs brackets */
    }
    if (length >= sizeof out->host)
        return -EINVAL;
    if (!is_service(colon + 1))
        return -EINVAL;
    memcpy(out->host, host, length);
    out->host[length] = '\0';
    memcpy(out->service, colon + 1, strlen(colon + 1) + 1);
    return 0;
}

static int error_of(int gai)
{
    switch (gai) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return -errno;
    case EAI_BADFLAGS:
    case EAI_FAMILY:
    case EAI_SOCKTYPE:
        return -EINVAL;
    default:
        return -ENOENT;
    }
}

/* A question, whole: nobody may be left who waits for the answer. */
struct lookup {
    struct addrinfo hints;
    struct addrinfo *found;
    int err;
    const char *node, *service;
    char words[];
};

static void *look_up(void *arg)
{
    struct lookup *lookup = arg;

    lookup->err = error_of(getaddrinfo(lookup->node, lookup->service, &lookup->hints, &lookup->found));
    return NULL;
}

static void drop(void *arg)
{
    struct lookup *lookup = arg;

    if (lookup->err == 0)
        freeaddrinfo(lookup->found);
    free(lookup);
}

static struct lookup *question(const char *node, const char *service, const struct addrinfo *hints)
{
    size_t node_size = node != NULL ? strlen(node) + 1 : 0, service_size = service != NULL ? strlen(service) + 1 : 0;
    struct lookup *lookup = calloc(1, sizeof *lookup + node_size + service_size);

    if (lookup == NULL)
        return NULL;
    if (hints != NULL)
        lookup->hints = (struct addrinfo){.ai_flags = hints->ai_flags,
                                          .ai_family = hints->ai_family,
                                          .ai_socktype = hints->ai_socktype,
                                          .ai_protocol = hints->ai_protocol};
    if (node != NULL)
        lookup->node = memcpy(lookup->words, node, node_size);
    if (service != NULL)
        lookup->service = memcpy(lookup->words + node_size, service, service_size);
    lookup->err = -ECANCELED;
    return lookup;
}

int coro_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out,
                     int64_t deadline)
{
    struct lookup *lookup;
    int err;

    if (out == NULL)
        return -EINVAL;
    lookup = question(node, service, hints);
    if (lookup == NULL)
        return -ENOMEM;
    err = coro__offload(look_up, lookup, NULL, drop, false, deadline);
    if (err != 0)
        return err;
    err = lookup->err;
    if (err == 0)
        *out = lookup->found;
    free(lookup);
    return err;
}

/* The same for who dials; a host given by number is not asked for on another thread. */
static int resolve(const struct place *place, struct addrinfo **out, int64_t deadline)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct addrinfo by_number = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

    if (place->host[0] == '\0')
        return -EINVAL;
    if (getaddrinfo(place->host, place->service, &by_number, out) == 0)
        return 0;
    return coro_getaddrinfo(place->host, place->service, &hints, out, deadline);
}

/* ---- listen ---- */

static int listening_socket(const struct addrinfo *at, int type, int backlog)
{
    int one = 1, off = 0, err;
    int fd = socket(at->ai_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);

    if (fd < 0)
        return -errno;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 &&
        (type != SOCK_STREAM || listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)) {
        coro__io_opened(fd, -1);
        return fd;
    }
    err = -errno;
    close(fd);
    return err;
}

static int bind_to_place(const struct place *place, int family, int type, int backlog)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_family = family, .ai_socktype = type};
    const char *host = place->host[0] != '\0' ? place->host : NULL;
    struct addrinfo *found;
    int fd, err = error_of(getaddrinfo(host, place->service, &hints, &found));

    if (err != 0)
        return err;
    fd = listening_socket(found, type, backlog);
    for (const struct addrinfo *next = found->ai_next; fd < 0 && next != NULL; next = next->ai_next)
        fd = listening_socket(next, type, backlog);
    freeaddrinfo(found);
    return fd;
}

static int bind_to(const char *addr, int type, int backlog)
{
    struct place place;
    int fd, err = parse(addr, &place);

    if (err != 0)
        return err;
    if (place.host[0] != '\0')
        return bind_to_place(&place, AF_UNSPEC, type, backlog);
    fd = bind_to_place(&place, AF_INET6, type, backlog); /* every address of both families */
    if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL || fd == -ENOENT)
        fd = bind_to_place(&place, AF_INET, type, backlog);
    return fd;
}

int coro_tcp_listen(const char *addr, int backlog)
{
    return bind_to(addr, SOCK_STREAM, backlog);
}

int coro_udp_bind(const char *addr)
{
    return bind_to(addr, SOCK_DGRAM, 0);
}

static int unix_address(const char *path, struct sockaddr_un *out, socklen_t *length)
{
    size_t n = path != NULL ? strlen(path) : 0;

    if (n == 0 || n >= sizeof out->sun_path)
        return -EINVAL;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, path, n);
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    if (path[0] == '@') {
        out->sun_path[0] = '\0';
        (*length)--; /* there every byte counts */
    }
    return 0;
}

int coro_unix_listen(const char *path, int backlog)
{
    struct sockaddr_un address;
    struct addrinfo at = {.ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&address};
    int err = unix_address(path, &address, &at.ai_addrlen);

    return err != 0 ? err : listening_socket(&at, SOCK_STREAM, backlog);
}

/* ---- dial ---- */

static int dial_one(int family, int protocol, const struct sockaddr *to, unsigned length, int64_t deadline)
{
    int one = 1, err;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        return -errno;
    coro__io_opened(fd, -1);
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    err = coro_connect(fd, to, length, deadline);
    if (err == 0)
        return fd;
    coro_close(fd, 0);
    return err;
}

int coro_unix_dial(const char *path, int64_t deadline)
{
    struct sockaddr_un address;
    socklen_t length;
    int err = unix_address(path, &address, &length);

    return err != 0 ? err : dial_one(AF_UNIX, 0, (struct sockaddr *)&address, length, deadline);
}

/* An attempt among several: the first that is connected wins. */
struct race {
    int64_t deadline;
    int winner;
    int last_error;
    coro_sem_t failures;
};

struct attempt {
    struct race *race;
    const struct addrinfo *to;
};

static int try_to_dial(void *arg)
{
    struct attempt *attempt = arg;
    int fd = dial_one(attempt->to->ai_family, attempt->to->ai_protocol, attempt->to->ai_addr, attempt->to->ai_addrlen,
                      attempt->race->deadline);

    if (fd < 0) {
        attempt->race->last_error = fd;
        coro_sem_post(&attempt->race->failures);
        return fd;
    }
    if (attempt->race->winner >= 0)
        coro_close(fd, 0);
    else
        attempt->race->winner = fd;
    return 0;
}

enum { ATTEMPTS_MOST = 16 };

/* Alternate between the families, beginning with that of the first (RFC 8305, section 4). */
static size_t put_in_order(const struct addrinfo *found, struct race *race, struct attempt *attempts)
{
    const struct addrinfo *queues[2] = {found, found};
    size_t n = 0;

    while (n < ATTEMPTS_MOST && (queues[0] != NULL || queues[1] != NULL)) {
        for (int other = 0; other < 2 && n < ATTEMPTS_MOST; other++) {
            while (queues[other] != NULL && (queues[other]->ai_family != found->ai_family) != (other == 1))
                queues[other] = queues[other]->ai_next;
            if (queues[other] == NULL)
                continue;
            attempts[n++] = (struct attempt){race, queues[other]};
            queues[other] = queues[other]->ai_next;
        }
    }
    return n;
}

static int race_to(const struct addrinfo *found, int64_t deadline)
{
    struct race race = {.deadline = deadline, .winner = -1, .last_error = -ENOENT, .failures = CORO_SEM_INIT(0)};
    struct attempt attempts[ATTEMPTS_MOST];
    size_t n = put_in_order(found, &race, attempts);
    coro_group_t group;
    int err = coro_group_open(&group, CORO_RACE, deadline);

    if (err != 0)
        return err;
    for (size_t i = 0; i < n && err == 0 && race.winner < 0; i++) {
        err = coro_group_spawn(&group, try_to_dial, &attempts[i]);
        if (err == 0 && i + 1 < n)
            err = coro_sem_wait(&race.failures, coro_after(CORO_MS(250)));
        if (err == -ETIMEDOUT)
            err = 0;
    }
    if (err != 0)
        race.last_error = err; /* it could not even be tried */
    err = coro_group_join(&group);
    if (race.winner >= 0)
        return race.winner;
    return err == -ETIMEDOUT || err == -ECANCELED ? err : race.last_error;
}

int coro_tcp_dial(const char *addr, int64_t deadline)
{
    struct addrinfo *found;
    struct place place;
    int fd, err = parse(addr, &place);

    if (err == 0)
        err = resolve(&place, &found, deadline);
    if (err != 0)
        return err;
    if (found->ai_next == NULL)
        fd = dial_one(found->ai_family, found->ai_protocol, found->ai_addr, found->ai_addrlen, deadline);
    else
        fd = race_to(found, deadline);
    freeaddrinfo(found);
    return fd;
}
