/*
 * Buffered streams: what is read of them is what was written, wherever the buffers end.
 */
#include "support/test.h"

#include <coro/stream.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIB = 1024, MIB = KIB * KIB };

/* ---- notes ---- */

static long noted[64];
static size_t notes;

static void note(long value)
{
    if (notes < sizeof noted / sizeof noted[0])
        noted[notes++] = value;
}

static void assert_noted(const long *expected, size_t n, int line)
{
    bool same = n == notes;

    for (size_t i = 0; same && i < n; i++)
        same = noted[i] == expected[i];
    if (same)
        return;
    for (size_t i = 0; i < notes || i < n; i++)
        print_error("%zu: %ld, expected %ld\n", i, i < notes ? noted[i] : -9999, i < n ? expected[i] : -9999);
    _fail(__FILE__, line);
}

#define ASSERT_NOTED(...)                                                                                              \
    assert_noted((const long[]){__VA_ARGS__}, sizeof((const long[]){__VA_ARGS__}) / sizeof(long), __LINE__)

/* Run a first task with both ends of a connection; what it and its children note is what is listed. */
#define RUNS(fn, ...)                                                                                                  \
    do {                                                                                                               \
        notes = 0;                                                                                                     \
        assert_int_equal(coro_run(with_ends, (void *)(uintptr_t)fn, NULL, NULL), 0);                                   \
        ASSERT_NOTED(__VA_ARGS__);                                                                                     \
    } while (0)

/* ---- streams ---- */

/* A stream, and the bare descriptor of the other side; -1 once that is closed. */
struct ends {
    coro_stream_t *s;
    int peer;
};

static void *with_ends(void *fn)
{
    struct ends e;
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || coro_stream_open(&e.s, fds[0]) != 0) {
        note(-1);
        return NULL;
    }
    e.peer = fds[1];
    ((void (*)(struct ends *))(uintptr_t)fn)(&e);
    if (e.s != NULL)
        coro_stream_close(e.s, CORO_FOREVER);
    if (e.peer >= 0)
        coro_close(e.peer);
    return NULL;
}

static int64_t soon(void)
{
    return coro_after(CORO_MS(2));
}

/* The other side says something. */
static void say(const struct ends *e, const char *text)
{
    if (coro_write_all(e->peer, text, strlen(text), CORO_FOREVER) != (ssize_t)strlen(text))
        note(-1);
}

static void hang_up(struct ends *e)
{
    coro_close(e->peer);
    e->peer = -1;
}

/* What the other side got. */
static bool heard(const struct ends *e, const char *text)
{
    char buf[256] = "";

    return coro_read_full(e->peer, buf, strlen(text), soon()) == (ssize_t)strlen(text) && strcmp(buf, text) == 0 &&
           coro_read(e->peer, buf, 1, 1) <= 0;
}

static bool reads_line(const struct ends *e, const char *line)
{
    char *data = NULL;
    ssize_t n = coro_stream_read_until(e->s, '\n', &data, soon());

    return n == (ssize_t)strlen(line) && memcmp(data, line, (size_t)n + 1) == 0;
}

/* ---- reading ---- */

static void lines(struct ends *e)
{
    char buf[8] = "";
    char *data = buf;

    say(e, "one\ntwo\n\nfour and");
    note(reads_line(e, "one\n"));
    note(reads_line(e, "two\n")); /* the '\0' behind "one" was where this begins */
    note(reads_line(e, "\n"));
    note(coro_stream_read_until(e->s, '\n', &data, soon()));
    note(data == buf);
    say(e, " a half\nrest");
    note(reads_line(e, "four and a half\n"));
    note(coro_stream_read(e->s, buf, 2, soon()));
    note(strcmp(buf, "re") == 0);
    hang_up(e);
    note(reads_line(e, "st")); /* no delimiter before the end */
    note(coro_stream_read_until(e->s, '\n', &data, soon()));
    note(coro_stream_read_until(e->s, '\n', &data, soon()));
    note(coro_stream_read(e->s, buf, 8, soon()));
}

static void lines_are_read_one_by_one(void **state)
{
    (void)state;
    RUNS(lines, 1, 1, 1, -ETIMEDOUT, 1, 1, 2, 1, 1, 0, 0, 0);
}

