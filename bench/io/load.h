/*
 * The client: many connections, each with one request on its way, or a few together (a closed loop). A child process, on a processor of its own.
 *
 * It connects, sends two requests on each connection, and says that it is ready; then it does what it is asked to, as often as it is
 * asked.
 */
#ifndef IO_LOAD_H
#define IO_LOAD_H

#include "talk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct load {
    pid_t pid;
    int socket; /* to the child */
};

struct load_result {
    int err; /* 0, or what went wrong: an errno value */
    uint64_t requests;
    int64_t ns;       /* that they took */
    int64_t p50, p99; /* of what was sent together, ns */
};

/* Start it: what says `talk`, to 127.0.0.1:`port`. Connected when this returns. 0, or an errno value. */
int load_start(struct load *load, const struct talk *talk, unsigned port, size_t connections, int cpu);

/* Do `requests`, and wait for that. Of a talk that sends several together, these count as one. */
struct load_result load_run(const struct load *load, uint64_t requests);

/* It ends, and its connections with it. */
void load_end(struct load *load);

#endif
