/*
 * coro/coro.hpp without a scheduler: errors and time, coroutines, generators. Built as C++17 and as C++20.
 */
#include "support/hpp.h"

#include <memory>
#include <vector>

/* clang up to 15 cannot read the views of libstdc++. */
#if __cplusplus >= 202002L && (!defined(__clang__) || __clang_major__ >= 16)
#    include <ranges>
#    define WITH_VIEWS
#endif

namespace
{

using namespace std::chrono_literals;

/* ---- errors and time ---- */

void errors_have_codes_and_words(void **)
{
    const std::error_code late(ETIMEDOUT, coro::category());

    assert_true(late == std::errc::timed_out);
    assert_false(late == std::errc::invalid_argument);
    assert_string_equal(late.message().c_str(), coro_strerror(-ETIMEDOUT));
    assert_string_equal(coro::category().name(), "coro");
}

void check_throws_what_is_negative(void **)
{
    assert_int_equal(coro::check(7), 7);
    assert_int_equal(coro::check(0L), 0);
    assert_int_equal(thrown_by([] { coro::check(-EPIPE); }), -EPIPE);
    assert_int_equal(thrown_by([] { coro::check(static_cast<ssize_t>(-EBADF)); }), -EBADF);
    assert_int_equal(thrown_by([] { coro::check(-ECANCELED); }), -ECANCELED); /* no task is cancelled here */
}

void deadlines_come_from_durations(void **)
{
    assert_true(coro::deadline() == CORO_FOREVER);
    assert_true(coro::forever == CORO_FOREVER);
    assert_true(coro::at_once == 0);
    assert_true(coro::deadline(coro::clock::time_point(5ns)) == 5);

    const int64_t before = coro_after(CORO_MS(20));
    const int64_t given = coro::deadline(20ms);
    assert_true(given >= before && given <= coro_after(CORO_MS(20)));
    assert_true(coro::clock::now().time_since_epoch().count() <= coro_now());
}

void durations_are_held_within_bounds(void **)
{
    using coro::detail::nanoseconds;

    assert_true(nanoseconds(1us) == 1000);
    assert_true(nanoseconds(-1h) == 0);
    assert_true(nanoseconds(std::chrono::duration<double, std::nano>(0.25)) == 1);
    assert_true(nanoseconds(std::chrono::nanoseconds::max()) == CORO_FOREVER);
    assert_true(nanoseconds(std::chrono::hours::max()) == CORO_FOREVER);
    assert_true(nanoseconds(9223372036854ms) == 9223372036854000000);
    assert_true(nanoseconds(9223372036855ms) == CORO_FOREVER);
    assert_true(coro::deadline(std::chrono::hours::max()) == CORO_FOREVER);
    assert_true(coro::deadline(0s) != 0); /* it has passed; it does not mean "without waiting" */
}

/* ---- coroutines ---- */

void values_travel_both_ways(void **)
{
    coro::coroutine<std::string(int)> co([](auto &yield, int n) {
        while (n != 0)
            n = yield(std::string(static_cast<size_t>(n), 'x'));
        mark('e');
    });

    assert_string_equal(co.resume(2)->c_str(), "xx");
    assert_string_equal(co.resume(20)->c_str(), "xxxxxxxxxxxxxxxxxxxx");
    assert_false(co.done());
    assert_false(co.resume(0).has_value());
    assert_true(co.done());
    assert_string_equal(trace, "e");
    assert_int_equal(thrown_by([&] { co.resume(1); }), -ESRCH);
}

void values_that_only_move_travel_too(void **)
{
    using box = std::unique_ptr<int>;
    coro::coroutine<box(box)> co([](auto &yield, box in) {
        for (;;) {
            ++*in;
            in = yield(std::move(in));
        }
    });

    assert_int_equal(**co.resume(std::make_unique<int>(1)), 2);
    assert_int_equal(**co.resume(std::make_unique<int>(6)), 7);
}

void there_need_be_no_values(void **)
{
    coro::coroutine<void()> co([](coro::yielder<void()> &yield) {
        mark('a');
        yield();
        mark('b');
    });

    mark('-');
    assert_true(co.resume());
    assert_false(co.resume());
    assert_string_equal(trace, "-ab");
}

void inputs_need_no_outputs(void **)
{
    coro::coroutine<void(char)> co([](auto &yield, char c) {
        for (; c != '.'; c = yield())
            mark(c);
    });

    assert_true(co.resume('a'));
    assert_true(co.resume('b'));
    assert_false(co.resume('.'));
    assert_string_equal(trace, "ab");
}

void references_are_passed_through(void **)
{
    int a = 1, b = 2;
    const int *first = nullptr;
    coro::coroutine<int &(const int &)> co([&](auto &yield, const int &in) {
        first = &in;
        first = &yield(b);
    });

    assert_ptr_equal(co.resume(a), &b);
    assert_ptr_equal(first, &a);
    assert_null(co.resume(b));
    assert_ptr_equal(first, &b);
}

void an_exception_comes_out_of_resume(void **)
{
    coro::coroutine<int()> co([m = Marks('d')](auto &yield) {
        Marks local('l');
        yield(1);
        throw std::runtime_error("thrown inside");
    });

    assert_int_equal(*co.resume(), 1);
    assert_int_equal(thrown_by([&] { co.resume(); }), -1);
    assert_string_equal(said.c_str(), "thrown inside");
    assert_true(co.done());
    assert_string_equal(trace, "ld");
}

void destroying_one_unwinds_it(void **)
{
    {
        coro::coroutine<int()> co([m = Marks('a')](auto &yield) {
            Marks b('b');
            yield(1);
            mark('!');
        });
        assert_int_equal(*co.resume(), 1);
    }
    assert_string_equal(trace, "ba");
}

void one_that_was_never_resumed_destroys_its_body(void **)
{
    {
        coro::coroutine<void()> co([m = Marks('a')](auto &) { mark('!'); });
        assert_false(co.done());
    }
    assert_string_equal(trace, "a");
}

void coroutines_move(void **)
{
    coro::coroutine<int()> a([m = Marks('a')](auto &yield) { yield(1), yield(2); });
    coro::coroutine<int()> b([m = Marks('b')](auto &yield) { yield(3); });

    assert_int_equal(*a.resume(), 1);
    b = std::move(a);
    assert_string_equal(trace, "b");
    assert_int_equal(*b.resume(), 2);
    assert_true(a.done());
    assert_int_equal(thrown_by([&] { a.resume(); }), -EINVAL);
    static_assert(!std::is_copy_constructible_v<coro::coroutine<int()>>);
    static_assert(std::is_nothrow_move_constructible_v<coro::coroutine<int()>>);
}

void options_are_passed_on(void **)
{
    const auto body = [](auto &yield) { yield(); };
    coro_opts opts = {};

    opts.name = "by name";
    opts.stack_size = 128 * 1024;
    coro::coroutine<void()> co(body, opts);
    assert_string_equal(coro_name(co.handle()), "by name");
    assert_int_equal(coro_stack_size(co.handle()), 128 * 1024);
    opts.stack_size = 1;
    assert_int_equal(thrown_by([&] { coro::coroutine<void()> small(body, opts); }), -EINVAL);
}

struct ThrowsWhenItMoves {
    int moves = 0;
    Marks here{'d'};

