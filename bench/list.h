/* list.h: `coro-bench --list`. */
#ifndef BENCH_LIST_H
#define BENCH_LIST_H

/* The cases, the peers, what each does in them, and the peers that are not in this build. */
void list_all(void);

#endif
