/*
 * What happens in a sample: set up, warm up, time; or weigh. A peer's functions are all called from here.
 */
#include "sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STRETCH_NS 50000.0

/* ns, of what the case is about */
static int64_t clock_of(const struct job *job)
{
    struct timespec t;

    clock_gettime(job->kase->unit == BENCH_CPU_MS ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t sample_step(const struct job *job)
{
    return job->kase->batch != 0 ? job->kase->batch : job->size;
}

/* ---- time ---- */

/* Returns the ns that `operations` took, batch by batch where the case has batches. */
static int64_t timed(const struct job *job, uint64_t operations)
{
    uint64_t most = job->kase->batch != 0 ? job->kase->batch : operations;
    int64_t ns = 0, begin;

    for (uint64_t part; operations > 0; operations -= part) {
        part = operations < most ? operations : most;
        if (job->work->prepare != NULL)
            job->work->prepare(part);
        begin = clock_of(job);
        job->work->run(part);
        ns += clock_of(job) - begin;
    }
    return ns;
}

static uint64_t calibrate(const struct job *job)
{
    uint64_t step = sample_step(job), operations = step;
    int64_t ns;
    double steps;

    timed(job, step); /* the first time is another matter */
    while ((ns = timed(job, operations)) < job->sample_ns / 8)
        operations *= 2;
    steps = (double)operations * (double)job->sample_ns / (double)ns / (double)step;
    return steps < 1 ? step : (uint64_t)steps * step;
}

static uint64_t at_least_a_step(const struct job *job, double operations)
{
    uint64_t step = sample_step(job);

    return operations < (double)step ? step : (uint64_t)operations / step * step;
}

/* Returns how many operations a stretch has. */
static uint64_t warm_up(const struct job *job)
{
    uint64_t operations = at_least_a_step(job, (double)job->operations / 8);

    return at_least_a_step(job, STRETCH_NS * (double)operations / (double)timed(job, operations));
}

/* ns an operation in the fastest stretch. Whatever else the machine does makes a stretch slower, never faster; and short ones
   fit in between. */
static double fastest(const struct job *job, uint64_t stretch)
{
    double least = INFINITY, ns;

    for (uint64_t left = job->operations; left >= stretch; left -= stretch) {
        ns = (double)timed(job, stretch) / (double)stretch;
        least = ns < least ? ns : least;
    }
    return least;
}

/* ---- weigh ---- */

static double field_of(const char *path, const char *field)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        bench_fail(path);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtod(line + strlen(field), NULL);
    fclose(file);
    return kib;
}

/* KiB of memory and page tables that this process has. smaps_rollup counts; the VmRSS of status is an estimate. */
static double weight(void)
{
    return field_of("/proc/self/smaps_rollup", "Rss:") + field_of("/proc/self/status", "VmPTE:");
}

static void weigh(const struct job *job, struct sample *out)
{
    double before = weight();

    out->ready = job->work->setup(job->size);
    out->operations = 1;
    if (out->ready > 0)
        out->value = (weight() - before) / (double)out->ready;
}

/* ---- both ---- */

/* From ns an operation. */
static double in_unit(const struct job *job, double ns)
{
    return job->kase->unit == BENCH_NS ? ns : ns * (double)job->size / 1e6;
}

static void time_it(const struct job *job, struct sample *out)
{
    out->ready = job->work->setup(job->size);
    if (out->ready < (long)job->size)
        return;
    if (job->operations == 0) {
        out->operations = calibrate(job);
        return;
    }
    out->operations = job->operations;
    if (job->careful)
        out->value = in_unit(job, fastest(job, warm_up(job)));
    else
        out->value = in_unit(job, (double)timed(job, job->operations) / (double)job->operations);
}

struct errand {
    const struct job *job;
    int out;
};

static void take(void *arg)
{
    const struct errand *errand = arg;
    struct sample sample = {0};

    if (errand->job->kase->unit == BENCH_KIB)
        weigh(errand->job, &sample);
    else
        time_it(errand->job, &sample);
    dprintf(errand->out, "%ld %" PRIu64 " %.17g\n", sample.ready, sample.operations, sample.value);
    _exit(0);
}

void sample_here(const struct job *job, int out)
{
    struct errand errand = {job, out};

    if (job->kase->in_task && job->peer->as_task != NULL)
        job->peer->as_task(take, &errand);
    take(&errand);
    __builtin_unreachable();
}

/* ---- for peers ---- */

void bench_fail(const char *what)
{
    fprintf(stderr, "coro-bench: in a sample: %s\n", what);
    _exit(1);
}

void *bench_array(size_t n, size_t size)
{
    void *array = calloc(n, size);

    if (array == NULL)
        bench_fail("out of memory");
    return array;
}

void *bench_guarded_stack(void)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, guard + BENCH_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED)
        return NULL;
    if (mprotect(map, guard, PROT_NONE) != 0) {
        munmap(map, guard + BENCH_STACK);
        return NULL;
    }
    return map + guard;
}

void bench_guarded_stack_free(void *stack)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);

    if (stack != NULL)
        munmap((char *)stack - guard, guard + BENCH_STACK);
}
