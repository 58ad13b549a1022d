/* The results for programs: every sample, and what was made of them. */
#include "machine.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>

static void print_string(FILE *file, const char *s)
{
    fputc('"', file);
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            fprintf(file, "\\%c", *s);
        else if ((unsigned char)*s < ' ')
            fprintf(file, "\\u%04x", (unsigned char)*s);
        else
            fputc(*s, file);
    }
    fputc('"', file);
}

static void print_number(FILE *file, double number)
{
    if (isnan(number))
        fputs("null", file);
    else
        fprintf(file, "%.6g", number);
}

static void print_named_string(FILE *file, const char *name, const char *s)
{
    print_string(file, name);
    fputs(": ", file);
    print_string(file, s);
}

static void print_named_number(FILE *file, const char *name, double number)
{
    fputs(", ", file);
    print_string(file, name);
    fputs(": ", file);
    print_number(file, number);
}

static void print_machine(FILE *file)
{
    struct fact facts[FACTS];

    machine_facts(facts);
    fputs("  \"machine\": {", file);
    for (const struct fact *f = facts; f->name != NULL; f++) {
        fputs(f == facts ? "\n    " : ",\n    ", file);
        print_named_string(file, f->name, f->text);
    }
    fputs("\n  },\n", file);
}

static void print_row(FILE *file, const struct row *row)
{
    fputs("    {", file);
    print_named_string(file, "case", row->kase->name);
    fputs(", ", file);
    print_named_string(file, "peer", row->peer->name);
    fputs(", ", file);
    print_named_string(file, "unit", text_unit(row->kase));
    fprintf(file, ", \"size\": %zu, \"operations\": %" PRIu64, row->size, row->operations);
    if (row->missing != NULL) {
        fputs(", ", file);
        print_named_string(file, "missing", row->missing);
    } else {
        fprintf(file, ", \"ready\": %ld", row->ready);
    }
    print_named_number(file, "min", row->min);
    print_named_number(file, "median", row->median);
    print_named_number(file, "ratio", row->ratio);
    print_named_number(file, "instructions", row->instructions);
    fputs(", \"values\": [", file);
    for (unsigned i = 0; i < row->rounds; i++) {
        fputs(i == 0 ? "" : ", ", file);
        print_number(file, row->values[i]);
    }
    fputs("]}", file);
}

void report_json(const struct results *results, FILE *file)
{
    fputs("{\n", file);
    print_machine(file);
    fputs("  \"results\": [\n", file);
    for (size_t i = 0; i < results->count; i++) {
        print_row(file, &results->rows[i]);
        fputs(i + 1 < results->count ? ",\n" : "\n", file);
    }
    fputs("  ]\n}\n", file);
}
