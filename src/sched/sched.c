/*
 * Schedulers: made, driven round by round, destroyed. What a driver does between rounds: look at the clock and at what other threads
 * have sent, give back the stacks of tasks that could not, wait when there is nothing to do.
 */
#include "sched.h"

#include "async.h"
#include "base/clock.h"
#include "embed.h"
#include "registry.h"

#include <errno.h>
#include <stdlib.h>

enum {
    ROUND_MOST = 256, /* switches between two looks at the clock */
    CROWD = 16,       /* timers between two waits, from which on the next one is to bring in several again */
};

#define CROWD_WAIT CORO_US(100)

/* ---- made and destroyed ---- */

/* CORO_SEED in the environment takes the place of what the program asks for. */
static uint64_t seed_of(const coro_sched_opts *opts)
{
    const char *value = getenv("CORO_SEED");

    return value != NULL && value[0] != '\0' ? strtoull(value, NULL, 0) : opts->seed;
}

static void enlist(struct coro__thread *t, struct coro_sched *s)
{
    struct coro_sched *first = t->scheds;

    s->next = first;
    s->link = (struct coro_sched **)&t->scheds;
    if (first != NULL)
        first->link = &s->next;
    t->scheds = s;
}

static void delist(struct coro_sched *s)
{
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
}

int coro_sched_create(coro_sched_t **out, const coro_sched_opts *opts)
{
    static const coro_sched_opts defaults;
    struct coro__thread *t;
    struct coro_sched *s;
    int err;

    if (opts == NULL)
        opts = &defaults;
    if (out == NULL || (unsigned)opts->policy > CORO_DEPTH_FIRST)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    if (posix_memalign((void **)&s, 64, sizeof *s) != 0)
        return -ENOMEM;
    *s = (struct coro_sched){.virtual_time = opts->virtual_time,
                             .token = t->token,
                             .stack_size = opts->stack_size,
                             .now = coro__real_now(),
                             .event_fd = -1,
                             .timer_fd = -1,
                             .epoll_fd = -1};
    s->queue.seed = seed_of(opts);
    s->random = s->queue.seed;
    s->queue.random = s->queue.seed != 0;
    s->queue.newest_first = !s->queue.random && opts->policy == CORO_DEPTH_FIRST;
    s->leaving.words = (char *)&s->fp_words - CORO__FRAME_FP_WORDS;
    s->timers.fire_light = coro__async_due;
    coro__list_init(&s->tasks);
    coro__make_outermost(s->outermost);
    err = coro__registry_enter(s);
    if (err != 0) {
        free(s);
        return err;
    }
    coro__idle_keep_many();
    enlist(t, s);
    coro__inspect_begin();
    *out = s;
    return 0;
}

static void end_dead(struct coro_sched *s)
{
    if (s->dead != NULL) {
        coro_destroy(s->dead);
        s->dead = NULL;
    }
}

/* What came in from other threads, in the order in which it came. */
static void open_inbox(struct coro_sched *s)
{
    struct coro__post *post, *first = NULL;

    if (likely(atomic_load_explicit(&s->inbox, memory_order_relaxed) == NULL))
        return;
    post = atomic_exchange_explicit(&s->inbox, NULL, memory_order_acquire);
    while (post != NULL) { /* the last one came first */
        struct coro__post *next = post->next;

        post->next = first;
        first = post;
        post = next;
    }
    while (first != NULL) {
        struct coro__post *next = first->next;

        first->arrive(first);
        first = next;
    }
}

static struct coro_task *task_at(struct coro__list *link)
{
    return CORO__OWNER(link, struct coro_task, in_sched);
}

/* Nobody waits for anything any more. Every task that is ready is parked where the queue says. */
static void end_waiting(struct coro_sched *s)
{
    for (struct coro__list *link = s->tasks.next; link != &s->tasks; link = link->next)
        if (task_at(link)->light)
            coro__timers_unset_light(&s->timers, &task_at(link)->timer);
        else
            coro__waiter_abandon(&task_at(link)->waiter);
    while (coro__queue_count(&s->queue) != 0) {
        struct coro__ready ready = coro__queue_take(&s->queue);
        struct coro__context *context = ready.context, *root = context;

        if (coro__async_is(ready))
            continue;
        while (!coro__is_root(root))
            root = root->resumer;
        ((struct coro_task *)coro__of_context(root)->task)->context = context;
    }
}

