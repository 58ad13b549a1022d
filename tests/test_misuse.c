/*
 * Every misuse of the core: one test a row of the table in the design notes. Each returns what it says, and nothing has changed:
 * outputs keep what was in them, the coroutine goes on as if nothing had been asked.
 */
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* ---- what is not touched ---- */

static coro_t *const sentinel = (coro_t *)0x5e47;

/* How many stacks an allocator of our own has out, so that a refused create is seen to have given its stack back. */
static int stacks_out, stacks_asked;

static int counting_alloc(void *ctx, size_t size, coro_stack *out)
{
    const coro_stack_allocator *inner = ctx;
    int err = inner->alloc(inner->ctx, size, out);

    stacks_asked++;
    stacks_out += err == 0;
    return err;
}

static void counting_free(void *ctx, coro_stack *stack)
{
    const coro_stack_allocator *inner = ctx;

    stacks_out--;
    inner->free(inner->ctx, stack);
}

static coro_stack_allocator counting(void)
{
    return (coro_stack_allocator){
        .alloc = counting_alloc, .free = counting_free, .ctx = (void *)(uintptr_t)coro_stack_mmap()};
}

static void *echo_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static void *echo(void *input)
{
    return input;
}

static void assert_create_refused(coro_fn *fn, coro_opts opts, int err)
{
    coro_t *co = sentinel;

    stacks_out = 0;
    assert_int_equal(coro_create(&co, fn, &opts), err);
    assert_ptr_equal(co, sentinel);
    assert_int_equal(stacks_out, 0);
}

/* It still works, and is then destroyed. */
static void assert_unharmed_and_destroy(coro_t *co)
{
    int value;

    assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
    assert_step(coro_resume(co, &value), CORO_YIELDED, &value);
    assert_int_equal(coro_destroy(co), 0);
}

static void on_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Run fn(arg) on a coroutine, once. */
static void inside(coro_fn *fn, void *arg)
{
    coro_t *co = made(fn);

    assert_step(coro_resume(co, arg), CORO_RETURNED, arg);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- NULL ---- */

static void create_without_an_output_is_an_error(void **state)
{
    coro_stack_allocator counted = counting();
    (void)state;

    stacks_out = stacks_asked = 0;
    assert_int_equal(coro_create(NULL, echo, &(coro_opts){.allocator = &counted}), -EINVAL);
    assert_int_equal(stacks_asked, 0);
}

static void create_without_a_body_is_an_error(void **state)
{
    (void)state;
    assert_create_refused(NULL, (coro_opts){0}, -EINVAL);
}

static void resume_of_null_is_an_error(void **state)
{
    (void)state;
    assert_step(coro_resume(NULL, "x"), -EINVAL, NULL);
}

static void destroy_of_null_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(coro_destroy(NULL), -EINVAL);
}

static coro_step transferred;
static int inside_results[4];

static void *nulls_inside(void *input)
{
    transferred = coro_transfer(NULL, input);
    inside_results[0] = coro_resume(NULL, input).status == -EINVAL;
    inside_results[1] = coro_destroy(NULL);
    inside_results[2] = coro_defer(NULL, input);
    return input;
}

static void null_inside_a_coroutine_is_an_error(void **state)
{
    (void)state;
    inside(nulls_inside, NULL);
    assert_step(transferred, -EINVAL, NULL);
    assert_int_equal(inside_results[0], 1);
    assert_int_equal(inside_results[1], -EINVAL);
    assert_int_equal(inside_results[2], -EINVAL);
}

static void questions_about_null_have_answers(void **state)
{
    (void)state;
    assert_int_equal(coro_get_status(NULL), CORO_DEAD);
    assert_null(coro_name(NULL));
    assert_null(coro_user(NULL));
    assert_int_equal(coro_stack_size(NULL), 0);
    assert_int_equal(coro_stack_used(NULL), 0);
    assert_int_equal(coro_set_name(NULL, "x"), -EINVAL);
    assert_int_equal(coro_key_create(NULL, NULL), -EINVAL);
}

/* ---- sizes ---- */

static void stack_size_0_is_the_default(void **state)
{
    coro_t *co = made_with(echo_forever, (coro_opts){.stack_size = 0});
    (void)state;

    assert_int_equal(coro_stack_size(co), 64 << 10);
    assert_unharmed_and_destroy(co);
}

