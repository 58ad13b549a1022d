/*
 * coro/stack.h: sizes, guards, canaries, recycling, limits.
 *
 * Guards are looked at in two ways: the kernel is asked whether it would fault there (faults_at), and children touch them.
 */
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024, GUARD = 64 * KIB };

static const coro_stack_allocator *allocator_at(int i)
{
    return i == 0 ? coro_stack_pooled() : i == 1 ? coro_stack_mmap() : coro_stack_heap();
}
enum { POOLED, MAPPED, HEAP, ALLOCATORS };

static size_t round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static void *echo_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

/* Passes everything on to another allocator, and counts. `ctx` of its functions is the counter. */
struct counter {
    coro_stack_allocator allocator;
    const coro_stack_allocator *inner;
    coro_stack last;
    size_t allocs, frees, asked;
    bool changed; /* a stack came back other than it was given */
};

static int counter_alloc(void *ctx, size_t size, coro_stack *out)
{
    struct counter *c = ctx;
    int err = c->inner->alloc(c->inner->ctx, size, &c->last);

    if (err != 0)
        return err;
    c->allocs++;
    c->asked = size;
    *out = c->last;
    return 0;
}

static void counter_free(void *ctx, coro_stack *stack)
{
    struct counter *c = ctx;

    c->frees++;
    c->changed |= memcmp(stack, &c->last, sizeof *stack) != 0;
    c->inner->free(c->inner->ctx, stack);
}

static void count_on(struct counter *c, const coro_stack_allocator *inner)
{
    *c = (struct counter){.inner = inner, .allocator = {.alloc = counter_alloc, .free = counter_free, .ctx = c}};
}

/* ---- deep use ---- */

/* What is left for calls between the frame that measures and the one that fills. Sanitizers make frames larger. */
static size_t reserve(void)
{
    return under_asan() ? 8 * KIB : 2 * KIB;
}

#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined")))

/* Write and read back n bytes of stack below here. */
static UNCHECKED size_t fill(size_t n)
{
    volatile unsigned char *room = __builtin_alloca(n);
    size_t wrong = 0;

    for (size_t i = 0; i < n; i++)
        room[i] = (unsigned char)(i * 7);
    for (size_t i = 0; i < n; i++)
        wrong += room[i] != (unsigned char)(i * 7);
    return wrong;
}

static void *fills_its_stack(void *input)
{
    (void)input;
    return (void *)fill(coro_stack_size(coro_self()) - reserve());
}

static UNCHECKED size_t descend(const char *until, size_t depth)
{
    volatile char frame[256];

    frame[0] = (char)depth;
    if ((const char *)frame < until)
        return depth;
    return descend(until, depth + 1) + (size_t)(frame[0] != (char)depth);
}

static void *recurses_through_its_stack(void *input)
{
    char here;

    (void)input;
    return (void *)(uintptr_t)(descend(&here - coro_stack_size(coro_self()) + reserve() + 1 * KIB, 1) == 0);
}

static void assert_usable(coro_opts opts)
{
    coro_fn *const bodies[] = {fills_its_stack, recurses_through_its_stack};

    for (int i = 0; i < 2; i++) {
        coro_t *co = made_with(bodies[i], opts);

        assert_step(coro_resume(co, NULL), CORO_RETURNED, NULL);
        assert_int_equal(coro_destroy(co), 0);
    }
}

static const size_t usual_sizes[] = {16 * KIB, 16 * KIB + 1, 20 * KIB, 32 * KIB, 64 * KIB,
                                     100000,   256 * KIB,    MIB,      MIB + 1,  3 * MIB};
enum { USUAL_SIZES = sizeof usual_sizes / sizeof *usual_sizes };

static void all_of_a_stack_can_be_used(void **state)
{
    (void)state;
    for (int a = 0; a < ALLOCATORS; a++)
        for (int i = 0; i < USUAL_SIZES; i++)
            assert_usable((coro_opts){.stack_size = usual_sizes[i], .allocator = allocator_at(a)});
}

static void so_it_can_with_an_allocator_of_the_callers(void **state)
{
    struct counter c;
    (void)state;

    for (int a = 0; a < ALLOCATORS; a++) {
        count_on(&c, allocator_at(a));
        for (int i = 0; i < USUAL_SIZES; i++)
            assert_usable((coro_opts){.stack_size = usual_sizes[i], .allocator = &c.allocator});
        assert_int_equal(c.allocs, 2 * USUAL_SIZES);
        assert_int_equal(c.frees, 2 * USUAL_SIZES);
        assert_false(c.changed);
    }
}

