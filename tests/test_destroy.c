/*
 * What runs when a coroutine ends: cleanups of its frames, innermost first; then the handlers of coro_defer(), the last one first;
 * then the destructors of keys. The letters of the trace: lower case for cleanups, capitals for handlers, digits for values.
 */
#include "support/opaque_frame.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unwind.h>

static void mark_at_exit(const char *c)
{
    mark(*c);
}
#define LEAVES_MARK_(letter, line)  __attribute__((cleanup(mark_at_exit), unused)) const char at_exit_##line = letter
#define LEAVES_MARK__(letter, line) LEAVES_MARK_(letter, line)
#define LEAVES_MARK(letter)         LEAVES_MARK__(letter, __LINE__)

static void mark_arg(void *arg)
{
    mark(*(char *)arg);
}

static void *echo(void *input)
{
    return input;
}

/* Resume once with `input`, then destroy. */
static void start_and_destroy(coro_fn *fn, void *input)
{
    coro_t *co = made(fn);

    assert_int_equal(coro_resume(co, input).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- order ---- */

static coro_key_t key;

static __attribute__((noinline)) void innermost(void)
{
    LEAVES_MARK('c');
    coro_yield(NULL);
    mark('!');
}

static __attribute__((noinline)) void middle(void)
{
    LEAVES_MARK('b');
    innermost();
    mark('!');
}

static void *outermost(void *input)
{
    LEAVES_MARK('a');
    coro_defer(mark_arg, "A");
    coro_set(key, "1");
    coro_defer(mark_arg, "B");
    middle();
    mark('!');
    return input;
}

static void cleanups_then_handlers_then_values(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    start_and_destroy(outermost, NULL);
    assert_int_equal(coro_key_delete(key), 0);
    assert_string_equal(trace, "cbaBA1");
}

static void *several_in_one_frame(void *input)
{
    LEAVES_MARK('a');
    {
        LEAVES_MARK('x');
        mark('.');
    }
    LEAVES_MARK('b');
    for (int i = 0;; i++) {
        LEAVES_MARK((char)('0' + i));
        if (i == 2)
            coro_yield(input);
    }
    return NULL;
}

static void cleanups_of_one_frame_run_in_reverse(void **state)
{
    (void)state;
    start_and_destroy(several_in_one_frame, NULL);
    assert_string_equal(trace, ".x012ba");
}

static void a_body_that_returns_runs_the_same(void **state)
{
    coro_t *co;
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    co = made(outermost);
    coro_resume(co, &state);
    assert_step(coro_resume(co, NULL), CORO_RETURNED, &state);
    assert_string_equal(trace, "!c!b!aBA1");
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "!c!b!aBA1");
    assert_int_equal(coro_key_delete(key), 0);
}

static void one_that_never_ran_just_goes(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    assert_int_equal(coro_destroy(made(outermost)), 0);
    assert_int_equal(coro_key_delete(key), 0);
    assert_string_equal(trace, "");
}

static void one_without_anything_to_unwind_just_goes(void **state)
{
    (void)state;
    for (size_t i = 0; i < scaled(20000); i++) {
        coro_t *co = made(coro_yield);

        assert_step(coro_resume(co, co), CORO_YIELDED, co);
        assert_int_equal(coro_destroy(co), 0);
    }
}

/* Each frame knows its depth, and marks it only if the one below has been left just before. */
static int expected_depth, wrong_depths;

static void check_depth(const volatile int *depth)
{
    wrong_depths += *depth != expected_depth--;
}

static __attribute__((noinline)) void dive(int depth)
{
    __attribute__((cleanup(check_depth))) volatile int here = depth;
    char room[32];

    memset(room, here, sizeof room);
    if (depth < 100)
        dive(depth + 1);
    else
        coro_yield(room);
    wrong_depths += room[31] != (char)here;
}

static void *dives(void *input)
{
    dive(1);
    return input;
}

static void a_hundred_frames_are_unwound_one_by_one(void **state)
{
    (void)state;
    expected_depth = 100, wrong_depths = 0;
    start_and_destroy(dives, NULL);
    assert_int_equal(expected_depth, 0);
    assert_int_equal(wrong_depths, 0);
}

/* A variable-sized frame can only be unwound by its frame pointer, which came out of the parked frame. */
static __attribute__((noinline)) void *grows_and_yields(size_t n)
{
    LEAVES_MARK('v');
    volatile char *room = __builtin_alloca(n);

    room[0] = room[n - 1] = 1;
    return coro_yield((void *)room);
}

static void *has_frames_of_any_size(void *input)
{
    LEAVES_MARK('w');
    return grows_and_yields((size_t)input);
}

static void frames_of_variable_size_are_unwound(void **state)
{
    (void)state;
    for (size_t n = 1; n < 20000; n = n * 3 + 5)
        start_and_destroy(has_frames_of_any_size, (void *)n);
    assert_string_equal(trace, "vwvwvwvwvwvwvwvw");
}

static int compares_and_yields(const void *a, const void *b)
{
    LEAVES_MARK('q');

    if (*(const int *)a + *(const int *)b == 3)
        coro_yield(NULL);
    return *(const int *)a - *(const int *)b;
}

static void *sorts(void *input)
{
    int numbers[2] = {2, 1};
    LEAVES_MARK('s');

    qsort(numbers, 2, sizeof *numbers, compares_and_yields);
    return input;
}

static void frames_of_the_c_library_are_passed_through(void **state)
{
    (void)state;
    start_and_destroy(sorts, NULL);
    assert_string_equal(trace, "qs");
}

static void yields_under_an_opaque_frame(void *arg)
{
    LEAVES_MARK('i');
    coro_yield(arg);
}

static void *hides_behind_an_opaque_frame(void *input)
{
    LEAVES_MARK('o');
    coro_defer(mark_arg, "D");
    call_through_opaque_frame(yields_under_an_opaque_frame, input);
    return NULL;
}

static void an_opaque_frame_hides_those_below_it(void **state)
{
    (void)state;
    start_and_destroy(hides_behind_an_opaque_frame, NULL);
    assert_string_equal(trace, "iD");
}

/* An unwinder asks a frame what to do about it. This one does not know. */
_Unwind_Reason_Code does_not_know(void);

__attribute__((used, visibility("hidden"))) _Unwind_Reason_Code does_not_know(void)
{
    mark('?');
    return _URC_FATAL_PHASE2_ERROR;
}

static __attribute__((noinline)) void yields_under_a_frame_that_fails(void *input)
{
    __asm__ volatile(".cfi_personality 0x1b, does_not_know");
    (coro_yield)(input); /* not inlined: the compiler puts that call elsewhere, with a description of its own */
    __asm__ volatile("");
}

static void *hides_behind_a_frame_that_fails(void *input)
{
    LEAVES_MARK('o');
    coro_defer(mark_arg, "D");
    yields_under_a_frame_that_fails(input);
    return NULL;
}

static void so_does_one_that_cannot_be_unwound(void **state)
{
    (void)state;
    if (under_tsan())
        skip(); /* its frames have cleanups and a personality of their own */
    start_and_destroy(hides_behind_a_frame_that_fails, NULL);
    assert_string_equal(trace, "?D");
}

/* ---- coro_defer ---- */

static uintptr_t next_handler, wrong_handlers;

static void counts_down(void *arg)
{
    wrong_handlers += (uintptr_t)arg != --next_handler;
}

static void *defers_many(void *input)
{
    for (next_handler = 0; next_handler < 1000; next_handler++)
        coro_defer(counts_down, (void *)next_handler);
    if (input != NULL)
        coro_yield(NULL);
    return input;
}

static void a_thousand_handlers_run_in_reverse(void **state)
{
    coro_t *co = made(defers_many);
    (void)state;

    wrong_handlers = 0;
    assert_step(coro_resume(co, NULL), CORO_RETURNED, NULL);
    assert_int_equal(next_handler, 0);
    assert_int_equal(coro_destroy(co), 0);
    start_and_destroy(defers_many, "");
    assert_int_equal(next_handler, 0);
    assert_int_equal(wrong_handlers, 0);
}

static void defers_another(void *arg)
{
    char *letters = arg;

    mark(*letters);
    if (letters[1] != '\0')
        mark(coro_defer(defers_another, letters + 1) == 0 ? '+' : '-');
}

static void *defers_a_chain(void *input)
{
    coro_defer(mark_arg, "Z");
    coro_defer(defers_another, "ABC");
    coro_yield(input);
    return NULL;
}

static void a_handler_may_ask_for_another(void **state)
{
    coro_t *co = made(defers_a_chain);
    (void)state;

    start_and_destroy(defers_a_chain, NULL);
    assert_string_equal(trace, "A+B+CZ");
    coro_resume(co, NULL);
    assert_step(coro_resume(co, NULL), CORO_RETURNED, NULL);
    assert_string_equal(trace, "A+B+CZA+B+CZ");
    assert_int_equal(coro_destroy(co), 0);
}

static void defers_at_exit(char **letter)
{
    mark(coro_defer(mark_arg, *letter) == 0 ? '+' : '-');
}

static void *asks_in_a_cleanup(void *input)
{
    __attribute__((cleanup(defers_at_exit))) char *letter = input;

    coro_defer(mark_arg, "A");
    coro_yield(letter);
    return NULL;
}

static void a_cleanup_may_ask_for_a_handler(void **state)
{
    (void)state;
    start_and_destroy(asks_in_a_cleanup, "C");
    assert_string_equal(trace, "+CA");
}

/* ---- yielding is refused ---- */

static char refused[16];

static char tries_to_yield(void)
{
    errno = 0;
    return coro_yield(&refused) == NULL && errno == ECANCELED ? 'r' : '!';
}

static char tries_to_transfer(coro_t *to)
{
    coro_step s = coro_transfer(to, &refused);

    return s.status == -ECANCELED && s.value == NULL ? 't' : '!';
}

static coro_t *bystander;

static void is_refused(void *arg)
{
    mark(tries_to_yield());
    mark(tries_to_transfer(bystander));
    mark(*(char *)arg);
}

static void is_refused_at_exit(char *c)
{
    is_refused(c);
}

static void *yields_everywhere(void *input)
{
    __attribute__((cleanup(is_refused_at_exit))) char c = 'c';

    coro_defer(is_refused, "D");
    coro_set(key, "k");
    coro_yield(&c);
    return input;
}

static void yielding_is_refused_while_unwinding(void **state)
{
    (void)state;
    bystander = made(echo);
    assert_int_equal(coro_key_create(&key, is_refused), 0);
    start_and_destroy(yields_everywhere, NULL);
    assert_string_equal(trace, "rtcrtDrtk");
    assert_step(coro_resume(bystander, &key), CORO_RETURNED, &key);
    assert_int_equal(coro_destroy(bystander), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void *yields_in_handlers(void *input)
{
    coro_defer(is_refused, "D");
    coro_set(key, "k");
    return input;
}

static void yielding_is_refused_in_handlers_after_a_return(void **state)
{
    coro_t *co = made(yields_in_handlers);
    (void)state;

    bystander = made(echo);
    assert_int_equal(coro_key_create(&key, is_refused), 0);
    assert_step(coro_resume(co, &state), CORO_RETURNED, &state);
    assert_string_equal(trace, "rtDrtk");
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(bystander), 0);
    assert_int_equal(coro_key_delete(key), 0);
}

static void yields_at_exit(char *c)
{
    mark(coro_yield(c) != NULL ? *c : '!');
}

static void *yields_when_a_scope_ends(void *input)
{
    {
        __attribute__((cleanup(yields_at_exit))) char c = 'c';
        (void)c;
    }
    mark('.');
    return input;
}

static void a_cleanup_in_normal_course_may_yield(void **state)
{
    coro_t *co = made(yields_when_a_scope_ends);
    (void)state;

    assert_int_equal(coro_resume(co, &state).status, CORO_YIELDED);
    assert_string_equal(trace, "");
    assert_step(coro_resume(co, co), CORO_RETURNED, &state);
    assert_string_equal(trace, "c.");
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- what handlers can do ---- */

static void *yields_b_returns_c(void *input)
{
    (void)input;
    coro_yield("b");
    return "c";
}

static void uses_other_coroutines(void *arg)
{
    coro_t *other = arg, *own = NULL;

    mark(*(char *)coro_resume(other, NULL).value);
    mark(*(char *)coro_resume(other, NULL).value);
    mark(coro_destroy(other) == 0 ? '+' : '-');
    mark(coro_create(&own, yields_b_returns_c, NULL) == 0 ? '+' : '-');
    mark(*(char *)coro_resume(own, NULL).value);
    mark(coro_destroy(own) == 0 ? '+' : '-');
}

static void other_at_exit(coro_t **other)
{
    uses_other_coroutines(*other);
}

static void *holds_another(void *input)
{
    __attribute__((cleanup(other_at_exit))) coro_t *held = input;

    (void)held;
    coro_yield(NULL);
    return NULL;
}

static void *defers_another_coroutine(void *input)
{
    coro_defer(uses_other_coroutines, input);
    coro_yield(NULL);
    return NULL;
}

static void handlers_may_use_other_coroutines(void **state)
{
    (void)state;
    start_and_destroy(holds_another, made(yields_b_returns_c));
    start_and_destroy(defers_another_coroutine, made(yields_b_returns_c));
    assert_string_equal(trace, "bc++b+bc++b+");
}

struct view {
    coro_t *co, *destroyer;
    coro_t *self;
    coro_status own, of_destroyer;
    int destroyed, destroyed_self, destroyed_ancestor;
    coro_step resumed;
    void *value;
    int looks;
};

static void looks(void *arg)
{
    struct view *v = arg;

    v->self = coro_self();
    v->own = coro_get_status(v->co);
    v->of_destroyer = coro_get_status(v->destroyer);
    v->destroyed_self = coro_destroy(v->co);
    v->destroyed_ancestor = coro_destroy(v->destroyer);
    v->resumed = coro_resume(v->co, NULL);
    v->value = coro_get(key);
    v->looks++;
}

static void looks_at_exit(struct view **v)
{
    looks(*v);
}

static void *looks_in_a_handler(void *input)
{
    coro_set(key, input);
    coro_defer(looks, input);
    coro_yield(NULL);
    return NULL;
}

static void *looks_in_a_cleanup(void *input)
{
    __attribute__((cleanup(looks_at_exit))) struct view *v = input;

    coro_set(key, v);
    coro_yield(NULL);
    return NULL;
}

static void *destroys_input(void *input)
{
    struct view *v = input;

    v->destroyed = coro_destroy(v->co);
    return NULL;
}

static void assert_view(coro_fn *body)
{
    struct view v = {.co = made(body), .destroyer = made(destroys_input)};
    coro_t *co = v.co;

    coro_resume(co, &v);
    assert_step(coro_resume(v.destroyer, &v), CORO_RETURNED, NULL);
    assert_int_equal(v.looks, 1);
    assert_ptr_equal(v.self, co);
    assert_int_equal(v.own, CORO_RUNNING);
    assert_int_equal(v.of_destroyer, CORO_NORMAL);
    assert_int_equal(v.destroyed_ancestor, -EDEADLK);
    assert_step(v.resumed, -EDEADLK, NULL);
    assert_ptr_equal(v.value, &v);
    assert_int_equal(v.destroyed_self, -EDEADLK);
    assert_int_equal(v.destroyed, 0);
    assert_int_equal(coro_destroy(v.destroyer), 0);
}

static void handlers_run_as_the_coroutine_itself(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, NULL), 0);
    assert_view(looks_in_a_handler);
    assert_view(looks_in_a_cleanup);
    assert_int_equal(coro_key_delete(key), 0);
}

static int from_handler;

static void destroys_self(void *arg)
{
    (void)arg;
    from_handler = coro_destroy(coro_self());
}

static void *defers_destroying_itself(void *input)
{
    coro_defer(destroys_self, NULL);
    coro_yield(input);
    return NULL;
}

static void a_handler_cannot_destroy_its_coroutine(void **state)
{
    coro_t *co = made(defers_destroying_itself);
    (void)state;

    from_handler = 0;
    start_and_destroy(defers_destroying_itself, NULL);
    assert_int_equal(from_handler, -EDEADLK);
    from_handler = 0;
    coro_resume(co, NULL);
    coro_resume(co, NULL);
    assert_int_equal(from_handler, -EDEADLK);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- who destroys whom, and where ---- */

static void *destroys_itself_and_its_ancestor(void *input)
{
    int *results = input;

    results[0] = coro_destroy(coro_self());
    results[1] = coro_destroy(coro_user(coro_self()));
    coro_yield(NULL);
    return NULL;
}

static int results_of_child[2];

static void *has_a_child_destroy_it(void *input)
{
    coro_t *child = NULL;

    coro_create(&child, destroys_itself_and_its_ancestor, &(coro_opts){.user = coro_self()});
    coro_resume(child, results_of_child);
    coro_destroy(child);
    return input;
}

static void neither_self_nor_an_ancestor_can_be_destroyed(void **state)
{
    coro_t *co = made(has_a_child_destroy_it);
    (void)state;

    assert_step(coro_resume(co, co), CORO_RETURNED, co);
    assert_int_equal(results_of_child[0], -EDEADLK);
    assert_int_equal(results_of_child[1], -EDEADLK);
    assert_int_equal(coro_destroy(co), 0);
}

static void *transfers_away(void *input)
{
    LEAVES_MARK('a');
    coro_defer(mark_arg, "A");
    coro_transfer(input, NULL);
    mark('!');
    return NULL;
}

static void *yields_once(void *input)
{
    LEAVES_MARK('b');
    coro_yield(input);
    return NULL;
}

static void one_that_is_suspended_in_a_transfer_is_unwound(void **state)
{
    coro_t *to = made(yields_once), *co = made(transfers_away);
    (void)state;

    assert_int_equal(coro_resume(co, to).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "aA");
    assert_int_equal(coro_destroy(to), 0);
    assert_string_equal(trace, "aAb");
}

static void *destroys_in_the_middle(void *input)
{
    LEAVES_MARK('d');
    mark(coro_destroy(input) == 0 ? '+' : '-');
    coro_yield(NULL);
    return NULL;
}

static void one_coroutine_destroys_another(void **state)
{
    coro_t *victim = made(outermost), *co = made(destroys_in_the_middle);
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    coro_resume(victim, NULL);
    assert_step(coro_resume(co, victim), CORO_YIELDED, NULL);
    assert_string_equal(trace, "cbaBA1+");
    assert_int_equal(coro_destroy(co), 0);
    assert_string_equal(trace, "cbaBA1+d");
    assert_int_equal(coro_key_delete(key), 0);
}

/* Each holds the next one and destroys it in a cleanup, while it is itself being destroyed. */
enum { MATRYOSHKAS = 20 };
static int opened;

static void destroys_held(coro_t **held)
{
    if (*held != NULL && coro_destroy(*held) != 0)
        mark('!');
    opened++;
}

static void *holds_the_next(void *input)
{
    __attribute__((cleanup(destroys_held))) coro_t *held = NULL;
    uintptr_t depth = (uintptr_t)input;

    if (depth < MATRYOSHKAS) {
        coro_create(&held, holds_the_next, NULL);
        coro_resume(held, (void *)(depth + 1));
    }
    coro_yield(NULL);
    return NULL;
}

static void coroutines_that_hold_coroutines_go_together(void **state)
{
    (void)state;
    opened = 0;
    start_and_destroy(holds_the_next, (void *)1);
    assert_int_equal(opened, MATRYOSHKAS);
    assert_string_equal(trace, "");
}

static void unwinding_runs_on_memory_of_the_caller(void **state)
{
    static _Alignas(16) char memory[32768];
    (void)state;

    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    for (int i = 0; i < 3; i++) {
        coro_t *co = made_with(outermost, (coro_opts){.stack = memory, .stack_size = sizeof memory});

        memset(trace, 0, sizeof trace);
        coro_resume(co, NULL);
        assert_int_equal(coro_destroy(co), 0);
        assert_string_equal(trace, "cbaBA1");
        memset(memory, i, sizeof memory);
    }
    assert_int_equal(coro_key_delete(key), 0);
}

/* The frames below an opaque one are dropped as they are. What a sanitizer had been told of them must be forgotten with them. */
static void yields_above_arrays(void *arg)
{
    volatile char room[3][100];

    memset((void *)room, 1, sizeof room);
    coro_yield(arg);
    room[0][0] = room[2][99];
}

static void *drops_frames_with_arrays(void *input)
{
    volatile char room[200];

    memset((void *)room, 2, sizeof room);
    call_through_opaque_frame(yields_above_arrays, input);
    room[0] = room[199];
    return NULL;
}

static void memory_of_the_caller_is_his_again(void **state)
{
    char *memory = malloc(32768);
    (void)state;

    assert_non_null(memory);
    for (int i = 0; i < 3; i++) {
        coro_t *co = made_with(drops_frames_with_arrays, (coro_opts){.stack = memory, .stack_size = 32768});

        coro_resume(co, NULL);
        assert_int_equal(coro_destroy(co), 0);
        memset(memory, i, 32768);
    }
    free(memory);
}

static void destroying_leaves_errno_alone(void **state)
{
    (void)state;
    assert_int_equal(coro_key_create(&key, mark_arg), 0);
    for (int i = 0; i < 3; i++) {
        coro_t *co = made(outermost);

        coro_resume(co, NULL);
        errno = 4321;
        coro_destroy(co);
        assert_int_equal(errno, 4321);
    }
    assert_int_equal(coro_key_delete(key), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cleanups_then_handlers_then_values),
        TEST(cleanups_of_one_frame_run_in_reverse),
        TEST(a_body_that_returns_runs_the_same),
        TEST(one_that_never_ran_just_goes),
        TEST(one_without_anything_to_unwind_just_goes),
        TEST(a_hundred_frames_are_unwound_one_by_one),
        TEST(frames_of_variable_size_are_unwound),
        TEST(frames_of_the_c_library_are_passed_through),
        TEST(an_opaque_frame_hides_those_below_it),
        TEST(so_does_one_that_cannot_be_unwound),
        TEST(a_thousand_handlers_run_in_reverse),
        TEST(a_handler_may_ask_for_another),
        TEST(a_cleanup_may_ask_for_a_handler),
        TEST(yielding_is_refused_while_unwinding),
        TEST(yielding_is_refused_in_handlers_after_a_return),
        TEST(a_cleanup_in_normal_course_may_yield),
        TEST(handlers_may_use_other_coroutines),
        TEST(handlers_run_as_the_coroutine_itself),
        TEST(a_handler_cannot_destroy_its_coroutine),
        TEST(neither_self_nor_an_ancestor_can_be_destroyed),
        TEST(one_that_is_suspended_in_a_transfer_is_unwound),
        TEST(one_coroutine_destroys_another),
        TEST(coroutines_that_hold_coroutines_go_together),
        TEST(unwinding_runs_on_memory_of_the_caller),
        TEST(memory_of_the_caller_is_his_again),
        TEST(destroying_leaves_errno_alone),
    };

    return RUN_TESTS(tests);
}
