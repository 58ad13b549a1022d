/*
 * The model: what a program does, worked out on plain records, from what the headers say. No task has a stack; one that waits is left
 * at its operation, with the outcome filled in by whatever ends the wait.
 */
#include "program.h"

#include <errno.h>
#include <string.h>

enum { BY_CALL = 1, BY_DEADLINE = 2, BY_OUTER = 4, BY_OUTCOME = 8, FAIL_FAST = 0, RACE = 2, WAITS = SKIPPED + 1 };

struct alarm {
    int64_t deadline; /* INT64_MAX: not set */
    int turn;
};

struct group {
    int policy, cancelled, error, count;
    bool early, won, shielded;
    struct task *host, *children[TASKS];
    struct alarm alarm;
};

enum state { ABSENT, READY, WAITING, EXPIRED, ENDED }; /* EXPIRED: will go on, but may still be completed */

struct task {
    enum state state;
    const struct body *body;
    const struct op *op;                /* that it is in */
    int at, outcome, last, left, depth; /* left: so many more must end */
    bool begun, known, detached, gone, cancelled, shielded;
    struct task *joiner;
    struct group *group, groups[LEVELS];
    struct alarm alarm;
};

static struct {
    const struct program *program;
    struct trace *trace;
    struct task tasks[TASKS], *ready[TASKS];
    int count, turn;
    int64_t now;
} world;

static void record(const struct task *t, int op, int result, int64_t value)
{
    trace_add(world.trace, (struct event){(int)(t - world.tasks), op, result, value, world.now});
}

/* ---- ready, waiting ---- */

static void enqueue(struct task *t, bool front)
{
    if (front)
        memmove(world.ready + 1, world.ready, (size_t)world.count * sizeof world.ready[0]);
    world.ready[front ? 0 : world.count] = t;
    world.count++;
}

/* The wait is over: READY, or EXPIRED for now. */
static void settle(struct task *t, enum state state, int outcome)
{
    if (t->state == WAITING)
        enqueue(t, world.program->order == DEPTH_FIRST);
    t->state = state;
    t->outcome = outcome;
    t->alarm.deadline = INT64_MAX;
}

static int wait_until(struct task *t, int64_t deadline)
{
    t->state = WAITING;
    t->alarm = (struct alarm){deadline, world.turn++};
    return WAITS;
}

static int64_t deadline_of(const struct op *op)
{
    return op->limit == TRY ? -1 : op->limit == FOREVER ? INT64_MAX : world.now + op->ticks;
}

/* ---- cancellation ---- */

/* By itself, or with any group that it runs in. */
static bool refused(const struct task *t)
{
    bool cancelled = t->cancelled;

    for (int i = 0; i < t->depth; i++)
        cancelled |= t->groups[i].cancelled != 0;
    return cancelled && !t->shielded;
}

static void look_at(struct task *t)
{
    if (refused(t) && (t->state == WAITING || t->state == EXPIRED) && t->op->kind != GROUP_JOIN)
        settle(t, EXPIRED, -ECANCELED);
}

static void cancel_groups(struct task *t, int from);

/* In which order tasks are reached is nowhere said: groups from the outermost, and in each the youngest first. */
static void cancel_task(struct task *t)
{
    if (t->cancelled)
        return;
    t->cancelled = true;
    look_at(t);
    cancel_groups(t, 0);
}

static void cancel_children(struct group *g, int why)
{
    g->cancelled |= why;
    for (int i = g->count - 1; i >= 0; i--)
        cancel_task(g->children[i]);
}

static void cancel_groups(struct task *t, int from)
{
    for (int i = from; i < t->depth; i++)
        if (!t->groups[i].shielded)
            cancel_children(&t->groups[i], BY_OUTER);
}

static void cancel_group(struct group *g, int why)
{
    g->cancelled |= why;
    cancel_groups(g->host, (int)(g - g->host->groups) + 1);
    cancel_children(g, why);
    look_at(g->host);
}

/* ---- starts and ends ---- */

static int start(int i, bool detached, struct group *group)
{
    struct task *t = &world.tasks[i];

    *t = (struct task){
        .state = READY, .body = &world.program->bodies[i], .at = -1, .group = group, .alarm = {INT64_MAX, 0}};
    t->known = !detached;
    t->detached = detached;
    t->cancelled = group != NULL && group->cancelled != 0;
    if (group != NULL)
        group->children[group->count++] = t;
    enqueue(t, world.program->order == DEPTH_FIRST);
    return 0;
}

