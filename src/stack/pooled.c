/*
 * The default allocator: stacks carved out of slabs, recycled warm.
 *
 * Sizes fall into classes, four to a doubling, 16 KiB to 1 MiB. A slab is one mapping that belongs to one class:
 *
 *     | header, a page | slot 0 | slot 1 | ...            slot:  | guard, 64 KiB | usable ... | headroom, a page |
 *                                                                                                     tail, 64 ^
 *
 * A slot is in use; or warm, on a list that runs through the tails, its memory as the last coroutine left it, or trimmed, of all but
 * the topmost page; or cold, a bit in its slab's header, its memory with the kernel; or fresh, not even guarded yet. The thread's own
 * warm list is tried first, then the shared one, then a cold slot, then a fresh one. Freeing goes the same way back.
 *
 *   I1  a slot below slab->ready has its guard, and fresh <= ready
 *   I2  slab->taken counts the slots in use and the warm ones
 *   I3  a slab is on its class's list  <=>  it has a cold or a fresh slot
 */
#include "os.h"
#include "stack.h"

#include "base/sanitize.h"
#include "base/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    SMALLEST_LOG2 = 14,
    LARGEST_LOG2 = 20,
    CLASSES = (LARGEST_LOG2 - SMALLEST_LOG2) * 4 + 1,
    THREAD_KEEPS = 64, /* warm stacks of a class; half of them go to the shared list when there is one more */
};

#define SHARED_KEEPS ((size_t)256 << 20) /* bytes of warm stacks, of all classes */
#define TRIM_KEEPS   ((size_t)512 << 20) /* and bytes of the pages that are left of trimmed ones */
#define SLAB_SIZE    ((size_t)16 << 20)  /* of the first ones of a class; later ones are up to 16 times as large */

struct slot {
    struct slot *next; /* valid only while warm */
    struct slab *slab; /* constant */
    bool trimmed;      /* valid only while on the shared list */
};
_Static_assert(sizeof(struct slot) <= CORO__POOL_TAIL, "a slot's tail");

struct slab {
    /* constant */
    unsigned class;
    unsigned slots;
    size_t size;
    bool marked; /* the whole slab is open and guards are markers; otherwise each slot is opened by itself */

    /* under the lock */
    struct slab *next, **link; /* valid only while on the class's list */
    unsigned taken;
    unsigned fresh; /* where the slots begin that nobody has had */
    unsigned ready;
    uint64_t cold[]; /* a bit a slot */
};

struct class
{
    struct slab *slabs; /* those with a cold or a fresh slot */
    struct slot *warm;
    unsigned slabs_made;
};

struct cache {
    struct bin {
        struct slot *warm;
        unsigned count;
    } bins[CLASSES];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct class classes[CLASSES];
static atomic_size_t shared_bytes;  /* of usable stack on the shared warm lists, trimmed ones apart */
static atomic_size_t trimmed_bytes; /* of their pages */

/* ---- geometry ---- */

static unsigned class_of(size_t size)
{
    unsigned log2;

    if (size <= (size_t)1 << SMALLEST_LOG2)
        return 0;
    log2 = 63 - (unsigned)__builtin_clzll(size - 1);
    return (log2 - SMALLEST_LOG2) * 4 + (unsigned)((size - 1) >> (log2 - 2) & 3) + 1;
}

static size_t usable_size(unsigned class)
{
    size_t size = (size_t)(4 + class % 4) << (SMALLEST_LOG2 + class / 4 - 2);

    return coro__round_up(size, coro__os_page_size());
}

/* An odd number of pages: so the tops of neighbours differ in all the address bits that choose a cache set. */
static size_t stride_of(unsigned class)
{
    size_t page = coro__os_page_size();
    size_t stride = coro__round_up(CORO__GUARD_SIZE, page) + usable_size(class) + page;

    return stride / page % 2 == 0 ? stride + page : stride;
}

/* All of a slot that is neither usable nor headroom. */
static size_t guard_size(unsigned class)
{
    return stride_of(class) - usable_size(class) - coro__os_page_size();
}

static char *slot_start(struct slab *slab, unsigned index)
{
    return (char *)slab + coro__os_page_size() + index * stride_of(slab->class);
}

static struct slot *slot_at(struct slab *slab, unsigned index)
{
    return (struct slot *)(slot_start(slab, index + 1) - CORO__POOL_TAIL);
}

static unsigned index_of(const struct slot *slot)
{
    return (unsigned)((size_t)((const char *)slot - slot_start(slot->slab, 0)) / stride_of(slot->slab->class));
}

/* The part of a slot that holds memory: all but the guard. */
static char *memory_of(struct slot *slot, size_t *size)
{
    unsigned class = slot->slab->class;

    *size = stride_of(class) - guard_size(class);
    return slot_start(slot->slab, index_of(slot)) + guard_size(class);
}

/* ---- slabs, under the lock ---- */

static void list_slab(struct slab *slab)
{
    struct class *class = &classes[slab->class];

    slab->next = class->slabs;
    slab->link = &class->slabs;
    if (slab->next != NULL)
        slab->next->link = &slab->next;
    class->slabs = slab;
}

static void unlist_slab(struct slab *slab)
{
    *slab->link = slab->next;
    if (slab->next != NULL)
        slab->next->link = slab->link;
}

static bool has_room(const struct slab *slab)
{
    return slab->taken < slab->slots;
}

/* As much as the class has earned, less where there is no more to be had. */
static void *reserve_slab(unsigned class, size_t *size)
{
    unsigned growth = classes[class].slabs_made / 4;
    size_t least = coro__os_page_size() + stride_of(class);

    for (size_t n = SLAB_SIZE << (growth < 4 ? growth : 4);; n /= 2) {
        *size = n > least ? n : least;
        void *p = coro__os_reserve(*size);
        if (p != NULL || *size == least)
            return p;
    }
}

static struct slab *make_slab(unsigned class)
{
    size_t size, page = coro__os_page_size();
    struct slab *slab = reserve_slab(class, &size);
    bool marked;

