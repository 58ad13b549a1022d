/*
 * The wrappers. Each counts as one call that can fail; free() only keeps the balance.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102 };

static atomic_long left = -1;  /* calls that may pass; negative: not armed */
static atomic_long left_again; /* calls that may pass after the first failure; negative: all */
static atomic_int injected;
static const char *last = "none";
static enum guard_advice advice;
static int guard_installs;
static bool no_mprotect, no_signal_stack, no_queueing, no_batches;
static const char *proc_text;
static int interrupted_writes, write_error;
static struct {
    void *p;
    size_t size;
} abandoned[2]; /* by a munmap() that failed: whoever called it cannot do more about it */
static atomic_int abandoned_count;
static atomic_long blocks, mapped, keys;
static bool begun;
static bool foreign[PTHREAD_KEYS_MAX];

/* ---- control ---- */

void faults_begin(void)
{
    begun = true;
}

static void arm(long n, long m)
{
    injected = 0;
    left_again = m;
    left = n;
}

void faults_arm(size_t n)
{
    arm((long)n, -1);
}

void faults_arm_pair(size_t n, size_t m)
{
    arm((long)n, (long)m);
}

int faults_injected(void)
{
    return injected;
}

bool faults_disarm(void)
{
    left = -1;
    while (abandoned_count > 0) {
        int i = --abandoned_count;

        munmap(abandoned[i].p, abandoned[i].size);
    }
    return injected != 0;
}

const char *faults_last(void)
{
    return last;
}

void faults_set_advice(enum guard_advice how)
{
    advice = how;
    guard_installs = 0;
}

void faults_set_write(int interrupted, int err)
{
    interrupted_writes = interrupted;
    write_error = err;
}

void faults_set_proc(const char *text)
{
    proc_text = text;
}

void faults_forbid_mprotect(bool forbidden)
{
    no_mprotect = forbidden;
}

void faults_forbid_signal_stacks(bool forbidden)
{
    no_signal_stack = forbidden;
}

void faults_forbid_queueing(bool forbidden)
{
    no_queueing = forbidden;
}

void faults_forbid_batches(bool forbidden)
{
    no_batches = forbidden;
}

struct balance faults_balance(void)
{
    return (struct balance){.blocks = blocks, .bytes = mapped, .keys = keys};
}

static bool fails(const char *name)
{
    if (left < 0 || left-- > 0)
        return false;
    last = name;
    injected++;
    left = left_again;
    left_again = -1;
    return true;
}

/* ---- memory from the C library ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
void __wrap_free(void *p);

static void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *counted(void *block)
{
    blocks += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails("malloc") ? out_of_memory() : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails("calloc") ? out_of_memory() : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    if (fails("realloc"))
        return out_of_memory();
    return p == NULL ? counted(__real_realloc(p, size)) : __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails("aligned_alloc") ? out_of_memory() : counted(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    int err = fails("posix_memalign") ? ENOMEM : __real_posix_memalign(out, alignment, size);

    blocks += err == 0;
    return err;
}

void __wrap_free(void *p)
{
    blocks -= p != NULL;
    __real_free(p);
}

/* ---- mappings ---- */

void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *p, size_t size);
int __real_mprotect(void *p, size_t size, int protection);
int __real_madvise(void *p, size_t size, int what);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *p, size_t size);
int __wrap_mprotect(void *p, size_t size, int protection);
int __wrap_madvise(void *p, size_t size, int what);

