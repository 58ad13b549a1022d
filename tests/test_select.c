/*
 * Select: which case fires, who is met, what the others leave behind.
 *
 * Source: what Go's runtime/chan_test.go and test/chan/ (doubleselect, nonblock, select1 to 7) look at, thought out anew.
 */
#include "support/expect.h"
#ifdef SELECT_FAULTS
#    include "support/faults.h"
#endif

#include <stdlib.h>
#include <string.h>

enum { MANY = 40 }; /* more than have room in a frame */

static coro_chan_t *made_chan(size_t capacity)
{
    coro_chan_t *ch = NULL;

    EXPECT_INT(coro_chan_create(&ch, sizeof(int), capacity), 0);
    return ch;
}

/* This also proves that nobody is left on it. */
static void unmade(coro_chan_t *ch)
{
    EXPECT_INT(coro_chan_destroy(ch), 0);
}

static int send_int(coro_chan_t *ch, int n, int64_t deadline)
{
    return coro_chan_send(ch, &n, deadline);
}

static int recv_int(coro_chan_t *ch, int64_t deadline)
{
    int n = -1;
    int err = coro_chan_recv(ch, &n, deadline);

    return err != 0 ? err : n;
}

static coro_case sending(coro_chan_t *ch, int *n)
{
    return (coro_case){.ch = ch, .op = CORO_SEND, .elem = n, .result = 99};
}

static coro_case receiving(coro_chan_t *ch, int *n)
{
    return (coro_case){.ch = ch, .op = CORO_RECV, .elem = n, .result = 99};
}

/* ---- a select on a task of its own ---- */

struct selector {
    coro_case cases[MANY];
    int values[MANY];
    size_t n;
    int64_t deadline;
    int result; /* 1000 as long as it waits */
    int64_t when;
    coro_task_t *task;
};

static void *selects(void *arg)
{
    struct selector *s = arg;
    int result = coro_select(s->cases, s->n, s->deadline);

    s->when = coro_now();
    s->result = result;
    return NULL;
}

static void add_case(struct selector *s, coro_chan_t *ch, coro_op op, int value)
{
    s->values[s->n] = value;
    s->cases[s->n] = (coro_case){.ch = ch, .op = op, .elem = &s->values[s->n], .result = 99};
    s->n++;
}

static void start(struct selector *s, int64_t deadline)
{
    s->deadline = deadline;
    s->result = 1000;
    s->task = begin(selects, s);
    let_all_wait();
}

static int finished(struct selector *s)
{
    coro_join(s->task, NULL, CORO_FOREVER);
    for (size_t i = 0; i < s->n; i++) /* only the one that has fired says something */
        EXPECT_FOR(i, (s->cases[i].result == 99) == ((int)i != s->result));
    return s->result;
}

/* ---- at once ---- */

static void a_case_that_is_possible_fires_at_once(void **state)
{
    (void)state;
    for (size_t n = 1; n <= MANY; n++)
        for (size_t ready = 0; ready < n; ready++) {
            coro_chan_t *empty = made_chan(1), *full = made_chan(1), *target = made_chan(1);
            coro_case cases[MANY];
            int values[MANY], nine = 9;

            assert_int_equal(send_int(full, 5, 0), 0);
            for (size_t i = 0; i < n; i++)
                cases[i] = i % 2 == 0 ? receiving(empty, &values[i]) : sending(full, &nine);
            assert_int_equal(coro_select(cases, n, 0), -EAGAIN);
            if (ready % 3 == 0) {
                values[ready] = 7;
                cases[ready] = sending(target, &values[ready]);
                assert_int_equal(coro_select(cases, n, 0), ready);
                assert_int_equal(recv_int(target, 0), 7);
            } else {
                assert_int_equal(send_int(target, 8, 0), 0);
                cases[ready] = receiving(target, &values[ready]);
                assert_int_equal(coro_select(cases, n, 0), ready);
                assert_int_equal(values[ready], 8);
            }
            for (size_t i = 0; i < n; i++)
                assert_int_equal(cases[i].result, i == ready ? 0 : 99);
            assert_int_equal(coro_chan_len(empty) + coro_chan_len(target), 0);
            assert_int_equal(coro_chan_len(full), 1);
            unmade(empty);
            unmade(full);
            unmade(target);
        }
    assert_expected_at(__FILE__, __LINE__);
}

static void outside_tasks_only_deadline_0_works(void **state)
{
    const int64_t deadlines[] = {INT64_MIN, -1, 1, CORO_FOREVER};
    coro_chan_t *ch = made_chan(1);
    int n = 4;
    coro_case c = sending(ch, &n);
    (void)state;

    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++)
        assert_int_equal(coro_select(&c, 1, deadlines[i]), -EPERM);
    assert_int_equal(coro_chan_len(ch), 0);
    assert_int_equal(c.result, 99);
    assert_int_equal(coro_select(&c, 1, 0), 0);
    assert_int_equal(c.result, 0);
    assert_int_equal(coro_select(&c, 1, 0), -EAGAIN);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

static void *never_misses(void *arg)
{
    coro_chan_t *a = made_chan(1), *b = made_chan(1);
    (void)arg;

    for (int i = 0; i < 1000; i++) { /* one of them has an element whenever somebody looks */
        int n = -1;
        coro_case cases[] = {receiving(a, &n), receiving(b, &n)};

        EXPECT_INT(send_int(i % 2 == 0 ? a : b, i, 0), 0);
        EXPECT_INT(coro_select(cases, 2, 0), i % 2);
        EXPECT_INT(n, i);
        EXPECT_INT(coro_select(cases, 2, 0), -EAGAIN);
    }
    EXPECT_INT(coro_chan_close(a), 0);
    for (int i = 0; i < 100; i++) {
        int n = -1;
        coro_case cases[] = {receiving(a, &n), receiving(b, &n)};

        EXPECT_INT(coro_select(cases, 2, 0), 0);
        EXPECT_INT(cases[0].result, -EPIPE);
        EXPECT_INT(n, -1);
    }
    unmade(a);
    unmade(b);
    return NULL;
}

