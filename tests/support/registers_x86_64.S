/*
 * registers_changed(), x86-64. See registers.h.
 *
 *      rdi  seed   rsi  function   rdx  a   rcx  b   r8  result
 *
 *      rsp + 16  result
 *            8  seed
 *      rsp   0  rsp + 8
 */
        .text

/* clang-format off */

.macro PUSH reg
        pushq   \reg
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset \reg, 0
.endm

.macro POP reg
        popq    \reg
        .cfi_adjust_cfa_offset -8
        .cfi_restore \reg
.endm

/* Pattern n is seed + n + 1. */
.macro FILL reg, n
        leaq    \n + 1(%rdi), \reg
.endm

.macro CHECK reg, n
        leaq    \n + 1(%rdi), %rcx
        xorl    %edx, %edx
        cmpq    %rcx, \reg
        setne   %dl
        shll    $\n, %edx
        orl     %edx, %eax
.endm

        .globl  registers_changed
        .type   registers_changed, @function
registers_changed:
        .cfi_startproc
        endbr64
        PUSH    %rbp
        PUSH    %rbx
        PUSH    %r12
        PUSH    %r13
        PUSH    %r14
        PUSH    %r15
        pushq   %r8
        .cfi_adjust_cfa_offset 8
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        pushq   %rsp
        .cfi_adjust_cfa_offset 8
        FILL    %rbx, 0
        FILL    %rbp, 1
        FILL    %r12, 2
        FILL    %r13, 3
        FILL    %r14, 4
        FILL    %r15, 5
        movq    %rsi, %rax
        movq    %rdx, %rdi
        movq    %rcx, %rsi
        call    *%rax
        movq    16(%rsp), %rcx
        movq    %rax, (%rcx)
        movq    %rdx, 8(%rcx)
        movq    8(%rsp), %rdi
        xorl    %eax, %eax
        CHECK   %rbx, 0
        CHECK   %rbp, 1
        CHECK   %r12, 2
        CHECK   %r13, 3
        CHECK   %r14, 4
        CHECK   %r15, 5
        leaq    8(%rsp), %rcx
        xorl    %edx, %edx
        cmpq    %rcx, (%rsp)
        setne   %dl
        shll    $6, %edx
        orl     %edx, %eax
        pushfq
        .cfi_adjust_cfa_offset 8
        popq    %rdx
        .cfi_adjust_cfa_offset -8
        cld
        shrl    $3, %edx                /* the direction flag is bit 10 */
        andl    $0x80, %edx
        orl     %edx, %eax
        addq    $24, %rsp
        .cfi_adjust_cfa_offset -24
        POP     %r15
        POP     %r14
        POP     %r13
        POP     %r12
        POP     %rbx
        POP     %rbp
        ret
        .cfi_endproc
        .size   registers_changed, . - registers_changed

.macro CLOBBER n, instruction:vararg
        .text
clobber_\n:
        endbr64
        \instruction
        ret
        .section .data.rel.ro, "aw"
        .quad   clobber_\n
.endm

        .section .data.rel.ro, "aw"
        .balign 8
        .globl  clobbers
        .type   clobbers, @object
        .size   clobbers, 7 * 8
clobbers:
        CLOBBER 0, notq %rbx
        CLOBBER 1, notq %rbp
        CLOBBER 2, notq %r12
        CLOBBER 3, notq %r13
        CLOBBER 4, notq %r14
        CLOBBER 5, notq %r15
        CLOBBER 6, std

        .section .note.GNU-stack, "", @progbits
