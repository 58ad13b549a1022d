/*
 * What happens when memory runs out: in each scenario the first call that can fail fails, then the second one, and so on until
 * all of them pass (Lua's way of testing). After each failure the result is the documented one, outputs are untouched, nothing has
 * leaked, and the library works.
 *
 * Every attempt is a fresh child, so that what the library does once a process is done, and fails, each time.
 */
#include "support/faults.h"
#include "support/test.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KIB = 1024, GUARD = 64 * KIB };

/* Exit codes of an attempt. */
enum { NOTHING_INJECTED = 0, INJECTED_AND_WELL = 1, INJECTED_AND_COPED = 2, WRONG = 3 };

static size_t injections;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            dprintf(STDERR_FILENO, "line %d: %s (after %s)\n", __LINE__, #condition, faults_last());                   \
            _exit(WRONG);                                                                                              \
        }                                                                                                              \
    } while (0)

static void *echo_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static const coro_stack_allocator *allocator_at(int i)
{
    return i == 0 ? NULL : i == 1 ? coro_stack_mmap() : i == 2 ? coro_stack_heap() : coro_stack_pooled();
}

static int count_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

/* ---- an attempt ---- */

/* A scenario does what may fail and returns its result; it checks by itself that outputs are right for that result. Then `undo`
   takes back what succeeded. Both run in a child. */
struct scenario {
    const char *name;
    int (*prepare)(void);
    int (*attempt)(void);
    void (*undo)(void);
    bool may_cope; /* a failure inside may have been got over */
};

static const struct scenario *current;

static void check_library_works(void)
{
    coro_t *co = NULL;

    for (int a = 0; a < 4; a++) {
        CHECK(coro_create(&co, echo_forever, &(coro_opts){.allocator = allocator_at(a)}) == 0);
        for (int i = 0; i < 3; i++)
            CHECK(coro_resume(co, &co).value == &co);
        CHECK(coro_destroy(co) == 0);
    }
}

/* `keys`: how many keys of thread-specific data there were before the library was used; it needs one, whatever fails. */
static void check_balance(struct balance before, long keys, int files)
{
    struct balance now = faults_balance();

    CHECK(now.blocks == before.blocks);
    CHECK(now.keys <= keys + 1);
    CHECK(now.bytes <= before.bytes + 8 * (long)page_size()); /* a cache of this thread may stay */
    CHECK(count_open_files() == files);
}

static int attempt(long n)
{
    long keys = faults_balance().keys;
    struct balance before;
    bool injected;
    int files, result;

    CHECK(current->prepare == NULL || current->prepare() == 0);
    before = faults_balance();
    files = count_open_files();
    faults_arm((size_t)n);
    result = current->attempt();
    injected = faults_disarm();
    CHECK(result == 0 || (injected && result == -ENOMEM));
    CHECK(result != 0 || !injected || current->may_cope);
    if (result == 0)
        current->undo();
    coro_stack_trim();
    check_balance(before, keys, files);
    check_library_works();
    coro_stack_trim();
    check_balance(before, keys, files);
    return !injected ? NOTHING_INJECTED : result == 0 ? INJECTED_AND_COPED : INJECTED_AND_WELL;
}

/* ---- scenarios: creating ---- */

static coro_t *const sentinel = (coro_t *)0x5e47;
static coro_t *co;

static int create_with(int allocator, size_t size)
{
    int err;

    co = sentinel;
    err = coro_create(&co, echo_forever, &(coro_opts){.allocator = allocator_at(allocator), .stack_size = size});
    CHECK(err == 0 || co == sentinel);
    CHECK(err != 0 || coro_resume(co, &co).value == &co);
    return err;
}

static int create_pooled(void)
{
    return create_with(0, 0);
}

static int create_pooled_large(void)
{
    return create_with(0, 3 << 20);
}

static int create_mapped(void)
{
    return create_with(1, 0);
}

static int create_on_heap(void)
{
    return create_with(2, 0);
}

static int create_in_own_memory(void)
{
    static _Alignas(16) char memory[32 * KIB];
    int err;

    co = sentinel;
    err = coro_create(&co, echo_forever, &(coro_opts){.stack = memory, .stack_size = sizeof memory});
    CHECK(err == 0 || co == sentinel);
    return err;
}

static void destroy_it(void)
{
    CHECK(coro_destroy(co) == 0);
}

/* The library has been used before, and what it had cached is gone: only the stack itself may fail. */
static int use_library(void)
{
    check_library_works();
    coro_stack_trim();
    return 0;
}

/* ---- many, so that slabs run out and caches overflow ---- */

