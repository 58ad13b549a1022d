/*
 * Coroutine-local storage: keys, values, and the destructors that get the values in the end.
 */
#include "support/test.h"

#include <string.h>

enum { KEYS_MAX = 256 };

static coro_key_t key, other_key;

static void mark_value(void *value)
{
    mark(*(char *)value);
}

static void run_to_end(coro_fn *fn, void *input)
{
    coro_t *co = made(fn);

    assert_step(coro_resume(co, input), CORO_RETURNED, input);
    assert_int_equal(coro_destroy(co), 0);
}

static void suspend_and_destroy(coro_fn *fn, void *input)
{
    coro_t *co = made(fn);

    assert_int_equal(coro_resume(co, input).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- values ---- */

struct values {
    void *first, *after_set, *after_yield, *after_unset;
    int results[4];
};

static void *sets_and_gets(void *input)
{
    struct values *v = input;

    v->first = coro_get(key);
    v->results[0] = coro_set(key, v);
    v->after_set = coro_get(key);
    coro_yield(v);
    v->after_yield = coro_get(key);
    v->results[1] = coro_set(key, NULL);
    v->after_unset = coro_get(key);
    return v;
}

static void a_value_is_null_at_first_and_then_what_was_set(void **state)
{
    struct values v;
    coro_t *co = made(sets_and_gets);
    (void)state;

    memset(&v, 0xff, sizeof v);
    assert_int_equal(coro_key_create(&key, NULL), 0);
    assert_step(coro_resume(co, &v), CORO_YIELDED, &v);
    assert_step(coro_resume(co, NULL), CORO_RETURNED, &v);
    assert_null(v.first);
    assert_ptr_equal(v.after_set, &v);
    assert_ptr_equal(v.after_yield, &v);
    assert_null(v.after_unset);
    assert_int_equal(v.results[0] | v.results[1], 0);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void every_coroutine_has_its_own(void **state)
{
    struct values v[20];
    coro_t *co[20];
    (void)state;

    memset(v, 0xff, sizeof v);
    assert_int_equal(coro_key_create(&key, NULL), 0);
    for (int i = 0; i < 20; i++) {
        co[i] = made(sets_and_gets);
        coro_resume(co[i], &v[i]);
    }
    for (int i = 19; i >= 0; i--) {
        assert_null(v[i].first);
        coro_resume(co[i], NULL);
        assert_ptr_equal(v[i].after_yield, &v[i]);
        assert_int_equal(coro_destroy(co[i]), 0);
    }
    assert_int_equal(coro_key_delete(key), 0);
}

static void *inner_gets(void *input)
{
    (void)input;
    return coro_get(key);
}

static void *outer_sets(void *input)
{
    coro_t *co = NULL;
    void *inherited;

    coro_set(key, input);
    coro_create(&co, inner_gets, NULL);
    inherited = coro_resume(co, NULL).value;
    coro_destroy(co);
    return inherited != NULL ? inherited : coro_get(key);
}

static void values_are_not_inherited(void **state)
{
    coro_t *co = made(outer_sets);
    (void)state;

    assert_int_equal(coro_key_create(&key, NULL), 0);
    assert_step(coro_resume(co, co), CORO_RETURNED, co);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void outside_a_coroutine_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_value), 0);
    assert_null(coro_get(key));
    assert_int_equal(coro_set(key, "x"), -EPERM);
    assert_int_equal(coro_set(key, NULL), -EPERM);
    assert_null(coro_get(key));
    assert_int_equal(coro_key_delete(key), 0);
    assert_string_equal(trace, "");
}

/* ---- keys ---- */

static size_t make_keys(coro_key_t *keys, void (*destructor)(void *))
{
    size_t n = 0;

    while (n <= KEYS_MAX && coro_key_create(&keys[n], destructor) == 0)
        n++;
    return n;
}

static void there_are_256_keys(void **state)
{
    coro_key_t keys[KEYS_MAX + 1], sentinel = 0xdeadbeef;
    (void)state;

    for (int round = 0; round < 3; round++) {
        assert_int_equal(make_keys(keys, NULL), KEYS_MAX);
        assert_int_equal(coro_key_create(&sentinel, NULL), -EAGAIN);
        assert_int_equal(sentinel, 0xdeadbeef);
        for (size_t i = 0; i < KEYS_MAX; i++)
            for (size_t j = 0; j < i; j++)
                assert_int_not_equal(keys[i], keys[j]);
        assert_int_equal(coro_key_delete(keys[100]), 0);
        assert_int_equal(coro_key_create(&keys[100], NULL), 0);
        assert_int_equal(coro_key_create(&sentinel, NULL), -EAGAIN);
        for (size_t i = 0; i < KEYS_MAX; i++)
            assert_int_equal(coro_key_delete(keys[i]), 0);
    }
}

static coro_key_t all_keys[KEYS_MAX + 1];
static size_t wrong_values, destroyed_values;

static void *uses_all_keys(void *input)
{
    for (size_t i = 0; i < KEYS_MAX; i++)
        wrong_values += coro_set(all_keys[(i * 37) % KEYS_MAX], &all_keys[(i * 37) % KEYS_MAX]) != 0;
    coro_yield(input);
    for (size_t i = 0; i < KEYS_MAX; i++)
        wrong_values += coro_get(all_keys[i]) != &all_keys[i];
    return input;
}

static void counts_values(void *value)
{
    destroyed_values++;
    wrong_values += value < (void *)all_keys || value >= (void *)(all_keys + KEYS_MAX);
}

static void a_coroutine_can_use_all_of_them(void **state)
{
    coro_t *one, *two;
    (void)state;

    wrong_values = destroyed_values = 0;
    assert_int_equal(make_keys(all_keys, counts_values), KEYS_MAX);
    one = made(uses_all_keys), two = made(uses_all_keys);
    coro_resume(one, one);
    coro_resume(two, two);
    assert_step(coro_resume(one, NULL), CORO_RETURNED, one);
    assert_int_equal(destroyed_values, KEYS_MAX);
    assert_int_equal(coro_destroy(one), 0);
    assert_int_equal(coro_destroy(two), 0);
    assert_int_equal(destroyed_values, 2 * KEYS_MAX);
    assert_int_equal(wrong_values, 0);
    for (size_t i = 0; i < KEYS_MAX; i++)
        assert_int_equal(coro_key_delete(all_keys[i]), 0);
}

static coro_key_t stale;
static int stale_results[3];
static void *stale_values[3];

static void *tries_a_stale_key(void *input)
{
    stale_values[0] = coro_get(stale);
    stale_results[0] = coro_set(stale, input);
    stale_results[1] = coro_set(stale, NULL);
    stale_values[1] = coro_get(stale);
    stale_values[2] = coro_get(key);
    return input;
}

static void assert_stale(void)
{
    memset(stale_values, 0xff, sizeof stale_values);
    run_to_end(tries_a_stale_key, &stale);
    assert_int_equal(stale_results[0], -EINVAL);
    assert_int_equal(stale_results[1], -EINVAL);
    assert_null(stale_values[0]);
    assert_null(stale_values[1]);
    assert_null(stale_values[2]);
    assert_int_equal(coro_key_delete(stale), -EINVAL);
}

static void a_deleted_key_is_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&stale, mark_value), 0);
    assert_int_equal(coro_key_delete(stale), 0);
    assert_stale();
    assert_string_equal(trace, "");
}

