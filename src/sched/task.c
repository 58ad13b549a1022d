/*
 * Tasks: how they begin, how they end, and who waits for that.
 *
 * A task outlives its coroutine: its stack goes back warm the moment it ends, and what it returned waits here to be joined.
 */
#include "async.h"
#include "base/panic.h"
#include "sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static struct coro_task *take(struct coro_sched *s)
{
    struct coro_task *task = s->free_tasks;

    if (task == NULL)
        return malloc(sizeof *task);
    s->free_tasks = task->next_cancelled;
    __builtin_prefetch(s->free_tasks, 1);
    return task;
}

/* Kept to be used again, unless a tool is to see what is used after it. */
static void give(struct coro_task *task)
{
    struct coro_sched *s = task->sched;

    if (CORO__SANITIZED || coro__under_valgrind) {
        free(task);
        return;
    }
    task->next_cancelled = s->free_tasks;
    s->free_tasks = task;
}

/* ---- who runs ---- */

struct coro_task *coro__task_running(void)
{
    const struct coro__thread *t = coro__thread_self();

    if (t->sched == NULL)
        return NULL;
    for (struct coro__context *c = t->current; c != &t->root; c = c->resumer)
        if (coro__of_context(c)->task != NULL)
            return coro__of_context(c)->task;
    return ((struct coro_sched *)t->sched)->async;
}

coro_task_t *coro_task_self(void)
{
    return coro__task_running();
}

/* ---- the end ---- */

void *coro__task_reap(struct coro_task *task)
{
    void *result;

    if (unlikely(task->stackless))
        return coro__async_reap(task);
    result = task->arg;
    coro__list_remove(&task->in_sched);
    coro__task_release(task->sched);
    give(task);
    return result;
}

/* What its coroutine was called, and where it was made, is wanted if nobody ever joins it. */
static void keep_name(struct coro_task *task, const struct coro *co)
{
    task->site = co->site;
    task->number = co->number;
    task->turn = coro__turn(co);
    memcpy(task->name, co->name, sizeof task->name);
}

static void end(struct coro_task *task, void *result)
{
    task->ended = true;
    coro__task_refuse(task, false);
    task->co = NULL;
    task->arg = result;
    task->sched->ended++;
    if (task->group != NULL)
        coro__group_child_ended(task->group, task, (int)(intptr_t)result);
}

/* Its body is over; the task is gone, or waits to be joined. */
static void has_ended(struct coro_task *task, void *result)
{
    const struct coro *co = task->co;

    end(task, result);
    if (task->detached)
        coro__task_reap(task);
    else if (task->joiner != NULL)
        coro__join_ended(task);
    else
        keep_name(task, co);
}

/* The task that `next` is about, if it is to take up a coroutine now; else NULL. */
static inline struct coro_task *newcomer(struct coro__ready next)
{
    struct coro_task *task = coro__async_is(next) ? coro__async_of(next) : NULL;

    return task != NULL && !task->stackless ? task : NULL;
}

/* A body has returned. Who goes on: its coroutine, if that is NULL, with the task that is handed along, which has none yet; nobody has to
   switch then. */
static __attribute__((noinline)) struct coro__ready body_is_over(struct coro_task *task, void *result)
{
    struct coro_sched *s = task->sched;
    struct coro *co = task->co;
    struct coro__ready next;

    if (unlikely(task->scope != NULL))
        coro__panic(co->name, "a task has returned with a group open; coro_group_join() must come first");
    if (unlikely(co->context.at_end != NULL))
        coro__run_at_end(&co->context);
    has_ended(task, result);
    if (unlikely(!coro__root_can_retire(co))) {
        co->context.state = CORO_STATE_DEAD;
        co->task = NULL;
        s->dead = co;
        coro__switch_for_good(&co->context, s->driver, 0, s->leaving.words);
    }
    next = coro__sched_next(s);
    task = newcomer(next);
    if (task != NULL) {
        s->unbegun--;
        task->co = co;
        coro__root_begin_anew(co, task, task->site, task->shares, task->shares ? &s->fp_words : &task->words);
        return (struct coro__ready){NULL, (uintptr_t)task};
    }
    coro__root_retire(co);
    return likely(next.value != CORO__UNSETTLED) ? next : coro__sched_resolve(s, next);
}

/* What every task's coroutine runs. It keeps next to nothing on its stack, for that is below the frames of every task that waits. */
static struct coro__leave run(void *input)
{
    struct coro_task *task = input;
    const struct coro__thread *t;
    struct coro__ready next;
    struct coro_sched *s;

    for (;;) {
        void *result = task->group != NULL ? (void *)(intptr_t)((coro_job *)task->fn)(task->arg)
                                           : ((coro_fn *)task->fn)(task->arg);

        next = body_is_over(task, result);
        if (next.context != NULL)
            break;
        task = (struct coro_task *)next.value;
    }
    t = coro__thread_self();
    s = t->sched;
    s->leaving.value = next.value;
    return coro__leave(t->current, (struct coro__leave){next.context, &s->leaving});
}

