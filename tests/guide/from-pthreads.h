/* What the snippets of docs/guide/from-pthreads.md take for granted. */
#include <pthread.h>

enum { ROOM = 2 };
extern coro_fn work;
extern pthread_mutex_t lock;
extern pthread_cond_t not_full, not_empty;
extern int items[ROOM], first, count, item;
