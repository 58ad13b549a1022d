/*
 * Channels between tasks: order, capacity, handing over, closing, deadlines, cancellation, misuse.
 *
 * Source: what Go's runtime/chan_test.go and test/chan/ look at, thought out anew.
 */
#include "support/expect.h"

#include <coro/gen.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CAPACITIES = 200 };

/* Every capacity, or some of them where a tool is slow. */
static size_t next_capacity(size_t capacity)
{
    return capacity < 4 || scaled(10) == 10 ? capacity + 1 : capacity * 2 + 1;
}

static coro_chan_t *made_chan(size_t elem_size, size_t capacity)
{
    coro_chan_t *ch = NULL;

    EXPECT_INT(coro_chan_create(&ch, elem_size, capacity), 0);
    return ch;
}

static void unmade(coro_chan_t *ch)
{
    EXPECT_INT(coro_chan_destroy(ch), 0);
}

static int send_int(coro_chan_t *ch, int n, int64_t deadline)
{
    return coro_chan_send(ch, &n, deadline);
}

/* What was received, or the error. */
static int recv_int(coro_chan_t *ch, int64_t deadline)
{
    int n = -1;
    int err = coro_chan_recv(ch, &n, deadline);

    if (err != 0)
        EXPECT_INT(n, -1);
    return err != 0 ? err : n;
}

/* ---- tasks that do one thing ---- */

struct errand {
    coro_chan_t *ch;
    int n; /* to send; what was received */
    int64_t deadline;
    int result;
    int64_t when;
    coro_task_t *task;
};

static void *sends_one(void *arg)
{
    struct errand *e = arg;

    e->result = coro_chan_send(e->ch, &e->n, e->deadline);
    e->when = coro_now();
    return NULL;
}

static void *receives_one(void *arg)
{
    struct errand *e = arg;

    e->result = coro_chan_recv(e->ch, &e->n, e->deadline);
    e->when = coro_now();
    return NULL;
}

static void start(struct errand *e, coro_chan_t *ch, coro_fn *fn, int n, int64_t deadline)
{
    *e = (struct errand){.ch = ch, .n = n, .deadline = deadline, .result = 1};
    e->task = begin(fn, e);
}

static void start_and_let_wait(struct errand *e, coro_chan_t *ch, coro_fn *fn, int n, int64_t deadline)
{
    start(e, ch, fn, n, deadline);
    let_all_wait();
}

static int finished(struct errand *e)
{
    await(e->task);
    return e->result;
}

/* ---- elements ---- */

static const size_t sizes[] = {0, 1, 4, 8, 24, 4096};
enum { SIZES = 6, SIZE_MOST = 4096, MARGIN = 16 };

struct stream {
    coro_chan_t *ch;
    size_t size, count;
};

static void fill(unsigned char *elem, size_t size, size_t n)
{
    for (size_t j = 0; j < size; j++)
        elem[j] = (unsigned char)(n * 31 + j * 7 + (n >> 8) + size);
}

static void *sends_stream(void *arg)
{
    const struct stream *s = arg;
    unsigned char elem[SIZE_MOST];

    for (size_t n = 0; n < s->count; n++) {
        fill(elem, s->size, n);
        EXPECT_INT(coro_chan_send(s->ch, s->size != 0 ? elem : NULL, CORO_FOREVER), 0);
        memset(elem, 0xee, s->size); /* it has been copied */
    }
    return NULL;
}

static void *receives_stream(void *arg)
{
    const struct stream *s = arg;
    unsigned char elem[SIZE_MOST + 2 * MARGIN], expected[SIZE_MOST];

    for (size_t n = 0; n < s->count; n++) {
        memset(elem, 0x55, sizeof elem);
        fill(expected, s->size, n);
        EXPECT_INT(coro_chan_recv(s->ch, s->size != 0 ? elem + MARGIN : NULL, CORO_FOREVER), 0);
        EXPECT_FOR(n, memcmp(elem + MARGIN, expected, s->size) == 0);
        for (size_t j = 0; j < MARGIN; j++)
            EXPECT_FOR(n, elem[j] == 0x55 && elem[MARGIN + s->size + j] == 0x55);
    }
    return NULL;
}

static void *streams_of_each_size(void *arg)
{
    size_t capacity = *(size_t *)arg;

    for (int i = 0; i < SIZES; i++) {
        struct stream s = {made_chan(sizes[i], capacity), sizes[i], 2 * capacity + 3};
        coro_task_t *sender = begin(sends_stream, &s);

        await(begin(receives_stream, &s));
        await(sender);
        EXPECT_INT(coro_chan_len(s.ch), 0);
        unmade(s.ch);
    }
    return NULL;
}

static void elements_of_every_size_arrive_whole_and_in_order(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = next_capacity(capacity))
        run(streams_of_each_size, &capacity);
}

static void so_they_do_in_any_order_of_tasks(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = capacity * 3 + 1)
        run_in_orders(streams_of_each_size, &capacity);
}

static void a_signal_without_bytes_may_have_any_capacity(void **state)
{
    coro_chan_t *ch = NULL;
    (void)state;

    assert_int_equal(coro_chan_create(&ch, 0, SIZE_MAX), 0);
    for (size_t n = 0; n < 1000; n++)
        assert_int_equal(coro_chan_send(ch, NULL, 0), 0);
    assert_int_equal(coro_chan_len(ch), 1000);
    for (size_t n = 0; n < 1000; n++)
        assert_int_equal(coro_chan_recv(ch, NULL, 0), 0);
    assert_int_equal(coro_chan_recv(ch, NULL, 0), -EAGAIN);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

/* ---- without waiting, outside tasks ---- */

static void a_channel_takes_as_many_as_its_capacity(void **state)
{
    (void)state;
    for (int capacity = 0; capacity < CAPACITIES; capacity++) {
        coro_chan_t *ch = made_chan(sizeof(int), (size_t)capacity);

        for (int round = 0; round < 3; round++) {
            assert_int_equal(recv_int(ch, 0), -EAGAIN);
            for (int n = 0; n < capacity; n++) {
                assert_int_equal(coro_chan_len(ch), n);
                assert_int_equal(send_int(ch, round + n, 0), 0);
            }
            assert_int_equal(send_int(ch, 4711, 0), -EAGAIN);
            assert_int_equal(coro_chan_len(ch), capacity);
            for (int n = 0; n < capacity; n++)
                assert_int_equal(recv_int(ch, 0), round + n);
        }
        assert_int_equal(coro_chan_destroy(ch), 0);
    }
    assert_expected_at(__FILE__, __LINE__);
}

static void the_ring_keeps_the_order_however_it_is_filled(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity < CAPACITIES; capacity = next_capacity(capacity)) {
        coro_chan_t *ch = made_chan(sizeof(int), capacity);
        int sent = 0, received = 0;

        for (size_t i = 0; i < 20 * capacity; i++) {
            bool sending = random_below(2) == 0;

            if (sending && (size_t)(sent - received) < capacity)
                assert_int_equal(send_int(ch, sent++, 0), 0);
            else if (sending)
                assert_int_equal(send_int(ch, -9, 0), -EAGAIN);
            else if (sent > received)
                assert_int_equal(recv_int(ch, 0), received++);
            else
                assert_int_equal(recv_int(ch, 0), -EAGAIN);
            assert_int_equal(coro_chan_len(ch), sent - received);
        }
        assert_int_equal(coro_chan_destroy(ch), 0); /* with what lies in it */
    }
    assert_expected_at(__FILE__, __LINE__);
}

static void outside_tasks_only_deadline_0_works(void **state)
{
    const int64_t deadlines[] = {INT64_MIN, -1, 1, CORO_S(1), CORO_FOREVER - 1, CORO_FOREVER};
    coro_chan_t *ch = made_chan(sizeof(int), 2);
    (void)state;

    assert_int_equal(send_int(ch, 5, 0), 0);
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        assert_int_equal(send_int(ch, 6, deadlines[i]), -EPERM);
        assert_int_equal(recv_int(ch, deadlines[i]), -EPERM);
    }
    assert_int_equal(coro_chan_len(ch), 1);
    assert_int_equal(recv_int(ch, 0), 5);
    assert_int_equal(coro_chan_close(ch), 0);
    assert_int_equal(send_int(ch, 6, 0), -EPIPE);
    assert_int_equal(recv_int(ch, 0), -EPIPE);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

static void *in_a_plain_coroutine(void *input)
{
    EXPECT_INT(send_int(input, 1, CORO_FOREVER), -EPERM);
    EXPECT_INT(send_int(input, 1, 0), 0);
    EXPECT_INT(recv_int(input, CORO_FOREVER), -EPERM);
    EXPECT_INT(recv_int(input, 0), 1);
    return NULL;
}

static void a_plain_coroutine_is_outside_tasks(void **state)
{
    coro_chan_t *ch = made_chan(sizeof(int), 2);
    coro_t *co = made(in_a_plain_coroutine);
    (void)state;

    assert_step(coro_resume(co, ch), CORO_RETURNED, NULL);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_chan_destroy(ch), 0);
    assert_expected_at(__FILE__, __LINE__);
}

