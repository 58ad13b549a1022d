/*
 * The context switch, x86-64 System V.
 *
 * coro_resume(), coro_yield() and coro_transfer() are whole functions in here: they check, switch and go on. There is no C
 * function around them, and they do not leave through `ret`: the processor predicts a `ret` from the calls it has seen, and those
 * were on the other stack. It would be wrong every time, at some 10 ns each. `pop` and an indirect jump are predicted from the
 * history of that jump.
 *
 * A call that no `ret` answers stays on the processor's record, though, and what its caller returns through next is predicted
 * wrongly. So there are three exceptions, where the call it has seen last was made at the very place to go on at. A coroutine that
 * ends and was never parked goes back to the call that entered it, and everything called since has returned; by then most registers are
 * what they were at that call, too. So does a task, if whoever switched to it goes on. And a task goes on at the place where the one
 * before it was parked if both run the same code, as the thousands of a server do: then the calls that led there are the same, too, and
 * the returns of both are predicted as if there were one stack.
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
 * Bits of it say how the switch is to be done. CORO_STATE_SHARES: the context shares the control words of its resumer, so that
 * nobody has to look at them. CORO_STATE_FRESH: it has not begun; there is no frame to leave, its function is called.
 * CORO_STATE_INLINED: coro/inline.h has parked the frame, which serves as well.
 *
 * So resume takes the thread's token from the state and yield compares it with CORO_STATE_ENTERED; what is left chooses the way, and
 * all that is unusual chooses none and leaves by a jump to C, which finds out what was wrong.
 *
 * What a switch loads was mostly stored by the switch before, and such a load waits for its store, and for the addresses of all the
 * stores between, which are stack pointers. So that chains of them are short, the resumer is stored only when it changes, and the
 * thread has a copy of the stack pointer that was stored last to return to: mostly it is the one that yield needs, and known without
 * waiting to know who is current. And stores to one cache line, one after the other, are done two at a time.
 *
 * Every parked context looks alike (frame.h), whichever routine parked it. Therefore the unwind information on both sides of
 * the instruction that changes the stack pointer is the same, and a debugger may stop on any line.
 */
#include "asm.h"
#include "frame.h"
#include "macros.h"

        .text

/* clang-format off */

/*
 * The first frame of every coroutine, and the way into it: coro_resume and coro_transfer go to coro__enter_fresh when they are done
 * with the frame of the resumer. The stack of the coroutine begins below its context, 16-byte aligned.
 *
 *      rbx  the context  (a register that calls preserve, so that unwinders know it here)
 *      rsi  the input
 *      rdx  the value that the body returned
 *
 * To an unwinder this frame interrupted coro__parked, and that was called by the resumer: it has the resumer's parked frame. Stacks
 * may lie in any order, and debuggers take a CFA that goes down for corruption, except below a signal frame. But to whatever called
 * a signal frame an unwinder gives the exact address, and the resumer is to be looked up at its call, one byte before where it goes
 * on: hence coro__parked in between. Its address is kept in the context, since unwind information may hold no addresses.
 */
#define CFI_INTERRUPTED_PARKED \
        .cfi_escape 0x0f, 3,                            /* DW_CFA_def_cfa_expression, length */ \
                    0x73, CORO_CONTEXT_RETURN_SP, 0x06; /* DW_OP_breg3 (rbx), DW_OP_deref */ \
        .cfi_escape 0x10, 16, 3,                        /* DW_CFA_expression, rip, length */ \
                    0x73, CORO_CONTEXT_CALLER & 0x7f | 0x80, CORO_CONTEXT_CALLER >> 7 /* DW_OP_breg3, two bytes of LEB128 */

/*
 * As long as a context that has begun was never parked, its stack pointer says how it began, so that one look at its end tells whether
 * it may go the short way: BEGUN_SHARING or BEGUN_KEEPING (control words) by coro_resume(), or BEGUN_OTHERWISE. BEGUN_SHARING has not
 * to be written: it is what ends leave behind, or an address at which the context was parked, with which the long way is taken.
 */
#define BEGUN_SHARING   0
#define BEGUN_KEEPING   2                               /* and not a value that AT_END has */
#define BEGUN_OTHERWISE 4
#define BEGUN           (BEGUN_KEEPING | BEGUN_OTHERWISE)

