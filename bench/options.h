/* options.h: what the command line asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <regex.h>
#include <stdbool.h>

struct options {
    bool list;
    bool filtered;
    regex_t filter; /* valid only if filtered: on "case", "case/peer" and "case/peer/size" */
    unsigned rounds;
    bool quick; /* short samples, small sizes */
    bool instructions;
    unsigned cpu;
    const char *json, *svg, *markdown; /* files, a folder; NULL: not asked for */
};

/* Read the command line. What cannot be done as asked ends the program with a message. */
void options_read(struct options *options, int argc, char **argv);
void options_free(struct options *options);

__attribute__((noreturn)) void options_refuse(const char *what, const char *why);

#endif
