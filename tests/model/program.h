/*
 * Random programs of tasks, and the traces that they leave.
 *
 * A program is a set of tasks, each a straight list of operations. Task 0 is the first; every other is started by one operation of a
 * task before it, so its number says who it is. Tasks wait only for later ones: none can wait for good. Any operation may be dropped,
 * and it is a program still; those on tasks and groups that are not there are passed over, with SKIPPED as their result.
 */
#ifndef TESTS_MODEL_PROGRAM_H
#define TESTS_MODEL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TASKS = 10, OPS = 12, LEVELS = 3, SEVERAL = 3, EVENTS = TASKS * (OPS + LEVELS + 2), SKIPPED = 1000 };

enum kind {
    NOTHING,
    SPAWN,
    SPAWN_DETACHED,
    JOIN,
    JOIN_ANY,
    JOIN_ALL,
    DETACH,
    CANCEL,
    SHIELD,
    LOOK,
    SLEEP,
    SLEEP_UNTIL,
    PAUSE,
    OPEN,
    GROUP_SPAWN,
    GROUP_CANCEL,
    GROUP_JOIN,
};

enum limit { TRY, FOREVER, AFTER }; /* AFTER 0 or less: that has passed */

struct op {
    enum kind kind;
    int task;   /* on whom; the host of a group */
    int child;  /* GROUP_SPAWN */
    int level;  /* of a group in its host, from 0, the outermost */
    int choice; /* policy of a group; shield on or off */
    int set[SEVERAL];
    int count;
    enum limit limit;
    int ticks;
};

struct body {
    struct op ops[OPS];
    int count;
    int result;        /* 0, or an error */
    bool returns_last; /* the result is that of its last operation, if that is an error */
    bool quits;        /* when it is told -ECANCELED */
};

struct program {
    uint64_t seed;
    enum { FIFO, DEPTH_FIRST, RANDOM } order;
    struct body bodies[TASKS];
    int count;
};

/* Which operation an event is of, beside those of the program. */
enum { BEGINS = 100, JOINS_AT_END, ENDS };

struct event {
    int task, op, result;
    int64_t value, time;
};

struct trace {
    struct event events[EVENTS];
    size_t count;
};

void program_generate(struct program *p, uint64_t seed);
void program_print(const struct program *p);

/* Drop what can be dropped while `fails` holds. */
void program_shrink(struct program *p, bool (*fails)(const struct program *p));

/* The results of several joined tasks as one value. */
static inline int64_t mixed(int64_t so_far, int result)
{
    return so_far * 131 + result;
}

void trace_add(struct trace *list, struct event event);
void trace_print(const char *title, const struct program *p, const struct trace *list, size_t count);
size_t trace_difference(const struct trace *a, const struct trace *b); /* SIZE_MAX: none */
uint64_t trace_hash(const struct trace *list);

/* By the library: what the scheduler returned. */
int run_real(const struct program *p, struct trace *list);

/* By the model. Where the order is random, `guide` says who goes next: it may be anyone who is ready. */
void run_reference(const struct program *p, struct trace *list, const struct trace *guide);

#endif