static void a_try_never_misses_what_is_there(void **state)
{
    (void)state;
    run(never_misses, NULL);
}

/* ---- waiting ---- */

static void *each_case_in_turn(void *arg)
{
    static struct selector s;
    coro_chan_t *ch[MANY];
    size_t n = *(size_t *)arg;

    for (size_t i = 0; i < n; i++)
        ch[i] = made_chan(0);
    for (size_t fired = 0; fired < n; fired++) {
        s.n = 0;
        for (size_t i = 0; i < n; i++)
            add_case(&s, ch[i], i % 3 == 0 ? CORO_SEND : CORO_RECV, (int)i);
        start(&s, CORO_FOREVER);
        EXPECT_INT(s.result, 1000);
        for (size_t i = 0; i < n; i++)
            EXPECT_INT(coro_chan_destroy(ch[i]), -EBUSY); /* it waits on each */
        if (fired % 3 == 0)
            EXPECT_INT(recv_int(ch[fired], 0), fired);
        else
            EXPECT_INT(send_int(ch[fired], 500, 0), 0);
        for (size_t i = 0; i < n; i++) { /* and on none any more, though it has not gone on */
            EXPECT_INT(send_int(ch[i], 1, 0), -EAGAIN);
            EXPECT_INT(recv_int(ch[i], 0), -EAGAIN);
        }
        EXPECT_INT(finished(&s), fired);
        EXPECT_INT(s.cases[fired].result, 0);
        for (size_t i = 0; i < n; i++)
            EXPECT_INT(s.values[i], i == fired && fired % 3 != 0 ? 500 : (int)i);
    }
    for (size_t i = 0; i < n; i++)
        unmade(ch[i]);
    return NULL;
}

static void any_case_may_fire_and_the_others_leave_no_trace(void **state)
{
    const size_t counts[] = {1, 2, 3, 15, 16, 17, 18, MANY};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run(each_case_in_turn, (void *)(uintptr_t)&counts[i]);
}

struct other {
    coro_chan_t *ch;
    int n, result;
    coro_op op;
};

static void *does_other(void *arg)
{
    struct other *o = arg;

    o->result =
        o->op == CORO_SEND ? coro_chan_send(o->ch, &o->n, CORO_FOREVER) : coro_chan_recv(o->ch, &o->n, CORO_FOREVER);
    return NULL;
}

/* A select stands between others in the queue of a channel, first, in the middle or last, and fires elsewhere. */
static void *stands_among_others(void *arg)
{
    size_t place = *(size_t *)arg;

    for (int op = CORO_SEND; op <= CORO_RECV; op++) {
        coro_chan_t *ch = made_chan(0), *elsewhere = made_chan(0);
        struct selector s = {.n = 0};
        struct other others[4];
        coro_task_t *tasks[4];

        add_case(&s, elsewhere, CORO_RECV, 0);
        add_case(&s, ch, (coro_op)op, 50);
        for (size_t i = 0; i <= 4; i++) {
            if (i == place)
                start(&s, CORO_FOREVER);
            if (i == 4)
                break;
            others[i] = (struct other){ch, (int)i, 1000, (coro_op)op};
            tasks[i] = begin(does_other, &others[i]);
            let_all_wait();
        }
        EXPECT_INT(send_int(elsewhere, 1, 0), 0);
        for (int i = 0; i < 4; i++)
            EXPECT_INT(op == CORO_SEND ? recv_int(ch, 0) : send_int(ch, 10 + i, 0), op == CORO_SEND ? i : 0);
        EXPECT_INT(op == CORO_SEND ? recv_int(ch, 0) : send_int(ch, 10, 0), -EAGAIN);
        for (int i = 0; i < 4; i++) {
            await(tasks[i]);
            EXPECT_INT(others[i].result, 0);
            EXPECT_INT(others[i].n, op == CORO_SEND ? i : 10 + i);
        }
        EXPECT_INT(finished(&s), 0);
        EXPECT_INT(s.values[0], 1);
        unmade(ch);
        unmade(elsewhere);
    }
    return NULL;
}

static void a_select_that_goes_leaves_the_queue_as_it_was(void **state)
{
    (void)state;
    for (size_t place = 0; place <= 4; place++)
        run(stands_among_others, &place);
}

/* And it is served in its turn. */
static void *has_its_turn(void *arg)
{
    size_t place = *(size_t *)arg;
    coro_chan_t *ch = made_chan(0), *elsewhere = made_chan(0);
    struct selector s = {.n = 0};
    struct other others[3];
    coro_task_t *tasks[3];

    add_case(&s, elsewhere, CORO_SEND, 1);
    add_case(&s, ch, CORO_RECV, 0);
    for (size_t i = 0, other = 0; i < 4; i++) {
        if (i == place) {
            start(&s, CORO_FOREVER);
            continue;
        }
        others[other] = (struct other){ch, 0, 1000, CORO_RECV};
        tasks[other] = begin(does_other, &others[other]);
        other++;
        let_all_wait();
    }
    for (int i = 0; i < 4; i++)
        EXPECT_INT(send_int(ch, i, 0), 0);
    EXPECT_INT(finished(&s), 1);
    EXPECT_INT(s.values[1], place);
    for (size_t i = 0; i < 3; i++) {
        await(tasks[i]);
        EXPECT_INT(others[i].n, i < place ? i : i + 1);
    }
    unmade(ch);
    unmade(elsewhere);
    return NULL;
}

