/* A hash table with chains, which doubles step by step: no request waits for all entries to move. */
#include "store.h"

#include <coro.h>
#include <stdlib.h>
#include <sys/random.h>

enum { BUCKETS_LEAST = 16, STEP = 4 };

/* ---- values ---- */

/* At least the digits of a number fit, so that INCR need not allocate. */
struct value *value_new(size_t size)
{
    size_t capacity = size < 24 ? 24 : size;
    struct value *value = capacity <= SIZE_MAX - sizeof *value ? malloc(sizeof *value + capacity) : NULL;

    if (value == NULL)
        return NULL;
    value->holders = 1;
    value->size = size;
    value->capacity = capacity;
    return value;
}

void value_release(struct value *value)
{
    if (--value->holders == 0)
        free(value);
}

/* ---- buckets ---- */

static struct entry **bucket(const struct buckets *table, uint64_t hash)
{
    return &table->heads[hash & (table->count - 1)];
}

static void drop(struct store *store, struct entry **link)
{
    struct entry *entry = *link;

    *link = entry->next;
    store->count--;
    store->mortal -= entry->expires != CORO_FOREVER;
    value_release(entry->value);
    free(entry);
}

static void move_bucket(struct store *store, struct entry **head)
{
    struct entry *entry = *head, *next;

    *head = NULL;
    for (; entry != NULL; entry = next) {
        struct entry **to = bucket(&store->table, entry->hash);

        next = entry->next;
        entry->next = *to;
        *to = entry;
    }
}

static void move_some(struct store *store, size_t buckets)
{
    for (size_t i = 0; i < buckets && store->old.heads != NULL; i++) {
        move_bucket(store, &store->old.heads[store->moved++]);
        if (store->moved == store->old.count) {
            free(store->old.heads);
            store->old = (struct buckets){0};
        }
    }
}

/* Make sure that there is a table, and that it is not too full; without memory a full one does, too. */
static bool grow(struct store *store)
{
    struct buckets bigger = {.count = store->table.count != 0 ? 2 * store->table.count : BUCKETS_LEAST};

    if (store->old.heads != NULL || store->count < store->table.count)
        return true;
    bigger.heads = calloc(bigger.count, sizeof(struct entry *));
    if (bigger.heads == NULL)
        return store->table.heads != NULL;
    store->old = store->table;
    store->table = bigger;
    store->moved = 0;
    return true;
}

/* What points to the entry; NULL if there is none. */
static struct entry **find_in(const struct buckets *table, uint64_t hash, const char *key, size_t size)
{
    if (table->heads == NULL)
        return NULL;
    for (struct entry **link = bucket(table, hash); *link != NULL; link = &(*link)->next)
        if ((*link)->hash == hash && (*link)->key_size == size && memcmp((*link)->key, key, size) == 0)
            return link;
    return NULL;
}

static bool is_due(const struct entry *entry)
{
    return entry->expires != CORO_FOREVER && entry->expires <= coro_now();
}

static struct entry **find(struct store *store, uint64_t hash, const char *key, size_t size)
{
    struct entry **link = find_in(&store->table, hash, key, size);

    if (link == NULL)
        link = find_in(&store->old, hash, key, size);
    if (link != NULL && is_due(*link)) {
        drop(store, link);
        link = NULL;
    }
    return link;
}

static void clear(struct store *store, struct buckets *table)
{
    for (size_t i = 0; i < table->count; i++)
        while (table->heads[i] != NULL)
            drop(store, &table->heads[i]);
    free(table->heads);
    *table = (struct buckets){0};
}

/* ---- the store ---- */

void store_open(struct store *store)
{
    *store = (struct store){0};
    if (getrandom(&store->secret, sizeof store->secret, 0) != (ssize_t)sizeof store->secret)
        abort(); /* so few bytes cannot fail once the system is up */
}

void store_clear(struct store *store)
{
    clear(store, &store->table);
    clear(store, &store->old);
}

struct entry *store_find(struct store *store, const char *key, size_t size)
{
    struct entry **link = find(store, siphash(&store->secret, key, size), key, size);

    return link != NULL ? *link : NULL;
}

static struct entry *insert(struct store *store, uint64_t hash, const char *key, size_t size)
{
    struct entry *entry = grow(store) ? malloc(sizeof *entry + size) : NULL;
    struct entry **head;

    if (entry == NULL)
        return NULL;
    move_some(store, STEP);
    head = bucket(&store->table, hash);
    *entry = (struct entry){.next = *head, .hash = hash, .expires = CORO_FOREVER, .key_size = size};
    if (size != 0)
        memcpy(entry->key, key, size);
    *head = entry;
    store->count++;
    return entry;
}

bool store_set(struct store *store, const char *key, size_t size, struct value *value, int64_t expires)
{
    uint64_t hash = siphash(&store->secret, key, size);
    struct entry **link = find(store, hash, key, size);
    struct entry *entry = link != NULL ? *link : insert(store, hash, key, size);

    if (entry == NULL)
        return false;
    if (entry->value != NULL)
        value_release(entry->value);
    entry->value = value;
    store_expire(store, entry, expires);
    return true;
}

void store_expire(struct store *store, struct entry *entry, int64_t when)
{
    store->mortal -= entry->expires != CORO_FOREVER;
    store->mortal += when != CORO_FOREVER;
    entry->expires = when;
}

bool store_remove(struct store *store, const char *key, size_t size)
{
    struct entry **link = find(store, siphash(&store->secret, key, size), key, size);

    if (link == NULL)
        return false;
    drop(store, link);
    move_some(store, STEP);
    return true;
}

size_t store_sweep(struct store *store, size_t buckets)
{
    size_t before = store->count;

    move_some(store, buckets);
    for (size_t i = 0; i < buckets && i < store->table.count && store->mortal != 0; i++) {
        struct entry **link = &store->table.heads[store->swept++ & (store->table.count - 1)];

        while (*link != NULL)
            if (is_due(*link))
                drop(store, link);
            else
                link = &(*link)->next;
    }
    return before - store->count;
}
