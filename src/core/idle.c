/*
 * Idle coroutines: destroyed, or left behind by tasks that have ended, and kept as they are for the next create. How many, on which lists,
 * and what becomes of the memory that they have used.
 */
#include "idle.h"

#include "stack/os.h"
#include "stack/stack.h"

enum {
    IDLE_MOST = 64,         /* a thread keeps, ... */
    IDLE_MANY = UINT16_MAX, /* ... and from its first scheduler on, on each of two lists */
    WHOLE_MOST = 4096,      /* of those keep all the memory that they have ever used */
    PAGES_KEPT = 2,         /* of the others */
    DEEP_BATCHES = 64,      /* are trimmed unseen, once one was seen to need it */
};
_Static_assert((int)CORO__TRIMS_MOST <= (int)CORO__OS_AT_ONCE, "trim_noted()");

#define unlikely(condition) __builtin_expect((condition), 0)

/* ---- their memory ---- */

/* Few tasks go deep, and the system takes as long to give back nothing as to give back something. So one of them is looked at; and when
   that one has gone deep, others have, too, then and for a while. */
static bool some_went_deep(struct coro__thread *t, const struct iovec *parts, size_t n)
{
    const struct iovec *sample = &parts[t->trims++ % n];
    char *end = (char *)sample->iov_base + sample->iov_len;

    if (t->deep_batches == 0 && coro__os_lowest_resident(sample->iov_base, sample->iov_len) != end)
        t->deep_batches = DEEP_BATCHES;
    if (t->deep_batches == 0)
        return false;
    t->deep_batches--;
    return true;
}

/* Give back the memory of those that were noted, but for what the next task will want: unless they have been taken up again, or run
   still, as `running` does. */
static void trim_noted(struct coro__thread *t, const struct coro *running)
{
    struct iovec parts[CORO__TRIMS_MOST];
    size_t page = coro__os_page_size(), n = 0;

    for (unsigned i = 0; i < t->trim_count; i++) {
        struct coro *co = t->to_trim[i];
        uintptr_t base = coro__round_up((uintptr_t)co->stack.base, page);
        uintptr_t kept = ((uintptr_t)co & ~(page - 1)) - (PAGES_KEPT - 1) * page;

        if (co != running && coro__is_idle(co) && base < kept)
            parts[n++] = (struct iovec){(void *)base, kept - base};
    }
    t->trim_count = 0;
    if (n != 0 && some_went_deep(t, parts, n))
        coro__os_discard_each(parts, n);
}

static __attribute__((noinline)) void note_for_trim(struct coro__thread *t, struct coro *co)
{
    if (t->trim_count == CORO__TRIMS_MOST)
        trim_noted(t, co);
    t->to_trim[t->trim_count++] = co;
}

/* ---- their lists ---- */

void coro__idle_begin(struct coro__thread *t)
{
    t->idle_most = t->idle_room = IDLE_MOST;
    t->idle = CORO__IDLE_END;
}

/* The list is full: begin another. False if there is one full already. */
static bool put_aside(struct coro__thread *t)
{
    if (t->idle_most != IDLE_MANY || t->idle_full != 0)
        return false;
    t->idle_full = t->idle;
    t->idle = CORO__IDLE_END;
    t->idle_room = IDLE_MANY;
    return true;
}

bool coro__idle_take_back(struct coro__thread *t)
{
    if (t->idle_full == 0)
        return false;
    t->idle = t->idle_full;
    t->idle_full = 0;
    t->idle_room = 0;
    return true;
}

void coro__idle_free(struct coro__thread *t)
{
    t->trim_count = 0;
    while (coro__idle_has_any(t->idle) || coro__idle_take_back(t))
        coro__free(coro__idle_pop(t));
}

static void trim(void)
{
    coro__idle_free(coro__thread_self());
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__stack_on_trim(trim);
}

void coro__idle_keep_many(void)
{
    struct coro__thread *t = coro__thread_self();

    t->idle_room += IDLE_MANY - t->idle_most;
    t->idle_most = IDLE_MANY;
}

size_t coro__idle_count(size_t *bytes)
{
    const struct coro__thread *t = coro__thread_self();
    size_t count = 0;

    *bytes = 0;
    for (const struct coro *co = t->live; co != NULL; co = co->next_live) {
        if (!coro__is_idle(co))
            continue;
        count++;
        *bytes += co->stack.size;
    }
    return count;
}

/* ---- of tasks ---- */

bool coro__root_can_retire(const struct coro *co)
{
    struct coro__thread *t = coro__thread_self();

    return co->reusable_by == t->token && (t->idle_room != 0 || put_aside(t));
}

void coro__root_retire(struct coro *co)
{
    struct coro__thread *t = coro__thread_self();

    co->context.state = CORO_STATE_DEAD;
    co->task = NULL;
    coro__idle_push(t, co);
    if (unlikely(t->idle_most - t->idle_room > WHOLE_MOST))
        note_for_trim(t, co);
}