static void so_it_can_in_memory_of_the_callers(void **state)
{
    char *memory = malloc(256 * KIB + 256);
    (void)state;

    assert_non_null(memory);
    for (size_t offset = 0; offset < 256; offset += 16)
        for (size_t size = 16 * KIB; size <= 256 * KIB; size = size * 3 + 1)
            assert_usable((coro_opts){.stack = memory + offset, .stack_size = size});
    free(memory);
}

/* ---- sizes ---- */

static void a_size_is_that_asked_for_rounded_up_to_pages(void **state)
{
    (void)state;
    for (int a = 0; a < ALLOCATORS; a++)
        for (int i = 0; i < USUAL_SIZES; i++) {
            coro_t *co =
                made_with(echo_forever, (coro_opts){.stack_size = usual_sizes[i], .allocator = allocator_at(a)});

            assert_int_equal(coro_stack_size(co), round_up(usual_sizes[i], page_size()));
            assert_int_equal(coro_destroy(co), 0);
        }
}

static void a_size_of_zero_is_64_kib(void **state)
{
    (void)state;
    for (int a = 0; a < ALLOCATORS; a++) {
        coro_t *co = made_with(echo_forever, (coro_opts){.allocator = allocator_at(a)});

        assert_int_equal(coro_stack_size(co), 64 * KIB);
        assert_int_equal(coro_destroy(co), 0);
    }
}

static void bookkeeping_comes_off_memory_of_the_callers(void **state)
{
    char *memory = malloc(64 * KIB);
    struct counter c;
    coro_t *co;
    (void)state;

    assert_non_null(memory);
    for (size_t size = 16 * KIB; size < 64 * KIB; size += 4321) {
        co = made_with(echo_forever, (coro_opts){.stack = memory, .stack_size = size});
        assert_true(coro_stack_size(co) <= size);
        assert_true(coro_stack_size(co) > size - 512);
        assert_int_equal(coro_destroy(co), 0);
    }
    free(memory);
    count_on(&c, coro_stack_mmap());
    co = made_with(echo_forever, (coro_opts){.stack_size = 32 * KIB, .allocator = &c.allocator});
    assert_true(coro_stack_size(co) <= c.last.size);
    assert_true(coro_stack_size(co) > c.last.size - 512);
    assert_int_equal(coro_destroy(co), 0);
}

static void a_custom_allocator_is_asked_for_whole_pages(void **state)
{
    struct counter c;
    (void)state;

    count_on(&c, coro_stack_heap());
    for (int i = 0; i < USUAL_SIZES; i++) {
        coro_t *co = made_with(echo_forever, (coro_opts){.stack_size = usual_sizes[i], .allocator = &c.allocator});

        assert_true(c.asked >= usual_sizes[i]);
        assert_int_equal(c.asked % page_size(), 0);
        assert_int_equal(coro_destroy(co), 0);
    }
}

static void *touches_input(void *input)
{
    fill((size_t)input);
    coro_yield(NULL);
    return NULL;
}

static int given_back;

static int gives_half(void *ctx, size_t size, coro_stack *out)
{
    *out = (coro_stack){.base = ctx, .size = size / 2};
    return 0;
}

static void counts_what_comes_back(void *ctx, coro_stack *stack)
{
    given_back += stack->base == ctx;
}

static void less_than_was_asked_for_is_out_of_memory(void **state)
{
    static char memory[32 * KIB] __attribute__((aligned(64)));
    const coro_stack_allocator allocator = {gives_half, counts_what_comes_back, memory};
    coro_t *co = (coro_t *)&allocator;
    (void)state;

    given_back = 0;
    assert_int_equal(coro_create(&co, echo_forever, &(coro_opts){.allocator = &allocator}), -ENOMEM);
    assert_ptr_equal(co, &allocator);
    assert_int_equal(given_back, 1);
}

static void used_grows_with_use_and_is_bounded(void **state)
{
    (void)state;
    coro_stack_trim();
    for (int a = 0; a < HEAP; a++)
        for (size_t touch = 1 * KIB; touch < 700 * KIB; touch = touch < 200 * KIB ? touch * 3 / 2 : touch * 3) {
            coro_t *co = made_with(touches_input, (coro_opts){.stack_size = touch < 200 * KIB ? 256 * KIB : 1024 * KIB,
                                                              .allocator = allocator_at(a)});
            size_t fresh = coro_stack_used(co), used;

            coro_resume(co, (void *)touch);
            used = coro_stack_used(co);
            assert_true(fresh <= 2 * page_size());
            assert_true(used >= touch);
            assert_true(used <= touch + reserve() + 3 * page_size());
            assert_int_equal(coro_destroy(co), 0);
            assert_true(a != POOLED || coro_stack_trim() > 0);
        }
}