static void *meets_from_outside(void *arg)
{
    struct errand *e = arg;

    e->result = recv_int(e->ch, CORO_FOREVER);
    return NULL;
}

static void a_send_from_outside_reaches_a_task_that_waits(void **state)
{
    struct errand e = {.ch = made_chan(sizeof(int), 0)};
    coro_sched_t *s = NULL;
    (void)state;

    assert_int_equal(coro_sched_create(&s, &(coro_sched_opts){.virtual_time = true}), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, meets_from_outside, &e, NULL), 0);
    assert_int_equal(send_int(e.ch, 7, 0), -EAGAIN);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_chan_destroy(e.ch), -EBUSY);
    assert_int_equal(send_int(e.ch, 7, 0), 0);
    assert_int_equal(e.result, 0);
    assert_int_equal(coro_sched_run(s), 0);
    assert_int_equal(e.result, 7);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_int_equal(coro_chan_destroy(e.ch), 0);
    assert_expected_at(__FILE__, __LINE__);
}

static bool is_readable(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

static void it_makes_the_descriptor_readable(void **state)
{
    struct errand e = {.ch = made_chan(sizeof(int), 0)};
    coro_sched_t *s = NULL;
    int fd;
    (void)state;

    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, meets_from_outside, &e, NULL), 0);
    fd = coro_sched_fd(s);
    assert_true(is_readable(fd));
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_false(is_readable(fd));
    assert_int_equal(send_int(e.ch, 7, 0), 0);
    assert_true(is_readable(fd));
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_false(is_readable(fd));
    assert_int_equal(e.result, 7);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_int_equal(coro_chan_destroy(e.ch), 0);
}

static void tasks_of_two_schedulers_of_a_thread_meet(void **state)
{
    struct errand e[2];
    coro_sched_t *s[2] = {NULL, NULL};
    int fd;
    (void)state;

    e[0] = (struct errand){.ch = made_chan(sizeof(int), 0), .deadline = CORO_FOREVER, .result = 1};
    e[1] = (struct errand){.ch = e[0].ch, .n = 7, .deadline = CORO_FOREVER, .result = 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(coro_sched_create(&s[i], NULL), 0);
        assert_int_equal(coro_sched_spawn(s[i], NULL, i == 0 ? receives_one : sends_one, &e[i], NULL), 0);
    }
    fd = coro_sched_fd(s[0]);
    assert_int_equal(coro_sched_step(s[0], 0), 1);
    assert_false(is_readable(fd));
    assert_int_equal(coro_sched_run(s[1]), 0);
    assert_int_equal(e[0].n, 7);
    assert_int_equal(e[0].result, 1);
    assert_true(is_readable(fd));
    assert_int_equal(coro_sched_run(s[0]), 0);
    assert_int_equal(e[0].result, 0);
    assert_int_equal(e[1].result, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(coro_sched_destroy(s[i]), 0);
    assert_int_equal(coro_chan_destroy(e[0].ch), 0);
}

/* ---- waiting ---- */

static void *waits_where_it_should(void *arg)
{
    size_t capacity = *(size_t *)arg;
    coro_chan_t *ch = made_chan(sizeof(int), capacity);
    struct errand e;

    start(&e, ch, receives_one, -1, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(e.result, 1); /* an empty channel blocks receivers */
    EXPECT_INT(send_int(ch, 11, 0), 0);
    EXPECT_INT(finished(&e), 0);
    EXPECT_INT(e.n, 11);

    for (size_t n = 0; n < capacity; n++)
        EXPECT_INT(send_int(ch, (int)n, CORO_FOREVER), 0);
    start(&e, ch, sends_one, (int)capacity, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(e.result, 1); /* and a full one senders */
    EXPECT_INT(coro_chan_len(ch), capacity);
    EXPECT_INT(recv_int(ch, 0), 0);
    EXPECT_INT(coro_chan_len(ch), capacity); /* its element has moved up */
    EXPECT_INT(finished(&e), 0);
    for (size_t n = 1; n <= capacity; n++)
        EXPECT_INT(recv_int(ch, CORO_FOREVER), n);
    unmade(ch);
    return NULL;
}

static void an_empty_channel_blocks_receivers_and_a_full_one_senders(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = next_capacity(capacity))
        run(waits_where_it_should, &capacity);
}

static void *hands_over(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);
    struct errand e;

    start(&e, ch, receives_one, -1, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(send_int(ch, 42, CORO_FOREVER), 0);
    EXPECT_INT(e.n, 42); /* written by the sender, who has not stopped for that */
    EXPECT_INT(e.result, 1);
    EXPECT_INT(coro_chan_len(ch), 0);
    EXPECT_INT(recv_int(ch, 0), -EAGAIN);
    EXPECT_INT(finished(&e), 0);
    EXPECT_INT(e.n, 42);
    unmade(ch);
    return NULL;
}

static void a_sender_writes_into_the_memory_of_who_waits(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 4; capacity++)
        run(hands_over, &capacity);
}

static void *changes_its_mind(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 0);
    struct errand e;
    (void)arg;

    start(&e, ch, sends_one, 1, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 1);
    EXPECT_INT(e.result, 1); /* the receiver has not stopped either */
    EXPECT_INT(finished(&e), 0);
    unmade(ch);
    return NULL;
}

static void a_receiver_reads_from_the_memory_of_who_waits(void **state)
{
    (void)state;
    run(changes_its_mind, NULL);
}

/* ---- in turn ---- */

enum { QUEUE = 20 };

static struct errand queue[QUEUE];
static int arrivals[QUEUE], arrived;

static void *arrives_to_receive(void *arg)
{
    struct errand *e = arg;

    arrivals[arrived++] = (int)(e - queue);
    return receives_one(arg);
}

static void *arrives_to_send(void *arg)
{
    struct errand *e = arg;

    arrivals[arrived++] = (int)(e - queue);
    return sends_one(arg);
}

static void start_queue(coro_chan_t *ch, coro_fn *fn)
{
    arrived = 0;
    for (int i = 0; i < QUEUE; i++)
        start(&queue[i], ch, fn, i, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(arrived, QUEUE);
}

static void finish_queue(void)
{
    for (int i = 0; i < QUEUE; i++)
        EXPECT_INT(finished(&queue[i]), 0);
}

static void *serves_receivers(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);

    start_queue(ch, arrives_to_receive);
    for (int i = 0; i < QUEUE; i++) {
        EXPECT_INT(send_int(ch, 100 + i, i % 2 == 0 ? 0 : CORO_FOREVER), 0);
        if (i % 3 == 0)
            coro_pause();
    }
    finish_queue();
    for (int i = 0; i < QUEUE; i++)
        EXPECT_INT(queue[arrivals[i]].n, 100 + i);
    unmade(ch);
    return NULL;
}

static void *serves_senders(void *arg)
{
    size_t capacity = *(size_t *)arg;
    coro_chan_t *ch = made_chan(sizeof(int), capacity);

    for (size_t i = 0; i < capacity; i++)
        EXPECT_INT(send_int(ch, 1000, 0), 0);
    start_queue(ch, arrives_to_send);
    for (size_t i = 0; i < capacity; i++)
        EXPECT_INT(recv_int(ch, 0), 1000);
    for (int i = 0; i < QUEUE; i++) {
        EXPECT_INT(recv_int(ch, i % 2 == 0 ? 0 : CORO_FOREVER), arrivals[i]);
        if (i % 3 == 0)
            coro_pause();
    }
    finish_queue();
    EXPECT_INT(recv_int(ch, 0), -EAGAIN);
    unmade(ch);
    return NULL;
}

static void waiting_receivers_are_served_in_turn(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 25; capacity++)
        run_in_orders(serves_receivers, &capacity);
}

static void waiting_senders_are_served_in_turn(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 25; capacity++)
        run_in_orders(serves_senders, &capacity);
}

static void *nobody_pushes_in(void *arg)
{
    size_t capacity = *(size_t *)arg;
    coro_chan_t *ch = made_chan(sizeof(int), capacity);
    struct errand e;

    for (size_t i = 0; i < capacity; i++)
        EXPECT_INT(send_int(ch, 0, 0), 0);
    start(&e, ch, sends_one, 1, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(recv_int(ch, 0), capacity == 0 ? 1 : 0);
    EXPECT_INT(send_int(ch, 2, 0), -EAGAIN); /* the place is taken, though who has it has not gone on yet */
    EXPECT_INT(finished(&e), 0);
    while (capacity-- > 1)
        EXPECT_INT(recv_int(ch, 0), 0);
    EXPECT_INT(recv_int(ch, 0), *(size_t *)arg == 0 ? -EAGAIN : 1);
    unmade(ch);
    return NULL;
}

static void nobody_gets_in_before_who_waits(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 5; capacity++)
        run(nobody_pushes_in, &capacity);
}

struct rivals {
    coro_chan_t *ch;
    int count, next;
};

