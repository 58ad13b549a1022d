/*
 * Text without the C library. Everything here may be called in a signal handler.
 */
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void coro__text_add_first(struct coro__text *text, const char *words, size_t most)
{
    size_t room = CORO__TEXT_BYTES - 1 - text->length; /* less the end of the line */
    size_t n = strnlen(words, most < room ? most : room);

    memcpy(text->bytes + text->length, words, n);
    text->length += n;
}

void coro__text_add(struct coro__text *text, const char *words)
{
    coro__text_add_first(text, words, SIZE_MAX);
}

static void add_number(struct coro__text *text, uint64_t n, unsigned base)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    coro__text_add_first(text, digits + at, sizeof digits - at);
}

void coro__text_decimal(struct coro__text *text, uint64_t n)
{
    add_number(text, n, 10);
}

void coro__text_hex(struct coro__text *text, uintptr_t n)
{
    coro__text_add(text, "0x");
    add_number(text, n, 16);
}

int coro__text_write_to(struct coro__text *text, int fd)
{
    int saved = errno, err = 0;

    text->bytes[text->length++] = '\n';
    for (size_t done = 0; err == 0 && done < text->length;) {
        ssize_t n = write(fd, text->bytes + done, text->length - done);

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? -EIO : -errno;
    }
    text->length = 0;
    errno = saved;
    return err;
}

void coro__text_write(struct coro__text *text)
{
    coro__text_write_to(text, STDERR_FILENO);
}
