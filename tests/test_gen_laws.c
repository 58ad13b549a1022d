/*
 * coro/gen.h: the laws. Both sides of each are built from the same random case, stepped with the same inputs, and must leave
 * the same record: who was stepped with what, what functions were called with, what was dropped, what came out, in this order.
 *
 * A case that breaks a law is made smaller for as long as it still breaks it, and printed. That this finds and shrinks is
 * shown with "laws" that are wrong.
 */
#include "support/test.h"

#include <coro/gen.h>
#include <stdio.h>
#include <string.h>

enum { CASES = 10000, SCRIPTS = 3, INPUTS_MAX = 8, STEPS_MAX = 4, NUMBERS = 997, EVENTS_MAX = 256 };

/* ---- cases ---- */

/* x -> (mul * x + add) mod NUMBERS */
struct affine {
    int mul, add;
    char name;
};

/* A generator: `steps` yields and a return, each a function of its input. */
struct script {
    int steps;
    struct affine y, r;
};

struct law_case {
    struct script scripts[SCRIPTS];
    struct affine f, g;
    int inputs[INPUTS_MAX];
    int count;
};

static struct affine random_affine(char name)
{
    return (struct affine){(int)random_below(5), (int)random_below(50), name};
}

static struct law_case random_case(void)
{
    struct law_case c = {.f = random_affine('f'), .g = random_affine('g')};

    for (int i = 0; i < SCRIPTS; i++)
        c.scripts[i] = (struct script){(int)random_below(STEPS_MAX), random_affine((char)('a' + i)),
                                       random_affine((char)('A' + i))};
    c.count = 1 + (int)random_below(INPUTS_MAX);
    for (int i = 0; i < c.count; i++)
        c.inputs[i] = (int)random_below(NUMBERS);
    return c;
}

/* ---- the record ---- */

struct event {
    char who;  /* f, g: called; a, b, c: yielded; A, B, C: returned; y, r: came out */
    bool drop; /* of `who`, which is a, b or c then */
    int value;
};

static struct record {
    struct event events[EVENTS_MAX];
    int count;
} * record;

static void note(char who, bool drop, int value)
{
    if (record->count < EVENTS_MAX)
        record->events[record->count++] = (struct event){who, drop, value};
}

static int called(const struct affine *f, int x)
{
    note(f->name, false, x);
    return (f->mul * x + f->add) % NUMBERS;
}

static bool same_record(const struct record *a, const struct record *b)
{
    bool same = a->count == b->count;

    for (int i = 0; same && i < a->count; i++)
        same = a->events[i].who == b->events[i].who && a->events[i].drop == b->events[i].drop &&
               a->events[i].value == b->events[i].value;
    return same;
}

/* What is dropped within one step is dropped in the order of nesting, which re-pairing changes. */
static void sort_drops(struct record *r)
{
    for (int i = 1; i < r->count; i++)
        for (int j = i; j > 0 && r->events[j].drop && r->events[j - 1].drop && r->events[j].who < r->events[j - 1].who;
             j--) {
            struct event e = r->events[j];

            r->events[j] = r->events[j - 1];
            r->events[j - 1] = e;
        }
}

/* ---- generators ---- */

CORO_GEN_PAIR(unit_and_int, coro_unit, int);
CORO_GEN_PAIR(int_and_unit, int, coro_unit);
CORO_GEN_PAIR(two, int, int);
CORO_GEN_PAIR(left_three, two, int);
CORO_GEN_PAIR(right_three, int, two);
CORO_GEN(gens, int, int, int);
CORO_GEN(units, int, coro_unit, int);
CORO_GEN(unit_pairs, int, unit_and_int, int);
CORO_GEN(pair_units, int, int_and_unit, int);
CORO_GEN(twos, int, two, int);
CORO_GEN(left_threes, int, left_three, int);
CORO_GEN(right_threes, int, right_three, int);

struct scripted {
    gens gen;
    struct script script;
};

static gens *scripted_step(gens *gen, int in, gens_out *out)
{
    struct scripted *self = (struct scripted *)gen;

    if (self->script.steps-- == 0) {
        out->r = called(&self->script.r, in);
        return NULL;
    }
    out->y = called(&self->script.y, in);
    return gen;
}

static void scripted_drop(gens *gen)
{
    note(((struct scripted *)gen)->script.y.name, true, 0);
}

