/*
 * Run the files (and all files of the directories) that are named on the command line through the fuzz target, without a fuzzer.
 */
#include "support/test.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    static uint8_t data[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL)
        return -1;
    size = fread(data, 1, under_valgrind() ? 128 : sizeof data, file); /* the beginning will do where all is slow */
    fclose(file);
    return LLVMFuzzerTestOneInput(data, size);
}

/* The number of files that ran, or -1. */
static int run_directory(const char *path)
{
    DIR *dir = opendir(path);
    char name[4096];
    int n = 0;

    if (dir == NULL)
        return run_file(path) == 0 ? 1 : -1;
    for (const struct dirent *entry; n >= 0 && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        n = run_file(name) == 0 ? n + 1 : -1;
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int n = run_directory(argv[i]);

        if (n < 0) {
            perror(argv[i]);
            return EXIT_FAILURE;
        }
        total += n;
    }
    printf("%d inputs, no difference from the model\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
