/* The rows: which there are, and what follows from their values. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUICK_SIZE = 10000, LARGE = 1000000, ROUNDS_LARGE = 3 };

/* ---- which ---- */

const struct bench_work *bench_work_of(const struct bench_peer *peer, const char *kase)
{
    for (const struct bench_work *work = peer->works; work->name != NULL; work++)
        if (strcmp(work->name, kase) == 0)
            return work;
    return NULL;
}

static bool wanted(const struct row *row, const struct options *options)
{
    char name[3][128];

    if ((row->work->most != 0 && row->size > row->work->most) || (options->quick && row->size > QUICK_SIZE))
        return false;
    snprintf(name[0], sizeof name[0], "%s", row->kase->name);
    snprintf(name[1], sizeof name[1], "%s/%s", row->kase->name, row->peer->name);
    snprintf(name[2], sizeof name[2], "%s/%s/%zu", row->kase->name, row->peer->name, row->size);
    for (int i = 0; i < 3; i++)
        if (filter_matches(&options->filter, name[i]))
            return true;
    return false;
}

/* One figure of memory is as good as seven. A million coroutines take their time to set up, unless that is what is timed. */
static unsigned rounds_of(const struct row *row, unsigned rounds)
{
    bool slow = row->size >= LARGE && row->kase->unit == BENCH_NS;
    unsigned most = row->kase->unit == BENCH_KIB ? 1 : slow ? ROUNDS_LARGE : rounds;

    return rounds < most ? rounds : most;
}

static bool add(struct results *results, struct row row)
{
    struct row *rows = realloc(results->rows, (results->count + 1) * sizeof *rows);

    if (rows == NULL)
        return false;
    results->rows = rows;
    row.rounds = rounds_of(&row, results->options->rounds);
    row.values = malloc(row.rounds * sizeof *row.values);
    row.min = row.median = row.ratio = row.instructions = NAN;
    for (unsigned i = 0; row.values != NULL && i < row.rounds; i++)
        row.values[i] = NAN;
    rows[results->count] = row;
    results->count++;
    return row.values != NULL;
}

static bool add_size(struct results *results, const struct bench_case *kase, size_t size)
{
    for (const struct bench_peer *const *peer = bench_peers; *peer != NULL; peer++) {
        struct row row = {.kase = kase, .peer = *peer, .work = bench_work_of(*peer, kase->name), .size = size};

        if (row.work != NULL && wanted(&row, results->options) && !add(results, row))
            return false;
    }
    return true;
}

bool results_init(struct results *results, const struct options *options)
{
    *results = (struct results){.options = options};
    for (const struct bench_case *kase = bench_cases; kase->name != NULL; kase++)
        for (const size_t *size = kase->sizes; *size != 0; size++)
            if (!add_size(results, kase, *size))
                return false;
    return true;
}

void results_free(struct results *results)
{
    for (size_t i = 0; i < results->count; i++)
        free(results->rows[i].values);
    free(results->rows);
}

/* ---- where ---- */

size_t results_case_end(const struct results *results, size_t first)
{
    size_t end = first;

    while (end < results->count && results->rows[end].kase == results->rows[first].kase)
        end++;
    return end;
}

size_t results_size_end(const struct results *results, size_t first)
{
    size_t end = first, limit = results_case_end(results, first);

    while (end < limit && results->rows[end].size == results->rows[first].size)
        end++;
    return end;
}

const struct row *results_find(const struct results *results, const struct bench_case *kase,
                               const struct bench_peer *peer, size_t size)
{
    for (size_t i = 0; i < results->count; i++) {
        const struct row *row = &results->rows[i];

        if (row->kase == kase && row->peer == peer && row->size == size)
            return row;
    }
    return NULL;
}

bool row_has_figure(const struct row *row)
{
    return row->missing == NULL && !isnan(row->median);
}

/* ---- what follows ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts the numbers to the front. Returns how many there are. */
static unsigned sort_numbers(double *values, unsigned n)
{
    unsigned numbers = 0;

    for (unsigned i = 0; i < n; i++)
        if (!isnan(values[i]))
            values[numbers++] = values[i];
    qsort(values, numbers, sizeof *values, by_value);
    return numbers;
}

static double median_of(const double *sorted, unsigned n)
{
    if (n == 0)
        return NAN;
    return n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void finish_row(struct row *row, const struct row *base)
{
    double values[row->rounds], ratios[row->rounds];
    unsigned n;

    for (unsigned i = 0; i < row->rounds; i++) {
        values[i] = row->values[i];
        ratios[i] = base != NULL ? row->values[i] / base->values[i] : NAN;
    }
    n = sort_numbers(values, row->rounds);
    row->min = n != 0 ? values[0] : NAN;
    row->median = median_of(values, n);
    n = sort_numbers(ratios, row->rounds);
    row->ratio = median_of(ratios, n);
}

void results_finish(struct results *results, size_t first, size_t end)
{
    const struct row *base = results->rows[first].peer == bench_peers[0] ? &results->rows[first] : NULL;

    for (size_t i = first; i < end; i++)
        finish_row(&results->rows[i], base);
}
