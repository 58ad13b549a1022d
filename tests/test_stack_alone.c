/*
 * Stacks in a program without coroutines: nothing of the core is linked, and nobody else keeps stacks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <coro/stack.h>
#include <pthread.h>

enum { SIZE = 64 << 10, MANY = 100 };

static void *takes_and_gives_back(void *arg)
{
    const coro_stack_allocator *from = arg;
    static coro_stack stacks[MANY];
    size_t taken = 0;

    while (taken < MANY && from->alloc(from->ctx, SIZE, &stacks[taken]) == 0)
        memset(stacks[taken++].base, 1, SIZE);
    for (size_t i = 0; i < taken; i++)
        from->free(from->ctx, &stacks[i]);
    return (void *)taken;
}

static void they_are_taken_given_back_and_trimmed(void **state)
{
    (void)state;
    assert_ptr_equal(takes_and_gives_back((void *)coro_stack_pooled()), (void *)(uintptr_t)MANY);
    assert_ptr_equal(takes_and_gives_back((void *)coro_stack_mmap()), (void *)(uintptr_t)MANY);
    assert_ptr_equal(takes_and_gives_back((void *)coro_stack_heap()), (void *)(uintptr_t)MANY);
    assert_int_equal(coro_stack_trim(), MANY * SIZE);
    assert_int_equal(coro_stack_trim(), 0);
}

static void what_a_thread_had_is_there_for_others(void **state)
{
    pthread_t thread;
    void *taken = NULL;
    (void)state;

    assert_int_equal(pthread_create(&thread, NULL, takes_and_gives_back, (void *)coro_stack_pooled()), 0);
    assert_int_equal(pthread_join(thread, &taken), 0);
    assert_ptr_equal(taken, (void *)(uintptr_t)MANY);
    assert_int_equal(coro_stack_trim(), MANY * SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_taken_given_back_and_trimmed),
        cmocka_unit_test(what_a_thread_had_is_there_for_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