static void used_never_exceeds_the_size(void **state)
{
    static _Alignas(16) char memory[48 * KIB];
    (void)state;

    memset(memory, 1, sizeof memory);
    for (size_t offset = 0; offset <= 4 * KIB; offset += 400) {
        coro_t *co = made_with(touches_input, (coro_opts){.stack = memory + offset, .stack_size = 40 * KIB});

        coro_resume(co, (void *)(30 * (size_t)KIB));
        assert_true(coro_stack_used(co) >= 30 * KIB);
        assert_true(coro_stack_used(co) <= coro_stack_size(co) + page_size());
        assert_int_equal(coro_destroy(co), 0);
    }
    for (int a = 0; a < ALLOCATORS; a++)
        for (int again = 0; again < 2; again++) {
            coro_t *co = made_with(fills_its_stack, (coro_opts){.allocator = allocator_at(a)});

            coro_resume(co, NULL);
            assert_true(coro_stack_used(co) >= 64 * KIB - reserve());
            assert_true(coro_stack_used(co) <= 64 * KIB);
            assert_int_equal(coro_destroy(co), 0);
        }
}

static void *measures_itself(void *input)
{
    fill((size_t)input);
    return (void *)coro_stack_used(coro_self());
}

static void a_coroutine_may_ask_for_itself(void **state)
{
    coro_t *co = made(measures_itself);
    size_t used;
    (void)state;

    used = (size_t)coro_resume(co, (void *)(20 * (size_t)KIB)).value;
    assert_true(used >= 20 * KIB && used <= 64 * KIB);
    assert_true(coro_stack_used(co) >= 20 * KIB);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- the allocators by themselves ---- */

static const size_t raw_pages[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 65, 100, 255, 256, 257, 300, 511, 768};
enum { RAW_SIZES = sizeof raw_pages / sizeof *raw_pages };

static coro_stack raw_alloc(const coro_stack_allocator *a, size_t size)
{
    coro_stack stack = {NULL, 0, NULL, 0};

    assert_int_equal(a->alloc(a->ctx, size, &stack), 0);
    assert_non_null(stack.base);
    assert_true(stack.size >= size);
    assert_int_equal((uintptr_t)stack.base % 16, 0);
    assert_int_equal(stack.size % 16, 0);
    return stack;
}

/* One byte in 256 of a stack, and both ends, marked as belonging to `owner`. */
static void sign(const coro_stack *s, size_t owner)
{
    for (size_t i = 0; i < s->size; i += 256)
        ((unsigned char *)s->base)[i] = (unsigned char)(owner + (i >> 8));
    ((unsigned char *)s->base)[s->size - 1] = (unsigned char)owner;
}

static bool signed_by(const coro_stack *s, size_t owner)
{
    for (size_t i = 0; i < s->size; i += 256)
        if (((unsigned char *)s->base)[i] != (unsigned char)(owner + (i >> 8)))
            return false;
    return ((unsigned char *)s->base)[s->size - 1] == (unsigned char)owner;
}

static void stacks_do_not_overlap(void **state)
{
    static coro_stack stacks[200];
    size_t n = under_valgrind() ? 50 : 200;
    (void)state;

    for (int a = 0; a < ALLOCATORS; a++) {
        const coro_stack_allocator *from = allocator_at(a);

        for (size_t i = 0; i < n; i++) {
            stacks[i] = raw_alloc(from, raw_pages[i % RAW_SIZES] * page_size());
            sign(&stacks[i], i);
        }
        for (size_t i = 0; i < n; i++)
            assert_true(signed_by(&stacks[i], i));
        for (size_t i = 0; i < n; i++)
            from->free(from->ctx, &stacks[(i * 77) % n]);
    }
}

static void sizes_may_be_interleaved(void **state)
{
    static coro_stack stacks[50];
    static bool taken[50];
    const coro_stack_allocator *pooled = coro_stack_pooled();
    (void)state;

    memset(taken, 0, sizeof taken);
    for (size_t step = 0; step < scaled(5000); step++) {
        size_t i = random_below(50);

        if (taken[i]) {
            assert_true(signed_by(&stacks[i], i));
            pooled->free(pooled->ctx, &stacks[i]);
        } else {
            stacks[i] = raw_alloc(pooled, raw_pages[random_below(RAW_SIZES)] * page_size());
            sign(&stacks[i], i);
        }
        taken[i] = !taken[i];
        if (random_below(1000) == 0)
            coro_stack_trim();
    }
    for (size_t i = 0; i < 50; i++)
        if (taken[i])
            pooled->free(pooled->ctx, &stacks[i]);
}

static void huge_stacks_are_out_of_memory(void **state)
{
    const size_t sizes[] = {(SIZE_MAX / 2) & ~(size_t)4095, (size_t)1 << 62, (size_t)1 << 50,
                            (SIZE_MAX / 2 - 65535) & ~(size_t)4095};
    const coro_stack sentinel = {(void *)1, 2, (void *)3, 4};
    (void)state;

    for (int a = 0; a < ALLOCATORS; a++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            coro_stack stack = sentinel;

            assert_int_equal(allocator_at(a)->alloc(allocator_at(a)->ctx, sizes[i], &stack), -ENOMEM);
            assert_memory_equal(&stack, &sentinel, sizeof stack);
        }
}

/* ---- guards ---- */

static void assert_guarded(const coro_stack *s)
{
    const char *base = s->base;

    for (size_t below = 1; below <= GUARD; below += page_size())
        assert_true(faults_at(base - below));
    assert_true(faults_at(base - GUARD));
    assert_false(faults_at(base));
    assert_false(faults_at(base + s->size - 1));
}

static void a_guard_of_64_kib_is_right_below_a_stack(void **state)
{
    (void)state;
    for (int a = 0; a < HEAP; a++) {
        for (int i = 0; i < RAW_SIZES; i++) {
            coro_stack s = raw_alloc(allocator_at(a), raw_pages[i] * page_size());

            assert_guarded(&s);
            allocator_at(a)->free(allocator_at(a)->ctx, &s);
        }
    }
}

static void recycled_stacks_have_their_guards_still(void **state)
{
    static coro_stack stacks[300];
    size_t n = scaled(300) + 10;
    (void)state;

    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < n && i < 300; i++) {
            stacks[i] = raw_alloc(coro_stack_pooled(), (size_t)16 * KIB << i % 4);
            assert_guarded(&stacks[i]);
            sign(&stacks[i], i);
        }
        for (size_t i = 0; i < n && i < 300; i++)
            coro_stack_pooled()->free(NULL, &stacks[i]);
        if (round % 2 == 0)
            coro_stack_trim();
    }
}

