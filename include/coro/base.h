/*
 * coro/base.h: version, errors and time. Included by every other header of libcoro.
 *
 * Errors. Every call that can fail returns 0 (or a count) on success and a negative errno value on failure. `errno` itself is
 * set only where a call has no room for an error in its result, and its comment says so. On failure outputs are untouched and
 * nothing has changed.
 *
 * Time. Every deadline is an absolute CLOCK_MONOTONIC time in nanoseconds.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_BASE_H
#define CORO_BASE_H

#include <stdint.h>

#define CORO_VERSION_MAJOR 0
#define CORO_VERSION_MINOR 1
#define CORO_VERSION_PATCH 0

#define CORO_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that is linked (the macros above are those of the header that was compiled).
 *
 * @return  "MAJOR.MINOR.PATCH"
 *
 * Context:   anywhere, signal handlers included.
 * Ownership: static string.
 */
CORO_API const char *coro_version(void);

/**
 * Say in words what an error of this library means.
 *
 * @param err  a result of a call, -EINVAL or EINVAL alike; 0 is "success"
 * @return     a short sentence without a full stop; for a code that libcoro gives no meaning of its own, that of the system
 *
 * Context:   anywhere, signal handlers included.
 * Ownership: static string.
 */
CORO_API const char *coro_strerror(int err);

/** Durations in nanoseconds: `CORO_MS(20)`. The argument is converted to int64_t first; a product outside it is the caller's. */
#define CORO_US(n) ((int64_t)(n)*1000)
#define CORO_MS(n) ((int64_t)(n)*1000000)
#define CORO_S(n)  ((int64_t)(n)*1000000000)

/** The deadline that never comes. */
#define CORO_FOREVER INT64_MAX

/**
 * The time now.
 *
 * @return  CLOCK_MONOTONIC in nanoseconds; inside a scheduler with virtual time, what its clock shows
 *
 * Context: anywhere.
 */
CORO_API int64_t coro_now(void);

/**
 * The deadline `ns` from now: `coro_after(CORO_MS(20))`.
 *
 * @param ns  nanoseconds; negative ones give a deadline that has passed, CORO_FOREVER gives CORO_FOREVER
 * @return    coro_now() + ns, held within 0 ... CORO_FOREVER. A deadline that has passed is never 0: 0 means "without waiting",
 *            so the earliest time given is 1.
 *
 * Context: anywhere.
 */
CORO_API int64_t coro_after(int64_t ns);

#ifdef __cplusplus
}
#endif

#endif
