/*
 * A coroutine, for the files of the core.
 */
#ifndef CORO_CORE_COROUTINE_H
#define CORO_CORE_COROUTINE_H

#include "base/text.h"
#include "base/thread.h"
#include "context/context.h"

#include <coro/coroutine.h>
#include <stdbool.h>
#include <unwind.h>

enum { CORO__NAME_SIZE = 32 }; /* with its end */

/* It lies at the top of its own stack, so that one page holds both it and its first frames:
 *
 *     base                                       co                     end
 *      | ...  frames, growing down  <-  | first | struct coro | colour | allocator's |
 *
 *   I1  context.state is suspended and CORO_STATE_FRESH   <=>  it has never run
 *   I2  context.at_end != NULL                            <=>  it has handlers or values, or is the root of a task and about to
 *                                                               leave for good: CORO_AT_END_LEAVES
 *   I3  owner is the token of a thread                    <=>  it is on that thread's list of live ones
 *   I4  it is idle: destroyed, but kept                   <=>  context.state says what comes after it on its thread's list of
 *                                                               idle ones: idle.h
 *   I5  it is idle                                         =>  reusable_by is the owner                                       */
struct coro {
    struct coro__context context;

    /* what create and destroy touch besides when they take the short way */
    void *user;       /* constant after create */
    const char *site; /* where it was created, "file:line"; NULL if that is unknown */
    void *task;       /* sched: the task whose root it is; NULL if it is none */
    uintptr_t
        reusable_by; /* owner, if any coro_create() that asks for nothing special may use it as it is; else ORPHANED */
    char name[CORO__NAME_SIZE];

    uintptr_t
        owner; /* the token of its thread; ORPHANED once that has ended; DESTROYED once its memory is given back */
    unsigned valgrind_id;

    /* constant from the first create on, however often it is used again */
    uint64_t number;                       /* no other one in the process has it; with the turn, its id */
    const coro_stack_allocator *allocator; /* NULL: the caller's own memory */
    coro_stack stack;
    size_t stack_size; /* as coro_stack_size() tells it */

    struct coro *next_live, **live_link;

    /* valid only while unwinding. Not on the stack that is unwound: each cleanup runs on top of its own frame, over all below. */
    struct _Unwind_Exception unwinding;
};

/* Values of owner that are no thread's. */
enum { CORO__ORPHANED = 1, CORO__DESTROYED = 3 };

/* The last of the flags: a name has been set, and is to be taken away before the next life. */
enum { CORO__FLAGS_MASK = (1 << CORO_FLAG_BITS) - 1, CORO__FLAG_NAMED = 1 << (CORO_FLAG_BITS - 1) };

/* How often it has been taken up again. Above the flags, to be written with them. */
static inline uint64_t coro__turn(const struct coro *co)
{
    return co->context.flags >> CORO_FLAG_BITS;
}

/* One turn more, without the name of the last. */
static inline void coro__next_turn(struct coro *co, unsigned flags)
{
    if (__builtin_expect((co->context.flags & CORO__FLAG_NAMED) != 0, 0))
        co->name[0] = '\0';
    co->context.flags = (co->context.flags | CORO__FLAGS_MASK) + 1 + flags;
}

/* Where it lies: so far above a multiple of the alignment. */
enum { CORO__ALIGNMENT = 128, CORO__OVER_ALIGNMENT = 96 };

/* Idle: what comes after it on the list. idle.h */
static inline bool coro__is_idle_state(uintptr_t state)
{
    return state % 2 == 0 && state > (CORO_STATE_TASK | CORO_STATE_BITS);
}

static inline bool coro__is_idle(const struct coro *co)
{
    return coro__is_idle_state(__atomic_load_n(&co->context.state, __ATOMIC_RELAXED));
}

/* Give it back: its stack, and itself. It is suspended nowhere. */
void coro__free(struct coro *co);

/* Is this the state of a context that has returned? */
static inline bool coro__ended(uintptr_t state)
{
    return state == CORO_STATE_DEAD || coro__is_idle_state(state);
}

static inline struct coro *coro__of_context(struct coro__context *context)
{
    return (struct coro *)context; /* its first member */
}

