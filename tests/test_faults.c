/*
 * What happens when memory runs out: in each scenario the first call that can fail fails, then the second one, and so on until
 * all of them pass (Lua's way of testing); and then the pairs of them. After each failure the result is the documented one, outputs
 * are untouched, nothing has leaked, and the library works.
 *
 * A scenario that prepares nothing is a fresh child each time, so that what the library does once a process is done, and fails,
 * each time. The others go through all their failures in one child, and what is out is the same after each of them.
 */
#include "base/panic.h"
#include "support/faults.h"
#include "support/test.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KIB = 1024, GUARD = 64 * KIB };

/* Exit codes of a child. */
enum { NOTHING_INJECTED = 0, INJECTED_AND_WELL = 1, INJECTED_AND_COPED = 2, WRONG = 3 };

/* Calls of a pair: each of the first ten fails, and then each of the ten after that. */
enum { PAIRED = 10, UNPAIRED = -1 };

static size_t injections;

/* What a child counts, and how far it came; shared with it. */
static struct tally {
    long n, m;                       /* the attempt going on */
    size_t injected, tried, refused; /* `tried` and `refused`: of the single failures */
} * tally;

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
    coro_opts opts;
    bool undoes_prepare; /* undo() takes back what prepare() did, whatever came of the attempt */
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

/* What the process has of the kernel. Where a tool runs it, the tool's mappings come and go too. */
static struct held {
    struct balance balance;
    int files;
    size_t mappings;
} what_is_held(void)
{
    struct held held = {.balance = faults_balance(), .files = count_open_files()};
    FILE *maps = under_valgrind() || under_asan() || under_emulator() ? NULL : fopen("/proc/self/maps", "re");

    for (int c; maps != NULL && (c = getc(maps)) != EOF;)
        held.mappings += c == '\n';
    if (maps != NULL)
        fclose(maps);
    return held;
}

/* A process that has not used the library before may keep a key of thread-specific data and this thread's cache. */
static void check_held(struct held before, bool first_use)
{
    struct held now = what_is_held();
    long cache = first_use ? (long)page_size() : 0, heap = 1;

    CHECK(now.balance.blocks == before.balance.blocks);
    CHECK(now.balance.keys <= before.balance.keys + first_use);
    CHECK(now.balance.bytes <= before.balance.bytes + cache);
    CHECK(now.mappings <= before.mappings + (first_use ? 1 + (size_t)heap : 0));
    CHECK(now.files == before.files);
}

