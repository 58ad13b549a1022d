/*
 * coro/coroutine.h: the heart. Make a coroutine, resume it, yield from it, destroy it.
 *
 *     static void *count(void *first)
 *     {
 *         for (char *p = first; *p != '\0'; p++)
 *             coro_yield(p);
 *         return NULL;
 *     }
 *
 *     coro_t *co;
 *     if (coro_create(&co, count, NULL) == 0) {
 *         for (coro_step s = coro_resume(co, "abc"); s.status == CORO_YIELDED; s = coro_resume(co, NULL))
 *             putchar(*(char *)s.value);
 *         coro_destroy(co);
 *     }
 *
 * A coroutine belongs to the thread that created it. When that thread ends, the coroutines it leaves behind stay as they are;
 * they cannot be resumed any more, but any thread may destroy them.
 *
 * In the child of a fork() that was called without exec, every call here fails with -ECHILD, until a coro_run() (coro/sched.h) begins
 * anew there. Questions are still answered, and names can be changed.
 *
 * With CORO_LEAKS=1 in the environment of a program, the library lists on standard error, when the process exits, the coroutines
 * that were not destroyed: name, id, status, and where each was created. Read when the first thread uses the library. Threads that
 * still run then may be seen in the middle of what they do. The exit status stays as it was.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_COROUTINE_H
#define CORO_COROUTINE_H

#include <coro/base.h>
#include <coro/stack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As GNU C++20, g++ has functions of its own that are called coro_resume and coro_destroy, and warns of these. */
#if defined(__cpp_impl_coroutine) && defined(__GNUC__) && !defined(__clang__)
#    pragma GCC diagnostic push
#    pragma GCC diagnostic ignored "-Wbuiltin-declaration-mismatch"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A coroutine. */
#ifdef __cplusplus
typedef struct coro_coroutine coro_t; /* there `coro` is the namespace of coro/coro.hpp */
#else
typedef struct coro coro_t;
#endif

/**
 * The body of a coroutine.
 *
 * @param input  what the first coro_resume() (or coro_transfer()) was given
 * @return       the final value, which the last resume returns with CORO_RETURNED
 *
 * Context: its own stack, 16-byte aligned. An exception that leaves it goes on in the resumer if the coroutine was made with
 *          CORO_FORWARD_EXCEPTIONS; otherwise it ends the program with a message. pthread_exit() ends the thread; the cleanups of the
 *          body's own frames run, those of its resumers' frames may not.
 */
typedef void *coro_fn(void *input);

/** What a coroutine is doing, in Lua's four words. */
typedef enum coro_status {
    CORO_SUSPENDED, /* fresh, or waiting in coro_yield() or coro_transfer() */
    CORO_RUNNING,   /* the one that executes on its thread */
    CORO_NORMAL,    /* has resumed another, which has not come back yet */
    CORO_DEAD,      /* has returned */
} coro_status;

/** The two good values of coro_step.status. */
enum { CORO_RETURNED = 0, CORO_YIELDED = 1 };

/** What a resume gives back, in two registers: CORO_YIELDED, CORO_RETURNED or a negative errno value, and the value. */
typedef struct coro_step {
    long status;
    void *value;
} coro_step;

/** For coro_opts.flags: share the floating-point control words (rounding mode, exception masks) with the resumer instead of
 *  keeping them apart. Saves 2 to 8 ns a round trip; right for all code that never changes them. */
#define CORO_NO_FPENV 1u

/** For coro_opts.flags: an exception (of C++, or of any language that unwinds as C++ does) that leaves the body goes on in the
 *  resumer. It comes out of coro_resume(); the coroutine is dead by then, its coro_defer() handlers and the destructors of its keys
 *  have run. If nobody catches it further out, the program ends where it was thrown, as it does without coroutines. Without this
 *  flag it ends too, with a message that names the coroutine. What runs at the end must let no exception out in any case.
 *
 *  The resumer expects it: so such a coroutine can be transferred to only from another such one, and coro/inline.h inlines no
 *  switch to or from it. CORO_NO_FPENV is without effect beside it. */
#define CORO_FORWARD_EXCEPTIONS 2u

/** How to make a coroutine. All zero (`{0}`) means the defaults. */
typedef struct coro_opts {
    size_t stack_size;                     /* usable bytes; 0 is 64 KiB; at least 16 KiB; rounded up to pages */
    const coro_stack_allocator *allocator; /* NULL is coro_stack_pooled() */
    void *
        stack; /* the caller's own memory instead of an allocator: `stack_size` bytes of it, given exactly, 16-byte aligned
                          and kept until coro_destroy(). The coroutine's bookkeeping (under 1/2 KiB) lives at its top. */
    const char *name; /* copied, up to 31 bytes; shown in messages */
    void *user;       /* what coro_user() returns */
    unsigned flags;   /* CORO_NO_FPENV, CORO_FORWARD_EXCEPTIONS, or both */
} coro_opts;

