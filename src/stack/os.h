/*
 * All that stacks ask of the operating system. Every address and size here is a multiple of the page size.
 *
 * A region begins reserved: it takes address space and nothing else, and a touch faults. Its parts are then opened or guarded.
 */
#ifndef CORO_STACK_OS_H
#define CORO_STACK_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* What a guard spans: a frame has to be larger to jump over it. */
#define CORO__GUARD_SIZE ((size_t)64 << 10)

size_t coro__os_page_size(void);

/* To a multiple of a power of two. */
static inline size_t coro__round_up(size_t n, size_t power)
{
    return (n + power - 1) & ~(power - 1);
}

/* Reserve `size` bytes of address space. NULL if there is none. */
void *coro__os_reserve(size_t size);

/* Unreserve. */
void coro__os_release(void *p, size_t size);

/* Make reserved memory usable. 0 or -ENOMEM. */
int coro__os_open(void *p, size_t size);

/* Make opened memory a guard for good, by whichever means works for it. 0 or -ENOMEM. */
int coro__os_guard(void *p, size_t size);

/* Put a guard marker, which splits no mapping. False where the kernel, the emulator or a lock on the memory refuses it. */
bool coro__os_mark(void *p, size_t size);

/* Do that in `n` places at once, at most CORO__OS_AT_ONCE, each `stride` after the one before. Returns in how many it is done: 0 where
   the kernel has no such call. */
size_t coro__os_mark_each(void *p, size_t size, size_t stride, size_t n);

/* Have memory put there in as many places before it is touched, which takes less than as many page faults. May do nothing. */
void coro__os_populate_each(void *p, size_t size, size_t stride, size_t n);

enum { CORO__OS_AT_ONCE = 16 };

/* Give the memory back and keep the address space; it reads as zero again. Guards stay. */
void coro__os_discard(void *p, size_t size);

/* The same for several regions, at most CORO__OS_AT_ONCE. */
void coro__os_discard_each(const struct iovec *parts, size_t n);

/* The lowest address in p ... p + size, in whole pages, whose page is resident; p + size if none is. */
void *coro__os_lowest_resident(void *p, size_t size);

#endif
