/* call_through_opaque_frame(), AArch64. */
        .text
        .globl  call_through_opaque_frame
        .type   call_through_opaque_frame, %function
call_through_opaque_frame:
        hint    #34                     /* bti c */
        stp     x29, x30, [sp, #-16]!
        mov     x9, x0
        mov     x0, x1
        blr     x9
        ldp     x29, x30, [sp], #16
        ret
        .size   call_through_opaque_frame, . - call_through_opaque_frame

        .section .note.GNU-stack, "", %progbits
