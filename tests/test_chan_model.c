/*
 * Random programs over channels, of tasks with and without a stack, judged by a model (model/channels.h). One that is judged wrong is
 * made as small as it can be and still is, and printed. MODEL_SEED=<number> repeats that one alone; MODEL_RUNS=<number> makes so many.
 */
#include "model/channels.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a program is run ---- */

static const struct program *running;
static coro_chan_t *chans[CHANNELS];
static coro_task_t *handles[TASKS];
static struct record seen;
static int64_t began;

static void note(struct event e)
{
    e.time = coro_now() - began;
    if (seen.count < EVENTS_MOST)
        seen.events[seen.count++] = e;
}

static int64_t deadline_of(const struct op *op)
{
    return op->deadline == AT_ONCE  ? 0
           : op->deadline == PASSED ? 1
           : op->deadline == NEVER  ? CORO_FOREVER
                                    : coro_after(op->deadline);
}

/* One operation of a task, as it is made; what the library reads and writes lies in it. */
struct step {
    const struct op *op;
    struct event e;
    int values[CASES];
    coro_case cases[CASES];
};

static void prepare(struct step *s, int task, int at)
{
    const struct op *op = &running->ops[task][at];

    *s = (struct step){.op = op, .e = {.task = task, .op = at}, .values = {model_value(task, at, 0)}};
    if (op->verb == RECV)
        s->values[0] = 0;
    for (int i = 0; i < op->cases && op->verb == SELECT; i++) {
        s->values[i] = op->branch[i].sends ? model_value(task, at, i) : 0;
        s->cases[i] = (coro_case){.ch = chans[op->branch[i].channel],
                                  .op = op->branch[i].sends ? CORO_SEND : CORO_RECV,
                                  .elem = &s->values[i]};
    }
}

static int make(struct step *s)
{
    const struct op *op = s->op;
    coro_chan_t *ch = chans[op->branch[0].channel];

    switch (op->verb) {
    case SEND:
        return coro_chan_send(ch, s->values, deadline_of(op));
    case RECV:
        return coro_chan_recv(ch, s->values, deadline_of(op));
    case SELECT:
        return coro_select(s->cases, (size_t)op->cases, deadline_of(op));
    case SLEEP:
        return coro_sleep(op->deadline);
    case PAUSE:
        return coro_pause();
    case CANCEL:
        return coro_cancel(handles[op->target]);
    case CLOSE:
        return coro_chan_close(ch);
    default:
        return 0;
    }
}

static void conclude(struct step *s, int result)
{
    const struct op *op = s->op;
    struct event *e = &s->e;

    e->result = result;
    if (op->verb == RECV)
        e->value = s->values[0];
    if (op->verb == SELECT && result >= 0 && result < op->cases)
        e->fired = s->cases[result].result;
    for (int i = 0; i < op->cases && op->verb == SELECT; i++) /* be it where nothing should have been written */
        if (!op->branch[i].sends)
            e->value += s->values[i];
        else if (s->values[i] != model_value(e->task, e->op, i))
            e->value = -1;
    note(*e);
}

static void *goes_through(void *arg)
{
    int task = (int)(intptr_t)arg;
    struct step s;

    note((struct event){.task = task, .op = -1});
    for (int at = 0; at < OPS; at++) {
        prepare(&s, task, at);
        conclude(&s, make(&s));
    }
    return NULL;
}

/* The same without a stack: nobody can tell. */
struct goes_through_async {
    CORO_ASYNC_POINT;
    int task, at;
    struct step s;
};

CORO_ASYNC(int, goes_through_async)
{
    int result;

    CORO_ASYNC_BEGIN;
    note((struct event){.task = self->task, .op = -1});
    for (self->at = 0; self->at < OPS; self->at++) {
        prepare(&self->s, self->task, self->at);
        CORO_AWAIT(result, make(&self->s));
        conclude(&self->s, result);
    }
    CORO_ASYNC_RETURN(0);
    CORO_ASYNC_END;
}