/* arg: the allocator, and how far below the stack to touch it. */
static int touches_the_guard(long arg)
{
    const coro_stack_allocator *a = allocator_at((int)(arg & 3));
    coro_stack s;

    if (a->alloc(a->ctx, 64 * KIB, &s) != 0)
        return 1;
    ((volatile char *)s.base)[0] = 1;
    ((volatile char *)s.base)[-(arg >> 2)] = 1;
    return 0;
}

static void touching_a_guard_is_a_segmentation_fault(void **state)
{
    const long offsets[] = {1, 4096, 4097, 30000, 65535, 65536};
    (void)state;

    for (long a = 0; a < HEAP; a++)
        for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
            assert_int_equal(in_fresh_child(touches_the_guard, offsets[i] << 2 | a).signal, SIGSEGV);
}

static volatile size_t enough = SIZE_MAX;

static UNCHECKED size_t recurse_forever(size_t depth)
{
    volatile char frame[300];

    frame[0] = (char)depth;
    return depth == enough ? 0 : recurse_forever(depth + 1) + (size_t)frame[0];
}

static void *overflows(void *input)
{
    return (void *)(recurse_forever(1) + (size_t)input);
}

static int runs_one_that_overflows(long allocator)
{
    coro_t *co, *below, *above;
    coro_opts opts = {.allocator = allocator_at((int)allocator)};

    coro_create(&above, echo_forever, &opts);
    coro_create(&co, overflows, &opts);
    coro_create(&below, echo_forever, &opts);
    coro_resume(co, NULL);
    return 0;
}

static void endless_recursion_is_a_segmentation_fault(void **state)
{
    (void)state;
    for (long a = 0; a < HEAP; a++)
        assert_int_equal(in_fresh_child(runs_one_that_overflows, a).signal, SIGSEGV);
}

/* ---- canaries ---- */

/* Write below the stack pointer, as an overflow does, down to `depth` bytes below here. Calls nothing: its own frame stays. */
static UNCHECKED void overwrite_below(size_t depth)
{
    volatile char *at = (volatile char *)__builtin_frame_address(0) - 512;

    for (size_t i = 512; i < depth; i++)
        *--at = 0x77;
}

static void *overflows_quietly(void *input)
{
    overwrite_below(coro_stack_size(coro_self()) + (size_t)input);
    coro_yield(NULL);
    return NULL;
}

/* Memory that the overflow of a stack from malloc() goes into. Mind, malloc's own words are lost too. */
static bool room_below(void)
{
    char *room = malloc(64 * KIB);

    __asm__ volatile("" : "+r"(room)); /* a compiler may leave out a malloc() that nobody uses */
    return room != NULL;
}

