/*
 * The switch: what it must preserve is preserved, on both sides, through resume, yield, transfer, return and destroy.
 *
 * registers_changed() calls the library's routines directly, with a pattern in every callee-saved register; what it reports is
 * gathered in `changed`, a bit a register.
 */
#define USUAL_FLAGS 0 /* flags are what these tests are about */
#include "support/fpenv.h"
#include "support/registers.h"
#include "support/test.h"

#include <fenv.h>
#include <string.h>

static uint32_t changed;

#ifdef CORO_INLINE
/* Here a compiler must do its part: save what the switch says it changes. */
static __attribute__((noinline)) coro_step resume_routine(coro_t *co, void *input)
{
    return coro_resume(co, input);
}

static __attribute__((noinline)) void *yield_routine(void *output)
{
    return coro_yield(output);
}
#else
#    define resume_routine coro_resume
#    define yield_routine  coro_yield
#endif

static coro_step resume_filled(coro_t *co, void *input)
{
    coro_step step = {0, NULL};

    changed |= registers_changed(random64(), (void (*)(void))resume_routine, co, input, &step);
    return step;
}

static void *yield_filled(void *output)
{
    coro_step step = {0, NULL};

    changed |= registers_changed(random64(), (void (*)(void))yield_routine, output, NULL, &step);
    return (void *)(uintptr_t)step.status; /* the first of the two registers */
}

static coro_step transfer_filled(coro_t *to, void *value)
{
    coro_step step = {0, NULL};

    changed |= registers_changed(random64(), (void (*)(void))coro_transfer, to, value, &step);
    return step;
}

static int destroy_filled(coro_t *co)
{
    coro_step step = {0, NULL};

    changed |= registers_changed(random64(), (void (*)(void))coro_destroy, co, NULL, &step);
    return (int)step.status;
}

/* ---- general registers ---- */

static void every_register_that_a_callee_changes_is_noticed(void **state)
{
    coro_step step = {0, NULL};
    (void)state;

    assert_int_equal(registers_changed(1, (void (*)(void))coro_self, NULL, NULL, &step), 0);
    assert_int_equal(step.status, 0);
    for (int i = 0; i < CLOBBERS; i++)
        assert_int_equal(registers_changed(random64(), clobbers[i], NULL, NULL, &step), 1u << clobbered_bit(i));
}

static void *yields_filled(void *input)
{
    while (input != NULL)
        input = yield_filled(input);
    return &changed;
}

static void resume_and_yield_preserve_registers(void **state)
{
    coro_t *co = made(yields_filled);
    (void)state;

    changed = 0;
    for (uintptr_t i = 1; i <= scaled(100000); i++)
        assert_step(resume_filled(co, (void *)i), CORO_YIELDED, (void *)i);
    assert_step(resume_filled(co, NULL), CORO_RETURNED, &changed);
    assert_int_equal(changed, 0);
    assert_int_equal(coro_destroy(co), 0);
}

static void so_they_do_without_keeping_control_words(void **state)
{
    coro_t *co = made_with(yields_filled, (coro_opts){.flags = CORO_NO_FPENV});
    (void)state;

    changed = 0;
    for (uintptr_t i = 1; i <= scaled(100000); i++)
        assert_step(resume_filled(co, (void *)i), CORO_YIELDED, (void *)i);
    assert_step(resume_filled(co, NULL), CORO_RETURNED, &changed);
    assert_int_equal(changed, 0);
    assert_int_equal(coro_destroy(co), 0);
}

static void *changes_rounding_and_yields_filled(void *input)
{
    for (unsigned mode = 1; input != NULL; mode++) {
        fp_set_control(fp_rounding(mode));
        input = yield_filled(input);
    }
    fp_set_control(fp_rounding(3));
    return &changed;
}

