/*
 * x86-64 System V: what a parked context has at its saved stack pointer. Read by switch.S and by C.
 *
 *     sp + 56   address to go on at
 *          48   rbp
 *          40   rbx
 *          32   r12
 *          24   r13
 *          16   r14
 *           8   r15
 *           4   x87 control word (2 bytes)
 *     sp      0   MXCSR                           sp is 16-byte aligned
 *
 * The two words at the bottom are there only if the context keeps its floating-point control words to itself.
 */
#ifndef CORO_ASM_FRAME_H
#define CORO_ASM_FRAME_H

#define CORO_FRAME_MXCSR  0
#define CORO_FRAME_X87_CW 4
#define CORO_FRAME_R15    8
#define CORO_FRAME_R14    16
#define CORO_FRAME_R13    24
#define CORO_FRAME_R12    32
#define CORO_FRAME_RBX    40
#define CORO_FRAME_RBP    48
#define CORO_FRAME_RIP    56
#define CORO_FRAME_SIZE   64

#endif
