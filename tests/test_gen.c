/*
 * coro/gen.h: what each producer, combinator and loop does, edge by edge. The laws they obey together are in test_gen_laws.c,
 * what the compilers refuse in gen_misuse/.
 *
 * A `probe` yields letters for a while and then returns. It writes what happens to it into the trace: its name in lower case
 * for a yield, in upper case for its return, and a minus behind its name when it is dropped.
 */
#include "support/test.h"

#include <coro/gen.h>
#include <ctype.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

CORO_GEN(ints, int, int, int);
CORO_GEN_MAYBE(maybe_int, int);
CORO_GEN_PAIR(two_ints, int, int);

/* ---- the probe: yields 10 * input + 1, + 2, ... `left` times, then returns 100 * input ---- */

struct probe {
    ints gen;
    char name;
    int left, count;
};

static ints *probe_step(ints *gen, int in, ints_out *out)
{
    struct probe *self = (struct probe *)gen;

    if (self->left == 0) {
        mark((char)toupper(self->name));
        out->r = 100 * in;
        return NULL;
    }
    mark(self->name);
    self->left--;
    out->y = 10 * in + ++self->count;
    return gen;
}

static void probe_drop(ints *gen)
{
    mark(((struct probe *)gen)->name);
    mark('-');
}

static ints *probe(struct probe *p, char name, int left)
{
    *p = (struct probe){{probe_step, probe_drop}, name, left, 0};
    return &p->gen;
}

/* ---- step ---- */

static void a_step_takes_the_handle_and_gives_it_back_if_it_yielded(void **state)
{
    struct probe p;
    ints *g = probe(&p, 'a', 1);
    ints_out out;
    (void)state;

    assert_true(ints_step(&g, 3, &out));
    assert_int_equal(out.y, 31);
    assert_ptr_equal(g, &p.gen);
    assert_false(ints_step(&g, 4, &out));
    assert_int_equal(out.r, 400);
    assert_null(g);
    assert_string_equal(trace, "aA");
}

static ints **handle_seen;

static ints *looks_at_its_handle(ints *self, int in, ints_out *out)
{
    (void)in;
    out->y = *handle_seen == NULL;
    return self;
}

static void while_it_runs_the_handle_is_null(void **state)
{
    ints self = {looks_at_its_handle, NULL};
    ints *g = &self;
    (void)state;

    handle_seen = &g;
    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 1);
    assert_ptr_equal(g, &self);
}

static void dropping_tells_the_generator_once(void **state)
{
    struct probe p;
    ints *g = probe(&p, 'a', 1);
    (void)state;

    ints_drop(&g);
    assert_null(g);
    ints_drop(&g);
    assert_string_equal(trace, "a-");
}

static void a_generator_without_a_drop_function_can_be_dropped(void **state)
{
    ints self = {probe_step, NULL};
    ints *g = &self;
    (void)state;

    ints_drop(&g);
    assert_null(g);
}

static ints *even(ints *self, int in, ints_out *out);

static ints *odd(ints *self, int in, ints_out *out)
{
    out->y = -in;
    self->step = even;
    return self;
}

static ints *even(ints *self, int in, ints_out *out)
{
    out->y = in;
    self->step = odd;
    return self;
}

static void a_step_may_give_its_state_another_step_function(void **state)
{
    ints self = {even, NULL};
    ints *g = &self;
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 1);
    CORO_GEN_ASSERT_YIELDS(ints, g, 2, -2);
    CORO_GEN_ASSERT_YIELDS(ints, g, 3, 3);
    CORO_GEN_ASSERT_YIELDS(ints, g, 4, -4);
}

static void drop_fits_the_cleanup_attribute(void **state)
{
    struct probe p, q;
    (void)state;

    {
        ints *g __attribute__((cleanup(ints_drop))) = probe(&p, 'a', 1);
        ints *h __attribute__((cleanup(ints_drop))) = probe(&q, 'b', 0);
        ints_out out;

        assert_false(ints_step(&h, 0, &out));
        assert_ptr_equal(g, &p.gen);
    }
    assert_string_equal(trace, "Ba-");
}

/* void in a signature is coro_unit. */
CORO_GEN(voids, void, int, void);
CORO_GEN_JUST_YIELD(seven, voids);

static void void_counts_as_the_unit_type(void **state)
{
    seven s;
    voids *g = seven_init(&s, 7);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(voids, g, CORO_UNIT, 7);
    voids_drop(&g);
}

/* ---- producers ---- */

CORO_GEN_JUST_YIELD(just_yield, ints);
CORO_GEN_JUST_RETURN(just_return, ints);

static void just_yield_yields_for_ever_whatever_the_input(void **state)
{
    just_yield s;
    ints *g = just_yield_init(&s, 5);
    (void)state;

    for (int i = 0; i < 1000; i++)
        CORO_GEN_ASSERT_YIELDS(ints, g, i, 5);
    ints_drop(&g);
}

static void just_return_returns_at_once_whatever_the_input(void **state)
{
    just_return s;
    ints *g = just_return_init(&s, 5);
    (void)state;

    CORO_GEN_ASSERT_RETURNS(ints, g, 77, 5);
    assert_null(g);
}

static int twice(int x)
{
    return 2 * x;
}

static int plus(int *sum, int x)
{
    return *sum += x;
}

CORO_GEN_YIELD_WITH(yield_twice, ints, twice);
CORO_GEN_YIELD_WITH(yield_sum, ints, plus, int);
CORO_GEN_RETURN_WITH(return_twice, ints, twice);
CORO_GEN_RETURN_WITH(return_sum, ints, plus, int);

static void yield_with_yields_f_of_each_input(void **state)
{
    yield_twice s;
    ints *g = yield_twice_init(&s);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 4, 8);
    CORO_GEN_ASSERT_YIELDS(ints, g, -1, -2);
    ints_drop(&g);
}

static void captured_data_live_in_the_state(void **state)
{
    yield_sum s, t;
    ints *g = yield_sum_init(&s, 10), *h = yield_sum_init(&t, 0);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 11);
    CORO_GEN_ASSERT_YIELDS(ints, h, 1, 1);
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 12);
    ints_drop(&g);
    ints_drop(&h);
}

static void return_with_returns_f_of_the_first_input(void **state)
{
    return_twice s;
    return_sum t;
    ints *g = return_twice_init(&s), *h = return_sum_init(&t, 1);
    (void)state;

    CORO_GEN_ASSERT_RETURNS(ints, g, 4, 8);
    CORO_GEN_ASSERT_RETURNS(ints, h, 4, 5);
}

static ints *yield_then(ints **next, int in, ints_out *out)
{
    out->y = in;
    return *next;
}

static ints *return_now(int in, ints_out *out)
{
    out->r = in + 1;
    return NULL;
}

CORO_GEN_FROM_FN(from_yield, ints, yield_then, ints *);
CORO_GEN_FROM_FN(from_return, ints, return_now);

static void from_fn_decides_one_step_and_names_the_next_state(void **state)
{
    from_yield s;
    from_return t;
    ints *g = from_yield_init(&s, from_return_init(&t));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 1);
    assert_ptr_equal(g, &t.gen);
    CORO_GEN_ASSERT_RETURNS(ints, g, 2, 3);
}

