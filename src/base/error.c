/*
 * coro_version() and coro_strerror(): what each error code means when it comes from this library.
 */
#include <coro/base.h>
#include <errno.h>
#include <string.h>

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

const char *coro_version(void)
{
    return STRING(CORO_VERSION_MAJOR) "." STRING(CORO_VERSION_MINOR) "." STRING(CORO_VERSION_PATCH);
}

const char *coro_strerror(int err)
{
    static const struct {
        int code;
        const char *words;
    } meanings[] = {
        {0, "success"},
        {EAGAIN, "not possible without waiting, or a limit has been reached"},
        {EBADF, "not an open file"},
        {EBUSY, "in use: driven by a scheduler, running elsewhere, or waited for already"},
        {ECANCELED, "cancelled, or the caller is ending"},
        {ECHILD, "not in a forked child: only exec or a fresh coro_run() is possible there"},
        {EDEADLK,
         "would wait for itself: the coroutine is the caller or one of its resumers, or nothing can run any more"},
        {EINVAL, "invalid argument"},
        {ENOMEM, "out of memory, of address space or of memory mappings"},
        {EOVERFLOW, "a size or a count does not fit"},
        {EPERM, "not from here: outside a coroutine or task, or it belongs to another thread"},
        {EPIPE, "closed"},
        {ESRCH, "the coroutine or task has ended"},
        {ETIMEDOUT, "the deadline has passed"},
    };
    unsigned code = err < 0 ? 0u - (unsigned)err : (unsigned)err;
    const char *words;

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if ((unsigned)meanings[i].code == code)
            return meanings[i].words;
#ifdef __GLIBC__
    words = strerrordesc_np((int)code); /* not strerror(): that one may return a buffer that changes */
#else
    words = NULL;
#endif
    return words != NULL ? words : "unknown error";
}
