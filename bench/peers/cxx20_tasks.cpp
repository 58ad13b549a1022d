/*
 * C++20 coroutines as tasks, on an executor written for it: a ring of handles, a heap of deadlines, a task that can be joined once, a
 * channel without a buffer. It has no cancellation and no deadlines: it is the least that the cases need.
 */
#include "tasks.h"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace
{

using handle = std::coroutine_handle<>;

/* ---- the executor ---- */

struct timer {
    std::int64_t deadline;
    handle who;
    bool operator<(const timer &other) const
    {
        return deadline > other.deadline; /* the heap has the largest first */
    }
};

std::deque<handle> ready;
std::vector<timer> timers;
std::int64_t clock_now;

std::int64_t real_now()
{
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

void fire()
{
    clock_now = real_now();
    while (!timers.empty() && timers.front().deadline <= clock_now) {
        ready.push_back(timers.front().who);
        std::pop_heap(timers.begin(), timers.end());
        timers.pop_back();
    }
}

/* Until `over`. The clock is looked at every 256 switches, as libcoro does. */
void run_until(const bool &over)
{
    unsigned turn = 0;

    while (!over) {
        if (!timers.empty() && (turn++ % 256 == 0 || ready.empty()))
            fire();
        if (ready.empty()) {
            std::this_thread::sleep_for(std::chrono::nanoseconds(timers.front().deadline - clock_now));
            continue;
        }
        handle next = ready.front();

        ready.pop_front();
        next.resume();
    }
}

/* ---- what can be awaited ---- */

struct turn {
    bool await_ready() const noexcept
    {
        return false;
    }
    void await_suspend(handle who) const
    {
        ready.push_back(who);
    }
    void await_resume() const noexcept
    {
    }
};

struct nap {
    std::int64_t ns;
    bool await_ready() const noexcept
    {
        return false;
    }
    void await_suspend(handle who) const
    {
        timers.push_back({real_now() + ns, who});
        std::push_heap(timers.begin(), timers.end());
    }
    void await_resume() const noexcept
    {
    }
};

/* Spawned when it is made; to be joined once. */
class task
{
  public:
    struct promise_type {
        handle joiner;
        bool over = false;

        task get_return_object()
        {
            return task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        turn initial_suspend() noexcept
        {
            return {};
        }
        auto final_suspend() noexcept
        {
            struct last {
                bool await_ready() const noexcept
                {
                    return false;
                }
                void await_suspend(std::coroutine_handle<promise_type> who) const noexcept
                {
                    who.promise().over = true;
                    if (who.promise().joiner)
                        ready.push_back(who.promise().joiner);
                }
                void await_resume() const noexcept
                {
                }
            };
            return last{};
        }
        void return_void() noexcept
        {
        }
        void unhandled_exception()
        {
            std::terminate();
        }
    };

    task() = default;
    task(task &&other) noexcept : own(std::exchange(other.own, nullptr))
    {
    }
    task &operator=(task &&other) noexcept
    {
        std::swap(own, other.own);
        return *this;
    }
    ~task()
    {
        if (own)
            own.destroy();
    }
    auto joined()
    {
        struct joining {
            task &t;
            bool await_ready() const noexcept
            {
                return t.own.promise().over;
            }
            void await_suspend(handle who) const noexcept
            {
                t.own.promise().joiner = who;
            }
            void await_resume() const
            {
                std::exchange(t.own, nullptr).destroy();
            }
        };
        return joining{*this};
    }
    void run()
    {
        run_until(own.promise().over);
    }

  private:
    explicit task(std::coroutine_handle<promise_type> h) : own(h)
    {
    }
    std::coroutine_handle<promise_type> own;
};

struct channel {
    handle waiting;
    std::uint64_t *place = nullptr; /* of whoever waits */
    bool sends = false;
};

struct transfer {
    channel &ch;
    std::uint64_t *elem;
    bool send;

    bool await_ready() const
    {
        if (!ch.waiting || ch.sends == send)
            return false;
        (send ? *ch.place : *elem) = send ? *elem : *ch.place;
        ready.push_back(std::exchange(ch.waiting, nullptr));
        return true;
    }
    void await_suspend(handle who) const noexcept
    {
        ch.waiting = who;
        ch.place = elem;
        ch.sends = send;
    }
    void await_resume() const noexcept
    {
    }
};

/* ---- the cases ---- */

std::size_t batch;
std::vector<task> tasks;
std::uint64_t yields, received;
channel numbers;

task pause_until(std::uint64_t end)
{
    while (yields < end) {
        yields++;
        co_await turn{};
    }
}

long setup(std::size_t size)
{
    batch = size;
    tasks.resize(size);
    return static_cast<long>(size);
}

long setup_yield(std::size_t size)
{
    for (std::size_t i = 1; i < size; i++)
        tasks.push_back(pause_until(UINT64_MAX));
    return static_cast<long>(size);
}

void run_yield(std::uint64_t operations)
{
    pause_until(yields + operations).run();
}

task return_at_once()
{
    co_return;
}

task spawn_and_join(std::uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        for (std::size_t i = 0; i < batch; i++)
            tasks[i] = return_at_once();
        for (std::size_t i = 0; i < batch; i++)
            co_await tasks[i].joined();
    }
}

void run_spawn(std::uint64_t operations)
{
    spawn_and_join(operations).run();
}

task sleep_once(std::int64_t ns)
{
    co_await nap{ns};
}

task sleep_all()
{
    std::uint64_t x = 1;

    for (std::size_t i = 0; i < batch; i++)
        tasks[i] = sleep_once(sleep_ns(&x));
    for (std::size_t i = 0; i < batch; i++)
        co_await tasks[i].joined();
}

void run_sleepers(std::uint64_t operations)
{
    for (; operations >= batch; operations -= batch)
        sleep_all().run();
}

task send_always()
{
    for (std::uint64_t x = 0;; x++)
        co_await transfer{numbers, &x, true};
}

task receive(std::uint64_t operations)
{
    std::uint64_t x = 0, sum = 0;

    for (std::uint64_t i = 0; i < operations; i++) {
        co_await transfer{numbers, &x, false};
        sum += x;
    }
    if (sum != sum_from(received, operations))
        bench_fail("the sum is wrong");
    received += operations;
}

long setup_rendezvous(std::size_t size)
{
    tasks.push_back(send_always());
    return static_cast<long>(size);
}

void run_channel(std::uint64_t operations)
{
    receive(operations).run();
}

const char *version()
{
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "g++ " __VERSION__;
#endif
}

} // namespace

extern "C" const struct bench_peer bench_peer_cxx20_tasks = {
    .name = "C++20 tasks",
    .what = "C++20 coroutines on an executor of 100 lines, which has neither deadlines nor cancellation",
    .role = BENCH_STACKLESS,
    .version = version,
    .works = {{"sched-yield", setup_yield, nullptr, run_yield, 0, "stackless"},
              {"spawn-join", setup, nullptr, run_spawn, 0, "stackless"},
              {"sleepers", setup, nullptr, run_sleepers, 0, "stackless"},
              {"chan-rendezvous", setup_rendezvous, nullptr, run_channel, 0, "stackless"}},
};