static void so_they_do_when_control_words_differ(void **state)
{
    coro_t *co = made(changes_rounding_and_yields_filled);
    (void)state;

    changed = 0;
    for (uintptr_t i = 1; i <= 1000; i++)
        assert_step(resume_filled(co, (void *)i), CORO_YIELDED, (void *)i);
    assert_step(resume_filled(co, NULL), CORO_RETURNED, &changed);
    assert_int_equal(changed, 0);
    assert_int_equal(fp_control(), fp_rounding(0));
    assert_int_equal(coro_destroy(co), 0);
}

static void refusals_preserve_registers(void **state)
{
    coro_t *co = made(yields_filled);
    (void)state;

    changed = 0;
    resume_filled(co, NULL);
    assert_step(resume_filled(co, co), -ESRCH, NULL);
    assert_step(resume_filled(NULL, co), -EINVAL, NULL);
    assert_step(transfer_filled(co, co), -EPERM, NULL);
    assert_null(yield_filled(co));
    assert_int_equal(destroy_filled(NULL), -EINVAL);
    assert_int_equal(changed, 0);
    assert_int_equal(coro_destroy(co), 0);
}

static void mark_arg(void *arg)
{
    changed |= registers_changed(random64(), (void (*)(void))coro_yield, arg, NULL, &(coro_step){0, NULL});
    mark(*(char *)arg);
}

static void *defers_and_yields_filled(void *input)
{
    coro_defer(mark_arg, "d");
    yield_filled(input);
    return NULL;
}

static void destroy_preserves_registers(void **state)
{
    (void)state;
    changed = 0;
    for (unsigned flags = 0; flags <= CORO_NO_FPENV; flags++) {
        coro_t *suspended = made_with(defers_and_yields_filled, (coro_opts){.flags = flags});
        coro_t *fresh = made(yields_filled);

        resume_filled(suspended, &suspended);
        assert_int_equal(destroy_filled(suspended), 0);
        assert_int_equal(destroy_filled(fresh), 0);
    }
    assert_int_equal(changed, 0);
    assert_string_equal(trace, "dd");
}

/* ---- all of it in any order: registers and control words against a model ---- */

/* A coroutine with CORO_NO_FPENV uses its resumer's words, whoever that is by now; the others have their own. */
enum { WALKERS = 8, ROOT = WALKERS };
static struct {
    coro_t *co[WALKERS];
    bool shares[WALKERS + 1];
    uint64_t words[WALKERS + 1];
    int resumer[WALKERS];
    int running;
    size_t steps, wrong, switches;
} world;

static uint64_t *words_of(int i)
{
    while (world.shares[i])
        i = world.resumer[i];
    return &world.words[i];
}

static int pick_suspended(void)
{
    int first = (int)random_below(WALKERS);

    for (int i = 0; i < WALKERS; i++)
        if (coro_get_status(world.co[(first + i) % WALKERS]) == CORO_SUSPENDED)
            return (first + i) % WALKERS;
    return -1;
}

static void arrived(int me)
{
    world.wrong += world.running != me || fp_control() != *words_of(me);
    world.switches++;
}

static void set_words(int me)
{
    *words_of(me) = fp_rounding((unsigned)random_below(4));
    fp_set_control(*words_of(me));
}

static void wander(int me)
{
    int to = pick_suspended(), action = (int)random_below(4);

    if (action == 0) {
        set_words(me);
    } else if (action == 1 && me != ROOT) {
        world.running = world.resumer[me];
        yield_filled(NULL);
        arrived(me);
    } else if (action == 2 && me != ROOT && to >= 0) {
        world.running = to;
        world.resumer[to] = world.resumer[me];
        transfer_filled(world.co[to], NULL);
        arrived(me);
    } else if (to >= 0) {
        world.running = to;
        world.resumer[to] = me;
        resume_filled(world.co[to], NULL);
        arrived(me);
    }
}

static void *wanders(void *input)
{
    int me = world.running;

    (void)input;
    arrived(me);
    while (world.steps > 0) {
        world.steps--;
        wander(me);
    }
    world.running = world.resumer[me];
    return NULL;
}

