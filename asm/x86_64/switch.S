/*
 * The context switch, x86-64 System V.
 *
 * coro_resume(), coro_yield() and coro_transfer() are whole functions in here: they check, switch and go on. There is no C
 * function around them, and none of them leaves through `ret`: the processor predicts a `ret` from the calls it has seen, and
 * those were on the other stack. It would be wrong every time, at some 10 ns each. `pop` and an indirect jump are predicted
 * from the history of that jump.
 *
 * What is saved: rbx, rbp, r12 to r15, the stack pointer, and the control bits of MXCSR and the x87 unit, since the ABI says
 * that a call leaves all of these alone. What is not: every other register, the status bits of MXCSR, the vector registers. A
 * call may change them, so the compiler keeps nothing in them across one. The direction flag is clear at every call.
 *
 * Who may run is decided by one word, the state of a context:
 *
 *     the token of a thread (odd)    suspended, that thread may resume it
 *     CORO_STATE_ENTERED             running, or waiting for one that it resumed
 *     CORO_STATE_ENDING              the same, but must not yield
 *     CORO_STATE_DEAD                has returned
 *
 * The first two have a variant with CORO_STATE_INLINED, for frames that coro/inline.h has parked. They serve as well, and are
 * looked for out of line.
 *
 * So resume compares the state with the thread's token, yield compares it with CORO_STATE_ENTERED, and all that is unusual fails
 * one of these and leaves by a jump to C, which finds out what was wrong.
 *
 * What a switch loads was mostly stored by the switch before, and such a load waits for its store. So that no chain of them runs
 * from one round to the next, the resumer is stored only when it changes, and the stack pointer to return to lies in the context
 * that returns, one load away from `current`.
 *
 * Every parked context looks alike (frame.h), whichever routine parked it. Therefore the unwind information on both sides of
 * the instruction that changes the stack pointer is the same, and a debugger may stop on any line.
 */
#include "asm.h"
#include "frame.h"

        .text

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

/* Leave the frame at the stack pointer and go on where it says. notrack: the address follows a call, not an endbr64. */
.macro POP_FRAME_AND_GO
        POP     %r15, 48
        POP     %r14, 40
        POP     %r13, 32
        POP     %r12, 24
        POP     %rbx, 16
        POP     %rbp, 8
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register %rip, %rcx
        notrack jmp *%rcx
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

/* Write down the control words in use, in the frame at \frame. */
.macro FP_STORE frame
        stmxcsr CORO_FRAME_MXCSR(\frame)
        fnstcw  CORO_FRAME_X87_CW(\frame)
.endm

/* Jump to \differ unless the control words just stored at \old are those at \new. Storing is cheap, loading is not, and they
   hardly ever differ. */
.macro FP_COMPARE old, new, differ
        movl    CORO_FRAME_MXCSR(\old), %r9d
        cmpl    CORO_FRAME_MXCSR(\new), %r9d
        jne     \differ
        movzwl  CORO_FRAME_X87_CW(\old), %r9d
        cmpw    CORO_FRAME_X87_CW(\new), %r9w
        jne     \differ
.endm

/* Load the control words at \new, keeping the status bits (0 to 5) of the MXCSR stored at \old, which no call preserves. Changes
   \new, which is about to be popped. */
.macro FP_LOAD old, new
        movl    CORO_FRAME_MXCSR(\old), %r9d
        andl    $0x3f, %r9d
        movl    CORO_FRAME_MXCSR(\new), %r10d
        andl    $~0x3f, %r10d
        orl     %r10d, %r9d
        movl    %r9d, CORO_FRAME_MXCSR(\new)
        ldmxcsr CORO_FRAME_MXCSR(\new)
        fldcw   CORO_FRAME_X87_CW(\new)
.endm

/* rax: what has to be added to fs to reach the thread block. Read anew after every switch: a context may change threads. */
.macro THREAD_BLOCK
        movq    coro_thread_block@gottpoff(%rip), %rax
.endm
#define THREAD(field) %fs:CORO_THREAD_##field(%rax)

/*
 * coro_step coro_resume(coro_t *co, void *input)
 *
 *      rdi  co           rcx  the running context, co's resumer from now on
 *      rsi  input        rdx  the thread's token (and not 0 when co goes on: see coro__enter_unwind)
 *      rax, rdx          the step: set by whoever comes back here
 */
        .balign 64
CORO_ENTRY_POINT CORO_RESUME
CORO_RESUME:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        testq   %rdi, %rdi
        jz      coro__resume_refused
        movq    THREAD(TOKEN), %rdx
        cmpq    %rdx, CORO_CONTEXT_STATE(%rdi)
        jne     .Lresume_inlined
