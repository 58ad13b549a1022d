/*
 * coro/coroutine.h: values, statuses, names, nesting, and what a body may expect of the stack it runs on.
 */
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static void *echo_twice(void *input)
{
    mark('A');
    mark(*(char *)coro_yield(input));
    return "done";
}

static void values_travel_both_ways(void **state)
{
    coro_t *co = made(echo_twice);
    (void)state;

    coro_step s = coro_resume(co, "x");
    assert_int_equal(s.status, CORO_YIELDED);
    assert_string_equal(s.value, "x");
    s = coro_resume(co, "B");
    assert_int_equal(s.status, CORO_RETURNED);
    assert_string_equal(s.value, "done");
    assert_string_equal(trace, "AB");
    assert_step(coro_resume(co, NULL), -ESRCH, NULL);
    assert_int_equal(coro_destroy(co), 0);
}

static void *echo(void *input)
{
    return input;
}

static void the_first_input_is_the_argument(void **state)
{
    coro_t *co = made(echo);
    int here;
    (void)state;

    assert_step(coro_resume(co, &here), CORO_RETURNED, &here);
    assert_int_equal(coro_destroy(co), 0);
}

static void *echo_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static void null_and_odd_values_pass_like_any_other(void **state)
{
    void *values[] = {NULL, (void *)1, (void *)2, (void *)UINTPTR_MAX, (void *)INTPTR_MAX, NULL};
    coro_t *co = made(echo_forever);
    (void)state;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_step(coro_resume(co, values[i]), CORO_YIELDED, values[i]);
    assert_int_equal(coro_destroy(co), 0);
}

static void every_value_of_a_million_arrives(void **state)
{
    coro_t *co = made(echo_forever);
    uintptr_t wrong = 0;
    (void)state;

    for (uintptr_t i = 0; i < scaled(1000000); i++)
        wrong += coro_resume(co, (void *)i).value != (void *)i;
    assert_int_equal(wrong, 0);
    assert_int_equal(coro_destroy(co), 0);
}

static void nothing_runs_before_the_first_resume(void **state)
{
    coro_t *co = made(echo_twice);
    (void)state;

    assert_string_equal(trace, "");
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "");
}

/* ---- statuses, self ---- */

struct seen {
    coro_t *outer, *inner;
    coro_t *self[4];
    coro_status of_outer[4], of_inner[4];
};

static void look(struct seen *s, int moment)
{
    s->self[moment] = coro_self();
    s->of_outer[moment] = coro_get_status(s->outer);
    s->of_inner[moment] = coro_get_status(s->inner);
}

static void *inner_looks(void *input)
{
    look(input, 1);
    return NULL;
}

static void *outer_looks(void *input)
{
    struct seen *s = input;

    look(s, 0);
    coro_resume(s->inner, s);
    look(s, 2);
    coro_yield(NULL);
    look(s, 3);
    return NULL;
}

static void statuses_are_those_of_lua(void **state)
{
    struct seen s = {.outer = made(outer_looks), .inner = made(inner_looks)};
    (void)state;

    assert_int_equal(coro_get_status(s.outer), CORO_SUSPENDED);
    coro_resume(s.outer, &s);
    assert_int_equal(coro_get_status(s.outer), CORO_SUSPENDED);
    coro_resume(s.outer, NULL);
    assert_int_equal(coro_get_status(s.outer), CORO_DEAD);

    const coro_status outer[] = {CORO_RUNNING, CORO_NORMAL, CORO_RUNNING, CORO_RUNNING};
    const coro_status inner[] = {CORO_SUSPENDED, CORO_RUNNING, CORO_DEAD, CORO_DEAD};
    assert_memory_equal(s.of_outer, outer, sizeof outer);
    assert_memory_equal(s.of_inner, inner, sizeof inner);
    assert_int_equal(coro_destroy(s.outer), 0);
    assert_int_equal(coro_destroy(s.inner), 0);
}

