/*
 * coro/cxx/task.hpp: a scheduler around a function, and tasks whose results have types.
 *
 *     int sum = coro::run([] {
 *         coro::task<int> a = coro::spawn([] { return ask("a"); });
 *         coro::task<int> b = coro::spawn([] { return ask("b"); });
 *
 *         return a.join() + b.join();
 *     });
 *
 * An exception that leaves the body of a task comes out of its join(). One that is cancelled unwinds by the exception cancelled; to
 * whoever joins it that is a std::system_error with std::errc::operation_canceled, since coro::cancelled is always for oneself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_TASK_HPP
#define CORO_CXX_TASK_HPP

#include <coro/cxx/base.hpp>
#include <coro/sched.h>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coro
{

namespace detail
{

/* Run something, and keep the exception that it throws. True if it went through. Being unwound is none: it passes, as it has to. */
template <class Fn> bool caught(std::exception_ptr &error, Fn &&fn)
{
    try {
        std::forward<Fn>(fn)();
        return true;
    } catch (const cancelled &) {
    } catch (...) {
        error = std::current_exception();
        if (error == nullptr) /* not of C++ */
            throw;
    }
    return false;
}

/* What a body leaves behind: a value, an exception, or nothing, if it was cancelled or never came to its end. */
template <class T> class outcome
{
    struct nothing {
    };
    using stored =
        std::conditional_t<std::is_void_v<T>, nothing,
                           std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<T>, std::remove_cv_t<T>>>;

  public:
    template <class Fn> void of(Fn &&fn)
    {
        caught(error_, [&] {
            if constexpr (std::is_void_v<T>) {
                std::forward<Fn>(fn)();
                value_.emplace();
            } else if constexpr (std::is_reference_v<T>) {
                value_.emplace(std::addressof(std::forward<Fn>(fn)()));
            } else {
                value_.emplace(std::forward<Fn>(fn)());
            }
        });
    }

    void rethrow()
    {
        if (error_ != nullptr)
            std::rethrow_exception(std::exchange(error_, nullptr));
    }

    T take()
    {
        rethrow();
        if (!value_)
            throw std::system_error(ECANCELED, category());
        if constexpr (std::is_reference_v<T>)
            return static_cast<T>(**value_);
        else if constexpr (!std::is_void_v<T>)
            return std::move(*value_);
    }

  private:
    std::optional<stored> value_;
    std::exception_ptr error_;
};

/* Shared by a task and its handle; the handle's to delete, until it has let go. */
template <class T> struct job {
    outcome<T> left;
    bool detached = false;

    virtual ~job() noexcept(false) = default; /* a body may own tasks */
};

template <class T, class Body> struct job_of : job<T> {
    Body body;

    template <class Fn> explicit job_of(Fn &&fn) : body(std::forward<Fn>(fn))
    {
    }

    /* What the body holds goes with the task, not when that is joined: hence the move. */
    static void *run(void *arg)
    {
        struct leaves {
            job_of *self;
            ~leaves()
            {
                if (self->detached)
                    delete self;
            }
        } here{static_cast<job_of *>(arg)};

        here.self->left.of([&]() -> T {
            Body mine(std::move(here.self->body));
            return std::move(mine)();
        });
        if (here.self->detached)
            here.self->left.rethrow(); /* which ends the program, and names the task */
        return nullptr;
    }
};

} // namespace detail

/**
 * The handle of a task whose body returns T; void, or a reference, too. It is moved, not copied.
 *
 * One that is dropped without join() or detach() cancels its task and waits for its end, as std::jthread does: what the body
 * refers to is then still there, and no task goes on that nobody knows of. What the body threw is dropped with it. The wait is not
 * interrupted. In a coroutine that is being unwound it cannot wait: there the task is cancelled and let go. So a generator that may
 * be left early should own no tasks that refer to it.
 *
 * It must not outlive the scheduler.
 */
