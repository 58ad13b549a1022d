/*
 * round_robin: three tasks take turns.
 *
 * coro_pause() lets the other tasks that are ready go first, each once. Tasks run in the order in which they became ready, so what is
 * printed is the same at every run. With a number in CORO_SEED the order is drawn, and the same number draws it again.
 */
#include "common.h"

#include <coro.h>

enum { TASKS = 3, STEPS = 3 };

static void *take_steps(void *name)
{
    for (int i = 0; i < STEPS; i++) {
        fputs(name, stdout);
        coro_pause();
    }
    return NULL;
}

static void *run(void *unused)
{
    static char *const names[TASKS] = {"A", "B", "C"};
    coro_task_t *tasks[TASKS];
    size_t count = 0;

    (void)unused;
    while (count < TASKS && coro_spawn(&tasks[count], take_steps, names[count], NULL) == 0)
        count++;
    coro_join_all(tasks, count, NULL, CORO_FOREVER);
    putchar('\n');
    return count == TASKS ? "done" : NULL;
}

int main(int argc, char *argv[])
{
    void *done = NULL;
    int err;

    no_options(argc, argv, 0,
               "usage: round_robin\nThree tasks of three steps each, in turn. CORO_SEED=1 draws another order.\n");
    err = coro_run(run, NULL, &done, NULL);
    if (err == 0 && done == NULL)
        err = -ENOMEM;
    if (err != 0)
        fprintf(stderr, "round_robin: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
