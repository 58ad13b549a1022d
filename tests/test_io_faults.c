/*
 * System calls that are interrupted, do less than they were asked to, or fail: in a session that uses a bit of everything the first call
 * fails, then the second one, and so on until all of them pass. Whatever comes of it, nobody waits for ever, and nothing leaks.
 *
 * Faults are such as the kernel has. A socket that has room does not say EAGAIN, and one of TCP does not give less than there is: who is
 * told of changes only would wait for ever.
 */
#include "support/test.h"

#include <coro/io.h>
#include <coro/stream.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KIB = 1024, MIB = KIB * KIB };

/* ---- faults ---- */

static atomic_long left = -1; /* calls that may pass before one fails; negative: none fails */
static atomic_int failures;
static int with; /* which errno */
static const char *last = "none";
static atomic_bool interrupts;   /* half of the calls are interrupted */
static atomic_size_t most_bytes; /* at a time, not of TCP; 0: any */
static atomic_long blocks;
static atomic_int event_fds[64]; /* +1; their reads and writes never fail */

static bool fails(const char *name)
{
    if (atomic_load(&interrupts) && random_below(2) == 0) {
        errno = EINTR;
        return true;
    }
    if (atomic_load(&left) < 0 || atomic_fetch_sub(&left, 1) != 0)
        return false;
    last = name;
    atomic_fetch_add(&failures, 1);
    errno = with;
    return true;
}

static bool is_event(int fd)
{
    for (int i = 0; i < 64; i++)
        if (atomic_load(&event_fds[i]) == fd + 1)
            return true;
    return false;
}

static size_t at_most(size_t n)
{
    size_t most = atomic_load(&most_bytes);

    return most != 0 && n > most ? 1 + random_below(most) : n;
}

#define WRAP(type, name, parameters)                                                                                   \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters

WRAP(ssize_t, read, (int fd, void *buf, size_t n))
{
    return is_event(fd) ? __real_read(fd, buf, n) : fails("read") ? -1 : __real_read(fd, buf, at_most(n));
}

WRAP(ssize_t, write, (int fd, const void *buf, size_t n))
{
    return is_event(fd) ? __real_write(fd, buf, n) : fails("write") ? -1 : __real_write(fd, buf, at_most(n));
}

WRAP(ssize_t, readv, (int fd, const struct iovec *iov, int count))
{
    return fails("readv") ? -1 : __real_readv(fd, iov, count);
}

WRAP(ssize_t, writev, (int fd, const struct iovec *iov, int count))
{
    return fails("writev") ? -1 : __real_writev(fd, iov, count);
}

WRAP(ssize_t, recv, (int fd, void *buf, size_t n, int flags))
{
    return fails("recv") ? -1 : __real_recv(fd, buf, at_most(n), flags);
}

WRAP(ssize_t, recvfrom, (int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *length))
{
    return fails("recvfrom") ? -1 : __real_recvfrom(fd, buf, at_most(n), flags, from, length);
}

WRAP(ssize_t, sendto, (int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t length))
{
    return fails("sendto") ? -1 : __real_sendto(fd, buf, at_most(n), flags, to, length);
}

WRAP(ssize_t, send, (int fd, const void *buf, size_t n, int flags))
{
    return fails("send") ? -1 : __real_send(fd, buf, at_most(n), flags);
}

WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))
{
    return fails("sendmsg") ? -1 : __real_sendmsg(fd, message, flags);
}

WRAP(int, accept4, (int fd, struct sockaddr *peer, socklen_t *length, int flags))
{
    return fails("accept4") ? -1 : __real_accept4(fd, peer, length, flags);
}

/* One that is interrupted goes on. */
static char families[32];

WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t length))
{
    size_t n = strlen(families);

    if (n + 1 < sizeof families)
        families[n] = to->sa_family == AF_INET ? '4' : '6';
    if (!atomic_load(&interrupts))
        return fails("connect") ? -1 : __real_connect(fd, to, length);
    if (__real_connect(fd, to, length) == 0)
        return 0;
    errno = errno == EINPROGRESS ? EINTR : errno;
    return -1;
}

