/*
 * pubsub: publishers and subscribers who do not know each other. A subscriber has a channel of its own; a message goes to all of them, and
 * one that does not keep up loses messages instead of holding up the rest.
 *
 * Time is virtual, so the program prints the same at every run, and at once.
 */
#include "common.h"

#include <coro.h>

enum { SUBSCRIBERS_MOST = 8, WORDS = 6, BACKLOG = 2 };

struct message {
    const char *topic;
    int number;
};

CORO_CHAN_NAMED(inbox, struct message);

/* ---- the hub ---- */

static struct subscriber {
    const char *name, *topic;
    int64_t pace; /* what it needs for a message */
    coro_chan_inbox_t inbox;
    int received, lost;
} subscribers[SUBSCRIBERS_MOST];
static int subscriber_count;

static struct subscriber *subscribe(const char *name, const char *topic, int64_t pace)
{
    struct subscriber *s = &subscribers[subscriber_count];

    *s = (struct subscriber){.name = name, .topic = topic, .pace = pace};
    if (coro_chan_inbox_create(&s->inbox, BACKLOG) != 0)
        return NULL;
    subscriber_count++;
    return s;
}

static void publish(struct message message)
{
    for (int i = 0; i < subscriber_count; i++) {
        struct subscriber *s = &subscribers[i];

        if (strcmp(s->topic, message.topic) == 0 && coro_chan_inbox_send(s->inbox, message, 0) == -EAGAIN)
            s->lost++; /* deadline 0: not now is not at all */
    }
}

/* ---- who talks and who listens ---- */

static int listen(void *subscriber)
{
    struct subscriber *s = subscriber;
    struct message message;

    while (coro_chan_inbox_recv(s->inbox, &message, CORO_FOREVER) == 0) {
        printf("%s: %s %d\n", s->name, message.topic, message.number);
        s->received++;
        coro_sleep(s->pace);
    }
    return 0;
}

static int talk(void *topic)
{
    for (int i = 1; i <= WORDS; i++) {
        publish((struct message){topic, i});
        coro_sleep(CORO_MS(10));
    }
    return 0;
}

static void *run(void *unused)
{
    coro_group_t listeners, talkers;
    struct subscriber *all[] = {
        subscribe("anna", "weather", CORO_MS(1)),
        subscribe("bert", "weather", CORO_MS(25)),
        subscribe("cleo", "sport", CORO_MS(1)),
    };

    coro_group_open(&listeners, CORO_WAIT_ALL, CORO_FOREVER);
    for (int i = 0; i < 3; i++)
        if (all[i] == NULL || coro_group_spawn(&listeners, listen, all[i]) != 0)
            fprintf(stderr, "pubsub: a subscriber could not be started\n");
    coro_group_open(&talkers, CORO_WAIT_ALL, CORO_FOREVER);
    coro_group_spawn(&talkers, talk, "weather");
    coro_group_spawn(&talkers, talk, "sport");
    coro_group_join(&talkers);
    for (int i = 0; i < subscriber_count; i++)
        coro_chan_inbox_close(subscribers[i].inbox); /* they read what is left, and end */
    coro_group_join(&listeners);
    for (int i = 0; i < subscriber_count; i++) {
        printf("%s: %d received, %d lost\n", subscribers[i].name, subscribers[i].received, subscribers[i].lost);
        coro_chan_inbox_destroy(subscribers[i].inbox);
    }
    return unused;
}

int main(int argc, char *argv[])
{
    const coro_sched_opts opts = {.virtual_time = true};
    int err;

    no_options(argc, argv, 0, "usage: pubsub\nTwo topics, three subscribers, one of them too slow.\n");
    err = coro_run(run, NULL, NULL, &opts);
    if (err != 0)
        fprintf(stderr, "pubsub: %s\n", coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
