/*
 * Timers: the heap against an oracle that looks through all of them, and sleepers in virtual time.
 */
#include "sched/timer.h"
#include "support/test.h"

#include <stdlib.h>

enum { OPERATIONS = 1000000, TIMERS = 512, SPAN = 64, SLEEPERS = 1000, NS_PER_HOUR_LOG2 = 42 };

/* ---- the heap ---- */

static struct checked {
    struct coro__timer timer;
    uint32_t handle; /* of every other one, which is light */
    bool set;
    int64_t deadline;
    uint64_t turn;
} checked[TIMERS];

static struct {
    struct coro__timers timers;
    uint64_t turn;
    int64_t now;
    size_t fired, wrong;
} heap;

/* The one that must fire next; NULL if none is set. */
static struct checked *oracle(void)
{
    struct checked *next = NULL;

    for (size_t i = 0; i < TIMERS; i++) {
        struct checked *c = &checked[i];

        if (!c->set)
            continue;
        if (next == NULL || c->deadline < next->deadline || (c->deadline == next->deadline && c->turn < next->turn))
            next = c;
    }
    return next;
}

static bool is_light(const struct checked *c)
{
    return (c - checked) % 2 != 0;
}

static void set(struct checked *c, int64_t deadline)
{
    c->set = true;
    c->deadline = deadline;
    c->turn = heap.turn++;
    if (is_light(c))
        coro__timers_set_light(&heap.timers, &c->handle, deadline);
    else
        coro__timers_set(&heap.timers, &c->timer, deadline);
}

static void unset(struct checked *c)
{
    c->set = false;
    if (is_light(c))
        coro__timers_unset_light(&heap.timers, &c->handle);
    else
        coro__timers_unset(&heap.timers, &c->timer);
}

/* Now and then what fires sets or unsets others. */
static void fired_as(struct checked *c, uint32_t handle)
{
    struct checked *other = &checked[random_below(TIMERS)];

    heap.wrong += c != oracle() || c->deadline > heap.now || handle != 0;
    heap.fired++;
    c->set = false;
    if (random_below(4) == 0 && other->set)
        unset(other);
    else if (random_below(4) == 0 && !other->set)
        set(other, heap.now + (int64_t)random_below(3));
}

static void fired(struct coro__timer *timer)
{
    fired_as((struct checked *)(void *)timer, timer->handle);
}

static void fired_light(uint32_t *handle)
{
    fired_as((struct checked *)(void *)((char *)handle - offsetof(struct checked, handle)), *handle);
}

static void operate(void)
{
    struct checked *c = &checked[random_below(TIMERS)];
    int64_t deadline = heap.now + 1 + (int64_t)random_below(SPAN);

    switch (random_below(8)) {
    case 0:
        heap.now += (int64_t)random_below(3);
        coro__timers_fire(&heap.timers, heap.now);
        break;
    case 1:
    case 2:
        unset(c); /* set or not */
        break;
    default:
        if (!c->set)
            set(c, deadline);
    }
}

static void reserve(size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(coro__timers_reserve(&heap.timers), 0);
}

/* Whatever is set when none is due is what the oracle says. */
static void timers_are_those_of_an_oracle(void **state)
{
    size_t operations = scaled(OPERATIONS), wrong_next = 0;

    (void)state;
    reserve(TIMERS);
    for (size_t i = 0; i < TIMERS; i++)
        checked[i].timer.fire = fired;
    heap.timers.fire_light = fired_light;
    for (size_t i = 0; i < operations; i++) {
        operate();
        if (i % 16 == 0) {
            const struct checked *next = oracle();

            wrong_next += coro__timers_next(&heap.timers) != (next != NULL ? next->deadline : CORO_FOREVER);
        }
    }
    while (heap.timers.count != 0)
        coro__timers_fire(&heap.timers, heap.now += SPAN);
    assert_null(oracle());
    assert_int_equal(heap.wrong, 0);
    assert_int_equal(wrong_next, 0);
    assert_true(heap.fired > operations / 16);
    coro__timers_end(&heap.timers);
}

/* ---- many at once ---- */

struct one {
    struct coro__timer timer;
    int64_t deadline;
    size_t number;
    bool unset;
};

static struct one *many, *last;
static size_t out_of_order, fired_many;

