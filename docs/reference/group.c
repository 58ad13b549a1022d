/*
 * Examples for coro/group.h and coro/pool.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>

static int fetch(void *page)
{
    return page != NULL ? coro_sleep(CORO_MS(5)) : -EINVAL;
}

static void *square(void *n)
{
    *(int *)n *= *(int *)n;
    return n;
}

/* coro_group_open coro_group_spawn coro_group_join */
static int fetch_both(void *left, void *right)
{
    coro_group_t g;
    int err = coro_group_open(&g, CORO_FAIL_FAST, coro_after(CORO_S(2)));

    if (err != 0)
        return err;
    coro_group_spawn(&g, fetch, left);
    coro_group_spawn(&g, fetch, right);
    return coro_group_join(&g); /* both have ended, whatever happened */
}

/* coro_group_cancel */
static int fetch_for_a_while(void *page, coro_chan_t *stop)
{
    coro_group_t g;
    int err = coro_group_open(&g, CORO_WAIT_ALL, CORO_FOREVER);

    if (err != 0)
        return err;
    coro_group_spawn(&g, fetch, page);
    if (coro_chan_recv(stop, NULL, coro_after(CORO_S(1))) == 0)
        coro_group_cancel(&g);
    return coro_group_join(&g);
}

/* coro_pool_create coro_pool_submit coro_future_wait coro_pool_close */
static int square_in_pool(int *n)
{
    coro_pool_t *pool;
    coro_future_t *future;
    int err = coro_pool_create(&pool, 4, 16);

    if (err != 0)
        return err;
    err = coro_pool_submit(pool, &future, square, n, CORO_FOREVER);
    if (err == 0)
        err = coro_future_wait(future, NULL, CORO_FOREVER);
    coro_pool_close(pool);
    return err;
}
