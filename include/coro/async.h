/*
 * coro/async.h: tasks without a stack, on the same scheduler.
 *
 *     struct greet {
 *         CORO_ASYNC_POINT;           // where the body goes on
 *         const char *name;           // what must outlive an await lives here, not in local variables
 *         int i;
 *     };
 *
 *     CORO_ASYNC(int, greet)          // the body; `self` is the struct
 *     {
 *         int err = 0;
 *
 *         CORO_ASYNC_BEGIN;
 *         for (self->i = 0; self->i < 3 && err == 0; self->i++) {
 *             CORO_AWAIT(err, coro_sleep(CORO_MS(100)));
 *             printf("hello from %s\n", self->name);
 *         }
 *         CORO_ASYNC_RETURN(err);
 *         CORO_ASYNC_END;
 *     }
 *
 *     coro_task_t *task;
 *     coro_async_spawn(&task, greet, &(struct greet){.name = "a"});
 *     coro_join(task, NULL, CORO_FOREVER);
 *
 * The body is a state machine: where a task with a stack is parked, it returns, and is called again. So a task is as large as its
 * struct and a little more, and there can be millions. Otherwise the two kinds are the same: one handle, coro_task_t, one queue, one
 * clock. Either joins, cancels and detaches the other, sends to it, and hands it a mutex.
 *
 * Waiting. A body waits in CORO_AWAIT alone; calls that wait are refused elsewhere in it with -EPERM, and those with deadline 0 work
 * everywhere. These can be awaited: coro_pause(), coro_sleep(), coro_sleep_until(), coro_join(), coro_chan_send(), coro_chan_recv(),
 * coro_select(), coro_mutex_lock(), coro_cond_wait(), coro_rwlock_rdlock(), coro_rwlock_wrlock(), coro_sem_wait(), coro_barrier_wait(),
 * coro_waitgroup_wait(), coro_group_join(), coro_future_wait(), coro_poll_fd(). All others refuse with -EPERM. Deadlines and
 * cancellation are what they are for tasks with a stack. What a call is told to write, to the result of a join say, is written while the
 * body is away: it lies in the struct. Another body is called by CORO_ASYNC_CALL.
 *
 * What a body must not do. Local variables do not keep their values over an await: gcc and C++ refuse one that is initialised between
 * two of them. An await cannot stand in a switch statement of the body, which ends the program with a message, nor two on one line. A
 * coroutine that the body resumes cannot wait for it.
 *
 * Source: Simon Tatham, "Coroutines in C"; A. Dunkels, "Protothreads" (2006).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_ASYNC_H
#define CORO_ASYNC_H

#include <coro/group.h>
#include <coro/sched.h>
#include <limits.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what bodies are made of; the members are the library's ---- */

enum { CORO_ASYNC_OVER_ = INT_MIN, CORO_ASYNC_ENDED_ = -1 };                            /* points that are no line */
enum { CORO_ASYNC_PENDING_ = INT_MIN, CORO_ASYNC_DROPPED_ = -1, CORO_ASYNC_DONE_ = 0 }; /* what a body says */
enum { CORO_ASYNC_VALUE_, CORO_ASYNC_AGAIN_, CORO_ASYNC_DROP_ };                        /* how an await goes on */

/* What a body is told, and says. */
typedef struct coro_async_now {
    int value_; /* of the call that was awaited */
    unsigned char mode_;
    bool armed_;   /* it is in a CORO_AWAIT: the call may wait */
    bool resumed_; /* the call is made once more */
    bool unused_;  /* all of it is one word, set at once */
} coro_async_now;

/** A body, as CORO_ASYNC makes it: `name_async`. */
typedef struct coro_async_type {
    const char *name, *site;
    size_t size, room; /* of its struct; of that or its result, up to where the next task may begin */
    int (*run)(void *frame, void *result, coro_async_now *now);
    bool light;
} coro_async_type;

CORO_API void coro_async_misused_(const char *function, const char *what) __attribute__((noreturn));

#ifdef __cplusplus
#    define CORO_ASYNC_NOEXCEPT_ noexcept
#    define CORO_ASYNC_ASSERT_   static_assert
#else
#    define CORO_ASYNC_NOEXCEPT_
#    define CORO_ASYNC_ASSERT_ _Static_assert
#endif

