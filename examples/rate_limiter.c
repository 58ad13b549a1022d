/*
 * rate_limiter: a token bucket. Requests come in bursts; no more than three are let through at once, and one every 100 ms after that.
 *
 * A timer task fills the bucket, which is a channel; a request takes a token or gives up after a while; select waits for requests and for
 * the end of business at the same time. Time is virtual, so the program prints the same at every run, and at once.
 */
#include "common.h"

#include <coro.h>

enum { BURST = 3, REQUESTS = 12 };

static coro_chan_t *tokens, *requests, *closing;
static int64_t opened;

static long now_ms(void)
{
    return (long)((coro_now() - opened) / CORO_MS(1));
}

static int fill(void *unused)
{
    int err = 0;

    (void)unused;
    while (err == 0) {
        coro_chan_send(tokens, NULL, 0); /* a full bucket stays full */
        err = coro_sleep(CORO_MS(100));
    }
    return err;
}

static int serve(void *number)
{
    int err = coro_chan_recv(tokens, NULL, coro_after(CORO_MS(400)));

    printf("%4ld ms: request %ld %s\n", now_ms(), (long)(intptr_t)number, err == 0 ? "served" : "turned away");
    return 0;
}

static int send_bursts(void *unused)
{
    (void)unused;
    for (long i = 1; i <= REQUESTS; i++) {
        coro_chan_send(requests, &i, CORO_FOREVER);
        if (i == 8)
            coro_sleep(CORO_MS(1000));
    }
    coro_sleep(CORO_MS(500));
    coro_chan_close(closing);
    return 0;
}

/* Until the end of business. */
static void take_requests(coro_group_t *group)
{
    long number;
    coro_case cases[] = {
        {.ch = requests, .op = CORO_RECV, .elem = &number},
        {.ch = closing, .op = CORO_RECV},
    };

    while (coro_select(cases, 2, CORO_FOREVER) == 0)
        coro_group_spawn(group, serve, (void *)(intptr_t)number);
}

static void *run(void *unused)
{
    coro_group_t filling, serving;

    opened = coro_now();
    if (coro_chan_create(&tokens, 0, BURST) != 0 || coro_chan_create(&requests, sizeof(long), 0) != 0 ||
        coro_chan_create(&closing, 0, 0) != 0)
        return unused;
    while (coro_chan_send(tokens, NULL, 0) == 0)
        ; /* a full bucket to begin with */
    coro_group_open(&filling, CORO_WAIT_ALL, CORO_FOREVER);
    coro_group_spawn(&filling, fill, NULL);
    coro_group_open(&serving, CORO_WAIT_ALL, CORO_FOREVER);
    coro_group_spawn(&serving, send_bursts, NULL);
    take_requests(&serving);
    coro_group_join(&serving);
    printf("%4ld ms: closed\n", now_ms());
    coro_group_cancel(&filling);
    coro_group_join(&filling);
    coro_chan_destroy(tokens);
    coro_chan_destroy(requests);
    coro_chan_destroy(closing);
    return unused;
}

int main(int argc, char *argv[])
{
    const coro_sched_opts opts = {.virtual_time = true};
    int err;

    no_options(argc, argv, 0, "usage: rate_limiter\nTwo bursts of requests at a token bucket.\n");
    err = coro_run(run, NULL, NULL, &opts);
    if (err != 0)
        fprintf(stderr, "rate_limiter: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
