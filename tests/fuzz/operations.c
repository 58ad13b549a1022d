/*
 * Bytes are operations on a set of coroutines, and a model in plain C predicts what each of them does: statuses, values, errors, who
 * runs, the order of cleanups and handlers, which values are destroyed, names, control words. A difference aborts.
 *
 * Every agent, the thread itself and each coroutine, takes the next operation from the one stream. A coroutine that ends goes on
 * taking some in its cleanups, handlers and destructors. When the stream has ended all return, and the thread destroys what is left.
 *
 * Every value that is passed is a number of its own, so that none can arrive in the place of another.
 */
#include "support/fpenv.h"

#include <coro.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 6, ROOT = SLOTS, KEYS = 4, HANDLERS = 16, FRAMES = 6, OWN_SIZE = 96 << 10, AT_END_OPS = 3 };

struct agent {
    enum stage { NONE, FRESH, SUSPENDED, ENTERED, ENDING, DEAD } state;
    coro_t *co;
    size_t size;
    char name[32];
    bool shares;    /* its resumer's control words */
    uint64_t words; /* its own, if it does not */

    /* valid while entered or ending */
    int resumer;
    uintptr_t result;
    bool destroyed, in_destructors;
    int sets_left; /* of destructors: more rounds of them than four are not run */

    int frames;
    uintptr_t handlers[HANDLERS];
    int handler_count;
    uintptr_t values[KEYS];
};

static struct agent agents[SLOTS + 1];

static struct {
    coro_key_t key;
    bool exists, destroys;
} keys[KEYS];

static struct {
    const uint8_t *at, *end;
    int running;
    uintptr_t last; /* number given to a value */
    int to;         /* who goes on next, with what */
    long status;
    uintptr_t value;
} world;

static _Alignas(16) char own_memory[SLOTS][OWN_SIZE];

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s; agent %d, %td bytes left\n", __FILE__, __LINE__, #condition, world.running,    \
                    world.end - world.at);                                                                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void interpret(int me, int most);

static unsigned next_byte(void)
{
    return world.at < world.end ? *world.at++ : 0;
}

static uintptr_t next_value(void)
{
    return ++world.last;
}

/* ---- the model of switches ---- */

static uint64_t *words_of(int i)
{
    while (agents[i].shares)
        i = agents[i].resumer;
    return &agents[i].words;
}

static void check_self(int me)
{
    world.running = me;
    REQUIRE(coro_self() == agents[me].co);
    REQUIRE(fp_control() == *words_of(me));
}

/* The agent that ran last has nothing left to do. */
static void check_ended(int ended, int resumer)
{
    struct agent *a = &agents[ended];

    REQUIRE(a->state == ENDING && a->resumer == resumer && a->frames == 0 && a->handler_count == 0);
    for (int i = 0; i < KEYS; i++)
        REQUIRE(a->values[i] == 0 || !keys[i].destroys);
    memset(a->values, 0, sizeof a->values);
    a->state = DEAD;
}

static void expect(int to, long status, uintptr_t value)
{
    world.to = to;
    world.status = status;
    world.value = value;
}

static void arrive(int me, coro_step s)
{
    int from = world.running;

    if (s.status == CORO_RETURNED) {
        REQUIRE(from != ROOT && (uintptr_t)s.value == agents[from].result);
        check_ended(from, me);
    } else {
        REQUIRE(world.to == me && s.status == world.status && (uintptr_t)s.value == world.value);
    }
    check_self(me);
}

static long resume_error(const struct agent *to)
{
    static const long errors[] = {
        [NONE] = -EINVAL, [FRESH] = 0, [SUSPENDED] = 0, [ENTERED] = -EDEADLK, [ENDING] = -EDEADLK, [DEAD] = -ESRCH};

    return errors[to->state];
}

static long yield_error(int me)
{
    return me == ROOT ? -EPERM : agents[me].state == ENDING ? -ECANCELED : 0;
}

/* ---- operations that switch ---- */

