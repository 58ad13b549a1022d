/*
 * poll_loop: tasks in a loop around poll().
 *
 * The loop is the program's own; the scheduler is a guest in it. coro_sched_next() says how long poll() may wait, and each time around
 * coro_sched_step() runs what is ready. (A loop that cannot be told how long to wait watches coro_sched_fd() instead: libuv.c.)
 *
 * Here the loop reads a pipe. A task writes into it, and the loop answers through a channel: with deadline 0 that can be sent to from
 * outside tasks.
 */
#include "common.h"

#include <coro.h>
#include <poll.h>

enum { ROUNDS = 3 };

static struct {
    int pipe[2];
    coro_chan_t *answers;
    bool finished;
} loop = {.pipe = {-1, -1}};

/* ---- the task ---- */

static void *ask(void *unused)
{
    for (char question = 'a'; question < 'a' + ROUNDS; question++) {
        char answer;

        coro_sleep(CORO_MS(20));
        printf("task: asks %c\n", question);
        if (write(loop.pipe[1], &question, 1) != 1 || coro_chan_recv(loop.answers, &answer, CORO_FOREVER) != 0)
            break;
        printf("task: got %c\n", answer);
    }
    loop.finished = true;
    return unused;
}

/* ---- the loop ---- */

/* As poll() wants it; rounded up, or the last part of a millisecond would be spent by asking again and again. */
static int timeout_ms(int64_t deadline)
{
    int64_t ns = deadline - coro_now();

    if (deadline == CORO_FOREVER)
        return -1;
    if (ns <= 0)
        return 0;
    return ns < CORO_S(1000) ? (int)((ns + CORO_MS(1) - 1) / CORO_MS(1)) : 1000000;
}

static int answer(void)
{
    char question;

    if (read(loop.pipe[0], &question, 1) != 1)
        return -errno;
    printf("loop: has read %c\n", question);
    question = (char)(question - 'a' + 'A');
    return coro_chan_send(loop.answers, &question, 0); /* somebody waits for it */
}

static int run_loop(coro_sched_t *sched)
{
    struct pollfd watched = {.fd = loop.pipe[0], .events = POLLIN};
    int err = coro_sched_spawn(sched, NULL, ask, NULL, NULL);

    while (err >= 0 && !loop.finished) {
        watched.revents = 0; /* poll() leaves it alone when a signal comes */
        if (poll(&watched, 1, timeout_ms(coro_sched_next(sched))) < 0 && errno != EINTR)
            return -errno;
        if ((watched.revents & POLLIN) != 0)
            err = answer();
        if (err >= 0)
            err = coro_sched_step(sched, 0);
    }
    return err < 0 ? err : 0;
}

int main(int argc, char *argv[])
{
    coro_sched_t *sched;
    int err;

    no_options(argc, argv, 0, "usage: poll_loop\nA task in a loop around poll().\n");
    err = pipe(loop.pipe) == 0 ? coro_chan_create(&loop.answers, 1, 0) : -errno;
    if (err == 0)
        err = coro_sched_create(&sched, NULL);
    if (err == 0) {
        err = run_loop(sched);
        coro_sched_destroy(sched);
    }
    coro_chan_destroy(loop.answers);
    close(loop.pipe[0]);
    close(loop.pipe[1]);
    if (err != 0)
        fprintf(stderr, "poll_loop: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