/* Let n calls pass and fail one, let m more pass and fail another (or none). */
static int attempt(long n, long m)
{
    bool first_use = current->prepare == NULL;
    struct held before;
    bool injected;
    int result;

    before = what_is_held();
    CHECK(current->prepare == NULL || current->prepare() == 0);
    if (m == UNPAIRED)
        faults_arm((size_t)n);
    else
        faults_arm_pair((size_t)n, (size_t)m);
    result = current->attempt();
    injected = faults_disarm();
    CHECK(result == 0 || (injected && result == -ENOMEM));
    CHECK(result != 0 || !injected || current->may_cope);
    if (result == 0 || current->undoes_prepare)
        current->undo();
    coro_stack_trim();
    check_held(before, first_use);
    check_library_works();
    coro_stack_trim();
    check_held(before, first_use);
    tally->injected += (size_t)faults_injected();
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

/* An allocator of the caller's. */
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

static const coro_stack_allocator custom = {.alloc = custom_alloc, .free = custom_free};

/* With the options of the scenario. Its allocator is named by an address, since those of the library are asked for by a call. */
static const coro_stack_allocator mapped, heap;

static coro_opts opts_of_scenario(void)
{
    coro_opts opts = current->opts;

    if (opts.allocator == &mapped)
        opts.allocator = coro_stack_mmap();
    if (opts.allocator == &heap)
        opts.allocator = coro_stack_heap();
    return opts;
}

static int create_as_asked(void)
{
    coro_opts opts = opts_of_scenario();
    int err;

    co = sentinel;
    err = coro_create(&co, echo_forever, &opts);
    CHECK(err == 0 || co == sentinel);
    if (err != 0)
        return err;
    CHECK(strcmp(coro_name(co), opts.name != NULL ? opts.name : "") == 0 && coro_user(co) == opts.user);
    CHECK(coro_stack_size(co) >= opts.stack_size && coro_get_status(co) == CORO_SUSPENDED);
    CHECK(coro_resume(co, &co).value == &co);
    return 0;
}

/* The library has been used before, and what it had cached is gone: only the stack itself may fail. */
static int use_library(void)
{
    check_library_works();
    coro_stack_trim();
    return 0;
}

static int use_library_without_markers(void)
{
    faults_set_advice(ADVICE_REFUSED);
    return use_library();
}

/* ---- stacks alone, without coroutines ---- */

enum { SIZES = 8 }; /* 16 KiB to 2 MiB */
static coro_stack held_stacks[3][SIZES];

static void free_taken(void)
{
    for (int a = 0; a < 3; a++)
        for (int i = 0; i < SIZES; i++)
            if (held_stacks[a][i].size != 0)
                allocator_at(a + 1)->free(NULL, &held_stacks[a][i]);
    memset(held_stacks, 0, sizeof held_stacks);
}

static int take_each_size(void)
{
    for (int a = 0; a < 3; a++)
        for (int i = 0; i < SIZES; i++) {
            coro_stack s = {(void *)1, 2, (void *)3, 4};
            int err = allocator_at(a + 1)->alloc(NULL, (size_t)16 * KIB << i, &s);

            CHECK(err == 0 || (s.base == (void *)1 && s.size == 2 && s.map == (void *)3 && s.map_size == 4));
            if (err != 0) {
                free_taken();
                return err;
            }
            memset(s.base, 1, 4 * KIB);
            held_stacks[a][i] = s;
        }
    return 0;
}

static int take_and_use_library(void)
{
    use_library();
    return take_each_size();
}

static int free_and_trim(void)
{
    free_taken();
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

static int use_library_and_create_many(void)
{
    use_library();
    return create_many();
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

static int make_keys(void)
{
    use_library();
    for (int i = 0; i < 40 && keys[39] == 0; i++)
        CHECK(coro_key_create(&keys[i], ends) == 0);
    return 0;
}

static int make_keys_and_a_coroutine(void)
{
    make_keys();
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
    CHECK(failed == faults_injected());
    co = NULL;
    return failed != 0 ? -ENOMEM : 0;
}

/* All that can happen to a coroutine, each call of it with its failures. */
static void *lives(void *input)
{
    coro_t *other = coro_user(coro_self());

    defers_and_sets(input); /* which yields once */
    coro_set_name(coro_self(), "renamed");
    CHECK(coro_transfer(other, input).value == NULL);
    coro_yield(NULL);
    return NULL;
}

static int live_and_be_destroyed(void)
{
    coro_opts opts = opts_of_scenario();
    int results[4] = {1, 1, 1, 1}, expected = 0, failed;
    coro_t *other = NULL;

    CHECK(coro_create(&other, echo_forever, &(coro_opts){.stack_size = 32 * KIB}) == 0 || other == NULL);
    opts.user = other;
    co = sentinel;
    if (other == NULL || coro_create(&co, lives, &opts) != 0) {
        CHECK(co == sentinel && (other == NULL || coro_destroy(other) == 0));
        return -ENOMEM;
    }
    CHECK(coro_resume(co, results).status == CORO_YIELDED);
    CHECK(coro_resume(co, NULL).value == results && coro_get_status(co) == CORO_SUSPENDED);
    CHECK(coro_stack_used(co) > 0 && coro_stack_used(co) <= coro_stack_size(co));
    CHECK(coro_resume(co, NULL).status == CORO_YIELDED && strcmp(coro_name(co), "renamed") == 0);
    failed = faults_injected();
    ended = 0;
    CHECK(coro_destroy(co) == 0 && coro_destroy(other) == 0);
    for (int i = 0; i < 4; i++)
        expected += results[i] != 0 ? 0 : i == 0 || i == 3 ? 1 : 100;
    CHECK(ended == expected);
    return failed != 0 && expected != 202 ? -ENOMEM : 0;
}

static int live_and_be_destroyed_first(void)
{
    for (int i = 0; i < 40; i++)
        CHECK(coro_key_create(&keys[i], ends) == 0);
    return live_and_be_destroyed();
}

/* What makes no call that could fail. */
static void *yields_and_transfers(void *other)
{
    coro_yield(NULL);
    coro_transfer(other, NULL);
    return NULL;
}

static coro_t *second;

static int create_two(void)
{
    use_library();
    CHECK(coro_create(&co, yields_and_transfers, NULL) == 0);
    return coro_create(&second, echo_forever, NULL);
}

static int switch_to_and_fro(void)
{
    for (int i = 0; i < 2; i++)
        CHECK(coro_resume(co, second).status == CORO_YIELDED);
    CHECK(coro_get_status(co) == CORO_SUSPENDED && coro_self() == NULL);
    CHECK(coro_set_name(co, "co") == 0 && coro_name(co)[0] == 'c' && coro_user(co) == NULL);
    CHECK(coro_stack_size(co) == 64 * KIB && coro_get(keys[0]) == NULL);
    CHECK(coro_resume(co, NULL).status == CORO_RETURNED);
    CHECK(coro_resume(co, NULL).status == -ESRCH);
    CHECK(coro_destroy(second) == 0); /* unwinds */
    return coro_destroy(co);
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

/* The C library keeps the stack of a thread, and an arena for it. */
static int use_threads(void)
{
    use_library();
    return first_use_on_a_thread();
}

static int turn_report_on_with_threads(void)
{
    CHECK(turn_report_on() == 0);
    return use_threads();
}

/* A thread's first call may be any, and the one after it too. */
static void *calls_on_a_thread(void *arg)
{
    coro_step s = coro_resume(arg, NULL);

    CHECK(s.status == -EPERM || s.status == -ENOMEM);
    s = coro_transfer(arg, NULL);
    CHECK(s.status == -EPERM || s.status == -ENOMEM);
    errno = 0;
    CHECK(coro_yield(arg) == NULL && (errno == EPERM || errno == ENOMEM));
    thread_result = coro_defer(ends, arg);
    CHECK(thread_result == -EPERM || thread_result == -ENOMEM);
    thread_result = coro_set(keys[0], arg);
    CHECK(thread_result == -EPERM || thread_result == -ENOMEM);
    thread_result = coro_destroy(arg);
    CHECK(thread_result == -EPERM || thread_result == -ENOMEM);
    CHECK(coro_get(keys[0]) == NULL && coro_self() == NULL && coro_get_status(arg) == CORO_SUSPENDED);
    return NULL;
}

static int run_on_a_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, body, arg) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static int make_one_for_threads(void)
{
    use_threads();
    return coro_create(&co, echo_forever, NULL);
}

static int first_calls_on_a_thread(void)
{
    return run_on_a_thread(calls_on_a_thread, co);
}

/* A thread leaves coroutines of each kind behind, and what it had cached goes to the others. */
enum { LEFT = 8 };
static coro_t *left_behind[LEFT];

static void *leaves_coroutines_behind(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2 * LEFT; i++) {
        coro_t *fresh = NULL;
        int err = coro_create(&fresh, echo_forever, &(coro_opts){.allocator = allocator_at(i % 4)});

        CHECK(err == 0 || (err == -ENOMEM && fresh == NULL));
        if (fresh != NULL)
            CHECK(coro_resume(fresh, NULL).status == CORO_YIELDED);
        if (i < LEFT)
            left_behind[i] = fresh;
        else if (fresh != NULL)
            CHECK(coro_destroy(fresh) == 0);
    }
    return NULL;
}

static int leave_behind(void)
{
    return run_on_a_thread(leaves_coroutines_behind, NULL);
}

static void *destroys_left_behind(void *arg)
{
    (void)arg;
    for (int i = 0; i < LEFT; i++)
        if (left_behind[i] != NULL && coro_destroy(left_behind[i]) == 0)
            left_behind[i] = NULL;
    return NULL;
}

static void destroy_left_behind(void)
{
    destroys_left_behind(NULL);
    for (int i = 0; i < LEFT; i++)
        CHECK(left_behind[i] == NULL);
}

static int prepare_left_behind(void)
{
    use_threads();
    return leave_behind();
}

/* Whoever destroys what was left behind may be refused: then nothing has happened. */
static int destroy_on_a_thread(void)
{
    run_on_a_thread(destroys_left_behind, NULL);
    for (int i = 0; i < LEFT; i++)
        CHECK(left_behind[i] == NULL || coro_get_status(left_behind[i]) == CORO_SUSPENDED);
    return 0;
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
    use_threads();
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

/* ---- tasks ---- */

enum { TASKS = 70 }; /* more than there is room for at first */

static void *returns_it(void *input)
{
    return input;
}

static int run_one(void)
{
    void *result = sentinel;
    int err = coro_run(returns_it, &result, &result, NULL);

    CHECK(result == (err == 0 ? (void *)&result : sentinel));
    return err;
}

static void *sleeps_briefly(void *input)
{
    CHECK(coro_sleep(CORO_MS(1)) == 0);
    return input;
}

static int sleeps_as_a_child(void *arg)
{
    (void)arg;
    return coro_sleep(CORO_MS(1));
}

static int refusals;

/* Was it refused? Only for want of memory. */
static bool refused(int err)
{
    CHECK(err == 0 || err == -ENOMEM);
    refusals += err != 0;
    return err != 0;
}

static void spawn_and_join(void)
{
    coro_task_t *tasks[TASKS], *const none = (coro_task_t *)sentinel;

    for (int i = 0; i < TASKS; i++) {
        tasks[i] = none;
        CHECK(refused(coro_spawn(&tasks[i], sleeps_briefly, tasks, NULL)) == (tasks[i] == none));
    }
    for (int i = 0; i < TASKS; i++) {
        void *result = NULL;

        if (tasks[i] != none)
            CHECK(coro_join(tasks[i], &result, CORO_FOREVER) == 0 && result == tasks);
    }
}

static void open_a_group(void)
{
    coro_group_t g;

    if (refused(coro_group_open(&g, CORO_WAIT_ALL, coro_after(CORO_S(1)))))
        return;
    for (int i = 0; i < 3; i++)
        refused(coro_group_spawn(&g, sleeps_as_a_child, NULL));
    CHECK(coro_group_join(&g) == 0);
}

static void use_a_pool(void)
{
    coro_pool_t *const no_pool = (coro_pool_t *)sentinel, *p = no_pool;
    coro_future_t *const no_future = (coro_future_t *)sentinel;

    if (refused(coro_pool_create(&p, 3, 1))) {
        CHECK(p == no_pool);
        return;
    }
    for (int i = 0; i < 3; i++) {
        coro_future_t *f = no_future;
        void *result = NULL;

        if (refused(coro_pool_submit(p, &f, sleeps_briefly, p, CORO_FOREVER)))
            CHECK(f == no_future);
        else
            CHECK(coro_future_wait(f, &result, CORO_FOREVER) == 0 && result == p);
    }
    CHECK(coro_pool_close(p) == 0);
}

static void *lives_as_a_task(void *input)
{
    spawn_and_join();
    open_a_group();
    use_a_pool();
    CHECK(coro_sleep(CORO_MS(1)) == 0);
    return input;
}

static int run_many(void)
{
    int err;

    refusals = 0;
    err = coro_run(lives_as_a_task, NULL, NULL, &(coro_sched_opts){.virtual_time = true});
    CHECK(err == 0 || refusals == 0);
    CHECK(refusals <= faults_injected());
    return refusals != 0 ? -ENOMEM : err;
}

static coro_sched_t *sched;

static int make_sched(void)
{
    use_library();
    return coro_sched_create(&sched, &(coro_sched_opts){.virtual_time = true});
}

/* Whatever comes of the spawns, the scheduler runs those that there are. */
static int spawn_from_outside(void)
{
    coro_task_t *tasks[TASKS], *const none = (coro_task_t *)sentinel;

    refusals = 0;
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = none;
        CHECK(refused(coro_sched_spawn(sched, &tasks[i], sleeps_briefly, tasks, NULL)) == (tasks[i] == none));
    }
    CHECK(coro_sched_run(sched) == 0);
    for (int i = 0; i < TASKS; i++) {
        void *result = NULL;

        if (tasks[i] != none)
            CHECK(coro_join(tasks[i], &result, 0) == 0 && result == tasks);
    }
    return refusals != 0 ? -ENOMEM : 0;
}

static void destroy_sched(void)
{
    CHECK(coro_sched_destroy(sched) == 0);
}

static void *spawns_on_a_thread(void *arg)
{
    coro_opts opts = {.allocator = coro_stack_heap()};

    for (int i = 0; i < TASKS; i++)
        refused(coro_sched_spawn(sched, NULL, returns_it, arg, &opts));
    return NULL;
}

static int make_sched_and_threads(void)
{
    use_threads();
    return make_sched();
}

static int spawn_from_a_thread_and_run(void)
{
    refusals = 0;
    run_on_a_thread(spawns_on_a_thread, NULL);
    CHECK(coro_sched_run(sched) == 0); /* a place that cannot be had for one that comes in is tried for again */
    return refusals != 0 ? -ENOMEM : 0;
}

/* They never ran: what there is to say of that goes to standard error. */
static int spawn_from_a_thread_and_destroy(void)
{
    refusals = 0;
    run_on_a_thread(spawns_on_a_thread, NULL);
    CHECK(coro_sched_destroy(sched) == 0);
    return refusals != 0 ? -ENOMEM : 0;
}

static const struct scenario scenarios[] = {
    {"first run", NULL, run_one, nothing, true, {0}, false},
    {"later run", use_library, run_one, nothing, true, {0}, false},
    {"first run of many tasks", NULL, run_many, nothing, true, {0}, false},
    {"later run of many tasks", use_library, run_many, nothing, true, {0}, false},
    {"spawns from a thread, run", make_sched_and_threads, spawn_from_a_thread_and_run, destroy_sched, true, {0}, true},
    {"spawns from a thread, destroyed",
     make_sched_and_threads,
     spawn_from_a_thread_and_destroy,
     nothing,
     true,
     {0},
     false},
    {"spawns from outside", make_sched, spawn_from_outside, destroy_sched, true, {0}, true},
    {"first create, pooled", NULL, create_pooled, destroy_it, true, {0}, false},
    {"first create, pooled, large", NULL, create_pooled_large, destroy_it, true, {0}, false},
    {"first create, mmap", NULL, create_mapped, destroy_it, true, {0}, false},
    {"first create, heap", NULL, create_on_heap, destroy_it, true, {0}, false},
    {"first create, own memory", NULL, create_in_own_memory, destroy_it, true, {0}, false},
    {"later create, pooled", use_library, create_pooled, destroy_it, true, {0}, false},
    {"later create, pooled, large", use_library, create_pooled_large, destroy_it, true, {0}, false},
    {"later create, mmap", use_library, create_mapped, destroy_it, true, {0}, false},
    {"later create, heap", use_library, create_on_heap, destroy_it, false, {0}, false},
    {"300 creates", use_library, create_many, destroy_many, true, {0}, false},
    {"300 destroys and trim", use_library_and_create_many, destroy_and_trim, nothing, true, {0}, false},
    {"defer and set", make_keys_and_a_coroutine, defer_and_set, nothing, false, {0}, false},
    {"key create", use_library, create_key, delete_key, false, {0}, false},
    {"first use on a thread", use_threads, first_use_on_a_thread, nothing, true, {0}, false},
    {"free on a fresh thread", take_stacks, free_on_a_fresh_thread, nothing, true, {0}, false},
    {"first create, pooled, 16 KiB", NULL, create_as_asked, destroy_it, true, {.stack_size = 16 * KIB}, false},
    {"first create, pooled, with all",
     NULL,
     create_as_asked,
     destroy_it,
     true,
     {.stack_size = 1000 * KIB, .name = "all", .user = &co, .flags = CORO_NO_FPENV},
     false},
    {"first create, mmap, large",
     NULL,
     create_as_asked,
     destroy_it,
     true,
     {.stack_size = 5 << 20, .allocator = &mapped},
     false},
    {"first create, custom", NULL, create_as_asked, destroy_it, true, {.allocator = &custom}, false},
    {"later create, pooled, 16 KiB", use_library, create_as_asked, destroy_it, true, {.stack_size = 16 * KIB}, false},
    {"later create, pooled, with all",
     use_library,
     create_as_asked,
     destroy_it,
     true,
     {.stack_size = 1000 * KIB, .name = "all", .user = &co, .flags = CORO_NO_FPENV},
     false},
    {"later create, heap, with all",
     use_library,
     create_as_asked,
     destroy_it,
     false,
     {.stack_size = 100 * KIB, .allocator = &heap, .name = "all", .user = &co, .flags = CORO_NO_FPENV},
     false},
    {"later create, custom", use_library, create_as_asked, destroy_it, false, {.allocator = &custom}, false},
    {"create without markers, pooled", use_library_without_markers, create_as_asked, destroy_it, true, {0}, false},
    {"create without markers, mmap",
     use_library_without_markers,
     create_as_asked,
     destroy_it,
     true,
     {.allocator = &mapped},
     false},
    {"300 creates without markers", use_library_without_markers, create_many, destroy_many, true, {0}, false},
    {"first stacks of each size", NULL, take_each_size, free_taken, true, {0}, false},
    {"later stacks of each size", use_library, take_each_size, free_taken, true, {0}, false},
    {"the same without markers", use_library_without_markers, take_each_size, free_taken, true, {0}, false},
    {"free of each size and trim", take_and_use_library, free_and_trim, nothing, true, {0}, false},
    {"a life, first use", NULL, live_and_be_destroyed_first, nothing, true, {0}, false},
    {"a life, pooled", make_keys, live_and_be_destroyed, nothing, true, {0}, false},
    {"a life, pooled, 512 KiB", make_keys, live_and_be_destroyed, nothing, true, {.stack_size = 512 * KIB}, false},
    {"a life, mmap", make_keys, live_and_be_destroyed, nothing, true, {.allocator = &mapped}, false},
    {"a life, heap", make_keys, live_and_be_destroyed, nothing, true, {.allocator = &heap}, false},
    {"a life, custom", make_keys, live_and_be_destroyed, nothing, true, {.allocator = &custom}, false},
    {"switches and questions", create_two, switch_to_and_fro, nothing, false, {0}, false},
    {"first calls on a thread", make_one_for_threads, first_calls_on_a_thread, destroy_it, true, {0}, false},
    {"a thread that leaves some behind", use_threads, leave_behind, destroy_left_behind, true, {0}, false},
    {"destroy of what was left behind",
     prepare_left_behind,
     destroy_on_a_thread,
     destroy_left_behind,
     true,
     {0},
     false},
    {"report on", NULL, turn_report_on, turn_report_off, true, {0}, false},
    {"report on, later", use_library, turn_report_on, turn_report_off, true, {0}, false},
    {"first use on a reported thread",
     turn_report_on_with_threads,
     first_use_on_a_thread,
     turn_report_off,
     true,
     {0},
     true},
};

/* ---- each call of each of them ---- */

/* Tools that slow everything down leave calls out, more and more of them. */
static long next_call(long n)
{
    return under_valgrind() ? 5 * n + 2 : scaled(100) == 100 ? n + 1 : n + 1 + n / 2;
}

/* One attempt: in a fresh child if it is the first use that matters, else here, in the child that runs all of them. */
static int attempt_fresh(long scenario)
{
    current = &scenarios[scenario];
    return attempt(tally->n, tally->m);
}

static int attempt_at(long n, long m)
{
    struct child_end end;

    tally->n = n;
    tally->m = m;
    if (current->prepare != NULL)
        return attempt(n, m);
    end = in_fresh_child(attempt_fresh, current - scenarios);
    if (end.code < NOTHING_INJECTED || end.code > INJECTED_AND_COPED)
        fail_msg("%s, calls %ld and %ld: exit code %d, signal %d: %s", current->name, n, m, end.code, end.signal,
                 end.said);
    return end.code;
}

static void attempt_each(void)
{
    int how;

    for (long n = 0; (how = attempt_at(n, UNPAIRED)) != NOTHING_INJECTED; n = next_call(n)) {
        tally->tried++;
        tally->refused += how == INJECTED_AND_WELL;
    }
    for (long n = 0; n < (under_valgrind() ? 1 : PAIRED); n = next_call(n))
        for (long m = 0; m < (under_valgrind() ? 1 : PAIRED); m = next_call(m)) {
            size_t before = tally->injected;

            attempt_at(n, m);
            if (tally->injected - before < 2)
                break; /* there is no second call to fail any more */
        }
}

/* All of it once before, so that what a process keeps for good is there when the first attempt looks. */
static int attempt_each_in_one_child(long scenario)
{
    current = &scenarios[scenario];
    CHECK(current->prepare() == 0 && current->attempt() == 0);
    current->undo();
    use_library();
    attempt_each();
    return 0;
}

static const struct scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    fail_msg("no scenario \"%s\"", name);
    return NULL;
}

/* `least`: how many of the single failures must come out as a refusal. */
static void fail_each_call_of(const char *name, size_t least)
{
    struct child_end end = {0};

    static const coro_opts usual;

    current = scenario_named(name);
    *tally = (struct tally){0};
    if (under_valgrind() && memcmp(&current->opts, &usual, sizeof usual) != 0)
        return; /* slow there, and the same calls once more */
    if (current->prepare == NULL)
        attempt_each();
    else
        end = in_fresh_child(attempt_each_in_one_child, current - scenarios);
    if (end.code != 0)
        fail_msg("%s, calls %ld and %ld: exit code %d, signal %d: %s", name, tally->n, tally->m, end.code, end.signal,
                 end.said);
    print_message("%-36s %3zu calls, %3zu failures refused, %4zu injected\n", name, tally->tried, tally->refused,
                  tally->injected);
    assert_true(tally->refused >= (scaled(100) == 100 ? least : 0)); /* tools leave most of the calls out */
    injections += tally->injected;
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
    fail_each_call_of("first create, pooled, 16 KiB", 3);
    fail_each_call_of("first create, pooled, with all", 3);
    fail_each_call_of("first create, mmap, large", 2);
    fail_each_call_of("first create, custom", 2);
}

static void creating_later_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("later create, pooled", 0); /* a smaller slab will do */
    fail_each_call_of("later create, pooled, large", 1);
    fail_each_call_of("later create, mmap", 1);
    fail_each_call_of("later create, heap", 1);
    fail_each_call_of("later create, pooled, 16 KiB", 0);
    fail_each_call_of("later create, pooled, with all", 0);
    fail_each_call_of("later create, heap, with all", 1);
    fail_each_call_of("later create, custom", 1);
}

