/*
 * Timelines: each one that a test records is read again and held against the format, by read_timeline(); then against what the test did.
 */
#include "support/tasks.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a timeline, read ---- */

struct event {
    char ph, name[64], at[128];
    long tid, id;
    int64_t ts, dur; /* ns */
};

static struct event *events;
static size_t count;

static char path[64];

static void new_path(void)
{
    int fd;

    strcpy(path, "/tmp/coro-trace-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static const char *member(const char *line, const char *key)
{
    char quoted[32];
    const char *at;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    at = strstr(line, quoted);
    return at != NULL ? at + strlen(quoted) : NULL;
}

static void text_member(const char *line, const char *key, char *out, size_t size)
{
    const char *at = member(line, key), *end = at != NULL ? strchr(at + 1, '"') : NULL;

    out[0] = '\0';
    if (end != NULL && (size_t)(end - at) < size)
        snprintf(out, size, "%.*s", (int)(end - at - 1), at + 1);
}

/* Microseconds with three digits after the point. */
static int64_t time_member(const char *line, const char *key)
{
    const char *at = member(line, key);
    long long us = 0, ns = 0;

    return at != NULL && sscanf(at, "%lld.%3lld", &us, &ns) >= 1 ? us * 1000 + ns : -1;
}

static long number_member(const char *line, const char *key)
{
    const char *at = member(line, key);

    return at != NULL ? atol(at) : -1;
}

static struct event read_event(const char *line)
{
    struct event e = {0};
    char ph[4];
    const char *args = member(line, "args");

    text_member(line, "ph", ph, sizeof ph);
    e.ph = ph[0];
    text_member(e.ph == 'M' && args != NULL ? args : line, "name", e.name, sizeof e.name);
    text_member(line, e.ph == 'M' ? "created at" : "at", e.at, sizeof e.at);
    e.tid = number_member(line, "tid");
    e.id = number_member(line, "id");
    e.ts = time_member(line, "ts");
    e.dur = time_member(line, "dur");
    return e;
}

static void read_lines(FILE *file)
{
    char line[1024];
    size_t room = 0;

    count = 0;
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "[\n");
    while (fgets(line, sizeof line, file) != NULL && strcmp(line, "]\n") != 0) {
        size_t length = strcspn(line, "\n");

        assert_int_equal(line[0], '{');
        assert_true(line[length - 1] == '}' || (line[length - 1] == ',' && line[length - 2] == '}'));
        if (count == room) {
            room = room != 0 ? room * 2 : 1024;
            events = realloc(events, room * sizeof *events);
        }
        events[count++] = read_event(line);
    }
    assert_string_equal(line, "]\n");
    assert_null(fgets(line, sizeof line, file));
}

static int by_track_and_time(const void *a, const void *b)
{
    const struct event *left = a, *right = b;

    if (left->tid != right->tid)
        return left->tid < right->tid ? -1 : 1;
    return (left->ts > right->ts) - (left->ts < right->ts);
}

static int by_id(const void *a, const void *b)
{
    const struct event *left = a, *right = b;

    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return right->ph - left->ph; /* the start first */
}

/* A copy of the events of a kind. */
static struct event *all_of(char ph, size_t *n)
{
    struct event *found = calloc(count + 1, sizeof *found);

    *n = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i].ph == ph || (ph == 'f' && events[i].ph == 's'))
            found[(*n)++] = events[i];
    return found;
}

