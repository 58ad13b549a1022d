/* A function that takes other data than are captured. */
/* both: counted: add must be a function .*, with a long \* before its parameters */
#include "generators.h"

static inline int add(int *sum, int y)
{
    return *sum += y;
}

CORO_GEN_MAP_YIELD(counted, ints, ints, add, long);
