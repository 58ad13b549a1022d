/*
 * Numbers that look random and follow from a seed: SplitMix64 (G. Steele, D. Lea, C. Flood, 2014). Every seed is as good as another.
 */
#ifndef CORO_BASE_RANDOM_H
#define CORO_BASE_RANDOM_H

#include <stdint.h>

static inline uint64_t coro__random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

#endif
