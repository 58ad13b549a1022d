/*
 * Pools: tasks that take work off a bounded queue, oldest first.
 *
 * Work goes straight to a task that waits for some; else it is queued; and if the queue is full, whoever submits it waits, with the work
 * in hand, until one of the tasks takes the oldest from the queue.
 */
#include "base/panic.h"
#include "sched.h"

#include <coro/pool.h>
#include <errno.h>
#include <stdlib.h>

struct coro_future {
    const struct coro_sched *sched;
    coro_fn *fn;
    void *arg; /* the result, once it is done */
    bool done;
    bool unwanted; /* nobody will ask: freed when it is done */
    struct coro__waiter *waiter;
};

/*   I1  idle is not empty        =>  nothing is queued, nobody waits to submit
 *   I2  somebody waits to submit  =>  the queue is full                         */
struct coro_pool {
    struct coro_sched *sched;
    struct coro__list idle;       /* tasks of the pool that wait for work */
    struct coro__list submitters; /* who waits for room: slot is the future */
    struct coro__waiter *closer;  /* who waits for the end; NULL until then */
    bool closed;
    size_t tasks; /* that have not ended */
    size_t head, count, capacity;
    coro_future_t *queue[];
};

static const struct coro__wait for_work = {.what = "for work in a pool", .due = coro__waiter_too_late, .held = true};
static const struct coro__wait for_room = {.what = "for room in the queue of a pool", .due = coro__waiter_too_late};

/* ---- its tasks ---- */

/* The oldest work, NULL if there is none. Somebody who waits for room gets it. */
static coro_future_t *next_work(coro_pool_t *p)
{
    struct coro__waiter *submitter = coro__waiter_pop(&p->submitters);
    coro_future_t *work = submitter != NULL ? submitter->slot : NULL;

    if (submitter != NULL)
        coro__waiter_complete(submitter, 0);
    if (p->count != 0) {
        coro_future_t *oldest = p->queue[p->head];

        p->head = (p->head + 1) % p->capacity;
        p->count--;
        if (work != NULL)
            p->queue[(p->head + p->count++) % p->capacity] = work;
        work = oldest;
    }
    return work;
}

static void deliver(coro_future_t *f, void **out)
{
    if (out != NULL)
        *out = f->arg;
    free(f);
}

/* What was done to the task before, by other work or while it had none, does not concern this. */
static void forget(struct coro_task *self)
{
    self->cancelled = self->shielded = false;
    coro__cancel_update(self);
}

static void do_work(coro_future_t *f, struct coro_task *self)
{
    struct coro__waiter *waiter;

    forget(self);
    f->arg = f->fn(f->arg);
    if (unlikely(self->scope != NULL))
        coro__panic(self->co->name, "work has returned with a group open; coro_group_join() must come first");
    f->done = true;
    waiter = f->waiter;
    if (waiter != NULL || f->unwanted)
        deliver(f, waiter != NULL ? waiter->out : NULL);
    if (waiter != NULL)
        coro__waiter_complete(waiter, 0);
}

static coro_future_t *await_work(coro_pool_t *p, struct coro_task *self)
{
    coro_future_t *work = next_work(p);

    if (work != NULL || p->closed)
        return work;
    self->waiter.slot = NULL;
    coro__list_insert(&p->idle, &self->waiter.link);
    coro__park(self, &for_work, CORO_FOREVER, NULL);
    return self->waiter.slot;
}

static void *work_off(void *pool)
{
    struct coro_task *self = coro__task_running();
    coro_pool_t *p = pool;
    coro_future_t *work;

    while ((work = await_work(p, self)) != NULL)
        do_work(work, self);
    if (--p->tasks == 0 && p->closer != NULL)
        coro__waiter_complete(p->closer, 0);
    return NULL;
}

/* ---- made and closed ---- */

int coro_pool_create(coro_pool_t **out, size_t coroutines, size_t queue)
{
    const struct coro_task *self = coro__task_at_work();
    const coro_opts opts = {.name = "pool"};
    coro_pool_t *p;
    int err = 0;

    if (out == NULL || coroutines == 0)
        return -EINVAL;
    if (self == NULL)
        return coro__wait_refusal();
    if (queue > (SIZE_MAX - sizeof *p) / sizeof(coro_future_t *))
        return -ENOMEM;
    p = calloc(1, sizeof *p + queue * sizeof(coro_future_t *));
    if (p == NULL)
        return -ENOMEM;
    p->sched = self->sched;
    p->capacity = queue;
    coro__list_init(&p->idle);
    coro__list_init(&p->submitters);
    while (err == 0 && p->tasks < coroutines) {
        err = coro_spawn_at(CORO_HERE, NULL, work_off, p, &opts);
        p->tasks += err == 0;
    }
    if (err == 0)
        *out = p;
    else if (p->tasks == 0)
        free(p);
    else
        coro_pool_close(p);
    return err;
}