/* The slice of a track that this moment lies in. */
static const struct event *slice_at(const struct event *slices, size_t n, long tid, int64_t ts)
{
    struct event key = {.tid = tid, .ts = ts};
    size_t low = 0, high = n;

    while (low < high) { /* the first that begins later */
        size_t middle = (low + high) / 2;

        if (by_track_and_time(&slices[middle], &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || slices[low - 1].tid != tid || ts >= slices[low - 1].ts + slices[low - 1].dur)
        return NULL;
    return &slices[low - 1];
}

/* Which tracks have a name, by number. */
static bool *named_tracks(void)
{
    long most = 0;
    bool *named;

    for (size_t i = 0; i < count; i++)
        most = events[i].tid > most ? events[i].tid : most;
    named = calloc((size_t)most + 1, sizeof *named);
    for (size_t i = 0; i < count; i++)
        if (events[i].ph == 'M')
            named[events[i].tid] = true;
    return named;
}

static void check_slices(struct event *slices, size_t n)
{
    bool *named = named_tracks();

    qsort(slices, n, sizeof *slices, by_track_and_time);
    for (size_t i = 0; i < n; i++) {
        assert_true(slices[i].dur >= 0 && slices[i].ts > 0);
        if (i == 0 || slices[i].tid != slices[i - 1].tid)
            assert_true(named[slices[i].tid]);
        else
            assert_true(slices[i].ts >= slices[i - 1].ts + slices[i - 1].dur);
    }
    free(named);
}

/* `whole`: nothing was lost. */
static void check_arrows(const struct event *slices, size_t n, bool whole)
{
    size_t ends;
    struct event *arrows = all_of('f', &ends);

    qsort(arrows, ends, sizeof *arrows, by_id);
    assert_int_equal(ends % 2, 0);
    for (size_t i = 0; i < ends; i += 2) {
        const struct event *begin = &arrows[i], *end = &arrows[i + 1], *slice;

        assert_int_equal(begin->ph, 's');
        assert_int_equal(end->ph, 'f');
        assert_int_equal(begin->id, end->id);
        assert_true(begin->ts < end->ts);
        slice = slice_at(slices, n, begin->tid, begin->ts);
        if (whole)
            assert_non_null(slice);
        if (slice != NULL)
            assert_true(strcmp(slice->name, "run") == 0 || strcmp(slice->name, "between rounds") == 0);
        slice = slice_at(slices, n, end->tid, end->ts);
        assert_non_null(slice);
        assert_string_equal(slice->name, "run");
        assert_int_equal(slice->ts, end->ts);
    }
    free(arrows);
}

static void check_timeline(bool whole)
{
    size_t n;
    struct event *slices = all_of('X', &n);

    check_slices(slices, n);
    check_arrows(slices, n, whole);
    free(slices);
}

/* Read what is in the file, which is removed, and check it. */
static void read_timeline(bool whole)
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    read_lines(file);
    fclose(file);
    unlink(path);
    check_timeline(whole);
}

/* The track of that name; the number that follows it counts for nothing. -1: there is none. */
static long track_of(const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < count; i++)
        if (events[i].ph == 'M' && strncmp(events[i].name, name, length) == 0 &&
            (events[i].name[length] == ' ' || events[i].name[length] == ',' || events[i].name[length] == '\0'))
            return events[i].tid;
    return -1;
}

/* How many slices of that name are there on the track? */
static size_t slices(long tid, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += events[i].ph == 'X' && events[i].tid == tid && strcmp(events[i].name, name) == 0;
    return n;
}

/* How many arrows lead from the one track to the other? */
static size_t arrows(long from, long to)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t j = i; j < count && j < i + 2; j++)
            n += events[i].ph == 's' && events[j].ph == 'f' && events[i].id == events[j].id && events[i].tid == from &&
                 events[j].tid == to;
    return n;
}

static void start(void)
{
    new_path();
    assert_int_equal(coro_trace_start(path), 0);
}

static void stop(bool whole)
{
    assert_int_equal(coro_trace_stop(), 0);
    read_timeline(whole);
    free(events);
    events = NULL;
}

static void free_events(void)
{
    free(events);
    events = NULL;
}

static void stop_and_keep(void)
{
    assert_int_equal(coro_trace_stop(), 0);
    read_timeline(true);
}

/* ---- what tasks do ---- */

static coro_chan_t *channel;
static const char *slept_at;

static void *sends(void *arg)
{
    for (int i = 0; i < 5; i++)
        coro_chan_send(channel, &i, CORO_FOREVER);
    return arg;
}

static void *receives(void *arg)
{
    for (int i = 0, got; i < 5; i++)
        coro_chan_recv(channel, &got, CORO_FOREVER);
    return arg;
}

static void *sleeps_thrice(void *arg)
{
    for (int i = 0; i < 3; i++)
        slept_at = CORO_HERE, coro_sleep(CORO_MS(1));
    return arg;
}

