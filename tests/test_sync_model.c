/*
 * Random scripts over mutexes, conditions, read-write locks, semaphores, barriers, wait groups and once, played by the library and by a
 * model: every operation must end with the same result, at the same time, in the same order. Each script comes from a seed. One that
 * fails is made as small as it can be and printed; MODEL_SEED in the environment runs that one alone, MODEL_PROGRAMS so many.
 */
#include "support/test.h"
#include "sync/script.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRIPTS = 10000, SECONDS_MOST = 20, PARTS_MOST = 6 /* so many readers are known by name */ };

/* ---- made up ---- */

static int below(int n)
{
    return (int)random_below((size_t)n);
}

static bool chance(int percent)
{
    return below(100) < percent;
}

/* Most of a script is about the same one or two kinds of things, or nobody would meet anybody. */
static enum verb choose_verb(int kinds)
{
    static const enum verb by_kind[][6] = {
        {LOCK, LOCK, LOCK, UNLOCK, UNLOCK, PAUSE}, {LOCK, WAIT, WAIT, SIGNAL, BROADCAST, UNLOCK},
        {READ, READ, WRITE, WRITE, LEAVE, LEAVE},  {DOWN, DOWN, DOWN, UP, UP, UP},
        {MEET, MEET, MEET, MEET, SLEEP, PAUSE},    {ADD, ADD, AWAIT, AWAIT, ADD, SLEEP},
        {ONCE, ONCE, ONCE, ONCE, SLEEP, PAUSE}};
    int kind = below(7);

    if (chance(22))
        return SLEEP;
    if (chance(15))
        return chance(50) ? CANCEL : chance(70) ? PAUSE : SHIELD;
    while ((kinds >> kind & 1) == 0)
        kind = below(7);
    return by_kind[kind][below(6)];
}

static struct op choose_op(int parts, int kinds)
{
    struct op op = {.verb = choose_verb(kinds)};

    op.object = chance(80) ? 0 : below(OBJECTS);
    op.mutex = chance(85) ? 0 : below(OBJECTS);
    if (op.verb == MEET)
        op.object = chance(10) ? 0 : 1 + below(2);
    op.limit = chance(15) ? TRY : chance(50) ? FOREVER : AT;
    op.at = below(14) - 1;
    if (op.verb == CANCEL)
        op.n = below(parts);
    if (op.verb == SLEEP)
        op.n = 1 + below(4);
    if (op.verb == SHIELD)
        op.n = below(2);
    if (op.verb == ADD)
        op.n = chance(3) ? (chance(50) ? INT32_MAX : INT32_MIN) : chance(55) ? -1 : 1 + below(2);
    return op;
}

static void generate(struct script *s, uint64_t seed)
{
    static const int kinds[] = {1, 3, 3, 3, 4, 4, 8, 16, 32, 64, 127, 127};

    random_seed(seed);
    *s = (struct script){.parts = 2 + below(PARTS_MOST - 1)};
    s->policy = seed % 4 == 0 ? CORO_DEPTH_FIRST : CORO_FIFO;
    s->seed = seed % 4 == 1 ? seed : 0;
    for (int i = 0, about = kinds[below(12)]; i < s->parts; i++) {
        s->counts[i] = 1 + below(OPS);
        for (int k = 0; k < s->counts[i]; k++)
            s->ops[i][k] = choose_op(s->parts, about);
    }
}

/* ---- tried ---- */

static volatile uint64_t running;

static bool agrees(const struct script *s, struct record *real, struct record *model)
{
    script_play(s, real);
    script_predict(s, model);
    return record_difference(real, model) == SIZE_MAX;
}

static bool passes_in_child(const struct script *s)
{
    int status;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        static struct record real, model;

        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        signal(SIGALRM, SIG_DFL);
        alarm(under_sanitizer() || under_valgrind() || under_emulator() ? SECONDS_MOST : 1);
        _exit(agrees(s, &real, &model) ? 0 : 1);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool fails(const struct script *s)
{
    return !passes_in_child(s);
}

static void explain(uint64_t seed)
{
    static struct record real, model;
    struct script s;

    generate(&s, seed);
    if (!fails(&s)) {
        script_print(&s);
        printf("passes by itself\n");
        return;
    }
    script_shrink(&s, fails);
    script_print(&s);
    script_predict(&s, &model);
    printf("the model:   %s\n", record_text(&s, &model));
    fflush(stdout);
    script_play(&s, &real);
    printf("the library: %s\nto repeat: MODEL_SEED=%llu\n", record_text(&s, &real), (unsigned long long)seed);
}

static void crashed(int signal)
{
    char said[80];
    int n = snprintf(said, sizeof said, "signal %d in MODEL_SEED=%llu\n", signal, (unsigned long long)running);

    _exit(write(STDOUT_FILENO, said, (size_t)n) == n ? 1 : 2);
}

/* Deadlocks are reported, and some scripts end in one. Returns what to give to speak_again(). */
static int be_silent(void)
{
    int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (!under_sanitizer()) /* that would report here, too */
        dup2(nowhere, STDERR_FILENO);
    close(nowhere);
    return kept;
}

static void speak_again(int kept)
{
    dup2(kept, STDERR_FILENO);
    close(kept);
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *value = getenv(variable);

    return value != NULL ? strtoull(value, NULL, 0) : otherwise;
}

/* How often what was to be met with was. */
static size_t events, deadlocks, seen[SHIELD + 1][4];

static void count(const struct script *s, const struct record *r)
{
    events += r->count;
    deadlocks += r->outcome != 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct event *e = &r->events[i];
        int kind = e->result == -ETIMEDOUT ? 1 : e->result == -ECANCELED ? 2 : 3;

        if (e->op >= 0)
            seen[s->ops[e->part][e->op].verb][e->result >= 0 ? 0 : kind]++;
    }
}

static void the_library_does_what_the_model_does(void **state)
{
    static struct record real, model;
    bool one = getenv("MODEL_SEED") != NULL;
    uint64_t first = number_of("MODEL_SEED", 1);
    uint64_t end = first + (one ? 1 : number_of("MODEL_PROGRAMS", scaled(SCRIPTS)));
    int kept;
    (void)state;

    if (one)
        explain(first);
    signal(SIGALRM, crashed);
    if (!under_sanitizer() && !under_valgrind()) {
        signal(SIGSEGV, crashed);
        signal(SIGABRT, crashed);
    }
    kept = be_silent();
    for (running = first; running < end; running++) {
        struct script s;

        generate(&s, running);
        alarm(SECONDS_MOST);
        if (!agrees(&s, &real, &model))
            break;
        count(&s, &real);
    }
    alarm(0);
    speak_again(kept);
    if (running == end)
        return;
    explain(running);
    fail_msg("script %llu", (unsigned long long)running);
}

/* Or the test above would say nothing. */
static void the_scripts_meet_with_everything(void **state)
{
    static const enum verb waits[] = {LOCK, WAIT, READ, WRITE, DOWN, MEET, AWAIT};
    (void)state;

    if (getenv("MODEL_SEED") != NULL || getenv("MODEL_PROGRAMS") != NULL || scaled(SCRIPTS) != SCRIPTS)
        skip();
    printf("%zu events, %zu deadlocks\n", events, deadlocks);
    assert_true(deadlocks > 0);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        for (int how = 0; how < 4; how++)
            assert_true(seen[waits[i]][how] > 100);
    assert_true(seen[ONCE][0] > 100 && seen[ONCE][2] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_library_does_what_the_model_does),
        TEST(the_scripts_meet_with_everything),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