/* Its result is for the assembly alone. */
#define RUN ((coro_fn *)(void (*)(void))run)

void coro__task_unwind(struct coro_task *task)
{
    task->joiner = NULL;
    task->sched->unwinding = task;
    if (task->stackless) {
        coro__async_unwind(task);
    } else {
        struct coro *co = task->co;

        if (co != NULL) {
            coro__root_release(co, task->context);
            coro_destroy(co);
        }
        end(task, (void *)(intptr_t)-ECANCELED);
    }
    if (task->detached)
        coro__task_reap(task);
}

/* ---- the beginning ---- */

/* A task goes on: it is a waiter's `wake`. Who wakes it may stand outside its scheduler; a foreign loop is then told that there is
   something to do. */
static void wake(struct coro__waiter *waiter, uintptr_t value)
{
    struct coro_task *task = CORO__OWNER(waiter, struct coro_task, waiter);
    struct coro_sched *s = task->sched;

    coro__queue_woken(&s->queue, task->context, value);
    if (unlikely(s->driver == NULL))
        coro__sched_announce(s);
}

static __attribute__((noinline)) int create_otherwise(const char *site, const struct coro_sched *s, struct coro **out,
                                                      const coro_opts *opts)
{
    coro_opts changed;

    if (s->stack_size != 0 && (opts == NULL || (opts->stack_size == 0 && opts->stack == NULL))) {
        changed = opts != NULL ? *opts : (coro_opts){0};
        changed.stack_size = s->stack_size;
        opts = &changed;
    }
    return coro_create_at(site, out, RUN, opts);
}

static inline __attribute__((always_inline)) int create_coroutine(const char *site, const struct coro_sched *s,
                                                                  struct coro **out, const coro_opts *opts)
{
    if (opts == NULL && likely(s->stack_size == 0)) {
        *out = coro__create_idle(site, RUN);
        if (likely(*out != NULL))
            return 0;
    }
    return create_otherwise(site, s, out, opts);
}

struct coro__ready coro__task_begin(struct coro_task *task)
{
    static const coro_opts sharing = {.flags = CORO_NO_FPENV};
    struct coro_sched *s = task->sched;
    void *words = task->words;
    int err = coro_create_at(task->site, &task->co, RUN, task->shares ? &sharing : NULL);

    if (unlikely(err != 0)) { /* others have taken the idle ones: when it is its turn again, maybe */
        struct coro__ready entry = coro__async_entry(task);

        coro__queue_paused(&s->queue, entry.context, entry.value);
        return (struct coro__ready){s->driver, 0};
    }
    s->unbegun--;
    if (!task->shares)
        task->co->context.sp = words;
    coro__root_make(task->co, task, s->outermost);
    return (struct coro__ready){&task->co->context, (uintptr_t)task};
}

/* Does it ask for CORO_NO_FPENV at most? */
static inline bool asks_for_little(const coro_opts *opts)
{
    return opts == NULL || (opts->flags <= CORO_NO_FPENV && opts->stack_size == 0 && opts->allocator == NULL &&
                            opts->stack == NULL && opts->name == NULL && opts->user == NULL);
}

/* Can it do without a coroutine until it is its turn? There has to be an idle one for it then. With few before it that is soon, and
   not worth while. */
static inline bool begins_later(const struct coro_sched *s, const coro_opts *opts)
{
    enum { FEW = 4 };

    return coro__queue_count(&s->queue) >= FEW && s->stack_size == 0 &&
           coro__idle_more_than(coro__thread_self(), s->unbegun) && asks_for_little(opts);
}

/* Fill `task` in, with a coroutine of the calling thread unless that comes later. */
static inline __attribute__((always_inline)) int make(const char *site, struct coro_sched *s, struct coro_task *task,
                                                      void *fn, void *arg, const coro_opts *opts, bool later)
{
    struct coro *co = NULL;

    if (fn == NULL || (opts != NULL && (opts->flags & CORO_FORWARD_EXCEPTIONS) != 0))
        return -EINVAL;
    if (later) {
        coro__fp_store(&task->words);
        task->site = site;
    } else {
        int err = create_coroutine(site, s, &co, opts);

        if (err != 0)
            return err;
    }
    /* field by field: most need no value yet, and clearing all of it costs as much as the rest of a spawn */
    task->co = co;
    task->sched = s;
    task->fn = fn;
    task->arg = arg;
    task->flags = 0;
    if (later && opts != NULL)
        task->shares = opts->flags == CORO_NO_FPENV;
    task->joiner = NULL;
    task->waiter.state = CORO__WOKEN;
    task->waiter.timer.handle = 0;
    task->waiter.timers = &s->timers;
    task->waiter.wake = wake;
    task->group = task->scope = NULL;
    task->number = 0;
    return 0;
}

