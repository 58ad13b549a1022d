/* call_through_opaque_frame(), x86-64. */
        .text
        .globl  call_through_opaque_frame
        .type   call_through_opaque_frame, @function
call_through_opaque_frame:
        endbr64
        subq    $8, %rsp
        movq    %rdi, %rax
        movq    %rsi, %rdi
        call    *%rax
        addq    $8, %rsp
        ret
        .size   call_through_opaque_frame, . - call_through_opaque_frame

        .section .note.GNU-stack, "", @progbits
