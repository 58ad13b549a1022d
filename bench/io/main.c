/* coro-io-bench: servers on libcoro beside its peers, under load. */
#include "load.h"
#include "results.h"
#include "strace.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SYSCALL_REQUESTS = 5000, FDS_BESIDES = 64 };

/* ---- what is going on ---- */

static void say(const char *format, ...)
{
    bool rewrite = isatty(STDERR_FILENO) != 0;
    va_list args;

    va_start(args, format);
    fputs(rewrite ? "\r\033[K" : "", stderr);
    vfprintf(stderr, format, args);
    fputs(rewrite ? "" : "\n", stderr);
    va_end(args);
}

static void say_no_more(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void complain(const struct row *row, int err)
{
    say_no_more();
    fprintf(stderr, "coro-io-bench: %s/%s/%zu: %s\n", row->talk->name, row->kind->name, row->connections,
            strerror(err));
}

/* ---- measuring ---- */

/* Of those that are sent together, one counts. */
static uint64_t requests_of(const struct options *options, const struct talk *talk, size_t connections)
{
    if (options->requests != 0)
        return options->requests;
    return connections == 1 ? 5000 : talk->depth == 1 ? 100000 : 20000;
}

/* A server and its client, both ready. */
struct pair {
    struct server server;
    struct load load;
};

static int start(struct pair *pair, const struct options *options, const struct row *row, const struct talk *talk,
                 size_t connections)
{
    int err = server_start(&pair->server, row->kind, talk->protocol, options->server_cpu);

    if (err != 0)
        return err;
    err = load_start(&pair->load, talk, pair->server.port, connections, options->client_cpu);
    if (err != 0)
        server_end(&pair->server);
    return err;
}

static void end(struct pair *pair)
{
    server_end(&pair->server);
    load_end(&pair->load);
}

static void measure_load(const struct options *options, struct row *row, unsigned round)
{
    uint64_t sent = requests_of(options, row->talk, row->connections);
    struct load_result result;
    struct pair pair;
    double requests;
    int64_t cpu;
    int err = start(&pair, options, row, row->talk, row->connections);

    if (err != 0) {
        complain(row, err);
        return;
    }
    load_run(&pair.load, sent / 10 + 1); /* caches are warm, buffers grown */
    if (row->kind->variable != NULL && strncmp(row->kind->variable, "CORO_IO=", 8) == 0)
        row->backend = server_has_ring(&pair.server) ? "io_uring" : "epoll";
    cpu = server_cpu(&pair.server);
    result = load_run(&pair.load, sent);
    cpu = server_cpu(&pair.server) - cpu;
    end(&pair);
    if (result.err != 0) {
        complain(row, result.err);
        return;
    }
    requests = (double)(sent * row->talk->depth);
    row->samples[round] = (struct sample){.rate = requests * 1e9 / (double)result.ns,
                                          .p50 = (double)result.p50 / 1e3,
                                          .p99 = (double)result.p99 / 1e3,
                                          .cpu = (double)cpu / 1e3 / requests};
}

static void measure_syscalls(const struct options *options, struct row *row)
{
    uint64_t requests = options->quick ? row->connections : SYSCALL_REQUESTS;
    struct strace strace;
    struct pair pair;
    long calls = -1;

    if (start(&pair, options, row, row->talk, row->connections) != 0)
        return;
    if (strace_start(&strace, pair.server.pid)) {
        int err = load_run(&pair.load, requests).err;

        calls = strace_end(&strace);
        if (err == 0 && calls > 0)
            row->syscalls = (double)calls / (double)(requests * row->talk->depth);
    }
    end(&pair);
}

/* Each connection has been used when it falls idle, and so have its buffers. */
static void measure_memory(const struct options *options, struct row *row)
{
    const struct talk *talk = talk_of(row->kind->talks);
    struct pair pair;
    int64_t before, after;
    int err = start(&pair, options, row, talk, 1);

    if (err == 0) {
        before = server_memory(&pair.server);
        load_end(&pair.load);
        err = load_start(&pair.load, talk, pair.server.port, row->connections, options->client_cpu);
        after = server_memory(&pair.server);
        if (err != 0)
            server_end(&pair.server);
        else
            end(&pair);
        if (err == 0 && before >= 0 && after >= 0)
            row->memory = (double)(after - before) / (double)row->connections;
    }
    if (err != 0)
        complain(row, err);
}

static void measure_table(const struct results *results, struct row *first, bool syscalls)
{
    const struct options *options = results->options;
    struct row *end = first;

    while (end < results->rows + results->count && end->talk == first->talk && end->connections == first->connections)
        end++;
    if (first->talk == &talk_idle) {
        for (struct row *row = first; row < end; row++) {
            say("idle/%s/%zu", row->kind->name, row->connections);
            measure_memory(options, row);
        }
        return;
    }
    for (unsigned round = 0; round < options->rounds; round++)
        for (struct row *row = first; row < end; row++) {
            say("%s/%s/%zu: round %u of %u", row->talk->name, row->kind->name, row->connections, round + 1,
                options->rounds);
            measure_load(options, row, round);
        }
    for (struct row *row = first; syscalls && row < end; row++) {
        say("%s/%s/%zu: system calls", row->talk->name, row->kind->name, row->connections);
        measure_syscalls(options, row);
    }
}

static void measure(const struct results *results)
{
    const struct options *options = results->options;
    bool syscalls = !options->no_syscalls && strace_works();
    const struct row *next = results->rows;

    if (!syscalls && !options->no_syscalls)
        puts("System calls are not counted: strace is not there, or may not be used.\n");
    while (next < results->rows + results->count) {
        const struct row *first = next;

        measure_table(results, &results->rows[first - results->rows], syscalls);
        say_no_more();
        next = results_print_table(results, first, stdout, false);
        for (const struct row *row = first; row < next; row++)
            if (row->backend != NULL)
                printf("  %s ran on %s.\n", row->kind->name, row->backend);
        fflush(stdout);
    }
}

/* ---- what is to be measured ---- */

static bool allow_descriptors(size_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    if (limit.rlim_cur >= count)
        return true;
    if (limit.rlim_max < count)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void add_rows(struct results *results, const struct talk *talk, size_t connections)
{
    for (const struct server_kind *kind = server_kinds; kind->name != NULL; kind++) {
        struct row *row = &results->rows[results->count];

        if ((talk->protocol != NULL && strstr(kind->talks, talk->protocol) == NULL) ||
            !options_want(results->options, talk->name, kind->name, connections))
            continue;
        *row = (struct row){
            .kind = kind, .talk = talk, .connections = connections, .syscalls = (double)NAN, .memory = (double)NAN};
        for (size_t i = 0; i < ROUNDS_MOST; i++)
            row->samples[i] = (struct sample){(double)NAN, (double)NAN, (double)NAN, (double)NAN};
        results->count++;
    }
}

/* That many descriptors there must be, or it is left out. */
static void add_table(struct results *results, const struct talk *talk, size_t connections)
{
    size_t before = results->count;

    add_rows(results, talk, connections);
    if (allow_descriptors(connections + FDS_BESIDES) || results->count == before)
        return;
    results->count = before;
    printf("%s with %zu connections is left out: it needs more descriptors than this process may have.\n", talk->name,
           connections);
}

static void add_all(struct results *results)
{
    const struct options *options = results->options;
    size_t kinds = 0, talk_count = 0;

    while (server_kinds[kinds].name != NULL)
        kinds++;
    while (talks[talk_count].name != NULL)
        talk_count++;
    results->rows = calloc((talk_count * options->connections_count + 1) * kinds, sizeof *results->rows);
    if (results->rows == NULL)
        refuse("rows", "out of memory");
    for (size_t t = 0; t < talk_count; t++)
        for (size_t i = 0; i < options->connections_count; i++)
            add_table(results, &talks[t], options->connections[i]);
    if (!options->no_memory)
        add_table(results, &talk_idle, options->idle);
}

static void say_what_is_left_out(void)
{
    for (const struct server_absent *absent = server_absents; absent->name != NULL; absent++)
        printf("%s%s (%s)%s", absent == server_absents ? "Left out of this build: " : "", absent->name, absent->why,
               absent[1].name != NULL ? ", " : "\n");
}

static void list(void)
{
    for (const struct server_kind *kind = server_kinds; kind->name != NULL; kind++)
        printf("  %-22s %-10s %s\n", kind->name, kind->talks, kind->what);
    puts("What is said to them:");
    for (const struct talk *talk = talks; talk->name != NULL; talk++)
        printf("  %-22s %-10s %s\n", talk->name, talk->protocol, talk->what);
    say_what_is_left_out();
}

static bool write_file(const struct results *results, const char *path, void (*print)(const struct results *, FILE *))
{
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    bool failed;

    if (path == NULL)
        return true;
    if (file == NULL) {
        perror(path);
        return false;
    }
    print(results, file);
    failed = ferror(file) != 0;
    if (fclose(file) == 0 && !failed)
        return true;
    perror(path);
    return false;
}

int main(int argc, char **argv)
{
    struct options options;
    struct results results = {.options = &options};
    bool written;

    options_read(&options, argc, argv);
    if (options.list) {
        list();
        return 0;
    }
    add_all(&results);
    if (results.count == 0)
        refuse("--filter", "matches nothing; --list shows what there is");
    say_what_is_left_out();
    measure(&results);
    written = write_file(&results, options.json, results_print_json) &&
              write_file(&results, options.markdown, results_print_markdown);
    free(results.rows);
    filter_free(&options.filter);
    return written ? 0 : 1;
}
