/*
 * coro/cxx/group.hpp: structured concurrency. Tasks that begin and end within a scope, and what they throw comes out of it.
 *
 *     coro::scope([&](coro::group &group) {
 *         group.spawn([&] { text = load("text"); });
 *         group.spawn([&] { images = load("images"); });
 *     }, 2s);                                     // both have ended, or this throws and both have ended
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_GROUP_HPP
#define CORO_CXX_GROUP_HPP

#include <climits>
#include <coro/cxx/task.hpp>
#include <coro/group.h>

namespace coro
{

/**
 * A group of tasks, hosted by the task that makes it. Tasks throw instead of returning errors. By default the first that does cancels
 * the rest, and the host as far as it waits inside; with CORO_RACE the first that does not. One that ends by cancelled has not failed,
 * but does not win a race either.
 *
 * One that is dropped without join(), by an exception or because nobody wants the outcome, cancels its tasks and waits for their end.
 * Mostly you want scope(), which knows whom the cancellation of a host is for. Neither copied nor moved.
 */
class group
{
  public:
    /**
     * Open a group.
     *
     * @param until   when to cancel all of it
     * @param policy  when to cancel the rest
     *
     * Throws std::system_error as coro_group_open() fails.
     */
    explicit group(deadline until = {}, coro_group_policy policy = CORO_FAIL_FAST) : policy_(policy)
    {
        check(coro_group_open(&group_, policy, until));
    }
    group(const group &) = delete;
    group &operator=(const group &) = delete;

    /* It throws nothing, but a host that waits here may be unwound. Where that goes with its scheduler, its tasks have gone before. In
       a generator that is unwound alone they have not, and it cannot wait for them. */
    ~group() noexcept(false)
    {
        if (coro_group_cancel(&group_) != 0)
            return; /* it has been joined */
        (coro_group_join)(&group_);
        if (coro_group_cancel(&group_) == 0 && coro_task_self() != nullptr)
            std::terminate(); /* tasks still run, and refer to what goes away here */
    }

    /**
     * Start a task in it. In a group that is cancelled it is cancelled from the start, but runs.
     *
     * @param fn  its body, called without arguments; what it returns is dropped
     *
     * Throws std::system_error as coro_group_spawn() fails, std::bad_alloc, and what moving `fn` throws.
     */
    template <class Fn> void spawn(Fn &&fn)
    {
        using Body = std::decay_t<Fn>;
        auto child = std::make_unique<child_of<Body>>(child_of<Body>{*this, std::forward<Fn>(fn)});

        check(coro_group_spawn_at(detail::site<Body>(), &group_, child_of<Body>::run, child.get()));
        child.release();
    }

    /** Cancel its tasks, and the host as far as it waits inside. */
    void cancel() noexcept
    {
        coro_group_cancel(&group_);
    }

    /**
     * Wait for every task to end, and close the group. Nothing interrupts it.
     *
     * Throws what the first task threw, if that is the outcome as coro_group_join() tells it; cancelled if something around the group
     * was; std::system_error: -ETIMEDOUT its deadline has passed, -ECANCELED nobody has won the race, and as coro_group_join() fails.
     */
    void join()
    {
        const int outcome = (coro_group_join)(&group_);

        if (outcome == threw)
            std::rethrow_exception(std::exchange(error_, nullptr));
        check(outcome);
    }

  private:
    static constexpr int threw =
        INT_MIN; /* what tells the C library that it has failed; errors of the system are above */

    template <class Body> struct child_of {
        group &in;
        Body body;

        static int run(void *arg)
        {
            std::unique_ptr<child_of> self(static_cast<child_of *>(arg));
            std::exception_ptr error;

            if (detail::caught(error, std::move(self->body)))
                return 0;
            return self->in.failed(error);
        }
    };

    int failed(const std::exception_ptr &error) noexcept
    {
        if (error == nullptr)
            return policy_ == CORO_RACE ? -ECANCELED : 0;
        if (error_ == nullptr)
            error_ = error;
        return threw;
    }

    coro_group_t group_;
    coro_group_policy policy_;
    std::exception_ptr error_; /* the first */
};

/**
 * Run a function with a group that it spawns tasks into, and wait for all of them.
 *
 * @param fn      called as fn(group &), on the caller's stack
 * @param until   when to cancel all of it, the function too
 * @param policy  when to cancel the rest
 *
 * Throws what `fn` threw, which has cancelled the group; and as group::join(). That `fn` ended by cancelled says nothing by itself: if
 * the cancellation was the group's own, because a task has failed, has won, or somebody called group::cancel(), it ends here.
 *
 * Context: inside a task.
 * Source:  nurseries of Trio.
 */
template <class Fn> void scope(Fn &&fn, deadline until = {}, coro_group_policy policy = CORO_FAIL_FAST)
{
    std::exception_ptr error;

    {
        group here(until, policy);

        detail::caught(error, [&] { std::forward<Fn>(fn)(here); });
        if (error == nullptr)
            here.join();
    }
    if (error != nullptr)
        std::rethrow_exception(error);
}

} // namespace coro

#endif
