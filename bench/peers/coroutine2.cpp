/* Boost.Coroutine2: boost::coroutines2::coroutine, where the caller pulls and the coroutine pushes. */
#include "bench.h"
#include "stages.h"

#include <boost/coroutine2/coroutine.hpp>
#include <boost/coroutine2/fixedsize_stack.hpp>
#include <boost/coroutine2/pooled_fixedsize_stack.hpp>
#include <boost/coroutine2/protected_fixedsize_stack.hpp>
#include <boost/version.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

namespace
{

namespace co2 = boost::coroutines2;

using pull = co2::coroutine<void>::pull_type;
using push = co2::coroutine<void>::push_type;

std::unique_ptr<pull> one;
std::deque<pull> all;
std::size_t depth, cleanups;

void yield_always(push &yield)
{
    for (;;)
        yield();
}

/* ---- switch, switch-fp ---- */

long setup_switch(std::size_t size)
{
    one = std::make_unique<pull>(co2::fixedsize_stack(BENCH_STACK), yield_always);
    return static_cast<long>(size);
}

void run_switch(std::uint64_t operations)
{
    pull &resume = *one;

    for (; operations > 0; operations--)
        resume();
}

/* ---- switch-helper ---- */

BENCH_HELPER void helped_yield(push &yield)
{
    yield();
    BENCH_NO_TAIL;
}

BENCH_HELPER void helped_resume(pull &resume)
{
    resume();
    BENCH_NO_TAIL;
}

void helped_yield_always(push &yield)
{
    for (;;)
        helped_yield(yield);
}

long setup_helper(std::size_t size)
{
    one = std::make_unique<pull>(co2::fixedsize_stack(BENCH_STACK), helped_yield_always);
    return static_cast<long>(size);
}

void run_helper(std::uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_resume(*one);
}

/* ---- robin ---- */

long setup_robin(std::size_t size)
{
    while (all.size() < size)
        all.emplace_back(co2::fixedsize_stack(BENCH_STACK), yield_always);
    return static_cast<long>(size);
}

void run_robin(std::uint64_t operations)
{
    auto next = all.begin();

    for (; operations > 0; operations--) {
        (*next)();
        if (++next == all.end())
            next = all.begin();
    }
}

/* ---- create ---- */

long setup_create(std::size_t size)
{
    return static_cast<long>(size);
}

void run_create(std::uint64_t operations)
{
    static co2::pooled_fixedsize_stack pool(BENCH_STACK);

    for (; operations > 0; operations--)
        pull(pool, [](push &) {}); /* runs at once */
}

/* ---- create-fresh ---- */

long setup_batch(std::size_t size)
{
    depth = size;
    return static_cast<long>(size);
}

void prepare_fresh(std::size_t)
{
    all.clear();
}

void run_fresh(std::uint64_t operations)
{
    while (all.size() < operations)
        all.emplace_back(co2::protected_fixedsize_stack(BENCH_STACK), yield_always);
}

/* ---- unwind ---- */

struct cleanup {
    ~cleanup()
    {
        cleanups++;
    }
};

BENCH_HELPER void go_down(push &yield, std::size_t frames)
{
    cleanup here;

    if (frames > 1)
        go_down(yield, frames - 1);
    else
        yield();
    BENCH_NO_TAIL;
}

void prepare_unwind(std::size_t operations)
{
    static co2::pooled_fixedsize_stack pool(BENCH_STACK);
    static std::size_t expected;

    if (cleanups != expected)
        bench_fail("destructors were not run");
    expected += operations * depth;
    while (all.size() < operations)
        all.emplace_back(pool, [](push &yield) { go_down(yield, depth); });
}

void run_unwind(std::uint64_t)
{
    all.clear();
}

/* ---- generator, pipeline ---- */

using items = co2::coroutine<std::uint64_t>;

co2::pooled_fixedsize_stack &item_stacks()
{
    static co2::pooled_fixedsize_stack pool(BENCH_STACK);

    return pool;
}

items::pull_type yield_each()
{
    return items::pull_type(item_stacks(), [](items::push_type &yield) {
        for (std::size_t i = 0; i < STAGE_ITEMS; i++)
            yield(stage_items[i]);
    });
}

template <typename F> items::pull_type map_each(items::pull_type &from, F f)
{
    return items::pull_type(item_stacks(), [&from, f](items::push_type &yield) mutable {
        for (std::uint64_t x : from)
            yield(f(x));
    });
}

std::uint64_t sum_of(items::pull_type &from)
{
    std::uint64_t sum = 0;

    for (std::uint64_t x : from)
        sum += x;
    return sum;
}

BENCH_HELPER std::uint64_t generate_all()
{
    items::pull_type source = yield_each();

    return sum_of(source);
}

void run_generator(std::uint64_t operations)
{
    run_passes(operations, generate_all, GENERATOR_SUM);
}

BENCH_HELPER std::uint64_t pipe_all()
{
    std::uint64_t so_far = 0;
    items::pull_type source = yield_each();
    items::pull_type first = map_each(source, triple);
    items::pull_type second = map_each(first, mix);
    items::pull_type third = map_each(second, [&so_far](std::uint64_t x) { return add_up(&so_far, x); });

    return sum_of(third);
}

void run_pipeline(std::uint64_t operations)
{
    run_passes(operations, pipe_all, PIPELINE_SUM);
}

const char *version()
{
    static const std::string text =
        std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);

    return text.c_str();
}

} // namespace

extern "C" const struct bench_peer bench_peer_coroutine2 = {
    .name = "Boost.Coroutine2",
    .what = "boost::coroutines2::coroutine, pull and push",
    .version = version,
    .works = {{"switch", setup_switch, nullptr, run_switch, 0, "FP words kept"},
              {"switch-fp", setup_switch, nullptr, run_switch, 0, nullptr},
              {"switch-helper", setup_helper, nullptr, run_helper, 0, nullptr},
              {"robin", setup_robin, nullptr, run_robin, 0, "malloc'ed stacks, no guards"},
              {"create", setup_create, nullptr, run_create, 0, "pooled_fixedsize_stack, no guards"},
              {"create-fresh", setup_batch, prepare_fresh, run_fresh, 0, "protected_fixedsize_stack"},
              {"unwind", setup_batch, prepare_unwind, run_unwind, 0, "forced_unwind exception"},
              {"generator", setup_stages, nullptr, run_generator, 0, "pooled_fixedsize_stack, FP words kept"},
              {"pipeline", setup_stages, nullptr, run_pipeline, 0, "a coroutine a stage, FP words kept"}},
};
