/* state-threads: a thread of its scheduler a connection. */
#include "wire.h"

#include <st.h>
#include <stdint.h>
#include <stdio.h>

static struct io_conversation conversation;

static int answer(st_netfd_t fd, char *in, size_t *used)
{
    const char *out;
    size_t size;

    while (*used > 0 && (size = io_answer(&conversation, in, used, &out)) > 0)
        if (st_write(fd, out, size, ST_UTIME_NO_TIMEOUT) != (ssize_t)size)
            return -1;
    return *used < IO_BUFFER_SIZE ? 0 : -1;
}

static void *serve(void *arg)
{
    st_netfd_t fd = arg;
    char in[IO_BUFFER_SIZE];
    size_t used = 0;
    ssize_t n;

    while ((n = st_read(fd, in + used, sizeof in - used, ST_UTIME_NO_TIMEOUT)) > 0) {
        used += (size_t)n;
        if (answer(fd, in, &used) != 0)
            break;
    }
    st_netfd_close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    st_netfd_t listener, fd;

    conversation = io_converse(argc > 1 ? argv[1] : "echo");
    st_set_eventsys(ST_EVENTSYS_ALT); /* epoll */
    if (st_init() != 0 || (listener = st_netfd_open_socket(IO_LISTENER)) == NULL) {
        perror("state-threads");
        return 1;
    }
    while ((fd = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT)) != NULL)
        if (st_thread_create(serve, fd, 0, 16384) == NULL)
            st_netfd_close(fd);
    perror("st_accept");
    return 1;
}
