/*
 * A user's program in C++. Whether exceptions are kept apart for each coroutine depends on how it is linked.
 */
#include <coro.h>
#include <cstdio>
#include <exception>
#include <stdexcept>

static void *handles(void *input)
{
    try {
        throw std::runtime_error(static_cast<char *>(input));
    } catch (const std::exception &) {
        coro_yield(nullptr);
        try {
            throw;
        } catch (const std::exception &error) {
            std::printf("%s ", error.what());
        }
    }
    throw std::runtime_error("forwarded");
}

int main()
{
    char names[][2] = {"a", "b"};
    coro_t *co[2];
    coro_opts opts = {};

    opts.flags = CORO_FORWARD_EXCEPTIONS;
    for (int i = 0; i < 2; i++) {
        if (coro_create(&co[i], handles, &opts) != 0)
            return 1;
        coro_resume(co[i], names[i]);
    }
    for (int i = 0; i < 2; i++) {
        try {
            coro_resume(co[i], nullptr);
        } catch (const std::exception &error) {
            std::printf("%s %d ", error.what(), std::uncaught_exceptions());
        }
        coro_destroy(co[i]);
    }
    std::puts("done");
}
