/* A take that returns no maybe. */
/* both: not a structure or union|has no member|is not a struct */
#include "generators.h"

CORO_GEN_TAKE(taken, ints, ints);
