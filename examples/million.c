/*
 * million: a million coroutines, all alive at once, each on a guarded stack of its own.
 *
 *     million [-s KIB] [N]
 *
 * Each is created, resumed twice (it hands back what it is given) and destroyed. What one of them costs is seen from
 * outside: the growth of the process and of its page tables, and the clock around all that is done to them.
 *
 * The size of a stack is address space, which is plenty. Memory is only taken by the pages that are touched: one each,
 * here.
 */
#include "common.h"
#include <coro.h>
#include <getopt.h>

#define BATCHES 25 /* of each of the four steps: with every batch another percent is done */

struct crowd {
    coro_t **members;
    long count;
    coro_opts opts;
};

/* What is done to every member; works on those numbered from ... to - 1. */
typedef int step_fn(struct crowd *crowd, long from, long to);

static void *echo(void *first)
{
    void *second = coro_yield(first);

    return coro_yield(second);
}

/* On failure the crowd is as large as it has become. */
static int create(struct crowd *crowd, long from, long to)
{
    for (long i = from; i < to; i++) {
        int err = coro_create(&crowd->members[i], echo, &crowd->opts);

        if (err != 0) {
            crowd->count = i;
            return err;
        }
    }
    return 0;
}

static int expect_echo(coro_t *co, void *value)
{
    coro_step step = coro_resume(co, value);

    if (step.status < 0)
        return (int)step.status;
    return step.status == CORO_YIELDED && step.value == value ? 0 : -EBADMSG;
}

static int resume(struct crowd *crowd, long from, long to, uintptr_t pattern)
{
    int err = 0;

    for (long i = from; i < to && err == 0; i++)
        err = expect_echo(crowd->members[i], (void *)((uintptr_t)i ^ pattern));
    return err;
}

static int resume_first(struct crowd *crowd, long from, long to)
{
    return resume(crowd, from, to, 0);
}

static int resume_again(struct crowd *crowd, long from, long to)
{
    return resume(crowd, from, to, UINTPTR_MAX);
}

static int destroy(struct crowd *crowd, long from, long to)
{
    int err = 0;

    for (long i = from; i < to && err == 0; i++)
        err = coro_destroy(crowd->members[i]);
    return err;
}

enum { CREATE, FIRST_RESUME, RESUME_AGAIN, DESTROY, STEPS };

static struct step {
    const char *name;
    step_fn *run;
    int64_t ns;
} steps[STEPS] = {
    [CREATE] = {"create", create, 0},
    [FIRST_RESUME] = {"first resume", resume_first, 0},
    [RESUME_AGAIN] = {"resume again", resume_again, 0},
    [DESTROY] = {"destroy", destroy, 0},
};

static void hide_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* On a terminal a bar, gone at the end of each step; elsewhere a line at the end of each step. */
static void show_progress(const char *name, int percent)
{
    static const char bar[] = "##################################################";
    bool terminal = isatty(STDERR_FILENO), ends = percent % BATCHES == 0;

    if (terminal)
        fprintf(stderr, "\r%-12s [%-*.*s] %d %%", name, (int)sizeof bar - 1, percent / 2, bar, percent);
    else if (ends)
        fprintf(stderr, "%3d %%  %s\n", percent, name);
    if (ends)
        hide_progress();
}

/* The clock runs while a batch does, not while progress is shown. */
static int attempt(int which, struct crowd *crowd)
{
    struct step *step = &steps[which];
    int err = 0;

    for (long batch = 0, count = crowd->count; batch < BATCHES && err == 0; batch++) {
        int64_t start = coro_now();

        err = step->run(crowd, count * batch / BATCHES, count * (batch + 1) / BATCHES);
        step->ns += coro_now() - start;
        show_progress(step->name, which * BATCHES + (int)batch + 1);
    }
    return err;
}

static void fail(const char *what, int err)
{
    hide_progress();
    fprintf(stderr, "million: %s: %s\n", what, coro_strerror(err));
    exit(EXIT_FAILURE);
}

static void take(int which, struct crowd *crowd)
{
    int err = attempt(which, crowd);

    if (err != 0)
        fail(steps[which].name, err);
}

