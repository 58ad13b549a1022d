/*
 * JSON, as far as it is needed for a timeline. An array that is cut off, since the process was killed, is still read by the programs
 * that show such files; so there is one event a line, and the closing bracket is all that is missing then.
 */
#include "json.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 65536 };

struct coro__json {
    int fd;
    int err; /* the first */
    uint64_t pid;
    bool comma; /* a member was there before */
    bool begun; /* an event was there before */
    size_t length;
    char buffer[BUFFER];
};

/* ---- bytes ---- */

void coro__json_flush(struct coro__json *json)
{
    size_t done = 0;

    while (json->err == 0 && done < json->length) {
        ssize_t n = write(json->fd, json->buffer + done, json->length - done);

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            json->err = n == 0 ? -EIO : -errno;
    }
    json->length = 0;
}

static void put(struct coro__json *json, const char *bytes, size_t n)
{
    if (json->length + n > BUFFER)
        coro__json_flush(json);
    memcpy(json->buffer + json->length, bytes, n);
    json->length += n;
}

/* Short ones. */
static void put_words(struct coro__json *json, const char *words)
{
    put(json, words, strlen(words));
}

static void put_number(struct coro__json *json, uint64_t n, unsigned digits_least)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0 || sizeof digits - at < digits_least);
    put(json, digits + at, sizeof digits - at);
}

/* ---- text ---- */

/* How many bytes the character takes; 0 if it is none. RFC 3629: neither longer than it need be, nor a surrogate, nor too large. */
static size_t length_of(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static void put_control(struct coro__json *json, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    put(json, escape, sizeof escape);
}

void coro__json_add(struct coro__json *json, const char *part)
{
    const unsigned char *s = (const unsigned char *)part;

    while (*s != '\0') {
        size_t n = length_of(s);

        if (*s < ' ') {
            put_control(json, *s);
        } else {
            if (*s == '"' || *s == '\\')
                put(json, "\\", 1);
            put(json, n != 0 ? (const char *)s : "?", n != 0 ? n : 1);
        }
        s += n != 0 ? n : 1;
    }
}

void coro__json_add_number(struct coro__json *json, uint64_t n)
{
    put_number(json, n, 1);
}

/* ---- members ---- */

static void put_key(struct coro__json *json, const char *key)
{
    put_words(json, json->comma ? ",\"" : "\"");
    put_words(json, key);
    put_words(json, "\":");
    json->comma = true;
}

void coro__json_begin_text(struct coro__json *json, const char *key)
{
    put_key(json, key);
    put(json, "\"", 1);
}

void coro__json_end_text(struct coro__json *json)
{
    put(json, "\"", 1);
}

void coro__json_text(struct coro__json *json, const char *key, const char *value)
{
    coro__json_begin_text(json, key);
    coro__json_add(json, value);
    coro__json_end_text(json);
}

void coro__json_number(struct coro__json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    put_number(json, value, 1);
}

void coro__json_time(struct coro__json *json, const char *key, int64_t ns)
{
    put_key(json, key);
    put_number(json, (uint64_t)ns / 1000, 1);
    put(json, ".", 1);
    put_number(json, (uint64_t)ns % 1000, 3);
}

void coro__json_open(struct coro__json *json, const char *key)
{
    put_key(json, key);
    put(json, "{", 1);
    json->comma = false;
}

void coro__json_close(struct coro__json *json)
{
    put(json, "}", 1);
    json->comma = true;
}

void coro__json_event(struct coro__json *json, const char *ph, uint32_t track)
{
    put_words(json, json->begun ? ",\n{" : "[\n{");
    json->begun = true;
    json->comma = false;
    coro__json_text(json, "ph", ph);
    coro__json_number(json, "pid", json->pid);
    coro__json_number(json, "tid", track);
    if (ph[0] == 'M')
        coro__json_number(json, "ts", 0);
}

void coro__json_end_event(struct coro__json *json)
{
    put(json, "}", 1);
}

/* ---- begun and ended ---- */

int coro__json_create(struct coro__json **out, int fd)
{
    struct coro__json *json = malloc(sizeof *json);

    if (json == NULL)
        return -ENOMEM;
    json->fd = fd;
    json->err = 0;
    json->pid = (uint64_t)getpid();
    json->comma = json->begun = false;
    json->length = 0;
    *out = json;
    return 0;
}

void coro__json_abandon(struct coro__json *json)
{
    close(json->fd);
    free(json);
}

int coro__json_destroy(struct coro__json *json)
{
    int err;

    put_words(json, json->begun ? "\n]\n" : "[]\n");
    coro__json_flush(json);
    err = json->err;
    coro__json_abandon(json);
    return err;
}
