/*
 * What the environment asks for, when the process makes its first scheduler.
 */
#include "inspect.h"

#include <stdlib.h>

static void begin(void)
{
    const char *dump = getenv("CORO_DUMP");

    if (dump != NULL && dump[0] != '\0')
        coro__signal_begin(dump);
}

void coro__inspect_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, begin);
}
