/* A bootstrap whose yields cannot be inputs. */
/* both: texts_bootstrap: inputs and yields are of different types */
#include "generators.h"

int misuse(const int *array, size_t count);
int bootstrapped(texts *g);

int bootstrapped(texts *g)
{
    return texts_bootstrap(&g, 0);
}
