/*
 * coro/cxx/mutex.hpp: a mutex for tasks, which std::lock_guard, std::unique_lock and std::scoped_lock take.
 *
 *     coro::mutex mutex;
 *     std::lock_guard lock(mutex);                // waits as a task does, and may wait while it is held
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_MUTEX_HPP
#define CORO_CXX_MUTEX_HPP

#include <coro/cxx/base.hpp>
#include <coro/sync.h>

namespace coro
{

/**
 * A mutex, handed over in turn: a TimedLockable. Neither copied nor moved. It needs no destruction, and can be static.
 *
 * Its calls throw cancelled, and std::system_error as coro_mutex_lock() fails: -EDEADLK the caller holds it already.
 */
class mutex
{
  public:
    constexpr mutex() noexcept = default;
    mutex(const mutex &) = delete;
    mutex &operator=(const mutex &) = delete;

    /** Lock it. Context: inside a task. */
    void lock()
    {
        check((coro_mutex_lock)(&mutex_, CORO_FOREVER));
    }

    /** Lock it, if that is possible by then. @return  whether it was. Context: inside a task; the first anywhere on the thread. */
    [[nodiscard]] bool try_lock()
    {
        return locked((coro_mutex_lock)(&mutex_, 0));
    }
    template <class Rep, class Period> [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> time)
    {
        return locked((coro_mutex_lock)(&mutex_, deadline(time)));
    }
    [[nodiscard]] bool try_lock_until(clock::time_point when)
    {
        return locked((coro_mutex_lock)(&mutex_, deadline(when)));
    }

    /** Unlock it. Without effect where the caller does not hold it. */
    void unlock() noexcept
    {
        coro_mutex_unlock(&mutex_);
    }

    /** The mutex, for calls of the C library. */
    [[nodiscard]] coro_mutex_t *handle() noexcept
    {
        return &mutex_;
    }

  private:
    static bool locked(int err)
    {
        if (err == -EAGAIN || err == -ETIMEDOUT)
            return false;
        check(err);
        return true;
    }

    coro_mutex_t mutex_ = CORO_MUTEX_INIT;
};

} // namespace coro

#endif
