/* Nothing is wrong here. Locals that live between two awaits, or are set by one, are fine. */
#include "bodies.h"

struct parent {
    CORO_ASYNC_POINT;
    struct child child;
    coro_chan_t *ch;
    int i, elem, sum;
};

CORO_ASYNC(int, parent)
{
    int err = 0, got;

    CORO_ASYNC_BEGIN;
    for (self->i = 0; self->i < 3 && err == 0; self->i++) {
        {
            int twice = 2 * self->i;

            self->sum += twice;
        }
        self->child = (struct child){.n = self->i};
        CORO_ASYNC_CALL(got, child, &self->child);
        self->sum += got;
        if (self->sum == 7) {
            CORO_AWAIT(err, coro_chan_recv(self->ch, &self->elem, CORO_FOREVER));
        } else {
            CORO_AWAIT(err, coro_chan_send(self->ch, &self->elem, coro_after(CORO_MS(5))));
        }
    }
    CORO_ASYNC_RETURN(err != 0 ? err : self->sum);
    CORO_ASYNC_CLEANUP;
    coro_chan_close(self->ch);
    CORO_ASYNC_END;
}

int use(coro_task_t **out, coro_chan_t *ch);
int use(coro_task_t **out, coro_chan_t *ch)
{
    return coro_async_spawn(out, parent, &(struct parent){.ch = ch});
}