static void a_deleted_key_is_refused_when_another_takes_its_place(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&stale, mark_value), 0);
    assert_int_equal(coro_key_delete(stale), 0);
    for (int i = 0; i < 1000; i++) { /* the same place, again and again */
        assert_int_equal(coro_key_create(&key, mark_value), 0);
        if (i % 100 == 0)
            assert_stale();
        assert_int_not_equal(key, stale);
        assert_int_equal(coro_key_delete(key), 0);
    }
    assert_string_equal(trace, "");
}

static void *keeps_a_value_while_keys_change(void *input)
{
    coro_set(key, "x");
    coro_yield(input);
    stale_values[0] = coro_get(key); /* the new key, maybe where the old one was */
    coro_set(key, "y");
    return input;
}

static void a_new_key_does_not_see_the_values_of_an_old_one(void **state)
{
    coro_t *co = made(keeps_a_value_while_keys_change);
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_value), 0);
    coro_resume(co, co);
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_create(&key, mark_value), 0);
    stale_values[0] = co;
    assert_step(coro_resume(co, NULL), CORO_RETURNED, co);
    assert_null(stale_values[0]);
    assert_string_equal(trace, "y");
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void numbers_that_are_no_keys_are_refused(void **state)
{
    const coro_key_t none[] = {UINT32_MAX, UINT32_MAX - 1, 0x80000000, 0x7fffffff, 0x12345678};
    (void)state;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        stale = none[i];
        key = none[i];
        assert_stale();
    }
}

