/*
 * A program run by the library, with virtual time. The tasks share tables of who is there, to pass over what would be misuse.
 *
 * Some of the tasks have a stack and some have none, as the seed says: the model does not know.
 */
#include "program.h"

#include <coro.h>
#include <string.h>

enum { TICK = 1000 };

static struct {
    const struct program *program;
    struct trace *trace;
    int64_t start;
    int alive;
    struct one {
        coro_task_t *handle;
        bool spawned, known, detached, ended, gone;
        bool held; /* some task is in a call that joins it */
        coro_group_t groups[LEVELS];
        int children[LEVELS]; /* that have not ended */
        int depth, shielded;
        int host, level; /* of the group that it is in */
    } tasks[TASKS];
} world;

struct outcome {
    int result;
    int64_t value;
};

static void record(int me, int op, struct outcome outcome)
{
    trace_add(world.trace, (struct event){.task = me,
                                          .op = op,
                                          .result = outcome.result,
                                          .value = outcome.value,
                                          .time = (coro_now() - world.start) / TICK});
}

static bool usable(int i)
{
    const struct one *t = &world.tasks[i];

    return t->spawned && t->known && !t->gone && !(t->ended && (t->detached || t->held));
}

static bool is_open(int host, int level)
{
    return level < world.tasks[host].depth;
}

static int64_t deadline_of(const struct op *op)
{
    return op->limit == TRY ? 0 : op->limit == FOREVER ? CORO_FOREVER : coro_now() + op->ticks * (int64_t)TICK;
}

/* ---- starts ---- */

static int spawn_task(coro_task_t **out, struct one *t);
static int spawn_child(coro_group_t *g, struct one *t);

static struct outcome start(const struct op *op)
{
    struct one *t = &world.tasks[op->task];
    bool detached = op->kind == SPAWN_DETACHED;
    int result = spawn_task(detached ? NULL : &t->handle, t);

    t->spawned = true;
    t->detached = detached;
    t->known = !detached;
    t->host = -1;
    world.alive++;
    return (struct outcome){result, 0};
}

static struct outcome start_child(const struct op *op)
{
    struct one *host = &world.tasks[op->task], *t = &world.tasks[op->child];

    if (!is_open(op->task, op->level))
        return (struct outcome){SKIPPED, 0};
    t->spawned = t->detached = true;
    t->host = op->task;
    t->level = op->level;
    host->children[op->level]++;
    world.alive++;
    return (struct outcome){spawn_child(&host->groups[op->level], t), 0};
}

/* ---- joins ---- */

static struct outcome call_join(const struct op *op)
{
    coro_task_t *handles[SEVERAL];
    void *results[SEVERAL] = {0};
    size_t which = 0, n = (size_t)op->count;
    struct outcome outcome = {0};

    for (int i = 0; i < op->count; i++)
        handles[i] = world.tasks[op->set[i]].handle;
    if (op->kind == JOIN)
        outcome.result = coro_join(handles[0], results, deadline_of(op));
    else if (op->kind == JOIN_ANY)
        outcome.result = coro_join_any(handles, n, &which, results, deadline_of(op));
    else
        outcome.result = coro_join_all(handles, n, results, deadline_of(op));
    if (outcome.result != 0)
        return outcome;
    for (int i = 0; i < op->count; i++) {
        world.tasks[op->set[i]].gone |= op->kind != JOIN_ANY || (size_t)i == which;
        if (op->kind != JOIN_ANY)
            outcome.value = mixed(outcome.value, (int)(intptr_t)results[i]);
    }
    if (op->kind == JOIN_ANY)
        outcome.value = mixed((int64_t)which + 1, (int)(intptr_t)results[0]);
    return outcome;
}

static struct outcome join(const struct op *op)
{
    bool mine[SEVERAL] = {false};
    struct outcome outcome;

    for (int i = 0; i < op->count; i++)
        if (!usable(op->set[i]))
            return (struct outcome){SKIPPED, 0};
    for (int i = 0; i < op->count; i++) {
        mine[i] = !world.tasks[op->set[i]].held;
        world.tasks[op->set[i]].held = true;
    }
    outcome = call_join(op);
    for (int i = 0; i < op->count; i++)
        if (mine[i])
            world.tasks[op->set[i]].held = false;
    return outcome;
}

/* ---- groups ---- */

static struct outcome open_group(int me, const struct op *op)
{
    struct one *t = &world.tasks[me];

    if (t->depth == LEVELS)
        return (struct outcome){SKIPPED, 0};
    t->children[t->depth] = 0;
    return (struct outcome){coro_group_open(&t->groups[t->depth++], (coro_group_policy)op->choice, deadline_of(op)), 0};
}