static void child_ends(const struct task *t, struct group *g)
{
    int i = 0, decisive = t->last != 0 ? FAIL_FAST : RACE;

    while (g->children[i] != t)
        i++;
    memmove(&g->children[i], &g->children[i + 1], (size_t)(--g->count - i) * sizeof g->children[0]);
    if (t->last != 0 && g->error == 0) {
        g->error = t->last;
        g->early = g->cancelled == 0;
    }
    g->won |= t->last == 0 && g->policy == RACE;
    if (g->cancelled == 0 && g->policy == decisive)
        cancel_group(g, BY_OUTCOME);
    if (g->count == 0 && g->host->state == WAITING && g->host->op->kind == GROUP_JOIN &&
        g == &g->host->groups[g->host->depth - 1])
        settle(g->host, READY, 0);
}

static void end(struct task *t)
{
    if (!t->body->returns_last || t->last >= 0)
        t->last = t->body->result;
    record(t, ENDS, t->last, 0);
    t->state = ENDED;
    if (t->group != NULL)
        child_ends(t, t->group);
    if (t->joiner != NULL && t->joiner->left > 0 && --t->joiner->left == 0)
        settle(t->joiner, READY, 0);
}

/* ---- operations ---- */

static bool usable(int i)
{
    const struct task *t = &world.tasks[i];

    return t->state != ABSENT && t->known && !t->gone && !(t->state == ENDED && (t->detached || t->joiner != NULL));
}

static int join(struct task *t, const struct op *op)
{
    int error = op->limit != TRY && refused(t) ? -ECANCELED : 0, ended = 0;

    if (op->kind == JOIN_ANY && op->count == 0)
        return -EINVAL;
    for (int i = 0; i < op->count && error == 0; i++) {
        struct task *other = &world.tasks[op->set[i]];

        error = other == t ? -EDEADLK : other->detached ? -EINVAL : other->joiner != NULL ? -EBUSY : 0;
        if (error == 0)
            other->joiner = t;
        ended += other->state == ENDED;
    }
    t->left = op->kind != JOIN_ANY ? op->count - ended : ended == 0;
    if (error != 0 || t->left == 0)
        return error;
    if (deadline_of(op) <= world.now)
        return op->limit == TRY ? -EAGAIN : -ETIMEDOUT;
    return wait_until(t, deadline_of(op));
}

/* Nobody is held any more, those joined go; the value says what they returned. */
static int64_t end_join(const struct task *t, const struct op *op, int result)
{
    int64_t value = 0;
    bool found = result != 0;

    for (int i = 0; i < op->count; i++) {
        struct task *other = &world.tasks[op->set[i]];

        if (other->joiner == t)
            other->joiner = NULL;
        if (found || (op->kind == JOIN_ANY && other->state != ENDED))
            continue;
        other->gone = true;
        found = op->kind == JOIN_ANY;
        value = mixed(found ? i + 1 : value, other->last);
    }
    return value;
}

static int open_group(struct task *t, const struct op *op)
{
    struct group *g = &t->groups[t->depth];

    *g = (struct group){
        .policy = op->choice, .cancelled = refused(t) ? BY_OUTER : 0, .shielded = t->shielded, .host = t};
    g->alarm = (struct alarm){deadline_of(op), world.turn++};
    t->depth++;
    if (g->alarm.deadline > world.now)
        return 0;
    g->alarm.deadline = INT64_MAX;
    cancel_group(g, BY_DEADLINE);
    return 0;
}

/* In a race an error decides nothing, however early. */
static int join_group(struct task *t)
{
    const struct group *g = &t->groups[t->depth - 1];

    if (g->count != 0)
        return wait_until(t, INT64_MAX);
    t->depth--;
    if (g->won || (g->early && g->policy != RACE))
        return g->won ? 0 : g->error;
    return (g->cancelled & BY_OUTER) != 0 ? -ECANCELED : (g->cancelled & BY_DEADLINE) != 0 ? -ETIMEDOUT : g->error;
}

static int sleep_until(struct task *t, int64_t time)
{
    if (time > world.now)
        return refused(t) ? -ECANCELED : wait_until(t, time);
    t->outcome = refused(t) ? -ECANCELED : 0;
    enqueue(t, false);
    return WAITS;
}

static bool is_passed_over(const struct task *t, const struct op *op)
{
    bool missing = (op->kind == DETACH || op->kind == CANCEL) && !usable(op->task);

    missing |= (op->kind == GROUP_SPAWN || op->kind == GROUP_CANCEL) && op->level >= world.tasks[op->task].depth;
    for (int i = 0; i < op->count; i++)
        missing |= !usable(op->set[i]);
    return missing || (op->kind == OPEN && t->depth == LEVELS) || (op->kind == GROUP_JOIN && t->depth == 0);
}