static coro_task_t *spawned_as(coro_fn *fn, void *arg, const char *name)
{
    coro_opts opts = {.name = name};
    coro_task_t *t = NULL;

    EXPECT_INT(coro_spawn(&t, fn, arg, &opts), 0);
    return t;
}

struct naps {
    CORO_ASYNC_POINT;
    int i, result;
};

CORO_ASYNC_LIGHT(int, naps)
{
    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < 3; self->i++)
        CORO_AWAIT(self->result, coro_sleep(CORO_MS(1)));
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

struct listens {
    CORO_ASYNC_POINT;
    int got, result;
};

CORO_ASYNC(int, listens)
{
    CORO_ASYNC_BEGIN;
    CORO_AWAIT(self->result, coro_chan_recv(channel, &self->got, CORO_FOREVER));
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

static void *one_of_each(void *arg)
{
    coro_task_t *t[5];

    EXPECT_INT(coro_chan_create(&channel, sizeof(int), 0), 0);
    t[0] = spawned_as(receives, NULL, "receiver");
    t[1] = spawned_as(sends, NULL, "sender");
    t[2] = spawned_as(sleeps_thrice, NULL, "sleeper");
    EXPECT_INT(coro_async_spawn(&t[3], naps, &(struct naps){0}), 0);
    EXPECT_INT(coro_join_all(t, 4, NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_async_spawn(&t[4], listens, &(struct listens){0}), 0);
    coro_sleep(CORO_MS(1));
    EXPECT_INT(coro_chan_send(channel, &(int){1}, CORO_FOREVER), 0);
    EXPECT_INT(coro_join(t[4], NULL, CORO_FOREVER), 0);
    EXPECT_INT(coro_chan_destroy(channel), 0);
    return arg;
}

static void record(coro_sched_opts opts)
{
    start();
    run_as(opts, one_of_each, NULL);
    stop_and_keep();
}

/* In whatever order they have run. */
static void check_one_of_each(void)
{
    long scheduler = 1, main_ = track_of("main"), sleeper = track_of("sleeper"), sender = track_of("sender"),
         receiver = track_of("receiver"), light = track_of("naps"), listener = track_of("listens");
    bool site = false;

    assert_true(main_ > 0 && sleeper > 0 && sender > 0 && receiver > 0 && light > 0 && listener > 0);
    assert_int_equal(slices(sleeper, "run"), 4);
    assert_int_equal(slices(sleeper, "waits for time to pass"), 3);
    assert_int_equal(arrows(main_, sleeper), 1);
    assert_int_equal(arrows(scheduler, sleeper), 3);
    assert_int_equal(slices(light, "run"), 4);
    assert_int_equal(slices(light, "waits for time to pass"), 3);
    assert_int_equal(arrows(scheduler, light), 3);
    assert_true(slices(receiver, "waits to receive from a channel") + slices(sender, "waits to send to a channel") > 0);
    assert_true(arrows(sender, receiver) + arrows(receiver, sender) > 0);
    assert_int_equal(slices(main_, "waits for tasks to end"), 1);
    assert_int_equal(slices(listener, "waits to receive from a channel"), 1);
    assert_int_equal(arrows(main_, listener), 2);
    for (size_t i = 0; i < count; i++)
        site = site || (events[i].ph == 'X' && events[i].tid == sleeper && strcmp(events[i].at, slept_at) == 0);
    assert_true(site);
    free_events();
}

static void tasks_waits_and_arrows_are_recorded(void **state)
{
    (void)state;
    record((coro_sched_opts){.virtual_time = true});
    check_one_of_each();
    record((coro_sched_opts){0});
    check_one_of_each();
}

static void they_are_in_every_order_of_the_queue(void **state)
{
    (void)state;
    record((coro_sched_opts){.virtual_time = true, .policy = CORO_DEPTH_FIRST});
    check_one_of_each();
    for (uint64_t seed = 1; seed <= 10; seed++) {
        record((coro_sched_opts){.virtual_time = true, .seed = seed});
        check_one_of_each();
    }
}

/* Being watched changes nothing. */
static void *marks_a(void *arg)
{
    for (int i = 0; i < 20; i++) {
        mark(*(char *)arg);
        coro_pause();
    }
    return arg;
}

static void *marks_in_turn(void *arg)
{
    coro_task_t *t[] = {spawned_as(marks_a, "a", "a"), spawned_as(marks_a, "b", "b"), spawned_as(marks_a, "c", "c")};

    coro_join_all(t, 3, NULL, CORO_FOREVER);
    return arg;
}

static void the_order_is_what_it_is_without(void **state)
{
    static const coro_sched_opts orders[] = {{.seed = 0}, {.seed = 5}, {.policy = CORO_DEPTH_FIRST}};
    char without[sizeof trace];

    (void)state;
    for (int i = 0; i < 3; i++) {
        trace[0] = '\0';
        test_begins(NULL);
        run_as(orders[i], marks_in_turn, NULL);
        strcpy(without, trace);
        test_begins(NULL);
        start();
        run_as(orders[i], marks_in_turn, NULL);
        assert_string_equal(trace, without);
        stop(true);
    }
}

/* ---- begun and ended in the middle ---- */

static void *waits_for_good(void *arg)
{
    int got;

    coro_chan_recv(channel, &got, CORO_FOREVER);
    return arg;
}

static void *a_part(void *arg)
{
    coro_task_t *waiter, *other;

    EXPECT_INT(coro_chan_create(&channel, sizeof(int), 0), 0);
    waiter = spawned_as(waits_for_good, NULL, "waiter");
    coro_pause();
    EXPECT_INT(coro_trace_start(path), 0);
    coro_pause();
    other = spawned_as(waits_for_good, NULL, "other");
    coro_pause();
    EXPECT_INT(coro_trace_stop(), 0);
    coro_pause();
    coro_chan_close(channel);
    coro_join(waiter, NULL, CORO_FOREVER);
    coro_join(other, NULL, CORO_FOREVER);
    EXPECT_INT(coro_chan_destroy(channel), 0);
    return arg;
}

static void a_recording_may_begin_and_end_in_a_task(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        new_path();
        run(a_part, NULL);
        read_timeline(true);
        assert_int_equal(slices(track_of("waiter"), "waits to receive from a channel"), 1); /* all the time */
        assert_int_equal(slices(track_of("waiter"), "run"), 0);
        assert_int_equal(slices(track_of("other"), "waits to receive from a channel"), 1);
        assert_int_equal(slices(track_of("other"), "run"), 1);
        assert_int_equal(slices(track_of("main"), "run"), 2);
        free_events();
    }
}

static void tasks_that_a_scheduler_takes_along_are_there(void **state)
{
    coro_sched_t *s;

    (void)state;
    assert_int_equal(coro_chan_create(&channel, sizeof(int), 0), 0);
    start();
    assert_int_equal(coro_sched_create(&s, NULL), 0);
    assert_int_equal(coro_sched_spawn(s, NULL, waits_for_good, NULL, &(coro_opts){.name = "left over"}), 0);
    assert_int_equal(coro_sched_step(s, 0), 1);
    assert_int_equal(coro_sched_destroy(s), 0);
    stop_and_keep();
    assert_int_equal(slices(track_of("left over"), "waits to receive from a channel"), 1);
    free_events();
    assert_int_equal(coro_chan_destroy(channel), 0);
}

/* Each leaves its ring behind, to be freed. */
static void schedulers_come_and_go(void **state)
{
    enum { RUNS = 50 };
    size_t found = 0;

    (void)state;
    start();
    for (int i = 0; i < RUNS; i++)
        run(marks_in_turn, NULL);
    stop_and_keep();
    for (size_t i = 0; i < count; i++)
        found += events[i].ph == 'M' && strncmp(events[i].name, "scheduler ", 10) == 0;
    assert_int_equal(found, RUNS);
    free_events();
}

static void *pauses(void *arg)
{
    for (int i = 0; i < 20; i++)
        coro_pause();
    return arg;
}

static void *runs_elsewhere(void *arg)
{
    coro_run(pauses, arg, NULL, NULL);
    return arg;
}

static void schedulers_of_several_threads_share_a_file(void **state)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    size_t found = 0;

    (void)state;
    start();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, runs_elsewhere, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    stop_and_keep();
    for (size_t i = 0; i < count; i++)
        found += events[i].ph == 'M' && strncmp(events[i].name, "main #", 6) == 0;
    assert_int_equal(found, THREADS);
    free_events();
}

