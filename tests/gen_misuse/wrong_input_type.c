/* An input of another type. */
/* both: incompatible type|incompatible pointer|makes integer from pointer|pointer to integer */
#include "generators.h"

int misuse(const int *array, size_t count)
{
    elements state;
    ints_out out;
    ints *g = elements_init(&state, array, count, 0);

    return ints_step(&g, "one", &out);
}
