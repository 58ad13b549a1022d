/*
 * coro/chan.h as C++17 sees it: channels by name and typed ones, select, and what is constructed and destroyed around a call that waits.
 */
#include "support/expect.h"

#include <string>
#include <vector>

struct job {
    int id;
    double weight;
};

CORO_CHAN_OF(int);
CORO_CHAN_OF(job);
CORO_CHAN_NAMED(words, const char *);
CORO_CHAN_NAMED(strings, std::string *);

static void *sends_jobs(void *arg)
{
    const coro_chan_job_t &ch = *static_cast<coro_chan_job_t *>(arg);

    for (int i = 0; i < 10; i++)
        EXPECT_INT(coro_chan_job_send(ch, job{i, i / 2.0}, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_job_close(ch), 0);
    return nullptr;
}

static void *receives_jobs(void *arg)
{
    coro_chan_job_t ch;
    job j = {-1, 0};
    int n = 0;

    EXPECT_INT(coro_chan_job_create(&ch, *static_cast<size_t *>(arg)), 0);
    coro_task_t *sender = begin(sends_jobs, &ch);
    while (coro_chan_job_recv(ch, &j, CORO_FOREVER) == 0) {
        EXPECT(j.id == n && j.weight == n / 2.0);
        n++;
    }
    EXPECT_INT(n, 10);
    EXPECT_INT(coro_chan_job_recv(ch, &j, 0), -EPIPE);
    EXPECT_INT(coro_chan_job_len(ch), 0);
    await(sender);
    EXPECT_INT(coro_chan_job_destroy(ch), 0);
    return nullptr;
}

static void typed_channels_work_in_cxx(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 12; capacity++)
        run_in_orders(receives_jobs, &capacity);
}

static void typed_channels_work_outside_tasks(void **state)
{
    coro_chan_int_t ints;
    coro_chan_words_t words;
    const char *word = nullptr;
    int n = 0;
    (void)state;

    assert_int_equal(coro_chan_int_create(nullptr, 1), -EINVAL);
    assert_int_equal(coro_chan_int_create(&ints, 1), 0);
    assert_int_equal(coro_chan_int_send(ints, 5, 0), 0);
    assert_int_equal(coro_chan_int_send(ints, 6, 0), -EAGAIN);
    assert_int_equal(coro_chan_int_recv(ints, &n, 0), 0);
    assert_int_equal(n, 5);
    assert_int_equal(coro_chan_int_recv(ints, &n, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_chan_int_destroy(ints), 0);
    assert_int_equal(coro_chan_words_create(&words, 1), 0);
    assert_int_equal(coro_chan_words_send(words, "word", 0), 0);
    assert_int_equal(coro_chan_words_recv(words, &word, 0), 0);
    assert_string_equal(word, "word");
    assert_int_equal(coro_chan_words_destroy(words), 0);
}

static void *sends_strings(void *arg)
{
    const coro_chan_strings_t &ch = *static_cast<coro_chan_strings_t *>(arg);

    for (int i = 0; i < 20; i++)
        EXPECT_INT(coro_chan_strings_send(ch, new std::string(static_cast<size_t>(i * 10), 'x'), CORO_FOREVER), 0);
    return nullptr;
}

static void *selects_strings(void *arg)
{
    coro_chan_strings_t ch[2];
    coro_task_t *senders[2];
    std::vector<size_t> lengths;
    (void)arg;

    for (int i = 0; i < 2; i++) {
        EXPECT_INT(coro_chan_strings_create(&ch[i], 0), 0);
        senders[i] = begin(sends_strings, &ch[i]);
    }
    for (int i = 0; i < 40; i++) {
        std::string *got[2] = {nullptr, nullptr};
        coro_case cases[] = {{ch[0].ch, CORO_RECV, &got[0], 0}, {ch[1].ch, CORO_RECV, &got[1], 0}};
        int fired = coro_select(cases, 2, CORO_FOREVER);

        EXPECT(fired >= 0 && fired < 2 && got[fired] != nullptr && got[1 - fired] == nullptr);
        lengths.push_back(got[fired]->size());
        delete got[fired];
    }
    size_t sum = 0;
    for (size_t length : lengths)
        sum += length;
    EXPECT_INT(sum, 2 * 10 * 19 * 20 / 2);
    for (int i = 0; i < 2; i++) {
        await(senders[i]);
        EXPECT_INT(coro_chan_strings_destroy(ch[i]), 0);
    }
    return nullptr;
}

static void select_works_in_cxx(void **state)
{
    (void)state;
    run_in_orders(selects_strings, nullptr);
}

struct marks {
    ~marks()
    {
        mark('d');
    }
};

static void *waits_for_good(void *arg)
{
    marks m;
    int n;

    coro_chan_recv(static_cast<coro_chan_t *>(arg), &n, CORO_FOREVER);
    mark('!');
    return nullptr;
}

static void destructors_run_where_a_call_never_comes_back(void **state)
{
    coro_sched_t *s = nullptr;
    coro_chan_t *ch = nullptr;
    (void)state;

    assert_int_equal(coro_chan_create(&ch, sizeof(int), 0), 0);
    assert_int_equal(coro_sched_create(&s, nullptr), 0);
    assert_int_equal(coro_sched_spawn(s, nullptr, waits_for_good, ch, nullptr), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_string_equal(trace, "d");
    assert_int_equal(coro_chan_destroy(ch), 0);
}

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(typed_channels_work_in_cxx),
        TEST(typed_channels_work_outside_tasks),
        TEST(select_works_in_cxx),
        TEST(destructors_run_where_a_call_never_comes_back),
    };

    return RUN_TESTS(tests);
}