static void stack_sizes_are_rounded_up_to_pages(void **state)
{
    size_t page = page_size();
    (void)state;

    for (size_t size = 16384; size < 300000; size = size * 5 / 4 + 1) {
        coro_t *co = made_with(echo_forever, (coro_opts){.stack_size = size});

        assert_int_equal(coro_stack_size(co), (size + page - 1) / page * page);
        assert_unharmed_and_destroy(co);
    }
}

static void stack_sizes_under_16_kib_are_an_error(void **state)
{
    const size_t sizes[] = {1, 15, 16, 4096, 8192, 16383};
    coro_stack_allocator counted = counting();
    (void)state;

    stacks_asked = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_create_refused(echo, (coro_opts){.stack_size = sizes[i]}, -EINVAL);
        assert_create_refused(echo, (coro_opts){.stack_size = sizes[i], .allocator = &counted}, -EINVAL);
    }
    assert_int_equal(stacks_asked, 0);
}

static void stack_sizes_near_size_max_are_out_of_memory(void **state)
{
    const size_t sizes[] = {SIZE_MAX,         SIZE_MAX - 1,     SIZE_MAX - 4094,  SIZE_MAX - 4095,
                            SIZE_MAX - 4096,  SIZE_MAX - 65536, SIZE_MAX - 69632, SIZE_MAX - 131072,
                            SIZE_MAX / 2 + 2, SIZE_MAX / 2 + 1, SIZE_MAX / 2,     SIZE_MAX / 2 - 65536,
                            SIZE_MAX / 4};
    const coro_stack_allocator *allocators[] = {NULL, coro_stack_pooled(), coro_stack_mmap(), coro_stack_heap()};
    (void)state;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int a = 0; a < 4; a++)
            assert_create_refused(echo, (coro_opts){.stack_size = sizes[i], .allocator = allocators[a]}, -ENOMEM);
}

static size_t smallest_asked;

static int refusing_alloc(void *ctx, size_t size, coro_stack *out)
{
    (void)out;
    if (size < smallest_asked)
        smallest_asked = size;
    return *(int *)ctx;
}

static void a_custom_allocator_never_sees_a_size_that_wrapped(void **state)
{
    int refusal = -ENOMEM;
    coro_stack_allocator refusing = {.alloc = refusing_alloc, .ctx = &refusal};
    (void)state;

    smallest_asked = SIZE_MAX;
    for (size_t less = 0; less < 10000; less += 7)
        assert_create_refused(echo, (coro_opts){.stack_size = SIZE_MAX - less, .allocator = &refusing}, -ENOMEM);
    assert_true(smallest_asked > SIZE_MAX / 4);
}

static void what_a_custom_allocator_returns_is_passed_on(void **state)
{
    const int refusals[] = {-ENOMEM, -ENFILE, -EAGAIN, -4095};
    (void)state;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int refusal = refusals[i];
        coro_stack_allocator refusing = {.alloc = refusing_alloc, .ctx = &refusal};

        assert_create_refused(echo, (coro_opts){.allocator = &refusing}, refusals[i]);
    }
}

/* ---- the caller's own memory ---- */

static _Alignas(16) char memory[32768];

static void own_memory_that_is_misaligned_is_an_error(void **state)
{
    (void)state;
    memset(memory, 0x55, sizeof memory);
    for (size_t off = 1; off < 16; off++)
        assert_create_refused(echo, (coro_opts){.stack = memory + off, .stack_size = sizeof memory - 16}, -EINVAL);
    for (size_t i = 0; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0x55);
}

static void own_memory_that_is_too_small_is_an_error(void **state)
{
    const size_t sizes[] = {0, 1, 512, 8192, 16383};
    (void)state;

    memset(memory, 0x55, sizeof memory);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_create_refused(echo, (coro_opts){.stack = memory, .stack_size = sizes[i]}, -EINVAL);
    for (size_t i = 0; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0x55);
}

static void own_memory_and_an_allocator_are_an_error(void **state)
{
    const coro_stack_allocator *allocators[] = {coro_stack_pooled(), coro_stack_mmap(), coro_stack_heap()};
    coro_opts opts = {.stack = memory, .stack_size = sizeof memory};
    (void)state;

    for (int a = 0; a < 3; a++) {
        opts.allocator = allocators[a];
        assert_create_refused(echo, opts, -EINVAL);
    }
}