/* One that goes on while the recording stops, again and again. */
static atomic_bool over;

static void *until_over(void *arg)
{
    while (!atomic_load(&over))
        coro_pause();
    return arg;
}

static void *keeps_the_thread(void *arg)
{
    coro_pause();
    while (!atomic_load(&over))
        usleep(1000);
    return arg;
}

static void *runs_body(void *body)
{
    coro_run(*(coro_fn **)body, NULL, NULL, NULL);
    return NULL;
}

static void stop_beside(coro_fn *body, int times)
{
    pthread_t thread;

    atomic_store(&over, false);
    assert_int_equal(pthread_create(&thread, NULL, runs_body, &body), 0);
    for (int i = 0; i < times; i++) {
        start();
        usleep(5000);
        stop(false);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
}

static void others_run_on_while_it_stops(void **state)
{
    (void)state;
    stop_beside(until_over, 10);
}

static void it_stops_though_a_task_keeps_another_thread(void **state)
{
    (void)state;
    stop_beside(keeps_the_thread, 3);
}

/* ---- names ---- */

static void *with_odd_names(void *arg)
{
    static const char *const names[] = {"a\"quote", "back\\slash", "tab\there", "\xff\xc0\x80", "\xc3\xa9t\xc3\xa9"};

    for (int i = 0; i < 5; i++)
        coro_join(spawned_as(sleeps_thrice, NULL, names[i]), NULL, CORO_FOREVER);
    return arg;
}

static void names_are_escaped(void **state)
{
    char text[65536];
    FILE *file;
    size_t n;

    (void)state;
    start();
    run(with_odd_names, NULL);
    assert_int_equal(coro_trace_stop(), 0);
    file = fopen(path, "r");
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    unlink(path);
    assert_non_null(strstr(text, "\"name\":\"a\\\"quote #"));
    assert_non_null(strstr(text, "\"name\":\"back\\\\slash #"));
    assert_non_null(strstr(text, "\"name\":\"tab\\u0009here #"));
    assert_non_null(strstr(text, "\"name\":\"??? #"));
    assert_non_null(strstr(text, "\"name\":\"\xc3\xa9t\xc3\xa9 #"));
}

/* ---- too much ---- */

static char *swallowed;
static size_t swallowed_bytes;
static atomic_bool swallowing;

static void *swallow(void *fd)
{
    size_t room = 0;
    ssize_t n;

    do {
        room += 1 << 20;
        swallowed = realloc(swallowed, room);
        while ((n = read(*(int *)fd, swallowed + swallowed_bytes, room - swallowed_bytes)) > 0)
            swallowed_bytes += (size_t)n, atomic_store(&swallowing, true);
    } while (swallowed_bytes == room);
    return NULL;
}

static pthread_t reader;

static void *pauses_often(void *fd)
{
    for (int i = 0; i < 20000; i++)
        coro_pause();
    if (pthread_create(&reader, NULL, swallow, fd) != 0)
        return NULL;
    while (coro_sleep(CORO_MS(100)) == 0 && !atomic_load(&swallowing))
        ;
    coro_sleep(CORO_MS(100)); /* there is room, for the mark as well */
    return fd;
}

/* Into a pipe that nobody reads from: the ring fills up, and tasks go on all the same. */
static int overrun(long arg)
{
    char name[64];
    FILE *file;
    int fds[2];
    bool left_out = false;

    (void)arg;
    if (pipe(fds) != 0)
        return 1;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fds[1]);
    if (coro_trace_start(name) != 0 || coro_run(pauses_often, &fds[0], NULL, NULL) != 0)
        return 2;
    if (coro_trace_stop() != 0)
        return 4;
    close(fds[1]);
    pthread_join(reader, NULL);
    file = fmemopen(swallowed, swallowed_bytes, "r");
    read_lines(file);
    fclose(file);
    check_timeline(false);
    for (size_t i = 0; i < count; i++)
        left_out = left_out || (events[i].ph == 'i' && strcmp(events[i].name, "turns are left out") == 0);
    free_events();
    free(swallowed);
    return left_out ? 0 : 5;
}