WRAP(int, poll, (struct pollfd * fds, nfds_t n, int timeout))
{
    int result = __real_poll(fds, n, timeout);

    return (!atomic_load(&interrupts) || result == 0) && fails("poll") ? -1 : result;
}

WRAP(int, socket, (int domain, int type, int protocol))
{
    return !atomic_load(&interrupts) && fails("socket") ? -1 : __real_socket(domain, type, protocol);
}

WRAP(int, bind, (int fd, const struct sockaddr *at, socklen_t length))
{
    return !atomic_load(&interrupts) && fails("bind") ? -1 : __real_bind(fd, at, length);
}

WRAP(int, listen, (int fd, int backlog))
{
    return !atomic_load(&interrupts) && fails("listen") ? -1 : __real_listen(fd, backlog);
}

WRAP(int, epoll_create1, (int flags))
{
    return !atomic_load(&interrupts) && fails("epoll_create1") ? -1 : __real_epoll_create1(flags);
}

WRAP(int, epoll_ctl, (int epoll_fd, int what, int fd, struct epoll_event *event))
{
    return !atomic_load(&interrupts) && fails("epoll_ctl") ? -1 : __real_epoll_ctl(epoll_fd, what, fd, event);
}

WRAP(int, epoll_wait, (int epoll_fd, struct epoll_event *events, int n, int timeout))
{
    return fails("epoll_wait") ? -1 : __real_epoll_wait(epoll_fd, events, n, timeout);
}

WRAP(int, epoll_pwait2,
     (int epoll_fd, struct epoll_event *events, int n, const struct timespec *timeout, const sigset_t *mask))
{
    return fails("epoll_pwait2") ? -1 : __real_epoll_pwait2(epoll_fd, events, n, timeout, mask);
}

WRAP(int, eventfd, (unsigned count, int flags))
{
    int fd = !atomic_load(&interrupts) && fails("eventfd") ? -1 : __real_eventfd(count, flags), none = 0;

    for (int i = 0; fd >= 0 && i < 64; i++, none = 0)
        if (atomic_load(&event_fds[i]) == fd + 1 || atomic_compare_exchange_strong(&event_fds[i], &none, fd + 1))
            break;
    return fd;
}

WRAP(int, close, (int fd))
{
    for (int i = 0; i < 64; i++)
        if (atomic_load(&event_fds[i]) == fd + 1)
            atomic_store(&event_fds[i], 0);
    return __real_close(fd);
}

WRAP(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *length))
{
    return !atomic_load(&interrupts) && fails("getsockopt") ? -1 : __real_getsockopt(fd, level, name, value, length);
}

/* Named, the third argument can be passed on even where none was given. */
int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, long argument);
int __wrap_fcntl(int fd, int what, long argument)
{
    return !atomic_load(&interrupts) && fails("fcntl") ? -1 : __real_fcntl(fd, what, argument);
}

WRAP(ssize_t, pread, (int fd, void *buf, size_t n, off_t at))
{
    return fails("pread") ? -1 : __real_pread(fd, buf, n, at);
}

static bool not_cached;

WRAP(ssize_t, preadv2, (int fd, const struct iovec *iov, int count, off_t at, int flags))
{
    const struct iovec some = {iov->iov_base, at_most(iov->iov_len)}; /* as if memory had no more of it */

    if (not_cached) {
        errno = EAGAIN;
        return -1;
    }
    return fails("preadv2") ? -1 : __real_preadv2(fd, count == 1 ? &some : iov, count, at, flags);
}

WRAP(int, fsync, (int fd))
{
    return fails("fsync") ? -1 : __real_fsync(fd);
}