static void op_resume(int me, int to)
{
    uintptr_t value = next_value();
    long err = resume_error(&agents[to]);

    if (err != 0) {
        coro_step refused = coro_resume(agents[to].co, (void *)value);

        REQUIRE(refused.status == err && refused.value == NULL);
        return;
    }
    agents[to].state = ENTERED;
    agents[to].resumer = me;
    expect(to, CORO_YIELDED, value);
    arrive(me, coro_resume(agents[to].co, (void *)value));
}

static void op_yield(int me)
{
    uintptr_t value = next_value();
    long err = yield_error(me);
    void *input;

    if (err != 0) {
        errno = 0;
        REQUIRE(coro_yield((void *)value) == NULL && errno == -err);
        return;
    }
    agents[me].state = SUSPENDED;
    expect(agents[me].resumer, CORO_YIELDED, value);
    input = coro_yield((void *)value);
    arrive(me, (coro_step){CORO_YIELDED, input});
}

static void op_transfer(int me, int to)
{
    uintptr_t value = next_value();
    long err = agents[to].state == NONE ? -EINVAL : yield_error(me);

    if (err == 0 && to != me)
        err = resume_error(&agents[to]);
    if (err == 0 && to != me) {
        agents[me].state = SUSPENDED;
        agents[to].state = ENTERED;
        agents[to].resumer = agents[me].resumer;
    }
    expect(to, CORO_YIELDED, value);
    coro_step s = coro_transfer(agents[to].co, (void *)value);
    if (err != 0)
        REQUIRE(s.status == err && s.value == NULL);
    else
        arrive(me, s);
}

static void op_destroy(int me, int victim)
{
    struct agent *a = &agents[victim];
    enum stage before = a->state;
    int err = (int)resume_error(a);

    if (before == DEAD)
        err = 0;
    if (before == SUSPENDED) {
        a->state = ENDING;
        a->resumer = me;
        a->destroyed = true;
        world.running = victim; /* unless there is nothing to run, it does not say */
    }
    REQUIRE(coro_destroy(a->co) == err);
    if (err != 0)
        return;
    if (before == SUSPENDED) {
        REQUIRE(world.running == victim);
        check_ended(victim, me);
    }
    *a = (struct agent){.state = NONE};
    check_self(me);
}

/* ---- ends ---- */

static void runs_at_end(uintptr_t value)
{
    int me = world.running;
    struct agent *a = &agents[me];

    REQUIRE(me != ROOT && a->state == ENDING && a->frames == 0 && a->handler_count > 0);
    check_self(me);
    REQUIRE(a->handlers[--a->handler_count] == value);
    interpret(me, AT_END_OPS);
}

static void handler(void *arg)
{
    runs_at_end((uintptr_t)arg);
}

static void destructor(void *arg)
{
    int me = world.running, found = -1;
    struct agent *a = &agents[me];

    REQUIRE(me != ROOT && a->state == ENDING && a->frames == 0 && (a->handler_count == 0 || a->in_destructors));
    check_self(me);
    for (int i = 0; i < KEYS; i++)
        if (a->values[i] == (uintptr_t)arg)
            found = i;
    REQUIRE(found >= 0 && keys[found].exists && keys[found].destroys);
    REQUIRE(coro_get(keys[found].key) == NULL);
    a->values[found] = 0;
    a->in_destructors = true;
    interpret(me, AT_END_OPS);
}

struct frame {
    int agent, number;
    unsigned char pattern[200];
};

static void frame_ends(struct frame *f)
{
    struct agent *a = &agents[f->agent];

    REQUIRE(world.running == f->agent && a->frames == f->number);
    check_self(f->agent);
    for (size_t i = 0; i < sizeof f->pattern; i++)
        REQUIRE(f->pattern[i] == (unsigned char)(f->agent + f->number));
    if (a->destroyed)
        interpret(f->agent, AT_END_OPS);
    a->frames--;
}

static __attribute__((noinline)) void op_recurse(int me, int most)
{
    __attribute__((cleanup(frame_ends))) struct frame f;

    f.agent = me;
    f.number = ++agents[me].frames;
    memset(f.pattern, me + f.number, sizeof f.pattern);
    interpret(me, most);
}

