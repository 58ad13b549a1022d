/*
 * The table of tracks against an array that says the same.
 */
#include "support/test.h"

#include "inspect/trace.h"

#include <stdlib.h>

enum { TASKS = 1000, STEPS = 100000 };

static uint32_t expected[TASKS]; /* 0: it is not there */

/* Addresses as they come: some near each other, in no order. Nothing is there. */
static struct coro_task *task_of(size_t i)
{
    return (struct coro_task *)((i * 7919 % TASKS + 1) * 96);
}

static void found_as_expected(struct coro__tracks *tracks)
{
    size_t n = 0;

    for (size_t i = 0; i < TASKS; i++)
        n += expected[i] != 0;
    assert_int_equal(tracks->count, n);
    for (size_t i = 0; i < TASKS; i++)
        if (expected[i] != 0)
            assert_int_equal(coro__track_of(tracks, task_of(i))->number, expected[i]);
    assert_int_equal(tracks->count, n);
}

static void tasks_come_and_go_and_keep_their_tracks(void **state)
{
    struct coro__tracks tracks = {0};

    (void)state;
    random_seed(1);
    for (uint32_t step = 1; step <= scaled(STEPS); step++) {
        size_t i = random_below(step % 2000 < 1000 ? TASKS : TASKS / 10); /* many, then few */
        struct coro__track *track = coro__track_of(&tracks, task_of(i));

        assert_non_null(track);
        assert_int_equal(track->number, expected[i]);
        if (track->number == 0) {
            track->number = expected[i] = step;
        } else {
            coro__track_end(&tracks, track);
            expected[i] = 0;
        }
        if (step % 1000 == 0)
            found_as_expected(&tracks);
    }
    free(tracks.slots);
}

static void more_than_there_is_room_for_are_refused(void **state)
{
    struct coro__tracks tracks = {0};
    uintptr_t n = 0;

    (void)state;
    while (coro__track_of(&tracks, (struct coro_task *)((n + 1) * 64)) != NULL)
        n++;
    assert_int_equal(n, 1 << 16);
    assert_non_null(coro__track_of(&tracks, (struct coro_task *)64)); /* those that are there stay */
    coro__track_end(&tracks, coro__track_of(&tracks, (struct coro_task *)64));
    assert_non_null(coro__track_of(&tracks, (struct coro_task *)((n + 1) * 64)));
    free(tracks.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_come_and_go_and_keep_their_tracks),
        TEST(more_than_there_is_room_for_are_refused),
    };

    return RUN_TESTS(tests);
}
