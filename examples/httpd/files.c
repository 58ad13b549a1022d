/*
 * Files below a folder. A folder stands for the index.html in it.
 *
 * No path leads out of the folder, and no symbolic link is followed, wherever it points: what is below one is not
 * found. Names that begin with a dot are forbidden, "." and ".." among them.
 *
 * A file that the kernel has at hand is opened and read at once; a helper thread does it for one that may take a
 * disk's time.
 */
#include "httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* ---- the path ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Undo %41 and the like. */
static int decode(const char *from, size_t n, char *to)
{
    for (size_t i = 0; i < n; i++) {
        int c = from[i];

        if (c == '%') {
            int high = i + 2 < n ? digit(from[i + 1]) : -1, low = i + 2 < n ? digit(from[i + 2]) : -1;

            if (high < 0 || low < 0 || high * 16 + low == 0)
                return HTTP_STATUS_BAD_REQUEST;
            c = high * 16 + low;
            i += 2;
        }
        *to++ = (char)c;
    }
    *to = '\0';
    return 0;
}

/* NULL after the last one. */
static const char *next_name(const char *name)
{
    const char *slash = strchr(name, '/');

    return slash != NULL ? slash + 1 : NULL;
}

/* Where the file of a request is, seen from the folder. `to` has room for PATH_MOST bytes and the name of an index. */
static int find(const struct request *r, char *to)
{
    int err = decode(r->head + r->path.at + 1, r->path.length - 1, to);

    if (err != 0)
        return err;
    for (const char *name = to; name != NULL; name = next_name(name)) {
        if (*name == '.')
            return HTTP_STATUS_FORBIDDEN;
        if (*name == '/')
            return HTTP_STATUS_NOT_FOUND;
    }
    if (*to == '\0' || to[strlen(to) - 1] == '/')
        strcat(to, "index.html");
    return 0;
}

/* ---- opening ---- */

struct opening {
    int root;
    char *path;
    int result; /* a descriptor, or a negative errno value */
};

/* Name by name, so that none of them is a link that is followed. On a helper thread. */
static void *open_by_names(void *arg)
{
    struct opening *o = arg;
    int folder = o->root, next = 0;
    char *name = o->path, *slash;

    while ((slash = strchr(name, '/')) != NULL && next >= 0) {
        *slash = '\0';
        next = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        o->result = -errno;
        *slash = '/';
        if (folder != o->root)
            close(folder);
        folder = next;
        name = slash + 1;
    }
    if (next < 0)
        return NULL;
    o->result = openat(folder, name, OPEN_FLAGS);
    if (o->result < 0)
        o->result = -errno;
    if (folder != o->root)
        close(folder);
    return NULL;
}

/* The helper uses what is on this stack: hold cancellation back until it has ended. */
static int open_elsewhere(int root, char *path)
{
    struct opening o = {.root = root, .path = path};
    int shielded = coro_shield(true);
    int err = coro_offload(open_by_names, &o, NULL, CORO_FOREVER);

    coro_shield(shielded == 1);
    return err != 0 ? err : o.result;
}

static int open_below(int root, char *path)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_CACHED | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);

    if (fd >= 0 || (errno != EAGAIN && errno != ENOSYS && errno != EINVAL && errno != EPERM))
        return fd >= 0 ? fd : -errno;
    return open_elsewhere(root, path);
}

static int status_of(int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -ELOOP:
    case -ENAMETOOLONG:
        return HTTP_STATUS_NOT_FOUND;
    case -EACCES:
    case -EPERM:
    case -ENXIO:
        return HTTP_STATUS_FORBIDDEN;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
    case -EAGAIN:
        return HTTP_STATUS_SERVICE_UNAVAILABLE;
    default:
        return HTTP_STATUS_INTERNAL_SERVER_ERROR;
    }
}

/* ---- which part of it ---- */

static bool read_number(const char **p, const char *end, uint64_t *out)
{
    const char *begin = *p;

    for (*out = 0; *p < end && **p >= '0' && **p <= '9'; ++*p)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (uint64_t)(**p - '0'), out))
            *out = UINT64_MAX;
    return *p > begin;
}

struct part {
    uint64_t begin, length;
};

/* The part of `size` bytes that "bytes=10-19", "bytes=10-" or "bytes=-10" asks for. 200 if it is something else, or
 * several parts at once: that may be ignored. Otherwise 206 or 416. */
static int parse_range(const char *text, size_t n, uint64_t size, struct part *part)
{
    static const char unit[] = "bytes=";
    const char *p = text + sizeof unit - 1, *end = text + n;
    uint64_t first = 0, last = UINT64_MAX;
    bool has_first, has_last;

    if (n < sizeof unit || memcmp(text, unit, sizeof unit - 1) != 0)
        return HTTP_STATUS_OK;
    has_first = read_number(&p, end, &first);
    if (p == end || *p++ != '-')
        return HTTP_STATUS_OK;
    has_last = read_number(&p, end, &last);
    if (p != end || (!has_first && !has_last) || (has_first && has_last && last < first))
        return HTTP_STATUS_OK;
    if (!has_last)
        last = UINT64_MAX;
    if (!has_first) { /* so many at the end */
        first = last < size ? size - last : 0;
        if (last == 0)
            return HTTP_STATUS_RANGE_NOT_SATISFIABLE;
        last = UINT64_MAX;
    }
    if (first >= size)
        return HTTP_STATUS_RANGE_NOT_SATISFIABLE;
    *part = (struct part){first, (last < size ? last + 1 : size) - first};
    return HTTP_STATUS_PARTIAL_CONTENT;
}

