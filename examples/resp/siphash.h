/*
 * siphash.h: a hash with a key. Who does not know the key cannot make up names that collide, which would make a hash table a list.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012; here with one round a word and three at the end.
 */
#ifndef RESP_SIPHASH_H
#define RESP_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
    uint64_t k0, k1;
};

struct siphash_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline void siphash_round(struct siphash_state *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
    s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
    s->v0 = siphash_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
    s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
    s->v2 = siphash_rotate(s->v2, 32);
}

static inline void siphash_word(struct siphash_state *s, uint64_t word)
{
    s->v3 ^= word;
    siphash_round(s);
    s->v0 ^= word;
}

static inline uint64_t siphash(const struct siphash_key *key, const char *bytes, size_t size)
{
    struct siphash_state s = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
                              key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)size << 56;
    size_t at = 0;

    for (; at + 8 <= size; at += 8) {
        memcpy(&word, bytes + at, sizeof word);
        siphash_word(&s, le64toh(word));
    }
    for (unsigned shift = 0; at < size; at++, shift += 8)
        last |= (uint64_t)(unsigned char)bytes[at] << shift;
    siphash_word(&s, last);
    s.v2 ^= 0xff;
    siphash_round(&s);
    siphash_round(&s);
    siphash_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
