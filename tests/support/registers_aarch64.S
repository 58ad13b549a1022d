/*
 * registers_changed(), AArch64. See registers.h.
 *
 *      x0  seed   x1  function   x2  a   x3  b   x4  result
 *
 *      sp + 176  sp
 *           168  seed
 *           160  result
 *            96  d8 ... d15
 *            16  x19 ... x28
 *      sp     0  x29, x30
 */
        .text

/* clang-format off */

/* Pattern n is seed + n + 1. */
.macro CHECK reg, n
        add     x10, x9, #\n + 1
        cmp     x10, \reg
        cset    w11, ne
        orr     w0, w0, w11, lsl #\n
.endm

        .globl  registers_changed
        .type   registers_changed, %function
registers_changed:
        .cfi_startproc
        hint    #34                     /* bti c */
        sub     sp, sp, #192
        .cfi_adjust_cfa_offset 192
        stp     x29, x30, [sp]
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28
        .cfi_rel_offset x\n, (\n - 19) * 8 + 16
        .endr
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
        .cfi_rel_offset d\n, (\n - 8) * 8 + 96
        .endr
        mov     x9, sp
        stp     x4, x0, [sp, #160]
        str     x9, [sp, #176]

        .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        add     x\n, x0, #\n - 18
        .endr
        .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
        add     x9, x0, #\n + 4
        fmov    d\n, x9
        .endr
        mov     x9, x1
        mov     x0, x2
        mov     x1, x3
        blr     x9

        ldr     x10, [sp, #160]
        stp     x0, x1, [x10]
        ldr     x9, [sp, #168]
        mov     w0, #0
        .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        CHECK   x\n, (\n - 19)
        .endr
        .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
        fmov    x12, d\n
        CHECK   x12, (\n + 3)
        .endr
        ldr     x10, [sp, #176]
        mov     x12, sp
        cmp     x10, x12
        cset    w11, ne
        orr     w0, w0, w11, lsl #19

        ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp]
        add     sp, sp, #192
        .cfi_adjust_cfa_offset -192
        ret
        .cfi_endproc
        .size   registers_changed, . - registers_changed

.macro CLOBBER n, instruction:vararg
        .text
clobber_\n:
        hint    #34                     /* bti c */
        \instruction
        ret
        .section .data.rel.ro, "aw"
        .quad   clobber_\n
.endm

        .section .data.rel.ro, "aw"
        .balign 8
        .globl  clobbers
        .type   clobbers, %object
        .size   clobbers, 19 * 8
clobbers:
        .irp    n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        CLOBBER \n, mvn x\n, x\n
        .endr
        .irp    n, 8, 9, 10, 11, 12, 13, 14, 15
        CLOBBER \n, fneg d\n, d\n
        .endr

        .section .note.GNU-stack, "", %progbits
