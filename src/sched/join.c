/*
 * Waiting for the ends of tasks, detaching them.
 *
 * For one task, its end does everything, result included. For several, they count down in a record on the stack of whoever waits.
 */
#include "sched.h"

#include <errno.h>

/* ---- one ---- */

static void leave_one(struct coro__waiter *waiter)
{
    ((struct coro_task *)waiter->slot)->joiner = NULL;
}

static struct coro_task *the_one(const struct coro__waiter *waiter, struct coro_task *last)
{
    return last == NULL ? waiter->slot : NULL;
}

static const struct coro__wait for_one = {
    .what = "for a task to end", .due = coro__waiter_too_late, .leave = leave_one, .blocker = the_one};

/* ---- several ---- */

struct join {
    struct coro_task *const *tasks;
    size_t count;
    size_t left; /* so many more have to end */
};

static void leave_all(const struct join *join, const struct coro__waiter *waiter)
{
    for (size_t i = 0; i < join->count; i++)
        if (join->tasks[i]->joiner == waiter)
            join->tasks[i]->joiner = NULL;
}

static void leave_several(struct coro__waiter *waiter)
{
    leave_all(waiter->slot, waiter);
}

static struct coro_task *each_of_several(const struct coro__waiter *waiter, struct coro_task *last)
{
    const struct join *join = waiter->slot;
    size_t i = 0;

    while (last != NULL && join->tasks[i++] != last)
        ;
    while (i < join->count && join->tasks[i]->ended)
        i++;
    return i < join->count ? join->tasks[i] : NULL;
}

static const struct coro__wait for_several = {
    .what = "for tasks to end", .due = coro__waiter_too_late, .leave = leave_several, .blocker = each_of_several};

/* ---- the end ---- */

void coro__join_ended(struct coro_task *task)
{
    struct coro__waiter *waiter = task->joiner;
    struct join *join;

    if (waiter->kind == &for_one) {
        void **out = waiter->out;
        void *result = coro__task_reap(task);

        if (out != NULL)
            *out = result;
        coro__waiter_complete(waiter, 0);
        return;
    }
    join = waiter->slot;
    if (join != NULL && join->left != 0 && --join->left == 0) /* NULL: coro_run() looks for itself */
        coro__waiter_complete(waiter, 0);
}

/* Not a task: it looks for itself, once the scheduler is back. */
static void look_later(struct coro__waiter *waiter, uintptr_t value)
{
    (void)waiter, (void)value;
}

void coro__join_from_outside(struct coro_task *task, struct coro__waiter *waiter, void **result)
{
    *waiter = (struct coro__waiter){
        .state = CORO__WAITING, .kind = &for_one, .slot = task, .out = result, .wake = look_later};
    task->joiner = waiter;
}

/* ---- the calls ---- */

/* Why `t` cannot be joined by `self`, a task of the same scheduler, or none. */
static inline int join_error(const struct coro_task *t, const struct coro_task *self)
{
    if (t == self)
        return -EDEADLK;
    if (t->detached)
        return -EINVAL;
    return t->joiner != NULL ? -EBUSY : 0;
}

/* It has ended. 0. */
static inline int take_result(struct coro_task *t, void **result)
{
    void *value = coro__task_reap(t);

    if (result != NULL)
        *result = value;
    return 0;
}

static inline int wait_for_one(const char *site, struct coro_task *self, struct coro_task *t, void **result,
                               int64_t deadline)
{
    t->joiner = &self->waiter;
    self->waiter.out = result;
    self->waiter.slot = t;
    return coro__park(self, &for_one, deadline, site);
}

static __attribute__((noinline)) int join_slowly(const char *site, struct coro_task *t, void **result, int64_t deadline)
{
    struct coro_task *self;
    int err;

    if (t == NULL)
        return -EINVAL;
    err = coro__await_caller(deadline, t->sched, &self);
    if (likely(err == 0))
        err = join_error(t, self);
    if (unlikely(err != 0))
        return err;
    if (t->ended)
        return take_result(t, result);
    if (deadline == 0)
        return -EAGAIN;
    err = coro__wait_overdue(self, deadline);
    return err != 0 ? err : wait_for_one(site, self, t, result, deadline);
}

