/* What has been measured, and how it is told. */
#ifndef IO_RESULTS_H
#define IO_RESULTS_H

#include "options.h"
#include "server.h"
#include "talk.h"

#include <stdio.h>

struct sample {
    double rate;     /* requests a second */
    double p50, p99; /* us */
    double cpu;      /* us a request */
};

/* A server at a number of connections. A field that is not known is NAN. */
struct row {
    const struct server_kind *kind;
    const struct talk *talk;
    size_t connections;
    struct sample samples[ROUNDS_MOST]; /* NANs of a round that failed */
    double syscalls;                    /* a request */
    const char *backend;                /* that it was found to run on, of one that has several; NULL: not looked at */
    double memory;                      /* bytes a connection: of "idle" */
};

struct results {
    const struct options *options;
    struct row *rows; /* in the order of the tables; a table is one talk and number of connections */
    size_t count;
};

/* The median over the rounds of a figure: an offset in struct sample. */
double results_median(const struct results *results, const struct row *row, size_t figure);

/* The median over the rounds of CPU a request / that of the first server that talks that protocol. */
double results_ratio(const struct results *results, const struct row *row);

/* The table that begins with `first`. The row behind it is returned. */
const struct row *results_print_table(const struct results *results, const struct row *first, FILE *out, bool markdown);
void results_print_json(const struct results *results, FILE *out);
void results_print_markdown(const struct results *results, FILE *out);

#endif