static void self_is_the_innermost_coroutine(void **state)
{
    struct seen s = {.outer = made(outer_looks), .inner = made(inner_looks)};
    (void)state;

    assert_null(coro_self());
    coro_resume(s.outer, &s);
    assert_null(coro_self());
    coro_resume(s.outer, NULL);
    assert_null(coro_self());
    assert_ptr_equal(s.self[0], s.outer);
    assert_ptr_equal(s.self[1], s.inner);
    assert_ptr_equal(s.self[2], s.outer);
    assert_ptr_equal(s.self[3], s.outer);
    assert_int_equal(coro_destroy(s.outer), 0);
    assert_int_equal(coro_destroy(s.inner), 0);
}

/* ---- name, user, options ---- */

static void a_name_is_copied_up_to_31_bytes(void **state)
{
    char name[] = "0123456789012345678901234567890123456789";
    coro_t *co = made_with(echo, (coro_opts){.name = name});
    (void)state;

    memset(name, 'x', sizeof name - 1);
    assert_string_equal(coro_name(co), "0123456789012345678901234567890");
    assert_int_equal(coro_destroy(co), 0);
}

static void a_name_of_31_bytes_is_kept_whole(void **state)
{
    coro_t *co = made_with(echo, (coro_opts){.name = "0123456789abcdef0123456789abcde"});
    (void)state;

    assert_string_equal(coro_name(co), "0123456789abcdef0123456789abcde");
    assert_int_equal(coro_destroy(co), 0);
}

static void a_name_can_be_changed_and_taken_away(void **state)
{
    coro_t *co = made(echo);
    (void)state;

    assert_string_equal(coro_name(co), "");
    assert_int_equal(coro_set_name(co, "worker"), 0);
    assert_string_equal(coro_name(co), "worker");
    assert_int_equal(coro_set_name(co, "abcdefghijabcdefghijabcdefghijabcdefghij"), 0);
    assert_string_equal(coro_name(co), "abcdefghijabcdefghijabcdefghija");
    assert_int_equal(coro_set_name(co, "b"), 0);
    assert_string_equal(coro_name(co), "b");
    assert_int_equal(coro_set_name(co, NULL), 0);
    assert_string_equal(coro_name(co), "");
    coro_resume(co, NULL);
    assert_int_equal(coro_set_name(co, "late"), 0);
    assert_string_equal(coro_name(co), "late");
    assert_int_equal(coro_destroy(co), 0);
}

static void *names_itself(void *input)
{
    coro_set_name(coro_self(), input);
    return NULL;
}

static void a_coroutine_can_name_itself(void **state)
{
    coro_t *co = made_with(names_itself, (coro_opts){.name = "before"});
    (void)state;

    coro_resume(co, "after");
    assert_string_equal(coro_name(co), "after");
    assert_int_equal(coro_destroy(co), 0);
}

static void *user_of_self(void *input)
{
    (void)input;
    return coro_user(coro_self());
}

static void the_user_pointer_is_kept(void **state)
{
    int here;
    coro_t *co = made_with(user_of_self, (coro_opts){.user = &here});
    coro_t *without = made(user_of_self);
    (void)state;

    assert_ptr_equal(coro_user(co), &here);
    assert_null(coro_user(without));
    assert_step(coro_resume(co, NULL), CORO_RETURNED, &here);
    assert_ptr_equal(coro_user(co), &here);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(without), 0);
}

static void options_are_not_kept(void **state)
{
    coro_opts opts = {.name = "kept", .user = &opts, .stack_size = 32768};
    coro_t *co = made_with(echo, opts);
    (void)state;

    memset(&opts, 0xff, sizeof opts);
    assert_step(coro_resume(co, &opts), CORO_RETURNED, &opts);
    assert_string_equal(coro_name(co), "kept");
    assert_ptr_equal(coro_user(co), &opts);
    assert_int_equal(coro_stack_size(co), 32768);
    assert_int_equal(coro_destroy(co), 0);
}

static void zeroed_options_are_the_defaults(void **state)
{
    coro_t *null = made(echo), *zero = made_with(echo, (coro_opts){0});
    (void)state;

    assert_int_equal(coro_stack_size(null), 65536);
    assert_int_equal(coro_stack_size(zero), 65536);
    assert_string_equal(coro_name(zero), "");
    assert_int_equal(coro_destroy(null), 0);
    assert_int_equal(coro_destroy(zero), 0);
}

