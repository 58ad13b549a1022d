/* A yield of the type without values. */
/* both: never: silent_Y is coro_void, so it cannot yield */
#include "generators.h"

CORO_GEN(silent, int, coro_void, int);
CORO_GEN_JUST_YIELD(never, silent);
