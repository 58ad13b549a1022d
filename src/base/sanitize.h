/*
 * What valgrind and the sanitizers must be told, so that one source serves all. Which sanitizer is on, if any, shows in what
 * the compiler predefines; without one, every function here is empty, or a test of a variable that is false.
 *
 * Each has its own idea of what a stack is. AddressSanitizer and MemorySanitizer keep the bounds of the one in use, the former
 * also a fake stack of frames that may not be reused yet; ThreadSanitizer keeps a clock and a stack of calls a fiber;
 * LeakSanitizer looks for pointers in what it knows as roots; valgrind must tell a switch of stacks from a very large frame.
 * See docs/design/0009-tools.md.
 */
#ifndef CORO_BASE_SANITIZE_H
#define CORO_BASE_SANITIZE_H

#include "thread.h"

#include <stdbool.h>

#ifdef CORO_HAVE_VALGRIND
#    include <valgrind/memcheck.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#    define CORO__ASAN
#elif defined(__SANITIZE_THREAD__)
#    define CORO__TSAN
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define CORO__ASAN
#    elif __has_feature(thread_sanitizer)
#        define CORO__TSAN
#    elif __has_feature(memory_sanitizer)
#        define CORO__MSAN
#    endif
#endif

#if defined(CORO_SANITIZED) != (defined(CORO__ASAN) || defined(CORO__TSAN) || defined(CORO__MSAN))
#    error "the assembly is built for another sanitizer than the C code: CMakeLists.txt sets CORO_SANITIZED for both"
#endif

#ifdef CORO__ASAN
#    include <sanitizer/asan_interface.h>
#endif
#ifdef CORO__MSAN
#    include <sanitizer/msan_interface.h>
#endif

/* A sanitizer must see each stack given back and taken anew. */
#ifdef CORO_SANITIZED
enum { CORO__SANITIZED = 1 };
#else
enum { CORO__SANITIZED = 0 };
#endif

/* For functions that are called by code without MemorySanitizer: it has not said whether the arguments have values. */
#ifdef CORO__MSAN
#    define CORO__CALLED_UNSEEN __attribute__((no_sanitize("memory")))
#else
#    define CORO__CALLED_UNSEEN
#endif

/* ---- valgrind ---- */

/* Set when the first thread is prepared. A request costs some 2 ns even where nobody listens; a test that fails costs nothing. Built
   without valgrind's headers, nothing that asks is compiled in. */
#ifdef CORO_HAVE_VALGRIND
extern bool coro__under_valgrind;
#else
enum { coro__under_valgrind = 0 };
#endif

/* Asked outright, for where no thread may have been prepared. */
static inline bool coro__valgrind_listens(void)
{
#ifdef CORO_HAVE_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

static inline unsigned coro__valgrind_register(const void *low, const void *high)
{
#ifdef CORO_HAVE_VALGRIND
    if (coro__under_valgrind)
        return VALGRIND_STACK_REGISTER((uintptr_t)low, (uintptr_t)high);
#endif
    (void)low, (void)high;
    return 0;
}

static inline void coro__valgrind_deregister(unsigned id)
{
#ifdef CORO_HAVE_VALGRIND
    if (coro__under_valgrind)
        VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

/* A stack goes back to whoever owns its memory: all of it may be used again, and nothing is known of what is in it. */
static inline void coro__valgrind_release(void *p, size_t size)
{
#ifdef CORO_HAVE_VALGRIND
    if (coro__under_valgrind)
        VALGRIND_MAKE_MEM_UNDEFINED(p, size);
#endif
    (void)p, (void)size;
}

/* Say that memory has values, whatever valgrind believes: what was released and is read again, to say what is wrong; what is fresh from
   the kernel and about to be opened by mprotect(), of which valgrind then has less to do for each byte. */
static inline void coro__valgrind_define(const void *p, size_t size)
{
#ifdef CORO_HAVE_VALGRIND
    if (coro__under_valgrind)
        VALGRIND_MAKE_MEM_DEFINED(p, size);
#endif
    (void)p, (void)size;
}

/* ---- memory of stacks ---- */

/* What was a stack, or kept for one, is about to be used anew, as a stack or otherwise: forget what was known of it. */
static inline void coro__san_reuse(void *p, size_t size)
{
#if defined(CORO__ASAN)
    __asan_unpoison_memory_region(p, size);
#elif defined(CORO__MSAN)
    __msan_unpoison(p, size);
#endif
    (void)p, (void)size;
}

/* The kernel has written to memory by a way that tools do not see. */
static inline void coro__san_filled(const void *p, size_t size)
{
#ifdef CORO__MSAN
    __msan_unpoison(p, size);
#endif
    coro__valgrind_define(p, size);
}

/* Nobody is to touch it until then. */
static inline void coro__san_retire(void *p, size_t size)
{
#ifdef CORO__ASAN
    __asan_poison_memory_region(p, size);
#endif
    (void)p, (void)size;
}

/* ---- coroutines and their switches; src/core/sanitized.c ---- */

#ifdef CORO_SANITIZED

/* Where the context's stack is. */
static inline void coro__san_bounds(struct coro__context *context, const void *base, size_t size)
{
    context->stack_base = base;
    context->stack_size = size;
}

/* A coroutine is made, to run `fn`. It and its stack are the `size` bytes from context->stack_base on. */
void coro__san_create(struct coro__context *context, void *(*fn)(void *), size_t size);
void coro__san_destroy(struct coro__context *context, size_t size);
void coro__san_name(struct coro__context *context, const char *name);

/* About to switch from one to another; for the last time; ... */
void coro__san_leave(struct coro__context *from, struct coro__context *to);
void coro__san_leave_for_good(struct coro__context *from, struct coro__context *to);

/* ... and arrived, back or for the first time in a body or in what unwinds it. */
void coro__san_arrive(struct coro__context *at);

/* Forget what is known of the stack, apart from what is running on it. */
void coro__san_forget(struct coro__context *at);

#else

static inline void coro__san_bounds(struct coro__context *context, const void *base, size_t size)
{
    (void)context, (void)base, (void)size;
}

static inline void coro__san_create(struct coro__context *context, void *(*fn)(void *), size_t size)
{
    (void)size;
    context->fn = fn;
}

static inline void coro__san_destroy(struct coro__context *context, size_t size)
{
    (void)context, (void)size;
}

static inline void coro__san_name(struct coro__context *context, const char *name)
{
    (void)context, (void)name;
}

static inline void coro__san_leave(struct coro__context *from, struct coro__context *to)
{
    (void)from, (void)to;
}

static inline void coro__san_leave_for_good(struct coro__context *from, struct coro__context *to)
{
    (void)from, (void)to;
}

static inline void coro__san_arrive(struct coro__context *at)
{
    (void)at;
}

static inline void coro__san_forget(struct coro__context *at)
{
    (void)at;
}

#endif

#endif
