/*
 * Instructions an operation: cachegrind counts those of a whole sample, with few and with many operations, and the difference
 * is theirs alone. What the kernel does is not seen, and so threads have a small figure here.
 */
#include "measure.h"
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FEW = 1000, TIMES = 11, LARGEST = 1000 };

/* ---- in the process that is counted ---- */

int measure_here(const char *kase, const char *peer, size_t size, uint64_t operations)
{
    struct job job = {.size = size, .operations = operations};

    for (const struct bench_case *c = bench_cases; c->name != NULL; c++)
        if (strcmp(c->name, kase) == 0)
            job.kase = c;
    for (const struct bench_peer *const *p = bench_peers; *p != NULL; p++)
        if (strcmp((*p)->name, peer) == 0)
            job.peer = *p;
    if (job.kase != NULL && job.peer != NULL)
        job.work = bench_work_of(job.peer, kase);
    if (job.work == NULL || size == 0 || operations == 0 || job.peer->program != NULL)
        return 2;
    sample_here(&job, STDOUT_FILENO); /* no exit handlers on a thread that a peer may have taken over */
}

/* ---- in the process that wants to know ---- */

static void exec_valgrind(const struct row *row, uint64_t operations, int out)
{
    char path[PATH_MAX], size[24], number[24];

    if (!sample_program(NULL, path, sizeof path))
        _exit(127);
    snprintf(size, sizeof size, "%zu", row->size);
    snprintf(number, sizeof number, "%" PRIu64, operations);
    dup2(out, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    execlp("valgrind", "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", path,
           "--sample", row->kase->name, row->peer->name, size, number, (char *)NULL);
    _exit(127);
}

/* Of "==1234== I   refs:      12,345,678". */
static double number_in(const char *line)
{
    const char *digits = strstr(line, "refs:");
    double n = 0;

    if (digits == NULL)
        return NAN;
    for (digits += 5; *digits != '\0'; digits++)
        if (*digits >= '0' && *digits <= '9')
            n = n * 10 + (*digits - '0');
    return n;
}

static double read_count(int fd)
{
    char line[512];
    double n = NAN;
    FILE *file = fdopen(fd, "r");

    if (file == NULL) {
        close(fd);
        return NAN;
    }
    while (fgets(line, sizeof line, file) != NULL)
        if (isnan(n))
            n = number_in(line);
    fclose(file);
    return n;
}

static double count(const struct row *row, uint64_t operations)
{
    int ends[2], status = 0;
    pid_t pid;
    double n;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return NAN;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        exec_valgrind(row, operations, ends[1]);
    close(ends[1]);
    n = read_count(ends[0]);
    if (pid < 0)
        return NAN;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status == 0 ? n : NAN;
}

double instructions_of(const struct row *row)
{
    uint64_t few = row->size > FEW ? row->size : FEW;

    if (row->peer->program != NULL || row->kase->unit != BENCH_NS || row->kase->batch != 0 || row->size > LARGEST)
        return NAN;
    return (count(row, few * TIMES) - count(row, few)) / (double)(few * (TIMES - 1));
}
