/*
 * The floating-point control and status bits of the machine, as one word each.
 */
#ifndef TESTS_SUPPORT_FPENV_H
#define TESTS_SUPPORT_FPENV_H

#include "test.h"

#if defined(__x86_64__)

/* Control: MXCSR without its status bits, and the x87 control word in the upper half. */
enum { FP_SIMD_STATUS = 0x3f };

static inline uint32_t fp_mxcsr(void)
{
    uint32_t mxcsr = 0;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}

static inline uint64_t fp_control(void)
{
    uint16_t x87 = 0;

    __asm__ volatile("fnstcw %0" : "=m"(x87));
    return (fp_mxcsr() & ~(uint32_t)FP_SIMD_STATUS) | (uint64_t)x87 << 32;
}

static inline void fp_set_control(uint64_t control)
{
    uint32_t mxcsr = (uint32_t)control | (fp_mxcsr() & FP_SIMD_STATUS);
    uint16_t x87 = (uint16_t)(control >> 32);

    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
    __asm__ volatile("fldcw %0" ::"m"(x87));
}

/* The status bits of both units. */
static inline uint32_t fp_status(void)
{
    uint16_t x87 = 0;

    __asm__ volatile("fnstsw %0" : "=m"(x87));
    return (fp_mxcsr() & FP_SIMD_STATUS) | (uint32_t)(x87 & 0x3f) << 16;
}

static inline void fp_set_status(uint32_t simd)
{
    uint32_t mxcsr = (fp_mxcsr() & ~(uint32_t)FP_SIMD_STATUS) | simd;

    __asm__ volatile("fnclex");
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

/* Rounding, nothing else: what even valgrind keeps. */
static inline uint64_t fp_rounding(unsigned mode)
{
    return 0x1f80u | mode % 4 << 13 | (uint64_t)(0x37fu | mode % 4 << 10) << 32;
}

/* One control bit after another, of either unit alone, differs from the default. */
static inline uint64_t fp_variant(unsigned n)
{
    static const uint16_t x87[] = {0x37e, 0x37d, 0x37b, 0x377, 0x36f, 0x35f, 0x27f, 0x07f, 0x77f, 0xb7f, 0xf7f};

    if (n < 10)
        return (0x1f80u ^ 1u << (n + 6)) | UINT64_C(0x37f) << 32;
    return 0x1f80u | (uint64_t)x87[n - 10] << 32;
}
enum { FP_VARIANTS = 21 };

#elif defined(__aarch64__)

static inline uint64_t fp_control(void)
{
    uint64_t fpcr;

    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
}

static inline void fp_set_control(uint64_t control)
{
    __asm__ volatile("msr fpcr, %0" ::"r"(control));
}

static inline uint32_t fp_status(void)
{
    uint64_t fpsr;

    __asm__ volatile("mrs %0, fpsr" : "=r"(fpsr));
    return (uint32_t)fpsr & 0x9f;
}

static inline void fp_set_status(uint32_t bits)
{
    __asm__ volatile("msr fpsr, %0" ::"r"((uint64_t)bits));
}

static inline uint64_t fp_rounding(unsigned mode)
{
    return (uint64_t)(mode % 4) << 22;
}

/* Rounding, flush to zero, default NaN, alternative half precision, and the trap enables. */
static inline uint64_t fp_variant(unsigned n)
{
    static const unsigned bits[] = {22, 23, 24, 25, 26, 8, 9, 10, 11, 12, 15, 19};

    return UINT64_C(1) << bits[n];
}
enum { FP_VARIANTS = 12 };

#endif

/* Does this machine (or what stands for it) keep these bits? */
static inline bool fp_keeps(uint64_t control)
{
    uint64_t before = fp_control(), kept;

    fp_set_control(control);
    kept = fp_control();
    fp_set_control(before);
    return kept == control;
}

#endif