WRAP(int, pthread_create, (pthread_t * thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg))
{
    return !atomic_load(&interrupts) && fails("pthread_create") ? EAGAIN
                                                                : __real_pthread_create(thread, attributes, fn, arg);
}

static bool no_pidfd;
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number != SYS_pidfd_open || !no_pidfd)
        return __real_syscall(number, a, b, c, d, e, f);
    errno = ENOSYS;
    return -1;
}

/* Memory runs out whatever `with` says. */
static bool no_memory(const char *name)
{
    if (atomic_load(&interrupts) || !fails(name))
        return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&blocks, 1);
    return block;
}

WRAP(void *, malloc, (size_t size))
{
    return no_memory("malloc") ? NULL : counted(__real_malloc(size));
}

WRAP(void *, calloc, (size_t n, size_t size))
{
    return no_memory("calloc") ? NULL : counted(__real_calloc(n, size));
}

WRAP(void *, realloc, (void *block, size_t size))
{
    if (no_memory("realloc"))
        return NULL;
    return block == NULL ? counted(__real_realloc(NULL, size)) : __real_realloc(block, size);
}

WRAP(int, posix_memalign, (void **out, size_t alignment, size_t size))
{
    int err = no_memory("posix_memalign") ? ENOMEM : __real_posix_memalign(out, alignment, size);

    if (err == 0)
        atomic_fetch_add(&blocks, 1);
    return err;
}

WRAP(void, free, (void *block))
{
    if (block != NULL)
        atomic_fetch_sub(&blocks, 1);
    __real_free(block);
}

/* A host "many" with these addresses, and hosts that cannot be told. */
static const char *many[8];

static struct addrinfo *address_of(const char *host, const char *service)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in6 at;
    } *a = calloc(1, sizeof *a);
    in_port_t port = htons((in_port_t)strtoul(service, NULL, 10));

    if (a == NULL)
        return NULL;
    if (strchr(host, ':') != NULL) {
        a->at = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        inet_pton(AF_INET6, host, &a->at.sin6_addr);
    } else {
        *(struct sockaddr_in *)(void *)&a->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
        inet_pton(AF_INET, host, &((struct sockaddr_in *)(void *)&a->at)->sin_addr);
    }
    a->info = (struct addrinfo){.ai_family = a->at.sin6_family,
                                .ai_socktype = SOCK_STREAM,
                                .ai_addr = (struct sockaddr *)&a->at,
                                .ai_addrlen = a->at.sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof a->at,
                                .ai_flags = 1 << 30};
    return &a->info;
}

void __real_freeaddrinfo(struct addrinfo *found);
void __wrap_freeaddrinfo(struct addrinfo *found);
void __wrap_freeaddrinfo(struct addrinfo *found)
{
    if (found->ai_flags != 1 << 30) {
        __real_freeaddrinfo(found);
        return;
    }
    for (struct addrinfo *next; found != NULL; found = next) {
        next = found->ai_next;
        free(found);
    }
}

WRAP(int, getaddrinfo, (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found))
{
    struct addrinfo *first = NULL, **link = &first;

    if (node == NULL || service == NULL || (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0))
        return __real_getaddrinfo(node, service, hints, found);
    if (strcmp(node, "later") == 0)
        return EAI_AGAIN;
    if (strcmp(node, "full") == 0)
        return EAI_MEMORY;
    errno = EIO;
    if (strcmp(node, "broken") == 0)
        return EAI_SYSTEM;
    if (strcmp(node, "slow") == 0)
        usleep(20000);
    if (strcmp(node, "many") != 0)
        return __real_getaddrinfo("127.0.0.1", service, hints, found);
    for (int i = 0; many[i] != NULL; i++) {
        *link = address_of(many[i], service);
        if (*link == NULL) {
            if (first != NULL)
                __wrap_freeaddrinfo(first);
            return EAI_MEMORY;
        }
        link = &(*link)->ai_next;
    }
    *found = first;
    return 0;
}

