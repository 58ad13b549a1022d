/* What the snippets of docs/guide/tasks.md take for granted. */
#include <poll.h>

struct server;
struct connection;
struct query {
    coro_sem_t answered;
};

extern struct server *server;
extern struct connection *connection;
extern coro_sched_t *sched;
extern int input, inputs[10], err;
extern coro_task_t *task;

extern coro_fn work, grow_tree;
extern int ask(struct server *server, int64_t deadline), await_answer(struct server *server, int64_t deadline);
extern void say_goodbye(struct connection *connection, int64_t deadline);
extern void start_query(struct query *query, void (*done)(struct query *query));