static void a_select_is_served_in_its_turn(void **state)
{
    (void)state;
    for (size_t place = 0; place < 4; place++)
        run(has_its_turn, &place);
}

/* ---- one channel several times ---- */

static void *duplicates(void *arg)
{
    size_t n = *(size_t *)arg;
    coro_chan_t *ch = made_chan(0);
    static struct selector s, t;

    for (int op = CORO_SEND; op <= CORO_RECV; op++) {
        s.n = t.n = 0;
        for (size_t i = 0; i < n; i++) {
            add_case(&s, ch, (coro_op)op, (int)i);
            add_case(&t, ch, (coro_op)op, (int)(100 + i));
        }
        start(&s, CORO_FOREVER);
        start(&t, CORO_FOREVER);
        if (op == CORO_SEND) {
            EXPECT_INT(recv_int(ch, 0), 0); /* the first of its cases */
            EXPECT_INT(recv_int(ch, 0), 100);
            EXPECT_INT(recv_int(ch, 0), -EAGAIN);
        } else {
            EXPECT_INT(send_int(ch, 1000, 0), 0);
            EXPECT_INT(send_int(ch, 2000, 0), 0);
            EXPECT_INT(send_int(ch, 3000, 0), -EAGAIN);
        }
        EXPECT_INT(finished(&s), 0);
        EXPECT_INT(finished(&t), 0);
        if (op == CORO_RECV) {
            EXPECT_INT(s.values[0], 1000);
            EXPECT_INT(t.values[0], 2000);
        }
        for (size_t i = 1; i < n; i++)
            EXPECT_FOR(i, s.values[i] == (int)i && t.values[i] == (int)(100 + i));
    }
    unmade(ch);
    return NULL;
}

static void a_channel_may_be_in_several_cases(void **state)
{
    const size_t counts[] = {2, 3, 16, 17, MANY};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run(duplicates, (void *)(uintptr_t)&counts[i]);
}

static void *closes_duplicates(void *arg)
{
    coro_chan_t *ch = made_chan(0);
    struct selector s = {.n = 0}, t = {.n = 0};
    (void)arg;

    for (int i = 0; i < 6; i++) {
        add_case(&s, ch, i % 2 == 0 ? CORO_SEND : CORO_RECV, i);
        add_case(&t, ch, CORO_RECV, i);
    }
    start(&s, CORO_FOREVER);
    EXPECT_INT(coro_chan_close(ch), 0);
    EXPECT(finished(&s) >= 0 && s.cases[s.result].result == -EPIPE);
    unmade(ch);
    ch = made_chan(0);
    for (int i = 0; i < 6; i++)
        t.cases[i].ch = ch;
    start(&t, CORO_FOREVER);
    EXPECT_INT(coro_chan_close(ch), 0);
    EXPECT(finished(&t) >= 0 && t.cases[t.result].result == -EPIPE);
    unmade(ch);
    return NULL;
}

static void a_channel_in_several_cases_may_close(void **state)
{
    (void)state;
    run(closes_duplicates, NULL);
}

static void *selects_both_ways(void *arg)
{
    size_t n = *(size_t *)arg;
    coro_chan_t *ch = made_chan(0);
    static struct selector s, t;
    int64_t began = coro_now();

    s.n = t.n = 0;
    for (size_t i = 0; i < n; i++) {
        add_case(&s, ch, i % 2 == 0 ? CORO_SEND : CORO_RECV, 1);
        add_case(&t, ch, i % 2 == 0 ? CORO_SEND : CORO_RECV, 2);
    }
    EXPECT_INT(coro_select(s.cases, n, 0), -EAGAIN); /* it never meets itself */
    start(&s, began + CORO_MS(5));
    EXPECT_INT(finished(&s), -ETIMEDOUT);
    EXPECT_INT(s.when, began + CORO_MS(5));
    start(&s, CORO_FOREVER);
    EXPECT_INT(s.result, 1000);
    start(&t, CORO_FOREVER); /* but another */
    finished(&s);
    finished(&t);
    EXPECT(s.result >= 0 && t.result >= 0 && s.result % 2 != t.result % 2);
    if (s.result % 2 == 0)
        EXPECT_INT(t.values[t.result], 1);
    else
        EXPECT_INT(s.values[s.result], 2);
    unmade(ch);
    return NULL;
}

static void send_and_receive_on_one_channel_meet_another_but_never_themselves(void **state)
{
    const size_t counts[] = {2, 3, 4, 16, 18};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run_in_orders(selects_both_ways, (void *)(uintptr_t)&counts[i]);
}

struct both {
    coro_chan_t *ch;
    int me, sent[2], received[2];
};

static void *exchanges(void *arg)
{
    struct both *b = arg;
    int me = b->me++;

    for (int i = 0; i < 300; i++) {
        int out = me, in = -1;
        coro_case cases[] = {sending(b->ch, &out), receiving(b->ch, &in)};
        int fired = coro_select(cases, 2, coro_after(CORO_S(1)));

        if (fired < 0)
            break; /* the other one has finished */
        EXPECT_INT(cases[fired].result, 0);
        b->sent[me & 1] += fired == 0;
        b->received[me & 1] += fired == 1;
        if (fired == 1 && coro_chan_len(b->ch) == 0 && in != -1)
            EXPECT(in == 0 || in == 1);
    }
    return NULL;
}

