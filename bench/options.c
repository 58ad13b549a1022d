/* The command line. */
#include "options.h"

#include "measure.h"

#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, ROUNDS_QUICK = 3, SAMPLE = 's' };

static const char usage[] =
    "usage: coro-bench [OPTION]...     libcoro and its peers, case by case\n"
    "\n"
    "  --list            the cases, the peers and what each of them does, and the peers left out of this build\n"
    "  --filter REGEX    only what matches, as \"case\", \"case/peer\" or \"case/peer/size\" (extended regex)\n"
    "  --rounds N        rounds of samples; 7 by default\n"
    "  --quick           short samples, small sizes, 3 rounds\n"
    "  --cpu N           the processor to run on; by default the last one\n"
    "  --instructions    count instructions an operation too, with valgrind\n"
    "  --json FILE       write all samples\n"
    "  --svg DIR         write a plot of each case (needs gnuplot)\n"
    "  --markdown FILE   write docs/performance.md\n"
    "  --help\n"
    "\n"
    "Times are ns an operation, where the table does not say ms. A ratio is the median over the rounds of the peer's "
    "figure / libcoro's: above 1,\n"
    "libcoro is faster. Without libcoro in the filter there are no ratios.\n";

static const struct option long_options[] = {
    {"list", no_argument, NULL, 'l'},
    {"filter", required_argument, NULL, 'f'},
    {"rounds", required_argument, NULL, 'r'},
    {"quick", no_argument, NULL, 'q'},
    {"cpu", required_argument, NULL, 'c'},
    {"instructions", no_argument, NULL, 'i'},
    {"json", required_argument, NULL, 'j'},
    {"svg", required_argument, NULL, 'v'},
    {"markdown", required_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {"sample", no_argument, NULL, SAMPLE}, /* what --instructions calls: CASE PEER SIZE OPERATIONS */
    {NULL, 0, NULL, 0},
};

/* The last one that this process may run on: the first ones get more of the interrupts. */
static unsigned last_cpu(void)
{
    cpu_set_t set;
    unsigned cpu = CPU_SETSIZE - 1;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    while (cpu > 0 && !CPU_ISSET(cpu, &set))
        cpu--;
    return cpu;
}

static unsigned choose_cpu(const char *text)
{
    unsigned cpu = (unsigned)read_number(text, 0, CPU_SETSIZE - 1);
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && !CPU_ISSET(cpu, &set))
        refuse(text, "this process may not run on that processor");
    return cpu;
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
    case 'r':
        options->rounds = (unsigned)read_number(optarg, 1, 1000);
        break;
    case 'q':
        options->quick = true;
        break;
    case 'c':
        options->cpu = choose_cpu(optarg);
        break;
    case 'i':
        options->instructions = true;
        break;
    case 'j':
        options->json = optarg;
        break;
    case 'v':
        options->svg = optarg;
        break;
    case 'm':
        options->markdown = optarg;
        break;
    }
}

/* The hidden way in for valgrind: coro-bench --sample CASE PEER SIZE OPERATIONS. Does not return. */
static void __attribute__((noreturn)) sample(char **argv)
{
    if (argv[0] == NULL || argv[1] == NULL || argv[2] == NULL || argv[3] == NULL)
        refuse("--sample", "CASE PEER SIZE OPERATIONS");
    exit(measure_here(argv[0], argv[1], read_number(argv[2], 1, LONG_MAX), read_number(argv[3], 1, LONG_MAX)));
}

void options_read(struct options *options, int argc, char **argv)
{
    int option;

    *options = (struct options){.cpu = last_cpu()};
    while ((option = getopt_long(argc, argv, "+h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            exit(0);
        }
        if (option == '?')
            exit(2);
        if (option == SAMPLE)
            sample(argv + optind);
        set_option(options, option);
    }
    if (optind < argc)
        refuse(argv[optind], "not an option; --help lists them");
    if (options->rounds == 0)
        options->rounds = options->quick ? ROUNDS_QUICK : ROUNDS;
}