static void tell_all_closed(coro_pool_t *p)
{
    struct coro__waiter *waiter;

    while ((waiter = coro__waiter_pop(&p->submitters)) != NULL)
        coro__waiter_complete(waiter, (uintptr_t)-EPIPE);
    while ((waiter = coro__waiter_pop(&p->idle)) != NULL)
        coro__waiter_complete(waiter, 0);
}

static void stop_closing(struct coro__waiter *waiter)
{
    ((coro_pool_t *)waiter->slot)->closer = NULL;
}

static const struct coro__wait for_the_end = {
    .what = "for a pool to finish its work", .due = coro__waiter_too_late, .leave = stop_closing, .held = true};

#undef coro_pool_close
int coro_pool_close_at(const char *site, coro_pool_t *p)
{
    struct coro_task *self = coro__task_at_work();

    if (p == NULL)
        return -EINVAL;
    if (self == NULL)
        return coro__wait_refusal();
    if (p->sched != self->sched)
        return -EPERM;
    if (self->fn == (void *)work_off && self->arg == p)
        return -EDEADLK;
    if (p->closed)
        return -EPIPE;
    p->closed = true;
    tell_all_closed(p);
    if (p->tasks != 0) {
        p->closer = &self->waiter;
        self->waiter.slot = p;
        coro__park(self, &for_the_end, CORO_FOREVER, site);
    }
    free(p);
    return 0;
}

int coro_pool_close(coro_pool_t *p)
{
    return coro_pool_close_at(NULL, p);
}

/* ---- work ---- */

static int enqueue(coro_pool_t *p, coro_future_t *f, struct coro_task *self, int64_t deadline, const char *site)
{
    struct coro__waiter *idle = coro__waiter_pop(&p->idle);
    int err;

    if (idle != NULL) {
        idle->slot = f;
        coro__waiter_complete(idle, 0);
        return 0;
    }
    if (p->count < p->capacity) {
        p->queue[(p->head + p->count++) % p->capacity] = f;
        return 0;
    }
    if (deadline == 0)
        return -EAGAIN;
    err = coro__wait_overdue(self, deadline);
    if (err != 0)
        return err;
    self->waiter.slot = f;
    coro__list_insert(&p->submitters, &self->waiter.link);
    return coro__park(self, &for_room, deadline, site);
}

#undef coro_pool_submit
int coro_pool_submit_at(const char *site, coro_pool_t *p, coro_future_t **out, coro_fn *fn, void *arg, int64_t deadline)
{
    struct coro_task *self;
    coro_future_t *f;
    int err;

    if (p == NULL || fn == NULL)
        return -EINVAL;
    err = coro__wait_caller(deadline, p->sched, &self);
    if (err != 0)
        return err;
    if (p->closed)
        return -EPIPE;
    f = malloc(sizeof *f);
    if (f == NULL)
        return -ENOMEM;
    *f = (coro_future_t){.sched = p->sched, .fn = fn, .arg = arg, .unwanted = out == NULL};
    err = enqueue(p, f, self, deadline, site);
    if (err != 0)
        free(f);
    else if (out != NULL)
        *out = f;
    return err;
}

int coro_pool_submit(coro_pool_t *p, coro_future_t **out, coro_fn *fn, void *arg, int64_t deadline)
{
    return coro_pool_submit_at(NULL, p, out, fn, arg, deadline);
}

static void stop_waiting(struct coro__waiter *waiter)
{
    ((coro_future_t *)waiter->slot)->waiter = NULL;
}

static const struct coro__wait for_result = {
    .what = "for the result of work in a pool", .due = coro__waiter_too_late, .leave = stop_waiting};

#undef coro_future_wait
int coro_future_wait_at(const char *site, coro_future_t *f, void **result, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (f == NULL)
        return -EINVAL;
    err = coro__await_caller(deadline, f->sched, &self);
    if (err != 0)
        return err;
    if (f->waiter != NULL)
        return -EBUSY;
    if (f->done) {
        deliver(f, result);
        return 0;
    }
    if (deadline == 0)
        return -EAGAIN;
    err = coro__wait_overdue(self, deadline);
    if (err != 0)
        return err;
    f->waiter = &self->waiter;
    self->waiter.slot = f;
    self->waiter.out = result;
    return coro__park(self, &for_result, deadline, site);
}

int coro_future_wait(coro_future_t *f, void **result, int64_t deadline)
{
    return coro_future_wait_at(NULL, f, result, deadline);
}
