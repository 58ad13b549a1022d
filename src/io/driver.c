/*
 * Drivers: which backend a scheduler has, made when it is first needed; how other threads reach it; and the buffers that its streams pass
 * around.
 *
 * CORO_IO in the environment chooses: epoll, uring, or auto, which is whatever is best here. Where what it asks for cannot be had, that is
 * said, once, and something else is taken.
 */
#include "driver.h"

#include "base/panic.h"
#include "base/sanitize.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    AUTO_IS_URING = 0,
    SPARES_MOST = 256,
};

struct coro__io **coro__io_drivers(void)
{
    return (struct coro__io **)&coro__thread_self()->drivers;
}

struct coro__io *coro__io_running(void)
{
    struct coro_task *self = coro__task_running();
    struct coro__driver *driver = self != NULL ? atomic_load_explicit(&self->sched->io, memory_order_relaxed) : NULL;

    return driver != NULL ? coro__io_of(driver) : NULL;
}

/* ---- signals ---- */

void coro__io_signalled(struct coro__io *io)
{
    uint64_t ignored;

    if (read(io->event_fd, &ignored, sizeof ignored) < 0)
        return; /* somebody else has seen to it */
    atomic_store(&io->signalled, false);
}

static void signal_driver(struct coro__driver *driver)
{
    struct coro__io *io = coro__io_of(driver);
    uint64_t one = 1;
    ssize_t ignored;

    if (atomic_exchange(&io->signalled, true))
        return;
    ignored = write(io->event_fd, &one, sizeof one);
    (void)ignored;
}

/* ---- made and ended ---- */

static void end(struct coro__driver *driver)
{
    struct coro__io *io = coro__io_of(driver), **link = coro__io_drivers();

    while (*link != io)
        link = &(*link)->next;
    *link = io->next;
    coro__io_free_table(io);
    for (struct coro__io_spare *spare = io->spares, *next; spare != NULL; spare = next) {
        next = spare->next;
        free(spare);
    }
    io->backend->close(io);
    close(io->event_fd);
    free(io);
}

static int start_with(const struct coro__io_backend *backend, struct coro_sched *s, struct coro__io **out)
{
    struct coro__io *io = calloc(1, backend->size);
    int err;

    if (io == NULL)
        return -ENOMEM;
    io->backend = backend;
    io->driver.signal = signal_driver;
    io->driver.end = end;
    io->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    err = io->event_fd < 0 ? -errno : backend->open(io);
    if (err != 0)
        goto close_event;
    err = coro__sched_drive(s, &io->driver);
    if (err != 0)
        goto close_backend;
    io->next = *coro__io_drivers();
    *coro__io_drivers() = io;
    *out = io;
    return 0;

close_backend:
    backend->close(io);
close_event:
    if (io->event_fd >= 0)
        close(io->event_fd);
    free(io);
    return err;
}

static void say_once(const char *why, const char *more)
{
    static atomic_bool said;

    if (!atomic_exchange(&said, true))
        coro__report("CORO_IO: ", why, more, NULL);
}

/* Is the ring asked for, and so that its absence has to be said? */
static bool wants_ring(bool *said)
{
    const char *value = getenv("CORO_IO");

    *said = value != NULL && strcmp(value, "uring") == 0;
    if (*said)
        return true;
    if (value != NULL && strcmp(value, "epoll") == 0)
        return false;
    if (value != NULL && value[0] != '\0' && strcmp(value, "auto") != 0)
        say_once("neither epoll nor uring nor auto; taken for auto: ", value);
    return AUTO_IS_URING && !coro__under_valgrind;
}

static int start_ring(struct coro_sched *s, struct coro__io **out)
{
#ifdef CORO_HAVE_URING
    return start_with(&coro__uring, s, out);
#else
    (void)s, (void)out;
    return -ENOSYS;
#endif
}

int coro__io_start(struct coro_sched *s, struct coro__io **out)
{
    bool said;

    if (wants_ring(&said)) {
        int err = start_ring(s, out);

        if (err == 0)
            return 0;
        if (said)
            say_once("there is no io_uring here, and epoll is used: ", strerror(-err));
    }
    return start_with(&coro__epoll, s, out);
}

/* ---- buffers ---- */

void *coro__io_take_buffer(void)
{
    struct coro__io *io = coro__io_running();
    struct coro__io_spare *spare = io != NULL ? io->spares : NULL;

    if (spare == NULL)
        return malloc(CORO__IO_BUFFER);
    io->spares = spare->next;
    io->spare_count--;
    return spare;
}

void coro__io_give_buffer(void *buffer)
{
    struct coro__io *io = coro__io_running();
    struct coro__io_spare *spare = buffer;

    if (CORO__SANITIZED || coro__under_valgrind || io == NULL || io->spare_count == SPARES_MOST) {
        free(buffer);
        return;
    }
    spare->next = io->spares;
    io->spares = spare;
    io->spare_count++;
}
