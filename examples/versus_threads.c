/*
 * versus_threads: threads against coroutines, on this machine.
 *
 *     versus_threads [--quick]
 *
 * Four lines: what a switch costs, what creating and ending one costs, how many can be alive, how much memory one
 * takes. Times are medians of rounds in which thread and coroutine take turns, all on one CPU: there, handing over to
 * another thread is a switch and nothing else, and threads are at their cheapest. What they can do on several CPUs at
 * once is not the question here.
 *
 * ">=" stands before a count that met no limit of the system: it was as far as this program went.
 */
#define _GNU_SOURCE /* sched_setaffinity() */
#include "common.h"
#include <coro.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#define ROUNDS       7
#define NOT_MEASURED (-1.0) /* a result when there was no thread or coroutine to be had */

/* How often, and how many. */
struct effort {
    long thread_switches, coroutine_switches;
    long thread_lives, coroutine_lives;
    long sample; /* so many are weighed together, in each round, for the memory of one */
    long most_threads, most_coroutines;
};

static const struct effort full = {20000, 1000000, 2000, 100000, 1500, 20000, 100000};
static const struct effort quick = {100, 1000, 20, 100, 10, 100, 500};

struct pair {
    double thread, coroutine;
};

static double ns_each(int64_t start, long count)
{
    return (double)(coro_now() - start) / (double)count;
}

/* ---- switch ---- */

struct table {
    sem_t ping, pong;
    long count;
};

static void wait_for(sem_t *ball)
{
    while (sem_wait(ball) != 0)
        continue; /* a signal came in between */
}

static void *play_back(void *arg)
{
    struct table *table = arg;

    for (long i = 0; i < table->count; i++) {
        wait_for(&table->ping);
        sem_post(&table->pong);
    }
    return NULL;
}

static double play(struct table *table)
{
    int64_t start = coro_now();

    for (long i = 0; i < table->count; i++) {
        sem_post(&table->ping);
        wait_for(&table->pong);
    }
    return ns_each(start, 2 * table->count);
}

static double thread_switch(long count)
{
    struct table table = {.count = count};
    double ns = NOT_MEASURED;
    pthread_t partner;

    sem_init(&table.ping, 0, 0);
    sem_init(&table.pong, 0, 0);
    if (pthread_create(&partner, NULL, play_back, &table) == 0) {
        ns = play(&table);
        pthread_join(partner, NULL);
    }
    sem_destroy(&table.ping);
    sem_destroy(&table.pong);
    return ns;
}

static void *yield_on(void *input)
{
    while (input == NULL)
        input = coro_yield(NULL);
    return NULL;
}

static double coroutine_switch(long count)
{
    coro_t *co;
    int64_t start;
    double ns;

    if (coro_create(&co, yield_on, NULL) != 0)
        return NOT_MEASURED;
    start = coro_now();
    for (long i = 0; i < count; i++)
        coro_resume(co, NULL);
    ns = ns_each(start, 2 * count);
    coro_destroy(co);
    return ns;
}

/* ---- create and end ---- */

static void *end_at_once(void *input)
{
    return input;
}

static double thread_life(long count)
{
    int64_t start = coro_now();
    pthread_t thread;

    for (long i = 0; i < count; i++) {
        if (pthread_create(&thread, NULL, end_at_once, NULL) != 0)
            return NOT_MEASURED;
        pthread_join(thread, NULL);
    }
    return ns_each(start, count);
}

static double coroutine_life(long count)
{
    int64_t start = coro_now();
    coro_t *co;

    for (long i = 0; i < count; i++) {
        if (coro_create(&co, end_at_once, NULL) != 0)
            return NOT_MEASURED;
        coro_resume(co, NULL);
        coro_destroy(co);
    }
    return ns_each(start, count);
}

/* ---- rounds ---- */

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* Of the rounds that were measured; sorted, the others come first. */
static double median(double of[ROUNDS])
{
    int missing = 0;

    qsort(of, ROUNDS, sizeof *of, ascending);
    while (missing < ROUNDS && of[missing] < 0)
        missing++;
    return missing < ROUNDS ? of[(missing + ROUNDS) / 2] : NOT_MEASURED;
}