/* By name it is a macro, to know its place. As a C function it can be called, passed on and looked up. */
static void create_is_a_function_as_well(void **state)
{
    int (*create)(coro_t **, coro_fn *, const coro_opts *) = coro_create;
    coro_opts opts = {.name = "by pointer"};
    coro_t *cos[4];
    (void)state;

    assert_int_equal(create(&cos[0], echo, &opts), 0);
    assert_int_equal((coro_create)(&cos[1], echo, &(coro_opts){.name = "in parens", .user = cos}), 0);
    assert_int_equal(coro_create_at("elsewhere:1", &cos[2], echo, NULL), 0);
    assert_int_equal(coro_create_at(NULL, &cos[3], echo, NULL), 0);
    assert_string_equal(coro_name(cos[0]), "by pointer");
    assert_ptr_equal(coro_user(cos[1]), cos);
    assert_int_equal(create(NULL, echo, NULL), -EINVAL);
    assert_int_equal(coro_create_at(CORO_HERE, &cos[0], NULL, NULL), -EINVAL);
    for (int i = 0; i < 4; i++) {
        assert_step(coro_resume(cos[i], &opts), CORO_RETURNED, &opts);
        assert_int_equal(coro_destroy(cos[i]), 0);
    }
}

static void here_is_a_string_literal(void **state)
{
    static const char *const here = CORO_HERE;
    const char *colon = strrchr(here, ':');
    (void)state;

    assert_non_null(strstr(here, "test_coroutine.c:"));
    assert_int_equal(strtol(colon + 1, NULL, 10), __LINE__ - 5);
}

/* ---- nesting ---- */

struct tower {
    size_t height, wrong;
    coro_t *floors[1000];
};

static void *next_floor(void *input)
{
    struct tower *t = input;
    size_t mine = t->height++;

    t->wrong += coro_self() != t->floors[mine];
    if (t->height < scaled(1000)) {
        t->wrong += coro_create(&t->floors[t->height], next_floor, NULL) != 0;
        t->wrong += coro_resume(t->floors[t->height], t).status != CORO_YIELDED;
    } else {
        for (size_t i = 0; i < mine; i++)
            t->wrong += coro_get_status(t->floors[i]) != CORO_NORMAL;
    }
    t->wrong += coro_get_status(coro_self()) != CORO_RUNNING || coro_self() != t->floors[mine];
    coro_yield(NULL);
    t->wrong += coro_self() != t->floors[mine];
    return t->floors[mine];
}

static void a_thousand_coroutines_resume_each_other(void **state)
{
    static struct tower t;
    (void)state;

    t = (struct tower){.floors = {made(next_floor)}};
    assert_int_equal(coro_resume(t.floors[0], &t).status, CORO_YIELDED);
    assert_int_equal(t.height, scaled(1000));
    for (size_t i = 0; i < t.height; i++)
        t.wrong += coro_get_status(t.floors[i]) != CORO_SUSPENDED;
    for (size_t i = 0; i < t.height; i++)
        assert_step(coro_resume(t.floors[i], NULL), CORO_RETURNED, t.floors[i]);
    assert_int_equal(t.wrong, 0);
    for (size_t i = 0; i < t.height; i++)
        assert_int_equal(coro_destroy(t.floors[i]), 0);
}

static void *creates_another(void *input)
{
    coro_t *co = NULL;

    (void)input;
    return coro_create(&co, echo_twice, NULL) == 0 ? co : NULL;
}

static void a_coroutine_outlives_the_one_that_created_it(void **state)
{
    coro_t *creator = made(creates_another), *co;
    (void)state;

    co = coro_resume(creator, NULL).value;
    assert_int_equal(coro_destroy(creator), 0);
    assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
    assert_int_equal(coro_resume(co, "x").status, CORO_YIELDED);
    assert_int_equal(coro_resume(co, "B").status, CORO_RETURNED);
    assert_string_equal(trace, "AB");
    assert_int_equal(coro_destroy(co), 0);
}

static void *resumes_input(void *input)
{
    return coro_resume(input, "from inside").value;
}

