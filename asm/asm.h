/*
 * Macros for the .S files: symbols, the names of the entry points, the notes at the end of each object.
 */
#ifndef CORO_ASM_H
#define CORO_ASM_H

#include "layout.h"

/* A sanitizer must be told of every switch. In such builds C functions in src/core/sanitized.c take the public names and call
   these routines under others; everywhere else resume, yield and transfer *are* these routines, nothing around them. */
#ifdef CORO_SANITIZED
#define CORO_RESUME   coro__resume_raw
#define CORO_YIELD    coro__yield_raw
#define CORO_TRANSFER coro__transfer_raw
#define CORO_SWITCH   coro__switch_raw
#define CORO_ENTRY_POINT HIDDEN
#else
#define CORO_RESUME   coro_resume
#define CORO_YIELD    coro_yield
#define CORO_TRANSFER coro_transfer
#define CORO_SWITCH   coro__switch
#define CORO_ENTRY_POINT PUBLIC
#endif

/* clang-format off */
.macro PUBLIC name
        .globl  \name
        .type   \name, %function
.endm

/* For names that are not ours alone: another definition in the same link is no error, and wins. */
.macro PUBLIC_WEAK name
        .weak   \name
        .type   \name, %function
.endm

.macro HIDDEN name
        PUBLIC  \name
        .hidden \name
.endm

.macro END name
        .size   \name, . - \name
.endm

/* Without this note the linker makes the stack of the whole program executable. */
.macro NOTE_STACK
        .section .note.GNU-stack, "", %progbits
.endm

/* A GNU property note, without which the linker turns the feature off for the whole program:
   \type is GNU_PROPERTY_X86_FEATURE_1_AND or GNU_PROPERTY_AARCH64_FEATURE_1_AND, \bits what this object promises. */
.macro NOTE_PROPERTY type, bits
        .section .note.gnu.property, "a", %note
        .balign 8
        .long   4                       /* length of the name */
        .long   16                      /* length of the one property below */
        .long   5                       /* NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   \type
        .long   4
        .long   \bits
        .long   0
.endm

.macro PLACE name
        .quad   \name - coro__places
.endm

/* Where a debugger finds the library in a process, as distances from here: nothing to relocate. The section has a name of its own, which
   is left in a file whose symbols are not. The code refers to it, by a relocation that does nothing, so that where there are coroutines
   no linker drops it, or what it names. tools/gdb/libcoro-gdb.py, docs/design/0014-gdb.md. */
.macro PLACES
        .text
        .reloc  ., BFD_RELOC_NONE, coro__places
        .section .coro_places, "a", %progbits
        .balign 8
        .globl  coro__places
        .hidden coro__places
        .type   coro__places, %object
coro__places:
        .asciz  "libcoro places1"
        PLACE   coro__layout
        PLACE   coro__threads
        PLACE   coro__orphans
        PLACE   coro__leaks_wanted
        PLACE   coro__first_frame
        PLACE   coro__run_at_end
        PLACE   .Loutermost
END coro__places
        .text
.endm
/* clang-format on */

#endif