static int perform(struct task *t, const struct op *op)
{
    struct task *other = &world.tasks[op->task];
    int result = 0;

    if (is_passed_over(t, op))
        return SKIPPED;
    switch (op->kind) {
    case SPAWN:
    case SPAWN_DETACHED:
        return start(op->task, op->kind == SPAWN_DETACHED, NULL);
    case GROUP_SPAWN:
        return start(op->child, true, &other->groups[op->level]);
    case JOIN:
    case JOIN_ANY:
    case JOIN_ALL:
        return join(t, op);
    case DETACH:
        result = other->detached ? -EINVAL : other->joiner != NULL ? -EBUSY : 0;
        other->detached |= result == 0;
        return result;
    case CANCEL:
        if (other->state != ENDED)
            cancel_task(other);
        return other->state == ENDED ? -ESRCH : 0;
    case SHIELD:
        result = t->shielded;
        t->shielded = op->choice != 0;
        return result;
    case LOOK:
        return refused(t);
    case OPEN:
        return open_group(t, op);
    case GROUP_CANCEL:
        cancel_group(&other->groups[op->level], BY_CALL);
        return 0;
    case GROUP_JOIN:
        return join_group(t);
    default:
        return sleep_until(t, op->kind == PAUSE ? 0 : op->ticks + (op->kind == SLEEP ? world.now : 0));
    }
}

/* The operation that it is at, or goes to; NULL if there is none. */
static const struct op *next_op(struct task *t)
{
    static const struct op join_at_end = {.kind = GROUP_JOIN};

    if (t->body->quits && t->last == -ECANCELED && !t->begun)
        t->at = OPS;
    while (t->at < t->body->count && t->body->ops[t->at].kind == NOTHING)
        t->at++;
    if (t->at < t->body->count)
        return &t->body->ops[t->at];
    return t->depth > 0 ? &join_at_end : NULL;
}

static void go_on(struct task *t)
{
    if (t->at < 0) {
        record(t, BEGINS, 0, 0);
        t->known = true;
        t->at = 0;
    }
    t->state = READY;
    while ((t->op = next_op(t)) != NULL) {
        bool at_end = t->at >= t->body->count;
        int result = t->begun && t->op->kind != GROUP_JOIN ? t->outcome : perform(t, t->op);

        t->begun = result == WAITS;
        if (t->begun)
            return;
        record(t, at_end ? JOINS_AT_END : t->at, result, end_join(t, t->op, result));
        t->last = at_end ? t->last : result;
        t->at++;
    }
    end(t);
}

/* ---- time ---- */

static void choose(struct alarm **next, struct alarm *a)
{
    if (*next == NULL || a->deadline < (*next)->deadline ||
        (a->deadline == (*next)->deadline && a->turn < (*next)->turn))
        *next = a;
}

/* The alarm that goes off next, and whose it is: a task's, or a group's. */
static struct alarm *next_alarm(struct task **who, struct group **group)
{
    struct alarm *next = NULL;

    for (struct task *t = world.tasks; t < world.tasks + TASKS; t++) {
        if (t->state == WAITING)
            choose(&next, &t->alarm);
        if (next == &t->alarm)
            *who = t, *group = NULL;
        for (struct group *g = t->groups; g < t->groups + t->depth; g++) {
            choose(&next, &g->alarm);
            if (next == &g->alarm)
                *group = g;
        }
    }
    return next != NULL && next->deadline != INT64_MAX ? next : NULL;
}

static bool pass_time(void)
{
    struct task *who = NULL;
    struct group *group = NULL;
    struct alarm *a = next_alarm(&who, &group);

    if (a == NULL)
        return false;
    world.now = a->deadline;
    a->deadline = INT64_MAX;
    if (group != NULL)
        cancel_group(group, BY_DEADLINE);
    else
        settle(who, who->op->count > 0 ? EXPIRED : READY, who->op->count > 0 ? -ETIMEDOUT : 0);
    a = next_alarm(&who, &group);
    if (a != NULL && a->deadline == world.now)
        pass_time();
    return true;
}

static struct task *take(const struct trace *guide)
{
    int at = 0;
    struct task *t;

    for (int i = 0; guide != NULL && i < world.count && world.trace->count < guide->count; i++)
        if (world.ready[i] == &world.tasks[guide->events[world.trace->count].task])
            at = i;
    t = world.ready[at];
    memmove(&world.ready[at], &world.ready[at + 1], (size_t)(--world.count - at) * sizeof world.ready[0]);
    return t;
}

void run_reference(const struct program *p, struct trace *trace, const struct trace *guide)
{
    static struct task outside; /* coro_run(), which waits for the first one */

    memset(&world, 0, sizeof world);
    world.program = p;
    world.trace = trace;
    trace->count = 0;
    start(0, false, NULL);
    world.tasks[0].joiner = &outside;
    do
        while (world.count != 0)
            go_on(take(p->order == RANDOM ? guide : NULL));
    while (pass_time());
}
