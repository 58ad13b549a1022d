/*
 * bench.h: what coro-bench is made of. A *case* is a question ("what does a switch cost?"), a *peer* is a library that answers
 * it, and a *work* is how that peer does that case.
 *
 * A sample is taken in a process of its own: setup(), some operations to warm up, and then the operations that are timed. So
 * nothing is torn down, a peer may take its whole process over, and one that crashes costs only its own row.
 *
 * To add a case: a line in cases.c, and a work in each peer that can do it. To add a peer: a file in peers/, and a call of
 * peer() in CMakeLists.txt.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bench_unit {
    BENCH_NS,     /* nanoseconds an operation */
    BENCH_MS,     /* milliseconds for as many operations as the size says */
    BENCH_CPU_MS, /* the same, of processor time: of every thread, in user space and in the kernel */
    BENCH_KIB,    /* KiB each */
};

enum { BENCH_SIZES = 8, BENCH_WORKS = 24, BENCH_BATCH = 2000 /* the largest batch */ };

struct bench_case {
    const char *name;
    const char *title;
    const char *about;   /* what is measured, a sentence or two */
    const char *what;    /* what the figure is: "ns a round trip" */
    const char *size_is; /* what a size counts: "coroutines"; NULL if there is one size only */
    enum bench_unit unit;
    bool in_task;              /* the sample is taken by a task of the peer's scheduler */
    unsigned batch;            /* operations after each prepare(); 0: any number */
    size_t sizes[BENCH_SIZES]; /* ascending, ends with 0 */
};

struct bench_work {
    const char *name; /* of the case */

    /* Get ready for `size`. Returns how many there are now: `size`, or fewer if no more were to be had. */
    long (*setup)(size_t size);

    void (*prepare)(size_t operations); /* not timed, before every batch; NULL if there is nothing to do */
    void (*run)(uint64_t operations);   /* timed; NULL if the case is about what setup() left */

    size_t most;      /* largest size that this peer does; 0: any */
    const char *note; /* what to know about this row */
};

enum bench_role { BENCH_STACKFUL, BENCH_STACKLESS, BENCH_FLOOR, BENCH_OURS };

struct bench_peer {
    const char *name;
    const char *what; /* what it is, and what counts as resume and yield where it has neither */
    enum bench_role role;
    const char *(*version)(void);
    const char *program; /* not NULL: a program beside this one that takes the samples itself (see sample.h) */

    /* Call take(arg), which does not return, in a task; for cases with `in_task`. NULL: the main program is a task, or becomes one in
       setup(). */
    void (*as_task)(void (*take)(void *arg), void *arg);

    struct bench_work works[BENCH_WORKS]; /* ends with a name of NULL */
};

/* A peer that this build does not have, and why. */
struct bench_absent {
    const char *name;
    const char *why;
};

extern const struct bench_case bench_cases[];        /* ends with a name of NULL */
extern const struct bench_peer *const bench_peers[]; /* ends with NULL; the first is libcoro */
extern const struct bench_absent bench_absents[];    /* ends with a name of NULL */

/* ---- for peers ---- */

enum { BENCH_STACK = 64 << 10 }; /* bytes of every stack, as far as a peer lets itself be told */

/* Says what is wrong and ends the sample, which leaves the peer out. */
__attribute__((noreturn)) void bench_fail(const char *what);

/* Memory for `n` objects of `size` bytes, zeroed. */
void *bench_array(size_t n, size_t size);

/* A stack as a program would map it: BENCH_STACK bytes above a guard page. Returns its lowest usable byte, NULL if none. */
void *bench_guarded_stack(void);
void bench_guarded_stack_free(void *stack);

/* A function that a call really enters, and that really returns to its caller: not inlined, no tail call at BENCH_NO_TAIL. */
#ifdef __clang__
#    define BENCH_HELPER __attribute__((noinline))
#else
#    define BENCH_HELPER __attribute__((noinline, noclone))
#endif
#define BENCH_NO_TAIL __asm__ volatile("" ::: "memory")

#ifdef __cplusplus
}
#endif

#endif
