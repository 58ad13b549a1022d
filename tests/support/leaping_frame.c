/*
 * What jumps over a guard.
 */
#include "leaping_frame.h"

__attribute__((noinline)) int leap(int n)
{
    volatile char frame[300 << 10];

    __asm__ volatile("" : : "r"(frame) : "memory"); /* or compilers keep no more of it than is used */
    frame[0] = (char)n;
    return frame[0] + 1;
}
