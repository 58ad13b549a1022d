/* A stackless body whose end is missing. */
/* both: expected|unterminated */
#include "generators.h"

struct body {
    CORO_GEN_POINT;
};

static inline bool body(struct body *self, int in, ints_out *out)
{
    CORO_GEN_BEGIN(self, out);
    CORO_GEN_YIELD(in);
}