static int refused(int err)
{
    errno = err;
    return -1;
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    void *p;

    if (fails("mmap")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    p = __real_mmap(at, size, protection, flags, fd, offset);
    if (p != MAP_FAILED && (flags & MAP_FIXED) == 0)
        mapped += (long)size;
    return p;
}

int __wrap_munmap(void *p, size_t size)
{
    int result;

    if (fails("munmap")) {
        int i = abandoned_count++;

        abandoned[i].p = p;
        abandoned[i].size = size;
        return refused(ENOMEM);
    }
    result = __real_munmap(p, size);
    mapped -= result == 0 ? (long)size : 0;
    return result;
}

int __wrap_mprotect(void *p, size_t size, int protection)
{
    if (no_mprotect || fails("mprotect"))
        return refused(ENOMEM);
    return __real_mprotect(p, size, protection);
}

int __wrap_madvise(void *p, size_t size, int what)
{
    if (fails("madvise"))
        return refused(what == GUARD_INSTALL ? EINVAL : ENOMEM);
    if (what != GUARD_INSTALL || advice == ADVICE_AS_IS)
        return __real_madvise(p, size, what);
    if (advice == ADVICE_LIES)
        return 0;
    if (advice == ADVICE_REFUSED_LATE && guard_installs++ == 0)
        return __real_madvise(p, size, what);
    return refused(EINVAL);
}

int __real_mincore(void *p, size_t size, unsigned char *resident);
int __wrap_mincore(void *p, size_t size, unsigned char *resident);

int __wrap_mincore(void *p, size_t size, unsigned char *resident)
{
    return fails("mincore") ? refused(ENOMEM) : __real_mincore(p, size, resident);
}

/* ---- threads, files ---- */

int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __real_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int __real_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __real_pipe2(int fds[2], int flags);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pipe2(int fds[2], int flags);

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    return !foreign[key] && fails("pthread_setspecific") ? ENOMEM : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int err = fails("pthread_key_create") ? ENOMEM : __real_pthread_key_create(key, destructor);

    keys += err == 0;
    if (err == 0)
        foreign[*key] = !begun;
    return err;
}

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return fails("pthread_atfork") ? ENOMEM : __real_pthread_atfork(prepare, parent, child);
}

int __wrap_pipe2(int fds[2], int flags)
{
    return fails("pipe2") ? refused(EMFILE) : __real_pipe2(fds, flags);
}

int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *into, size_t size);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *into, size_t size);

/* Nobody here creates files by it: there is no mode to pass on. */
int __wrap_open(const char *path, int flags, ...)
{
    return fails("open") ? refused(EMFILE) : __real_open(path, flags);
}

ssize_t __wrap_read(int fd, void *into, size_t size)
{
    size_t length = proc_text != NULL ? strlen(proc_text) : 0;

    if (fails("read"))
        return refused(EIO);
    if (proc_text == NULL)
        return __real_read(fd, into, size);
    if (lseek(fd, 0, SEEK_CUR) != 0 || length > size)
        return 0;
    memcpy(into, proc_text, length);
    return lseek(fd, 1, SEEK_SET) == 1 ? (ssize_t)length : 0;
}

ssize_t __real_write(int fd, const void *from, size_t size);
ssize_t __wrap_write(int fd, const void *from, size_t size);

ssize_t __wrap_write(int fd, const void *from, size_t size)
{
    if (interrupted_writes > 0) {
        interrupted_writes--;
        return refused(EINTR);
    }
    if (write_error != 0 || fails("write"))
        return refused(write_error != 0 ? write_error : EIO);
    return __real_write(fd, from, size);
}

/* ---- signals ---- */

int __real_sigaltstack(const stack_t *new, stack_t *old);
int __wrap_sigaltstack(const stack_t *new, stack_t *old);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

int __wrap_sigaltstack(const stack_t *new, stack_t *old)
{
    return new != NULL &&no_signal_stack ? refused(ENOMEM) : __real_sigaltstack(new, old);
}

/* Named, six can be taken and passed on even where fewer were given: va_arg() would look where there is none. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (number == SYS_rt_tgsigqueueinfo && no_queueing)
        return refused(EPERM);
    if (number == SYS_process_madvise && (no_batches || advice != ADVICE_AS_IS))
        return refused(no_batches ? ENOSYS : EINVAL);
    return __real_syscall(number, a, b, c, d, e, f);
}
