/*
 * Read-write lock: many readers or one writer, in turn.
 */
#include "support/test.h"
#include "sync/script.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(coro_rwlock_t) == 10 * sizeof(void *), "its layout is part of the interface");

static const coro_sched_opts virtual_time = {.virtual_time = true};

#define LAST_FIRST(...) PLAYED_AS(CORO_DEPTH_FIRST, __VA_ARGS__)

/* ---- who is let in ---- */

static void many_read_at_a_time(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:3", "read sleep:3", "read? sleep:3", "read@0"),
                        "0 a read, 0 b read, 0 c read, 0 d read");
}

static void one_writes_at_a_time(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:3", "write sleep:1", "write? write@0 write"),
                        "0 a write, 0 c write=EAGAIN, 0 c write=ETIMEDOUT, 3 b write, 4 c write");
}

static void nobody_reads_while_one_writes(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:3", "read sleep:1", "read? read sleep:1", "write"),
                        "0 a write, 0 c read=EAGAIN, 3 b read, 3 c read, 4 d write");
}

static void nobody_writes_while_some_read(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:3", "read sleep:5", "write? write"),
                        "0 a read, 0 b read, 0 c write=EAGAIN, 5 c write");
}

static void readers_do_not_pass_a_writer_that_waits(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:3", "sleep:1 write sleep:2", "sleep:2 read? read@0 read", "read sleep:4"),
                        "0 a read, 0 d read, 2 c read=EAGAIN, 2 c read=ETIMEDOUT, 4 b write, 6 c read");
}

static void who_waits_is_served_in_turn(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:1", "read sleep:1", "read sleep:2", "write sleep:1", "read sleep:1",
                               "write sleep:1", "write sleep:1", "read sleep:1", "read sleep:1"),
                        "0 a write, 1 b read, 1 c read, 3 d write, 4 e read, 5 f write, 6 g write, 7 h read, 7 i read");
}

/* Two readers relieve each other for ever; a writer gets in between. */
static void writers_are_not_starved(void **state)
{
    (void)state;
    assert_string_equal(
        PLAYED("read sleep:2 leave read sleep:2 leave read", "sleep:1 read sleep:2 leave read", "sleep:1 write"),
        "0 a read, 1 b read, 3 c write, 3 a read, 3 b read, 5 a read");
}

static void locks_are_independent(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:2 read1", "write1 sleep:3", "read2 write2"),
                        "0 a write, 0 b write1, 0 c read2, 0 c write2=EDEADLK, 3 a read1");
}

/* ---- giving up ---- */

static void readers_behind_a_writer_that_is_late_go_in(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:9", "write@3", "read sleep:1", "read"),
                        "0 a read, 3 b write=ETIMEDOUT, 3 c read, 3 d read");
}

static void readers_behind_a_writer_that_is_cancelled_go_in(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:9", "write", "read sleep:1", "read", "sleep:2 cancel:b"),
                        "0 a read, 2 b write=ECANCELED, 2 c read, 2 d read");
}

static void but_only_up_to_the_next_writer(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:9", "write@3", "read sleep:1", "write sleep:1", "read"),
                        "0 a read, 3 b write=ETIMEDOUT, 3 c read, 9 d write, 10 e read");
    assert_string_equal(PLAYED("read sleep:9", "write sleep:1", "read sleep:1", "write@3", "read"),
                        "0 a read, 3 d write=ETIMEDOUT, 9 b write, 10 c read, 10 e read");
    assert_string_equal(PLAYED("read sleep:9", "write@3", "write@4", "read"),
                        "0 a read, 3 b write=ETIMEDOUT, 4 c write=ETIMEDOUT, 4 d read");
    assert_string_equal(PLAYED("write sleep:9", "write@3", "read sleep:1", "read"),
                        "0 a write, 3 b write=ETIMEDOUT, 9 c read, 9 d read");
}

static void a_reader_that_gives_up_leaves_the_others_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:9", "read@2", "write sleep:1", "read", "sleep:4 cancel:d"),
                        "0 a write, 2 b read=ETIMEDOUT, 4 d read=ECANCELED, 9 c write");
}