/* The youngest first: children are gone before the groups that they are in. Handles are good until all are unwound: cleanups of a
   parent may look after its children. */
static void unwind_all(struct coro_sched *s)
{
    struct coro__thread *t = coro__thread_self();
    void *outer = t->sched;
    struct coro__list ended;

    t->sched = s; /* what unwinds is told that it is cancelled */
    s->driver = t->current;
    s->closing = true;
    open_inbox(s); /* what there was no memory for before */
    end_waiting(s);
    open_inbox(s); /* what other threads have done for it meanwhile */
    coro__list_init(&ended);
    while (!coro__list_empty(&s->tasks)) {
        struct coro_task *task = task_at(s->tasks.prev);

        if (!task->ended) {
            coro__task_unwind(task); /* and look again: it may be gone, others too */
            continue;
        }
        coro__list_remove(&task->in_sched);
        coro__list_insert(&ended, &task->in_sched);
    }
    while (!coro__list_empty(&ended))
        coro__task_reap(task_at(ended.prev));
    t->sched = outer;
}

int coro_sched_destroy(coro_sched_t *s)
{
    const struct coro__thread *t = coro__thread_self();
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__sched_refusal(s);
    if (err != 0)
        return err;
    if (t->sched == s)
        return -EBUSY;
    coro__registry_leave(s);
    open_inbox(s);
    coro__report_unfinished(s);
    if (s->observed != NULL)
        s->observed->end(s);
    unwind_all(s);
    coro__embed_end(s);
    for (struct coro_task *task = s->free_tasks, *next; task != NULL; task = next) {
        next = task->next_cancelled;
        free(task);
    }
    coro__async_end(s);
    coro__timers_end(&s->timers);
    coro__queue_end(&s->queue);
    delist(s);
    free(s);
    return 0;
}

/* ---- other threads ---- */

void coro__sched_post(struct coro_sched *s, struct coro__post *post)
{
    struct coro__post *last = atomic_load_explicit(&s->inbox, memory_order_relaxed);

    do
        post->next = last;
    while (!atomic_compare_exchange_weak(&s->inbox, &last, post));
    coro__embed_signal(s);
}

/* ---- driven ---- */

size_t coro__sched_random(size_t n)
{
    static atomic_uint_fast64_t outside; /* not from tasks: nothing has to repeat itself */
    struct coro_sched *s = coro__thread_self()->sched;
    uint64_t state = s == NULL ? atomic_fetch_add(&outside, UINT64_C(0x9e3779b97f4a7c15)) : 0;

    return (size_t)(coro__random(s != NULL ? &s->random : &state) % n);
}

/* What one is to be handed that has expired. */
static uintptr_t settle(struct coro__context *context)
{
    while (!coro__is_root(context))
        context = context->resumer;
    return coro__waiter_settle(&((struct coro_task *)coro__of_context(context)->task)->waiter);
}

struct coro__ready coro__sched_resolve(struct coro_sched *s, struct coro__ready next)
{
    if (!coro__async_is(next))
        return (struct coro__ready){next.context, settle(next.context)};
    if (!coro__async_of(next)->stackless)
        return coro__task_begin(coro__async_of(next));
    s->async_next = coro__async_of(next);
    return (struct coro__ready){s->driver, 0};
}

int coro__sched_go_slowly(struct coro_sched *s, struct coro__context *self, struct coro__ready next)
{
    next = coro__sched_resolve(s, next);
    return coro__switch(self, next.context, next.value, s->leaving.words);
}

int coro__sched_leave_slowly(struct coro_sched *s, struct coro__context *self)
{
    struct coro__ready next = coro__sched_next(s);

    return coro__sched_go(s, self, next);
}

