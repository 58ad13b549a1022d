/*
 * coro/stream.h: buffered reading and writing of a descriptor, so that the code of a protocol is short.
 *
 *     coro_stream_t *s;
 *     char *line;
 *
 *     coro_stream_open(&s, fd);
 *     while (coro_stream_read_until(s, '\n', &line, coro_after(CORO_S(30))) > 0) {
 *         coro_stream_printf(s, CORO_FOREVER, "you said: %s", line);
 *         coro_stream_flush(s, CORO_FOREVER);
 *     }
 *     coro_stream_close(s, CORO_FOREVER);
 *
 * A stream that waits for input and has none buffered holds no buffer: ten thousand idle connections cost none. Errors are those of
 * coro/io.h. A stream is used by one reader and one writer at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_STREAM_H
#define CORO_STREAM_H

#include <coro/io.h>
#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A stream. */
typedef struct coro_stream coro_stream_t;

/** The most bytes that are buffered for coro_stream_read_until() and coro_stream_peek(). */
#define CORO_STREAM_MOST ((size_t)1 << 20)

/**
 * Make a stream of a descriptor.
 *
 * @param out  where it goes
 * @param fd   an open descriptor
 * @return     0; -EINVAL `out` is NULL or `fd` negative; -ENOMEM
 *
 * Context:   anywhere.
 * Ownership: the stream is the caller's, to be given to coro_stream_close(); the descriptor is the stream's, on success.
 */
CORO_API int coro_stream_open(coro_stream_t **out, int fd);

/**
 * Flush a stream and close its descriptor.
 *
 * @param s         a stream
 * @param deadline  until when to wait for what is still to be written
 * @return          0; what flushing or closing failed with. The stream is gone in any case; -EINVAL it is NULL.
 *
 * Context:   inside a task; with deadline 0 anywhere.
 * Ownership: frees `s`.
 */
CORO_API int coro_stream_close(coro_stream_t *s, int64_t deadline);

/** The descriptor of a stream; -EINVAL if it is NULL. Context: anywhere. Ownership: the stream's. */
CORO_API int coro_stream_fd(const coro_stream_t *s);

/**
 * Read what there is, up to `n` bytes; wait for the first.
 *
 * @param s, buf, n  from where, to where, how much
 * @param deadline   until when to wait
 * @return           how many bytes; 0 at the end; a negative errno value
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_stream_read(coro_stream_t *s, void *buf, size_t n, int64_t deadline);

/** Read `n` bytes. @return  `n`; fewer at the end of the stream, or if something went wrong after them, which the next call will say; a
 *  negative errno value if there were none. Context: inside a task. */
CORO_API ssize_t coro_stream_read_full(coro_stream_t *s, void *buf, size_t n, int64_t deadline);

/**
 * Read up to and with a delimiter, a line say.
 *
 * @param s          a stream
 * @param delimiter  a byte, '\n' for instance
 * @param data       where a pointer to it goes; what it points to ends with the delimiter and then a '\0', and lasts until the next
 *                   call that reads
 * @param deadline   until when to wait
 * @return           how many bytes, the delimiter counted; 0 at the end; what stands between the last delimiter and the end comes without
 *                   one. -EMSGSIZE there are CORO_STREAM_MOST bytes without one. On failure everything stays buffered.
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_stream_read_until(coro_stream_t *s, char delimiter, char **data, int64_t deadline);

/**
 * Look at the next bytes without reading them.
 *
 * @param s         a stream
 * @param n         wait for so many
 * @param data      where a pointer to all that are buffered goes; lasts until the next call that reads
 * @param deadline  until when to wait
 * @return          how many are buffered: `n` at least, fewer at the end. -EMSGSIZE `n` is more than CORO_STREAM_MOST.
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_stream_peek(coro_stream_t *s, size_t n, char **data, int64_t deadline);

/** Take `n` bytes off that coro_stream_peek() has shown. @return  0; -EINVAL there are not so many */
CORO_API int coro_stream_skip(coro_stream_t *s, size_t n);

/**
 * Write, into the buffer as far as there is room.
 *
 * @param s, buf, n  to where, from where, how much
 * @param deadline   until when to wait for room
 * @return           `n`; a negative errno value: how much was written is not known then, and the stream is of no use any more
 *
 * Context: inside a task.
 */
CORO_API ssize_t coro_stream_write(coro_stream_t *s, const void *buf, size_t n, int64_t deadline);

/** printf(3) into a stream. @return  how many bytes; as coro_stream_write() */
CORO_API int coro_stream_printf(coro_stream_t *s, int64_t deadline, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
CORO_API int coro_stream_vprintf(coro_stream_t *s, int64_t deadline, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/** Send what is buffered. @return  0; a negative errno value: what was not sent stays buffered */
CORO_API int coro_stream_flush(coro_stream_t *s, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
