/*
 * hangs: a program that hangs, though it is busy all the time.
 *
 * A parser hands requests on to a worker, and stops at the first that is empty: it returns without having closed the channel. The worker
 * waits for the next request for good, and whoever waits for the worker does, too. But a clock goes on ticking, so this is no deadlock that
 * the scheduler could see and report.
 *
 *     ./hangs &
 *     kill -USR1 $!
 *
 * lists every task on standard error, and for each what it waits for, since when, and at which line: docs/guide/debugging.md.
 */
#include "common.h"

#include <coro.h>
#include <signal.h>

static coro_chan_t *requests; /* of const char * */

static void *parse(void *unused)
{
    static const char *const lines[] = {"first", "second", "", "third"};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i][0] == '\0')
            return unused; /* the mistake: the channel stays open */
        coro_chan_send(requests, &lines[i], CORO_FOREVER);
    }
    coro_chan_close(requests);
    return unused;
}

static void *work(void *unused)
{
    const char *request;

    while (coro_chan_recv(requests, &request, CORO_FOREVER) == 0)
        printf("done: %s\n", request);
    return unused;
}

static void *tick(void *unused)
{
    while (coro_sleep(CORO_MS(10)) == 0)
        ;
    return unused;
}

static void *run(void *unused)
{
    coro_task_t *parser, *worker, *clock;

    if (coro_spawn(&clock, tick, NULL, &(coro_opts){.name = "clock"}) != 0 ||
        coro_spawn(&parser, parse, NULL, &(coro_opts){.name = "parser"}) != 0 ||
        coro_spawn(&worker, work, NULL, &(coro_opts){.name = "worker"}) != 0)
        return "out of memory";
    coro_join(parser, NULL, CORO_FOREVER);
    puts("all requests are read");
    fflush(stdout);
    coro_join(worker, NULL, CORO_FOREVER);
    coro_cancel(clock);
    coro_join(clock, NULL, CORO_FOREVER);
    return unused;
}

int main(int argc, char *argv[])
{
    void *complaint = NULL;
    int err;

    no_options(argc, argv, 0, "usage: hangs\nHangs, until a signal ends it; SIGUSR1 shows why.\n");
    err = coro_dump_on_signal(SIGUSR1);
    if (err == 0)
        err = coro_chan_create(&requests, sizeof(const char *), 0);
    if (err == 0)
        err = coro_run(run, NULL, &complaint, NULL);
    if (err != 0 || complaint != NULL)
        fprintf(stderr, "hangs: %s\n", err != 0 ? coro_strerror(err) : (char *)complaint);
    return err == 0 && complaint == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