enum { MANY = 300, MANY_UNDER_VALGRIND = 80 };
static coro_t *many[MANY];
static int made_so_far;

static int create_many(void)
{
    int n = under_valgrind() ? MANY_UNDER_VALGRIND : MANY;

    for (made_so_far = 0; made_so_far < n; made_so_far++) {
        coro_t *fresh = sentinel;
        int err = coro_create(&fresh, echo_forever, NULL);

        if (err != 0) {
            CHECK(fresh == sentinel);
            for (int i = 0; i < made_so_far; i++)
                CHECK(coro_resume(many[i], &many[i]).value == &many[i]);
            while (made_so_far > 0)
                CHECK(coro_destroy(many[--made_so_far]) == 0);
            return err;
        }
        many[made_so_far] = fresh;
    }
    return 0;
}

static void destroy_many(void)
{
    while (made_so_far > 0)
        CHECK(coro_destroy(many[--made_so_far]) == 0);
}

/* Destroying and trimming cannot fail, whatever fails inside. */
static int destroy_and_trim(void)
{
    destroy_many();
    coro_stack_trim();
    coro_stack_trim();
    return 0;
}

static void nothing(void)
{
}

/* ---- what belongs to a coroutine ---- */

static coro_key_t keys[40];
static int ended;

static void ends(void *arg)
{
    ended += *(int *)arg;
}

static void *defers_and_sets(void *input)
{
    static int one = 1, hundred = 100;
    int *results = input;

    results[0] = coro_defer(ends, &one);
    results[1] = coro_set(keys[0], &hundred);
    results[2] = coro_set(keys[39], &hundred);
    results[3] = coro_defer(ends, &one);
    CHECK(coro_get(keys[0]) == (results[1] == 0 ? &hundred : NULL));
    CHECK(coro_get(keys[39]) == (results[2] == 0 ? &hundred : NULL));
    coro_yield(NULL);
    return NULL;
}

static int make_keys_and_a_coroutine(void)
{
    check_library_works();
    for (int i = 0; i < 40; i++)
        CHECK(coro_key_create(&keys[i], ends) == 0);
    return coro_create(&co, defers_and_sets, NULL);
}

/* A call that failed is as if it had not been made, and those beside it work. */
static int defer_and_set(void)
{
    int results[4] = {1, 1, 1, 1}, expected = 0, failed = 0;

    CHECK(coro_resume(co, results).status == CORO_YIELDED);
    ended = 0;
    CHECK(coro_destroy(co) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(results[i] == 0 || results[i] == -ENOMEM);
        failed += results[i] != 0;
        if (results[i] == 0)
            expected += i == 0 || i == 3 ? 1 : 100;
    }
    CHECK(ended == expected);
    CHECK(failed <= 1);
    co = NULL;
    return failed != 0 ? -ENOMEM : 0;
}

static coro_key_t fresh_key;

static int create_key(void)
{
    int err;

    fresh_key = 0x5e47;
    err = coro_key_create(&fresh_key, ends);
    CHECK(err == 0 || fresh_key == 0x5e47);
    return err;
}

static void delete_key(void)
{
    CHECK(coro_key_delete(fresh_key) == 0);
}

/* ---- the overflow report ---- */

static int turn_report_on(void)
{
    return coro_overflow_report(true);
}

static void turn_report_off(void)
{
    CHECK(coro_overflow_report(false) == 0);
}

/* ---- other threads ---- */

static int thread_result;

static void *creates_on_a_thread(void *arg)
{
    (void)arg;
    thread_result = create_with(0, 0);
    if (thread_result == 0)
        CHECK(coro_destroy(co) == 0);
    return NULL;
}

static int first_use_on_a_thread(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, creates_on_a_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return thread_result;
}

static coro_stack stacks[100];

static void *frees_on_a_thread(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        coro_stack_pooled()->free(NULL, &stacks[i]);
    return NULL;
}

static int take_stacks(void)
{
    for (int i = 0; i < 100; i++)
        CHECK(coro_stack_pooled()->alloc(NULL, 64 * KIB, &stacks[i]) == 0);
    return 0;
}

