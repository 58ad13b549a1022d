/*
 * coro_transfer(): one coroutine takes another's place under its resumer.
 */
#include "support/test.h"

#include <string.h>

/* Two that know each other, and what they saw. */
struct pair {
    coro_t *a, *b, *outer;
    coro_step seen[4];
    void *inputs[4];
    coro_status of_a, of_b, of_outer;
    coro_t *self;
    size_t rounds, wrong;
};

/* ---- where values go ---- */

static void *transfers_to_b(void *input)
{
    struct pair *p = input;

    p->seen[0] = coro_transfer(p->b, p);
    return "end of a";
}

static void *yields_twice(void *input)
{
    struct pair *p = input;

    p->inputs[0] = coro_yield("one");
    p->inputs[1] = coro_yield("two");
    return "end of b";
}

static struct pair pair_of(coro_fn *a, coro_fn *b)
{
    return (struct pair){.a = made(a), .b = made(b)};
}

static void destroy_pair(struct pair *p)
{
    assert_int_equal(coro_destroy(p->a), 0);
    assert_int_equal(coro_destroy(p->b), 0);
}

static void the_value_is_the_argument_of_a_fresh_one(void **state)
{
    struct pair p = pair_of(transfers_to_b, yields_twice);
    (void)state;

    coro_step s = coro_resume(p.a, &p);
    assert_int_equal(s.status, CORO_YIELDED);
    assert_string_equal(s.value, "one");
    assert_int_equal(coro_get_status(p.a), CORO_SUSPENDED);
    assert_int_equal(coro_get_status(p.b), CORO_SUSPENDED);
    destroy_pair(&p);
}

static void the_other_yields_to_the_resumer_of_the_first(void **state)
{
    struct pair p = pair_of(transfers_to_b, yields_twice);
    int x, y;
    (void)state;

    coro_resume(p.a, &p);
    coro_step s = coro_resume(p.b, &x);
    assert_string_equal(s.value, "two");
    s = coro_resume(p.b, &y);
    assert_int_equal(s.status, CORO_RETURNED);
    assert_string_equal(s.value, "end of b");
    assert_ptr_equal(p.inputs[0], &x);
    assert_ptr_equal(p.inputs[1], &y);
    destroy_pair(&p);
}

static void the_first_gets_the_input_of_whoever_resumes_it(void **state)
{
    struct pair p = pair_of(transfers_to_b, yields_twice);
    int x;
    (void)state;

    coro_resume(p.a, &p);
    coro_step s = coro_resume(p.a, &x);
    assert_int_equal(s.status, CORO_RETURNED);
    assert_string_equal(s.value, "end of a");
    assert_step(p.seen[0], CORO_YIELDED, &x);
    destroy_pair(&p);
}

static void *returns_at_once(void *input)
{
    (void)input;
    return "at once";
}

static void the_other_returns_to_the_resumer_of_the_first(void **state)
{
    struct pair p = pair_of(transfers_to_b, returns_at_once);
    (void)state;

    coro_step s = coro_resume(p.a, &p);
    assert_int_equal(s.status, CORO_RETURNED);
    assert_string_equal(s.value, "at once");
    assert_int_equal(coro_get_status(p.b), CORO_DEAD);
    assert_int_equal(coro_get_status(p.a), CORO_SUSPENDED);
    destroy_pair(&p);
}

static void *yields_first(void *input)
{
    struct pair *p = input;

    p->inputs[0] = coro_yield("ready");
    return "resumed by transfer";
}

static void the_value_is_the_result_of_a_yield(void **state)
{
    struct pair p = pair_of(transfers_to_b, yields_first);
    (void)state;

    coro_resume(p.b, &p);
    coro_step s = coro_resume(p.a, &p);
    assert_string_equal(s.value, "resumed by transfer");
    assert_ptr_equal(p.inputs[0], &p);
    destroy_pair(&p);
}

/* ---- ping-pong ---- */

static void *ping(void *input)
{
    struct pair *p = input;

    for (uintptr_t i = 0; i < p->rounds; i++) {
        coro_step s = coro_transfer(p->b, i == 0 ? (void *)p : (void *)i);

        p->wrong += s.status != CORO_YIELDED || s.value != (void *)~i;
        p->wrong += coro_self() != p->a;
    }
    return "ping";
}

static void *pong(void *input)
{
    struct pair *p = input;

    for (uintptr_t i = 1; i < p->rounds; i++) {
        coro_step s = coro_transfer(p->a, (void *)~(i - 1));

        p->wrong += s.status != CORO_YIELDED || s.value != (void *)i;
        p->wrong += coro_self() != p->b || coro_get_status(p->a) != CORO_SUSPENDED;
    }
    coro_transfer(p->a, (void *)~(p->rounds - 1));
    return NULL;
}

