/* A map over a source of another input. */
/* both: mapped: ints_I and wrong_I must be the same type */
#include "generators.h"

CORO_GEN(wrong, long, int, int);
CORO_GEN_MAP_YIELD(mapped, ints, wrong, twice);