/* arg 0: within bounds, all but the last 2 KiB; arg 1: beyond. */
static int overflows_on_the_heap(long beyond)
{
    coro_t *co;

    if (!room_below() ||
        coro_create(&co, overflows_quietly, &(coro_opts){.name = "glutton", .allocator = coro_stack_heap()}) != 0)
        return 1;
    coro_resume(co, (void *)(beyond ? (size_t)256 : -(size_t)2 * KIB));
    return coro_destroy(co);
}

static int overflows_in_own_memory(long beyond)
{
    static _Alignas(16) char memory[4 * KIB + 32 * KIB];
    coro_t *co;

    if (coro_create(&co, overflows_quietly,
                    &(coro_opts){.name = "glutton", .stack = memory + 4 * KIB, .stack_size = 32 * KIB}) != 0)
        return 1;
    coro_resume(co, (void *)(beyond ? (size_t)256 : -(size_t)2 * KIB));
    return coro_destroy(co);
}

static int returns_after_overflowing(long beyond)
{
    coro_t *co;

    if (!room_below() ||
        coro_create(&co, overflows_quietly, &(coro_opts){.name = "glutton", .allocator = coro_stack_heap()}) != 0)
        return 1;
    coro_resume(co, (void *)(beyond ? (size_t)256 : -(size_t)2 * KIB));
    coro_resume(co, NULL);
    return coro_destroy(co);
}

static void assert_canary(int (*fn)(long))
{
    struct child_end within = in_fresh_child(fn, 0), beyond = in_fresh_child(fn, 1);

    assert_int_equal(within.code, 0);
    assert_string_equal(within.said, "");
    assert_int_equal(beyond.signal, SIGABRT);
    assert_non_null(strstr(beyond.said, "libcoro"));
    assert_non_null(strstr(beyond.said, "glutton"));
}

static void a_smashed_canary_on_the_heap_is_a_panic(void **state)
{
    (void)state;
    if (under_sanitizer() && !under_asan())
        skip(); /* right below a block is what their allocators must know */
    assert_canary(overflows_on_the_heap);
    assert_canary(returns_after_overflowing);
}

static void a_smashed_canary_in_own_memory_is_a_panic(void **state)
{
    (void)state;
    assert_canary(overflows_in_own_memory);
}

/* ---- recycling ---- */

static void trim_gives_back_what_was_used_once(void **state)
{
    coro_t *co[100];
    (void)state;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            co[i] = made(fills_its_stack);
            assert_step(coro_resume(co[i], NULL), CORO_RETURNED, NULL);
        }
        for (int i = 0; i < 100; i++)
            assert_int_equal(coro_destroy(co[i]), 0);
        assert_true(coro_stack_trim() >= 100 * 64 * KIB);
        assert_int_equal(coro_stack_trim(), 0);
    }
}

static void a_cold_stack_among_many_is_found_again(void **state)
{
    enum { FIRST_FREED = 70, OTHER_FREED = 95 }; /* beyond what one word of bits counts */
    coro_stack stacks[100], again;
    (void)state;

    coro_stack_trim();
    for (size_t i = 0; i < 100; i++)
        stacks[i] = raw_alloc(coro_stack_pooled(), 16 * KIB);
    again = stacks[FIRST_FREED];
    coro_stack_pooled()->free(NULL, &stacks[FIRST_FREED]);
    coro_stack_pooled()->free(NULL, &stacks[OTHER_FREED]);
    assert_int_equal(coro_stack_trim(), 32 * KIB);
    stacks[FIRST_FREED] = raw_alloc(coro_stack_pooled(), 16 * KIB);
    assert_ptr_equal(stacks[FIRST_FREED].base, again.base);
    stacks[OTHER_FREED] = raw_alloc(coro_stack_pooled(), 16 * KIB);
    for (size_t i = 0; i < 100; i++)
        coro_stack_pooled()->free(NULL, &stacks[i]);
    coro_stack_trim();
}

static void trim_leaves_live_stacks_alone(void **state)
{
    coro_stack stacks[100];
    (void)state;

    for (size_t i = 0; i < 100; i++) {
        stacks[i] = raw_alloc(coro_stack_pooled(), 64 * KIB);
        sign(&stacks[i], i);
    }
    for (size_t i = 0; i < 100; i += 2)
        coro_stack_pooled()->free(NULL, &stacks[i]);
    assert_true(coro_stack_trim() >= 50 * 64 * KIB);
    for (size_t i = 1; i < 100; i += 2) {
        assert_true(signed_by(&stacks[i], i));
        coro_stack_pooled()->free(NULL, &stacks[i]);
    }
    coro_stack_trim();
}