static bool count_down(int *left, int in, ints_out *out)
{
    bool more = *left > 0;

    if (more)
        out->y = (*left)--;
    else
        out->r = in;
    return more;
}

static bool yield_while_positive(int in, ints_out *out)
{
    if (in > 0)
        out->y = in;
    else
        out->r = in;
    return in > 0;
}

CORO_GEN_FROM_CONTROL_FLOW(down, ints, count_down, int);
CORO_GEN_FROM_CONTROL_FLOW(positives, ints, yield_while_positive);

static void from_control_flow_decides_each_time(void **state)
{
    down s;
    positives t;
    ints *g = down_init(&s, 2), *h = positives_init(&t);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 9, 2);
    CORO_GEN_ASSERT_YIELDS(ints, g, 9, 1);
    CORO_GEN_ASSERT_RETURNS(ints, g, 9, 9);
    CORO_GEN_ASSERT_YIELDS(ints, h, 2, 2);
    CORO_GEN_ASSERT_RETURNS(ints, h, -2, -2);
}

CORO_GEN_FROM_ARRAY(elements, ints);

static void from_array_yields_the_elements_and_returns(void **state)
{
    static const int array[] = {3, 1, 2};
    elements s, t;
    ints *g = elements_init(&s, array, 3, 42), *empty = elements_init(&t, NULL, 0, 43);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 3);
    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 1);
    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 2);
    CORO_GEN_ASSERT_RETURNS(ints, g, 0, 42);
    CORO_GEN_ASSERT_RETURNS(ints, empty, 0, 43);
}

CORO_GEN(echoes, int, int, coro_unit);
CORO_GEN_LIMIT(limit, echoes);

static void limit_yields_n_inputs_and_returns(void **state)
{
    limit s;
    echoes *g = limit_init(&s, 2);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(echoes, g, 5, 5);
    CORO_GEN_ASSERT_YIELDS(echoes, g, 6, 6);
    CORO_GEN_ASSERT_RETURNS(echoes, g, 7, CORO_UNIT);
    g = limit_init(&s, 0);
    CORO_GEN_ASSERT_RETURNS(echoes, g, 7, CORO_UNIT);
}

static bool small(int x)
{
    return x < 5;
}

static bool under(int *bound, int x)
{
    return x < *bound;
}

CORO_GEN_WHILE(while_small, ints, small);
CORO_GEN_WHILE(while_under, ints, under, int);
CORO_GEN_UNTIL(until_small, ints, small);

static void while_yields_inputs_and_returns_the_first_that_fails(void **state)
{
    while_small s;
    while_under t;
    ints *g = while_small_init(&s), *h = while_under_init(&t, 8);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 4, 4);
    CORO_GEN_ASSERT_RETURNS(ints, g, 5, 5);
    CORO_GEN_ASSERT_YIELDS(ints, h, 7, 7);
    CORO_GEN_ASSERT_RETURNS(ints, h, 8, 8);
}

static void until_yields_inputs_and_returns_the_first_that_fits(void **state)
{
    until_small s;
    ints *g = until_small_init(&s);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 9, 9);
    CORO_GEN_ASSERT_YIELDS(ints, g, 5, 5);
    CORO_GEN_ASSERT_RETURNS(ints, g, 4, 4);
}

/* ---- one source ---- */

CORO_GEN(texts, int, const char *, int);

static const char *name_of(int y)
{
    mark('f');
    return y == 11 ? "eleven" : "another";
}

CORO_GEN_MAP_YIELD(named, texts, ints, name_of);
CORO_GEN_MAP_YIELD(summed, ints, ints, plus, int);

static void map_yield_maps_yields_and_leaves_the_return(void **state)
{
    struct probe p;
    named s;
    texts *g = named_init(&s, probe(&p, 'a', 2));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(texts, g, 1, "eleven");
    CORO_GEN_ASSERT_YIELDS(texts, g, 1, "another");
    CORO_GEN_ASSERT_RETURNS(texts, g, 2, 200);
    assert_string_equal(trace, "afafA");
}

static void dropping_a_map_drops_its_source(void **state)
{
    struct probe p;
    summed s;
    ints *g = summed_init(&s, probe(&p, 'a', 2), 1);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 12);
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 24);
    ints_drop(&g);
    assert_string_equal(trace, "aaa-");
}

CORO_GEN(ints_to_text, int, int, const char *);
CORO_GEN_MAP_RETURN(return_named, ints_to_text, ints, name_of);

static void map_return_maps_the_return_and_leaves_yields(void **state)
{
    struct probe p;
    return_named s;
    ints_to_text *g = return_named_init(&s, probe(&p, 'a', 1));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints_to_text, g, 1, 11);
    CORO_GEN_ASSERT_RETURNS(ints_to_text, g, 1, "another");
    assert_string_equal(trace, "aAf");
}

CORO_GEN(from_text, const char *, int, int);

static int length(const char *text)
{
    mark('f');
    return (int)strlen(text);
}

CORO_GEN_CONTRAMAP(by_length, from_text, ints, length);

static void contramap_runs_f_before_each_step(void **state)
{
    struct probe p;
    by_length s;
    from_text *g = by_length_init(&s, probe(&p, 'a', 1));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(from_text, g, "xxx", 31);
    CORO_GEN_ASSERT_RETURNS(from_text, g, "xx", 200);
    assert_string_equal(trace, "fafA");
}

CORO_GEN(nested, int, int, ints *);
CORO_GEN_FLATTEN(flat, ints, nested);

static bool yield_then_return_it(ints **inner, int in, nested_out *out)
{
    if (in == 0) {
        out->r = *inner;
        return false;
    }
    out->y = in;
    return true;
}

CORO_GEN_FROM_CONTROL_FLOW(outer, nested, yield_then_return_it, ints *);

static void flatten_passes_the_same_input_on_within_the_call(void **state)
{
    struct probe p;
    outer o;
    flat s;
    ints *g = flat_init(&s, outer_init(&o, probe(&p, 'b', 1)));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 5, 5);
    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 1); /* 10 * 0 + 1: the inner one was stepped with the outer one's last input */
    CORO_GEN_ASSERT_RETURNS(ints, g, 3, 300);
    assert_string_equal(trace, "bB");
}

static ints *then_probe(struct probe *p, int r)
{
    mark('f');
    return probe(p, 'b', r / 100);
}

CORO_GEN_FLAT_MAP(flat_mapped, ints, ints, then_probe, struct probe);

static void flat_map_goes_on_as_what_f_returns(void **state)
{
    struct probe p;
    flat_mapped s;
    ints *g = flat_mapped_init(&s, probe(&p, 'a', 1), (struct probe){.name = 'b'});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 2, 21);
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 11);
    CORO_GEN_ASSERT_RETURNS(ints, g, 4, 400);
    assert_string_equal(trace, "aAfbB");
}

static void if_both_of_a_flat_map_end_one_step_returns(void **state)
{
    struct probe p;
    flat_mapped s;
    ints *g = flat_mapped_init(&s, probe(&p, 'a', 0), (struct probe){.name = 'b'});
    (void)state;

    CORO_GEN_ASSERT_RETURNS(ints, g, 0, 0);
    assert_null(g);
    assert_string_equal(trace, "AfB");
}

