/* What the snippets of docs/guide/debugging.md take for granted. */
#include <errno.h>
#include <unistd.h>

extern coro_waitgroup_t work;
