/*
 * join_all: ten tasks that sleep for 100 ms each, at the same time: five with a stack, five without.
 *
 *     join_all [--virtual]
 *
 * They are started one after the other, and each goes on when its time has come; the two kinds take turns in one queue.
 * coro_join_all() takes both, and gives their results in the order in which they were named.
 *
 * With --virtual the clock stands still while tasks run and jumps when none can: no time passes outside.
 */
#include "common.h"

#include <coro.h>

enum { TASKS = 10 };

#define NAP CORO_MS(100)

/* With a stack: where it sleeps, it is parked, with its local variables. */
static void *nap(void *number)
{
    int err;

    printf("started %d\n", (int)(intptr_t)number);
    err = coro_sleep(NAP);
    printf("resumed %d\n", (int)(intptr_t)number);
    return err == 0 ? number : NULL;
}

/* Without: where it sleeps, it returns, and what it goes on with is in its struct. */
struct nap_async {
    CORO_ASYNC_POINT;
    int number;
};

CORO_ASYNC_LIGHT(void *, nap_async)
{
    int err;

    CORO_ASYNC_BEGIN;
    printf("started %d, without a stack\n", self->number);
    CORO_AWAIT(err, coro_sleep(NAP));
    printf("resumed %d\n", self->number);
    CORO_ASYNC_RETURN(err == 0 ? (void *)(intptr_t)self->number : NULL);
    CORO_ASYNC_END;
}

static int start(coro_task_t **out, int number)
{
    if (number % 2 == 0)
        return coro_async_spawn(out, nap_async, &(struct nap_async){.number = number});
    return coro_spawn(out, nap, (void *)(intptr_t)number, NULL);
}

static void *root(void *unused)
{
    coro_task_t *tasks[TASKS];
    void *results[TASKS];
    int64_t begin = coro_now();
    int started = 0, err = 0;

    (void)unused;
    while (err == 0 && started < TASKS) {
        err = start(&tasks[started], started + 1);
        started += err == 0;
    }
    if (err == 0)
        err = coro_join_all(tasks, TASKS, results, CORO_FOREVER);
    if (err != 0)
        return (void *)(intptr_t)err;
    printf("results");
    for (int i = 0; i < TASKS; i++)
        printf(" %d", (int)(intptr_t)results[i]);
    printf("\nelapsed %s\n", coro_now() - begin < TASKS * NAP ? "less than ten naps" : "ten naps or more");
    return NULL;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"virtual", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static const char usage[] = "usage: join_all [--virtual]\n"
                                "Ten tasks, with and without a stack, sleep for 100 ms at the same time.\n"
                                "\n"
                                "  -v, --virtual   let the time be virtual\n"
                                "  -h, --help      show this text\n";
    coro_sched_opts opts = {0};
    void *failed = NULL;
    int err;

    for (int c; (c = getopt_long(argc, argv, "vh", options, NULL)) != -1;) {
        if (c != 'v') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? EXIT_SUCCESS : 2;
        }
        opts.virtual_time = true;
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    err = coro_run(root, NULL, &failed, &opts);
    if (err == 0)
        err = (int)(intptr_t)failed;
    if (err != 0)
        fprintf(stderr, "join_all: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
