/*
 * sieve: prime numbers by a chain of tasks. Each knows one prime and passes on what that does not divide; a number that gets through all
 * of them is the next prime, and gets a task of its own.
 *
 * Hoare's and McIlroy's sieve, as every language with channels has it. The group ends all of them when there are enough.
 */
#include "common.h"

#include <coro.h>

CORO_CHAN_OF(int);

static coro_group_t group;

/* The channel between two tasks. They are all freed in the end: nobody can tell earlier who still uses one. */
static coro_chan_int_t *channels;
static size_t made;

static coro_chan_int_t *next_channel(void)
{
    coro_chan_int_t *ch = &channels[made];

    if (coro_chan_int_create(ch, 0) != 0)
        return NULL;
    made++;
    return ch;
}

static int count_up(void *to)
{
    int err = 0;

    for (int n = 2; err == 0; n++)
        err = coro_chan_int_send(*(coro_chan_int_t *)to, n, CORO_FOREVER);
    return err;
}

struct filter {
    coro_chan_int_t *from, *to;
    int prime;
};

static int filter(void *arg)
{
    struct filter *f = arg;
    int n, err = 0;

    while (err == 0 && (err = coro_chan_int_recv(*f->from, &n, CORO_FOREVER)) == 0)
        if (n % f->prime != 0)
            err = coro_chan_int_send(*f->to, n, CORO_FOREVER);
    return err;
}

static int find_primes(unsigned long count, struct filter *filters)
{
    coro_chan_int_t *from = next_channel();
    int err = from != NULL ? coro_group_spawn(&group, count_up, from) : -ENOMEM;

    for (unsigned long i = 0; i < count && err == 0; i++) {
        coro_chan_int_t *to = next_channel();

        if (to == NULL)
            return -ENOMEM;
        err = coro_chan_int_recv(*from, &filters[i].prime, CORO_FOREVER);
        filters[i] = (struct filter){from, to, filters[i].prime};
        if (err == 0)
            err = coro_group_spawn(&group, filter, &filters[i]);
        from = to;
    }
    return err;
}

static void *run(void *arg)
{
    unsigned long count = *(unsigned long *)arg;
    struct filter *filters = calloc(count, sizeof *filters);
    int err = -ENOMEM;

    channels = calloc(count + 1, sizeof *channels);
    if (filters != NULL && channels != NULL)
        err = coro_group_open(&group, CORO_WAIT_ALL, CORO_FOREVER);
    if (err == 0) {
        err = find_primes(count, filters);
        coro_group_cancel(&group);
        coro_group_join(&group);
    }
    for (unsigned long i = 0; i < count && err == 0; i++)
        printf("%d\n", filters[i].prime);
    for (size_t i = 0; i < made; i++)
        coro_chan_int_destroy(channels[i]);
    free(channels);
    free(filters);
    return (void *)(intptr_t)err;
}

int main(int argc, char *argv[])
{
    static const char usage[] =
        "usage: sieve [COUNT]\nPrint the first COUNT prime numbers (25), sieved by a task each.\n";
    int first = no_options(argc, argv, 1, usage), err;
    unsigned long count = 25;
    void *result = NULL;

    if (first < argc && (!parse_number(argv[first], 100000, &count) || count == 0)) {
        fputs(usage, stderr);
        return 2;
    }
    err = coro_run(run, &count, &result, NULL);
    if (err == 0)
        err = (int)(intptr_t)result;
    if (err != 0)
        fprintf(stderr, "sieve: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