/* In turn, so that whatever else the machine does meanwhile falls on both. */
static struct pair measure(double (*thread)(long), long thread_count, double (*coroutine)(long), long coroutine_count)
{
    double threads[ROUNDS], coroutines[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        threads[i] = thread(thread_count);
        coroutines[i] = coroutine(coroutine_count);
    }
    return (struct pair){median(threads), median(coroutines)};
}

/* ---- crowds: how many, how large ---- */

struct crowd {
    long alive;
    bool limited;    /* by the system, not by what was asked for */
    double kib_each; /* NOT_MEASURED in an empty one */
};

/* The kernel's stacks of threads are outside the resident set, but no less a cost of theirs. What else the kernel keeps
 * of a thread, some 8 KiB more, it does not tell. */
static long memory_kib(void)
{
    return proc_kib("/proc/self/status", "VmRSS") + proc_kib("/proc/self/status", "VmPTE") +
           proc_kib("/proc/meminfo", "KernelStack");
}

static long at_most(long number, long bound)
{
    return number < bound ? number : bound;
}

/* Adds members to those that are alive until there are `wanted`, and returns how many there are. */
typedef long grow_fn(void *members, long alive, long wanted);

/* Those that arrive in the first rounds are weighed, round by round: KernelStack is a figure of the whole machine, on
 * which others come and go. */
static struct crowd gather(grow_fn *grow, void *members, long sample, long most)
{
    double kib_each[ROUNDS];
    long alive = 0;

    for (int i = 0; i < ROUNDS; i++) {
        long before = memory_kib(), present = alive;

        alive = grow(members, present, at_most(present + sample, most));
        kib_each[i] = alive > present ? (double)(memory_kib() - before) / (double)(alive - present) : NOT_MEASURED;
    }
    alive = grow(members, alive, most);
    return (struct crowd){alive, alive < most, median(kib_each)};
}

struct threads {
    pthread_t *handles;
    pthread_attr_t attributes;
    sem_t arrived;
    pthread_mutex_t gate; /* closed while the crowd is to stay */
};

static void *stay(void *arg)
{
    struct threads *threads = arg;

    sem_post(&threads->arrived);
    pthread_mutex_lock(&threads->gate);
    pthread_mutex_unlock(&threads->gate);
    return NULL;
}

static long grow_threads(void *members, long alive, long wanted)
{
    struct threads *threads = members;

    for (; alive < wanted; alive++) {
        if (pthread_create(&threads->handles[alive], &threads->attributes, stay, threads) != 0)
            break;
        wait_for(&threads->arrived); /* until it has run it does not take the memory that it needs */
    }
    return alive;
}

static void open_threads(struct threads *threads, long most)
{
    long least_stack = sysconf(_SC_THREAD_STACK_MIN);

    threads->handles = calloc((size_t)most, sizeof *threads->handles);
    pthread_attr_init(&threads->attributes);
    pthread_attr_setstacksize(&threads->attributes, least_stack > 65536 ? (size_t)least_stack : 65536);
    sem_init(&threads->arrived, 0, 0);
    pthread_mutex_init(&threads->gate, NULL);
    pthread_mutex_lock(&threads->gate);
}

static void close_threads(struct threads *threads, long alive)
{
    pthread_mutex_unlock(&threads->gate);
    for (long i = 0; i < alive; i++)
        pthread_join(threads->handles[i], NULL);
    pthread_mutex_destroy(&threads->gate);
    sem_destroy(&threads->arrived);
    pthread_attr_destroy(&threads->attributes);
    free(threads->handles);
}

static struct crowd crowd_of_threads(const struct effort *effort)
{
    long most = at_most(effort->most_threads, fitting(64)); /* the size of a stack, more than one takes */
    struct threads threads;
    struct crowd crowd = {0, true, NOT_MEASURED};

    open_threads(&threads, most);
    if (threads.handles != NULL)
        crowd = gather(grow_threads, &threads, effort->sample, most);
    close_threads(&threads, crowd.alive);
    return crowd;
}

static long grow_coroutines(void *members, long alive, long wanted)
{
    coro_t **handles = members;

    for (; alive < wanted; alive++) {
        if (coro_create(&handles[alive], yield_on, NULL) != 0)
            break;
        coro_resume(handles[alive], NULL);
    }
    return alive;
}

