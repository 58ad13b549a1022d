/*
 * docs/performance.md, all of it: performance.md.in, with the lines "@name@" replaced by what they name.
 */
#include "machine.h"
#include "report.h"
#include "text.h"

#include <math.h>
#include <string.h>

extern const char bench_template[]; /* performance.md.in, made a string by CMakeLists.txt */

/* ---- cells ---- */

static const char *heading_of(const struct row *row)
{
    static char heading[32];

    snprintf(heading, sizeof heading, row->peer->role == BENCH_OURS ? "**%s**" : "%s", row->peer->name);
    return heading;
}

/* "9.45 (1.20x)"; the ratio of libcoro to itself is left out. */
static void print_figure(FILE *file, const struct row *row)
{
    if (row == NULL || !row_has_figure(row)) {
        fputs(" |", file);
        return;
    }
    fprintf(file, " %s", text_value(row->median).text);
    if (row->peer != bench_peers[0] && !isnan(row->ratio))
        fprintf(file, " (%s)", text_ratio(row->ratio).text);
    fputs(" |", file);
}

/* ---- a case at one size ---- */

static void print_narrow_head(FILE *file, const struct row *row, bool instructions)
{
    const char *unit = text_unit(row->kase);

    fprintf(file, "| | %s min | %s median | ratio |%s |\n", unit, unit, instructions ? " instructions |" : "");
    fprintf(file, "| --- | ---: | ---: | ---: |%s --- |\n", instructions ? " ---: |" : "");
}

static void print_narrow_row(FILE *file, const struct row *row, bool instructions)
{
    char note[160], count[32] = "";

    text_note(row, note, sizeof note);
    if (!isnan(row->instructions))
        snprintf(count, sizeof count, " %.1f", row->instructions);
    fprintf(file, "| %s | %s | %s | %s |", heading_of(row), text_value(row->min).text, text_value(row->median).text,
            text_ratio(row->ratio).text);
    if (instructions)
        fprintf(file, "%s |", count);
    fprintf(file, " %s |\n", note);
}

static void print_narrow(FILE *file, const struct results *results, size_t first, size_t end)
{
    bool instructions = false;

    for (size_t i = first; i < end; i++)
        instructions = instructions || !isnan(results->rows[i].instructions);
    print_narrow_head(file, &results->rows[first], instructions);
    for (size_t i = first; i < end; i++)
        print_narrow_row(file, &results->rows[i], instructions);
}

/* ---- a case at several sizes ---- */

static void print_wide_head(FILE *file, const struct results *results, size_t first, size_t end)
{
    const struct row *row = &results->rows[first];
    unsigned columns = 0;

    fprintf(file, "| %s median, %s |", text_unit(row->kase), row->kase->size_is);
    for (size_t i = first; i < end; i = results_size_end(results, i), columns++)
        fprintf(file, " %s |", text_count(results->rows[i].size).text);
    fputs(" |\n| --- |", file);
    while (columns-- > 0)
        fputs(" ---: |", file);
    fputs(" --- |\n", file);
}

/* The row that has most to tell: the one at whose size this peer came to its end, or else the first. */
static const struct row *telling_row(const struct results *results, const struct row *row, size_t end)
{
    for (const struct row *r = row; r < &results->rows[end]; r++)
        if (r->peer == row->peer && r->missing == NULL && r->ready != 0 && r->ready < (long)r->size)
            return r;
    return row;
}

static void print_wide(FILE *file, const struct results *results, size_t first, size_t end)
{
    size_t first_size_end = results_size_end(results, first);

    print_wide_head(file, results, first, end);
    for (size_t i = first; i < first_size_end; i++) {
        const struct row *row = &results->rows[i];
        char note[160];

        fprintf(file, "| %s |", heading_of(row));
        for (size_t k = first; k < end; k = results_size_end(results, k))
            print_figure(file, results_find(results, row->kase, row->peer, results->rows[k].size));
        text_note(telling_row(results, row, end), note, sizeof note);
        fprintf(file, " %s |\n", note);
    }
}

/* ---- the parts ---- */

static void print_results(FILE *file, const struct results *results)
{
    for (size_t first = 0, end; first < results->count; first = end) {
        const struct bench_case *kase = results->rows[first].kase;

        end = results_case_end(results, first);
        fprintf(file, "%s### %s\n\n%s\n\n", first == 0 ? "" : "\n", kase->title, kase->about);
        fprintf(file, "![%s: the figures of the table below](plots/%s.svg)\n\n", kase->title, kase->name);
        if (results_size_end(results, first) == end)
            print_narrow(file, results, first, end);
        else
            print_wide(file, results, first, end);
    }
}