static void what_is_too_much_is_left_out_and_said(void **state)
{
    struct child_end end;
    int lacking = 0;

    (void)state;
    end = in_fresh_child(overrun, 0);
    assert_int_equal(end.code, 0);
    assert_int_equal(sscanf(end.said, "libcoro: the timeline lacks %d turns", &lacking), 1);
    assert_true(lacking > 0 && lacking < 20000);
}

static void *too_many(void *n)
{
    for (size_t i = 0; i < *(size_t *)n; i++)
        EXPECT_INT(coro_async_spawn(NULL, naps, &(struct naps){0}), 0);
    return n;
}

static int crowd(long arg)
{
    size_t n = 70000;

    new_path();
    (void)arg;
    if (coro_trace_start(path) != 0 || coro_run(too_many, &n, NULL, &(coro_sched_opts){.virtual_time = true}) != 0 ||
        coro_trace_stop() != 0)
        return 1;
    read_timeline(false);
    free_events();
    return 0;
}

static void so_are_tasks_that_are_too_many(void **state)
{
    struct child_end end;

    (void)state;
    if (under_valgrind() || under_sanitizer() || under_emulator())
        skip();
    end = in_fresh_child(crowd, 0);
    assert_int_equal(end.code, 0);
    assert_non_null(strstr(end.said, "libcoro: the timeline lacks "));
}

