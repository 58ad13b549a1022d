/*
 * A line of text, for standard error mostly, put together on the stack and written with write(2) alone: for whoever must not call printf(),
 * be it in a signal handler, with little stack left, or with the heap in pieces.
 */
#ifndef CORO_BASE_TEXT_H
#define CORO_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CORO__TEXT_BYTES = 512 };

/* Zeroed is empty. What does not fit is cut off. */
struct coro__text {
    size_t length;
    char bytes[CORO__TEXT_BYTES];
};

void coro__text_add(struct coro__text *text, const char *words);
void coro__text_add_first(struct coro__text *text, const char *words, size_t most); /* at most that many bytes */
void coro__text_decimal(struct coro__text *text, uint64_t n);
void coro__text_hex(struct coro__text *text, uintptr_t n);

/* Write it as one line, in one system call, so that the lines of two threads do not mix. Then it is empty. errno stays. */
void coro__text_write(struct coro__text *text);

/* The same to another descriptor. 0, or a negative errno value if not all of it was written. */
int coro__text_write_to(struct coro__text *text, int fd);

#endif
