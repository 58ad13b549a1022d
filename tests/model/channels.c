/*
 * The simulation. A task is ready, or waits, or has waited long enough (EXPIRED) but still stands where it waited until it goes on; so
 * what happens in between completes it. Lists are arrays, and whatever is asked is searched for: this is to be evidently right, not fast.
 */
#include "channels.h"

#include <errno.h>
#include <string.h>

enum state { READY, WAITING, EXPIRED, OVER };

struct place {
    int task, branch;
};

struct queue {
    int count;
    struct place places[TASKS * CASES];
};

struct channel {
    int count, elements[CAPACITY_MOST];
    bool closed;
    struct queue senders, receivers;
};

struct task {
    enum state state;
    int at; /* the operation that it is in; -1 if it has not begun */
    bool cancelled, times;
    int64_t due, turn; /* valid if it times: when it is too late, and who asked first */
    int error;         /* of what has expired */
    struct event outcome;
};

static const struct program *program;
static const struct record *record;
static struct channel channels[CHANNELS];
static struct task tasks[TASKS];
static int ready[TASKS], ready_count, next_event;
static int64_t now, turns;
static const char *wrong;

int model_value(int task, int op, int branch)
{
    return (task * OPS + op) * CASES + branch + 1;
}

static const struct op *op_of(int task)
{
    return &program->ops[task][tasks[task].at];
}

/* ---- who goes on ---- */

static void make_ready(int task)
{
    tasks[task].times = false;
    ready[ready_count++] = task;
}

static void complete(int task, int result, int fired, int value)
{
    tasks[task].outcome.result = result;
    tasks[task].outcome.fired = fired;
    if (value != 0)
        tasks[task].outcome.value = value;
    if (tasks[task].state == WAITING)
        make_ready(task);
    tasks[task].state = READY;
}

static void expire(int task, int error)
{
    if (tasks[task].state == WAITING) {
        make_ready(task);
        tasks[task].state = EXPIRED;
        tasks[task].error = error;
    } else if (tasks[task].state == EXPIRED && error == -ECANCELED) {
        tasks[task].error = error;
    }
}

/* ---- where tasks wait ---- */

static void leave(struct queue *q, int task)
{
    int kept = 0;

    for (int i = 0; i < q->count; i++)
        if (q->places[i].task != task)
            q->places[kept++] = q->places[i];
    q->count = kept;
}

static void leave_all(int task)
{
    for (int c = 0; c < CHANNELS; c++) {
        leave(&channels[c].senders, task);
        leave(&channels[c].receivers, task);
    }
}

/* Who is first in the queue has got what it wanted, or not. */
static struct place serve_first(struct queue *q, int result, int value)
{
    struct place first = q->places[0];
    bool selects = op_of(first.task)->verb == SELECT;

    leave_all(first.task);
    complete(first.task, selects ? first.branch : result, selects ? result : 0, value);
    return first;
}

/* ---- operations on channels ---- */

static bool possible(const struct branch *b)
{
    const struct channel *ch = &channels[b->channel];

    if (ch->closed)
        return true;
    return b->sends ? ch->receivers.count > 0 || ch->count < program->capacity[b->channel]
                    : ch->count > 0 || ch->senders.count > 0;
}

static int value_of(struct place place)
{
    return model_value(place.task, tasks[place.task].at, place.branch);
}

static int take(struct channel *ch)
{
    int first = ch->elements[0];

    memmove(ch->elements, ch->elements + 1, sizeof ch->elements - sizeof ch->elements[0]);
    ch->count--;
    return first;
}

/* Do what is possible. What it received goes to `value`. */
static int perform(struct place me, const struct branch *b, int *value)
{
    struct channel *ch = &channels[b->channel];

    if (b->sends) {
        if (ch->closed)
            return -EPIPE;
        if (ch->receivers.count > 0)
            serve_first(&ch->receivers, 0, value_of(me));
        else
            ch->elements[ch->count++] = value_of(me);
        return 0;
    }
    if (ch->count > 0) {
        *value = take(ch);
        if (ch->senders.count > 0) {
            ch->elements[ch->count] = value_of(ch->senders.places[0]);
            ch->count++;
            serve_first(&ch->senders, 0, 0);
        }
        return 0;
    }
    if (ch->senders.count > 0) {
        *value = value_of(ch->senders.places[0]);
        serve_first(&ch->senders, 0, 0);
        return 0;
    }
    return -EPIPE;
}

static int close_channel(struct channel *ch)
{
    if (ch->closed)
        return -EPIPE;
    ch->closed = true;
    while (ch->senders.count > 0)
        serve_first(&ch->senders, -EPIPE, 0);
    while (ch->receivers.count > 0)
        serve_first(&ch->receivers, -EPIPE, 0);
    return 0;
}

static int cancel(int task)
{
    if (tasks[task].state == OVER)
        return -ESRCH;
    tasks[task].cancelled = true;
    expire(task, -ECANCELED);
    return 0;
}

/* ---- a task goes through its operations ---- */

/* From here on it waits, until its deadline if it has one. */
static bool wait_until(int task, int ns)
{
    tasks[task].state = WAITING;
    tasks[task].times = ns != NEVER;
    tasks[task].due = now + ns;
    tasks[task].turn = turns++;
    return false;
}

