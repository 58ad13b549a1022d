/*
 * A scheduler and its tasks, for the files of this layer and for whatever waits above it.
 *
 * Whoever runs a scheduler is its *driver*: the context that coro_sched_run() was called in. It looks at clocks and other threads, and
 * then starts a round. In a round tasks switch to each other directly; the driver goes on when the round is over, when nothing is
 * ready, or when a task has ended whose stack must be given back from elsewhere.
 */
#ifndef CORO_SCHED_SCHED_H
#define CORO_SCHED_SCHED_H

#include "base/sanitize.h"
#include "context/context.h"
#include "core/coroutine.h"
#include "core/idle.h"
#include "queue.h"
#include "timer.h"
#include "waiter.h"

#include <coro/async.h>
#include <coro/group.h>
#include <coro/sched.h>
#include <errno.h>
#include <stdatomic.h>

#define likely(condition)   __builtin_expect((condition), 1)
#define unlikely(condition) __builtin_expect((condition), 0)

struct coro__group;
struct coro__place;

/* What a scheduler waits with when nothing is ready. Without one it waits on a futex, for time and for other threads alone; a layer
   above that knows of more brings its own. */
struct coro__driver {
    /* Until `deadline`, or until signal() was called since the last wait; 0: only look. Completes the waiters of what has happened. */
    void (*wait)(struct coro__driver *driver, int64_t deadline);
    void (*signal)(struct coro__driver *driver); /* from any thread */
    void (*submit)(
        struct coro__driver *driver); /* about to be waited for by others, on `fd`; NULL: nothing is to be done then */
    void (*end)(struct coro__driver *driver);
    int fd;         /* readable when wait() has something to do; constant */
    size_t waiting; /* waiters that it may complete */
};

/* Of either kind. A stackless one (src/sched/async.h) has its frame instead of the last part; one that is light, and waits for nothing
 * but time, instead of the last two. Such are made in the millions, so the first part is as small as it can be.
 *
 *   I1  waiter.state != CORO__WOKEN      =>  parked in a call that waits
 *   I2  detached                         =>  not ended: it is freed at its end, and joiner == NULL
 *   I3  refused <=> cancellation reaches it and is not held back by coro_shield(); once it has ended it is not
 *   I4  light                            =>  stackless
 *   I5  asleep                           =>  light, and not in the run queue                        */
struct coro_task {
    struct coro_sched *sched; /* constant */
    union {
        struct coro *co;             /* NULL once it has ended, and maybe before its first turn */
        const coro_async_type *type; /* stackless; constant */
    };
    struct coro__waiter *joiner; /* whoever waits for its end; NULL if nobody does */
    struct coro__list in_sched;  /* on the list of all tasks, the youngest last */
    uint32_t timer;              /* light: as that of a coro__timer */
    union {
        uint32_t flags; /* all of them; 0 at the beginning, but for the constant ones */
        struct {
            bool cancelled : 1; /* by coro_cancel(), or along with its group */
            bool shielded : 1;
            bool detached : 1;
            bool ended : 1;
            bool borrowed : 1; /* constant: it lies in the caller's storage */
            bool asleep : 1;
            bool : 0;
            bool refused : 1;   /* calls that wait */
            bool stackless : 1; /* constant */
            bool light : 1;     /* constant */
            bool roused : 1;    /* light: cancelled while it was asleep */
            bool shares : 1;    /* constant, of one that begins without a coroutine: CORO_NO_FPENV */
            bool dropped : 1;   /* stackless: is to be unwound when it is its turn */
        };
    };

