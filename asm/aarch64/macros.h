/*
 * AArch64: what the switches are put together from. For switch.S.
 */
#ifndef CORO_ASM_MACROS_H
#define CORO_ASM_MACROS_H

#include "asm.h"
#include "frame.h"

#define BTI_C       hint #34
#define BTI_JC      hint #38
#define PACIASP     hint #25
#define AUTIASP     hint #29

/* clang-format off */

.macro CFI_SAVED
        .cfi_offset x29, CORO_FRAME_X29 - CORO_FRAME_SIZE
        .cfi_offset x30, CORO_FRAME_X30 - CORO_FRAME_SIZE
        .cfi_offset x19, CORO_FRAME_X19 - CORO_FRAME_SIZE
        .cfi_offset x20, CORO_FRAME_X19 + 8 - CORO_FRAME_SIZE
        .cfi_offset x21, CORO_FRAME_X21 - CORO_FRAME_SIZE
        .cfi_offset x22, CORO_FRAME_X21 + 8 - CORO_FRAME_SIZE
        .cfi_offset x23, CORO_FRAME_X23 - CORO_FRAME_SIZE
        .cfi_offset x24, CORO_FRAME_X23 + 8 - CORO_FRAME_SIZE
        .cfi_offset x25, CORO_FRAME_X25 - CORO_FRAME_SIZE
        .cfi_offset x26, CORO_FRAME_X25 + 8 - CORO_FRAME_SIZE
        .cfi_offset x27, CORO_FRAME_X27 - CORO_FRAME_SIZE
        .cfi_offset x28, CORO_FRAME_X27 + 8 - CORO_FRAME_SIZE
        .cfi_offset d8,  CORO_FRAME_D8 - CORO_FRAME_SIZE
        .cfi_offset d9,  CORO_FRAME_D8 + 8 - CORO_FRAME_SIZE
        .cfi_offset d10, CORO_FRAME_D10 - CORO_FRAME_SIZE
        .cfi_offset d11, CORO_FRAME_D10 + 8 - CORO_FRAME_SIZE
        .cfi_offset d12, CORO_FRAME_D12 - CORO_FRAME_SIZE
        .cfi_offset d13, CORO_FRAME_D12 + 8 - CORO_FRAME_SIZE
        .cfi_offset d14, CORO_FRAME_D14 - CORO_FRAME_SIZE
        .cfi_offset d15, CORO_FRAME_D14 + 8 - CORO_FRAME_SIZE
.endm

.macro CFI_RESTORED
        .irp reg, x29, x30, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, d8, d9, d10, d11, d12, d13, d14, d15
        .cfi_restore \reg
        .endr
.endm

/* A frame that is parked, at sp, where no PUSH_FRAME stands before in the text. */
.macro CFI_PARKED
        .cfi_def_cfa sp, CORO_FRAME_SIZE
        CFI_SAVED
        .cfi_negate_ra_state
.endm

/* The registers are described as saved after the last store (CFI_SAVED): until then they still hold what the caller had there. */
.macro STORE_FRAME
        sub     sp, sp, #CORO_FRAME_SIZE
        .cfi_adjust_cfa_offset CORO_FRAME_SIZE
        stp     x29, x30, [sp, #CORO_FRAME_X29]
        stp     x19, x20, [sp, #CORO_FRAME_X19]
        stp     x21, x22, [sp, #CORO_FRAME_X21]
        stp     x23, x24, [sp, #CORO_FRAME_X23]
        stp     x25, x26, [sp, #CORO_FRAME_X25]
        stp     x27, x28, [sp, #CORO_FRAME_X27]
        stp     d8, d9, [sp, #CORO_FRAME_D8]
        stp     d10, d11, [sp, #CORO_FRAME_D10]
        stp     d12, d13, [sp, #CORO_FRAME_D12]
        stp     d14, d15, [sp, #CORO_FRAME_D14]
.endm

.macro PUSH_FRAME
        PACIASP
        .cfi_negate_ra_state
        STORE_FRAME
.endm

.macro POP_FRAME_AND_GO
        ldp     d14, d15, [sp, #CORO_FRAME_D14]
        ldp     d12, d13, [sp, #CORO_FRAME_D12]
        ldp     d10, d11, [sp, #CORO_FRAME_D10]
        ldp     d8, d9, [sp, #CORO_FRAME_D8]
        ldp     x27, x28, [sp, #CORO_FRAME_X27]
        ldp     x25, x26, [sp, #CORO_FRAME_X25]
        ldp     x23, x24, [sp, #CORO_FRAME_X23]
        ldp     x21, x22, [sp, #CORO_FRAME_X21]
        ldp     x19, x20, [sp, #CORO_FRAME_X19]
        ldp     x29, x30, [sp, #CORO_FRAME_X29]
        CFI_RESTORED
        add     sp, sp, #CORO_FRAME_SIZE
        .cfi_adjust_cfa_offset -CORO_FRAME_SIZE
        AUTIASP
        .cfi_negate_ra_state
        ret
.endm

.macro SET_SP context, field                    /* through x16: no load goes to sp */
        ldr     x16, [\context, #\field]
        mov     sp, x16
.endm

.macro SAVE_SP context, field
        mov     x16, sp
        str     x16, [\context, #\field]
.endm

/* Write FPCR down in the frame at \frame and leave it in x14. */
.macro FP_STORE frame
        mrs     x14, fpcr
        str     x14, [\frame, #CORO_FRAME_FPCR]
.endm

/* Load FPCR from the frame at \frame unless it is the one in x14: writing it is dear. FPSR is status, which no call preserves. */
.macro FP_LOAD frame
        ldr     x15, [\frame, #CORO_FRAME_FPCR]
        cmp     x14, x15
        b.eq    1f
        msr     fpcr, x15
1:
.endm

/* x9: the thread block. */
.macro THREAD_BLOCK
        mrs     x9, tpidr_el0
        adrp    x10, :gottprel:coro_thread_block
        ldr     x10, [x10, #:gottprel_lo12:coro_thread_block]
        add     x9, x9, x10
.endm

/* Lead the chain of frame pointers from the context at \context on to the frame at \frame, which begins with a frame record. */
.macro CHAIN context, frame
#ifdef CORO_FRAME_POINTERS
        str     \frame, [\context, #-CORO_RECORD]
#endif
.endm

/* Note in the context at x0 that it is entered, resumed from x11, whose frame is at the stack pointer. x14: its resumer so far;
   x15: CORO_STATE_SHARES or 0. */
.macro ENTER
        cmp     x11, x14
        b.eq    1f
        str     x11, [x0, #CORO_CONTEXT_RESUMER]
1:
        add     x10, x15, #CORO_STATE_ENTERED
        str     x10, [x0, #CORO_CONTEXT_STATE]
        str     x0, [x9, #CORO_THREAD_CURRENT]
        SAVE_SP x0, CORO_CONTEXT_RETURN_SP
        CHAIN   x0, x16
        str     x16, [x9, #CORO_THREAD_RETURN_SP]
.endm

/* Go back from the context at \context to its resumer, x13: it is current, the stack pointer at its frame. */
.macro RETURN_FROM context
        ldr     x16, [x9, #CORO_THREAD_RETURN_SP]
        ldr     x10, [\context, #CORO_CONTEXT_RETURN_SP]
        cmp     x10, x16
        b.ne    3f
4:
        str     x13, [x9, #CORO_THREAD_CURRENT]
        mov     sp, x16
.endm

.macro RETURN_FROM_FORMER
3:
        mov     x16, x10
        b       4b
.endm
/* clang-format on */

#endif
