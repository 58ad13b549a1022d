/*
 * Coroutines: create, destroy, ask; and what the assembly jumps to when it refuses.
 *
 * A coroutine is laid out at the top of its own stack. Tops are coloured: the pages of a million stacks would otherwise put what
 * a switch touches into the same few sets of the cache.
 *
 * A destroyed coroutine of the default kind stays as it is for a while, idle, and the next create takes it up again: most of what
 * a coroutine consists of is the same for all. So create and destroy have a short way, and a long one for everything else.
 */
#include "coroutine.h"

#include "base/panic.h"
#include "base/sanitize.h"
#include "context/context.h"
#include "idle.h"
#include "stack/os.h"
#include "stack/stack.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum {
    LINE = 64,               /* a cache line */
    PAIR = 2 * LINE,         /* processors tend to load two that belong together */
    COLOURS = 16,            /* places for the top in its page, a pair apart */
    FIRST_FRAMES = LINE / 2, /* of the line that the context is in, below it */
    STACK_DEFAULT = 64 << 10,
    STACK_LEAST = 16 << 10,
    FLAGS_MOST = CORO_NO_FPENV | CORO_FORWARD_EXCEPTIONS,
};
_Static_assert(CORO_FORWARD_EXCEPTIONS == CORO_NO_FPENV << 1, "restart()");
_Static_assert((FLAGS_MOST & CORO__FLAG_NAMED) == 0, "one bit, one meaning");

#define likely(condition)   __builtin_expect((condition), 1)
#define unlikely(condition) __builtin_expect((condition), 0)

_Static_assert(CORO__SANITIZED || FIRST_FRAMES + offsetof(struct coro, name) < 3 * LINE,
               "the short ways touch three cache lines");
_Static_assert(sizeof(struct coro) + PAIR <= CORO__HEAP_HEADROOM, "a coroutine lies in the headroom of its stack");

static const coro_opts default_opts;

/* ---- where it goes ---- */

/* The caller's own memory: a canary below, in place of a guard. */
static int use_own_memory(const coro_opts *opts, coro_stack *out)
{
    if (opts->allocator != NULL || (uintptr_t)opts->stack % 16 != 0 || opts->stack_size < STACK_LEAST)
        return -EINVAL;
    coro__canary_set(opts->stack);
    *out = (coro_stack){.base = (char *)opts->stack + CORO__CANARY_SIZE,
                        .size = opts->stack_size - CORO__CANARY_SIZE,
                        .map = opts->stack,
                        .map_size = opts->stack_size};
    return 0;
}

/* `*size` is what was asked for, in whole pages; the allocator may give more. */
static int take_stack(const coro_opts *opts, const coro_stack_allocator *allocator, size_t *size, coro_stack *out)
{
    size_t asked = opts->stack_size != 0 ? opts->stack_size : STACK_DEFAULT;
    int err;

    if (asked < STACK_LEAST)
        return -EINVAL;
    if (asked > PTRDIFF_MAX)
        return -ENOMEM;
    *size = coro__round_up(asked, coro__os_page_size());
    err = allocator->alloc(allocator->ctx, *size, out);
    if (err == 0 && out->size < *size) { /* less than it was asked for: better no coroutine than one over the edge */
        allocator->free(allocator->ctx, out);
        err = -ENOMEM;
    }
    return err;
}

/* A number below COLOURS that has nothing to do with where the page falls in a cache, so that the two spread tops over all sets. */
static uintptr_t colour_of(const void *page)
{
    return (uint32_t)((uintptr_t)page >> 12) * UINT32_C(0x9e3779b1) >> 28;
}
_Static_assert(COLOURS == 1 << (32 - 28), "colour_of()");

/* The coroutine's place: as high as alignment lets it, less the colour where there is a page to colour. What a switch touches, the
   first half of the context and the frames below it, is to be one pair of lines. */
static struct coro *place(const coro_stack *stack, size_t headroom)
{
    uintptr_t end = (uintptr_t)stack->base + stack->size + headroom;

    if (headroom >= COLOURS * PAIR + sizeof(struct coro))
        end -= colour_of(stack->base) * PAIR;
    return (struct coro *)(((end - sizeof(struct coro) - LINE - FIRST_FRAMES) & ~(uintptr_t)(PAIR - 1)) + LINE +
                           FIRST_FRAMES);
}
_Static_assert(FIRST_FRAMES + offsetof(struct coro__context, at_end) == LINE, "place()");
_Static_assert((int)CORO__ALIGNMENT == PAIR && (int)CORO__OVER_ALIGNMENT == LINE + FIRST_FRAMES, "place()");