    /* what follows is not there in a light one */
    void *fn;                         /* constant: a coro_fn, or with a group a coro_job */
    void *arg;                        /* constant; the result, once it has ended */
    struct coro__waiter waiter;       /* it waits for one thing at a time */
    struct coro__group *group;        /* constant: whose child it is; NULL if of none */
    struct coro__group *scope;        /* the innermost group that it has open; NULL if none */
    struct coro__list in_group;       /* on the list of the group's children */
    struct coro_task *next_cancelled; /* valid only while a cancellation spreads; while free, the next free one */
    const char *site;                 /* where it was created; valid while there is no coroutine that knows it */
    uint64_t number;                  /* 0; of one with a stack, once it has ended, that of its coroutine */

    /* what follows is not there in a stackless one */
    union {
        struct coro__context *context; /* valid only while waiting: which of its coroutines does */
        void *words; /* valid only until it has a coroutine, unless it shares: its floating-point control words */
    };
    uint64_t turn; /* valid once it has ended, as its name, for the report that nobody has joined it */
    char name[CORO__NAME_SIZE];
};

struct coro_sched {
    /* what a switch touches */
    struct coro__queue queue;
    size_t budget;                /* how many may still go on in this round */
    size_t refused;               /* tasks that are */
    struct coro__context *driver; /* valid only while running */
    struct coro__leaving leaving; /* its words are constant: as coro__switch() wants them, those of the driver */
    uint64_t turns;               /* how many have gone on, and the budget */

    int64_t now; /* at the beginning of the round; with virtual time, the time */
    bool virtual_time;
    bool closing;                /* tasks are being unwound */
    struct coro_task *unwinding; /* valid while closing: which one is; NULL before the first */
    struct coro__timers timers;
    size_t fired; /* timers, since it last waited */
    struct coro__list tasks;
    uint64_t spawned, ended;
    size_t unbegun;    /* that will take up an idle coroutine when it is their turn */
    struct coro *dead; /* a coroutine that has ended and must be destroyed by the driver; NULL if there is none */
    struct coro_task *free_tasks; /* as many as were alive at once */

    /* stackless tasks */
    struct coro_task *async;                 /* the one that runs, on the driver's stack; NULL outside of it */
    struct coro_task *async_next;            /* the one that the driver is to run at once; NULL if none */
    coro_async_now async_now;                /* what its body is told, and says */
    struct coro__async_memory *async_memory; /* NULL until the first */

    uint64_t random;

    uintptr_t token; /* of its thread; constant */
    size_t stack_size;
    void *fp_words;

    _Atomic(struct coro__driver *) io; /* NULL until something needs it */
    size_t expected;                   /* posts from other threads that somebody waits for */

    /* other threads */
    _Atomic(struct coro__post *) inbox;
    atomic_uint signals; /* counts what has come in; a futex */
    atomic_int event_fd; /* -1 until coro_sched_fd() */
    int timer_fd, epoll_fd;

    struct coro_sched *next, **link; /* on the list of its thread's */

    /* who looks on from outside */
    struct coro__place *place;       /* constant; registry.h */
    struct coro__observed *observed; /* NULL until an observer wants it */

    _Alignas(16) char outermost[CORO_FRAME_SIZE]; /* where the stacks of its tasks end, for unwinders */
};

/* Tasks that have not ended. */
static inline size_t coro__sched_live(const struct coro_sched *s)
{
    return (size_t)(s->spawned - s->ended);
}

/* ---- scheduler; sched.c ---- */

/* Something from another thread, to be done on the scheduler's. Part of whatever it is about. */
struct coro__post {
    struct coro__post *next;
    void (*arrive)(struct coro__post *post);
};

/* From any thread. */
void coro__sched_post(struct coro_sched *s, struct coro__post *post);

/* Tell whoever polls coro_sched_fd() that there is something to do, if so. */
void coro__sched_announce(struct coro_sched *s);

/* Wait with this from now on. 0, or what the descriptors that a foreign loop hosts it by failed with. */
int coro__sched_drive(struct coro_sched *s, struct coro__driver *driver);

/* A number below n, n > 0, that looks random. It follows from the scheduler's seed, and the numbers drawn before. */
size_t coro__sched_random(size_t n);

