/*
 * Select: wait for the first of several channels.
 *
 * Of the cases that are possible at once one is drawn at random. (To try them in turn from a random one on would be simpler, but favour
 * those that stand behind ones that are not possible.) If none is, each waits on its channel, and whoever fires one takes all of them
 * off. The links are in the frame of the call, or on the heap if there are many or the task has no stack; whoever takes them off frees
 * them then, for the call does not come back if its task is unwound.
 */
#include "chan.h"

#include <stdlib.h>

enum { FRAME_MOST = 16 };

struct selection {
    struct coro__branch *branches;
    coro_case *cases;
    size_t count;
    bool on_heap; /* the branches; without a stack, itself too, before them */
};

static void stop(struct coro__waiter *waiter)
{
    struct selection *selection = waiter->slot;

    for (size_t i = 0; i < selection->count; i++)
        coro__list_remove(&selection->branches[i].link);
    if (selection->on_heap)
        free((void *)selection->branches == (void *)(selection + 1) ? (void *)selection : (void *)selection->branches);
}

static const struct coro__wait for_any = {
    .what = "in a select over channels", .due = coro__waiter_too_late, .leave = stop};

void coro__select_fire(struct coro__branch *branch, int result)
{
    struct coro__waiter *waiter = branch->waiter;
    coro_case *fired = branch->its_case;
    uintptr_t index = (uintptr_t)(fired - ((const struct selection *)waiter->slot)->cases);

    coro__list_init(&branch->link); /* it is off its list, and may be taken off again */
    stop(waiter);
    fired->result = result;
    coro__waiter_complete(waiter, index);
}

static int try_case(coro_case *c)
{
    return c->op == CORO_SEND ? coro__chan_try_send(c->ch, c->elem) : coro__chan_try_recv(c->ch, c->elem);
}

static bool is_possible(const coro_case *c)
{
    return c->op == CORO_SEND ? coro__chan_can_send(c->ch) : coro__chan_can_recv(c->ch);
}

/* The index of one that was possible, or -EAGAIN. */
static int try_all(coro_case *cases, size_t n)
{
    size_t possible = 0, drawn, at = 0;

    for (size_t i = 0; i < n; i++)
        possible += is_possible(&cases[i]);
    if (possible == 0)
        return -EAGAIN;
    drawn = possible > 1 ? coro__sched_random(possible) : 0;
    while (!is_possible(&cases[at]) || drawn-- != 0)
        at++;
    cases[at].result = try_case(&cases[at]);
    return (int)at;
}

static int check(const coro_case *cases, size_t n)
{
    int err = 0;

    for (size_t i = 0; i < n && err == 0; i++) {
        const coro_case *c = &cases[i];

        if (c->ch == NULL || (unsigned)c->op > CORO_RECV || (c->elem == NULL && c->ch->elem_size != 0))
            err = -EINVAL;
        else
            err = coro__chan_check(c->ch);
    }
    return err;
}

static int wait_for_any(const char *site, struct selection *selection, struct coro_task *self, int64_t deadline)
{
    for (size_t i = 0; i < selection->count; i++) {
        coro_case *c = &selection->cases[i];
        struct coro__branch *branch = &selection->branches[i];

        *branch = (struct coro__branch){.state = CORO__BRANCH, .waiter = &self->waiter, .its_case = c};
        coro__list_insert(c->op == CORO_SEND ? &c->ch->senders : &c->ch->receivers, &branch->link);
    }
    self->waiter.slot = selection;
    return coro__park(self, &for_any, deadline, site);
}

/* The branches in a frame of their own. */
static __attribute__((noinline)) int wait_for_few(const char *site, struct selection *selection, struct coro_task *self,
                                                  int64_t deadline)
{
    struct coro__branch branches[FRAME_MOST];

    selection->branches = branches;
    return wait_for_any(site, selection, self, deadline);
}

static __attribute__((noinline)) int wait_for_many(const char *site, struct selection *selection,
                                                   struct coro_task *self, int64_t deadline)
{
    selection->branches = malloc(selection->count * sizeof *selection->branches);
    if (selection->branches == NULL)
        return -ENOMEM;
    selection->on_heap = true;
    return wait_for_any(site, selection, self, deadline);
}

static __attribute__((noinline)) int wait_without_stack(const char *site, const struct selection *selection,
                                                        struct coro_task *self, int64_t deadline)
{
    struct selection *kept = malloc(sizeof *kept + selection->count * sizeof *kept->branches);

    if (kept == NULL)
        return -ENOMEM;
    *kept = *selection;
    kept->branches = (struct coro__branch *)(void *)(kept + 1);
    kept->on_heap = true;
    return wait_for_any(site, kept, self, deadline);
}

#undef coro_select
int coro_select_at(const char *site, coro_case *cases, size_t n, int64_t deadline)
{
    struct selection selection = {.cases = cases, .count = n};
    struct coro_task *self;
    int result;

    if ((cases == NULL && n != 0) || n > INT32_MAX || (n == 0 && deadline == CORO_FOREVER))
        return -EINVAL;
    result = coro__sync_caller(deadline, &self);
    if (result == 0)
        result = check(cases, n);
    if (result != 0)
        return result;
    result = try_all(cases, n);
    if (result != -EAGAIN)
        return result;
    result = deadline == 0 ? -EAGAIN : coro__wait_overdue(self, deadline);
    if (result != 0)
        return result;
    if (unlikely(self->stackless))
        return wait_without_stack(site, &selection, self, deadline);
    return n <= FRAME_MOST ? wait_for_few(site, &selection, self, deadline)
                           : wait_for_many(site, &selection, self, deadline);
}

int coro_select(coro_case *cases, size_t n, int64_t deadline)
{
    return coro_select_at(NULL, cases, n, deadline);
}
