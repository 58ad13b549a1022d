/*
 * x86-64 System V: what the switches are put together from. For switch.S.
 */
#ifndef CORO_ASM_MACROS_H
#define CORO_ASM_MACROS_H

#include "asm.h"
#include "frame.h"

/* clang-format off */

/* Offsets are given outright: an assembler that counts with .cfi_adjust_cfa_offset loses count over .cfi_restore_state. */
.macro PUSH reg, at                             /* \at: how far below the CFA it comes to lie */
        pushq   \reg
        .cfi_def_cfa_offset \at
        .cfi_offset \reg, -(\at)
.endm

.macro POP reg, left                            /* \left: how far below the CFA the stack pointer is then */
        popq    \reg
        .cfi_def_cfa_offset \left
        .cfi_restore \reg
.endm

/* Open the frame of frame.h on the stack, \deeper bytes below the caller's, whose return address is already there. */
.macro PUSH_FRAME deeper=0
        PUSH    %rbp, 16 + \deeper
        PUSH    %rbx, 24 + \deeper
        PUSH    %r12, 32 + \deeper
        PUSH    %r13, 40 + \deeper
        PUSH    %r14, 48 + \deeper
        PUSH    %r15, 56 + \deeper
.endm

/* Leave the frame at the stack pointer, but for where to go on. Changes no flags. */
.macro POP_REGISTERS
        POP     %r15, 48
        POP     %r14, 40
        POP     %r13, 32
        POP     %r12, 24
        POP     %rbx, 16
        POP     %rbp, 8
.endm

.macro POP_RIP
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register %rip, %rcx
.endm

/* Leave the frame at the stack pointer; rcx is where to go on. */
.macro POP_FRAME
        POP_REGISTERS
        POP_RIP
.endm

/* notrack: the address follows a call, not an endbr64. */
.macro POP_FRAME_AND_GO
        POP_FRAME
        notrack jmp *%rcx
.endm

/* Go on where the frame says whose registers have been popped. If the last comparison found its two sides equal, the call that the
   processor has seen last was made there, so that it expects a `ret`. */
.macro RETURN_IF_EQUAL_OR_GO
        je      6f
        .cfi_remember_state
        POP_RIP
        notrack jmp *%rcx
        .cfi_restore_state
6:
        ret
.endm

/* The unwind information of a parked frame at rsp, where no PUSH_FRAME stands before in the text. */
.macro CFI_PARKED
        .cfi_def_cfa %rsp, CORO_FRAME_SIZE
        CFI_SAVED
.endm

.macro CFI_SAVED
        .cfi_offset %rip, CORO_FRAME_RIP - CORO_FRAME_SIZE
        .cfi_offset %rbp, CORO_FRAME_RBP - CORO_FRAME_SIZE
        .cfi_offset %rbx, CORO_FRAME_RBX - CORO_FRAME_SIZE
        .cfi_offset %r12, CORO_FRAME_R12 - CORO_FRAME_SIZE
        .cfi_offset %r13, CORO_FRAME_R13 - CORO_FRAME_SIZE
        .cfi_offset %r14, CORO_FRAME_R14 - CORO_FRAME_SIZE
        .cfi_offset %r15, CORO_FRAME_R15 - CORO_FRAME_SIZE
.endm

/*
 * The control words in use are written down in the frame that is parked and compared with those in the frame that goes on. Storing
 * is cheap, loading is not, and they hardly ever differ.
 *
 * Processors that take long to store MXCSR (12 to 16 cycles on the Zens) make a load of it wait as long, and the next such store
 * wait for that load. So the words are stored as early as can be, in the place below the stack pointer where the frame is going to
 * be, and compared as late as can be, when the other frame is popped. \from: how far above its frame the pointer is.
 */
.macro FP_STORE frame, from=0
        fnstcw  CORO_FRAME_X87_CW - \from(\frame)
        stmxcsr CORO_FRAME_MXCSR - \from(\frame)
.endm

/* Jump to \differ unless the control words just stored at \old are those at \new, from which the pointer is \from. */
.macro FP_COMPARE old, new, differ, from=0
        movzwl  CORO_FRAME_X87_CW(\old), %r9d
        cmpw    CORO_FRAME_X87_CW - \from(\new), %r9w
        jne     \differ
        movl    CORO_FRAME_MXCSR(\old), %r9d
        cmpl    CORO_FRAME_MXCSR - \from(\new), %r9d
        jne     \differ
.endm

/* Load the control words at \new, keeping the status bits (0 to 5) of the MXCSR stored at \old, which no call preserves. Changes
   those at \new, which are not needed again. */
.macro FP_LOAD old, new, from=0
        movl    CORO_FRAME_MXCSR(\old), %r9d
        andl    $0x3f, %r9d
        movl    CORO_FRAME_MXCSR - \from(\new), %r10d
        andl    $~0x3f, %r10d
        orl     %r10d, %r9d
        movl    %r9d, CORO_FRAME_MXCSR - \from(\new)
        ldmxcsr CORO_FRAME_MXCSR - \from(\new)
        fldcw   CORO_FRAME_X87_CW - \from(\new)
.endm

/* rax: what has to be added to fs to reach the thread block. Read anew after every switch: a context may change threads. */
.macro THREAD_BLOCK
        movq    coro_thread_block@gottpoff(%rip), %rax
.endm
#define THREAD(field) %fs:CORO_THREAD_##field(%rax)

/* Lead the chain of frame pointers from the context at \context on to the frame at \frame, from where it is resumed now. */
.macro CHAIN context, frame, scratch
#ifdef CORO_FRAME_POINTERS
        leaq    CORO_FRAME_RBP(\frame), \scratch
        movq    \scratch, -CORO_RECORD(\context)
#endif
.endm

/* Note in the context at rdi that it is entered, resumed from rcx, whose frame is at the stack pointer. \state: what it is now. If
   the resumer is another than last time, the way leads over 1:, which belongs into the same CFI procedure. */
.macro ENTER state
        cmpq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jne     1f
2:
        movq    \state, CORO_CONTEXT_STATE(%rdi)
        movq    %rsp, CORO_CONTEXT_RETURN_SP(%rdi)
        CHAIN   %rdi, %rsp, %r8
        movq    %rdi, THREAD(CURRENT)
        cmpq    %rsp, THREAD(RETURN_SP)
        jne     7f
8:
.endm

.macro ENTER_FROM_ANOTHER
1:
        movq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jmp     2b
7:
        movq    %rsp, THREAD(RETURN_SP)
        jmp     8b
.endm

/* Go back to the resumer of the context at \context: it is current, and the stack pointer at its frame. The thread knows where that
   is if the context is the one entered last; if not, the way leads over 3:, as above. */
.macro RETURN_FROM context
        movq    CORO_CONTEXT_RESUMER(\context), %rdx
        movq    THREAD(RETURN_SP), %r11
        cmpq    %r11, CORO_CONTEXT_RETURN_SP(\context)
        jne     3f
4:
        movq    %rdx, THREAD(CURRENT)
        movq    %r11, %rsp
.endm

.macro RETURN_FROM_FORMER context
3:
        movq    CORO_CONTEXT_RETURN_SP(\context), %r11
        jmp     4b
.endm
/* clang-format on */

#endif
