#include "expect.h"

#include <stdio.h>

static char noted[300];

void expect_note(const char *condition, int line, long context)
{
    if (noted[0] == '\0')
        snprintf(noted, sizeof noted, "line %d (%ld): not so: %s", line, context, condition);
}

void expect_int(const char *what, long value, long expected, int line)
{
    if (value != expected && noted[0] == '\0')
        snprintf(noted, sizeof noted, "line %d: %s is %ld, expected %ld", line, what, value, expected);
}

void assert_expected_at(const char *file, int line)
{
    char now[sizeof noted];

    if (noted[0] == '\0')
        return;
    snprintf(now, sizeof now, "%s", noted);
    noted[0] = '\0';
    print_error("%s\n", now);
    _fail(file, line);
}

void run_seeded_at(coro_fn *body, void *arg, uint64_t seed, const char *file, int line)
{
    coro_sched_opts opts = {.seed = seed, .virtual_time = true};
    int err = coro_run(body, arg, NULL, &opts);

    expect_int("coro_run()", err, 0, line);
    if (noted[0] != '\0' && seed != 0)
        print_error("with seed %d\n", (int)seed);
    assert_expected_at(file, line);
}

coro_task_t *begin(coro_fn *fn, void *arg)
{
    coro_task_t *task = NULL;

    EXPECT_INT(coro_spawn(&task, fn, arg, NULL), 0);
    return task;
}

void *await(coro_task_t *task)
{
    void *result = NULL;

    EXPECT_INT(coro_join(task, &result, CORO_FOREVER), 0);
    return result;
}

void begin_detached(coro_fn *fn, void *arg)
{
    EXPECT_INT(coro_spawn(NULL, fn, arg, NULL), 0);
}

void let_all_wait(void)
{
    EXPECT_INT(coro_sleep(1), 0); /* no time passes while somebody can run */
}
