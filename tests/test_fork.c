/*
 * In the child of a fork every call is refused with -ECHILD, and the child can still leave the coroutine it was forked in.
 *
 * A child says what was wrong in its exit code: the number of the check that failed, 0 if none did.
 */
#include "support/said.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_well(const struct child_end *end)
{
    if (end->code != 0)
        print_error("child: exit code %d, signal %d, said: %s\n", end->code, end->signal, end->said);
    assert_int_equal(end->code, 0);
}

static void mark_arg(void *arg)
{
    mark(*(char *)arg);
}

static coro_t *fresh, *suspended, *dead;
static coro_key_t key;

static void *returns(void *input)
{
    return input;
}

static void *yields(void *input)
{
    coro_defer(mark_arg, "d");
    coro_set(key, input);
    return coro_yield(input);
}

static void make_all(void)
{
    assert_int_equal(coro_key_create(&key, NULL), 0);
    fresh = made(returns), suspended = made(yields), dead = made(returns);
    coro_resume(suspended, &key);
    coro_resume(dead, NULL);
}

/* The parent goes on as if nothing had been. */
static void assert_all_as_before_and_destroy(void)
{
    assert_string_equal(trace, "");
    assert_step(coro_resume(fresh, &key), CORO_RETURNED, &key);
    assert_step(coro_resume(suspended, &fresh), CORO_RETURNED, &fresh);
    assert_string_equal(trace, "d");
    assert_int_equal(coro_destroy(fresh), 0);
    assert_int_equal(coro_destroy(suspended), 0);
    assert_int_equal(coro_destroy(dead), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static bool is_echild(coro_step s)
{
    return s.status == -ECHILD && s.value == NULL;
}

static int everything_is_refused(long arg)
{
    coro_stack stack = {NULL, 0, NULL, 0};
    coro_key_t other = 7;
    coro_t *co = fresh;

    (void)arg;
    CHECK(coro_create(&co, returns, NULL) == -ECHILD);
    CHECK(co == fresh);
    CHECK(is_echild(coro_resume(fresh, &co)));
    CHECK(is_echild(coro_resume(suspended, &co)));
    CHECK(coro_destroy(fresh) == -ECHILD);
    CHECK(coro_destroy(suspended) == -ECHILD);
    CHECK(coro_destroy(dead) == -ECHILD);
    CHECK(coro_defer(mark_arg, "x") == -ECHILD);
    CHECK(coro_set(key, &co) == -ECHILD);
    CHECK(coro_key_create(&other, NULL) == -ECHILD && other == 7);
    CHECK(coro_key_delete(key) == -ECHILD);
    CHECK(coro_stack_pooled()->alloc(NULL, 65536, &stack) == -ECHILD && stack.base == NULL);
    CHECK(coro_stack_trim() == 0);
    CHECK(is_echild(coro_transfer(fresh, &co)));
    CHECK(is_echild(coro_transfer(suspended, &co)));
    errno = 0;
    CHECK(coro_yield(&co) == NULL && errno == ECHILD);
    CHECK(trace[0] == '\0');
    return 0;
}

static void a_child_is_refused_everything(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    end = in_forked_child(everything_is_refused, 0);
    assert_well(&end);
    assert_all_as_before_and_destroy();
}

static int forks_again(long generations)
{
    struct child_end end;

    CHECK(everything_is_refused(0) == 0);
    if (generations > 0) {
        end = in_forked_child(forks_again, generations - 1);
        CHECK(end.code == 0);
    }
    return 0;
}

static void so_is_the_child_of_a_child(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    end = in_forked_child(forks_again, 2);
    assert_well(&end);
    assert_all_as_before_and_destroy();
}

static void *tries_on_a_thread(void *arg)
{
    *(int *)arg = everything_is_refused(0);
    return NULL;
}

static int starts_a_thread(long arg)
{
    pthread_t thread;
    int result = 1;

    (void)arg;
    CHECK(pthread_create(&thread, NULL, tries_on_a_thread, &result) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return result;
}

static void so_is_a_thread_of_the_child(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    end = in_forked_child(starts_a_thread, 0);
    assert_well(&end);
    assert_all_as_before_and_destroy();
}

static void *forks_on_a_thread(void *arg)
{
    *(struct child_end *)arg = in_forked_child(everything_is_refused, 0);
    return NULL;
}

static void so_is_the_child_of_a_thread_that_never_used_it(void **state)
{
    struct child_end end;
    pthread_t thread;
    (void)state;

    make_all();
    assert_int_equal(pthread_create(&thread, NULL, forks_on_a_thread, &end), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_well(&end);
    assert_all_as_before_and_destroy();
}

static int questions_are_answered(long arg)
{
    (void)arg;
    CHECK(coro_get_status(fresh) == CORO_SUSPENDED);
    CHECK(coro_get_status(dead) == CORO_DEAD);
    CHECK(coro_name(fresh)[0] == '\0');
    CHECK(coro_get_status(suspended) == CORO_SUSPENDED);
    CHECK(coro_user(suspended) == NULL);
    CHECK(coro_stack_size(suspended) == 65536);
    CHECK(coro_stack_used(suspended) > 0);
    CHECK(coro_set_name(fresh, "named") == 0 && strcmp(coro_name(fresh), "named") == 0);
    CHECK(coro_set_name(fresh, NULL) == 0);
    CHECK(coro_get(key) == NULL);
    CHECK(coro_self() == NULL);
    CHECK(coro_now() > 0 && coro_strerror(-ECHILD) != NULL && coro_version() != NULL);
    return 0;
}

/* A stack taken by the parent, given back by the child, while another thread may have been doing the same. */
static coro_stack of_the_parent;

static int gives_a_stack_back(long arg)
{
    (void)arg;
    coro_stack_pooled()->free(NULL, &of_the_parent);
    return everything_is_refused(0);
}

static void a_stack_given_back_in_a_child_is_left_alone(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    assert_int_equal(coro_stack_pooled()->alloc(NULL, 65536, &of_the_parent), 0);
    end = in_forked_child(gives_a_stack_back, 0);
    assert_well(&end);
    coro_stack_pooled()->free(NULL, &of_the_parent);
    assert_all_as_before_and_destroy();
}

/* A thread makes and unmakes keys all the time: children are forked while it holds the lock, and must not wait for it. */
static _Atomic int forks_left;

static void *makes_keys(void *arg)
{
    coro_key_t k;

    while (forks_left > 0)
        if (coro_key_create(&k, NULL) == 0)
            coro_key_delete(k);
    return arg;
}

static int makes_a_key(long arg)
{
    coro_key_t k;

    (void)arg;
    return coro_key_create(&k, NULL) == -ECHILD && coro_key_delete(key) == -ECHILD ? 0 : 1;
}

static void a_lock_that_another_thread_held_is_not_waited_for(void **state)
{
    pthread_t thread;
    (void)state;

    make_all();
    forks_left = (int)scaled(100);
    assert_int_equal(pthread_create(&thread, NULL, makes_keys, NULL), 0);
    for (; forks_left > 0; forks_left--) {
        struct child_end end = in_forked_child(makes_a_key, 0);

        assert_well(&end);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_all_as_before_and_destroy();
}

static void questions_do_no_harm_in_a_child(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    end = in_forked_child(questions_are_answered, 0);
    assert_well(&end);
    assert_all_as_before_and_destroy();
}

/* ---- forked inside ---- */

static void *forks_inside(void *input)
{
    *(struct child_end *)input = in_forked_child(everything_is_refused, 0);
    coro_yield("the parent yields");
    return NULL;
}

static void a_fork_inside_a_coroutine_is_refused_as_well(void **state)
{
    struct child_end end;
    coro_t *co;
    (void)state;

    make_all();
    co = made(forks_inside);
    assert_string_equal(coro_resume(co, &end).value, "the parent yields");
    assert_well(&end);
    assert_step(coro_resume(co, NULL), CORO_RETURNED, NULL);
    assert_int_equal(coro_destroy(co), 0);
    assert_all_as_before_and_destroy();
}

/* fork() itself, for children that have to come back through the frames that the parent goes back through. */
static pid_t here;

static void *forks_and_returns(void *input)
{
    here = fork();
    if (here == 0 && everything_is_refused(0) != 0)
        _exit(1);
    return input;
}

static void *resumes_one_that_forks(void *input)
{
    coro_step s = coro_resume(input, input);

    if (here == 0 && (s.status != CORO_RETURNED || s.value != input || everything_is_refused(0) != 0))
        _exit(2);
    return s.value;
}

static void a_child_may_return_from_its_coroutines(void **state)
{
    coro_t *outer, *inner;
    int status = 0;
    (void)state;

    make_all();
    inner = made(forks_and_returns), outer = made(resumes_one_that_forks);
    coro_step s = coro_resume(outer, inner);
    if (here == 0)
        _exit(s.status == CORO_RETURNED && s.value == inner && coro_self() == NULL ? everything_is_refused(0) : 3);
    assert_true(here > 0);
    assert_int_equal(waitpid(here, &status, 0), here);
    assert_int_equal(status, 0);
    assert_step(s, CORO_RETURNED, inner);
    assert_int_equal(coro_destroy(outer), 0);
    assert_int_equal(coro_destroy(inner), 0);
    assert_all_as_before_and_destroy();
}

static void *yields_in_the_child(void *input)
{
    here = fork();
    if (here == 0) {
        errno = 0;
        if (coro_yield(input) != NULL || errno != ECHILD)
            _exit(4);
        if (!is_echild(coro_transfer(fresh, input)) || coro_self() == NULL)
            _exit(5);
        return "child";
    }
    coro_yield("parent");
    return NULL;
}

static void a_child_cannot_yield_from_its_coroutine(void **state)
{
    coro_t *co;
    int status = 0;
    (void)state;

    make_all();
    co = made(yields_in_the_child);
    coro_step s = coro_resume(co, NULL);
    if (here == 0)
        _exit(s.status == CORO_RETURNED && s.value != NULL ? 0 : 6);
    assert_int_equal(waitpid(here, &status, 0), here);
    assert_int_equal(status, 0);
    assert_string_equal(s.value, "parent");
    assert_int_equal(coro_destroy(co), 0);
    assert_all_as_before_and_destroy();
}

static void *defers_and_forks(void *input)
{
    coro_defer(mark_arg, "h");
    here = fork();
    return input;
}

static void a_child_that_returns_runs_the_handlers(void **state)
{
    coro_t *co;
    int status = 0;
    (void)state;

    co = made(defers_and_forks);
    coro_resume(co, NULL);
    if (here == 0)
        _exit(trace[0] == 'h' && trace[1] == '\0' ? 0 : 7);
    assert_int_equal(waitpid(here, &status, 0), here);
    assert_int_equal(status, 0);
    assert_string_equal(trace, "h");
    assert_int_equal(coro_destroy(co), 0);
}

static int uses_the_library(long arg)
{
    coro_t *co;

    (void)arg;
    CHECK(coro_create(&co, returns, NULL) == 0);
    CHECK(coro_resume(co, co).value == co);
    CHECK(coro_destroy(co) == 0);
    coro_stack_trim();
    return 0;
}

static void a_process_that_has_never_used_it_starts_anew(void **state)
{
    struct child_end end = in_fresh_child(uses_the_library, 0);
    (void)state;

    assert_well(&end);
}

/* ---- a fresh start ---- */

static void *sleeps_and_spawns(void *arg)
{
    coro_task_t *t;
    void *result = NULL;

    if (coro_sleep(CORO_US(1)) != 0 || coro_spawn(&t, returns, arg, NULL) != 0 ||
        coro_join(t, &result, CORO_FOREVER) != 0)
        return NULL;
    return result;
}

static int begins_anew(long arg)
{
    char *const value = "value";
    void *result = NULL;
    coro_t *co;

    CHECK(coro_create(&co, returns, NULL) == -ECHILD);
    CHECK(coro_run(sleeps_and_spawns, value, &result, NULL) == 0);
    CHECK(result == value);
    CHECK(fresh == NULL || coro_resume(fresh, NULL).status == -EPERM); /* the parent's */
    CHECK(uses_the_library(arg) == 0);
    return 0;
}

static void a_child_begins_anew_with_a_coro_run(void **state)
{
    struct child_end end;
    (void)state;

    make_all();
    end = in_forked_child(begins_anew, 0);
    assert_well(&end);
    assert_all_as_before_and_destroy();
    fresh = NULL;
}

static struct child_end end_of_task;

static int refused_then_begins_anew(long arg)
{
    coro_task_t *t;

    CHECK(coro_pause() == -ECHILD);
    CHECK(coro_sleep(1) == -ECHILD);
    CHECK(coro_spawn(&t, returns, NULL, NULL) == -ECHILD);
    CHECK(coro_join((coro_task_t *)arg, NULL, 0) == -ECHILD);
    CHECK(begins_anew(0) == 0);
    /* and the child of the child is one again */
    end_of_task = in_forked_child(begins_anew, 0);
    CHECK(end_of_task.code == 0);
    return 0;
}

static void *forks(void *arg)
{
    coro_task_t *t;

    coro_spawn(&t, returns, NULL, NULL);
    end_of_task = in_forked_child(refused_then_begins_anew, (long)t);
    coro_join(t, NULL, CORO_FOREVER);
    return coro_pause() == 0 ? arg : NULL;
}

static void so_does_the_child_of_a_task_and_the_task_goes_on(void **state)
{
    void *result = NULL;

    assert_int_equal(coro_run(forks, state, &result, NULL), 0);
    assert_ptr_equal(result, state);
    assert_well(&end_of_task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_child_is_refused_everything),
        TEST(so_is_the_child_of_a_child),
        TEST(so_is_a_thread_of_the_child),
        TEST(so_is_the_child_of_a_thread_that_never_used_it),
        TEST(a_stack_given_back_in_a_child_is_left_alone),
        TEST(a_lock_that_another_thread_held_is_not_waited_for),
        TEST(questions_do_no_harm_in_a_child),
        TEST(a_fork_inside_a_coroutine_is_refused_as_well),
        TEST(a_child_may_return_from_its_coroutines),
        TEST(a_child_cannot_yield_from_its_coroutine),
        TEST(a_child_that_returns_runs_the_handlers),
        TEST(a_process_that_has_never_used_it_starts_anew),
        TEST(a_child_begins_anew_with_a_coro_run),
        TEST(so_does_the_child_of_a_task_and_the_task_goes_on),
    };

    return RUN_TESTS(tests);
}