static void one_fired(struct coro__timer *timer)
{
    struct one *one = (struct one *)(void *)timer;

    out_of_order += one->unset;
    if (last != NULL)
        out_of_order += last->deadline != one->deadline ? last->deadline > one->deadline : last->number > one->number;
    last = one;
    fired_many++;
}

static void a_million_timers_fire_in_order(void **state)
{
    size_t count = scaled(OPERATIONS), left = count;
    struct coro__timers timers = {0};

    (void)state;
    many = calloc(count, sizeof *many);
    assert_non_null(many);
    for (size_t i = 0; i < count; i++) {
        many[i] = (struct one){.timer.fire = one_fired, .number = i, .deadline = (int64_t)random_below(count / 4 + 1)};
        assert_int_equal(coro__timers_reserve(&timers), 0);
        coro__timers_set(&timers, &many[i].timer, many[i].deadline);
    }
    for (size_t i = 0; i < count / 2; i++) {
        struct one *one = &many[random_below(count)];

        left -= !one->unset;
        one->unset = true;
        coro__timers_unset(&timers, &one->timer);
    }
    for (int64_t now = 0; timers.count != 0; now += 1 + (int64_t)random_below(1000))
        coro__timers_fire(&timers, now);
    assert_int_equal(out_of_order, 0);
    assert_int_equal(fired_many, left);
    assert_int_equal(coro__timers_next(&timers), CORO_FOREVER);
    for (size_t i = 0; i < count; i++)
        coro__timers_release(&timers);
    assert_int_equal(timers.reserved, 0);
    coro__timers_end(&timers);
    free(many);
}

/* ---- sleepers ---- */

static struct {
    int64_t deadlines[SLEEPERS], awake_at[SLEEPERS];
    size_t order[SLEEPERS], count;
    int failed;
} sleepers;

static void *sleep_and_tell(void *arg)
{
    size_t i = (size_t)((int64_t *)arg - sleepers.deadlines);

    sleepers.failed |= coro_sleep_until(sleepers.deadlines[i]);
    sleepers.awake_at[i] = coro_now();
    sleepers.order[sleepers.count++] = i;
    return NULL;
}

static void *spawn_sleepers(void *arg)
{
    size_t count = *(const size_t *)arg;
    int64_t start = coro_now();

    for (size_t i = 0; i < count; i++) {
        sleepers.deadlines[i] = start + 1 + (int64_t)(random64() >> (64 - NS_PER_HOUR_LOG2 + random_below(40)));
        if (i % 4 == 3)
            sleepers.deadlines[i] = sleepers.deadlines[i - 3];
        sleepers.failed |= coro_spawn(NULL, sleep_and_tell, &sleepers.deadlines[i], NULL);
    }
    return NULL;
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
    const coro_sched_opts opts = {.virtual_time = true};
    size_t count = alive_at_most(SLEEPERS);

    (void)state;
    assert_int_equal(coro_run(spawn_sleepers, &count, NULL, &opts), 0);
    assert_int_equal(sleepers.failed, 0);
    assert_int_equal(sleepers.count, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = sleepers.order[i], before = sleepers.order[i > 0 ? i - 1 : 0];

        assert_true(sleepers.awake_at[at] == sleepers.deadlines[at]);
        assert_true(sleepers.deadlines[before] <= sleepers.deadlines[at]);
        if (i > 0 && sleepers.deadlines[before] == sleepers.deadlines[at])
            assert_true(before < at);
    }
}

static void *jump_far(void *arg)
{
    int64_t start = coro_now(), *left = arg;

    left[0] = coro_sleep_until(start + 1);
    left[1] = coro_now() - (start + 1);
    left[2] = coro_sleep_until(CORO_FOREVER - 1);
    left[3] = CORO_FOREVER - 1 - coro_now();
    left[4] = coro_sleep_until(start); /* passed: no time goes by */
    left[5] = CORO_FOREVER - 1 - coro_now();
    return NULL;
}

static void time_jumps_to_the_next_deadline_however_far(void **state)
{
    const coro_sched_opts opts = {.virtual_time = true};
    int64_t left[6] = {1, 1, 1, 1, 1, 1};

    (void)state;
    assert_int_equal(coro_run(jump_far, left, NULL, &opts), 0);
    for (size_t i = 0; i < 6; i++)
        assert_true(left[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_are_those_of_an_oracle),
        TEST(a_million_timers_fire_in_order),
        TEST(sleepers_wake_in_the_order_of_their_deadlines),
        TEST(time_jumps_to_the_next_deadline_however_far),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
