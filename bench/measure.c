/*
 * The rounds. All peers of a case and size are calibrated to samples of the same length; then each round takes one sample of
 * every peer, starting with another one each time. So what the machine does besides reaches all of them alike, and a ratio is
 * always between neighbours in time.
 */
#include "measure.h"

#include "progress.h"
#include "sample.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAMPLE_NS INT64_C(15000000)
#define QUICK_NS  INT64_C(2000000)

enum { MANY = 100000, KIB_EACH = 12 }; /* so many need so much memory each; what no peer exceeds */

static struct job job_of(const struct row *row, const struct options *options)
{
    return (struct job){.kase = row->kase,
                        .peer = row->peer,
                        .work = row->work,
                        .size = row->size,
                        .operations = row->operations,
                        .sample_ns = options->quick ? QUICK_NS : SAMPLE_NS,
                        .cpu = options->cpu,
                        .careful = true};
}

/* ---- may it run? ---- */

static double kib_available(void)
{
    char line[128];
    double kib = INFINITY;
    FILE *file = fopen("/proc/meminfo", "r");

    if (file == NULL)
        return kib;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %lf", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

/* A peer that could not make as many as a smaller size wanted cannot make more. */
static bool ended_before(const struct results *results, const struct row *row)
{
    for (const struct row *r = results->rows; r < row; r++)
        if (r->kase == row->kase && r->peer == row->peer && r->ready != 0 && r->ready < (long)r->size)
            return true;
    return false;
}

static const char *why_not(const struct results *results, const struct row *row)
{
    if (ended_before(results, row))
        return "cannot be had so many";
    if (row->size >= MANY && (double)row->size * KIB_EACH > kib_available())
        return "this machine has too little memory";
    return NULL;
}

/* ---- samples ---- */

static const char *take(struct row *row, const struct job *job, struct sample *sample)
{
    const char *failure = sample_apart(job, sample);

    if (failure != NULL)
        return failure;
    row->ready = sample->ready;
    if (sample->ready <= 0 || (sample->ready < (long)row->size && row->kase->unit != BENCH_KIB))
        return "cannot be had so many";
    return NULL;
}

static void calibrate(const struct results *results, struct row *row)
{
    struct job job = job_of(row, results->options);
    struct sample sample;

    row->missing = why_not(results, row);
    if (row->missing != NULL || row->kase->unit == BENCH_KIB)
        return;
    progress("%s, %s: calibrating", row->kase->name, row->peer->name);
    row->missing = take(row, &job, &sample);
    if (row->missing == NULL)
        row->operations = sample.operations;
}

static void measure_row(const struct results *results, struct row *row, unsigned round)
{
    struct job job = job_of(row, results->options);
    struct sample sample;
    const char *failure;

    if (row->missing != NULL || round >= row->rounds)
        return;
    job.layout = round + 1;
    failure = take(row, &job, &sample);
    if (failure == NULL)
        row->values[round] = sample.value;
    else if (round == 0)
        row->missing = failure;
}

static void measure_rows(struct results *results, size_t first, size_t end)
{
    size_t n = end - first;

    for (size_t i = first; i < end; i++)
        calibrate(results, &results->rows[i]);
    for (unsigned round = 0; round < results->options->rounds; round++) {
        for (size_t k = 0; k < n; k++) {
            struct row *row = &results->rows[first + (round + k) % n];

            progress("%s %s: round %u of %u, %s", row->kase->name, text_size(row).text, round + 1, row->rounds,
                     row->peer->name);
            measure_row(results, row, round);
        }
    }
    results_finish(results, first, end);
}

static void count_instructions(struct results *results, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        struct row *row = &results->rows[i];

        if (!row_has_figure(row))
            continue;
        progress("%s, %s: counting instructions", row->kase->name, row->peer->name);
        row->instructions = instructions_of(row);
    }
}

void measure(struct results *results, void (*report)(const struct results *, size_t, size_t))
{
    for (size_t first = 0, end; first < results->count; first = end) {
        end = results_case_end(results, first);
        progress_case(results->rows[first].kase->title);
        for (size_t i = first, next; i < end; i = next) {
            next = results_size_end(results, i);
            measure_rows(results, i, next);
            if (results->options->instructions)
                count_instructions(results, i, next);
        }
        progress_end();
        report(results, first, end);
    }
}
