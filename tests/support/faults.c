/*
 * The wrappers. Each counts as one call that can fail; free() and munmap() only keep the balance.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102 };

static atomic_long left = -1; /* calls that may pass; negative: not armed */
static atomic_bool injected;
static const char *last = "none";
static enum guard_advice advice;
static int guard_installs;
static bool no_mprotect;
static atomic_long blocks, mapped, keys;

/* ---- control ---- */

void faults_arm(size_t n)
{
    injected = false;
    left = (long)n;
}

bool faults_disarm(void)
{
    left = -1;
    return injected;
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

void faults_forbid_mprotect(bool forbidden)
{
    no_mprotect = forbidden;
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
    injected = true;
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
    int result = __real_munmap(p, size);

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
    return fails("pthread_setspecific") ? ENOMEM : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    int err = fails("pthread_key_create") ? ENOMEM : __real_pthread_key_create(key, destructor);

    keys += err == 0;
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
