/*
 * The thread-local block: made ready at a thread's first use, taken down by a destructor of thread-specific data, refused in
 * the child of a fork().
 *
 * A forked child has a copy of every coroutine but only one thread. So there everything is refused, at no cost to anybody else: the
 * child's token becomes 0, which is no state, so that nothing can be resumed; and the coroutines it runs in are marked as ending, so
 * that nothing yields. It may begin anew, as a process that knows of no coroutines: what is shared by threads is whole, since its
 * locks were held over the fork.
 */
#include "thread.h"

#include "sanitize.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* Named by assembly alone: asm/, coro__thread_self(), and coro/inline.h, for which it is exported. */
extern CORO_API _Thread_local struct coro__thread coro_thread_block;
_Thread_local struct coro__thread coro_thread_block __attribute__((tls_model("initial-exec"), aligned(64)));

static void (*on_prepare)(struct coro__thread *);
static void (*exit_steps[CORO__EXIT_STEPS])(struct coro__thread *);
static void (*on_rebirth[CORO__REBIRTHS_MOST])(void);
static unsigned rebirth_count;
static pthread_key_t exit_key;

enum { LOCKS_MOST = 16 };
static pthread_mutex_t *locks[LOCKS_MOST];
static unsigned lock_count;
#ifdef CORO_HAVE_VALGRIND
bool coro__under_valgrind;
#endif
static atomic_bool in_forked_child;

void coro__thread_on_prepare(void (*fn)(struct coro__thread *))
{
    on_prepare = fn;
}

void coro__thread_on_exit(enum coro__exit_step step, void (*fn)(struct coro__thread *))
{
    exit_steps[step] = fn;
}

void coro__thread_on_rebirth(void (*fn)(void))
{
    assert(rebirth_count < CORO__REBIRTHS_MOST);
    on_rebirth[rebirth_count++] = fn;
}

void coro__thread_lock_over_fork(pthread_mutex_t *lock)
{
    assert(lock_count < LOCKS_MOST);
    locks[lock_count++] = lock;
}

static void thread_exits(void *block)
{
    struct coro__thread *t = block;

    for (int i = 0; i < CORO__EXIT_STEPS; i++)
        if (exit_steps[i] != NULL)
            exit_steps[i](t);
    t->current = NULL; /* a later destructor that uses libcoro makes the block ready again, and this one runs again */
    t->token = 0;
}

static void process_forks(void)
{
    for (unsigned i = 0; i < lock_count; i++)
        pthread_mutex_lock(locks[i]);
}

static void parent_goes_on(void)
{
    for (unsigned i = lock_count; i-- > 0;)
        pthread_mutex_unlock(locks[i]);
}

static void child_goes_on(void)
{
    struct coro__thread *t = coro__thread_self();

    parent_goes_on();
    atomic_store(&in_forked_child, true);
    t->token = 0;
    t->idle = 0; /* nothing to begin with, either */
    t->idle_most = t->idle_room = 0;
    t->trim_count = 0;
    if (t->current == NULL)
        return;
    for (struct coro__context *c = t->current; c != &t->root; c = c->resumer)
        c->state = CORO_STATE_ENDING;
}

bool coro__in_forked_child(void)
{
    return atomic_load_explicit(&in_forked_child, memory_order_relaxed);
}

void coro__thread_begin_anew(void)
{
    struct coro__thread *t = coro__thread_self();

    atomic_store(&in_forked_child, false);
    t->root = (struct coro__context){0};
    t->current = NULL;
    t->live = NULL;
    t->sched = NULL;
    t->virtual_now = NULL;
    t->drivers = NULL;
    t->scheds = NULL;
    for (unsigned i = 0; i < rebirth_count; i++)
        on_rebirth[i]();
}

/* Once a process; what failed is tried again by the next thread that comes. */
static int prepare_process(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool have_key, prepared;
    int err = 0;

    pthread_mutex_lock(&lock);
    if (!have_key) {
        err = pthread_key_create(&exit_key, thread_exits);
        have_key = err == 0;
    }
    if (err == 0 && !prepared) {
        err = pthread_atfork(process_forks, parent_goes_on, child_goes_on);
        prepared = err == 0;
#ifdef CORO_HAVE_VALGRIND
        coro__under_valgrind = RUNNING_ON_VALGRIND != 0;
#endif
    }
    pthread_mutex_unlock(&lock);
    return -err;
}

int coro__thread_prepare(struct coro__thread *t)
{
    static atomic_uintptr_t last_token = 1; /* which is nobody's */
    int err;

    if (coro__in_forked_child())
        return -ECHILD;
    err = prepare_process();
    if (err == 0)
        err = -pthread_setspecific(exit_key, t);
    if (err != 0)
        return err;
    t->token = atomic_fetch_add(&last_token, 16) + 16;
    t->tid = gettid();
    t->root.state = t->token;
    t->current = &t->root;
    if (on_prepare != NULL)
        on_prepare(t);
    return 0;
}
