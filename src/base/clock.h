/*
 * The clock that coro_now() is when no scheduler has one of its own.
 */
#ifndef CORO_BASE_CLOCK_H
#define CORO_BASE_CLOCK_H

#include <coro/base.h>

int64_t coro__real_now(void);

#endif
