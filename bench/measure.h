/* measure.h: fill the rows. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "results.h"

/* Calibrate, then go round the peers; report(results, first, end) is called when the rows of a case are done. */
void measure(struct results *results, void (*report)(const struct results *results, size_t first, size_t end));

/* Instructions an operation of this row, counted by valgrind; NAN if it could not. */
double instructions_of(const struct row *row);

/* For instructions_of(): take a sample of `operations` in this very process. Returns an exit status. */
int measure_here(const char *kase, const char *peer, size_t size, uint64_t operations);

#endif
