/*
 * The parser goes on where it stood when the last bytes had been looked at, so that a request that comes byte by byte is not read again
 * each time. Places in the window are offsets: its buffer may move while it grows.
 */
#include "request.h"

#include "number.h"

#include <coro.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void request_begin(struct request *r)
{
    r->arguments = r->few;
    r->capacity = ARGUMENTS_FEW;
    r->count = r->expected = r->parsed = r->total = 0;
    r->wanted = 1;
    r->bulk_known = r->end_due = false;
}

void request_end(struct request *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->arguments[i].value != NULL)
            value_release(r->arguments[i].value);
    if (r->arguments != r->few)
        free(r->arguments);
    request_begin(r);
}

static enum request_state bad(struct request *r, const char *how)
{
    snprintf(r->error, sizeof r->error, "%s", how);
    return REQUEST_BAD;
}

static enum request_state want(struct request *r, size_t size)
{
    r->wanted = size;
    return REQUEST_PARTIAL;
}

/* Room grows with what has come, not with what was announced. */
static bool add(struct request *r, size_t at, size_t size, struct value *value)
{
    if (r->count == r->capacity) {
        struct argument *few = r->arguments == r->few ? NULL : r->arguments;
        struct argument *more = realloc(few, 2 * r->capacity * sizeof *more);

        if (more == NULL)
            return false;
        if (few == NULL)
            memcpy(more, r->few, sizeof r->few);
        r->arguments = more;
        r->capacity *= 2;
    }
    r->arguments[r->count++] = (struct argument){.at = at, .size = size, .value = value};
    return true;
}

static enum request_state complete(struct request *r, char *window)
{
    for (size_t i = 0; i < r->count; i++) {
        struct argument *a = &r->arguments[i];

        a->bytes = a->value != NULL ? a->value->bytes : window + a->at;
    }
    return REQUEST_COMPLETE;
}

/* ---- a request that is a line ---- */

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* What a backslash in double quotes stands for. How many bytes it takes in all? */
static size_t unescape(const char *from, const char *end, char *out)
{
    static const char names[] = "nrtba", meant[] = "\n\r\t\b\a";
    const char *name;

    if (end - from >= 4 && from[1] == 'x' && isxdigit((unsigned char)from[2]) && isxdigit((unsigned char)from[3])) {
        *out = (char)(digit_of(from[2]) << 4 | digit_of(from[3]));
        return 4;
    }
    name = from[1] != '\0' ? strchr(names, from[1]) : NULL;
    *out = name != NULL ? meant[name - names] : from[1];
    return 2;
}

/* A word, perhaps with quotes, is written over itself, which never makes it longer. Where it ends; NULL: it does not. */
static char *take_word(char *from, const char *end, char **word_end)
{
    char *to = from, quote = '\0';

    while (from < end && (quote != '\0' || !isspace((unsigned char)*from))) {
        if (quote == '"' && *from == '\\' && end - from >= 2) {
            from += unescape(from, end, to++);
        } else if (quote == '\'' && *from == '\\' && end - from >= 2 && from[1] == '\'') {
            *to++ = '\'';
            from += 2;
        } else if (quote != '\0' && *from == quote) {
            quote = '\0';
            if (++from < end && !isspace((unsigned char)*from))
                return NULL;
        } else if (quote == '\0' && (*from == '"' || *from == '\'')) {
            quote = *from++;
        } else {
            *to++ = *from++;
        }
    }
    *word_end = to;
    return quote == '\0' ? from : NULL;
}

static enum request_state parse_line(struct request *r, char *window, size_t size)
{
    char *at = window, *end = memchr(window, '\n', size), *word_end;

    if (end == NULL)
        return size < INLINE_MOST ? want(r, size + 1) : bad(r, "too big inline request");
    r->parsed = (size_t)(end - window) + 1;
    for (;;) {
        char *word;

        while (at < end && isspace((unsigned char)*at))
            at++;
        if (at == end)
            return complete(r, window);
        word = at;
        at = take_word(at, end, &word_end);
        if (at == NULL)
            return bad(r, "unbalanced quotes in request");
        if (!add(r, (size_t)(word - window), (size_t)(word_end - word), NULL))
            return bad(r, "out of memory");
    }
}

/* ---- an array of strings ---- */