/* Is the context in rbx one that was never parked? Equal if it is. */
.macro COMPARE_NEVER_PARKED
        testq   $~BEGUN, CORO_CONTEXT_SP(%rbx)
        movq    $0, CORO_CONTEXT_SP(%rbx)
.endm

/* Begin `to`, handed `value`, of coro__switch(). */
.macro SWITCH_FRESH
        movq    %rsi, %rbx
        andq    $~CORO_STATE_FRESH, CORO_CONTEXT_STATE(%rsi)
        movq    %rdx, %rsi
.endm

/* The words in use are in the frame at the stack pointer. */
.macro ENTER_WITH_WORDS differ
        leaq    -CORO_FRAME_MXCSR(%rbx), %r11           /* as if the words in the context were those of a frame */
        testb   $CORO_STATE_SHARES, %r10b
        cmovnzq %rcx, %r11
        FP_COMPARE %rsp, %r11, \differ
        jmp     coro__enter_fresh
\differ:
        FP_LOAD %rsp, %r11
        jmp     coro__enter_fresh
.endm

/* The context in rbx has ended, and its resumer is current. */
.macro END_CONTEXT
        THREAD_BLOCK
        movq    CORO_CONTEXT_RESUMER(%rbx), %rcx        /* no use for the thread's copy: the context is known */
        movq    $CORO_STATE_DEAD, CORO_CONTEXT_STATE(%rbx)
        movq    %rcx, THREAD(CURRENT)
.endm

/* Leave the frame at the stack pointer by `ret`. All registers but two are still as they are in it. */
.macro END_SHORT
        movq    CORO_FRAME_RBX(%rsp), %rbx
        .cfi_remember_state
        .cfi_restore %rbx
        movq    CORO_FRAME_RBP(%rsp), %rbp
        .cfi_restore %rbp
        addq    $CORO_FRAME_RIP, %rsp
        .cfi_def_cfa_offset CORO_FRAME_SIZE - CORO_FRAME_RIP
        xorl    %eax, %eax              /* CORO_RETURNED */
        ret
        .cfi_restore_state
.endm

.macro CFI_FIRST_FRAME
        .cfi_signal_frame
        .cfi_personality 0x1b, coro__personality
        CFI_INTERRUPTED_PARKED
.endm

        .cfi_startproc
        CFI_PARKED
        nop                             /* unwinders look a return address up at the byte before it */
HIDDEN coro__parked
coro__parked:
        ud2
        .cfi_endproc
END coro__parked

/*
 * coro_step coro_resume(coro_t *co, void *input)
 *
 *      rdi  co           rcx  the running context, co's resumer from now on
 *      rsi  input        rdx  what the state is above the thread's token: bits, if the thread may resume co. Not 0 where an
 *                             inlined yield goes on: see coro__enter_unwind
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
        movq    CORO_CONTEXT_STATE(%rdi), %rdx
        movq    THREAD(CURRENT), %rcx
        subq    THREAD(TOKEN), %rdx
        je      .Lresume_keeps
        cmpq    $CORO_STATE_SHARES, %rdx
        jne     .Lresume_begins
.Lresume_shares:
        PUSH_FRAME
        ENTER   $(CORO_STATE_ENTERED | CORO_STATE_SHARES)
        movq    CORO_CONTEXT_SP(%rdi), %rsp
        movq    %rsi, %rax
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
        ENTER_FROM_ANOTHER
        .cfi_endproc

        .cfi_startproc
        .balign 32
.Lresume_keeps:
        FP_STORE %rsp, CORO_FRAME_RIP
        PUSH_FRAME
        ENTER   $CORO_STATE_ENTERED
        movq    %rsp, %r8
        movq    CORO_CONTEXT_SP(%rdi), %rsp
        movq    %rsi, %rax
        .cfi_remember_state
        POP_FRAME
        FP_COMPARE %r8, %rsp, .Lresume_differ, CORO_FRAME_SIZE
.Lresume_go:
        notrack jmp *%rcx
.Lresume_differ:
        FP_LOAD %r8, %rsp, CORO_FRAME_SIZE
        jmp     .Lresume_go
        .cfi_restore_state
        ENTER_FROM_ANOTHER
        .cfi_endproc

        .cfi_startproc
        .balign 32
.Lresume_begins_keeping:
        cmpq    $CORO_STATE_FRESH, %rdx
        jne     .Lresume_rare
        .cfi_remember_state
        FP_STORE %rsp, CORO_FRAME_RIP
        PUSH_FRAME
        cmpq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jne     .Lbegin_keeping_from_another
.Lbegin_keeping:
        movq    %rdi, %rbx
        movq    %rdi, THREAD(CURRENT)
        leaq    -CORO_FRAME_MXCSR(%rdi), %r11           /* as if the words in the context were those of a frame */
        FP_COMPARE %rsp, %r11, .Lbegin_differs
