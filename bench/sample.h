/*
 * sample.h: taking one sample, in a process of its own.
 *
 * What comes back is a line "READY OPERATIONS VALUE": how many there were of what the size counts, how many operations were
 * timed, and the result in the unit of the case. With 0 operations asked for, OPERATIONS is the answer: how many fill a sample.
 * A peer that is a program is called as `PROGRAM CASE SIZE OPERATIONS`, with SAMPLE_NS in its environment, and prints that line.
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include "bench.h"

struct job {
    const struct bench_case *kase;
    const struct bench_peer *peer;
    const struct bench_work *work;
    size_t size;
    uint64_t operations; /* 0: find out how many fill `sample_ns` */
    int64_t sample_ns;
    unsigned
        layout; /* moves stack, heap and mappings: where they happen to lie is a matter of luck, so each round moves them */
    unsigned cpu; /* to run on */
    bool careful; /* warm up, and take the fastest stretch; if not, exactly `operations` are done */
};

struct sample {
    long ready;
    uint64_t operations;
    double value;
};

/* Take a sample in this process, write its line to `out`, and end the process: nothing of the peer is torn down. */
__attribute__((noreturn)) void sample_here(const struct job *job, int out);

/* Take a sample in a process of its own. Returns NULL, or why there is none: a static string. */
const char *sample_apart(const struct job *job, struct sample *out);

/* The smallest number of operations that makes sense: a whole batch, or a whole turn. */
uint64_t sample_step(const struct job *job);

/* The path of this program; if `beside` is not NULL, of the program of that name in the same folder. */
bool sample_program(const char *beside, char *path, size_t size);

#endif