static void *two_exchange(void *arg)
{
    struct both b = {.ch = made_chan(*(size_t *)arg)};
    coro_task_t *x = begin(exchanges, &b), *y = begin(exchanges, &b);

    await(x);
    await(y);
    if (*(size_t *)arg == 0) {
        EXPECT_INT(b.sent[0], b.received[1]);
        EXPECT_INT(b.sent[1], b.received[0]);
        EXPECT(b.sent[0] > 30 && b.sent[1] > 30);
    }
    EXPECT_INT(b.sent[0] + b.sent[1], b.received[0] + b.received[1] + (int)coro_chan_len(b.ch));
    unmade(b.ch);
    return NULL;
}

static void two_that_offer_both_keep_meeting(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 11; capacity += 5)
        run_in_orders(two_exchange, &capacity);
}

/* ---- fairness ---- */

/* Twice what chi square of k - 1 degrees of freedom exceeds once in 1000 times; seeds are fixed, so it is no matter of luck. */
static double bound_of(int k)
{
    return k == 2 ? 21.7 : k == 3 ? 27.6 : 75.4;
}

struct draw {
    int n, ready; /* of n cases, this many are possible, spread by `stride` from `first` on */
    int first, stride;
    bool waits;
};

static bool is_ready(const struct draw *d, int i)
{
    for (int k = 0; k < d->ready; k++)
        if ((d->first + k * d->stride) % d->n == i)
            return true;
    return false;
}

static void *draws(void *arg)
{
    const struct draw *d = arg;
    const int rounds = (int)scaled(20000) < 2000 ? 2000 : (int)scaled(20000);
    coro_chan_t *open = made_chan(1), *never = made_chan(0);
    coro_case cases[MANY];
    int fired[MANY] = {0}, value = 1, got;
    double chi = 0, expected = (double)rounds / d->ready;

    EXPECT_INT(coro_chan_close(open), 0); /* receiving is always possible, and changes nothing */
    for (int i = 0; i < d->n; i++)
        cases[i] = is_ready(d, i) ? receiving(open, &got)
                   : i % 2 == 0   ? receiving(never, &got)
                                  : sending(never, &value);
    for (int r = 0; r < rounds; r++) {
        int i = coro_select(cases, (size_t)d->n, d->waits ? CORO_FOREVER : 0);

        EXPECT(i >= 0 && i < d->n);
        fired[i]++;
    }
    for (int i = 0; i < d->n; i++) {
        if (is_ready(d, i))
            chi += (fired[i] - expected) * (fired[i] - expected) / expected;
        else
            EXPECT_INT(fired[i], 0);
    }
    EXPECT_FOR(chi, chi < bound_of(d->ready));
    unmade(open);
    unmade(never);
    return NULL;
}

static void every_case_that_is_possible_is_as_likely(void **state)
{
    const struct draw all[] = {{2, 2, 0, 1, true}, {3, 3, 0, 1, true}, {16, 16, 0, 1, true}, {16, 16, 0, 1, false}};
    (void)state;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        run_seeded(draws, (void *)(uintptr_t)&all[i], i);
}

static void so_it_is_among_others_that_are_not(void **state)
{
    const struct draw some[] = {{3, 2, 0, 1, true},    {3, 2, 1, 1, false},   {16, 2, 0, 1, true},
                                {16, 2, 3, 1, false},  {16, 3, 5, 1, true},   {16, 3, 0, 7, true},
                                {MANY, 2, 0, 1, true}, {MANY, 16, 4, 1, true}};
    (void)state;

    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        run_seeded(draws, (void *)(uintptr_t)&some[i], i);
}

static void *sends_bits(void *arg)
{
    int zero = 0, one = 1;

    for (int i = 0; i < 1000; i++) {
        coro_case cases[] = {sending(arg, &zero), sending(arg, &one)};
        int fired = coro_select(cases, 2, CORO_FOREVER);

        EXPECT(fired == 0 || fired == 1);
    }
    return NULL;
}

static void *receives_bits(void *arg)
{
    coro_chan_t *ch = made_chan(*(size_t *)arg);
    coro_task_t *sender = begin(sends_bits, ch);
    int ones = 0;

    for (int i = 0; i < 1000; i++) {
        ones += recv_int(ch, CORO_FOREVER);
        if (*(size_t *)arg == 0)
            coro_pause(); /* so that half the time it is the sender who comes second */
    }
    EXPECT_FOR(ones, *(size_t *)arg == 0 || (ones > 300 && ones < 700));
    await(sender);
    unmade(ch);
    return NULL;
}

static void random_bits_are_sent(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 3; capacity++)
        run(receives_bits, &capacity);
}

static void *repeats_itself(void *arg)
{
    coro_chan_t *ch = made_chan(0);
    unsigned *sum = arg;
    int got;
    coro_case cases[] = {receiving(ch, &got), receiving(ch, &got), receiving(ch, &got)};

    EXPECT_INT(coro_chan_close(ch), 0);
    for (int i = 0; i < 100; i++)
        *sum = *sum * 31 + (unsigned)coro_select(cases, 3, 0);
    unmade(ch);
    return NULL;
}

static void what_is_drawn_follows_from_the_seed(void **state)
{
    unsigned first = 0, again = 0, other = 0;
    (void)state;

    run_seeded(repeats_itself, &first, 5);
    run_seeded(repeats_itself, &again, 5);
    run_seeded(repeats_itself, &other, 6);
    assert_int_equal(first, again);
    if (getenv("CORO_SEED") == NULL)
        assert_int_not_equal(first, other);
}

/* ---- deadlines, no cases, cancellation ---- */