/* What an entry comes to whose word is CORO__UNSETTLED: the context to switch to, and the word to hand it. A stackless task is the
   driver's to run. */
struct coro__ready coro__sched_resolve(struct coro_sched *s, struct coro__ready next);

/* Whatever is next, as the queue has it. */
static inline __attribute__((always_inline)) struct coro__ready coro__sched_next(struct coro_sched *s)
{
    if (unlikely(s->budget == 0) || unlikely(coro__queue_count(&s->queue) == 0))
        return (struct coro__ready){s->driver, 0};
    s->budget--;
    return coro__queue_take(&s->queue);
}

/* The two below, where it takes more than a switch. */
int coro__sched_go_slowly(struct coro_sched *s, struct coro__context *self, struct coro__ready next);
int coro__sched_leave_slowly(struct coro_sched *s, struct coro__context *self);

/* Go on with `next`. Back when `self` is, with the word that it is handed. Best called last, for the switch then goes straight back to
   the caller. */
static inline __attribute__((always_inline)) int coro__sched_go(struct coro_sched *s, struct coro__context *self,
                                                                struct coro__ready next)
{
    if (unlikely(next.value == CORO__UNSETTLED))
        return coro__sched_go_slowly(s, self, next);
    return coro__switch(self, next.context, next.value, s->leaving.words);
}

/* The same with whatever is next. Without a call whose result is needed here, so that a caller saves no registers for it. */
static inline __attribute__((always_inline)) int coro__sched_leave(struct coro_sched *s, struct coro__context *self)
{
    if (unlikely(s->budget == 0) || unlikely(coro__queue_count(&s->queue) == 0) || unlikely(s->queue.random) ||
        unlikely(coro__queue_at_fetch(&s->queue)))
        return coro__sched_leave_slowly(s, self);
    s->budget--;
    return coro__sched_go(s, self, coro__queue_take_first(&s->queue));
}

/* Somebody who is told of every turn. Then tasks do not switch to each other: each comes back to the driver, which tells. */
struct coro__observer {
    void (*round_begins)(struct coro_sched *s);
    void (*turn_begins)(struct coro_sched *s, struct coro__ready next); /* off the queue, not running yet */
    void (*turn_ends)(struct coro_sched *s); /* what it has woken is in the queue; it may be gone */
    void (*round_ends)(struct coro_sched *s);
};

/* Its own, of a scheduler. */
struct coro__observed {
    void (*end)(struct coro_sched *s); /* the scheduler goes; its tasks are still there */
};

/* From the next round on, of every scheduler; from the next turn on, of the one that calls this. NULL: nobody. Any thread. */
void coro__sched_observe(const struct coro__observer *observer);

/* What looks into schedulers, in the layer above: called when the first one is made. It is linked in by this alone. */
void coro__inspect_begin(void);

/* The task that an entry of the queue is about. */
struct coro_task *coro__sched_task_of(struct coro__ready ready);

/* ---- task; task.c ---- */

/* The running task, or NULL, outside any. */
struct coro_task *coro__task_running(void);

/* Make sure of a place for one more in the queues; give it back. 0 or -ENOMEM. */
static inline int coro__task_reserve(struct coro_sched *s)
{
    int err = coro__queue_reserve(&s->queue);

    if (unlikely(err != 0))
        return err;
    err = coro__timers_reserve(&s->timers);
    if (unlikely(err != 0))
        coro__queue_release(&s->queue);
    return err;
}

static inline void coro__task_release(struct coro_sched *s)
{
    coro__timers_release(&s->timers);
    coro__queue_release(&s->queue);
}

/* One that waits is about to go on: have the frames by then that it is parked in. With sanitizers, others know where these are. */
static inline void coro__task_fetch(const struct coro_task *task)
{
    enum { LINE = 64, ABOVE = 4 * LINE };
    const char *sp;

    if (CORO__SANITIZED || unlikely(task->stackless))
        return;
    sp = task->context->sp;
    for (const char *line = sp - LINE; line < sp + ABOVE; line += LINE)
        __builtin_prefetch(line, 1);
    __asm__ volatile(""); /* as in coro__queue_prefetch() */
}

