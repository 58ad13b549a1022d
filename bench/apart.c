/*
 * A sample in a process of its own: forked, pinned to the CPU, its memory laid out as the round wants it, and first to go if
 * memory runs out. It writes its line into a pipe.
 */
#include "sample.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 180 }; /* more than any sample takes */

/* ---- in the child ---- */

static void die_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        if (write(fd, "1000", 4) != 4)
            errno = 0; /* then not */
        close(fd);
    }
}

static void pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

bool sample_program(const char *beside, char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    char *name;

    if (length < 0)
        return false;
    path[length] = '\0';
    name = strrchr(path, '/');
    if (beside == NULL || name == NULL)
        return name != NULL;
    name++;
    return (size_t)snprintf(name, size - (size_t)(name - path), "%s", beside) < size - (size_t)(name - path);
}

static void exec_peer(const struct job *job, int out)
{
    char path[PATH_MAX], size[24], operations[24], ns[24];

    if (!sample_program(job->peer->program, path, sizeof path))
        bench_fail("no path");
    snprintf(size, sizeof size, "%zu", job->size);
    snprintf(operations, sizeof operations, "%" PRIu64, job->operations);
    snprintf(ns, sizeof ns, "%" PRId64, job->sample_ns);
    setenv("SAMPLE_NS", ns, 1);
    dup2(out, STDOUT_FILENO);
    execl(path, job->peer->program, job->kase->name, size, operations, (char *)NULL);
    bench_fail(path);
}

/* Not inlined: the stack is moved before this function's frame is made. */
static BENCH_HELPER void take(const struct job *job, int out)
{
    sample_here(job, out);
}

/* Lines of the cache on the stack and on the heap, pages between the mappings. */
static void lay_out(const struct job *job, int out)
{
    size_t lines = job->layout * 37 % 64;
    volatile char *stack = alloca(lines * 64 + 1);
    volatile char *heap = malloc(lines * 64 + 1);

    stack[0] = 0;
    if (heap != NULL)
        heap[0] = 0;
    if (mmap(NULL, (1 + job->layout % 16) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        bench_fail("mmap");
    take(job, out);
}

static void child(const struct job *job, int out)
{
    struct rlimit no_core = {0, 0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(SECONDS);
    die_first();
    pin(job->cpu);
    if (job->peer->program != NULL)
        exec_peer(job, out);
    lay_out(job, out);
}

/* ---- in the parent ---- */

static bool read_line(int fd, char *line, size_t size)
{
    size_t length = 0;
    ssize_t n;

    while (length < size - 1 && ((n = read(fd, line + length, size - 1 - length)) > 0 || (n < 0 && errno == EINTR)))
        length += n > 0 ? (size_t)n : 0;
    line[length] = '\0';
    return length != 0;
}

static const char *how_it_ended(int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return "did not end in time";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return "was killed: out of memory";
    return WIFSIGNALED(status) ? "crashed" : "failed";
}

const char *sample_apart(const struct job *job, struct sample *out)
{
    char line[256];
    int ends[2], status = 0;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return "no pipe";
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        child(job, ends[1]);
    close(ends[1]);
    bool got = pid > 0 && read_line(ends[0], line, sizeof line);
    close(ends[0]);
    if (pid < 0)
        return "no process";
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0 || !got)
        return how_it_ended(status);
    if (sscanf(line, "%ld %" SCNu64 " %lf", &out->ready, &out->operations, &out->value) != 3)
        return "said nothing sensible";
    return NULL;
}
