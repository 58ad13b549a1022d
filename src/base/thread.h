/*
 * The thread-local block, and the part of a coroutine that the assembly works on.
 *
 * Every thread that uses libcoro has one block. Its `token` is a number that no other thread ever has or had, so that a state
 * can say whose a suspended coroutine is even after its thread has ended. Its `root` stands for the thread's own stack: it is the
 * resumer of the outermost coroutine.
 */
#ifndef CORO_BASE_THREAD_H
#define CORO_BASE_THREAD_H

#include "layout.h"
#include <coro/base.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first half of a cache line is all that a switch touches of a coroutine. Its first frames share the line.
 *
 *   I1  suspended           <=>  state is the token of its thread (odd), with some of CORO_STATE_BITS
 *   I2  entered             <=>  state is CORO_STATE_ENTERED, with some of CORO_STATE_BITS, or CORO_STATE_ENDING
 *   I3  has returned        <=>  state is CORO_STATE_DEAD, or once it is destroyed as well another even number: src/core
 *   I7  root of a task      <=>  state is CORO_STATE_TASK, with some of CORO_STATE_BITS, until it ends
 *   I4  a root               =>  state is odd, so that nothing yields from it
 *   I5  CORO_STATE_SHARES   <=>  flags has CORO_FLAG_SHARE_FPENV (unless ending or dead), and then not CORO_FLAG_FORWARD
 *   I6  CORO_STATE_INLINED   =>  CORO_STATE_SHARES: exceptions arise in a real call, where a resumer of a forwarding one is parked */
struct coro__context {
    /* valid only while suspended. As long as it is fresh: the floating-point control words that it begins with. Until it is parked for the
       first time, and once it has ended, the assembly has a mark there */
    void *sp;

    /* valid only while entered */
    void *return_sp;               /* where its resumer is parked */
    uintptr_t state;               /* always valid */
    struct coro__context *resumer; /* stays as it was afterwards: hardly ever does the next one differ */

    void *at_end;        /* handlers and values to be looked after when it ends; NULL if there are none. Or
                            CORO_AT_END_LEAVES, between its end and the switch away */
    void *(*fn)(void *); /* constant after create */
    uint64_t flags;      /* those of CORO_FLAG_... are constant after create; the rest is the core's */

    /* C++: what __cxa_get_globals() gives out while this context runs. Laid out by the Itanium C++ ABI. */
    struct {
        void *caught; /* the exceptions being handled, innermost first */
        unsigned int uncaught;
    } exceptions;

    void (*caller)(void); /* constant after create: coro__parked(), where an unwinder finds it */

#ifdef CORO_SANITIZED
    void *fake_stack;       /* valid only while parked */
    const void *stack_base; /* constant after create; of a root: learnt at the first switch away */
    size_t stack_size;
    void *(*body)(void *); /* constant after create: what was asked for as `fn` */
    void *fiber;           /* ThreadSanitizer's; constant after create; of a root: from the first switch away on */
    void *passed;          /* valid only during a switch: what it hands over, and which stack was left */
    struct coro__context *left;
#endif
};

enum { CORO__TRIMS_MOST = 16 };

struct coro__thread {
    struct coro__context *current; /* NULL until the thread's first use */
    uintptr_t token;               /* 0 until then */
    void *return_sp;               /* of the context that was entered last */
    uintptr_t idle;                /* core: a list of destroyed coroutines that are kept to be used again, */
    unsigned idle_room, idle_most; /* for how many more there is room on it, and for how many at most */
    uintptr_t idle_full;           /* core: another such list, with no room left; 0: none */
    void *live;                    /* core: the thread's coroutines, idle ones, too */
    void *sched;                   /* sched: the scheduler that runs on the thread; NULL if none does */

    struct coro__context root;
    unsigned trim_count; /* core: idle ones that are to give memory back, if need be */
    unsigned trims, deep_batches;
    void *to_trim[CORO__TRIMS_MOST];
    void *stack_cache;          /* stack: warm stacks */
    const int64_t *virtual_now; /* its clock; NULL: the real one */
    void *drivers;              /* io: those of the thread's schedulers */
    void *signal_stack;         /* core: the alternate stack that the library gave it; NULL if none */
    struct coro__thread *next_watched, **watched_link; /* core: the list of all threads that use the library */
    void *scheds; /* sched: those that the thread has made, the last one first; read by debuggers alone */
    int tid;      /* the system's number of the thread; constant from its first use on */
};