/* ---- the list of the thread's coroutines ---- */

/* A handler that interrupts this finds a whole list: the overflow report reads it. */
static void enlist(struct coro **list, struct coro *co)
{
    struct coro *first = *list;

    co->next_live = first;
    co->live_link = list;
    if (first != NULL)
        first->live_link = &co->next_live;
    atomic_signal_fence(memory_order_release);
    *list = co;
}

static void delist(struct coro *co)
{
    *co->live_link = co->next_live;
    if (co->next_live != NULL)
        co->next_live->live_link = co->live_link;
}

static struct coro **live_of(struct coro__thread *t)
{
    return (struct coro **)&t->live;
}

void coro__root_send(struct coro *co)
{
    coro__leaks_lock();
    delist(co);
    coro__leaks_unlock();
}

void coro__root_receive(struct coro *co)
{
    struct coro__thread *t = coro__thread_self();

    co->owner = t->token;
    coro__leaks_lock();
    enlist(live_of(t), co);
    coro__leaks_unlock();
    coro__overflow_watch(t);
}

/* ---- give back ---- */

/* Its stack and itself. */
static size_t whole_size(const struct coro *co)
{
    return (size_t)((const char *)(co + 1) - (const char *)co->stack.base);
}

/* Nothing below has been used, as far as pages tell. */
static char *lowest_used(const struct coro *co)
{
    size_t page = coro__os_page_size();
    uintptr_t low = coro__round_up((uintptr_t)co->stack.base, page); /* a page begun by something else says nothing */
    char *lowest = coro__os_lowest_resident((void *)low, coro__round_up((uintptr_t)co, page) - low);

    return (uintptr_t)lowest == low ? co->stack.base : lowest;
}

void coro__free(struct coro *co)
{
    const coro_stack_allocator *allocator = co->allocator;
    coro_stack stack = co->stack; /* co lies in it */

    if (co->owner != CORO__ORPHANED || coro__leaks_wanted) {
        coro__leaks_lock();
        delist(co);
        coro__leaks_unlock();
    }
    coro__valgrind_deregister(co->valgrind_id);
    if (coro__under_valgrind) { /* it takes its time for 64 KiB */
        char *low = lowest_used(co);
        if (low > (char *)co)
            low = stack.base; /* pages may be swapped out */
        coro__valgrind_release(low, (size_t)((char *)(co + 1) - low));
    }
    co->task = NULL;
    co->context.state = CORO_STATE_DEAD; /* as long as the memory stays as it is, those who use it still can be told */
    co->owner = CORO__DESTROYED;
    co->reusable_by = CORO__ORPHANED;
    coro__san_destroy(&co->context, whole_size(co));
    coro__san_reuse(stack.base, whole_size(co));
    if (allocator != NULL)
        allocator->free(allocator->ctx, &stack);
}

/* ---- threads ---- */

/* The thread ends: leave its coroutines to whoever wants to destroy them. Those it ended in the middle of cannot go on. */
static void orphan_all(struct coro__thread *t)
{
    coro__idle_free(t);
    coro__leaks_lock();
    for (struct coro *co = t->live, *next; co != NULL; co = next) {
        next = co->next_live;
        if (coro__leaks_wanted)
            enlist(&coro__orphans, co);
        if (coro__suspended(co->context.state, co->owner))
            co->context.state = CORO__ORPHANED | (co->context.state & CORO_STATE_BITS);
        else
            co->context.state = CORO_STATE_DEAD;
        co->reusable_by = CORO__ORPHANED;
        __atomic_store_n(&co->owner, CORO__ORPHANED, __ATOMIC_RELEASE);
    }
    t->live = NULL;
    coro__leaks_unlock();
    coro__leaks_unwatch(t);
}

static void thread_begins(struct coro__thread *t)
{
    coro__idle_begin(t);
    coro__leaks_watch(t);
    coro__overflow_watch(t);
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_on_prepare(thread_begins);
    coro__thread_on_exit(CORO__EXIT_COROUTINES, orphan_all);
}

