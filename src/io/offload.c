/*
 * Blocking calls on helper threads.
 *
 * There are a few threads for the process, started when they are needed, gone when they have had nothing to do for a while. A job is posted
 * back to its scheduler when it is done, unless nobody waits for it any more: who stops waiting takes it off the queue, or leaves it
 * to the thread that is at it. Both happen under the lock, and what has been posted is taken with it too, so that a scheduler that goes
 * is never posted to.
 */
#include "io.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MOST = 8, IDLE_SECONDS = 2 };

struct job {
    struct coro__post post;
    coro_fn *fn;
    void *arg;
    void *result;
    void (*drop)(void *);
    bool held;
    struct coro_sched *sched;

    /* under the lock */
    enum { QUEUED, BEGUN, POSTED } state;
    struct job *next;            /* valid only while queued */
    struct coro__waiter *waiter; /* NULL once nobody waits */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER, over_with_one = PTHREAD_COND_INITIALIZER;

/* under the lock */
static struct job *first, **last = &first;
static struct helper {
    pthread_t thread;
    enum { NONE, WORKS, IDLE, ENDED } state; /* an ended one is still to be joined */
} helpers[THREADS_MOST];
static bool over;     /* the process exits */
static pid_t process; /* that the threads are of */

static __attribute__((constructor)) void register_lock(void)
{
    coro__thread_lock_over_fork(&lock);
}

/* ---- the threads ---- */

static struct job *take(void)
{
    struct job *job = first;

    if (job == NULL)
        return NULL;
    first = job->next;
    if (first == NULL)
        last = &first;
    job->state = BEGUN;
    return job;
}

/* The next job, or NULL when there has been none for a while. */
static struct job *await_job(struct helper *self)
{
    struct timespec until;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_SECONDS;
    self->state = IDLE;
    while (first == NULL && err == 0 && !over)
        err = pthread_cond_timedwait(&more, &lock, &until);
    self->state = WORKS;
    return over ? NULL : take();
}

static void finish(struct job *job)
{
    job->state = POSTED;
    if (job->waiter != NULL) {
        if (job->held)
            pthread_cond_broadcast(&over_with_one);
        coro__sched_post(job->sched, &job->post); /* and it may be gone */
    } else {
        job->drop(job->arg);
        free(job);
    }
}

static void *help(void *helper)
{
    struct helper *self = helper;
    struct job *job;

    pthread_mutex_lock(&lock);
    while ((job = await_job(self)) != NULL) {
        pthread_mutex_unlock(&lock);
        job->result = job->fn(job->arg);
        pthread_mutex_lock(&lock);
        finish(job);
    }
    self->state = ENDED;
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Signals are for the threads of the program. */
static int start(struct helper *helper)
{
    sigset_t all, before;
    int err;

    if (helper->state == ENDED)
        pthread_join(helper->thread, NULL);
    helper->state = WORKS;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&helper->thread, NULL, help, helper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err != 0)
        helper->state = NONE;
    return -err;
}

/* A forked child has none of them. */
static void notice_fork(void)
{
    if (process == getpid())
        return;
    process = getpid();
    for (int i = 0; i < THREADS_MOST; i++)
        helpers[i].state = NONE;
    first = NULL;
    last = &first;
}

/* Under the lock: 0 if the job is queued. */
static int queue(struct job *job)
{
    struct helper *free_one = NULL;
    bool any = false, any_idle = false;
    int err = 0;

    notice_fork();
    for (int i = 0; i < THREADS_MOST; i++) {
        any_idle |= helpers[i].state == IDLE;
        any |= helpers[i].state == WORKS || helpers[i].state == IDLE;
        if (helpers[i].state == NONE || helpers[i].state == ENDED)
            free_one = &helpers[i];
    }
    if ((!any_idle || first != NULL) && free_one != NULL)
        err = start(free_one);
    if (err != 0 && !any)
        return err;
    *last = job;
    last = &job->next;
    pthread_cond_signal(&more);
    return 0;
}

/* The process exits. Those that are at something are left to it. */
static __attribute__((destructor)) void end_helpers(void)
{
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&more);
    for (int i = 0; i < THREADS_MOST && process == getpid(); i++) {
        if (helpers[i].state != IDLE && helpers[i].state != ENDED)
            continue;
        pthread_mutex_unlock(&lock);
        pthread_join(helpers[i].thread, NULL);
        pthread_mutex_lock(&lock);
        helpers[i].state = NONE;
    }
    pthread_mutex_unlock(&lock);
}

/* ---- who waits ---- */

/* On the scheduler's thread. */
static void arrive(struct coro__post *post)
{
    struct job *job = CORO__OWNER(post, struct job, post);
    struct coro__waiter *waiter = job->waiter;

    pthread_mutex_lock(&lock); /* who has posted is done with the scheduler, which may go now */
    pthread_mutex_unlock(&lock);
    job->sched->expected--;
    if (waiter != NULL) {
        if (waiter->out != NULL)
            *(void **)waiter->out = job->result;
        coro__waiter_complete(waiter, 0);
    } else {
        job->drop(job->arg);
    }
    free(job);
}

/* Off the queue, if it is still on it. */
static bool withdraw(struct job *job)
{
    struct job **link = &first;

    if (job->state != QUEUED)
        return false;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (job->next == NULL)
        last = link;
    return true;
}

static void stop_waiting(struct coro__waiter *waiter)
{
    struct job *job = waiter->slot;
    bool withdrawn;

    pthread_mutex_lock(&lock);
    while (job->held && job->state == BEGUN) /* the scheduler goes, and the caller's memory with it */
        pthread_cond_wait(&over_with_one, &lock);
    job->waiter = NULL;
    if (job->state != POSTED)
        job->sched->expected--;
    withdrawn = withdraw(job);
    pthread_mutex_unlock(&lock); /* and one that has begun may be gone */
    if (withdrawn) {
        job->drop(job->arg);
        free(job);
    }
}

static const struct coro__wait for_helper = {
    .what = "for a helper thread", .due = coro__waiter_too_late, .leave = stop_waiting};
static const struct coro__wait for_helper_held = {
    .what = "for a file", .due = coro__waiter_too_late, .leave = stop_waiting, .held = true};

static void nothing(void *arg)
{
    (void)arg;
}

int coro__offload(coro_fn *fn, void *arg, void **result, void (*drop)(void *), bool held, int64_t deadline)
{
    struct coro_task *self = coro__may_wait();
    struct job *job;
    int err = self != NULL ? coro__wait_overdue(self, deadline) : deadline == 0 ? -EAGAIN : coro__wait_refusal();

    if (err != 0)
        goto drop;
    job = malloc(sizeof *job);
    err = -ENOMEM;
    if (job == NULL)
        goto drop;
    *job = (struct job){.post.arrive = arrive,
                        .fn = fn,
                        .arg = arg,
                        .drop = drop != NULL ? drop : nothing,
                        .held = held,
                        .sched = self->sched,
                        .waiter = &self->waiter};
    self->waiter.slot = job;
    self->waiter.out = result;
    pthread_mutex_lock(&lock);
    err = queue(job);
    pthread_mutex_unlock(&lock);
    if (err != 0)
        goto free;
    self->sched->expected++;
    return coro__park(self, held ? &for_helper_held : &for_helper, held ? CORO_FOREVER : deadline, NULL);

free:
    free(job);
drop:
    if (drop != NULL)
        drop(arg);
    return err;
}

#undef coro_offload
int coro_offload(coro_fn *fn, void *arg, void **result, int64_t deadline)
{
    if (fn == NULL)
        return -EINVAL;
    return coro__offload(fn, arg, result, NULL, false, deadline);
}
