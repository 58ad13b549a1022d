/*
 * unfinished: what a scheduler says of tasks that nobody has looked after.
 *
 * Spawning alone runs nothing, and what a task returns is lost if nobody joins it. Neither is an error that a call could return, so it is
 * told on standard error when the scheduler goes: which task, and where it was created.
 */
#include "common.h"

#include <coro.h>

static void *work(void *name)
{
    printf("%s has run\n", (char *)name);
    return name;
}

static int leave_tasks_behind(coro_sched_t *sched)
{
    coro_task_t *forgotten, *late;
    int err = coro_sched_spawn(sched, &forgotten, work, "forgotten", &(coro_opts){.name = "forgotten"});

    if (err == 0)
        err = coro_sched_spawn(sched, NULL, work, "detached", &(coro_opts){.name = "detached"});
    if (err == 0)
        err = coro_sched_run(sched);
    if (err == 0)
        err = coro_sched_spawn(sched, &late, work, "late", &(coro_opts){.name = "late"});
    return err; /* forgotten is not joined, late is not run */
}

int main(int argc, char *argv[])
{
    coro_sched_t *sched;
    int err;

    no_options(argc, argv, 0, "usage: unfinished\nA task that nobody joins, and one that nobody runs.\n");
    err = coro_sched_create(&sched, NULL);
    if (err == 0) {
        err = leave_tasks_behind(sched);
        coro_sched_destroy(sched);
    }
    if (err != 0)
        fprintf(stderr, "unfinished: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
