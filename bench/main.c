/* coro-bench: libcoro beside its peers. */
#include "list.h"
#include "machine.h"
#include "measure.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

static int write_file(const struct results *results, const char *path, void (*report)(const struct results *, FILE *))
{
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    bool failed;

    if (path == NULL)
        return 0;
    if (file == NULL) {
        perror(path);
        return -1;
    }
    report(results, file);
    failed = ferror(file) != 0;
    if (fclose(file) == 0 && !failed)
        return 0;
    perror(path);
    return -1;
}

static int write_files(const struct results *results)
{
    const struct options *options = results->options;
    int err = 0;

    err |= write_file(results, options->json, report_json);
    if (options->svg != NULL)
        err |= report_plots(results, options->svg);
    err |= write_file(results, options->markdown, report_markdown);
    return err;
}

static void warn_of_load(void)
{
    double load = machine_load();

    if (load > 0.5)
        fprintf(stderr, "coro-bench: this machine is busy with other work (load %.1f): the figures will be noisy\n",
                load);
}

static void say_what_is_left_out(void)
{
    for (const struct bench_absent *absent = bench_absents; absent->name != NULL; absent++) {
        bool last = absent[1].name == NULL || strcmp(absent[1].why, absent->why) != 0;

        printf("%s%s", absent == bench_absents ? "Left out of this build: " : "", absent->name);
        if (last)
            printf(" (%s)", absent->why);
        fputs(absent[1].name == NULL ? "\n" : last ? "; " : ", ", stdout);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct results results;
    int status;

    options_read(&options, argc, argv);
    if (options.list) {
        list_all();
        return 0;
    }
    if (!results_init(&results, &options))
        refuse("rows", "out of memory");
    if (results.count == 0)
        refuse("--filter", "matches nothing; --list shows what there is");
    warn_of_load();
    say_what_is_left_out();
    measure(&results, report_table);
    status = write_files(&results) == 0 ? 0 : 1;
    results_free(&results);
    filter_free(&options.filter);
    return status;
}