static void ping_and_pong(void **state)
{
    struct pair p = pair_of(ping, pong);
    (void)state;

    p.rounds = scaled(300000);
    coro_step s = coro_resume(p.a, &p);
    assert_int_equal(s.status, CORO_RETURNED);
    assert_string_equal(s.value, "ping");
    assert_int_equal(p.wrong, 0);
    assert_int_equal(coro_get_status(p.b), CORO_SUSPENDED);
    destroy_pair(&p);
}

/* ---- statuses, chains, nesting ---- */

static void *looks_around(void *input)
{
    struct pair *p = input;

    p->of_a = coro_get_status(p->a);
    p->of_b = coro_get_status(p->b);
    p->of_outer = coro_get_status(p->outer);
    p->self = coro_self();
    coro_yield("seen");
    return NULL;
}

static void *resumes_a(void *input)
{
    struct pair *p = input;
    coro_step s = coro_resume(p->a, p);

    p->seen[3] = s;
    p->inputs[3] = coro_self();
    return NULL;
}

static void the_first_is_suspended_and_its_resumer_stays_normal(void **state)
{
    struct pair p = pair_of(transfers_to_b, looks_around);
    (void)state;

    p.outer = made(resumes_a);
    assert_step(coro_resume(p.outer, &p), CORO_RETURNED, NULL);
    assert_int_equal(p.of_a, CORO_SUSPENDED);
    assert_int_equal(p.of_b, CORO_RUNNING);
    assert_int_equal(p.of_outer, CORO_NORMAL);
    assert_ptr_equal(p.self, p.b);
    assert_int_equal(p.seen[3].status, CORO_YIELDED);
    assert_string_equal(p.seen[3].value, "seen");
    assert_ptr_equal(p.inputs[3], p.outer);
    assert_int_equal(coro_destroy(p.outer), 0);
    destroy_pair(&p);
}

static void *resumes_a_again(void *input)
{
    struct pair *p = input;

    p->seen[1] = coro_resume(p->a, p->b);
    return NULL;
}

static void the_other_may_resume_the_first(void **state)
{
    struct pair p = pair_of(transfers_to_b, resumes_a_again);
    (void)state;

    assert_step(coro_resume(p.a, &p), CORO_RETURNED, NULL);
    assert_int_equal(p.seen[1].status, CORO_RETURNED);
    assert_string_equal(p.seen[1].value, "end of a");
    assert_step(p.seen[0], CORO_YIELDED, p.b);
    destroy_pair(&p);
}

struct chain {
    coro_t *links[3];
    coro_status seen[3];
    int at;
};

static void *passes_on(void *input)
{
    struct chain *c = input;
    int mine = c->at++;

    mark((char)('a' + mine));
    if (mine < 2) {
        coro_transfer(c->links[mine + 1], c);
    } else {
        for (int i = 0; i < 3; i++)
            c->seen[i] = coro_get_status(c->links[i]);
        coro_yield("out");
    }
    mark((char)('A' + mine));
    return c->links[mine];
}

static void a_chain_of_three_comes_back_to_the_first_resumer(void **state)
{
    struct chain c = {.links = {made(passes_on), made(passes_on), made(passes_on)}};
    (void)state;

    assert_string_equal(coro_resume(c.links[0], &c).value, "out");
    assert_int_equal(c.seen[0], CORO_SUSPENDED);
    assert_int_equal(c.seen[1], CORO_SUSPENDED);
    assert_int_equal(c.seen[2], CORO_RUNNING);
    for (int i = 0; i < 3; i++)
        assert_step(coro_resume(c.links[i], NULL), CORO_RETURNED, c.links[i]);
    assert_string_equal(trace, "abcABC");
    for (int i = 0; i < 3; i++)
        assert_int_equal(coro_destroy(c.links[i]), 0);
}

static void *yields_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static void *to_b_then_echo(void *input)
{
    struct pair *p = input;
    void *value = coro_transfer(p->b, "to b").value;

    for (;;)
        value = coro_yield(value);
    return NULL;
}

static void a_yield_follows_a_transfer(void **state)
{
    struct pair p = pair_of(to_b_then_echo, yields_forever);
    int x, y;
    (void)state;

    assert_string_equal(coro_resume(p.a, &p).value, "to b");
    assert_step(coro_resume(p.a, &x), CORO_YIELDED, &x);
    assert_step(coro_resume(p.b, &y), CORO_YIELDED, &y);
    assert_step(coro_resume(p.a, NULL), CORO_YIELDED, NULL);
    destroy_pair(&p);
}

/* ---- to itself, and where it may not go ---- */

static void *transfers_to_itself(void *input)
{
    struct pair *p = input;

    p->seen[0] = coro_transfer(coro_self(), p);
    p->of_a = coro_get_status(coro_self());
    coro_yield("still here");
    return NULL;
}

static void a_transfer_to_itself_returns_at_once(void **state)
{
    struct pair p = pair_of(transfers_to_itself, yields_forever);
    (void)state;

    assert_string_equal(coro_resume(p.a, &p).value, "still here");
    assert_step(p.seen[0], CORO_YIELDED, &p);
    assert_int_equal(p.of_a, CORO_RUNNING);
    destroy_pair(&p);
}