/* Make a task, at the end of the queue. The scheduler's thread. */
int coro__task_spawn(const char *site, struct coro_sched *s, struct coro_task **out, void *fn, void *arg,
                     const coro_opts *opts);

/* It is its turn, and it has no coroutine: what its entry comes to. If there is no memory for one it is the driver's turn. */
struct coro__ready coro__task_begin(struct coro_task *task);

/* Unwind a task that has not ended; it ends so, and is freed if it is detached. The driver's. */
void coro__task_unwind(struct coro_task *task);

/* The outcome of a task that has ended; it is freed. */
void *coro__task_reap(struct coro_task *task);

/* A task has ended for which somebody waits; join.c. */
void coro__join_ended(struct coro_task *task);

/* Wait for a task as `waiter`, which is nobody's, until it ends or is destroyed. */
void coro__join_from_outside(struct coro_task *task, struct coro__waiter *waiter, void **result);

/* ---- waiting; wait.c ---- */

/* Why the calling thread must leave `s` and its tasks alone: -EPERM, -ECHILD; 0 if they are its own. */
int coro__sched_refusal(const struct coro_sched *s);

/* Why the caller may not wait: a negative errno value. Called when coro__may_wait() has found that out. */
int coro__wait_refusal(void);

/* Are its calls refused from now on? */
static inline void coro__task_refuse(struct coro_task *task, bool refused)
{
    if (likely(task->refused == refused))
        return;
    task->sched->refused += (size_t)refused - (size_t)task->refused;
    task->refused = refused;
}

/* The calling task, if its root coroutine runs, as it mostly does; else NULL. */
static inline __attribute__((always_inline)) struct coro_task *coro__task_in_root_on(const struct coro__thread *t)
{
    struct coro__context *self = t->current;

    return likely(self != NULL) && likely(coro__is_root(self)) ? coro__of_context(self)->task : NULL;
}

static inline __attribute__((always_inline)) struct coro_task *coro__task_in_root(void)
{
    return coro__task_in_root_on(coro__thread_self());
}

/* The calling task, cancelled or not, if nothing that it runs in is ending, else NULL. */
struct coro_task *coro__task_at_work(void);

/* coro__may_wait(), as a function. */
struct coro_task *coro__task_that_may_wait(void);

/* The calling task if it may wait now on its own stack, else NULL. Nothing has to be undone. */
static inline __attribute__((always_inline)) struct coro_task *coro__may_wait(void)
{
    struct coro_task *task = coro__task_in_root();

    if (unlikely(task == NULL)) {
        task = coro__task_at_work();
        if (task == NULL)
            return NULL;
    }
    return unlikely(task->refused) ? NULL : task;
}

/* The stackless task that runs, if its body is in a CORO_AWAIT, cancelled or not; else NULL. */
static inline struct coro_task *coro__async_at_work(void)
{
    const struct coro__thread *t = coro__thread_self();
    const struct coro_sched *s = t->sched;

    return s != NULL && s->async_now.armed_ && t->current == s->driver ? s->async : NULL;
}

/* The calling task, of either kind, if it may wait now for something that is not time alone. A call that asks for this and then parks
   returns CORO_ASYNC_PENDING_ to a stackless one, and does nothing more than to hand that on. */
struct coro_task *coro__may_await_slowly(void);

static inline __attribute__((always_inline)) struct coro_task *coro__may_await(void)
{
    struct coro_task *task = coro__task_in_root();

    if (unlikely(task == NULL))
        return coro__may_await_slowly();
    return unlikely(task->refused) ? NULL : task;
}