static void wander_all(unsigned sharing)
{
    memset(&world, 0, sizeof world);
    world.running = ROOT;
    for (int i = 0; i < WALKERS; i++) {
        world.shares[i] = (sharing >> i & 1) != 0;
        world.words[i] = fp_rounding((unsigned)random_below(4));
        fp_set_control(world.words[i]);
        world.co[i] = made_with(wanders, (coro_opts){.flags = world.shares[i] ? CORO_NO_FPENV : 0});
    }
    world.words[ROOT] = fp_control();
    world.steps = scaled(20000);
    while (pick_suspended() >= 0)
        wander(ROOT);
    for (int i = 0; i < WALKERS; i++)
        coro_destroy(world.co[i]);
    fp_set_control(fp_rounding(0));
}

static void switches_in_any_order_keep_registers_and_control_words(void **state)
{
    static const unsigned sharings[] = {0x00, 0xff, 0x55, 0x0f, 0x92, 0x01, 0xfe};
    (void)state;

    changed = 0;
    for (size_t i = 0; i < sizeof sharings / sizeof *sharings; i++) {
        wander_all(sharings[i]);
        assert_int_equal(world.wrong, 0);
        assert_true(world.switches > scaled(20000) / 4);
    }
    assert_int_equal(changed, 0);
}

/* ---- one coroutine, many lives ---- */

/* What a life has in it. */
enum { SETS_WORDS = 1, DEFERS = 2, YIELDS = 4, TRANSFERS = 8, LIVES = 16 };
static coro_t *partner;
static size_t deferred;

static void count_up(void *arg)
{
    ++*(size_t *)arg;
}

static void fill_registers(void)
{
    changed |= registers_changed(random64(), (void (*)(void))coro_self, NULL, NULL, &(coro_step){0, NULL});
}

static void *lives(void *input)
{
    unsigned life = *(const unsigned *)input;

    if ((life & SETS_WORDS) != 0)
        fp_set_control(fp_rounding(1));
    if ((life & DEFERS) != 0)
        coro_defer(count_up, &deferred);
    if ((life & YIELDS) != 0)
        yield_filled(input);
    if ((life & TRANSFERS) != 0)
        transfer_filled(partner, input);
    fill_registers();
    return input;
}

static void *returns_filled(void *input)
{
    fill_registers();
    return input;
}

/* Its own registers are other ones at every resume: an end that left it those of the first one would be seen. */
static void live(unsigned life, unsigned flags, const char *name)
{
    coro_t *co = made_with(lives, (coro_opts){.flags = flags, .name = name});

    assert_string_equal(coro_name(co), name != NULL ? name : "");
    deferred = 0;
    if ((life & YIELDS) != 0)
        assert_step(resume_filled(co, &life), CORO_YIELDED, &life);
    if ((life & TRANSFERS) != 0) {
        partner = made_with(returns_filled, (coro_opts){.flags = random_below(2) ? CORO_NO_FPENV : 0});
        assert_step(resume_filled(co, &life), CORO_RETURNED, &life);
        assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
        assert_int_equal(coro_destroy(partner), 0);
    }
    assert_step(resume_filled(co, &life), CORO_RETURNED, &life);
    assert_int_equal(deferred, (life & DEFERS) != 0);
    assert_int_equal(fp_control(), fp_rounding((life & SETS_WORDS) != 0 && flags == CORO_NO_FPENV ? 1 : 0));
    fp_set_control(fp_rounding(0));
    assert_int_equal(coro_destroy(co), 0);
}

static void lives_of_one_coroutine_in_any_order_preserve_registers(void **state)
{
    (void)state;
    changed = 0;
    for (size_t i = 0; i < scaled(20000); i++)
        live((unsigned)random_below(LIVES), (unsigned)random_below(2) ? CORO_NO_FPENV : 0,
             random_below(4) == 0 ? "named" : NULL);
    assert_int_equal(changed, 0);
}

