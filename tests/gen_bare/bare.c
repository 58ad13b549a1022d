/*
 * Generators without a C library: built with -ffreestanding -nostdlib, needs no symbol of anybody. Ends with status 42.
 */
#include <coro/gen.h>

CORO_GEN_MAYBE(maybe_unit, coro_unit);
CORO_GEN_PAIR(two_ints, int, int);
CORO_GEN(ints, coro_unit, int, coro_unit);
CORO_GEN(pairs, coro_unit, two_ints, coro_unit);
CORO_GEN(some_ints, coro_unit, int, maybe_unit);

struct count {
    CORO_GEN_POINT;
    int i;
};

static bool count_body(struct count *self, coro_unit in, ints_out *out)
{
    (void)in;
    CORO_GEN_BEGIN(self, out);
    for (self->i = 1;; self->i++)
        CORO_GEN_YIELD(self->i);
    CORO_GEN_END;
}

static int next(int *i, coro_unit in)
{
    (void)in;
    return (*i)++;
}

static int product(two_ints y)
{
    return y.a * y.b;
}

CORO_GEN_FROM_CONTROL_FLOW(counter, ints, count_body, struct count);
CORO_GEN_YIELD_WITH(from, ints, next, int);
CORO_GEN_ZIP(zipped, pairs, ints, from);
CORO_GEN_MAP_YIELD(products, ints, pairs, product);
CORO_GEN_TAKE(first, some_ints, ints);

static void add(void *sum, int y)
{
    *(int *)sum += y;
}

static int answer(void)
{
    counter a;
    from b;
    zipped z;
    products p;
    first f;
    int sum = 0;
    some_ints *g = first_init(
        &f, products_init(&p, zipped_init(&z, counter_init(&a, (struct count){.i = 0}), from_make(&b, 7))), 3);

    some_ints_for_each(&g, add, &sum); /* 1 * 7 + 2 * 8 + 3 * 9 = 50 */
    return sum - 8;
}

__attribute__((noreturn)) void leave(int status);
void leave(int status)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall" : : "a"(60L), "D"((long)status) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = 93, x0 __asm__("x0") = status;
    __asm__ volatile("svc 0" : : "r"(x8), "r"(x0) : "memory");
#endif
    __builtin_unreachable();
}

#if defined(__x86_64__)
__attribute__((force_align_arg_pointer))
#endif
__attribute__((noreturn)) void
_start(void);
void _start(void)
{
    leave(answer());
}
