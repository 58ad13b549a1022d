/*
 * cxx: libcoro in C++, one of each: a generator, a coroutine, tasks, a scope, a channel, a mutex.
 *
 *     c++ -std=c++17 cxx.cpp -o cxx $(pkg-config --cflags --libs coro) && ./cxx
 */
#include <coro/coro.hpp>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

/* A generator is a range. It may yield from any depth: `yield` can be handed on. */
static void hanoi(coro::yielder<std::string()> &yield, int discs, char from, char to, char spare)
{
    if (discs == 0)
        return;
    hanoi(yield, discs - 1, from, spare, to);
    yield({from, '>', to});
    hanoi(yield, discs - 1, spare, to, from);
}

static coro::generator<std::string> moves(int discs)
{
    return [discs](auto &yield) { hanoi(yield, discs, 'a', 'c', 'b'); };
}

static void generators()
{
    std::printf("generator:");
    for (const std::string &move : moves(3))
        std::printf(" %s", move.c_str());
    std::printf("\n");
}

/* A coroutine takes values, too. */
static void coroutines()
{
    coro::coroutine<double(double)> mean([](auto &yield, double x) {
        double sum = 0;

        for (int n = 1;; n++)
            x = yield((sum += x) / n);
    });

    std::printf("coroutine:");
    for (double x : {1.0, 2.0, 6.0})
        std::printf(" %g", *mean.resume(x));
    std::printf("\n");
}

/* Tasks return values, or throw; either comes out of join(). */
static void tasks()
{
    coro::task<std::string> slow = coro::spawn([] {
        coro::sleep_for(20ms);
        return std::string("slow");
    });
    coro::task<std::string> broken = coro::spawn([]() -> std::string { throw std::runtime_error("broken"); });

    try {
        broken.join();
    } catch (const std::exception &error) {
        std::printf("task: %s\n", error.what());
    }
    std::printf("task: %s\n", slow.join().c_str());
}

/* A scope ends when all that began in it has ended. Here the time is up first, and what waits unwinds. */
static void scopes()
{
    struct says_so {
        ~says_so()
        {
            std::printf("scope: unwound\n");
        }
    };

    try {
        coro::scope(
            [](coro::group &group) {
                group.spawn([] {
                    says_so here;
                    coro::sleep_for(1h);
                });
            },
            10ms);
    } catch (const std::system_error &error) {
        std::printf("scope: %s\n", error.code() == std::errc::timed_out ? "timed out" : error.what());
    }
}

/* A channel moves what it carries. */
static void channels()
{
    coro::channel<std::unique_ptr<std::string>> words;
    coro::task<> sender = coro::spawn([&] {
        for (const char *word : {"made", "of", "words"})
            words.send(std::make_unique<std::string>(word));
        words.close();
    });

    std::printf("channel:");
    for (auto &&word : words)
        std::printf(" %s", word->c_str());
    std::printf("\n");
    sender.join();
}

/* A mutex is for what must not change while a task waits. */
static void mutexes()
{
    coro::mutex mutex;
    int count = 0;

    coro::scope([&](coro::group &group) {
        for (int i = 0; i < 10; i++)
            group.spawn([&] {
                std::lock_guard<coro::mutex> lock(mutex);
                const int before = count;

                coro::pause();
                count = before + 1;
            });
    });
    std::printf("mutex: %d\n", count);
}

int main()
{
    generators();
    coroutines();
    try {
        coro::run([] {
            tasks();
            scopes();
            channels();
            mutexes();
        });
    } catch (const std::exception &error) {
        std::fprintf(stderr, "cxx: %s\n", error.what());
        return 1;
    }
}
