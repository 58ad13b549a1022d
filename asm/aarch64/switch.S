/*
 * The context switch, AArch64. How it works is said in ../x86_64/switch.S; here stands only what differs.
 *
 * What is saved: x19 to x30, d8 to d15, the stack pointer, FPCR. (Only the lower halves of v8 to v15 belong to the caller.)
 *
 * Leaving: by `ret`, and that is deliberate. The address to go on at follows a `bl` in somebody else's code. In a program that
 * is protected by BTI every branch other than `ret` faults there, since no landing pad stands behind a call. A `ret` through a
 * switch is mispredicted; the alternative is an object that switches the protection off for the whole program.
 *
 * Return addresses on stacks are signed (pac-ret) with the stack pointer at entry as the modifier. On processors that cannot
 * sign, the instructions are hints that do nothing; they are written as hints, so that every assembler takes them.
 */
#include "asm.h"
#include "frame.h"

#define BTI_C       hint #34
#define BTI_JC      hint #38
#define PACIASP     hint #25
#define AUTIASP     hint #29

        .text

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

/*
 * coro_step coro_resume(coro_t *co, void *input)
 *
 *      x0  co            x11  the running context, co's resumer from now on
 *      x1  input         x12  the thread's token
 *                        x13  what the state is above it
 */
        .balign 64
