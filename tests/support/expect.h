/*
 * What bodies on tasks expect of the library: they record what was not so, and the test asserts afterwards that there is nothing.
 *
 * Time is virtual. Without a seed tasks run in turn.
 */
#ifndef TESTS_SUPPORT_EXPECT_H
#define TESTS_SUPPORT_EXPECT_H

#include "test.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For bodies; the first that does not hold is remembered, with a number of your choice that says more. */
#define EXPECT(condition)              EXPECT_FOR(0, condition)
#define EXPECT_FOR(context, condition) ((condition) ? (void)0 : expect_note(#condition, __LINE__, (long)(context)))
#define EXPECT_INT(value, expected)    expect_int(#value, (long)(value), (long)(expected), __LINE__)

void expect_note(const char *condition, int line, long context);
void expect_int(const char *what, long value, long expected, int line);

/* For tests: fail if something was noted, and forget it. */
void assert_expected_at(const char *file, int line);

/* coro_run() with this seed, which must succeed, as must all that is expected meanwhile. */
void run_seeded_at(coro_fn *body, void *arg, uint64_t seed, const char *file, int line);
#define run_seeded(body, arg, seed) run_seeded_at(body, arg, seed, __FILE__, __LINE__)
#define run(body, arg)              run_seeded_at(body, arg, 0, __FILE__, __LINE__)

/* In turn, and in several random orders. */
#define run_in_orders(body, arg)                                                                                       \
    do {                                                                                                               \
        for (uint64_t seed_ = 0; seed_ < 5; seed_++)                                                                   \
            run_seeded_at(body, arg, seed_, __FILE__, __LINE__);                                                       \
    } while (0)

/* For bodies: a task to be awaited, or one that looks after itself. */
coro_task_t *begin(coro_fn *fn, void *arg);
void *await(coro_task_t *task);
void begin_detached(coro_fn *fn, void *arg);

/* For bodies: let everybody else run until all of them wait. */
void let_all_wait(void);

#ifdef __cplusplus
}
#endif

#endif