/* ---- misuse ---- */

static void misuse_is_refused(void **state)
{
    (void)state;
    assert_int_equal(coro_trace_stop(), -ESRCH);
    assert_int_equal(coro_trace_start(NULL), -EINVAL);
    assert_int_equal(coro_trace_start(""), -EINVAL);
    assert_int_equal(coro_trace_start("/nonexistent/timeline"), -ENOENT);
    assert_int_equal(coro_trace_start("/tmp"), -EISDIR);
    assert_int_equal(coro_trace_stop(), -ESRCH);
    start();
    assert_int_equal(coro_trace_start(path), -EBUSY);
    stop(true);
    assert_int_equal(coro_trace_stop(), -ESRCH);
}

static void a_full_disk_is_an_error_of_stop(void **state)
{
    (void)state;
    assert_int_equal(coro_trace_start("/dev/full"), 0);
    run(marks_in_turn, NULL);
    assert_int_equal(coro_trace_stop(), -ENOSPC);
}

static void an_empty_recording_is_a_timeline(void **state)
{
    (void)state;
    start();
    stop_and_keep();
    assert_int_equal(count, 1); /* the name of the process */
    free_events();
}

/* ---- forked children ---- */

/* With what is done at exit; but for the search for leaks, which would find what the parent has on its other stacks. */
static void leave(void)
{
    if (under_asan())
        _exit(0);
    exit(0);
}

static int ask_in_child(long arg)
{
    (void)arg;
    if (coro_trace_start("/tmp/no") != -ECHILD || coro_trace_stop() != -ECHILD)
        return 1;
    leave();
    return 0;
}

static int run_in_child(long arg)
{
    (void)arg;
    if (coro_run(marks_in_turn, NULL, NULL, NULL) != 0 || coro_trace_stop() != -ESRCH)
        return 1;
    leave();
    return 0;
}

static int record_in_child(long arg)
{
    char *parents = strdup(path);

    (void)arg;
    if (coro_run(marks_in_turn, NULL, NULL, NULL) != 0)
        return 1;
    start();
    if (coro_run(marks_in_turn, NULL, NULL, NULL) != 0)
        return 2;
    stop_and_keep();
    free_events();
    if (strcmp(parents, path) == 0)
        return 3;
    free(parents);
    leave();
    return 0;
}

static void forked(void *arg)
{
    struct child_end end = in_forked_child(*(int (**)(long))arg, 0);

    EXPECT_INT(end.signal, 0);
    EXPECT_INT(end.code, 0);
}

