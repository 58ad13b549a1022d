/*
 * libcoro for C++17 and up. This header includes all of it; each of the headers below also stands alone. It is thin: everything
 * here is a few lines over the C library, whose headers say what is not said here.
 *
 *     coro::generator<T>     a range that a function yields          coro::run()      a scheduler around a function
 *     coro::coroutine<O(I)>  the same, with values both ways         coro::spawn()    starts a task, a coro::task<T>
 *     coro::channel<T>       values from task to task                coro::scope()    tasks in a coro::group, which end before it does
 *     coro::mutex            for std::lock_guard                     coro::deadline   from std::chrono
 *
 * Errors are std::system_error with codes of coro::category(); a task that is cancelled unwinds by coro::cancelled.
 *
 * Destroying what is suspended unwinds it by force, through destructors and `catch (...)`, which must throw on, but not through what is
 * noexcept, destructors among it. So a task must not be unwound with its scheduler while it waits in a destructor; those of
 * coro::task and coro::group alone allow for it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CORO_HPP
#define CORO_CORO_HPP

#include <coro/cxx/base.hpp>
#include <coro/cxx/channel.hpp>
#include <coro/cxx/coroutine.hpp>
#include <coro/cxx/group.hpp>
#include <coro/cxx/mutex.hpp>
#include <coro/cxx/task.hpp>

#endif
