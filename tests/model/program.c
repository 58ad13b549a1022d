#include "program.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

/* ---- generated ---- */

static int below(int n)
{
    return (int)random_below((size_t)n);
}

static bool chance(int percent)
{
    return below(100) < percent;
}

static void choose_limit(struct op *op)
{
    op->limit = chance(15) ? TRY : chance(40) ? FOREVER : AFTER;
    op->ticks = chance(10) ? -1 - below(2) : below(7);
}

/* One after `me`, or now and then itself, or the first one, which nobody may join. */
static int later_task(const struct program *p, int me)
{
    return chance(2) ? 0 : me == p->count - 1 || chance(3) ? me : me + 1 + below(p->count - me - 1);
}

static void choose_set(const struct program *p, struct op *op, int me)
{
    op->count = op->kind == JOIN ? 1 : below(SEVERAL + 1);
    for (int i = 0; i < op->count; i++)
        op->set[i] = later_task(p, me);
}

static struct op random_op(const struct program *p, int me, int *depth)
{
    static const enum kind kinds[] = {JOIN,     JOIN,        JOIN,   JOIN_ANY, JOIN_ANY,     JOIN_ALL,
                                      JOIN_ALL, DETACH,      CANCEL, CANCEL,   SHIELD,       SHIELD,
                                      LOOK,     LOOK,        SLEEP,  SLEEP,    SLEEP,        PAUSE,
                                      PAUSE,    SLEEP_UNTIL, OPEN,   OPEN,     GROUP_CANCEL, GROUP_JOIN};
    struct op op = {.kind = kinds[random_below(sizeof kinds / sizeof kinds[0])]};

    choose_limit(&op);
    op.task = below(p->count);
    op.choice = op.kind == OPEN ? below(3) : chance(60);
    if (op.kind == JOIN || op.kind == JOIN_ANY || op.kind == JOIN_ALL)
        choose_set(p, &op, me);
    if (op.kind == SLEEP_UNTIL)
        op.ticks = below(12);
    if (op.kind == OPEN && *depth == LEVELS)
        op.kind = PAUSE;
    if (op.kind == OPEN)
        ++*depth;
    if (op.kind == GROUP_JOIN && *depth > 0)
        --*depth;
    if (op.kind == GROUP_CANCEL) {
        op.task = chance(50) ? me : below(me + 1);
        op.level = below(2);
    }
    return op;
}

static struct op start_of(int child, int me, int depth)
{
    struct op op = {.kind = chance(85) ? SPAWN : SPAWN_DETACHED, .task = child};

    if (depth > 0 ? chance(75) : chance(20))
        op = (struct op){.kind = GROUP_SPAWN,
                         .task = depth > 0 && chance(85) ? me : below(me + 1),
                         .level = below(LEVELS),
                         .child = child};
    if (op.kind == GROUP_SPAWN && op.task == me && depth > 0)
        op.level = below(depth);
    return op;
}

static void generate_body(struct program *p, int me, const int parents[])
{
    struct body *body = &p->bodies[me];
    int depth = 0, extra = 1 + below(6);

    body->result = chance(60) ? 0 : -1 - below(5);
    body->returns_last = chance(30);
    body->quits = chance(50);
    if (chance(40))
        body->ops[body->count++] =
            (struct op){.kind = OPEN, .choice = below(3), .limit = chance(50) ? FOREVER : AFTER, .ticks = 1 + below(6)},
        depth++;
    for (int child = me + 1; child < p->count; child++) {
        if (parents[child] != me)
            continue;
        while (extra > 0 && body->count < OPS - (p->count - child) && chance(40))
            body->ops[body->count++] = random_op(p, me, &depth), extra--;
        body->ops[body->count++] = start_of(child, me, depth);
    }
    for (; extra > 0 && body->count < OPS; extra--)
        body->ops[body->count++] = random_op(p, me, &depth);
}

void program_generate(struct program *p, uint64_t seed)
{
    int parents[TASKS] = {0};

    random_seed(seed);
    *p = (struct program){.seed = seed, .count = 2 + below(TASKS - 1)};
    p->order = seed % 4 < 2 ? FIFO : seed % 4 == 2 ? DEPTH_FIRST : RANDOM;
    for (int i = 1; i < p->count; i++)
        parents[i] = below(chance(50) ? i : 1 + (i - 1) / 2);
    for (int i = 0; i < p->count; i++)
        generate_body(p, i, parents);
}

/* ---- shrunk ---- */

static bool drop(struct program *p, int from, int count, bool (*fails)(const struct program *p))
{
    struct program smaller = *p;
    bool dropped = false;

    for (int i = from; i < from + count && i < TASKS * OPS; i++) {
        struct op *op = &smaller.bodies[i / OPS].ops[i % OPS];

        dropped |= op->kind != NOTHING;
        op->kind = NOTHING;
    }
    if (!dropped || !fails(&smaller))
        return false;
    *p = smaller;
    return true;
}