static const struct row *nearest_peer(const struct results *results, size_t first, size_t end)
{
    const struct row *nearest = NULL;

    for (size_t i = first; i < end; i++) {
        const struct row *row = &results->rows[i];

        if (row->peer->role == BENCH_STACKFUL && row_has_figure(row) && row->ready >= (long)row->size)
            if (nearest == NULL || row->median < nearest->median)
                nearest = row;
    }
    return nearest;
}

static const struct row *row_of(const struct results *results, size_t first, size_t end, const char *peer)
{
    for (size_t i = first; i < end; i++)
        if (strcmp(results->rows[i].peer->name, peer) == 0)
            return &results->rows[i];
    return NULL;
}

static void print_summary_row(FILE *file, const struct results *results, size_t first, size_t end)
{
    const struct row *row = &results->rows[first], *nearest = nearest_peer(results, first, end);

    fprintf(file, "| %s%s%s", row->kase->title, row->kase->size_is != NULL ? ", " : "", text_size(row).text);
    fprintf(file, row->kase->unit != BENCH_NS ? ", %s |" : " |", text_unit(row->kase));
    print_figure(file, row_of(results, first, end, "libcoro"));
    print_figure(file, row_of(results, first, end, "libcoro inline"));
    print_figure(file, nearest);
    fprintf(file, " %s |\n", nearest != NULL ? nearest->peer->name : "");
}

/* Of a case with many sizes, the large ones tell. */
static bool worth_a_line(const struct row *row)
{
    return row->kase->sizes[3] == 0 || row->size >= 1000;
}

static void print_summary(FILE *file, const struct results *results)
{
    fputs("| | libcoro | inline | nearest peer | which is |\n| --- | ---: | ---: | ---: | --- |\n", file);
    for (size_t first = 0, end; first < results->count; first = end) {
        end = results_size_end(results, first);
        if (worth_a_line(&results->rows[first]))
            print_summary_row(file, results, first, end);
    }
}

static void print_machine(FILE *file, const struct results *results)
{
    struct fact facts[FACTS];

    (void)results;
    machine_facts(facts);
    fputs("| | |\n| --- | --- |\n", file);
    for (const struct fact *f = facts; f->name != NULL; f++)
        fprintf(file, "| %s | %s |\n", f->name, f->text);
}

static void print_peers(FILE *file, const struct results *results)
{
    (void)results;
    fputs("| | version | |\n| --- | --- | --- |\n", file);
    for (const struct bench_peer *const *peer = bench_peers; *peer != NULL; peer++)
        fprintf(file, "| %s | %s | %s |\n", (*peer)->name, (*peer)->version != NULL ? (*peer)->version() : "",
                (*peer)->what);
}

static void print_absent(FILE *file, const struct results *results)
{
    (void)results;
    fputs(bench_absents[0].name == NULL ? "None was left out.\n" : "Left out of this run:\n\n", file);
    for (const struct bench_absent *absent = bench_absents; absent->name != NULL; absent++)
        fprintf(file, "- %s: %s\n", absent->name, absent->why);
}

static void print_run(FILE *file, const struct results *results)
{
    fprintf(file, "%u rounds (3 where there are 1,000,000 coroutines, 1 for memory), samples of %d ms%s.\n",
            results->options->rounds, results->options->quick ? 2 : 15,
            results->options->quick ? "; a quick run, its figures are rough" : "");
}

/* ---- the template ---- */

static const struct part {
    const char *line;
    void (*print)(FILE *file, const struct results *results);
} parts[] = {
    {"@summary@", print_summary}, {"@run@", print_run},       {"@machine@", print_machine},
    {"@peers@", print_peers},     {"@absent@", print_absent}, {"@results@", print_results},
};

static void print_line(FILE *file, const struct results *results, const char *line, size_t length)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (length == strlen(parts[i].line) && strncmp(line, parts[i].line, length) == 0) {
            parts[i].print(file, results);
            return;
        }
    }
    fprintf(file, "%.*s\n", (int)length, line);
}

void report_markdown(const struct results *results, FILE *file)
{
    for (const char *line = bench_template; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        print_line(file, results, line, length);
        line += length + (line[length] == '\n');
    }
}
