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

FRAME static void all_turns(void (*turn)(void))
{
    pauses(); /* until all have begun */
    if (turn == NULL) {
        stepping_begins();
        turns(pauses);
        stepping_ends();
    } else
        turns(turn);
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

static void *spawns(void *flags)
{
    coro_opts opts = {.flags = *(unsigned *)flags};
    void (*const turn[])(void) = {NULL, pauses, pauses_elsewhere, pauses, pauses};
    coro_task_t *tasks[sizeof turn / sizeof *turn];

    for (size_t i = 0; i < sizeof turn / sizeof *turn; i++)
        if (coro_spawn(&tasks[i], i < 3 ? task_body : rounds_otherwise, (void *)turn[i], &opts) != 0)
            abort();
    for (size_t i = 0; i < sizeof turn / sizeof *turn; i++)
        if (coro_join(tasks[i], NULL, CORO_FOREVER) != 0)
            abort();
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned flags = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 0;

    return coro_run(spawns, &flags, NULL, NULL);
}
