/*
 * For tests of what runs in a scheduler. Bodies only record: what they find wrong fails the test once coro_run() is back.
 */
#ifndef TESTS_SUPPORT_TASKS_H
#define TESTS_SUPPORT_TASKS_H

#include "test.h"

/* The first thing that was not as expected. */
static struct {
    const char *what, *file;
    int line;
    long long is, expected;
} unexpected;

static inline bool expect_at(long long is, long long expected, const char *what, const char *file, int line)
{
    if (is != expected && unexpected.what == NULL) {
        unexpected.what = what;
        unexpected.file = file;
        unexpected.line = line;
        unexpected.is = is;
        unexpected.expected = expected;
    }
    return is == expected;
}

/* In bodies of tasks of one thread. */
#define EXPECT(condition)     expect_at((condition) ? 1 : 0, 1, #condition, __FILE__, __LINE__)
#define EXPECT_INT(is, value) expect_at((long long)(is), (long long)(value), #is, __FILE__, __LINE__)
#define EXPECT_PTR(is, value)                                                                                          \
    expect_at((long long)(intptr_t)(is), (long long)(intptr_t)(value), #is, __FILE__, __LINE__)

static inline void assert_nothing_unexpected(void)
{
    const char *what = unexpected.what;

    unexpected.what = NULL;
    if (what == NULL)
        return;
    print_error("%s is %lld, expected %lld\n", what, unexpected.is, unexpected.expected);
    _fail(unexpected.file, unexpected.line);
}

/* coro_run() that goes well; what `fn` returns. */
static inline void *run_as(coro_sched_opts opts, coro_fn *fn, void *arg)
{
    void *result = NULL;
    int err = coro_run(fn, arg, &result, &opts);

    assert_nothing_unexpected();
    assert_int_equal(err, 0);
    return result;
}

/* With virtual time. */
static inline void *run(coro_fn *fn, void *arg)
{
    return run_as((coro_sched_opts){.virtual_time = true}, fn, arg);
}

/* In a task: another one, to be joined. NULL, and the test fails, if there is none. */
static inline coro_task_t *spawned(coro_fn *fn, void *arg)
{
    coro_task_t *t = NULL;

    EXPECT_INT(coro_spawn(&t, fn, arg, NULL), 0);
    return t;
}

/* A coroutine for a task to resume. */
static inline coro_t *made_inside(coro_fn *fn)
{
    coro_t *co = NULL;

    EXPECT_INT(coro_create(&co, fn, &(coro_opts){.flags = USUAL_FLAGS}), 0);
    return co;
}

/* What a task returned, or would have. */
static inline void *joined(coro_task_t *t)
{
    void *result = NULL;

    EXPECT_INT(coro_join(t, &result, CORO_FOREVER), 0);
    return result;
}

#endif
