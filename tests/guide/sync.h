/* What the snippets of docs/guide/sync.md take for granted. */
#include <stdbool.h>

struct connection;

extern struct connection *connection;
extern coro_mutex_t lock;
extern coro_cond_t filled;
extern int err;
extern int64_t deadline;

extern bool queue_is_empty(void);
extern void take_from_queue(void), talk_to(struct connection *connection);
