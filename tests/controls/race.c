/*
 * Two threads run a coroutine each, and both coroutines count in the same variable: with a lock, or without. What a coroutine hands
 * to whoever resumes it needs none, nor does one that outlives its thread. A fiber that is left over is reported, too.
 */
#include "control.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* They count while both are there: what one did that has ended is not always known. Two barriers, for who leaves one is taken to have seen all
   that was done before any call for it. */
static pthread_barrier_t begin, end;
static int counter;

static __attribute__((noinline)) void counts(void)
{
    if (!planted)
        pthread_mutex_lock(&lock);
    counter++;
    if (!planted)
        pthread_mutex_unlock(&lock);
}

static void *counts_on_request(void *input)
{
    for (int own = 0;; own++) {
        counts();
        (*(int *)input)++;
        input = coro_yield(&own);
    }
    return NULL;
}

static void *has_it_counted(void *left)
{
    coro_t *co = made(counts_on_request, &(coro_opts){.name = "counter"});
    int handed = 0;

    pthread_barrier_wait(&begin);
    for (int i = 0; i < 1000; i++) {
        handed++;
        handed += *(int *)coro_resume(co, &handed).value;
    }
    pthread_barrier_wait(&end);
    *(coro_t **)left = co;
    return NULL;
}

static void control(void)
{
    pthread_t threads[2];
    coro_t *left[2];

    if (pthread_barrier_init(&begin, NULL, 2) != 0 || pthread_barrier_init(&end, NULL, 2) != 0)
        exit(125);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, has_it_counted, &left[i]) != 0)
            exit(125);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        coro_destroy(left[i]);
}