.Lresume_suspended:
        movq    THREAD(CURRENT), %rcx
        PUSH_FRAME
        cmpq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jne     .Lresume_another
.Lresume_linked:
        movq    $CORO_STATE_ENTERED, CORO_CONTEXT_STATE(%rdi)
        movq    %rdi, THREAD(CURRENT)
        movq    %rsp, CORO_CONTEXT_RETURN_SP(%rdi)
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rdi)
        jz      .Lresume_fp
        movq    CORO_CONTEXT_SP(%rdi), %rsp
.Lresume_go:
        movq    %rsi, %rax
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lresume_fp:
        FP_STORE %rsp
        movq    %rsp, %r8
        movq    CORO_CONTEXT_SP(%rdi), %rsp
        FP_COMPARE %r8, %rsp, .Lresume_differ
        movq    %rsi, %rax
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lresume_another:
        movq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jmp     .Lresume_linked
.Lresume_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lresume_go
        .cfi_endproc

        .cfi_startproc
.Lresume_inlined:
        leaq    CORO_STATE_INLINED(%rdx), %rcx
        cmpq    %rcx, CORO_CONTEXT_STATE(%rdi)
        je      .Lresume_suspended
        jmp     coro__resume_refused
        .cfi_endproc
END CORO_RESUME

/*
 * void *coro_yield(void *output)
 *
 *      rdi  output       rcx  the running context
 *      rax  the input    rdx  its resumer
 */
        .balign 64
CORO_ENTRY_POINT CORO_YIELD
CORO_YIELD:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        movq    THREAD(CURRENT), %rcx
        testq   %rcx, %rcx
        jz      coro__yield_refused
        cmpq    $CORO_STATE_ENTERED, CORO_CONTEXT_STATE(%rcx)
        jne     .Lyield_inlined
.Lyield_entered:
        movq    CORO_CONTEXT_RESUMER(%rcx), %rdx
        movq    THREAD(TOKEN), %rsi
        PUSH_FRAME
        movq    %rsi, CORO_CONTEXT_STATE(%rcx)
        movq    %rdx, THREAD(CURRENT)
        movq    %rsp, CORO_CONTEXT_SP(%rcx)
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rcx)
        jz      .Lyield_fp
        movq    CORO_CONTEXT_RETURN_SP(%rcx), %rsp
.Lyield_go:
        movl    $1, %eax                /* CORO_YIELDED */
        movq    %rdi, %rdx
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lyield_fp:
        FP_STORE %rsp
        movq    %rsp, %r8
        movq    CORO_CONTEXT_RETURN_SP(%rcx), %rsp
        FP_COMPARE %r8, %rsp, .Lyield_differ
        movl    $1, %eax
        movq    %rdi, %rdx
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lyield_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lyield_go
        .cfi_endproc

        .cfi_startproc
.Lyield_inlined:
        cmpq    $CORO_STATE_ENTERED | CORO_STATE_INLINED, CORO_CONTEXT_STATE(%rcx)
        je      .Lyield_entered
        jmp     coro__yield_refused
        .cfi_endproc
END CORO_YIELD

/*
 * coro_step coro_transfer(coro_t *to, void *value)
 *
 *      rdi  to           rcx  the running context
 *      rsi  value        rdx  where its resumer is parked, to's from now on
 *                        r8   the thread's token
 *
 * Whoever resumes the caller again hands over one word, as if to coro_yield(), and a step is due. So the caller is parked one
 * frame deeper, and goes on in coro__transfer_landing, which makes a step of the word:
 *
 *      +--------------------------+
 *      | return address           |  of coro_transfer
 *      | (8 bytes, alignment)     |
 *      | coro__transfer_landing   |
 *      | rbp ... r15              |  frame.h
 *      +--------------------------+  <- the parked stack pointer
 */
        .balign 16
