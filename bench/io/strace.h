/* strace, to count system calls. */
#ifndef IO_STRACE_H
#define IO_STRACE_H

#include <stdbool.h>
#include <sys/types.h>

struct strace {
    pid_t pid;
    char path[64]; /* of what it writes */
};

/* Whether it is there, and may look at another process. */
bool strace_works(void);

/* Count the calls of a process and its threads from now on. */
bool strace_start(struct strace *strace, pid_t of);

/* How many were made; -1 if it did not say. */
long strace_end(struct strace *strace);

#endif