static void mixed(struct ends *e)
{
    char buf[16] = "";
    char *data;

    say(e, "ab;cdefghij");
    note(coro_stream_read_until(e->s, ';', &data, soon()));
    note(coro_stream_peek(e->s, 1, &data, soon())); /* after the '\0' */
    note(memcmp(data, "cdefghij", 8) == 0);
    note(coro_stream_skip(e->s, 2));
    note(coro_stream_skip(e->s, 7));
    note(coro_stream_read_until(e->s, 'f', &data, soon()));
    note(coro_stream_skip(e->s, 1));
    note(coro_stream_read_until(e->s, 'h', &data, soon()));
    note(coro_stream_read_full(e->s, buf, 2, soon()));
    note(strcmp(buf, "ij") == 0);
    note(coro_stream_peek(e->s, 0, &data, soon()));
    note(coro_stream_peek(e->s, CORO_STREAM_MOST + 1, &data, soon()));
    say(e, "x");
    note(coro_stream_peek(e->s, 3, &data, soon()));
    note(coro_stream_read_full(e->s, buf, 3, soon()));
    note(coro_stream_read_full(e->s, buf, 3, soon()));
    say(e, "yz");
    hang_up(e);
    note(coro_stream_peek(e->s, 3, &data, soon()));
    note(coro_stream_read_full(e->s, buf, 3, soon()));
    note(coro_stream_read_full(e->s, buf, 3, soon()));
    note(coro_stream_peek(e->s, 1, &data, soon()));
}

static void ways_of_reading_may_be_mixed(void **state)
{
    (void)state;
    RUNS(mixed, 3, 8, 1, 0, -EINVAL, 2, 0, 1, 2, 1, 0, -EMSGSIZE, -ETIMEDOUT, 1, -ETIMEDOUT, 2, 2, 0, 0);
}

static size_t line_length;

static void *says_lines(void *arg)
{
    struct ends *e = arg;
    char *line = malloc(line_length + 1);

    for (int i = 0; i < 9; i++) {
        memset(line, 'a' + i, line_length);
        line[line_length] = '\n';
        if (coro_write_all(e->peer, line, line_length + 1, CORO_FOREVER) != (ssize_t)line_length + 1)
            note(-1);
    }
    hang_up(e);
    free(line);
    return NULL;
}

static void long_lines(struct ends *e)
{
    coro_task_t *t;
    size_t right = 0;
    char *data;
    ssize_t n;

    coro_spawn(&t, says_lines, e, NULL);
    while ((n = coro_stream_read_until(e->s, '\n', &data, CORO_FOREVER)) > 0) {
        bool whole = n == (ssize_t)line_length + 1 && data[n] == '\0' && data[n - 1] == '\n';

        for (ssize_t i = 0; whole && i < n - 1; i++)
            whole = data[i] == 'a' + (int)right;
        right += whole;
    }
    coro_join(t, NULL, CORO_FOREVER);
    note((long)right);
    note(n);
}

static void lines_may_lie_across_the_ends_of_buffers(void **state)
{
    static const size_t lengths[] = {0, 1, 1000, 2047, 4093, 4094, 4095, 4096, 4097, 8190, 8191, 8192, 100000, MIB - 1};
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        line_length = lengths[i];
        RUNS(long_lines, 9, 0);
    }
}

static void *says_too_much(void *arg)
{
    struct ends *e = arg;
    char *line = malloc(2 * MIB);

    memset(line, 'x', 2 * MIB);
    line[2 * MIB - 1] = '\n';
    coro_write_all(e->peer, line, 2 * MIB, CORO_FOREVER);
    free(line);
    hang_up(e);
    return NULL;
}

static void too_long(struct ends *e)
{
    char *data = NULL, *buf = malloc(2 * MIB);
    coro_task_t *t;
    bool all = true;
    ssize_t held;

    coro_spawn(&t, says_too_much, e, NULL);
    note(coro_stream_read_until(e->s, '\n', &data, CORO_FOREVER));
    note(coro_stream_read_until(e->s, '\n', &data, CORO_FOREVER));
    note(data == NULL);
    held = coro_stream_peek(e->s, CORO_STREAM_MOST, &data, CORO_FOREVER);
    note(held >= (ssize_t)CORO_STREAM_MOST && data[0] == 'x' && data[held - 1] == 'x');
    note(coro_stream_read_full(e->s, buf, 2 * MIB, CORO_FOREVER)); /* all that was kept, and the rest */
    for (size_t i = 0; i < 2 * MIB - 1; i++)
        all = all && buf[i] == 'x';
    note(all && buf[2 * MIB - 1] == '\n');
    note(coro_stream_read(e->s, buf, 1, CORO_FOREVER));
    coro_join(t, NULL, CORO_FOREVER);
    free(buf);
}