.Lbegin_compared:
        movq    $CORO_STATE_ENTERED, CORO_CONTEXT_STATE(%rdi)
        movq    %rsp, CORO_CONTEXT_RETURN_SP(%rdi)
        movq    $BEGUN_KEEPING, CORO_CONTEXT_SP(%rdi)
        jmp     .Lenter_fresh
.Lbegin_differs:
        FP_LOAD %rsp, %r11
        jmp     .Lbegin_compared
.Lbegin_keeping_from_another:
        movq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jmp     .Lbegin_keeping
        .cfi_restore_state
.Lresume_rare:
        cmpq    $(CORO_STATE_SHARES | CORO_STATE_INLINED), %rdx
        je      .Lresume_shares
        jmp     coro__resume_refused
        .cfi_endproc

        .cfi_startproc
        .cfi_remember_state
        .cfi_def_cfa_offset CORO_FRAME_SIZE
        CFI_SAVED
.Lbegin_from_another:
        movq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jmp     .Lbegin
        .cfi_restore_state
        .balign 32
.Lresume_begins:
        cmpq    $(CORO_STATE_SHARES | CORO_STATE_FRESH), %rdx
        jne     .Lresume_begins_keeping
        PUSH_FRAME
        cmpq    %rcx, CORO_CONTEXT_RESUMER(%rdi)
        jne     .Lbegin_from_another
.Lbegin:
        movq    %rdi, THREAD(CURRENT)
        movq    $(CORO_STATE_ENTERED | CORO_STATE_SHARES), CORO_CONTEXT_STATE(%rdi)
        movq    %rsp, CORO_CONTEXT_RETURN_SP(%rdi)
        movq    %rdi, %rbx
        .cfi_endproc                    /* and on into coro__first_frame */
END CORO_RESUME

/* It follows on the end of coro_resume. */
HIDDEN coro__first_frame
coro__first_frame:
        .cfi_startproc
        CFI_FIRST_FRAME
.Lenter_fresh:
        movq    %rbx, %rsp
#ifdef CORO_FRAME_POINTERS
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rbp
        addq    $CORO_FRAME_RBP, %rbp
        pushq   CORO_CONTEXT_CALLER(%rbx)
        pushq   %rbp                    /* CORO_RECORD below */
        movq    %rsp, %rbp
#else
        xorl    %ebp, %ebp              /* the end of a chain of frame pointers */
#endif
        movq    %rsi, %rdi
        call    *CORO_CONTEXT_FN(%rbx)
        movq    CORO_CONTEXT_AT_END(%rbx), %rcx
        orq     CORO_CONTEXT_SP(%rbx), %rcx
        jne     .Lend_otherwise
        movq    %rax, %rdx
        END_CONTEXT
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rsp
        .cfi_remember_state
        CFI_PARKED
        END_SHORT
        .cfi_restore_state
.Lend_otherwise:
        cmpq    $BEGUN_KEEPING, %rcx
        jne     .Lend_rare
        FP_STORE %rsp
        movq    %rax, %rdx
        movq    %rsp, %r8
        movq    $0, CORO_CONTEXT_SP(%rbx)
        END_CONTEXT
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rsp
        .cfi_remember_state
        CFI_PARKED
        FP_COMPARE %r8, %rsp, .Lend_keeping_differ
.Lend_keeping:
        END_SHORT
.Lend_keeping_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lend_keeping
        .cfi_restore_state
.Lend_rare:
        cmpq    $0, CORO_CONTEXT_AT_END(%rbx)
        jne     .Lat_end
        movq    %rax, %rdx
