/*
 * Scripts: what several tasks do with mutexes and the like, one line each, played by the library with virtual time, or by a model of it.
 *
 *     "lock sleep:3 unlock"      the first task, a
 *     "lock@2"                   b, which gives up at time 2
 *
 * A part is a list of operations: a verb; the number of an object, if it is not 0; for `wait` .1 is the mutex; `:` a number, or a
 * task to cancel; `@` a deadline in ticks from the beginning, `?` deadline 0, nothing for ever. `^` in front: in a coroutine that the task
 * resumes; `!`: when the task ends. At its end a part unlocks what it holds. At time 1000 everybody is cancelled.
 *
 * Every operation leaves an event when it is over. None of them is left out, so that any may be dropped from a script.
 */
#ifndef TESTS_SYNC_SCRIPT_H
#define TESTS_SYNC_SCRIPT_H

#include <coro.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARTS = 10, OPS = 14, OBJECTS = 3, EVENTS = PARTS * (OPS + 1), CURTAIN = 1000 };

enum verb {
    NOTHING,
    LOCK,
    UNLOCK,
    WAIT, /* for a condition */
    SIGNAL,
    BROADCAST,
    READ,
    WRITE,
    LEAVE, /* unlock what was locked for reading or writing */
    DOWN,
    UP,
    MEET, /* at a barrier: number 0 is for one task, and so on */
    ADD,  /* to a wait group */
    AWAIT,
    ONCE, /* it takes two ticks */
    SLEEP,
    PAUSE,
    CANCEL,
    SHIELD,
};

struct op {
    enum verb verb;
    int object, mutex;
    int n;
    enum { FOREVER, TRY, AT } limit;
    int at;
    enum { HERE, NESTED, DEFERRED } where;
};

struct script {
    coro_policy policy;
    uint64_t seed;
    struct op ops[PARTS][OPS];
    int counts[PARTS];
    int parts;
};

struct event {
    int part, op, result; /* op -1: it begins */
    int64_t time;
};

struct record {
    struct event events[EVENTS];
    size_t count;
    int outcome; /* of coro_run() */
};

/* ---- script.c ---- */

/* Read parts, up to a NULL. Ends the program if one cannot be read. */
void script_read(struct script *s, const char *const parts[]);
void script_print(const struct script *s);

void record_add(struct record *r, struct event e);

/* In one line: the time, the task, what it did, and the result if that is not 0: "0 a lock, 2 b lock=ETIMEDOUT". What is never waited
   for is left out, if it succeeded. */
const char *record_text(const struct script *s, const struct record *r);

/* Where they are no longer the same; SIZE_MAX: they are. */
size_t record_difference(const struct record *a, const struct record *b);

/* Drop what can be dropped while `fails` holds. */
void script_shrink(struct script *s, bool (*fails)(const struct script *s));

/* ---- player.c, reference.c ---- */

void script_play(const struct script *s, struct record *r);
void script_predict(const struct script *s, struct record *r);

/* Read it, play it, and tell. */
const char *played(coro_policy policy, uint64_t seed, const char *const parts[]);
#define PLAYED(...)           played(CORO_FIFO, 0, (const char *const[]){__VA_ARGS__, NULL})
#define PLAYED_AS(order, ...) played(order, 0, (const char *const[]){__VA_ARGS__, NULL})

#endif
