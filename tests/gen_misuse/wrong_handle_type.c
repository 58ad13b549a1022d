/* A handle of another signature. */
/* both: incompatible pointer type */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    texts_out out;
    texts *g = elements_init(&state, array, count, 0);

    return texts_step(&g, 0, &out);
}
