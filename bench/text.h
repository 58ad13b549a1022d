/* text.h: numbers as people read them. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include "results.h"

#include <stdio.h>

/* Text that a function below returns by value, to be used within the same expression. */
struct text {
    char text[48];
};

struct text text_count(uint64_t n); /* 1,000,000 */
struct text
text_value(double value); /* three significant digits, or all before the point: 2.03, 45.1, 12,345; NAN: "" */
struct text text_ratio(double ratio);         /* 0.95x, 12.3x; NAN: "" */
struct text text_size(const struct row *row); /* 1,000 coroutines */

/* What to know about a row: its note, or how far it went; why it has no figure. */
void text_note(const struct row *row, char *out, size_t size);

const char *text_unit(const struct bench_case *kase); /* ns, ms, KiB */

#endif