static void a_flat_map_drops_whichever_part_is_alive(void **state)
{
    struct probe p;
    flat_mapped s;
    ints *g = flat_mapped_init(&s, probe(&p, 'a', 0), (struct probe){.name = 'b'});
    ints_out out;
    (void)state;

    ints_drop(&g);
    g = flat_mapped_init(&s, probe(&p, 'a', 0), (struct probe){.name = 'b'});
    assert_true(ints_step(&g, 1, &out));
    ints_drop(&g);
    assert_string_equal(trace, "a-Afbb-");
}

static ints *then_decide(struct probe *p, int r, ints_out *out)
{
    mark('f');
    if (r == 0) {
        out->r = -1;
        return NULL;
    }
    out->y = r;
    return probe(p, 'b', 1);
}

CORO_GEN_AND_THEN(and_then, ints, ints, then_decide, struct probe);

static void and_then_uses_no_input_twice(void **state)
{
    struct probe p;
    and_then s;
    ints *g = and_then_init(&s, probe(&p, 'a', 0), (struct probe){.name = 'b'});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 7, 700);
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 11);
    CORO_GEN_ASSERT_RETURNS(ints, g, 2, 200);
    assert_string_equal(trace, "AfbB");
    g = and_then_init(&s, probe(&p, 'a', 0), (struct probe){.name = 'b'});
    CORO_GEN_ASSERT_RETURNS(ints, g, 0, -1);
    assert_null(g);
}

CORO_GEN(maybes, int, int, maybe_int);
CORO_GEN_TAKE(take, maybes, ints);

static const maybe_int none = {false, 0};

static void assert_takes(maybes **g, int in, bool some, int value)
{
    maybes_out out;

    assert_false(maybes_step(g, in, &out));
    assert_int_equal(out.r.some, some);
    assert_int_equal(out.r.value, value);
}

static void take_steps_the_source_once_more_and_loses_that_yield(void **state)
{
    struct probe p;
    take s;
    maybes *g = take_init(&s, probe(&p, 'a', 5), 2);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(maybes, g, 1, 11);
    CORO_GEN_ASSERT_YIELDS(maybes, g, 1, 12);
    assert_takes(&g, 1, none.some, none.value);
    assert_string_equal(trace, "aaaa-");
    assert_int_equal(p.left, 2);
}

static void take_returns_what_the_source_returns_on_that_step(void **state)
{
    struct probe p;
    take s;
    maybes *g = take_init(&s, probe(&p, 'a', 1), 1);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(maybes, g, 1, 11);
    assert_takes(&g, 2, true, 200);
    assert_string_equal(trace, "aA");
}

static void take_0_steps_once(void **state)
{
    struct probe p;
    take s;
    maybes *g = take_init(&s, probe(&p, 'a', 1), 0);
    (void)state;

    assert_takes(&g, 1, false, 0);
    assert_string_equal(trace, "aa-");
    g = take_init(&s, probe(&p, 'b', 0), 0);
    assert_takes(&g, 1, true, 100);
    assert_string_equal(trace, "aa-B");
}

static bool until_12(int y, ints_out *out)
{
    if (y == 12)
        out->r = -y;
    else
        out->y = y + 1;
    return y != 12;
}

CORO_GEN_MAP_YIELD_WHILE(while_not_12, ints, ints, until_12);

static void map_yield_while_may_end_the_whole_and_drops_the_source(void **state)
{
    struct probe p;
    while_not_12 s;
    ints *g = while_not_12_init(&s, probe(&p, 'a', 5));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 12);
    CORO_GEN_ASSERT_RETURNS(ints, g, 1, -12);
    assert_string_equal(trace, "aaa-");
    g = while_not_12_init(&s, probe(&p, 'b', 0));
    CORO_GEN_ASSERT_RETURNS(ints, g, 1, 100);
}

CORO_GEN_PAIR(state_and_int, long, int);
CORO_GEN(threaded, state_and_int, state_and_int, int);

static bool add_up(state_and_int in, threaded_out *out)
{
    if (in.b == 0) {
        out->r = (int)in.a;
        return false;
    }
    out->y = (state_and_int){in.a + in.b, (int)in.a};
    return true;
}

CORO_GEN_FROM_CONTROL_FLOW(adder, threaded, add_up);
CORO_GEN_WITH_STATE(with_sum, ints, threaded, long);

static void with_state_carries_the_state_round(void **state)
{
    adder a;
    with_sum s;
    ints *g = with_sum_init(&s, adder_init(&a), 100);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 100);
    CORO_GEN_ASSERT_YIELDS(ints, g, 2, 101);
    CORO_GEN_ASSERT_YIELDS(ints, g, 3, 103);
    CORO_GEN_ASSERT_RETURNS(ints, g, 0, 106);
}

static void mark_it(char *c)
{
    mark(*c);
}

CORO_GEN_FINALLY(finally, ints, ints, mark_it, char);

static void finally_runs_once_however_the_source_ends(void **state)
{
    struct probe p;
    finally s;
    ints *g = finally_init(&s, probe(&p, 'a', 0), '!');
    (void)state;

    CORO_GEN_ASSERT_RETURNS(ints, g, 1, 100);
    g = finally_init(&s, probe(&p, 'b', 1), '?');
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 11);
    ints_drop(&g);
    assert_string_equal(trace, "A!bb-?");
}

/* ---- two sources ---- */

CORO_GEN_COMPOSE(composed, ints, ints, ints);

static void compose_feeds_yields_of_a_to_b(void **state)
{
    struct probe p, q;
    composed s;
    ints *g = composed_init(&s, probe(&p, 'a', 2), probe(&q, 'b', 5));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 111);
    CORO_GEN_ASSERT_YIELDS(ints, g, 2, 222);
    CORO_GEN_ASSERT_RETURNS(ints, g, 3, 300);
    assert_string_equal(trace, "ababAb-");
}

static void compose_ends_when_b_returns(void **state)
{
    struct probe p, q;
    composed s;
    ints *g = composed_init(&s, probe(&p, 'a', 2), probe(&q, 'b', 0));
    (void)state;

    CORO_GEN_ASSERT_RETURNS(ints, g, 1, 1100);
    assert_string_equal(trace, "aBa-");
}

CORO_GEN(pairs, int, two_ints, int);
CORO_GEN(pairs2, two_ints, two_ints, int);
CORO_GEN_ZIP(zipped, pairs, ints, ints);
CORO_GEN_ZIP2(zipped2, pairs2, ints, ints);

static void zip_shares_the_input_left_first(void **state)
{
    struct probe p, q;
    zipped s;
    pairs *g = zipped_init(&s, probe(&p, 'a', 1), probe(&q, 'b', 1));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(pairs, g, 3, ((two_ints){31, 31}));
    CORO_GEN_ASSERT_RETURNS(pairs, g, 4, 400);
    assert_string_equal(trace, "abAb-"); /* left returned: right is not stepped, and dropped */
}

static void zip_loses_the_left_value_when_right_returns(void **state)
{
    struct probe p, q;
    zipped s;
    pairs *g = zipped_init(&s, probe(&p, 'a', 1), probe(&q, 'b', 0));
    (void)state;

    CORO_GEN_ASSERT_RETURNS(pairs, g, 4, 400);
    assert_string_equal(trace, "aBa-");
}

