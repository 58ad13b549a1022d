/*
 * common.h: what the larger examples share. Numbers from the command line, numbers for people, progress, and what /proc knows of
 * memory.
 */
#ifndef COMMON_H
#define COMMON_H

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* For programs without options: --help prints `usage`, anything else that looks like an option is an error. Returns the index of
 * the first argument, of which there may be `most`. */
static inline int no_options(int argc, char *argv[], int most, const char *usage)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option = getopt_long(argc, argv, "h", options, NULL);

    if (option == 'h') {
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    }
    if (option != -1 || argc - optind > most) {
        fputs(usage, stderr);
        exit(2);
    }
    return optind;
}

/* A whole number between 0 and `max`, and nothing else, not even the signs and blanks that strtoul() takes. */
static inline bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number > max)
        return false;
    *out = number;
    return true;
}

/* 1234567 as "1,234,567", for as long as the block it is used in. */
#define GROUPED(number) grouped((number), (char[32]){0})

static inline const char *grouped(unsigned long number, char buffer[32])
{
    char *p = buffer + 31; /* an unsigned long has 20 digits and 6 commas at most */

    for (int digits = 0; digits == 0 || number > 0; digits++, number /= 10) {
        if (digits > 0 && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + number % 10);
    }
    return p;
}

/* Work that may take long. {0} before it begins. */
struct progress {
    long long begun_ms, shown_ms;
};

/* On a terminal: a line once the work has taken 2 s, ten times a second at most. It goes away when all is done. */
static inline void progress_show(struct progress *p, unsigned long done, unsigned long all)
{
    struct timespec t;
    long long now_ms;

    clock_gettime(CLOCK_MONOTONIC, &t); /* coro_now() may be virtual */
    now_ms = t.tv_sec * 1000LL + t.tv_nsec / 1000000;
    if (p->begun_ms == 0)
        p->begun_ms = now_ms;
    if (done == all && p->shown_ms != 0) {
        fputs("\r\033[K", stderr);
    } else if (done < all && now_ms - p->begun_ms >= 2000 && now_ms - p->shown_ms >= 100 && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%s of %s, %lu %%\033[K", GROUPED(done), GROUPED(all), done * 100 / all);
        p->shown_ms = now_ms;
    }
}

/* The number behind `key` in a file of lines like "VmRSS:  1234 kB"; -1 where there is none. */
static inline long proc_kib(const char *path, const char *key)
{
    FILE *file = fopen(path, "re");
    size_t length = strlen(key);
    char line[256];
    long kib = -1;

    if (file == NULL)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            kib = strtol(line + length + 1, NULL, 10);
    fclose(file);
    return kib;
}

/* The limit that a control group keeps in a file of its own, in bytes or as the word "max"; -1 where there is none. */
static inline long limit_kib(const char *path)
{
    FILE *file = fopen(path, "re");
    long bytes;

    if (file == NULL)
        return -1;
    if (fscanf(file, "%ld", &bytes) != 1)
        bytes = -1;
    fclose(file);
    return bytes < 0 ? -1 : bytes / 1024;
}

/* How many things of `kib_each` fit into 80 % of the memory that the machine has to give, or the container. */
static inline long fitting(double kib_each)
{
    long bounds[] = {
        proc_kib("/proc/meminfo", "MemAvailable"),
        limit_kib("/sys/fs/cgroup/memory.max"),
        limit_kib("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    };
    long available = LONG_MAX;

    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i] >= 0 && bounds[i] < available)
            available = bounds[i];
    return (long)(0.8 * (double)available / kib_each);
}

/* What a started coroutine is reckoned to take: the page that it touches, 8 % for this and that, and its share of the
 * page tables. A table is a page of 8-byte entries; a stack and its guard take up a part of one, or one and more of
 * their own. */
static inline double coroutine_kib(size_t stack_size)
{
    double page = (double)sysconf(_SC_PAGESIZE);
    double table_span = page * page / 8;
    double span = (stack_size > 0 ? (double)stack_size : 65536) + 65536;

    return page / 1024 * (1.08 + (span < table_span ? span / table_span : 1));
}

#endif
