/*
 * What a scheduler has to do with the world outside its thread: waiting for time and for signals, being waited for.
 */
#ifndef CORO_SCHED_EMBED_H
#define CORO_SCHED_EMBED_H

#include "sched.h"

/* Something has come in; from any thread. */
void coro__embed_signal(struct coro_sched *s);

/* Wait until the deadline, or until more signals have come than there were. */
void coro__embed_wait(struct coro_sched *s, unsigned signals, int64_t deadline);

/* See whether something has happened, without waiting. */
void coro__embed_look(struct coro_sched *s);

/* Others will wait for what happens next. */
void coro__embed_submit(struct coro_sched *s);

void coro__embed_end(struct coro_sched *s);

#endif
