/* options.h: what the command line asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "arguments.h"

#include <stdbool.h>

struct options {
    bool list;
    struct filter filter; /* on "case", "case/peer" and "case/peer/size" */
    unsigned rounds;
    bool quick; /* short samples, small sizes */
    bool instructions;
    unsigned cpu;
    const char *json, *svg, *markdown; /* files, a folder; NULL: not asked for */
};

/* Read the command line. What cannot be done as asked ends the program with a message. */
void options_read(struct options *options, int argc, char **argv);

#endif
