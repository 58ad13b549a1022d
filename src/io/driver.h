/*
 * The driver of a scheduler that does input and output: what its two backends share, and what sets them apart.
 *
 * A backend knows how to wait. An operation is a system call that is made, and waited for if it would block; a backend may offer to make
 * the call itself, and wait for its outcome.
 */
#ifndef CORO_IO_DRIVER_H
#define CORO_IO_DRIVER_H

#include "io.h"

/* A descriptor, as one scheduler knows it. Of a number that is closed, the generation changes. */
struct coro__fd {
    uint32_t generation;
    bool known; /* to the backend. The next two are valid then */
    bool socket;
    bool tcp; /* a transfer of fewer bytes than could have been means that there were no more */
    bool nonblocking;
    bool hung_up;    /* no more events have to come for what is still to be read; or there are urgent data, which a read
                                        stops at */
    bool drained[2]; /* a direction: it would block, as far as is known */
    struct coro__waiter *waiters[2]; /* a direction; NULL if nobody waits */
};

enum { CORO__IO_CHUNK = 256 };

struct coro__io {
    struct coro__driver driver;
    const struct coro__io_backend *backend;
    struct coro__io *next; /* of the thread's */
    int event_fd;          /* what another thread signals */
    atomic_bool signalled; /* since the last wait */
    size_t chunks;
    struct coro__fd **table; /* by number, in chunks that stay where they are */

    /* buffers that nobody uses */
    struct coro__io_spare {
        struct coro__io_spare *next;
    } * spares;
    unsigned spare_count;
};

struct coro__io_backend {
    size_t size; /* of what begins with a struct coro__io */

    /* Open what is waited with, event_fd included, and fill in `driver`. 0, or a negative errno value, and nothing is open. */
    int (*open)(struct coro__io *io);
    void (*close)(struct coro__io *io);

    /* A descriptor is used for the first time; NULL: that is nothing to it. 0 or a negative errno value. */
    int (*enrol)(struct coro__io *io, int fd, struct coro__fd *f);

    /* Wait until one of `directions`, a set of bits, may be ready for `op`: 0, or a negative errno value. */
    int (*await)(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f, unsigned directions,
                 struct coro_task *self, int64_t deadline);

    /* Should it rather make the call itself? And do: what the call returned, or a negative errno value. NULL: it never does. */
    bool (*takes)(const struct coro__io_op *op, const struct coro__fd *f, const struct coro_task *self);
    ssize_t (*transfer)(struct coro__io *io, const struct coro__io_op *op, struct coro__fd *f, struct coro_task *self,
                        int64_t deadline);

    /* The descriptor is about to be closed, or is: nobody waits for it any more. */
    void (*dismiss)(struct coro__io *io, struct coro__fd *f);
};

extern const struct coro__io_backend coro__epoll, coro__uring;

/* ---- driver.c ---- */

/* The driver of `s`, made if it has none. 0 or a negative errno value. */
int coro__io_start(struct coro_sched *s, struct coro__io **out);

/* That of the running task; NULL if there is none. */
struct coro__io *coro__io_running(void);

/* Those of the calling thread. */
struct coro__io **coro__io_drivers(void);

/* Another thread has signalled: an event of event_fd. */
void coro__io_signalled(struct coro__io *io);

static inline struct coro__io *coro__io_of(struct coro__driver *driver)
{
    return (struct coro__io *)(void *)driver;
}

/* That of a task that waits. */
static inline struct coro__io *coro__io_of_waiter(const struct coro__waiter *waiter)
{
    const struct coro_task *task = CORO__OWNER(waiter, struct coro_task, waiter);

    return coro__io_of(atomic_load_explicit(&task->sched->io, memory_order_relaxed));
}

/* ---- descriptor.c ---- */

/* What is known of a number; NULL if nothing is. */
static inline struct coro__fd *coro__io_find(const struct coro__io *io, int fd)
{
    size_t chunk = (size_t)fd / CORO__IO_CHUNK;

    return fd >= 0 && chunk < io->chunks && io->table[chunk] != NULL ? &io->table[chunk][fd % CORO__IO_CHUNK] : NULL;
}

/* Get to know it. 0 or a negative errno value. */
int coro__io_enrol(struct coro__io *io, int fd, struct coro__fd **out);

void coro__io_free_table(struct coro__io *io);

/* Why a call that would have to wait for `directions` does not: 0 if it does. */
static inline int coro__io_refusal(const struct coro__fd *f, unsigned directions, const struct coro_task *self,
                                   int64_t deadline)
{
    int err = coro__wait_overdue(self, deadline);

    for (unsigned i = 0; i < 2; i++)
        if (err == 0 && (directions & 1u << i) != 0 && f->waiters[i] != NULL)
            err = -EBUSY;
    return err;
}

/* `waiter` waits for `directions` of `f`; and not any more. */
static inline void coro__io_wait_begins(struct coro__io *io, struct coro__fd *f, unsigned directions,
                                        struct coro__waiter *waiter)
{
    for (unsigned i = 0; i < 2; i++)
        if ((directions & 1u << i) != 0)
            f->waiters[i] = waiter;
    io->driver.waiting++;
    waiter->slot = f;
}

static inline void coro__io_wait_ends(struct coro__io *io, struct coro__fd *f, const struct coro__waiter *waiter)
{
    for (unsigned i = 0; i < 2; i++)
        if (f->waiters[i] == waiter)
            f->waiters[i] = NULL;
    io->driver.waiting--;
}

#endif
