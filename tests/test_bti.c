/*
 * Landing pads (BTI): in a program whose code is guarded, every indirect branch of the switch, of the unwinder and of the compiler
 * ends where it may. AArch64 only, on a processor that checks.
 *
 * What a toolchain adds to a program is often built without landing pads, and so is this one not guarded as a whole from the
 * beginning. Children guard their code themselves: all of the library, which is linked statically, and this file.
 */
#include "support/test.h"

#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef HWCAP2_BTI
#    define HWCAP2_BTI (1 << 17)
#endif
#ifndef PROT_BTI
#    define PROT_BTI 0x10
#endif

enum { GUARDED = 1, NO_GUARDING = 2, WRONG = 3 };

extern char __executable_start[], etext[];

static bool guard_code(void)
{
    uintptr_t page = page_size(), begin = (uintptr_t)__executable_start & ~(page - 1);

    return mprotect((void *)begin, (uintptr_t)etext - begin, PROT_READ | PROT_EXEC | PROT_BTI) == 0;
}

/* ---- what is not allowed ---- */

/* Begins with two instructions that are no landing pads. */
void lands_nowhere(void);
__asm__(".text\n"
        ".type lands_nowhere, %function\n"
        "lands_nowhere:\n"
        "       nop\n"
        "       ret\n"
        ".size lands_nowhere, . - lands_nowhere\n");

static int calls_what_is_no_landing_pad(long guarded)
{
    void (*volatile target)(void) = lands_nowhere;

    if (guarded && !guard_code())
        return NO_GUARDING;
    target();
    return 0;
}

static void a_call_to_what_is_no_landing_pad_is_an_illegal_instruction(void **state)
{
    struct child_end end = in_fresh_child(calls_what_is_no_landing_pad, 0);
    (void)state;

    assert_int_equal(end.code, 0);
    end = in_fresh_child(calls_what_is_no_landing_pad, GUARDED);
    if (end.code == NO_GUARDING || (getauxval(AT_HWCAP2) & HWCAP2_BTI) == 0)
        skip();
    assert_int_equal(end.signal, SIGILL);
}

/* ---- what is ---- */

/* Entries are called directly, and through pointers. */
static coro_step (*volatile resume_entry)(coro_t *, void *) = coro_resume;
static void *(*volatile yield_entry)(void *) = coro_yield;
static coro_step (*volatile transfer_entry)(coro_t *, void *) = coro_transfer;

static int ended;

static void ends(void *arg)
{
    ended += *(int *)arg;
}

static void cleans(int *hundred)
{
    ended += *hundred;
}

static void *echoes(void *input)
{
    for (int i = 0; i < 100; i++)
        input = i % 3 == 0 ? yield_entry(input) : coro_yield(input);
    return input;
}

static void *transfers(void *other)
{
    __attribute__((cleanup(cleans))) int hundred = 100;
    static int one = 1;

    coro_defer(ends, &one);
    transfer_entry(other, &one);
    coro_yield(other);
    return other;
}

static bool echoes_right(unsigned flags)
{
    coro_t *co;
    bool right = coro_create(&co, echoes, &(coro_opts){.flags = flags}) == 0;

    for (uintptr_t i = 0; i < 100; i++)
        right &= (i % 2 == 0 ? resume_entry(co, (void *)i) : coro_resume(co, (void *)i)).value == (void *)i;
    right &= coro_resume(co, &co).value == &co;
    return right && coro_destroy(co) == 0;
}

static bool ends_right(unsigned flags, coro_key_t key)
{
    coro_t *co, *other;

    ended = 0;
    if (coro_create(&co, transfers, &(coro_opts){.flags = flags}) != 0 || coro_create(&other, echoes, NULL) != 0)
        return false;
    if (coro_resume(co, other).status != CORO_YIELDED || coro_resume(co, NULL).value != other)
        return false;
    return coro_set(key, &co) == -EPERM && coro_destroy(co) == 0 && coro_destroy(other) == 0 && ended == 101;
}

static int does_all(long arg)
{
    coro_key_t key;

    (void)arg;
    if (!guard_code())
        return NO_GUARDING;
    if (coro_key_create(&key, ends) != 0)
        return WRONG;
    for (unsigned flags = 0; flags <= CORO_NO_FPENV; flags++)
        if (!echoes_right(flags) || !ends_right(flags, key))
            return WRONG;
    return coro_stack_trim() > 0 ? 0 : WRONG;
}

static void guarded_code_switches_unwinds_and_ends(void **state)
{
    struct child_end end = in_fresh_child(does_all, 0);
    (void)state;

    if (end.code == NO_GUARDING)
        skip();
    assert_int_equal(end.signal, 0);
    assert_int_equal(end.code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_to_what_is_no_landing_pad_is_an_illegal_instruction),
        TEST(guarded_code_switches_unwinds_and_ends),
    };

    return RUN_TESTS(tests);
}
