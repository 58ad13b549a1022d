/*
 * What valgrind and the sanitizers must be told, so that one source serves all. Without them every function here is empty, or a
 * test of a variable that is false.
 */
#ifndef CORO_BASE_SANITIZE_H
#define CORO_BASE_SANITIZE_H

#include "thread.h"

#include <stdbool.h>

#ifdef CORO_HAVE_VALGRIND
#    include <valgrind/memcheck.h>
#endif
#ifdef CORO_SANITIZED
#    include <sanitizer/asan_interface.h>
#    include <sanitizer/common_interface_defs.h>
#endif

/* A sanitizer must see each stack given back and taken anew. */
#ifdef CORO_SANITIZED
enum { CORO__SANITIZED = 1 };
#else
enum { CORO__SANITIZED = 0 };
#endif

/* ---- valgrind ---- */

/* Set when the first thread is prepared. A request costs some 2 ns even where nobody listens; a test that fails costs nothing. */
extern bool coro__under_valgrind;

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

/* What was released is read again all the same, to say what is wrong. */
static inline void coro__valgrind_define(const void *p, size_t size)
{
#ifdef CORO_HAVE_VALGRIND
    if (coro__under_valgrind)
        VALGRIND_MAKE_MEM_DEFINED(p, size);
#endif
    (void)p, (void)size;
}

/* ---- switches of stacks ---- */

/* Memory that a coroutine left behind, about to be a stack again: forget what was known of it. */
static inline void coro__san_reuse(void *p, size_t size)
{
#ifdef CORO_SANITIZED
    __asan_unpoison_memory_region(p, size);
#endif
    (void)p, (void)size;
}

/* The body of a coroutine, between what must be said on arrival and on leaving for good; in src/core/sanitized.c. */
void *coro__sanitized_body(void *input);

/* Give a context its body. */
static inline void coro__san_start(struct coro__context *c, void *(*fn)(void *))
{
#ifdef CORO_SANITIZED
    c->fake_stack =
        (void *)fn; /* where coro__sanitized_body() finds it: nothing else is kept there before the first switch */
    c->fn = coro__sanitized_body;
#else
    c->fn = fn;
#endif
}

/* Where the context's stack is. */
static inline void coro__san_bounds(struct coro__context *c, const void *base, size_t size)
{
#ifdef CORO_SANITIZED
    c->stack_base = base;
    c->stack_size = size;
#endif
    (void)c, (void)base, (void)size;
}

/* About to switch to `to`. `save` keeps what is due back on arrival, NULL if there will be none. */
static inline void coro__san_leave(void **save, const struct coro__context *to)
{
#ifdef CORO_SANITIZED
    __sanitizer_start_switch_fiber(save, to->stack_base, to->stack_size);
#endif
    (void)save, (void)to;
}

/* Arrived, with what was saved on leaving. If `from` is given and the bounds of its stack are not known (it is a root), this is
   where they are learnt. */
static inline void coro__san_arrive(void *saved, struct coro__context *from)
{
#ifdef CORO_SANITIZED
    bool learn = from != NULL && from->stack_base == NULL;

    __sanitizer_finish_switch_fiber(saved, learn ? &from->stack_base : NULL, learn ? &from->stack_size : NULL);
#endif
    (void)saved, (void)from;
}

#endif