static void *tries_deadlines(void *arg)
{
    const int64_t passed[] = {1, -1, INT64_MIN, coro_now()};
    coro_chan_t *ch = made_chan(0);
    int n = 0;
    coro_case c = receiving(ch, &n);
    int64_t began = coro_now();
    (void)arg;

    for (size_t i = 0; i < 4; i++) {
        EXPECT_INT(coro_select(&c, 1, passed[i]), -ETIMEDOUT);
        EXPECT_INT(coro_select(NULL, 0, passed[i]), -ETIMEDOUT);
        EXPECT_INT(coro_select(&c, 0, passed[i]), -ETIMEDOUT);
    }
    EXPECT_INT(coro_select(&c, 1, 0), -EAGAIN);
    EXPECT_INT(coro_select(NULL, 0, 0), -EAGAIN);
    EXPECT_INT(coro_now(), began);
    EXPECT_INT(coro_select(&c, 1, began + CORO_MS(3)), -ETIMEDOUT);
    EXPECT_INT(coro_now(), began + CORO_MS(3));
    EXPECT_INT(coro_select(NULL, 0, began + CORO_MS(8)), -ETIMEDOUT);
    EXPECT_INT(coro_now(), began + CORO_MS(8));
    EXPECT_INT(coro_select(NULL, 0, CORO_FOREVER), -EINVAL);
    EXPECT_INT(coro_select(&c, 0, CORO_FOREVER), -EINVAL);
    EXPECT_INT(c.result, 99);
    unmade(ch);
    return NULL;
}

static void deadlines_are_kept_with_cases_and_without(void **state)
{
    (void)state;
    run(tries_deadlines, NULL);
}

static void *gives_up(void *arg)
{
    size_t n = *(size_t *)arg;
    static struct selector s;
    coro_chan_t *ch[MANY];

    for (size_t i = 0; i < n; i++)
        ch[i] = made_chan(0);
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        s.n = 0;
        for (size_t i = 0; i < n; i++)
            add_case(&s, ch[i], i % 2 == 0 ? CORO_SEND : CORO_RECV, (int)i);
        start(&s, cancelled ? CORO_FOREVER : coro_after(CORO_MS(1)));
        if (cancelled)
            EXPECT_INT(coro_cancel(s.task), 0);
        EXPECT_INT(finished(&s), cancelled ? -ECANCELED : -ETIMEDOUT);
        for (size_t i = 0; i < n; i++) {
            EXPECT_INT(s.values[i], i);
            EXPECT_INT(send_int(ch[i], 1, 0), -EAGAIN);
            EXPECT_INT(recv_int(ch[i], 0), -EAGAIN);
        }
    }
    for (size_t i = 0; i < n; i++)
        unmade(ch[i]);
    return NULL;
}

static void a_select_that_gives_up_waits_nowhere(void **state)
{
    const size_t counts[] = {1, 2, 16, 17, MANY};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run_in_orders(gives_up, (void *)(uintptr_t)&counts[i]);
}

enum event { NOTHING, SERVE, CANCEL, CLOSE };

struct instant {
    struct selector s;
    coro_chan_t *ch[2];
    int order[3];
    int64_t when;
};

static void *happens(void *arg)
{
    struct instant *in = arg;

    EXPECT_INT(coro_sleep_until(in->when), 0);
    EXPECT_INT(in->s.result, 1000);
    for (int i = 0; i < 3; i++) {
        if (in->order[i] == SERVE)
            EXPECT_INT(send_int(in->ch[0], 77, 0), 0);
        else if (in->order[i] == CANCEL)
            EXPECT_INT(coro_cancel(in->s.task), 0);
        else if (in->order[i] == CLOSE)
            EXPECT_INT(coro_chan_close(in->ch[1]), 0);
    }
    return NULL;
}

static void *at_one_instant(void *arg)
{
    struct instant *in = arg;
    coro_task_t *other;
    int expected = -ETIMEDOUT;

    for (int i = 0; i < 3 && expected < 0; i++)
        expected = in->order[i] == SERVE    ? 0
                   : in->order[i] == CLOSE  ? 1
                   : in->order[i] == CANCEL ? -ECANCELED
                                            : expected;
    in->ch[0] = made_chan(0);
    in->ch[1] = made_chan(0);
    in->when = coro_after(CORO_MS(5));
    other = begin(happens, in);
    let_all_wait(); /* so its time comes first */
    add_case(&in->s, in->ch[0], CORO_RECV, 0);
    add_case(&in->s, in->ch[1], CORO_SEND, 5);
    start(&in->s, in->when);
    await(other);
    EXPECT_INT(finished(&in->s), expected);
    EXPECT_INT(in->s.when, in->when);
    if (expected >= 0)
        EXPECT_INT(in->s.cases[expected].result, expected == 0 ? 0 : -EPIPE);
    EXPECT_INT(in->s.values[0], expected == 0 ? 77 : 0);
    unmade(in->ch[0]);
    unmade(in->ch[1]);
    return NULL;
}

static void completion_wins_over_cancellation_and_that_over_the_deadline(void **state)
{
    const int orders[][3] = {
        {0, 0, 0},          {SERVE, 0, 0},           {CANCEL, 0, 0},         {CLOSE, 0, 0},
        {SERVE, CANCEL, 0}, {CANCEL, SERVE, 0},      {CANCEL, CLOSE, 0},     {CLOSE, CANCEL, 0},
        {SERVE, CLOSE, 0},  {CANCEL, CLOSE, CANCEL}, {SERVE, CANCEL, CLOSE}, {CANCEL, SERVE, CLOSE}};
    (void)state;

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct instant in = {.when = 0};

        memcpy(in.order, orders[i], sizeof in.order);
        run(at_one_instant, &in);
    }
}

