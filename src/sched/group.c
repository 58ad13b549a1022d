/*
 * Groups: scopes that no child outlives.
 */
#include "group.h"
#include "async.h"

#include <errno.h>

static struct coro__group *group_of(coro_group_t *g)
{
    return (struct coro__group *)(void *)g;
}

/* An open group of the calling thread. */
static int check(coro_group_t *g)
{
    const struct coro__group *group = group_of(g);

    if (g == NULL || group->host == NULL)
        return -EINVAL;
    return coro__sched_refusal(group->host->sched);
}

static void too_late(struct coro__timer *timer)
{
    coro__cancel_group(CORO__OWNER(timer, struct coro__group, timer), CORO__BY_DEADLINE);
}

int coro_group_open(coro_group_t *g, coro_group_policy policy, int64_t deadline)
{
    struct coro__group *group = group_of(g);
    struct coro_task *host = coro__task_at_work();
    int err;

    if (host == NULL)
        host = coro__async_host();
    if (g == NULL || (unsigned)policy > CORO_RACE)
        return -EINVAL;
    if (host == NULL)
        return coro__wait_refusal();
    err = coro__timers_reserve(&host->sched->timers);
    if (err != 0)
        return err;
    *group = (struct coro__group){.host = host,
                                  .outer = host->scope,
                                  .timer.fire = too_late,
                                  .policy = policy,
                                  .cancelled = host->refused ? CORO__BY_OUTER : 0,
                                  .shielded = host->shielded};
    coro__list_init(&group->children);
    host->scope = group;
    if (deadline <= host->sched->now)
        coro__cancel_group(group, CORO__BY_DEADLINE);
    else if (deadline != CORO_FOREVER)
        coro__timers_set(&host->sched->timers, &group->timer, deadline);
    return 0;
}

int coro__group_check(coro_group_t *g, struct coro_sched **out)
{
    const struct coro_task *self = coro__task_running();
    int err = check(g);

    *out = NULL; /* compilers do not see that a refusal is never 0 */
    if (err != 0)
        return err;
    if (self == NULL)
        return coro__wait_refusal();
    *out = self->sched;
    return self->sched == group_of(g)->host->sched ? 0 : -EPERM;
}

void coro__group_adopt(coro_group_t *g, struct coro_task *child)
{
    struct coro__group *group = group_of(g);

    child->group = group;
    child->detached = true;
    child->cancelled = group->cancelled != 0;
    coro__task_refuse(child, child->cancelled);
    coro__list_insert(&group->children, &child->in_group);
}

#undef coro_group_spawn
int coro_group_spawn_at(const char *site, coro_group_t *g, coro_job *fn, void *arg)
{
    struct coro_sched *s;
    struct coro_task *child;
    int err = coro__group_check(g, &s);

    if (err == 0)
        err = coro__task_spawn(site, s, &child, (void *)fn, arg, NULL);
    if (err == 0)
        coro__group_adopt(g, child);
    return err;
}

int coro_group_spawn(coro_group_t *g, coro_job *fn, void *arg)
{
    return coro_group_spawn_at(NULL, g, fn, arg);
}

int coro_group_cancel(coro_group_t *g)
{
    int err = check(g);

    if (err == 0)
        coro__cancel_group(group_of(g), CORO__BY_CALL);
    return err;
}

void coro__group_child_ended(struct coro__group *group, struct coro_task *child, int error)
{
    bool over = error != 0 ? group->policy == CORO_FAIL_FAST : group->policy == CORO_RACE;

    coro__list_remove(&child->in_group);
    if (error != 0 && group->error == 0) {
        group->error = error;
        group->early = group->cancelled == 0;
    }
    if (error == 0 && group->policy == CORO_RACE)
        group->won = true;
    if (over && group->cancelled == 0)
        coro__cancel_group(group, CORO__BY_OUTCOME);
    if (group->joiner != NULL && coro__list_empty(&group->children)) {
        struct coro__waiter *joiner = group->joiner;

        group->joiner = NULL;
        coro__waiter_complete(joiner, 0);
    }
}

/* ---- join ---- */

static void leave(struct coro__waiter *waiter)
{
    ((struct coro__group *)waiter->slot)->joiner = NULL;
}

static struct coro_task *each_child(const struct coro__waiter *waiter, struct coro_task *last)
{
    struct coro__group *group = waiter->slot;
    struct coro__list *next = last != NULL ? last->in_group.next : group->children.next;

    return next != &group->children ? CORO__OWNER(next, struct coro_task, in_group) : NULL;
}

static const struct coro__wait for_children = {.what = "for the tasks of a group to end",
                                               .due = coro__waiter_too_late,
                                               .leave = leave,
                                               .blocker = each_child,
                                               .held = true,
                                               .again = true};

static int outcome(const struct coro__group *group)
{
    if (group->won)
        return 0;
    if (group->early && group->policy != CORO_RACE)
        return group->error;
    if ((group->cancelled & CORO__BY_OUTER) != 0)
        return -ECANCELED;
    return (group->cancelled & CORO__BY_DEADLINE) != 0 ? -ETIMEDOUT : group->error;
}

static void close_group(struct coro__group *group)
{
    struct coro_task *host = group->host;
    struct coro__group **link = &host->scope;

    while (*link != group)
        link = &(*link)->outer;
    *link = group->outer;
    coro__timers_unset(&host->sched->timers, &group->timer);
    coro__timers_release(&host->sched->timers);
    group->host = NULL;
    coro__cancel_update(host);
}

#undef coro_group_join
int coro_group_join_at(const char *site, coro_group_t *g)
{
    struct coro__group *group = group_of(g);
    int err = check(g);

    if (err != 0)
        return err;
    if (group->host != coro__task_running())
        return -EPERM;
    while (!coro__list_empty(&group->children)) { /* again, if others have spawned before the host went on */
        if (coro__task_at_work() == NULL && coro__async_at_work() == NULL)
            return coro__wait_refusal(); /* it is ending; children have gone before it if the scheduler goes */
        group->joiner = &group->host->waiter;
        group->joiner->slot = group;
        err = coro__park(group->host, &for_children, CORO_FOREVER, site);
        if (err == CORO_ASYNC_PENDING_)
            return err;
    }
    close_group(group);
    return outcome(group);
}

int coro_group_join(coro_group_t *g)
{
    return coro_group_join_at(NULL, g);
}
