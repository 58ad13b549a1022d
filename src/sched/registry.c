/*
 * The list of places is pushed to and never shortened, and a place is given to the next scheduler once nobody looks at it. So a signal
 * handler can walk it wherever it has interrupted the program.
 *
 *   I1  posted  =>  the place's post is in the inbox of the scheduler that is here, or was last
 *   I2  a place that is taken anew was not posted: what is in an inbox finds the place as its own scheduler has left it
 *   I3  sched is read between users + 1 and users - 1, and its scheduler goes only when users is 0
 */
#include "registry.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct coro__place *_Atomic places;
static atomic_uint last_number;
static void (*on_signal)(struct coro_sched *s);
static pthread_mutex_t visiting = PTHREAD_MUTEX_INITIALIZER;

/* ---- the list ---- */

static void arrive(struct coro__post *post);

static void push(struct coro__place *place)
{
    place->post.arrive = arrive;
    place->next = atomic_load(&places);
    while (!atomic_compare_exchange_weak(&places, &place->next, place))
        ;
}

static struct coro__place *make_place(void)
{
    struct coro__place *place = calloc(1, sizeof *place);

    if (place == NULL)
        return NULL;
    atomic_store(&place->taken, true);
    push(place);
    return place;
}

/* One that nobody is in and that is in no inbox any more. */
static bool take(struct coro__place *place)
{
    if (atomic_exchange(&place->taken, true))
        return false;
    if (!atomic_load(&place->posted))
        return true;
    atomic_store(&place->taken, false);
    return false;
}

int coro__registry_enter(struct coro_sched *s)
{
    struct coro__place *place = atomic_load(&places);

    while (place != NULL && !take(place))
        place = place->next;
    if (place == NULL)
        place = make_place();
    if (place == NULL)
        return -ENOMEM;
    s->place = place;
    atomic_store(&place->token, s->token);
    atomic_store(&place->thread, gettid());
    atomic_store(&place->number, atomic_fetch_add(&last_number, 1) + 1);
    atomic_store(&place->sched, s);
    return 0;
}

void coro__registry_leave(struct coro_sched *s)
{
    struct coro__place *place = s->place;

    atomic_store(&place->sched, NULL);
    while (atomic_load(&place->users) != 0)
        sched_yield();
    atomic_store(&place->token, 0);
    atomic_store(&place->taken, false);
}

/* A forked child begins anew: its schedulers were the parent's. */
static void forget(void)
{
    for (struct coro__place *place = atomic_load(&places); place != NULL; place = place->next) {
        atomic_store(&place->sched, NULL);
        atomic_store(&place->users, 0);
        atomic_store(&place->token, 0);
        atomic_store(&place->posted, false);
        atomic_store(&place->signalled, false);
        atomic_store(&place->visit, NULL);
        atomic_store(&place->taken, false);
    }
}

/* Most processes never have more of them. */
static __attribute__((constructor)) void make_a_few(void)
{
    enum { FEW = 16 };
    static struct coro__place few[FEW];

    for (int i = 0; i < FEW; i++)
        push(&few[i]);
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&visiting);
    coro__thread_on_rebirth(forget);
}

void coro__registry_each(void (*fn)(struct coro__place *place, void *with), void *with)
{
    for (struct coro__place *place = atomic_load(&places); place != NULL; place = place->next) {
        atomic_fetch_add(&place->users, 1);
        if (atomic_load(&place->sched) != NULL)
            fn(place, with);
        atomic_fetch_sub(&place->users, 1);
    }
}

/* Whoever owns it is the caller, and so it stays. */
static bool is_own(const struct coro__place *place)
{
    uintptr_t token = coro__thread_self()->token;

    return token != 0 && atomic_load(&place->token) == token && atomic_load(&place->sched) != NULL;
}

struct coro_sched *coro__registry_own(const struct coro_sched *last)
{
    struct coro__place *place = last != NULL ? last->place->next : atomic_load(&places);

    while (place != NULL && !is_own(place))
        place = place->next;
    return place != NULL ? atomic_load(&place->sched) : NULL;
}

/* ---- asked ---- */

static void arrive(struct coro__post *post)
{
    struct coro__place *place = CORO__OWNER(post, struct coro__place, post);
    struct coro_sched *s = atomic_load(&place->sched);
    struct coro__visit *visit;

    if (s == NULL) { /* it ends, and nobody posts any more */
        atomic_store(&place->signalled, false);
        atomic_store(&place->visit, NULL);
        atomic_store(&place->posted, false);
        return;
    }
    atomic_store(&place->posted, false); /* who asks from now on posts again */
    if (atomic_exchange(&place->signalled, false))
        on_signal(s);
    visit = atomic_exchange(&place->visit, NULL);
    if (visit == NULL)
        return;
    visit->see(s, visit);
    atomic_store(&visit->done, true); /* the last that is known of it */
}

static void post_to(struct coro__place *place)
{
    if (!atomic_exchange(&place->posted, true))
        coro__sched_post(atomic_load(&place->sched), &place->post);
}

static void signal_one(struct coro__place *place, void *unused)
{
    (void)unused;
    atomic_store(&place->signalled, true);
    post_to(place);
}

void coro__registry_signal(void)
{
    coro__registry_each(signal_one, NULL);
}

void coro__registry_on_signal(void (*fn)(struct coro_sched *s))
{
    on_signal = fn;
}

/* ---- visits ---- */

struct round {
    struct coro__visit *visit;
    int64_t patience_ns;
};

/* Until it is done, or so long. True if it is. */
static bool await(const struct coro__visit *visit, int64_t *patience_ns)
{
    enum { STEP_NS = 200000 };

    while (!atomic_load(&visit->done)) {
        const struct timespec step = {.tv_nsec = STEP_NS};

        if (*patience_ns <= 0)
            return false;
        nanosleep(&step, NULL);
        *patience_ns -= STEP_NS;
    }
    return true;
}

static void ask(struct coro__place *place, void *with)
{
    struct round *round = with;
    struct coro__visit *expected = round->visit;
    int64_t forever = CORO_FOREVER;

    if (is_own(place))
        return;
    atomic_store(&round->visit->done, false);
    atomic_store(&place->visit, round->visit);
    post_to(place);
    if (await(round->visit, &round->patience_ns))
        return;
    if (!atomic_compare_exchange_strong(&place->visit, &expected, NULL))
        await(round->visit, &forever); /* it has begun */
    else if (round->visit->missed != NULL && atomic_load(&place->sched) != NULL)
        round->visit->missed(place, round->visit);
}

void coro__registry_visit(struct coro__visit *visit, int64_t patience_ns)
{
    struct round round = {visit, patience_ns};

    for (struct coro_sched *s = coro__registry_own(NULL); s != NULL; s = coro__registry_own(s))
        visit->see(s, visit);
    pthread_mutex_lock(&visiting);
    coro__registry_each(ask, &round);
    pthread_mutex_unlock(&visiting);
}
