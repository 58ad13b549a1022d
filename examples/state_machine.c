/*
 * state_machine: where the code stands is the state.
 *
 * A state machine usually keeps its state in a variable and finds its way back with a switch at every step. As a
 * coroutine it is written down in the order in which it happens. Done is not a state that one has to remember to test
 * for: the function has returned, and a step more is an error.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

static void *machine(void *input)
{
    (void)input;
    /* Init */
    puts("Initialize");
    coro_yield("Processing");

    puts("Processing data");
    coro_yield("Waiting");

    puts("Waiting for I/O");
    return "Done";
}

int main(void)
{
    coro_t *co;
    coro_step step;
    int err = coro_create(&co, machine, NULL);

    if (err != 0) {
        fprintf(stderr, "state_machine: %s\n", coro_strerror(err));
        return EXIT_FAILURE;
    }

    do {
        step = coro_resume(co, NULL);
        printf("  -> %s\n", (char *)step.value);
    } while (step.status == CORO_YIELDED);

    step = coro_resume(co, NULL);
    printf("One step more: %s\n", coro_strerror((int)step.status));

    coro_destroy(co);
    return EXIT_SUCCESS;
}
