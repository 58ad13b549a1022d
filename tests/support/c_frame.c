/*
 * In a file of its own, since C++ has other rules for what a cleanup may do.
 */
#include "c_frame.h"

#include <stddef.h>

struct cleanup {
    void (*fn)(void *);
    void *arg;
};

static void run(struct cleanup *cleanup)
{
    cleanup->fn(cleanup->arg);
}

void c_frame(void (*fn)(void *), void (*cleanup)(void *), void *arg)
{
    __attribute__((cleanup(run))) struct cleanup at_exit = {cleanup, arg};

    fn(at_exit.arg);
}