/* Of the cases that are possible, the one that fired in the run; -1 if none is. */
static int choose(int task, const struct op *op)
{
    const struct event *e = &record->events[next_event];
    int first = 0;

    while (first < op->cases && !possible(&op->branch[first]))
        first++;
    if (first == op->cases)
        return -1;
    if (op->verb != SELECT)
        return first;
    if (next_event < record->count && e->task == task && e->op == tasks[task].at && e->result >= 0 &&
        e->result < op->cases && possible(&op->branch[e->result]))
        return e->result;
    wrong = "a case has fired that was not possible, or none has though one was";
    return first;
}

/* A send, a receive or a select. True if it need not wait. */
static bool communicate(int task, const struct op *op)
{
    struct task *t = &tasks[task];
    int i = t->cancelled && op->deadline != AT_ONCE ? -2 : choose(task, op);

    if (i >= 0) {
        int result = perform((struct place){task, i}, &op->branch[i], &t->outcome.value);

        t->outcome.result = op->verb == SELECT ? i : result;
        t->outcome.fired = op->verb == SELECT ? result : 0;
        return true;
    }
    t->outcome.result = i == -2 ? -ECANCELED : op->deadline == AT_ONCE ? -EAGAIN : -ETIMEDOUT;
    if (i == -2 || op->deadline == AT_ONCE || op->deadline == PASSED)
        return true;
    for (i = 0; i < op->cases; i++) {
        struct channel *ch = &channels[op->branch[i].channel];
        struct queue *q = op->branch[i].sends ? &ch->senders : &ch->receivers;

        q->places[q->count++] = (struct place){task, i};
    }
    return wait_until(task, op->deadline);
}

/* True if it need not wait. */
static bool begin(int task)
{
    const struct op *op = op_of(task);
    struct task *t = &tasks[task];

    t->outcome = (struct event){.task = task, .op = t->at};
    switch (op->verb) {
    case SEND:
    case RECV:
    case SELECT:
        return communicate(task, op);
    case SLEEP:
        t->outcome.result = t->cancelled ? -ECANCELED : 0;
        return t->cancelled || wait_until(task, op->deadline);
    case PAUSE: /* whether it is cancelled counts beforehand */
        t->outcome.result = t->cancelled ? -ECANCELED : 0;
        make_ready(task);
        return false;
    case CANCEL:
        t->outcome.result = cancel(op->target);
        return true;
    case CLOSE:
        t->outcome.result = close_channel(&channels[op->branch[0].channel]);
        return true;
    default:
        return true;
    }
}

static void judge_event(const struct event *expected)
{
    const struct event *e = &record->events[next_event];

    if (wrong != NULL)
        return;
    if (next_event >= record->count)
        wrong = "something more should have happened";
    else if (e->task != expected->task || e->op != expected->op)
        wrong = "another task should have gone on, or the same with another operation";
    else if (e->time != expected->time)
        wrong = "it should have happened at another time";
    else if (e->result != expected->result || e->fired != expected->fired)
        wrong = "the result should have been another";
    else if (e->value != expected->value)
        wrong = "another element should have been received";
    else
        next_event++;
}

static void come_back(int task)
{
    struct task *t = &tasks[task];

    if (t->state == EXPIRED) {
        leave_all(task);
        t->outcome.result = t->error;
    }
    t->state = READY;
    t->outcome.time = now;
    judge_event(&t->outcome);
    t->at++;
}

static void go_on(int task)
{
    come_back(task);
    while (wrong == NULL && tasks[task].at < OPS) {
        if (!begin(task))
            return;
        come_back(task);
    }
    tasks[task].state = OVER;
}

/* ---- the run ---- */

/* The one that went on in the run, if it could; where they go in turn, the first. */
static int next_ready(void)
{
    int task, i = 0;

    if (!program->in_turn && next_event < record->count)
        while (i < ready_count && ready[i] != record->events[next_event].task)
            i++;
    if (i == ready_count) {
        wrong = "a task has gone on that was not ready";
        return 0;
    }
    task = ready[i];
    memmove(&ready[i], &ready[i + 1], (size_t)(--ready_count - i) * sizeof ready[0]);
    return task;
}

/* The first whose time it is; -1 if nobody waits for any. */
static int next_due(void)
{
    int first = -1;

    for (int i = 0; i < program->tasks; i++)
        if (tasks[i].times && (first < 0 || tasks[i].due < tasks[first].due ||
                               (tasks[i].due == tasks[first].due && tasks[i].turn < tasks[first].turn)))
            first = i;
    return first;
}

/* Nobody is ready: let time pass. False if nobody ever will be. */
static bool pass_time(void)
{
    int task = next_due();

    if (task < 0)
        return false;
    now = tasks[task].due;
    for (; task >= 0 && tasks[task].due <= now; task = next_due()) {
        if (op_of(task)->verb == SLEEP)
            complete(task, 0, 0, 0);
        else
            expire(task, -ETIMEDOUT);
    }
    return true;
}

const char *model_judge(const struct program *p, const struct record *r, int *at)
{
    program = p;
    record = r;
    memset(channels, 0, sizeof channels);
    memset(tasks, 0, sizeof tasks);
    ready_count = next_event = 0;
    now = turns = 0;
    wrong = NULL;
    for (int i = 0; i < p->tasks; i++) {
        tasks[i].at = -1;
        tasks[i].outcome = (struct event){.task = i, .op = -1};
        if (i > 0)
            make_ready(i);
    }
    go_on(0);
    while (wrong == NULL && (ready_count > 0 || pass_time()))
        go_on(next_ready());
    for (int c = 0; c < p->channels && wrong == NULL; c++)
        if (r->left[c] != channels[c].count)
            wrong = "another number of elements should lie in a channel";
    if (wrong == NULL && next_event != r->count)
        wrong = "no more should have happened";
    *at = next_event;
    return wrong;
}