static void creating_without_markers_survives_every_failure(void **state)
{
    (void)state;
    if (under_valgrind())
        skip(); /* large mappings come and go by the dozen, which takes it minutes */
    fail_each_call_of("create without markers, pooled", 1);
    fail_each_call_of("create without markers, mmap", 2);
    fail_each_call_of("300 creates without markers", 2);
}

static void stacks_survive_every_failure(void **state)
{
    (void)state;
    if (under_valgrind())
        skip(); /* as above */
    fail_each_call_of("first stacks of each size", 3);
    fail_each_call_of("later stacks of each size", 2);
    fail_each_call_of("the same without markers", 2);
    fail_each_call_of("free of each size and trim", 0);
}

static void a_life_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("a life, first use", 8);
    fail_each_call_of("a life, pooled", 5);
    fail_each_call_of("a life, pooled, 512 KiB", 5);
    fail_each_call_of("a life, mmap", 5);
    fail_each_call_of("a life, heap", 5);
    fail_each_call_of("a life, custom", 5);
}

static void switching_makes_no_call_that_can_fail(void **state)
{
    (void)state;
    if (under_valgrind())
        skip(); /* for it a destroy asks which pages were used */
    fail_each_call_of("switches and questions", 0);
    assert_int_equal(tally->injected, 0);
}