/* The running coroutine. NULL outside any, with -EPERM in `*err`, or with whatever keeps the thread from being ready for use. */
struct coro *coro__running(int *err);

/* Why `co` cannot be resumed by the calling thread: a negative errno value, or 0 if it can. */
int coro__resume_error(const struct coro *co);

/* Why the running context cannot yield: a negative errno value, or 0 if it can. */
int coro__yield_error(void);

/* Why the running context cannot transfer to `to`. */
int coro__transfer_error(const struct coro *to);

/* Is it running, or an ancestor of what runs? */
bool coro__is_entered(const struct coro *co);

/* ---- for the scheduler; root.c ---- */

/* The root of a task is driven by coro__switch() alone. Its resumer is the root of the thread, which it never goes back to:
   unwinders find the end of the stack at `outermost`, which coro__make_outermost() has made. `co` is fresh. */
static inline void coro__root_make(struct coro *co, void *task, void *outermost)
{
    co->task = task;
    co->context.state = CORO_STATE_TASK | (co->context.state & CORO_STATE_BITS);
    co->context.resumer = &coro__thread_self()->root;
    co->context.return_sp = outermost;
}

/* It has run its body. Instead of retiring (idle.h) it is another task's: as if it had been retired, taken up again by coro_create() and
   coro__root_make(), and had begun. It shares the control words of its resumer or keeps some to itself, which are at `fp_words` in either
   case. */
static inline void coro__root_begin_anew(struct coro *co, void *task, const char *site, bool shares,
                                         void *const *fp_words)
{
    bool load = !shares || (co->context.flags & CORO_FLAG_SHARE_FPENV) == 0;
    void *now;

    if (load)
        coro__fp_store(&now);
    coro__next_turn(co, shares ? CORO_FLAG_SHARE_FPENV : 0);
    co->context.state = CORO_STATE_TASK | (shares ? CORO_STATE_SHARES : 0);
    co->task = task;
    co->user = NULL;
    co->site = site;
    if (load)
        coro__fp_load(fp_words, &now);
}

/* It goes, parked with all that it has resumed, of which `innermost` was running: each is suspended where it is, for coro_destroy(). */
void coro__root_release(struct coro *co, struct coro__context *innermost);

/* Two steps on the way of a fresh coroutine to another thread: the first on the old one, the second on the new one. */
void coro__root_send(struct coro *co);
void coro__root_receive(struct coro *co);

/* What coro_yield() does in the root of a task. Set once. */
void coro__root_on_yield(void *(*fn)(void *output));

static inline bool coro__is_root(const struct coro__context *context)
{
    return (context->state & ~(uintptr_t)CORO_STATE_BITS) == CORO_STATE_TASK;
}

/* ---- reports ---- */

/* Add "'name' (#id)", and "created at file:line". In signal handlers, too. */
void coro__describe(struct coro__text *text, const struct coro *co);
void coro__describe_as(struct coro__text *text, const char *name, uint64_t number, uint64_t turn);
void coro__describe_site(struct coro__text *text, const struct coro *co);
void coro__describe_site_as(struct coro__text *text, const char *site);

/* Give the thread an alternate stack if overflows are reported and it has none. */
void coro__overflow_watch(struct coro__thread *t);

/* ---- checks ---- */

/* Assert the invariants of `co`; end the program with a message if `co` was destroyed. */
#ifdef NDEBUG
static inline void coro__check(const struct coro *co)
{
    (void)co;
}
static inline void coro__check_not_destroyed(const struct coro *co, const char *misuse)
{
    (void)co, (void)misuse;
}
#else
void coro__check(const struct coro *co);
void coro__check_not_destroyed(const struct coro *co, const char *misuse);
#endif

/* ---- leaks ---- */

/* Decided when the first thread is prepared. Then the lists of live coroutines are edited under the lock, which is nothing where
   leaks are not looked for, and orphans are kept on a list of their own. */
extern bool coro__leaks_wanted;
extern struct coro *coro__orphans;
extern struct coro__thread *coro__threads; /* that use the library, in any case */
void coro__leaks_lock(void);
void coro__leaks_unlock(void);

/* The thread begins to use the library, and ends. */
void coro__leaks_watch(struct coro__thread *t);
void coro__leaks_unwatch(struct coro__thread *t);

#endif