CORO_ENTRY_POINT CORO_TRANSFER
CORO_TRANSFER:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        movq    THREAD(CURRENT), %rcx
        testq   %rcx, %rcx
        jz      coro__transfer_refused
        testq   %rdi, %rdi
        jz      coro__transfer_refused
        movq    CORO_CONTEXT_STATE(%rcx), %rdx
        andq    $~CORO_STATE_INLINED, %rdx
        cmpq    $CORO_STATE_ENTERED, %rdx
        jne     coro__transfer_refused
        movq    THREAD(TOKEN), %r8
        movq    CORO_CONTEXT_STATE(%rdi), %rdx
        andq    $~CORO_STATE_INLINED, %rdx
        cmpq    %r8, %rdx
        jne     coro__transfer_refused
        movq    CORO_CONTEXT_RETURN_SP(%rcx), %rdx
        subq    $8, %rsp
        .cfi_def_cfa_offset 16
        leaq    coro__transfer_landing(%rip), %r9
        pushq   %r9
        .cfi_def_cfa_offset 24
        PUSH_FRAME 16
        movq    %r8, CORO_CONTEXT_STATE(%rcx)
        movq    $CORO_STATE_ENTERED, CORO_CONTEXT_STATE(%rdi)
        movq    CORO_CONTEXT_RESUMER(%rcx), %r9
        movq    %r9, CORO_CONTEXT_RESUMER(%rdi)
        movq    %rdx, CORO_CONTEXT_RETURN_SP(%rdi)
        movq    %rdi, THREAD(CURRENT)
        movq    %rsp, CORO_CONTEXT_SP(%rcx)

        /* Control words. A context that shares them shares its resumer's, which then may not have been written down. */
        movq    CORO_CONTEXT_SP(%rdi), %r11             /* r11: the frame with the words to load */
        movl    CORO_CONTEXT_FLAGS(%rcx), %eax
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rdi)
        jz      .Ltransfer_to_keeps
        testb   $CORO_FLAG_SHARE_FPENV, %al
        jnz     .Ltransfer_go                           /* both share: nothing to do */
        movq    %rdx, %r11                              /* from its own to the resumer's */
        jmp     .Ltransfer_store
.Ltransfer_to_keeps:
        testb   $CORO_FLAG_SHARE_FPENV, %al
        jz      .Ltransfer_store
        FP_STORE %rdx                                   /* from the resumer's to its own: write the resumer's down */
.Ltransfer_store:
        FP_STORE %rsp
        FP_COMPARE %rsp, %r11, .Ltransfer_differ
.Ltransfer_go:
        movq    CORO_CONTEXT_SP(%rdi), %rsp
        CFI_PARKED
        movq    %rsi, %rax
        POP_FRAME_AND_GO
        .cfi_endproc
END CORO_TRANSFER

        /* Out of line, with a description of its own: the frame of coro_transfer, 16 bytes larger than a parked one. */
        .cfi_startproc
        .cfi_def_cfa %rsp, CORO_FRAME_SIZE + 16
        .cfi_offset %rbp, CORO_FRAME_RBP - CORO_FRAME_SIZE - 16
        .cfi_offset %rbx, CORO_FRAME_RBX - CORO_FRAME_SIZE - 16
        .cfi_offset %r12, CORO_FRAME_R12 - CORO_FRAME_SIZE - 16
        .cfi_offset %r13, CORO_FRAME_R13 - CORO_FRAME_SIZE - 16
        .cfi_offset %r14, CORO_FRAME_R14 - CORO_FRAME_SIZE - 16
        .cfi_offset %r15, CORO_FRAME_R15 - CORO_FRAME_SIZE - 16
.Ltransfer_differ:
        subq    $16, %rsp                               /* merge below the frame: what is parked must stay as it is */
        .cfi_def_cfa_offset CORO_FRAME_SIZE + 32
        movl    16 + CORO_FRAME_MXCSR(%rsp), %r9d
        andl    $0x3f, %r9d
        movl    CORO_FRAME_MXCSR(%r11), %r10d
        andl    $~0x3f, %r10d
        orl     %r10d, %r9d
        movl    %r9d, (%rsp)
        ldmxcsr (%rsp)
        fldcw   CORO_FRAME_X87_CW(%r11)
        addq    $16, %rsp
        .cfi_def_cfa_offset CORO_FRAME_SIZE + 16
        jmp     .Ltransfer_go
        .cfi_endproc

        .cfi_startproc
        .cfi_def_cfa %rsp, 16
        nop                             /* unwinders look a return address up at the byte before it */
HIDDEN coro__transfer_landing
coro__transfer_landing:
        movq    %rax, %rdx
        movl    $1, %eax                /* CORO_YIELDED */
        addq    $8, %rsp
        .cfi_def_cfa_offset 8
        popq    %rcx
        .cfi_def_cfa_offset 0
        .cfi_register %rip, %rcx
        notrack jmp *%rcx
        .cfi_endproc
END coro__transfer_landing

/*
 * The first frame of every coroutine. coro__context_make() parks a fresh one with this address to go on at and rbx = the
 * context; whoever resumes it leaves the input in rax. The stack pointer stands at the context itself, 64-byte aligned.
 *
 *      rbx  the context  (a register that calls preserve, so that unwinders know it here)
 *      r12  the value that the body returned
 *
 * To an unwinder this frame was called by the resumer: its CFA is that of the resumer's parked frame. Stacks may lie in any order,
 * and debuggers take a CFA that goes down for corruption, except below a signal frame.
 */
