/*
 * ten_million: ten million tasks that sleep, all at the same time.
 *
 *     ten_million [N]
 *
 * Each has no stack: a struct of two numbers, and what the scheduler keeps to wake it. What one takes is seen from outside: the growth of
 * the process while all of them sleep. If so many do not fit into memory, there are fewer, and it is said.
 *
 * The clock is virtual: it stands still until all are asleep, and then jumps from one to the next. The times are real.
 */
#include "common.h"

#include <coro.h>

enum { BATCH = 1000, SECONDS = 100 };

static struct crowd {
    unsigned long count, asleep, awake;
    struct progress progress;
    double kib_each;
    long long begun_ms, asleep_ms, ended_ms;
} crowd;

static long long real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Half of what there is to do is to let them fall asleep, the other half to wake them. */
static void report_progress(void)
{
    unsigned long halves = crowd.asleep + crowd.awake;

    if (halves % 8192 == 0 || halves == 2 * crowd.count)
        progress_show(&crowd.progress, halves / 2, crowd.count);
}

struct sleeper {
    CORO_ASYNC_POINT;
    int for_ms;
};

CORO_ASYNC_LIGHT(int, sleeper)
{
    int err;

    CORO_ASYNC_BEGIN;
    crowd.asleep++;
    report_progress();
    CORO_AWAIT(err, coro_sleep(CORO_MS(self->for_ms)));
    crowd.awake += err == 0;
    report_progress();
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

/* 1 ms to 100 s, as random as it has to be. */
static int some_ms(void)
{
    static uint32_t state = 1;

    state = state * 1664525 + 1013904223;
    return 1 + (int)(state % (SECONDS * 1000));
}

/* Some at a time, so that few are ready at once. Returns 0 or an error, as a pointer. */
static void *start_all(void *unused)
{
    long before_kib = proc_kib("/proc/self/status", "VmRSS");
    int err = 0;

    (void)unused;
    crowd.begun_ms = real_ms();
    for (unsigned long i = 0; i < crowd.count && err == 0; i++) {
        err = coro_async_spawn(NULL, sleeper, &(struct sleeper){.for_ms = some_ms()});
        if (err == 0 && (i % BATCH == BATCH - 1 || i == crowd.count - 1))
            err = coro_pause();
    }
    crowd.asleep_ms = real_ms();
    crowd.kib_each = (double)(proc_kib("/proc/self/status", "VmRSS") - before_kib) / (double)crowd.count;
    return (void *)(intptr_t)err;
}

static int run(void)
{
    void *failed = NULL;
    int err = coro_run(start_all, NULL, &failed, &(coro_sched_opts){.virtual_time = true});

    crowd.ended_ms = real_ms();
    if (err == 0)
        err = (int)(intptr_t)failed;
    return err == 0 && (crowd.asleep != crowd.count || crowd.awake != crowd.count) ? -EBADMSG : err;
}

static void report(void)
{
    printf("asleep    %s tasks at the same time\n", GROUPED(crowd.asleep));
    printf("memory    %.0f bytes each, %s MiB in all\n", crowd.kib_each * 1024,
           GROUPED((unsigned long)(crowd.kib_each * (double)crowd.count / 1024)));
    printf("started   in %s ms\n", GROUPED((unsigned long)(crowd.asleep_ms - crowd.begun_ms)));
    printf("woken     in %s ms\n", GROUPED((unsigned long)(crowd.ended_ms - crowd.asleep_ms)));
}

int main(int argc, char *argv[])
{
    static const char usage[] =
        "usage: ten_million [N]\n"
        "N tasks without a stack (10,000,000) sleep at the same time; fewer if memory does not allow.\n"
        "\n"
        "  -h, --help   show this text\n";
    int first = no_options(argc, argv, 1, usage), err;
    unsigned long fit = (unsigned long)fitting(192 / 1024.0); /* each, while the tables of the scheduler grow */

    crowd.count = 10000000;
    if (first < argc && (!parse_number(argv[first], 1000000000, &crowd.count) || crowd.count == 0)) {
        fputs(usage, stderr);
        return 2;
    }
    if (crowd.count > fit) {
        printf("memory    does not allow for %s: there are fewer\n", GROUPED(crowd.count));
        crowd.count = fit;
    }
    err = run();
    if (err == 0)
        report();
    else
        fprintf(stderr, "ten_million: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
