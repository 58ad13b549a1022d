/*
 * tail_f: follow files by name, as tail -F does: through truncation, removal and rotation, until SIGINT or SIGTERM.
 *
 * A task a file. Each has an inotify descriptor, which is read like a socket; whatever comes means one thing only:
 * look again. What has happened is seen by looking at the file, so no event can be misunderstood or come too late.
 *
 * A file that was moved away is followed until there is a new one by its name, and read to its end then.
 */
#include "common.h"
#include "signals.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

static const char usage[] = "usage: tail_f [--lines N] FILE...\n"
                            "Print what is appended to files, until SIGINT or SIGTERM.\n"
                            "\n"
                            "  --lines N  begin with the last N lines of each; 10 if not said\n";

struct followed {
    const char *path;
    int inotify;
    int watch; /* of the file itself, or -1 */
    int fd;    /* or -1: there was none by that name */
    struct stat opened;
    off_t offset; /* read so far */
    int trouble;  /* what was said last */
};

static unsigned long lines = 10;
static struct followed *files;
static size_t count;

/* ---- what is printed ---- */

/* Not again and again. 0: all is well. */
static void say(struct followed *file, int err)
{
    if (err != 0 && err != file->trouble)
        fprintf(stderr, "tail_f: %s: %s\n", file->path, coro_strerror(err));
    file->trouble = err;
}

/* With the name, if another file had the word before. Standard output may block: non-blocking it would be for
 * others, too, a shell say. */
static void print(const struct followed *file, const char *data, size_t n)
{
    static const struct followed *last;

    if (count > 1 && last != file)
        printf("%s==> %s <==\n", last != NULL ? "\n" : "", file->path);
    last = file;
    fwrite(data, 1, n, stdout);
    fflush(stdout);
}

/* ---- a file ---- */

/* Where the last lines begin, of so many bytes. A newline at the end begins none. */
static off_t last_lines(int fd, off_t size)
{
    char block[4096];
    unsigned long newlines = 0;
    off_t at = size;

    while (at > 0 && lines > 0) {
        size_t n = at < (off_t)sizeof block ? (size_t)at : sizeof block;

        at -= (off_t)n;
        if (coro_pread(fd, block, n, at, CORO_FOREVER) != (ssize_t)n)
            return size; /* it shrinks: begin with what comes */
        while (n-- > 0)
            if (block[n] == '\n' && at + (off_t)n + 1 < size && ++newlines == lines)
                return at + (off_t)n + 1;
    }
    return at;
}

static int read_on(struct followed *file)
{
    char buffer[8192];
    struct stat now;
    ssize_t n;

    if (fstat(file->fd, &now) != 0)
        return -errno;
    if (now.st_size < file->offset) {
        fprintf(stderr, "tail_f: %s: truncated\n", file->path);
        file->offset = 0;
    }
    while ((n = coro_pread(file->fd, buffer, sizeof buffer, file->offset, CORO_FOREVER)) > 0) {
        print(file, buffer, (size_t)n);
        file->offset += n;
    }
    return (int)n;
}

static void let_go(struct followed *file)
{
    if (file->watch >= 0)
        inotify_rm_watch(file->inotify, file->watch);
    if (file->fd >= 0)
        coro_close(file->fd);
    file->watch = file->fd = -1;
}

static int take_up(struct followed *file)
{
    int err = 0;

    let_go(file);
    file->offset = 0;
    file->fd = coro_open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, CORO_FOREVER);
    if (file->fd < 0)
        return file->fd;
    file->watch = inotify_add_watch(file->inotify, file->path, IN_MODIFY | IN_ATTRIB);
    if (file->watch < 0 || fstat(file->fd, &file->opened) != 0) {
        err = -errno;
        let_go(file);
    }
    return err;
}

/* Print what has come, and if another file has the name now, which is looked up before, take up that one. 1: look
 * again; 0: that was all; or a negative errno value. */
static int look_once(struct followed *file)
{
    struct stat named;
    int missing = stat(file->path, &named) == 0 ? 0 : -errno;
    int err = file->fd >= 0 ? read_on(file) : 0;

    if (err != 0 || missing != 0)
        return err != 0 ? err : missing;
    if (file->fd >= 0 && named.st_ino == file->opened.st_ino && named.st_dev == file->opened.st_dev)
        return 0;
    err = take_up(file);
    return err == 0 ? 1 : err;
}

static void look(struct followed *file)
{
    int more;

    do
        more = look_once(file);
    while (more == 1);
    if (more != -ECANCELED)
        say(file, more);
}

/* Files come and go by name in their folder. */
static int watch_folder(const struct followed *file)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(file->path, '/');

    if (slash != NULL)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - file->path) + 1, file->path);
    return inotify_add_watch(file->inotify, folder, IN_CREATE | IN_DELETE | IN_MOVE) < 0 ? -errno : 0;
}

static int follow(void *arg)
{
    struct followed *file = arg;
    char events[4096]; /* of which nobody asks what they were */
    ssize_t n;

    file->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    n = file->inotify < 0 ? -errno : watch_folder(file);
    if (n == 0 && take_up(file) == 0)
        file->offset = last_lines(file->fd, file->opened.st_size);
    while (n >= 0) {
        look(file);
        n = coro_read(file->inotify, events, sizeof events, CORO_FOREVER);
    }
    if (n != -ECANCELED)
        say(file, (int)n);
    let_go(file);
    if (file->inotify >= 0)
        coro_close(file->inotify);
    return (int)n;
}

/* ---- all of them ---- */

static int follow_all(void *unused)
{
    coro_group_t group;
    int outcome, err = coro_group_open(&group, CORO_WAIT_ALL, CORO_FOREVER);

    (void)unused;
    if (err != 0)
        return err;
    for (size_t i = 0; i < count && err == 0; i++)
        err = coro_group_spawn(&group, follow, &files[i]);
    if (err != 0)
        coro_group_cancel(&group);
    outcome = coro_group_join(&group);
    return err != 0 ? err : outcome;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"lines", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    int option, err;

    while ((option = getopt_long(argc, argv, "hn:", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        } else if (option != 'n' || !parse_number(optarg, ULONG_MAX, &lines)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    count = (size_t)(argc - optind);
    if (count == 0) {
        fputs(usage, stderr);
        return 2;
    }
    files = calloc(count, sizeof *files);
    if (files == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < count; i++)
        files[i] = (struct followed){.path = argv[optind + (int)i], .watch = -1, .fd = -1};
    err = run_until_signal(follow_all, NULL);
    free(files);
    if (err != 0)
        fprintf(stderr, "tail_f: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
