/* libcoro's channels and mutexes. */
#include "tasks.h"

#include <coro.h>

static void spawn(coro_task_t **out, coro_fn *fn, void *arg)
{
    if (coro_spawn(out, fn, arg, NULL) != 0)
        bench_fail("coro_spawn");
}

static coro_chan_t *make_channel(size_t capacity)
{
    coro_chan_t *ch;

    if (coro_chan_create(&ch, sizeof(uint64_t), capacity) != 0)
        bench_fail("coro_chan_create");
    return ch;
}

/* ---- chan-rendezvous, chan-buffered ---- */

static coro_chan_t *channel;
static uint64_t received;

static void *send_always(void *arg)
{
    for (uint64_t x = 0; coro_chan_send(channel, &x, CORO_FOREVER) == 0;)
        x++;
    return arg;
}

static long setup_channel(size_t size, size_t capacity)
{
    channel = make_channel(capacity);
    spawn(NULL, send_always, NULL);
    return (long)size;
}

long channels_setup_rendezvous(size_t size)
{
    return setup_channel(size, 0);
}

long channels_setup_buffered(size_t size)
{
    return setup_channel(size, CHAN_BUFFER);
}

void channels_run(uint64_t operations)
{
    uint64_t x, sum = 0;

    for (uint64_t i = 0; i < operations; i++) {
        if (coro_chan_recv(channel, &x, CORO_FOREVER) != 0)
            bench_fail("coro_chan_recv");
        sum += x;
    }
    if (sum != sum_from(received, operations))
        bench_fail("the sum is wrong");
    received += operations;
}

/* ---- select ---- */

static coro_case cases[SELECT_MOST];
static size_t case_count;

static void *send_to(void *ch)
{
    for (uint64_t x = 1; coro_chan_send(ch, &x, CORO_FOREVER) == 0;)
        ;
    return NULL;
}

long channels_setup_select(size_t size)
{
    static uint64_t got;

    for (case_count = 0; case_count < size; case_count++) {
        cases[case_count] = (coro_case){.ch = make_channel(0), .op = CORO_RECV, .elem = &got};
        spawn(NULL, send_to, cases[case_count].ch);
    }
    return (long)size;
}

void channels_run_select(uint64_t operations)
{
    uint64_t sum = 0;

    for (uint64_t i = 0; i < operations; i++) {
        int fired = coro_select(cases, case_count, CORO_FOREVER);

        if (fired < 0)
            bench_fail("coro_select");
        sum += *(const uint64_t *)cases[fired].elem;
    }
    if (sum != operations)
        bench_fail("the sum is wrong");
}

/* ---- mutex ---- */

static coro_mutex_t mutex = CORO_MUTEX_INIT;
static bool contended;
static uint64_t locks;

static inline void lock_and_unlock(void)
{
    if (coro_mutex_lock(&mutex, CORO_FOREVER) != 0)
        bench_fail("coro_mutex_lock");
    locks++;
    if (contended)
        coro_pause();
    coro_mutex_unlock(&mutex);
}

static void *lock_always(void *arg)
{
    for (;;)
        lock_and_unlock();
    return arg;
}

long channels_setup_mutex(size_t size)
{
    contended = size > 1;
    for (size_t i = 1; i < size; i++)
        spawn(NULL, lock_always, NULL);
    return (long)size;
}

void channels_run_mutex(uint64_t operations)
{
    for (uint64_t end = locks + operations; locks < end;)
        lock_and_unlock();
}

/* ---- sieve ---- */

struct filter {
    coro_chan_t *in, *out;
    coro_task_t *task;
    uint64_t prime;
};

static struct filter filters[SIEVE_PRIMES + 1]; /* the first one is the source */

static void *send_numbers(void *arg)
{
    const struct filter *source = arg;

    for (uint64_t x = 2; x <= SIEVE_LAST; x++)
        coro_chan_send(source->out, &x, CORO_FOREVER);
    coro_chan_close(source->out);
    return NULL;
}

static void *pass_on(void *arg)
{
    const struct filter *filter = arg;
    uint64_t x;

    while (coro_chan_recv(filter->in, &x, CORO_FOREVER) == 0)
        if (x % filter->prime != 0)
            coro_chan_send(filter->out, &x, CORO_FOREVER);
    coro_chan_close(filter->out);
    return NULL;
}

/* Returns the channel that its output goes to. */
static coro_chan_t *add_filter(struct filter *filter, coro_fn *fn, coro_chan_t *in, uint64_t prime)
{
    filter->in = in;
    filter->out = make_channel(0);
    filter->prime = prime;
    spawn(&filter->task, fn, filter);
    return filter->out;
}

static void *sieve(void *arg)
{
    coro_chan_t *ch = add_filter(&filters[0], send_numbers, NULL, 0);
    size_t primes = 0;
    uint64_t x;

    while (coro_chan_recv(ch, &x, CORO_FOREVER) == 0 && primes < SIEVE_PRIMES)
        ch = add_filter(&filters[++primes], pass_on, ch, x);
    if (primes != SIEVE_PRIMES || filters[primes].prime != SIEVE_LAST)
        bench_fail("the sum is wrong");
    for (size_t i = 0; i <= primes; i++)
        coro_join(filters[i].task, NULL, CORO_FOREVER);
    for (size_t i = 0; i <= primes; i++)
        coro_chan_destroy(filters[i].out);
    return arg;
}

long channels_setup_sieve(size_t size)
{
    return (long)size;
}

void channels_run_sieve(uint64_t operations)
{
    for (; operations >= SIEVE_PRIMES; operations -= SIEVE_PRIMES)
        if (coro_run(sieve, NULL, NULL, NULL) != 0)
            bench_fail("coro_run");
}