static gens *run_script(struct scripted *place, struct script script)
{
    *place = (struct scripted){{scripted_step, scripted_drop}, script};
    return &place->gen;
}

/* A generator that depends on what another returned. */
struct later {
    struct scripted *place;
    struct script script;
};

static gens *run_later(struct later *later, int r)
{
    struct script script = later->script;

    note('k', false, r);
    script.y.add = (script.y.add + r) % NUMBERS;
    script.r.add = (script.r.add + 2 * r) % NUMBERS;
    return run_script(later->place, script);
}

static int identity(int x)
{
    return x;
}

static int affine(struct affine *f, int x)
{
    return called(f, x);
}

struct both {
    struct affine first, second;
};

static int both(struct both *fs, int x)
{
    return called(&fs->second, called(&fs->first, x));
}

static int second_of(unit_and_int y)
{
    return y.b;
}

static int first_of(int_and_unit y)
{
    return y.a;
}

static int flatten_left(left_three y)
{
    return (y.a.a + 10 * y.a.b + 100 * y.b) % NUMBERS;
}

static int flatten_right(right_three y)
{
    return (y.a + 10 * y.b.a + 100 * y.b.b) % NUMBERS;
}

CORO_GEN_MAP_YIELD(same_yields, gens, gens, identity);
CORO_GEN_MAP_YIELD(mapped, gens, gens, affine, struct affine);
CORO_GEN_MAP_YIELD(mapped_twice, gens, gens, both, struct both);
CORO_GEN_MAP_RETURN(same_return, gens, gens, identity);
CORO_GEN_MAP_RETURN(return_mapped, gens, gens, affine, struct affine);
CORO_GEN_MAP_RETURN(return_mapped_twice, gens, gens, both, struct both);
CORO_GEN_CONTRAMAP(same_inputs, gens, gens, identity);
CORO_GEN_CONTRAMAP(input_mapped, gens, gens, affine, struct affine);
CORO_GEN_CONTRAMAP(input_mapped_twice, gens, gens, both, struct both);
CORO_GEN_JUST_RETURN(just_return, gens);
CORO_GEN_JUST_YIELD(just_yield, units);
CORO_GEN_FLAT_MAP(then, gens, gens, run_later, struct later);
CORO_GEN_ZIP(unit_zipped, unit_pairs, units, gens);
CORO_GEN_ZIP(zipped_unit, pair_units, gens, units);
CORO_GEN_MAP_YIELD(seconds, gens, unit_pairs, second_of);
CORO_GEN_MAP_YIELD(firsts, gens, pair_units, first_of);
CORO_GEN_ZIP(zipped, twos, gens, gens);
CORO_GEN_ZIP(zipped_left, left_threes, twos, gens);
CORO_GEN_ZIP(zipped_right, right_threes, gens, twos);
CORO_GEN_MAP_YIELD(left_flat, gens, left_threes, flatten_left);
CORO_GEN_MAP_YIELD(right_flat, gens, right_threes, flatten_right);

static gens *return_it(just_return *place, int r)
{
    return just_return_init(place, r);
}

CORO_GEN_FLAT_MAP(then_return, gens, gens, return_it, just_return);

struct then_then {
    then *place;
    struct later first, second;
};

static gens *run_both_later(struct then_then *later, int r)
{
    return then_init(later->place, run_later(&later->first, r), later->second);
}

CORO_GEN_FLAT_MAP(then_both, gens, gens, run_both_later, struct then_then);

/* The same map and flat map, of types that are known. */
CORO_GEN_MAP_YIELD(known_mapped, gens, mapped, affine, struct affine);
CORO_GEN_FLAT_MAP(known_then, gens, known_mapped, run_later, struct later);

/* Room for either side of any law. */
struct place {
    struct scripted scripted[SCRIPTS];
    same_yields same_yields;
    mapped mapped[2];
    mapped_twice mapped_twice;
    same_return same_return;
    return_mapped return_mapped[2];
    return_mapped_twice return_mapped_twice;
    same_inputs same_inputs;
    input_mapped input_mapped[2];
    input_mapped_twice input_mapped_twice;
    just_return just_return;
    just_yield just_yield;
    then then[2];
    then_return then_return;
    then_both then_both;
    unit_zipped unit_zipped;
    zipped_unit zipped_unit;
    seconds seconds;
    firsts firsts;
    zipped zipped;
    zipped_left zipped_left;
    zipped_right zipped_right;
    left_flat left_flat;
    right_flat right_flat;
    known_mapped known_mapped;
    known_then known_then;
};

