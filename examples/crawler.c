/*
 * crawler: fetches a page, those that it links to on the same host, and so on.
 *
 * Every page is a task of one group, begun when the first link to it is found. So nobody has to find out when all is
 * done: the group is joined then. A semaphore lets so many of them fetch at a time, and the deadline of the group is
 * that of everything.
 *
 * Ends with status 1 if a page could not be had, and so finds dead links.
 */
#include "common.h"

#include <coro.h>
#include <http_parser.h>
#include <search.h>
#include <strings.h>

enum { LINK_MOST = 1024, BODY_MOST = 4 << 20 };

struct crawl {
    /* from the command line */
    char host[256]; /* and port, as in "127.0.0.1:8080" */
    const char *first;
    unsigned long at_once, most, seconds;

    coro_group_t group;
    coro_sem_t places;
    void *pages; /* tree of struct page, sorted by path */
    unsigned long known;
    int64_t begun;

    unsigned long answered, failed, bytes; /* added up at the end */
};

struct page {
    struct crawl *crawl;
    char *path;
    int err;
    unsigned status; /* of HTTP */
    size_t bytes, links;
};

/* ---- a reply ---- */

struct text {
    char at[LINK_MOST];
    size_t length;
};

struct reply {
    struct page *page;
    struct text name, type, location, other;
    struct text *value; /* where the value of the header goes that is being read; NULL while its name is */
    char *body;         /* of a page that may have links */
    size_t body_length;
    bool complete;
};

/* What does not fit is cut. */
static void append(struct text *text, const char *at, size_t n)
{
    if (n > sizeof text->at - 1 - text->length)
        n = sizeof text->at - 1 - text->length;
    memcpy(text->at + text->length, at, n);
    text->length += n;
    text->at[text->length] = '\0';
}

/* A name or a value may come in pieces. */
static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct reply *reply = parser->data;

    if (reply->value != NULL)
        reply->name.length = 0;
    reply->value = NULL;
    append(&reply->name, at, length);
    return 0;
}

static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct reply *reply = parser->data;

    if (reply->value == NULL) {
        reply->value = strcasecmp(reply->name.at, "content-type") == 0 ? &reply->type
                       : strcasecmp(reply->name.at, "location") == 0   ? &reply->location
                                                                       : &reply->other;
        reply->value->length = 0;
    }
    append(reply->value, at, length);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct reply *reply = parser->data;
    char *longer;

    reply->page->bytes += length;
    if (parser->status_code != HTTP_STATUS_OK || strncasecmp(reply->type.at, "text/html", 9) != 0)
        return 0;
    if (length > BODY_MOST - reply->body_length)
        return -1;
    longer = realloc(reply->body, reply->body_length + length);
    if (longer == NULL)
        return -1;
    reply->body = longer;
    memcpy(reply->body + reply->body_length, at, length);
    reply->body_length += length;
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct reply *reply = parser->data;

    reply->complete = true;
    reply->page->status = parser->status_code;
    return 0;
}

static int receive(coro_stream_t *stream, struct reply *reply)
{
    static const http_parser_settings callbacks = {
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };
    http_parser parser;

    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = reply;
    while (!reply->complete) {
        char *bytes;
        ssize_t n = coro_stream_peek(stream, 1, &bytes, CORO_FOREVER);

        if (n < 0)
            return (int)n;
        http_parser_execute(&parser, &callbacks, n != 0 ? bytes : "", (size_t)n); /* none: that was the end */
        coro_stream_skip(stream, (size_t)n);
        if (!reply->complete && (n == 0 || HTTP_PARSER_ERRNO(&parser) != HPE_OK))
            return -EPROTO;
    }
    return 0;
}

static int get(struct page *page, struct reply *reply)
{
    const char *host = page->crawl->host;
    coro_stream_t *stream;
    int err, fd = coro_tcp_dial(host, CORO_FOREVER);

    if (fd < 0)
        return fd;
    err = coro_stream_open(&stream, fd);
    if (err != 0) {
        coro_close(fd);
        return err;
    }
    err = coro_stream_printf(stream, CORO_FOREVER,
                             "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: libcoro\r\nConnection: close\r\n\r\n",
                             page->path, host);
    if (err >= 0)
        err = coro_stream_flush(stream, CORO_FOREVER);
    if (err == 0)
        err = receive(stream, reply);
    coro_stream_close(stream, 0);
    return err;
}