/* ---- destructors ---- */

static void *sets_three(void *input)
{
    coro_set(key, "a");
    coro_set(other_key, "b");
    coro_set(key, "c");
    if (input == NULL)
        coro_yield(NULL);
    return input;
}

static void destructors_get_the_last_value(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_value), 0);
    assert_int_equal(coro_key_create(&other_key, mark_value), 0);
    run_to_end(sets_three, &key);
    assert_int_equal(strlen(trace), 2);
    assert_non_null(strchr(trace, 'b'));
    assert_non_null(strchr(trace, 'c'));
    suspend_and_destroy(sets_three, NULL);
    assert_int_equal(strlen(trace), 4);
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_delete(other_key), 0);
}

/* Under the other key there is a value without a destructor, below and above the one with. */
static void mark_the_other(void *value)
{
    const char *other = coro_get(other_key);

    mark(*(char *)value);
    mark(other != NULL ? *other : '0');
}

static void a_value_without_a_destructor_stays(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        assert_int_equal(coro_key_create(first ? &key : &other_key, first ? mark_the_other : NULL), 0);
        assert_int_equal(coro_key_create(first ? &other_key : &key, first ? NULL : mark_the_other), 0);
        run_to_end(sets_three, &key);
        assert_int_equal(coro_key_delete(key), 0);
        assert_int_equal(coro_key_delete(other_key), 0);
    }
    assert_string_equal(trace, "cbcb");
}

static void *sets_and_unsets(void *input)
{
    coro_set(key, "a");
    coro_set(key, NULL);
    return input;
}

static void a_null_value_has_no_destructor(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_value), 0);
    run_to_end(sets_and_unsets, NULL);
    assert_string_equal(trace, "");
    assert_int_equal(coro_key_delete(key), 0);
}

static void a_deleted_key_has_no_destructor(void **state)
{
    coro_t *co = made(sets_three);
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_value), 0);
    assert_int_equal(coro_key_create(&other_key, mark_value), 0);
    coro_resume(co, NULL);
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "b");
    assert_int_equal(coro_key_delete(other_key), 0);
}

static void sets_again(void *value)
{
    mark(coro_get(key) == NULL ? '0' : '!');
    mark(coro_set(key, value) == 0 ? '+' : '-');
}

static void destructors_run_at_most_four_rounds(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, sets_again), 0);
    assert_int_equal(coro_key_create(&other_key, NULL), 0);
    run_to_end(sets_three, &key);
    assert_string_equal(trace, "0+0+0+0+");
    memset(trace, 0, sizeof trace);
    suspend_and_destroy(sets_three, NULL);
    assert_string_equal(trace, "0+0+0+0+");
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_delete(other_key), 0);
}

static void sets_a_former_one(void *value)
{
    mark(*(char *)value);
    coro_set(all_keys[0], "0");            /* has been looked at in this round */
    coro_set(all_keys[KEYS_MAX - 1], "9"); /* makes the table grow while it is being walked */
}

static void *sets_the_second(void *input)
{
    coro_set(all_keys[1], "1");
    return input;
}

static void values_that_a_destructor_sets_elsewhere_are_destroyed(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&all_keys[0], mark_value), 0);
    assert_int_equal(coro_key_create(&all_keys[1], sets_a_former_one), 0);
    for (int i = 2; i < KEYS_MAX; i++)
        assert_int_equal(coro_key_create(&all_keys[i], mark_value), 0);
    run_to_end(sets_the_second, NULL);
    assert_int_equal(strlen(trace), 3);
    assert_int_equal(trace[0], '1');
    assert_non_null(strchr(trace, '0'));
    assert_non_null(strchr(trace, '9'));
    for (int i = 0; i < KEYS_MAX; i++)
        assert_int_equal(coro_key_delete(all_keys[i]), 0);
}