/* Running out of memory, or of mappings, is no reason to give up: those created until then are alive. */
static void take_create(struct crowd *crowd)
{
    int err = attempt(CREATE, crowd);

    if (err == -ENOMEM && crowd->count > 0) {
        hide_progress();
        fprintf(stderr, "million: no more than %s: %s\n", GROUPED((unsigned long)crowd->count), coro_strerror(err));
    } else if (err != 0) {
        fail(steps[CREATE].name, err);
    }
}

static long count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    long lines = 0;

    if (maps == NULL)
        return -1;
    for (int c; (c = getc(maps)) != EOF;)
        lines += c == '\n';
    fclose(maps);
    return lines;
}

static void report_alive(const struct crowd *crowd, long resident_before, long tables_before)
{
    double count = (double)crowd->count;
    double resident = (double)(proc_kib("/proc/self/status", "VmRSS") - resident_before) / count;
    double tables = (double)(proc_kib("/proc/self/status", "VmPTE") - tables_before) / count;

    printf("alive         %s coroutines, each with a guarded stack of %zu KiB\n", GROUPED((unsigned long)crowd->count),
           coro_stack_size(crowd->members[0]) / 1024);
    printf("memory        %.2f KiB resident + %.2f KiB page tables = %.2f KiB each\n", resident, tables,
           resident + tables);
    printf("mappings      %ld lines in /proc/self/maps\n", count_mappings());
    fflush(stdout);
}

static void report_times(const struct crowd *crowd)
{
    for (int i = 0; i < STEPS; i++)
        printf("%-12s  %s ns each\n", steps[i].name, GROUPED((unsigned long)(steps[i].ns / crowd->count)));
}

static void live(struct crowd *crowd)
{
    long resident = proc_kib("/proc/self/status", "VmRSS");
    long tables = proc_kib("/proc/self/status", "VmPTE");

    crowd->members = malloc((size_t)crowd->count * sizeof(coro_t *)); /* counts as memory of theirs */
    if (crowd->members == NULL)
        fail("handles", -ENOMEM);
    take_create(crowd);
    take(FIRST_RESUME, crowd);
    take(RESUME_AGAIN, crowd);
    report_alive(crowd, resident, tables);
    take(DESTROY, crowd);
    report_times(crowd);
    free(crowd->members);
}

static void fit_into_memory(struct crowd *crowd)
{
    double kib_each = coroutine_kib(crowd->opts.stack_size);
    long most = fitting(kib_each);

    if (crowd->count <= most)
        return;
    fprintf(stderr, "million: %s instead of %s, at %.1f KiB each, to stay within 80 %% of the available memory\n",
            GROUPED((unsigned long)most), GROUPED((unsigned long)crowd->count), kib_each);
    crowd->count = most;
    if (most == 0)
        fail("create", -ENOMEM);
}

static void usage(FILE *to)
{
    fputs("usage: million [-s KIB] [N]\n"
          "Create N coroutines (1000000 if not given), keep all of them alive at once, and say what one costs.\n"
          "\n"
          "  -s, --stack KIB   size of each stack, 16 KiB at least (default: that of the library)\n"
          "  -h, --help        show this text\n",
          to);
}

static unsigned long number_or_usage(const char *text, unsigned long min, unsigned long max)
{
    unsigned long number;

    if (parse_number(text, max, &number) && number >= min)
        return number;
    fprintf(stderr, "million: not a number between %lu and %lu: %s\n", min, max, text);
    usage(stderr);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"stack", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct crowd crowd = {.count = 1000000};

    for (int c; (c = getopt_long(argc, argv, "s:h", options, NULL)) != -1;) {
        if (c == 's') {
            crowd.opts.stack_size = number_or_usage(optarg, 16, SIZE_MAX / 1024) * 1024;
        } else {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
        }
    }
    if (argc - optind > 1) {
        usage(stderr);
        return EXIT_FAILURE;
    }
    if (optind < argc)
        crowd.count = (long)number_or_usage(argv[optind], 1, 1000000000);
    fit_into_memory(&crowd);
    live(&crowd);
    return EXIT_SUCCESS;
}