static void unknown_flags_are_an_error(void **state)
{
    coro_stack_allocator counted = counting();
    (void)state;

    stacks_asked = 0;
    for (unsigned bit = 4; bit != 0; bit <<= 1) {
        assert_create_refused(echo, (coro_opts){.flags = bit, .allocator = &counted}, -EINVAL);
        assert_create_refused(echo, (coro_opts){.flags = bit | CORO_NO_FPENV}, -EINVAL);
    }
    assert_int_equal(stacks_asked, 0);
}

/* ---- resume ---- */

static void resume_of_a_dead_coroutine_is_an_error(void **state)
{
    coro_t *co = made(echo);
    (void)state;

    coro_resume(co, NULL);
    for (int i = 0; i < 3; i++)
        assert_step(coro_resume(co, "x"), -ESRCH, NULL);
    assert_int_equal(coro_get_status(co), CORO_DEAD);
    assert_int_equal(coro_destroy(co), 0);
}

static coro_step self_resumed, ancestor_resumed;

static void *resumes_itself(void *input)
{
    self_resumed = coro_resume(coro_self(), input);
    return echo_forever(coro_yield(input));
}

static void resume_of_the_running_coroutine_is_an_error(void **state)
{
    coro_t *co = made(resumes_itself);
    (void)state;

    assert_step(coro_resume(co, &co), CORO_YIELDED, &co);
    assert_step(self_resumed, -EDEADLK, NULL);
    assert_unharmed_and_destroy(co);
}

static void *resumes_its_ancestor(void *input)
{
    ancestor_resumed = coro_resume(input, "x");
    inside_results[0] = coro_get_status(input) == CORO_NORMAL;
    inside_results[1] = coro_destroy(input);
    inside_results[2] = coro_destroy(coro_self());
    coro_yield(input);
    return NULL;
}

static void *has_a_child(void *input)
{
    coro_t *child = NULL;

    coro_create(&child, resumes_its_ancestor, NULL);
    coro_resume(child, coro_self());
    coro_destroy(child);
    return echo_forever(coro_yield(input));
}

static void resume_and_destroy_of_an_ancestor_are_errors(void **state)
{
    coro_t *co = made(has_a_child);
    (void)state;

    assert_step(coro_resume(co, &co), CORO_YIELDED, &co);
    assert_step(ancestor_resumed, -EDEADLK, NULL);
    assert_int_equal(inside_results[0], 1);
    assert_int_equal(inside_results[1], -EDEADLK);
    assert_int_equal(inside_results[2], -EDEADLK);
    assert_unharmed_and_destroy(co);
}

static coro_step foreign_resumed;
static int foreign_destroyed;

static void *meddles(void *co)
{
    foreign_resumed = coro_resume(co, "x");
    foreign_destroyed = coro_destroy(co);
    return NULL;
}

static void resume_and_destroy_from_another_thread_are_errors(void **state)
{
    coro_t *co = made(echo_forever);
    (void)state;

    on_a_thread(meddles, co);
    assert_step(foreign_resumed, -EPERM, NULL);
    assert_int_equal(foreign_destroyed, -EPERM);
    assert_unharmed_and_destroy(co);
}

static void *has_a_thread_meddle(void *input)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, meddles, coro_self()) == 0)
        pthread_join(thread, NULL);
    return echo_forever(coro_yield(input));
}

static void destroy_of_one_that_runs_elsewhere_is_an_error(void **state)
{
    coro_t *co = made(has_a_thread_meddle);
    (void)state;

    assert_step(coro_resume(co, &co), CORO_YIELDED, &co);
    assert_step(foreign_resumed, -EPERM, NULL);
    assert_int_equal(foreign_destroyed, -EBUSY);
    assert_unharmed_and_destroy(co);
}

/* ---- yield ---- */

static void yield_outside_a_coroutine_is_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_null(coro_yield("x"));
    assert_int_equal(errno, EPERM);
    assert_null(coro_self());
}

static void *yields_on_a_fresh_thread(void *result)
{
    errno = 0;
    *(int *)result = coro_yield(result) == NULL ? errno : -1;
    return NULL;
}

static void so_it_is_on_a_thread_that_never_used_the_library(void **state)
{
    int result = 0;
    (void)state;

    on_a_thread(yields_on_a_fresh_thread, &result);
    assert_int_equal(result, EPERM);
}

