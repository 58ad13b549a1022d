/*
 * store.h: keys and their values, each perhaps with a time when it goes.
 *
 * A value is counted: a task that waits for room to send one may hold it while another task replaces it.
 */
#ifndef RESP_STORE_H
#define RESP_STORE_H

#include "siphash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct value {
    size_t holders;
    size_t size, capacity;
    char bytes[];
};

/* One holder, the caller, and room for `size` bytes, as yet unwritten; NULL if there is no memory. */
struct value *value_new(size_t size);

static inline struct value *value_hold(struct value *value)
{
    value->holders++;
    return value;
}

void value_release(struct value *value);

struct entry {
    struct entry *next; /* in its bucket */
    uint64_t hash;
    int64_t expires; /* as of coro_now(); CORO_FOREVER: never */
    struct value *value;
    size_t key_size;
    char key[];
};

/* A hash table that grows a little with each change: while it does, there are two of them, and entries move from the old one into the
 * new one. */
struct buckets {
    struct entry **heads; /* NULL: none */
    size_t count;         /* a power of two */
};

struct store {
    struct siphash_key secret;
    struct buckets table, old;
    size_t moved;  /* buckets of `old` that are empty by now */
    size_t swept;  /* where the next sweep begins */
    size_t count;  /* entries, also those whose time has come and that nobody has seen since */
    size_t mortal; /* those of them that expire */
};

void store_open(struct store *store);
void store_clear(struct store *store);

/* The entry of a key, NULL if there is none. One whose time has come is removed. Valid until the store changes. */
struct entry *store_find(struct store *store, const char *key, size_t size);

/* Give a key a value, whose holder the store becomes, and a time; false if there is no memory, and all is as before. */
bool store_set(struct store *store, const char *key, size_t size, struct value *value, int64_t expires);

void store_expire(struct store *store, struct entry *entry, int64_t when);

/* False if there is no such key. */
bool store_remove(struct store *store, const char *key, size_t size);

/* Look through so many buckets for entries whose time has come, and let the table grow by as many. How many were removed. */
size_t store_sweep(struct store *store, size_t buckets);

#endif
