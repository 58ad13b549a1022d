/* What the snippets of docs/guide/channels.md take for granted. */
#include <errno.h>

struct request {
    int number;
};

extern coro_chan_t *ch, *requests, *closing;
extern int n;
extern struct request request;

extern void work_on(int n), serve(struct request *request), report_idle(void);