static void deletes_its_key(void *value)
{
    mark(*(char *)value);
    mark(coro_key_delete(key) == 0 ? '+' : '-');
    mark(coro_set(key, value) == -EINVAL ? '+' : '-');
}

static void a_destructor_may_delete_its_key(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, deletes_its_key), 0);
    assert_int_equal(coro_key_create(&other_key, NULL), 0);
    run_to_end(sets_three, &key);
    assert_string_equal(trace, "c++");
    assert_int_equal(coro_key_delete(key), -EINVAL);
    assert_int_equal(coro_key_delete(other_key), 0);
}

static void defers(void *value)
{
    mark(*(char *)value);
    mark(coro_defer(mark_value, "D") == 0 ? '+' : '-');
}

static void a_handler_asked_for_in_a_destructor_runs(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, defers), 0);
    assert_int_equal(coro_key_create(&other_key, NULL), 0);
    run_to_end(sets_three, &key);
    assert_string_equal(trace, "c+D");
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_delete(other_key), 0);
}

static void sets_in_a_handler(void *value)
{
    mark(coro_get(key) != NULL ? '.' : '!');
    coro_set(other_key, value);
}

static void *defers_setting(void *input)
{
    coro_set(key, "k");
    coro_defer(sets_in_a_handler, "h");
    return input;
}

static void handlers_still_have_values_and_may_set_them(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_value), 0);
    assert_int_equal(coro_key_create(&other_key, mark_value), 0);
    run_to_end(defers_setting, NULL);
    assert_int_equal(strlen(trace), 3);
    assert_int_equal(trace[0], '.');
    assert_non_null(strchr(trace, 'k'));
    assert_non_null(strchr(trace, 'h'));
    assert_int_equal(coro_key_delete(key), 0);
    assert_int_equal(coro_key_delete(other_key), 0);
}

/* ---- misuse ---- */

static int inside_results[2];

static void *misuses(void *input)
{
    inside_results[0] = coro_defer(NULL, NULL);
    inside_results[1] = coro_set(key, NULL); /* unsetting what was never set is no error */
    return input;
}

static void null_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(NULL, mark_value), -EINVAL);
    assert_int_equal(coro_key_create(&key, NULL), 0);
    run_to_end(misuses, NULL);
    assert_int_equal(inside_results[0], -EINVAL);
    assert_int_equal(inside_results[1], 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void defer_outside_a_coroutine_is_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_defer(mark_value, "x"), -EPERM);
    run_to_end(misuses, NULL);
    assert_string_equal(trace, "");
}

static void *makes_and_deletes_a_key(void *input)
{
    coro_key_t inside;

    inside_results[0] = coro_key_create(&inside, mark_value);
    coro_set(inside, "x");
    inside_results[1] = coro_key_delete(inside);
    return input;
}

static void keys_can_be_made_inside_a_coroutine(void **state)
{
    (void)state;
    run_to_end(makes_and_deletes_a_key, NULL);
    assert_int_equal(inside_results[0] | inside_results[1], 0);
    assert_string_equal(trace, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_is_null_at_first_and_then_what_was_set),
        TEST(every_coroutine_has_its_own),
        TEST(values_are_not_inherited),
        TEST(outside_a_coroutine_there_are_none),
        TEST(there_are_256_keys),
        TEST(a_coroutine_can_use_all_of_them),
        TEST(a_deleted_key_is_refused),
        TEST(a_deleted_key_is_refused_when_another_takes_its_place),
        TEST(a_new_key_does_not_see_the_values_of_an_old_one),
        TEST(numbers_that_are_no_keys_are_refused),
        TEST(destructors_get_the_last_value),
        TEST(a_value_without_a_destructor_stays),
        TEST(a_null_value_has_no_destructor),
        TEST(a_deleted_key_has_no_destructor),
        TEST(destructors_run_at_most_four_rounds),
        TEST(values_that_a_destructor_sets_elsewhere_are_destroyed),
        TEST(a_destructor_may_delete_its_key),
        TEST(a_handler_asked_for_in_a_destructor_runs),
        TEST(handlers_still_have_values_and_may_set_them),
        TEST(null_arguments_are_refused),
        TEST(defer_outside_a_coroutine_is_refused),
        TEST(keys_can_be_made_inside_a_coroutine),
    };

    return RUN_TESTS(tests);
}