static int which_part(const struct request *r, const char *modified, uint64_t size, struct part *part)
{
    struct slice range = r->headers[RANGE], condition = r->headers[IF_RANGE];

    *part = (struct part){0, size};
    if (range.at == 0 || r->parser.method != HTTP_GET || (condition.at != 0 && !request_says(r, condition, modified)))
        return HTTP_STATUS_OK;
    return parse_range(r->head + range.at, range.length, size, part);
}

static bool is_unmodified(const struct request *r, const char *modified, time_t modified_at)
{
    struct slice since = r->headers[IF_MODIFIED_SINCE];
    char text[DATE_SIZE];
    struct tm parts = {0};

    if (since.at == 0 || since.length >= sizeof text)
        return false;
    if (request_says(r, since, modified)) /* most clients send back what they were sent */
        return true;
    memcpy(text, r->head + since.at, since.length);
    text[since.length] = '\0';
    return strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &parts) != NULL && timegm(&parts) >= modified_at;
}

/* ---- sending ---- */

static const char *type_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/markdown; charset=utf-8"},
        {"json", "application/json"},
        {"xml", "application/xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"ico", "image/vnd.microsoft.icon"},
        {"pdf", "application/pdf"},
        {"wasm", "application/wasm"},
        {"woff2", "font/woff2"},
    };
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/* A head that lies in `buffer` already, and the part of the file behind it. A file that has become shorter meanwhile
 * cannot be told any more: the connection is cut. */
static int send_part(struct connection *c, int fd, struct part part, char *buffer, size_t used, size_t room)
{
    int err = 0;

    do {
        size_t wanted = part.length < room - used ? (size_t)part.length : room - used;
        ssize_t n = wanted != 0 ? coro_pread(fd, buffer + used, wanted, (off_t)part.begin, CORO_FOREVER) : 0;

        if (n < 0 || (n == 0 && wanted != 0))
            return n < 0 ? (int)n : -EIO;
        err = connection_write(c, buffer, used + (size_t)n);
        part.begin += (uint64_t)n;
        part.length -= (uint64_t)n;
        used = 0;
    } while (err == 0 && part.length != 0);
    return err;
}

static int reply_part(struct connection *c, struct request *r, int fd, const struct stat *file, const char *path)
{
    enum { MOST = 65536 };
    uint64_t size = (uint64_t)file->st_size;
    char modified[DATE_SIZE], range[80] = "";
    struct part part;
    size_t room, used;
    char *buffer;
    int status, err;

    http_date(file->st_mtime, modified);
    if (is_unmodified(r, modified, file->st_mtime))
        part = (struct part){0}, status = HTTP_STATUS_NOT_MODIFIED;
    else
        status = which_part(r, modified, size, &part);
    if (status == HTTP_STATUS_RANGE_NOT_SATISFIABLE) {
        snprintf(range, sizeof range, "Content-Range: bytes */%lu\r\n", (unsigned long)size);
        part = (struct part){0};
    } else if (status == HTTP_STATUS_PARTIAL_CONTENT) {
        snprintf(range, sizeof range, "Content-Range: bytes %lu-%lu/%lu\r\n", (unsigned long)part.begin,
                 (unsigned long)(part.begin + part.length - 1), (unsigned long)size);
    }

    room = HEAD_MOST + (part.length < MOST ? (size_t)part.length : MOST);
    buffer = malloc(room);
    if (buffer == NULL)
        return -ENOMEM;
    if (status == HTTP_STATUS_NOT_MODIFIED)
        used = reply_head(c, r, status, buffer, "Last-Modified: %s\r\n", modified);
    else
        used = reply_head(c, r, status, buffer,
                          "Content-Type: %s\r\nContent-Length: %lu\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n%s",
                          type_of(path), (unsigned long)part.length, modified, range);
    if (r->parser.method == HTTP_HEAD)
        part.length = 0;
    err = send_part(c, fd, part, buffer, used, room);
    free(buffer);
    return err;
}

/* Links in it are meant from within the folder. */
static int reply_folder(struct connection *c, struct request *r)
{
    char head[HEAD_MOST];
    size_t n = reply_head(c, r, HTTP_STATUS_MOVED_PERMANENTLY, head, "Location: %.*s/\r\nContent-Length: 0\r\n",
                          (int)r->path.length, r->head + r->path.at);

    return connection_write(c, head, n);
}

int reply_file(struct connection *c, struct request *r)
{
    char path[PATH_MOST + sizeof "index.html"];
    struct stat file;
    int fd, err;

    if (r->parser.method != HTTP_GET && r->parser.method != HTTP_HEAD)
        return reply_not_allowed(c, r, "GET, HEAD");
    err = find(r, path);
    if (err != 0)
        return reply_status(c, r, err);
    fd = open_below(c->server->root, path);
    if (fd < 0)
        return fd == -ECANCELED ? fd : reply_status(c, r, status_of(fd));
    if (fstat(fd, &file) != 0)
        err = reply_status(c, r, HTTP_STATUS_INTERNAL_SERVER_ERROR);
    else if (S_ISREG(file.st_mode))
        err = reply_part(c, r, fd, &file, path);
    else
        err = S_ISDIR(file.st_mode) ? reply_folder(c, r) : reply_status(c, r, HTTP_STATUS_FORBIDDEN);
    coro_close(fd);
    return err;
}