static void tries_to_yield(void *arg)
{
    errno = 0;
    inside_results[0] = coro_yield(arg) == NULL ? errno : -1;
    transferred = coro_transfer(arg, NULL);
    mark('u');
}

static void *defers_and_yields(void *input)
{
    coro_defer(tries_to_yield, input);
    coro_yield(input);
    return NULL;
}

static void yield_and_transfer_while_unwinding_are_refused(void **state)
{
    coro_t *co = made(defers_and_yields), *other = made(echo_forever);
    (void)state;

    coro_resume(co, other);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(inside_results[0], ECANCELED);
    assert_step(transferred, -ECANCELED, NULL);
    assert_string_equal(trace, "u");
    assert_unharmed_and_destroy(other);
}

/* ---- transfer ---- */

static void *transfers_to(void *to)
{
    transferred = coro_transfer(to, "x");
    return to;
}

static void transfer_outside_a_coroutine_is_an_error(void **state)
{
    coro_t *co = made(echo_forever);
    (void)state;

    assert_step(coro_transfer(co, "x"), -EPERM, NULL);
    assert_unharmed_and_destroy(co);
}

static void *transfers_to_itself(void *input)
{
    transferred = coro_transfer(coro_self(), input);
    return input;
}

static void transfer_to_itself_returns_the_value_at_once(void **state)
{
    (void)state;
    inside(transfers_to_itself, &transferred);
    assert_step(transferred, CORO_YIELDED, &transferred);
}

static void transfer_to_a_dead_one_is_an_error(void **state)
{
    coro_t *dead = made(echo);
    (void)state;

    coro_resume(dead, NULL);
    inside(transfers_to, dead);
    assert_step(transferred, -ESRCH, NULL);
    assert_int_equal(coro_destroy(dead), 0);
}

static void *has_a_child_transfer_to_it(void *input)
{
    coro_t *child = NULL;

    coro_create(&child, transfers_to, NULL);
    coro_resume(child, coro_self());
    coro_destroy(child);
    return input;
}

static void transfer_to_an_ancestor_is_an_error(void **state)
{
    (void)state;
    inside(has_a_child_transfer_to_it, NULL);
    assert_step(transferred, -EDEADLK, NULL);
}

static void *transfers_on_a_thread(void *to)
{
    coro_t *own = NULL;

    if (coro_create(&own, transfers_to, NULL) == 0)
        coro_resume(own, to);
    coro_destroy(own);
    return NULL;
}

static void transfer_to_another_threads_coroutine_is_an_error(void **state)
{
    coro_t *co = made(echo_forever);
    (void)state;

    transferred = (coro_step){0, NULL};
    on_a_thread(transfers_on_a_thread, co);
    assert_step(transferred, -EPERM, NULL);
    assert_unharmed_and_destroy(co);
}

/* ---- what belongs to a coroutine, outside any ---- */

static void mark_arg(void *arg)
{
    mark(*(char *)arg);
}

static void defer_and_set_outside_a_coroutine_are_errors(void **state)
{
    coro_key_t key;
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    assert_int_equal(coro_defer(mark_arg, "d"), -EPERM);
    assert_int_equal(coro_set(key, "k"), -EPERM);
    assert_null(coro_get(key));
    inside(echo, NULL);
    assert_string_equal(trace, "");
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_delete(key), -EINVAL);
}

/* ---- after coro_destroy() ---- */

static coro_t *gone, *user_of_it;

static void *transfers_to_the_gone(void *input)
{
    coro_transfer(gone, input);
    return input;
}

static int destroys_again(void)
{
    return coro_destroy(gone);
}

static int resumes_again(void)
{
    return (int)coro_resume(gone, NULL).status;
}

static int transfers_again(void)
{
    return (int)coro_resume(user_of_it, NULL).status;
}

static int (*const uses[])(void) = {destroys_again, resumes_again, transfers_again};
enum { USES = sizeof uses / sizeof *uses };