static int start(intptr_t task)
{
    const struct goes_through_async frame = {.task = (int)task};

    if ((running->stackless >> task & 1) != 0)
        return coro_async_spawn(&handles[task], goes_through_async, &frame);
    return coro_spawn(&handles[task], goes_through, (void *)task, NULL);
}

static void *first_task(void *arg)
{
    began = coro_now();
    handles[0] = coro_task_self();
    for (intptr_t i = 1; i < running->tasks; i++)
        if (start(i) != 0)
            abort();
    goes_through((void *)0);
    coro_sleep(1); /* all have ended then; what is joined cannot be cancelled any more */
    for (int i = 1; i < running->tasks; i++)
        coro_join(handles[i], NULL, CORO_FOREVER);
    return arg;
}

/* NULL if all is well. */
static const char *run_and_judge(const struct program *p, int *at)
{
    coro_sched_opts opts = {.seed = p->seed, .virtual_time = true, .policy = p->in_turn ? CORO_FIFO : CORO_DEPTH_FIRST};
    const char *wrong;
    int err;

    running = p;
    memset(&seen, 0, sizeof seen);
    *at = 0;
    for (int i = 0; i < p->channels; i++)
        if (coro_chan_create(&chans[i], sizeof(int), (size_t)p->capacity[i]) != 0)
            return "a channel could not be made";
    err = coro_run(first_task, NULL, NULL, &opts);
    for (int i = 0; i < p->channels; i++)
        seen.left[i] = (int)coro_chan_len(chans[i]);
    wrong = model_judge(p, &seen, at);
    for (int i = 0; i < p->channels; i++)
        if (coro_chan_destroy(chans[i]) != 0 && wrong == NULL)
            wrong = "somebody still stands at a channel";
    return wrong == NULL && err != 0 ? "coro_run() failed" : wrong;
}

/* ---- programs are made up ---- */

static int random_int(int least, int most)
{
    return least + (int)random_below((size_t)(most - least + 1));
}

/* Short times, so that many things come at once. */
static int random_deadline(void)
{
    switch (random_below(6)) {
    case 0:
        return AT_ONCE;
    case 1:
        return random_below(4) == 0 ? PASSED : 1;
    case 2:
        return NEVER;
    default:
        return random_int(1, 5);
    }
}

static struct op random_op(const struct program *p, bool closes)
{
    static const enum verb verbs[] = {SEND, SEND, SEND, RECV, RECV, RECV, SELECT, SELECT, SELECT, SLEEP, PAUSE};
    struct op op = {
        .verb = verbs[random_below(sizeof verbs / sizeof *verbs)], .deadline = random_deadline(), .cases = 1};

    if (random_below(40) == 0)
        op.verb = CANCEL;
    else if (closes && random_below(20) == 0)
        op.verb = CLOSE;
    op.target = random_int(1, p->tasks - 1);
    if (op.verb == SLEEP)
        op.deadline = random_int(1, 5);
    if (op.verb == SELECT)
        op.cases = random_int(1, CASES);
    for (int i = 0; i < CASES; i++)
        op.branch[i] =
            (struct branch){random_int(0, p->channels - 1), op.verb == SELECT ? random_below(2) == 0 : op.verb == SEND};
    return op;
}

/* The first task has the last word: it waits until all is quiet, and cancels whoever still waits. */
static struct program made_up(uint64_t seed)
{
    static const int capacities[] = {0, 0, 0, 1, 1, 2, CAPACITY_MOST};
    struct program p = {0};
    bool closes;

    random_seed(seed);
    p.seed = random_below(2) == 0 ? 0 : random64() | 1;
    p.in_turn = p.seed == 0 && random_below(3) != 0; /* otherwise depth first */
    p.tasks = random_int(2, TASKS);
    p.stackless = (unsigned)random_below(1u << TASKS);
    p.channels = random_int(1, CHANNELS);
    closes = random_below(3) == 0;
    for (int i = 0; i < p.channels; i++)
        p.capacity[i] = capacities[random_below(sizeof capacities / sizeof *capacities)];
    for (int t = 1; t < p.tasks; t++)
        for (int i = random_int(0, OPS); i-- > 0;)
            p.ops[t][i] = random_op(&p, closes);
    for (int i = 0; i < OPS; i++) {
        p.ops[0][i] = (struct op){.verb = CANCEL, .target = i};
        if (i == 0 || i >= p.tasks)
            p.ops[0][i] = (struct op){.verb = i == 0 ? SLEEP : NOP, .deadline = 500};
    }
    return p;
}

