/* What the figures were taken on. */
#include "machine.h"

#include <coro.h>

#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef __clang__
#    define COMPILER "clang " __clang_version__
#else
#    define COMPILER "gcc " __VERSION__
#endif

/* What follows "key : " in the first such line of a file. */
static void value_in(const char *path, const char *key, char *out, size_t size)
{
    char line[4096];
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');

        if (strncmp(line, key, strlen(key)) != 0 || colon == NULL)
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    fclose(file);
}

static const char *virtual_machine(void)
{
    char flags[4096] = "";

    value_in("/proc/cpuinfo", "flags", flags, sizeof flags);
    return strstr(flags, " hypervisor") != NULL ? ", in a virtual machine" : "";
}

static void cpu(char *out, size_t size, const char *architecture)
{
    char model[160] = "";

    value_in("/proc/cpuinfo", "model name", model, sizeof model);
    snprintf(out, size, "%s%s%s, %ld processors%s", architecture, *model != '\0' ? ", " : "", model,
             sysconf(_SC_NPROCESSORS_ONLN), virtual_machine());
}

static void caches(char *out, size_t size)
{
    long l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE), l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);

    if (l1 > 0)
        snprintf(out, size, "L1d %ld KiB, L2 %ld KiB, L3 %ld MiB", l1 >> 10, l2 >> 10, l3 >> 20);
}

static void memory(char *out, size_t size)
{
    double bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);

    snprintf(out, size, "%.0f GiB", bytes / (1 << 30));
}

static char *fact(struct fact **next, const char *name)
{
    (*next)->name = name;
    return (*next)++->text;
}

void machine_facts(struct fact facts[FACTS])
{
    struct utsname system;
    struct fact *next = facts;

    memset(facts, 0, FACTS * sizeof *facts);
    uname(&system);
    cpu(fact(&next, "Processor"), sizeof next->text, system.machine);
    caches(fact(&next, "Caches"), sizeof next->text);
    memory(fact(&next, "Memory"), sizeof next->text);
    snprintf(fact(&next, "Kernel"), sizeof next->text, "%s %s", system.sysname, system.release);
    snprintf(fact(&next, "Compiler"), sizeof next->text, "%s, -O2", COMPILER);
    snprintf(fact(&next, "C library"), sizeof next->text, "glibc %s", gnu_get_libc_version());
    snprintf(fact(&next, "libcoro"), sizeof next->text, "%s", coro_version());
}

double machine_load(void)
{
    double load = 0;

    return getloadavg(&load, 1) == 1 ? load : 0;
}