static void *selects_cancelled(void *arg)
{
    coro_chan_t *ch = arg;
    int n = 6;
    coro_case c = sending(ch, &n);

    coro_cancel(coro_task_self());
    EXPECT_INT(coro_select(&c, 1, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_select(NULL, 0, 1), -ECANCELED);
    EXPECT_INT(coro_chan_len(ch), 0);
    EXPECT_INT(coro_select(&c, 1, 0), 0);
    EXPECT_INT(coro_chan_len(ch), 1);
    EXPECT_INT(coro_select(&c, 1, 0), -EAGAIN);
    return NULL;
}

static void a_cancelled_task_selects_only_without_waiting(void **state)
{
    coro_chan_t *ch = made_chan(1);
    (void)state;

    run(selects_cancelled, ch);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

/* ---- closed channels ---- */

static void *over_closed(void *arg)
{
    coro_chan_t *closed = made_chan(2), *open = made_chan(0);
    int n = 1, m = 1;
    coro_case cases[] = {receiving(closed, &n), receiving(open, &m)};
    (void)arg;

    EXPECT_INT(send_int(closed, 10, 0), 0);
    EXPECT_INT(send_int(closed, 11, 0), 0);
    EXPECT_INT(coro_chan_close(closed), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT_INT(coro_select(cases, 2, CORO_FOREVER), 0);
        EXPECT_INT(cases[0].result, 0);
        EXPECT_INT(n, 10 + i);
    }
    for (int i = 0; i < 2; i++) {
        n = 1;
        EXPECT_INT(coro_select(cases, 2, CORO_FOREVER), 0);
        EXPECT_INT(cases[0].result, -EPIPE);
        EXPECT_INT(n, 1);
    }
    cases[0] = sending(closed, &n);
    EXPECT_INT(coro_select(cases, 2, CORO_FOREVER), 0);
    EXPECT_INT(cases[0].result, -EPIPE);
    unmade(closed);
    unmade(open);
    return NULL;
}

static void a_closed_channel_is_always_possible(void **state)
{
    (void)state;
    run(over_closed, NULL);
}

static void *closes_under_select(void *arg)
{
    size_t n = *(size_t *)arg;
    static struct selector s;
    coro_chan_t *ch[MANY];

    s.n = 0;
    for (size_t i = 0; i < n; i++) {
        ch[i] = made_chan(0);
        add_case(&s, ch[i], i % 2 == 0 ? CORO_SEND : CORO_RECV, 3);
    }
    for (size_t i = 0; i < n; i++) { /* each is closed once, while the select waits on those that are left */
        s.n = n;
        start(&s, CORO_FOREVER);
        EXPECT_INT(coro_chan_close(ch[i]), 0);
        for (size_t k = 0; k < n; k++)
            EXPECT_INT(recv_int(ch[k], 0), k == i ? -EPIPE : -EAGAIN);
        EXPECT_INT(finished(&s), i);
        EXPECT_INT(s.cases[i].result, -EPIPE);
        EXPECT_INT(s.values[i], 3);
        unmade(ch[i]);
        ch[i] = made_chan(0);
        for (size_t k = 0; k < n; k++)
            s.cases[k].result = 99;
        s.cases[i].ch = ch[i];
    }
    for (size_t i = 0; i < n; i++)
        unmade(ch[i]);
    return NULL;
}

static void closing_fires_its_case(void **state)
{
    const size_t counts[] = {1, 2, 16, 17};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        run(closes_under_select, (void *)(uintptr_t)&counts[i]);
}

/* ---- streams ---- */

enum { PIPES = 4 };

struct mux {
    coro_chan_t *in[PIPES], *out;
    int count, alive;
};

/* Sends each number on whichever channel takes it. */
static void *spreads(void *arg)
{
    struct mux *m = arg;

    for (int i = 0; i < m->count; i++) {
        coro_case cases[PIPES];
        int fired;

        for (int k = 0; k < PIPES; k++)
            cases[k] = sending(m->in[k], &i);
        fired = coro_select(cases, PIPES, CORO_FOREVER);
        EXPECT(fired >= 0 && cases[fired].result == 0);
    }
    for (int k = 0; k < PIPES; k++)
        EXPECT_INT(coro_chan_close(m->in[k]), 0);
    return NULL;
}

static void *gathers_one(void *arg)
{
    struct mux *m = arg;
    int me = m->alive++, n, last = -1;

    while ((n = recv_int(m->in[me], CORO_FOREVER)) >= 0) {
        EXPECT(n > last);
        last = n;
        EXPECT_INT(send_int(m->out, n, CORO_FOREVER), 0);
    }
    if (--m->alive == 0)
        EXPECT_INT(coro_chan_close(m->out), 0);
    return NULL;
}

static void *nothing_is_doubled(void *arg)
{
    size_t capacity = *(size_t *)arg;
    struct mux m = {.out = made_chan(capacity), .count = (int)scaled(5000) < 200 ? 200 : (int)scaled(5000)};
    char *seen = calloc((size_t)m.count, 1);
    int n, total = 0;

    for (int k = 0; k < PIPES; k++)
        m.in[k] = made_chan(capacity);
    for (int k = 0; k < PIPES; k++)
        begin_detached(gathers_one, &m);
    begin_detached(spreads, &m);
    while ((n = recv_int(m.out, CORO_FOREVER)) >= 0) {
        EXPECT_FOR(n, n < m.count && !seen[n]);
        seen[n < m.count ? n : 0] = 1;
        total++;
    }
    EXPECT_INT(total, m.count);
    free(seen);
    for (int k = 0; k < PIPES; k++)
        unmade(m.in[k]);
    unmade(m.out);
    return NULL;
}

static void what_is_spread_over_channels_arrives_once(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 12; capacity = capacity * 2 + 1)
        run_in_orders(nothing_is_doubled, &capacity);
}

struct stress {
    coro_chan_t *ch[PIPES];
    int sent[PIPES], received[PIPES], next, each;
};

static void *sends_plainly(void *arg)
{
    struct stress *s = arg;
    int me = s->next++;

    for (int i = 0; i < s->each; i++) {
        EXPECT_INT(send_int(s->ch[me], i, CORO_FOREVER), 0);
        s->sent[me]++;
    }
    return NULL;
}

static void *receives_plainly(void *arg)
{
    struct stress *s = arg;
    int me = s->next++ % PIPES;

    for (int i = 0; i < s->each; i++) {
        EXPECT(recv_int(s->ch[me], CORO_FOREVER) >= 0);
        s->received[me]++;
    }
    return NULL;
}

/* As many on each channel as the plain ones; a channel that has had its share is left out. */
static void select_all(struct stress *s, coro_op op)
{
    int done[PIPES] = {0};

    for (int i = 0; i < PIPES * s->each; i++) {
        coro_case cases[PIPES];
        int where[PIPES], n = 0, fired, value = i;

        for (int k = 0; k < PIPES; k++)
            if (done[k] < s->each) {
                where[n] = k;
                cases[n++] = (coro_case){.ch = s->ch[k], .op = op, .elem = &value};
            }
        fired = coro_select(cases, (size_t)n, CORO_FOREVER);
        EXPECT(fired >= 0 && fired < n && cases[fired].result == 0);
        done[where[fired]]++;
        (op == CORO_SEND ? s->sent : s->received)[where[fired]]++;
    }
}

static void *sends_by_select(void *arg)
{
    select_all(arg, CORO_SEND);
    return NULL;
}

static void *receives_by_select(void *arg)
{
    select_all(arg, CORO_RECV);
    return NULL;
}

static void *stress(void *arg)
{
    struct stress s = {.each = (int)scaled(500) < 50 ? 50 : (int)scaled(500)};
    coro_task_t *tasks[2 * PIPES + 2];
    (void)arg;

    for (int k = 0; k < PIPES; k++)
        s.ch[k] = made_chan((size_t)k);
    for (int k = 0; k < PIPES; k++) {
        tasks[2 * k] = begin(sends_plainly, &s);
        tasks[2 * k + 1] = NULL;
    }
    let_all_wait();
    for (int k = 0; k < PIPES; k++)
        tasks[2 * k + 1] = begin(receives_plainly, &s);
    tasks[2 * PIPES] = begin(sends_by_select, &s);
    tasks[2 * PIPES + 1] = begin(receives_by_select, &s);
    for (int i = 0; i < 2 * PIPES + 2; i++)
        await(tasks[i]);
    for (int k = 0; k < PIPES; k++) {
        EXPECT_INT(s.sent[k], 2 * s.each);
        EXPECT_INT(s.received[k], 2 * s.each);
        EXPECT_INT(coro_chan_len(s.ch[k]), 0);
        unmade(s.ch[k]);
    }
    return NULL;
}

static void plain_calls_and_selects_mix(void **state)
{
    (void)state;
    run_in_orders(stress, NULL);
}

/* ---- a select that never ends ---- */

static void *selects_for_good(void *arg)
{
    size_t n = (size_t)(intptr_t)arg;
    coro_chan_t *ch = made_chan(0);
    coro_case cases[MANY];
    int got;

    coro_defer((void (*)(void *))(void *)coro_chan_destroy, ch); /* when this is unwound, it waits no more */
    for (size_t i = 0; i < n; i++)
        cases[i] = receiving(ch, &got);
    coro_select(cases, n, CORO_FOREVER);
    return NULL;
}

static void a_select_that_is_unwound_leaves_nothing_behind(void **state)
{
    const size_t counts[] = {1, 16, 17, MANY};
    (void)state;

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        coro_sched_t *s = NULL;

        assert_int_equal(coro_sched_create(&s, NULL), 0);
        assert_int_equal(coro_sched_spawn(s, NULL, selects_for_good, (void *)counts[i], NULL), 0);
        assert_int_equal(coro_sched_step(s, 0), 1);
        assert_int_equal(coro_sched_destroy(s), 0);
    }
    assert_expected_at(__FILE__, __LINE__);
}