/**
 * Make a coroutine, suspended before the first line of `fn`.
 *
 * It starts with the caller's floating-point control words.
 *
 * @param out   where the coroutine goes
 * @param fn    its body
 * @param opts  how to make it; NULL is all defaults. Not kept.
 * @return      0; -EINVAL `out` or `fn` is NULL, a stack size is under 16 KiB, `stack` is misaligned or given along with an
 *              allocator, a flag is unknown; -ENOMEM out of memory, address space or mappings; -ECHILD in a forked child;
 *              whatever a custom allocator returned
 *
 * Context:   anywhere. Does not switch.
 * Ownership: the coroutine is the caller's, to be given to coro_destroy() once, dead or not.
 *
 * A call by name is a macro that hands on where it stands, for reports; a call through a pointer makes a coroutine whose creation
 * site is unknown.
 */
CORO_API int coro_create(coro_t **out, coro_fn *fn, const coro_opts *opts);

/**
 * coro_create(), with the creation site said outright: for a wrapper that wants its own callers to be named in reports.
 *
 * @param site  "file:line", as CORO_HERE gives it; NULL is unknown
 * @param out, fn, opts  as for coro_create()
 * @return      as coro_create()
 *
 * Context:   anywhere. Does not switch.
 * Ownership: `site` is kept as it is, not copied, and has to last as long as the process may report: a string literal.
 */
CORO_API int coro_create_at(const char *site, coro_t **out, coro_fn *fn, const coro_opts *opts);

/** The place where this stands, a string literal "file:line". */
#define CORO_HERE                   CORO_HERE_FROM_(__FILE__, __LINE__)
#define CORO_HERE_FROM_(file, line) CORO_HERE_JOIN_(file, line)
#define CORO_HERE_JOIN_(file, line) file ":" #line

/* Variadic, since an argument may be a compound literal, with commas in it. */
#define coro_create(...) coro_create_at(CORO_HERE, __VA_ARGS__)

/**
 * Run `co` until it yields or returns.
 *
 * @param co     a suspended coroutine
 * @param input  the result of the coro_yield() that `co` is suspended in; on the first resume, the argument of its function
 * @return       {CORO_YIELDED, value} or {CORO_RETURNED, value}; on misuse {negative errno, NULL}, and nothing has happened:
 *               -EINVAL `co` is NULL, -ESRCH it has returned, -EBUSY it is driven by a scheduler, -EDEADLK it is running or is
 *               an ancestor of the caller, -EPERM it belongs to another thread, -ECHILD in a forked child
 *
 * Context:   any stack of the thread that created `co`. Switches stacks. Throws what leaves the body of `co`, if that was made
 *            with CORO_FORWARD_EXCEPTIONS.
 * Ownership: `input` and the value are passed through, never dereferenced.
 */
CORO_API coro_step coro_resume(coro_t *co, void *input);

/**
 * Have the memory fetched that a resume of `co` will touch. Whoever resumes many coroutines in turn, a run queue say, and asks for
 * each a few turns ahead, does not wait for memory then. With many thousands it is better to ask for several at once, say for sixteen
 * every sixteen turns: the processor looks for all their pages at the same time.
 *
 * @param co  a coroutine; NULL does nothing
 *
 * Context: anywhere. A hint: it changes nothing and cannot fail.
 */
static inline void coro_prefetch(const coro_t *co)
{
    __builtin_prefetch(co, 1);
    __builtin_prefetch((const void *)((uintptr_t)co - 64), 1); /* its outermost frames */
    __asm__ volatile(""); /* gcc drops calls of functions that do nothing besides */
}

/**
 * Suspend the running coroutine and hand `output` to whoever resumed it.
 *
 * @param output  what that resume returns with CORO_YIELDED
 * @return        the next resume's input. NULL with errno EPERM outside any coroutine; NULL with errno ECANCELED in a coroutine
 *                that is ending (in a cleanup, a destructor or a coro_defer() handler), NULL with errno ECHILD in a forked child:
 *                then nothing has happened. Otherwise errno is left alone.
 *
 * Context:   inside a coroutine, at any depth of calls. Switches stacks. C++ may yield in a catch block, and in a destructor that
 *            an exception runs: which exceptions are in flight and being handled is kept for each coroutine. (Not where the C++
 *            runtime was loaded before the library was, or is another's private copy: there it is kept for each thread, and two
 *            coroutines that yield in such places would take each other's. docs/design/0006-exceptions.md tells when.)
 * Ownership: both values are passed through, never dereferenced.
 */
