/*
 * The table of layout.h. A name that is new is no new version; one whose meaning has changed is.
 */
#include "layout.h"

#include "sched/async.h"
#include "sched/sched.h"
#include "sync/chan.h"

enum { VERSION = 1 };

/* clang-format off */
#define VALUE(name, number)           {name, (uint32_t)(number)}
#define SIZE(name, type)              VALUE(name ".size", sizeof(type))
#define FIELD(name, type, field)      VALUE(name "." #field, offsetof(type, field))
#define PART(name, type, field, part) VALUE(name "." part, offsetof(type, field))

const struct coro__layout coro__layout = {"libcoro layout", VERSION, CORO__LAYOUT_NAME, {
#if defined(__x86_64__)
    VALUE("frame.rip", CORO_FRAME_RIP),
    VALUE("frame.rbp", CORO_FRAME_RBP),
    VALUE("frame.rbx", CORO_FRAME_RBX),
    VALUE("frame.r12", CORO_FRAME_R12),
    VALUE("frame.r13", CORO_FRAME_R13),
    VALUE("frame.r14", CORO_FRAME_R14),
    VALUE("frame.r15", CORO_FRAME_R15),
#elif defined(__aarch64__)
    VALUE("frame.x29", CORO_FRAME_X29),
    VALUE("frame.x30", CORO_FRAME_X30),
    VALUE("frame.x19", CORO_FRAME_X19),
    VALUE("frame.x21", CORO_FRAME_X21),
    VALUE("frame.x23", CORO_FRAME_X23),
    VALUE("frame.x25", CORO_FRAME_X25),
    VALUE("frame.x27", CORO_FRAME_X27),
    VALUE("frame.d8", CORO_FRAME_D8),
#endif
    VALUE("frame.size", CORO_FRAME_SIZE),

    VALUE("state.entered", CORO_STATE_ENTERED),
    VALUE("state.ending", CORO_STATE_ENDING),
    VALUE("state.dead", CORO_STATE_DEAD),
    VALUE("state.task", CORO_STATE_TASK),
    VALUE("state.inlined", CORO_STATE_INLINED),
    VALUE("state.fresh", CORO_STATE_FRESH),
    VALUE("state.bits", CORO_STATE_BITS),

    FIELD("context", struct coro__context, sp),
    FIELD("context", struct coro__context, return_sp),
    FIELD("context", struct coro__context, state),
    FIELD("context", struct coro__context, resumer),
    FIELD("context", struct coro__context, fn),
    FIELD("context", struct coro__context, flags),
    VALUE("context.flag_bits", CORO_FLAG_BITS),

    FIELD("thread", struct coro__thread, current),
    FIELD("thread", struct coro__thread, token),
    FIELD("thread", struct coro__thread, root),
    FIELD("thread", struct coro__thread, live),
    FIELD("thread", struct coro__thread, scheds),
    FIELD("thread", struct coro__thread, tid),
    PART("thread", struct coro__thread, next_watched, "next"),

    FIELD("coro", struct coro, task),
    FIELD("coro", struct coro, site),
    FIELD("coro", struct coro, name),
    FIELD("coro", struct coro, owner),
    FIELD("coro", struct coro, number),
    PART("coro", struct coro, next_live, "next"),

    FIELD("task", struct coro_task, sched),
    FIELD("task", struct coro_task, co),
    FIELD("task", struct coro_task, type),
    FIELD("task", struct coro_task, in_sched),
    FIELD("task", struct coro_task, flags),
    FIELD("task", struct coro_task, fn),
    FIELD("task", struct coro_task, waiter),
    FIELD("task", struct coro_task, site),
    FIELD("task", struct coro_task, context),
    FIELD("task", struct coro_task, name),
    FIELD("task", struct coro_task, number),
    FIELD("task", struct coro_task, turn),
    /* bits of flags; tests/test_layout.c sets them */
    VALUE("task.cancelled_bit", 0),
    VALUE("task.ended_bit", 3),
    VALUE("task.asleep_bit", 5),
    VALUE("task.stackless_bit", 9),
    VALUE("task.light_bit", 10),
    VALUE("task.frame", CORO_ASYNC_WORDS_ * sizeof(void *)),
    VALUE("task.light_frame", CORO_ASYNC_LIGHT_WORDS_ * sizeof(void *)),

    FIELD("type", coro_async_type, name),
    FIELD("type", coro_async_type, site),

    PART("sched", struct coro_sched, queue.ring, "ring"),
    PART("sched", struct coro_sched, queue.head, "head"),
    PART("sched", struct coro_sched, queue.tail, "tail"),
    PART("sched", struct coro_sched, queue.mask, "mask"),
    FIELD("sched", struct coro_sched, driver),
    FIELD("sched", struct coro_sched, tasks),
    FIELD("sched", struct coro_sched, async),
    FIELD("sched", struct coro_sched, next),
    SIZE("ready", struct coro__ready),
    FIELD("ready", struct coro__ready, context),
    VALUE("ready.stackless_mark", CORO__ASYNC_MARK),

    FIELD("waiter", struct coro__waiter, link),
    FIELD("waiter", struct coro__waiter, state),
    FIELD("waiter", struct coro__waiter, error),
    FIELD("waiter", struct coro__waiter, kind),
    FIELD("waiter", struct coro__waiter, site),
    VALUE("waiter.waiting", CORO__WAITING),
    VALUE("waiter.expired", CORO__EXPIRED),
    VALUE("waiter.branch", CORO__BRANCH),
    FIELD("wait", struct coro__wait, what),
    PART("branch", struct coro__branch, waiter, "waiter"),

    FIELD("chan", struct coro_chan, senders),
    FIELD("chan", struct coro_chan, receivers),
    FIELD("chan", struct coro_chan, count),
    FIELD("chan", struct coro_chan, elem_size),
    FIELD("chan", struct coro_chan, capacity),
    FIELD("chan", struct coro_chan, closed),
    {"", 0},
}};
/* clang-format on */
