/*
 * pool: a thousand jobs for four coroutines.
 *
 * The queue in front of them is bounded, so whoever submits waits when they cannot keep up. Every job has a future, which gives what the
 * job returned, an error like any other value. Closing the pool waits for all that was taken.
 *
 * Time is virtual, so the program prints the same at every run, and at once.
 */
#include "common.h"

#include <coro.h>

enum { JOBS = 1000, COROUTINES = 4, QUEUE = 8, IMPOSSIBLE = 500 };

static struct job {
    int number;
    int inverse; /* the result, in millionths */
    coro_future_t *future;
} jobs[JOBS];

static int busy, busy_most, done;

/* Takes a millisecond; fails for one number. Returns 0 or an error. */
static void *invert(void *arg)
{
    struct job *job = arg;
    int distance = job->number - IMPOSSIBLE;

    if (++busy > busy_most)
        busy_most = busy;
    coro_sleep(CORO_MS(1));
    busy--;
    done++;
    if (distance == 0)
        return (void *)(intptr_t)-EDOM;
    job->inverse = 1000000 / distance;
    return NULL;
}

static int submit_all(coro_pool_t *pool, int *submitted)
{
    int err = 0;

    for (*submitted = 0; *submitted < JOBS; ++*submitted) {
        struct job *job = &jobs[*submitted];

        job->number = *submitted;
        err = coro_pool_submit(pool, &job->future, invert, job, CORO_FOREVER);
        if (err != 0)
            break;
    }
    return err;
}

/* All are done by now: deadline 0. */
static void collect(int submitted)
{
    long sum = 0;
    void *failed;

    for (int i = 0; i < submitted; i++) {
        int err = coro_future_wait(jobs[i].future, &failed, 0);

        if (err == 0)
            err = (int)(intptr_t)failed;
        if (err != 0)
            printf("job %d      failed: %s\n", i, coro_strerror(err));
        else
            sum += jobs[i].inverse;
    }
    printf("sum          %ld\n", sum);
}

/* Returns 0 or an error. */
static void *run(void *unused)
{
    int64_t begin = coro_now();
    coro_pool_t *pool;
    int submitted, err = coro_pool_create(&pool, COROUTINES, QUEUE);

    (void)unused;
    if (err != 0)
        return (void *)(intptr_t)err;
    err = submit_all(pool, &submitted);
    printf("submitted    %d jobs, of which %d are done\n", submitted, done);
    coro_pool_close(pool);
    printf("closed       %d are done, after %d ms\n", done, (int)((coro_now() - begin) / CORO_MS(1)));
    printf("at a time    %d\n", busy_most);
    collect(submitted);
    return (void *)(intptr_t)err;
}

int main(int argc, char *argv[])
{
    const coro_sched_opts opts = {.virtual_time = true};
    void *failed = NULL;
    int err;

    no_options(argc, argv, 0, "usage: pool\nA thousand jobs of 1 ms for four coroutines.\n");
    err = coro_run(run, NULL, &failed, &opts);
    if (err == 0)
        err = (int)(intptr_t)failed;
    if (err != 0)
        fprintf(stderr, "pool: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
