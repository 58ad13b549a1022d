/*
 * pipeline: a hash of every block of a file, computed by several tasks and printed in order.
 *
 *     reader --blocks--> hashers --hashes--> writer
 *
 * The reader numbers the blocks; hashers take whatever comes next, and may overtake each other; the writer keeps what comes too early. All
 * of them end because what they read from is closed: nobody has to be told.
 */
#include "common.h"

#include <coro.h>

enum { BLOCK = 4096, HASHERS = 4, QUEUED = 8 };

struct block {
    unsigned long number;
    size_t size;
    unsigned char bytes[BLOCK];
};

struct hashed {
    unsigned long number;
    uint64_t hash;
};

CORO_CHAN_NAMED(blocks, struct block *);
CORO_CHAN_NAMED(hashes, struct hashed);

static coro_chan_blocks_t blocks;
static coro_chan_hashes_t hashes;
static coro_waitgroup_t hashing = CORO_WAITGROUP_INIT;

static int read_file(void *file)
{
    int err = 0;

    coro_set_name(coro_self(), "reader");
    for (unsigned long number = 0; err == 0; number++) {
        struct block *block = malloc(sizeof *block);

        if (block == NULL) {
            err = -ENOMEM;
            break;
        }
        block->number = number;
        block->size = fread(block->bytes, 1, BLOCK, file);
        if (block->size != 0)
            err = coro_chan_blocks_send(blocks, block, CORO_FOREVER);
        if (block->size == 0 || err != 0) {
            free(block);
            break;
        }
    }
    coro_chan_blocks_close(blocks);
    return err == 0 && ferror((FILE *)file) ? -EIO : err;
}

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo) */
static uint64_t hash(const struct block *block)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < block->size; i++)
        h = (h ^ block->bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static int hash_blocks(void *unused)
{
    struct block *block;
    int err = 0;

    (void)unused;
    coro_set_name(coro_self(), "hasher");
    while (err == 0 && coro_chan_blocks_recv(blocks, &block, CORO_FOREVER) == 0) {
        struct hashed hashed = {block->number, hash(block)};

        free(block);
        coro_sleep(CORO_US(100 * (3 - hashed.number % 3))); /* so that they do overtake each other */
        err = coro_chan_hashes_send(hashes, hashed, CORO_FOREVER);
    }
    coro_waitgroup_done(&hashing);
    return err;
}

static int close_when_hashed(void *unused)
{
    (void)unused;
    coro_set_name(coro_self(), "closer");
    coro_waitgroup_wait(&hashing, CORO_FOREVER);
    return coro_chan_hashes_close(hashes);
}

/* What has come too early: at most one of each hasher, and what is queued. */
static int write_in_order(void *unused)
{
    struct hashed early[HASHERS + QUEUED + 1], next;
    size_t count = 0;
    unsigned long wanted = 0;

    (void)unused;
    coro_set_name(coro_self(), "writer");
    while (coro_chan_hashes_recv(hashes, &next, CORO_FOREVER) == 0) {
        early[count++] = next;
        for (size_t i = 0; i < count; i++) {
            if (early[i].number != wanted)
                continue;
            printf("%lu %016llx\n", wanted++, (unsigned long long)early[i].hash);
            early[i] = early[--count];
            i = (size_t)-1; /* from the beginning */
        }
    }
    return count == 0 ? 0 : -EIO;
}

static void *run(void *file)
{
    coro_group_t group;
    int err = coro_chan_blocks_create(&blocks, QUEUED);

    if (err == 0)
        err = coro_chan_hashes_create(&hashes, 0);
    if (err == 0)
        err = coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER);
    if (err != 0)
        return (void *)(intptr_t)err;
    coro_group_spawn(&group, read_file, file);
    for (int i = 0; i < HASHERS; i++)
        if (coro_waitgroup_add(&hashing, 1) == 0 && coro_group_spawn(&group, hash_blocks, NULL) != 0)
            coro_waitgroup_done(&hashing);
    coro_group_spawn(&group, close_when_hashed, NULL);
    coro_group_spawn(&group, write_in_order, NULL);
    err = coro_group_join(&group);
    coro_chan_blocks_destroy(blocks);
    coro_chan_hashes_destroy(hashes);
    return (void *)(intptr_t)err;
}

int main(int argc, char *argv[])
{
    static const char usage[] = "usage: pipeline FILE\nPrint a hash of every 4 KiB of FILE.\n";
    int first = no_options(argc, argv, 1, usage), err;
    void *result = NULL;
    FILE *file;

    if (first == argc) {
        fputs(usage, stderr);
        return 2;
    }
    file = fopen(argv[first], "rbe");
    if (file == NULL) {
        fprintf(stderr, "pipeline: %s: %s\n", argv[first], strerror(errno));
        return EXIT_FAILURE;
    }
    err = coro_run(run, file, &result, NULL);
    fclose(file);
    if (err == 0)
        err = (int)(intptr_t)result;
    if (err != 0)
        fprintf(stderr, "pipeline: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