/* The number behind a '*' or '$', to the end of its line. */
static enum request_state take_number(struct request *r, const char *window, size_t size, const char *too_big,
                                      const char *invalid, long long *out)
{
    const char *line = window + r->parsed + 1;
    size_t rest = size - r->parsed - 1;
    const char *end = memchr(line, '\r', rest);

    if (end == NULL || end + 1 == window + size)
        return rest < INLINE_MOST ? want(r, size + 1) : bad(r, too_big);
    if (end[1] != '\n' || !parse_integer(line, (size_t)(end - line), out))
        return bad(r, invalid);
    r->parsed = (size_t)(end + 2 - window);
    return REQUEST_COMPLETE;
}

static enum request_state take_count(struct request *r, const char *window, size_t size)
{
    static const char invalid[] = "invalid multibulk length";
    long long n = 0;
    enum request_state state = take_number(r, window, size, "too big mbulk count string", invalid, &n);

    if (state == REQUEST_COMPLETE && n > ARGUMENTS_MOST)
        return bad(r, invalid);
    r->expected = n > 0 ? (size_t)n : 0;
    return state;
}

static enum request_state take_length(struct request *r, const char *window, size_t size)
{
    static const char invalid[] = "invalid bulk length";
    long long n = 0;
    enum request_state state;

    if (r->parsed >= size)
        return want(r, r->parsed + 1);
    if (window[r->parsed] != '$') {
        unsigned char c = (unsigned char)window[r->parsed];

        snprintf(r->error, sizeof r->error, "expected '$', got '%c'", isprint(c) ? c : ' ');
        return REQUEST_BAD;
    }
    state = take_number(r, window, size, "too big bulk count string", invalid, &n);
    if (state != REQUEST_COMPLETE)
        return state;
    if (n < 0 || n > BULK_MOST)
        return bad(r, invalid);
    r->bulk = (size_t)n;
    r->total += r->bulk;
    r->bulk_known = true;
    return r->total <= REQUEST_MOST ? REQUEST_COMPLETE : bad(r, "too big request");
}

static enum request_state take_bulk(struct request *r, size_t size)
{
    size_t end = r->parsed + r->bulk;

    if (end + 2 > WINDOW_MOST)
        return REQUEST_BIG;
    if (size < end + 2)
        return want(r, end + 2);
    if (!add(r, r->parsed, r->bulk, NULL))
        return bad(r, "out of memory");
    r->parsed = end;
    r->bulk_known = false;
    r->end_due = true;
    return REQUEST_COMPLETE;
}

static enum request_state take_end(struct request *r, const char *window, size_t size)
{
    if (size < r->parsed + 2)
        return want(r, r->parsed + 2);
    if (memcmp(window + r->parsed, "\r\n", 2) != 0)
        return bad(r, "expected CRLF after a bulk string");
    r->parsed += 2;
    r->end_due = false;
    return REQUEST_COMPLETE;
}

enum request_state request_parse(struct request *r, char *window, size_t size)
{
    enum request_state state = REQUEST_COMPLETE;

    if (r->expected == 0) {
        if (size == 0)
            return want(r, 1);
        if (window[0] != '*')
            return parse_line(r, window, size);
        state = take_count(r, window, size);
    }
    while (state == REQUEST_COMPLETE && (r->end_due || r->count < r->expected)) {
        if (r->end_due)
            state = take_end(r, window, size);
        else if (!r->bulk_known)
            state = take_length(r, window, size);
        else
            state = take_bulk(r, size);
    }
    return state == REQUEST_COMPLETE ? complete(r, window) : state;
}

/* ---- big ones ---- */

static int own_all(struct request *r, const char *window)
{
    for (size_t i = 0; i < r->count; i++) {
        struct argument *a = &r->arguments[i];

        if (a->value != NULL)
            continue;
        a->value = value_new(a->size);
        if (a->value == NULL)
            return -ENOMEM;
        memcpy(a->value->bytes, window + a->at, a->size);
    }
    return 0;
}

static int read_all(coro_stream_t *s, char *to, size_t size, int64_t patience)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = coro_stream_read(s, to + done, size - done, coro_after(patience));

        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        done += (size_t)n;
    }
    return 0;
}

int request_gather(struct request *r, coro_stream_t *s, int64_t patience)
{
    struct value *value;
    char *window;
    int err;

    coro_stream_peek(s, 0, &window, 0);
    err = own_all(r, window);
    if (err != 0)
        return err;
    coro_stream_skip(s, r->parsed);
    r->parsed = 0;
    value = value_new(r->bulk);
    if (value == NULL)
        return -ENOMEM;
    err = read_all(s, value->bytes, r->bulk, patience);
    if (err == 0 && !add(r, 0, r->bulk, value))
        err = -ENOMEM;
    if (err != 0) {
        value_release(value);
        return err;
    }
    r->bulk_known = false;
    r->end_due = true;
    r->wanted = 2;
    return 0;
}