static void a_line_without_end_is_refused_and_kept(void **state)
{
    (void)state;
    RUNS(too_long, -EMSGSIZE, -EMSGSIZE, 1, 1, 2 * MIB, 1, 0);
}

static void *cancels_it(void *arg)
{
    coro_cancel(arg);
    return NULL;
}

static void interrupted(struct ends *e)
{
    char *data;

    say(e, "kept");
    note(coro_stream_read_until(e->s, '\n', &data, 0));
    note(coro_stream_read_until(e->s, '\n', &data, 1));
    note(coro_stream_read_until(e->s, '\n', &data, soon()));
    coro_spawn(NULL, cancels_it, coro_task_self(), NULL);
    note(coro_stream_read_until(e->s, '\n', &data, CORO_FOREVER));
    coro_shield(true);
    say(e, " all\n");
    note(reads_line(e, "kept all\n"));
    note(coro_stream_printf(e->s, CORO_FOREVER, "%s", "out"));
    coro_shield(false);
    note(coro_stream_flush(e->s, CORO_FOREVER));
    note(coro_stream_flush(e->s, 0)); /* it had stayed */
    coro_shield(true);
    note(heard(e, "out"));
}

static void what_is_buffered_outlives_deadlines_and_cancellation(void **state)
{
    (void)state;
    RUNS(interrupted, -EAGAIN, -ETIMEDOUT, -ETIMEDOUT, -ECANCELED, 1, 3, -ECANCELED, 0, 1);
}

static void random_reads(struct ends *e)
{
    size_t size = scaled(300000), done = 0, wrong = 0, said = 0;
    unsigned char *text = malloc(size), *buf = malloc(10000);

    for (size_t i = 0; i < size; i++)
        text[i] = (unsigned char)random_below(37); /* '\0' among them */
    while (done < size) {
        size_t n = 1 + random_below(random_below(4) == 0 ? 9000 : 60), more = 1 + random_below(9000);
        char *data = NULL;
        ssize_t got;

        if (said < size && said - done < 30000) {
            more = more < size - said ? more : size - said;
            coro_write_all(e->peer, text + said, more, CORO_FOREVER);
            said += more;
        }
        if (n > said - done)
            n = said - done;
        switch (random_below(4)) {
        case 0:
            got = coro_stream_read(e->s, buf, n, CORO_FOREVER);
            break;
        case 1:
            got = coro_stream_read_full(e->s, buf, n, CORO_FOREVER);
            wrong += got != (ssize_t)n;
            break;
        case 2:
            got = coro_stream_peek(e->s, n, &data, CORO_FOREVER);
            wrong += got < (ssize_t)n;
            got = got > (ssize_t)n ? (ssize_t)n : got;
            memcpy(buf, data, (size_t)got);
            wrong += coro_stream_skip(e->s, (size_t)got) != 0;
            break;
        default:
            if (memchr(text + done, 7, said - done) == NULL)
                continue;
            got = coro_stream_read_until(e->s, 7, &data, CORO_FOREVER);
            if (got > 10000)
                got = -1;
            memcpy(buf, data, got > 0 ? (size_t)got : 0);
            wrong += got <= 0 || data[got - 1] != 7 || data[got] != '\0';
        }
        if (got <= 0 || memcmp(buf, text + done, (size_t)got) != 0) {
            wrong++;
            break;
        }
        done += (size_t)got;
    }
    note((long)wrong);
    note(done == size);
    free(text);
    free(buf);
}

static void any_order_of_reads_gives_what_was_written(void **state)
{
    (void)state;
    RUNS(random_reads, 0, 1);
}

/* ---- writing ---- */

