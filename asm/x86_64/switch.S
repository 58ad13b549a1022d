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

#include "coroutine.inc"
#include "transfer.inc"
#include "task.inc"

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

#include "end.inc"

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