/* What passes over the beginning of a variable's life is an error. Clang has no such check for C, but sees most of what comes of it. */
#if defined(__cplusplus)
#    define CORO_ASYNC_STRICT_
#    define CORO_ASYNC_LENIENT_
#elif defined(__clang__)
#    define CORO_ASYNC_STRICT_                                                                                         \
        _Pragma("clang diagnostic push") _Pragma("clang diagnostic error \"-Wsometimes-uninitialized\"")               \
            _Pragma("clang diagnostic error \"-Wconditional-uninitialized\"")
#    define CORO_ASYNC_LENIENT_ _Pragma("clang diagnostic pop")
#else
#    define CORO_ASYNC_STRICT_  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wjump-misses-init\"")
#    define CORO_ASYNC_LENIENT_ _Pragma("GCC diagnostic pop")
#endif

/* ---- bodies ---- */

/** The first member of the struct that a body works on; zero at the beginning. */
#define CORO_ASYNC_POINT int coro_async_point

/**
 * The head of a body: its block follows. In it, `self` points to the struct.
 *
 * @param R     the type of its result. A task hands its joiner a `void *`: a result of at most that size, extended with zeros. In a group,
 *              0 or a negative errno value.
 * @param name  of the body, and the tag of its struct
 */
#define CORO_ASYNC(R, name) CORO_ASYNC_BODY_(R, name, false)

/**
 * The same for a body whose tasks wait for nothing but time: they can await coro_sleep(), coro_sleep_until() and coro_pause(), and other
 * bodies that do no more; what else waits is refused with -EPERM, and so is opening a group. The scheduler keeps 92 bytes for each
 * besides the struct.
 */
#define CORO_ASYNC_LIGHT(R, name) CORO_ASYNC_BODY_(R, name, true)

#define CORO_ASYNC_ROOM_(type) ((sizeof(type) + 15) & ~(size_t)15)

