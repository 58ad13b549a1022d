/*
 * coro/group.h: structured concurrency. Tasks that begin and end within a scope.
 *
 *     coro_group_t g;
 *     coro_group_open(&g, CORO_FAIL_FAST, coro_after(CORO_S(2)));
 *     coro_group_spawn(&g, fetch, &left);
 *     coro_group_spawn(&g, fetch, &right);
 *     int err = coro_group_join(&g);      // both have ended, whatever happened
 *
 * A group is a scope from coro_group_open() to coro_group_join() in one task, its host. No child outlives it. Its deadline and its
 * cancellation reach everything that waits inside: the children, the groups that they have open, and between the two calls
 * the host itself. A scope that is cancelled along with one around it reports nothing of its own: the outermost one wins.
 *
 * Source: nurseries and cancel scopes of Trio (N. J. Smith, "Notes on structured concurrency", 2018).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_GROUP_H
#define CORO_GROUP_H

#include <coro/sched.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The body of a child. @return  0, or a negative errno value: it has failed */
typedef int coro_job(void *arg);

/** A group, in storage of the caller's. Opened by coro_group_open(); must stay where it is until it is joined. */
typedef struct coro_group {
    void *opaque[16];
} coro_group_t;

/** When a group cancels what is left of it by itself. */
typedef enum coro_group_policy {
    CORO_FAIL_FAST, /* when a child fails */
    CORO_WAIT_ALL,  /* never */
    CORO_RACE,      /* when a child succeeds: that one has won. The group fails if all have. */
} coro_group_policy;

/**
 * Open a group, with the running task as its host.
 *
 * @param g         storage for it
 * @param policy    when to cancel the rest
 * @param deadline  when to cancel all of it
 * @return          0; -EINVAL `g` is NULL or the policy unknown; -EPERM outside a task; -ECANCELED in what runs at the end of a
 *                  task or unwinds one of its coroutines, where it could not be joined; -ENOMEM
 *
 * Context:   inside a task.
 * Ownership: `g` stays the caller's. A task that returns with a group open ends the program with a message.
 */
CORO_API int coro_group_open(coro_group_t *g, coro_group_policy policy, int64_t deadline);

/**
 * Start a child. In a group that is cancelled it is cancelled from the start, but runs.
 *
 * @param g    an open group
 * @param fn   the child's body
 * @param arg  its argument
 * @return     0; -EINVAL `g` or `fn` is NULL, or `g` is not open; -EPERM outside a task of the same scheduler; -ENOMEM
 *
 * Context:   the host, or any task of its scheduler while the group is open.
 * Ownership: `arg` is passed through.
 */
CORO_API int coro_group_spawn(coro_group_t *g, coro_job *fn, void *arg);
CORO_API int coro_group_spawn_at(const char *site, coro_group_t *g, coro_job *fn, void *arg);

/**
 * Cancel a group: its children, and its host as far as it waits inside.
 *
 * @param g  an open group
 * @return   0, the second time too; -EINVAL it is NULL or not open; -EPERM outside its thread
 *
 * Context: the thread of the group.
 */
CORO_API int coro_group_cancel(coro_group_t *g);

/**
 * Wait for every child to end, and close the group. Nothing interrupts it; cancellation hurries the children.
 *
 * @param g  a group that the running task has opened
 * @return   the outcome. 0 if all went well, or if the race was won. Otherwise the first that holds of: the first error of a child
 *           before anything was cancelled (not in a race: others may still win); -ECANCELED if something around the group was
 *           cancelled; -ETIMEDOUT if its deadline has passed; the first error of a child.
 *           Not closed by: -EINVAL it is NULL or not open; -EPERM the caller is not its host; -ECANCELED it has children, and
 *           a coroutine of the host is being unwound
 *
 * Context:   the host.
 * Ownership: the storage is free again.
 */
CORO_API int coro_group_join(coro_group_t *g);
CORO_API int coro_group_join_at(const char *site, coro_group_t *g);

#define coro_group_spawn(...) coro_group_spawn_at(CORO_HERE, __VA_ARGS__)
#define coro_group_join(...)  coro_group_join_at(CORO_HERE, __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