static void *body(void *input)
{
    int me = world.to;

    arrive(me, (coro_step){CORO_YIELDED, input});
    interpret(me, -1);
    agents[me].result = next_value();
    agents[me].state = ENDING;
    return (void *)agents[me].result;
}

/* ---- operations that do not ---- */

static int custom_alloc(void *ctx, size_t size, coro_stack *out)
{
    void *p = aligned_alloc(64, size);

    (void)ctx;
    if (p == NULL)
        return -ENOMEM;
    *out = (coro_stack){.base = p, .size = size, .map = p, .map_size = size};
    return 0;
}

static void custom_free(void *ctx, coro_stack *stack)
{
    (void)ctx;
    free(stack->map);
}

static const char *name_at(unsigned i)
{
    static const char *const names[] = {NULL, "", "a", "forty bytes are more than a name can have"};

    return names[i % 4];
}

static void remember_name(struct agent *a, const char *name)
{
    snprintf(a->name, sizeof a->name, "%s", name != NULL ? name : "");
}

static void create_wrongly(unsigned how)
{
    static const coro_opts wrong[] = {{.flags = 4},
                                      {.stack_size = 16383},
                                      {.stack = own_memory, .stack_size = 16 << 10},
                                      {.stack = own_memory[0] + 1, .stack_size = 64 << 10}};
    coro_opts opts = wrong[how % 4];
    coro_t *co = (coro_t *)wrong;

    if (how % 4 == 2)
        opts.allocator = coro_stack_heap();
    REQUIRE(coro_create(&co, body, &opts) == -EINVAL && coro_create(&co, NULL, NULL) == -EINVAL);
    REQUIRE(coro_create(NULL, body, NULL) == -EINVAL && co == (coro_t *)wrong);
}

static void op_create(int me, int slot, unsigned how)
{
    static const coro_stack_allocator custom = {.alloc = custom_alloc, .free = custom_free};
    struct agent *a = &agents[slot];
    coro_opts opts = {.name = name_at(how >> 4), .user = a, .flags = how >> 6 & 1};

    if (slot == ROOT || a->state != NONE) {
        create_wrongly(how);
        return;
    }
    opts.stack_size = (how & 8) != 0 ? (80 << 10) + 1 : 0;
    switch (how % 8) {
    case 1:
        opts.allocator = coro_stack_mmap();
        break;
    case 2:
        opts.allocator = coro_stack_heap();
        break;
    case 3:
        opts.allocator = &custom;
        break;
    case 4:
        opts.stack = own_memory[slot], opts.stack_size = OWN_SIZE;
        break;
    default:
        break;
    }
    REQUIRE(coro_create(&a->co, body, &opts) == 0);
    *a = (struct agent){.state = FRESH, .co = a->co, .shares = opts.flags != 0, .words = *words_of(me), .sets_left = 2};
    a->size = opts.stack_size == 0 ? 64 << 10 : (84 << 10);
    remember_name(a, opts.name);
}

static void op_defer(int me)
{
    struct agent *a = &agents[me];
    uintptr_t value = next_value();

    REQUIRE(coro_defer(NULL, NULL) == -EINVAL);
    if (me == ROOT) {
        REQUIRE(coro_defer(handler, NULL) == -EPERM);
    } else if (a->handler_count < HANDLERS) {
        REQUIRE(coro_defer(handler, (void *)value) == 0);
        a->handlers[a->handler_count++] = value;
    }
}

static void op_key(int i, bool destroys)
{
    coro_key_t former = keys[i].key;

    if (keys[i].exists) {
        keys[i].exists = keys[i].destroys = false;
        for (int a = 0; a < SLOTS; a++)
            agents[a].values[i] = 0;
        REQUIRE(coro_key_delete(former) == 0 && coro_key_delete(former) == -EINVAL);
        return;
    }
    REQUIRE(coro_key_create(&keys[i].key, destroys ? destructor : NULL) == 0);
    REQUIRE(keys[i].key != former);
    REQUIRE(coro_key_delete(former) == -EINVAL);
    keys[i].exists = true;
    keys[i].destroys = destroys;
}