#define CFI_CFA_OF_RESUMER \
        .cfi_escape 0x0f, 5,                            /* DW_CFA_def_cfa_expression, length */ \
                    0x73, CORO_CONTEXT_RETURN_SP, 0x06, /* DW_OP_breg3 (rbx), DW_OP_deref: the resumer's frame */ \
                    0x23, CORO_FRAME_SIZE               /* DW_OP_plus_uconst */

        .balign 16
HIDDEN coro__first_frame
coro__first_frame:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_personality 0x1b, coro__personality
        CFI_CFA_OF_RESUMER
        CFI_SAVED
        nop                             /* unwinders look a return address up at the byte before it */
HIDDEN coro__entry
coro__entry:
        movq    %rax, %rdi
        call    *CORO_CONTEXT_FN(%rbx)
        movq    %rax, %r12
        cmpq    $0, CORO_CONTEXT_AT_END(%rbx)
        jne     .Lat_end
.Lend:
        THREAD_BLOCK
        movq    CORO_CONTEXT_RESUMER(%rbx), %rcx
        movq    $CORO_STATE_DEAD, CORO_CONTEXT_STATE(%rbx)
        movq    %rcx, THREAD(CURRENT)
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rbx)
        jz      .Lend_fp
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rsp
.Lend_go:
        xorl    %eax, %eax              /* CORO_RETURNED */
        movq    %r12, %rdx
        .cfi_remember_state
        .cfi_def_cfa %rsp, CORO_FRAME_SIZE
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lend_fp:
        FP_STORE %rsp
        movq    %rsp, %r8
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rsp
        FP_COMPARE %r8, %rsp, .Lend_differ
        jmp     .Lend_go
.Lend_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lend_go
        .cfi_endproc

        .cfi_startproc
        .cfi_signal_frame
        .cfi_personality 0x1b, coro__personality
        CFI_CFA_OF_RESUMER
        CFI_SAVED
.Lat_end:
        movq    %rbx, %rdi
        call    coro__run_at_end        /* handlers and destructors, on this stack */
        jmp     .Lend
        .cfi_endproc
END coro__first_frame

/*
 * coro/inline.h jumps here with the stack pointer at a frame that one of the above has parked, rax and rdx as for it.
 */
        .balign 16
PUBLIC coro_inline_enter
coro_inline_enter:
        .cfi_startproc
        CFI_PARKED
        endbr64
        POP_FRAME_AND_GO
        .cfi_endproc
END coro_inline_enter

/*
 * _Noreturn void coro__finish(struct coro__context *context, void *value)
 *
 * End the running coroutine from the middle of its stack: what happens when its body has returned, without the handlers.
 */
        .balign 16
HIDDEN coro__finish
coro__finish:
        .cfi_startproc
        endbr64
        movq    %rdi, %rbx
        movq    %rsi, %r12
        andq    $~15, %rsp
        .cfi_undefined %rip
        jmp     .Lend
        .cfi_endproc
END coro__finish

/*
 * coro_step coro__enter_unwind(struct coro__context *context, int inlined)
 *
 * Resume a suspended context, not to go on but to unwind: coro__unwind() runs as if called from where the context is parked. If
 * that is a yield inlined by coro/inline.h, it goes on and calls coro_inline_unwind() itself, as rdx = 0 asks it to: the compiler
 * has described the frame at that call. Comes back through coro__finish().
 */
        .balign 16
HIDDEN coro__enter_unwind
coro__enter_unwind:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        movq    THREAD(CURRENT), %rcx
        PUSH_FRAME
        movq    $CORO_STATE_ENDING, CORO_CONTEXT_STATE(%rdi)
        movq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        movq    %rdi, THREAD(CURRENT)
        movq    %rsp, CORO_CONTEXT_RETURN_SP(%rdi)
        movq    %rsp, %r8
        movq    CORO_CONTEXT_SP(%rdi), %rsp
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rdi)
        jnz     .Lunwind_go
        FP_STORE %r8
        FP_COMPARE %r8, %rsp, .Lunwind_differ
.Lunwind_go:
        testl   %esi, %esi
        jnz     .Lunwind_inlined
        .cfi_remember_state
        subq    $8, %rsp                /* alignment at the call */
        .cfi_def_cfa_offset CORO_FRAME_SIZE + 8
        call    coro__unwind
        ud2
        .cfi_restore_state
.Lunwind_inlined:
        xorl    %edx, %edx
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
.Lunwind_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lunwind_go
        .cfi_endproc
END coro__enter_unwind

NOTE_PROPERTY 0xc0000002, 1             /* IBT; no shadow stack, which a switch of stacks would break */
NOTE_STACK
