/* The results of a case as a table on standard output. */
#include "report.h"
#include "text.h"

#include <math.h>

static void print_head(const struct row *row, bool instructions)
{
    const char *unit = text_unit(row->kase);
    char size[64];

    snprintf(size, sizeof size, "%s", row->kase->size_is != NULL ? text_size(row).text : "");
    printf("\n  %-20s %7s min %7s median %9s", size, unit, unit, "ratio");
    printf(instructions ? " %9s\n" : "\n", "instr");
}

static void print_row(const struct row *row, bool instructions)
{
    char note[160], count[32] = "";

    text_note(row, note, sizeof note);
    if (!isnan(row->instructions))
        snprintf(count, sizeof count, "%.1f", row->instructions);
    printf("  %-20s %11s %14s %9s", row->peer->name, text_value(row->min).text, text_value(row->median).text,
           text_ratio(row->ratio).text);
    if (instructions)
        printf(" %9s", count);
    printf(*note != '\0' ? "   %s\n" : "%s\n", note);
}

void report_table(const struct results *results, size_t first, size_t end)
{
    bool instructions = results->options->instructions;

    printf("\n%s (%s)\n", results->rows[first].kase->title, results->rows[first].kase->name);
    for (size_t i = first; i < end; i++) {
        if (i == first || results->rows[i].size != results->rows[i - 1].size)
            print_head(&results->rows[i], instructions);
        print_row(&results->rows[i], instructions);
    }
    fflush(stdout);
}