static void *rival(void *arg)
{
    struct rivals *r = arg;
    int me = r->next++;

    for (int i = 0; i < 50; i++)
        EXPECT_INT(send_int(r->ch, me, CORO_FOREVER), 0);
    return NULL;
}

/* Who finds the receiver waiting is served at once, and queues up again: that is one more in each turn, and no more. */
static void *takes_from_rivals(void *arg)
{
    struct rivals r = {made_chan(sizeof(int), 0), *(int *)arg, 0};
    int last[8] = {0}, left[8] = {0};

    for (int i = 0; i < r.count; i++) {
        begin_detached(rival, &r);
        left[i] = 50;
    }
    let_all_wait();
    for (int i = 0; i < 50 * r.count; i++) {
        int me = recv_int(r.ch, CORO_FOREVER);

        EXPECT(me >= 0 && me < r.count);
        left[me & 7]--;
        last[me & 7] = i;
        for (int k = 0; k < r.count; k++)
            EXPECT_FOR(i, left[k] == 0 || i - last[k] <= r.count + 1);
    }
    unmade(r.ch);
    return NULL;
}

static void no_sender_waits_longer_than_a_turn(void **state)
{
    (void)state;
    for (int count = 1; count <= 8; count++)
        run(takes_from_rivals, &count);
}

/* ---- closing ---- */

static void *closes_with_waiting(void *arg)
{
    size_t capacity = *(size_t *)arg;
    coro_chan_t *ch = made_chan(sizeof(int), capacity);
    struct errand e[3];

    for (int i = 0; i < 3; i++)
        start(&e[i], ch, receives_one, -7, i == 1 ? coro_after(CORO_S(1)) : CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(coro_chan_close(ch), 0);
    unmade(ch); /* nobody waits any more, though none has gone on */
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(finished(&e[i]), -EPIPE);
        EXPECT_INT(e[i].n, -7);
    }

    ch = made_chan(sizeof(int), capacity);
    for (size_t i = 0; i < capacity; i++)
        EXPECT_INT(send_int(ch, (int)i, 0), 0);
    for (int i = 0; i < 3; i++)
        start(&e[i], ch, sends_one, 99, i == 1 ? coro_after(CORO_S(1)) : CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(coro_chan_close(ch), 0);
    for (int i = 0; i < 3; i++)
        EXPECT_INT(finished(&e[i]), -EPIPE);
    for (size_t i = 0; i < capacity; i++) {
        EXPECT_INT(coro_chan_len(ch), capacity - i);
        EXPECT_INT(send_int(ch, 5, i % 2 == 0 ? 0 : CORO_FOREVER), -EPIPE);
        EXPECT_INT(recv_int(ch, i % 2 == 0 ? 0 : CORO_FOREVER), i); /* what lies in it comes first */
    }
    for (int i = 0; i < 3; i++) {
        EXPECT_INT(recv_int(ch, i - 1), -EPIPE);
        EXPECT_INT(recv_int(ch, CORO_FOREVER), -EPIPE);
        EXPECT_INT(send_int(ch, 5, i - 1), -EPIPE);
        EXPECT_INT(coro_chan_close(ch), -EPIPE);
    }
    unmade(ch);
    return NULL;
}

static void closing_ends_all_waiting_and_leaves_what_lies_there(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = next_capacity(capacity))
        run(closes_with_waiting, &capacity);
    for (size_t capacity = 0; capacity < 4; capacity++)
        run_in_orders(closes_with_waiting, &capacity);
}

static void closing_twice_is_an_error(void **state)
{
    coro_chan_t *ch = made_chan(4, 1);
    (void)state;

    assert_int_equal(coro_chan_close(ch), 0);
    assert_int_equal(coro_chan_close(ch), -EPIPE);
    assert_int_equal(coro_chan_close(ch), -EPIPE);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

static void *sums_until_closed(void *arg)
{
    coro_chan_t *ch = arg;
    int n, err;
    long sum = 0;

    while ((err = coro_chan_recv(ch, &n, CORO_FOREVER)) == 0)
        sum += n;
    EXPECT_INT(err, -EPIPE);
    return (void *)sum;
}

static void *sends_and_closes(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);
    coro_task_t *consumer = begin(sums_until_closed, ch);

    for (int i = 1; i <= 300; i++)
        EXPECT_INT(send_int(ch, i, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_close(ch), 0);
    EXPECT_INT((long)await(consumer), 300 * 301 / 2);
    unmade(ch);
    return NULL;
}

static void a_loop_over_a_channel_ends_when_that_is_closed(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = next_capacity(capacity))
        run_in_orders(sends_and_closes, &capacity);
}

/* ---- deadlines ---- */

static void *tries_deadlines(void *arg)
{
    const int64_t passed[] = {1, -1, INT64_MIN, coro_now() - 1, coro_now()};
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);
    int64_t began = coro_now();
    struct errand e;

    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        EXPECT_INT(recv_int(ch, passed[i]), -ETIMEDOUT);
    EXPECT_INT(recv_int(ch, 0), -EAGAIN);
    EXPECT_INT(coro_now(), began);
    EXPECT_INT(recv_int(ch, began + CORO_MS(30)), -ETIMEDOUT);
    EXPECT_INT(coro_now(), began + CORO_MS(30));

    for (size_t i = 0; i < *(size_t *)arg; i++)
        EXPECT_INT(send_int(ch, 8, passed[i % 5]), 0); /* what need not wait is not late */
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        EXPECT_INT(send_int(ch, 9, passed[i]), -ETIMEDOUT);
    EXPECT_INT(send_int(ch, 9, 0), -EAGAIN);
    EXPECT_INT(send_int(ch, 9, began + CORO_MS(70)), -ETIMEDOUT);
    EXPECT_INT(coro_now(), began + CORO_MS(70));
    for (size_t i = 0; i < *(size_t *)arg; i++)
        EXPECT_INT(recv_int(ch, passed[i % 5]), 8);
    EXPECT_INT(coro_chan_len(ch), 0);

    start(&e, ch, receives_one, -1, CORO_FOREVER - 1); /* no overflow on the way */
    EXPECT_INT(coro_sleep(CORO_S(1000)), 0);
    EXPECT_INT(send_int(ch, 3, 0), 0);
    EXPECT_INT(finished(&e), 0);
    EXPECT_INT(e.when, coro_now());
    unmade(ch);
    return NULL;
}

static void deadlines_are_kept_to_the_nanosecond(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 5; capacity++)
        run(tries_deadlines, &capacity);
}

static void *beats_the_deadline(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 0);
    int64_t began = coro_now();
    struct errand e;
    (void)arg;

    start(&e, ch, receives_one, -1, began + CORO_MS(10));
    EXPECT_INT(coro_sleep(CORO_MS(9)), 0);
    EXPECT_INT(send_int(ch, 6, CORO_FOREVER), 0);
    EXPECT_INT(finished(&e), 0);
    EXPECT_INT(e.when, began + CORO_MS(9));
    EXPECT_INT(coro_sleep(CORO_MS(9)), 0); /* the deadline that is past hits nobody */

    start(&e, ch, sends_one, 5, coro_after(CORO_MS(10)));
    EXPECT_INT(coro_sleep(CORO_MS(9)), 0);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 5);
    EXPECT_INT(finished(&e), 0);
    EXPECT_INT(coro_sleep(CORO_MS(9)), 0);
    unmade(ch);
    return NULL;
}

static void a_deadline_that_was_met_is_forgotten(void **state)
{
    (void)state;
    run(beats_the_deadline, NULL);
}

/* ---- who gives up leaves no trace ---- */

enum leave { BY_TIMEOUT, BY_CANCEL, LEAVES };

/* The second of three that wait goes away, and has gone on. */
static void second_leaves(struct errand e[3], enum leave how)
{
    if (how == BY_CANCEL)
        EXPECT_INT(coro_cancel(e[1].task), 0);
    EXPECT_INT(coro_sleep(CORO_MS(20)), 0);
    EXPECT_INT(e[1].result, how == BY_CANCEL ? -ECANCELED : -ETIMEDOUT);
}

static int64_t deadline_of(int i, enum leave how)
{
    return i == 1 && how == BY_TIMEOUT ? coro_after(CORO_MS(10)) : CORO_FOREVER;
}

static void *receiver_leaves(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);
    struct errand e[3];

    for (int how = 0; how < LEAVES; how++) {
        for (int i = 0; i < 3; i++)
            start_and_let_wait(&e[i], ch, receives_one, -7, deadline_of(i, (enum leave)how));
        second_leaves(e, (enum leave)how);
        EXPECT_INT(send_int(ch, 1, 0), 0);
        EXPECT_INT(send_int(ch, 2, 0), 0);
        for (int i = 0; i < 3; i++)
            finished(&e[i]);
        EXPECT_INT(e[0].n, 1);
        EXPECT_INT(e[1].n, -7);
        EXPECT_INT(e[2].n, 2);
        EXPECT_INT(coro_chan_len(ch), 0);
    }
    unmade(ch);
    return NULL;
}

