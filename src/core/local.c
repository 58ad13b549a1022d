/*
 * What belongs to one coroutine besides its stack: handlers to run when it ends, and values under keys.
 *
 * Both hang on one record, made at the first use, so that the switch and the end of a coroutine that has neither look at one
 * pointer. A key is an index into a table and the generation of that entry, odd while it is in use: a key that was deleted
 * does not fit what takes its place, until eight million more have taken it.
 */
#include "base/thread.h"
#include "context/context.h"
#include "coroutine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { KEYS = 256, KEY_BITS = 8, ROUNDS = 4 };

struct handler {
    struct handler *next;
    void (*fn)(void *);
    void *arg;
};

struct at_end {
    struct handler *handlers; /* the last one asked for is first */
    struct value {
        coro_key_t key;
        void *value;
    } * values;
    unsigned count;
};

static struct key {
    atomic_uint generation;
    _Atomic(uintptr_t) destructor;
} keys[KEYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- keys ---- */

static unsigned index_of(coro_key_t key)
{
    return key % KEYS;
}

static coro_key_t key_at(unsigned index, unsigned generation)
{
    return generation << KEY_BITS | index;
}

static bool exists(coro_key_t key)
{
    unsigned generation = atomic_load_explicit(&keys[index_of(key)].generation, memory_order_acquire);

    return generation % 2 == 1 && key_at(index_of(key), generation) == key;
}

int coro_key_create(coro_key_t *key, void (*destructor)(void *))
{
    int err = -EAGAIN;

    if (key == NULL)
        return -EINVAL;
    if (coro__in_forked_child())
        return -ECHILD;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned generation = atomic_load(&keys[i].generation);

        if (generation % 2 == 1)
            continue;
        atomic_store(&keys[i].destructor, (uintptr_t)destructor);
        atomic_store_explicit(&keys[i].generation, generation + 1, memory_order_release);
        *key = key_at(i, generation + 1);
        err = 0;
        break;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

int coro_key_delete(coro_key_t key)
{
    int err = -EINVAL;

    if (coro__in_forked_child())
        return -ECHILD;
    pthread_mutex_lock(&lock);
    if (exists(key)) {
        atomic_fetch_add(&keys[index_of(key)].generation, 1);
        err = 0;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

static __attribute__((constructor)) void register_lock(void)
{
    coro__thread_lock_over_fork(&lock);
}

/* ---- the record ---- */

static int record_of(struct coro *co, struct at_end **out)
{
    if (co->context.at_end == NULL)
        co->context.at_end = calloc(1, sizeof(struct at_end));
    *out = co->context.at_end;
    return *out != NULL ? 0 : -ENOMEM;
}

static struct value *value_of(const struct at_end *record, coro_key_t key)
{
    struct value *value;

    if (record == NULL || index_of(key) >= record->count)
        return NULL;
    value = &record->values[index_of(key)];
    return value->key == key ? value : NULL;
}

/* Make room for values up to `index`. */
static int grow(struct at_end *record, unsigned index)
{
    unsigned count = (index + 8) / 8 * 8;
    struct value *values;

    if (index < record->count)
        return 0;
    values = realloc(record->values, count * sizeof *values);
    if (values == NULL)
        return -ENOMEM;
    for (unsigned i = record->count; i < count; i++)
        values[i] = (struct value){0};
    record->values = values;
    record->count = count;
    return 0;
}

void *coro_get(coro_key_t key)
{
    int err;
    const struct coro *co = coro__running(&err);
    const struct value *value = co != NULL && exists(key) ? value_of(co->context.at_end, key) : NULL;

    return value != NULL ? value->value : NULL;
}

int coro_set(coro_key_t key, void *value)
{
    struct at_end *record;
    int err;
    struct coro *co = coro__running(&err);

    if (co == NULL)
        return err;
    if (!exists(key))
        return -EINVAL;
    if (value == NULL && value_of(co->context.at_end, key) == NULL)
        return 0;
    err = record_of(co, &record);
    if (err == 0)
        err = grow(record, index_of(key));
    if (err == 0)
        record->values[index_of(key)] = (struct value){.key = key, .value = value};
    return err;
}

int coro_defer(void (*fn)(void *), void *arg)
{
    struct at_end *record;
    struct handler *handler;
    int err;
    struct coro *co = coro__running(&err);

    if (fn == NULL)
        return -EINVAL;
    if (co == NULL)
        return err;
    err = record_of(co, &record);
    if (err != 0)
        return err;
    handler = malloc(sizeof *handler);
    if (handler == NULL)
        return -ENOMEM;
    *handler = (struct handler){.next = record->handlers, .fn = fn, .arg = arg};
    record->handlers = handler;
    return 0;
}

/* ---- the end ---- */

/* A handler may ask for more of them: until there are none. */
static void run_handlers(struct at_end *record)
{
    while (record->handlers != NULL) {
        struct handler handler = *record->handlers;

        free(record->handlers);
        record->handlers = handler.next;
        handler.fn(handler.arg);
    }
}

/* Was there any? A destructor may set values again, and move the array by it. */
static bool run_destructors(struct at_end *record)
{
    bool any = false;

    for (unsigned i = 0; i < record->count; i++) {
        struct value value = record->values[i];
        uintptr_t destructor;

        if (value.value == NULL || !exists(value.key))
            continue;
        destructor = atomic_load(&keys[i].destructor);
        if (destructor == 0)
            continue; /* it stays, for the destructors of others to look at */
        record->values[i].value = NULL;
        ((void (*)(void *))destructor)(value.value);
        any = true;
    }
    return any;
}

void coro__run_handlers(struct coro__context *context)
{
    struct at_end *record = context->at_end;

    context->state = CORO_STATE_ENDING;
    run_handlers(record);
    for (int round = 0; round < ROUNDS && run_destructors(record); round++)
        run_handlers(record);
    context->at_end = NULL;
    free(record->values);
    free(record);
}