static void buffered(struct ends *e)
{
    note(coro_stream_write(e->s, "a", 1, CORO_FOREVER));
    note(coro_stream_write(e->s, "", 0, CORO_FOREVER));
    note(coro_stream_write(e->s, NULL, 0, CORO_FOREVER));
    note(coro_stream_printf(e->s, CORO_FOREVER, "b%dc", 5));
    note(coro_stream_printf(e->s, CORO_FOREVER, "%s", ""));
    note(coro_read(e->peer, &(char){0}, 1, 1)); /* nothing has been sent */
    note(coro_stream_flush(e->s, CORO_FOREVER));
    note(heard(e, "ab5c"));
    note(coro_stream_flush(e->s, CORO_FOREVER));
    note(coro_stream_printf(e->s, CORO_FOREVER, "bye"));
    note(coro_stream_close(e->s, CORO_FOREVER));
    e->s = NULL;
    note(heard(e, "bye"));
}

static void writes_are_buffered_until_flushed_or_closed(void **state)
{
    (void)state;
    RUNS(buffered, 1, 0, 0, 3, 0, -ETIMEDOUT, 0, 1, 0, 3, 0, 1);
}

static char *received;
static size_t received_size;

static void *receives(void *arg)
{
    struct ends *e = arg;

    received_size = (size_t)coro_read_full(e->peer, received, 4 * MIB, CORO_FOREVER);
    return NULL;
}

/* Every length about the size of the buffer, by write and by printf, in one stream. */
static void many_sizes(struct ends *e)
{
    char *expected = malloc(4 * MIB), *chunk = malloc(MIB);
    size_t length = 0, wrong = 0;
    coro_task_t *t;

    received = malloc(4 * MIB);
    coro_spawn(&t, receives, e, NULL);
    for (int i = 0; i < 200; i++) {
        size_t n = i < 60 ? 4066 + (size_t)i : i == 60 ? MIB / 2 : random_below(i % 7 == 0 ? 20000 : 500);

        memset(chunk, 'a' + i % 26, n);
        chunk[n] = '\0';
        memcpy(expected + length, chunk, n);
        length += n;
        if (i % 2 == 0)
            wrong += coro_stream_write(e->s, chunk, n, CORO_FOREVER) != (ssize_t)n;
        else
            wrong += coro_stream_printf(e->s, CORO_FOREVER, "%s", chunk) != (int)n;
    }
    note(coro_stream_close(e->s, CORO_FOREVER));
    e->s = NULL;
    coro_join(t, NULL, CORO_FOREVER);
    note((long)wrong);
    note(length == received_size && memcmp(expected, received, length) == 0);
    free(received);
    free(expected);
    free(chunk);
}

static void writes_of_every_size_arrive_in_order(void **state)
{
    (void)state;
    RUNS(many_sizes, 0, 0, 1);
}

static void no_room(struct ends *e)
{
    static char much[MIB];

    note(coro_stream_write(e->s, "x", 1, CORO_FOREVER));
    note(coro_stream_write(e->s, much, sizeof much, soon()) < 0);
    hang_up(e);
    note(coro_stream_write(e->s, much, sizeof much, CORO_FOREVER));
    note(coro_stream_printf(e->s, CORO_FOREVER, "unsent"));
    note(coro_stream_flush(e->s, CORO_FOREVER));
    note(coro_stream_close(e->s, CORO_FOREVER));
    e->s = NULL;
}

static void a_write_that_fails_says_so(void **state)
{
    (void)state;
    RUNS(no_room, 1, 1, -EPIPE, 6, -EPIPE, -EPIPE);
}

static void unsent(struct ends *e)
{
    char buf[3000];
    ssize_t n = 0, more;
    int rounds = 0;

    memset(buf, 'u', sizeof buf);
    while (coro_stream_write(e->s, buf, sizeof buf, soon()) > 0) /* flushes, until nobody takes it */
        rounds++;
    note(coro_stream_flush(e->s, soon()));
    note(coro_stream_flush(e->s, 0));
    for (int i = 0; i < 2; i++) {
        while ((more = coro_read(e->peer, buf, sizeof buf, 0)) > 0)
            n += more;
        note(coro_stream_flush(e->s, soon()));
    }
    while ((more = coro_read(e->peer, buf, sizeof buf, 0)) > 0)
        n += more;
    note(n == rounds * (ssize_t)sizeof buf); /* what did not go out stayed */
}

static void what_could_not_be_flushed_stays(void **state)
{
    (void)state;
    RUNS(unsent, -ETIMEDOUT, -EAGAIN, 0, 0, 1);
}