#define CORO__ASSERT_OFFSET(type, field, offset)                                                                       \
    _Static_assert(offsetof(struct type, field) == (offset), "asm/layout.h: " #field)
CORO__ASSERT_OFFSET(coro__context, sp, CORO_CONTEXT_SP);
CORO__ASSERT_OFFSET(coro__context, return_sp, CORO_CONTEXT_RETURN_SP);
CORO__ASSERT_OFFSET(coro__context, state, CORO_CONTEXT_STATE);
CORO__ASSERT_OFFSET(coro__context, resumer, CORO_CONTEXT_RESUMER);
CORO__ASSERT_OFFSET(coro__context, flags, CORO_CONTEXT_FLAGS);
CORO__ASSERT_OFFSET(coro__context, at_end, CORO_CONTEXT_AT_END);
CORO__ASSERT_OFFSET(coro__context, fn, CORO_CONTEXT_FN);
CORO__ASSERT_OFFSET(coro__context, exceptions, CORO_CONTEXT_EXCEPTIONS);
CORO__ASSERT_OFFSET(coro__context, caller, CORO_CONTEXT_CALLER);
CORO__ASSERT_OFFSET(coro__thread, current, CORO_THREAD_CURRENT);
CORO__ASSERT_OFFSET(coro__thread, token, CORO_THREAD_TOKEN);
CORO__ASSERT_OFFSET(coro__thread, return_sp, CORO_THREAD_RETURN_SP);
CORO__ASSERT_OFFSET(coro__thread, root, CORO_THREAD_ROOT);
_Static_assert(offsetof(struct coro__context, at_end) == 32, "what a switch touches is half a cache line");

/* The calling thread's block. In assembly, so that no compiler sees the thread-local itself: it would compute the address once and
   keep it over a switch, after which it may be another thread's. */
static inline __attribute__((always_inline)) struct coro__thread *coro__thread_self(void)
{
    struct coro__thread *t;

#if defined(__x86_64__)
    __asm__ volatile("movq coro_thread_block@gottpoff(%%rip), %0\n\t"
                     "addq %%fs:0, %0"
                     : "=r"(t)
                     :
                     : "cc");
#elif defined(__aarch64__)
    uintptr_t offset;

    __asm__ volatile("mrs %0, tpidr_el0\n\t"
                     "adrp %1, :gottprel:coro_thread_block\n\t"
                     "ldr %1, [%1, #:gottprel_lo12:coro_thread_block]\n\t"
                     "add %0, %0, %1"
                     : "=&r"(t), "=&r"(offset));
#endif
    return t;
}

/* Is this the child of a fork() of a process that had used the library, and has it not begun anew? */
bool coro__in_forked_child(void);

/* Do so: forget all coroutines. */
void coro__thread_begin_anew(void);

/* What has to be forgotten then. Called by constructors. */
enum { CORO__REBIRTHS_MOST = 4 };
void coro__thread_on_rebirth(void (*fn)(void));

/* A lock that is to be free in a forked child, and what it guards whole. None of them is taken while another is held. Called by
   constructors. */
void coro__thread_lock_over_fork(pthread_mutex_t *lock);

/* Make the block ready for use if it is not. 0, -ECHILD in a forked child, or what pthread_setspecific() failed with. */
int coro__thread_prepare(struct coro__thread *t);

/* The calling thread's block, ready for use. */
static inline int coro__thread_enter(struct coro__thread **out)
{
    struct coro__thread *t = coro__thread_self();

    *out = t;
    return __builtin_expect(t->token != 0, 1) ? 0 : coro__thread_prepare(t);
}

/* Is this the state of a context that the thread with this token may resume? */
static inline bool coro__suspended(uintptr_t state, uintptr_t token)
{
    return (state & ~(uintptr_t)CORO_STATE_BITS) == token;
}

/* What the core does when a thread has been prepared. Set once, before the first one is. */
void coro__thread_on_prepare(void (*fn)(struct coro__thread *));

/* What the layers above leave to be done when a thread ends, in this order. Set once, before the first thread is prepared. */
enum coro__exit_step { CORO__EXIT_COROUTINES, CORO__EXIT_STACKS, CORO__EXIT_SIGNAL_STACK, CORO__EXIT_STEPS };
void coro__thread_on_exit(enum coro__exit_step step, void (*fn)(struct coro__thread *));

#endif
