/*
 * coro/base.h: version, errors, time.
 */
#include "support/test.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- version ---- */

static void version_is_that_of_the_header(void **state)
{
    char expected[64];
    (void)state;

    snprintf(expected, sizeof expected, "%d.%d.%d", CORO_VERSION_MAJOR, CORO_VERSION_MINOR, CORO_VERSION_PATCH);
    assert_string_equal(coro_version(), expected);
    assert_ptr_equal(coro_version(), coro_version());
}

/* ---- errors ---- */

/* Every code that a header of the library or design/misuse.md names. */
static const int codes[] = {
    0, EAGAIN, EBADF, EBUSY, ECANCELED, ECHILD, EDEADLK, EINVAL, ENOMEM, EPERM, EOVERFLOW, EPIPE, ESRCH, ETIMEDOUT,
};
enum { CODES = sizeof codes / sizeof *codes };

static void every_code_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < CODES; i++) {
        const char *words = coro_strerror(-codes[i]);

        assert_non_null(words);
        assert_true(strlen(words) > 3);
        assert_int_not_equal(words[strlen(words) - 1], '.');
        assert_null(strchr(words, '\n'));
    }
}

static void no_two_codes_have_the_same_words(void **state)
{
    (void)state;
    for (int i = 0; i < CODES; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(coro_strerror(codes[i]), coro_strerror(codes[j]));
}

static void either_sign_will_do(void **state)
{
    (void)state;
    for (int i = 0; i < CODES; i++)
        assert_ptr_equal(coro_strerror(codes[i]), coro_strerror(-codes[i]));
    assert_string_equal(coro_strerror(ENOENT), coro_strerror(-ENOENT));
}

static void zero_is_success(void **state)
{
    (void)state;
    assert_string_equal(coro_strerror(0), "success");
}

static void other_codes_get_the_words_of_the_system(void **state)
{
    (void)state;
    assert_string_equal(coro_strerror(-ENOENT), "No such file or directory");
}

static void words_stay_when_others_are_asked_for(void **state)
{
    const char *words = coro_strerror(-ENOENT);
    char copy[128];
    (void)state;

    snprintf(copy, sizeof copy, "%s", words);
    for (int e = -200; e < 5000; e++)
        coro_strerror(e);
    assert_string_equal(words, copy);
    assert_ptr_equal(words, coro_strerror(ENOENT));
}

static void unknown_codes_have_words_too(void **state)
{
    const int unknown[] = {4242, -4242, 134, INT_MAX, -INT_MAX, INT_MIN};
    (void)state;

    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_non_null(coro_strerror(unknown[i]));
        assert_true(strlen(coro_strerror(unknown[i])) > 3);
    }
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    errno = 4711;
    coro_version();
    coro_strerror(INT_MIN);
    coro_strerror(EPERM);
    coro_now();
    coro_after(1);
    assert_int_equal(errno, 4711);
}

/* ---- time ---- */

static void units_are_nanoseconds(void **state)
{
    static const int64_t constant = CORO_S(1) + CORO_MS(2) + CORO_US(3);
    (void)state;

    assert_int_equal(CORO_US(7), 7000);
    assert_int_equal(CORO_MS(7), 7000000);
    assert_int_equal(CORO_S(7), 7000000000);
    assert_int_equal(constant, 1002003000);
    assert_int_equal(CORO_MS(1 + 1), CORO_MS(2));
    assert_int_equal(CORO_US(-5), -5000);
    assert_int_equal(sizeof CORO_US(1), sizeof(int64_t));
    assert_true(CORO_FOREVER == INT64_MAX);
}

static void units_do_not_overflow_in_the_type_of_the_argument(void **state)
{
    (void)state;
    assert_int_equal(CORO_S(INT_MAX), (int64_t)INT_MAX * 1000000000);
    assert_int_equal(CORO_MS(3000000000u), INT64_C(3000000000000000));
    assert_int_equal(CORO_US((signed char)100), 100000);
}

static int64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void now_is_the_monotonic_clock(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t before = monotonic();
        int64_t now = coro_now();

        assert_true(before <= now);
        assert_true(now <= monotonic());
    }
}

static void now_never_goes_back(void **state)
{
    int64_t last = coro_now();
    (void)state;

    for (size_t i = 0; i < scaled(1000000); i++) {
        int64_t now = coro_now();

        assert_true(now >= last);
        last = now;
    }
}

static void after_is_now_plus_the_duration(void **state)
{
    const int64_t durations[] = {0, 1, CORO_MS(20), CORO_S(3600), -1, -CORO_US(1)};
    (void)state;

    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        int64_t before = coro_now();
        int64_t then = coro_after(durations[i]);

        assert_true(then >= before + durations[i]);
        assert_true(then <= coro_now() + durations[i]);
    }
}

static void after_saturates_at_forever(void **state)
{
    (void)state;
    assert_true(coro_after(CORO_FOREVER) == CORO_FOREVER);
    assert_true(coro_after(INT64_MAX - 1) == CORO_FOREVER);
    assert_true(coro_after(INT64_MAX - coro_now() + CORO_S(1)) == CORO_FOREVER);
    assert_true(coro_after(INT64_MAX - coro_now() - CORO_S(3600)) < CORO_FOREVER);
}

static void a_deadline_that_has_passed_is_never_zero(void **state)
{
    (void)state;
    assert_true(coro_after(INT64_MIN) == 1);
    assert_true(coro_after(INT64_MIN + 1) == 1);
    assert_true(coro_after(-CORO_FOREVER) == 1);
    assert_true(coro_after(-coro_now() - CORO_S(1)) == 1);
    for (int64_t d = -3; d <= 3; d++)
        assert_true(coro_after(-coro_now() + d) >= 1);
    assert_true(coro_after(-1) < coro_now());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(version_is_that_of_the_header),
        TEST(every_code_has_words),
        TEST(no_two_codes_have_the_same_words),
        TEST(either_sign_will_do),
        TEST(zero_is_success),
        TEST(other_codes_get_the_words_of_the_system),
        TEST(words_stay_when_others_are_asked_for),
        TEST(unknown_codes_have_words_too),
        TEST(errno_is_left_alone),
        TEST(units_are_nanoseconds),
        TEST(units_do_not_overflow_in_the_type_of_the_argument),
        TEST(now_is_the_monotonic_clock),
        TEST(now_never_goes_back),
        TEST(after_is_now_plus_the_duration),
        TEST(after_saturates_at_forever),
        TEST(a_deadline_that_has_passed_is_never_zero),
    };

    return RUN_TESTS(tests);
}
