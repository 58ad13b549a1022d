/* boost::context::fiber, which owns its stack and unwinds it when destroyed. A resume moves the fiber out and back in. */
#include "bench.h"

#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <boost/version.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace
{

namespace ctx = boost::context;

ctx::fiber one;
std::vector<ctx::fiber> all;
std::size_t depth, cleanups;

ctx::fiber yield_always(ctx::fiber &&to)
{
    for (;;)
        to = std::move(to).resume();
}

template <class Allocator, class Fn> ctx::fiber make(Allocator &&allocator, Fn fn)
{
    return {std::allocator_arg, std::forward<Allocator>(allocator), fn};
}

/* ---- switch, switch-fp ---- */

long setup_switch(std::size_t size)
{
    one = make(ctx::fixedsize_stack(BENCH_STACK), yield_always);
    return static_cast<long>(size);
}

void run_switch(std::uint64_t operations)
{
    ctx::fiber fiber = std::move(one);

    for (; operations > 0; operations--)
        fiber = std::move(fiber).resume();
    one = std::move(fiber);
}

/* ---- switch-helper ---- */

BENCH_HELPER void helped_resume(ctx::fiber &fiber)
{
    fiber = std::move(fiber).resume();
    BENCH_NO_TAIL;
}

ctx::fiber helped_yield_always(ctx::fiber &&to)
{
    for (;;)
        helped_resume(to);
}

long setup_helper(std::size_t size)
{
    one = make(ctx::fixedsize_stack(BENCH_STACK), helped_yield_always);
    return static_cast<long>(size);
}

void run_helper(std::uint64_t operations)
{
    for (; operations > 0; operations--)
        helped_resume(one);
}

/* ---- robin, memory ---- */

void run_robin(std::uint64_t operations)
{
    for (std::size_t i = 0; operations > 0; operations--) {
        all[i] = std::move(all[i]).resume();
        if (++i == all.size())
            i = 0;
    }
}

long setup_robin(std::size_t size)
{
    all.reserve(size);
    while (all.size() < size)
        all.push_back(make(ctx::fixedsize_stack(BENCH_STACK), yield_always));
    return static_cast<long>(size);
}

/* Says so when there is no guard any more. Boost ignores the result of its mprotect(), which fails once the process has
   vm.max_map_count mappings: from there on its stacks are unguarded, and nobody is told. */
struct checked_stack : private ctx::protected_fixedsize_stack {
    checked_stack() : basic_protected_fixedsize_stack(BENCH_STACK)
    {
    }
    using basic_protected_fixedsize_stack::deallocate;

    ctx::stack_context allocate()
    {
        ctx::stack_context stack = basic_protected_fixedsize_stack::allocate();
        void *guard = static_cast<char *>(stack.sp) - stack.size;

        if (mprotect(guard, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), PROT_NONE) != 0) {
            deallocate(stack);
            throw std::bad_alloc();
        }
        return stack;
    }
};

long setup_memory(std::size_t size)
{
    try {
        all.reserve(size);
        while (all.size() < size)
            all.push_back(make(checked_stack(), yield_always));
    } catch (const std::bad_alloc &) {
        /* this is where it ends */
    }
    run_robin(all.size());
    return static_cast<long>(all.size());
}

/* ---- create ---- */

long setup_create(std::size_t size)
{
    return static_cast<long>(size);
}

void run_create(std::uint64_t operations)
{
    static ctx::pooled_fixedsize_stack pool(BENCH_STACK);

    for (; operations > 0; operations--)
        make(pool, [](ctx::fiber &&to) { return std::move(to); }).resume();
}

/* ---- create-fresh ---- */

long setup_batch(std::size_t size)
{
    all.reserve(BENCH_BATCH);
    depth = size;
    return static_cast<long>(size);
}

void prepare_fresh(std::size_t)
{
    all.clear();
}

void run_fresh(std::uint64_t operations)
{
    while (all.size() < operations) {
        all.push_back(make(ctx::protected_fixedsize_stack(BENCH_STACK), yield_always));
        all.back() = std::move(all.back()).resume();
    }
}

/* ---- unwind ---- */

struct cleanup {
    ~cleanup()
    {
        cleanups++;
    }
};

BENCH_HELPER void go_down(ctx::fiber &to, std::size_t frames)
{
    cleanup here;

    if (frames > 1)
        go_down(to, frames - 1);
    else
        to = std::move(to).resume();
    BENCH_NO_TAIL;
}

ctx::fiber suspend_deep(ctx::fiber &&to)
{
    go_down(to, depth);
    return std::move(to);
}

void prepare_unwind(std::size_t operations)
{
    static ctx::pooled_fixedsize_stack pool(BENCH_STACK);
    static std::size_t expected;

    if (cleanups != expected)
        bench_fail("destructors were not run");
    expected += operations * depth;
    while (all.size() < operations)
        all.push_back(make(pool, suspend_deep).resume());
}

void run_unwind(std::uint64_t)
{
    all.clear();
}

const char *version()
{
    static const std::string text =
        std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000);

    return text.c_str();
}

} // namespace

extern "C" const struct bench_peer bench_peer_fiber = {
    .name = "Boost fiber",
    .what = "boost::context::fiber, resume() both ways",
    .version = version,
    .works = {{"switch", setup_switch, nullptr, run_switch, 0, "FP words kept"},
              {"switch-fp", setup_switch, nullptr, run_switch, 0, nullptr},
              {"switch-helper", setup_helper, nullptr, run_helper, 0, nullptr},
              {"robin", setup_robin, nullptr, run_robin, 0, "malloc'ed stacks, no guards"},
              {"create", setup_create, nullptr, run_create, 0, "pooled_fixedsize_stack, no guards"},
              {"create-fresh", setup_batch, prepare_fresh, run_fresh, 0, "protected_fixedsize_stack"},
              {"unwind", setup_batch, prepare_unwind, run_unwind, 0, "forced_unwind exception"},
              {"memory", setup_memory, nullptr, nullptr, 0, "protected_fixedsize_stack"}},
};
