/*
 * Classic programs, with what must hold in them checked, under every order in which tasks may run.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 200 };

static int wrong;

/* The n-th order: first in first out, depth first, random ones. */
static coro_sched_opts order(uint64_t n)
{
    return (coro_sched_opts){
        .virtual_time = true, .policy = n == 1 ? CORO_DEPTH_FIRST : CORO_FIFO, .seed = n < 2 ? 0 : n};
}

static void run_in_every_order(coro_fn *fn, void (*begin)(void), void (*check)(void))
{
    uint64_t orders = 2 + scaled(SEEDS);

    for (uint64_t n = 0; n < orders; n++) {
        coro_sched_opts opts = order(n);

        wrong = 0;
        begin();
        assert_int_equal(coro_run(fn, NULL, NULL, &opts), 0);
        assert_int_equal(wrong, 0);
        check();
    }
}

/* ---- dining philosophers ---- */

enum { PHILOSOPHERS = 5, MEALS = 4 };

static struct table {
    coro_mutex_t forks[PHILOSOPHERS];
    int user[PHILOSOPHERS]; /* from 1; 0: nobody */
    int meals[PHILOSOPHERS];
    bool ordered; /* the fork with the lower number first */
} table;

static void take(int fork, int who)
{
    wrong += coro_mutex_lock(&table.forks[fork], CORO_FOREVER) != 0;
    wrong += table.user[fork] != 0;
    table.user[fork] = who + 1;
}

static void put_down(int fork, int who)
{
    wrong += table.user[fork] != who + 1;
    table.user[fork] = 0;
    wrong += coro_mutex_unlock(&table.forks[fork]) != 0;
}

static void *philosopher(void *arg)
{
    int me = (int)((int *)arg - table.meals), first = me, second = (me + 1) % PHILOSOPHERS;

    if (table.ordered && second < first) {
        first = second;
        second = me;
    }
    for (int i = 0; i < MEALS; i++) {
        coro_pause();
        take(first, me);
        coro_pause();
        take(second, me);
        coro_sleep(1 + me % 2);
        wrong += table.user[first] != me + 1 || table.user[second] != me + 1;
        table.meals[me]++;
        put_down(second, me);
        put_down(first, me);
    }
    return NULL;
}

static void *dinner(void *arg)
{
    static const char *const names[] = {"Plato", "Kant", "Hegel", "Hume", "Marx"};

    for (int i = 0; i < PHILOSOPHERS; i++)
        coro_spawn(NULL, philosopher, &table.meals[i], &(coro_opts){.name = names[i]});
    return arg;
}

static void lay_the_table(void)
{
    memset(&table, 0, sizeof table);
    table.ordered = true;
}

static void check_meals(void)
{
    for (int i = 0; i < PHILOSOPHERS; i++)
        assert_int_equal(table.meals[i], MEALS);
}

static void philosophers_who_take_forks_in_order_all_eat(void **state)
{
    (void)state;
    run_in_every_order(dinner, lay_the_table, check_meals);
}

