/*
 * A script played by the library.
 */
#include "script.h"

#include <string.h>

enum { TICK = 1000 };

/* What lies in storage that was only set to zero is ready, but a barrier is for no task, then. */
static struct {
    const struct script *script;
    struct record *record;
    int64_t start;
    coro_task_t *tasks[PARTS];
    coro_mutex_t mutexes[OBJECTS];
    coro_cond_t conds[OBJECTS];
    coro_rwlock_t rwlocks[OBJECTS];
    coro_sem_t sems[OBJECTS];
    coro_barrier_t barriers[OBJECTS];
    coro_waitgroup_t groups[OBJECTS];
    coro_once_t onces[OBJECTS];
    bool inside[PARTS][OBJECTS]; /* a read-write lock: who is not known by name must not try */
    struct place {
        int part, op;
    } places[PARTS][OPS];
} stage;

static void takes_two_ticks(void)
{
    coro_sleep(2 * TICK);
}

static int64_t deadline_of(const struct op *op)
{
    return op->limit == TRY ? 0 : op->limit == FOREVER ? CORO_FOREVER : stage.start + op->at * (int64_t)TICK;
}

static int perform(const struct op *op)
{
    int64_t deadline = deadline_of(op);

    switch (op->verb) {
    case LOCK:
        return coro_mutex_lock(&stage.mutexes[op->object], deadline);
    case UNLOCK:
        return coro_mutex_unlock(&stage.mutexes[op->object]);
    case WAIT:
        return coro_cond_wait(&stage.conds[op->object], &stage.mutexes[op->mutex], deadline);
    case SIGNAL:
        return coro_cond_signal(&stage.conds[op->object]);
    case BROADCAST:
        return coro_cond_broadcast(&stage.conds[op->object]);
    case READ:
        return coro_rwlock_rdlock(&stage.rwlocks[op->object], deadline);
    case WRITE:
        return coro_rwlock_wrlock(&stage.rwlocks[op->object], deadline);
    case LEAVE:
        return coro_rwlock_unlock(&stage.rwlocks[op->object]);
    case DOWN:
        return coro_sem_wait(&stage.sems[op->object], deadline);
    case UP:
        return coro_sem_post(&stage.sems[op->object]);
    case MEET:
        return coro_barrier_wait(&stage.barriers[op->object], deadline);
    case ADD:
        return coro_waitgroup_add(&stage.groups[op->object], op->n);
    case AWAIT:
        return coro_waitgroup_wait(&stage.groups[op->object], deadline);
    case ONCE:
        return coro_once(&stage.onces[op->object], takes_two_ticks);
    case SLEEP:
        return coro_sleep(op->n * (int64_t)TICK);
    case PAUSE:
        return coro_pause();
    case CANCEL:
        return coro_cancel(stage.tasks[op->n]);
    case SHIELD:
        return coro_shield(op->n != 0);
    default:
        return 0;
    }
}

static void record(int part, int op, int result)
{
    record_add(stage.record, (struct event){part, op, result, (coro_now() - stage.start) / TICK});
}

/* ---- parts ---- */

static void perform_at(void *arg)
{
    const struct place *p = arg;
    const struct op *op = &stage.script->ops[p->part][p->op];
    int result = perform(op);

    if (result == 0 && (op->verb == READ || op->verb == WRITE || op->verb == LEAVE))
        stage.inside[p->part][op->object] = op->verb != LEAVE;
    record(p->part, p->op, result);
}

static void *performs_nested(void *arg)
{
    perform_at(arg);
    return NULL;
}

static void start(struct place *p)
{
    const struct op *op = &stage.script->ops[p->part][p->op];
    coro_t *co;

    if (op->where == DEFERRED)
        coro_defer(perform_at, p);
    if (op->where == HERE)
        perform_at(p);
    if (op->where != NESTED || coro_create(&co, performs_nested, NULL) != 0)
        return;
    coro_resume(co, p);
    coro_destroy(co);
}

/* What is done at the end comes after this, and finds nothing unlocked for it. */
static void unlock_all(int me, bool more)
{
    for (int i = 0; i < OBJECTS; i++) {
        if (!more)
            coro_mutex_unlock(&stage.mutexes[i]);
        if (stage.inside[me][i] && !more)
            coro_rwlock_unlock(&stage.rwlocks[i]);
    }
}

static void *part(void *arg)
{
    struct place *places = arg;
    int me = places[0].part;
    bool deferred = false;

    record(me, -1, 0);
    for (int k = 0; k < stage.script->counts[me]; k++) {
        if (stage.script->ops[me][k].verb != NOTHING)
            start(&places[k]);
        deferred |= stage.script->ops[me][k].where == DEFERRED;
    }
    unlock_all(me, deferred);
    return NULL;
}

static void *curtain(void *arg)
{
    stage.start = coro_now();
    for (int i = 0; i < stage.script->parts; i++)
        coro_spawn(&stage.tasks[i], part, stage.places[i], &(coro_opts){.stack_size = 32768});
    coro_sleep(CURTAIN * TICK);
    for (int i = 0; i < stage.script->parts; i++)
        coro_cancel(stage.tasks[i]);
    coro_sleep(CURTAIN * TICK); /* parts may cancel each other until they have ended */
    for (int i = 0; i < stage.script->parts; i++)
        coro_detach(stage.tasks[i]);
    return arg;
}

void script_play(const struct script *s, struct record *r)
{
    coro_sched_opts opts = {.seed = s->seed, .policy = s->policy, .virtual_time = true};

    memset(&stage, 0, sizeof stage);
    stage.script = s;
    stage.record = r;
    for (int i = 0; i < PARTS; i++)
        for (int k = 0; k < OPS; k++)
            stage.places[i][k] = (struct place){i, k};
    for (unsigned i = 0; i < OBJECTS; i++)
        coro_barrier_init(&stage.barriers[i], i + 1);
    r->count = 0;
    r->outcome = coro_run(curtain, NULL, NULL, &opts);
}
