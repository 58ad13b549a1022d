/* The measure of all: an event loop written by hand, on level-triggered epoll. */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    size_t used;
    char in[IO_BUFFER_SIZE];
};

static struct io_conversation conversation;
static int epoll_fd;

static void end(struct connection *c)
{
    close(c->fd);
    free(c);
}

/* A response is smaller than a socket's buffer that is empty: one that does not fit is the client's fault. */
static int answer(struct connection *c)
{
    const char *out;
    size_t size;

    while (c->used > 0 && (size = io_answer(&conversation, c->in, &c->used, &out)) > 0)
        if (send(c->fd, out, size, MSG_NOSIGNAL) != (ssize_t)size)
            return -1;
    return c->used < sizeof c->in ? 0 : -1;
}

static void serve(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->used, sizeof c->in - c->used, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        c->used += (size_t)n;
        if (answer(c) == 0)
            return;
    }
    end(c);
}

static void take(void)
{
    int fd = accept4(IO_LISTENER, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c = fd >= 0 ? malloc(sizeof *c) : NULL;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (c == NULL)
        return;
    c->fd = fd;
    c->used = 0;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        end(c);
}

int main(int argc, char **argv)
{
    struct epoll_event events[256], listener = {.events = EPOLLIN, .data.ptr = NULL};
    int n;

    conversation = io_converse(argc > 1 ? argv[1] : "echo");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, IO_LISTENER, &listener) != 0) {
        perror("epoll");
        return 1;
    }
    while ((n = epoll_wait(epoll_fd, events, 256, -1)) >= 0 || errno == EINTR)
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr != NULL)
                serve(events[i].data.ptr);
            else
                take();
    return 1;
}
