/*
 * The trace, the run's circumstances, and short forms.
 */
#include "test.h"
#include "children.h"
#include "tools.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#    define HAS_FEATURE(x) __has_feature(x)
#else
#    define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#    define ASAN
#elif defined(__SANITIZE_THREAD__) || HAS_FEATURE(thread_sanitizer)
#    define TSAN
#elif HAS_FEATURE(memory_sanitizer)
#    define MSAN
#endif

/* Running out of memory is something that the tests try, and so is a thread in a child. */
#if defined(ASAN) || defined(TSAN) || defined(MSAN)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1:die_after_fork=0";
}

const char *__msan_default_options(void);
const char *__msan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

char trace[4096];
static int probe[2];
static int open_files;
static bool prepared;

/* ---- programs ---- */

static int count_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    if (dir == NULL)
        return -1;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

void tests_prepare(void)
{
    if (prepared || pipe2(probe, O_CLOEXEC | O_NONBLOCK) != 0 || children_prepare() != 0) {
        perror("tests_prepare");
        _exit(125);
    }
    prepared = true;
    setvbuf(stdout, NULL, _IOLBF, 0); /* or a fork would print again what is still in the buffer */
}

int test_begins(void **state)
{
    (void)state;
    memset(trace, 0, sizeof trace);
    random_seed(1);
    open_files = count_open_files();
    return 0;
}

int test_ends(void **state)
{
    int now = count_open_files();

    (void)state;
    if (now != open_files)
        print_error("open files: %d before, %d after\n", open_files, now);
    if (coro_self() != NULL)
        print_error("still inside a coroutine\n");
    return now == open_files && coro_self() == NULL ? 0 : -1;
}

/* ---- the trace ---- */

void mark(char c)
{
    size_t n = strlen(trace);

    if (n + 1 < sizeof trace)
        trace[n] = c;
}

/* ---- what the run is like ---- */

bool under_valgrind(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

bool under_asan(void)
{
#ifdef ASAN
    return true;
#else
    return false;
#endif
}

bool under_tsan(void)
{
#ifdef TSAN
    return true;
#else
    return false;
#endif
}

bool under_sanitizer(void)
{
#if defined(ASAN) || defined(TSAN) || defined(MSAN)
    return true;
#else
    return false;
#endif
}

bool under_emulator(void)
{
#ifdef CORO_TEST_EMULATED
    return true;
#else
    return false;
#endif
}

size_t resident_bytes(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);

    close(fd);
    return n <= 0 ? 0 : strtoul(strchr(text, ' '), NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

size_t scaled(size_t full)
{
    size_t divisor = under_valgrind() || under_tsan() ? 50 : under_emulator() || under_sanitizer() ? 10 : 1;

    return full < divisor ? 1 : full / divisor;
}

size_t alive_at_most(size_t full)
{
    size_t most = under_valgrind() ? 500 : under_tsan() ? 1000 : full;

    return full < most ? full : most;
}

/* ---- short forms ---- */

coro_t *made_flagged(coro_fn *fn, coro_opts opts, unsigned flags)
{
    coro_t *co = NULL;

    opts.flags |= flags;
    assert_int_equal(coro_create(&co, fn, &opts), 0);
    assert_non_null(co);
    return co;
}

void assert_step_at(coro_step s, long status, const void *value, const char *file, int line)
{
    if (s.status == status && s.value == value)
        return;
    print_error("step {%ld, %p}, expected {%ld, %p}\n", s.status, s.value, status, value);
    _fail(file, line);
}

static uint64_t random_state;

void random_seed(uint64_t seed)
{
    random_state = seed;
}

uint64_t random64(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t random_below(size_t n)
{
    return (size_t)(random64() % n);
}

size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* A raw system call: a sanitizer's write() would judge the address before the kernel does. */
bool faults_at(const void *p)
{
    char byte;
    long n;

    VALGRIND_DISABLE_ERROR_REPORTING;
    n = syscall(SYS_write, probe[1], p, 1);
    VALGRIND_ENABLE_ERROR_REPORTING;
    if (n == 1 && read(probe[0], &byte, 1) == 1)
        return false;
    return n == -1 && errno == EFAULT;
}
