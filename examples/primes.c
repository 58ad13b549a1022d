/*
 * primes: the sieve as a chain of generators.
 *
 * The source yields 2, 3, 4, ... Each prime that comes out puts one more filter into the chain, which lets pass what it
 * does not divide. A filter is a generator that steps the one before it as often as it needs to.
 */
#include "common.h"

#include <coro.h>

CORO_GEN(numbers, coro_unit, unsigned, coro_void);

static unsigned next(unsigned *n, coro_unit in)
{
    (void)in;
    return (*n)++;
}

struct filter {
    unsigned prime;
    numbers *source;
};

static unsigned pass(struct filter *self, coro_unit in)
{
    numbers_out out;

    do
        numbers_step(&self->source, in, &out);
    while (out.y % self->prime == 0);
    return out.y;
}

CORO_GEN_YIELD_WITH(counting, numbers, next, unsigned);
CORO_GEN_YIELD_WITH(filtered, numbers, pass, struct filter);

static bool print_primes(unsigned long count)
{
    filtered *filters = calloc(count + 1, sizeof *filters);
    counting source;
    numbers *g = counting_init(&source, 2);
    numbers_out out;

    if (filters == NULL)
        return false;
    for (unsigned long i = 0; i < count; i++) {
        numbers_step(&g, CORO_UNIT, &out);
        printf("%u\n", out.y);
        g = filtered_init(&filters[i], (struct filter){out.y, g});
    }
    numbers_drop(&g);
    free(filters);
    return true;
}

int main(int argc, char *argv[])
{
    static const char usage[] = "usage: primes [COUNT]\nPrint the first COUNT primes (20).\n";
    int first = no_options(argc, argv, 1, usage);
    unsigned long count = 20;

    if (first < argc && !parse_number(argv[first], 100000, &count)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!print_primes(count)) {
        fputs("primes: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