.Lend:
        END_CONTEXT
        testb   $CORO_FLAG_SHARE_FPENV, CORO_CONTEXT_FLAGS(%rbx)
        jz      .Lend_fp
        movq    CORO_CONTEXT_RETURN_SP(%rbx), %rsp
.Lend_go:
        xorl    %eax, %eax              /* CORO_RETURNED */
        COMPARE_NEVER_PARKED
        .cfi_remember_state
        CFI_PARKED
        POP_REGISTERS
        RETURN_IF_EQUAL_OR_GO
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
.Lat_end:
        cmpq    $CORO_AT_END_LEAVES, CORO_CONTEXT_AT_END(%rbx)
        je      .Lleave
        movq    %rax, %r12
        movq    %rbx, %rdi
        call    coro__run_at_end        /* handlers and destructors, on this stack */
        movq    %r12, %rdx
        jmp     .Lend

/*
 * The body of a task is over, and rax is who goes on, rdx how (struct coro__leave): as coro__switch(). All calls since the one that
 * switched to this context have returned, if it was never parked; so whoever made that one, at r12, may go on by `ret`.
 */
.Lleave:
        movq    $0, CORO_CONTEXT_AT_END(%rbx)
        movq    %rax, %rsi
        movq    CORO_LEAVING_WORDS(%rdx), %rcx
        movq    CORO_LEAVING_VALUE(%rdx), %rdx
        FP_STORE %rsp
        movq    %rsp, %r8
        xorl    %r9d, %r9d
        COMPARE_NEVER_PARKED
        cmoveq  %r12, %r9
        THREAD_BLOCK
        movq    %rsi, THREAD(CURRENT)
        movq    CORO_CONTEXT_STATE(%rsi), %r10
        testb   $CORO_STATE_FRESH, %r10b
        jnz     .Lleave_to_fresh
        movq    CORO_CONTEXT_SP(%rsi), %rsp
        .cfi_remember_state
        CFI_PARKED
        testb   $CORO_STATE_SHARES, %r10b
        movq    %rcx, %r11
        cmovzq  %rsp, %r11
        movq    %rdx, %rax
        POP_REGISTERS
        cmpq    %r9, (%rsp)
        jmp     .Lswitch_placed
        .cfi_restore_state
.Lleave_to_fresh:
        movq    %r9, %r12
        SWITCH_FRESH
        ENTER_WITH_WORDS .Lleave_to_fresh_differs

/* Where coro__personality() lets an unwinder land when an exception has left the body: rax is the exception. */
HIDDEN coro__forward_landing
coro__forward_landing:
        endbr64
        movq    %rbx, %rdi
        movq    %rax, %rsi
        call    coro__forward           /* does not come back */
        ud2
coro__enter_fresh:
        movq    $BEGUN_OTHERWISE, CORO_CONTEXT_SP(%rbx)
        jmp     .Lenter_fresh
        .cfi_endproc
END coro__first_frame

/*
 * void coro__run_at_end(struct coro__context *context)
 *
 * A frame around coro__run_handlers() through which no exception goes, with rbx = the context as in the first frame.
 */
        .balign 16
HIDDEN coro__run_at_end
coro__run_at_end:
        .cfi_startproc
        .cfi_personality 0x1b, coro__personality
        endbr64
        PUSH    %rbx, 16
        movq    %rdi, %rbx
        call    coro__run_handlers
        POP     %rbx, 8
        ret
        .cfi_endproc
END coro__run_at_end

/*
 * void *coro_yield(void *output)
 *
 *      rdi  output       rcx  the running context       rsi  the thread's token
 *      rax  the input    rdx  its state, its resumer
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
        movq    CORO_CONTEXT_STATE(%rcx), %rdx
        movq    THREAD(TOKEN), %rsi
        cmpq    $CORO_STATE_ENTERED, %rdx
        je      .Lyield_keeps
        andq    $~CORO_STATE_INLINED, %rdx
        cmpq    $(CORO_STATE_ENTERED | CORO_STATE_SHARES), %rdx
        jne     coro__yield_refused
        addq    $CORO_STATE_SHARES, %rsi
        PUSH_FRAME
        movq    %rsi, CORO_CONTEXT_STATE(%rcx)
        movq    %rsp, CORO_CONTEXT_SP(%rcx)
        RETURN_FROM %rcx
        movl    $1, %eax                /* CORO_YIELDED */
        movq    %rdi, %rdx
        .cfi_remember_state
        POP_FRAME_AND_GO
        .cfi_restore_state
        RETURN_FROM_FORMER %rcx
        .cfi_endproc

        .cfi_startproc
        .balign 32
