/* What the snippets of docs/guide/performance.md take for granted. */
extern coro_t *co, *all[];
extern size_t n;
extern int err;
extern coro_fn filter, grow_tree;