template <class T = void> class [[nodiscard]] task
{
  public:
    /** No task. */
    task() noexcept = default;
    /* For spawn(). */
    task(coro_task_t *t, detail::job<T> *job) noexcept : task_(t), job_(job)
    {
    }
    task(task &&other) noexcept : task_(std::exchange(other.task_, nullptr)), job_(std::exchange(other.job_, nullptr))
    {
    }
    task &operator=(task &&other)
    {
        task former(std::move(*this));

        task_ = std::exchange(other.task_, nullptr);
        job_ = std::exchange(other.job_, nullptr);
        return *this;
    }
    ~task() noexcept(false) /* it throws nothing, but a task that waits here may be unwound */
    {
        if (joinable())
            drop();
    }

    /** Is there a task to join? */
    [[nodiscard]] bool joinable() const noexcept
    {
        return task_ != nullptr;
    }

    /**
     * Wait for the task to end.
     *
     * @param until  until when to wait
     * @return       what its body returned
     *
     * Throws what left its body; std::system_error: -ECANCELED the task was cancelled, or unwound with its scheduler. Then there is
     * nothing left to join. Throws cancelled if the caller is, and std::system_error as coro_join() fails: -ETIMEDOUT, -EAGAIN,
     * -EDEADLK, -EINVAL there is no task. Then there still is.
     *
     * Context: as coro_join().
     */
    T join(deadline until = {})
    {
        check((coro_join)(task_, nullptr, until));
        std::unique_ptr<detail::job<T>> ended(forget());
        return ended->left.take();
    }

    /** Cancel the task: its calls throw cancelled. One that has ended stays as it is. Context: as coro_cancel(). */
    void cancel() noexcept
    {
        coro_cancel(task_);
    }

    /** Let the task go; nobody may join it. An exception that leaves its body then ends the program, or has already: it does here. */
    void detach() noexcept
    {
        if (joinable())
            let_go();
    }

    /** The task, for calls of the C library; it stays where it is. */
    [[nodiscard]] coro_task_t *handle() const noexcept
    {
        return task_;
    }

  private:
    detail::job<T> *forget() noexcept
    {
        task_ = nullptr;
        return std::exchange(job_, nullptr);
    }

    void drop()
    {
        struct leaves { /* by the end of the task, or unwound while it waits */
            task &self;
            ~leaves()
            {
                self.abandon();
            }
        } here{*this};
        shield held;

        coro_cancel(task_);
        if ((coro_join)(task_, nullptr, CORO_FOREVER) == 0)
            delete forget();
    }

    void abandon() noexcept
    {
        if (!joinable())
            return;
        if ((coro_join)(task_, nullptr, 0) == 0) {
            delete forget();
        } else {
            coro_detach(task_);
            forget()->detached = true;
        }
    }

    void let_go() noexcept
    {
        if ((coro_join)(task_, nullptr, 0) != 0) {
            abandon();
            return;
        }
        std::unique_ptr<detail::job<T>> ended(forget());
        ended->left.rethrow();
    }

    coro_task_t *task_ = nullptr;
    detail::job<T> *job_ = nullptr;
};

/**
 * Start a task. It runs in its turn, not at once.
 *
 * @param fn    its body, called without arguments; moved to the task's stack when it runs, and gone when it has ended
 * @param opts  as for coro_create()
 * @return      its handle; dropping that cancels it
 *
 * Throws std::system_error as coro_spawn() fails, std::bad_alloc, and what moving `fn` throws.
 *
 * Context: inside a task. A detached task whose scheduler is destroyed before it ever ran leaves its body's memory behind.
 */
template <class Fn>
[[nodiscard]] auto spawn(Fn &&fn, const coro_opts &opts = {}) -> task<std::invoke_result_t<std::decay_t<Fn>>>
{
    using T = std::invoke_result_t<std::decay_t<Fn>>;
    using Job = detail::job_of<T, std::decay_t<Fn>>;
    auto job = std::make_unique<Job>(std::forward<Fn>(fn));
    coro_task_t *t = nullptr;

    check(coro_spawn_at(detail::site<std::decay_t<Fn>>(), &t, Job::run, job.get(), &opts));
    return {t, job.release()};
}

/**
 * Run a function as a task, and all the tasks that come of it, until the last one has ended.
 *
 * @param fn    the body of the first task, called without arguments
 * @param opts  as for coro_run()
 * @return      what it returned
 *
 * Throws what left `fn`; std::system_error as coro_run() fails: -EDEADLK tasks waited for good, `fn` or others; and -ECANCELED if the
 * first task was cancelled.
 *
 * Context: outside any task.
 */
template <class Fn> auto run(Fn &&fn, const coro_sched_opts &opts = {}) -> std::invoke_result_t<Fn>
{
    using T = std::invoke_result_t<Fn>;
    struct root {
        std::remove_reference_t<Fn> *fn;
        detail::outcome<T> left;

        static void *run(void *self)
        {
            static_cast<root *>(self)->left.of(
                [&]() -> T { return std::forward<Fn>(*static_cast<root *>(self)->fn)(); });
            return nullptr;
        }
    } first{std::addressof(fn), {}};
    const int err = coro_run_at(detail::site<std::decay_t<Fn>>(), root::run, &first, nullptr, &opts);

    first.left.rethrow();
    check(err);
    return first.left.take();
}

} // namespace coro

#endif
