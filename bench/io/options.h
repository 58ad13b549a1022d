/* The command line. */
#ifndef IO_OPTIONS_H
#define IO_OPTIONS_H

#include "../arguments.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONNECTIONS_MOST = 8, ROUNDS_MOST = 100 };

struct options {
    bool list, quick, no_syscalls, no_memory;
    struct filter filter;
    unsigned rounds;
    size_t connections[CONNECTIONS_MOST], connections_count;
    size_t idle;       /* connections that memory is measured with */
    uint64_t requests; /* a sample; 0: as many as take half a second */
    int server_cpu, client_cpu;
    const char *json, *markdown;
};

void options_read(struct options *options, int argc, char **argv);

/* Whether "talk/server/connections" is wanted. */
bool options_want(const struct options *options, const char *talk, const char *server, size_t connections);

#endif
