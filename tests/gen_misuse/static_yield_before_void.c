/* A static step that yields and has no next state. */
/* both: never: its next state would be coro_void */
#include "generators.h"

typedef struct never {
    char none;
} never;

CORO_GEN_YIELDED(never, int, coro_void);
