/* results.h: the rows of all tables. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "bench.h"
#include "options.h"

/* A peer in a case at a size. A figure that there is not is NAN. */
struct row {
    /* constant after results_init() */
    const struct bench_case *kase;
    const struct bench_peer *peer;
    const struct bench_work *work;
    size_t size;
    unsigned rounds;

    /* filled by measure() */
    uint64_t operations; /* timed in each sample */
    long ready;          /* how many of what the size counts there were; fewer than size: no more were to be had */
    const char *missing; /* why there is no figure; NULL: there is one */
    double *values;      /* one a round */
    double min, median;
    double ratio;        /* median over rounds of this peer's value / libcoro's in the same round */
    double instructions; /* an operation, in user space */
};

struct results {
    struct row *rows; /* by case, then size, then peer */
    size_t count;
    const struct options *options;
};

/* The rows that this build has and that the options ask for. False: out of memory. */
bool results_init(struct results *results, const struct options *options);
void results_free(struct results *results);

/* From the values of the rows first ... end, which share case and size, to all that follows from them. */
void results_finish(struct results *results, size_t first, size_t end);

/* The index after the last row with the case of row `first`; with its case and size. */
size_t results_case_end(const struct results *results, size_t first);
size_t results_size_end(const struct results *results, size_t first);

/* A row with a figure. */
bool row_has_figure(const struct row *row);

/* The row of a peer in a case at a size, NULL if there is none. */
const struct row *results_find(const struct results *results, const struct bench_case *kase,
                               const struct bench_peer *peer, size_t size);

const struct bench_work *bench_work_of(const struct bench_peer *peer, const char *kase);

#endif