static void zip2_has_an_input_for_each(void **state)
{
    struct probe p, q;
    zipped2 s;
    pairs2 *g = zipped2_init(&s, probe(&p, 'a', 1), probe(&q, 'b', 2));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(pairs2, g, ((two_ints){1, 2}), ((two_ints){11, 21}));
    CORO_GEN_ASSERT_RETURNS(pairs2, g, ((two_ints){3, 4}), 300);
    assert_string_equal(trace, "abAb-");
}

static void dropping_two_sources_drops_the_left_first(void **state)
{
    struct probe p, q;
    zipped s;
    pairs *g = zipped_init(&s, probe(&p, 'a', 1), probe(&q, 'b', 0));
    (void)state;

    pairs_drop(&g);
    assert_string_equal(trace, "a-b-");
}

CORO_GEN(joins, int, int, two_ints);
CORO_GEN_JOIN(joined, joins, ints, ints);

static void join_alternates_until_both_have_returned(void **state)
{
    struct probe p, q;
    joined s;
    joins *g = joined_init(&s, probe(&p, 'a', 2), probe(&q, 'b', 3));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(joins, g, 1, 11);
    CORO_GEN_ASSERT_YIELDS(joins, g, 2, 21);
    CORO_GEN_ASSERT_YIELDS(joins, g, 3, 32);
    CORO_GEN_ASSERT_YIELDS(joins, g, 4, 42);
    CORO_GEN_ASSERT_YIELDS(joins, g, 5, 53); /* a returned, and b was stepped with the same input */
    CORO_GEN_ASSERT_RETURNS(joins, g, 6, ((two_ints){500, 600}));
    assert_string_equal(trace, "ababAbB");
}

static void join_keeps_the_first_result_whichever_side_it_is(void **state)
{
    struct probe p, q;
    joined s;
    joins *g = joined_init(&s, probe(&p, 'a', 2), probe(&q, 'b', 0));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(joins, g, 1, 11);
    CORO_GEN_ASSERT_YIELDS(joins, g, 2, 22);
    CORO_GEN_ASSERT_RETURNS(joins, g, 3, ((two_ints){300, 200}));
    assert_string_equal(trace, "aBaA");
    g = joined_init(&s, probe(&p, 'c', 0), probe(&q, 'd', 0));
    CORO_GEN_ASSERT_RETURNS(joins, g, 4, ((two_ints){400, 400}));
    assert_string_equal(trace, "aBaACD");
}

static void dropping_a_join_drops_what_is_left(void **state)
{
    struct probe p, q;
    joined s;
    joins *g = joined_init(&s, probe(&p, 'a', 0), probe(&q, 'b', 3));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(joins, g, 1, 11);
    joins_drop(&g);
    assert_string_equal(trace, "Abb-");
}

CORO_GEN_WEAVE(weave, ints, ints);

static void weave_feeds_each_with_the_other_and_keeps_the_survivor(void **state)
{
    struct probe p, q;
    ints *a = probe(&p, 'a', 9), *b = probe(&q, 'b', 1);
    weave_out out;
    (void)state;

    assert_false(weave_run(&a, &b, 0, &out)); /* a: 1, b: 11, a: 112, b returns 11200 */
    assert_int_equal(out.b, 11200);
    assert_null(b);
    CORO_GEN_ASSERT_YIELDS(ints, a, 1, 13);
    b = probe(&q, 'b', 9);
    p.left = 0;
    assert_true(weave_run(&a, &b, 5, &out));
    assert_int_equal(out.a, 500);
    assert_null(a);
    CORO_GEN_ASSERT_YIELDS(ints, b, 1, 11);
    ints_drop(&b);
    assert_string_equal(trace, "abaBaAbb-");
}

CORO_GEN_PAIR(int_and_worker, int, ints *);
CORO_GEN(processed, int, int, int_and_worker);

static ints *new_worker(struct probe *p, int in, int *first)
{
    *first = in;
    return probe(p, 'w', in);
}

CORO_GEN_PROCESS(process, processed, ints, ints, new_worker, struct probe);

static void process_yields_what_workers_make_of_the_source(void **state)
{
    struct probe p;
    process s;
    processed *g = process_init(&s, probe(&p, 's', 3), (struct probe){.name = 'w'});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(processed, g, 0, 100);    /* source 1, worker returns 100 */
    CORO_GEN_ASSERT_YIELDS(processed, g, 1, 121300); /* source 12, worker 121, source 1213, worker returns 121300 */
    processed_drop(&g);
    assert_string_equal(trace, "sWswsWs-");
}

static void process_returns_the_unfinished_worker_with_the_source(void **state)
{
    struct probe p;
    process s;
    processed *g = process_init(&s, probe(&p, 's', 1), (struct probe){.name = 'w'});
    processed_out out;
    ints *worker;
    (void)state;

    assert_false(processed_step(&g, 1, &out)); /* source 11, worker 111, source returns 11100 */
    assert_int_equal(out.r.a, 11100);
    worker = out.r.b;
    CORO_GEN_ASSERT_RETURNS(ints, worker, 2, 200);
    assert_string_equal(trace, "swSW");
}

/* ---- stackless bodies ---- */

struct three {
    CORO_GEN_POINT;
    int i, sum;
};

static bool three_body(struct three *self, int in, ints_out *out)
{
    CORO_GEN_BEGIN(self, out);
    for (self->i = 1; self->i <= 3; self->i++) {
        self->sum += in;
        CORO_GEN_YIELD(self->i);
    }
    if (in < 0)
        CORO_GEN_RETURN(-1);
    CORO_GEN_YIELD(99);
    CORO_GEN_RETURN(self->sum + in);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(up_to_3, ints, three_body, struct three);

static void a_body_goes_on_behind_its_yield_with_the_new_input(void **state)
{
    up_to_3 s;
    ints *g = up_to_3_init(&s, (struct three){0});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 10, 1);
    CORO_GEN_ASSERT_YIELDS(ints, g, 20, 2);
    CORO_GEN_ASSERT_YIELDS(ints, g, 30, 3);
    CORO_GEN_ASSERT_YIELDS(ints, g, 40, 99);
    CORO_GEN_ASSERT_RETURNS(ints, g, 5, 65);
}

static void a_body_may_return_early(void **state)
{
    up_to_3 s;
    ints *g = up_to_3_init(&s, (struct three){0});
    (void)state;

    for (int i = 1; i <= 3; i++)
        CORO_GEN_ASSERT_YIELDS(ints, g, 1, i);
    CORO_GEN_ASSERT_RETURNS(ints, g, -1, -1);
}

/* ---- stackful bodies ---- */

struct tree {
    struct tree *left, *right;
    int value;
};

CORO_GEN_FROM_CORO(walk, ints, walk_body, const struct tree *);

static void walk_below(walk *self, const struct tree *t)
{
    if (t == NULL)
        return;
    walk_below(self, t->left);
    mark((char)('0' + walk_yield(self, t->value)));
    walk_below(self, t->right);
}

static int walk_body(walk *self, int in)
{
    mark((char)('0' + in));
    walk_below(self, self->data);
    return 77;
}