#define CORO_ASYNC_BODY_(R, name, light)                                                                               \
    typedef R name##_result;                                                                                           \
    typedef union name##_frame {                                                                                       \
        struct name frame_;                                                                                            \
        void *result_;                                                                                                 \
    } name##_frame;                                                                                                    \
    typedef struct name##_storage {                                                                                    \
        void *opaque_[(light) ? CORO_ASYNC_LIGHT_WORDS_ : CORO_ASYNC_WORDS_];                                          \
        name##_frame frame_;                                                                                           \
    } name##_storage;                                                                                                  \
    CORO_ASYNC_ASSERT_(offsetof(struct name, coro_async_point) == 0, #name ": CORO_ASYNC_POINT must come first");      \
    CORO_ASYNC_ASSERT_(__alignof__(struct name) <= 16, #name ": its struct cannot be aligned so much");                \
    static int name##_body_(struct name *self, name##_result *coro_async_out, coro_async_now *coro_async_with)         \
        CORO_ASYNC_NOEXCEPT_;                                                                                          \
    static inline int name##_run_(void *frame, void *out, coro_async_now *now)                                         \
    {                                                                                                                  \
        return name##_body_((struct name *)frame, (name##_result *)out, now);                                          \
    }                                                                                                                  \
    static const coro_async_type name##_async __attribute__((unused)) = {                                              \
        #name, CORO_HERE, sizeof(struct name), CORO_ASYNC_ROOM_(name##_frame), name##_run_, (light)};                  \
    static int name##_body_(struct name *self, name##_result *coro_async_out, coro_async_now *coro_async_with)         \
        CORO_ASYNC_NOEXCEPT_

/** Begin the body. */
#define CORO_ASYNC_BEGIN                                                                                               \
    int *const coro_async_at = &self->coro_async_point;                                                                \
                                                                                                                       \
    (void)coro_async_out;                                                                                              \
    CORO_ASYNC_STRICT_                                                                                                 \
coro_async_turn:                                                                                                       \
    switch (*coro_async_at) {                                                                                          \
    default:                                                                                                           \
        if (*coro_async_at != CORO_ASYNC_OVER_)                                                                        \
            coro_async_misused_(__func__, "the body has returned, or an await stands in a switch statement");          \
        break;                                                                                                         \
    case 0:

/**
 * Make a call that may wait, and go on with its result; until then other tasks run.
 *
 * @param result  a variable of type int for what the call returns; a local one will do
 * @param ...     the call: one of those that the head of this file names. Its arguments have no side effects, since coro_cond_wait()
 *                and coro_group_join() are called once more when they go on.
 */
#define CORO_AWAIT(result, ...)                                                                                        \
    do {                                                                                                               \
        int coro_async_value;                                                                                          \
                                                                                                                       \
        for (;;) {                                                                                                     \
            coro_async_with->armed_ = true;                                                                            \
            coro_async_value = (__VA_ARGS__);                                                                          \
            if (coro_async_value != CORO_ASYNC_PENDING_) {                                                             \
                coro_async_with->armed_ = false;                                                                       \
                break;                                                                                                 \
            }                                                                                                          \
            *coro_async_at = __LINE__;                                                                                 \
            return CORO_ASYNC_PENDING_;                                                                                \
        case __LINE__:                                                                                                 \
            if (__builtin_expect(coro_async_with->mode_ == CORO_ASYNC_VALUE_, 1)) {                                    \
                coro_async_value = coro_async_with->value_;                                                            \
                break;                                                                                                 \
            }                                                                                                          \
            if (coro_async_with->mode_ == CORO_ASYNC_DROP_) {                                                          \
                *coro_async_at = CORO_ASYNC_OVER_;                                                                     \
                goto coro_async_turn;                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        (result) = coro_async_value;                                                                                   \
    } while (0)

/**
 * Call another body, as part of this task, and go on with its result. Nothing is allocated.
 *
 * @param result  a variable for the result, of its type; a local one will do
 * @param name    a body
 * @param frame   its struct, a pointer into the caller's: filled in anew for each call
 */
#define CORO_ASYNC_CALL(result, name, frame)                                                                           \
    do {                                                                                                               \
        name##_result coro_async_value;                                                                                \
        int coro_async_said;                                                                                           \
                                                                                                                       \
        *coro_async_at = __LINE__;                                                                                     \
        __attribute__((fallthrough));                                                                                  \
    case __LINE__:                                                                                                     \
        memset(&coro_async_value, 0, sizeof coro_async_value); /* compilers do not see that it is set if it is read */ \
        coro_async_said = name##_body_((frame), &coro_async_value, coro_async_with);                                   \
        if (coro_async_said == CORO_ASYNC_PENDING_)                                                                    \
            return CORO_ASYNC_PENDING_;                                                                                \
        if (coro_async_said == CORO_ASYNC_DROPPED_) {                                                                  \
            *coro_async_at = CORO_ASYNC_OVER_;                                                                         \
            goto coro_async_turn;                                                                                      \
        }                                                                                                              \
        (result) = coro_async_value;                                                                                   \
    } while (0)

/** Return a value, by way of the cleanup if there is one. */
#define CORO_ASYNC_RETURN(value)                                                                                       \
    do {                                                                                                               \
        const __typeof__(*coro_async_out) coro_async_value = (value);                                                  \
                                                                                                                       \
        memcpy(coro_async_out, &coro_async_value, sizeof coro_async_value);                                            \
        *coro_async_at = CORO_ASYNC_OVER_;                                                                             \
        goto coro_async_turn;                                                                                          \
    } while (0)

/**
 * What follows, up to CORO_ASYNC_END, is done on every way out of the body once it has begun: when it returns, and when it is dropped
 * where it waits. It gives back what the struct owns. It cannot await: compilers refuse that.
 */
#define CORO_ASYNC_CLEANUP                                                                                             \
case CORO_ASYNC_OVER_:;                                                                                                \
    }                                                                                                                  \
    {
/** End the body. One that gets here without CORO_ASYNC_RETURN ends the program with a message. */
#define CORO_ASYNC_END                                                                                                 \
    }                                                                                                                  \
    if (*coro_async_at != CORO_ASYNC_OVER_)                                                                            \
        coro_async_misused_(__func__, "the body has ended without CORO_ASYNC_RETURN");                                 \
    *coro_async_at = CORO_ASYNC_ENDED_;                                                                                \
    CORO_ASYNC_LENIENT_                                                                                                \
    return coro_async_with->mode_ == CORO_ASYNC_DROP_ ? CORO_ASYNC_DROPPED_ : CORO_ASYNC_DONE_

/* ---- tasks ---- */

/* Words of a task in the caller's storage, without its struct. */
enum { CORO_ASYNC_LIGHT_WORDS_ = 6, CORO_ASYNC_WORDS_ = 28 };

/* The frame, which must be one of `name`, whose result must fit into a pointer. */
#define CORO_ASYNC_FRAME_(name, ...)                                                                                   \
    ((void)sizeof(char[sizeof(name##_result) <= sizeof(void *) ? 1 : -1]), 1 ? (__VA_ARGS__) : (const struct name *)0)

/**
 * Start a task. It runs in its turn, not at once.
 *
 * @param out    where the task goes, to be joined or detached; NULL: it is detached
 * @param name   a body
 * @param frame  its struct, filled in, which is copied; in C mostly `&(struct name){.member = value}`
 * @return       0; -EINVAL `frame` is NULL; -EPERM called outside a task; -ECANCELED the scheduler is being destroyed; -ENOMEM
 *
 * Context:   inside a task of either kind.
 * Ownership: the task is the caller's, to be given to coro_join() or coro_detach() once.
 */
#define coro_async_spawn(out, name, ...)                                                                               \
    coro_async_spawn_at(CORO_HERE, (out), &name##_async, CORO_ASYNC_FRAME_(name, __VA_ARGS__), NULL)

/**
 * The same in storage of the caller's, so that only the queues may need memory.
 *
 * @param out, name, frame  as above
 * @param storage           a `name_storage`, which must stay where it is until the task has been joined, or, detached, has ended
 * @return                  as above
 *
 * Context, ownership: as above.
 */
#define coro_async_spawn_in(out, storage, name, ...)                                                                   \
    coro_async_spawn_at(CORO_HERE, (out), &name##_async, CORO_ASYNC_FRAME_(name, __VA_ARGS__),                         \
                        1 ? (storage) : (name##_storage *)0)

CORO_API int coro_async_spawn_at(const char *site, coro_task_t **out, const coro_async_type *type, const void *frame,
                                 void *storage);

/**
 * Start a task from outside, as coro_sched_spawn() does, but on the thread of the scheduler alone.
 *
 * @param s                 a scheduler
 * @param out, name, frame  as for coro_async_spawn()
 * @return                  as coro_async_spawn(); -EINVAL also if `s` is NULL; -EPERM it belongs to another thread; -ECHILD in a
 *                          forked child
 *
 * Context:   the thread of `s`, inside a task or not.
 * Ownership: as coro_async_spawn().
 */
#define coro_sched_async_spawn(s, out, name, ...)                                                                      \
    coro_sched_async_spawn_at(CORO_HERE, (s), (out), &name##_async, CORO_ASYNC_FRAME_(name, __VA_ARGS__))

CORO_API int coro_sched_async_spawn_at(const char *site, coro_sched_t *s, coro_task_t **out,
                                       const coro_async_type *type, const void *frame);

/**
 * Start a child of a group, as coro_group_spawn() does.
 *
 * @param g            an open group
 * @param name, frame  as for coro_async_spawn(); the result is 0 or a negative errno value
 * @return             as coro_group_spawn()
 *
 * Context: as coro_group_spawn().
 */
#define coro_group_async_spawn(g, name, ...)                                                                           \
    coro_group_async_spawn_at(CORO_HERE, (g), &name##_async, CORO_ASYNC_FRAME_(name, __VA_ARGS__))

CORO_API int coro_group_async_spawn_at(const char *site, coro_group_t *g, const coro_async_type *type,
                                       const void *frame);

/**
 * Drop a task without a stack: it does not go on where it waits, but does its cleanup in its turn, and ends with -ECANCELED for a result.
 * What it waits for is left as by a cancellation. If that has come already, the task goes on as one that is cancelled; if it has never
 * run, it just goes.
 *
 * @param t  a task
 * @return   0, the second time too; -EINVAL it is NULL or has a stack; -ESRCH it has ended; -EDEADLK it is the caller; -EBUSY it has a
 *           group open; -EPERM it belongs to another thread
 *
 * Context:   the thread of its scheduler.
 * Ownership: as it was: it is still to be joined.
 */
CORO_API int coro_async_drop(coro_task_t *t);

#ifdef __cplusplus
}
#endif

#endif
