/*
 * What the library should make of a script, worked out event by event, without a coroutine or a list of the library's.
 *
 * A task that waits stands in one queue. A deadline or a cancellation makes it ready, but it stands there until its turn comes; what it
 * waited for may be handed to it before.
 */
#include "script.h"

#include "base/random.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { WAITS = 1000, MANY = PARTS + 1, STAGE_MANAGER = PARTS, NOBODY = -1 };

struct line {
    int who[MANY];
    int count;
};

static struct {
    const struct script *script;
    struct record *record;
    uint64_t seed;
    int64_t now;
    int turn;
    struct line ready;
    struct task {
        int at; /* operation; -1: it has not begun */
        bool ended, cancelled, shielded;
        struct line *line;  /* where it stands; NULL: nowhere */
        bool expired;       /* and stands there still */
        bool within, again; /* an operation; it has to lock the mutex of a condition again */
        bool sleeps, to_write;
        int outcome, result; /* of the wait; of the operation, while it locks again */
        int64_t alarm;
        int alarm_turn;
    } tasks[MANY];
    int holders[OBJECTS], writers[OBJECTS], sems[OBJECTS], groups[OBJECTS], runners[OBJECTS];
    bool done[OBJECTS];
    bool readers[OBJECTS][PARTS];
    struct line mutexes[OBJECTS], conds[OBJECTS], rwlocks[OBJECTS], downs[OBJECTS], barriers[OBJECTS], awaits[OBJECTS],
        onces[OBJECTS];
    struct line nowhere;
} world;

static int refused(int me)
{
    return world.tasks[me].cancelled && !world.tasks[me].shielded ? -ECANCELED : 0;
}

/* ---- lines ---- */

static void take_out(struct line *l, int i)
{
    memmove(&l->who[i], &l->who[i + 1], (size_t)(--l->count - i) * sizeof l->who[0]);
}

static void leave(int who)
{
    struct line *l = world.tasks[who].line;

    for (int i = 0; i < l->count; i++)
        if (l->who[i] == who) {
            take_out(l, i);
            break;
        }
    world.tasks[who].line = NULL;
}

static void stand(int who, struct line *l)
{
    l->who[l->count++] = who;
    world.tasks[who].line = l;
}

static void make_ready(int who, bool paused)
{
    struct line *l = &world.ready;
    bool first = world.script->policy == CORO_DEPTH_FIRST && world.script->seed == 0 && !paused;

    memmove(&l->who[first], &l->who[0], first ? (size_t)l->count * sizeof l->who[0] : 0);
    l->who[first ? 0 : l->count] = who;
    l->count++;
}

static void complete(int who)
{
    struct task *t = &world.tasks[who];

    leave(who);
    t->outcome = 0;
    t->alarm = INT64_MAX;
    if (!t->expired)
        make_ready(who, false);
    t->expired = false;
}

static void expire(int who, int error)
{
    struct task *t = &world.tasks[who];

    if (!t->expired)
        make_ready(who, false);
    if (!t->expired || error == -ECANCELED)
        t->outcome = error;
    t->expired = true;
    t->alarm = INT64_MAX;
}

static int wait_in(struct line *l, int me, const struct op *op)
{
    if (op->limit == TRY || (op->limit == AT && op->at <= world.now))
        return op->limit == TRY ? -EAGAIN : -ETIMEDOUT;
    stand(me, l);
    world.tasks[me].alarm = op->limit == AT ? op->at : INT64_MAX;
    world.tasks[me].alarm_turn = world.turn++;
    return WAITS;
}

/* ---- mutexes and conditions ---- */

static void hand_over(int m)
{
    const struct line *l = &world.mutexes[m];

    world.holders[m] = l->count != 0 ? l->who[0] : NOBODY;
    if (l->count != 0)
        complete(l->who[0]);
}

static int lock(int me, const struct op *op)
{
    int *holder = &world.holders[op->object];

    if (*holder != NOBODY)
        return *holder == me ? -EDEADLK : wait_in(&world.mutexes[op->object], me, op);
    *holder = me;
    return 0;
}

static int wait_for_cond(int me, const struct op *op)
{
    int err = world.holders[op->mutex] != me ? -EPERM : wait_in(&world.conds[op->object], me, op);

    if (err == WAITS)
        hand_over(op->mutex);
    return err;
}

/* It has been signalled, or not: does it hold the mutex? */
static int lock_again(int me, const struct op *op)
{
    struct task *t = &world.tasks[me];

    t->result = t->outcome;
    if (world.holders[op->mutex] == NOBODY)
        world.holders[op->mutex] = me;
    if (world.holders[op->mutex] == me)
        return t->result;
    t->again = true;
    return wait_in(&world.mutexes[op->mutex], me, &(struct op){.limit = FOREVER});
}