.Lyield_keeps:
        FP_STORE %rsp, CORO_FRAME_RIP
        PUSH_FRAME
        movq    %rsi, CORO_CONTEXT_STATE(%rcx)
        movq    %rsp, CORO_CONTEXT_SP(%rcx)
        movq    %rsp, %r8
        RETURN_FROM %rcx
        movl    $1, %eax                /* CORO_YIELDED */
        movq    %rdi, %rdx
        .cfi_remember_state
        POP_FRAME
        FP_COMPARE %r8, %rsp, .Lyield_differ, CORO_FRAME_SIZE
.Lyield_go:
        notrack jmp *%rcx
.Lyield_differ:
        FP_LOAD %r8, %rsp, CORO_FRAME_SIZE
        jmp     .Lyield_go
        .cfi_restore_state
        RETURN_FROM_FORMER %rcx
        .cfi_endproc
END CORO_YIELD

/*
 * coro_step coro_transfer(coro_t *to, void *value)
 *
 *      rdi  to           rcx  the running context
 *      rsi  value        rdx  where its resumer is parked, to's from now on
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
        movq    CORO_CONTEXT_STATE(%rcx), %r9
        subq    $CORO_STATE_ENTERED, %r9                /* r9, r10: bits of the two states */
        testq   $~(CORO_STATE_INLINED | CORO_STATE_SHARES), %r9
        jnz     coro__transfer_refused
        movq    CORO_CONTEXT_STATE(%rdi), %r10
        movq    THREAD(TOKEN), %r8
        subq    %r8, %r10
        testq   $~(CORO_STATE_INLINED | CORO_STATE_SHARES | CORO_STATE_FRESH), %r10
        jnz     coro__transfer_refused
        movl    CORO_CONTEXT_FLAGS(%rcx), %r11d         /* what is above CORO_FLAG_BITS is ignored */
        notl    %r11d
        andl    CORO_CONTEXT_FLAGS(%rdi), %r11d
        testb   $CORO_FLAG_FORWARD, %r11b               /* the resumer expects no exception */
        jnz     coro__transfer_refused
        subq    $8, %rsp
        .cfi_def_cfa_offset 16
        leaq    .Ltransfer_landing(%rip), %r11
        pushq   %r11
        .cfi_def_cfa_offset 24
        PUSH_FRAME 16
        movq    %rdi, %rbx                              /* from here on, saved registers may be used */
        movq    CORO_CONTEXT_RETURN_SP(%rcx), %rdx
        movq    CORO_CONTEXT_RESUMER(%rcx), %r11
        movq    %rdx, CORO_CONTEXT_RETURN_SP(%rbx)
        movq    %r11, CORO_CONTEXT_RESUMER(%rbx)
        CHAIN   %rbx, %rdx, %r11
        movq    %rbx, THREAD(CURRENT)
        andl    $CORO_STATE_SHARES, %r9d
        addq    %r9, %r8
        movq    %r8, CORO_CONTEXT_STATE(%rcx)
        movl    %r10d, %r12d
        andl    $CORO_STATE_FRESH, %r12d                /* r12: is `to` fresh? */
        andl    $CORO_STATE_SHARES, %r10d
        leaq    CORO_STATE_ENTERED(%r10), %r8
        movq    %r8, CORO_CONTEXT_STATE(%rbx)

        /* Control words. A context that shares them shares its resumer's, which then may not have been written down.
           r11: the frame with the words to load; those of a fresh context are in the place of its stack pointer. */
        leaq    -CORO_FRAME_MXCSR(%rbx), %r11
        testl   %r12d, %r12d
        cmovzq  CORO_CONTEXT_SP(%rbx), %r11
        movq    %rsp, CORO_CONTEXT_SP(%rcx)
        testl   %r10d, %r10d
        jz      .Ltransfer_to_keeps
        testl   %r9d, %r9d
        jnz     .Ltransfer_go                           /* both share: nothing to do */
        movq    %rdx, %r11                              /* from its own to the resumer's */
        jmp     .Ltransfer_store