static void op_set(int me, int i, bool unset)
{
    struct agent *a = &agents[me];
    uintptr_t value = unset ? 0 : next_value();
    int err = me == ROOT ? -EPERM : keys[i].exists ? 0 : -EINVAL;

    if (err == 0 && a->in_destructors && a->sets_left-- <= 0)
        return;
    REQUIRE(coro_set(keys[i].key, (void *)value) == err);
    if (err == 0)
        a->values[i] = value;
}

static void op_name(int slot, unsigned how)
{
    bool exists = agents[slot].co != NULL;

    REQUIRE(coro_set_name(agents[slot].co, name_at(how)) == (exists ? 0 : -EINVAL));
    if (exists)
        remember_name(&agents[slot], name_at(how));
}

static coro_status status_of(int i)
{
    static const coro_status statuses[] = {CORO_DEAD,   CORO_SUSPENDED, CORO_SUSPENDED,
                                           CORO_NORMAL, CORO_NORMAL,    CORO_DEAD};

    return i == world.running ? CORO_RUNNING : statuses[agents[i].state];
}

static void op_look(int me)
{
    for (int i = 0; i < SLOTS; i++) {
        const struct agent *a = &agents[i];

        REQUIRE(coro_get_status(a->co) == status_of(i));
        if (a->state == NONE)
            continue;
        REQUIRE(strcmp(coro_name(a->co), a->name) == 0 && coro_user(a->co) == a);
        REQUIRE(coro_stack_size(a->co) <= a->size + (64 << 10) && coro_stack_used(a->co) <= coro_stack_size(a->co));
    }
    for (int i = 0; i < KEYS; i++)
        REQUIRE((uintptr_t)coro_get(keys[i].key) == agents[me].values[i]);
    check_self(me);
}

static void op_words(int me, unsigned mode)
{
    *words_of(me) = fp_rounding(mode);
    fp_set_control(fp_rounding(mode));
}

/* ---- the interpreter ---- */

/* Until the stream ends, or it says to leave, or after `most` of them; negative: as many as there are. */
static void interpret(int me, int most)
{
    for (; world.at < world.end && most != 0; most--) {
        unsigned op = next_byte(), operand = op >> 4;
        int slot = (int)(operand % SLOTS);

        switch (op & 15) {
        case 0:
            op_create(me, slot, next_byte());
            break;
        case 1:
        case 2:
        case 3:
            op_resume(me, slot);
            break;
        case 4:
        case 5:
            op_yield(me);
            break;
        case 6:
        case 7:
            op_transfer(me, slot);
            break;
        case 8:
            op_destroy(me, slot);
            break;
        case 9:
            op_defer(me);
            break;
        case 10:
            op_key((int)operand % KEYS, operand >= 8);
            break;
        case 11:
            op_set(me, (int)operand % KEYS, operand >= 12);
            break;
        case 12:
            if (agents[me].frames < FRAMES)
                op_recurse(me, operand >= 8 ? -1 : (int)operand + 1);
            break;
        case 13:
            op_words(me, operand);
            break;
        case 14:
            if (operand < 8)
                op_look(me);
            else if (operand < 14)
                op_name(slot, next_byte());
            else
                coro_stack_trim();
            break;
        default:
            if (me != ROOT)
                return;
            break;
        }
    }
}

/* Destroying may make others: what was waiting in one goes on in its cleanups. */
static void destroy_all(void)
{
    for (int i = 0; i < SLOTS; i++)
        if (agents[i].state != NONE)
            op_destroy(ROOT, i);
    for (int i = 0; i < KEYS; i++)
        if (keys[i].exists)
            op_key(i, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(agents, 0, sizeof agents);
    agents[ROOT] = (struct agent){.state = ENTERED, .words = fp_control()};
    world.at = data;
    world.end = data + size;
    world.running = ROOT;
    world.last = 0;
    interpret(ROOT, -1);
    destroy_all();
    op_words(ROOT, 0);
    return 0;
}
