/*
 * Examples for coro/inspect.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* coro_dump */
static int watchdog(coro_waitgroup_t *work)
{
    int err = coro_waitgroup_wait(work, coro_after(CORO_S(30)));

    if (err == -ETIMEDOUT)
        coro_dump(STDERR_FILENO); /* what is everybody waiting for? */
    return err;
}

/* coro_dump_on_signal */
static int serve(coro_fn *server)
{
    int err = coro_dump_on_signal(SIGUSR1); /* kill -USR1 shows what it is doing */

    return err == 0 ? coro_run(server, NULL, NULL, NULL) : err;
}

/* coro_stats */
static void print_reasons(void)
{
    coro_stats_t stats;

    if (coro_stats(&stats) != 0)
        return;
    printf("%zu tasks, %zu of them parked\n", stats.live, stats.parked);
    for (size_t i = 0; i < CORO_STATS_REASONS && stats.parked_by[i].reason != NULL; i++)
        printf("%8zu %s\n", stats.parked_by[i].tasks, stats.parked_by[i].reason);
}

/* coro_trace_start coro_trace_stop */
static int record_startup(coro_fn *startup)
{
    int err = coro_trace_start("startup.json"), stopped;

    if (err != 0)
        return err;
    err = coro_run(startup, NULL, NULL, NULL);
    stopped = coro_trace_stop(); /* now ui.perfetto.dev can show it */
    return err != 0 ? err : stopped;
}
