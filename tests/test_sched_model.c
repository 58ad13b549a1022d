/*
 * Random programs of tasks, run by the library and by a model of it: the traces must be the same, event for event. Each program comes
 * from a seed. One that fails is made as small as it can be and printed; MODEL_SEED in the environment runs that one alone,
 * MODEL_PROGRAMS so many of them.
 *
 * Where ready tasks run in random order, the model follows the choices that were made, as long as each was one of those that it has.
 */
#include "model/program.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAMS = 100000, SECONDS_MOST = 20 };

static volatile uint64_t running;

/* True if both agree. */
static bool agrees(const struct program *p, struct trace *real, struct trace *model)
{
    int err = run_real(p, real);

    run_reference(p, model, real);
    return err == 0 && trace_difference(real, model) == SIZE_MAX;
}

/* In a child, for it may crash or hang. */
static bool passes_in_child(const struct program *p, void (*then)(const struct program *p))
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        static struct trace real, model;

        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        signal(SIGALRM, SIG_DFL);
        alarm(under_sanitizer() || under_valgrind() || under_emulator() ? SECONDS_MOST : 1);
        if (then != NULL)
            then(p);
        else if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        _exit(agrees(p, &real, &model) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool fails(const struct program *p)
{
    return !passes_in_child(p, NULL);
}

static void print_both(const struct program *p)
{
    static struct trace real, model;
    size_t at;

    run_reference(p, &model, NULL);
    trace_print(p->order == RANDOM ? "the model, in some order" : "the model", p, &model, model.count);
    fflush(stdout);
    printf("the scheduler returned %d\n", run_real(p, &real));
    run_reference(p, &model, &real);
    at = trace_difference(&real, &model);
    trace_print("the library, up to the difference", p, &real, at + 1);
    trace_print("the model, likewise", p, &model, at + 1);
    fflush(stdout);
}

static void explain(uint64_t seed)
{
    static struct program p;

    program_generate(&p, seed);
    if (!fails(&p)) {
        printf("program %llu fails only after others\n", (unsigned long long)seed);
        return;
    }
    program_shrink(&p, fails);
    program_print(&p);
    passes_in_child(&p, print_both);
    printf("to repeat: MODEL_SEED=%llu\n", (unsigned long long)seed);
}

static bool try_one(uint64_t seed)
{
    static struct program p;
    static struct trace real, model;

    running = seed;
    program_generate(&p, seed);
    return agrees(&p, &real, &model);
}

static void crashed(int signal)
{
    char said[80];
    int n = snprintf(said, sizeof said, "signal %d in MODEL_SEED=%llu\n", signal, (unsigned long long)running);

    _exit(write(2, said, (size_t)n) == n ? 1 : 2);
}

static void watch_for_crashes(void)
{
    signal(SIGALRM, crashed);
    if (!under_sanitizer() && !under_valgrind()) {
        signal(SIGSEGV, crashed);
        signal(SIGABRT, crashed);
    }
}

static void the_library_does_what_the_model_does(void **state)
{
    const char *chosen = getenv("MODEL_SEED");
    uint64_t first = chosen != NULL ? strtoull(chosen, NULL, 0) : 1;
    const char *count = getenv("MODEL_PROGRAMS");
    uint64_t end = first + (chosen != NULL ? 1 : count != NULL ? strtoull(count, NULL, 0) : scaled(PROGRAMS));

    (void)state;
    watch_for_crashes();
    if (chosen != NULL)
        explain(first);
    for (uint64_t seed = first; seed < end; seed++) {
        alarm(SECONDS_MOST);
        if (try_one(seed))
            continue;
        alarm(0);
        explain(seed);
        fail_msg("program %llu", (unsigned long long)seed);
    }
    alarm(0);
}

static uint64_t hash_of(struct program *p, uint64_t seed)
{
    static struct trace list;

    p->order = RANDOM;
    p->seed = seed;
    assert_int_equal(run_real(p, &list), 0);
    return trace_hash(&list);
}

static void the_same_seed_gives_the_same_order(void **state)
{
    static struct program p;
    size_t programs = scaled(500), changed = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= programs; seed++) {
        uint64_t hash;

        program_generate(&p, seed);
        hash = hash_of(&p, seed);
        assert_true(hash_of(&p, seed) == hash);
        changed += hash_of(&p, seed + 1) != hash;
    }
    assert_true(changed > programs / 4); /* others give others */
}

/* Seven tasks that pause, sleep for the same times, and are joined. */
static void make_fixed_program(struct program *p)
{
    *p = (struct program){.count = 8};
    for (int i = 1; i < p->count; i++) {
        struct body *body = &p->bodies[i];

        p->bodies[0].ops[i - 1] = (struct op){.kind = SPAWN, .task = i};
        body->count = 6;
        body->result = -i;
        for (int k = 0; k < body->count; k++)
            body->ops[k] = (struct op){.kind = k % 3 == 2 ? SLEEP : PAUSE, .ticks = i % 3};
    }
    for (int k = 0; k < 4; k++)
        p->bodies[0].ops[7 + k] = (struct op){.kind = JOIN_ANY, .count = 2, .set = {k + 1, k + 2}, .limit = FOREVER};
    p->bodies[0].count = 11;
}

/* If it changes, seeds that were written down before repeat nothing any more. It is the same on every machine. */
static void the_order_that_follows_from_a_seed_stays(void **state)
{
    const uint64_t expected = UINT64_C(0xb0aae4445037f0b4);
    static struct program p;
    uint64_t hash;

    (void)state;
    make_fixed_program(&p);
    hash = hash_of(&p, UINT64_C(0x9e3779b97f4a7c15));
    if (hash != expected)
        print_error("it is 0x%llx now\n", (unsigned long long)hash);
    assert_true(hash == expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_library_does_what_the_model_does),
        TEST(the_same_seed_gives_the_same_order),
        TEST(the_order_that_follows_from_a_seed_stays),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
