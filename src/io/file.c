/*
 * Files. What is in memory is read at once; what may take a disk's time is done on a helper thread, and waited for whatever happens: the
 * buffer is the caller's.
 */
#include "io.h"
#include "system.h"

#include "base/sanitize.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

struct file_call {
    int fd;
    void *buf;
    size_t size;
    off_t at;
    const char *path;
    int flags;
    mode_t mode;
    ssize_t (*call)(const struct file_call *c);
    ssize_t result;
};

static ssize_t do_pread(const struct file_call *c)
{
    return pread(c->fd, c->buf, c->size, c->at);
}

static ssize_t do_pwrite(const struct file_call *c)
{
    return pwrite(c->fd, c->buf, c->size, c->at);
}

static ssize_t do_fsync(const struct file_call *c)
{
    return fsync(c->fd);
}

static ssize_t do_open(const struct file_call *c)
{
    return open(c->path, c->flags | O_CLOEXEC, c->mode);
}

/* On whichever thread. */
static void *run(void *arg)
{
    struct file_call *c = arg;

    do
        c->result = c->call(c);
    while (c->result < 0 && errno == EINTR);
    if (c->result < 0)
        c->result = -errno;
    return NULL;
}

static ssize_t do_elsewhere(struct file_call *c, void (*drop)(void *), int64_t deadline)
{
    int err = coro__offload(run, c, NULL, drop, true, deadline);

    return err != 0 ? err : c->result;
}

/* At once, if memory has it. */
static ssize_t do_now(const struct file_call *c, bool write)
{
    const struct iovec iov = {c->buf, c->size};
    ssize_t n = write ? coro__write_now(c->fd, &iov, c->at) : coro__read_now(c->fd, &iov, c->at);

    if (n < 0)
        return -errno;
    if (!write)
        coro__san_filled(c->buf, (size_t)n); /* MemorySanitizer does not know preadv2() */
    return n;
}

/* Does memory not have it, or cannot say? */
static bool has_to_wait(ssize_t n)
{
    return n == -EAGAIN || n == -EOPNOTSUPP || n == -EINTR || n == -ENOSYS;
}

/* What memory has of it is less than all, or all up to the end of the file: only the next call tells which. */
static ssize_t transfer(struct file_call *c, bool write, int64_t deadline)
{
    ssize_t n, done = 0;

    if (c->at < 0 || c->size > SSIZE_MAX)
        return -EINVAL;
    if (deadline != 0 && coro__may_wait() == NULL)
        return coro__wait_refusal();
    do {
        n = do_now(c, write);
        if (has_to_wait(n))
            n = do_elsewhere(c, NULL, deadline);
        if (n <= 0)
            return done != 0 ? done : n;
        done += n;
        c->buf = (char *)c->buf + n;
        c->size -= (size_t)n;
        c->at += n;
    } while (c->size != 0);
    return done;
}

ssize_t coro_pread(int fd, void *buf, size_t n, off_t at, int64_t deadline)
{
    struct file_call c = {.fd = fd, .buf = buf, .size = n, .at = at, .call = do_pread};

    return transfer(&c, false, deadline);
}

ssize_t coro_pwrite(int fd, const void *buf, size_t n, off_t at, int64_t deadline)
{
    struct file_call c = {.fd = fd, .buf = (void *)(uintptr_t)buf, .size = n, .at = at, .call = do_pwrite};

    return transfer(&c, true, deadline);
}

int coro_fsync(int fd, int64_t deadline)
{
    struct file_call c = {.fd = fd, .call = do_fsync};

    return (int)do_elsewhere(&c, NULL, deadline);
}

/* The scheduler has gone meanwhile, and nobody is left to have the descriptor. */
static void drop_descriptor(void *arg)
{
    const struct file_call *c = arg;

    if (c->result >= 0)
        close((int)c->result);
}

int coro_open(const char *path, int flags, mode_t mode, int64_t deadline)
{
    struct file_call c = {.path = path, .flags = flags, .mode = mode, .call = do_open, .result = -ECANCELED};
    int fd;

    if (path == NULL)
        return -EINVAL;
    fd = (int)do_elsewhere(&c, drop_descriptor, deadline);
    if (fd >= 0)
        coro__io_forget(fd);
    return fd;
}