/* ---- a mebibyte, all the same ---- */

static unsigned char *sent, *came_back;
static size_t echo_size;
static long result;

static void *echoes(void *arg)
{
    const int *fds = arg;
    char buf[3000];
    ssize_t n;

    while ((n = coro_read(fds[0], buf, sizeof buf, CORO_FOREVER)) > 0)
        if (coro_write_all(fds[1], buf, (size_t)n, CORO_FOREVER) != n)
            break;
    if (fds[1] != fds[0])
        coro_close(fds[1]);
    else
        shutdown(fds[1], SHUT_WR);
    return NULL;
}

static void *sends(void *arg)
{
    const int *fds = arg;
    coro_stream_t *s;

    /* half of it by way of a stream */
    coro_write_all(fds[1], sent, echo_size / 2, CORO_FOREVER);
    coro_stream_open(&s, fds[1]);
    for (size_t i = echo_size / 2; i < echo_size;) {
        size_t n = 1 + i % 1500;

        n = n < echo_size - i ? n : echo_size - i;
        if (coro_stream_write(s, sent + i, n, CORO_FOREVER) != (ssize_t)n)
            break;
        i += n;
    }
    coro_stream_flush(s, CORO_FOREVER);
    shutdown(fds[1], SHUT_WR); /* a duplicate is open */
    coro_stream_close(s, CORO_FOREVER);
    return NULL;
}

static void *echo_over(void *kind)
{
    int there[2], back[2], client[2], server[2], copy = -1, listener;
    struct sockaddr_in at;
    socklen_t length = sizeof at;
    char address[32];
    coro_task_t *t[2];

    switch ((intptr_t)kind) {
    case 0:
        listener = coro_tcp_listen("127.0.0.1:0", 0);
        getsockname(listener, (struct sockaddr *)&at, &length);
        snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(at.sin_port));
        there[0] = coro_tcp_dial(address, CORO_FOREVER);
        there[1] = coro_accept(listener, NULL, NULL, CORO_FOREVER);
        coro_close(listener);
        break;
    case 1:
        (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, there);
        break;
    default:
        (void)!pipe2(there, O_CLOEXEC);
        (void)!pipe2(back, O_CLOEXEC);
    }
    if ((intptr_t)kind < 2) {
        copy = dup(there[0]); /* the stream closes the other */
        client[0] = copy;
        client[1] = there[0];
        server[0] = server[1] = there[1];
    } else {
        client[0] = back[0];
        client[1] = there[1];
        server[0] = there[0];
        server[1] = back[1];
    }
    coro_spawn(&t[0], echoes, server, NULL);
    coro_spawn(&t[1], sends, client, NULL);
    result = coro_poll_fd(client[0], POLLIN, CORO_FOREVER) & POLLIN;
    result = coro_read_full(client[0], came_back, echo_size, CORO_FOREVER);
    coro_join_all(t, 2, NULL, CORO_FOREVER);
    if ((intptr_t)kind < 2)
        shutdown(client[0], SHUT_WR);
    coro_close(client[0]);
    coro_close(server[0]);
    return NULL;
}

static void assert_intact(int kind, size_t size)
{
    echo_size = size;
    sent = malloc(size);
    came_back = calloc(1, size);
    for (size_t i = 0; i < size; i++)
        sent[i] = (unsigned char)random64();
    assert_int_equal(coro_run(echo_over, (void *)(intptr_t)kind, NULL, NULL), 0);
    interrupts = false;
    most_bytes = 0;
    assert_int_equal(result, size);
    assert_memory_equal(sent, came_back, size);
    free(sent);
    free(came_back);
}

static void interrupted_calls_are_made_again(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        interrupts = true;
        assert_intact(kind, MIB);
    }
}

static void a_byte_at_a_time_is_enough(void **state)
{
    (void)state;
    for (int kind = 1; kind < 3; kind++) {
        most_bytes = 1;
        assert_intact(kind, scaled(100000));
        most_bytes = 5000;
        assert_intact(kind, MIB);
        most_bytes = 7;
        interrupts = true;
        assert_intact(kind, scaled(100000));
    }
}

