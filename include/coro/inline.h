/*
 * coro/inline.h: resume and yield inlined, for tight loops. Comes with coro/coroutine.h when CORO_INLINE is defined before it:
 *
 *     #define CORO_INLINE
 *     #include <coro.h>
 *
 * coro_resume() and coro_yield() then switch in place. They save nothing: the compiler, told that every register changes, keeps
 * what it needs itself, and in a loop that is little. Only coroutines made with CORO_NO_FPENV and without
 * CORO_FORWARD_EXCEPTIONS take this way; all others, all misuse, and all code under a sanitizer or with CORO_FRAME_POINTERS
 * go to the library as ever. Inlined and linked code mix freely.
 *
 * Code that is compiled with this knows the layout of the library that it was compiled against, and must be compiled anew for a
 * library of another minor version.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_INLINE_H
#define CORO_INLINE_H

#include <coro/coroutine.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(CORO_FRAME_POINTERS)
#    define CORO_INLINE_OFF
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#        define CORO_INLINE_OFF
#    endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The beginnings of the library's own structures; the library asserts that they fit. What the words mean is said in its
   asm/x86_64/switch.S. */
struct coro_inline_context {
    void *sp, *return_sp;
    uintptr_t state;
    struct coro_inline_context *resumer;
};

/* values of state */
#define CORO_INLINE_ENTERED 16
#define CORO_INLINE_SHARES  8
#define CORO_INLINE_BIT     2

struct coro_inline_thread {
    struct coro_inline_context *current;
    uintptr_t token;
};

/* Continue a coroutine that is being destroyed and was suspended in an inlined yield: unwinds from here. For this header only. */
CORO_API void coro_inline_unwind(void) __attribute__((noreturn, cold));

/* Go on at a frame that the library has parked, at the stack pointer. Jumped to; for this header only. */
CORO_API void coro_inline_enter(void);

#ifndef CORO_INLINE_OFF

/* clang-format off */
#if defined(__x86_64__)

#define CORO_INLINE_THREAD(t) \
    __asm__ volatile("movq coro_thread_block@gottpoff(%%rip), %0\n\t" \
                     "addq %%fs:0, %0" : "=r"(t) : : "cc")

/* Park at `1:` with a frame below the stack pointer, where there is room, since a function that calls others has no red zone. It
   is the frame of the library's asm/x86_64/frame.h with only the two registers in it that a compiler may not give up. Enter
   another, `go` being CORO_INLINE_GO for one like it, CORO_INLINE_GO_LINKED for one that the library has parked. `leave` says where
   to write the stack pointer down, and `write` how: CORO_INLINE_WRITE, or where it mostly stays the same CORO_INLINE_WRITE_CHANGED.
   `enter` is the one to go on with; `out` and `mark` are what the switch passes in rax and rdx, both ways. The stack pointer is written
   before the frame: that is in the coroutine's cache line, where its state has just been written. */
#define CORO_INLINE_SWITCH(leave, enter, out, mark, write, go) \
    __asm__ volatile("leaq -56(%%rsp), %%r8\n\t" \
                     write "\n" \
                     "3:\n\t" \
                     "leaq 1f(%%rip), %%r8\n\t" \
                     "movq %%r8, -8(%%rsp)\n\t" \
                     "movq %%rbp, -16(%%rsp)\n\t" \
                     "movq %%rbx, -24(%%rsp)\n\t" \
                     "movq %%rsi, %%rsp\n\t" \
                     CORO_INLINE_CFI_PARKED \
                     go "\n\t" \
                     CORO_INLINE_CFI(0x0b) \
                     "2:\n\t" \
                     "movq %%r8, (%%rcx)\n\t" \
                     "jmp 3b\n\t" \
                     "nop\n" \
                     "1:" \
                     : "+a"(out), "+d"(mark), "+c"(leave), "+S"(enter) \
                     : \
                     : "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory", \
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15" CORO_INLINE_AVX512 \
                       "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)")