static void *tries_outer_and_dead(void *input)
{
    struct pair *p = input;

    p->seen[0] = coro_transfer(p->outer, p);
    p->seen[1] = coro_transfer(p->b, p);
    p->seen[2] = coro_transfer(NULL, p);
    p->self = coro_self();
    p->of_outer = coro_get_status(p->outer);
    coro_yield("refused");
    return NULL;
}

static void ancestors_and_dead_ones_are_refused(void **state)
{
    struct pair p = pair_of(tries_outer_and_dead, returns_at_once);
    (void)state;

    p.outer = made(resumes_a);
    coro_resume(p.b, NULL);
    assert_step(coro_resume(p.outer, &p), CORO_RETURNED, NULL);
    assert_step(p.seen[0], -EDEADLK, NULL);
    assert_step(p.seen[1], -ESRCH, NULL);
    assert_step(p.seen[2], -EINVAL, NULL);
    assert_ptr_equal(p.self, p.a);
    assert_int_equal(p.of_outer, CORO_NORMAL);
    assert_string_equal(p.seen[3].value, "refused");
    assert_int_equal(coro_destroy(p.outer), 0);
    destroy_pair(&p);
}

static void outside_a_coroutine_it_is_refused(void **state)
{
    coro_t *co = made(yields_forever);
    (void)state;

    assert_step(coro_transfer(co, NULL), -EPERM, NULL);
    assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
    assert_step(coro_resume(co, co), CORO_YIELDED, co);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- any order ---- */

/* Who must be resumed by whom is kept in a model beside the library, and compared after every switch. */
enum { WALKERS = 8, ROOT = WALKERS };
static struct {
    coro_t *co[WALKERS];
    int resumer[WALKERS];
    int running;
    size_t steps, wrong, returned;
    void *token; /* what whoever runs next has to receive */
} world;

static int pick_suspended(void)
{
    int first = (int)random_below(WALKERS);

    for (int i = 0; i < WALKERS; i++)
        if (coro_get_status(world.co[(first + i) % WALKERS]) == CORO_SUSPENDED)
            return (first + i) % WALKERS;
    return -1;
}

static void arrived(int me, const void *received)
{
    world.wrong += world.running != me || received != world.token;
    world.wrong += coro_self() != (me == ROOT ? NULL : world.co[me]);
    if (me != ROOT)
        world.wrong += coro_get_status(world.co[me]) != CORO_RUNNING;
}

static void wander(int me)
{
    int to = pick_suspended();
    int action = (int)random_below(3);
    void *token = world.token = (void *)(uintptr_t)random64();

    if (action == 0 && me != ROOT) {
        world.running = world.resumer[me];
        arrived(me, coro_yield(token));
    } else if (action == 1 && me != ROOT && to >= 0) {
        world.running = to;
        world.resumer[to] = world.resumer[me];
        arrived(me, coro_transfer(world.co[to], token).value);
    } else if (to >= 0) {
        world.running = to;
        world.resumer[to] = me;
        arrived(me, coro_resume(world.co[to], token).value);
    }
}

static void *wanders(void *input)
{
    int me = world.running;

    arrived(me, input);
    while (world.steps > 0) {
        world.steps--;
        wander(me);
    }
    world.running = world.resumer[me];
    world.returned++;
    return world.token = world.co[me];
}

static void switches_in_any_order_follow_the_model(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    for (int i = 0; i < WALKERS; i++)
        world.co[i] = made(wanders);
    world.running = ROOT;
    world.steps = scaled(200000);
    while (pick_suspended() >= 0)
        wander(ROOT);
    assert_int_equal(world.steps, 0);
    assert_int_equal(world.wrong, 0);
    assert_int_equal(world.returned, WALKERS);
    for (int i = 0; i < WALKERS; i++)
        assert_int_equal(coro_destroy(world.co[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_value_is_the_argument_of_a_fresh_one),
        TEST(the_other_yields_to_the_resumer_of_the_first),
        TEST(the_first_gets_the_input_of_whoever_resumes_it),
        TEST(the_other_returns_to_the_resumer_of_the_first),
        TEST(the_value_is_the_result_of_a_yield),
        TEST(ping_and_pong),
        TEST(the_first_is_suspended_and_its_resumer_stays_normal),
        TEST(the_other_may_resume_the_first),
        TEST(a_chain_of_three_comes_back_to_the_first_resumer),
        TEST(a_yield_follows_a_transfer),
        TEST(a_transfer_to_itself_returns_at_once),
        TEST(ancestors_and_dead_ones_are_refused),
        TEST(outside_a_coroutine_it_is_refused),
        TEST(switches_in_any_order_follow_the_model),
    };

    return RUN_TESTS(tests);
}