static bool simplify_body(struct program *p, int i, bool (*fails)(const struct program *p))
{
    struct program smaller = *p;
    struct body *body = &smaller.bodies[i];

    if (body->result == 0 && !body->returns_last && !body->quits)
        return false;
    body->result = 0;
    body->returns_last = body->quits = false;
    if (!fails(&smaller))
        return false;
    *p = smaller;
    return true;
}

void program_shrink(struct program *p, bool (*fails)(const struct program *p))
{
    bool smaller = true;

    while (smaller) {
        smaller = false;
        for (int size = OPS; size > 0; size /= 2)
            for (int from = 0; from < TASKS * OPS; from += size)
                smaller |= drop(p, from, size, fails);
        for (int i = 0; i < TASKS; i++)
            smaller |= simplify_body(p, i, fails);
    }
}

/* ---- printed ---- */

static void print_limit(const struct op *op)
{
    if (op->limit == AFTER)
        printf(" until now%+d", op->ticks);
    else
        printf(op->limit == TRY ? " deadline 0" : " for ever");
}

static void print_op(const struct op *op)
{
    static const char *const names[] = {
        "nothing", "spawn", "spawn detached", "join",  "join any", "join all",    "detach",       "cancel",    "shield",
        "look",    "sleep", "sleep until",    "pause", "open",     "group spawn", "group cancel", "group join"};
    static const char *const policies[] = {"fail-fast", "wait-all", "race"};

    printf("%s", names[op->kind]);
    if (op->kind == SPAWN || op->kind == SPAWN_DETACHED || op->kind == DETACH || op->kind == CANCEL)
        printf(" t%d", op->task);
    if (op->kind == SHIELD)
        printf(op->choice != 0 ? " on" : " off");
    if (op->kind == SLEEP || op->kind == SLEEP_UNTIL)
        printf(" %d", op->ticks);
    if (op->kind == OPEN)
        printf(" %s", policies[op->choice]);
    if (op->kind == GROUP_SPAWN || op->kind == GROUP_CANCEL)
        printf(" t%d.%d", op->task, op->level);
    if (op->kind == GROUP_SPAWN)
        printf(" t%d", op->child);
    for (int i = 0; i < op->count; i++)
        printf(" t%d", op->set[i]);
    if ((op->kind >= JOIN && op->kind <= JOIN_ALL) || op->kind == OPEN)
        print_limit(op);
}

void program_print(const struct program *p)
{
    static const char *const orders[] = {"first in, first out", "depth first", "random"};
    bool started[TASKS] = {true};

    printf("program %llu, order %s\n", (unsigned long long)p->seed, orders[p->order]);
    for (int i = 0; i < p->count; i++) {
        const struct body *body = &p->bodies[i];

        if (!started[i])
            continue;
        printf("  t%d: result %d%s%s\n", i, body->result, body->returns_last ? ", or its last error" : "",
               body->quits ? ", quits when cancelled" : "");
        for (int k = 0; k < body->count; k++) {
            const struct op *op = &body->ops[k];

            if (op->kind == NOTHING)
                continue;
            if (op->kind == SPAWN || op->kind == SPAWN_DETACHED)
                started[op->task] = true;
            if (op->kind == GROUP_SPAWN)
                started[op->child] = true;
            printf("    %2d  ", k);
            print_op(op);
            printf("\n");
        }
    }
}

/* ---- traces ---- */

void trace_add(struct trace *list, struct event event)
{
    if (list->count < EVENTS)
        list->events[list->count++] = event;
}

void trace_print(const char *title, const struct program *p, const struct trace *list, size_t count)
{
    printf("%s:\n", title);
    for (size_t i = 0; i < count && i < list->count; i++) {
        const struct event *e = &list->events[i];

        printf("  %4lld  t%d  ", (long long)e->time, e->task);
        if (e->op < OPS)
            print_op(&p->bodies[e->task].ops[e->op]);
        else
            printf(e->op == BEGINS ? "begins" : e->op == ENDS ? "ends" : "group join at its end");
        printf(e->result == SKIPPED ? " -> passed over\n" : " -> %d, %lld\n", e->result, (long long)e->value);
    }
    if (count > list->count)
        printf("  (nothing more)\n");
}

static bool same(const struct event *a, const struct event *b)
{
    return a->task == b->task && a->op == b->op && a->result == b->result && a->value == b->value && a->time == b->time;
}

size_t trace_difference(const struct trace *a, const struct trace *b)
{
    for (size_t i = 0; i < a->count || i < b->count; i++)
        if (i >= a->count || i >= b->count || !same(&a->events[i], &b->events[i]))
            return i;
    return SIZE_MAX;
}

static uint64_t hash_in(uint64_t hash, int64_t value)
{
    return (hash ^ (uint64_t)value) * UINT64_C(0x100000001b3); /* FNV-1a, by words */
}

uint64_t trace_hash(const struct trace *list)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < list->count; i++) {
        const struct event *e = &list->events[i];

        hash = hash_in(hash_in(hash_in(hash_in(hash_in(hash, e->task), e->op), e->result), e->value), e->time);
    }
    return hash;
}