static void *reads_partly_cached(void *arg)
{
    int fd = coro_open("/proc/self/exe", O_RDONLY, 0, CORO_FOREVER);

    result = coro_pread(fd, came_back, 20000, 100, CORO_FOREVER);
    most_bytes = 0;
    if (pread(fd, sent, 20000, 100) != 20000)
        result = -1;
    coro_close(fd);
    return arg;
}

static void a_file_of_which_memory_has_a_part_is_read_whole(void **state)
{
    (void)state;
    sent = calloc(1, 20000);
    came_back = calloc(1, 20000);
    for (int nothing = 0; nothing < 2; nothing++) {
        most_bytes = 3000;
        not_cached = nothing;
        memset(came_back, 0, 20000);
        assert_int_equal(coro_run(reads_partly_cached, NULL, NULL, NULL), 0);
        assert_int_equal(result, 20000);
        assert_memory_equal(sent, came_back, 20000);
    }
    not_cached = false;
    free(sent);
    free(came_back);
}

/* ---- what only some machines do ---- */

static void *dials_many(void *deadline)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, deaf_at;
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), stuffing[3], fd;
    int listener = coro_tcp_listen("127.0.0.1:0", 0);
    socklen_t length = sizeof at;
    char address[32];

    /* 127.0.0.1 answers, 127.0.0.2 refuses, 127.0.0.3 says nothing */
    getsockname(listener, (struct sockaddr *)&at, &length);
    deaf_at = at;
    deaf_at.sin_addr.s_addr = htonl(0x7f000003);
    if (bind(deaf, (struct sockaddr *)&deaf_at, sizeof deaf_at) != 0 || listen(deaf, 0) != 0)
        result = -1;
    for (int i = 0; i < 3; i++) {
        stuffing[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(stuffing[i], (struct sockaddr *)&deaf_at, sizeof deaf_at);
    }
    memset(families, 0, sizeof families);
    snprintf(address, sizeof address, "many:%d", ntohs(at.sin_port));
    fd = coro_tcp_dial(address, coro_after(*(int64_t *)deadline));
    result = fd >= 0 ? 1 : fd;
    if (fd >= 0)
        coro_close(fd);
    for (int i = 0; i < 3; i++)
        coro_close(stuffing[i]);
    coro_close(deaf);
    coro_close(listener);
    return NULL;
}

static long dialled(int64_t deadline, const char *a, const char *b, const char *c)
{
    many[0] = a;
    many[1] = b;
    many[2] = c;
    many[3] = NULL;
    assert_int_equal(coro_run(dials_many, &deadline, NULL, NULL), 0);
    return result;
}

#define REFUSES "127.0.0.2"
#define ANSWERS "127.0.0.1"
#define DEAF    "127.0.0.3"

static void the_first_address_that_answers_is_taken(void **state)
{
    int64_t before, took;
    (void)state;

    assert_int_equal(dialled(CORO_S(5), ANSWERS, REFUSES, NULL), 1);
    before = coro_now();
    assert_int_equal(dialled(CORO_S(5), REFUSES, REFUSES, ANSWERS), 1);
    assert_true(coro_now() - before < CORO_MS(200)); /* as soon as the last one has failed */
    assert_int_equal(dialled(CORO_S(5), REFUSES, REFUSES, REFUSES), -ECONNREFUSED);
    assert_int_equal(dialled(CORO_MS(5), DEAF, DEAF, NULL), -ETIMEDOUT);
    before = coro_now();
    assert_int_equal(dialled(CORO_S(20), DEAF, ANSWERS, NULL), 1);
    took = coro_now() - before;
    assert_true(took >= CORO_MS(250) && took < CORO_S(5));
    assert_int_not_equal(dialled(CORO_S(5), REFUSES, REFUSES, "::1"), 1);
    assert_string_equal(families, "464"); /* in turn */
}