static void *sender_leaves(void *arg)
{
    size_t capacity = *(size_t *)arg;
    coro_chan_t *ch = made_chan(sizeof(int), capacity);
    struct errand e[3];

    for (int how = 0; how < LEAVES; how++) {
        for (size_t i = 0; i < capacity; i++)
            EXPECT_INT(send_int(ch, 100, 0), 0);
        for (int i = 0; i < 3; i++)
            start_and_let_wait(&e[i], ch, sends_one, i, deadline_of(i, (enum leave)how));
        second_leaves(e, (enum leave)how);
        for (size_t i = 0; i < capacity; i++)
            EXPECT_INT(recv_int(ch, 0), 100);
        EXPECT_INT(recv_int(ch, 0), 0);
        EXPECT_INT(recv_int(ch, 0), 2);
        EXPECT_INT(recv_int(ch, 0), -EAGAIN);
        for (int i = 0; i < 3; i++)
            finished(&e[i]);
        EXPECT_INT(e[0].result, 0);
        EXPECT_INT(e[2].result, 0);
    }
    unmade(ch);
    return NULL;
}

static void a_receiver_that_gives_up_takes_no_element_along(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 5; capacity++)
        run_in_orders(receiver_leaves, &capacity);
}

static void a_sender_that_gives_up_has_sent_nothing(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 5; capacity++)
        run_in_orders(sender_leaves, &capacity);
}

static void *last_one_leaves(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 0);
    struct errand e;
    (void)arg;

    start(&e, ch, receives_one, -1, coro_after(CORO_MS(1)));
    EXPECT_INT(finished(&e), -ETIMEDOUT);
    EXPECT_INT(send_int(ch, 1, 0), -EAGAIN);
    start(&e, ch, sends_one, 1, coro_after(CORO_MS(1)));
    EXPECT_INT(finished(&e), -ETIMEDOUT);
    EXPECT_INT(recv_int(ch, 0), -EAGAIN);
    unmade(ch);
    return NULL;
}

static void after_the_last_one_gave_up_nobody_is_met(void **state)
{
    (void)state;
    run(last_one_leaves, NULL);
}

/* ---- all at one instant ---- */

enum event { SERVE = 1, CANCEL = 2, CLOSE = 4 };

struct instant {
    coro_chan_t *ch;
    struct errand waiter;
    int order[3]; /* of events, 0: none */
    int64_t when;
    bool receiving;
};

static void *happens(void *arg)
{
    struct instant *in = arg;

    EXPECT_INT(coro_sleep_until(in->when), 0);
    EXPECT_INT(in->waiter.result, 1); /* its deadline has passed, but it has not gone on */
    for (int i = 0; i < 3; i++) {
        if (in->order[i] == SERVE)
            EXPECT_INT(in->receiving ? send_int(in->ch, 77, 0) : recv_int(in->ch, 0), in->receiving ? 0 : 55);
        else if (in->order[i] == CANCEL)
            EXPECT_INT(coro_cancel(in->waiter.task), 0);
        else if (in->order[i] == CLOSE)
            EXPECT_INT(coro_chan_close(in->ch), 0);
    }
    return NULL;
}

/* Completion (by the first of serve and close) wins over cancellation, and that over the deadline. */
static int outcome(const int order[3])
{
    bool cancelled = false;

    for (int i = 0; i < 3; i++) {
        if (order[i] == SERVE)
            return 0;
        if (order[i] == CLOSE)
            return -EPIPE;
        cancelled = cancelled || order[i] == CANCEL;
    }
    return cancelled ? -ECANCELED : -ETIMEDOUT;
}

static void *at_one_instant(void *arg)
{
    struct instant *in = arg;
    coro_task_t *other;

    in->ch = made_chan(sizeof(int), 0);
    in->when = coro_after(CORO_MS(5));
    other = begin(happens, in);
    let_all_wait(); /* so its time comes first */
    start(&in->waiter, in->ch, in->receiving ? receives_one : sends_one, 55, in->when);
    await(other);
    EXPECT_INT(finished(&in->waiter), outcome(in->order));
    EXPECT_INT(in->waiter.when, in->when);
    if (in->receiving)
        EXPECT_INT(in->waiter.n, in->waiter.result == 0 ? 77 : 55);
    unmade(in->ch);
    return NULL;
}

static void completion_wins_over_cancellation_and_that_over_the_deadline(void **state)
{
    const int orders[][3] = {
        {0, 0, 0},           {SERVE, 0, 0},           {CANCEL, 0, 0},          {CLOSE, 0, 0},
        {SERVE, CANCEL, 0},  {CANCEL, SERVE, 0},      {CANCEL, CLOSE, 0},      {CLOSE, CANCEL, 0},
        {SERVE, CLOSE, 0},   {SERVE, CLOSE, CANCEL},  {CANCEL, SERVE, CLOSE},  {SERVE, CANCEL, CLOSE},
        {CANCEL, CANCEL, 0}, {CANCEL, CANCEL, SERVE}, {CLOSE, CANCEL, CANCEL}, {0, 0, SERVE}};
    (void)state;

    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        for (int receiving = 0; receiving < 2; receiving++) {
            struct instant in = {.receiving = receiving != 0};

            memcpy(in.order, orders[i], sizeof in.order);
            run(at_one_instant, &in);
        }
}

static void *same_without_deadline(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 1);
    struct errand e[2];
    (void)arg;

    for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
        for (int i = 0; i < 2; i++)
            start_and_let_wait(&e[i], ch, receives_one, -1, CORO_FOREVER);
        if (cancel_first)
            EXPECT_INT(coro_cancel(e[0].task), 0);
        EXPECT_INT(send_int(ch, 5, 0), 0);
        if (!cancel_first)
            EXPECT_INT(coro_cancel(e[0].task), 0);
        EXPECT_INT(send_int(ch, 6, 0), 0);
        EXPECT_INT(finished(&e[0]), 0);
        EXPECT_INT(finished(&e[1]), 0);
        EXPECT_INT(e[0].n, 5);
        EXPECT_INT(e[1].n, 6);
    }
    for (int cancel_first = 0; cancel_first < 2; cancel_first++) {
        EXPECT_INT(send_int(ch, 4, 0), 0);
        for (int i = 0; i < 2; i++)
            start_and_let_wait(&e[i], ch, sends_one, 5 + i, CORO_FOREVER);
        if (cancel_first)
            EXPECT_INT(coro_cancel(e[0].task), 0);
        EXPECT_INT(recv_int(ch, 0), 4);
        if (!cancel_first)
            EXPECT_INT(coro_cancel(e[0].task), 0);
        EXPECT_INT(recv_int(ch, 0), 5);
        EXPECT_INT(finished(&e[0]), 0);
        EXPECT_INT(finished(&e[1]), 0);
        EXPECT_INT(recv_int(ch, 0), 6);
    }
    unmade(ch);
    return NULL;
}

static void an_element_that_was_handed_over_is_reported(void **state)
{
    (void)state;
    run_in_orders(same_without_deadline, NULL);
}

/* ---- cancelled tasks ---- */

static void sends_at_its_end(void *ch)
{
    EXPECT_INT(send_int(ch, 1, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(send_int(ch, 9, 0), 0);
}

static void *is_cancelled(void *arg)
{
    coro_chan_t *ch = arg;

    EXPECT_INT(coro_defer(sends_at_its_end, ch), 0);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), -ECANCELED);
    for (int i = 0; i < 3; i++) { /* for good, and though it need not wait */
        EXPECT_INT(send_int(ch, 1, CORO_FOREVER), -ECANCELED);
        EXPECT_INT(send_int(ch, 1, 1), -ECANCELED);
        EXPECT_INT(coro_chan_len(ch), 0);
        EXPECT_INT(recv_int(ch, CORO_FOREVER), -ECANCELED);
        EXPECT_INT(send_int(ch, 1, 0), 0);
        EXPECT_INT(recv_int(ch, CORO_FOREVER), -ECANCELED);
        EXPECT_INT(recv_int(ch, 0), 1);
    }
    coro_shield(true);
    EXPECT_INT(send_int(ch, 1, CORO_FOREVER), 0);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 1);
    EXPECT_INT(recv_int(ch, coro_after(5)), -ETIMEDOUT);
    coro_shield(false);
    return NULL;
}

static void *cancels(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 1);
    coro_task_t *task = begin(is_cancelled, ch);
    (void)arg;

    let_all_wait();
    EXPECT_INT(coro_cancel(task), 0);
    await(task);
    EXPECT_INT(recv_int(ch, 0), 9);
    unmade(ch);
    return NULL;
}

static void a_cancelled_task_does_only_what_needs_no_waiting(void **state)
{
    (void)state;
    run(cancels, NULL);
}

