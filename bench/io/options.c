#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 7, ROUNDS_QUICK = 1, REQUESTS_QUICK = 500, IDLE = 10000, IDLE_QUICK = 100, IDLE_LEAST = 100 };

static const char usage[] =
    "usage: coro-io-bench [OPTION]...     libcoro's I/O and its peers, as servers under load\n"
    "\n"
    "  --list             the servers, those left out of this build, and what is said to them\n"
    "  --filter REGEX     only what matches of \"echo/libcoro/64\", \"idle/libcoro/10000\" and so "
    "on (extended regex)\n"
    "  --connections LIST by default 1,64,1000\n"
    "  --rounds N         7 by default\n"
    "  --requests N       a sample; by default 5,000 on one connection, 100,000 on more, 20,000 times 16 "
    "together\n"
    "  --idle N           connections that memory is measured with; 10,000 by default\n"
    "  --cpus S,C         processors of the server and of the client; 0,1 by default\n"
    "  --no-syscalls      do not count system calls (which needs strace)\n"
    "  --no-memory        do not measure memory\n"
    "  --quick            one round of few requests: does it work?\n"
    "  --json FILE        write all samples\n"
    "  --markdown FILE    write the tables\n"
    "  --help\n"
    "\n"
    "Each round starts every server anew, one after the other. A figure is the median over the "
    "rounds, and a ratio that of\n"
    "the ratios in each round to the first server in its table. CPU is the server's, "
    "user and system, a request.\n";

enum { NO_SYSCALLS = 1, NO_MEMORY };

static const struct option long_options[] = {
    {"list", no_argument, NULL, 'l'},
    {"filter", required_argument, NULL, 'f'},
    {"connections", required_argument, NULL, 'n'},
    {"rounds", required_argument, NULL, 'r'},
    {"requests", required_argument, NULL, 'R'},
    {"idle", required_argument, NULL, 'i'},
    {"cpus", required_argument, NULL, 'c'},
    {"no-syscalls", no_argument, NULL, NO_SYSCALLS},
    {"no-memory", no_argument, NULL, NO_MEMORY},
    {"quick", no_argument, NULL, 'q'},
    {"json", required_argument, NULL, 'j'},
    {"markdown", required_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void set_cpus(struct options *options, const char *text)
{
    size_t cpus[2];

    if (read_numbers(text, 0, (unsigned long)sysconf(_SC_NPROCESSORS_ONLN) - 1, cpus, 2) != 2)
        refuse(text, "two processors");
    options->server_cpu = (int)cpus[0];
    options->client_cpu = (int)cpus[1];
}

static void set_option(struct options *options, int option)
{
    switch (option) {
    case 'l':
        options->list = true;
        break;
    case 'f':
        filter_set(&options->filter, optarg);
        break;
    case 'n':
        options->connections_count = read_numbers(optarg, 1, 20000, options->connections, CONNECTIONS_MOST);
        break;
    case 'r':
        options->rounds = (unsigned)read_number(optarg, 1, ROUNDS_MOST);
        break;
    case 'R':
        options->requests = read_number(optarg, 1, LONG_MAX);
        break;
    case 'i':
        options->idle = read_number(optarg, IDLE_LEAST, 20000);
        break;
    case 'c':
        set_cpus(options, optarg);
        break;
    case NO_SYSCALLS:
        options->no_syscalls = true;
        break;
    case NO_MEMORY:
        options->no_memory = true;
        break;
    case 'q':
        options->quick = true;
        break;
    case 'j':
        options->json = optarg;
        break;
    case 'm':
        options->markdown = optarg;
        break;
    }
}

static void set_defaults(struct options *options)
{
    if (options->connections_count == 0)
        options->connections_count = read_numbers("1,64,1000", 1, 20000, options->connections, CONNECTIONS_MOST);
    if (options->rounds == 0)
        options->rounds = options->quick ? ROUNDS_QUICK : ROUNDS;
    if (options->requests == 0 && options->quick)
        options->requests = REQUESTS_QUICK;
    if (options->idle == 0)
        options->idle = options->quick ? IDLE_QUICK : IDLE;
}

void options_read(struct options *options, int argc, char **argv)
{
    int option;

    *options = (struct options){.server_cpu = 0, .client_cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1};
    while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (option == '?')
            exit(2);
        set_option(options, option);
    }
    if (optind < argc)
        refuse(argv[optind], "not an option; --help lists them");
    set_defaults(options);
}

bool options_want(const struct options *options, const char *talk, const char *server, size_t connections)
{
    char name[128];

    snprintf(name, sizeof name, "%s/%s/%zu", talk, server, connections);
    return filter_matches(&options->filter, name);
}