static void creating_many_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("300 creates", 0);
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
    fail_each_call_of("first calls on a thread", 0);
    fail_each_call_of("a thread that leaves some behind", 0);
    fail_each_call_of("destroy of what was left behind", 0);
}

/* A thread without memory for an alternate stack goes without; its coroutines are not refused for that. */
static void tasks_survive_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("first run", 4);
    fail_each_call_of("later run", 3);
    fail_each_call_of("first run of many tasks", 80);
    fail_each_call_of("later run of many tasks", 80);
    fail_each_call_of("spawns from outside", 70);
    fail_each_call_of("spawns from a thread, run", 70);
    fail_each_call_of("spawns from a thread, destroyed", 70);
}

static void the_overflow_report_survives_every_failure(void **state)
{
    (void)state;
    fail_each_call_of("report on", 2);
    fail_each_call_of("report on, later", under_asan() ? 0 : 1); /* whose threads have alternate stacks */
    fail_each_call_of("first use on a reported thread", 1);
}

/* ---- guards ---- */

static void look_at_guard(const coro_stack *s)
{
    for (size_t below = 1; below <= GUARD; below += page_size())
        CHECK(faults_at((char *)s->base - below));
    CHECK(faults_at((char *)s->base - GUARD));
    CHECK(!faults_at(s->base) && !faults_at((char *)s->base + s->size - 1));
    memset(s->base, 1, s->size);
}

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
            look_at_guard(&s);
            from->free(from->ctx, &s);
        }
    return taken;
}