static struct tree one = {NULL, NULL, 1}, three_leaf = {NULL, NULL, 3}, root = {&one, &three_leaf, 2};

static void a_recursive_walk_is_a_generator(void **state)
{
    walk s;
    ints *g = walk_init(&s, &root, NULL);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 1);
    CORO_GEN_ASSERT_YIELDS(ints, g, 1, 2);
    CORO_GEN_ASSERT_YIELDS(ints, g, 2, 3);
    CORO_GEN_ASSERT_RETURNS(ints, g, 3, 77);
    assert_string_equal(trace, "0123");
}

static void stackful_and_stackless_mix(void **state)
{
    walk s;
    summed t;
    joined j;
    struct probe p;
    joins *g = joined_init(&j, summed_init(&t, walk_init(&s, &root, NULL), 0), probe(&p, 'p', 1));
    (void)state;

    CORO_GEN_ASSERT_YIELDS(joins, g, 0, 1);
    CORO_GEN_ASSERT_YIELDS(joins, g, 0, 1);
    CORO_GEN_ASSERT_YIELDS(joins, g, 0, 3);
    CORO_GEN_ASSERT_YIELDS(joins, g, 0, 6);
    CORO_GEN_ASSERT_RETURNS(joins, g, 0, ((two_ints){77, 0}));
}

CORO_GEN_FROM_CORO(unwinding, ints, unwinding_body);

static void mark_and_yield(unwinding **self)
{
    mark('u');
    if (unwinding_yield(*self, 5) == 3)
        mark('i'); /* the last input again: nothing was yielded */
}

static int unwinding_body(unwinding *self, int in)
{
    unwinding *guard __attribute__((cleanup(mark_and_yield))) = self;
    (void)in;

    unwinding_yield(guard, 1);
    return 0;
}

static void dropping_a_stackful_one_unwinds_it(void **state)
{
    unwinding s;
    ints *g = unwinding_init(&s, NULL);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 3, 1);
    ints_drop(&g);
    assert_string_equal(trace, "ui");
    assert_null(s.co);
}

static void dropping_a_stackful_one_before_its_first_step_runs_nothing(void **state)
{
    unwinding s;
    ints *g = unwinding_init(&s, NULL);
    (void)state;

    ints_drop(&g);
    assert_string_equal(trace, "");
}

static void a_stackful_one_that_cannot_be_made_is_null(void **state)
{
    unwinding s;
    coro_opts opts = {.stack_size = 1};
    (void)state;

    errno = 0;
    assert_null(unwinding_init(&s, &opts));
    assert_int_equal(errno, EINVAL);
}

/* ---- statically known steps ---- */

typedef struct blastoff {
    char none;
} blastoff;
typedef struct step_one {
    char none;
} step_one;
typedef struct step_two {
    char none;
} step_two;

CORO_GEN_RETURNED(blastoff, const char *);
CORO_GEN_YIELDED(step_one, int, blastoff);
CORO_GEN_YIELDED(step_two, int, step_one);

static inline blastoff_returned blastoff_resume(blastoff self, coro_unit in)
{
    (void)self;
    (void)in;
    return (blastoff_returned){"Blastoff"};
}

static inline step_one_yielded step_one_resume(step_one self, coro_unit in)
{
    (void)self;
    (void)in;
    return (step_one_yielded){1, {0}};
}

static inline step_two_yielded step_two_resume(step_two self, coro_unit in)
{
    (void)self;
    (void)in;
    return (step_two_yielded){2, {0}};
}

#define resume(state) CORO_GEN_RESUME((state), CORO_UNIT, step_two, step_one, blastoff)

static void static_steps_are_chosen_by_type(void **state)
{
    step_two_yielded first = resume((step_two){0});
    step_one_yielded second = resume(first.next);
    blastoff_returned last = resume(second.next);
    (void)state;

    assert_int_equal(first.y, 2);
    assert_int_equal(second.y, 1);
    assert_string_equal(last.r, "Blastoff");
}

CORO_GEN(countdowns, coro_unit, int, const char *);
CORO_GEN_FROM_RETURNED(blastoff_behind, countdowns, blastoff);
CORO_GEN_FROM_YIELDED(one_behind, countdowns, step_one, blastoff_behind);
CORO_GEN_FROM_YIELDED(two_behind, countdowns, step_two, one_behind);

static void static_states_can_stand_behind_a_handle(void **state)
{
    two_behind s;
    countdowns *g = two_behind_init(&s, (step_two){0});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(countdowns, g, CORO_UNIT, 2);
    CORO_GEN_ASSERT_YIELDS(countdowns, g, CORO_UNIT, 1);
    CORO_GEN_ASSERT_RETURNS(countdowns, g, CORO_UNIT, "Blastoff");
}

typedef struct from {
    int n;
} from;

CORO_GEN_YIELDED(from, int, from);

static inline from_yielded from_resume(from self, int in)
{
    (void)in;
    return (from_yielded){self.n, {self.n + 1}};
}

CORO_GEN_FROM_LOOP(from_behind, ints, from);

static void a_static_state_may_be_its_own_next(void **state)
{
    from_behind s;
    ints *g = from_behind_init(&s, (from){5});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 5);
    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 6);
    ints_drop(&g);
}

/* ---- states whose type is known ---- */

CORO_GEN_MAP_YIELD(known_sum, ints, elements, plus, int);
CORO_GEN_TAKE(known_take, maybes, known_sum);
CORO_GEN_FLAT_MAP(known_flat, ints, known_sum, then_probe, struct probe);

static void a_state_can_be_given_where_a_signature_is(void **state)
{
    static const int array[] = {1, 2, 3, 4};
    elements e;
    known_sum m;
    known_take t;
    known_take *g = known_take_make(&t, known_sum_make(&m, elements_make(&e, array, 4, 0), 0), 2);
    (void)state;

    CORO_GEN_ASSERT_YIELDS(known_take, g, 0, 1);
    CORO_GEN_ASSERT_YIELDS(known_take, g, 0, 3);
    assert_false(known_take_step(&g, 0, &(maybes_out){0}));
    assert_null(g);
    assert_null(t.source);
}

static void a_known_flat_map_goes_on_too(void **state)
{
    elements e;
    known_sum m;
    known_flat f;
    known_flat *g =
        known_flat_make(&f, known_sum_make(&m, elements_make(&e, NULL, 0, 100), 0), (struct probe){.name = 'b'});
    (void)state;

    CORO_GEN_ASSERT_YIELDS(known_flat, g, 2, 21);
    CORO_GEN_ASSERT_RETURNS(known_flat, g, 3, 300);
    g = known_flat_make(&f, known_sum_make(&m, elements_make(&e, NULL, 0, 100), 0), (struct probe){.name = 'b'});
    CORO_GEN_ASSERT_YIELDS(known_flat, g, 2, 21);
    known_flat_drop(&g);
    assert_string_equal(trace, "fbBfbb-");
}

/* ---- loops ---- */

static void mark_digit(void *context, int y)
{
    *(int *)context += y;
    mark((char)('0' + y % 10));
}

