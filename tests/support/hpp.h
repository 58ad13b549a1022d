/*
 * What the tests of coro/coro.hpp share. Bodies mark, count and return; assertions come after coro::run() is back.
 */
#ifndef TESTS_SUPPORT_HPP_H
#define TESTS_SUPPORT_HPP_H

#include <coro/coro.hpp>

#include <stdexcept>
#include <string>

#include "test.h"

/* Marks when it goes, once, wherever it has been moved. */
struct Marks {
    char letter;

    explicit Marks(char c) : letter(c)
    {
    }
    Marks(Marks &&other) noexcept : letter(std::exchange(other.letter, '\0'))
    {
    }
    Marks &operator=(Marks &&) = delete;
    ~Marks()
    {
        if (letter != '\0')
            mark(letter);
    }
};

/* What a call throws: the number of a system_error, what() of another exception as -1 and in `said`, CANCELLED, or 0. */
enum { CANCELLED = 1 };

inline std::string said;

template <class Fn> int thrown_by(Fn &&fn)
{
    try {
        fn();
    } catch (const coro::cancelled &) {
        return CANCELLED;
    } catch (const std::system_error &error) {
        return -error.code().value();
    } catch (const std::exception &error) {
        said = error.what();
        return -1;
    }
    return 0;
}

/* coro::run() with virtual time. */
template <class Fn> auto virtually(Fn &&fn)
{
    coro_sched_opts opts = {};

    opts.virtual_time = true;
    return coro::run(std::forward<Fn>(fn), opts);
}

/* A scheduler that goes before its task does, which has run `steps` rounds. */
template <class Fn> void unwound_after(int steps, Fn fn)
{
    coro_sched_opts opts = {};
    coro_sched_t *s = nullptr;

    opts.virtual_time = true;
    coro_sched_create(&s, &opts);
    coro_sched_spawn(
        s, nullptr,
        [](void *body) -> void * {
            (*static_cast<Fn *>(body))();
            return nullptr;
        },
        &fn, nullptr);
    for (int i = 0; i < steps; i++)
        coro_sched_step(s, 0);
    coro_sched_destroy(s);
}

#endif