#undef coro_join
int coro_join_at(const char *site, coro_task_t *t, void **result, int64_t deadline)
{
    const struct coro__thread *thread = coro__thread_self();
    const struct coro_sched *s = thread->sched;
    struct coro_task *self = coro__task_in_root_on(thread);

    if (unlikely(self == NULL) || unlikely(self->refused) || unlikely(t == NULL) || unlikely(t->sched != s) ||
        unlikely(deadline <= s->now) || unlikely(join_error(t, self) != 0))
        return join_slowly(site, t, result, deadline);
    return t->ended ? take_result(t, result) : wait_for_one(site, self, t, result, deadline);
}

int coro_join(coro_task_t *t, void **result, int64_t deadline)
{
    return coro_join_at(NULL, t, result, deadline);
}

/* Take hold of all of them for `waiter`; count in `join` how many have not ended. */
static int take_hold(struct join *join, const struct coro_task *self, const struct coro_sched *s,
                     struct coro__waiter *waiter)
{
    for (size_t i = 0; i < join->count; i++) {
        struct coro_task *t = join->tasks[i];
        int err = t == NULL ? -EINVAL : t->sched != s ? -EPERM : join_error(t, self);

        if (err != 0) {
            join->count = i;
            leave_all(join, waiter);
            return err;
        }
        t->joiner = waiter;
        join->left += !t->ended;
    }
    return 0;
}

/* Wait until all of them have ended, or `any`, or until the deadline; nobody is held then. */
static int join_several(const char *site, coro_task_t *const t[], size_t n, bool any, int64_t deadline)
{
    struct join join = {.tasks = t, .count = n};
    struct coro__waiter nobody = {.state = CORO__WOKEN}, *waiter = &nobody;
    const struct coro_sched *s;
    struct coro_task *self;
    int err;

    if (n == 0)
        return deadline == 0 || coro__may_wait() != NULL ? 0 : coro__wait_refusal();
    if (t == NULL || t[0] == NULL)
        return -EINVAL;
    s = t[0]->sched;
    err = coro__wait_caller(deadline, s, &self);
    if (err != 0)
        return err;
    if (self != NULL)
        waiter = &self->waiter;
    err = take_hold(&join, self, s, waiter);
    if (err != 0)
        return err;
    if (any)
        join.left = join.left == n;
    if (join.left != 0)
        err = deadline == 0 ? -EAGAIN : coro__wait_overdue(self, deadline);
    if (join.left != 0 && err == 0) {
        waiter->slot = &join;
        err = coro__park(self, &for_several, deadline, site);
    }
    leave_all(&join, waiter);
    return err;
}

#undef coro_join_all
int coro_join_all_at(const char *site, coro_task_t *const t[], size_t n, void *results[], int64_t deadline)
{
    int err = join_several(site, t, n, false, deadline);

    if (err != 0)
        return err;
    for (size_t i = 0; i < n; i++)
        take_result(t[i], results != NULL ? &results[i] : NULL);
    return 0;
}

int coro_join_all(coro_task_t *const t[], size_t n, void *results[], int64_t deadline)
{
    return coro_join_all_at(NULL, t, n, results, deadline);
}

#undef coro_join_any
int coro_join_any_at(const char *site, coro_task_t *const t[], size_t n, size_t *which, void **result, int64_t deadline)
{
    size_t i = 0;
    int err = n != 0 ? join_several(site, t, n, true, deadline) : -EINVAL;

    if (err != 0)
        return err;
    while (!t[i]->ended)
        i++;
    if (which != NULL)
        *which = i;
    take_result(t[i], result);
    return 0;
}

int coro_join_any(coro_task_t *const t[], size_t n, size_t *which, void **result, int64_t deadline)
{
    return coro_join_any_at(NULL, t, n, which, result, deadline);
}

int coro_detach(coro_task_t *t)
{
    int err;

    if (t == NULL || t->detached)
        return -EINVAL;
    err = coro__sched_refusal(t->sched);
    if (err != 0)
        return err;
    if (t->joiner != NULL)
        return -EBUSY;
    t->detached = true;
    if (t->ended)
        coro__task_reap(t);
    return 0;
}
