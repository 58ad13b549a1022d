/*
 * Descriptors, as a scheduler knows them: a table by number.
 *
 * A number that is closed and comes again is another descriptor, of another generation: whoever waits looks at it when it goes on.
 */
#include "driver.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int make_room(struct coro__io *io, size_t chunk)
{
    struct coro__fd **table;

    if (chunk >= io->chunks) {
        table = realloc(io->table, (chunk + 1) * sizeof(struct coro__fd *));
        if (table == NULL)
            return -ENOMEM;
        memset(table + io->chunks, 0, (chunk + 1 - io->chunks) * sizeof(struct coro__fd *));
        io->table = table;
        io->chunks = chunk + 1;
    }
    if (io->table[chunk] == NULL)
        io->table[chunk] = calloc(CORO__IO_CHUNK, sizeof(struct coro__fd));
    return io->table[chunk] != NULL ? 0 : -ENOMEM;
}

void coro__io_free_table(struct coro__io *io)
{
    for (size_t i = 0; i < io->chunks; i++)
        free(io->table[i]);
    free(io->table);
}

int coro__io_make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    if ((flags & O_NONBLOCK) != 0)
        return 0;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

static int enrol(struct coro__io *io, int fd, struct coro__fd *f)
{
    int err = f->nonblocking ? 0 : coro__io_make_nonblocking(fd), protocol = 0;
    socklen_t length = sizeof protocol;

    if (err != 0)
        return err;
    if (!f->tcp) {
        f->socket = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0;
        f->tcp = f->socket && protocol == IPPROTO_TCP;
    }
    err = io->backend->enrol != NULL ? io->backend->enrol(io, fd, f) : 0;
    if (err != 0)
        return err;
    f->hung_up = f->drained[CORO__IO_IN] = f->drained[CORO__IO_OUT] = false;
    f->known = true;
    return 0;
}

int coro__io_enrol(struct coro__io *io, int fd, struct coro__fd **out)
{
    struct coro__fd *f = coro__io_find(io, fd);
    int err;

    if (fd < 0)
        return -EBADF;
    if (f == NULL) {
        if (fcntl(fd, F_GETFD) < 0)
            return -errno; /* and no table for it */
        err = make_room(io, (size_t)fd / CORO__IO_CHUNK);
        if (err != 0)
            return err;
        f = coro__io_find(io, fd);
    }
    *out = f;
    return f->known ? 0 : enrol(io, fd, f);
}

/* In whichever scheduler of the thread: the caller may be a loop that hosts it. Those that a forked child has a copy of are not its
   own. */
void coro__io_forget(int fd)
{
    if (coro__in_forked_child())
        return;
    for (struct coro__io *io = *coro__io_drivers(); io != NULL; io = io->next) {
        struct coro__fd *f = coro__io_find(io, fd);

        if (f == NULL)
            continue;
        f->known = f->nonblocking = f->tcp = false;
        f->generation++;
        io->backend->dismiss(io, f);
    }
}

void coro__io_opened(int fd, int parent)
{
    struct coro__io *io = coro__io_running();
    const struct coro__fd *from;
    struct coro__fd *f;

    coro__io_forget(fd);
    if (io == NULL || (coro__io_find(io, fd) == NULL && make_room(io, (size_t)fd / CORO__IO_CHUNK) != 0))
        return;
    f = coro__io_find(io, fd);
    from = coro__io_find(io, parent);
    f->nonblocking = true;
    f->socket = f->tcp = from != NULL && from->tcp;
}

#undef coro_close
int coro_close(int fd, int64_t deadline)
{
    (void)deadline;
    coro__io_forget(fd);
    if (close(fd) == 0 || errno == EINTR) /* Linux has closed it then */
        return 0;
    return -errno;
}
