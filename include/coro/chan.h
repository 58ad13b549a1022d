/*
 * coro/chan.h: channels, and select.
 *
 *     coro_chan_t *ch;
 *     coro_chan_create(&ch, sizeof(int), 0);
 *     ...
 *     int n = 42;
 *     coro_chan_send(ch, &n, CORO_FOREVER);      // one task
 *     coro_chan_recv(ch, &n, CORO_FOREVER);      // another
 *
 * A channel carries elements of one size, in order. With capacity 0 sender and receiver meet; otherwise so many elements may lie in it.
 * Who waits is served in turn: a sender that finds a receiver waiting writes into that one's memory, and goes on.
 *
 * A channel belongs to the thread that created it. Outside tasks it can be used with deadline 0.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CHAN_H
#define CORO_CHAN_H

#include <coro/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A channel. */
typedef struct coro_chan coro_chan_t;

/**
 * Make a channel.
 *
 * @param out        where it goes
 * @param elem_size  bytes of an element; 0 is fine, for signals
 * @param capacity   how many elements may lie in it; 0: none, sender and receiver meet
 * @return           0; -EINVAL `out` is NULL; -EOVERFLOW elem_size * capacity does not fit; -ENOMEM; -ECHILD in a forked child
 *
 * Context:   anywhere.
 * Ownership: the caller's, to be given to coro_chan_destroy().
 */
CORO_API int coro_chan_create(coro_chan_t **out, size_t elem_size, size_t capacity);

/**
 * Destroy a channel, with what lies in it.
 *
 * @param ch  a channel
 * @return    0; -EINVAL it is NULL; -EBUSY somebody waits on it; -EPERM it belongs to another thread
 *
 * Context:   its thread.
 * Ownership: frees `ch`.
 */
CORO_API int coro_chan_destroy(coro_chan_t *ch);

/**
 * Close a channel: nothing more can be sent. Whoever waits to send or to receive gets -EPIPE; what lies in it can still be received.
 *
 * @param ch  a channel
 * @return    0; -EINVAL it is NULL; -EPIPE it is closed; -EPERM it belongs to another thread
 *
 * Context: its thread.
 */
CORO_API int coro_chan_close(coro_chan_t *ch);

/**
 * Send an element.
 *
 * @param ch        a channel
 * @param elem      the element, copied; NULL is fine if elements have no bytes
 * @param deadline  until when to wait for a receiver, or for room
 * @return          0; -EPIPE it is closed, or was closed meanwhile; -EINVAL `ch` is NULL, or `elem` though elements have bytes; -EAGAIN,
 *                  -ETIMEDOUT, -ECANCELED, -EPERM as coro/sched.h says. On failure nothing was sent.
 *
 * Context: a task of its thread; with deadline 0 anywhere on it.
 */
CORO_API int coro_chan_send(coro_chan_t *ch, const void *elem, int64_t deadline);
CORO_API int coro_chan_send_at(const char *site, coro_chan_t *ch, const void *elem, int64_t deadline);

/**
 * Receive an element.
 *
 * @param ch        a channel
 * @param elem      where it goes; NULL is fine if elements have no bytes
 * @param deadline  until when to wait for one
 * @return          0; -EPIPE it is closed and empty; -EINVAL `ch` is NULL, or `elem` though elements have bytes; -EAGAIN, -ETIMEDOUT, -ECANCELED, -EPERM as coro/sched.h
 *                  says. On failure `elem` is untouched.
 *
 * Context: a task of its thread; with deadline 0 anywhere on it.
 */
CORO_API int coro_chan_recv(coro_chan_t *ch, void *elem, int64_t deadline);
CORO_API int coro_chan_recv_at(const char *site, coro_chan_t *ch, void *elem, int64_t deadline);

/** How many elements lie in a channel; 0 if it is NULL. Context: its thread. */
CORO_API size_t coro_chan_len(const coro_chan_t *ch);

/** What a case of coro_select() does. */
typedef enum coro_op { CORO_SEND, CORO_RECV } coro_op;

/** A case of coro_select(). */
typedef struct coro_case {
    coro_chan_t *ch;
    coro_op op;
    void *elem; /* as for coro_chan_send() or coro_chan_recv(); only read by a send */
    int result; /* of the one that has fired: 0 or -EPIPE */
} coro_case;