static gens *script_of(struct place *p, const struct law_case *c, int i)
{
    return run_script(&p->scripted[i], c->scripts[i]);
}

static struct later later_of(struct place *p, const struct law_case *c, int i)
{
    return (struct later){&p->scripted[i], c->scripts[i]};
}

/* ---- sides ---- */

typedef gens *side(struct place *p, const struct law_case *c);

static gens *plain(struct place *p, const struct law_case *c)
{
    return script_of(p, c, 0);
}

static gens *yields_unchanged(struct place *p, const struct law_case *c)
{
    return same_yields_init(&p->same_yields, plain(p, c));
}

static gens *map_f_map_g(struct place *p, const struct law_case *c)
{
    return mapped_init(&p->mapped[1], mapped_init(&p->mapped[0], plain(p, c), c->f), c->g);
}

static gens *map_f_g(struct place *p, const struct law_case *c)
{
    return mapped_twice_init(&p->mapped_twice, plain(p, c), (struct both){c->f, c->g});
}

static gens *return_unchanged(struct place *p, const struct law_case *c)
{
    return same_return_init(&p->same_return, plain(p, c));
}

static gens *return_f_return_g(struct place *p, const struct law_case *c)
{
    return return_mapped_init(&p->return_mapped[1], return_mapped_init(&p->return_mapped[0], plain(p, c), c->f), c->g);
}

static gens *return_f_g(struct place *p, const struct law_case *c)
{
    return return_mapped_twice_init(&p->return_mapped_twice, plain(p, c), (struct both){c->f, c->g});
}

static gens *inputs_unchanged(struct place *p, const struct law_case *c)
{
    return same_inputs_init(&p->same_inputs, plain(p, c));
}

/* The outer function sees the input first. */
static gens *input_f_input_g(struct place *p, const struct law_case *c)
{
    return input_mapped_init(&p->input_mapped[1], input_mapped_init(&p->input_mapped[0], plain(p, c), c->g), c->f);
}

static gens *input_f_g(struct place *p, const struct law_case *c)
{
    return input_mapped_twice_init(&p->input_mapped_twice, plain(p, c), (struct both){c->f, c->g});
}

static gens *return_then_k(struct place *p, const struct law_case *c)
{
    return then_init(&p->then[0], just_return_init(&p->just_return, c->inputs[0]), later_of(p, c, 0));
}

/* Here k is called when it is built, there at the first step: either way before anything else. */
static gens *k_at_once(struct place *p, const struct law_case *c)
{
    struct later later = later_of(p, c, 0);

    return run_later(&later, c->inputs[0]);
}

static gens *then_just_return(struct place *p, const struct law_case *c)
{
    return then_return_init(&p->then_return, plain(p, c), (just_return){0});
}

static gens *bound_left(struct place *p, const struct law_case *c)
{
    return then_init(&p->then[1], then_init(&p->then[0], plain(p, c), later_of(p, c, 1)), later_of(p, c, 2));
}

static gens *bound_right(struct place *p, const struct law_case *c)
{
    struct then_then rest = {&p->then[0], later_of(p, c, 1), later_of(p, c, 2)};

    return then_both_init(&p->then_both, plain(p, c), rest);
}

static gens *unit_zip(struct place *p, const struct law_case *c)
{
    unit_pairs *g = unit_zipped_init(&p->unit_zipped, just_yield_init(&p->just_yield, CORO_UNIT), plain(p, c));

    return seconds_init(&p->seconds, g);
}

static gens *zip_unit(struct place *p, const struct law_case *c)
{
    pair_units *g = zipped_unit_init(&p->zipped_unit, plain(p, c), just_yield_init(&p->just_yield, CORO_UNIT));

    return firsts_init(&p->firsts, g);
}

static gens *zip_left(struct place *p, const struct law_case *c)
{
    twos *g = zipped_init(&p->zipped, script_of(p, c, 0), script_of(p, c, 1));

    return left_flat_init(&p->left_flat, zipped_left_init(&p->zipped_left, g, script_of(p, c, 2)));
}

