/* A static step of something that is no state. */
/* both: not compatible with any */
#include "generators.h"

typedef struct last {
    char none;
} last;
typedef struct first {
    char none;
} first;

CORO_GEN_RETURNED(last, int);
CORO_GEN_YIELDED(first, int, last);

static inline last_returned last_resume(last self, int in)
{
    (void)self;
    return (last_returned){in};
}

static inline first_yielded first_resume(first self, int in)
{
    (void)self;
    return (first_yielded){in, {0}};
}

#define resume(state, in) CORO_GEN_RESUME((state), (in), first, last)

int misuse(const int *array, size_t count)
{
    return resume(array[count], 1).r;
}
