/* A zip that yields something else than a pair. */
/* both: zipped: .*_Y must be a CORO_GEN_PAIR|not a structure or union|has no member|is not a struct */
#include "generators.h"

CORO_GEN_ZIP(zipped, ints, ints, ints);
