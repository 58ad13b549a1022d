/*
 * happy_eyeballs: how a browser connects to a host with many addresses (RFC 8305).
 *
 * Attempts do not wait for each other's timeout: the next one starts 250 ms after the last, or at once when one fails. The first that
 * connects has won, and the rest are cancelled. That is a group of the policy CORO_RACE; a cancelled attempt gets -ECANCELED from
 * what it waits in, closes its socket and returns.
 *
 * The network is simulated and time is virtual, so the program prints the same at every run, and at once.
 */
#include "common.h"

#include <coro.h>

#define ATTEMPT_DELAY CORO_MS(250)
#define GIVE_UP       CORO_S(10)

enum { ADDRESSES_MOST = 4 };

struct address {
    const char *name;
    int64_t after; /* what the network takes to answer; CORO_FOREVER: it never does */
    int answer;    /* 0: connected; or an error */
};

struct race {
    const char *title;
    struct address addresses[ADDRESSES_MOST]; /* IPv6 and IPv4 by turns, as RFC 8305 sorts them */

    int64_t begun;
    coro_sem_t failures; /* posted by every attempt that fails */
    const struct address *winner;
    int sockets; /* that are open */
};

/* What an attempt is given. */
struct attempt {
    struct race *race;
    const struct address *to;
};

static void say(const struct race *race, const struct address *address, const char *what)
{
    printf("%6ld ms  %-13s %s\n", (long)((coro_now() - race->begun) / CORO_MS(1)), address->name, what);
}

/* Stands for connect(). */
static int connect_to(const struct address *address)
{
    int err = coro_sleep_until(coro_after(address->after));

    return err == 0 ? address->answer : err;
}

static int attempt(void *arg)
{
    struct attempt self = *(struct attempt *)arg;
    struct race *race = self.race;
    int err;

    say(race, self.to, "connecting");
    race->sockets++;
    err = connect_to(self.to);
    if (err == 0 && race->winner == NULL) {
        race->winner = self.to; /* and its socket stays open */
        say(race, self.to, "connected");
        return 0;
    }
    race->sockets--;
    if (err != 0 && err != -ECANCELED)
        coro_sem_post(&race->failures);
    say(race, self.to,
        err == 0            ? "connected too late, closed"
        : err == -ECANCELED ? "cancelled, closed"
                            : coro_strerror(err));
    return err;
}

/* One after the other, until one has won: then waiting ends with -ECANCELED. */
static int start_attempts(struct race *race, coro_group_t *group, struct attempt attempts[])
{
    int err = 0;

    for (int i = 0; i < ADDRESSES_MOST && race->addresses[i].name != NULL && err == 0; i++) {
        attempts[i] = (struct attempt){race, &race->addresses[i]};
        err = coro_group_spawn(group, attempt, &attempts[i]);
        if (err == 0)
            err = coro_sem_wait(&race->failures, coro_after(ATTEMPT_DELAY));
        if (err == -ETIMEDOUT)
            err = 0; /* neither failed nor connected: try the next one beside it */
    }
    return err == -ECANCELED ? 0 : err;
}

/* 0 and a winner, or why there is none. */
static int connect_any(struct race *race)
{
    struct attempt attempts[ADDRESSES_MOST];
    coro_group_t group;
    int started, err = coro_group_open(&group, CORO_RACE, coro_after(GIVE_UP));

    if (err != 0)
        return err;
    started = start_attempts(race, &group, attempts);
    if (started != 0)
        coro_group_cancel(&group);
    err = coro_group_join(&group);
    return started != 0 ? started : err;
}

static void *run(void *arg)
{
    struct race *race = arg;
    int err;

    race->begun = coro_now();
    coro_sem_init(&race->failures, 0);
    puts(race->title);
    err = connect_any(race);
    printf("%6ld ms  ", (long)((coro_now() - race->begun) / CORO_MS(1)));
    if (err == 0)
        printf("%s has won", race->winner->name);
    else
        printf("nobody has won: %s", coro_strerror(err));
    printf(", sockets open: %d\n", race->sockets);
    return NULL;
}

static struct race races[] = {
    {.title = "All is well", .addresses = {{"2001:db8::1", CORO_MS(40), 0}, {"192.0.2.1", CORO_MS(30), 0}}},
    {.title = "IPv6 is broken: one address is silent, one refuses",
     .addresses = {{"2001:db8::1", CORO_FOREVER, 0},
                   {"192.0.2.1", CORO_MS(90), -ECONNREFUSED},
                   {"2001:db8::2", CORO_FOREVER, 0},
                   {"192.0.2.2", CORO_MS(60), 0}}},
    {.title = "Slow, but first", .addresses = {{"2001:db8::1", CORO_MS(400), 0}, {"192.0.2.1", CORO_MS(300), 0}}},
    {.title = "Nobody is at home",
     .addresses = {{"2001:db8::1", CORO_MS(20), -EHOSTUNREACH}, {"192.0.2.1", CORO_MS(90), -ECONNREFUSED}}},
    {.title = "Nobody answers", .addresses = {{"2001:db8::1", CORO_FOREVER, 0}, {"192.0.2.1", CORO_FOREVER, 0}}},
};

int main(int argc, char *argv[])
{
    const coro_sched_opts opts = {.virtual_time = true};
    int err = 0;

    no_options(argc, argv, 0,
               "usage: happy_eyeballs\nConnection attempts that race each other, in five simulated networks.\n");
    for (size_t i = 0; i < sizeof races / sizeof *races && err == 0; i++)
        err = coro_run(run, &races[i], NULL, &opts);
    if (err != 0)
        fprintf(stderr, "happy_eyeballs: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