static int dinner_without_order(long n)
{
    coro_sched_opts opts = order((uint64_t)n);

    unsetenv("CORO_SEED");
    return coro_run(dinner, NULL, NULL, &opts) == -EDEADLK ? 1 : wrong == 0 ? 0 : 2;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

/* In some order each has taken one fork. The report names all five, and the circle. */
static void philosophers_without_order_deadlock_for_some_seed(void **state)
{
    size_t deadlocks = 0, dinners = 0;
    (void)state;

    for (long n = 0; n < SEEDS && (deadlocks == 0 || dinners == 0); n++) {
        struct child_end end = in_fresh_child(dinner_without_order, n);
        const char *cycle = strstr(end.said, "libcoro: a cycle: ");

        assert_true(end.code == 0 || end.code == 1);
        dinners += end.code == 0;
        if (end.code == 0)
            continue;
        deadlocks++;
        assert_int_equal(count(end.said, ", waits to lock a mutex: '"), PHILOSOPHERS);
        assert_non_null(cycle);
        assert_int_equal(count(cycle, " waits for '"), PHILOSOPHERS);
    }
    assert_true(deadlocks > 0);
    assert_true(dinners > 0 || scaled(SEEDS) != SEEDS);
}

/* Or they put the first fork down when the second does not come. */
static void *patient_philosopher(void *arg)
{
    int me = (int)((int *)arg - table.meals), second = (me + 1) % PHILOSOPHERS;

    while (table.meals[me] < MEALS) {
        take(me, me);
        coro_pause();
        if (coro_mutex_lock(&table.forks[second], coro_after(1 + me)) == 0) {
            wrong += table.user[second] != 0;
            table.user[second] = me + 1;
            table.meals[me]++;
            coro_pause();
            put_down(second, me);
        }
        put_down(me, me);
        coro_sleep(1 + me);
    }
    return NULL;
}

static void *patient_dinner(void *arg)
{
    for (int i = 0; i < PHILOSOPHERS; i++)
        coro_spawn(NULL, patient_philosopher, &table.meals[i], NULL);
    return arg;
}

static void philosophers_who_give_up_in_time_all_eat(void **state)
{
    (void)state;
    run_in_every_order(patient_dinner, lay_the_table, check_meals);
}

/* ---- producers and consumers ---- */

enum { PRODUCERS = 3, CONSUMERS = 4, EACH = 20, ROOM = 3, ITEMS = PRODUCERS * EACH };

static struct store {
    coro_mutex_t lock;
    coro_cond_t not_full, not_empty;
    coro_sem_t places, items;
    coro_waitgroup_t producers;
    int ring[ROOM], head, tail;
    bool closed;
    int taken[ITEMS], total, next;
    int last[CONSUMERS][PRODUCERS];
} store;

static void set_up_store(void)
{
    memset(&store, 0, sizeof store);
    store.places = (coro_sem_t)CORO_SEM_INIT(ROOM);
    coro_sem_init(&store.items, 0);
    memset(store.last, 0xff, sizeof store.last);
}

static void put(int item)
{
    wrong += store.tail - store.head >= ROOM;
    store.ring[store.tail++ % ROOM] = item;
}

/* Each consumer sees what a producer has made in the order in which it was made. */
static void get(int me)
{
    int item = store.ring[store.head % ROOM], *last = &store.last[me][item / EACH];

    wrong += store.head >= store.tail || item % EACH <= *last;
    *last = item % EACH;
    store.head++;
    store.taken[item]++;
    store.total++;
}

static void check_store(void)
{
    assert_int_equal(store.total, ITEMS);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(store.taken[i], 1);
}

static void *produces_with_conditions(void *arg)
{
    int first = store.next++ * EACH;

    for (int i = 0; i < EACH; i++) {
        coro_mutex_lock(&store.lock, CORO_FOREVER);
        while (store.tail - store.head == ROOM)
            coro_cond_wait(&store.not_full, &store.lock, CORO_FOREVER);
        put(first + i);
        coro_cond_signal(&store.not_empty);
        if (i % 3 == 0)
            coro_pause();
        coro_mutex_unlock(&store.lock);
        if (i % 4 == 0)
            coro_sleep(1);
    }
    coro_waitgroup_done(&store.producers);
    return arg;
}

static void *consumes_with_conditions(void *arg)
{
    int me = store.next++;

    for (coro_mutex_lock(&store.lock, CORO_FOREVER);;) {
        while (store.tail == store.head && !store.closed)
            coro_cond_wait(&store.not_empty, &store.lock, CORO_FOREVER);
        if (store.tail == store.head)
            break;
        get(me);
        coro_cond_signal(&store.not_full);
        coro_mutex_unlock(&store.lock);
        coro_pause();
        coro_mutex_lock(&store.lock, CORO_FOREVER);
    }
    coro_mutex_unlock(&store.lock);
    return arg;
}

/* Tasks find their numbers in the order in which they begin. */
static void spawn_all(coro_fn *consumer, coro_fn *producer)
{
    for (int i = 0; i < CONSUMERS; i++)
        coro_spawn(NULL, consumer, NULL, NULL);
    coro_sleep(1);
    store.next = 0;
    wrong += coro_waitgroup_add(&store.producers, PRODUCERS) != 0;
    for (int i = 0; i < PRODUCERS; i++)
        coro_spawn(NULL, producer, NULL, NULL);
    wrong += coro_waitgroup_wait(&store.producers, CORO_FOREVER) != 0;
}

static void *trades_with_conditions(void *arg)
{
    spawn_all(consumes_with_conditions, produces_with_conditions);
    store.closed = true; /* without the mutex: nobody looks between two calls that wait */
    coro_cond_broadcast(&store.not_empty);
    return arg;
}

static void producers_and_consumers_agree_by_conditions(void **state)
{
    (void)state;
    run_in_every_order(trades_with_conditions, set_up_store, check_store);
}

static void *produces_with_semaphores(void *arg)
{
    int first = store.next++ * EACH;

    for (int i = 0; i < EACH; i++) {
        wrong += coro_sem_wait(&store.places, CORO_FOREVER) != 0;
        put(first + i);
        wrong += coro_sem_post(&store.items) != 0;
        if (i % 4 == 0)
            coro_pause();
    }
    coro_waitgroup_done(&store.producers);
    return arg;
}

static void *consumes_with_semaphores(void *arg)
{
    int me = store.next++;

    for (;;) {
        wrong += coro_sem_wait(&store.items, CORO_FOREVER) != 0;
        if (store.closed && store.head == store.tail)
            return arg;
        get(me);
        wrong += coro_sem_post(&store.places) != 0;
        coro_pause();
    }
}

static void *trades_with_semaphores(void *arg)
{
    spawn_all(consumes_with_semaphores, produces_with_semaphores);
    for (int i = 0; i < ROOM; i++) /* until all is taken */
        wrong += coro_sem_wait(&store.places, CORO_FOREVER) != 0;
    store.closed = true;
    for (int i = 0; i < CONSUMERS; i++)
        coro_sem_post(&store.items);
    return arg;
}

static void producers_and_consumers_agree_by_semaphores(void **state)
{
    (void)state;
    run_in_every_order(trades_with_semaphores, set_up_store, check_store);
}

/* ---- phases ---- */

enum { WORKERS = 5, PHASES = 12 };

static struct phases {
    coro_barrier_t barrier;
    int cells[WORKERS], next_cells[WORKERS];
    int last_ones, next;
} phases;

static void begin_phases(void)
{
    memset(&phases, 0, sizeof phases);
    coro_barrier_init(&phases.barrier, WORKERS);
    for (int i = 0; i < WORKERS; i++)
        phases.cells[i] = i;
}

/* Each cell becomes the sum of its neighbours. All compute, then all move on. */
static void *computes(void *arg)
{
    int me = phases.next++, last;

    for (int i = 0; i < PHASES; i++) {
        phases.next_cells[me] = phases.cells[(me + 1) % WORKERS] + phases.cells[(me + WORKERS - 1) % WORKERS];
        if ((me + i) % 3 == 0)
            coro_sleep(1);
        last = coro_barrier_wait(&phases.barrier, CORO_FOREVER);
        wrong += last != 0 && last != 1;
        phases.last_ones += last;
        phases.cells[me] = phases.next_cells[me];
        phases.last_ones += coro_barrier_wait(&phases.barrier, CORO_FOREVER);
    }
    return arg;
}

static void *computes_in_phases(void *arg)
{
    for (int i = 0; i < WORKERS; i++)
        coro_spawn(NULL, computes, NULL, NULL);
    return arg;
}

static void check_phases(void)
{
    int cells[WORKERS], next[WORKERS];

    for (int i = 0; i < WORKERS; i++)
        cells[i] = i;
    for (int k = 0; k < PHASES; k++) {
        for (int i = 0; i < WORKERS; i++)
            next[i] = cells[(i + 1) % WORKERS] + cells[(i + WORKERS - 1) % WORKERS];
        memcpy(cells, next, sizeof cells);
    }
    assert_memory_equal(phases.cells, cells, sizeof cells);
    assert_int_equal(phases.last_ones, 2 * PHASES);
}

static void workers_go_on_together_by_a_barrier(void **state)
{
    (void)state;
    run_in_every_order(computes_in_phases, begin_phases, check_phases);
}

/* ---- a resource made once, by whoever needs it first ---- */

static coro_once_t once;
static int made_times, users;

static void makes_it(void)
{
    coro_sleep(3);
    made_times++;
}

static void *uses_it(void *arg)
{
    coro_pause();
    wrong += coro_once(&once, makes_it) != 0 || made_times != 1;
    users++;
    return arg;
}

static void *has_many_use_it(void *arg)
{
    for (int i = 0; i < 10; i++)
        coro_spawn(NULL, uses_it, NULL, NULL);
    return arg;
}

static void begin_once(void)
{
    memset(&once, 0, sizeof once);
    made_times = users = 0;
}

static void check_once(void)
{
    assert_int_equal(made_times, 1);
    assert_int_equal(users, 10);
}

static void a_resource_is_made_once(void **state)
{
    (void)state;
    run_in_every_order(has_many_use_it, begin_once, check_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(philosophers_who_take_forks_in_order_all_eat),
        TEST(philosophers_without_order_deadlock_for_some_seed),
        TEST(philosophers_who_give_up_in_time_all_eat),
        TEST(producers_and_consumers_agree_by_conditions),
        TEST(producers_and_consumers_agree_by_semaphores),
        TEST(workers_go_on_together_by_a_barrier),
        TEST(a_resource_is_made_once),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
