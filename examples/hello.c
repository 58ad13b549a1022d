/*
 * hello: a coroutine is a function that can stop halfway and go on later.
 *
 * coro_resume() runs it until it yields or returns; coro_yield() stops it, wherever it is; the next coro_resume() goes
 * on behind that yield.
 *
 *     cc hello.c -o hello $(pkg-config --cflags --libs coro) && ./hello
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

static void *three_steps(void *input)
{
    (void)input;
    puts("  In coroutine - 1");
    coro_yield(NULL);
    puts("  In coroutine - 2");
    coro_yield(NULL);
    puts("  In coroutine - 3");
    return NULL;
}

int main(void)
{
    coro_t *co;
    int err = coro_create(&co, three_steps, NULL);

    if (err != 0) {
        fprintf(stderr, "hello: %s\n", coro_strerror(err));
        return EXIT_FAILURE;
    }

    puts("Main: first resume");
    coro_resume(co, NULL);
    puts("Main: second resume");
    coro_resume(co, NULL);
    puts("Main: third resume");
    coro_resume(co, NULL);
    puts("Main: done");

    coro_destroy(co);
    return EXIT_SUCCESS;
}
