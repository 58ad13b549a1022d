/*
 * Examples for coro/sync.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>

static coro_mutex_t lock = CORO_MUTEX_INIT;
static coro_cond_t changed = CORO_COND_INIT;
static coro_rwlock_t table_lock = CORO_RWLOCK_INIT;
static coro_once_t once = CORO_ONCE_INIT;
static int stock;
static int table[16];

static int read_config(void *config)
{
    return config != NULL ? 0 : -ENOENT;
}

/* coro_mutex_lock coro_mutex_unlock */
static int add_slowly(int n)
{
    int err = coro_mutex_lock(&lock, coro_after(CORO_MS(20)));

    if (err != 0)
        return err;
    int before = stock;
    err = coro_sleep(CORO_MS(1)); /* nobody else changes it meanwhile */
    stock = before + n;
    coro_mutex_unlock(&lock);
    return err;
}

/* coro_cond_wait */
static int take_one(int64_t deadline)
{
    int err = coro_mutex_lock(&lock, deadline);

    if (err != 0)
        return err;
    while (stock == 0 && err == 0)
        err = coro_cond_wait(&changed, &lock, deadline);
    if (err == 0)
        stock--;
    coro_mutex_unlock(&lock);
    return err;
}

/* coro_cond_signal coro_cond_broadcast */
static void put(int n)
{
    stock += n;
    if (n == 1)
        coro_cond_signal(&changed);
    else
        coro_cond_broadcast(&changed);
}

/* coro_rwlock_rdlock coro_rwlock_unlock */
static int look_up(unsigned i, int *value)
{
    int err = coro_rwlock_rdlock(&table_lock, CORO_FOREVER);

    if (err != 0)
        return err;
    *value = table[i % 16];
    return coro_rwlock_unlock(&table_lock);
}

/* coro_rwlock_wrlock */
static int fill_in(unsigned i, int value)
{
    int err = coro_rwlock_wrlock(&table_lock, CORO_FOREVER);

    if (err != 0)
        return err;
    table[i % 16] = value;
    return coro_rwlock_unlock(&table_lock);
}

/* coro_sem_init coro_sem_wait coro_sem_post */
static int three_at_a_time(coro_job *job, void *arg)
{
    static coro_sem_t three;
    static bool ready;
    int err = ready ? 0 : coro_sem_init(&three, 3); /* CORO_SEM_INIT(3) in place of all this does as well */

    ready = true;
    if (err == 0)
        err = coro_sem_wait(&three, CORO_FOREVER);
    if (err == 0) {
        err = job(arg);
        coro_sem_post(&three);
    }
    return err;
}

/* coro_barrier_init */
static int prepare(coro_barrier_t *b, unsigned tasks)
{
    return coro_barrier_init(b, tasks); /* -EINVAL for none */
}

/* coro_barrier_wait */
static int in_step(coro_barrier_t *b, int rounds, void (*turn)(int))
{
    int last = 0;

    for (int i = 0; i < rounds && last >= 0; i++) {
        turn(i);
        last = coro_barrier_wait(b, CORO_FOREVER); /* 1 in one of the tasks, 0 in the others */
    }
    return last < 0 ? last : 0;
}

/* coro_waitgroup_done */
static void *piece_of_work(void *w)
{
    coro_sleep(CORO_MS(1));
    coro_waitgroup_done(w);
    return NULL;
}

/* coro_waitgroup_add coro_waitgroup_wait */
static int do_pieces(int n)
{
    coro_waitgroup_t w = CORO_WAITGROUP_INIT;

    coro_waitgroup_add(&w, n);
    for (int i = 0; i < n; i++)
        if (coro_spawn(NULL, piece_of_work, &w, NULL) != 0)
            coro_waitgroup_add(&w, -1);
    return coro_waitgroup_wait(&w, CORO_FOREVER); /* all have called coro_waitgroup_done() */
}

static void set_up(void)
{
    table[0] = read_config(table);
}

/* coro_once */
static int first_entry(void)
{
    int err = coro_once(&once, set_up);

    return err != 0 ? err : table[0];
}
