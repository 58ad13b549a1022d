/*
 * Crowds of tasks: what they leave behind is taken up again, and what they have used of their stacks is given back.
 */
#include "support/tasks.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 4 * MIB /* that exit codes count in */ };

static struct crowd {
    size_t count;
    size_t depth; /* bytes of stack that each uses */
    coro_task_t *tasks[150000];
} crowd;

static __attribute__((noinline)) void use_stack(size_t depth)
{
    char part[1024];

    memset(part, 1, sizeof part);
    __asm__ volatile("" : : "r"(part) : "memory");
    if (depth > sizeof part)
        use_stack(depth - sizeof part);
    __asm__ volatile("" : : "r"(part) : "memory");
}

static void *sleeps(void *arg)
{
    use_stack(crowd.depth);
    EXPECT_INT(coro_sleep(1), 0);
    return arg;
}

/* All are there before the first goes. */
static void *comes_and_goes(void *arg)
{
    for (size_t i = 0; i < crowd.count; i++)
        if (!EXPECT_INT(coro_spawn(&crowd.tasks[i], sleeps, &crowd.tasks[i], NULL), 0))
            return arg;
    for (size_t i = 0; i < crowd.count; i++) {
        void *result = NULL;

        EXPECT_INT(coro_join(crowd.tasks[i], &result, CORO_FOREVER), 0);
        EXPECT_PTR(result, &crowd.tasks[i]);
    }
    return arg;
}

static size_t resident_after(size_t count, size_t depth)
{
    crowd.count = count;
    crowd.depth = depth;
    run(comes_and_goes, NULL);
    return resident_bytes();
}

/* More than are kept idle: those that are not, too, come and go. */
static void a_crowd_comes_again_and_takes_no_more_memory(void **state)
{
    size_t count = alive_at_most(under_emulator() || under_asan() ? 20000 : 150000), first, second;
    (void)state;

    first = resident_after(count, 0);
    second = resident_after(count, 0);
    if (under_valgrind() || under_emulator() || under_sanitizer())
        return; /* resident memory is not the program's own */
    assert_in_range(second, 1, first + 32 * MIB);
}

static int a_deep_crowd_leaves(long depth)
{
    size_t before = resident_after(12000, 0), after;

    after = resident_after(12000, (size_t)depth);
    return (int)((after - before) / UNIT);
}

/* 4,096 keep what they have used, the others two pages. */
static void what_deep_tasks_have_used_is_given_back(void **state)
{
    struct child_end end;
    (void)state;

    if (under_valgrind() || under_emulator() || under_sanitizer())
        skip();
    end = in_fresh_child(a_deep_crowd_leaves, 40 << 10);
    assert_in_range(end.code, 100 * MIB / UNIT, 230 * MIB / UNIT); /* of 470 MiB */
}

static void *deep_and_shallow_sleepers(void *arg)
{
    bool deep = (uintptr_t)arg % 8 == 0;

    use_stack(deep ? crowd.depth : 0);
    EXPECT_INT(coro_sleep(1), 0);
    return NULL;
}

static void *mixed_crowds(void *arg)
{
    for (int times = 0; times < 12; times++) {
        for (uintptr_t i = 0; i < crowd.count; i++)
            if (!EXPECT_INT(
                    coro_spawn(&crowd.tasks[i], deep_and_shallow_sleepers, (void *)(i + (uintptr_t)times), NULL), 0))
                return arg;
        for (size_t i = 0; i < crowd.count; i++)
            EXPECT_INT(coro_join(crowd.tasks[i], NULL, CORO_FOREVER), 0);
    }
    return arg;
}

static int mixed_crowds_leave(long depth)
{
    size_t before = resident_after(12000, 0), after;

    crowd.count = 12000;
    crowd.depth = (size_t)depth;
    run(mixed_crowds, NULL);
    after = resident_bytes();
    return (int)((after - before) / UNIT);
}

/* One in eight goes deep, each time another: in the end all have. */
static void and_where_only_some_go_deep(void **state)
{
    struct child_end end;
    (void)state;

    if (under_valgrind() || under_emulator() || under_sanitizer())
        skip();
    end = in_fresh_child(mixed_crowds_leave, 40 << 10);
    assert_in_range(end.code, 8 * MIB / UNIT, 160 * MIB / UNIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_crowd_comes_again_and_takes_no_more_memory),
        TEST(what_deep_tasks_have_used_is_given_back),
        TEST(and_where_only_some_go_deep),
    };

    return RUN_TESTS(tests);
}