static void for_each_gives_zero_inputs_and_returns_the_result(void **state)
{
    struct probe p;
    ints *g = probe(&p, 'a', 3);
    int sum = 0;
    (void)state;

    assert_int_equal(ints_for_each(&g, mark_digit, &sum), 0);
    assert_int_equal(sum, 6);
    assert_null(g);
    assert_string_equal(trace, "a1a2a3A");
}

static int next_input(void *context, int y)
{
    *(int *)context += y;
    return y % 10 + 1;
}

static void drive_asks_f_for_the_next_input(void **state)
{
    struct probe p;
    ints *g = probe(&p, 'a', 2);
    int sum = 0;
    (void)state;

    assert_int_equal(ints_drive(&g, 5, next_input, &sum), 300); /* 51, then 2 -> 22, then 3 -> 300 */
    assert_int_equal(sum, 51 + 22);
}

static bool count_to_10(int in, ints_out *out)
{
    if (in < 10)
        out->y = in + 1;
    else
        out->r = in;
    return in < 10;
}

CORO_GEN_FROM_CONTROL_FLOW(to_10, ints, count_to_10);

static void bootstrap_feeds_it_its_own_yields(void **state)
{
    to_10 s;
    ints *g = to_10_init(&s);
    (void)state;

    assert_int_equal(ints_bootstrap(&g, 0), 10);
}

static void each_loops_over_the_yields(void **state)
{
    struct probe p;
    ints *g = probe(&p, 'a', 4);
    int sum = 0;
    (void)state;

    CORO_GEN_EACH(ints, y, g)
    {
        if (y == 2)
            continue;
        if (y == 4)
            break;
        sum += y;
    }
    assert_int_equal(sum, 1 + 3);
    assert_non_null(g);
    CORO_GEN_EACH(ints, y, g)
    fail();
    assert_null(g);
    assert_string_equal(trace, "aaaaA");
}

/* ---- constant stack ---- */

CORO_GEN_YIELD_WITH(counting, ints, plus, int);
CORO_GEN(maybe_pair, int, two_ints, maybe_int);
CORO_GEN_TAKE(take_pairs, maybe_pair, pairs);

static ints *start_counting(counting *place, int r)
{
    return counting_init(place, r);
}

CORO_GEN_FLAT_MAP(then_count, ints, ints, start_counting, counting);

static int keep_lowest(void *context, two_ints y)
{
    char **lowest = context, *here = __builtin_frame_address(0);

    if (*lowest == NULL || here < *lowest)
        *lowest = here;
    return y.a - y.a;
}

static char *lowest_in(size_t steps)
{
    counting a = {.data = 0}, b;
    just_return now;
    then_count after;
    summed sums;
    zipped z;
    take_pairs t;
    char *lowest = NULL;
    ints *left = then_count_init(&after, just_return_init(&now, 0), a);
    ints *right = summed_init(&sums, counting_init(&b, 0), 0);
    maybe_pair *g = take_pairs_init(&t, zipped_init(&z, left, right), steps);

    assert_false(maybe_pair_drive(&g, 0, keep_lowest, &lowest).some);
    return lowest;
}

static void loops_use_the_stack_of_one_step(void **state)
{
    char *of_few = lowest_in(10);
    (void)state;

    assert_ptr_equal(lowest_in(scaled(100000000)), of_few);
}

/* A chain in which each link returns and goes on as the next one: links that are done get out of the way. */
static ints *next_link(int *left, int r);
static bool yield_once(int *left, int in, ints_out *out);
CORO_GEN_FLAT_MAP(chain_link, ints, ints, next_link, int);
CORO_GEN_FROM_CONTROL_FLOW(once, ints, yield_once, int);

static struct {
    once first;
    chain_link rest;
} places[2];
static char *lowest_link;

static bool yield_once(int *left, int in, ints_out *out)
{
    bool more = *left > 0;
    char *here = __builtin_frame_address(0);
    (void)in;

    if (lowest_link == NULL || here < lowest_link)
        lowest_link = here;
    if (more)
        out->y = *left;
    else
        out->r = in;
    *left = -*left;
    return more;
}

static ints *new_link(int left)
{
    return chain_link_init(&places[left % 2].rest, once_init(&places[left % 2].first, left), left);
}

static ints *next_link(int *left, int r)
{
    return *left == 1 ? once_init(&places[0].first, 0) : (r == 0 ? new_link(*left - 1) : NULL);
}

static int links_sum(int number)
{
    ints *g = new_link(number);
    int sum = 0;

    CORO_GEN_EACH(ints, y, g)
    sum += y > 0;
    return sum;
}

static void a_chain_of_flat_maps_does_not_grow(void **state)
{
    int number = (int)scaled(1000000);
    char *of_few;
    (void)state;

    assert_int_equal(links_sum(3), 3);
    of_few = lowest_link;
    assert_int_equal(links_sum(number), number);
    assert_ptr_equal(lowest_link, of_few);
}

/* ---- misuse: each ends its program with a message ---- */

static struct child_end died_of(int (*fn)(long))
{
    struct child_end end = in_fresh_child(fn, 0);

    assert_int_equal(end.signal, SIGABRT);
    return end;
}

static void assert_dies(int (*fn)(long), const char *function, const char *what)
{
    struct child_end end = died_of(fn);

    assert_non_null(strstr(end.said, function));
    assert_non_null(strstr(end.said, what));
    assert_non_null(strstr(end.said, "called from"));
}

static int steps_after_return(long arg)
{
    just_return s;
    ints *g = just_return_init(&s, (int)arg);
    ints_out out;

    while (ints_step(&g, 0, &out))
        continue;
    ints_step(&g, 0, &out);
    return 0;
}

static int steps_a_known_state_after_return(long arg)
{
    just_return s;
    just_return *g = just_return_make(&s, (int)arg);
    ints_out out;

    just_return_step(&g, 0, &out);
    just_return_step(&g, 0, &out);
    return 0;
}

static int steps_what_was_given_away(long arg)
{
    elements e;
    summed s;
    ints *g = elements_init(&e, NULL, 0, 0), *copy = g, *h = summed_init(&s, g, 0);
    ints_out out;
    (void)arg;

    ints_step(&h, 0, &out);
    ints_step(&copy, 0, &out);
    return 0;
}

static int steps_a_stale_copy_after_drop(long arg)
{
    struct probe p;
    ints *g = probe(&p, 'a', 3), *copy = g;
    ints_out out;
    (void)arg;

    ints_drop(&g);
    ints_step(&copy, 0, &out);
    return 0;
}

static ints *copy_of_running;

static ints *steps_itself(ints *self, int in, ints_out *out)
{
    (void)self;
    ints_step(&copy_of_running, in, out);
    return self;
}

static int steps_itself_while_it_runs(long arg)
{
    ints self = {steps_itself, NULL}, *g = &self;
    ints_out out;
    (void)arg;

    copy_of_running = g;
    ints_step(&g, 0, &out);
    return 0;
}

static ints *drops_itself(ints *self, int in, ints_out *out)
{
    (void)in;
    (void)out;
    ints_drop(&copy_of_running);
    return self;
}

static int drops_itself_while_it_runs(long arg)
{
    ints self = {drops_itself, NULL}, *g = &self;
    ints_out out;
    (void)arg;

    copy_of_running = g;
    ints_step(&g, 0, &out);
    return 0;
}