static gens *zip_right(struct place *p, const struct law_case *c)
{
    twos *g = zipped_init(&p->zipped, script_of(p, c, 1), script_of(p, c, 2));

    return right_flat_init(&p->right_flat, zipped_right_init(&p->zipped_right, script_of(p, c, 0), g));
}

static gens *behind_handles(struct place *p, const struct law_case *c)
{
    gens *g = mapped_init(&p->mapped[1], mapped_init(&p->mapped[0], plain(p, c), c->f), c->g);

    return then_init(&p->then[0], g, later_of(p, c, 1));
}

static gens *of_known_types(struct place *p, const struct law_case *c)
{
    mapped *first = mapped_make(&p->mapped[0], plain(p, c), c->f);

    return known_then_init(&p->known_then, known_mapped_make(&p->known_mapped, first, c->g), later_of(p, c, 1));
}

/* ---- checking ---- */

static void run_side(side *build, const struct law_case *c, struct record *into)
{
    struct place place;
    gens *g;
    gens_out out;

    into->count = 0;
    record = into;
    g = build(&place, c);
    for (int i = 0; i < c->count && g != NULL; i++) {
        bool yielded = gens_step(&g, c->inputs[i], &out);

        note(yielded ? 'y' : 'r', false, yielded ? out.y : out.r);
    }
    gens_drop(&g);
}

static bool holds(side *left, side *right, const struct law_case *c)
{
    struct record of_left, of_right;

    run_side(left, c, &of_left);
    run_side(right, c, &of_right);
    sort_drops(&of_left);
    sort_drops(&of_right);
    return same_record(&of_left, &of_right);
}

/* The i-th way to make a case smaller; false where there is no such way. */
static bool smaller(struct law_case *c, int i)
{
    int *numbers[] = {&c->count,
                      &c->scripts[0].steps,
                      &c->scripts[1].steps,
                      &c->scripts[2].steps,
                      &c->f.mul,
                      &c->f.add,
                      &c->g.mul,
                      &c->g.add,
                      &c->scripts[0].y.mul,
                      &c->scripts[0].y.add,
                      &c->scripts[0].r.mul,
                      &c->scripts[0].r.add,
                      &c->scripts[1].y.mul,
                      &c->scripts[1].y.add,
                      &c->scripts[1].r.mul,
                      &c->scripts[1].r.add,
                      &c->scripts[2].y.mul,
                      &c->scripts[2].y.add,
                      &c->scripts[2].r.mul,
                      &c->scripts[2].r.add,
                      &c->inputs[0],
                      &c->inputs[1],
                      &c->inputs[2],
                      &c->inputs[3],
                      &c->inputs[4],
                      &c->inputs[5],
                      &c->inputs[6],
                      &c->inputs[7]};
    int least = i / 2 == 0; /* a case without inputs says nothing */

    if (*numbers[i / 2] <= least)
        return false;
    *numbers[i / 2] = i % 2 == 0 ? least : *numbers[i / 2] - 1;
    return true;
}

enum { WAYS = 2 * (4 + 4 + 12 + INPUTS_MAX) };

static void shrink(side *left, side *right, struct law_case *c)
{
    for (int i = 0; i < WAYS; i++) {
        struct law_case candidate = *c;

        if (smaller(&candidate, i) && !holds(left, right, &candidate)) {
            *c = candidate;
            i = -1;
        }
    }
}

/* Look for a case that breaks the law, and make it small. */
static bool broken_by(side *left, side *right, struct law_case *c)
{
    for (int i = 0; i < CASES; i++) {
        *c = random_case();
        if (!holds(left, right, c)) {
            shrink(left, right, c);
            return true;
        }
    }
    return false;
}

static void print_record(const char *name, side *build, const struct law_case *c)
{
    struct record r;

    run_side(build, c, &r);
    print_error("%s:", name);
    for (int i = 0; i < r.count; i++)
        print_error(r.events[i].drop ? " %c-" : " %c%d", r.events[i].who, r.events[i].value);
    print_error("\n");
}

