/*
 * A user's program with the header for C++.
 */
#include <coro/coro.hpp>
#include <cstdio>
#include <stdexcept>

static coro::generator<int> sums(int to)
{
    return [to](auto &yield) {
        for (int i = 3, sum = 0; i <= to; i++)
            yield(sum += i);
    };
}

int main()
{
    for (int sum : sums(5))
        std::printf("%d ", sum);
    try {
        coro::run([] { coro::spawn([] { throw std::runtime_error("done"); }).join(); });
    } catch (const std::exception &error) {
        std::puts(error.what());
    }
}
