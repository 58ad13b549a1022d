/*
 * All schedulers of the process, for whoever looks into them from outside: another thread, or a signal handler.
 *
 * Each has a place in a list that only grows. Nobody looks into the scheduler of another thread: it is asked, by way of its inbox, and
 * looks itself between two rounds.
 */
#ifndef CORO_SCHED_REGISTRY_H
#define CORO_SCHED_REGISTRY_H

#include "sched.h"

#include <sys/types.h>

struct coro__place {
    struct coro__place *next; /* constant */
    atomic_bool taken;
    _Atomic(struct coro_sched *) sched; /* NULL: nobody is here, or is yet, or any more */
    atomic_uint users;                  /* that make use of what they have read there */

    /* valid while somebody is here */
    atomic_uintptr_t token;
    atomic_int thread;  /* as the kernel numbers it */
    atomic_uint number; /* of schedulers, from 1 */

    /* asked */
    struct coro__post post;
    atomic_bool posted;                  /* it is in the inbox */
    atomic_bool signalled;               /* for coro__registry_signal() */
    _Atomic(struct coro__visit *) visit; /* what for; NULL: for nothing, or it is under way */
};

/* The scheduler begins and ends. 0 or -ENOMEM. */
int coro__registry_enter(struct coro_sched *s);
void coro__registry_leave(struct coro_sched *s);

/* The next scheduler of the calling thread after `last`, or the first for NULL; NULL if there is none. */
struct coro_sched *coro__registry_own(const struct coro_sched *last);

/* Call see() for each scheduler of the process: for those of the calling thread at once, for the others on their own threads,
   one after the other. Those that do not come to it within the time that is left are only missed(). Outside of signal handlers. */
struct coro__visit {
    void (*see)(struct coro_sched *s, struct coro__visit *visit);
    void (*missed)(const struct coro__place *place, struct coro__visit *visit); /* on the calling thread; may be NULL */
    atomic_bool done;                                                           /* the registry's */
};
void coro__registry_visit(struct coro__visit *visit, int64_t patience_ns);

/* Have this called for each scheduler, on its own thread, when it comes to it. In a signal handler, too. */
void coro__registry_signal(void);
void coro__registry_on_signal(void (*fn)(struct coro_sched *s)); /* set once, before */

/* Call fn() for every place that somebody is in, who stays there meanwhile. In a signal handler, too. */
void coro__registry_each(void (*fn)(struct coro__place *place, void *with), void *with);

#endif