static void tries_all(void *ch)
{
    int n = 3;
    coro_case c = {.ch = ch, .op = CORO_SEND, .elem = &n};

    EXPECT_INT(send_int(ch, 1, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(send_int(ch, 1, 1), -ECANCELED);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_select(&c, 1, CORO_FOREVER), -ECANCELED);
    EXPECT_INT(coro_chan_len(ch), 0);
    EXPECT_INT(send_int(ch, 2, 0), 0);
    EXPECT_INT(recv_int(ch, 0), 2);
    mark('u');
}

static void *ends_at_once(void *ch)
{
    EXPECT_INT(coro_defer(tries_all, ch), 0);
    return NULL;
}

static void *is_unwound(void *ch)
{
    EXPECT_INT(coro_defer(tries_all, ch), 0);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 0);
    mark('!');
    return NULL;
}

static void what_runs_at_the_end_of_a_task_does_not_wait(void **state)
{
    coro_chan_t *ch = made_chan(sizeof(int), 1);
    coro_sched_t *s = NULL;
    (void)state;

    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, ends_at_once, ch, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, is_unwound, ch, NULL), 0);
    assert_int_equal(coro_sched_step(s, 0), 2);
    assert_string_equal(trace, "u");
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_string_equal(trace, "uu");
    assert_int_equal(coro_chan_destroy(ch), 0);
    assert_expected_at(__FILE__, __LINE__);
}

static void *yields_with_a_handler(void *ch)
{
    EXPECT_INT(coro_defer(tries_all, ch), 0);
    return coro_yield(NULL);
}

static void *destroys_inside(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 1);
    coro_t *co = NULL;
    (void)arg;

    for (int finishes = 0; finishes < 2; finishes++) {
        EXPECT_INT(coro_create(&co, yields_with_a_handler, NULL), 0);
        EXPECT_INT(coro_resume(co, ch).status, CORO_YIELDED);
        if (finishes)
            EXPECT_INT(coro_resume(co, NULL).status, CORO_RETURNED);
        EXPECT_INT(coro_destroy(co), 0);
    }
    EXPECT_INT(send_int(ch, 1, CORO_FOREVER), 0); /* the task itself goes on */
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 1);
    unmade(ch);
    return NULL;
}

static void nor_does_what_unwinds_a_coroutine_of_a_task(void **state)
{
    (void)state;
    run(destroys_inside, NULL);
    assert_string_equal(trace, "uu");
}

static int receives_in_a_group(void *arg)
{
    struct errand *e = arg;

    return e->result = coro_chan_recv(e->ch, &e->n, CORO_FOREVER);
}

static void *group_is_late(void *arg)
{
    struct errand e[3];
    coro_chan_t *ch = made_chan(sizeof(int), 0);
    coro_group_t group;
    (void)arg;

    EXPECT_INT(coro_group_open(&group, CORO_WAIT_ALL, coro_after(CORO_MS(5))), 0);
    for (int i = 0; i < 3; i++) {
        e[i] = (struct errand){.ch = ch, .n = -1};
        EXPECT_INT(coro_group_spawn(&group, receives_in_a_group, &e[i]), 0);
        coro_sleep(1);
    }
    EXPECT_INT(send_int(ch, 1, 0), 0);
    EXPECT_INT(coro_group_join(&group), -ETIMEDOUT);
    EXPECT_INT(e[0].result, 0);
    EXPECT_INT(e[1].result, -ECANCELED);
    EXPECT_INT(e[2].result, -ECANCELED);
    EXPECT_INT(send_int(ch, 1, 0), -EAGAIN);
    unmade(ch);
    return NULL;
}

static void a_group_that_is_late_takes_its_children_off(void **state)
{
    (void)state;
    run_in_orders(group_is_late, NULL);
}

/* ---- many tasks ---- */

struct passing {
    coro_chan_t *from, *to;
};

static void *passes_on(void *arg)
{
    struct passing *p = arg;
    int n = recv_int(p->from, CORO_FOREVER);

    EXPECT_INT(send_int(p->to, n + 1, CORO_FOREVER), 0);
    return NULL;
}

static void *chain(void *arg)
{
    size_t length = alive_at_most(10000 < scaled(100000) ? 10000 : scaled(100000));
    struct passing *p = malloc(length * sizeof *p);
    coro_chan_t *first = made_chan(sizeof(int), 0), *from = first;
    (void)arg;

    for (size_t i = 0; i < length; i++) {
        p[i] = (struct passing){from, made_chan(sizeof(int), 0)};
        from = p[i].to;
        begin_detached(passes_on, &p[i]);
    }
    EXPECT_INT(send_int(first, 1, CORO_FOREVER), 0);
    EXPECT_INT(recv_int(from, CORO_FOREVER), length + 1);
    let_all_wait();
    unmade(first);
    for (size_t i = 0; i < length; i++)
        unmade(p[i].to);
    free(p);
    return NULL;
}

static void a_number_passes_through_a_long_chain(void **state)
{
    (void)state;
    run(chain, NULL);
}

static void *generates(void *arg)
{
    for (int n = 2; send_int(arg, n, CORO_FOREVER) == 0; n++)
        continue;
    return NULL;
}

struct filter {
    coro_chan_t *from, *to;
    int prime;
};

static void *filters(void *arg)
{
    struct filter *f = arg;
    int n;

    while ((n = recv_int(f->from, CORO_FOREVER)) > 0)
        if (n % f->prime != 0 && send_int(f->to, n, CORO_FOREVER) != 0)
            break;
    return NULL;
}

enum { PRIMES = 100 };

static void *sieve(void *arg)
{
    struct filter f[PRIMES];
    coro_chan_t *first = made_chan(sizeof(int), *(size_t *)arg), *ch = first;
    size_t count = scaled(PRIMES) < 20 ? 20 : scaled(PRIMES);
    long sum = 0;

    begin_detached(generates, first);
    for (size_t i = 0; i < count; i++) {
        int prime = recv_int(ch, CORO_FOREVER);

        sum += prime;
        f[i] = (struct filter){ch, made_chan(sizeof(int), *(size_t *)arg), prime};
        begin_detached(filters, &f[i]);
        ch = f[i].to;
    }
    EXPECT_INT(sum, count == 100 ? 24133 : count == 20 ? 639 : sum);
    EXPECT_INT(coro_chan_close(first), 0);
    for (size_t i = 0; i < count; i++)
        EXPECT_INT(coro_chan_close(f[i].to), 0);
    let_all_wait();
    unmade(first);
    for (size_t i = 0; i < count; i++)
        unmade(f[i].to);
    return NULL;
}

static void a_sieve_of_tasks_finds_primes(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 3; capacity++)
        run_in_orders(sieve, &capacity);
}

struct works {
    coro_chan_t *todo, *done;
    int round;
};

static void *works(void *arg)
{
    struct works *w = arg;
    int n;

    while ((n = recv_int(w->todo, CORO_FOREVER)) >= 0) {
        if (++w->round % 7 == 0)
            coro_pause();
        if (n % 11 == 0)
            coro_sleep(n);
        EXPECT_INT(send_int(w->done, n, CORO_FOREVER), 0);
    }
    return NULL;
}

enum { WORKERS = 23, WORK = 1000 };

static void *feeds(void *arg)
{
    struct works *w = arg;

    for (int n = 0; n < WORK; n++)
        EXPECT_INT(send_int(w->todo, n, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_close(w->todo), 0);
    return NULL;
}

static void *many_consumers(void *arg)
{
    size_t capacity = *(size_t *)arg;
    struct works w = {made_chan(sizeof(int), capacity), made_chan(sizeof(int), capacity * 3), 0};
    static char seen[WORK];

    memset(seen, 0, sizeof seen);
    for (int i = 0; i < WORKERS; i++)
        begin_detached(works, &w);
    begin_detached(feeds, &w);
    for (int i = 0; i < WORK; i++) {
        int n = recv_int(w.done, CORO_FOREVER);

        EXPECT(n >= 0 && n < WORK && !seen[n]);
        seen[n >= 0 && n < WORK ? n : 0] = 1;
    }
    EXPECT_INT(recv_int(w.done, coro_after(CORO_S(1))), -ETIMEDOUT);
    unmade(w.todo);
    unmade(w.done);
    return NULL;
}

static void each_piece_of_work_is_done_once(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = capacity * 3 + 1)
        run_in_orders(many_consumers, &capacity);
}

struct crowd {
    coro_chan_t *ch;
    int me;
    size_t received[4];
};

static void *sends_its_own(void *arg)
{
    struct crowd *c = arg;
    int me = c->me++;

    for (int i = 0; i < 100; i++)
        EXPECT_INT(send_int(c->ch, me * 1000 + i, CORO_FOREVER), 0);
    return NULL;
}

static void *receives_anybodys(void *arg)
{
    struct crowd *c = arg;
    int last[4] = {-1, -1, -1, -1};

    for (int i = 0; i < 100; i++) {
        int n = recv_int(c->ch, CORO_FOREVER), from = n / 1000;

        EXPECT(from >= 0 && from < 4 && n % 1000 > last[from & 3]); /* each sender's own come in order */
        last[from & 3] = n % 1000;
        c->received[from & 3] += (size_t)(n % 1000);
    }
    return NULL;
}

