/* arguments.h: what the benchmarks make of the words on their command lines. What cannot be done as asked ends the
 * program with a message. */
#ifndef BENCH_ARGUMENTS_H
#define BENCH_ARGUMENTS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct filter {
    bool given;
    regex_t regex; /* valid only if given */
};

__attribute__((noreturn)) void refuse(const char *what, const char *why);

/* The numbers of a list as in "1,64". How many there are. */
size_t read_numbers(const char *text, unsigned long least, unsigned long most, size_t *out, size_t count_most);
size_t read_number(const char *text, unsigned long least, unsigned long most);

/* The last one that was set holds. */
void filter_set(struct filter *filter, const char *regex);
void filter_free(struct filter *filter);

/* Whether it matches somewhere in the name. Where none is given, everything does. */
bool filter_matches(const struct filter *filter, const char *name);

#endif
