/*
 * What every test program shares: cmocka, the trace that coroutines write into, what the run is like (valgrind, sanitizers, an
 * emulator), children that may die.
 *
 * Bodies that run on a coroutine only record; assertions run on the test's own stack, since a failing one longjmps.
 */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <coro.h>
#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <cmocka.h> /* after those above */

/* ---- programs ---- */

/* One row of a program's table. Before each test the trace is emptied; after it, open files must be what they were. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_begins, test_ends)

/* The body of main(). The children's server is forked first, while the library is untouched. */
#define RUN_TESTS(tests) (tests_prepare(), cmocka_run_group_tests(tests, NULL, NULL))

void tests_prepare(void);
int test_begins(void **state);
int test_ends(void **state);

/* ---- the trace ---- */

extern char trace[4096];

/* Append a letter to the trace. What does not fit is dropped. */
void mark(char c);

/* ---- what the run is like ---- */

bool under_valgrind(void);
bool under_asan(void);
bool under_tsan(void);
bool under_sanitizer(void); /* one of these, or MemorySanitizer */
bool under_emulator(void);

/* Of this process. Says nothing under a tool, whose memory it counts, too. */
size_t resident_bytes(void);

/* How many of `full` repetitions this run can afford; at least 1. */
size_t scaled(size_t full);

/* How many of `full` coroutines may be alive at a time: ThreadSanitizer ends the program at some 8,000, since each is a fiber. */
size_t alive_at_most(size_t full);

/* ---- short forms ---- */

/* Flags that made() and made_with() add: where resume and yield are inlined, those with which they are. */
#ifndef USUAL_FLAGS
#    ifdef CORO_INLINE
#        define USUAL_FLAGS CORO_NO_FPENV
#    else
#        define USUAL_FLAGS 0
#    endif
#endif

coro_t *made_flagged(coro_fn *fn, coro_opts opts, unsigned flags);

/* A coroutine with these options. */
static inline coro_t *made_with(coro_fn *fn, coro_opts opts)
{
    return made_flagged(fn, opts, USUAL_FLAGS);
}

/* A coroutine with default options. */
static inline coro_t *made(coro_fn *fn)
{
    coro_opts opts = {0, NULL, NULL, NULL, NULL, 0};

    return made_with(fn, opts);
}

void assert_step_at(coro_step s, long status, const void *value, const char *file, int line);
#define assert_step(s, status, value) assert_step_at(s, status, value, __FILE__, __LINE__)

/* The same numbers in every run (splitmix64). */
uint64_t random64(void);
size_t random_below(size_t n);
void random_seed(uint64_t seed);

size_t page_size(void);

/* Would the kernel fault at this address? Asked without touching it. */
bool faults_at(const void *p);

/* ---- children ---- */

struct child_end {
    int code;        /* exit code, -1 if a signal ended it */
    int signal;      /* 0 if it exited */
    char said[4096]; /* the beginning of its standard error */
};

/* Run fn(arg) in a fresh process, forked from one that has never used the library (a fork of this one may not). */
struct child_end in_fresh_child(int (*fn)(long arg), long arg);

/* Run fn(arg) in a fork of this process, from here. */
struct child_end in_forked_child(int (*fn)(long arg), long arg);

#ifdef __cplusplus
}
#endif

#endif
