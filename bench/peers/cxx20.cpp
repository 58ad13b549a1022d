/*
 * C++20 coroutines have no stack: a frame from operator new holds what lives across a suspension, and only the coroutine's own
 * function can suspend. A call of one coroutine from another is a frame of its own.
 */
#include "bench.h"
#include "stages.h"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

namespace
{

class task
{
  public:
    struct promise_type {
        task get_return_object()
        {
            return task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        void return_void() noexcept
        {
        }
        void unhandled_exception()
        {
            std::terminate();
        }
    };

    task(task &&other) noexcept : handle(std::exchange(other.handle, nullptr))
    {
    }
    ~task()
    {
        if (handle)
            handle.destroy();
    }
    void resume()
    {
        handle.resume();
    }

  private:
    explicit task(std::coroutine_handle<promise_type> h) : handle(h)
    {
    }
    std::coroutine_handle<promise_type> handle;
};

std::vector<task> all;
std::size_t depth, cleanups;

BENCH_HELPER task yield_always()
{
    for (;;)
        co_await std::suspend_always{};
}

/* ---- switch, robin, memory ---- */

long setup_robin(std::size_t size)
{
    all.reserve(size);
    while (all.size() < size)
        all.push_back(yield_always());
    return static_cast<long>(size);
}

void run_switch(std::uint64_t operations)
{
    task &one = all.front();

    for (; operations > 0; operations--)
        one.resume();
}

void run_robin(std::uint64_t operations)
{
    for (std::size_t i = 0; operations > 0; operations--) {
        all[i].resume();
        if (++i == all.size())
            i = 0;
    }
}

long setup_memory(std::size_t size)
{
    setup_robin(size);
    run_robin(size);
    return static_cast<long>(size);
}

/* ---- create ---- */

BENCH_HELPER task return_at_once()
{
    co_return;
}

long setup_create(std::size_t size)
{
    return static_cast<long>(size);
}

void run_create(std::uint64_t operations)
{
    for (; operations > 0; operations--)
        return_at_once().resume();
}

/* ---- unwind ---- */

struct cleanup {
    ~cleanup()
    {
        cleanups++;
    }
};

BENCH_HELPER task go_down(std::size_t frames)
{
    cleanup here;

    if (frames > 1) {
        task inner = go_down(frames - 1);
        inner.resume();
        co_await std::suspend_always{};
    } else {
        co_await std::suspend_always{};
    }
}

long setup_unwind(std::size_t size)
{
    all.reserve(BENCH_BATCH);
    depth = size;
    return static_cast<long>(size);
}

void prepare_unwind(std::size_t operations)
{
    static std::size_t expected;

    if (cleanups != expected)
        bench_fail("destructors were not run");
    expected += operations * depth;
    while (all.size() < operations) {
        all.push_back(go_down(depth));
        all.back().resume();
    }
}

void run_unwind(std::uint64_t)
{
    all.clear();
}

/* ---- generator, pipeline ---- */

class items
{
  public:
    struct promise_type {
        std::uint64_t value;

        items get_return_object()
        {
            return items(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept
        {
            return {};
        }
        std::suspend_always final_suspend() noexcept
        {
            return {};
        }
        std::suspend_always yield_value(std::uint64_t y) noexcept
        {
            value = y;
            return {};
        }
        void return_void() noexcept
        {
        }
        void unhandled_exception()
        {
            std::terminate();
        }
    };

    items(items &&other) noexcept : handle(std::exchange(other.handle, nullptr))
    {
    }
    ~items()
    {
        if (handle)
            handle.destroy();
    }
    bool next()
    {
        handle.resume();
        return !handle.done();
    }
    std::uint64_t value() const
    {
        return handle.promise().value;
    }

  private:
    explicit items(std::coroutine_handle<promise_type> h) : handle(h)
    {
    }
    std::coroutine_handle<promise_type> handle;
};

items yield_each(const std::uint64_t *from)
{
    for (std::size_t i = 0; i < STAGE_ITEMS; i++)
        co_yield from[i];
}

items triple_each(items from)
{
    while (from.next())
        co_yield triple(from.value());
}

items mix_each(items from)
{
    while (from.next())
        co_yield mix(from.value());
}

items add_up_each(items from)
{
    std::uint64_t sum = 0;

    while (from.next())
        co_yield add_up(&sum, from.value());
}

std::uint64_t sum_of(items from)
{
    std::uint64_t sum = 0;

    while (from.next())
        sum += from.value();
    return sum;
}

BENCH_HELPER std::uint64_t generate_all()
{
    return sum_of(yield_each(stage_items));
}

void run_generator(std::uint64_t operations)
{
    run_passes(operations, generate_all, GENERATOR_SUM);
}

BENCH_HELPER std::uint64_t pipe_all()
{
    return sum_of(add_up_each(mix_each(triple_each(yield_each(stage_items)))));
}

void run_pipeline(std::uint64_t operations)
{
    run_passes(operations, pipe_all, PIPELINE_SUM);
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

extern "C" const struct bench_peer bench_peer_cxx20 = {
    .name = "C++20",
    .what = "C++20 coroutines, which have no stack and can only yield from their own function",
    .role = BENCH_STACKLESS,
    .version = version,
    .works = {{"switch", setup_robin, nullptr, run_switch, 0, "stackless"},
              {"robin", setup_robin, nullptr, run_robin, 0, "stackless"},
              {"create", setup_create, nullptr, run_create, 0, "stackless"},
              {"unwind", setup_unwind, prepare_unwind, run_unwind, 0, "a frame is a coroutine"},
              {"memory", setup_memory, nullptr, nullptr, 0, "stackless"},
              {"generator", setup_stages, nullptr, run_generator, 0, "stackless"},
              {"pipeline", setup_stages, nullptr, run_pipeline, 0, "stackless"}},
};
