/*
 * Which backend a scheduler has: what CORO_IO asks for, what is there, and what is said where the two differ. Each case is a process of its
 * own, for things are said once a process.
 */
#include "support/test.h"

#include <coro/io.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum outcome { EPOLL, RING, FAILED };

static bool has_ring(void)
{
    char path[64], what[64];

    for (int fd = 0; fd < 64; fd++) {
        ssize_t n;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, what, sizeof what - 1);
        what[n > 0 ? n : 0] = '\0';
        if (strcmp(what, "anon_inode:[io_uring]") == 0)
            return true;
    }
    return false;
}

static enum outcome outcome;

static void *answers(void *fd)
{
    char c;

    if (coro_read((int)(intptr_t)fd, &c, 1, CORO_FOREVER) == 1)
        coro_write((int)(intptr_t)fd, &c, 1, CORO_FOREVER);
    return NULL;
}

static void *asks(void *arg)
{
    coro_task_t *t;
    char c = 'x';
    int fds[2];

    outcome = FAILED;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
        coro_spawn(&t, answers, (void *)(intptr_t)fds[0], NULL) != 0)
        return arg;
    coro_pause();
    if (coro_write(fds[1], "y", 1, CORO_FOREVER) == 1 && coro_read(fds[1], &c, 1, CORO_FOREVER) == 1 && c == 'y')
        outcome = has_ring() ? RING : EPOLL;
    coro_join(t, NULL, CORO_FOREVER);
    coro_close(fds[0]);
    coro_close(fds[1]);
    return arg;
}

/* The kernel says this to io_uring_setup() from now on; 0: what it says. */
static bool refuse_rings(int err)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};

    return err == 0 ||
           (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static const struct {
    const char *value;
    int refused;
} cases[] = {{"epoll", 0},  {"uring", 0},     {"auto", 0},       {"", 0},        {NULL, 0},
             {"kqueue", 0}, {"uring", EPERM}, {"uring", ENOSYS}, {"auto", EPERM}};

static int runs(long i)
{
    enum outcome first;

    if (cases[i].value != NULL)
        setenv("CORO_IO", cases[i].value, 1);
    else
        unsetenv("CORO_IO");
    if (!refuse_rings(cases[i].refused) || coro_run(asks, NULL, NULL, NULL) != 0)
        return FAILED;
    first = outcome;
    if (coro_run(asks, NULL, NULL, NULL) != 0 || outcome != first)
        return FAILED;
    return (int)first;
}

/* The lines that were said. */
static size_t lines(const char *said)
{
    size_t n = 0;

    for (; (said = strchr(said, '\n')) != NULL; said++)
        n++;
    return n;
}

static bool ring_is_there(void)
{
#ifdef CORO_TEST_URING
    char params[128] = "";
    long fd = syscall(SYS_io_uring_setup, 1, params);

    if (fd >= 0)
        close((int)fd);
    return fd >= 0;
#else
    return false;
#endif
}

static void epoll_is_had_where_it_is_asked_for(void **state)
{
    struct child_end end = in_fresh_child(runs, 0);
    (void)state;

    assert_int_equal(end.code, EPOLL);
    assert_string_equal(end.said, "");
}

static void a_ring_is_had_where_it_is_asked_for_and_there(void **state)
{
    struct child_end end = in_fresh_child(runs, 1);
    (void)state;

    if (ring_is_there()) {
        assert_int_equal(end.code, RING);
        assert_string_equal(end.said, "");
        return;
    }
    assert_int_equal(end.code, EPOLL);
    assert_int_equal(lines(end.said), 1);
    assert_non_null(strstr(end.said, "there is no io_uring here, and epoll is used"));
}

static void nothing_is_said_where_nothing_is_asked_for(void **state)
{
    (void)state;
    for (long i = 2; i <= 4; i++) {
        struct child_end end = in_fresh_child(runs, i);

        assert_in_range(end.code, EPOLL, RING);
        assert_string_equal(end.said, "");
    }
}

static void what_is_no_backend_is_taken_for_auto_and_that_is_said_once(void **state)
{
    struct child_end end = in_fresh_child(runs, 5), as_auto = in_fresh_child(runs, 2);
    (void)state;

    assert_int_equal(end.code, as_auto.code);
    assert_int_equal(lines(end.said), 1);
    assert_non_null(strstr(end.said, "neither epoll nor uring nor auto; taken for auto: kqueue"));
}

static void where_the_kernel_refuses_a_ring_epoll_is_used(void **state)
{
    (void)state;
    if (under_emulator()) /* it knows no filters */
        skip();
    for (long i = 6; i <= 8; i++) {
        struct child_end end = in_fresh_child(runs, i);

        assert_int_equal(end.code, EPOLL);
        assert_int_equal(lines(end.said), strcmp(cases[i].value, "uring") == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(epoll_is_had_where_it_is_asked_for),
        TEST(a_ring_is_had_where_it_is_asked_for_and_there),
        TEST(nothing_is_said_where_nothing_is_asked_for),
        TEST(what_is_no_backend_is_taken_for_auto_and_that_is_said_once),
        TEST(where_the_kernel_refuses_a_ring_epoll_is_used),
    };

    return RUN_TESTS(tests);
}