#define CORO_INLINE_WRITE         "movq %%r8, (%%rcx)"
#define CORO_INLINE_WRITE_CHANGED "cmpq %%r8, (%%rcx)\n\tjne 2f"

#define CORO_INLINE_GO \
    "movq 32(%%rsp), %%rbx\n\t" \
    "movq 40(%%rsp), %%rbp\n\t" \
    "movq 48(%%rsp), %%rcx\n\t" \
    "addq $56, %%rsp\n\t" \
    CORO_INLINE_CFI_POPPED \
    "notrack jmp *%%rcx"

#define CORO_INLINE_GO_LINKED "jmp coro_inline_enter@PLT"

/* Unwind information for the few instructions on the other stack, so that a debugger may stop there and a profiler look from there.
   As plain bytes: what the compiler has said of its own frame is put aside (0x0a) and taken up again (0x0b), and no assembler
   loses count of it. Nobody gets to the `nop`: unwinders look a return address up at the byte before it. */
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define CORO_INLINE_CFI(...) ".cfi_escape " #__VA_ARGS__ "\n\t"
#else
#define CORO_INLINE_CFI(...)
#endif
#define CORO_INLINE_CFI_PARKED \
    CORO_INLINE_CFI(0x0a) \
    CORO_INLINE_CFI(0x0c, 7, 56)             /* the CFA is rsp + 56, */ \
    CORO_INLINE_CFI(0x10, 16, 2, 0x77, 48)   /* rip is at rsp + 48, */ \
    CORO_INLINE_CFI(0x10, 6, 2, 0x77, 40)    /* rbp at rsp + 40, */ \
    CORO_INLINE_CFI(0x10, 3, 2, 0x77, 32)    /* rbx at rsp + 32 */
#define CORO_INLINE_CFI_POPPED \
    CORO_INLINE_CFI(0x0c, 7, 0)              /* the CFA is rsp, */ \
    CORO_INLINE_CFI(0x09, 16, 2)             /* rip is in rcx, */ \
    CORO_INLINE_CFI(0x08, 6, 0x08, 3)        /* rbp and rbx are where they belong */

#ifdef __AVX512F__
#define CORO_INLINE_AVX512 , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", \
                           "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6", "k7",
#else
#define CORO_INLINE_AVX512 ,
#endif

#elif defined(__aarch64__)

#define CORO_INLINE_THREAD(t) \
    __asm__ volatile("mrs x9, tpidr_el0\n\t" \
                     "adrp %0, :gottprel:coro_thread_block\n\t" \
                     "ldr %0, [%0, #:gottprel_lo12:coro_thread_block]\n\t" \
                     "add %0, %0, x9" : "=&r"(t) : : "x9")

/* As above. The address of `1:` is signed like a return address, and reached by `ret`. There is no red zone: the frame is made
   before anything is written to it. */
#define CORO_INLINE_WRITE         "str x16, [x2]"
#define CORO_INLINE_WRITE_CHANGED CORO_INLINE_WRITE

#define CORO_INLINE_GO \
    "ldp x19, x20, [sp, #16]\n\t" \
    "ldp x29, x30, [sp], #176\n\t" \
    "hint #29\n\t" \
    "ret"

#define CORO_INLINE_GO_LINKED "b coro_inline_enter"

#define CORO_INLINE_SWITCH(leave, enter, out, mark, write, go) \
    do { \
        register void *coro_x0_ __asm__("x0") = (out); \
        register void *coro_x1_ __asm__("x1") = (mark); \
        register void *coro_x2_ __asm__("x2") = (leave); \
        register void *coro_x3_ __asm__("x3") = (enter); \
        __asm__ volatile("adr x17, 1f\n\t" \
                         "mov x16, sp\n\t" \
                         "hint #8\n\t" \
                         "sub sp, sp, #176\n\t" \
                         "stp x29, x17, [sp]\n\t" \
                         "stp x19, x20, [sp, #16]\n\t" \
                         "mov x16, sp\n\t" \
                         write "\n\t" \
                         "mov sp, x3\n\t" \
                         go "\n\t" \
                         "1:" \
                         : "+r"(coro_x0_), "+r"(coro_x1_), "+r"(coro_x2_), "+r"(coro_x3_) \
                         : \
                         : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", \
                           "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "cc", "memory", \
                           "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", \
                           "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", \
                           "v30", "v31"); \
        (out) = coro_x0_; \
        (mark) = coro_x1_; \
    } while (0)

