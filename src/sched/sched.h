/*
 * A scheduler and its tasks, for the files of this layer and for whatever waits above it.
 *
 * Whoever runs a scheduler is its *driver*: the context that coro_sched_run() was called in. It looks at clocks and other threads, and
 * then starts a round. In a round tasks switch to each other directly; the driver goes on when the round is over, when nothing is
 * ready, or when a task has ended whose stack must be given back from elsewhere.
 */
#ifndef CORO_SCHED_SCHED_H
#define CORO_SCHED_SCHED_H

#include "context/context.h"
#include "core/coroutine.h"
#include "queue.h"
#include "timer.h"
#include "waiter.h"

#include <coro/group.h>
#include <coro/sched.h>
#include <errno.h>
#include <stdatomic.h>

#define likely(condition)   __builtin_expect((condition), 1)
#define unlikely(condition) __builtin_expect((condition), 0)

struct coro__group;

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

/*   I1  co != NULL                      <=>  not ended
 *   I2  waiter.state != CORO__WOKEN      =>  parked in a call that waits
 *   I3  detached                         =>  not ended: it is freed at its end, and joiner == NULL
 *   I4  refused <=> cancellation reaches it and is not held back by coro_shield()                   */
struct coro_task {
    /* a cache line of what its beginning and its end look at */
    struct coro *co;
    struct coro_sched *sched; /* constant */
    void *fn;                 /* constant: a coro_fn, or with a group a coro_job */
    void *arg;                /* constant; the result, once it has ended */
    bool refused;             /* calls that wait */
    bool cancelled;           /* by coro_cancel(), or along with its group */
    bool shielded;
    bool detached;
    struct coro__waiter *joiner; /* whoever waits for its end; NULL if nobody does */
    struct coro__group *group;   /* constant: whose child it is; NULL if of none */
    struct coro__group *scope;   /* the innermost group that it has open; NULL if none */

    struct coro__context *context;    /* valid only while waiting: which of its coroutines does */
    struct coro__waiter waiter;       /* it waits for one thing at a time */
    struct coro__list in_sched;       /* on the list of all tasks, the youngest last */
    struct coro__list in_group;       /* on the list of the group's children */
    struct coro_task *next_cancelled; /* valid only while a cancellation spreads; while free, the next free one */

    /* valid once it has ended: what its coroutine was called, for the report that nobody has joined it */
    const char *site;
    uint64_t number, turn;
    char name[CORO__NAME_SIZE];
};

struct coro_sched {
    /* what a switch touches */
    struct coro__queue queue;
    size_t budget;                /* how many may still go on in this round */
    struct coro__context *driver; /* valid only while running */
    void *words;                  /* as coro__switch() wants them: those of the driver */

    int64_t now; /* at the beginning of the round; with virtual time, the time */
    bool virtual_time;
    bool closing;                /* tasks are being unwound */
    struct coro_task *unwinding; /* valid while closing: which one is; NULL before the first */
    struct coro__timers timers;
    struct coro__list tasks;
    size_t live;       /* that have not ended */
    struct coro *dead; /* a coroutine that has ended and must be destroyed by the driver; NULL if there is none */
    struct coro_task *free_tasks; /* as many as were alive at once */

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

    _Alignas(16) char outermost[CORO_FRAME_SIZE]; /* where the stacks of its tasks end, for unwinders */
};

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

/* What the word is that a context is to be handed which has expired. */
uintptr_t coro__sched_settle(struct coro__context *context);

/* Go on with whatever is next. Back when `self` is, with the word that it is handed. Best called last, for the switch then goes
   straight back to the caller. */
static inline __attribute__((always_inline)) int coro__sched_leave(struct coro_sched *s, struct coro__context *self)
{
    struct coro__ready next = {s->driver, 0};

    if (likely(s->budget != 0) && likely(coro__queue_count(&s->queue) != 0)) {
        s->budget--;
        next = coro__queue_take(&s->queue);
        if (unlikely(next.value == CORO__UNSETTLED))
            next.value = coro__sched_settle(next.context);
    }
    return coro__switch(self, next.context, next.value, s->words);
}

/* ---- task; task.c ---- */

/* The running task, or NULL, outside any. */
struct coro_task *coro__task_running(void);

/* Make a task, at the end of the queue. The scheduler's thread. */
int coro__task_spawn(const char *site, struct coro_sched *s, struct coro_task **out, void *fn, void *arg,
                     const coro_opts *opts);

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

/* The calling task, if its root coroutine runs, as it mostly does; else NULL. */
static inline __attribute__((always_inline)) struct coro_task *coro__task_in_root(void)
{
    struct coro__context *self = coro__thread_self()->current;

    return likely(self != NULL) && likely(coro__is_root(self)) ? coro__of_context(self)->task : NULL;
}

/* The calling task, cancelled or not, if nothing that it runs in is ending, else NULL. */
struct coro_task *coro__task_at_work(void);

/* The calling task if it may wait now, else NULL. Nothing has to be undone. */
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

/* Who makes a call with this deadline on something of the scheduler `of`: nobody, maybe, if it is 0. Or why it may not. */
int coro__wait_caller_slowly(int64_t deadline, const struct coro_sched *of);

static inline __attribute__((always_inline)) int coro__wait_caller(int64_t deadline, const struct coro_sched *of,
                                                                   struct coro_task **out)
{
    struct coro_task *task = likely(deadline != 0) ? coro__may_wait() : NULL;
    int err = 0;

    if (unlikely(task == NULL) || unlikely(task->sched != of)) {
        err = coro__wait_caller_slowly(deadline, of);
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

/* Park `task`, the running one: its waiter is on the list of what it waits for. To be called last; returns what the waiter is completed
   with, or -ETIMEDOUT or -ECANCELED. */
static inline __attribute__((always_inline)) int coro__park(struct coro_task *task, const struct coro__wait *kind,
                                                            int64_t deadline, const char *site)
{
    struct coro_sched *s = task->sched;
    struct coro__context *self = coro__thread_self()->current;
    struct coro__waiter *w = &task->waiter;

    task->context = self;
    w->state = CORO__WAITING;
    w->kind = kind;
    w->site = site;
    w->since = s->now;
    if (deadline != CORO_FOREVER) {
        w->timer.fire = kind->due;
        coro__timers_set(&s->timers, &w->timer, deadline);
    }
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
