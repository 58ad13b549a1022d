/*
 * coro/coro.hpp, what tasks share: groups, channels, mutexes. Built as C++17 and as C++20.
 */
#include "support/hpp.h"

#include <csignal>
#include <memory>
#include <mutex>
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

/* ---- groups ---- */

void a_scope_waits_for_its_tasks(void **)
{
    virtually([] {
        coro::scope([](coro::group &group) {
            for (char c = 'c'; c >= 'a'; c--)
                group.spawn([c, &group] {
                    coro::sleep_for(std::chrono::milliseconds(c));
                    mark(c);
                    if (c == 'c')
                        group.spawn([m = Marks('d')] {});
                });
            mark('-');
        });
        mark('e');
    });
    assert_string_equal(trace, "-abcde");
}

void the_first_exception_cancels_the_rest_and_comes_out(void **)
{
    const int thrown = virtually([] {
        return thrown_by([] {
            coro::scope([](coro::group &group) {
                group.spawn([] { sleeps_for_good('a'); });
                group.spawn([] {
                    coro::sleep_for(1ms);
                    throw std::runtime_error("first");
                });
                group.spawn([] {
                    try {
                        coro::sleep_for(1h);
                    } catch (const coro::cancelled &) {
                        throw std::runtime_error("second");
                    }
                });
                sleeps_for_good('h'); /* the host, too */
            });
        });
    });

    assert_int_equal(thrown, -1);
    assert_string_equal(said.c_str(), "first");
    assert_string_equal(trace, "ah");
}

void what_a_scope_throws_itself_cancels_its_tasks(void **)
{
    const int thrown = virtually([] {
        return thrown_by([] {
            coro::scope([](coro::group &group) {
                group.spawn([] { sleeps_for_good('a'); });
                coro::pause();
                throw std::runtime_error("from the host");
            });
        });
    });

    assert_int_equal(thrown, -1);
    assert_string_equal(said.c_str(), "from the host");
    assert_string_equal(trace, "a");
}

void a_scope_may_be_too_late(void **)
{
    const int thrown = virtually([] {
        return thrown_by(
            [] { coro::scope([](coro::group &group) { group.spawn([] { sleeps_for_good('a'); }); }, 20ms); });
    });

    assert_int_equal(thrown, -ETIMEDOUT);
    assert_string_equal(trace, "a");
}

void a_scope_that_is_cancelled_from_inside_just_ends(void **)
{
    virtually([] {
        coro::scope([](coro::group &group) {
            group.spawn([] { sleeps_for_good('a'); });
            group.spawn([&] { group.cancel(); });
            sleeps_for_good('h');
        });
        coro::sleep_for(1ms); /* not cancelled any more */
        mark('e');
    });
    assert_string_equal(trace, "ahe");
}

void a_cancellation_from_outside_goes_through(void **)
{
    virtually([] {
        coro::task<> t = coro::spawn([] {
            mark(thrown_by([] {
                     coro::scope([](coro::group &outer) {
                         outer.spawn([] {
                             coro::scope([](coro::group &inner) { inner.spawn([] { sleeps_for_good('i'); }); });
                             mark('!');
                         });
                         sleeps_for_good('o');
                     });
                 }) == CANCELLED
                     ? 'c'
                     : '!');
        });

        coro::sleep_for(1ms);
        t.cancel();
        t.join();
    });
    assert_string_equal(trace, "oic");
}

void the_first_to_succeed_wins_a_race(void **)
{
    int thrown = -9;

    virtually([&] {
        coro::scope(
            [](coro::group &group) {
                group.spawn([] { sleeps_for_good('a'); });
                group.spawn([] { throw std::runtime_error("out of the race"); });
                group.spawn([] {
                    coro::sleep_for(1ms);
                    mark('w');
                });
                sleeps_for_good('h');
            },
            coro::forever, CORO_RACE);
        thrown = thrown_by([] {
            coro::scope([](coro::group &group) { group.spawn([] { throw std::runtime_error("all lost"); }); },
                        coro::forever, CORO_RACE);
        });
    });
    assert_string_equal(trace, "wah");
    assert_int_equal(thrown, -1);
    assert_string_equal(said.c_str(), "all lost");
}

void nobody_wins_a_race_that_is_cancelled(void **)
{
    const int thrown = virtually([] {
        return thrown_by([] {
            coro::scope(
                [](coro::group &group) {
                    group.spawn([] { sleeps_for_good('a'); });
                    coro::pause();
                    group.cancel();
                },
                coro::forever, CORO_RACE);
        });
    });

    assert_int_equal(thrown, -ECANCELED);
    assert_string_equal(trace, "a");
}