/* The innermost one. The value is how many of its children are left: none, that is. */
static struct outcome join_group(int me)
{
    struct one *t = &world.tasks[me];
    int result;

    if (t->depth == 0)
        return (struct outcome){SKIPPED, 0};
    result = coro_group_join(&t->groups[t->depth - 1]);
    t->depth--;
    return (struct outcome){result, t->children[t->depth]};
}

/* ---- others ---- */

static struct outcome detach(int i)
{
    struct one *t = &world.tasks[i];
    int result;

    if (!usable(i))
        return (struct outcome){SKIPPED, 0};
    result = coro_detach(t->handle);
    t->detached |= result == 0;
    return (struct outcome){result, 0};
}

static struct outcome perform(int me, const struct op *op)
{
    struct outcome skipped = {SKIPPED, 0};

    switch (op->kind) {
    case SPAWN:
    case SPAWN_DETACHED:
        return start(op);
    case GROUP_SPAWN:
        return start_child(op);
    case JOIN:
    case JOIN_ANY:
    case JOIN_ALL:
        return join(op);
    case DETACH:
        return detach(op->task);
    case CANCEL:
        return usable(op->task) ? (struct outcome){coro_cancel(world.tasks[op->task].handle), 0} : skipped;
    case SHIELD:
        return (struct outcome){coro_shield(op->choice != 0), 0};
    case LOOK:
        return (struct outcome){coro_cancelled(), 0};
    case SLEEP:
        return (struct outcome){coro_sleep(op->ticks * (int64_t)TICK), 0};
    case SLEEP_UNTIL:
        return (struct outcome){coro_sleep_until(world.start + op->ticks * (int64_t)TICK), 0};
    case PAUSE:
        return (struct outcome){coro_pause(), 0};
    case OPEN:
        return open_group(me, op);
    case GROUP_CANCEL:
        if (!is_open(op->task, op->level))
            return skipped;
        return (struct outcome){coro_group_cancel(&world.tasks[op->task].groups[op->level]), 0};
    case GROUP_JOIN:
        return join_group(me);
    default:
        return skipped;
    }
}

/* ---- bodies ---- */

/* The last task lets go of whoever nobody has joined, so that no report is made of them. */
static void let_go(void)
{
    for (int i = 0; i < TASKS; i++)
        if (i != 0 && usable(i))
            coro_detach(world.tasks[i].handle);
}

static void begin(struct one *t)
{
    t->handle = coro_task_self();
    t->known = true;
    record((int)(t - world.tasks), BEGINS, (struct outcome){0, 0});
}

/* What it returns. */
static int finish(struct one *t, int last)
{
    int me = (int)(t - world.tasks);
    const struct body *body = &world.program->bodies[me];

    if (!body->returns_last || last >= 0)
        last = body->result;
    record(me, ENDS, (struct outcome){last, 0});
    t->ended = true;
    if (t->host >= 0)
        world.tasks[t->host].children[t->level]--;
    if (--world.alive == 0) {
        t->ended = false;
        let_go();
    }
    return last;
}

static int interpret(int me)
{
    const struct body *body = &world.program->bodies[me];
    struct one *t = &world.tasks[me];
    int last = 0;

    begin(t);
    for (int k = 0; k < body->count && !(body->quits && last == -ECANCELED); k++) {
        struct outcome outcome;

        if (body->ops[k].kind == NOTHING)
            continue;
        outcome = perform(me, &body->ops[k]);
        record(me, k, outcome);
        last = outcome.result;
    }
    while (t->depth > 0)
        record(me, JOINS_AT_END, join_group(me));
    return finish(t, last);
}

static void *task_body(void *arg)
{
    return (void *)(intptr_t)interpret((int)((struct one *)arg - world.tasks));
}

static int job_body(void *arg)
{
    return interpret((int)((struct one *)arg - world.tasks));
}

/* ---- without a stack ---- */

struct lives {
    CORO_ASYNC_POINT;
    struct one *t;
    int k, last;
    bool mine; /* it is the first to join that one */
    struct outcome outcome;
    void *joined;
};

/* The call of an operation that may wait; what does not wait is done here. */
static int call_of(struct lives *self, const struct op *op)
{
    int me = (int)(self->t - world.tasks);

    switch (op->kind) {
    case JOIN:
        return coro_join(world.tasks[op->set[0]].handle, &self->joined, deadline_of(op));
    case SLEEP:
        return coro_sleep(op->ticks * (int64_t)TICK);
    case SLEEP_UNTIL:
        return coro_sleep_until(world.start + op->ticks * (int64_t)TICK);
    case PAUSE:
        return coro_pause();
    case GROUP_JOIN:
        return coro_group_join(&self->t->groups[self->t->depth - 1]);
    default:
        self->outcome = perform(me, op);
        return self->outcome.result;
    }
}

