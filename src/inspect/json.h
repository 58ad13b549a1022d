/*
 * A JSON array of events, written to a file bit by bit.
 */
#ifndef CORO_INSPECT_JSON_H
#define CORO_INSPECT_JSON_H

#include <stdint.h>

struct coro__json;

/* Begin. 0 or -ENOMEM; then `fd` is its own. */
int coro__json_create(struct coro__json **out, int fd);

/* End: 0, or the first that the system failed with to write. Or just give everything back. */
int coro__json_destroy(struct coro__json *json);
void coro__json_abandon(struct coro__json *json);

/* Write what is in memory. */
void coro__json_flush(struct coro__json *json);

/* An event of the kind `ph`, of this process, on a track. Its members follow. */
void coro__json_event(struct coro__json *json, const char *ph, uint32_t track);
void coro__json_end_event(struct coro__json *json);

/* Members of the event, or of the object that is open in it. Keys are plain. Times are ns, and become us. */
void coro__json_text(struct coro__json *json, const char *key, const char *value);
void coro__json_number(struct coro__json *json, const char *key, uint64_t value);
void coro__json_time(struct coro__json *json, const char *key, int64_t ns);
void coro__json_open(struct coro__json *json, const char *key);
void coro__json_close(struct coro__json *json);

/* A text in several parts. What is no UTF-8 becomes question marks. */
void coro__json_begin_text(struct coro__json *json, const char *key);
void coro__json_add(struct coro__json *json, const char *part);
void coro__json_add_number(struct coro__json *json, uint64_t n);
void coro__json_end_text(struct coro__json *json);

#endif