/* free() of an allocator has no result: where there is no room to remember a stack, it goes elsewhere. */
static int free_on_a_fresh_thread(void)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, frees_on_a_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static const struct scenario scenarios[] = {
    {"first create, pooled", NULL, create_pooled, destroy_it, true},
    {"first create, pooled, large", NULL, create_pooled_large, destroy_it, true},
    {"first create, mmap", NULL, create_mapped, destroy_it, true},
    {"first create, heap", NULL, create_on_heap, destroy_it, true},
    {"first create, own memory", NULL, create_in_own_memory, destroy_it, true},
    {"later create, pooled", use_library, create_pooled, destroy_it, true},
    {"later create, pooled, large", use_library, create_pooled_large, destroy_it, true},
    {"later create, mmap", use_library, create_mapped, destroy_it, true},
    {"later create, heap", use_library, create_on_heap, destroy_it, false},
    {"300 creates", NULL, create_many, destroy_many, true},
    {"300 destroys and trim", create_many, destroy_and_trim, nothing, true},
    {"defer and set", make_keys_and_a_coroutine, defer_and_set, nothing, false},
    {"key create", use_library, create_key, delete_key, false},
    {"first use on a thread", use_library, first_use_on_a_thread, nothing, true},
    {"report on", NULL, turn_report_on, turn_report_off, true},
    {"report on, later", use_library, turn_report_on, turn_report_off, true},
    {"first use on a reported thread", turn_report_on, first_use_on_a_thread, turn_report_off, true},
    {"free on a fresh thread", take_stacks, free_on_a_fresh_thread, nothing, true},
};

/* ---- each call of each of them ---- */

/* The children are forked from a process that does not know which scenario is meant. */
static int attempt_of(long arg)
{
    current = &scenarios[arg & 0xff];
    return attempt(arg >> 8);
}

/* Tools that slow everything down leave calls out, more and more of them. */
static long next_call(long n)
{
    return under_valgrind() ? 3 * n + 1 : scaled(100) == 100 ? n + 1 : n + 1 + n / 2;
}

static void fail_each_call_of(const char *name, long least)
{
    long scenario = 0, n = 0, tried = 0, refused = 0;

    while (strcmp(scenarios[scenario].name, name) != 0)
        scenario++;
    for (;; n = next_call(n), tried++) {
        struct child_end end = in_fresh_child(attempt_of, n << 8 | scenario);

        if (end.code != NOTHING_INJECTED && end.code != INJECTED_AND_WELL && end.code != INJECTED_AND_COPED)
            fail_msg("%s, call %ld: exit code %d, signal %d: %s", name, n, end.code, end.signal, end.said);
        if (end.code == NOTHING_INJECTED)
            break;
        refused += end.code == INJECTED_AND_WELL;
    }
    print_message("%-30s %3ld calls failed, %3ld of them refused\n", name, tried, refused);
    assert_true(refused >= (under_valgrind() && least > 1 ? 1 : least));
    injections += (size_t)tried;
}

/* ---- the tests ---- */

static void creating_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("first create, pooled", 3);
    fail_each_call_of("first create, pooled, large", 2);
    fail_each_call_of("first create, mmap", 2);
    fail_each_call_of("first create, heap", 2);
    fail_each_call_of("first create, own memory", 1);
}

static void creating_later_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("later create, pooled", 0); /* a smaller slab will do */
    fail_each_call_of("later create, pooled, large", 1);
    fail_each_call_of("later create, mmap", 1);
    fail_each_call_of("later create, heap", 1);
}

static void creating_many_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("300 creates", 3);
}

static void destroying_and_trimming_never_fail(void **state)
{
    (void)state;
    fail_each_call_of("300 destroys and trim", 0);
}

static void defer_and_set_survive_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("defer and set", 4);
    fail_each_call_of("key create", 0);
}

static void a_new_thread_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("first use on a thread", 1);
    fail_each_call_of("free on a fresh thread", 0);
}

/* A thread without memory for an alternate stack goes without; its coroutines are not refused for that. */
static void the_overflow_report_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("report on", 2);
    fail_each_call_of("report on, later", under_asan() ? 0 : 1); /* whose threads have alternate stacks */
    fail_each_call_of("first use on a reported thread", 1);
}

/* ---- guards ---- */

/* Take stacks of each kind and look at their guards. With `mprotect` forbidden there may be none, but never one without. */
static int look_at_guards(bool may_fail)
{
    int taken = 0;

    for (int a = 0; a < 2; a++)
        for (size_t size = 16 * KIB; size <= 2048 * KIB; size *= 2) {
            const coro_stack_allocator *from = a == 0 ? coro_stack_pooled() : coro_stack_mmap();
            coro_stack s = {(void *)1, 2, (void *)3, 4};
            int err = from->alloc(from->ctx, size, &s);

            CHECK(err == 0 || (may_fail && err == -ENOMEM && s.base == (void *)1));
            if (err != 0)
                continue;
            taken++;
            for (size_t below = 1; below <= GUARD; below += page_size())
                CHECK(faults_at((char *)s.base - below));
            CHECK(faults_at((char *)s.base - GUARD));
            CHECK(!faults_at(s.base) && !faults_at((char *)s.base + s.size - 1));
            memset(s.base, 1, s.size);
            from->free(from->ctx, &s);
        }
    return taken;
}

