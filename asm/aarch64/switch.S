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
#include "macros.h"

        .text

/* clang-format off */

#include "coroutine.inc"
#include "transfer.inc"
#include "task.inc"

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

#include "end.inc"

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