static void trimmed_memory_is_no_longer_resident(void **state)
{
    coro_stack keeps_the_slab = raw_alloc(coro_stack_pooled(), 64 * KIB), s = raw_alloc(coro_stack_pooled(), 64 * KIB);
    unsigned char resident[16] = {0};
    (void)state;

    sign(&s, 1);
    coro_stack_pooled()->free(NULL, &s);
    coro_stack_trim();
    if (mincore(s.base, 16 * page_size(), resident) == 0)
        for (int i = 0; i < 16; i++)
            assert_int_equal(resident[i] & 1, 0);
    coro_stack_pooled()->free(NULL, &keeps_the_slab);
}

static void *trims(void *input)
{
    coro_t *co;
    size_t first, second;

    if (coro_create(&co, echo_forever, NULL) != 0)
        return NULL;
    coro_resume(co, NULL);
    coro_destroy(co);
    first = coro_stack_trim();
    second = coro_stack_trim();
    fill(32 * KIB);
    return first > 0 && second == 0 ? input : NULL;
}

static void a_coroutine_may_trim(void **state)
{
    coro_t *co = made(trims);
    (void)state;

    assert_step(coro_resume(co, co), CORO_RETURNED, co);
    assert_int_equal(coro_destroy(co), 0);
}

struct batch {
    const coro_stack_allocator *from;
    coro_stack stacks[200];
    size_t wrong, n;
};

static void *frees_batch(void *arg)
{
    struct batch *b = arg;

    for (size_t i = 0; i < b->n; i++) {
        b->wrong += !signed_by(&b->stacks[i], i);
        b->from->free(b->from->ctx, &b->stacks[i]);
    }
    return NULL;
}

static void *takes_batch(void *arg)
{
    struct batch *b = arg;

    for (size_t i = 0; i < b->n; i++) {
        b->wrong += b->from->alloc(b->from->ctx, 64 * KIB, &b->stacks[i]) != 0;
        sign(&b->stacks[i], i);
    }
    return NULL;
}

static void on_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_stack_may_be_freed_by_another_thread(void **state)
{
    static struct batch b;
    (void)state;

    for (int a = 0; a < ALLOCATORS; a++)
        for (int round = 0; round < 5; round++) {
            b = (struct batch){.from = allocator_at(a), .n = under_valgrind() ? 70 : 200};
            takes_batch(&b);
            on_a_thread(frees_batch, &b);
            on_a_thread(takes_batch, &b);
            frees_batch(&b);
            assert_int_equal(b.wrong, 0);
        }
    assert_true(coro_stack_trim() > 0); /* also what ended threads had kept */
    assert_int_equal(coro_stack_trim(), 0);
}

static void thousands_are_destroyed_in_random_order(void **state)
{
    static coro_t *co[5000];
    size_t n = alive_at_most(5000);
    (void)state;

    for (size_t i = 0; i < n; i++) {
        co[i] = made(echo_forever);
        assert_step(coro_resume(co[i], co[i]), CORO_YIELDED, co[i]);
    }
    for (size_t left = n; left > 0; left--) {
        size_t i = random_below(left);

        assert_step(coro_resume(co[i], co[i]), CORO_YIELDED, co[i]);
        assert_int_equal(coro_destroy(co[i]), 0);
        co[i] = co[left - 1];
    }
}

static void ten_thousand_take_turns(void **state)
{
    static coro_t *co[10000];
    size_t n =
        under_tsan() ? alive_at_most(10000) : 10000; /* valgrind can take them: a stack is looked for one by one */
    (void)state;

    for (size_t i = 0; i < n; i++)
        co[i] = made(echo_forever);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < n; i++)
            assert_step(coro_resume(co[i], &co[i]), CORO_YIELDED, &co[i]);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(coro_destroy(co[i]), 0);
}

/* ---- limits of the system ---- */

static size_t count_mappings(void)
{
    char part[4096];
    size_t lines = 0;
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while ((n = read(fd, part, sizeof part)) > 0)
        for (ssize_t i = 0; i < n; i++)
            lines += part[i] == '\n';
    close(fd);
    return lines;
}

/* Are guards markers here? By effect, since an emulator may say so and lie. Under valgrind the library does without them. */
static bool markers_work(void)
{
    void *p = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool work = madvise(p, page_size(), 102) == 0 && faults_at(p);

    munmap(p, page_size());
    return work && !under_valgrind();
}

static void two_thousand_stacks_take_few_mappings(void **state)
{
    static coro_t *co[2000];
    size_t n = alive_at_most(2000), before, after;
    (void)state;

    if (!markers_work() || under_tsan())
        skip(); /* a fiber takes mappings of its own */
    for (int a = 0; a < HEAP; a++) {
        before = count_mappings();
        for (size_t i = 0; i < n; i++)
            co[i] = made_with(echo_forever, (coro_opts){.allocator = allocator_at(a)});
        after = count_mappings();
        for (size_t i = 0; i < n; i++)
            assert_int_equal(coro_destroy(co[i]), 0);
        assert_true(after < 200 || after < before + 100);
    }
}

