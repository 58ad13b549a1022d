/* A function that takes and returns something else. */
/* both: mapped: twice must be a function texts_Y f\(ints_Y y\) */
#include "generators.h"

CORO_GEN_MAP_YIELD(mapped, texts, ints, twice);