#endif
/* clang-format on */

static inline __attribute__((always_inline)) struct coro_inline_thread *coro_inline_block(void)
{
    struct coro_inline_thread *t;

    CORO_INLINE_THREAD(t);
    return t;
}

/** coro_resume(), inlined. */
static inline __attribute__((always_inline)) coro_step coro_inline_resume(coro_t *co, void *input)
{
    struct coro_inline_thread *t = coro_inline_block();
    struct coro_inline_context *context = (struct coro_inline_context *)co;
    void *out = input, *mark = t, *leave = &context->return_sp, *enter;
    coro_step step;

    if (__builtin_expect(co == NULL, 0))
        return coro_resume(co, input);
    if (__builtin_expect(context->state - t->token == (CORO_INLINE_SHARES | CORO_INLINE_BIT), 1)) {
        if (__builtin_expect(context->resumer != t->current, 0))
            context->resumer = t->current;
        t->current = context;
        context->state = CORO_INLINE_ENTERED | CORO_INLINE_SHARES | CORO_INLINE_BIT;
        enter = context->sp;
        CORO_INLINE_SWITCH(leave, enter, out, mark, CORO_INLINE_WRITE_CHANGED, CORO_INLINE_GO);
    } else {
        if (context->state - t->token != CORO_INLINE_SHARES)
            return coro_resume(co, input);
        context->resumer = t->current;
        t->current = context;
        context->state = CORO_INLINE_ENTERED | CORO_INLINE_SHARES | CORO_INLINE_BIT;
        enter = context->sp;
        CORO_INLINE_SWITCH(leave, enter, out, mark, CORO_INLINE_WRITE_CHANGED, CORO_INLINE_GO_LINKED);
    }
    step.status = (long)out;
    step.value = mark;
    return step;
}

/** coro_yield(), inlined. */
static inline __attribute__((always_inline)) void *coro_inline_yield(void *output)
{
    struct coro_inline_thread *t = coro_inline_block();
    struct coro_inline_context *self = t->current;
    void *out = (void *)CORO_YIELDED, *mark = output, *leave = &self->sp, *enter;

    if (__builtin_expect(self == NULL, 0))
        return coro_yield(output);
    if (__builtin_expect(self->state == (CORO_INLINE_ENTERED | CORO_INLINE_SHARES | CORO_INLINE_BIT), 1)) {
        t->current = self->resumer;
        self->state = t->token + (CORO_INLINE_SHARES | CORO_INLINE_BIT);
        enter = self->return_sp;
        CORO_INLINE_SWITCH(leave, enter, out, mark, CORO_INLINE_WRITE, CORO_INLINE_GO);
    } else {
        if (self->state != (CORO_INLINE_ENTERED | CORO_INLINE_SHARES))
            return coro_yield(output);
        t->current = self->resumer;
        self->state = t->token + (CORO_INLINE_SHARES | CORO_INLINE_BIT);
        enter = self->return_sp;
        CORO_INLINE_SWITCH(leave, enter, out, mark, CORO_INLINE_WRITE, CORO_INLINE_GO_LINKED);
    }
    if (__builtin_expect(mark == NULL, 0))
        coro_inline_unwind();
    return out;
}

/* Variadic, since an argument may be a compound literal, with commas in it. */
#    define coro_resume(...) coro_inline_resume(__VA_ARGS__)
#    define coro_yield(...)  coro_inline_yield(__VA_ARGS__)

#endif

#ifdef __cplusplus
}
#endif

#endif