void a_group_that_is_dropped_cancels_its_tasks_and_waits(void **)
{
    int thrown = 0;

    virtually([&] {
        {
            coro::group group;
            group.spawn([] {
                Marks here('a');
                coro::shield held;
                coro::sleep_for(1s);
            });
            coro::pause();
        }
        mark('-');
        thrown = thrown_by([] {
            coro::group group(1h);
            group.spawn([] { mark('b'); });
            group.join();
            mark('-');
            group.join();
        });
    });
    assert_string_equal(trace, "a-b-");
    assert_int_equal(thrown, -EINVAL);
    assert_int_equal(thrown_by([] { coro::group group; }), -EPERM);
}

void a_group_is_unwound_with_its_scheduler(void **)
{
    unwound_after(2, [] {
        coro::scope([](coro::group &group) {
            Marks here('h');
            group.spawn([m = Marks('m')] { sleeps_for_good('a'); });
            sleeps_for_good('w');
        });
    });
    unwound_after(3, [] {
        Marks here('h');
        coro::group group;
        group.spawn([] {
            Marks inside('i');
            coro::shield held;
            coro::sleep_for(1h);
        });
        coro::pause();
    });
    assert_string_equal(trace, "amwhih");
}

int leaves_a_generator_with_a_group(long)
{
    coro::run([] {
        for (int i : coro::generator<int>([](auto &yield) {
                 coro::group group;
                 group.spawn([] { coro::sleep_for(1h); });
                 yield(1);
             }))
            if (i == 1)
                break;
    });
    return 1;
}

void tasks_cannot_outlive_a_group_in_a_generator(void **)
{
    assert_int_equal(in_fresh_child(leaves_a_generator_with_a_group, 0).signal, SIGABRT);
}

/* ---- channels ---- */

void values_are_moved_through_a_channel(void **)
{
    std::vector<size_t> lengths;

    for (size_t capacity = 0; capacity < 4; capacity++)
        virtually([&] {
            coro::channel<std::unique_ptr<std::string>> ch(capacity);
            coro::task<> sender = coro::spawn([&] {
                for (size_t i = 0; i < 20; i++)
                    ch.send(std::make_unique<std::string>(i, 'x'));
                ch.close();
                ch.close();
            });

            for (auto &&text : ch)
                lengths.push_back(text->size());
            sender.join();
            mark(ch.recv() ? '!' : '-');
        });
    assert_int_equal(lengths.size(), 80);
    for (size_t i = 0; i < 80; i++)
        assert_int_equal(lengths[i], i % 20);
    assert_string_equal(trace, "----");
}

struct Point {
    int x;
    double y;
};

void plain_values_are_copied_through(void **)
{
    coro::channel<Point> ch(2);

    static_assert(!std::is_copy_constructible_v<coro::channel<Point>>);
    ch.send({1, 1.5}, coro::at_once);
    const Point second = {2, 2.5};
    ch.send(second, coro::at_once);
    assert_int_equal(ch.size(), 2);
    assert_int_equal(thrown_by([&] { ch.send({3, 3}, coro::at_once); }), -EAGAIN);
    assert_true(ch.recv(coro::at_once)->x == 1);
    ch.close();
    assert_true(ch.recv(coro::at_once)->y == 2.5);
    assert_false(ch.recv(coro::at_once).has_value());
    assert_int_equal(thrown_by([&] { ch.send({3, 3}, coro::at_once); }), -EPIPE);
    assert_int_equal(thrown_by([&] { (void)coro::channel<int>().recv(); }), -EPERM);
}

void what_is_not_sent_comes_back(void **)
{
    coro::channel<std::string> ch(1);
    std::string first(100, 'a'), second(100, 'b');

    ch.send(first, coro::at_once);
    assert_int_equal(thrown_by([&] { ch.send(std::move(second), coro::at_once); }), -EAGAIN);
    assert_int_equal(second.size(), 100);
    virtually([&] {
        mark(thrown_by([&] { ch.send(std::move(second), 5ms); }) == -ETIMEDOUT ? 't' : '!');
        mark(second.size() == 100 ? 's' : '!');
        coro::task<> sender = coro::spawn([&] {
            mark(thrown_by([&] { ch.send(std::move(second)); }) == -EPIPE ? 'p' : '!');
            mark(second.size() == 100 ? 's' : '!');
        });
        coro::pause();
        ch.close();
        sender.join();
        mark(ch.recv()->size() == 100 ? 'r' : '!');
    });
    assert_string_equal(trace, "tspsr");
    assert_int_equal(first.size(), 100);
}

void waits_on_a_channel_are_cancelled_or_too_late(void **)
{
    virtually([] {
        coro::channel<std::string> ch;
        coro::task<> t = coro::spawn([&] {
            Marks here('c');
            (void)ch.recv();
        });

        mark(thrown_by([&] { (void)ch.recv(1ms); }) == -ETIMEDOUT ? 't' : '!');
        t.cancel();
        mark(thrown_by([&] { t.join(); }) == -ECANCELED ? 'j' : '!');
    });
    assert_string_equal(trace, "tcj");
}