    if (slab == NULL)
        return NULL;
    marked = coro__os_mark((char *)slab + page, guard_size(class)) && coro__os_open(slab, size) == 0;
    if (!marked && coro__os_open(slab, page) != 0) {
        coro__os_release(slab, size);
        return NULL;
    }
    slab->class = class;
    slab->slots = (unsigned)((size - page) / stride_of(class));
    slab->size = size;
    slab->marked = marked;
    classes[class].slabs_made++;
    list_slab(slab);
    return slab;
}

/* Give the next slots their guards, and the page that has the tail and will have the first frames: as many more as there are, within
   limits, since a system call for each is most of what a fresh stack costs. */
static int prepare_slots(struct slab *slab)
{
    size_t page = coro__os_page_size(), guard = guard_size(slab->class), stride = stride_of(slab->class), n, done;
    char *start = slot_start(slab, slab->ready);
    int err;

    if (!slab->marked) {
        err = coro__os_open(start + guard, stride - guard);
        slab->ready += err == 0;
        return err;
    }
    n = slab->ready < CORO__OS_AT_ONCE ? slab->ready : CORO__OS_AT_ONCE;
    n = n < slab->slots - slab->ready ? n : slab->slots - slab->ready;
    done = n > 1 ? coro__os_mark_each(start, guard, stride, n) : 0;
    if (done == 0) {
        err = coro__os_guard(start, guard);
        if (err != 0)
            return err;
        done = 1;
    }
    coro__os_populate_each(start + stride - page, page, stride, done);
    slab->ready += (unsigned)done;
    return 0;
}

/* Of a slab that has one: taken < fresh. */
static int find_cold(const struct slab *slab)
{
    unsigned word = 0;

    while (slab->cold[word] == 0)
        word++;
    return (int)(word * 64 + (unsigned)__builtin_ctzll(slab->cold[word]));
}

static int take_slot(struct slab *slab, struct slot **out)
{
    int index = slab->taken < slab->fresh ? find_cold(slab) : -1;

    if (index >= 0) {
        slab->cold[index / 64] &= ~(UINT64_C(1) << index % 64);
    } else {
        int err = slab->fresh == slab->ready ? prepare_slots(slab) : 0;
        if (err != 0)
            return err;
        index = (int)slab->fresh++;
    }
    slab->taken++;
    if (!has_room(slab))
        unlist_slab(slab);
    *out = slot_at(slab, (unsigned)index);
    (*out)->slab = slab;
    return 0;
}

/* It is not on the shared list any more. */
static void leave_shared(const struct slot *slot, unsigned class)
{
    if (slot->trimmed)
        atomic_fetch_sub_explicit(&trimmed_bytes, coro__os_page_size(), memory_order_relaxed);
    else
        atomic_fetch_sub_explicit(&shared_bytes, usable_size(class), memory_order_relaxed);
}

static int take_shared(unsigned class, struct slot **out)
{
    struct slab *slab;
    int err = -ENOMEM;

    pthread_mutex_lock(&lock);
    if (classes[class].warm != NULL) {
        *out = classes[class].warm;
        classes[class].warm = (*out)->next;
        __builtin_prefetch(classes[class].warm, 1);
        leave_shared(*out, class);
        err = 0;
    } else {
        slab = classes[class].slabs;
        if (slab == NULL)
            slab = make_slab(class);
        if (slab != NULL)
            err = take_slot(slab, out);
    }
    pthread_mutex_unlock(&lock);
    return err;
}

/* ---- warm lists ---- */

/* Give a warm slot's memory to the kernel. */
static void cool(struct slot *slot)
{
    struct slab *slab = slot->slab;
    unsigned index = index_of(slot);
    size_t size;
    char *memory = memory_of(slot, &size);

    coro__os_discard(memory, size);
    pthread_mutex_lock(&lock);
    if (!has_room(slab))
        list_slab(slab);
    slab->taken--;
    slab->cold[index / 64] |= UINT64_C(1) << index % 64;
    pthread_mutex_unlock(&lock);
}

/* Give the memory of several slots to the kernel, but for the topmost page of each: whoever takes them next wants that. */
static void trim_each(struct slot *const slots[], size_t n)
{
    struct iovec parts[CORO__OS_AT_ONCE];

    for (size_t i = 0; i < n; i++) {
        size_t size;

        parts[i].iov_base = memory_of(slots[i], &size);
        parts[i].iov_len = size - coro__os_page_size();
        slots[i]->trimmed = true;
    }
    if (n != 0)
        coro__os_discard_each(parts, n);
}

/* Whole as long as there are not too many of those, then trimmed. False if there are too many of either. */
static bool may_share(unsigned class, bool *whole)
{
    *whole = atomic_load_explicit(&shared_bytes, memory_order_relaxed) < SHARED_KEEPS;
    if (*whole)
        atomic_fetch_add_explicit(&shared_bytes, usable_size(class), memory_order_relaxed);
    else if (atomic_load_explicit(&trimmed_bytes, memory_order_relaxed) < TRIM_KEEPS)
        atomic_fetch_add_explicit(&trimmed_bytes, coro__os_page_size(), memory_order_relaxed);
    else
        return false;
    return true;
}

/* Move `n` slots of a bin to the shared list, or to the kernel once that is full. */
static void share(struct bin *bin, unsigned class, unsigned n)
{
    struct slot *first = NULL, **last = &first, *to_trim[CORO__OS_AT_ONCE];
    size_t trims = 0;

    for (bin->count -= n; n > 0; n--) {
        struct slot *slot = bin->warm;
        bool whole;

        bin->warm = slot->next;
        if (!may_share(class, &whole)) {
            cool(slot);
            continue;
        }
        slot->trimmed = false;
        if (!whole)
            to_trim[trims++] = slot;
        if (trims == CORO__OS_AT_ONCE) {
            trim_each(to_trim, trims);
            trims = 0;
        }
        *last = slot;
        last = &slot->next;
    }
    trim_each(to_trim, trims);
    if (first == NULL)
        return;
    pthread_mutex_lock(&lock);
    *last = classes[class].warm;
    classes[class].warm = first;
    pthread_mutex_unlock(&lock);
}

static void thread_exits(struct coro__thread *t)
{
    struct cache *cache = t->stack_cache;

    if (cache == NULL)
        return;
    for (unsigned class = 0; class < CLASSES; class ++)
        share(&cache->bins[class], class, cache->bins[class].count);
    t->stack_cache = NULL;
    coro__os_release(cache, coro__round_up(sizeof *cache, coro__os_page_size()));
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&lock);
    coro__thread_on_exit(CORO__EXIT_STACKS, thread_exits);
}

