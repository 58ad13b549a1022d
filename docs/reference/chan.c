/*
 * Examples for coro/chan.h. tools/docs puts each into the pages of the functions it is named for.
 */
#include <coro.h>
#include <stdio.h>

/* coro_chan_create coro_chan_destroy */
static int with_channel(int (*use)(coro_chan_t *))
{
    coro_chan_t *ch;
    int err = coro_chan_create(&ch, sizeof(int), 16);

    if (err != 0)
        return err;
    err = use(ch);
    coro_chan_destroy(ch);
    return err;
}

/* coro_chan_send coro_chan_close */
static void *produce(void *ch)
{
    for (int n = 0; n < 10; n++)
        if (coro_chan_send(ch, &n, CORO_FOREVER) != 0)
            break;
    coro_chan_close(ch);
    return NULL;
}

/* coro_chan_recv coro_chan_len */
static void *consume(void *ch)
{
    int n;

    while (coro_chan_recv(ch, &n, CORO_FOREVER) == 0)
        printf("%d, and %zu lie there\n", n, coro_chan_len(ch));
    return NULL;
}

/* coro_select */
static int receive_or_stop(coro_chan_t *numbers, coro_chan_t *stop, int *n)
{
    coro_case cases[] = {{.ch = numbers, .op = CORO_RECV, .elem = n}, {.ch = stop, .op = CORO_RECV}};
    int fired = coro_select(cases, 2, coro_after(CORO_S(1)));

    return fired == 0 ? cases[0].result : fired == 1 ? -ECANCELED : fired;
}
