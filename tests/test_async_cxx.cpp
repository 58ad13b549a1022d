/* Bodies without a stack in C++. */
#include "support/expect.h"

#include <cstring>

namespace
{

struct counts {
    CORO_ASYNC_POINT;
    char letter;
    int i, n;
};

CORO_ASYNC(int, counts)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < self->n && err == 0; self->i++) {
        mark(self->letter);
        CORO_AWAIT(err, coro_sleep(CORO_MS(1)));
    }
    CORO_ASYNC_RETURN(err != 0 ? err : self->n);
    CORO_ASYNC_CLEANUP;
    mark('e');
    CORO_ASYNC_END;
}

struct sends {
    CORO_ASYNC_POINT;
    coro_chan_t *ch;
    counts child;
    int counted;
};

CORO_ASYNC(const char *, sends)
{
    int err;

    CORO_ASYNC_BEGIN;
    self->child = counts();
    self->child.letter = 'c';
    self->child.n = 2;
    CORO_ASYNC_CALL(self->counted, counts, &self->child);
    CORO_AWAIT(err, coro_chan_send(self->ch, &self->counted, CORO_FOREVER));
    CORO_ASYNC_RETURN(err == 0 ? "sent" : "not sent");
    CORO_ASYNC_END;
}

struct naps {
    CORO_ASYNC_POINT;
    int64_t ns;
};

CORO_ASYNC_LIGHT(int, naps)
{
    int err;

    CORO_ASYNC_BEGIN;
    CORO_AWAIT(err, coro_sleep(self->ns));
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

void *receives(void *arg)
{
    sends frame = sends();
    naps nap = naps();
    coro_group_t group;
    naps_storage storage;
    coro_task_t *task, *other;
    void *result;
    int n = 0;

    EXPECT_INT(coro_chan_create(&frame.ch, sizeof n, 0), 0);
    EXPECT_INT(coro_async_spawn(&task, sends, &frame), 0);
    EXPECT_INT(coro_chan_recv(frame.ch, &n, CORO_FOREVER), 0);
    EXPECT_INT(n, 2);
    EXPECT_INT(coro_join(task, &result, CORO_FOREVER), 0);
    EXPECT(strcmp(static_cast<const char *>(result), "sent") == 0);

    nap.ns = CORO_FOREVER;
    EXPECT_INT(coro_async_spawn_in(&other, &storage, naps, &nap), 0);
    EXPECT_INT(coro_pause(), 0);
    EXPECT_INT(coro_async_drop(other), 0);
    EXPECT_INT(coro_join(other, nullptr, CORO_FOREVER), 0);

    nap.ns = CORO_MS(1);
    EXPECT_INT(coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER), 0);
    EXPECT_INT(coro_group_async_spawn(&group, naps, &nap), 0);
    EXPECT_INT(coro_group_join(&group), 0);
    EXPECT_INT(coro_chan_destroy(frame.ch), 0);
    return arg;
}

void bodies_run_in_cxx(void **)
{
    run(receives, nullptr);
    assert_string_equal(trace, "cce");
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {TEST(bodies_run_in_cxx)};

    return RUN_TESTS(tests);
}