.Ltransfer_to_keeps:
        testl   %r9d, %r9d
        jz      .Ltransfer_store
        FP_STORE %rdx                                   /* from the resumer's to its own: write the resumer's down */
.Ltransfer_store:
        FP_STORE %rsp
        FP_COMPARE %rsp, %r11, .Ltransfer_differ
.Ltransfer_go:
        testl   %r12d, %r12d
        jnz     coro__enter_fresh
        movq    CORO_CONTEXT_SP(%rbx), %rsp
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
HIDDEN coro__transfer_landing
coro__transfer_landing:
        nop                             /* unwinders look a return address up at the byte before it */
.Ltransfer_landing:
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
 * int coro__switch(struct coro__context *from, struct coro__context *to, uintptr_t value, void *words)
 *
 * The scheduler's: park the running context, go on with another that this has parked, or begin a fresh one. Nobody is resumed and
 * nobody yields; states and resumers stay as they are, so that a task is parked along with all coroutines that it has resumed.
 *
 *      rdi  from         rdx  what the call that parked `to` returns, or the input of a fresh one
 *      rsi  to           rcx  as if a frame: has the control words of contexts that share them
 *      r10  to's state   r8   the frame of `from`
 */
.macro SWITCH_LEAVE
        PUSH_FRAME
        movq    %rsp, CORO_CONTEXT_SP(%rdi)
        movq    %rsi, THREAD(CURRENT)
        movq    CORO_CONTEXT_STATE(%rsi), %r10
.endm

/* Is `to`, whose registers have been popped, parked where `from` has just been? Asked before control words are compared: that has to
   wait, and so does what comes after it. */
.macro SWITCH_COMPARE_PLACES
        movq    CORO_FRAME_RIP(%r8), %r9
        cmpq    %r9, (%rsp)
.endm

        .balign 64
HIDDEN CORO_SWITCH
CORO_SWITCH:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        testb   $CORO_STATE_SHARES, CORO_CONTEXT_STATE(%rdi)
        jnz     .Lswitch_shares
        FP_STORE %rsp, CORO_FRAME_RIP
        SWITCH_LEAVE
        testb   $CORO_STATE_FRESH, %r10b
        jnz     .Lswitch_fresh
.Lswitch_compare:
        movq    %rsp, %r8
        movq    CORO_CONTEXT_SP(%rsi), %rsp
        testb   $CORO_STATE_SHARES, %r10b
        movq    %rcx, %r11
        cmovzq  %rsp, %r11
        movq    %rdx, %rax
        .cfi_remember_state
        POP_REGISTERS
        SWITCH_COMPARE_PLACES
.Lswitch_placed:
        je      .Lswitch_same
        .cfi_remember_state
        POP_RIP
        FP_COMPARE %r8, %r11, .Lswitch_differ
.Lswitch_go:
        notrack jmp *%rcx
.Lswitch_differ:
        FP_LOAD %r8, %r11
        jmp     .Lswitch_go
        .cfi_restore_state
.Lswitch_same:
        FP_COMPARE %r8, %r11, .Lswitch_same_differ
.Lswitch_ret:
        ret
.Lswitch_same_differ:
        FP_LOAD %r8, %r11
        jmp     .Lswitch_ret
        .cfi_restore_state
.Lswitch_fresh:
        movq    CORO_FRAME_RIP(%rsp), %r12              /* where the last call was made: see .Lleave */
        SWITCH_FRESH
        ENTER_WITH_WORDS .Lswitch_fresh_differs
        .cfi_endproc

        .cfi_startproc
        .balign 32
.Lswitch_shares:
        SWITCH_LEAVE
        testb   $CORO_STATE_SHARES, %r10b
        jz      .Lswitch_to_keep
        testb   $CORO_STATE_FRESH, %r10b
        jnz     .Lswitch_shares_fresh
        movq    %rsp, %r8
        movq    CORO_CONTEXT_SP(%rsi), %rsp
        movq    %rdx, %rax
        .cfi_remember_state
        POP_REGISTERS
        SWITCH_COMPARE_PLACES
        RETURN_IF_EQUAL_OR_GO
        .cfi_restore_state