static struct crowd crowd_of_coroutines(const struct effort *effort)
{
    long most = at_most(effort->most_coroutines, fitting(coroutine_kib(0)));
    coro_t **handles = calloc((size_t)most, sizeof *handles);
    struct crowd crowd = {0, true, NOT_MEASURED};

    if (handles != NULL)
        crowd = gather(grow_coroutines, handles, effort->sample, most);
    for (long i = 0; i < crowd.alive; i++)
        coro_destroy(handles[i]);
    free(handles);
    return crowd;
}

/* ---- the table ---- */

#define CELL 24

/* A dash where there is nothing to show, a decimal where it matters. */
static const char *figure(char buffer[CELL], const char *prefix, double value, const char *unit)
{
    if (value < 0)
        return "-";
    if (value < 100)
        snprintf(buffer, CELL, "%s%.1f%s", prefix, value, unit);
    else
        snprintf(buffer, CELL, "%s%s%s", prefix, GROUPED((unsigned long)(value + 0.5)), unit);
    return buffer;
}

static void print_row(const char *what, const char *thread, const char *coroutine, const char *ratio)
{
    printf("%-20s %14s %14s %11s\n", what, thread, coroutine, ratio);
}

static void print_costs(const char *what, struct pair cost, const char *unit)
{
    double ratio = cost.thread > 0 && cost.coroutine > 0 ? cost.thread / cost.coroutine : NOT_MEASURED;

    print_row(what, figure((char[CELL]){0}, "", cost.thread, unit), figure((char[CELL]){0}, "", cost.coroutine, unit),
              figure((char[CELL]){0}, "", ratio, "x"));
}

static const char *bound(const struct crowd *crowd)
{
    return crowd->limited ? "" : ">= ";
}

static const char *count(char buffer[CELL], const struct crowd *crowd)
{
    snprintf(buffer, CELL, "%s%s", bound(crowd), GROUPED((unsigned long)crowd->alive));
    return buffer;
}

/* A crowd that met no limit is a lower bound; how many times another lower bound it is says nothing. */
static void print_crowds(const struct crowd *threads, const struct crowd *coroutines)
{
    bool comparable = threads->limited && threads->alive > 0;
    double ratio = comparable ? (double)coroutines->alive / (double)threads->alive : NOT_MEASURED;

    print_row("alive at once", count((char[CELL]){0}, threads), count((char[CELL]){0}, coroutines),
              figure((char[CELL]){0}, bound(coroutines), ratio, "x"));
}

static void compare(const struct effort *effort)
{
    /* First of all, while neither has left stacks behind for reuse. */
    struct crowd threads = crowd_of_threads(effort);
    struct crowd coroutines = crowd_of_coroutines(effort);

    print_row("what", "thread", "coroutine", "ratio");
    print_costs("switch", measure(thread_switch, effort->thread_switches, coroutine_switch, effort->coroutine_switches),
                " ns");
    print_costs("create and end", measure(thread_life, effort->thread_lives, coroutine_life, effort->coroutine_lives),
                " ns");
    print_crowds(&threads, &coroutines);
    print_costs("memory each", (struct pair){threads.kib_each, coroutines.kib_each}, " KiB");
}

/* The CPU that it is on already. Where that is refused, the figures of threads are those of several CPUs. */
static void stay_on_this_cpu(void)
{
    int cpu = sched_getcpu();
    cpu_set_t one;

    CPU_ZERO(&one);
    if (cpu >= 0)
        CPU_SET((size_t)cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        fprintf(stderr, "versus_threads: not pinned to a CPU: %s\n", strerror(errno));
}

static void usage(FILE *to)
{
    fputs("usage: versus_threads [--quick]\n"
          "Measure threads and coroutines side by side: switch, creation, how many can be alive, memory.\n"
          "\n"
          "  -q, --quick   few of everything: shows that it works, not what it costs\n"
          "  -h, --help    show this text\n",
          to);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"quick", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'}, {0}};
    const struct effort *effort = &full;

    for (int c; (c = getopt_long(argc, argv, "qh", options, NULL)) != -1;) {
        if (c == 'q') {
            effort = &quick;
        } else {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return EXIT_FAILURE;
    }
    stay_on_this_cpu();
    compare(effort);
    return EXIT_SUCCESS;
}
