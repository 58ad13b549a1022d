/* A return of the type without values. */
/* both: ends: endless_R is coro_void, so it cannot return */
#include "generators.h"

CORO_GEN(endless, int, int, coro_void);
CORO_GEN_JUST_RETURN(ends, endless);