/* ---- misuse ---- */

static void bad_arguments_are_refused(void **state)
{
    coro_stream_t *s = NULL;
    char *data;
    char c;
    int fds[2];
    (void)state;

    assert_int_equal(coro_stream_open(NULL, 0), -EINVAL);
    assert_int_equal(coro_stream_open(&s, -1), -EINVAL);
    assert_null(s);
    assert_int_equal(coro_stream_close(NULL, 0), -EINVAL);
    assert_int_equal(coro_stream_fd(NULL), -EINVAL);
    assert_int_equal(coro_stream_read(NULL, &c, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_read_full(NULL, &c, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_read_until(NULL, '\n', &data, 0), -EINVAL);
    assert_int_equal(coro_stream_peek(NULL, 1, &data, 0), -EINVAL);
    assert_int_equal(coro_stream_skip(NULL, 0), -EINVAL);
    assert_int_equal(coro_stream_write(NULL, &c, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_printf(NULL, 0, "x"), -EINVAL);
    assert_int_equal(coro_stream_flush(NULL, 0), -EINVAL);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(coro_stream_open(&s, fds[0]), 0);
    assert_int_equal(coro_stream_fd(s), fds[0]);
    assert_int_equal(coro_stream_read(s, NULL, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_read(s, &c, SIZE_MAX, 0), -EINVAL);
    assert_int_equal(coro_stream_read_full(s, NULL, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_read_until(s, '\n', NULL, 0), -EINVAL);
    assert_int_equal(coro_stream_peek(s, 1, NULL, 0), -EINVAL);
    assert_int_equal(coro_stream_skip(s, 1), -EINVAL);
    assert_int_equal(coro_stream_write(s, NULL, 1, 0), -EINVAL);
    assert_int_equal(coro_stream_write(s, &c, SIZE_MAX, 0), -EINVAL);
    assert_int_equal(coro_stream_read(s, &c, 1, CORO_FOREVER), -EPERM);
    assert_int_equal(coro_stream_read(s, NULL, 0, CORO_FOREVER), 0);

    /* with deadline 0 anywhere */
    assert_int_equal(coro_stream_read(s, &c, 1, 0), -EAGAIN);
    assert_int_equal(write(fds[1], "a\nb", 3), 3);
    assert_int_equal(coro_stream_read_until(s, '\n', &data, 0), 2);
    assert_string_equal(data, "a\n");
    assert_int_equal(coro_stream_write(s, "out", 3, 0), 3);
    assert_int_equal(coro_stream_close(s, 0), 0);
    assert_int_equal(coro_close(fds[1]), 0);
}

/* ---- many, idle ---- */

static struct crowd {
    int n;
    int (*fds)[2];
    coro_stream_t **streams;
    coro_task_t **tasks;
    int lines;
    size_t before, fresh, used;
} crowd;

static void *waits_for_lines(void *stream)
{
    char *data;

    while (coro_stream_read_until(stream, '\n', &data, CORO_FOREVER) > 0) {
        crowd.lines++;
        coro_stream_printf(stream, CORO_FOREVER, "%s", data);
        coro_stream_flush(stream, CORO_FOREVER);
    }
    return NULL;
}

static size_t in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void *idle_crowd(void *arg)
{
    char buf[16];

    for (int i = 0; i < crowd.n; i++)
        coro_spawn(&crowd.tasks[i], waits_for_lines, crowd.streams[i], NULL);
    crowd.before = in_use();
    coro_pause();
    coro_sleep(CORO_MS(1));
    crowd.fresh = in_use();
    for (int i = 0; i < crowd.n; i++)
        (void)!write(crowd.fds[i][1], "hello\n", 6);
    for (int i = 0; i < crowd.n; i++)
        if (coro_read_full(crowd.fds[i][1], buf, 6, CORO_FOREVER) != 6)
            note(i);
    coro_sleep(CORO_MS(1));
    crowd.used = in_use();
    for (int i = 0; i < crowd.n; i++)
        shutdown(crowd.fds[i][1], SHUT_WR);
    coro_join_all(crowd.tasks, (size_t)crowd.n, NULL, CORO_FOREVER);
    for (int i = 0; i < crowd.n; i++) {
        coro_stream_close(crowd.streams[i], CORO_FOREVER);
        coro_close(crowd.fds[i][1]);
    }
    return arg;
}

/* Whether they have just been opened or have been read from. A buffer each would be 4 KiB. */
static void ten_thousand_idle_streams_hold_no_buffer(void **state)
{
    struct rlimit before, limit;
    (void)state;

    getrlimit(RLIMIT_NOFILE, &before);
    limit = (struct rlimit){before.rlim_max, before.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit = before;
    memset(&crowd, 0, sizeof crowd);
    crowd.n = (int)alive_at_most(scaled(10000));
    if (limit.rlim_cur < 2 * (rlim_t)crowd.n + 100)
        crowd.n = (int)(limit.rlim_cur - 100) / 2;
    crowd.fds = calloc((size_t)crowd.n, sizeof *crowd.fds);
    crowd.streams = calloc((size_t)crowd.n, sizeof(coro_stream_t *));
    crowd.tasks = calloc((size_t)crowd.n, sizeof(coro_task_t *));
    for (int i = 0; i < crowd.n; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, crowd.fds[i]), 0);
        assert_int_equal(coro_stream_open(&crowd.streams[i], crowd.fds[i][0]), 0);
    }
    notes = 0;
    assert_int_equal(coro_run(idle_crowd, NULL, NULL, NULL), 0);
    assert_int_equal(notes, 0);
    assert_int_equal(crowd.lines, crowd.n);
    if (!under_sanitizer() && !under_valgrind()) { /* whose memory is counted elsewhere */
        assert_in_range(crowd.fresh - crowd.before, 0, 2 * MIB);
        assert_in_range(crowd.used - crowd.before, 0, 4 * MIB);
    }
    free(crowd.tasks);
    free(crowd.streams);
    free(crowd.fds);
    setrlimit(RLIMIT_NOFILE, &before);
}

/* ---- both ways at a time ---- */

enum { LINES = 20000 };

static coro_stream_t *near, *far;

static void *answers(void *arg)
{
    char *data;
    ssize_t n;

    while ((n = coro_stream_read_until(far, '\n', &data, CORO_FOREVER)) > 0)
        if (coro_stream_write(far, data, (size_t)n, CORO_FOREVER) != n)
            note(-1);
    coro_stream_flush(far, CORO_FOREVER);
    shutdown(coro_stream_fd(far), SHUT_WR);
    return arg;
}

static void *asks(void *arg)
{
    for (size_t i = 0; i < scaled(LINES); i++)
        if (coro_stream_printf(near, CORO_FOREVER, "line %zu\n", i) <= 0)
            note(-2);
    coro_stream_flush(near, CORO_FOREVER);
    shutdown(coro_stream_fd(near), SHUT_WR);
    return arg;
}

static void both_ways(struct ends *e)
{
    coro_task_t *t[2];
    char expected[32], *data;
    size_t right = 0;

    near = e->s;
    note(coro_stream_open(&far, e->peer));
    coro_spawn(&t[0], answers, NULL, NULL);
    coro_spawn(&t[1], asks, NULL, NULL);
    while (coro_stream_read_until(near, '\n', &data, CORO_FOREVER) > 0) {
        snprintf(expected, sizeof expected, "line %zu\n", right);
        if (strcmp(expected, data) == 0)
            right++;
    }
    note(right == scaled(LINES));
    coro_join_all(t, 2, NULL, CORO_FOREVER);
    coro_stream_close(far, CORO_FOREVER);
    e->peer = -1;
}

static void a_reader_and_a_writer_share_a_stream(void **state)
{
    (void)state;
    RUNS(both_ways, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_one_by_one),
        TEST(ways_of_reading_may_be_mixed),
        TEST(lines_may_lie_across_the_ends_of_buffers),
        TEST(a_line_without_end_is_refused_and_kept),
        TEST(what_is_buffered_outlives_deadlines_and_cancellation),
        TEST(any_order_of_reads_gives_what_was_written),
        TEST(writes_are_buffered_until_flushed_or_closed),
        TEST(writes_of_every_size_arrive_in_order),
        TEST(a_write_that_fails_says_so),
        TEST(what_could_not_be_flushed_stays),
        TEST(bad_arguments_are_refused),
        TEST(ten_thousand_idle_streams_hold_no_buffer),
        TEST(a_reader_and_a_writer_share_a_stream),
    };

    return RUN_TESTS(tests);
}
