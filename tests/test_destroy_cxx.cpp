/*
 * C++ on coroutines: destructors run when a coroutine is destroyed, exceptions stay within one, and what must not happen ends the
 * program with a message.
 */
#include "support/test.h"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <csignal>

namespace
{

struct Marks {
    char letter;
    explicit Marks(char c) : letter(c)
    {
    }
    Marks(const Marks &) = delete;
    Marks &operator=(const Marks &) = delete;
    ~Marks()
    {
        mark(letter);
    }
};

void *as_value(const char *text)
{
    return const_cast<char *>(text);
}

void start_and_destroy(coro_fn *fn, void *input)
{
    coro_t *co = made(fn);

    assert_int_equal(coro_resume(co, input).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- destructors ---- */

__attribute__((noinline)) void inner(void)
{
    Marks c('c');

    coro_yield(nullptr);
    mark('!');
}

void *outer(void *input)
{
    Marks a('a');
    coro_defer([](void *arg) { mark(*static_cast<char *>(arg)); }, as_value("D"));
    {
        Marks b('b');
        inner();
        mark('!');
    }
    return input;
}

void destructors_run_innermost_first(void **)
{
    start_and_destroy(outer, nullptr);
    assert_string_equal(trace, "cbaD");
}

void *returns_after_yield(void *input)
{
    Marks a('a');

    coro_yield(nullptr);
    return input;
}

void a_destructor_runs_once(void **)
{
    coro_t *co = made(returns_after_yield);

    coro_resume(co, co);
    assert_step(coro_resume(co, nullptr), CORO_RETURNED, co);
    assert_string_equal(trace, "a");
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "a");
}

void *owns_memory(void *)
{
    std::string text(1000, 'x');
    std::vector<std::string> texts(10, text);
    auto number = std::make_unique<int>(7);

    coro_yield(&texts);
    mark(*number == 7 ? '7' : '!');
    return nullptr;
}

void what_is_owned_is_freed(void **)
{
    for (int i = 0; i < 10; i++)
        start_and_destroy(owns_memory, nullptr); /* valgrind and ASan count */
    assert_string_equal(trace, "");
}

struct Destroys {
    void operator()(coro_t *co) const
    {
        mark(coro_destroy(co) == 0 ? '+' : '-');
    }
};
using Owned = std::unique_ptr<coro_t, Destroys>;

void *owns_a_coroutine(void *)
{
    Owned co(made(outer));

    coro_resume(co.get(), nullptr);
    coro_yield(nullptr);
    return nullptr;
}

void a_coroutine_owned_by_a_coroutine_goes_with_it(void **)
{
    start_and_destroy(owns_a_coroutine, nullptr);
    assert_string_equal(trace, "cbaD+");
}

struct YieldsAtExit {
    ~YieldsAtExit()
    {
        errno = 0;
        mark(coro_yield(this) == nullptr && errno == ECANCELED ? 'r' : '!');
    }
};

void *yields_in_a_destructor(void *)
{
    Marks a('a');
    YieldsAtExit b;

    coro_yield(nullptr);
    return nullptr;
}

void yielding_is_refused_in_a_destructor(void **)
{
    start_and_destroy(yields_in_a_destructor, nullptr);
    assert_string_equal(trace, "ra");
}

/* ---- the unwinding passes through catch clauses ---- */

void *catches_and_throws_on(void *)
{
    Marks a('a');

    try {
        Marks b('b');
        coro_yield(nullptr);
    } catch (std::exception &) {
        mark('!');
    } catch (...) {
        mark('.');
        throw;
    }
    mark('!');
    return nullptr;
}

void catch_all_lets_it_pass_by_throwing_on(void **)
{
    start_and_destroy(catches_and_throws_on, nullptr);
    assert_string_equal(trace, "b.a");
}

void *catches_what_it_knows(void *)
{
    Marks a('a');

    try {
        coro_yield(nullptr);
    } catch (int) {
        mark('!');
    } catch (const std::exception &) {
        mark('!');
    }
    mark('!');
    return nullptr;
}

void other_catch_clauses_do_not_see_it(void **)
{
    start_and_destroy(catches_what_it_knows, nullptr);
    assert_string_equal(trace, "a");
}

/* Values that a compiler keeps in callee-saved registers over the yield, and needs again when the unwinder lands here: they come
   out of the parked frame by its unwind information. */
volatile uint64_t source[12] = {11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132};
volatile double real_source[8] = {1, 2, 3, 4, 5, 6, 7, 8};
uint64_t landed[6];
double real_landed[8];

void *lands_with_registers(void *)
{
    uint64_t a = source[0], b = source[1], c = source[2], d = source[3], e = source[4], f = source[5];
    double p = real_source[0], q = real_source[1], r = real_source[2], s = real_source[3];
    double t = real_source[4], u = real_source[5], v = real_source[6], w = real_source[7];

    try {
        coro_yield(nullptr);
    } catch (...) {
        landed[0] = a, landed[1] = b, landed[2] = c, landed[3] = d, landed[4] = e, landed[5] = f;
        real_landed[0] = p, real_landed[1] = q, real_landed[2] = r, real_landed[3] = s;
        real_landed[4] = t, real_landed[5] = u, real_landed[6] = v, real_landed[7] = w;
        throw;
    }
    return reinterpret_cast<void *>(a + b + c + d + e + f + static_cast<uint64_t>(p + q + r + s + t + u + v + w));
}

void landing_pads_find_their_registers(void **)
{
    std::memset(landed, 0, sizeof landed);
    start_and_destroy(lands_with_registers, nullptr);
    for (int i = 0; i < 6; i++)
        assert_int_equal(landed[i], source[i]);
    for (int i = 0; i < 8; i++)
        assert_true(real_landed[i] >= real_source[i] && real_landed[i] <= real_source[i]);
}

#if defined(__aarch64__) && !defined(CORO_INLINE) /* an inlined switch leaves it to the compiler to keep them */
/* No compiler here keeps a double in d8 to d15 over an exception. But one could, and assembly does. */
#    define D_REGISTERS "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15"

void *lands_with_d_registers(void *)
{
    __asm__ volatile("ldp d8, d9, [%0]\n\tldp d10, d11, [%0, #16]\n\tldp d12, d13, [%0, #32]\n\tldp d14, d15, [%0, #48]"
                     :
                     : "r"(real_source)
                     : D_REGISTERS);
    try {
        coro_yield(nullptr);
    } catch (...) {
        __asm__ volatile(
            "stp d8, d9, [%0]\n\tstp d10, d11, [%0, #16]\n\tstp d12, d13, [%0, #32]\n\tstp d14, d15, [%0, #48]"
            :
            : "r"(real_landed)
            : "memory");
        throw;
    }
    return nullptr;
}

void landing_pads_find_their_d_registers(void **)
{
    std::memset(real_landed, 0, sizeof real_landed);
    start_and_destroy(lands_with_d_registers, nullptr);
    for (int i = 0; i < 8; i++)
        assert_true(real_landed[i] >= real_source[i] && real_landed[i] <= real_source[i]);
}
#endif

void *hands_over_and_lands(void *input)
{
    uint64_t a = source[6], b = source[7], c = source[8], d = source[9], e = source[10], f = source[11];

    try {
        coro_transfer(static_cast<coro_t *>(input), nullptr);
    } catch (...) {
        landed[0] = a, landed[1] = b, landed[2] = c, landed[3] = d, landed[4] = e, landed[5] = f;
        throw;
    }
    return reinterpret_cast<void *>(a + b + c + d + e + f);
}

void so_they_do_after_a_transfer(void **)
{
    coro_t *other = made(returns_after_yield), *co = made(hands_over_and_lands);

    std::memset(landed, 0, sizeof landed);
    assert_int_equal(coro_resume(co, other).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(co), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(landed[i], source[i + 6]);
    assert_int_equal(coro_destroy(other), 0);
}

/* ---- exceptions of the program itself ---- */

__attribute__((noinline)) void throws(int n)
{
    Marks t('t');

    if (n == 0)
        throw std::runtime_error("thrown on a coroutine");
    throws(n - 1);
}

void *throws_and_catches(void *input)
{
    for (;;) {
        try {
            throws(2);
        } catch (const std::runtime_error &error) {
            mark(std::strcmp(error.what(), "thrown on a coroutine") == 0 ? 'c' : '!');
        }
        input = coro_yield(input);
    }
    return nullptr;
}

void exceptions_are_caught_within_a_coroutine(void **)
{
    coro_t *co = made(throws_and_catches);

    for (int i = 0; i < 2; i++)
        assert_step(coro_resume(co, co), CORO_YIELDED, co);
    assert_string_equal(trace, "tttctttc");
    assert_int_equal(coro_destroy(co), 0);
}

void *yields_within_try(void *)
{
    try {
        Marks a('a');
        coro_yield(nullptr);
        throw 7;
    } catch (int n) {
        mark(static_cast<char>('0' + n));
    }
    return nullptr;
}

void a_yield_within_try_keeps_the_handlers(void **)
{
    coro_t *one = made(yields_within_try), *two = made(yields_within_try);

    coro_resume(one, nullptr);
    coro_resume(two, nullptr);
    assert_step(coro_resume(one, nullptr), CORO_RETURNED, nullptr);
    assert_step(coro_resume(two, nullptr), CORO_RETURNED, nullptr);
    assert_string_equal(trace, "a7a7");
    assert_int_equal(coro_destroy(one), 0);
    assert_int_equal(coro_destroy(two), 0);
}

struct ThrowsInside {
    ~ThrowsInside()
    {
        try {
            throws(0);
        } catch (const std::exception &) {
            mark('c');
        }
    }
};

void *throws_while_unwound(void *)
{
    Marks a('a');
    ThrowsInside b;

    coro_yield(nullptr);
    return nullptr;
}

void destructors_may_throw_and_catch_while_unwinding(void **)
{
    start_and_destroy(throws_while_unwound, nullptr);
    assert_string_equal(trace, "tca");
}

void *destroys_and_throws(void *)
{
    try {
        start_and_destroy(outer, nullptr);
        throws(0);
    } catch (const std::exception &) {
        mark('c');
    }
    return nullptr;
}

void a_coroutine_may_destroy_another_and_throw(void **)
{
    coro_t *co = made(destroys_and_throws);

    assert_step(coro_resume(co, nullptr), CORO_RETURNED, nullptr);
    assert_string_equal(trace, "cbaDtc");
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- what ends the program ---- */

void *lets_an_exception_out(void *)
{
    throw std::runtime_error("nobody catches this");
}

void *swallows_everything(void *)
{
    try {
        coro_yield(nullptr);
    } catch (...) {
    }
    return nullptr;
}

coro_t *named(coro_fn *fn, const char *name)
{
    coro_opts opts = {};
    coro_t *co = nullptr;

    opts.name = name;
    coro_create(&co, fn, &opts);
    return co;
}

int lets_it_out(long yields)
{
    coro_t *co = named(lets_an_exception_out, "leaky");

    (void)yields;
    try {
        coro_resume(co, nullptr);
    } catch (...) {
        return 1; /* on another stack, while the coroutine is believed to run */
    }
    return 2;
}

int swallows_it(long)
{
    coro_t *co = named(swallows_everything, "greedy");

    coro_resume(co, nullptr);
    coro_destroy(co);
    return 2;
}

void an_exception_that_leaves_the_body_ends_the_program(void **)
{
    child_end end = in_fresh_child(lets_it_out, 0);

    assert_int_equal(end.signal, SIGABRT);
    assert_non_null(std::strstr(end.said, "leaky"));
    assert_non_null(std::strstr(end.said, "libcoro"));
}

void swallowing_the_unwinding_ends_the_program(void **)
{
    child_end end = in_fresh_child(swallows_it, 0);

    assert_int_equal(end.signal, SIGABRT);
    assert_non_null(std::strstr(end.said, "greedy"));
    assert_non_null(std::strstr(end.said, "libcoro"));
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(destructors_run_innermost_first),
        TEST(a_destructor_runs_once),
        TEST(what_is_owned_is_freed),
        TEST(a_coroutine_owned_by_a_coroutine_goes_with_it),
        TEST(yielding_is_refused_in_a_destructor),
        TEST(catch_all_lets_it_pass_by_throwing_on),
        TEST(other_catch_clauses_do_not_see_it),
        TEST(landing_pads_find_their_registers),
#if defined(__aarch64__) && !defined(CORO_INLINE)
        TEST(landing_pads_find_their_d_registers),
#endif
        TEST(so_they_do_after_a_transfer),
        TEST(exceptions_are_caught_within_a_coroutine),
        TEST(a_yield_within_try_keeps_the_handlers),
        TEST(destructors_may_throw_and_catch_while_unwinding),
        TEST(a_coroutine_may_destroy_another_and_throw),
        TEST(an_exception_that_leaves_the_body_ends_the_program),
        TEST(swallowing_the_unwinding_ends_the_program),
    };

    return RUN_TESTS(tests);
}