/* ---- floating-point control words, one by one ---- */

struct fp_log {
    uint64_t own, seen[3];
};

static void *keeps_its_own(void *input)
{
    struct fp_log *log = input;

    log->seen[0] = fp_control();
    fp_set_control(log->own);
    coro_yield(NULL);
    log->seen[1] = fp_control();
    coro_yield(NULL);
    log->seen[2] = fp_control();
    return NULL;
}

/* Two sets of words, one on each side, through resume, yield and return. */
static void assert_kept_apart(uint64_t outside, uint64_t inside)
{
    struct fp_log log = {.own = inside};
    coro_t *co = made(keeps_its_own);
    uint64_t before = fp_control(), after[3];

    for (int i = 0; i < 3; i++) {
        fp_set_control(outside);
        coro_resume(co, &log);
        after[i] = fp_control();
        fp_set_control(before);
    }
    assert_int_equal(log.seen[0], before);
    assert_int_equal(log.seen[1], inside);
    assert_int_equal(log.seen[2], inside);
    for (int i = 0; i < 3; i++)
        assert_int_equal(after[i], outside);
    assert_int_equal(coro_destroy(co), 0);
}

static void rounding_modes_are_kept_apart(void **state)
{
    (void)state;
    for (unsigned outside = 0; outside < 4; outside++)
        for (unsigned inside = 0; inside < 4; inside++)
            assert_kept_apart(fp_rounding(outside), fp_rounding(inside));
}

static void every_control_bit_is_kept_apart(void **state)
{
    uint64_t usual = fp_control();
    int tried = 0;
    (void)state;

    fp_set_status(0); /* an unmasked exception that is already raised would trap */
    for (unsigned n = 0; n < FP_VARIANTS && !under_valgrind(); n++) {
        if (!fp_keeps(fp_variant(n)))
            continue;
        assert_kept_apart(usual, fp_variant(n));
        assert_kept_apart(fp_variant(n), usual);
        tried++;
    }
    if (under_valgrind())
        skip(); /* it knows rounding only */
    assert_true(tried >= 3);
}

static void rounding_of_the_c_library_is_kept_apart(void **state)
{
    struct fp_log log = {.own = fp_rounding(1)};
    coro_t *co = made(keeps_its_own);
    int rounding;
    (void)state;

    fesetround(FE_UPWARD);
    coro_resume(co, &log);
    rounding = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(rounding, FE_UPWARD);
    assert_int_equal(coro_destroy(co), 0);
}

static void a_new_one_starts_with_the_words_of_its_creator(void **state)
{
    struct fp_log log = {.own = fp_rounding(2)};
    coro_t *co;
    (void)state;

    fp_set_control(fp_rounding(1));
    co = made(keeps_its_own);
    fp_set_control(fp_rounding(3));
    coro_resume(co, &log);
    uint64_t after = fp_control();
    fp_set_control(fp_rounding(0));
    assert_int_equal(log.seen[0], fp_rounding(1));
    assert_int_equal(after, fp_rounding(3));
    assert_int_equal(coro_destroy(co), 0);
}

static void *creates_under_its_own_words(void *input)
{
    coro_t *co = NULL;

    fp_set_control(fp_rounding(2));
    coro_create(&co, keeps_its_own, input);
    return co;
}

static void also_if_its_creator_is_a_coroutine(void **state)
{
    struct fp_log log = {.own = fp_rounding(1)};
    coro_t *creator = made(creates_under_its_own_words), *co = coro_resume(creator, NULL).value;
    (void)state;

    coro_resume(co, &log);
    assert_int_equal(fp_control(), fp_rounding(0));
    assert_int_equal(log.seen[0], fp_rounding(2));
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(creator), 0);
}