static void *crowd(void *arg)
{
    struct crowd c = {.ch = made_chan(sizeof(int), *(size_t *)arg)};
    coro_task_t *tasks[8];

    for (int i = 0; i < 8; i++)
        tasks[i] = begin(i < 4 ? sends_its_own : receives_anybodys, &c);
    for (int i = 0; i < 8; i++)
        await(tasks[i]);
    for (int i = 0; i < 4; i++)
        EXPECT_INT(c.received[i], 99 * 100 / 2);
    EXPECT_INT(coro_chan_len(c.ch), 0);
    unmade(c.ch);
    return NULL;
}

static void four_senders_and_four_receivers_lose_and_double_nothing(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < CAPACITIES; capacity = next_capacity(capacity)) {
        run(crowd, &capacity);
        run_seeded(crowd, &capacity, capacity + 1);
    }
}

/* ---- power series: demand goes one way, coefficients the other ---- */

struct series {
    coro_chan_t *demand, *answer;
};

static coro_chan_t *all_channels[4096];
static size_t channels;

static coro_chan_t *tracked(size_t elem_size)
{
    return all_channels[channels++] = made_chan(elem_size, 0);
}

static struct series made_series(void)
{
    return (struct series){tracked(0), tracked(sizeof(int))};
}

/* The next coefficient, or -1 once everything has been closed. */
static int demanded(struct series s)
{
    if (coro_chan_send(s.demand, NULL, CORO_FOREVER) != 0)
        return -1;
    return recv_int(s.answer, CORO_FOREVER);
}

static bool answered(struct series s, int n)
{
    return n >= 0 && coro_chan_recv(s.demand, NULL, CORO_FOREVER) == 0 && send_int(s.answer, n, CORO_FOREVER) == 0;
}

struct operation {
    struct series a, b, out;
};

static struct operation operations[1024];
static size_t operations_made;

static struct series operated(coro_fn *fn, struct series a, struct series b)
{
    struct operation *op = &operations[operations_made++];

    *op = (struct operation){a, b, made_series()};
    begin_detached(fn, op);
    return op->out;
}

static void *ones(void *arg)
{
    struct operation *op = arg;

    while (answered(op->out, 1))
        continue;
    return NULL;
}

static void *adds(void *arg)
{
    struct operation *op = arg;
    int a, b;

    do {
        a = demanded(op->a);
        b = demanded(op->b);
    } while (a >= 0 && b >= 0 && answered(op->out, a + b));
    return NULL;
}

/* a and b times x, so that the first coefficient is that of a alone. */
static void *adds_shifted(void *arg)
{
    struct operation *op = arg;
    int a = demanded(op->a), b;

    while (a >= 0 && answered(op->out, a)) {
        a = demanded(op->a);
        b = demanded(op->b);
        a = b >= 0 && a >= 0 ? a + b : -1;
    }
    return NULL;
}

/* One series for two that demand it at their own pace: what one has had is kept for the other. */
struct split {
    struct series from, to[2];
};

static struct split splits[1024];
static size_t splits_made;

static void *splits_in_two(void *arg)
{
    struct split *s = arg;
    int had[64], count = 0, at[2] = {0, 0};

    for (;;) {
        coro_case cases[] = {{s->to[0].demand, CORO_RECV, NULL, 0}, {s->to[1].demand, CORO_RECV, NULL, 0}};
        int i = coro_select(cases, 2, CORO_FOREVER);

        if (i < 0 || cases[i].result != 0)
            return NULL;
        if (at[i] == count && count < 64 && (had[count] = demanded(s->from)) >= 0)
            count++;
        if (at[i] == count || send_int(s->to[i].answer, had[at[i]++], CORO_FOREVER) != 0)
            return NULL;
    }
}

static struct split *split(struct series from)
{
    struct split *s = &splits[splits_made++];

    *s = (struct split){from, {made_series(), made_series()}};
    begin_detached(splits_in_two, s);
    return s;
}

struct scaling {
    struct series from, out;
    int by;
};

static struct scaling scalings[1024];
static size_t scalings_made;

static void *scales(void *arg)
{
    struct scaling *s = arg;
    int n;

    while ((n = demanded(s->from)) >= 0 && answered(s->out, n * s->by))
        continue;
    return NULL;
}

static struct series scaled_by(int by, struct series from)
{
    struct scaling *s = &scalings[scalings_made++];

    *s = (struct scaling){from, made_series(), by};
    begin_detached(scales, s);
    return s->out;
}

/* (a0 + xA)(b0 + xB) = a0 b0 + x(a0 B + b0 A + x A B), one more of itself inside for each coefficient. */
static void *multiplies(void *arg)
{
    struct operation *op = arg;
    int a0, b0;
    struct split *a, *b;
    struct series rest;

    if (coro_chan_recv(op->out.demand, NULL, CORO_FOREVER) != 0 || (a0 = demanded(op->a)) < 0 ||
        (b0 = demanded(op->b)) < 0 || send_int(op->out.answer, a0 * b0, CORO_FOREVER) != 0)
        return NULL;
    if (coro_chan_recv(op->out.demand, NULL, CORO_FOREVER) != 0) /* nothing is built that nobody wants */
        return NULL;
    a = split(op->a);
    b = split(op->b);
    rest = operated(adds_shifted, operated(adds, scaled_by(a0, b->to[0]), scaled_by(b0, a->to[0])),
                    operated(multiplies, a->to[1], b->to[1]));
    for (;;) {
        int n = demanded(rest);

        if (n < 0 || send_int(op->out.answer, n, CORO_FOREVER) != 0 ||
            coro_chan_recv(op->out.demand, NULL, CORO_FOREVER) != 0)
            return NULL;
    }
}

static void *power_series(void *arg)
{
    struct series none = {NULL, NULL}, square, cube;
    (void)arg;

    channels = operations_made = splits_made = scalings_made = 0;
    square = operated(multiplies, operated(ones, none, none), operated(ones, none, none));
    for (int i = 0; i < 10; i++)
        EXPECT_INT(demanded(square), i + 1); /* 1/(1-x)^2 */
    cube = operated(multiplies, operated(multiplies, operated(ones, none, none), operated(ones, none, none)),
                    operated(ones, none, none));
    for (int i = 0; i < 8; i++)
        EXPECT_INT(demanded(cube), (i + 1) * (i + 2) / 2);
    for (size_t i = 0; i < channels; i++)
        EXPECT_INT(coro_chan_close(all_channels[i]), 0);
    let_all_wait();
    for (size_t i = 0; i < channels; i++)
        unmade(all_channels[i]);
    return NULL;
}

static void power_series_multiply(void **state)
{
    (void)state;
    run_in_orders(power_series, NULL);
}

/* ---- inside coroutines of a task ---- */

CORO_GEN(numbers, coro_unit, int, coro_unit);
CORO_GEN_FROM_CORO(received, numbers, receive_all, coro_chan_t *);

static coro_unit receive_all(received *self, coro_unit in)
{
    int n;

    (void)in;
    while ((n = recv_int(self->data, CORO_FOREVER)) >= 0)
        received_yield(self, n);
    return CORO_UNIT;
}

static void *sends_slowly(void *arg)
{
    for (int n = 1; n <= 10; n++) {
        EXPECT_INT(coro_sleep(n % 3), 0);
        EXPECT_INT(send_int(arg, n, CORO_FOREVER), 0);
    }
    EXPECT_INT(coro_chan_close(arg), 0);
    return NULL;
}

static void *loops_over_a_generator(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), *(size_t *)arg);
    coro_task_t *sender = begin(sends_slowly, ch);
    received state;
    numbers *g = received_init(&state, ch, NULL);
    numbers_out out;
    int sum = 0;

    while (numbers_step(&g, CORO_UNIT, &out))
        sum = sum * 2 + out.y;
    EXPECT_INT(sum, 2036); /* 1 to 10, doubled as many times as came after each */
    await(sender);
    unmade(ch);
    return NULL;
}

static void a_generator_may_wait_for_a_channel(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 4; capacity++)
        run_in_orders(loops_over_a_generator, &capacity);
}

struct nested {
    coro_chan_t *ch;
    int depth;
};

/* Waits in the innermost of some coroutines, and comes back there. */
static void *descends(void *arg)
{
    struct nested *n = arg;
    coro_t *self = coro_self(), *inner = NULL;
    int value;

    if (n->depth-- > 0) {
        EXPECT_INT(coro_create(&inner, descends, NULL), 0);
        EXPECT_INT(coro_resume(inner, n).status, CORO_YIELDED);
        EXPECT(coro_self() == self);
        coro_yield(NULL);
        EXPECT_INT(coro_resume(inner, n).status, CORO_RETURNED);
        EXPECT_INT(coro_destroy(inner), 0);
        return NULL;
    }
    value = recv_int(n->ch, CORO_FOREVER);
    EXPECT(coro_self() == self);
    coro_yield(NULL);
    EXPECT_INT(send_int(n->ch, value + 1, CORO_FOREVER), 0);
    EXPECT(coro_self() == self);
    return NULL;
}

