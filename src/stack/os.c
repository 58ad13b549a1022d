/*
 * The system calls behind stacks: mmap, mprotect, madvise, mincore.
 *
 * Guards come in two kinds. A marker (MADV_GUARD_INSTALL, Linux 6.13) lives in the page tables and costs no mapping, so that a
 * million stacks fit into a handful. An mprotect()ed guard splits the mapping, and vm.max_map_count ends that at some 32,000.
 * Whether markers work is decided by effect, once: an emulator may accept the advice and do nothing. After that a refusal counts
 * for the one region only, since it may come from mlockall().
 */
#include "os.h"

#include "base/panic.h"
#include "base/sanitize.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#    define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_WRITE
#    define MADV_POPULATE_WRITE 23
#endif
#ifndef SYS_process_madvise
#    define SYS_process_madvise 440
#endif
#ifndef PIDFD_SELF
#    define PIDFD_SELF (-10000)
#endif

size_t coro__os_page_size(void)
{
    static atomic_size_t page;
    size_t size = atomic_load_explicit(&page, memory_order_relaxed);

    if (size == 0) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&page, size, memory_order_relaxed);
    }
    return size;
}

/* ---- the limit on mappings ---- */

static size_t count_mappings(void)
{
    char part[1024];
    size_t lines = 0;
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    while ((n = read(fd, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += part[i] == '\n';
    close(fd);
    return lines;
}

static size_t mappings_allowed(void)
{
    char digits[32];
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return SIZE_MAX;
    n = read(fd, digits, sizeof digits - 1);
    close(fd);
    if (n <= 0)
        return SIZE_MAX;
    digits[n] = '\0';
    return strtoul(digits, NULL, 10);
}

/* After ENOMEM: if mappings have run out and not memory, say so, once a process. */
static void hint_at_limit(void)
{
    static atomic_bool hinted;
    enum { SLACK = 16 }; /* mappings that come and go around us */

    if (atomic_load(&hinted) || count_mappings() + SLACK < mappings_allowed() || atomic_exchange(&hinted, true))
        return;
    coro__report(
        "no mapping left for another guarded stack: raise the limit with `sysctl -w vm.max_map_count=1000000`, "
        "or use Linux 6.13 or newer, where guards need none",
        NULL);
}

/* ---- markers ---- */

static bool markers_work;

/* Does a marker keep the kernel, and so everybody, from reading the page? */
static void probe_markers(void)
{
    size_t page = coro__os_page_size();
    int fds[2];
    void *p;

    if (coro__valgrind_listens()) /* it takes marked pages for readable ones, and dies of it when a stack has overflowed */
        return;
    p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
        goto unmap;
    markers_work = madvise(p, page, MADV_GUARD_INSTALL) == 0 && write(fds[1], p, 1) == -1 && errno == EFAULT;
    close(fds[0]);
    close(fds[1]);
unmap:
    munmap(p, page);
}

bool coro__os_mark(void *p, size_t size)
{
    static pthread_once_t probed = PTHREAD_ONCE_INIT;

    pthread_once(&probed, probe_markers);
    return markers_work && madvise(p, size, MADV_GUARD_INSTALL) == 0;
}

/* ---- many at once ---- */

/* Returns for how many of them the advice was taken. */
static size_t advise_each(char *p, size_t size, size_t stride, size_t n, int advice)
{
    struct iovec parts[CORO__OS_AT_ONCE];
    long bytes;

    if (n == 1)
        return madvise(p, size, advice) == 0;
    for (size_t i = 0; i < n; i++)
        parts[i] = (struct iovec){.iov_base = p + i * stride, .iov_len = size};
    bytes = syscall(SYS_process_madvise, PIDFD_SELF, parts, n, advice, 0UL, 0UL);
    return bytes > 0 ? (size_t)bytes / size : 0;
}

size_t coro__os_mark_each(void *p, size_t size, size_t stride, size_t n)
{
    return advise_each(p, size, stride, n, MADV_GUARD_INSTALL);
}

void coro__os_populate_each(void *p, size_t size, size_t stride, size_t n)
{
    advise_each(p, size, stride, n, MADV_POPULATE_WRITE);
}

/* ---- regions ---- */

void *coro__os_reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (p == MAP_FAILED) {
        hint_at_limit();
        return NULL;
    }
    madvise(p, size,
            MADV_NOHUGEPAGE); /* a huge page would make hundreds of stacks resident; without THP it fails, rightly */
    return p;
}

void coro__os_release(void *p, size_t size)
{
    coro__san_reuse(p, size);
    /* In the middle of a larger mapping this needs one more, and may fail for it: then at least the memory goes. */
    if (munmap(p, size) != 0)
        coro__os_discard(p, size);
}

int coro__os_open(void *p, size_t size)
{
    coro__valgrind_define(p, size);
    if (mprotect(p, size, PROT_READ | PROT_WRITE) == 0)
        return 0;
    hint_at_limit();
    return -ENOMEM;
}

int coro__os_guard(void *p, size_t size)
{
    if (coro__os_mark(p, size) || mprotect(p, size, PROT_NONE) == 0)
        return 0;
    hint_at_limit();
    return -ENOMEM;
}

void coro__os_discard(void *p, size_t size)
{
    madvise(p, size, MADV_DONTNEED); /* locked memory (EINVAL) stays, and that is what its owner asked for */
}

void coro__os_discard_each(const struct iovec *parts, size_t n)
{
    static atomic_bool alone; /* the kernel has no such call, or not for this advice */
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += parts[i].iov_len;
    if (n > 1 && !atomic_load_explicit(&alone, memory_order_relaxed)) {
        if (syscall(SYS_process_madvise, PIDFD_SELF, parts, n, MADV_DONTNEED, 0UL, 0UL) == (long)bytes)
            return;
        atomic_store_explicit(&alone, true, memory_order_relaxed);
    }
    for (size_t i = 0; i < n; i++)
        coro__os_discard(parts[i].iov_base, parts[i].iov_len);
}

void *coro__os_lowest_resident(void *p, size_t size)
{
    unsigned char resident[64];
    size_t page = coro__os_page_size();
    char *at = p;

    for (char *end = at + size; at < end;) {
        size_t left = (size_t)(end - at) / page;
        size_t n = left < sizeof resident ? left : sizeof resident;

        if (mincore(at, n * page, resident) != 0)
            break; /* not a mapping of ours to judge: count all of it as used */
        for (size_t i = 0; i < n; i++, at += page)
            if ((resident[i] & 1) != 0)
                return at;
    }
    return at;
}
