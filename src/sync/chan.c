/*
 * Channels. Elements go from memory to memory once where somebody waits: a sender writes to where the receiver wants it, a receiver reads
 * from where the sender has it. Otherwise they lie in a ring.
 */
#include "chan.h"

#include <stdlib.h>
#include <string.h>

int coro_chan_create(coro_chan_t **out, size_t elem_size, size_t capacity)
{
    struct coro__thread *t;
    coro_chan_t *ch;
    size_t bytes;
    int err;

    if (out == NULL)
        return -EINVAL;
    if (__builtin_mul_overflow(elem_size, capacity, &bytes) || bytes > PTRDIFF_MAX - sizeof *ch)
        return -EOVERFLOW;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    ch = malloc(sizeof *ch + bytes);
    if (ch == NULL)
        return -ENOMEM;
    *ch = (coro_chan_t){.elem_size = elem_size, .capacity = capacity, .token = t->token};
    coro__list_init(&ch->senders);
    coro__list_init(&ch->receivers);
    *out = ch;
    return 0;
}

int coro_chan_destroy(coro_chan_t *ch)
{
    int err = ch != NULL ? coro__chan_check(ch) : -EINVAL;

    if (err != 0)
        return err;
    if (!coro__list_empty(&ch->senders) || !coro__list_empty(&ch->receivers))
        return -EBUSY;
    free(ch);
    return 0;
}

size_t coro_chan_len(const coro_chan_t *ch)
{
    return ch != NULL ? ch->count : 0;
}

/* ---- elements ---- */

/* Most are a word. */
static inline void copy(void *to, const void *from, size_t size)
{
    if (likely(size == 8))
        memcpy(to, from, 8);
    else if (size == 4)
        memcpy(to, from, 4);
    else if (size != 0)
        memcpy(to, from, size);
}

static inline char *place(coro_chan_t *ch, size_t i)
{
    i += ch->head;
    if (i >= ch->capacity)
        i -= ch->capacity;
    return ch->elems + i * ch->elem_size;
}

static inline void put(coro_chan_t *ch, const void *elem)
{
    copy(place(ch, ch->count), elem, ch->elem_size);
    ch->count++;
}

static inline void take(coro_chan_t *ch, void *elem)
{
    copy(elem, place(ch, 0), ch->elem_size);
    ch->count--;
    if (++ch->head == ch->capacity)
        ch->head = 0;
}

/* ---- who waits ---- */

/* Where the element of a waiter is, or is to go. */
static inline void *elem_of(const struct coro__waiter *waiter)
{
    if (unlikely(waiter->state == CORO__BRANCH))
        return ((const struct coro__branch *)(const void *)waiter)->its_case->elem;
    return waiter->slot;
}

/* It has been served, or the channel has closed. */
static inline void finish(struct coro__waiter *waiter, int result)
{
    if (unlikely(waiter->state == CORO__BRANCH))
        coro__select_fire((struct coro__branch *)(void *)waiter, result);
    else
        coro__waiter_complete(waiter, (uintptr_t)(intptr_t)result);
}

static void finish_all(struct coro__list *list)
{
    struct coro__waiter *waiter;

    while ((waiter = coro__waiter_pop(list)) != NULL)
        finish(waiter, -EPIPE);
}

int coro_chan_close(coro_chan_t *ch)
{
    int err = ch != NULL ? coro__chan_check(ch) : -EINVAL;

    if (err != 0)
        return err;
    if (ch->closed)
        return -EPIPE;
    ch->closed = true;
    finish_all(&ch->senders);
    finish_all(&ch->receivers);
    return 0;
}

/* ---- send and receive ---- */

static inline __attribute__((always_inline)) int try_send(coro_chan_t *ch, const void *elem)
{
    struct coro__waiter *receiver = coro__waiter_pop(&ch->receivers);

    if (receiver != NULL) {
        copy(elem_of(receiver), elem, ch->elem_size);
        finish(receiver, 0);
        return 0;
    }
    if (unlikely(ch->closed))
        return -EPIPE;
    if (ch->count == ch->capacity)
        return -EAGAIN;
    put(ch, elem);
    return 0;
}

static inline __attribute__((always_inline)) int try_recv(coro_chan_t *ch, void *elem)
{
    struct coro__waiter *sender;

    if (ch->count != 0) {
        take(ch, elem);
        sender = coro__waiter_pop(&ch->senders);
        if (sender != NULL)
            put(ch, elem_of(sender));
    } else {
        sender = coro__waiter_pop(&ch->senders);
        if (sender == NULL)
            return ch->closed ? -EPIPE : -EAGAIN;
        copy(elem, elem_of(sender), ch->elem_size);
    }
    if (sender != NULL)
        finish(sender, 0);
    return 0;
}

int coro__chan_try_send(coro_chan_t *ch, const void *elem)
{
    return try_send(ch, elem);
}

int coro__chan_try_recv(coro_chan_t *ch, void *elem)
{
    return try_recv(ch, elem);
}

static const struct coro__wait for_receiver = {.what = "to send to a channel", .due = coro__waiter_too_late};
static const struct coro__wait for_sender = {.what = "to receive from a channel", .due = coro__waiter_too_late};

/* Who calls, and whether that is in order. */
static inline __attribute__((always_inline)) int check(const coro_chan_t *ch, const void *elem, int64_t deadline,
                                                       struct coro_task **self)
{
    int err;

    if (unlikely(ch == NULL) || unlikely(elem == NULL && ch->elem_size != 0))
        return -EINVAL;
    err = coro__sync_caller(deadline, self);
    return likely(err == 0) ? coro__chan_check(ch) : err;
}

#undef coro_chan_send
int coro_chan_send_at(const char *site, coro_chan_t *ch, const void *elem, int64_t deadline)
{
    struct coro_task *self;
    int err = check(ch, elem, deadline, &self);

    if (likely(err == 0))
        err = try_send(ch, elem);
    if (err != -EAGAIN)
        return err;
    if (self != NULL)
        self->waiter.slot = (void *)(uintptr_t)elem;
    return coro__sync_wait(&ch->senders, self, &for_receiver, deadline, site);
}

int coro_chan_send(coro_chan_t *ch, const void *elem, int64_t deadline)
{
    return coro_chan_send_at(NULL, ch, elem, deadline);
}

#undef coro_chan_recv
int coro_chan_recv_at(const char *site, coro_chan_t *ch, void *elem, int64_t deadline)
{
    struct coro_task *self;
    int err = check(ch, elem, deadline, &self);

    if (likely(err == 0))
        err = try_recv(ch, elem);
    if (err != -EAGAIN)
        return err;
    if (self != NULL)
        self->waiter.slot = elem;
    return coro__sync_wait(&ch->receivers, self, &for_sender, deadline, site);
}

int coro_chan_recv(coro_chan_t *ch, void *elem, int64_t deadline)
{
    return coro_chan_recv_at(NULL, ch, elem, deadline);
}
