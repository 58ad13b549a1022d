/* What the snippets of docs/guide/coroutines.md take for granted. */
extern coro_t *co, *all[];
extern size_t n;
extern void *input;
extern int err;
extern coro_fn parse, filter;
