/*
 * skynet: a tree of tasks. Every node has ten children, the leaves return their numbers, a node the sum of what its children return.
 *
 *     skynet [LEAVES]
 *
 * Over a million tasks live and end, but few are alive at a time: with CORO_DEPTH_FIRST a task that has just become ready runs first, so a
 * branch is done before the next one is begun. In turn (CORO_FIFO) all would be alive at once.
 */
#include "common.h"

#include <coro.h>

enum { CHILDREN = 10 };

/* The leaves first ... first + count - 1. */
struct branch {
    uint64_t first, count;
};

static struct {
    unsigned long leaves;
    unsigned long born, alive, alive_most, leaves_done;
    struct progress progress;
    int err; /* the first; then the sum is worth nothing */
} tree;

static void count_leaf(void)
{
    if (++tree.leaves_done % 1024 == 0 || tree.leaves_done == tree.leaves)
        progress_show(&tree.progress, tree.leaves_done, tree.leaves);
}

static void *sum(void *arg);

static size_t spawn_children(struct branch all, struct branch parts[], coro_task_t *children[])
{
    size_t parts_count = all.count < CHILDREN ? (size_t)all.count : CHILDREN;

    for (size_t i = 0; i < parts_count; i++) {
        uint64_t from = all.count * i / parts_count, to = all.count * (i + 1) / parts_count;
        int err;

        parts[i] = (struct branch){all.first + from, to - from};
        err = coro_spawn(&children[i], sum, &parts[i], NULL);
        if (err != 0) {
            tree.err = err;
            return i;
        }
        tree.born++;
        if (++tree.alive > tree.alive_most)
            tree.alive_most = tree.alive;
    }
    return parts_count;
}

static uint64_t sum_of_children(struct branch all)
{
    struct branch parts[CHILDREN];
    coro_task_t *children[CHILDREN] = {NULL};
    void *sums[CHILDREN];
    size_t count = spawn_children(all, parts, children);
    int err = coro_join_all(children, count, sums, CORO_FOREVER);
    uint64_t total = 0;

    if (err != 0)
        tree.err = err;
    for (size_t i = 0; i < count && err == 0; i++)
        total += (uintptr_t)sums[i];
    return total;
}

static void *sum(void *arg)
{
    const struct branch *branch = arg;
    uint64_t total = branch->first;

    if (branch->count > 1)
        total = sum_of_children(*branch);
    else
        count_leaf();
    tree.alive--;
    return (void *)(uintptr_t)total;
}

static int report(uint64_t total, int64_t ns)
{
    uint64_t expected = (uint64_t)tree.leaves * (tree.leaves - 1) / 2;

    printf("sum      %llu\n", (unsigned long long)total);
    printf("tasks    %s, at most %s of them at a time\n", GROUPED(tree.born), GROUPED(tree.alive_most));
    printf("elapsed  %s ms, %s ns a task\n", GROUPED((unsigned long)(ns / CORO_MS(1))),
           GROUPED((unsigned long)ns / tree.born));
    if (total == expected)
        return EXIT_SUCCESS;
    fprintf(stderr, "skynet: the sum should be %llu\n", (unsigned long long)expected);
    return EXIT_FAILURE;
}

int main(int argc, char *argv[])
{
    static const char usage[] = "usage: skynet [LEAVES]\n"
                                "Sum the numbers below LEAVES (1000000) by a tree of tasks, ten children a node.\n";
    const coro_sched_opts opts = {.policy = CORO_DEPTH_FIRST};
    int first = no_options(argc, argv, 1, usage);
    struct branch root = {0, 1000000};
    int64_t begin = coro_now();
    void *total = NULL;
    int err;

    tree.leaves = 1000000;
    if (first < argc && (!parse_number(argv[first], 1000000000, &tree.leaves) || tree.leaves == 0)) {
        fputs(usage, stderr);
        return 2;
    }
    root.count = tree.leaves;
    tree.born = tree.alive = tree.alive_most = 1;
    err = coro_run(sum, &root, &total, &opts);
    if (err == 0)
        err = tree.err;
    if (err == 0)
        return report((uintptr_t)total, coro_now() - begin);
    fprintf(stderr, "skynet: %s\n", coro_strerror(err));
    return EXIT_FAILURE;
}
