/*
 * What channels promise, as a simulation of events: tasks that go through lists of operations, without coroutines and without the
 * library. It follows the run that it judges where that may choose, which is which task goes on, and which of the possible cases of a
 * select fires; the choice must have been a legal one. Everything else it knows by itself.
 */
#ifndef TESTS_MODEL_CHANNELS_H
#define TESTS_MODEL_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TASKS = 7, OPS = 12, CASES = 4, CHANNELS = 4, CAPACITY_MOST = 5, EVENTS_MOST = TASKS * (OPS + 1) };

enum verb { NOP, SEND, RECV, SELECT, SLEEP, PAUSE, CANCEL, CLOSE, VERBS };

/* When it is over: at once, at a time that has passed, so many nanoseconds from now, never. */
enum { AT_ONCE = 0, PASSED = -1, NEVER = 1000 };

struct branch {
    int channel;
    bool sends;
};

struct op {
    enum verb verb;
    int deadline; /* of what waits, and how long to sleep */
    int target;   /* the task to cancel */
    int cases;    /* of a select; a send, a receive or a close has its channel in the first */
    struct branch branch[CASES];
};

/* The first task has spawned the others, in their order, before its list begins. */
struct program {
    uint64_t seed;      /* of the scheduler; 0: none */
    bool in_turn;       /* else any task that is ready may be next */
    unsigned stackless; /* a bit a task; the model does not look at it */
    int tasks, channels;
    int capacity[CHANNELS];
    struct op ops[TASKS][OPS];
};

/* A task has come back from an operation; or has begun, which is operation -1. */
struct event {
    int task, op;
    int result; /* of a select: the case */
    int fired;  /* of a select: that case's result */
    int value;  /* that was received, else 0 */
    int64_t time;
};

struct record {
    int count;
    struct event events[EVENTS_MOST];
    int left[CHANNELS]; /* how many elements lie in each */
};

/* What is sent by a case of an operation: never the same twice. */
int model_value(int task, int op, int branch);

/* NULL if the record is one that the program may have, else what is wrong; `at`: with which event. */
const char *model_judge(const struct program *p, const struct record *r, int *at);

#endif