static bool is_passed_over(const struct lives *self, const struct op *op)
{
    return (op->kind == JOIN && !usable(op->set[0])) || (op->kind == GROUP_JOIN && self->t->depth == 0);
}

static void prepare(struct lives *self, const struct op *op)
{
    self->outcome = (struct outcome){0, 0};
    if (op->kind == JOIN) {
        self->mine = !world.tasks[op->set[0]].held;
        world.tasks[op->set[0]].held = true;
    }
}

static void conclude(struct lives *self, const struct op *op, int result)
{
    self->outcome.result = result;
    if (op->kind == JOIN) {
        if (self->mine)
            world.tasks[op->set[0]].held = false;
        if (result == 0) {
            world.tasks[op->set[0]].gone = true;
            self->outcome.value = mixed(0, (int)(intptr_t)self->joined);
        }
    }
    if (op->kind == GROUP_JOIN)
        self->outcome.value = self->t->children[--self->t->depth];
}

static const struct op *op_at(const struct lives *self)
{
    static const struct op at_end = {.kind = GROUP_JOIN};
    const struct body *body = &world.program->bodies[self->t - world.tasks];

    return self->k < body->count ? &body->ops[self->k] : &at_end;
}

static bool is_over(const struct lives *self)
{
    const struct body *body = &world.program->bodies[self->t - world.tasks];

    return self->k >= body->count || (body->quits && self->last == -ECANCELED);
}

CORO_ASYNC(int, lives)
{
    int result;

    CORO_ASYNC_BEGIN;
    begin(self->t);
    for (; !is_over(self); self->k++) {
        if (op_at(self)->kind == NOTHING)
            continue;
        if (is_passed_over(self, op_at(self))) {
            self->outcome = (struct outcome){SKIPPED, 0};
        } else {
            prepare(self, op_at(self));
            CORO_AWAIT(result, call_of(self, op_at(self)));
            conclude(self, op_at(self), result);
        }
        record((int)(self->t - world.tasks), self->k, self->outcome);
        self->last = self->outcome.result;
    }
    for (self->k = OPS; self->t->depth > 0;) {
        CORO_AWAIT(result, call_of(self, op_at(self)));
        conclude(self, op_at(self), result);
        record((int)(self->t - world.tasks), JOINS_AT_END, self->outcome);
    }
    CORO_ASYNC_RETURN(finish(self->t, self->last));
    CORO_ASYNC_END;
}

struct lives_lightly {
    CORO_ASYNC_POINT;
    struct lives inner;
};

CORO_ASYNC_LIGHT(int, lives_lightly)
{
    int result;

    CORO_ASYNC_BEGIN;
    CORO_ASYNC_CALL(result, lives, &self->inner);
    CORO_ASYNC_RETURN(result);
    CORO_ASYNC_END;
}

/* ---- which of them ---- */

static bool has_any(const struct one *t, unsigned kinds)
{
    const struct body *body = &world.program->bodies[t - world.tasks];

    for (int k = 0; k < body->count; k++)
        if ((kinds >> body->ops[k].kind & 1) != 0)
            return true;
    return false;
}

/* Joining several takes a stack. */
static bool is_stackless(const struct one *t)
{
    uint64_t bits = world.program->seed * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    return (bits >> (t - world.tasks) & 1) != 0 && !has_any(t, 1u << JOIN_ANY | 1u << JOIN_ALL);
}

static int spawn_task(coro_task_t **out, struct one *t)
{
    if (!is_stackless(t))
        return coro_spawn(out, task_body, t, NULL);
    if (has_any(t, 1u << JOIN | 1u << OPEN))
        return coro_async_spawn(out, lives, &(struct lives){.t = t});
    return coro_async_spawn(out, lives_lightly, &(struct lives_lightly){.inner.t = t});
}

static int spawn_child(coro_group_t *g, struct one *t)
{
    return is_stackless(t) ? coro_group_async_spawn(g, lives, &(struct lives){.t = t})
                           : coro_group_spawn(g, job_body, t);
}

static void *first_body(void *arg)
{
    world.start = coro_now();
    return task_body(arg);
}

int run_real(const struct program *p, struct trace *trace)
{
    const coro_sched_opts opts = {.virtual_time = true,
                                  .policy = p->order == DEPTH_FIRST ? CORO_DEPTH_FIRST : CORO_FIFO,
                                  .seed = p->order == RANDOM ? p->seed : 0};

    memset(&world, 0, sizeof world);
    world.program = p;
    world.trace = trace;
    world.alive = 1;
    world.tasks[0].spawned = true;
    world.tasks[0].held = true; /* by coro_run() */
    world.tasks[0].host = -1;
    trace->count = 0;
    return coro_run(first_body, &world.tasks[0], NULL, &opts);
}