/* The second one is destroyed the long way, into the cache of stacks; the third one unwinds before. */
static int uses_what_was_destroyed(long arg)
{
    long kind = arg / USES;
    coro_opts opts = {.name = "revenant", .stack_size = kind == 1 ? 128 << 10 : 0, .flags = USUAL_FLAGS};

    if (coro_create(&gone, kind == 2 ? echo_forever : echo, &opts) != 0 ||
        coro_create(&user_of_it, transfers_to_the_gone, NULL) != 0) /* before, or it would take up that memory */
        return 1;
    coro_resume(gone, NULL);
    if (coro_destroy(gone) != 0)
        return 2;
    uses[arg % USES]();
    return 3;
}

/* In the library's debug aids' own words, or in AddressSanitizer's, which gets there first where it knows the memory. */
static void use_after_destroy_is_a_panic_where_assertions_are_on(void **state)
{
    static const char *const words[USES] = {"a second time", "it is resumed after coro_destroy()",
                                            "it is resumed after coro_destroy()"};
    (void)state;

#ifdef NDEBUG
    skip();
#endif
    for (long arg = 0; arg < 3 * USES; arg++) {
        struct child_end end = in_fresh_child(uses_what_was_destroyed, arg);

        if (under_asan() && strstr(end.said, "AddressSanitizer") != NULL)
            continue;
        assert_int_equal(end.signal, SIGABRT);
        assert_non_null(strstr(end.said, "libcoro: coroutine 'revenant' (#1"));
        assert_non_null(strstr(end.said, "test_misuse.c:"));
        assert_non_null(strstr(end.said, words[arg % USES]));
    }
}

/* ---- fork ---- */

static coro_t *of_the_parent;

static int tries_in_a_child(long arg)
{
    coro_t *co = sentinel;
    coro_step s = coro_resume(of_the_parent, "x");

    (void)arg;
    if (coro_create(&co, echo, NULL) != -ECHILD || co != sentinel)
        return 1;
    if (s.status != -ECHILD || s.value != NULL)
        return 2;
    if (coro_destroy(of_the_parent) != -ECHILD)
        return 3;
    errno = 0;
    return coro_yield("x") == NULL && errno == ECHILD ? 0 : 4;
}

static void everything_in_a_forked_child_is_an_error(void **state)
{
    struct child_end end;
    (void)state;

    of_the_parent = made(echo_forever);
    end = in_forked_child(tries_in_a_child, 0);
    assert_int_equal(end.code, 0);
    assert_unharmed_and_destroy(of_the_parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create_without_an_output_is_an_error),
        TEST(create_without_a_body_is_an_error),
        TEST(resume_of_null_is_an_error),
        TEST(destroy_of_null_is_an_error),
        TEST(null_inside_a_coroutine_is_an_error),
        TEST(questions_about_null_have_answers),
        TEST(stack_size_0_is_the_default),
        TEST(stack_sizes_are_rounded_up_to_pages),
        TEST(stack_sizes_under_16_kib_are_an_error),
        TEST(stack_sizes_near_size_max_are_out_of_memory),
        TEST(a_custom_allocator_never_sees_a_size_that_wrapped),
        TEST(what_a_custom_allocator_returns_is_passed_on),
        TEST(own_memory_that_is_misaligned_is_an_error),
        TEST(own_memory_that_is_too_small_is_an_error),
        TEST(own_memory_and_an_allocator_are_an_error),
        TEST(unknown_flags_are_an_error),
        TEST(resume_of_a_dead_coroutine_is_an_error),
        TEST(resume_of_the_running_coroutine_is_an_error),
        TEST(resume_and_destroy_of_an_ancestor_are_errors),
        TEST(resume_and_destroy_from_another_thread_are_errors),
        TEST(destroy_of_one_that_runs_elsewhere_is_an_error),
        TEST(yield_outside_a_coroutine_is_refused),
        TEST(so_it_is_on_a_thread_that_never_used_the_library),
        TEST(yield_and_transfer_while_unwinding_are_refused),
        TEST(transfer_outside_a_coroutine_is_an_error),
        TEST(transfer_to_itself_returns_the_value_at_once),
        TEST(transfer_to_a_dead_one_is_an_error),
        TEST(transfer_to_an_ancestor_is_an_error),
        TEST(transfer_to_another_threads_coroutine_is_an_error),
        TEST(defer_and_set_outside_a_coroutine_are_errors),
        TEST(use_after_destroy_is_a_panic_where_assertions_are_on),
        TEST(everything_in_a_forked_child_is_an_error),
    };

    return RUN_TESTS(tests);
}