static void whoever_resumes_gets_the_value(void **state)
{
    coro_t *co = made(echo_forever), *other = made(resumes_input);
    char *value;
    (void)state;

    assert_step(coro_resume(co, &co), CORO_YIELDED, &co);
    value = coro_resume(other, co).value;
    assert_string_equal(value, "from inside");
    assert_step(coro_resume(co, &other), CORO_YIELDED, &other);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(other), 0);
}

/* ---- destroying ---- */

static void mark_input(void *input)
{
    mark(*(char *)input);
}

static void *defers_and_yields(void *input)
{
    coro_defer(mark_input, input);
    coro_yield(NULL);
    return NULL;
}

static void *destroys_all(void *input)
{
    coro_t **victims = input;

    for (int i = 0; i < 3; i++)
        mark(coro_destroy(victims[i]) == 0 ? '+' : '-');
    coro_yield(NULL);
    mark('.');
    return NULL;
}

static void a_coroutine_destroys_others(void **state)
{
    coro_t *victims[3] = {made(defers_and_yields), made(echo), made(echo)};
    coro_t *killer = made(destroys_all);
    (void)state;

    coro_resume(victims[0], "s");
    coro_resume(victims[1], NULL);
    assert_step(coro_resume(killer, victims), CORO_YIELDED, NULL);
    assert_step(coro_resume(killer, NULL), CORO_RETURNED, NULL);
    assert_string_equal(trace, "s+++.");
    assert_int_equal(coro_destroy(killer), 0);
}

/* A body with something on its stack to lose. */
static void *keeps_a_pattern(void *input)
{
    volatile uintptr_t pattern[32];

    for (size_t i = 0; i < 32; i++)
        pattern[i] = (uintptr_t)input + i;
    for (void *again = coro_yield(input); again != NULL; again = coro_yield(again))
        for (size_t i = 0; i < 32; i++)
            if (pattern[i] != (uintptr_t)input + i)
                return NULL;
    return input;
}

struct slot {
    coro_t *co;
    uintptr_t id;
    int life; /* 0 fresh, 1 suspended, 2 returned */
};

static void slot_fill(struct slot *s, uintptr_t id)
{
    static const size_t sizes[] = {0, 16384, 20000, 65536, 262144};

    *s = (struct slot){.co = made_with(keeps_a_pattern, (coro_opts){.stack_size = sizes[random_below(5)]}), .id = id};
    s->life = (int)random_below(3);
    if (s->life >= 1)
        assert_step(coro_resume(s->co, (void *)id), CORO_YIELDED, (void *)id);
    if (s->life == 2)
        assert_step(coro_resume(s->co, NULL), CORO_RETURNED, (void *)id);
}

static void slot_empty(struct slot *s)
{
    assert_int_equal(coro_get_status(s->co), s->life == 2 ? CORO_DEAD : CORO_SUSPENDED);
    if (s->life == 1) {
        assert_step(coro_resume(s->co, s), CORO_YIELDED, s);
        if (random_below(2) == 0)
            assert_step(coro_resume(s->co, NULL), CORO_RETURNED, (void *)s->id);
    }
    assert_int_equal(coro_destroy(s->co), 0);
    s->co = NULL;
}

static void a_hundred_thousand_come_and_go_in_random_order(void **state)
{
    static struct slot slots[1000];
    size_t n = under_valgrind() ? 100 : alive_at_most(1000);
    (void)state;

    memset(slots, 0, sizeof slots);
    for (uintptr_t id = 1; id <= scaled(100000);) {
        struct slot *s = &slots[random_below(n)];

        if (s->co != NULL)
            slot_empty(s);
        else
            slot_fill(s, id++);
    }
    for (size_t i = 0; i < n; i++)
        if (slots[i].co != NULL)
            slot_empty(&slots[i]);
}

/* ---- nothing is left of a former one ---- */

static coro_key_t former_key;

static void *leaves_all_it_can(void *input)
{
    coro_set(former_key, "1");
    coro_defer(mark_input, "d");
    coro_set_name(coro_self(), "former");
    if (input != NULL)
        coro_yield(input);
    return input;
}

