/*
 * What the environment asks for, when the process makes its first scheduler.
 */
#include "trace.h"

#include <stdlib.h>

static void begin(void)
{
    const char *dump = getenv("CORO_DUMP"), *trace = getenv("CORO_TRACE");

    if (dump != NULL && dump[0] != '\0')
        coro__signal_begin(dump);
    if (trace != NULL && trace[0] != '\0')
        coro__timeline_begin(trace);
}

void coro__inspect_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin);
}
