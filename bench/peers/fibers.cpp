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

/* ---- sched-yield, sched-yield-calls ---- */

TASKS_CALLS(yield_within, boost::this_fiber::yield())

void yield_at_once(void *)
{
    boost::this_fiber::yield();
}

template <class Stacks, void (*yield)(void *)> long setup_turns(std::size_t size)
{
    try {
        all.reserve(size);
        while (all.size() < size - 1)
            all.push_back(Stacks::make([] {
                for (;;) {
                    yields++;
                    yield(nullptr);
                }
            }));
    } catch (const std::bad_alloc &) {
        /* this is where it ends */
    }
    return static_cast<long>(all.size() + 1);
}

template <void (*yield)(void *)> void run_turns(std::uint64_t operations)
{
    for (std::uint64_t end = yields + operations; yields < end; yields++)
        yield(nullptr);
}

/* ---- spawn-join, spawn-join-calls ---- */

template <class Stacks> void run_spawn(std::uint64_t operations)
{
    for (; operations >= batch; operations -= batch) {
        while (all.size() < batch)
            all.push_back(Stacks::make([] {}));
        join_all();
    }
}

TASKS_CALLS(spawn_defaulted_within, defaulted::make([] {}).join())
TASKS_CALLS(spawn_pooled_within, pooled::make([] {}).join())

template <void (*spawn)(void *)> void run_spawn_calls(std::uint64_t operations)
{
    for (; operations > 0; operations--)
        spawn(nullptr);
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

/* ---- chan-rendezvous, chan-buffered ---- */

using rendezvous = fibers::unbuffered_channel<std::uint64_t>;
using buffered = fibers::buffered_channel<std::uint64_t>;

template <class Channel> Channel *channel;
std::uint64_t received;

template <class Channel> void send_always()
{
    for (std::uint64_t x = 0; channel<Channel>->push(x) == fibers::channel_op_status::success;)
        x++;
}

template <class Stacks> long setup_rendezvous(std::size_t size)
{
    channel<rendezvous> = new rendezvous;
    all.push_back(Stacks::make(send_always<rendezvous>));
    return static_cast<long>(size);
}

template <class Stacks> long setup_buffered(std::size_t size)
{
    channel<buffered> = new buffered(CHAN_BUFFER);
    all.push_back(Stacks::make(send_always<buffered>));
    return static_cast<long>(size);
}

template <class Channel> void run_channel(std::uint64_t operations)
{
    std::uint64_t x, sum = 0;

    for (std::uint64_t i = 0; i < operations; i++) {
        if (channel<Channel>->pop(x) != fibers::channel_op_status::success)
            bench_fail("pop()");
        sum += x;
    }
    if (sum != sum_from(received, operations))
        bench_fail("the sum is wrong");
    received += operations;
}

/* ---- mutex ---- */

fibers::mutex mutex;
bool contended;
std::uint64_t locks;

inline void lock_and_unlock()
{
    mutex.lock();
    locks++;
    if (contended)
        boost::this_fiber::yield();
    mutex.unlock();
}

template <class Stacks> long setup_mutex(std::size_t size)
{
    contended = size > 1;
    while (all.size() < size - 1)
        all.push_back(Stacks::make([] {
            for (;;)
                lock_and_unlock();
        }));
    return static_cast<long>(size);
}

void run_mutex(std::uint64_t operations)
{
    for (std::uint64_t end = locks + operations; locks < end;)
        lock_and_unlock();
}

/* ---- sieve ---- */

void pass_on(rendezvous &in, rendezvous &out, std::uint64_t prime)
{
    std::uint64_t x;

    while (in.pop(x) == fibers::channel_op_status::success)
        if (x % prime != 0)
            out.push(x);
    out.close();
}

template <class Stacks> void sieve()
{
    std::vector<rendezvous> channels(SIEVE_PRIMES + 1);
    std::size_t primes = 0;
    std::uint64_t x, last = 0;

    all.push_back(Stacks::make([&channels] {
        for (std::uint64_t n = 2; n <= SIEVE_LAST; n++)
            channels[0].push(n);
        channels[0].close();
    }));
    while (channels[primes].pop(x) == fibers::channel_op_status::success && primes < SIEVE_PRIMES) {
        rendezvous &in = channels[primes], &out = channels[++primes];

        last = x;
        all.push_back(Stacks::make([&in, &out, last] { pass_on(in, out, last); }));
    }
    if (primes != SIEVE_PRIMES || last != SIEVE_LAST)
        bench_fail("the sum is wrong");
    join_all();
}

template <class Stacks> void run_sieve(std::uint64_t operations)
{
    for (; operations >= SIEVE_PRIMES; operations -= SIEVE_PRIMES)
        sieve<Stacks>();
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
    .works = {{"sched-yield", setup_turns<defaulted, yield_at_once>, nullptr, run_turns<yield_at_once>, 0,
               "FP words kept; no guards"},
              {"sched-yield-calls", setup_turns<defaulted, yield_within>, nullptr, run_turns<yield_within>, 0,
               "FP words kept; no guards"},
              {"spawn-join", setup, nullptr, run_spawn<defaulted>, 0, "FP words kept; no guards"},
              {"spawn-join-calls", setup, nullptr, run_spawn_calls<spawn_defaulted_within>, 0,
               "FP words kept; no guards"},
              {"skynet", setup, nullptr, run_skynet<defaulted>, 0, "no guards"},
              {"sleepers", setup, nullptr, run_sleepers<defaulted>, 0, "no guards"},
              {"chan-rendezvous", setup_rendezvous<defaulted>, nullptr, run_channel<rendezvous>, 0,
               "unbuffered_channel"},
              {"chan-buffered", setup_buffered<defaulted>, nullptr, run_channel<buffered>, 0, "buffered_channel"},
              {"mutex", setup_mutex<defaulted>, nullptr, run_mutex, 0, nullptr},
              {"sieve", setup, nullptr, run_sieve<defaulted>, 0, "unbuffered_channel; no guards"}},
};

extern "C" const struct bench_peer bench_peer_fibers_pooled = {
    .name = "Boost.Fiber, pooled",
    .what = "the same with a pooled_fixedsize_stack of 64 KiB",
    .version = version,
    .works = {{"sched-yield", setup_turns<pooled, yield_at_once>, nullptr, run_turns<yield_at_once>, 0,
               "FP words kept; no guards"},
              {"sched-yield-calls", setup_turns<pooled, yield_within>, nullptr, run_turns<yield_within>, 0,
               "FP words kept; no guards"},
              {"spawn-join", setup, nullptr, run_spawn<pooled>, 0, "FP words kept; no guards"},
              {"spawn-join-calls", setup, nullptr, run_spawn_calls<spawn_pooled_within>, 0, "FP words kept; no guards"},
              {"skynet", setup, nullptr, run_skynet<pooled>, 0, "no guards"},
              {"sleepers", setup, nullptr, run_sleepers<pooled>, 0, "no guards"},
              {"chan-rendezvous", setup_rendezvous<pooled>, nullptr, run_channel<rendezvous>, 0, "unbuffered_channel"},
              {"chan-buffered", setup_buffered<pooled>, nullptr, run_channel<buffered>, 0, "buffered_channel"},
              {"mutex", setup_mutex<pooled>, nullptr, run_mutex, 0, nullptr},
              {"sieve", setup, nullptr, run_sieve<pooled>, 0, "unbuffered_channel; no guards"}},
};
