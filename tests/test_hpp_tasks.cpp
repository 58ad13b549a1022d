/*
 * coro/coro.hpp with a scheduler: tasks, their results, exceptions and cancellation. Built as C++17 and as C++20.
 */
#include "support/hpp.h"

#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

namespace
{

using namespace std::chrono_literals;

void sleeps_for_good(char letter)
{
    Marks here(letter);

    coro::sleep_for(std::chrono::hours::max());
    mark('!');
}

/* ---- run ---- */

void run_returns_what_its_function_does(void **)
{
    int n = 5;

    assert_int_equal(coro::run([] { return 7; }), 7);
    assert_int_equal(*coro::run([] { return std::make_unique<int>(8); }), 8);
    assert_ptr_equal(&coro::run([&]() -> int & { return n; }), &n);
    coro::run([&] { n = 6; });
    assert_int_equal(n, 6);
}

void exceptions_come_out_of_run(void **)
{
    assert_int_equal(thrown_by([] {
                         coro::run([]() -> int {
                             Marks m('m');
                             coro::pause();
                             throw std::runtime_error("from the first task");
                         });
                     }),
                     -1);
    assert_string_equal(said.c_str(), "from the first task");
    assert_string_equal(trace, "m");
}

void run_ends_with_the_last_task(void **)
{
    virtually([] {
        coro::spawn([] {
            coro::sleep_for(1h);
            mark('t');
        }).detach();
        mark('r');
    });
    assert_string_equal(trace, "rt");
}

void a_run_within_a_run_is_refused(void **)
{
    assert_int_equal(coro::run([] { return thrown_by([] { coro::run([] { mark('!'); }); }); }), -EBUSY);
    assert_int_equal(thrown_by([] { coro::spawn([] {}).detach(); }), -EPERM);
    assert_string_equal(trace, "");
}

void a_first_task_that_is_cancelled_says_so(void **)
{
    assert_int_equal(thrown_by([] {
                         coro::run([] {
                             coro_cancel(coro_task_self());
                             sleeps_for_good('a');
                         });
                     }),
                     -ECANCELED);
    assert_string_equal(trace, "a");
}

int deadlocks(long)
{
    coro_opts opts = {};

    opts.name = "stuck";
    return thrown_by([&] {
               coro::run([&] {
                   coro::task<> waits = coro::spawn([] { (coro_sleep)(CORO_FOREVER), mark('!'); }, opts);
                   Marks here('m');
                   coro::mutex mutex;
                   mutex.lock();
                   coro::task<> another = coro::spawn([&] { mutex.lock(); }, opts);
                   another.join();
               });
           }) == -EDEADLK
               ? 0
               : 1;
}

void a_deadlock_is_an_error_and_unwinds(void **)
{
    child_end end = in_fresh_child(deadlocks, 0);

    assert_int_equal(end.code, 0);
    assert_non_null(std::strstr(end.said, "'stuck'"));
    assert_non_null(std::strstr(end.said, "lambda")); /* where it was created */
}

/* ---- join ---- */

void join_returns_results_of_any_type(void **)
{
    const int sum = coro::run([] {
        static int there = 3;
        coro::task<int> number = coro::spawn([] { return 1; });
        coro::task<std::unique_ptr<int>> box = coro::spawn([] { return std::make_unique<int>(2); });
        coro::task<int &> reference = coro::spawn([]() -> int & { return there; });
        coro::task<> nothing = coro::spawn([] { mark('n'); });
        coro::task<std::vector<std::string>> words =
            coro::spawn([] { return std::vector<std::string>(4, std::string(100, 'x')); });

        nothing.join();
        reference.join()++;
        return number.join() + *box.join() + there + static_cast<int>(words.join().size());
    });

    assert_int_equal(sum, 1 + 2 + 4 + 4);
    assert_string_equal(trace, "n");
}

void exceptions_come_out_of_join(void **)
{
    const int thrown = coro::run([] {
        coro::task<int> t = coro::spawn([m = Marks('m')]() -> int {
            coro::pause();
            throw std::runtime_error("from a task");
        });

        return thrown_by([&] { t.join(); });
    });

    assert_int_equal(thrown, -1);
    assert_string_equal(said.c_str(), "from a task");
    assert_string_equal(trace, "m");
}

void what_a_body_holds_goes_with_the_task(void **)
{
    coro::run([] {
        coro::task<> t = coro::spawn([m = Marks('m')] { mark('b'); });

        coro::pause();
        mark('j');
        t.join();
    });
    assert_string_equal(trace, "bmj");
}

void a_join_may_be_too_late_and_tried_again(void **)
{
    std::vector<int> thrown;

    virtually([&] {
        coro::task<int> t = coro::spawn([] {
            coro::sleep_for(20ms);
            return 5;
        });

        thrown.push_back(thrown_by([&] { t.join(coro::at_once); }));
        thrown.push_back(thrown_by([&] { t.join(5ms); }));
        thrown.push_back(thrown_by([&] { t.join(coro::clock::now() + 5ms); }));
        thrown.push_back(t.joinable() ? 1 : 0);
        thrown.push_back(t.join(1h));
        thrown.push_back(t.joinable() ? 1 : 0);
        thrown.push_back(thrown_by([&] { t.join(); }));
    });
    assert_true((thrown == std::vector<int>{-EAGAIN, -ETIMEDOUT, -ETIMEDOUT, 1, 5, 0, -EINVAL}));
}

void tasks_move(void **)
{
    static_assert(!std::is_copy_constructible_v<coro::task<int>>);
    static_assert(std::is_nothrow_move_constructible_v<coro::task<int>> ||
                  !std::is_nothrow_destructible_v<coro::task<int>>); /* the trait looks at the destructor, too */
    const int sum = virtually([] {
        std::vector<coro::task<int>> tasks;
        int total = 0;

        for (int i = 0; i < 20; i++)
            tasks.push_back(coro::spawn([i] {
                coro::sleep_for(std::chrono::milliseconds(20 - i));
                return i;
            }));
        for (coro::task<int> &t : tasks)
            total += t.join();
        return total;
    });

    assert_int_equal(sum, 190);
}

/* ---- cancellation ---- */

void a_cancelled_task_unwinds(void **)
{
    const int thrown = virtually([] {
        coro::task<> t = coro::spawn([] { sleeps_for_good('a'); });

        coro::pause();
        t.cancel();
        mark('-');
        return thrown_by([&] { t.join(); });
    });

    assert_int_equal(thrown, -ECANCELED);
    assert_string_equal(trace, "-a");
}

void cancellation_is_no_std_exception_and_stays(void **)
{
    virtually([] {
        coro::task<> t = coro::spawn([] {
            for (int i = 0; i < 3; i++)
                try {
                    coro::sleep_for(1h);
                } catch (const std::exception &) {
                    mark('!');
                } catch (const coro::cancelled &) {
                    mark('c');
                }
            mark('e');
        });

        coro::pause();
        t.cancel();
        t.join(); /* it has returned after all */
    });
    assert_string_equal(trace, "ccce");
}

void a_shield_holds_it_back(void **)
{
    virtually([] {
        coro::task<> t = coro::spawn([] {
            {
                coro::shield held;
                {
                    coro::shield within;
                }
                coro::sleep_for(1ms);
                mark('s');
            }
            coro::sleep_for(1ms);
            mark('!');
        });

        coro::pause();
        t.cancel();
    });
    assert_string_equal(trace, "s");
}

void a_cancelled_joiner_is_not_taken_for_what_it_joins(void **)
{
    virtually([] {
        coro::task<> inner = coro::spawn([] { coro::sleep_for(1h); });
        coro::task<> outer = coro::spawn([&] {
            mark(thrown_by([&] { inner.join(); }) == CANCELLED ? 'c' : '!');
            mark(inner.joinable() ? 'j' : '!');
        });

        coro::pause();
        outer.cancel();
        outer.join();
        inner.cancel();
        mark(thrown_by([&] { inner.join(); }) == -ECANCELED ? 'e' : '!');
    });
    assert_string_equal(trace, "cje");
}

/* ---- dropped and detached ---- */

void a_task_that_is_dropped_is_cancelled_and_waited_for(void **)
{
    virtually([] {
        {
            Marks after('z'); /* what it refers to is still there */
            coro::task<> t = coro::spawn([&] {
                try {
                    coro::sleep_for(1h);
                } catch (const coro::cancelled &) {
                    coro::shield held;
                    coro::sleep_for(1s);
                    mark(after.letter);
                    throw;
                }
            });
            coro::pause();
        }
        mark('e');
    });
    assert_string_equal(trace, "zze");
}

void one_that_is_dropped_may_not_have_run(void **)
{
    virtually([] { coro::task<> t = coro::spawn([m = Marks('m')] { sleeps_for_good('a'); }); });
    assert_string_equal(trace, "am");
}

void dropping_waits_in_a_cancelled_task_too(void **)
{
    virtually([] {
        coro::task<> outer = coro::spawn([] {
            coro::task<> inner = coro::spawn([] {
                Marks here('i');
                coro::shield held;
                coro::sleep_for(1s);
            });
            sleeps_for_good('o');
        });

        coro::pause();
    });
    assert_string_equal(trace, "oi");
}

void dropping_drops_what_it_threw(void **)
{
    coro::run([] {
        coro::task<> t = coro::spawn([] { throw std::runtime_error("nobody asks"); });
        coro::pause();
    });
    coro::run([] {
        coro::task<> t = coro::spawn([] { mark('a'); });
        coro::pause();
        t = coro::spawn([] { sleeps_for_good('b'); }); /* the former goes, and this one in the end */
        t = {};
        mark(t.joinable() ? '!' : '-');
    });
    assert_string_equal(trace, "ab-");
}

void a_detached_task_goes_on(void **)
{
    virtually([] {
        coro::task<int> t = coro::spawn([m = Marks('m')] {
            coro::sleep_for(1s);
            mark('d');
            return 1;
        });

        t.detach();
        mark(t.joinable() ? '!' : '-');
        t.detach();
        coro::task<int> ended = coro::spawn([] { return 1; });
        coro::pause();
        ended.detach();
        coro::task<> gives_up = coro::spawn([] { sleeps_for_good('c'); });
        coro::pause();
        gives_up.cancel();
        gives_up.detach();
    });
    assert_string_equal(trace, "-cdm");
}

int throws_detached(long ended)
{
    coro_opts opts = {};

    opts.name = "alone";
    coro::run([&] {
        coro::task<> t = coro::spawn([] { throw std::runtime_error("nobody catches this"); }, opts);
        if (ended != 0)
            coro::pause();
        t.detach();
        coro::pause();
    });
    return 1;
}

void an_exception_of_a_detached_task_ends_the_program(void **)
{
    for (long ended = 0; ended < 2; ended++) {
        child_end end = in_fresh_child(throws_detached, ended);

        assert_int_equal(end.signal, SIGABRT);
        assert_non_null(std::strstr(end.said, "nobody catches this"));
        assert_true(ended != 0 || std::strstr(end.said, "'alone'") != nullptr);
    }
}

/* ---- unwound with the scheduler ---- */

void a_task_is_unwound_with_its_scheduler(void **)
{
    unwound_after(2, [] {
        Marks here('h');
        coro::task<std::string> t = coro::spawn([m = Marks('m')] {
            sleeps_for_good('a');
            return std::string();
        });
        coro::task<std::string> ended = coro::spawn([] { return std::string(100, 'x'); });
        t.join();
    });
    assert_string_equal(trace, "amh");
}

void one_that_waits_in_a_destructor_is_unwound_too(void **)
{
    unwound_after(3, [] {
        Marks here('h');
        coro::task<> t = coro::spawn([] {
            Marks inside('i');
            coro::shield held;
            coro::sleep_for(1h);
        });
        coro::pause();
    });
    assert_string_equal(trace, "ih");
}

void a_younger_task_lets_go_of_an_older_one(void **)
{
    coro::task<> older;

    unwound_after(2, [&] {
        older = coro::spawn([m = Marks('m')] { sleeps_for_good('o'); });
        coro::spawn([t = std::move(older)]() mutable { sleeps_for_good('y'); }).detach();
        sleeps_for_good('f');
    });
    assert_string_equal(trace, "yomf");
}

void a_detached_task_is_unwound_with_its_scheduler(void **)
{
    unwound_after(2, [] { coro::spawn([m = Marks('m')] { sleeps_for_good('d'); }).detach(); });
    assert_string_equal(trace, "dm");
}

/* ---- coroutines in tasks ---- */

void a_generator_may_wait(void **)
{
    const auto slowly = [](char from) {
        return coro::generator<char>([from](auto &yield) {
            for (char c = from; c < from + 3; c++) {
                coro::sleep_for(1ms);
                yield(c);
            }
        });
    };

    virtually([&] {
        coro::task<> other = coro::spawn([&] {
            for (char c : slowly('x'))
                mark(c);
        });
        for (char c : slowly('a'))
            mark(c);
        other.join();
    });
    assert_string_equal(trace, "axbycz");
}

void cancellation_goes_through_a_generator(void **)
{
    virtually([] {
        coro::task<> t = coro::spawn([] {
            for (int i : coro::generator<int>([](auto &yield) {
                     yield(1);
                     sleeps_for_good('g');
                 }))
                mark(static_cast<char>('0' + i));
        });

        coro::pause();
        t.cancel();
        mark(thrown_by([&] { t.join(); }) == -ECANCELED ? 'c' : '!');
    });
    assert_string_equal(trace, "1gc");
}

void a_generator_that_is_left_lets_its_tasks_go(void **)
{
    virtually([] {
        for (int i : coro::generator<int>([](auto &yield) {
                 coro::task<> ahead = coro::spawn([] { sleeps_for_good('t'); });
                 coro::pause();
                 yield(1);
             }))
            if (i == 1)
                break;
        mark('l');
    });
    assert_string_equal(trace, "lt");
}

void time_is_that_of_the_scheduler(void **)
{
    const auto slept = virtually([] {
        const auto before = coro::clock::now();

        coro::sleep_for(20h);
        coro::sleep_for(-1h);
        coro::sleep_until(before + 24h);
        return coro::clock::now() - before;
    });

    assert_true(slept == 24h);
    assert_int_equal(thrown_by([] { coro::sleep_for(1s); }), -EPERM);
    assert_int_equal(thrown_by([] { coro::pause(); }), -EPERM);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(run_returns_what_its_function_does),
        TEST(exceptions_come_out_of_run),
        TEST(run_ends_with_the_last_task),
        TEST(a_run_within_a_run_is_refused),
        TEST(a_first_task_that_is_cancelled_says_so),
        TEST(a_deadlock_is_an_error_and_unwinds),
        TEST(join_returns_results_of_any_type),
        TEST(exceptions_come_out_of_join),
        TEST(what_a_body_holds_goes_with_the_task),
        TEST(a_join_may_be_too_late_and_tried_again),
        TEST(tasks_move),
        TEST(a_cancelled_task_unwinds),
        TEST(cancellation_is_no_std_exception_and_stays),
        TEST(a_shield_holds_it_back),
        TEST(a_cancelled_joiner_is_not_taken_for_what_it_joins),
        TEST(a_task_that_is_dropped_is_cancelled_and_waited_for),
        TEST(one_that_is_dropped_may_not_have_run),
        TEST(dropping_waits_in_a_cancelled_task_too),
        TEST(dropping_drops_what_it_threw),
        TEST(a_detached_task_goes_on),
        TEST(an_exception_of_a_detached_task_ends_the_program),
        TEST(a_task_is_unwound_with_its_scheduler),
        TEST(one_that_waits_in_a_destructor_is_unwound_too),
        TEST(a_younger_task_lets_go_of_an_older_one),
        TEST(a_detached_task_is_unwound_with_its_scheduler),
        TEST(a_generator_may_wait),
        TEST(cancellation_goes_through_a_generator),
        TEST(a_generator_that_is_left_lets_its_tasks_go),
        TEST(time_is_that_of_the_scheduler),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
