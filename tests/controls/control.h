/*
 * Controls of the tools: small programs that each have one fault if they are given the word "planted", and none otherwise. The
 * tool that is named in CMakeLists.txt must report the one and be silent about the other; see run.
 */
#ifndef TESTS_CONTROLS_CONTROL_H
#define TESTS_CONTROLS_CONTROL_H

#include <coro.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* With the fault? */
static bool planted;

/* What the program does, called by main() below. */
static void control(void);

/* What a program does if a word has a certain value. Out of line, so that it is a jump that decides. */
static __attribute__((noinline, unused)) void decided(void)
{
    static volatile int times;

    times++;
}

static inline void decided_by(int word)
{
    if (word == 1)
        decided();
}

/* Made, or the program ends. */
static inline coro_t *made(coro_fn *fn, const coro_opts *opts)
{
    coro_t *co;

    if (coro_create(&co, fn, opts) != 0)
        exit(125);
    return co;
}

int main(int argc, char **argv)
{
    planted = argc > 1 && strcmp(argv[1], "planted") == 0;
    control();
    return 0;
}

#endif