.Lswitch_shares_fresh:
        movq    CORO_FRAME_RIP(%rsp), %r12
        SWITCH_FRESH
        jmp     coro__enter_fresh
.Lswitch_to_keep:
        FP_STORE %rsp
        testb   $CORO_STATE_FRESH, %r10b
        jnz     .Lswitch_fresh
        jmp     .Lswitch_compare
        .cfi_endproc
END CORO_SWITCH

/*
 * void coro__make_outermost(void *frame)
 *
 * Make of CORO_FRAME_SIZE bytes a parked frame that nobody goes on at: where unwinders find the end of the stack of a task.
 */
        .balign 16
HIDDEN coro__make_outermost
coro__make_outermost:
        .cfi_startproc
        endbr64
        leaq    .Loutermost(%rip), %rax
        movq    %rax, CORO_FRAME_RIP(%rdi)
        ret
        .cfi_endproc
END coro__make_outermost

        .cfi_startproc
        .cfi_undefined %rip
HIDDEN coro__outermost
coro__outermost:
        nop                             /* unwinders look a return address up at the byte before it */
.Loutermost:
        ud2
        .cfi_endproc
END coro__outermost

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
        .cfi_endproc

        .cfi_startproc
        CFI_FIRST_FRAME                 /* which it is from here on */
        movq    %rsi, %rdx
        andq    $~15, %rsp
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
        CHAIN   %rdi, %rsp, %r8
        movq    %rsp, THREAD(RETURN_SP)
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

/*
 * _Noreturn void coro__finish_by_exception(struct coro__context *context, struct _Unwind_Exception *exception)
 *
 * End the running coroutine; its resumer does not go on with a step, but coro__raise(exception) runs as if called from where it
 * is parked, in the frame of coro_resume().
 */
        .balign 16
HIDDEN coro__finish_by_exception
coro__finish_by_exception:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        movq    $CORO_STATE_DEAD, CORO_CONTEXT_STATE(%rdi)
        movq    $0, CORO_CONTEXT_SP(%rdi)
        movq    %rsp, %r8
        movq    CORO_CONTEXT_RESUMER(%rdi), %rcx
        movq    %rcx, THREAD(CURRENT)
        movq    CORO_CONTEXT_RETURN_SP(%rdi), %rsp
        CFI_PARKED
        FP_STORE %r8
        FP_COMPARE %r8, %rsp, .Lraise_differ
.Lraise:
        movq    %rsi, %rdi
        .cfi_remember_state
        subq    $8, %rsp                /* alignment at the call */
        .cfi_def_cfa_offset CORO_FRAME_SIZE + 8
        call    coro__raise
        ud2
        .cfi_restore_state
.Lraise_differ:
        FP_LOAD %r8, %rsp
        jmp     .Lraise
        .cfi_endproc
END coro__finish_by_exception

/*
 * void *__cxa_get_globals(void), void *__cxa_get_globals_fast(void)
 *
 * Where the C++ runtime keeps which exceptions are in flight and being handled. These stand in for its own, which know one place
 * a thread: the running context's, or before the thread's first use of the library its root's. Weak, so that a runtime that is
 * linked whole is no conflict; and in here, since this object is always linked, and nothing in it is dropped alone.
 */
        .balign 16
PUBLIC_WEAK __cxa_get_globals
PUBLIC_WEAK __cxa_get_globals_fast
__cxa_get_globals:
__cxa_get_globals_fast:
        .cfi_startproc
        endbr64
        THREAD_BLOCK
        movq    THREAD(CURRENT), %rdx
        addq    %fs:0, %rax
        addq    $CORO_THREAD_ROOT, %rax
        testq   %rdx, %rdx
        cmovnzq %rdx, %rax
        addq    $CORO_CONTEXT_EXCEPTIONS, %rax
        ret
        .cfi_endproc
END __cxa_get_globals_fast
END __cxa_get_globals

PLACES
NOTE_PROPERTY 0xc0000002, 1             /* IBT; no shadow stack, which a switch of stacks would break */
NOTE_STACK
