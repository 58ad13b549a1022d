/*
 * What reports about the tasks of a scheduler are put together from.
 */
#ifndef CORO_SCHED_REPORT_H
#define CORO_SCHED_REPORT_H

#include "base/text.h"
#include "sched.h"

/* Add "'name' (#id)"; "created at file:line"; "1.250 s". */
void coro__report_name(struct coro__text *line, const struct coro_task *task);
void coro__report_site(struct coro__text *line, const struct coro_task *task);
void coro__report_duration(struct coro__text *line, int64_t ns);

/* All tasks that there are, by address. Who holds a mutex may be none of them: it may have ended so. */
struct coro__roll {
    uintptr_t *tasks; /* NULL: no memory. The caller's to free */
    size_t count;
};
struct coro__roll coro__roll_call(struct coro_sched *s);

/* Which tasks it waits for, as far as they are on the roll: the first for NULL, then the one after `last`, in the end NULL. */
struct coro_task *coro__report_blocker(const struct coro__roll *roll, const struct coro_task *task,
                                       struct coro_task *last);

/* Write a line for each cycle of tasks that wait for each other. 0, or a negative errno value if that could not be written. */
int coro__report_cycles(const struct coro__roll *roll, struct coro_sched *s, int fd);

#endif