static void signal(int c)
{
    int who = world.conds[c].who[0];
    struct task *t = &world.tasks[who];
    int m = world.script->ops[who][t->at].mutex;

    if (world.holders[m] == NOBODY)
        world.holders[m] = who;
    if (world.holders[m] == who || t->expired) {
        complete(who);
        return;
    }
    leave(who);
    t->again = true;
    t->result = 0;
    t->alarm = INT64_MAX;
    stand(who, &world.mutexes[m]);
}

/* ---- read-write locks ---- */

static int readers_of(int l)
{
    int n = 0;

    for (int i = 0; i < PARTS; i++)
        n += world.readers[l][i];
    return n;
}

static bool enter(int who, int l, bool writes)
{
    if (world.writers[l] != NOBODY || (writes && readers_of(l) != 0))
        return false;
    if (writes)
        world.writers[l] = who;
    else
        world.readers[l][who] = true;
    return true;
}

static void let_in(int l)
{
    const struct line *line = &world.rwlocks[l];

    while (line->count != 0 && enter(line->who[0], l, world.tasks[line->who[0]].to_write))
        complete(line->who[0]);
}

static int enter_in_turn(int me, const struct op *op)
{
    bool writes = op->verb == WRITE;

    if (world.writers[op->object] == me || world.readers[op->object][me])
        return -EDEADLK;
    if ((writes || world.rwlocks[op->object].count == 0) && enter(me, op->object, writes))
        return 0;
    world.tasks[me].to_write = writes;
    return wait_in(&world.rwlocks[op->object], me, op);
}

static int leave_rwlock(int me, int l)
{
    if (world.writers[l] != me && !world.readers[l][me])
        return -EPERM;
    if (world.writers[l] == me)
        world.writers[l] = NOBODY;
    world.readers[l][me] = false;
    let_in(l);
    return 0;
}

/* ---- counts ---- */

static int complete_all(struct line *l)
{
    while (l->count != 0)
        complete(l->who[0]);
    return 1;
}

static int add(int g, int n)
{
    if (n < 0 ? world.groups[g] + n < 0 : world.groups[g] > INT_MAX - n)
        return -EOVERFLOW;
    world.groups[g] += n;
    if (world.groups[g] == 0)
        complete_all(&world.awaits[g]);
    return 0;
}

static int post(int s)
{
    if (world.downs[s].count != 0)
        complete(world.downs[s].who[0]);
    else
        world.sems[s]++;
    return 0;
}

/* ---- tasks ---- */

static int cancel(int who)
{
    struct task *t = &world.tasks[who];

    if (t->ended)
        return -ESRCH;
    t->cancelled = true;
    if (refused(who) && t->line != NULL && !t->again)
        expire(who, -ECANCELED);
    return 0;
}

static int may_wait(int me, const struct op *op)
{
    int i = op->object, err = op->limit == TRY ? 0 : refused(me);

    if (err != 0)
        return err;
    switch (op->verb) {
    case LOCK:
        return lock(me, op);
    case WAIT:
        return wait_for_cond(me, op);
    case READ:
    case WRITE:
        return enter_in_turn(me, op);
    case DOWN:
        return world.sems[i] > 0 ? (world.sems[i]--, 0) : wait_in(&world.downs[i], me, op);
    case MEET:
        return world.barriers[i].count == i ? complete_all(&world.barriers[i]), 1 : wait_in(&world.barriers[i], me, op);
    default: /* AWAIT */
        return world.groups[i] == 0 ? 0 : wait_in(&world.awaits[i], me, op);
    }
}

static int pass_turn(int me)
{
    world.tasks[me].outcome = refused(me);
    make_ready(me, true);
    return WAITS;
}

static int fall_asleep(int me, int64_t until)
{
    struct task *t = &world.tasks[me];

    if (refused(me) != 0)
        return -ECANCELED;
    t->sleeps = true;
    return wait_in(&world.nowhere, me, &(struct op){.limit = AT, .at = (int)until});
}

static int end_once(int o)
{
    world.done[o] = true;
    complete_all(&world.onces[o]);
    return 0;
}

static int do_once(int me, int o)
{
    if (world.done[o])
        return 0;
    if (world.runners[o] != NOBODY)
        return refused(me) != 0 ? -ECANCELED : wait_in(&world.onces[o], me, &(struct op){.limit = FOREVER});
    world.runners[o] = me;
    return fall_asleep(me, world.now + 2) == WAITS ? WAITS : end_once(o);
}