void what_lies_in_a_channel_goes_with_it(void **)
{
    {
        coro::channel<Marks> ch(3);
        ch.send(Marks('a'), coro::at_once);
        ch.send(Marks('b'), coro::at_once);
        mark('-');
    }
    assert_string_equal(trace, "-ab");
}

/* The scheduler goes when the other side has done its part, and this one has not gone on yet. */
void nothing_is_lost_or_freed_twice_half_way(void **)
{
    {
        coro::channel<Marks> sent, received, buffered(1);

        unwound_after(2, [&] {
            coro::spawn([&] { mark(sent.recv()->letter); }).detach();
            sent.send(Marks('s'));
        });
        assert_string_equal(trace, "ss");
        unwound_after(2, [&] {
            coro::spawn([&] { (void)received.recv(); }).detach();
            coro::spawn([&] { received.send(Marks('r')); }).detach();
            coro::sleep_for(1h);
        });
        unwound_after(2, [&] {
            coro::spawn([&] { mark(buffered.recv()->letter); }).detach();
            buffered.send(Marks('1'));
            buffered.send(Marks('2'));
        });
        assert_string_equal(trace, "ss11");
        assert_int_equal(buffered.size(), 1);
        mark(buffered.recv(coro::at_once)->letter);
    }
    assert_string_equal(trace, "ss1122r"); /* what was on its way goes with the channel */
}

/* ---- mutexes ---- */

coro::mutex shared;

void locks_take_a_mutex(void **)
{
    virtually([] {
        coro::mutex other;
        coro::task<> t = coro::spawn([&] {
            std::scoped_lock both(shared, other);
            mark('b');
        });

        {
            std::lock_guard<coro::mutex> lock(shared);
            coro::sleep_for(1ms);
            mark('a');
        }
        t.join();
        std::unique_lock<coro::mutex> lock(shared);
        lock.unlock();
        mark(shared.try_lock() ? 'c' : '!');
        mark(thrown_by([] { shared.lock(); }) == -EDEADLK ? 'd' : '!');
        shared.unlock();
        shared.unlock();
    });
    assert_string_equal(trace, "abcd");
    assert_true(shared.try_lock());
    assert_int_equal(coro_mutex_unlock(shared.handle()), 0);
}

void a_lock_may_be_too_late(void **)
{
    virtually([] {
        std::lock_guard<coro::mutex> held(shared);
        coro::task<> t = coro::spawn([] {
            std::unique_lock<coro::mutex> lock(shared, std::defer_lock);

            mark(lock.try_lock() ? '!' : 'a');
            mark(lock.try_lock_for(1ms) ? '!' : 'b');
            mark(lock.try_lock_until(coro::clock::now() + 1ms) ? '!' : 'c');
            lock.lock();
        });

        coro::sleep_for(1s);
        t.cancel();
        mark(thrown_by([&] { t.join(); }) == -ECANCELED ? 'd' : '!');
    });
    assert_string_equal(trace, "abcd");
}

void exceptions_and_unwinding_leave_it_unlocked(void **)
{
    assert_int_equal(thrown_by([] {
                         virtually([] {
                             std::lock_guard<coro::mutex> lock(shared);
                             coro::sleep_for(1ms);
                             throw std::runtime_error("out of here");
                         });
                     }),
                     -1);
    unwound_after(1, [] {
        std::lock_guard<coro::mutex> lock(shared);
        coro::sleep_for(1h);
    });
    assert_true(shared.try_lock());
    shared.unlock();
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(a_scope_waits_for_its_tasks),
        TEST(the_first_exception_cancels_the_rest_and_comes_out),
        TEST(what_a_scope_throws_itself_cancels_its_tasks),
        TEST(a_scope_may_be_too_late),
        TEST(a_scope_that_is_cancelled_from_inside_just_ends),
        TEST(a_cancellation_from_outside_goes_through),
        TEST(the_first_to_succeed_wins_a_race),
        TEST(nobody_wins_a_race_that_is_cancelled),
        TEST(a_group_that_is_dropped_cancels_its_tasks_and_waits),
        TEST(a_group_is_unwound_with_its_scheduler),
        TEST(tasks_cannot_outlive_a_group_in_a_generator),
        TEST(values_are_moved_through_a_channel),
        TEST(plain_values_are_copied_through),
        TEST(what_is_not_sent_comes_back),
        TEST(waits_on_a_channel_are_cancelled_or_too_late),
        TEST(what_lies_in_a_channel_goes_with_it),
        TEST(nothing_is_lost_or_freed_twice_half_way),
        TEST(locks_take_a_mutex),
        TEST(a_lock_may_be_too_late),
        TEST(exceptions_and_unwinding_leave_it_unlocked),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