CORO_API void *coro_yield(void *output);

/**
 * Destroy a coroutine and give its stack back.
 *
 * A coroutine that is suspended in the middle of its work is resumed one last time, to unwind: the C frames'
 * `__attribute__((cleanup))` handlers (in code built with -fexceptions), the C++ destructors, and then the handlers of
 * coro_defer() and of keys run on its own stack. While they run, yielding is refused. Frames without unwind information are
 * dropped, and those below them with them. Nothing unwinds through what C++ calls noexcept, destructors among it: suspended in
 * there, a coroutine cannot be destroyed, and trying ends the program. A coroutine that has not been started has nothing to unwind.
 *
 * @param co  suspended or dead; must not be used again after success. A library built with assertions tells of a second
 *            coro_destroy() or of a resume by a panic with its name, as long as its memory has not been taken up again.
 * @return    0; -EINVAL `co` is NULL, -EDEADLK it is the caller or an ancestor of the caller, -EBUSY it is running on another
 *            thread or driven by a scheduler, -EPERM it is suspended and belongs to another thread that is alive, -ECHILD in a
 *            forked child
 *
 * Context:   the thread that created `co` (once that has ended: any), inside another coroutine or not. Switches stacks.
 * Ownership: frees `co`.
 */
CORO_API int coro_destroy(coro_t *co);

/**
 * Switch from the running coroutine to `to`, which takes its place: `to`'s resumer is from now on the caller's resumer, and the
 * caller is suspended until somebody resumes it.
 *
 * @param to     a suspended coroutine of this thread
 * @param value  what the coro_yield() or coro_transfer() that `to` is suspended in returns, or the argument of its function
 * @return       {CORO_YIELDED, input of the resume that woke the caller}. To itself: at once {CORO_YIELDED, value}. On misuse
 *               {negative errno, NULL}, and nothing has happened: -EINVAL `to` is NULL, or was made with
 *               CORO_FORWARD_EXCEPTIONS and the caller was not, -EPERM called outside any coroutine or `to` belongs to another
 *               thread, -ESRCH it has returned, -EDEADLK it is an ancestor of the caller, -EBUSY it is driven by a scheduler,
 *               -ECANCELED the caller is ending, -ECHILD in a forked child
 *
 * Context:   inside a coroutine. Switches stacks.
 * Ownership: `value` is passed through, never dereferenced.
 * Source:    Lua's symmetric coroutines (de Moura, Ierusalimschy: "Revisiting Coroutines", 2009).
 */
CORO_API coro_step coro_transfer(coro_t *to, void *value);

/**
 * The running coroutine.
 *
 * @return  the innermost one of this thread, NULL outside any
 *
 * Context:   anywhere.
 * Ownership: as it was.
 */
CORO_API coro_t *coro_self(void);

/**
 * What a coroutine is doing.
 *
 * @param co  a coroutine; NULL counts as dead
 * @return    its status. Asked from another thread than its own, an answer other than CORO_DEAD may be out of date at once, and
 *            CORO_RUNNING stands for CORO_NORMAL too.
 *
 * Context: any thread, as long as `co` is not destroyed meanwhile.
 */
CORO_API coro_status coro_get_status(const coro_t *co);

/**
 * The name of a coroutine.
 *
 * @param co  a coroutine
 * @return    its name, "" if it has none, NULL if `co` is NULL
 *
 * Context:   the thread of `co`.
 * Ownership: lives in `co`; changes with coro_set_name().
 */
CORO_API const char *coro_name(const coro_t *co);

/**
 * Name a coroutine.
 *
 * @param co    a coroutine
 * @param name  copied, up to 31 bytes; NULL takes the name away
 * @return      0; -EINVAL `co` is NULL
 *
 * Context: the thread of `co`.
 */
CORO_API int coro_set_name(coro_t *co, const char *name);

/**
 * The `user` pointer of coro_opts.
 *
 * @param co  a coroutine
 * @return    the pointer as given; NULL if `co` is NULL
 *
 * Context: anywhere.
 */
CORO_API void *coro_user(const coro_t *co);

/**
 * The size of a coroutine's stack.
 *
 * @param co  a coroutine
 * @return    bytes that it may use: what was asked for, rounded up to pages; with the caller's own memory or a custom allocator,
 *            what was given less the bookkeeping at the top; 0 if `co` is NULL
 *
 * Context: anywhere.
 */
CORO_API size_t coro_stack_size(const coro_t *co);