/* Who makes a call with this deadline on something of the scheduler `of`: nobody, maybe, if it is 0. Or why it may not. */
int coro__wait_caller_slowly(int64_t deadline, const struct coro_sched *of, struct coro_task *(*may)(void));

static inline __attribute__((always_inline)) int coro__wait_caller(int64_t deadline, const struct coro_sched *of,
                                                                   struct coro_task **out)
{
    struct coro_task *task = likely(deadline != 0) ? coro__may_wait() : NULL;
    int err = 0;

    if (unlikely(task == NULL) || unlikely(task->sched != of)) {
        err = coro__wait_caller_slowly(deadline, of, coro__task_that_may_wait);
        task = coro__task_running();
    }
    *out = task;
    return err;
}

/* The same for a call that a stackless task may wait in. */
static inline __attribute__((always_inline)) int coro__await_caller(int64_t deadline, const struct coro_sched *of,
                                                                    struct coro_task **out)
{
    struct coro_task *task = likely(deadline != 0) ? coro__may_await() : NULL;
    int err = 0;

    if (unlikely(task == NULL) || unlikely(task->sched != of)) {
        err = coro__wait_caller_slowly(deadline, of, coro__may_await_slowly);
        task = coro__task_running();
    }
    *out = task;
    return err;
}

/* Why a call that could not do its work at once does not wait for it: 0 if it does. */
static inline int coro__wait_overdue(const struct coro_task *task, int64_t deadline)
{
    if (likely(deadline > task->sched->now))
        return 0;
    return deadline == 0 ? -EAGAIN : -ETIMEDOUT;
}

/* Is this a call that is made once more, with what its wait came to in the waiter of the stackless task that runs? Asked once. */
bool coro__async_resumed(void);

/* The same, of a call that has found out who makes it, or that whoever does may not wait. */
static inline bool coro__await_goes_on(struct coro_task **self)
{
    if (likely(*self != NULL && !(*self)->stackless) || !coro__async_resumed())
        return false;
    *self = coro__task_running();
    return true;
}

/* The stackless task that runs is to return from its body: CORO_ASYNC_PENDING_. */
static inline int coro__async_pend(struct coro_task *task)
{
    task->sched->async_now.armed_ = false;
    return CORO_ASYNC_PENDING_;
}

/* The second half of coro__park(), where there is more to do than to go. */
int coro__park_until(struct coro_task *task, int64_t deadline);

/* Park `task`, the running one: its waiter is on the list of what it waits for. To be called last; returns what the waiter is completed
   with, or -ETIMEDOUT or -ECANCELED. If it is stackless, that comes to its body later. */
static inline __attribute__((always_inline)) int coro__park(struct coro_task *task, const struct coro__wait *kind,
                                                            int64_t deadline, const char *site)
{
    const struct coro__thread *t = coro__thread_self();
    struct coro_sched *s = t->sched; /* the task's, and sooner known */
    struct coro__context *self = t->current;
    struct coro__waiter *w = &task->waiter;

    w->state = CORO__WAITING;
    w->kind = kind;
    w->site = site;
    w->since = s->now;
    if (deadline != CORO_FOREVER || unlikely(task->stackless))
        return coro__park_until(task, deadline);
    task->context = self;
    return coro__sched_leave(s, self);
}

/* ---- cancellation; cancel.c ---- */

/* Find out anew whether calls of the task are refused; if so, and it waits in one, end that. */
void coro__cancel_update(struct coro_task *task);

/* The same for everything inside: the groups that the task has open. */
void coro__cancel_spread(struct coro_task *task);

/* ---- groups; group.c ---- */

/* A child has ended, with `error` or 0; if it was unwound, it is as if it had been cancelled. */
void coro__group_child_ended(struct coro__group *group, struct coro_task *child, int error);

/* ---- reports; report.c ---- */

void coro__report_deadlock(struct coro_sched *s);
void coro__report_unfinished(struct coro_sched *s);

#endif
