/*
 * x86-64 System V: what a parked context has at its saved stack pointer. Read by switch.S and by C.
 *
 *     sp + 48   address to go on at
 *          40   rbp
 *          32   rbx
 *          24   r12
 *          16   r13
 *           8   r14
 *     sp      0   r15                             sp is 8 more than a multiple of 16
 *          -4   x87 control word (2 bytes)
 *          -8   MXCSR
 *
 * The two words below sp are there only if the context keeps its floating-point control words to itself. They need no room of
 * their own: nothing runs on a stack that is parked, and the red zone keeps signal handlers off while one is being parked.
 */
#ifndef CORO_ASM_FRAME_H
#define CORO_ASM_FRAME_H

#define CORO_FRAME_MXCSR  -8
#define CORO_FRAME_X87_CW -4
#define CORO_FRAME_R15    0
#define CORO_FRAME_R14    8
#define CORO_FRAME_R13    16
#define CORO_FRAME_R12    24
#define CORO_FRAME_RBX    32
#define CORO_FRAME_RBP    40
#define CORO_FRAME_RIP    48
#define CORO_FRAME_SIZE   56

#endif