/**
 * How deep the stack of a coroutine has ever been, to choose a `stack_size` by. Read from the page tables (mincore()), so nothing
 * is painted and nothing is paid until it is asked.
 *
 * @param co  a coroutine
 * @return    bytes, in whole pages; 0 if `co` is NULL. An upper bound: memory that a recycled stack keeps from its former
 *            coroutine counts too (coro_stack_trim() clears it beforehand), pages that were swapped out do not.
 *
 * Context: anywhere. A few microseconds.
 */
CORO_API size_t coro_stack_used(const coro_t *co);

/**
 * Have `fn(arg)` called when the running coroutine ends, however it ends: by returning or by being destroyed. The last one asked
 * for runs first. They run after the coroutine's own frames are gone and before its keys' destructors. A handler may ask for
 * another one.
 *
 * @param fn   the handler
 * @param arg  what it is given
 * @return     0; -EINVAL `fn` is NULL, -EPERM outside any coroutine, -ENOMEM out of memory, -ECHILD in a forked child
 *
 * Context: inside a coroutine; the handler runs on its stack, where coro_yield() is refused.
 */
CORO_API int coro_defer(void (*fn)(void *), void *arg);

/** Names a slot of coroutine-local storage. */
typedef uint32_t coro_key_t;

/**
 * Make a key: from now on every coroutine has a value under it, NULL at first.
 *
 * @param key         where the key goes
 * @param destructor  called with a coroutine's value when that coroutine ends, if the value is not NULL then (it is set to NULL
 *                    before); may be NULL. Destructors that set values again are run again, up to four rounds.
 * @return            0; -EINVAL `key` is NULL, -EAGAIN 256 keys exist, -ECHILD in a forked child
 *
 * Context: any thread, inside a coroutine or not.
 * Source:  pthread_key_create().
 */
CORO_API int coro_key_create(coro_key_t *key, void (*destructor)(void *));

/**
 * Unmake a key. Its destructor is not called any more; freeing the values is the caller's business.
 *
 * @param key  a key
 * @return     0; -EINVAL there is no such key (any more), -ECHILD in a forked child
 *
 * Context: any thread, inside a coroutine or not.
 */
CORO_API int coro_key_delete(coro_key_t key);

/**
 * The running coroutine's value under `key`.
 *
 * @param key  a key
 * @return     the value; NULL if it was never set, outside any coroutine, or if there is no such key
 *
 * Context:   anywhere.
 * Ownership: the value is passed through, never dereferenced.
 */
CORO_API void *coro_get(coro_key_t key);

/**
 * Set the running coroutine's value under `key`.
 *
 * @param key    a key
 * @param value  anything; NULL unsets
 * @return       0; -EINVAL there is no such key, -EPERM outside any coroutine, -ENOMEM out of memory, -ECHILD in a forked child
 *
 * Context:   inside a coroutine.
 * Ownership: the key's destructor, if any, gets the value in the end.
 */
CORO_API int coro_set(coro_key_t key, void *value);

/**
 * Have stack overflows of coroutines reported, or stop that. A handler for SIGSEGV and SIGBUS then writes to standard error which
 * coroutine has overflowed, its id, where it was created, the size of its stack and how much of it was used, the faulting address,
 * a size to try, and a backtrace through the coroutine and its resumers. Afterwards the signal goes to the handler that was
 * there before, and in the end kills the process as it would have done. All other faults go there at once, without a word.
 *
 * Seen is what runs into a guard: on stacks of coro_stack_pooled() and coro_stack_mmap(), and of allocators that have memory
 * without access from `map` to `base`. Stacks from coro_stack_heap() and in the caller's own memory have none. A frame larger than
 * the guard jumps over it, unless its code was built with -fstack-clash-protection.
 *
 * The handler needs an alternate stack (sigaltstack()). A thread that has one keeps it; the backtrace is left out if it is too small.
 * Any other thread is given one, until it ends: the caller at once, the others when they first use the library or next create a
 * coroutine that no destroyed one makes room for. So it is best turned on before there are other threads. A thread without an
 * alternate stack is killed without a report.
 *
 * A handler that the program installs later comes before this one, and has to pass on what it does not want. While one is there,
 * turning the report off leaves this one in the chain, silent. Handlers before this one run on the alternate stack.
 *
 * @param on  true: report from now on; false: do not, and put the former handlers back. Repeating either does nothing more.
 * @return    0; -ENOMEM no memory for the caller's alternate stack, -ECHILD in a forked child
 *
 * Context: any thread, for all of the process. Function names come from the symbol tables of the program and its libraries.
 */
CORO_API int coro_overflow_report(bool on);

#ifdef __cplusplus
}
#endif

#if defined(__cpp_impl_coroutine) && defined(__GNUC__) && !defined(__clang__)
#    pragma GCC diagnostic pop
#endif

#ifdef CORO_INLINE
#    include <coro/inline.h>
#endif

#endif