static int frees_more_than_is_kept(long arg)
{
    static coro_stack stacks[400];
    size_t before, peak, after;

    (void)arg;
    before = resident_bytes();
    for (int i = 0; i < 400; i++) {
        if (coro_stack_pooled()->alloc(NULL, MIB, &stacks[i]) != 0)
            return 0; /* less memory than the test needs */
        memset(stacks[i].base, 1, stacks[i].size);
    }
    peak = resident_bytes();
    for (int i = 0; i < 400; i++)
        coro_stack_pooled()->free(NULL, &stacks[i]);
    after = resident_bytes();
    fprintf(stderr, "%zu, %zu, %zu MiB\n", before / MIB, peak / MIB, after / MIB);
    if (peak < before + 380ul * MIB)
        return 1;
    return after < before + (256ul + 64 + 8) * MIB ? 0 : 2; /* shared, of this thread, and change */
}

static void the_pool_keeps_no_more_than_256_mib(void **state)
{
    struct child_end end;
    (void)state;

    if (under_valgrind() || under_emulator() || under_sanitizer())
        skip(); /* resident memory is not the program's own */
    end = in_fresh_child(frees_more_than_is_kept, 0);
    if (end.code != 0)
        print_error("child said: %s\n", end.said);
    assert_int_equal(end.code, 0);
}

/* ---- children with limits: exit code 77 is "not possible here" ---- */

static int guarded_or(int code)
{
    coro_stack s;

    for (int a = 0; a < HEAP; a++)
        for (size_t size = 16 * KIB; size <= 2 * MIB; size *= 4) {
            if (allocator_at(a)->alloc(allocator_at(a)->ctx, size, &s) != 0)
                return code;
            for (size_t below = 1; below <= GUARD; below += page_size())
                if (!faults_at((char *)s.base - below))
                    return code + 1;
            memset(s.base, 1, s.size);
            allocator_at(a)->free(allocator_at(a)->ctx, &s);
        }
    return 0;
}

static int runs_a_coroutine_or(int code)
{
    coro_t *co;

    if (coro_create(&co, fills_its_stack, NULL) != 0)
        return code;
    if (coro_resume(co, NULL).status != CORO_RETURNED)
        return code + 1;
    return coro_destroy(co) == 0 ? 0 : code + 2;
}

/* arg 1: stacks have been used before memory is locked. */
static int locks_all_memory(long used_before)
{
    int err = used_before ? guarded_or(10) : 0;

    if (err == 0 && mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        return 77;
    if (err == 0)
        err = guarded_or(20);
    if (err == 0)
        err = runs_a_coroutine_or(30);
    coro_stack_trim();
    return err != 0 ? err : guarded_or(40);
}

static void guards_are_there_in_locked_memory(void **state)
{
    (void)state;
    for (long used_before = 0; used_before < 2; used_before++) {
        struct child_end end = in_fresh_child(locks_all_memory, used_before);

        if (end.code == 77)
            skip();
        assert_int_equal(end.code, 0);
    }
}

static size_t address_space(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);

    close(fd);
    return n <= 0 ? 0 : strtoul(text, NULL, 10) * page_size();
}

static int runs_out_of_address_space(long allocator)
{
    static coro_t *co[4000];
    coro_opts opts = {.stack_size = 256 * KIB, .allocator = allocator_at((int)allocator)};
    struct rlimit limit;
    int n, err = 0;

    for (n = 0; n < 10; n++)
        if (coro_create(&co[n], echo_forever, &opts) != 0)
            return 1;
    limit.rlim_cur = limit.rlim_max = address_space() + 100 * MIB;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 77;
    for (; n < 4000 && err == 0; n += err == 0)
        err = coro_create(&co[n], echo_forever, &opts);
    if (err != -ENOMEM)
        return 2;
    if (n < 100)
        return 3; /* 100 MiB are enough for some hundred of them */
    for (int i = 0; i < n; i++)
        if (coro_resume(co[i], &co[i]).value != &co[i])
            return 4;
    for (int i = 0; i < n; i++)
        if (coro_destroy(co[i]) != 0)
            return 5;
    if (coro_create(&co[0], echo_forever, &opts) != 0 || coro_destroy(co[0]) != 0)
        return 6;
    coro_stack_trim(); /* what is cached are stacks of one size: give it back for others */
    return runs_a_coroutine_or(7);
}

static void no_address_space_is_out_of_memory_and_no_harm(void **state)
{
    (void)state;
    if (under_emulator() || under_valgrind() || under_sanitizer())
        skip(); /* the limit would be that of the tool, too */
    for (long a = 0; a < ALLOCATORS; a++) {
        struct child_end end = in_fresh_child(runs_out_of_address_space, a);

        assert_int_equal(end.code, 0);
        assert_string_equal(end.said, ""); /* mappings are not what has run out */
    }
}