static void no_fpenv_shares_them(void **state)
{
    struct fp_log log = {.own = fp_rounding(2)};
    coro_t *co = made_with(keeps_its_own, (coro_opts){.flags = CORO_NO_FPENV});
    uint64_t after;
    (void)state;

    fp_set_control(fp_rounding(1));
    coro_resume(co, &log);
    after = fp_control();
    fp_set_control(fp_rounding(3));
    coro_resume(co, &log);
    coro_resume(co, &log);
    fp_set_control(fp_rounding(0));
    assert_int_equal(log.seen[0], fp_rounding(1));
    assert_int_equal(after, fp_rounding(2));
    assert_int_equal(log.seen[1], fp_rounding(3));
    assert_int_equal(log.seen[2], fp_rounding(3));
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- through a transfer: a sets words and transfers to b, which sets others and yields to the resumer ---- */

struct fp_pair {
    coro_t *b;
    uint64_t b_starts, b_goes_on, a_goes_on;
};

static void *sets_and_transfers(void *input)
{
    struct fp_pair *p = input;

    fp_set_control(fp_rounding(1));
    coro_transfer(p->b, p);
    p->a_goes_on = fp_control();
    return NULL;
}

static void *sets_and_yields(void *input)
{
    struct fp_pair *p = input;

    p->b_starts = fp_control();
    fp_set_control(fp_rounding(2));
    coro_yield(NULL);
    p->b_goes_on = fp_control();
    return NULL;
}

static void transfers_between_keepers_and_sharers(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 4; flags++) {
        bool a_shares = flags & 1, b_shares = flags & 2;
        struct fp_pair p = {.b = made_with(sets_and_yields, (coro_opts){.flags = b_shares ? CORO_NO_FPENV : 0})};
        coro_t *a = made_with(sets_and_transfers, (coro_opts){.flags = a_shares ? CORO_NO_FPENV : 0});
        uint64_t root;

        fp_set_control(fp_rounding(3));
        coro_resume(a, &p);
        root = fp_control();
        fp_set_control(fp_rounding(3));
        coro_resume(a, NULL);
        fp_set_control(fp_rounding(3));
        coro_resume(p.b, NULL);
        fp_set_control(fp_rounding(0));

        assert_int_equal(p.b_starts, fp_rounding(b_shares ? a_shares ? 1 : 3 : 0));
        assert_int_equal(root, fp_rounding(b_shares ? 2 : a_shares ? 1 : 3));
        assert_int_equal(p.a_goes_on, fp_rounding(a_shares ? 3 : 1));
        assert_int_equal(p.b_goes_on, fp_rounding(b_shares ? 3 : 2));
        assert_int_equal(coro_destroy(a), 0);
        assert_int_equal(coro_destroy(p.b), 0);
    }
}

/* ---- destroy ---- */

static uint64_t seen_by_handler;

static void looks_and_changes(void *arg)
{
    (void)arg;
    seen_by_handler = fp_control();
    fp_set_control(fp_rounding(2));
}

static void *defers_under_its_own_words(void *input)
{
    coro_defer(looks_and_changes, NULL);
    fp_set_control(fp_rounding(1));
    if (input != NULL)
        coro_yield(NULL);
    return NULL;
}

static void handlers_run_under_the_words_of_their_coroutine(void **state)
{
    (void)state;
    for (int suspend = 0; suspend < 2; suspend++) {
        coro_t *co = made(defers_under_its_own_words);

        seen_by_handler = 0;
        fp_set_control(fp_rounding(3));
        coro_resume(co, suspend ? "" : NULL);
        coro_destroy(co);
        uint64_t after = fp_control();
        fp_set_control(fp_rounding(0));
        assert_int_equal(seen_by_handler, fp_rounding(1));
        assert_int_equal(after, fp_rounding(3));
    }
}

/* ---- status flags ---- */

static bool status_flags_exist(void)
{
    bool exist;

    fp_set_status(1);
    exist = fp_status() == 1;
    fp_set_status(0);
    return exist;
}