/* Fresh ones are prepared many at once, or where the kernel has no call for that each alone. */
static int guards_of_many(long each_alone)
{
    const coro_stack_allocator *pooled = coro_stack_pooled();
    coro_stack s[50];
    enum { N = sizeof s / sizeof *s };

    faults_forbid_batches(each_alone != 0);
    for (int i = 0; i < N; i++)
        CHECK(pooled->alloc(pooled->ctx, 64 * KIB, &s[i]) == 0);
    for (int i = 0; i < N; i++)
        look_at_guard(&s[i]);
    for (int i = 0; i < N; i++)
        pooled->free(pooled->ctx, &s[i]);
    check_library_works();
    return 0;
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

static void each_of_many_has_a_guard(void **state)
{
    (void)state;
    assert_well(guards_of_many, false);
    assert_well(guards_of_many, true);
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
    for (long advice = ADVICE_AS_IS; advice <= ADVICE_REFUSED_LATE; advice += under_valgrind() ? 4 : 1)
        for (long n = 0;; n = next_call(n)) {
            struct child_end end = in_fresh_child(guards_with_a_failure, n << 2 | advice);

            if (end.code == NOTHING_INJECTED)
                break;
            if (end.code != INJECTED_AND_WELL)
                fail_msg("advice %ld, call %ld: exit code %d, signal %d: %s", advice, n, end.code, end.signal,
                         end.said);
            injections++;
        }
}

/* ---- reports ---- */

/* Two mappings fail, while /proc reads like `text`. */
static int no_mapping_while_proc_says(const char *text)
{
    coro_stack s;

    use_library();
    for (int i = 0; i < 2; i++) {
        faults_set_proc(text);
        faults_arm(0);
        CHECK(coro_stack_mmap()->alloc(NULL, 64 * KIB, &s) == -ENOMEM);
        faults_disarm();
        faults_set_proc(NULL);
    }
    check_library_works();
    return 0;
}

static int no_mapping_is_left(long arg)
{
    (void)arg;
    return no_mapping_while_proc_says("7\n");
}

static int the_limit_cannot_be_read(long arg)
{
    (void)arg;
    return no_mapping_while_proc_says("");
}

static void the_hint_comes_once_and_only_for_mappings(void **state)
{
    struct child_end end = in_fresh_child(no_mapping_is_left, 0);
    const char *hint = strstr(end.said, "vm.max_map_count");
    (void)state;

    assert_int_equal(end.code, 0);
    assert_non_null(hint);
    assert_null(strstr(hint + 1, "vm.max_map_count"));
    end = in_fresh_child(the_limit_cannot_be_read, 0);
    assert_int_equal(end.code, 0);
    assert_string_equal(end.said, "");
}

static int reports(long how)
{
    char text[1000] = "";

    memset(text, 'x', sizeof text - 1);
    errno = 4321;
    faults_set_write(how == 1 ? 3 : 0, how == 2 ? EIO : 0);
    coro__report("a", how == 3 ? text : "b", "c", NULL);
    faults_set_write(0, 0);
    return errno == 4321 ? 0 : 1;
}

static void a_report_gets_out_if_it_can(void **state)
{
    struct child_end end;
    (void)state;

    for (long how = 0; how < 4; how++) {
        end = in_fresh_child(reports, how);
        assert_int_equal(end.code, 0);
        if (how < 3)
            assert_string_equal(end.said, how < 2 ? "libcoro: abc\n" : "");
    }
    assert_int_equal(strlen(end.said), 512); /* a line that is too long is cut, and is a line all the same */
    assert_int_equal(end.said[511], '\n');
}

static int panics(long named)
{
    coro__panic(named ? "somebody" : "", "gives up");
}

static void a_panic_names_the_coroutine(void **state)
{
    (void)state;
    for (long named = 0; named < 2; named++) {
        struct child_end end = in_fresh_child(panics, named);
        const char *line =
            named ? "libcoro: coroutine 'somebody': gives up\n" : "libcoro: coroutine '(unnamed)': gives up\n";

        assert_int_equal(end.signal, SIGABRT);
        assert_memory_equal(end.said, line, strlen(line)); /* an emulator says something, too */
    }
}

static void more_than_two_thousand_failures_were_injected(void **state)
{
    (void)state;
    print_message("%zu failures injected\n", injections);
    assert_true(injections >= (scaled(100) == 100 ? 2000 : 30));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creating_survives_every_failure),
        TEST(creating_later_survives_every_failure),
        TEST(creating_many_survives_every_failure),
        TEST(creating_without_markers_survives_every_failure),
        TEST(stacks_survive_every_failure),
        TEST(a_life_survives_every_failure),
        TEST(switching_makes_no_call_that_can_fail),
        TEST(destroying_and_trimming_never_fail),
        TEST(defer_and_set_survive_every_failure),
        TEST(a_new_thread_survives_every_failure),
        TEST(tasks_survive_every_failure),
        TEST(the_overflow_report_survives_every_failure),
        TEST(each_of_many_has_a_guard),
        TEST(a_refused_marker_is_replaced_by_mprotect),
        TEST(a_marker_that_does_nothing_is_noticed),
        TEST(markers_refused_after_the_probe_are_replaced),
        TEST(there_is_never_a_stack_without_a_guard),
        TEST(nor_after_any_single_failure),
        TEST(the_hint_comes_once_and_only_for_mappings),
        TEST(a_report_gets_out_if_it_can),
        TEST(a_panic_names_the_coroutine),
        TEST(more_than_two_thousand_failures_were_injected),
    };

    faults_begin();
    mallopt(M_ARENA_MAX, 1); /* mappings of its own for each thread are not what is counted here */
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return tally == MAP_FAILED ? 125 : RUN_TESTS(tests);
}