/* Switch to a task. Back when one leaves to the driver, be it to have a stackless one run. */
static __attribute__((noinline)) void go_away(struct coro_sched *s, struct coro__ready next)
{
    struct coro_task *task;

    if (unlikely(next.value == CORO__UNSETTLED))
        next = coro__sched_resolve(s, next);
    if (unlikely(next.context == s->driver))
        return;
    s->async = NULL;
    coro__switch(s->driver, next.context, next.value, s->leaving.words);
    end_dead(s);
    task = s->async_next;
    s->async_next = NULL;
    if (task != NULL)
        coro__async_run(s, task);
}

static inline void run_turn(struct coro_sched *s, struct coro__ready next)
{
    if (coro__async_is(next) && coro__async_of(next)->stackless)
        coro__async_run(s, coro__async_of(next));
    else
        go_away(s, next);
}

/* So many may go on before it is over. */
static inline void set_budget(struct coro_sched *s, size_t budget)
{
    s->turns += budget - s->budget;
    s->budget = budget;
}

/* The same with somebody looking on: nothing is left of the budget, so that each comes back here. */
static __attribute__((noinline)) size_t run_observed(struct coro_sched *s, size_t most,
                                                     const struct coro__observer *observer)
{
    size_t count = 0;

    set_budget(s, 0);
    observer->round_begins(s);
    for (; count < most && coro__queue_count(&s->queue) != 0; count++) {
        struct coro__ready next = coro__queue_take(&s->queue);

        s->turns++;
        observer->turn_begins(s, next);
        run_turn(s, next);
        observer->turn_ends(s);
    }
    s->async = NULL;
    return count;
}

static const struct coro__observer *_Atomic present;

/* Let tasks go on, up to `most` times. How many did? */
static size_t run_round(struct coro_sched *s, size_t most)
{
    const struct coro__observer *observer = atomic_load_explicit(&present, memory_order_acquire);
    uint64_t before = s->turns - s->budget;

    if (unlikely(observer != NULL))
        return run_observed(s, most, observer);
    set_budget(s, most);
    while (s->budget != 0 && coro__queue_count(&s->queue) != 0) {
        struct coro__ready next = coro__queue_take(&s->queue);

        s->budget--;
        run_turn(s, next);
    }
    s->async = NULL;
    return (size_t)(s->turns - s->budget - before);
}

void coro__sched_observe(const struct coro__observer *observer)
{
    struct coro_sched *s = coro__thread_self()->sched;

    atomic_store(&present, observer);
    if (observer != NULL && s != NULL)
        set_budget(s, 0);
}

struct coro_task *coro__sched_task_of(struct coro__ready ready)
{
    struct coro__context *context = ready.context;

    if (coro__async_is(ready))
        return coro__async_of(ready);
    while (coro__of_context(context)->task == NULL) /* its state may be that of one that ends */
        context = context->resumer;
    return coro__of_context(context)->task;
}

/* Do what the time has come for. True if something is ready then. */
static bool look_around(struct coro_sched *s)
{
    open_inbox(s);
    if (!s->virtual_time && s->timers.count != 0)
        s->now = coro__real_now();
    if (coro__timers_next(&s->timers) <= s->now)
        coro__embed_look(s); /* what came in time is no timeout */
    s->fired += coro__timers_fire(&s->timers, s->now);
    return coro__queue_count(&s->queue) != 0;
}

/* With virtual time: let it be `deadline`. */
static void jump(struct coro_sched *s, int64_t deadline)
{
    if (s->now < deadline)
        s->now = deadline;
}

/* The calling thread runs `s` from here on. */
static int enter(struct coro_sched *s)
{
    struct coro__thread *t;
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    if (t->token != s->token)
        return -EPERM;
    if (t->sched != NULL)
        return -EBUSY;
    t->sched = s;
    t->virtual_now = s->virtual_time ? &s->now : NULL;
    s->driver = t->current;
    coro__fp_store(&s->fp_words);
    if (!s->virtual_time)
        s->now = coro__real_now();
    return 0;
}

static void leave(struct coro_sched *s)
{
    struct coro__thread *t = coro__thread_self();

    s->driver = NULL;
    t->sched = NULL;
    t->virtual_now = NULL;
}

static bool is_over(struct coro_sched *s)
{
    return s->spawned == s->ended && atomic_load_explicit(&s->inbox, memory_order_relaxed) == NULL;
}