static void *looks_for_remains(void *input)
{
    mark(coro_get(former_key) == NULL ? '.' : '!');
    mark(coro_name(coro_self())[0] == '\0' ? '.' : '!');
    mark(coro_user(coro_self()) == NULL ? '.' : '!');
    return coro_yield(input);
}

static void assert_as_new(void)
{
    coro_t *co = made(looks_for_remains);
    int x, y;

    assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
    assert_string_equal(coro_name(co), "");
    assert_null(coro_user(co));
    assert_int_equal(coro_stack_size(co), 65536);
    memset(trace, 0, sizeof trace);
    assert_step(coro_resume(co, &x), CORO_YIELDED, &x);
    assert_step(coro_resume(co, &y), CORO_RETURNED, &y);
    assert_string_equal(trace, "...");
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "...");
}

static void a_coroutine_in_the_place_of_another_is_as_new(void **state)
{
    const coro_opts former[] = {
        {0}, {.flags = CORO_NO_FPENV}, {.name = "named"}, {.stack_size = 65536}, {.stack_size = 100000}};
    (void)state;

    assert_int_equal(coro_key_create(&former_key, mark_input), 0);
    for (int i = 0; i < 5 * 3; i++) {
        coro_opts opts = former[i % 5];

        opts.user = state;
        coro_t *co = made_with(leaves_all_it_can, opts);
        if (i / 5 > 0)
            assert_step(coro_resume(co, i / 5 == 1 ? NULL : co), i / 5 == 1 ? CORO_RETURNED : CORO_YIELDED,
                        i / 5 == 1 ? NULL : co);
        assert_int_equal(coro_destroy(co), 0);
        assert_as_new();
    }
    assert_int_equal(coro_key_delete(former_key), 0);
}

