/*
 * AArch64 (AAPCS64): what a parked context has at its saved stack pointer. Read by switch.S and by C.
 *
 *     sp + 160  FPCR (and 8 bytes of alignment)
 *           96  d8 ... d15
 *           16  x19 ... x28
 *            8  x30, the address to go on at, signed with sp + 176 where the processor signs
 *     sp      0  x29                                  sp is 16-byte aligned
 *
 * FPCR is there only if the context keeps its floating-point control word to itself.
 */
#ifndef CORO_ASM_FRAME_H
#define CORO_ASM_FRAME_H

#define CORO_FRAME_X29  0
#define CORO_FRAME_X30  8
#define CORO_FRAME_X19  16
#define CORO_FRAME_X21  32
#define CORO_FRAME_X23  48
#define CORO_FRAME_X25  64
#define CORO_FRAME_X27  80
#define CORO_FRAME_D8   96
#define CORO_FRAME_D10  112
#define CORO_FRAME_D12  128
#define CORO_FRAME_D14  144
#define CORO_FRAME_FPCR 160
#define CORO_FRAME_SIZE 176

#endif