static void print_case(side *left, side *right, const struct law_case *c)
{
    for (int i = 0; i < SCRIPTS; i++)
        print_error("%c: %d yields of %dx+%d, returns %dx+%d\n", 'a' + i, c->scripts[i].steps, c->scripts[i].y.mul,
                    c->scripts[i].y.add, c->scripts[i].r.mul, c->scripts[i].r.add);
    print_error("f: %dx+%d, g: %dx+%d; %d inputs:", c->f.mul, c->f.add, c->g.mul, c->g.add, c->count);
    for (int i = 0; i < c->count; i++)
        print_error(" %d", c->inputs[i]);
    print_error("\n");
    print_record("left", left, c);
    print_record("right", right, c);
}

#define LAW(name, left, right)                                                                                         \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        struct law_case c;                                                                                             \
        (void)state;                                                                                                   \
                                                                                                                       \
        if (broken_by(left, right, &c)) {                                                                              \
            print_case(left, right, &c);                                                                               \
            fail();                                                                                                    \
        }                                                                                                              \
    }

LAW(mapping_yields_by_the_identity_changes_nothing, yields_unchanged, plain)
LAW(mapping_yields_twice_is_mapping_them_by_both, map_f_map_g, map_f_g)
LAW(mapping_the_return_by_the_identity_changes_nothing, return_unchanged, plain)
LAW(mapping_the_return_twice_is_mapping_it_by_both, return_f_return_g, return_f_g)
LAW(mapping_inputs_by_the_identity_changes_nothing, inputs_unchanged, plain)
LAW(mapping_inputs_twice_is_mapping_them_by_both, input_f_input_g, input_f_g)
LAW(just_return_is_a_left_identity_of_flat_map, return_then_k, k_at_once)
LAW(just_return_is_a_right_identity_of_flat_map, then_just_return, plain)
LAW(flat_map_is_associative, bound_left, bound_right)
LAW(just_yield_is_a_left_identity_of_zip, unit_zip, plain)
LAW(just_yield_is_a_right_identity_of_zip, zip_unit, plain)
LAW(zip_is_associative_but_for_the_pairing, zip_left, zip_right)
LAW(a_known_type_changes_nothing, of_known_types, behind_handles)

/* ---- what is no law ---- */

static gens *zip_swapped(struct place *p, const struct law_case *c)
{
    twos *g = zipped_init(&p->zipped, script_of(p, c, 1), script_of(p, c, 0));

    return left_flat_init(&p->left_flat, zipped_left_init(&p->zipped_left, g, script_of(p, c, 2)));
}

static gens *map_f(struct place *p, const struct law_case *c)
{
    return mapped_init(&p->mapped[0], plain(p, c), c->f);
}

static gens *map_g_f(struct place *p, const struct law_case *c)
{
    return mapped_twice_init(&p->mapped_twice, plain(p, c), (struct both){c->g, c->f});
}

static void what_is_no_law_is_found_and_shrunk(void **state)
{
    struct law_case c;
    (void)state;

    assert_true(broken_by(zip_swapped, zip_left, &c));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.scripts[0].steps + c.scripts[1].steps + c.scripts[2].steps, 0);

    assert_true(broken_by(map_f, plain, &c));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.scripts[0].steps, 1);
    assert_int_equal(c.inputs[0], 0);

    assert_true(broken_by(map_f_map_g, map_g_f, &c));
    assert_int_equal(c.count, 1);
    assert_int_equal(c.scripts[0].steps, 1);
    assert_int_equal(c.scripts[0].y.mul + c.scripts[0].y.add, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mapping_yields_by_the_identity_changes_nothing),
        TEST(mapping_yields_twice_is_mapping_them_by_both),
        TEST(mapping_the_return_by_the_identity_changes_nothing),
        TEST(mapping_the_return_twice_is_mapping_it_by_both),
        TEST(mapping_inputs_by_the_identity_changes_nothing),
        TEST(mapping_inputs_twice_is_mapping_them_by_both),
        TEST(just_return_is_a_left_identity_of_flat_map),
        TEST(just_return_is_a_right_identity_of_flat_map),
        TEST(flat_map_is_associative),
        TEST(just_yield_is_a_left_identity_of_zip),
        TEST(just_yield_is_a_right_identity_of_zip),
        TEST(zip_is_associative_but_for_the_pairing),
        TEST(a_known_type_changes_nothing),
        TEST(what_is_no_law_is_found_and_shrunk),
    };

    random_seed(20);
    return RUN_TESTS(tests);
}
