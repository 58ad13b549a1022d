/* What the snippets of docs/guide/testing-with-virtual-time.md take for granted. */
#include <assert.h>
#include <inttypes.h>

struct server;

extern const coro_sched_opts opts;
extern int ask(struct server *server, int64_t deadline);
extern void *test(void *arg);
extern bool invariant_holds(void);