static void *descends_from_a_task(void *arg)
{
    struct nested *n = arg;
    coro_t *co = NULL;

    EXPECT_INT(coro_create(&co, descends, NULL), 0);
    EXPECT_INT(coro_resume(co, n).status, CORO_YIELDED);
    EXPECT_INT(coro_resume(co, n).status, CORO_RETURNED);
    EXPECT_INT(coro_destroy(co), 0);
    return NULL;
}

static void *talks_to_the_depth(void *arg)
{
    struct nested n = {made_chan(sizeof(int), 0), 5};
    coro_task_t *task = begin(descends_from_a_task, &n);
    (void)arg;

    let_all_wait();
    EXPECT_INT(send_int(n.ch, 20, CORO_FOREVER), 0);
    EXPECT_INT(recv_int(n.ch, CORO_FOREVER), 21);
    await(task);
    unmade(n.ch);
    return NULL;
}

static void waiting_goes_on_in_the_innermost_coroutine(void **state)
{
    (void)state;
    run_in_orders(talks_to_the_depth, NULL);
}

/* ---- typed ---- */

struct point {
    double x, y, z;
};

CORO_CHAN_OF(int);
CORO_CHAN_NAMED(points, struct point);
CORO_CHAN_NAMED(words, const char *);

static void *typed_sender(void *arg)
{
    coro_chan_points_t *ch = arg;

    for (int i = 0; i < 5; i++)
        EXPECT_INT(coro_chan_points_send(*ch, (struct point){i, 2 * i, 3 * i}, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_points_close(*ch), 0);
    return NULL;
}

static void *typed(void *arg)
{
    coro_chan_points_t ch;
    struct point p = {0, 0, 0};
    coro_task_t *sender;
    coro_case c = {.op = CORO_RECV, .elem = &p};
    (void)arg;

    EXPECT_INT(coro_chan_points_create(&ch, 0), 0);
    sender = begin(typed_sender, &ch);
    for (int i = 0; i < 4; i++) {
        EXPECT_INT(coro_chan_points_recv(ch, &p, CORO_FOREVER), 0);
        EXPECT(p.x == i && p.y == 2 * i && p.z == 3 * i);
    }
    c.ch = ch.ch;
    EXPECT_INT(coro_select(&c, 1, CORO_FOREVER), 0);
    EXPECT(p.x == 4 && p.z == 12);
    EXPECT_INT(coro_chan_points_recv(ch, &p, CORO_FOREVER), -EPIPE);
    EXPECT_INT(coro_chan_points_close(ch), -EPIPE);
    await(sender);
    EXPECT_INT(coro_chan_points_destroy(ch), 0);
    return NULL;
}

static void typed_channels_carry_their_type(void **state)
{
    coro_chan_int_t ints;
    coro_chan_words_t words;
    const char *word = NULL;
    int n = 0;
    (void)state;

    run(typed, NULL);
    assert_int_equal(coro_chan_int_create(&ints, 3), 0);
    assert_int_equal(coro_chan_int_send(ints, 5, 0), 0);
    assert_int_equal(coro_chan_int_send(ints, 6, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_chan_int_len(ints), 1);
    assert_int_equal(coro_chan_int_recv(ints, NULL, 0), -EINVAL);
    assert_int_equal(coro_chan_int_recv(ints, &n, 0), 0);
    assert_int_equal(n, 5);
    assert_int_equal(coro_chan_int_destroy(ints), 0);
    assert_int_equal(coro_chan_words_create(&words, 1), 0);
    assert_int_equal(coro_chan_words_send(words, "word", 0), 0);
    assert_int_equal(coro_chan_words_recv(words, &word, 0), 0);
    assert_string_equal(word, "word");
    assert_int_equal(coro_chan_words_destroy(words), 0);
}

static void typed_channels_refuse_null(void **state)
{
    const coro_chan_int_t none = {NULL};
    int n = 3;
    (void)state;

    assert_int_equal(coro_chan_int_create(NULL, 3), -EINVAL);
    assert_int_equal(coro_chan_int_send(none, 1, 0), -EINVAL);
    assert_int_equal(coro_chan_int_recv(none, &n, 0), -EINVAL);
    assert_int_equal(coro_chan_int_close(none), -EINVAL);
    assert_int_equal(coro_chan_int_destroy(none), -EINVAL);
    assert_int_equal(coro_chan_int_len(none), 0);
    assert_int_equal(n, 3);
}

/* ---- misuse ---- */

static coro_chan_t *const sentinel = (coro_chan_t *)0x5e47;

static void create_without_an_output_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(coro_chan_create(NULL, 4, 1), -EINVAL);
}

static void a_capacity_that_overflows_is_an_error(void **state)
{
    const struct {
        size_t size, capacity;
        int err;
    } cases[] = {
        {SIZE_MAX, 2, -EOVERFLOW},
        {2, SIZE_MAX, -EOVERFLOW},
        {SIZE_MAX / 2 + 1, 2, -EOVERFLOW},
        {2, SIZE_MAX / 2 + 1, -EOVERFLOW},
        {SIZE_MAX, SIZE_MAX, -EOVERFLOW},
        {(size_t)1 << 32, (size_t)1 << 32, -EOVERFLOW},
        {SIZE_MAX, 1, -EOVERFLOW}, /* its product fits, but not with the channel itself */
        {1, SIZE_MAX, -EOVERFLOW},
        {1, (size_t)PTRDIFF_MAX - 8, -EOVERFLOW},
        {(size_t)1 << 30, (size_t)1 << 31, -ENOMEM},
        {(size_t)1 << 61, 1, -ENOMEM},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        coro_chan_t *ch = sentinel;

        assert_int_equal(coro_chan_create(&ch, cases[i].size, cases[i].capacity), cases[i].err);
        assert_ptr_equal(ch, sentinel);
    }
}

static void null_is_an_error(void **state)
{
    coro_chan_t *ch = made_chan(4, 1);
    int n = 5;
    (void)state;

    for (int64_t deadline = 0;; deadline = CORO_FOREVER) {
        assert_int_equal(coro_chan_send(NULL, &n, deadline), -EINVAL);
        assert_int_equal(coro_chan_recv(NULL, &n, deadline), -EINVAL);
        assert_int_equal(coro_chan_send(ch, NULL, deadline), -EINVAL);
        assert_int_equal(coro_chan_recv(ch, NULL, deadline), -EINVAL);
        if (deadline != 0)
            break;
    }
    assert_int_equal(coro_chan_close(NULL), -EINVAL);
    assert_int_equal(coro_chan_destroy(NULL), -EINVAL);
    assert_int_equal(coro_chan_len(NULL), 0);
    assert_int_equal(coro_chan_len(ch), 0);
    assert_int_equal(n, 5);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

static void *destroys_what_is_waited_for(void *arg)
{
    coro_chan_t *ch = made_chan(sizeof(int), 0);
    struct errand e;
    (void)arg;

    start(&e, ch, receives_one, 0, coro_after(CORO_MS(1)));
    let_all_wait();
    EXPECT_INT(coro_chan_destroy(ch), -EBUSY);
    EXPECT_INT(finished(&e), -ETIMEDOUT);
    start(&e, ch, sends_one, 0, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(coro_chan_destroy(ch), -EBUSY);
    EXPECT_INT(coro_cancel(e.task), 0);
    EXPECT_INT(finished(&e), -ECANCELED);
    start(&e, ch, sends_one, 8, CORO_FOREVER);
    let_all_wait();
    EXPECT_INT(coro_chan_destroy(ch), -EBUSY);
    EXPECT_INT(recv_int(ch, CORO_FOREVER), 8); /* it is unharmed */
    EXPECT_INT(coro_chan_destroy(ch), 0);
    EXPECT_INT(finished(&e), 0);
    return NULL;
}

static void destroy_while_somebody_waits_is_an_error(void **state)
{
    (void)state;
    run_in_orders(destroys_what_is_waited_for, NULL);
}

static void meddle_with(coro_chan_t *ch, int64_t deadline)
{
    int n = 3;
    coro_case c = {.ch = ch, .op = CORO_RECV, .elem = &n, .result = 7};

    EXPECT_INT(send_int(ch, 1, deadline), -EPERM);
    EXPECT_INT(recv_int(ch, deadline), -EPERM);
    EXPECT_INT(coro_select(&c, 1, deadline), -EPERM);
    EXPECT_INT(coro_chan_close(ch), -EPERM);
    EXPECT_INT(coro_chan_destroy(ch), -EPERM);
    EXPECT_INT(c.result, 7);
    EXPECT_INT(n, 3);
}

static void *meddles_in_a_task(void *ch)
{
    meddle_with(ch, 0);
    meddle_with(ch, 1);
    meddle_with(ch, CORO_FOREVER);
    return NULL;
}

static void *meddles(void *ch)
{
    meddle_with(ch, 0); /* a thread that has never used the library */
    EXPECT_INT(coro_run(meddles_in_a_task, ch, NULL, NULL), 0);
    meddle_with(ch, 0);
    return NULL;
}

static void another_thread_is_refused(void **state)
{
    coro_chan_t *ch = made_chan(sizeof(int), 2);
    pthread_t thread;
    (void)state;

    assert_int_equal(send_int(ch, 4, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, meddles, ch), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_expected_at(__FILE__, __LINE__);
    assert_int_equal(coro_chan_len(ch), 1);
    assert_int_equal(recv_int(ch, 0), 4);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

static coro_chan_t *of_the_parent;

static bool refused_all(int64_t deadline, int err)
{
    int n = 3;
    coro_case c = {.ch = of_the_parent, .op = CORO_RECV, .elem = &n};

    return coro_chan_send(of_the_parent, &n, deadline) == err && coro_chan_recv(of_the_parent, &n, deadline) == err &&
           coro_select(&c, 1, deadline) == err && coro_chan_close(of_the_parent) == err &&
           coro_chan_destroy(of_the_parent) == err && n == 3;
}

static void *begins_anew(void *arg)
{
    coro_chan_t *own = NULL;

    if (coro_chan_create(&own, sizeof(int), 1) == 0 && send_int(own, 1, CORO_FOREVER) == 0 &&
        recv_int(own, CORO_FOREVER) == 1 && coro_chan_destroy(own) == 0)
        *(int *)arg = 0;
    return NULL;
}

static int in_the_child(long arg)
{
    coro_chan_t *ch = sentinel;
    int code = 3;

    (void)arg;
    if (coro_chan_create(&ch, 4, 1) != -ECHILD || ch != sentinel)
        return 1;
    if (!refused_all(0, -ECHILD) || !refused_all(CORO_FOREVER, -ECHILD) || !refused_all(1, -ECHILD))
        return 2;
    coro_run(begins_anew, &code, NULL, NULL);
    return code;
}

static void a_forked_child_is_refused_until_it_begins_anew(void **state)
{
    struct child_end end;
    (void)state;

    of_the_parent = made_chan(sizeof(int), 2);
    assert_int_equal(send_int(of_the_parent, 4, 0), 0);
    end = in_forked_child(in_the_child, 0);
    if (end.code != 0)
        print_error("%s\n", end.said);
    assert_int_equal(end.code, 0);
    assert_int_equal(recv_int(of_the_parent, 0), 4);
    assert_int_equal(coro_chan_destroy(of_the_parent), 0);
}

static void calls_through_pointers_work(void **state)
{
    int (*send)(coro_chan_t *, const void *, int64_t) = coro_chan_send;
    int (*recv)(coro_chan_t *, void *, int64_t) = coro_chan_recv;
    coro_chan_t *ch = made_chan(sizeof(int), 1);
    int n = 8;
    (void)state;

    assert_int_equal(send(ch, &n, 0), 0);
    n = 0;
    assert_int_equal(recv(ch, &n, 0), 0);
    assert_int_equal(n, 8);
    assert_int_equal(coro_chan_destroy(ch), 0);
}

/* ---- the report of a deadlock ---- */

enum { SENDER_LINE = __LINE__ + 4, RECEIVER_LINE = __LINE__ + 10, SELECT_LINE = __LINE__ + 18 };

static void *sends_for_good(void *ch)
{
    coro_chan_send(ch, "xxxx", CORO_FOREVER);
    return NULL;
}

static void *receives_for_good(void *ch)
{
    coro_chan_recv(ch, &(int){0}, CORO_FOREVER);
    return NULL;
}

static void *selects_for_good(void *ch)
{
    coro_case c = {.ch = ch, .op = CORO_RECV, .elem = &(int){0}};

    coro_select(&c, 1, CORO_FOREVER);
    return NULL;
}

static void *receives_anonymously(void *ch)
{
    (coro_chan_recv)(ch, &(int){0}, CORO_FOREVER);
    return NULL;
}

static void *deadlock(void *arg)
{
    coro_chan_t **ch = arg;

    coro_spawn(NULL, sends_for_good, ch[0], &(coro_opts){.name = "sender"});
    coro_spawn(NULL, receives_for_good, ch[1], &(coro_opts){.name = "receiver"});
    coro_spawn(NULL, selects_for_good, ch[1], &(coro_opts){.name = "selector"});
    coro_spawn(NULL, receives_anonymously, ch[1], &(coro_opts){.name = "anonymous"});
    coro_sleep(CORO_MS(1500));
    return NULL;
}

static int deadlocks(long arg)
{
    coro_chan_t *ch[2];
    coro_sched_opts opts = {.virtual_time = true};

    (void)arg;
    if (coro_chan_create(&ch[0], 4, 0) != 0 || coro_chan_create(&ch[1], 4, 1) != 0 ||
        coro_run(deadlock, ch, NULL, &opts) != -EDEADLK)
        return 1;
    return coro_chan_destroy(ch[0]) == 0 && coro_chan_destroy(ch[1]) == 0 ? 0 : 2; /* who waited has been unwound */
}

/* Is there a line with all of these? */
static bool has_line(const char *text, const char *a, const char *b, const char *c)
{
    char line[512];

    for (; *text != '\0'; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] != '\0')) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
        if (strstr(line, a) != NULL && strstr(line, b) != NULL && strstr(line, c) != NULL)
            return true;
    }
    return false;
}

static void assert_reported(const char *said, const char *name, const char *what, int line)
{
    char site[64] = "";

    if (line != 0)
        snprintf(site, sizeof site, ", at %s:%d", __FILE__, line);
    if (!has_line(said, name, what, "since 1.500 s") || !has_line(said, name, what, site))
        fail_msg("no '%s' with '%s' and '%s' in:\n%s", name, what, site, said);
}

static void the_report_of_a_deadlock_says_who_waits_where(void **state)
{
    struct child_end end = in_fresh_child(deadlocks, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    assert_non_null(strstr(end.said, "4 tasks"));
    assert_reported(end.said, "'sender'", "waits to send to a channel", SENDER_LINE);
    assert_reported(end.said, "'receiver'", "waits to receive from a channel", RECEIVER_LINE);
    assert_reported(end.said, "'selector'", "waits in a select over channels", SELECT_LINE);
    assert_reported(end.said, "'anonymous'", "waits to receive from a channel", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(elements_of_every_size_arrive_whole_and_in_order),
        TEST(so_they_do_in_any_order_of_tasks),
        TEST(a_signal_without_bytes_may_have_any_capacity),
        TEST(a_channel_takes_as_many_as_its_capacity),
        TEST(the_ring_keeps_the_order_however_it_is_filled),
        TEST(outside_tasks_only_deadline_0_works),
        TEST(a_plain_coroutine_is_outside_tasks),
        TEST(a_send_from_outside_reaches_a_task_that_waits),
        TEST(it_makes_the_descriptor_readable),
        TEST(tasks_of_two_schedulers_of_a_thread_meet),
        TEST(an_empty_channel_blocks_receivers_and_a_full_one_senders),
        TEST(a_sender_writes_into_the_memory_of_who_waits),
        TEST(a_receiver_reads_from_the_memory_of_who_waits),
        TEST(waiting_receivers_are_served_in_turn),
        TEST(waiting_senders_are_served_in_turn),
        TEST(nobody_gets_in_before_who_waits),
        TEST(no_sender_waits_longer_than_a_turn),
        TEST(closing_ends_all_waiting_and_leaves_what_lies_there),
        TEST(closing_twice_is_an_error),
        TEST(a_loop_over_a_channel_ends_when_that_is_closed),
        TEST(deadlines_are_kept_to_the_nanosecond),
        TEST(a_deadline_that_was_met_is_forgotten),
        TEST(a_receiver_that_gives_up_takes_no_element_along),
        TEST(a_sender_that_gives_up_has_sent_nothing),
        TEST(after_the_last_one_gave_up_nobody_is_met),
        TEST(completion_wins_over_cancellation_and_that_over_the_deadline),
        TEST(an_element_that_was_handed_over_is_reported),
        TEST(a_cancelled_task_does_only_what_needs_no_waiting),
        TEST(what_runs_at_the_end_of_a_task_does_not_wait),
        TEST(nor_does_what_unwinds_a_coroutine_of_a_task),
        TEST(a_group_that_is_late_takes_its_children_off),
        TEST(a_number_passes_through_a_long_chain),
        TEST(a_sieve_of_tasks_finds_primes),
        TEST(each_piece_of_work_is_done_once),
        TEST(four_senders_and_four_receivers_lose_and_double_nothing),
        TEST(power_series_multiply),
        TEST(a_generator_may_wait_for_a_channel),
        TEST(waiting_goes_on_in_the_innermost_coroutine),
        TEST(typed_channels_carry_their_type),
        TEST(typed_channels_refuse_null),
        TEST(create_without_an_output_is_an_error),
        TEST(a_capacity_that_overflows_is_an_error),
        TEST(null_is_an_error),
        TEST(destroy_while_somebody_waits_is_an_error),
        TEST(a_forked_child_is_refused_until_it_begins_anew),
        TEST(another_thread_is_refused),
        TEST(calls_through_pointers_work),
        TEST(the_report_of_a_deadlock_says_who_waits_where),
    };

    return RUN_TESTS(tests);
}