static void being_let_in_wins_over_cancellation_and_deadline(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write sleep:5 cancel:b leave", "read"), "0 a write, 5 b read");
    assert_string_equal(LAST_FIRST("sleep:1 write@5", "read sleep:2 sleep:3 cancel:a leave"), "0 b read, 5 a write");
    assert_string_equal(LAST_FIRST("sleep:1 read@5", "write sleep:2 sleep:3 leave"), "0 b write, 5 a read");
    assert_string_equal(LAST_FIRST("sleep:1 write@5", "read sleep:2 sleep:3 cancel:a sleep:1"),
                        "0 b read, 5 a write=ECANCELED");
}

static void a_cancelled_task_locks_only_with_deadline_0(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("cancel:a read write read? leave write? leave leave"),
                        "0 a read=ECANCELED, 0 a write=ECANCELED, 0 a read, 0 a write, 0 a leave=EPERM");
}

/* ---- who holds it ---- */

static void who_holds_it_cannot_lock_it_again(void **state)
{
    (void)state;
    assert_string_equal(
        PLAYED("read read write read? write@0 leave write write read write? leave"),
        "0 a read, 0 a read=EDEADLK, 0 a write=EDEADLK, 0 a read=EDEADLK, 0 a write=EDEADLK, 0 a write, "
        "0 a write=EDEADLK, 0 a read=EDEADLK, 0 a write=EDEADLK");
}

static void who_does_not_hold_it_cannot_unlock_it(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("leave read leave leave write leave leave"),
                        "0 a leave=EPERM, 0 a read, 0 a leave=EPERM, 0 a write, 0 a leave=EPERM");
    assert_string_equal(PLAYED("read sleep:2", "leave sleep:1 write", "sleep:3 leave"),
                        "0 a read, 0 b leave=EPERM, 2 b write, 3 c leave=EPERM");
    assert_string_equal(PLAYED("write sleep:2 leave write", "leave"), "0 a write, 0 b leave=EPERM, 2 a write");
}

static void a_lock_in_a_nested_coroutine_is_the_tasks(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("^read ^write sleep:2 leave ^write ^leave leave", "write sleep:1"),
                        "0 a read, 0 a write=EDEADLK, 2 b write, 3 a write, 3 a leave=EPERM");
}

static void a_task_unlocks_while_it_ends(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("write !leave !read sleep:2", "read"), "0 a write, 2 a read=ECANCELED, 2 b read");
}

/* One of ten that read is not known by name: it may lock again, and whoever unlocks for it is believed. */
static void six_readers_are_known_by_name_and_more_are_counted(void **state)
{
    (void)state;
    assert_string_equal(PLAYED("read sleep:4", "read sleep:4", "read sleep:4", "read sleep:4", "read sleep:4",
                               "read read sleep:4", "read sleep:6", "read sleep:5", "sleep:1 write"),
                        "0 a read, 0 b read, 0 c read, 0 d read, 0 e read, 0 f read, 0 f read=EDEADLK, 0 g read, "
                        "0 h read, 6 i write");
    assert_string_equal(PLAYED("read sleep:1", "read sleep:9", "read sleep:9", "read sleep:9", "read sleep:9",
                               "read sleep:9", "read sleep:8 leave", "sleep:2 read read sleep:1", "sleep:3 write",
                               "sleep:2 leave"),
                        "0 a read, 0 b read, 0 c read, 0 d read, 0 e read, 0 f read, 0 g read, 2 h read, "
                        "2 h read=EDEADLK, 8 g leave=EPERM, 9 i write");
}

/* ---- misuse, and outside tasks ---- */

static void null_is_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_rwlock_rdlock(NULL, 0), -EINVAL);
    assert_int_equal(coro_rwlock_wrlock(NULL, CORO_FOREVER), -EINVAL);
    assert_int_equal(coro_rwlock_unlock(NULL), -EINVAL);
}