static void *forks(void *arg)
{
    coro_task_t *t = spawned_as(sleeps_thrice, NULL, "beside");

    coro_sleep(CORO_MS(1));
    forked(arg);
    coro_join(t, NULL, CORO_FOREVER);
    return arg;
}

static void a_forked_child_leaves_the_file_alone(void **state)
{
    static int (*const children[])(long) = {ask_in_child, run_in_child, record_in_child};

    (void)state;
    for (int i = 0; i < (under_tsan() || under_emulator() ? 2 : 3); i++) { /* they let such a child start no thread */
        start();
        run_as((coro_sched_opts){0}, forks, (void *)(uintptr_t)&children[i]);
        stop_and_keep();
        assert_int_equal(slices(track_of("beside"), "run"), 4);
        assert_int_equal(track_of("a"), -1); /* what the child has run */
        free_events();
    }
}

/* The child goes on in the scheduler that it was forked in, to its end. */
static void *forks_and_goes_on(void *arg)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        alarm(20);
        if (coro_run(marks_in_turn, NULL, NULL, NULL) != 0)
            _exit(1);
        leave(); /* on a task's stack, with the parent's rings in memory */
    }
    EXPECT_INT(waitpid(child, &status, 0), child);
    EXPECT_INT(status, 0);
    return arg;
}

static void a_child_may_end_in_a_task(void **state)
{
    (void)state;
    start();
    run_as((coro_sched_opts){0}, forks_and_goes_on, NULL);
    stop(true);
}

/* ---- from the environment ---- */

static void *exits(void *arg)
{
    (void)arg;
    coro_sleep(CORO_MS(1));
    exit(0);
}

static void path_for_child(long which, pid_t process)
{
    snprintf(path, sizeof path, "/tmp/coro-trace-of-%ld-%ld", which, (long)process);
}

/* The pattern's `%p` is the child's own process. */
static int by_environment(long which)
{
    char pattern[64];

    snprintf(pattern, sizeof pattern, "/tmp/coro-trace-of-%ld-%%p", which);
    setenv("CORO_TRACE", pattern, 1);
    dprintf(STDERR_FILENO, "%ld", (long)getpid());
    if (coro_run(which == 0 ? marks_in_turn : exits, NULL, NULL, NULL) != 0)
        return 1;
    exit(0);
}

static int by_bad_environment(long arg)
{
    (void)arg;
    setenv("CORO_TRACE", "/nonexistent/timeline", 1);
    return coro_run(marks_in_turn, NULL, NULL, NULL) == 0 ? 0 : 1;
}

static void the_environment_begins_and_the_exit_ends_it(void **state)
{
    struct child_end end;

    (void)state;
    for (long which = 0; which < 2; which++) {
        end = in_fresh_child(by_environment, which);
        assert_int_equal(end.code, 0);
        path_for_child(which, (pid_t)atol(end.said));
        read_timeline(true);
        assert_true(slices(track_of("main"), "run") >= 2);
        free_events();
    }
    end = in_fresh_child(by_bad_environment, 0);
    assert_int_equal(end.code, 0);
    assert_non_null(strstr(end.said, "libcoro: CORO_TRACE: /nonexistent/timeline: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_waits_and_arrows_are_recorded),
        TEST(they_are_in_every_order_of_the_queue),
        TEST(the_order_is_what_it_is_without),
        TEST(a_recording_may_begin_and_end_in_a_task),
        TEST(tasks_that_a_scheduler_takes_along_are_there),
        TEST(schedulers_come_and_go),
        TEST(schedulers_of_several_threads_share_a_file),
        TEST(others_run_on_while_it_stops),
        TEST(it_stops_though_a_task_keeps_another_thread),
        TEST(names_are_escaped),
        TEST(what_is_too_much_is_left_out_and_said),
        TEST(so_are_tasks_that_are_too_many),
        TEST(misuse_is_refused),
        TEST(a_full_disk_is_an_error_of_stop),
        TEST(an_empty_recording_is_a_timeline),
        TEST(a_forked_child_leaves_the_file_alone),
        TEST(a_child_may_end_in_a_task),
        TEST(the_environment_begins_and_the_exit_ends_it),
    };

    return RUN_TESTS(tests);
}
