/*
 * libcoro: coroutines for C. This header includes all of it; each of the headers below also stands alone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_H
#define CORO_H

#include <coro/async.h>
#include <coro/base.h>
#include <coro/chan.h>
#include <coro/coroutine.h>
#include <coro/gen.h>
#include <coro/group.h>
#include <coro/inspect.h>
#include <coro/io.h>
#include <coro/pool.h>
#include <coro/sched.h>
#include <coro/stack.h>
#include <coro/stream.h>
#include <coro/sync.h>

#endif