/* ---- one that fails is made smaller ---- */

static bool still_fails(const struct program *p)
{
    int at;

    return run_and_judge(p, &at) != NULL;
}

static bool try_without(struct program *p, int t, int i)
{
    struct program smaller = *p;
    struct op *op = &smaller.ops[t][i];

    if (op->verb == NOP || t == 0)
        return false;
    if (op->verb == SELECT && op->cases > 1) {
        for (int c = 0; c < op->cases; c++) {
            smaller = *p;
            memmove(&op->branch[c], &op->branch[c + 1], (size_t)(op->cases - c - 1) * sizeof op->branch[0]);
            op->cases--;
            if (still_fails(&smaller)) {
                *p = smaller;
                return true;
            }
        }
        smaller = *p;
    }
    op->verb = NOP;
    if (!still_fails(&smaller))
        return false;
    *p = smaller;
    return true;
}

static void shrink(struct program *p)
{
    struct program in_turn = *p;
    bool smaller = true;

    in_turn.seed = 0;
    in_turn.in_turn = true;
    if (still_fails(&in_turn))
        *p = in_turn;
    while (smaller) {
        smaller = false;
        for (int t = 1; t < p->tasks; t++)
            for (int i = OPS; i-- > 0;)
                smaller = try_without(p, t, i) || smaller;
    }
}

static void print_deadline(int deadline)
{
    if (deadline == AT_ONCE || deadline == PASSED || deadline == NEVER)
        print_error(", %s", deadline == AT_ONCE ? "at once" : deadline == PASSED ? "passed" : "never");
    else
        print_error(", %d ns", deadline);
}

static void print_op(const struct op *op)
{
    static const char *const names[VERBS] = {"nop", "send", "recv", "select", "sleep", "pause", "cancel", "close"};

    print_error("%s", names[op->verb]);
    if (op->verb == CANCEL)
        print_error(" task %d", op->target);
    for (int c = 0; c < op->cases && op->verb != SLEEP && op->verb != PAUSE && op->verb != CANCEL; c++)
        print_error(" %s%d", op->verb != SELECT ? "" : op->branch[c].sends ? "send " : "recv ", op->branch[c].channel);
    if (op->verb == SEND || op->verb == RECV || op->verb == SELECT || op->verb == SLEEP)
        print_deadline(op->deadline);
    print_error("\n");
}

static void print_program(const struct program *p)
{
    int at;
    const char *wrong = run_and_judge(p, &at);

    print_error("scheduler's seed %llu, %s; capacities", (unsigned long long)p->seed,
                p->seed != 0 ? "a random order"
                : p->in_turn ? "in turn"
                             : "depth first");
    for (int i = 0; i < p->channels; i++)
        print_error(" %d", p->capacity[i]);
    print_error("\n");
    for (int t = 1; t < p->tasks; t++)
        for (int i = 0; i < OPS; i++)
            if (p->ops[t][i].verb != NOP) {
                print_error("  task %d%s, %2d: ", t, (p->stackless >> t & 1) != 0 ? ", stackless" : "", i);
                print_op(&p->ops[t][i]);
            }
    print_error("what happened, up to where it is wrong:\n");
    for (int i = 0; i < seen.count && i <= at; i++) {
        const struct event *e = &seen.events[i];

        if (e->op < 0 || p->ops[e->task][e->op].verb != NOP)
            print_error("  %3lld ns: task %d, %2d: result %d, of the case %d, received %d\n", (long long)e->time,
                        e->task, e->op, e->result, e->fired, e->value);
    }
    print_error("%s\n", wrong != NULL ? wrong : "and now it is right");
}

/* ---- tests ---- */

static volatile uint64_t current;

