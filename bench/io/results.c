#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Of those that are known; NAN if none is. */
static double median(const double *values, size_t count)
{
    double known[ROUNDS_MOST];
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            known[n++] = values[i];
    if (n == 0)
        return (double)NAN;
    qsort(known, n, sizeof *known, compare);
    return (known[(n - 1) / 2] + known[n / 2]) / 2;
}

double results_median(const struct results *results, const struct row *row, size_t figure)
{
    double values[ROUNDS_MOST];

    for (unsigned i = 0; i < results->options->rounds; i++)
        memcpy(&values[i], (const char *)&row->samples[i] + figure, sizeof values[i]);
    return median(values, results->options->rounds);
}

static bool same_table(const struct row *a, const struct row *b)
{
    return a->talk == b->talk && a->connections == b->connections;
}

/* The first server's row, of the same table; NULL if it was not wanted. "First" is of those that talk the protocol. */
static const struct row *base_of(const struct results *results, const struct row *row)
{
    const struct server_kind *first = server_kinds;

    while (strstr(first->talks, row->talk->protocol) == NULL)
        first++;
    for (size_t i = 0; i < results->count; i++)
        if (results->rows[i].kind == first && same_table(&results->rows[i], row))
            return &results->rows[i];
    return NULL;
}

double results_ratio(const struct results *results, const struct row *row)
{
    const struct row *base = base_of(results, row);
    double values[ROUNDS_MOST];

    if (base == NULL)
        return (double)NAN;
    for (unsigned i = 0; i < results->options->rounds; i++)
        values[i] = row->samples[i].cpu / base->samples[i].cpu;
    return median(values, results->options->rounds);
}

/* ---- tables ---- */

static void print_cell(FILE *out, bool markdown, int width, const char *format, double value)
{
    char text[32] = "-";

    if (!isnan(value))
        snprintf(text, sizeof text, format, value);
    fprintf(out, markdown ? " %*s |" : " %*s", width, text);
}

static void print_name(FILE *out, bool markdown, const char *name)
{
    fprintf(out, markdown ? "| %-22s |" : "  %-22s", name);
}

static void print_heads(FILE *out, bool markdown, const char *const *heads)
{
    print_name(out, markdown, "server");
    for (; *heads != NULL; heads++)
        fprintf(out, markdown ? " %11s |" : " %11s", *heads);
    fputc('\n', out);
}

static void print_line(FILE *out, size_t columns)
{
    fputs("| ---------------------- |", out);
    while (columns-- > 0)
        fputs(" ----------: |", out);
    fputc('\n', out);
}

static void print_row(const struct results *results, const struct row *row, FILE *out, bool markdown)
{
    print_name(out, markdown, row->kind->name);
    if (row->talk == &talk_idle) {
        print_cell(out, markdown, 11, "%.0f", row->memory);
    } else {
        print_cell(out, markdown, 11, "%.0f", results_median(results, row, offsetof(struct sample, rate)));
        print_cell(out, markdown, 11, "%.1f", results_median(results, row, offsetof(struct sample, p50)));
        print_cell(out, markdown, 11, "%.1f", results_median(results, row, offsetof(struct sample, p99)));
        print_cell(out, markdown, 11, "%.2f", results_median(results, row, offsetof(struct sample, cpu)));
        print_cell(out, markdown, 11, "%.2fx", results_ratio(results, row));
        print_cell(out, markdown, 11, "%.2f", row->syscalls);
    }
    fputc('\n', out);
}

const struct row *results_print_table(const struct results *results, const struct row *first, FILE *out, bool markdown)
{
    static const char *const load_heads[] = {"requests/s", "p50 us", "p99 us", "CPU us", "CPU ratio", "syscalls", NULL};
    static const char *const idle_heads[] = {"bytes each", NULL};
    const struct row *row = first, *end = results->rows + results->count;
    bool idle = first->talk == &talk_idle;

    fprintf(out, markdown ? "### %s, %zu connection%s\n\n" : "%s, %zu connection%s\n", first->talk->name,
            first->connections, first->connections != 1 ? "s" : "");
    print_heads(out, markdown, idle ? idle_heads : load_heads);
    if (markdown)
        print_line(out, idle ? 1 : 6);
    for (; row < end && same_table(row, first); row++)
        print_row(results, row, out, markdown);
    fputc('\n', out);
    return row;
}

void results_print_markdown(const struct results *results, FILE *out)
{
    const struct row *row = results->rows;

    while (row < results->rows + results->count)
        row = results_print_table(results, row, out, true);
}

/* ---- JSON ---- */

static void print_number(FILE *out, const char *name, double value)
{
    if (isnan(value))
        fprintf(out, ", \"%s\": null", name);
    else
        fprintf(out, ", \"%s\": %.9g", name, value);
}

static void print_samples(const struct results *results, const struct row *row, FILE *out)
{
    fputs(", \"samples\": [", out);
    for (unsigned i = 0; i < results->options->rounds; i++) {
        fprintf(out, "%s{\"round\": %u", i != 0 ? ", " : "", i);
        print_number(out, "requests_per_s", row->samples[i].rate);
        print_number(out, "p50_us", row->samples[i].p50);
        print_number(out, "p99_us", row->samples[i].p99);
        print_number(out, "cpu_us_per_request", row->samples[i].cpu);
        fputc('}', out);
    }
    fputc(']', out);
}

void results_print_json(const struct results *results, FILE *out)
{
    fputs("[\n", out);
    for (const struct row *row = results->rows; row < results->rows + results->count; row++) {
        fprintf(out, "  {\"talk\": \"%s\", \"server\": \"%s\", \"connections\": %zu", row->talk->name, row->kind->name,
                row->connections);
        if (row->talk == &talk_idle) {
            print_number(out, "bytes_per_connection", row->memory);
        } else {
            print_number(out, "cpu_ratio", results_ratio(results, row));
            print_number(out, "syscalls_per_request", row->syscalls);
            print_samples(results, row, out);
        }
        fputs(row + 1 < results->rows + results->count ? "},\n" : "}\n", out);
    }
    fputs("]\n", out);
}