/* Can something come that is not time? */
static bool waits_for_others(struct coro_sched *s)
{
    const struct coro__driver *io = atomic_load_explicit(&s->io, memory_order_relaxed);

    return (io != NULL && io->waiting != 0) || s->expected != 0 || atomic_load(&s->inbox) != NULL;
}

/* Until when to wait for the timers. Where they come in crowds, one by one they would cost more waking up than what they do then: a little
   later there will be several. With virtual time all of that is free. */
static int64_t next_crowd(const struct coro_sched *s)
{
    int64_t next = coro__timers_next(&s->timers);

    if (s->fired >= CROWD && next < s->now + CROWD_WAIT && !s->virtual_time)
        return s->now + CROWD_WAIT;
    return next;
}

/* Nothing is ready: wait for that, at most until `deadline`. With virtual time that comes at once, unless something else does. */
static void idle(struct coro_sched *s, unsigned signals, int64_t deadline)
{
    size_t before = coro__queue_count(&s->queue);

    s->fired = 0;
    if (!s->virtual_time || deadline == CORO_FOREVER) {
        coro__embed_wait(s, signals, deadline);
        return;
    }
    coro__embed_look(s);
    if (coro__queue_count(&s->queue) == before)
        jump(s, deadline);
}

static int run_all(struct coro_sched *s)
{
    while (!is_over(s)) {
        unsigned signals = atomic_load(&s->signals);
        int64_t next;

        if (look_around(s)) {
            run_round(s, ROUND_MOST);
            if (coro__queue_count(&s->queue) != 0)
                coro__embed_look(s);
            continue;
        }
        if (is_over(s))
            break; /* what came in was no task */
        next = next_crowd(s);
        if (next == CORO_FOREVER && !waits_for_others(s)) {
            coro__report_deadlock(s);
            return -EDEADLK;
        }
        idle(s, signals, next);
    }
    return 0;
}

int coro_sched_run(coro_sched_t *s)
{
    int err = enter(s);

    if (err != 0)
        return err;
    err = run_all(s);
    leave(s);
    coro__sched_announce(s);
    return err;
}

/* Wait for something to be ready. */
static bool await_ready(struct coro_sched *s, int64_t deadline)
{
    coro__embed_look(s);
    for (;;) {
        unsigned signals = atomic_load(&s->signals);
        int64_t next;

        if (look_around(s))
            return true;
        next = next_crowd(s);
        if (next > deadline)
            next = deadline;
        if (next <= s->now || is_over(s))
            return false;
        if (s->virtual_time && next == CORO_FOREVER && !waits_for_others(s))
            return false;
        idle(s, signals, next);
        if (!s->virtual_time)
            s->now = coro__real_now();
    }
}

int coro_sched_step(coro_sched_t *s, int64_t deadline)
{
    size_t count = 0;
    int err = enter(s);

    if (err != 0)
        return err;
    if (await_ready(s, deadline))
        count = run_round(s, coro__queue_count(&s->queue));
    coro__embed_submit(s);
    leave(s);
    coro__sched_announce(s);
    return (int)count;
}

/* ---- all at once ---- */

#undef coro_run
int coro_run_at(const char *site, coro_fn *main, void *arg, void **result, const coro_sched_opts *opts)
{
    coro_opts named = {.name = "main"};
    struct coro_sched *s;
    struct coro_task *task;
    struct coro__waiter waiter;
    void *value = NULL;
    int err;

    if (main == NULL)
        return -EINVAL;
    if (coro__in_forked_child())
        coro__thread_begin_anew();
    if (coro__thread_self()->sched != NULL)
        return -EBUSY;
    err = coro_sched_create(&s, opts);
    if (err != 0)
        return err;
    err = coro__task_spawn(site, s, &task, (void *)main, arg, &named);
    if (err == 0) {
        coro__join_from_outside(task, &waiter, &value);
        err = coro_sched_run(s);
    }
    coro_sched_destroy(s);
    if (err == 0 && result != NULL)
        *result = value;
    return err;
}

int coro_run(coro_fn *main, void *arg, void **result, const coro_sched_opts *opts)
{
    return coro_run_at(NULL, main, arg, result, opts);
}