    ThrowsWhenItMoves() = default;
    ThrowsWhenItMoves(ThrowsWhenItMoves &&other) : moves(other.moves + 1), here(std::move(other.here))
    {
        if (moves == 1)
            throw std::runtime_error("moved");
    }
    void operator()(coro::yielder<void()> &) const
    {
    }
};

void a_body_may_throw_while_it_moves(void **)
{
    assert_int_equal(thrown_by([] { coro::coroutine<void()> co{ThrowsWhenItMoves()}; }), -1);
    assert_string_equal(said.c_str(), "moved");
    assert_string_equal(trace, "d");
}

void yielding_elsewhere_is_refused(void **)
{
    coro::yielder<void()> *kept = nullptr;
    int inside = 0;
    coro::coroutine<void()> outer([&](auto &yield) {
        kept = &yield;
        coro::coroutine<void()> inner([&](auto &) { inside = thrown_by([&] { yield(); }); });
        inner.resume();
        yield();
    });

    assert_true(outer.resume());
    assert_int_equal(inside, -EPERM);
    assert_int_equal(thrown_by([&] { (*kept)(); }), -EPERM);
}

template <class Yield> struct YieldsWhenItGoes {
    Yield &yield;

    ~YieldsWhenItGoes()
    {
        if constexpr (std::is_same_v<Yield, coro::yielder<int(int)>>)
            mark(thrown_by([&] { yield(0); }) == -ECANCELED ? 'c' : '!');
        else
            yield(0);
        mark('g');
    }
};

void yielding_while_it_is_unwound_goes_nowhere(void **)
{
    {
        coro::coroutine<int()> co([](auto &yield) {
            YieldsWhenItGoes<coro::yielder<int()>> here{yield};
            yield(1);
        });
        co.resume();
    }
    {
        coro::coroutine<int(int)> co([](auto &yield, int) {
            YieldsWhenItGoes<coro::yielder<int(int)>> here{yield};
            yield(1);
        });
        co.resume(1);
    }
    assert_string_equal(trace, "gcg");
}

void a_coroutine_may_resume_others(void **)
{
    coro::coroutine<int()> co([](auto &yield) {
        coro::coroutine<int()> inner([](auto &also) {
            also(1);
            also(2);
            throw std::runtime_error("through both");
        });
        while (auto n = inner.resume())
            yield(*n * 10);
    });

    assert_int_equal(*co.resume(), 10);
    assert_int_equal(*co.resume(), 20);
    assert_int_equal(thrown_by([&] { co.resume(); }), -1);
    assert_string_equal(said.c_str(), "through both");
}

/* ---- generators ---- */

coro::generator<int> count(int to)
{
    return [to](auto &yield) {
        for (int i = 1; i <= to; i++)
            yield(i);
        mark('e');
    };
}

void a_generator_is_a_range(void **)
{
    int sum = 0, n = 0;

    for (int i : count(4)) {
        sum += i;
        n++;
    }
    assert_int_equal(sum, 10);
    assert_int_equal(n, 4);
    for (int i : count(0))
        sum += i;
    assert_int_equal(sum, 10);
    assert_string_equal(trace, "ee");
}

void a_loop_that_is_left_unwinds_it(void **)
{
    for (int i : coro::generator<int>([m = Marks('a')](auto &yield) {
             Marks b('b');
             for (int n = 0;; n++)
                 yield(n);
         }))
        if (i == 3)
            break;
    assert_string_equal(trace, "ba");
}

void a_loop_goes_on_where_another_was_left(void **)
{
    coro::generator<int> numbers = count(4);
    std::vector<int> seen;

    for (int i : numbers) {
        seen.push_back(i);
        if (i == 2)
            break;
    }
    for (int i : numbers)
        seen.push_back(i);
    for (int i : numbers)
        seen.push_back(i);
    assert_true((seen == std::vector<int>{1, 2, 2, 3, 4}));
    assert_string_equal(trace, "e");
}

void exceptions_come_out_of_the_loop(void **)
{
    coro::generator<int> numbers([m = Marks('m')](auto &yield) {
        yield(1);
        throw std::runtime_error("no more");
    });
    int sum = 0;

    assert_int_equal(thrown_by([&] {
                         for (int i : numbers)
                             sum += i;
                     }),
                     -1);
    assert_string_equal(said.c_str(), "no more");
    assert_string_equal(trace, "m");
    assert_int_equal(sum, 1);
    assert_true(numbers.begin() == numbers.end());
}

void exceptions_thrown_in_the_loop_unwind_it(void **)
{
    assert_int_equal(thrown_by([] {
                         for (int i : coro::generator<int>([m = Marks('m')](auto &yield) { yield(1), yield(2); }))
                             if (i == 2)
                                 throw std::runtime_error("enough");
                     }),
                     -1);
    assert_string_equal(said.c_str(), "enough");
    assert_string_equal(trace, "m");
}

struct Tree {
    std::unique_ptr<Tree> left, right;
    std::string name;
};

void walk(const Tree *t, coro::yielder<const std::string &()> &yield)
{
    if (t == nullptr)
        return;
    walk(t->left.get(), yield);
    yield(t->name);
    walk(t->right.get(), yield);
}

void it_yields_from_any_depth_and_copies_nothing(void **)
{
    Tree root;
    std::string all;

    root.name = "b";
    root.left = std::make_unique<Tree>();
    root.left->name = "a";
    root.right = std::make_unique<Tree>();
    root.right->name = "c";
    for (const std::string &name : coro::generator<const std::string &>([&](auto &yield) { walk(&root, yield); })) {
        all += name;
        mark(&name == &root.name || &name == &root.left->name || &name == &root.right->name ? 's' : 'c');
    }
    assert_string_equal(all.c_str(), "abc");
    assert_string_equal(trace, "sss");
}

void a_loop_may_take_what_is_yielded(void **)
{
    std::vector<std::unique_ptr<int>> taken;

    for (auto &box : coro::generator<std::unique_ptr<int>>([](auto &yield) {
             for (int i = 0; i < 3; i++)
                 yield(std::make_unique<int>(i));
         }))
        taken.push_back(std::move(box));
    assert_int_equal(taken.size(), 3);
    assert_int_equal(*taken[2], 2);
}

void generators_move(void **)
{
    coro::generator<int> a = count(2), b = count(3);

    a.begin();
    b = std::move(a);
    assert_true(a.begin() == a.end());
    assert_int_equal(*b.begin(), 1);
    assert_int_equal(*++b.begin(), 2);
    assert_true(++b.begin() == b.end());
    static_assert(!std::is_copy_constructible_v<coro::generator<int>>);
}

void algorithms_take_its_iterators(void **)
{
    coro::generator<int> numbers = count(6);
    int sum = 0;

#ifdef WITH_VIEWS
    static_assert(std::ranges::input_range<coro::generator<int>>);
    static_assert(std::ranges::input_range<coro::generator<const std::string &>>);
    for (int square : numbers | std::views::transform([](int n) { return n * n; }) | std::views::take(3))
        sum += square;
    assert_int_equal(sum, 14);
#else
    auto i = numbers.begin();

    for (; i != numbers.end(); i++)
        sum += *i.operator->();
    assert_int_equal(sum, 21);
    assert_true(numbers.end() == i);
    assert_false(numbers.end() != i);
#endif
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(errors_have_codes_and_words),
        TEST(check_throws_what_is_negative),
        TEST(deadlines_come_from_durations),
        TEST(durations_are_held_within_bounds),
        TEST(values_travel_both_ways),
        TEST(values_that_only_move_travel_too),
        TEST(there_need_be_no_values),
        TEST(inputs_need_no_outputs),
        TEST(references_are_passed_through),
        TEST(an_exception_comes_out_of_resume),
        TEST(destroying_one_unwinds_it),
        TEST(one_that_was_never_resumed_destroys_its_body),
        TEST(coroutines_move),
        TEST(options_are_passed_on),
        TEST(a_body_may_throw_while_it_moves),
        TEST(yielding_elsewhere_is_refused),
        TEST(yielding_while_it_is_unwound_goes_nowhere),
        TEST(a_coroutine_may_resume_others),
        TEST(a_generator_is_a_range),
        TEST(a_loop_that_is_left_unwinds_it),
        TEST(a_loop_goes_on_where_another_was_left),
        TEST(exceptions_come_out_of_the_loop),
        TEST(exceptions_thrown_in_the_loop_unwind_it),
        TEST(it_yields_from_any_depth_and_copies_nothing),
        TEST(a_loop_may_take_what_is_yielded),
        TEST(generators_move),
        TEST(algorithms_take_its_iterators),
    };

    return RUN_TESTS(tests);
}
