/*
 * mixed: both kinds of tasks in one program, over channels and a mutex.
 *
 * A hundred sensors, without a stack, each measure a few times and send what they have seen to one of three stations, over channels. A
 * station has a stack: it sorts what it gets in with a library function, and adds it to a table that a mutex guards, which the printer,
 * without a stack, locks, too. The sensors are many and simple, and the stations few and call what knows nothing of tasks.
 *
 * Time is virtual, so that the output is the same every time.
 */
#include "common.h"

#include <coro.h>

enum { SENSORS = 100, STATIONS = 3, READINGS = 5, ROOM = 16 };

struct reading {
    int sensor, value;
};

static struct {
    coro_mutex_t lock;
    int count[STATIONS], sum[STATIONS], least[STATIONS];
    bool over;
} table = {.lock = CORO_MUTEX_INIT};

/* ---- sensors ---- */

struct sensor {
    CORO_ASYNC_POINT;
    int number, i;
    coro_chan_t *station;
    struct reading reading; /* the channel reads it here, be it later */
};

CORO_ASYNC(int, sensor)
{
    int err = 0;

    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < READINGS && err == 0; self->i++) {
        CORO_AWAIT(err, coro_sleep(CORO_MS(10 + self->number % 7)));
        if (err != 0)
            break;
        self->reading = (struct reading){self->number, (self->number * 37 + self->i * 11) % 100};
        CORO_AWAIT(err, coro_chan_send(self->station, &self->reading, CORO_FOREVER));
    }
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

/* ---- stations ---- */

struct station {
    int number;
    coro_chan_t *ch;
};

static int compare(const void *a, const void *b)
{
    return ((const struct reading *)a)->value - ((const struct reading *)b)->value;
}

static int add(int station, struct reading *readings, int count)
{
    int err;

    qsort(readings, (size_t)count, sizeof *readings, compare);
    err = coro_mutex_lock(&table.lock, CORO_FOREVER);
    if (err != 0)
        return err;
    if (table.count[station] == 0 || readings[0].value < table.least[station])
        table.least[station] = readings[0].value;
    table.count[station] += count;
    for (int i = 0; i < count; i++)
        table.sum[station] += readings[i].value;
    return coro_mutex_unlock(&table.lock);
}

/* Ten at a time, until the channel is closed. */
static int station(void *arg)
{
    const struct station *s = arg;
    struct reading readings[10];
    int count = 0, err = 0;

    while (err == 0) {
        err = coro_chan_recv(s->ch, &readings[count], CORO_FOREVER);
        count += err == 0;
        if (count == 10 || (err != 0 && count != 0)) {
            int failed = add(s->number, readings, count);

            err = failed != 0 ? failed : err;
            count = 0;
        }
    }
    return err == -EPIPE ? 0 : err;
}

/* ---- the printer ---- */

struct printer {
    CORO_ASYNC_POINT;
    int i;
};

static void print_table(void)
{
    for (int i = 0; i < STATIONS; i++)
        printf("%sstation %d: %3d readings", i > 0 ? ", " : "", i, table.count[i]);
    printf("\n");
}

CORO_ASYNC(int, printer)
{
    int err;

    CORO_ASYNC_BEGIN;
    do {
        CORO_AWAIT(err, coro_sleep(CORO_MS(20)));
        if (err == 0)
            CORO_AWAIT(err, coro_mutex_lock(&table.lock, CORO_FOREVER));
        if (err != 0)
            break;
        print_table();
        err = coro_mutex_unlock(&table.lock);
    } while (!table.over && err == 0);
    CORO_ASYNC_RETURN(err);
    CORO_ASYNC_END;
}

/* ---- all of it ---- */

/* The sensors in a group of their own: when they are through, the channels can be closed. */
static int run_sensors(coro_chan_t *const ch[])
{
    coro_group_t sensors;
    int err = coro_group_open(&sensors, CORO_FAIL_FAST, CORO_FOREVER), joined;

    if (err != 0)
        return err;
    for (int i = 0; i < SENSORS && err == 0; i++)
        err = coro_group_async_spawn(&sensors, sensor, &(struct sensor){.number = i, .station = ch[i % STATIONS]});
    joined = coro_group_join(&sensors);
    return err != 0 ? err : joined;
}

static void *root(void *unused)
{
    struct station stations[STATIONS];
    coro_chan_t *ch[STATIONS] = {NULL};
    coro_group_t group;
    int err = coro_group_open(&group, CORO_FAIL_FAST, CORO_FOREVER), joined;

    (void)unused;
    if (err != 0)
        return (void *)(intptr_t)err;
    for (int i = 0; i < STATIONS && err == 0; i++) {
        err = coro_chan_create(&ch[i], sizeof(struct reading), ROOM);
        stations[i] = (struct station){i, ch[i]};
        if (err == 0)
            err = coro_group_spawn(&group, station, &stations[i]);
    }
    if (err == 0)
        err = coro_group_async_spawn(&group, printer, &(struct printer){.i = 0});
    if (err == 0)
        err = run_sensors(ch);
    table.over = true;
    for (int i = 0; i < STATIONS; i++)
        if (ch[i] != NULL)
            coro_chan_close(ch[i]);
    joined = coro_group_join(&group);
    for (int i = 0; i < STATIONS; i++)
        if (ch[i] != NULL)
            coro_chan_destroy(ch[i]);
    return (void *)(intptr_t)(err != 0 ? err : joined);
}

int main(int argc, char *argv[])
{
    void *failed = NULL;
    int err;

    no_options(argc, argv, 0, "usage: mixed\nSensors without a stack send to stations that have one.\n");
    err = coro_run(root, NULL, &failed, &(coro_sched_opts){.virtual_time = true});
    if (err == 0)
        err = (int)(intptr_t)failed;
    if (err != 0) {
        fprintf(stderr, "mixed: %s\n", coro_strerror(err));
        return EXIT_FAILURE;
    }
    for (int i = 0; i < STATIONS; i++)
        printf("station %d: %d readings, %d at least, %d on average\n", i, table.count[i], table.least[i],
               table.sum[i] / table.count[i]);
    return EXIT_SUCCESS;
}