static void *dials_the_unknown(void *arg)
{
    long *results = arg;

    results[0] = coro_tcp_dial("later:1", coro_after(CORO_S(3)));
    results[1] = coro_tcp_dial("full:1", coro_after(CORO_S(3)));
    results[2] = coro_tcp_dial("broken:1", coro_after(CORO_S(3)));
    results[3] = coro_tcp_dial("slow:1", coro_after(CORO_MS(2))); /* the answer is freed by whoever gets it */
    coro_offload(NULL, NULL, NULL, 0);
    usleep(30000);
    return NULL;
}

static void what_the_resolver_says_is_handed_on(void **state)
{
    long results[4];
    (void)state;

    assert_int_equal(coro_run(dials_the_unknown, results, NULL, NULL), 0);
    assert_int_equal(results[0], -EAGAIN);
    assert_int_equal(results[1], -ENOMEM);
    assert_int_equal(results[2], -EIO);
    assert_int_equal(results[3], -ETIMEDOUT);
}

static pid_t a_child(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    alarm(120); /* should nobody be left to end it */
    for (;;)
        pause();
}

static void *waits_for_children(void *arg)
{
    long *results = arg;
    pid_t pid = a_child();
    int status = 0;

    results[0] = coro_wait_pid(pid, &status, 0);
    results[1] = coro_wait_pid(pid, &status, coro_after(CORO_US(200)));
    kill(pid, SIGKILL);
    results[2] = coro_wait_pid(pid, &status, coro_after(CORO_S(5))) == pid && WTERMSIG(status) == SIGKILL;
    results[3] = coro_wait_pid(pid, &status, CORO_FOREVER);
    pid = a_child();
    coro_cancel(coro_task_self());
    results[4] = coro_wait_pid(pid, &status, CORO_FOREVER);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return NULL;
}

static void children_are_waited_for_without_descriptors_of_them(void **state)
{
    long results[5];
    (void)state;

    no_pidfd = true;
    assert_int_equal(coro_run(waits_for_children, results, NULL, NULL), 0);
    no_pidfd = false;
    assert_int_equal(results[0], -EAGAIN);
    assert_int_equal(results[1], -ETIMEDOUT);
    assert_int_equal(results[2], 1);
    assert_int_equal(results[3], -ECHILD);
    assert_int_equal(results[4], -ECANCELED);
}

/* ---- one call fails ---- */

/* Results that must not be: that time was up though nobody was slow, that something does not exist which does. */
static int overdue, missing;

static long seen(long n)
{
    if (n == -ETIMEDOUT && with != ETIMEDOUT)
        overdue++;
    if (n == -ENOENT)
        missing++;
    return n;
}

static int64_t in_time(void)
{
    return coro_after(CORO_S(3));
}

static void *session_server(void *arg)
{
    int *listener = arg, fd = (int)seen(coro_accept(*listener, NULL, NULL, in_time()));
    coro_stream_t *s;
    char *line;

    coro_close(*listener); /* or the client would wait for ever if this failed */
    if (fd < 0)
        return NULL;
    if (coro_stream_open(&s, fd) != 0) {
        coro_close(fd);
        return NULL;
    }
    while (seen(coro_stream_read_until(s, '\n', &line, in_time())) > 0)
        if (coro_stream_printf(s, in_time(), "you said: %s", line) < 0 || coro_stream_flush(s, in_time()) != 0)
            break;
    coro_stream_close(s, in_time());
    return NULL;
}

static void *returns_it(void *arg)
{
    return arg;
}