/* ---- misuse ---- */

static void *selects_wrongly(void *arg)
{
    coro_chan_t *ch = made_chan(1);
    int n = 4, m = 5;
    (void)arg;

    for (int64_t deadline = 0;; deadline = CORO_FOREVER) {
        coro_case cases[] = {sending(ch, &n), receiving(ch, &m)};

        EXPECT_INT(coro_select(NULL, 1, deadline), -EINVAL);
        cases[1].ch = NULL;
        EXPECT_INT(coro_select(cases, 2, deadline), -EINVAL);
        cases[1].ch = ch;
        cases[1].elem = NULL;
        EXPECT_INT(coro_select(cases, 2, deadline), -EINVAL);
        cases[1].elem = &m;
        cases[1].op = (coro_op)2;
        EXPECT_INT(coro_select(cases, 2, deadline), -EINVAL);
        cases[1].op = (coro_op)-1;
        EXPECT_INT(coro_select(cases, 2, deadline), -EINVAL);
        EXPECT_INT(coro_select(cases, (size_t)INT32_MAX + 1, deadline), -EINVAL);
        EXPECT_INT(coro_chan_len(ch), 0); /* the case that was right was not tried */
        EXPECT(cases[0].result == 99 && cases[1].result == 99 && m == 5);
        if (deadline != 0)
            break;
    }
    EXPECT_INT(coro_select(NULL, 0, CORO_FOREVER), -EINVAL);
    unmade(ch);
    return NULL;
}