/* ---- links ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct page *)a)->path, ((const struct page *)b)->path);
}

static int fetch(void *page);

/* Begin a page that is not known yet. `path` is copied. */
static void visit(struct crawl *crawl, const char *path)
{
    struct page *page = calloc(1, sizeof *page);
    struct page **found;

    if (page == NULL || crawl->known == crawl->most || (page->path = strdup(path)) == NULL) {
        free(page);
        return;
    }
    page->crawl = crawl;
    found = tsearch(page, &crawl->pages, by_path);
    if (found == NULL || *found != page) {
        free(page->path);
        free(page);
        return;
    }
    crawl->known++;
    page->err = coro_group_spawn(&crawl->group, fetch, page);
}

/* Take "." and ".." out of a path, in place. What would lead above the root stays there. */
static void tidy(char *path)
{
    char *from = path, *to = path;

    while (*from == '/') {
        size_t length = strcspn(from + 1, "/?") + 1;
        bool last = from[length] != '/';

        if (length == 2 && from[1] == '.') {
            if (last)
                *to++ = '/';
        } else if (length == 3 && from[1] == '.' && from[2] == '.') {
            while (to > path && *--to != '/')
                ;
            if (last)
                *to++ = '/';
        } else {
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    memmove(to, from, strlen(from) + 1);
}

/* Follow a link of a page, if it leads to the same host. */
static void follow(struct page *page, const char *link, size_t length)
{
    size_t host_length = strlen(page->crawl->host);
    char path[2 * LINK_MOST];
    int folder = 0;

    for (size_t i = 0; i < length; i++)
        if (link[i] == '#')
            length = i;
        else if (link[i] <= ' ' || link[i] == 127)
            return;
    if (length > 7 + host_length && strncasecmp(link, "http://", 7) == 0 &&
        strncasecmp(link + 7, page->crawl->host, host_length) == 0 && link[7 + host_length] == '/') {
        link += 7 + host_length;
        length -= 7 + host_length;
    }
    if (length == 0 || length >= LINK_MOST || *link == '?' || (length >= 2 && memcmp(link, "//", 2) == 0))
        return;
    if (*link != '/') {
        if (memchr(link, ':', length) != NULL) /* another scheme or host */
            return;
        folder = (int)strcspn(page->path, "?");
        while (page->path[folder - 1] != '/')
            folder--;
    }
    if (folder >= LINK_MOST)
        return;
    snprintf(path, sizeof path, "%.*s%.*s", folder, page->path, (int)length, link);
    tidy(path);
    page->links++;
    visit(page->crawl, path);
}

/* The values of all attributes href, in quotes. */
static void follow_all(struct page *page, const char *html, size_t n)
{
    static const char attribute[] = "href=";
    const char *end = html + n;

    for (const char *p = html; end - p > (ptrdiff_t)sizeof attribute; p++) {
        const char *link = p + sizeof attribute, *quote;

        if (strncasecmp(p, attribute, sizeof attribute - 1) != 0 || (link[-1] != '"' && link[-1] != '\''))
            continue;
        quote = memchr(link, link[-1], (size_t)(end - link));
        if (quote == NULL)
            break;
        follow(page, link, (size_t)(quote - link));
        p = quote;
    }
}

/* ---- all of it ---- */

static int fetch(void *arg)
{
    struct page *page = arg;
    struct reply *reply = NULL;

    page->err = coro_sem_wait(&page->crawl->places, CORO_FOREVER);
    if (page->err != 0)
        return 0;
    reply = calloc(1, sizeof *reply);
    page->err = -ENOMEM;
    if (reply != NULL) {
        reply->page = page;
        page->err = get(page, reply);
    }
    coro_sem_post(&page->crawl->places);
    if (page->err == 0) {
        follow(page, reply->location.at, reply->location.length);
        if (reply->body != NULL)
            follow_all(page, reply->body, reply->body_length);
    }
    if (reply != NULL)
        free(reply->body);
    free(reply);
    return 0;
}

/* Returns 0, or an error: -ETIMEDOUT if it was not finished in time. */
static void *crawl_all(void *arg)
{
    struct crawl *crawl = arg;
    int err;

    crawl->begun = coro_now();
    coro_sem_init(&crawl->places, (unsigned)crawl->at_once);
    err = coro_group_open(&crawl->group, CORO_WAIT_ALL, coro_after(CORO_S((int64_t)crawl->seconds)));
    if (err == 0) {
        visit(crawl, crawl->first);
        err = coro_group_join(&crawl->group);
    }
    return (void *)(intptr_t)err;
}

static void print_page(const void *node, VISIT visit, void *arg)
{
    const struct page *page = *(struct page *const *)node;
    struct crawl *crawl = arg;
    bool failed = page->err != 0 || page->status >= 400;

    if (visit != postorder && visit != leaf) /* once for each, in order */
        return;
    if (page->err != 0)
        printf("%6s  %12s  %6s  %s: %s\n", "-", "-", "-", page->path, coro_strerror(page->err));
    else
        printf("%6u  %12s  %6zu  %s\n", page->status, GROUPED(page->bytes), page->links, page->path);
    crawl->answered += page->err == 0;
    crawl->failed += failed;
    crawl->bytes += page->bytes;
}

static void free_page(void *node)
{
    struct page *page = node;

    free(page->path);
    free(page);
}

static const char usage[] = "usage: crawler [OPTION...] URL\n"
                            "Fetch a page, and all that it leads to on the same host.\n"
                            "\n"
                            "  --at-once N     so many at a time (8)\n"
                            "  --pages N       at most so many (10000)\n"
                            "  --deadline S    seconds for all of it (60)\n";

static void refuse(void)
{
    fputs(usage, stderr);
    exit(2);
}

/* "http://host:port/path". Returns whether it is that. */
static bool parse_url(const char *url, struct crawl *crawl)
{
    struct http_parser_url parts;
    int length;

    http_parser_url_init(&parts);
    if (strncasecmp(url, "http://", 7) != 0 || strlen(url) >= LINK_MOST ||
        http_parser_parse_url(url, strlen(url), 0, &parts) != 0 || (parts.field_set & 1 << UF_USERINFO) != 0)
        return false;
    length = (int)strcspn(url + 7, "/?#");
    crawl->first = url[7 + length] == '/' ? url + 7 + length : "/";
    return snprintf(crawl->host, sizeof crawl->host, "%.*s%s", length, url + 7,
                    (parts.field_set & 1 << UF_PORT) != 0 ? "" : ":80") < (int)sizeof crawl->host &&
           strchr(crawl->first, '#') == NULL;
}

static void parse_options(int argc, char *argv[], struct crawl *crawl)
{
    static const struct option options[] = {
        {"at-once", required_argument, NULL, 'n'},
        {"pages", required_argument, NULL, 'p'},
        {"deadline", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned long *number = option == 'n' ? &crawl->at_once : option == 'p' ? &crawl->most : &crawl->seconds;

        if (option == 'h') {
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        }
        if (option == '?' || !parse_number(optarg, 1000000, number) || *number == 0)
            refuse();
    }
    if (argc - optind != 1 || !parse_url(argv[optind], crawl))
        refuse();
}

int main(int argc, char *argv[])
{
    struct crawl crawl = {.at_once = 8, .most = 10000, .seconds = 60};
    void *failed = NULL;
    int err;

    parse_options(argc, argv, &crawl);
    err = coro_run(crawl_all, &crawl, &failed, NULL);
    if (err == 0)
        err = (int)(intptr_t)failed;
    printf("status         bytes   links  page\n");
    twalk_r(crawl.pages, print_page, &crawl);
    printf("\n%s pages, %s errors, %s bytes, %s ms\n", GROUPED(crawl.answered), GROUPED(crawl.failed),
           GROUPED(crawl.bytes), GROUPED((unsigned long)((coro_now() - crawl.begun) / CORO_MS(1))));
    if (err != 0)
        fprintf(stderr, "crawler: %s\n", coro_strerror(err));
    tdestroy(crawl.pages, free_page);
    return err == 0 && crawl.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
