/*
 * Cancellation: who is reached by it, and what that does.
 *
 * Whether calls of a task are refused is worked out when something changes, not when something is called: a cancellation spreads
 * down the tree of tasks and groups at once. Without recursion, for the tree may be deep and the stack is a coroutine's.
 */
#include "async.h"
#include "group.h"
#include "sched.h"

#include <errno.h>

/* Are calls of the task refused? The innermost group alone does not say: if opened under coro_shield() it is not reached from around,
   while its host is, once that is over. */
static bool is_refused(const struct coro_task *task)
{
    bool cancelled = task->cancelled;

    if (unlikely(task->light))
        return cancelled && !task->shielded;
    for (const struct coro__group *group = task->scope; group != NULL && !cancelled; group = group->outer)
        cancelled = group->cancelled != 0;
    return cancelled && !task->shielded;
}

void coro__cancel_update(struct coro_task *task)
{
    struct coro__waiter *waiter = &task->waiter;

    coro__task_refuse(task, is_refused(task));
    if (unlikely(task->light))
        coro__async_rouse(task);
    else if (task->refused && waiter->state != CORO__WOKEN && !waiter->kind->held)
        coro__waiter_expire(waiter, -ECANCELED);
}

/* Put the children of a group that is cancelled on the list of those that it has yet to reach. */
static struct coro_task *add_children(const struct coro__group *group, struct coro_task *rest)
{
    for (struct coro__list *link = group->children.next; link != &group->children; link = link->next) {
        struct coro_task *child = CORO__OWNER(link, struct coro_task, in_group);

        if (child->cancelled)
            continue;
        child->cancelled = true;
        child->next_cancelled = rest;
        rest = child;
    }
    return rest;
}

/* The groups that `task` has open, down to `outermost` and without that, are cancelled from outside. */
static struct coro_task *add_scopes(struct coro_task *task, const struct coro__group *outermost, struct coro_task *rest)
{
    for (struct coro__group *group = task->scope; group != outermost; group = group->outer) {
        if (group->shielded)
            continue;
        group->cancelled |= CORO__BY_OUTER;
        rest = add_children(group, rest);
    }
    return rest;
}

static void spread(struct coro_task *rest)
{
    while (rest != NULL) {
        struct coro_task *task = rest;

        rest = add_scopes(task, NULL, task->next_cancelled);
        coro__cancel_update(task);
    }
}

void coro__cancel_group(struct coro__group *group, unsigned why)
{
    struct coro_task *host = group->host;

    group->cancelled |= why;
    spread(add_scopes(host, group, add_children(group, NULL)));
    coro__cancel_update(host);
}

int coro_cancel(coro_task_t *t)
{
    int err;

    if (t == NULL)
        return -EINVAL;
    err = coro__sched_refusal(t->sched);
    if (err != 0)
        return err;
    if (t->ended)
        return -ESRCH;
    if (t->cancelled)
        return 0;
    t->cancelled = true;
    if (t->light) {
        coro__cancel_update(t); /* there is nothing inside it */
        return 0;
    }
    t->next_cancelled = NULL;
    spread(t);
    return 0;
}

bool coro_cancelled(void)
{
    const struct coro_task *task = coro__task_running();

    return task != NULL && task->refused;
}

int coro_shield(bool on)
{
    struct coro_task *task = coro__task_running();
    bool was;
    int err;

    if (task == NULL)
        return coro__wait_refusal();
    err = coro__sched_refusal(task->sched);
    if (err != 0)
        return err;
    was = task->shielded;
    task->shielded = on;
    coro__cancel_update(task);
    return was;
}