/**
 * Do the first of several sends and receives that is possible; of those that are at once, one that is drawn at random.
 *
 * @param cases     `n` of them, in any mixture, channels repeated as you like; a send and a receive on one channel never meet each other
 * @param n         how many; none is fine with a deadline: a sleep that says -ETIMEDOUT
 * @param deadline  until when to wait
 * @return          the index of the one that has fired, its `result` says how; -EINVAL `cases` is NULL, a case is wrong, or there is none
 *                  and no deadline; -ENOMEM for more than 16 cases, if it has to wait; -EAGAIN, -ETIMEDOUT, -ECANCELED, -EPERM as
 *                  coro/sched.h says
 *
 * Context: a task of the thread of the channels; with deadline 0 anywhere on it.
 * Source:  Go's select statement.
 */
CORO_API int coro_select(coro_case *cases, size_t n, int64_t deadline);
CORO_API int coro_select_at(const char *site, coro_case *cases, size_t n, int64_t deadline);

/* Calls by name hand on where they stand, for reports. */
#define coro_chan_send(...) coro_chan_send_at(CORO_HERE, __VA_ARGS__)
#define coro_chan_recv(...) coro_chan_recv_at(CORO_HERE, __VA_ARGS__)
#define coro_select(...)    coro_select_at(CORO_HERE, __VA_ARGS__)

/**
 * A channel of one type: `CORO_CHAN_OF(int)` defines, in a header or at file scope, coro_chan_int_t with
 *
 *     int coro_chan_int_create(coro_chan_int_t *out, size_t capacity);
 *     int coro_chan_int_send(coro_chan_int_t ch, int elem, int64_t deadline);
 *     int coro_chan_int_recv(coro_chan_int_t ch, int *elem, int64_t deadline);
 *
 * and _close, _destroy, _len as above; `.ch` is the channel itself, for coro_select(). For a type that is more than one word, name it:
 * `CORO_CHAN_NAMED(jobs, struct job *)` defines coro_chan_jobs_t. A report names the line of the definition for waits in these.
 */
#define CORO_CHAN_OF(T) CORO_CHAN_NAMED(T, T)
#define CORO_CHAN_NAMED(name, T)                                                                                       \
    typedef struct coro_chan_##name##_t {                                                                              \
        coro_chan_t *ch;                                                                                               \
    } coro_chan_##name##_t;                                                                                            \
    static inline __attribute__((unused)) int coro_chan_##name##_create(coro_chan_##name##_t *out, size_t capacity)    \
    {                                                                                                                  \
        return coro_chan_create(out != NULL ? &out->ch : NULL, sizeof(T), capacity);                                   \
    }                                                                                                                  \
    static inline                                                                                                      \
        __attribute__((unused)) int coro_chan_##name##_send(coro_chan_##name##_t ch, T elem, int64_t deadline)         \
    {                                                                                                                  \
        return (coro_chan_send_at)(CORO_HERE, ch.ch, &elem, deadline);                                                 \
    }                                                                                                                  \
    static inline                                                                                                      \
        __attribute__((unused)) int coro_chan_##name##_recv(coro_chan_##name##_t ch, T *elem, int64_t deadline)        \
    {                                                                                                                  \
        return (coro_chan_recv_at)(CORO_HERE, ch.ch, elem, deadline);                                                  \
    }                                                                                                                  \
    static inline __attribute__((unused)) int coro_chan_##name##_close(coro_chan_##name##_t ch)                        \
    {                                                                                                                  \
        return coro_chan_close(ch.ch);                                                                                 \
    }                                                                                                                  \
    static inline __attribute__((unused)) int coro_chan_##name##_destroy(coro_chan_##name##_t ch)                      \
    {                                                                                                                  \
        return coro_chan_destroy(ch.ch);                                                                               \
    }                                                                                                                  \
    static inline __attribute__((unused)) size_t coro_chan_##name##_len(coro_chan_##name##_t ch)                       \
    {                                                                                                                  \
        return coro_chan_len(ch.ch);                                                                                   \
    }                                                                                                                  \
    struct coro_chan_##name##_t /* a semicolon follows */

#ifdef __cplusplus
}
#endif

#endif