static struct cache *make_cache(struct coro__thread *t)
{
    size_t size = coro__round_up(sizeof(struct cache), coro__os_page_size());
    struct cache *cache = coro__os_reserve(size);

    if (cache == NULL)
        return NULL;
    if (coro__os_open(cache, size) != 0) {
        coro__os_release(cache, size);
        return NULL;
    }
    t->stack_cache = cache;
    return cache;
}

/* ---- the allocator ---- */

static int pooled_alloc(void *ctx, size_t size, coro_stack *out)
{
    struct coro__thread *t;
    struct slot *slot;
    int err;

    if (size > (size_t)1 << LARGEST_LOG2)
        return coro__mapped_alloc(ctx, size, out);
    err = coro__thread_enter(&t);
    if (err != 0)
        return err;
    if (t->stack_cache == NULL && make_cache(t) == NULL)
        return -ENOMEM;

    unsigned class = class_of(size);
    struct bin *bin = &((struct cache *)t->stack_cache)->bins[class];
    if (bin->warm != NULL) {
        slot = bin->warm;
        bin->warm = slot->next;
        bin->count--;
        __builtin_prefetch(bin->warm, 1);
    } else {
        err = take_shared(class, &slot);
        if (err == -ENOMEM && coro_stack_trim() > 0) /* stacks of other sizes may have had what is missing */
            err = take_shared(class, &slot);
        if (err != 0)
            return err;
    }

    char *start = (char *)slot + CORO__POOL_TAIL - stride_of(class);
    coro__san_reuse(start + guard_size(class), (size_t)((char *)slot - start) - guard_size(class));
    *out = (coro_stack){
        .base = start + guard_size(class), .size = usable_size(class), .map = start, .map_size = stride_of(class)};
    return 0;
}