static int gives_a_null_handle(long arg)
{
    joined j;
    struct probe p;
    (void)arg;

    joined_init(&j, probe(&p, 'a', 1), NULL);
    return 0;
}

static int gives_one_generator_twice(long arg)
{
    joined j;
    struct probe p;
    ints *g = probe(&p, 'a', (int)arg);

    joined_init(&j, g, g);
    return 0;
}

static bool forgets_to_return(struct three *self, int in, ints_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    CORO_GEN_YIELD(1);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(endless, ints, forgets_to_return, struct three);

static int runs_off_the_end(long arg)
{
    endless s;
    ints *g = endless_init(&s, (struct three){.i = (int)arg});
    ints_out out;

    ints_step(&g, 0, &out);
    ints_step(&g, 0, &out);
    return 0;
}

static bool yields_in_a_switch(struct three *self, int in, ints_out *out)
{
    CORO_GEN_BEGIN(self, out);
    switch (in) {
    default:
        CORO_GEN_YIELD(1);
    }
    CORO_GEN_RETURN(0);
    CORO_GEN_END;
}

CORO_GEN_FROM_CONTROL_FLOW(switching, ints, yields_in_a_switch, struct three);

static int goes_on_in_a_switch(long arg)
{
    switching s;
    ints *g = switching_init(&s, (struct three){.i = (int)arg});
    ints_out out;

    ints_step(&g, 0, &out);
    ints_step(&g, 0, &out);
    return 0;
}

CORO_GEN(never_yields, int, coro_void, int);

static never_yields *yields_all_the_same(never_yields *self, int in, never_yields_out *out)
{
    (void)in;
    (void)out;
    return self;
}

static int yields_what_has_no_values(long arg)
{
    never_yields self = {yields_all_the_same, NULL}, *g = &self;
    never_yields_out out;

    never_yields_step(&g, (int)arg, &out);
    return 0;
}

static int yields_outside_its_coroutine(long arg)
{
    walk s;
    ints *g = walk_init(&s, NULL, NULL);

    walk_yield(&s, (int)arg);
    return g == NULL;
}

static void *steps_it(void *g)
{
    ints *generator = g;
    ints_out out;

    ints_step(&generator, 0, &out);
    return NULL;
}

static int steps_a_coroutine_of_another_thread(long arg)
{
    walk s;
    ints *g = walk_init(&s, NULL, NULL);
    pthread_t thread;

    if (pthread_create(&thread, NULL, steps_it, g) != 0)
        return (int)arg + 1;
    pthread_join(thread, NULL);
    return 0;
}

/* As a compiler at run time makes it: void f(const char *, const char *, void (*misuse)(const char *, const char *)). */
#if defined(__x86_64__)
static const uint32_t code[] = {0x08ec8348, 0x9090d2ff}; /* sub $8, %rsp; call *%rdx */
#elif defined(__aarch64__)
static const uint32_t code[] = {0xa9bf7bfd, 0xd63f0040}; /* stp x29, x30, [sp, #-16]!; blr x2 */
#endif

static int errs_in_code_of_no_file(long arg)
{
    char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void (*volatile made_code)(const char *, const char *, void (*)(const char *, const char *)) = NULL;

    memcpy(page, code, sizeof code);
    memcpy((void *)&made_code, &page, sizeof page);
    if (mprotect(page, page_size(), PROT_READ | PROT_EXEC) != 0)
        return (int)arg + 1;
    __builtin___clear_cache(page, page + page_size());
    made_code("made_code", "the handle is NULL", coro_gen_misuse);
    return 0;
}

static void a_caller_that_is_in_no_file_is_an_address(void **state)
{
    struct child_end end = died_of(errs_in_code_of_no_file);
    const char *said = "made_code: the handle is NULL (called from 0x", *at = strstr(end.said, said);
    (void)state;

    assert_non_null(at);
    at += strlen(said);
    assert_true(strspn(at, "0123456789abcdef") > 4);
    at += strspn(at, "0123456789abcdef");
    assert_int_equal(strncmp(at, ")\n", 2), 0);
}

static void every_misuse_is_a_message_and_the_end(void **state)
{
    (void)state;

    assert_dies(steps_after_return, "ints_step", "the handle is NULL");
    assert_dies(steps_a_known_state_after_return, "just_return_step", "the handle is NULL");
    assert_dies(steps_what_was_given_away, "ints_step", "stale copy");
    assert_dies(steps_a_stale_copy_after_drop, "ints_step", "stale copy");
    assert_dies(steps_itself_while_it_runs, "ints_step", "is running");
    assert_dies(drops_itself_while_it_runs, "ints_drop", "is running");
    assert_dies(gives_a_null_handle, "joined_init", "the handle given is NULL");
    assert_dies(gives_one_generator_twice, "joined_init", "given twice");
    assert_dies(runs_off_the_end, "forgets_to_return", "without CORO_GEN_RETURN");
    assert_dies(goes_on_in_a_switch, "yields_in_a_switch", "switch");
    assert_dies(yields_what_has_no_values, "never_yields_step", "coro_void");
    assert_dies(yields_outside_its_coroutine, "walk_yield", "outside");
    assert_dies(steps_a_coroutine_of_another_thread, "walk_step", coro_strerror(-EPERM));
}

/* ---- the assertions ---- */

static int expects_another_int(long arg)
{
    just_yield s;
    ints *g = just_yield_init(&s, (int)arg - 5);

    CORO_GEN_ASSERT_YIELDS(ints, g, 0, 3);
    return 0;
}

static int expects_a_return(long arg)
{
    struct probe p;
    named s;
    texts *g = named_init(&s, probe(&p, 'a', 1));

    CORO_GEN_ASSERT_RETURNS(texts, g, 1, (int)arg);
    return 0;
}

static int expects_another_pair(long arg)
{
    struct probe p, q;
    zipped s;
    pairs *g = zipped_init(&s, probe(&p, 'a', 1), probe(&q, 'b', 1));

    CORO_GEN_ASSERT_YIELDS(pairs, g, (int)arg, ((two_ints){1, 2}));
    return 0;
}

static void assertions_print_both_values(void **state)
{
    (void)state;

    assert_non_null(strstr(died_of(expects_another_int).said, "ints: expected to yield 3, yielded -5"));
    assert_non_null(strstr(died_of(expects_a_return).said, "texts: expected to return 0, yielded \"eleven\""));
    assert_non_null(strstr(died_of(expects_another_pair).said, "pairs: expected to yield 01 00 00 00 02 00 00 00"));
    assert_non_null(strstr(died_of(expects_another_int).said, __FILE__));
}

/* What is said of two values of one type. */
#define MISMATCH(name, type, a, b)                                                                                     \
    static int expects_##name(long arg)                                                                                \
    {                                                                                                                  \
        type expected = a;                                                                                             \
        type got = b;                                                                                                  \
                                                                                                                       \
        coro_gen_expect("here", (int)arg, #name, true, CORO_GEN__VALUE_OF(expected), true, CORO_GEN__VALUE_OF(got));   \
        return 0;                                                                                                      \
    }

struct large {
    unsigned char bytes[200];
};

MISMATCH(chars, signed char, -1, 127)
MISMATCH(shorts, short, -2, 300)
MISMATCH(longs, long, -3, INT64_MAX)
MISMATCH(bytes, unsigned char, 255, 0)
MISMATCH(unsigned_shorts, unsigned short, 65535, 1)
MISMATCH(unsigneds, unsigned, 4294967295, 1)
MISMATCH(unsigned_longs, unsigned long, UINT64_MAX, 1)
MISMATCH(floats, float, 0.5F, 0.25F)
MISMATCH(doubles, double, 0.1, 1e300)
MISMATCH(strings, const char *, "a", "b")
MISMATCH(a_string, const char *, "a", NULL)
MISMATCH(no_string, const char *, NULL, "b")
MISMATCH(larges, struct large, {{1}}, {{2}})

static void values_of_each_type_are_printed(void **state)
{
    static const struct {
        int (*fn)(long);
        const char *said;
    } cases[] = {
        {expects_chars, "here:0: chars: expected to yield -1, yielded 127\n"},
        {expects_shorts, "expected to yield -2, yielded 300\n"},
        {expects_longs, "expected to yield -3, yielded 9223372036854775807\n"},
        {expects_bytes, "expected to yield 255, yielded 0\n"},
        {expects_unsigned_shorts, "expected to yield 65535, yielded 1\n"},
        {expects_unsigneds, "expected to yield 4294967295, yielded 1\n"},
        {expects_unsigned_longs, "expected to yield 18446744073709551615, yielded 1\n"},
        {expects_floats, "expected to yield 0.5, yielded 0.25\n"},
        {expects_doubles, "expected to yield 0.10000000000000001, yielded 1.0000000000000001e+300\n"},
        {expects_strings, "expected to yield \"a\", yielded \"b\"\n"},
        {expects_a_string, "expected to yield \"a\", yielded NULL\n"},
        {expects_no_string, "expected to yield NULL, yielded \"b\"\n"},
        {expects_larges, "expected to yield 01 00 "},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(strstr(died_of(cases[i].fn).said, cases[i].said));
}

/* Nothing happens, or the program ends here. */
static void equal_values_of_each_type_pass(void **state)
{
    const double zero = 0.0, minus_zero = -0.0;
    const float half = 0.5F, other_half = 0.5F;
    const char in_an_array[] = "text";
    const char *text = "text", *same_text = in_an_array, *no_text = NULL;
    struct large large = {{1}}, equal = {{1}};
    (void)state;

    coro_gen_expect("", 0, "", true, CORO_GEN__VALUE_OF(zero), true, CORO_GEN__VALUE_OF(minus_zero));
    coro_gen_expect("", 0, "", true, CORO_GEN__VALUE_OF(half), true, CORO_GEN__VALUE_OF(other_half));
    coro_gen_expect("", 0, "", true, CORO_GEN__VALUE_OF(text), true, CORO_GEN__VALUE_OF(same_text));
    coro_gen_expect("", 0, "", false, CORO_GEN__VALUE_OF(no_text), false, CORO_GEN__VALUE_OF(no_text));
    coro_gen_expect("", 0, "", true, CORO_GEN__VALUE_OF(large), true, CORO_GEN__VALUE_OF(equal));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_takes_the_handle_and_gives_it_back_if_it_yielded),
        TEST(while_it_runs_the_handle_is_null),
        TEST(dropping_tells_the_generator_once),
        TEST(a_generator_without_a_drop_function_can_be_dropped),
        TEST(a_step_may_give_its_state_another_step_function),
        TEST(drop_fits_the_cleanup_attribute),
        TEST(void_counts_as_the_unit_type),
        TEST(just_yield_yields_for_ever_whatever_the_input),
        TEST(just_return_returns_at_once_whatever_the_input),
        TEST(yield_with_yields_f_of_each_input),
        TEST(captured_data_live_in_the_state),
        TEST(return_with_returns_f_of_the_first_input),
        TEST(from_fn_decides_one_step_and_names_the_next_state),
        TEST(from_control_flow_decides_each_time),
        TEST(from_array_yields_the_elements_and_returns),
        TEST(limit_yields_n_inputs_and_returns),
        TEST(while_yields_inputs_and_returns_the_first_that_fails),
        TEST(until_yields_inputs_and_returns_the_first_that_fits),
        TEST(map_yield_maps_yields_and_leaves_the_return),
        TEST(dropping_a_map_drops_its_source),
        TEST(map_return_maps_the_return_and_leaves_yields),
        TEST(contramap_runs_f_before_each_step),
        TEST(flatten_passes_the_same_input_on_within_the_call),
        TEST(flat_map_goes_on_as_what_f_returns),
        TEST(if_both_of_a_flat_map_end_one_step_returns),
        TEST(a_flat_map_drops_whichever_part_is_alive),
        TEST(and_then_uses_no_input_twice),
        TEST(take_steps_the_source_once_more_and_loses_that_yield),
        TEST(take_returns_what_the_source_returns_on_that_step),
        TEST(take_0_steps_once),
        TEST(map_yield_while_may_end_the_whole_and_drops_the_source),
        TEST(with_state_carries_the_state_round),
        TEST(finally_runs_once_however_the_source_ends),
        TEST(compose_feeds_yields_of_a_to_b),
        TEST(compose_ends_when_b_returns),
        TEST(zip_shares_the_input_left_first),
        TEST(zip_loses_the_left_value_when_right_returns),
        TEST(zip2_has_an_input_for_each),
        TEST(dropping_two_sources_drops_the_left_first),
        TEST(join_alternates_until_both_have_returned),
        TEST(join_keeps_the_first_result_whichever_side_it_is),
        TEST(dropping_a_join_drops_what_is_left),
        TEST(weave_feeds_each_with_the_other_and_keeps_the_survivor),
        TEST(process_yields_what_workers_make_of_the_source),
        TEST(process_returns_the_unfinished_worker_with_the_source),
        TEST(a_body_goes_on_behind_its_yield_with_the_new_input),
        TEST(a_body_may_return_early),
        TEST(a_recursive_walk_is_a_generator),
        TEST(stackful_and_stackless_mix),
        TEST(dropping_a_stackful_one_unwinds_it),
        TEST(dropping_a_stackful_one_before_its_first_step_runs_nothing),
        TEST(a_stackful_one_that_cannot_be_made_is_null),
        TEST(static_steps_are_chosen_by_type),
        TEST(static_states_can_stand_behind_a_handle),
        TEST(a_static_state_may_be_its_own_next),
        TEST(a_state_can_be_given_where_a_signature_is),
        TEST(a_known_flat_map_goes_on_too),
        TEST(for_each_gives_zero_inputs_and_returns_the_result),
        TEST(drive_asks_f_for_the_next_input),
        TEST(bootstrap_feeds_it_its_own_yields),
        TEST(each_loops_over_the_yields),
        TEST(loops_use_the_stack_of_one_step),
        TEST(a_chain_of_flat_maps_does_not_grow),
        TEST(every_misuse_is_a_message_and_the_end),
        TEST(a_caller_that_is_in_no_file_is_an_address),
        TEST(assertions_print_both_values),
        TEST(values_of_each_type_are_printed),
        TEST(equal_values_of_each_type_pass),
    };

    return RUN_TESTS(tests);
}