static void uses_files(void)
{
    struct addrinfo *found;
    char c;
    int fd;

    seen(coro_offload(returns_it, NULL, NULL, in_time()));
    fd = (int)seen(coro_open("/proc/self/exe", O_RDONLY, 0, in_time()));
    if (fd >= 0) {
        seen(coro_pread(fd, &c, 1, 0, in_time()));
        seen(coro_fsync(fd, in_time()));
        seen(coro_read(fd, &c, 1, in_time()));
        coro_close(fd);
    }
    if (seen(coro_getaddrinfo("127.0.0.1", "1", NULL, &found, in_time())) == 0)
        freeaddrinfo(found);
}

static bool dials_by_name;

static void *session(void *arg)
{
    const struct iovec iov = {(void *)(uintptr_t) "more\n", 5};
    int listener = coro_tcp_listen("127.0.0.1:0", 0), fd;
    struct sockaddr_in at;
    socklen_t length = sizeof at;
    char address[32], buf[64];
    coro_task_t *t = NULL;

    uses_files();
    if (listener < 0)
        return arg;
    getsockname(listener, (struct sockaddr *)&at, &length);
    snprintf(address, sizeof address, "%s:%d", dials_by_name ? "many" : "127.0.0.1", ntohs(at.sin_port));
    if (coro_spawn(&t, session_server, &listener, NULL) != 0) {
        coro_close(listener);
        return arg;
    }
    fd = (int)seen(coro_tcp_dial(address, in_time()));
    if (fd >= 0) {
        bool well = seen(coro_write_all(fd, "hello\n", 6, in_time())) == 6 &&
                    seen(coro_poll_fd(fd, POLLIN | POLLOUT, in_time())) > 0 &&
                    seen(coro_recv(fd, buf, 4, MSG_PEEK, in_time())) > 0 &&
                    seen(coro_writev(fd, &iov, 1, in_time())) == 5;

        shutdown(fd, well ? SHUT_WR : SHUT_RDWR);
        while (seen(coro_read(fd, buf, sizeof buf, in_time())) > 0) {
        }
        coro_close(fd);
    } else {
        coro_cancel(t);
    }
    coro_join(t, NULL, CORO_FOREVER);
    return arg;
}

static int open_files(void)
{
    int n = 0;

    for (int fd = 0; fd < 200; fd++)
        n += __real_fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void fail_one_after_the_other(int err)
{
    long n = 0, before;
    int files;

    with = err;
    assert_int_equal(coro_run(session, NULL, NULL, NULL), 0); /* what is kept for the next time is kept now */
    before = atomic_load(&blocks);
    files = open_files();
    do {
        failures = 0;
        overdue = missing = 0;
        atomic_store(&left, n++);
        (void)coro_run(session, NULL, NULL, NULL);
        atomic_store(&left, -1);
        if (overdue != 0 || missing != 0 || atomic_load(&blocks) != before || open_files() != files) {
            print_error("%s fails with %s: call %ld, %d late, %d missing, %ld blocks, %d files\n", last, strerror(err),
                        n - 1, overdue, missing, atomic_load(&blocks) - before, open_files() - files);
            fail();
        }
    } while (failures != 0);
    assert_in_range(n, 40, 1000);
}

static void whatever_call_fails_nobody_hangs_and_nothing_leaks(void **state)
{
    static const int errors[] = {ENOMEM, ENFILE, ECONNRESET, EPIPE, ECONNABORTED};
    (void)state;

    for (int name = 0; name < 2; name++) {
        dials_by_name = name == 1;
        many[0] = REFUSES;
        many[1] = ANSWERS;
        many[2] = NULL;
        for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
            fail_one_after_the_other(errors[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(interrupted_calls_are_made_again),
        TEST(a_byte_at_a_time_is_enough),
        TEST(a_file_of_which_memory_has_a_part_is_read_whole),
        TEST(the_first_address_that_answers_is_taken),
        TEST(what_the_resolver_says_is_handed_on),
        TEST(children_are_waited_for_without_descriptors_of_them),
        TEST(whatever_call_fails_nobody_hangs_and_nothing_leaks),
    };

    return RUN_TESTS(tests);
}
