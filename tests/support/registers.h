/*
 * A call through every register that a call must preserve. In assembly, since a C function would save and restore them itself and
 * so hide what its callee did to them.
 */
#ifndef TESTS_SUPPORT_REGISTERS_H
#define TESTS_SUPPORT_REGISTERS_H

#include <coro.h>

enum {
#ifdef __x86_64__
    CLOBBERS = 7,
#else
    CLOBBERS = 19,
#endif
};

/* Functions that break the rule, to prove that it is noticed: clobbers[i] changes the one register of bit clobbered_bit(i). */
extern void (*const clobbers[CLOBBERS])(void);

static inline int clobbered_bit(int i)
{
#ifdef __x86_64__
    return i < 6 ? i : 7;
#else
    return i;
#endif
}

/*
 * Fill each callee-saved register with a pattern of its own, made from `seed`, call function(a, b), and look whether each still
 * has its pattern.
 *
 * @param result  where the two registers go that function returned
 * @return        a bit for each register that changed, 0 if none did:
 *                x86-64: rbx 0, rbp 1, r12 to r15 2 to 5, rsp 6, the direction flag 7
 *                AArch64: x19 to x29 0 to 10, d8 to d15 11 to 18, sp 19
 */
uint32_t registers_changed(uint64_t seed, void (*function)(void), const void *a, const void *b, coro_step *result);

#endif