/* Something in the library has failed for good. */
static void say_seed(int signo)
{
    char line[64];
    int n = snprintf(line, sizeof line, "MODEL_SEED=%llu\n", (unsigned long long)current);

    if (write(STDERR_FILENO, line, (size_t)n) != n)
        _exit(125);
    signal(signo, SIG_DFL);
    raise(signo);
}

static size_t number_from(const char *variable, size_t otherwise)
{
    const char *value = getenv(variable);

    return value != NULL ? (size_t)strtoull(value, NULL, 0) : otherwise;
}

static void random_programs_do_what_the_model_says(void **state)
{
    size_t runs = number_from("MODEL_RUNS", scaled(10000)), first = number_from("MODEL_SEED", 0);
    (void)state;

    if (getenv("CORO_SEED") != NULL)
        skip(); /* the scheduler would not do what the programs say */
    signal(SIGABRT, say_seed);
    signal(SIGSEGV, say_seed);
    for (current = first != 0 ? first : 1; current < (first != 0 ? first + 1 : runs + 1); current++) {
        struct program p = made_up(current);
        int at;

        if (run_and_judge(&p, &at) == NULL)
            continue;
        shrink(&p);
        print_program(&p);
        fail_msg("MODEL_SEED=%llu", (unsigned long long)current);
    }
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
}

/* Of all that is recorded, each number counts: a model that did not look would find everything right. */
static void the_model_notices_every_change(void **state)
{
    size_t changed = 0;
    (void)state;

    if (getenv("CORO_SEED") != NULL)
        skip();
    for (uint64_t seed = 1; seed <= (scaled(100) == 100 ? 100 : 5); seed++) {
        struct program p = made_up(seed);
        struct record kept;
        int at;

        assert_null(run_and_judge(&p, &at));
        kept = seen;
        for (int i = 0; i < kept.count; i++)
            for (int field = 0; field < 5; field++) {
                struct record r = kept;
                struct event *e = &r.events[i];

                if (p.ops[e->task][e->op < 0 ? 0 : e->op].verb == SELECT && field == 0)
                    continue; /* what was drawn may have been another */
                *(field == 0   ? &e->result
                  : field == 1 ? &e->fired
                  : field == 2 ? &e->value
                  : field == 3 ? &e->task
                               : &e->op) += 1;
                assert_non_null(model_judge(&p, &r, &at));
                changed++;
            }
        kept.count--;
        assert_non_null(model_judge(&p, &kept, &at));
    }
    assert_true(changed > 100);
}

/* The programs are of the kind that is wanted: everything happens, and often. */
static void the_programs_are_rich(void **state)
{
    long sent = 0, timed_out = 0, cancelled = 0, closed = 0, again = 0, fired[CASES] = {0}, waited = 0;
    const long programs = scaled(1000) == 1000 ? 1000 : 200, least = programs / 10;
    (void)state;

    for (uint64_t seed = 1; seed <= (uint64_t)programs; seed++) {
        struct program p = made_up(seed);
        int at;

        run_and_judge(&p, &at);
        for (int i = 0; i < seen.count; i++) {
            const struct event *e = &seen.events[i];

            if (e->task == 0 || e->op < 0)
                continue;
            sent += e->value != 0;
            timed_out += e->result == -ETIMEDOUT;
            cancelled += e->result == -ECANCELED;
            closed += e->result == -EPIPE || e->fired == -EPIPE;
            again += e->result == -EAGAIN;
            waited += i > 0 && seen.events[i - 1].task != e->task;
            if (p.ops[e->task][e->op].verb == SELECT && e->result >= 0)
                fired[e->result]++;
        }
    }
    print_message("%ld sent, %ld too late, %ld cancelled, %ld closed, %ld not at once; %ld waits\n", sent, timed_out,
                  cancelled, closed, again, waited);
    assert_true(sent > least && timed_out > least && cancelled > least && closed > least && again > least);
    for (int i = 0; i < CASES; i++)
        assert_true(fired[i] > least);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_programs_do_what_the_model_says),
        TEST(the_model_notices_every_change),
        TEST(the_programs_are_rich),
    };

    return RUN_TESTS(tests);
}