static uint32_t status_seen;

static void *raises_more(void *input)
{
    fp_set_control(*(uint64_t *)input);
    for (uint32_t bit = 2; bit < 32; bit *= 2) {
        status_seen = fp_status();
        fp_set_status(fp_status() | bit);
        coro_yield(NULL);
    }
    return NULL;
}

static void raised_exceptions_pass_through_a_switch(void **state)
{
    (void)state;
    if (!status_flags_exist())
        skip();
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned flags = 0; flags <= CORO_NO_FPENV; flags++) {
            uint64_t words = fp_rounding(mode);
            coro_t *co = made_with(raises_more, (coro_opts){.flags = flags});

            fp_set_status(1);
            for (uint32_t raised = 1; raised < 31; raised = raised << 1 | 1) {
                coro_resume(co, &words);
                uint32_t status = fp_status();
                fp_set_control(fp_rounding(0));
                assert_int_equal(status_seen, raised);
                assert_int_equal(status, raised << 1 | 1);
            }
            assert_int_equal(coro_destroy(co), 0);
        }
    fp_set_status(0);
}

static void *clears(void *input)
{
    fp_set_control(*(uint64_t *)input);
    fp_set_status(0);
    coro_yield(NULL);
    status_seen = fp_status();
    fp_set_status(0);
    return NULL;
}

static void cleared_exceptions_stay_cleared(void **state)
{
    (void)state;
    if (!status_flags_exist())
        skip();
    for (unsigned mode = 0; mode < 2; mode++) {
        uint64_t words = fp_rounding(mode);
        coro_t *co = made(clears);

        fp_set_status(0x1f);
        coro_resume(co, &words);
        assert_int_equal(fp_status(), 0);
        fp_set_status(4);
        coro_resume(co, &words);
        assert_int_equal(fp_status(), 0);
        assert_int_equal(status_seen, 4);
        assert_int_equal(coro_destroy(co), 0);
    }
}

static void *transfers_after_raising(void *input)
{
    coro_t **to = input;

    fp_set_control(fp_rounding(1));
    fp_set_status(fp_status() | 2);
    coro_transfer(*to, NULL);
    return NULL;
}

static void *looks_at_status(void *input)
{
    (void)input;
    status_seen = fp_status();
    return NULL;
}

static void raised_exceptions_pass_through_a_transfer(void **state)
{
    (void)state;
    if (!status_flags_exist())
        skip();
    coro_t *to = made(looks_at_status), *co = made(transfers_after_raising);

    fp_set_status(1);
    coro_resume(co, &to);
    uint32_t status = fp_status();
    fp_set_status(0);
    assert_int_equal(status_seen, 3);
    assert_int_equal(status, 3);
    assert_int_equal(fp_control(), fp_rounding(0));
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(to), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_register_that_a_callee_changes_is_noticed),
        TEST(resume_and_yield_preserve_registers),
        TEST(so_they_do_without_keeping_control_words),
        TEST(so_they_do_when_control_words_differ),
        TEST(refusals_preserve_registers),
        TEST(destroy_preserves_registers),
        TEST(switches_in_any_order_keep_registers_and_control_words),
        TEST(lives_of_one_coroutine_in_any_order_preserve_registers),
        TEST(rounding_modes_are_kept_apart),
        TEST(every_control_bit_is_kept_apart),
        TEST(rounding_of_the_c_library_is_kept_apart),
        TEST(a_new_one_starts_with_the_words_of_its_creator),
        TEST(also_if_its_creator_is_a_coroutine),
        TEST(no_fpenv_shares_them),
        TEST(transfers_between_keepers_and_sharers),
        TEST(handlers_run_under_the_words_of_their_coroutine),
        TEST(raised_exceptions_pass_through_a_switch),
        TEST(cleared_exceptions_stay_cleared),
        TEST(raised_exceptions_pass_through_a_transfer),
    };

    return RUN_TESTS(tests);
}
