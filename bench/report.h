/* report.h: the results, for people and for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "results.h"

#include <stdio.h>

/* The rows first ... end, which are one case, as a table. */
void report_table(const struct results *results, size_t first, size_t end);

void report_json(const struct results *results, FILE *file);

/* All of docs/performance.md. */
void report_markdown(const struct results *results, FILE *file);

/* CASE.svg for each case, into a folder. Returns 0, or -1 and has said why. */
int report_plots(const struct results *results, const char *folder);

#endif