/* What it needs is reserved, its coroutine, if it has one, this thread's. */
static inline void get_ready(struct coro_task *task)
{
    struct coro_sched *s = task->sched;

    coro__list_insert(&s->tasks, &task->in_sched);
    s->spawned++;
    if (task->co == NULL) {
        struct coro__ready entry = coro__async_entry(task);

        s->unbegun++;
        coro__queue_woken(&s->queue, entry.context, entry.value);
    } else {
        coro__root_make(task->co, task, s->outermost);
        coro__queue_woken(&s->queue, &task->co->context, (uintptr_t)task);
    }
}

static inline __attribute__((always_inline)) int spawn_undecided(const char *site, struct coro_sched *s,
                                                                 struct coro_task **out, void *fn, void *arg,
                                                                 const coro_opts *opts)
{
    struct coro_task *task;
    int err = coro__task_reserve(s);

    if (unlikely(err != 0))
        return err;
    task = take(s);
    err = task != NULL ? make(site, s, task, fn, arg, opts, begins_later(s, opts)) : -ENOMEM;
    if (unlikely(err != 0))
        goto release;
    get_ready(task);
    *out = task;
    return 0;

release:
    if (task != NULL) {
        task->sched = s;
        give(task);
    }
    coro__task_release(s);
    return err;
}

int coro__task_spawn(const char *site, struct coro_sched *s, struct coro_task **out, void *fn, void *arg,
                     const coro_opts *opts)
{
    return spawn_undecided(site, s, out, fn, arg, opts);
}

static inline int spawn(const char *site, struct coro_sched *s, struct coro_task **out, void *fn, void *arg,
                        const coro_opts *opts)
{
    struct coro_task *task;
    int err = spawn_undecided(site, s, &task, fn, arg, opts);

    if (unlikely(err != 0))
        return err;
    if (out != NULL)
        *out = task;
    else
        task->detached = true;
    return 0;
}

#undef coro_spawn
int coro_spawn_at(const char *site, coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts)
{
    const struct coro__thread *t = coro__thread_self();
    struct coro_sched *s = t->sched;

    if (unlikely(s == NULL) || unlikely(s->closing) || unlikely(t->token == 0) ||
        (unlikely(t->current == s->driver) && s->async == NULL))
        return coro__wait_refusal();
    return spawn(site, s, out, fn, arg, opts);
}

int coro_spawn(coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts)
{
    return coro_spawn_at(NULL, out, fn, arg, opts);
}

/* ---- from another thread ---- */

struct letter {
    struct coro__post post;
    struct coro_task *task;
};

/* It will not begin: its scheduler goes. */
static void turn_away(struct coro_task *task)
{
    struct coro *co = task->co;

    coro__root_make(co, task, task->sched->outermost);
    coro__root_release(co, &co->context);
    coro_destroy(co);
    free(task);
}

/* Without memory for its place in the queues it tries again, and again. */
static void arrive(struct coro__post *post)
{
    struct letter *letter = CORO__OWNER(post, struct letter, post);
    struct coro_task *task = letter->task;
    int err = coro__task_reserve(task->sched);

    if (err != 0 && !task->sched->closing) {
        coro__sched_post(task->sched, post);
        return;
    }
    free(letter);
    coro__root_receive(task->co);
    if (err == 0)
        get_ready(task);
    else
        turn_away(task);
}

static int send(const char *site, struct coro_sched *s, struct coro_task **out, void *fn, void *arg,
                const coro_opts *opts)
{
    struct letter *letter = malloc(sizeof *letter);
    struct coro_task *task = malloc(sizeof *task);
    int err = letter != NULL && task != NULL ? make(site, s, task, fn, arg, opts, false) : -ENOMEM;

    if (err != 0)
        goto free_both;
    coro__root_send(task->co);
    task->detached = out == NULL;
    if (out != NULL)
        *out = task;
    *letter = (struct letter){.post.arrive = arrive, .task = task};
    coro__sched_post(s, &letter->post);
    return 0;

free_both:
    free(task);
    free(letter);
    return err;
}

#undef coro_sched_spawn
int coro_sched_spawn_at(const char *site, coro_sched_t *s, coro_task_t **out, coro_fn *fn, void *arg,
                        const coro_opts *opts)
{
    struct coro__thread *t;
    int err;

    if (s == NULL)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    if (t->token != s->token)
        return send(site, s, out, fn, arg, opts);
    if (s->closing)
        return -ECANCELED;
    err = spawn(site, s, out, fn, arg, opts);
    coro__sched_announce(s);
    return err;
}

int coro_sched_spawn(coro_sched_t *s, coro_task_t **out, coro_fn *fn, void *arg, const coro_opts *opts)
{
    return coro_sched_spawn_at(NULL, s, out, fn, arg, opts);
}
