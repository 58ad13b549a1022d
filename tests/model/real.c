/*
 * A program run by the library, with virtual time. The tasks share tables of who is there, to pass over what would be misuse.
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

static void *task_body(void *arg);
static int job_body(void *arg);

static struct outcome start(const struct op *op)
{
    struct one *t = &world.tasks[op->task];
    bool detached = op->kind == SPAWN_DETACHED;
    int result = coro_spawn(detached ? NULL : &t->handle, task_body, t, NULL);

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
    return (struct outcome){coro_group_spawn(&host->groups[op->level], job_body, t), 0};
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

static int interpret(int me)
{
    const struct body *body = &world.program->bodies[me];
    struct one *t = &world.tasks[me];
    int last = 0;

    t->handle = coro_task_self();
    t->known = true;
    record(me, BEGINS, (struct outcome){0, 0});
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

static void *task_body(void *arg)
{
    return (void *)(intptr_t)interpret((int)((struct one *)arg - world.tasks));
}

static int job_body(void *arg)
{
    return interpret((int)((struct one *)arg - world.tasks));
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
