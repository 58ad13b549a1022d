/*
 * How the calls talk to whatever does their input and output: one operation at a time for a task, coro__io_do().
 */
#ifndef CORO_IO_IO_H
#define CORO_IO_IO_H

#include "sched/sched.h"

#include <coro/io.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum coro__io_direction { CORO__IO_IN, CORO__IO_OUT };

/* An operation. The system call is made by `call`, once or more often; it returns as system calls do, with errno. */
struct coro__io_op {
    int fd;
    enum coro__io_direction direction;
    ssize_t (*call)(const struct coro__io_op *op);
    void *buf;
    size_t size; /* bytes to be transferred, at most */
    int flags;
    bool plain; /* on a socket it is a recv() or a send() of `buf` without flags */
    bool aside; /* it leaves the data where they are, or is about others: says nothing about what there is to be read */
    void *address;
    socklen_t *length;
};

/* Do it. What the call returned, or a negative errno value. */
ssize_t coro__io_do(const struct coro__io_op *op, int64_t deadline);

/* A descriptor is new, and non-blocking: whatever was known of its number is not true any more. `parent`: the listening socket that it
   comes from, or -1. */
void coro__io_opened(int fd, int parent);

/* The same of one that may block. */
void coro__io_forget(int fd);

/* Do one that says whether events are there: `directions`, a set of bits, are waited for. */
ssize_t coro__io_poll(const struct coro__io_op *op, unsigned directions, int64_t deadline);

/* Wait for a connect() that has begun: 0, or a negative errno value if waiting failed. */
int coro__io_await_output(int fd, int64_t deadline);

/* Buffers of this size, passed around within a scheduler. NULL if there is no memory. */
#define CORO__IO_BUFFER ((size_t)4096)
void *coro__io_take_buffer(void);
void coro__io_give_buffer(void *buffer);

/* 0 or a negative errno value. */
int coro__io_make_nonblocking(int fd);

/* Call fn(arg) on a helper thread, as coro_offload() does. If nobody waits for it any more when it is over, or it was never begun, `drop`
   is called with `arg`, on whichever thread; it may be NULL. `held`: neither deadline nor cancellation end it once it is queued, and where
   its scheduler goes, that waits: the call may use the caller's memory. */
int coro__offload(coro_fn *fn, void *arg, void **result, void (*drop)(void *), bool held, int64_t deadline);

#endif