/* Use up every mapping that vm.max_map_count allows. */
static bool exhaust_mappings(void)
{
    size_t page = page_size(), size = page * 2 * 70000;
    char *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return false;
    for (size_t i = 0; i < size; i += 2 * page)
        if (mprotect(p + i, page, PROT_READ) != 0)
            break;
    for (int i = 0; i < 100; i++)
        if (mmap(NULL, page, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            return errno == ENOMEM;
    return false;
}

static int runs_out_of_mappings(long allocator)
{
    const coro_stack_allocator *from = allocator_at((int)allocator);
    coro_stack sentinel = {(void *)1, 2, (void *)3, 4}, s = sentinel;
    coro_t *co = NULL;

    if (!exhaust_mappings())
        return 77;
    for (int i = 0; i < 3; i++)
        if (coro_create(&co, echo_forever, &(coro_opts){.allocator = from}) != -ENOMEM || co != NULL)
            return 1;
    if (from->alloc(from->ctx, 3 * MIB, &s) != -ENOMEM || memcmp(&s, &sentinel, sizeof s) != 0)
        return 2;
    return 0;
}

static void no_mappings_is_out_of_memory_with_one_hint(void **state)
{
    (void)state;
#ifdef CORO_TEST_COVERAGE
    skip(); /* there is no writing counts down without a mapping; test_faults pretends that there is none */
#endif
    if (under_emulator() || under_valgrind() || under_sanitizer())
        skip(); /* they need mappings themselves */
    for (long a = 0; a < HEAP; a++) {
        struct child_end end = in_fresh_child(runs_out_of_mappings, a);
        char *line_end = strchr(end.said, '\n');

        if (end.code == 77)
            skip();
        assert_int_equal(end.code, 0);
        assert_non_null(strstr(end.said, "libcoro"));
        assert_non_null(strstr(end.said, "max_map_count"));
        assert_non_null(line_end);
        assert_int_equal(line_end[1], '\0');
    }
}

static int has_no_files_left(long arg)
{
    struct rlimit none = {0, 0};

    (void)arg;
    if (setrlimit(RLIMIT_NOFILE, &none) != 0)
        return 77;
    return guarded_or(10) != 0 ? 1 : runs_a_coroutine_or(20);
}

static void guards_are_there_without_a_file_to_probe_them_with(void **state)
{
    struct child_end end = in_fresh_child(has_no_files_left, 0);
    (void)state;

    if (end.code == 77)
        skip();
    assert_int_equal(end.code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_of_a_stack_can_be_used),
        TEST(so_it_can_with_an_allocator_of_the_callers),
        TEST(so_it_can_in_memory_of_the_callers),
        TEST(a_size_is_that_asked_for_rounded_up_to_pages),
        TEST(a_size_of_zero_is_64_kib),
        TEST(bookkeeping_comes_off_memory_of_the_callers),
        TEST(a_custom_allocator_is_asked_for_whole_pages),
        TEST(less_than_was_asked_for_is_out_of_memory),
        TEST(used_grows_with_use_and_is_bounded),
        TEST(used_never_exceeds_the_size),
        TEST(a_coroutine_may_ask_for_itself),
        TEST(stacks_do_not_overlap),
        TEST(sizes_may_be_interleaved),
        TEST(huge_stacks_are_out_of_memory),
        TEST(a_guard_of_64_kib_is_right_below_a_stack),
        TEST(recycled_stacks_have_their_guards_still),
        TEST(touching_a_guard_is_a_segmentation_fault),
        TEST(endless_recursion_is_a_segmentation_fault),
        TEST(a_smashed_canary_on_the_heap_is_a_panic),
        TEST(a_smashed_canary_in_own_memory_is_a_panic),
        TEST(trim_gives_back_what_was_used_once),
        TEST(a_cold_stack_among_many_is_found_again),
        TEST(trim_leaves_live_stacks_alone),
        TEST(trimmed_memory_is_no_longer_resident),
        TEST(a_coroutine_may_trim),
        TEST(a_stack_may_be_freed_by_another_thread),
        TEST(thousands_are_destroyed_in_random_order),
        TEST(ten_thousand_take_turns),
        TEST(two_thousand_stacks_take_few_mappings),
        TEST(the_pool_keeps_no_more_than_256_mib),
        TEST(guards_are_there_in_locked_memory),
        TEST(no_address_space_is_out_of_memory_and_no_harm),
        TEST(no_mappings_is_out_of_memory_with_one_hint),
        TEST(guards_are_there_without_a_file_to_probe_them_with),
    };

    return RUN_TESTS(tests);
}
