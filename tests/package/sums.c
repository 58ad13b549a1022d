/*
 * A user's program. It sees the installed header and library alone, and is compiled as C11 and as C++17.
 */
#include <coro.h>
#include <stdio.h>

static void *sums(void *input)
{
    int sum = 0;

    for (int *number = (int *)input; number != NULL; number = (int *)coro_yield(&sum))
        sum += *number;
    return NULL;
}

int main(void)
{
    int numbers[] = {3, 4, 5};
    coro_t *co;

    if (coro_create(&co, sums, NULL) != 0)
        return 1;
    for (int *number = numbers; number < numbers + 3; number++) {
        coro_step step = coro_resume(co, number);

        if (step.status != CORO_YIELDED)
            return 1;
        printf("%d ", *(int *)step.value);
    }
    puts(coro_resume(co, NULL).status == CORO_RETURNED ? "done" : "not done");
    return coro_destroy(co) != 0;
}
