/*
 * What the debugger is let loose on: every way in which the scheduler goes from one task to the next, between two marks that
 * backtrace.py knows.
 *
 *     gdb_tasks FLAGS     coro_opts.flags of all tasks, a number
 */
#include "../support/fpenv.h"

#include <coro.h>
#include <stdlib.h>

/* A function that has to be found on the stack. What the empty ones contain differs, or the compiler would make one of them. */
#define FRAME __attribute__((noinline))

enum { TURNS = 4 };

static coro_opts kind; /* of all tasks */

/* From here on every instruction is a stop, ... */
FRAME static void stepping_begins(void)
{
    __asm__ volatile("# begins");
}

/* ... up to here. */
FRAME static void stepping_ends(void)
{
    __asm__ volatile("# ends");
}

FRAME static void pauses(void)
{
    coro_pause();
    __asm__ volatile("# here");
}

FRAME static void pauses_elsewhere(void)
{
    coro_pause();
    __asm__ volatile("# elsewhere");
}

/* Where tasks are parked is the same for all that call the same function, or it would not be seen how one goes on at the other's
   place. */
FRAME static void turns(void (*turn)(void))
{
    for (int i = 0; i < TURNS; i++) {
        turn();
        __asm__ volatile("# next");
    }
}

static void *ends_at_once(void *arg)
{
    return arg;
}

/* The first goes back to who waits for it, the second on to the third. */
FRAME static void let_some_end(void)
{
    coro_task_t *tasks[2];

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i <= round; i++)
            if (coro_spawn(&tasks[i], ends_at_once, NULL, &kind) != 0)
                abort();
        for (int i = 0; i <= round; i++)
            coro_join(tasks[i], NULL, CORO_FOREVER);
    }
    __asm__ volatile("# ended");
}

FRAME static void all_turns(void (*turn)(void))
{
    pauses(); /* until all have begun */
    if (turn == NULL) {
        stepping_begins();
        turns(pauses);
        let_some_end();
        stepping_ends();
    } else {
        turns(turn);
        turns(turn); /* none of these ends while others are stepped through */
    }
}

/* Where the backtrace of a task has to get to. It makes one call, so that what its callers have in registers stays as it is. */
FRAME static void *task_body(void *turn)
{
    all_turns(turn);
    return NULL;
}

static void *rounds_otherwise(void *turn)
{
    fp_set_control(fp_rounding(1));
    return task_body(turn);
}

static void *spawns(void *arg)
{
    void (*const turn[])(void) = {NULL, pauses, pauses_elsewhere, pauses, pauses};
    coro_task_t *tasks[sizeof turn / sizeof *turn];

    for (size_t i = 0; i < sizeof turn / sizeof *turn; i++)
        if (coro_spawn(&tasks[i], i < 3 ? task_body : rounds_otherwise, (void *)turn[i], &kind) != 0)
            abort();
    for (size_t i = 0; i < sizeof turn / sizeof *turn; i++)
        if (coro_join(tasks[i], NULL, CORO_FOREVER) != 0)
            abort();
    return arg;
}

int main(int argc, char **argv)
{
    kind.flags = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 0;
    return coro_run(spawns, NULL, NULL, NULL);
}