/* ---- create ---- */

static void set_name(struct coro *co, const char *name)
{
    size_t length = name != NULL ? strnlen(name, sizeof co->name - 1) : 0;

    if (length != 0) {
        memcpy(co->name, name, length);
        co->context.flags |= CORO__FLAG_NAMED;
    }
    co->name[length] = '\0';
    coro__san_name(&co->context, co->name);
}

static uint64_t next_number(void)
{
    static atomic_uint_fast64_t last;

    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* Processors do two stores at a time if they go to the same cache line one after the other, which the compiler does not know. */
static inline void in_order(void)
{
    __asm__ volatile("" : : : "memory");
}

/* What differs from one life of a coroutine to the next. */
static inline __attribute__((always_inline)) void restart(struct coro *co, coro_fn *fn, const coro_opts *opts,
                                                          unsigned flags, const char *site, uintptr_t token)
{
    flags &= ~(flags >> 1); /* CORO_NO_FPENV is without effect beside forwarding */
    coro__san_create(&co->context, fn, whole_size(co));
    coro__next_turn(co, flags);
    co->user = opts->user;
    in_order();
    co->site = site;
    in_order();
    coro__context_make(&co->context, flags, token);
}

/* The long way. */
static __attribute__((noinline)) int create(const char *site, coro_t **out, coro_fn *fn, const coro_opts *opts)
{
    const coro_stack_allocator *allocator;
    struct coro__thread *t;
    struct coro *co;
    coro_stack stack;
    size_t size = 0, headroom = 0, below;
    int err;

    if (out == NULL || fn == NULL || opts->flags > FLAGS_MOST)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    if (opts->stack != NULL) {
        allocator = NULL;
        err = use_own_memory(opts, &stack);
    } else {
        allocator = opts->allocator != NULL ? opts->allocator : coro_stack_pooled();
        headroom = coro__stack_headroom(allocator);
        err = take_stack(opts, allocator, &size, &stack);
    }
    if (err != 0)
        return err;
    coro__san_reuse(stack.base, stack.size + headroom);

    co = place(&stack, headroom);
    co->context.sp = NULL;
    co->context.resumer = NULL;
    co->context.at_end = NULL;
    co->context.exceptions.caught = NULL; /* what was here before may have been dropped in a catch block */
    co->context.exceptions.uncaught = 0;
    co->context.caller = coro__parked;
    below = (size_t)((char *)co - (char *)stack.base);
    coro__san_bounds(&co->context, stack.base, below);
    co->allocator = allocator;
    co->stack = stack;
    co->stack_size = headroom != 0 ? size : below;
    co->task = NULL;
    co->reusable_by =
        allocator == coro_stack_pooled() && size == STACK_DEFAULT && !CORO__SANITIZED ? t->token : CORO__ORPHANED;
    co->valgrind_id = coro__valgrind_register(stack.base, co);
    co->owner = t->token;
    co->number = next_number();
    co->context.flags = UINT64_MAX; /* so that its first turn is number 0 */
    restart(co, fn, opts, opts->flags, site, t->token);
    set_name(co, opts->name);
    coro__leaks_lock();
    enlist(live_of(t), co);
    coro__leaks_unlock();
    coro__overflow_watch(t);
    coro__check(co);
    *out = co;
    return 0;
}

/* Does it ask for the default stack? One expression, since each branch counts. `besides` is to be 0, too. */
static inline bool asks_for_default(const coro_opts *opts, const void *besides)
{
    /* 0 and the default size are the same, one bit apart */
    size_t other_size = opts->stack_size & ~(size_t)STACK_DEFAULT;

    return (other_size | (uintptr_t)opts->allocator | (uintptr_t)opts->stack | (uintptr_t)besides) == 0;
}

/* Take up an idle one again. */
static inline __attribute__((always_inline)) int reuse(struct coro__thread *t, const char *site, coro_t **out,
                                                       coro_fn *fn, const coro_opts *opts, unsigned flags)
{
    struct coro *co = coro__idle_pop(t);

    if (likely(coro__idle_has_any(t->idle)))
        __builtin_prefetch((const void *)t->idle, 1); /* the next one */
    restart(co, fn, opts, flags, site, t->token);
    coro__check(co);
    *out = co;
    return 0;
}

/* The way in between. */
static __attribute__((noinline)) int create_otherwise(const char *site, coro_t **out, coro_fn *fn,
                                                      const coro_opts *opts)
{
    struct coro__thread *t = coro__thread_self();

    if (opts == NULL)
        opts = &default_opts;
    if (out == NULL || fn == NULL || !asks_for_default(opts, NULL) || opts->flags > FLAGS_MOST ||
        (!coro__idle_has_any(t->idle) && !coro__idle_take_back(t)))
        return create(site, out, fn, opts);
    reuse(t, site, out, fn, opts, opts->flags);
    set_name(*out, opts->name);
    return 0;
}

int coro_create_at(const char *site, coro_t **out, coro_fn *fn, const coro_opts *opts)
{
    struct coro__thread *t = coro__thread_self();

    if (unlikely(out == NULL) || unlikely(!coro__idle_has_any(t->idle)) || unlikely(fn == NULL))
        return create_otherwise(site, out, fn, opts);
    if (opts == NULL)
        return reuse(t, site, out, fn, &default_opts, 0);
    if (unlikely(!asks_for_default(opts, opts->name)))
        return create_otherwise(site, out, fn, opts);
    if (likely(opts->flags == CORO_NO_FPENV)) /* the other way is bound by control words, whatever jumps lead there */
        return reuse(t, site, out, fn, opts, CORO_NO_FPENV);
    if (opts->flags == 0)
        return reuse(t, site, out, fn, opts, 0);
    return create_otherwise(site, out, fn, opts);
}

struct coro *coro__create_idle(const char *site, coro_fn *fn)
{
    struct coro__thread *t = coro__thread_self();
    struct coro *co;

    if (unlikely(!coro__idle_has_any(t->idle)))
        return NULL;
    reuse(t, site, &co, fn, &default_opts, 0);
    return co;
}

#undef coro_create
int coro_create(coro_t **out, coro_fn *fn, const coro_opts *opts)
{
    return coro_create_at(NULL, out, fn, opts);
}

/* ---- destroy ---- */

bool coro__is_entered(const struct coro *co)
{
    const struct coro__thread *t = coro__thread_self();
    const struct coro__context *c = t->current;

    while (c != NULL && c != &t->root && c != &co->context)
        c = c->resumer;
    return c == &co->context;
}

static int destroy_error(const struct coro *co, const struct coro__thread *t)
{
    uintptr_t owner = __atomic_load_n(&co->owner, __ATOMIC_ACQUIRE);
    uintptr_t state = __atomic_load_n(&co->context.state, __ATOMIC_RELAXED);
    bool entered = !coro__ended(state) && !coro__suspended(state, owner);

    if (owner != t->token && owner != CORO__ORPHANED)
        return entered ? -EBUSY : -EPERM;
    if (!entered)
        return coro__is_idle_state(state) ? -EINVAL : 0;
    return coro__is_entered(co) ? -EDEADLK : -EBUSY;
}

static void check_canary(const struct coro *co)
{
    if ((co->allocator == NULL || co->allocator == coro_stack_heap()) && !coro__canary_intact(co->stack.map))
        coro__panic(co->name, "its stack has overflowed: memory below it was overwritten; give it a larger stack_size");
}

/* The long way. */
static __attribute__((noinline)) int destroy(struct coro *co)
{
    struct coro__thread *t;
    int err;

    if (co == NULL)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    coro__check_not_destroyed(co, "coro_destroy() is called for it a second time");
    err = destroy_error(co, t);
    if (err != 0)
        return err;
    coro__check(co);
    if (co->context.state != CORO_STATE_DEAD && (co->context.state & CORO_STATE_FRESH) == 0) {
        coro__san_leave(t->current, &co->context);
        coro__enter_unwind(&co->context, (co->context.state & CORO_STATE_INLINED) != 0);
        coro__san_arrive(t->current);
    }
    check_canary(co);
    coro__free(co);
    return 0;
}

int coro_destroy(coro_t *co)
{
    struct coro__thread *t = coro__thread_self();

    if (unlikely(co == NULL) || unlikely(co->reusable_by != t->token) ||
        unlikely(co->context.state != CORO_STATE_DEAD) || unlikely(!coro__idle_push(t, co)))
        return destroy(co);
    return 0;
}

/* ---- refusals ---- */

int coro__resume_error(const struct coro *co)
{
    struct coro__thread *t;
    int err;

    if (co == NULL)
        return -EINVAL;
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    coro__check_not_destroyed(co, "it is resumed after coro_destroy()");
    if (coro__ended(__atomic_load_n(&co->context.state, __ATOMIC_RELAXED)))
        return -ESRCH;
    if (__atomic_load_n(&co->owner, __ATOMIC_RELAXED) != t->token)
        return -EPERM;
    if (coro__suspended(co->context.state, t->token))
        return 0;
    return coro__is_entered(co) ? -EDEADLK : -EBUSY;
}

int coro__yield_error(void)
{
    struct coro__thread *t;
    int err = coro__thread_enter(&t);

    if (err != 0)
        return err;
    if (t->current == &t->root)
        return -EPERM;
    if (coro__is_root(t->current))
        return -EBUSY;
    return t->current->state == CORO_STATE_ENDING ? -ECANCELED : 0;
}

int coro__transfer_error(const struct coro *to)
{
    int err;

    if (to == NULL)
        return -EINVAL;
    err = coro__yield_error();
    if (err == 0)
        err = coro__resume_error(to);
    if (err == 0 && (to->context.flags & ~coro__thread_self()->current->flags & CORO_FLAG_FORWARD) != 0)
        err = -EINVAL;
    return err;
}

/* The three that the assembly leaves to. They are reached by a jump: to the caller they are the routine itself. */
coro_step coro__resume_refused(coro_t *co, void *input);
void *coro__yield_refused(void *output);
coro_step coro__transfer_refused(coro_t *to, void *value);

coro_step coro__resume_refused(coro_t *co, void *input)
{
    (void)input;
    return (coro_step){coro__resume_error(co), NULL};
}

static void *(*root_yields)(void *);

void coro__root_on_yield(void *(*fn)(void *output))
{
    root_yields = fn;
}

void *coro__yield_refused(void *output)
{
    const struct coro__context *self = coro__thread_self()->current;

    if (self != NULL && coro__is_root(self))
        return root_yields(output);
    errno = -coro__yield_error();
    return NULL;
}

coro_step coro__transfer_refused(coro_t *to, void *value)
{
    int err = coro__transfer_error(to);

    if ((err == -EDEADLK || err == -EBUSY) && to == coro_self())
        return (coro_step){CORO_YIELDED, value};
    return (coro_step){err, NULL};
}

/* ---- questions ---- */

struct coro *coro__running(int *err)
{
    struct coro__thread *t;

    *err = coro__thread_enter(&t);
    if (*err == 0 && t->current != &t->root)
        return coro__of_context(t->current);
    if (*err == 0)
        *err = -EPERM;
    return NULL;
}

coro_t *coro_self(void)
{
    const struct coro__thread *t = coro__thread_self();

    return t->current == NULL || t->current == &t->root ? NULL : coro__of_context(t->current);
}

coro_status coro_get_status(const coro_t *co)
{
    uintptr_t state, owner;

    if (co == NULL)
        return CORO_DEAD;
    state = __atomic_load_n(&co->context.state, __ATOMIC_RELAXED);
    owner = __atomic_load_n(&co->owner, __ATOMIC_RELAXED);
    if (coro__ended(state))
        return CORO_DEAD;
    if (coro__suspended(state, owner))
        return CORO_SUSPENDED;
    if (co == coro_self() || owner != coro__thread_self()->token)
        return CORO_RUNNING;
    return coro__is_entered(co) ? CORO_NORMAL : CORO_SUSPENDED; /* parked with its task */
}

const char *coro_name(const coro_t *co)
{
    return co != NULL ? co->name : NULL;
}

int coro_set_name(coro_t *co, const char *name)
{
    if (co == NULL)
        return -EINVAL;
    set_name(co, name);
    return 0;
}

void *coro_user(const coro_t *co)
{
    return co != NULL ? co->user : NULL;
}

size_t coro_stack_size(const coro_t *co)
{
    return co != NULL ? co->stack_size : 0;
}

size_t coro_stack_used(const coro_t *co)
{
    size_t used;

    if (co == NULL)
        return 0;
    used = coro__round_up((uintptr_t)co, coro__os_page_size()) - (uintptr_t)lowest_used(co);
    return used < co->stack_size ? used : co->stack_size;
}
