/*
 * Scripts read, printed and made smaller, and what is recorded of them.
 */
#include "script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verbs[] = {
    [NOTHING] = "nothing", [LOCK] = "lock",   [UNLOCK] = "unlock", [WAIT] = "wait",     [SIGNAL] = "signal",
    [BROADCAST] = "all",   [READ] = "read",   [WRITE] = "write",   [LEAVE] = "leave",   [DOWN] = "down",
    [UP] = "up",           [MEET] = "meet",   [ADD] = "add",       [AWAIT] = "await",   [ONCE] = "once",
    [SLEEP] = "sleep",     [PAUSE] = "pause", [CANCEL] = "cancel", [SHIELD] = "shield",
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* ---- read ---- */

static enum verb read_verb(const char **at)
{
    size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz");

    for (int v = 0; v < VERBS; v++)
        if (strlen(verbs[v]) == length && memcmp(verbs[v], *at, length) == 0) {
            *at += length;
            return (enum verb)v;
        }
    fprintf(stderr, "no script: %s\n", *at);
    exit(125);
}

static bool skip(const char **at, char c)
{
    bool there = **at == c;

    *at += there;
    return there;
}

static int read_number(const char **at)
{
    char *end;
    long n = strtol(*at, &end, 10);

    *at = end;
    return (int)n;
}

static struct op read_op(const char **at)
{
    struct op op = {.where = skip(at, '^') ? NESTED : skip(at, '!') ? DEFERRED : HERE};

    op.verb = read_verb(at);
    op.object = read_number(at);
    if (skip(at, '.'))
        op.mutex = read_number(at);
    if (skip(at, ':'))
        op.n = op.verb == CANCEL ? *(*at)++ - 'a' : read_number(at);
    if (skip(at, '?'))
        op.limit = TRY;
    if (skip(at, '@')) {
        op.limit = AT;
        op.at = read_number(at);
    }
    return op;
}

void script_read(struct script *s, const char *const parts[])
{
    for (; *parts != NULL; parts++, s->parts++)
        for (const char *at = *parts; *at != '\0'; skip(&at, ' '))
            s->ops[s->parts][s->counts[s->parts]++] = read_op(&at);
}

/* ---- printed ---- */

/* As it can be read again. What does not matter to the verb is left out. */
static void print_op(const struct op *op)
{
    bool waits = op->verb == LOCK || op->verb == WAIT || op->verb == READ || op->verb == WRITE || op->verb == DOWN ||
                 op->verb == MEET || op->verb == AWAIT;

    printf(" %s%s", op->where == NESTED ? "^" : op->where == DEFERRED ? "!" : "", verbs[op->verb]);
    if (op->object != 0 && op->verb < SLEEP)
        printf("%d", op->object);
    if (op->mutex != 0 && op->verb == WAIT)
        printf(".%d", op->mutex);
    if (op->verb == CANCEL)
        printf(":%c", 'a' + op->n);
    else if (op->n != 0)
        printf(":%d", op->n);
    if (op->limit == AT && waits)
        printf("@%d", op->at);
    if (op->limit == TRY && waits)
        printf("?");
}

void script_print(const struct script *s)
{
    printf("script: policy %d, seed %llu\n", (int)s->policy, (unsigned long long)s->seed);
    for (int i = 0; i < s->parts; i++) {
        printf("  %c:", 'a' + i);
        for (int k = 0; k < s->counts[i]; k++)
            if (s->ops[i][k].verb != NOTHING)
                print_op(&s->ops[i][k]);
        printf("\n");
    }
}

/* ---- records ---- */

void record_add(struct record *r, struct event e)
{
    if (r->count < EVENTS)
        r->events[r->count++] = e;
}

static const char *name_of(int result)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {{-EAGAIN, "EAGAIN"}, {-ETIMEDOUT, "ETIMEDOUT"}, {-ECANCELED, "ECANCELED"}, {-EDEADLK, "EDEADLK"},
                 {-EPERM, "EPERM"},   {-EINVAL, "EINVAL"},       {-EOVERFLOW, "EOVERFLOW"}, {-ESRCH, "ESRCH"}};
    static char number[16];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].result == result)
            return names[i].name;
    snprintf(number, sizeof number, "%d", result);
    return number;
}

static bool is_silent(const struct event *e, const struct op *op)
{
    static const bool silent[VERBS] = {[UNLOCK] = true, [LEAVE] = true,  [SLEEP] = true, [PAUSE] = true,
                                       [CANCEL] = true, [SHIELD] = true, [ADD] = true,   [UP] = true};

    return e->result == 0 && silent[op->verb];
}

const char *record_text(const struct script *s, const struct record *r)
{
    static char text[EVENTS * 32];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < r->count; i++) {
        const struct event *e = &r->events[i];
        const struct op *op = &s->ops[e->part][e->op < 0 ? 0 : e->op];

        if (e->op < 0 || is_silent(e, op))
            continue;
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d %c %s", n != 0 ? ", " : "", (int)e->time, 'a' + e->part,
                              verbs[op->verb]);
        if (op->object != 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%d", op->object);
        if (e->result != 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "=%s", name_of(e->result));
    }
    if (r->outcome != 0)
        snprintf(text + n, sizeof text - n, ", and it ended with %s", name_of(r->outcome));
    return text;
}

static bool same(const struct event *a, const struct event *b)
{
    return a->part == b->part && a->op == b->op && a->result == b->result && a->time == b->time;
}

size_t record_difference(const struct record *a, const struct record *b)
{
    for (size_t i = 0; i < a->count || i < b->count; i++)
        if (i >= a->count || i >= b->count || !same(&a->events[i], &b->events[i]))
            return i;
    return a->outcome == b->outcome ? SIZE_MAX : a->count;
}

const char *played(coro_policy policy, uint64_t seed, const char *const parts[])
{
    static struct record r;
    struct script s = {.policy = policy, .seed = seed};

    script_read(&s, parts);
    script_play(&s, &r);
    return record_text(&s, &r);
}

/* ---- made smaller ---- */

static bool drop(struct script *s, int from, int count, bool (*fails)(const struct script *))
{
    struct script smaller = *s;
    bool dropped = false;

    for (int i = from; i < from + count && i < PARTS * OPS; i++) {
        struct op *op = &smaller.ops[i / OPS][i % OPS];

        dropped |= op->verb != NOTHING;
        op->verb = NOTHING;
    }
    if (!dropped || !fails(&smaller))
        return false;
    *s = smaller;
    return true;
}

void script_shrink(struct script *s, bool (*fails)(const struct script *))
{
    bool smaller = true;

    while (smaller) {
        smaller = false;
        for (int size = OPS; size > 0; size /= 2)
            for (int from = 0; from < PARTS * OPS; from += size)
                smaller |= drop(s, from, size, fails);
    }
}