CORO_ENTRY_POINT CORO_RESUME
CORO_RESUME:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        cbz     x0, .Lresume_refused
        ldp     x11, x12, [x9, #CORO_THREAD_CURRENT]
        ldp     x13, x14, [x0, #CORO_CONTEXT_STATE]     /* and the resumer */
        sub     x13, x13, x12
        bic     x15, x13, #CORO_STATE_INLINED
        tst     x15, #~CORO_STATE_SHARES
        b.ne    .Lresume_fresh
        .cfi_remember_state
        PUSH_FRAME
        CFI_SAVED
        ENTER
        tbnz    x15, #3, .Lresume_shares
        FP_STORE sp
        SET_SP  x0, CORO_CONTEXT_SP
        FP_LOAD sp
.Lresume_go:
        mov     x0, x1
        mov     x1, x12                         /* not 0: see coro__enter_unwind */
        b       .Lgo
.Lresume_shares:
        SET_SP  x0, CORO_CONTEXT_SP
        b       .Lresume_go
.Lgo:                                           /* also where yield and transfer leave: one copy of the loads */
        POP_FRAME_AND_GO
        .cfi_restore_state
        .cfi_remember_state
.Lresume_fresh:
        and     x15, x13, #CORO_STATE_SHARES
        bic     x13, x13, #CORO_STATE_SHARES
        cmp     x13, #CORO_STATE_FRESH
        b.ne    .Lresume_refused
        PUSH_FRAME
        CFI_SAVED
        ENTER
        mov     x19, x0
        tbnz    x15, #3, coro__enter_fresh
        FP_STORE sp
        sub     x17, x0, #CORO_FRAME_FPCR       /* as if the word in the context were that of a frame */
        FP_LOAD x17
        b       coro__enter_fresh
        .cfi_restore_state
.Lresume_refused:
        b       coro__resume_refused
        .cfi_endproc
END CORO_RESUME

/*
 * void *coro_yield(void *output)
 *
 *      x0  output        x11  the running context
 *      x0  the input     x13  its resumer
 */
        .balign 64
CORO_ENTRY_POINT CORO_YIELD
CORO_YIELD:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldp     x11, x12, [x9, #CORO_THREAD_CURRENT]
        cbz     x11, .Lyield_refused
        ldp     x14, x13, [x11, #CORO_CONTEXT_STATE]    /* and the resumer */
        and     x15, x14, #CORO_STATE_SHARES
        bic     x14, x14, #CORO_STATE_INLINED
        bic     x14, x14, #CORO_STATE_SHARES
        cmp     x14, #CORO_STATE_ENTERED
        b.ne    .Lyield_refused
        .cfi_remember_state
        PUSH_FRAME
        CFI_SAVED
        mov     x1, x0
        orr     x12, x12, x15
        str     x12, [x11, #CORO_CONTEXT_STATE]
        SAVE_SP x11, CORO_CONTEXT_SP
        mov     x0, #1                          /* CORO_YIELDED */
        tbnz    x15, #3, .Lyield_shares
        FP_STORE sp
        RETURN_FROM x11
        FP_LOAD sp
        b       .Lgo
        RETURN_FROM_FORMER
.Lyield_shares:
        RETURN_FROM x11
        b       .Lgo
        RETURN_FROM_FORMER
        .cfi_restore_state
.Lyield_refused:
        b       coro__yield_refused
        .cfi_endproc
END CORO_YIELD

/*
 * coro_step coro_transfer(coro_t *to, void *value)
 *
 *      x0  to            x11  the running context
 *      x1  value         x13  where its resumer is parked, to's from now on
 *
 *      +--------------------------+
 *      | x30 (signed), alignment  |  return address of coro_transfer
 *      | frame.h                  |  with x30 = coro__transfer_landing
 *      +--------------------------+  <- the parked stack pointer
 */
        .balign 16
CORO_ENTRY_POINT CORO_TRANSFER
CORO_TRANSFER:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldp     x11, x12, [x9, #CORO_THREAD_CURRENT]
        cbz     x11, .Ltransfer_refused
        cbz     x0, .Ltransfer_refused
        ldr     x10, [x11, #CORO_CONTEXT_STATE]
        bic     x13, x10, #CORO_STATE_INLINED
        bic     x13, x13, #CORO_STATE_SHARES
        cmp     x13, #CORO_STATE_ENTERED
        b.ne    .Ltransfer_refused
        ldr     x14, [x0, #CORO_CONTEXT_STATE]
        sub     x14, x14, x12                           /* x10, x14: bits of the two states */
        bic     x13, x14, #CORO_STATE_INLINED
        bic     x13, x13, #CORO_STATE_FRESH
        tst     x13, #~CORO_STATE_SHARES
        b.ne    .Ltransfer_refused
        ldr     w16, [x11, #CORO_CONTEXT_FLAGS]
        ldr     w17, [x0, #CORO_CONTEXT_FLAGS]
        bic     w17, w17, w16
        tbnz    w17, #1, .Ltransfer_refused             /* to forwards exceptions, and the resumer expects none */
        .cfi_remember_state
        PACIASP
        .cfi_negate_ra_state
        str     x30, [sp, #-16]!
        .cfi_adjust_cfa_offset 16
        .cfi_offset x30, -16
        adr     x30, .Ltransfer_landing
        PACIASP                                 /* the landing, signed with the new sp; x30 itself is described above */
        STORE_FRAME
        mov     x19, x0                         /* from here on, saved registers may be used, as .Lsaved says */
        ldr     x13, [x11, #CORO_CONTEXT_RETURN_SP]
        ldr     x15, [x11, #CORO_CONTEXT_RESUMER]
        and     x10, x10, #CORO_STATE_SHARES
        orr     x12, x12, x10
        str     x12, [x11, #CORO_CONTEXT_STATE]
        and     x20, x14, #CORO_STATE_FRESH
        and     x12, x14, #CORO_STATE_SHARES
        add     x14, x12, #CORO_STATE_ENTERED
        stp     x14, x15, [x0, #CORO_CONTEXT_STATE]     /* and the resumer */
        str     x13, [x0, #CORO_CONTEXT_RETURN_SP]
        CHAIN   x0, x13
        str     x0, [x9, #CORO_THREAD_CURRENT]

        /* x17: the frame with the control word to load; a fresh context has it in the place of its stack pointer. A context that shares
           the word shares its resumer's. */
        ldr     x17, [x0, #CORO_CONTEXT_SP]
        sub     x16, x0, #CORO_FRAME_FPCR
        cmp     x20, #0
        csel    x17, x17, x16, eq
        SAVE_SP x11, CORO_CONTEXT_SP
        cbz     x12, .Ltransfer_to_keeps
        cbnz    x10, .Ltransfer_go              /* both share: nothing to do */
        mov     x17, x13                        /* from its own to the resumer's */
        b       .Ltransfer_fp
.Ltransfer_to_keeps:
        cbz     x10, .Ltransfer_fp
        FP_STORE x13                            /* from the resumer's to its own: write the resumer's down */
.Ltransfer_fp:
        FP_STORE sp
        FP_LOAD x17
.Ltransfer_go:
        cbnz    x20, coro__enter_fresh
        SET_SP  x0, CORO_CONTEXT_SP
        .cfi_def_cfa sp, CORO_FRAME_SIZE
        CFI_SAVED
        mov     x0, x1
        mov     x1, x13                         /* not 0: see coro__enter_unwind */
        b       .Lgo
        .cfi_restore_state
.Ltransfer_refused:
        b       coro__transfer_refused
        .cfi_endproc
END CORO_TRANSFER

        .cfi_startproc
        .cfi_def_cfa sp, 16
        .cfi_offset x30, -16
        .cfi_negate_ra_state
HIDDEN coro__transfer_landing
coro__transfer_landing:
        nop                                     /* unwinders look a return address up at the byte before it */
.Ltransfer_landing:
        mov     x1, x0
        mov     x0, #1                          /* CORO_YIELDED */
        ldr     x30, [sp], #16
        .cfi_adjust_cfa_offset -16
        .cfi_restore x30
        AUTIASP
        .cfi_negate_ra_state
        ret
        .cfi_endproc
END coro__transfer_landing

/*
 * int coro__switch(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words)
 *
 *      x0  from          x2  value
 *      x1  to            x3  words
 *      x11, x12          their states
 */
        .balign 64
HIDDEN CORO_SWITCH
CORO_SWITCH:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldr     x11, [x0, #CORO_CONTEXT_STATE]
        ldr     x12, [x1, #CORO_CONTEXT_STATE]
        PUSH_FRAME
        CFI_SAVED
        SAVE_SP x0, CORO_CONTEXT_SP
        str     x1, [x9, #CORO_THREAD_CURRENT]
        and     x13, x11, x12
        tbnz    x12, #2, .Lswitch_fresh
        ldr     x17, [x1, #CORO_CONTEXT_SP]
        tbnz    x13, #3, .Lswitch_go            /* both share: nothing to do */
        FP_STORE sp
        tst     x12, #CORO_STATE_SHARES
        csel    x3, x17, x3, eq
        FP_LOAD x3
.Lswitch_go:
        mov     sp, x17
        mov     x0, x2
        b       .Lgo
.Lswitch_fresh:
        bic     x10, x12, #CORO_STATE_FRESH
        str     x10, [x1, #CORO_CONTEXT_STATE]
        mov     x19, x1
        mov     x1, x2
        tbnz    x13, #3, coro__enter_fresh
        FP_STORE sp
        sub     x17, x19, #CORO_FRAME_FPCR      /* as if the word in the context were that of a frame */
        tst     x12, #CORO_STATE_SHARES
        csel    x3, x17, x3, eq
        FP_LOAD x3
        b       coro__enter_fresh
        .cfi_endproc
END CORO_SWITCH

/*
 * void coro__make_outermost(void *frame)
 */
        .balign 16
HIDDEN coro__make_outermost
coro__make_outermost:
        .cfi_startproc
        BTI_C
        adr     x17, .Loutermost
        add     x16, x0, #CORO_FRAME_SIZE
        hint    #8                              /* pacia1716: signed as the unwinder will authenticate it */
        str     x17, [x0, #CORO_FRAME_X30]
        ret
        .cfi_endproc
END coro__make_outermost

        .cfi_startproc
        .cfi_undefined x30
HIDDEN coro__outermost
coro__outermost:
        nop
.Loutermost:
        brk     #1
        .cfi_endproc
END coro__outermost

/*
 * The first frame of every coroutine, and the way into it.
 *
 *      x19  the context
 *      x1   the input
 *      x20  the value that the body returned
 */
#define CFI_INTERRUPTED_PARKED \
        .cfi_escape 0x0f, 3,                            /* DW_CFA_def_cfa_expression, length */ \
                    0x83, CORO_CONTEXT_RETURN_SP, 0x06; /* DW_OP_breg19, DW_OP_deref */ \
        .cfi_escape 0x10, 30, 3,                        /* DW_CFA_expression, x30, length */ \
                    0x83, CORO_CONTEXT_CALLER & 0x7f | 0x80, CORO_CONTEXT_CALLER >> 7 /* DW_OP_breg19, two bytes of LEB128 */

.macro CFI_FIRST_FRAME
        .cfi_signal_frame
        .cfi_personality 0x1b, coro__personality
        CFI_INTERRUPTED_PARKED
.endm

/* A frame that the above has parked, at sp, where no PUSH_FRAME stands before in the text. */
.macro CFI_PARKED
        .cfi_def_cfa sp, CORO_FRAME_SIZE
        CFI_SAVED
        .cfi_negate_ra_state
.endm

        .cfi_startproc
        CFI_PARKED
        nop
HIDDEN coro__parked
coro__parked:
        brk     #1
        .cfi_endproc
END coro__parked

        .balign 16
HIDDEN coro__first_frame
coro__first_frame:
        .cfi_startproc
        CFI_FIRST_FRAME
coro__enter_fresh:
        mov     sp, x19
#ifdef CORO_FRAME_POINTERS
        ldr     x8, [x19, #CORO_CONTEXT_RETURN_SP]
        ldr     x16, [x19, #CORO_CONTEXT_CALLER]
        stp     x8, x16, [sp, #-CORO_RECORD]!
        mov     x29, sp
#else
        mov     x29, #0                         /* the end of a chain of frame pointers */
#endif
        mov     x0, x1
        ldr     x8, [x19, #CORO_CONTEXT_FN]
        blr     x8
        mov     x20, x0
        ldr     x8, [x19, #CORO_CONTEXT_AT_END]
        cbz     x8, .Lend
        mov     x0, x19
        bl      coro__run_at_end                /* handlers and destructors, on this stack */
.Lend:
        THREAD_BLOCK
        ldr     x13, [x19, #CORO_CONTEXT_RESUMER]
        mov     x10, #CORO_STATE_DEAD
        str     x10, [x19, #CORO_CONTEXT_STATE]
        ldr     w12, [x19, #CORO_CONTEXT_FLAGS]
        mov     x1, x20
        mrs     x14, fpcr
        RETURN_FROM x19
        mov     x0, #0                          /* CORO_RETURNED */
        tbnz    w12, #0, .Lend_shares
        FP_LOAD sp
.Lend_shares:
        .cfi_remember_state
        CFI_PARKED
        b       .Lgo
        .cfi_restore_state
        RETURN_FROM_FORMER
        .cfi_endproc

        .cfi_startproc
        CFI_FIRST_FRAME
HIDDEN coro__forward_landing
coro__forward_landing:
        BTI_JC
        mov     x1, x0
        mov     x0, x19
        bl      coro__forward
        brk     #1
        .cfi_endproc
END coro__first_frame

/*
 * void coro__run_at_end(struct coro__context *context)
 */
        .balign 16
HIDDEN coro__run_at_end
coro__run_at_end:
        .cfi_startproc
        .cfi_personality 0x1b, coro__personality
        PACIASP
        .cfi_negate_ra_state
        stp     x29, x30, [sp, #-32]!
        .cfi_adjust_cfa_offset 32
        .cfi_offset x29, -32
        .cfi_offset x30, -24
        str     x19, [sp, #16]
        .cfi_offset x19, -16
        mov     x29, sp
        mov     x19, x0
        bl      coro__run_handlers
        ldr     x19, [sp, #16]
        .cfi_restore x19
        ldp     x29, x30, [sp], #32
        .cfi_restore x29
        .cfi_restore x30
        .cfi_adjust_cfa_offset -32
        AUTIASP
        .cfi_negate_ra_state
        ret
        .cfi_endproc
END coro__run_at_end

/*
 * coro/inline.h jumps here.
 */
        .balign 16
PUBLIC coro_inline_enter
coro_inline_enter:
        .cfi_startproc
        CFI_PARKED
        BTI_C
        b       .Lgo
        .cfi_endproc
END coro_inline_enter

/*
 * _Noreturn void coro__finish(struct coro__context *context, void *value)
 */
        .balign 16
HIDDEN coro__finish
coro__finish:
        .cfi_startproc
        BTI_C
        mov     x19, x0
        .cfi_endproc

        .cfi_startproc
        CFI_FIRST_FRAME
        mov     x20, x1
        b       .Lend
        .cfi_endproc
END coro__finish

/*
 * coro_step coro__enter_unwind(struct coro__context *context, int inlined)
 *
 * An inlined yield is asked to unwind by x1 = 0.
 */
        .balign 16
HIDDEN coro__enter_unwind
coro__enter_unwind:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldr     x11, [x9, #CORO_THREAD_CURRENT]
        PUSH_FRAME
        CFI_SAVED
        mov     x12, #CORO_STATE_ENDING
        stp     x12, x11, [x0, #CORO_CONTEXT_STATE]     /* and the resumer */
        str     x0, [x9, #CORO_THREAD_CURRENT]
        SAVE_SP x0, CORO_CONTEXT_RETURN_SP
        CHAIN   x0, x16
        str     x16, [x9, #CORO_THREAD_RETURN_SP]
        mov     x17, sp
        SET_SP  x0, CORO_CONTEXT_SP
        ldr     w13, [x0, #CORO_CONTEXT_FLAGS]
        tbnz    w13, #0, .Lunwind_shares
        FP_STORE x17
        FP_LOAD sp
.Lunwind_shares:
        cbnz    w1, .Lunwind_inlined
        bl      coro__unwind
        brk     #1
.Lunwind_inlined:
        mov     x1, #0
        b       .Lgo
        .cfi_endproc
END coro__enter_unwind

/*
 * _Noreturn void coro__finish_by_exception(struct coro__context *context, struct _Unwind_Exception *exception)
 */
        .balign 16
HIDDEN coro__finish_by_exception
coro__finish_by_exception:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldr     x11, [x0, #CORO_CONTEXT_RESUMER]
        mov     x10, #CORO_STATE_DEAD
        str     x10, [x0, #CORO_CONTEXT_STATE]
        str     x11, [x9, #CORO_THREAD_CURRENT]
        mrs     x14, fpcr
        SET_SP  x0, CORO_CONTEXT_RETURN_SP
        CFI_PARKED
        FP_LOAD sp
        mov     x0, x1
        bl      coro__raise
        brk     #1
        .cfi_endproc
END coro__finish_by_exception

/*
 * void *__cxa_get_globals(void), void *__cxa_get_globals_fast(void)
 */
        .balign 16
PUBLIC_WEAK __cxa_get_globals
PUBLIC_WEAK __cxa_get_globals_fast
__cxa_get_globals:
__cxa_get_globals_fast:
        .cfi_startproc
        BTI_C
        THREAD_BLOCK
        ldr     x0, [x9, #CORO_THREAD_CURRENT]
        add     x9, x9, #CORO_THREAD_ROOT
        cmp     x0, #0
        csel    x0, x0, x9, ne
        add     x0, x0, #CORO_CONTEXT_EXCEPTIONS
        ret
        .cfi_endproc
END __cxa_get_globals_fast
END __cxa_get_globals

PLACES
NOTE_PROPERTY 0xc0000000, 3             /* BTI and PAC */
NOTE_STACK