static int unlock(int me, int m)
{
    if (world.holders[m] != me)
        return -EPERM;
    hand_over(m);
    return 0;
}

static int perform(int me, const struct op *op)
{
    bool was = world.tasks[me].shielded;

    switch (op->verb) {
    case UNLOCK:
        return unlock(me, op->object);
    case SIGNAL:
    case BROADCAST:
        while (world.conds[op->object].count != 0) {
            signal(op->object);
            if (op->verb == SIGNAL)
                break;
        }
        return 0;
    case LEAVE:
        return leave_rwlock(me, op->object);
    case UP:
        return post(op->object);
    case ADD:
        return add(op->object, op->n);
    case ONCE:
        return do_once(me, op->object);
    case SLEEP:
        return fall_asleep(me, world.now + op->n);
    case PAUSE:
        return pass_turn(me);
    case CANCEL:
        return cancel(op->n);
    case SHIELD:
        world.tasks[me].shielded = op->n != 0;
        return was;
    default:
        return may_wait(me, op);
    }
}

/* Back from waiting: with what? */
static int come_back(int me, const struct op *op)
{
    struct task *t = &world.tasks[me];
    bool again = t->again;

    t->again = t->sleeps = false;
    if (t->line != NULL) {
        leave(me);
        t->expired = false;
        if (op->verb == READ || op->verb == WRITE)
            let_in(op->object);
    }
    if (op->verb == ONCE && world.runners[op->object] == me)
        return end_once(op->object);
    if (op->verb != WAIT)
        return t->outcome;
    return again ? t->result : lock_again(me, op);
}

static void end_part(int me)
{
    world.tasks[me].ended = true;
    for (int i = 0; i < OBJECTS; i++) {
        unlock(me, i);
        leave_rwlock(me, i);
    }
}

static void go_on(int me)
{
    struct task *t = &world.tasks[me];

    if (me == STAGE_MANAGER) {
        t->ended = true;
        for (int i = 0; i < world.script->parts; i++)
            cancel(i);
        return;
    }
    if (t->at < 0)
        record_add(world.record, (struct event){me, t->at++, 0, world.now});
    for (; t->at < world.script->counts[me]; t->at++) {
        const struct op *op = &world.script->ops[me][t->at];
        int result;

        if (op->verb == NOTHING)
            continue;
        result = t->within ? come_back(me, op) : perform(me, op);
        t->within = result == WAITS;
        if (t->within)
            return;
        record_add(world.record, (struct event){me, t->at, result, world.now});
    }
    end_part(me);
}

/* ---- time ---- */

static struct task *next_alarm(void)
{
    struct task *next = &world.tasks[0];

    for (struct task *t = world.tasks; t < world.tasks + MANY; t++)
        if (t->alarm < next->alarm || (t->alarm == next->alarm && t->alarm_turn < next->alarm_turn))
            next = t;
    return next->alarm != INT64_MAX ? next : NULL;
}

static bool pass_time(void)
{
    struct task *t = next_alarm();

    if (t == NULL)
        return false;
    for (world.now = t->alarm; t != NULL && t->alarm == world.now; t = next_alarm()) {
        if (t->sleeps)
            complete((int)(t - world.tasks));
        else
            expire((int)(t - world.tasks), -ETIMEDOUT);
    }
    return true;
}

/* As src/sched/queue.c draws. */
static int take_ready(void)
{
    struct line *l = &world.ready;
    int drawn = world.script->seed != 0 ? (int)(coro__random(&world.seed) % (uint64_t)l->count) : 0,
        who = l->who[drawn];

    l->who[drawn] = l->who[0];
    take_out(l, 0);
    return who;
}

void script_predict(const struct script *s, struct record *r)
{
    memset(&world, 0, sizeof world);
    world.script = s;
    world.record = r;
    world.seed = s->seed;
    r->count = 0;
    r->outcome = 0;
    for (int i = 0; i < OBJECTS; i++)
        world.holders[i] = world.writers[i] = world.runners[i] = NOBODY;
    for (int i = 0; i < MANY; i++)
        world.tasks[i] = (struct task){.at = -1, .ended = i >= s->parts, .alarm = INT64_MAX};
    make_ready(STAGE_MANAGER, false);
    take_ready();
    for (int i = 0; i < s->parts; i++)
        make_ready(i, false);
    world.tasks[STAGE_MANAGER].ended = false;
    fall_asleep(STAGE_MANAGER, CURTAIN);
    do
        while (world.ready.count != 0)
            go_on(take_ready());
    while (pass_time());
    for (int i = 0; i < MANY; i++)
        if (!world.tasks[i].ended)
            r->outcome = -EDEADLK;
}