static void pooled_free(void *ctx, coro_stack *stack)
{
    struct coro__thread *t;
    struct slot *slot;
    struct bin alone = {0}, *bin;

    if (stack->size > (size_t)1 << LARGEST_LOG2) {
        coro__mapped_free(ctx, stack);
        return;
    }
    if (coro__in_forked_child())
        return; /* there is no other use for it */
    slot = (struct slot *)((char *)stack->map + stack->map_size - CORO__POOL_TAIL);
    if (coro__thread_enter(&t) == 0 && (t->stack_cache != NULL || make_cache(t) != NULL))
        bin = &((struct cache *)t->stack_cache)->bins[slot->slab->class];
    else
        bin = &alone; /* no room for a cache: straight to the shared list */
    coro__san_retire(stack->base, (size_t)((char *)slot - (char *)stack->base));
    slot->next = bin->warm;
    bin->warm = slot;
    bin->count++;
    if (bin == &alone)
        share(bin, slot->slab->class, 1);
    else if (bin->count > THREAD_KEEPS)
        share(bin, slot->slab->class, THREAD_KEEPS / 2);
}

const coro_stack_allocator *coro_stack_pooled(void)
{
    static const coro_stack_allocator pooled = {.alloc = pooled_alloc, .free = pooled_free};

    return &pooled;
}

size_t coro__stack_headroom(const coro_stack_allocator *allocator)
{
    if (allocator == coro_stack_pooled() || allocator == coro_stack_mmap())
        return coro__os_page_size() - CORO__POOL_TAIL;
    return allocator == coro_stack_heap() ? CORO__HEAP_HEADROOM : 0;
}

/* ---- count ---- */

size_t coro__pool_count(size_t *bytes)
{
    const struct cache *cache = coro__thread_self()->stack_cache;
    size_t count = 0;

    *bytes = 0;
    for (unsigned class = 0; class < CLASSES; class ++) {
        size_t n = cache != NULL ? cache->bins[class].count : 0;

        pthread_mutex_lock(&lock);
        for (const struct slot *slot = classes[class].warm; slot != NULL; slot = slot->next)
            n++;
        pthread_mutex_unlock(&lock);
        count += n;
        *bytes += n * usable_size(class);
    }
    return count;
}

/* ---- trim ---- */

static size_t cool_all(struct slot *slot, unsigned class, bool shared)
{
    size_t bytes = 0;

    for (struct slot *next; slot != NULL; slot = next) {
        bytes += shared && slot->trimmed ? coro__os_page_size() : usable_size(class);
        if (shared)
            leave_shared(slot, class);
        next = slot->next;
        cool(slot);
    }
    return bytes;
}

static void release_empty_slabs(struct class *class)
{
    struct slab *next;

    pthread_mutex_lock(&lock);
    for (struct slab *slab = class->slabs; slab != NULL; slab = next) {
        next = slab->next;
        if (slab->taken != 0)
            continue;
        unlist_slab(slab);
        class->slabs_made--;
        coro__os_release(slab, slab->size);
    }
    pthread_mutex_unlock(&lock);
}

static void (*on_trim)(void);

void coro__stack_on_trim(void (*fn)(void))
{
    on_trim = fn;
}

size_t coro_stack_trim(void)
{
    struct cache *cache;
    size_t bytes = 0;

    if (coro__in_forked_child())
        return 0;
    if (on_trim != NULL) /* it is in a program that has coroutines, and not only stacks */
        on_trim();
    cache = coro__thread_self()->stack_cache;
    for (unsigned class = 0; class < CLASSES; class ++) {
        struct slot *shared;

        if (cache != NULL) {
            bytes += cool_all(cache->bins[class].warm, class, false);
            cache->bins[class] = (struct bin){0};
        }
        pthread_mutex_lock(&lock);
        shared = classes[class].warm;
        classes[class].warm = NULL;
        pthread_mutex_unlock(&lock);
        bytes += cool_all(shared, class, true);
        release_empty_slabs(&classes[class]);
    }
    return bytes;
}
