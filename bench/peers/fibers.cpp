/*
 * Boost.Fiber, with its round robin. The main program is one of the fibers. Stacks are those that it gives a fiber by default, or of
 * the size that all have here, from its pool.
 */
#include "bench.h"
#include "tasks.h"

#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/fiber/all.hpp>
#include <boost/version.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace
{

namespace fibers = boost::fibers;

/* How to make a fiber. */
struct defaulted {
    template <class Fn> static fibers::fiber make(Fn &&fn)
    {
        return fibers::fiber(std::forward<Fn>(fn));
    }
};

struct pooled {
    template <class Fn> static fibers::fiber make(Fn &&fn)
    {
        static boost::context::pooled_fixedsize_stack pool(BENCH_STACK);

        return fibers::fiber(std::allocator_arg, pool, std::forward<Fn>(fn));
    }
};

std::vector<fibers::fiber> all;
std::size_t batch;
std::uint64_t yields;

long setup(std::size_t size)
{
    batch = size;
    all.reserve(size);
    return static_cast<long>(size);
}

void join_all()
{
    for (fibers::fiber &fiber : all)
        fiber.join();
    all.clear();
}

/* ---- sched-yield ---- */

template <class Stacks> long setup_yield(std::size_t size)
{
    try {
        all.reserve(size);
        while (all.size() < size - 1)
            all.push_back(Stacks::make([] {
                for (;;) {
                    yields++;
                    boost::this_fiber::yield();
                }
            }));
    } catch (const std::bad_alloc &) {
        /* this is where it ends */
    }
    return static_cast<long>(all.size() + 1);
}

void run_yield(std::uint64_t operations)
{
    for (std::uint64_t end = yields + operations; yields < end; yields++)
        boost::this_fiber::yield();
}

/* ---- spawn-join ---- */

template <class Stacks> void run_spawn(std::uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        while (all.size() < batch)
            all.push_back(Stacks::make([] {}));
        join_all();
    }
}

/* ---- skynet ---- */

template <class Stacks> void skynet(std::uint64_t *sum, std::uint64_t first, std::uint64_t leaves)
{
    std::array<std::uint64_t, SKYNET_CHILDREN> sums;
    std::array<fibers::fiber, SKYNET_CHILDREN> children;

    *sum = leaves == 1 ? first : 0;
    if (leaves == 1)
        return;
    leaves /= SKYNET_CHILDREN;
    for (std::size_t i = 0; i < children.size(); i++)
        children[i] = Stacks::make([&sums, i, first, leaves] { skynet<Stacks>(&sums[i], first + i * leaves, leaves); });
    for (std::size_t i = 0; i < children.size(); i++) {
        children[i].join();
        *sum += sums[i];
    }
}

template <class Stacks> void run_skynet(std::uint64_t operations)
{
    for (; operations >= SKYNET_LEAVES; operations -= SKYNET_LEAVES) {
        std::uint64_t sum;

        Stacks::make([&sum] { skynet<Stacks>(&sum, 0, SKYNET_LEAVES); }).join();
        if (sum != SKYNET_SUM)
            bench_fail("the sum is wrong");
    }
}

/* ---- sleepers ---- */

template <class Stacks> void run_sleepers(std::uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        std::uint64_t x = 1;

        while (all.size() < batch) {
            std::chrono::nanoseconds ns(sleep_ns(&x));
            all.push_back(Stacks::make([ns] { boost::this_fiber::sleep_for(ns); }));
        }
        join_all();
    }
}

const char *version()
{
    static const std::string text =
        std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);

    return text.c_str();
}

} // namespace

extern "C" const struct bench_peer bench_peer_fibers = {
    .name = "Boost.Fiber",
    .what = "Boost.Fiber's round_robin scheduler, stacks as by default: of 128 KiB, from malloc()",
    .version = version,
    .works = {{"sched-yield", setup_yield<defaulted>, nullptr, run_yield, 0, "FP words kept; no guards"},
              {"spawn-join", setup, nullptr, run_spawn<defaulted>, 0, "FP words kept; no guards"},
              {"skynet", setup, nullptr, run_skynet<defaulted>, 0, "no guards"},
              {"sleepers", setup, nullptr, run_sleepers<defaulted>, 0, "no guards"}},
};

extern "C" const struct bench_peer bench_peer_fibers_pooled = {
    .name = "Boost.Fiber, pooled",
    .what = "the same with a pooled_fixedsize_stack of 64 KiB",
    .version = version,
    .works = {{"sched-yield", setup_yield<pooled>, nullptr, run_yield, 0, "FP words kept; no guards"},
              {"spawn-join", setup, nullptr, run_spawn<pooled>, 0, "FP words kept; no guards"},
              {"skynet", setup, nullptr, run_skynet<pooled>, 0, "no guards"},
              {"sleepers", setup, nullptr, run_sleepers<pooled>, 0, "no guards"}},
};