static void a_case_that_is_wrong_is_an_error_and_none_fires(void **state)
{
    (void)state;
    run(selects_wrongly, NULL);
}

static void nothing_to_wait_for_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(coro_select(NULL, 0, CORO_FOREVER), -EINVAL);
    assert_int_equal(coro_select(NULL, 0, 0), -EAGAIN);
    assert_int_equal(coro_select(NULL, 0, 1), -EPERM);
}

static void calls_through_pointers_work(void **state)
{
    int (*select)(coro_case *, size_t, int64_t) = coro_select;
    coro_chan_t *ch = made_chan(1);
    int n = 3;
    coro_case c = sending(ch, &n);
    (void)state;

    assert_int_equal(select(&c, 1, 0), 0);
    assert_int_equal(coro_chan_len(ch), 1);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

#ifdef SELECT_FAULTS
static void *without_memory(void *arg)
{
    coro_chan_t *ch = made_chan(0), *full = made_chan(1);
    coro_case cases[MANY];
    int got = 5;
    (void)arg;

    for (size_t n = 1; n <= MANY; n++) {
        long blocks;
        int result;

        for (size_t i = 0; i < n; i++)
            cases[i] = receiving(ch, &got);
        blocks = faults_balance().blocks;
        faults_arm(0);
        result = coro_select(cases, n, coro_after(5));
        EXPECT(faults_disarm() == (n > 16));
        EXPECT_INT(result, n > 16 ? -ENOMEM : -ETIMEDOUT);
        EXPECT_INT(send_int(ch, 1, 0), -EAGAIN); /* it waits nowhere */
        EXPECT_INT(coro_select(cases, n, coro_after(5)), -ETIMEDOUT);
        EXPECT_INT(faults_balance().blocks, blocks);
        cases[n - 1] = sending(full, &got);
        faults_arm(0);
        EXPECT_INT(coro_select(cases, n, CORO_FOREVER), n - 1); /* what need not wait needs no memory */
        EXPECT(!faults_disarm());
        EXPECT_INT(recv_int(full, 0), 5);
    }
    unmade(ch);
    unmade(full);
    return NULL;
}

static void more_cases_than_16_need_memory_to_wait(void **state)
{
    (void)state;
    run(without_memory, NULL);
}

static void a_channel_needs_memory(void **state)
{
    coro_chan_t *ch = (coro_chan_t *)0x5e47;
    (void)state;

    faults_arm(0);
    assert_int_equal(coro_chan_create(&ch, 4, 4), -ENOMEM);
    assert_true(faults_disarm());
    assert_ptr_equal(ch, (coro_chan_t *)0x5e47);
}

static void *sends_and_receives(void *arg)
{
    struct other *o = arg;

    return o->n++ == 0 ? (void *)(intptr_t)send_int(o->ch, 1, CORO_FOREVER)
                       : (void *)(intptr_t)recv_int(o->ch, CORO_FOREVER);
}

static void *waits_without_memory(void *arg)
{
    struct other o = {.ch = made_chan(0)};
    coro_task_t *a = begin(sends_and_receives, &o), *b = begin(sends_and_receives, &o);
    (void)arg;

    faults_arm(0);
    let_all_wait();
    EXPECT(!faults_disarm());
    EXPECT_INT((intptr_t)await(a), 0);
    EXPECT_INT((intptr_t)await(b), 1);
    unmade(o.ch);
    return NULL;
}

static void waiting_needs_none(void **state)
{
    (void)state;
    run(waits_without_memory, NULL);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_case_that_is_possible_fires_at_once),
        TEST(outside_tasks_only_deadline_0_works),
        TEST(a_try_never_misses_what_is_there),
        TEST(any_case_may_fire_and_the_others_leave_no_trace),
        TEST(a_select_that_goes_leaves_the_queue_as_it_was),
        TEST(a_select_is_served_in_its_turn),
        TEST(a_channel_may_be_in_several_cases),
        TEST(a_channel_in_several_cases_may_close),
        TEST(send_and_receive_on_one_channel_meet_another_but_never_themselves),
        TEST(two_that_offer_both_keep_meeting),
        TEST(every_case_that_is_possible_is_as_likely),
        TEST(so_it_is_among_others_that_are_not),
        TEST(random_bits_are_sent),
        TEST(what_is_drawn_follows_from_the_seed),
        TEST(deadlines_are_kept_with_cases_and_without),
        TEST(a_select_that_gives_up_waits_nowhere),
        TEST(completion_wins_over_cancellation_and_that_over_the_deadline),
        TEST(a_cancelled_task_selects_only_without_waiting),
        TEST(a_closed_channel_is_always_possible),
        TEST(closing_fires_its_case),
        TEST(what_is_spread_over_channels_arrives_once),
        TEST(plain_calls_and_selects_mix),
        TEST(a_select_that_is_unwound_leaves_nothing_behind),
        TEST(a_case_that_is_wrong_is_an_error_and_none_fires),
        TEST(nothing_to_wait_for_is_an_error),
        TEST(calls_through_pointers_work),
#ifdef SELECT_FAULTS
        TEST(more_cases_than_16_need_memory_to_wait),
        TEST(a_channel_needs_memory),
        TEST(waiting_needs_none),
#endif
    };

#ifdef SELECT_FAULTS
    faults_begin();
#endif
    return RUN_TESTS(tests);
}