static void outside_tasks_the_thread_is_the_holder(void **state)
{
    coro_rwlock_t l = CORO_RWLOCK_INIT;
    (void)state;

    assert_int_equal(coro_rwlock_rdlock(&l, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_rwlock_wrlock(&l, 1), -EPERM);
    assert_int_equal(coro_rwlock_unlock(&l), -EPERM);
    assert_int_equal(coro_rwlock_rdlock(&l, 0), 0);
    assert_int_equal(coro_rwlock_rdlock(&l, 0), -EDEADLK);
    assert_int_equal(coro_rwlock_wrlock(&l, 0), -EDEADLK);
    assert_int_equal(coro_rwlock_unlock(&l), 0);
    assert_int_equal(coro_rwlock_wrlock(&l, 0), 0);
    assert_int_equal(coro_rwlock_wrlock(&l, 0), -EDEADLK);
    assert_int_equal(coro_rwlock_unlock(&l), 0);
    assert_int_equal(coro_rwlock_unlock(&l), -EPERM);
}

static int results[4];

static void *meets_the_thread(void *arg)
{
    results[0] = coro_rwlock_wrlock(arg, coro_after(CORO_MS(1)));
    results[1] = coro_rwlock_rdlock(arg, CORO_FOREVER);
    results[2] = coro_rwlock_unlock(arg);
    results[3] = coro_rwlock_unlock(arg);
    return NULL;
}

static void a_task_and_its_thread_read_together(void **state)
{
    const int expected[] = {-ETIMEDOUT, 0, 0, -EPERM};
    coro_rwlock_t l = {0};
    (void)state;

    assert_int_equal(coro_rwlock_rdlock(&l, 0), 0);
    assert_int_equal(coro_run(meets_the_thread, &l, NULL, &virtual_time), 0);
    assert_memory_equal(results, expected, sizeof expected);
    assert_int_equal(coro_rwlock_wrlock(&l, 0), -EDEADLK);
    assert_int_equal(coro_rwlock_unlock(&l), 0);
    assert_int_equal(coro_rwlock_wrlock(&l, 0), 0);
}

/* ---- seeds ---- */

enum { READERS = 6, WRITERS = 3, ROUNDS = 20 };
static struct {
    coro_rwlock_t lock;
    int readers, writers, most_readers, wrong, a, b;
} book;

static void *reads(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        coro_rwlock_rdlock(&book.lock, CORO_FOREVER);
        book.wrong += book.writers != 0 || book.a != book.b;
        if (++book.readers > book.most_readers)
            book.most_readers = book.readers;
        coro_pause();
        book.readers--;
        coro_rwlock_unlock(&book.lock);
    }
    return arg;
}

static void *writes(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        coro_rwlock_wrlock(&book.lock, CORO_FOREVER);
        book.wrong += book.readers != 0 || book.writers++ != 0;
        book.a++;
        coro_pause();
        book.b++;
        book.writers--;
        coro_rwlock_unlock(&book.lock);
    }
    return arg;
}

static void *reads_and_writes(void *arg)
{
    for (int i = 0; i < READERS; i++)
        coro_spawn(NULL, reads, NULL, NULL);
    for (int i = 0; i < WRITERS; i++)
        coro_spawn(NULL, writes, NULL, NULL);
    return arg;
}

static void readers_and_writers_never_meet(void **state)
{
    uint64_t orders = 2 + scaled(200);
    (void)state;

    for (uint64_t n = 0; n < orders; n++) {
        coro_sched_opts opts = {
            .virtual_time = true, .policy = n == 1 ? CORO_DEPTH_FIRST : CORO_FIFO, .seed = n < 2 ? 0 : n};

        memset(&book, 0, sizeof book);
        assert_int_equal(coro_run(reads_and_writes, NULL, NULL, &opts), 0);
        assert_int_equal(book.wrong, 0);
        assert_int_equal(book.a, WRITERS * ROUNDS);
        assert_int_equal(book.b, WRITERS * ROUNDS);
        assert_true(book.most_readers > 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_read_at_a_time),
        TEST(one_writes_at_a_time),
        TEST(nobody_reads_while_one_writes),
        TEST(nobody_writes_while_some_read),
        TEST(readers_do_not_pass_a_writer_that_waits),
        TEST(who_waits_is_served_in_turn),
        TEST(writers_are_not_starved),
        TEST(locks_are_independent),
        TEST(readers_behind_a_writer_that_is_late_go_in),
        TEST(readers_behind_a_writer_that_is_cancelled_go_in),
        TEST(but_only_up_to_the_next_writer),
        TEST(a_reader_that_gives_up_leaves_the_others_in_their_order),
        TEST(being_let_in_wins_over_cancellation_and_deadline),
        TEST(a_cancelled_task_locks_only_with_deadline_0),
        TEST(who_holds_it_cannot_lock_it_again),
        TEST(who_does_not_hold_it_cannot_unlock_it),
        TEST(a_lock_in_a_nested_coroutine_is_the_tasks),
        TEST(a_task_unlocks_while_it_ends),
        TEST(six_readers_are_known_by_name_and_more_are_counted),
        TEST(null_is_refused),
        TEST(outside_tasks_the_thread_is_the_holder),
        TEST(a_task_and_its_thread_read_together),
        TEST(readers_and_writers_never_meet),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
