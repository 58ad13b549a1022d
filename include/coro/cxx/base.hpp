/*
 * coro/cxx/base.hpp: errors as exceptions, cancellation, and time, for the rest of coro/coro.hpp.
 *
 *     try {
 *         size_t n = coro::check(coro_read(fd, buffer, sizeof buffer, coro::deadline(20ms)));
 *     } catch (const std::system_error &error) {
 *         if (error.code() == std::errc::timed_out)
 *             ...
 *     }
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_BASE_HPP
#define CORO_CXX_BASE_HPP

#include <chrono>
#include <coro/base.h>
#include <coro/sched.h>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace coro
{

/**
 * The category of libcoro's errors. Their numbers are those of errno, so codes compare with std::errc; what they say is
 * coro_strerror()'s.
 *
 * Context: anywhere.
 */
inline const std::error_category &category() noexcept
{
    static const class : public std::error_category
    {
        const char *name() const noexcept override
        {
            return "coro";
        }
        std::string message(int error) const override
        {
            return coro_strerror(error);
        }
        std::error_condition default_error_condition(int error) const noexcept override
        {
            return {error, std::generic_category()};
        }
    } instance;

    return instance;
}

/**
 * Thrown by the calls of a task that has been cancelled, so that it unwinds up to the task's body, or to the coro::scope() that the
 * cancellation ends at. Whoever catches it may clean up, and throws on; every later call that waits throws it again.
 *
 * It is no std::exception: a handler for what can go wrong does not take it for that, and go on.
 */
struct cancelled {
};

/**
 * Make an exception of an error that a call of the C library returns.
 *
 * @param result  what the call returned
 * @return        the same, if it is not negative
 *
 * Throws cancelled if the call says that the running task is, otherwise std::system_error.
 */
template <class Int> Int check(Int result)
{
    if (__builtin_expect(result < 0, 0)) {
        if (result == -ECANCELED && coro_cancelled())
            throw cancelled();
        throw std::system_error(static_cast<int>(-result), category());
    }
    return result;
}

/** The clock of deadlines: coro_now(), virtual inside a scheduler with virtual time. A TrivialClock. */
struct clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<clock>;
    static constexpr bool is_steady = true;

    static time_point now() noexcept
    {
        return time_point(duration(coro_now()));
    }
};

namespace detail
{

/* Rounded up, and held within what int64_t nanoseconds can say. */
template <class Rep, class Period> int64_t nanoseconds(std::chrono::duration<Rep, Period> time) noexcept
{
    using seconds = std::chrono::duration<double>;

    if (seconds(time) >= seconds(std::chrono::nanoseconds::max()))
        return CORO_FOREVER;
    if (seconds(time) <= seconds::zero())
        return 0;
    return std::chrono::ceil<std::chrono::nanoseconds>(time).count();
}

} // namespace detail

/**
 * Until when a call waits: a duration from now, or a point in time of coro::clock, or nothing: as long as it takes. A parameter of
 * this type takes any of them: `task.join(20ms)`. One deadline can serve a whole sequence of calls.
 *
 * A call that waits longer throws std::system_error with std::errc::timed_out.
 */
class deadline
{
  public:
    constexpr deadline() noexcept = default;
    template <class Rep, class Period>
    deadline(std::chrono::duration<Rep, Period> from_now) noexcept : ns_(coro_after(detail::nanoseconds(from_now)))
    {
    }
    constexpr deadline(clock::time_point when) noexcept : ns_(when.time_since_epoch().count())
    {
    }

    /** What the calls of the C library take. */
    constexpr operator int64_t() const noexcept
    {
        return ns_;
    }

  private:
    int64_t ns_ = CORO_FOREVER;
};

/** As long as it takes. */
inline constexpr deadline forever;

/** Without waiting: what would have to throws std::system_error with std::errc::resource_unavailable_try_again. */
inline constexpr deadline at_once{clock::time_point()};

/**
 * Wait for some time, until some time, or until the other tasks that are ready have run.
 *
 * Throw cancelled; std::system_error with -EPERM outside a task.
 *
 * Context: inside a task.
 */
template <class Rep, class Period> void sleep_for(std::chrono::duration<Rep, Period> time)
{
    check((coro_sleep)(detail::nanoseconds(time)));
}
inline void sleep_until(clock::time_point when)
{
    check((coro_sleep_until)(deadline(when)));
}
inline void pause()
{
    check(coro_pause());
}

/**
 * Hold cancellation back from the running task for as long as this lives, for what has to be finished.
 *
 *     coro::shield shield;
 *     say_goodbye(connection, coro::deadline(1s));
 *
 * Context: inside a task; elsewhere without effect.
 */
class [[nodiscard]] shield
{
  public:
    shield() noexcept : before_(coro_shield(true))
    {
    }
    shield(const shield &) = delete;
    shield &operator=(const shield &) = delete;
    ~shield()
    {
        if (before_ == 0)
            coro_shield(false);
    }

  private:
    int before_;
};

namespace detail
{

/* The name of a type, as the compiler spells it: of a lambda, where it stands. Reports show it for where a coroutine was created. */
template <class Type> struct spelled {
    static constexpr std::string_view whole()
    {
        return __PRETTY_FUNCTION__;
    }
    static constexpr std::size_t begin = whole().find("Type = ") + 7;
    static constexpr std::size_t end = whole().find_first_of(";]", begin);

    struct text {
        char chars[end - begin + 1];
    };
    static constexpr text copied()
    {
        text to = {};

        for (std::size_t i = begin; i < end; i++)
            to.chars[i - begin] = whole()[i];
        return to;
    }
    static constexpr text copy = copied();
};

template <class Type> constexpr const char *site() noexcept
{
    return spelled<Type>::copy.chars;
}

} // namespace detail

} // namespace coro

#endif
