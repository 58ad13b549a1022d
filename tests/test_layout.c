/*
 * The table that debuggers read: what the compiler cannot be asked for is right in it, and every name is there once.
 */
#include "inspect/layout.h"
#include "sched/sched.h"
#include "support/test.h"

static uint32_t value_of(const char *name)
{
    for (size_t i = 0; coro__layout.entries[i].name[0] != '\0'; i++)
        if (strcmp(coro__layout.entries[i].name, name) == 0)
            return coro__layout.entries[i].value;
    fail_msg("%s is not in the table", name);
    return 0;
}

static void a_flag_is_the_bit_that_the_table_says(void **state)
{
    struct coro_task cancelled = {.cancelled = true}, ended = {.ended = true}, asleep = {.asleep = true};
    struct coro_task stackless = {.stackless = true}, light = {.light = true};

    (void)state;
    assert_int_equal(cancelled.flags, 1 << value_of("task.cancelled_bit"));
    assert_int_equal(ended.flags, 1 << value_of("task.ended_bit"));
    assert_int_equal(asleep.flags, 1 << value_of("task.asleep_bit"));
    assert_int_equal(stackless.flags, 1 << value_of("task.stackless_bit"));
    assert_int_equal(light.flags, 1 << value_of("task.light_bit"));
}

static void every_name_is_whole_and_there_once(void **state)
{
    (void)state;
    assert_string_equal(coro__layout.magic, "libcoro layout");
    assert_int_equal(coro__layout.name_size, CORO__LAYOUT_NAME);
    for (size_t i = 0; coro__layout.entries[i].name[0] != '\0'; i++) {
        const char *name = coro__layout.entries[i].name;

        assert_true(strnlen(name, CORO__LAYOUT_NAME) < CORO__LAYOUT_NAME);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(name, coro__layout.entries[j].name);
    }
}

/* What is read of the lists on the way to a coroutine. */
static void a_scheduler_is_on_the_list_of_its_thread_until_it_is_destroyed(void **state)
{
    struct coro__thread *t = coro__thread_self();
    coro_sched_t *first, *second;

    (void)state;
    assert_null(t->scheds);
    assert_int_equal(coro_sched_create(&first, NULL), 0);
    assert_int_equal(coro_sched_create(&second, NULL), 0);
    assert_ptr_equal(t->scheds, second);
    assert_ptr_equal(second->next, first);
    assert_null(first->next);
    assert_int_equal(coro_sched_destroy(first), 0);
    assert_ptr_equal(t->scheds, second);
    assert_null(second->next);
    assert_int_equal(coro_sched_destroy(second), 0);
    assert_null(t->scheds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flag_is_the_bit_that_the_table_says),
        TEST(every_name_is_whole_and_there_once),
        TEST(a_scheduler_is_on_the_list_of_its_thread_until_it_is_destroyed),
    };

    return RUN_TESTS(tests);
}