static void prefetching_changes_nothing(void **state)
{
    coro_t *co = made(echo_twice);
    (void)state;

    coro_prefetch(NULL);
    coro_prefetch(co);
    assert_string_equal(coro_resume(co, "x").value, "x");
    coro_prefetch(co);
    assert_string_equal(coro_resume(co, "B").value, "done");
    coro_prefetch(co);
    assert_string_equal(trace, "AB");
    assert_int_equal(coro_get_status(co), CORO_DEAD);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- generators ---- */

static void *fibonacci(void *input)
{
    uint64_t a = 0, b = 1;

    (void)input;
    for (int i = 0; i < 90; i++) {
        uint64_t next = a + b;

        coro_yield(&a);
        a = b;
        b = next;
    }
    return NULL;
}

static void a_coroutine_is_a_generator(void **state)
{
    coro_t *co = made(fibonacci);
    uint64_t sum = 0, count = 0;
    (void)state;

    for (coro_step s = coro_resume(co, NULL); s.status == CORO_YIELDED; s = coro_resume(co, NULL), count++)
        sum += *(uint64_t *)s.value;
    assert_int_equal(count, 90);
    assert_int_equal(sum, UINT64_C(4660046610375530308)); /* F(91) - 1 */
    assert_int_equal(coro_destroy(co), 0);
}

/* The leaves of a tree, from the depth of a recursion: what a stackless generator cannot do. */
static void walk(uintptr_t low, uintptr_t high)
{
    uintptr_t middle = low + (high - low) / 2;

    if (low == high)
        return;
    walk(low, middle);
    coro_yield((void *)(middle + 1));
    walk(middle + 1, high);
}

static void *walks_a_balanced_tree(void *input)
{
    walk(0, (uintptr_t)input);
    return NULL;
}

static void *walks_a_list(void *input)
{
    for (uintptr_t i = 1; i <= (uintptr_t)input; i++)
        coro_yield((void *)i);
    return NULL;
}

static void two_traversals_yield_the_same_fringe(void **state)
{
    coro_t *tree = made(walks_a_balanced_tree), *list = made(walks_a_list);
    coro_step s, t;
    size_t n = scaled(100000), steps = 0;
    (void)state;

    do {
        s = coro_resume(tree, (void *)n);
        t = coro_resume(list, (void *)n);
        assert_step(s, t.status, t.value);
        steps++;
    } while (s.status == CORO_YIELDED);
    assert_int_equal(steps, n + 1);
    assert_int_equal(coro_destroy(tree), 0);
    assert_int_equal(coro_destroy(list), 0);
}

/* ---- the stack that a body finds ---- */

/* Where the caller's frame stands, modulo 16. A compiler that believes in the ABI spills with movaps here. */
static __attribute__((noinline)) uintptr_t misalignment(void)
{
    typedef float four __attribute__((vector_size(16)));
    volatile four spilled = {1, 2, 3, 4};

    spilled += spilled;
    return ((uintptr_t)__builtin_frame_address(0) | (uintptr_t)&spilled) % 16;
}

static uintptr_t misaligned;

static void looks_at_alignment(void *arg)
{
    misaligned |= (uintptr_t)__builtin_frame_address(0) % 16 | misalignment();
    mark(*(char *)arg);
}

static void looks_at_alignment_at_exit(char (*c)[1])
{
    looks_at_alignment(c);
}

static coro_key_t alignment_key;

static void *looks_at_alignment_everywhere(void *input)
{
    __attribute__((cleanup(looks_at_alignment_at_exit), unused)) char c[1] = {'c'};

    misaligned |= (uintptr_t)__builtin_frame_address(0) % 16 | misalignment();
    coro_defer(looks_at_alignment, "d");
    coro_set(alignment_key, "k");
    if (input != NULL)
        coro_yield(NULL);
    misaligned |= misalignment();
    return NULL;
}

static void stacks_are_aligned_to_16_bytes(void **state)
{
    static const size_t offsets[] = {0, 16, 32, 48};
    static _Alignas(64) char memory[65536 + 64];
    (void)state;

    misaligned = 0;
    assert_int_equal(coro_key_create(&alignment_key, looks_at_alignment), 0);
    for (int suspend = 0; suspend < 2; suspend++)
        for (size_t i = 0; i < 4; i++) {
            coro_t *co = made_with(looks_at_alignment_everywhere,
                                   (coro_opts){.stack = memory + offsets[i], .stack_size = 65536 - 8 * i});

            coro_resume(co, suspend ? "" : NULL);
            assert_int_equal(coro_destroy(co), 0);
            assert_int_equal(misaligned, 0);
        }
    assert_string_equal(trace, "cdkcdkcdkcdkcdkcdkcdkcdk");
    assert_int_equal(coro_key_delete(alignment_key), 0);
}

#ifdef __x86_64__
__attribute__((target("avx"), noinline)) static double add_in_avx(const volatile double *x, double first)
{
    typedef double four __attribute__((vector_size(32)));
    volatile four sum = {first, 0, 0, 0};

    for (int i = 0; i < 4; i++)
        sum += (four){x[i], x[i], x[i], x[i]};
    coro_yield(NULL);
    sum += sum;
    return sum[0];
}

static void *runs_avx(void *input)
{
    static double sum;

    sum = add_in_avx(input, 1);
    return &sum;
}

static void vector_code_runs_on_a_coroutine(void **state)
{
    double x[4] = {1, 2, 3, 4};
    coro_t *a, *b;
    (void)state;

    if (!__builtin_cpu_supports("avx"))
        skip();
    a = made(runs_avx), b = made(runs_avx);
    coro_resume(a, x);
    coro_resume(b, x);
    coro_step s = coro_resume(a, NULL);
    assert_true(*(double *)s.value == 22.0);
    assert_int_equal(coro_destroy(a), 0);
    assert_int_equal(coro_destroy(b), 0);
}
#endif

static void *prints_a_double(void *input)
{
    snprintf(input, 64, "%.3f %Lg %s", 3.14159, 2.5L, coro_name(coro_self()));
    return NULL;
}

static void the_smallest_stack_is_enough_to_print(void **state)
{
    char text[64];
    coro_t *co = made_with(prints_a_double, (coro_opts){.stack_size = 16384, .name = "p"});
    (void)state;

    coro_resume(co, text);
    assert_string_equal(text, "3.142 2.5 p");
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- company ---- */

static void *looks_at_errno(void *input)
{
    int *seen = input;

    seen[0] = errno;
    coro_yield(NULL);
    seen[1] = errno;
    coro_yield(NULL);
    return NULL;
}

static void a_switch_leaves_errno_alone(void **state)
{
    int seen[2] = {0, 0};
    coro_t *co = made(looks_at_errno);
    (void)state;

    errno = 1111;
    coro_resume(co, seen);
    assert_int_equal(errno, 1111);
    errno = 2222;
    coro_resume(co, NULL);
    assert_int_equal(errno, 2222);
    coro_resume(co, NULL);
    assert_int_equal(errno, 2222);
    assert_int_equal(seen[0], 1111);
    assert_int_equal(seen[1], 2222);
    assert_int_equal(coro_destroy(co), 0);
}

static void on_signal(int signo)
{
    (void)signo;
    mark(coro_self() != NULL ? 's' : 'm');
}

static void *raises(void *input)
{
    (void)input;
    raise(SIGUSR1);
    coro_yield(NULL);
    raise(SIGUSR1);
    return NULL;
}

static void a_signal_handler_runs_on_the_coroutine(void **state)
{
    struct sigaction act = {.sa_handler = on_signal}, old;
    coro_t *co = made(raises);
    (void)state;

    assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
    coro_resume(co, NULL);
    raise(SIGUSR1);
    coro_resume(co, NULL);
    assert_int_equal(sigaction(SIGUSR1, &old, NULL), 0);
    assert_string_equal(trace, "sms");
    assert_int_equal(coro_destroy(co), 0);
}

static jmp_buf jump;

static __attribute__((noinline)) void jumps_from_below(int depth)
{
    if (depth > 0)
        jumps_from_below(depth - 1);
    else if (coro_yield(NULL) == NULL)
        longjmp(jump, 1);
    mark('!');
}

static void *jumps(void *input)
{
    (void)input;
    if (setjmp(jump) == 0)
        jumps_from_below(5);
    else
        mark('j');
    coro_yield(NULL);
    mark('r');
    return NULL;
}

static void a_coroutine_may_longjmp_within_itself(void **state)
{
    coro_t *co = made(jumps);
    (void)state;

    for (int i = 0; i < 3; i++)
        coro_resume(co, NULL);
    assert_string_equal(trace, "jr");
    assert_int_equal(coro_destroy(co), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_travel_both_ways),
        TEST(the_first_input_is_the_argument),
        TEST(null_and_odd_values_pass_like_any_other),
        TEST(every_value_of_a_million_arrives),
        TEST(nothing_runs_before_the_first_resume),
        TEST(statuses_are_those_of_lua),
        TEST(self_is_the_innermost_coroutine),
        TEST(a_name_is_copied_up_to_31_bytes),
        TEST(a_name_of_31_bytes_is_kept_whole),
        TEST(a_name_can_be_changed_and_taken_away),
        TEST(a_coroutine_can_name_itself),
        TEST(the_user_pointer_is_kept),
        TEST(options_are_not_kept),
        TEST(zeroed_options_are_the_defaults),
        TEST(create_is_a_function_as_well),
        TEST(here_is_a_string_literal),
        TEST(a_thousand_coroutines_resume_each_other),
        TEST(a_coroutine_outlives_the_one_that_created_it),
        TEST(whoever_resumes_gets_the_value),
        TEST(a_coroutine_destroys_others),
        TEST(a_hundred_thousand_come_and_go_in_random_order),
        TEST(a_coroutine_in_the_place_of_another_is_as_new),
        TEST(prefetching_changes_nothing),
        TEST(a_coroutine_is_a_generator),
        TEST(two_traversals_yield_the_same_fringe),
        TEST(stacks_are_aligned_to_16_bytes),
#ifdef __x86_64__
        TEST(vector_code_runs_on_a_coroutine),
#endif
        TEST(the_smallest_stack_is_enough_to_print),
        TEST(a_switch_leaves_errno_alone),
        TEST(a_signal_handler_runs_on_the_coroutine),
        TEST(a_coroutine_may_longjmp_within_itself),
    };

    return RUN_TESTS(tests);
}