static int guards_under(long advice)
{
    faults_set_advice((enum guard_advice)advice);
    CHECK(look_at_guards(false) > 0);
    coro_stack_trim();
    CHECK(look_at_guards(false) > 0);
    check_library_works();
    return 0;
}

static int guards_without_mprotect(long advice)
{
    coro_t *none = sentinel;

    faults_set_advice((enum guard_advice)advice);
    faults_forbid_mprotect(true);
    look_at_guards(true);
    if (coro_create(&none, echo_forever, NULL) != 0)
        CHECK(none == sentinel);
    else
        CHECK(coro_destroy(none) == 0);
    faults_forbid_mprotect(false);
    CHECK(look_at_guards(false) > 0);
    check_library_works();
    return 0;
}

/* Stacks are there already, with markers, when markers stop to be accepted: as by mlockall(). */
static int markers_stop_working(long mprotect_too)
{
    CHECK(look_at_guards(false) > 0);
    CHECK(create_many() == 0);
    faults_set_advice(ADVICE_REFUSED);
    faults_forbid_mprotect(mprotect_too != 0);
    look_at_guards(mprotect_too != 0);
    faults_forbid_mprotect(false);
    CHECK(look_at_guards(false) > 0);
    destroy_many();
    coro_stack_trim();
    CHECK(look_at_guards(false) > 0);
    return 0;
}

static void assert_well(int (*fn)(long), long arg)
{
    struct child_end end = in_fresh_child(fn, arg);

    if (end.code != 0)
        fail_msg("exit code %d, signal %d: %s", end.code, end.signal, end.said);
}

static void a_refused_marker_is_replaced_by_mprotect(void **state)
{
    (void)state;
    assert_well(guards_under, ADVICE_REFUSED);
}

static void a_marker_that_does_nothing_is_noticed(void **state)
{
    (void)state;
    assert_well(guards_under, ADVICE_LIES);
}

static void markers_refused_after_the_probe_are_replaced(void **state)
{
    (void)state;
    assert_well(guards_under, ADVICE_REFUSED_LATE);
    assert_well(markers_stop_working, false);
}

static void there_is_never_a_stack_without_a_guard(void **state)
{
    (void)state;
    for (long advice = ADVICE_AS_IS; advice <= ADVICE_REFUSED_LATE; advice++)
        assert_well(guards_without_mprotect, advice);
    assert_well(markers_stop_working, true);
}

/* Every single call in taking those stacks fails once: each stack that comes nevertheless has a guard. arg: advice, call. */
static int guards_with_a_failure(long arg)
{
    faults_set_advice((enum guard_advice)(arg & 3));
    faults_arm((size_t)arg >> 2);
    look_at_guards(true);
    return faults_disarm() ? INJECTED_AND_WELL : NOTHING_INJECTED;
}

static void nor_after_any_single_failure(void **state)
{
    (void)state;
    for (long advice = ADVICE_AS_IS; advice <= ADVICE_REFUSED_LATE; advice += under_valgrind() ? 2 : 1)
        for (long n = 0;; n = next_call(n)) {
            struct child_end end = in_fresh_child(guards_with_a_failure, n << 2 | advice);

            if (end.code == NOTHING_INJECTED)
                break;
            if (end.code != INJECTED_AND_WELL)
                fail_msg("advice %ld, call %ld: exit code %d, signal %d: %s", advice, n, end.code, end.signal,
                         end.said);
            injections++;
        }
    print_message("%zu failures were injected\n", injections);
    assert_true(injections >= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creating_survives_every_failure),
        TEST(creating_later_survives_every_failure),
        TEST(creating_many_survives_every_failure),
        TEST(destroying_and_trimming_never_fail),
        TEST(defer_and_set_survive_every_failure),
        TEST(a_new_thread_survives_every_failure),
        TEST(the_overflow_report_survives_every_failure),
        TEST(a_refused_marker_is_replaced_by_mprotect),
        TEST(a_marker_that_does_nothing_is_noticed),
        TEST(markers_refused_after_the_probe_are_replaced),
        TEST(there_is_never_a_stack_without_a_guard),
        TEST(nor_after_any_single_failure),
    };

    return RUN_TESTS(tests);
}
