#include "arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void refuse(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(2);
}

size_t read_numbers(const char *text, unsigned long least, unsigned long most, size_t *out, size_t count_most)
{
    const char *at = text;
    size_t count = 0;
    char *end;

    for (;; at = end + 1) {
        unsigned long n;

        errno = 0;
        n = strtoul(at, &end, 10);
        if (errno != 0 || *at < '0' || *at > '9' || n < least || n > most || count == count_most)
            break;
        out[count++] = n;
        if (*end == '\0')
            return count;
        if (*end != ',')
            break;
    }
    refuse(text, "no such number");
}

size_t read_number(const char *text, unsigned long least, unsigned long most)
{
    size_t n = 0;

    read_numbers(text, least, most, &n, 1);
    return n;
}

void filter_set(struct filter *filter, const char *regex)
{
    char message[128];
    int err;

    filter_free(filter);
    err = regcomp(&filter->regex, regex, REG_EXTENDED | REG_NOSUB);
    filter->given = err == 0;
    if (err == 0)
        return;
    regerror(err, &filter->regex, message, sizeof message);
    refuse(regex, message);
}

void filter_free(struct filter *filter)
{
    if (filter->given)
        regfree(&filter->regex);
    filter->given = false;
}

bool filter_matches(const struct filter *filter, const char *name)
{
    return !filter->given || regexec(&filter->regex, name, 0, NULL, 0) == 0;
}
