/*
 * sleepers: tasks that sleep for 100 ms each, all at the same time.
 *
 *     sleepers [--virtual] [N]
 *
 * Ten of them end after 100 ms and not after 1 s, for a task that sleeps takes no time from the others; and a hundred thousand are no
 * different, as far as the processor keeps up with waking them. coro_join_all() gives their results in the order in which the tasks
 * were named, whichever ended first.
 *
 * With --virtual the clock stands still while tasks run and jumps when none can: no time passes outside.
 */
#include "common.h"

#include <coro.h>

#define NAP CORO_MS(100)

static struct crowd {
    unsigned long count;
    coro_task_t **tasks;
    void **results;
    unsigned long awake; /* so many have slept */
    struct progress progress;
    int64_t elapsed;
} crowd;

/* Half of what there is to do is to start them, the other half to wake them. */
static void report_progress(unsigned long halves)
{
    if (halves % 1024 == 0 || halves == 2 * crowd.count)
        progress_show(&crowd.progress, halves / 2, crowd.count);
}

static void *nap(void *number)
{
    if (coro_sleep(NAP) != 0)
        return NULL;
    report_progress(crowd.count + ++crowd.awake);
    return number;
}

/* From before the first is started until all have ended. Returns 0 or an error, as a pointer. */
static void *run(void *unused)
{
    int64_t begin = coro_now();
    unsigned long started = 0;
    int err = 0, joined;

    (void)unused;
    while (err == 0 && started < crowd.count) {
        err = coro_spawn(&crowd.tasks[started], nap, (void *)(uintptr_t)(started + 1), NULL);
        if (err == 0)
            report_progress(++started);
    }
    joined = coro_join_all(crowd.tasks, started, crowd.results, CORO_FOREVER);
    crowd.elapsed = coro_now() - begin;
    return (void *)(intptr_t)(err != 0 ? err : joined);
}

static bool in_order(void)
{
    for (unsigned long i = 0; i < crowd.count; i++)
        if (crowd.results[i] != (void *)(uintptr_t)(i + 1))
            return false;
    return true;
}

static bool report(bool virtual_time)
{
    bool ordered = in_order();

    printf("tasks     %s, each of which sleeps for %d ms\n", GROUPED(crowd.count), (int)(NAP / CORO_MS(1)));
    printf("results   %s, in the order of the tasks\n", ordered ? "all there" : "NOT all there");
    printf("elapsed   %s ms\n", GROUPED((unsigned long)(crowd.elapsed / CORO_MS(1))));
    if (!virtual_time)
        printf("CPU time  %s ms\n", GROUPED((unsigned long)(clock() / (CLOCKS_PER_SEC / 1000))));
    return ordered;
}

static int sleep_all(bool virtual_time)
{
    const coro_sched_opts opts = {.virtual_time = virtual_time};
    void *failed = NULL;
    int err = -ENOMEM;

    crowd.tasks = calloc(crowd.count, sizeof *crowd.tasks);
    crowd.results = calloc(crowd.count, sizeof *crowd.results);
    if (crowd.tasks != NULL && crowd.results != NULL)
        err = coro_run(run, NULL, &failed, &opts);
    if (err == 0)
        err = (int)(intptr_t)failed;
    if (err == 0 && !report(virtual_time))
        err = -EBADMSG;
    free(crowd.tasks);
    free(crowd.results);
    return err;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"virtual", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static const char usage[] = "usage: sleepers [--virtual] [N]\n"
                                "N tasks (10) sleep for 100 ms at the same time.\n"
                                "\n"
                                "  -v, --virtual   let the time be virtual\n"
                                "  -h, --help      show this text\n";
    bool virtual_time = false;
    int err;

    crowd.count = 10;
    for (int c; (c = getopt_long(argc, argv, "vh", options, NULL)) != -1;) {
        if (c != 'v') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? EXIT_SUCCESS : 2;
        }
        virtual_time = true;
    }
    if (argc - optind > 1 ||
        (optind < argc && (!parse_number(argv[optind], 10000000, &crowd.count) || crowd.count == 0))) {
        fputs(usage, stderr);
        return 2;
    }
    if ((long)crowd.count > fitting(coroutine_kib(0))) {
        fprintf(stderr, "sleepers: so many do not fit into memory\n");
        return EXIT_FAILURE;
    }
    err = sleep_all(virtual_time);
    if (err != 0)
        fprintf(stderr, "sleepers: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
