/*
 * A group, as it lies in the storage of a coro_group_t.
 */
#ifndef CORO_SCHED_GROUP_H
#define CORO_SCHED_GROUP_H

#include "sched.h"

/* Why it is cancelled: a set. */
enum {
    CORO__BY_CALL = 1,
    CORO__BY_DEADLINE = 2,
    CORO__BY_OUTER = 4,   /* along with what is around it */
    CORO__BY_OUTCOME = 8, /* a child has failed, or has won */
};

/*   I1  host->scope leads to it over `outer`, as long as it is open
 *   I2  its children are tasks that have not ended                   */
struct __attribute__((may_alias)) coro__group {
    struct coro_task *host;    /* NULL: not open */
    struct coro__group *outer; /* the one that the host had open before */
    struct coro__list children;
    struct coro__timer timer;
    struct coro__waiter *joiner; /* the host, while it waits for the children; else NULL */
    unsigned policy;
    unsigned cancelled;
    int error;  /* the first of a child */
    bool early; /* that was before it was cancelled */
    bool won;
    bool shielded; /* opened under coro_shield(): no cancellation from around it */
};
_Static_assert(sizeof(struct coro__group) <= sizeof(coro_group_t), "coro/group.h: the storage is too small");

/* May the caller start a child in it? Where that goes. */
int coro__group_check(coro_group_t *g, struct coro_sched **out);

/* A task that is new is its child. */
void coro__group_adopt(coro_group_t *g, struct coro_task *child);

/* Cancel what is in it. */
void coro__cancel_group(struct coro__group *group, unsigned why);

#endif
