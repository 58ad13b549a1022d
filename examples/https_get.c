/*
 * https_get: fetch a page by HTTPS, with OpenSSL.
 *
 * OpenSSL is given the non-blocking socket. Where it wants to read or to write, the task waits with coro_poll_fd()
 * and calls it again. So the task parks outside OpenSSL, never in a callback: the queue of errors that OpenSSL keeps
 * for the thread is not mixed up by others.
 *
 * The certificate must be signed by somebody who is trusted, and be for the host. One deadline holds for all of it.
 */
#include "common.h"

#include <arpa/inet.h>
#include <coro.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>

static const char usage[] = "usage: https_get [--ca FILE] [--timeout SECONDS] https://HOST[:PORT][/PATH]\n"
                            "Print what is there. The status is 0 if that is an answer of 200, 1 if not.\n"
                            "\n"
                            "  --ca FILE          certificates to trust, instead of the system's\n"
                            "  --timeout SECONDS  for all of it; 30 if not said\n";

struct page {
    char host[256], port[8]; /* no brackets around an IPv6 address */
    const char *path;
    const char *ca; /* NULL: the system's */
    int64_t deadline;
    int err;
};

/* ---- a TLS connection, to tasks like any other: 0 or more, or a negative errno value ---- */

/* What OpenSSL has to say; -EPROTO stands for it. */
static int tls_error(const SSL *ssl)
{
    long verdict = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;

    if (verdict != X509_V_OK)
        fprintf(stderr, "https_get: the certificate: %s\n", X509_verify_cert_error_string(verdict));
    else
        fprintf(stderr, "https_get: TLS: %s\n", ERR_reason_error_string(ERR_get_error()));
    ERR_clear_error();
    return -EPROTO;
}

/* After a call that has returned `result`: 1 if it is to be made again, 0 at the end of the stream. */
static int tls_again(SSL *ssl, int result, int64_t deadline)
{
    int ready;

    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        ready = coro_poll_fd(SSL_get_fd(ssl), POLLIN, deadline);
        return ready < 0 ? ready : 1;
    case SSL_ERROR_WANT_WRITE:
        ready = coro_poll_fd(SSL_get_fd(ssl), POLLOUT, deadline);
        return ready < 0 ? ready : 1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return errno != 0 ? -errno : -EPIPE;
    default:
        return tls_error(ssl);
    }
}

static int tls_connect(SSL *ssl, int64_t deadline)
{
    int result, again = 1;

    while (again == 1 && (result = SSL_connect(ssl)) != 1)
        again = tls_again(ssl, result, deadline);
    return again == 1 ? 0 : again == 0 ? -EPIPE : again;
}

static int tls_read(SSL *ssl, void *buffer, size_t size, int64_t deadline)
{
    int n, again = 1;

    while (again == 1 && (n = SSL_read(ssl, buffer, (int)size)) <= 0)
        again = tls_again(ssl, n, deadline);
    return again == 1 ? n : again;
}

/* All of it: OpenSSL does not write parts if it is not told to. */
static int tls_write(SSL *ssl, const void *data, size_t size, int64_t deadline)
{
    int n, again = 1;

    while (again == 1 && (n = SSL_write(ssl, data, (int)size)) <= 0)
        again = tls_again(ssl, n, deadline);
    return again == 1 ? n : again == 0 ? -EPIPE : again;
}

/* ---- who is on the other side ---- */

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* The certificate is to be for this host. Servers of several are told which, by name. */
static bool expect_host(SSL *ssl, const char *host)
{
    if (is_address(host))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static SSL_CTX *trusting(const char *ca)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
        (ca != NULL ? SSL_CTX_load_verify_file(context, ca) : SSL_CTX_set_default_verify_paths(context)) == 1)
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* ---- a page ---- */

static int ask(SSL *ssl, const struct page *page)
{
    bool brackets = strchr(page->host, ':') != NULL;
    char request[4096];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.0\r\n" /* so the end of the answer is that of the stream */
                     "Host: %s%s%s:%s\r\n\r\n",
                     page->path, brackets ? "[" : "", page->host, brackets ? "]" : "", page->port);

    if ((size_t)n >= sizeof request)
        return -EMSGSIZE;
    n = tls_write(ssl, request, (size_t)n, page->deadline);
    return n < 0 ? n : 0;
}

/* Print all that comes. An answer that was cut off is an error: its end is said by TLS. */
static int print_answer(SSL *ssl, const struct page *page)
{
    char buffer[4096], status[sizeof "HTTP/1.1 200"] = "";
    size_t known = 0;
    int n;

    while ((n = tls_read(ssl, buffer, sizeof buffer, page->deadline)) > 0) {
        for (int i = 0; i < n && known < sizeof status - 1; i++)
            status[known++] = buffer[i];
        fwrite(buffer, 1, (size_t)n, stdout);
    }
    if (n < 0)
        return n;
    return strncmp(status, "HTTP/1.", 7) == 0 && strcmp(status + 8, " 200") == 0 ? 0 : -ENOENT;
}

static int fetch_by(SSL *ssl, int fd, const struct page *page)
{
    int err;

    if (SSL_set_fd(ssl, fd) != 1 || !expect_host(ssl, page->host))
        return tls_error(NULL);
    err = tls_connect(ssl, page->deadline);
    if (err == 0)
        err = ask(ssl, page);
    if (err == 0)
        err = print_answer(ssl, page);
    return err;
}

static int fetch_from(int fd, const struct page *page)
{
    SSL_CTX *context = trusting(page->ca);
    SSL *ssl = context != NULL ? SSL_new(context) : NULL;
    int err = ssl != NULL ? fetch_by(ssl, fd, page) : tls_error(NULL);

    SSL_free(ssl);
    SSL_CTX_free(context);
    return err;
}

static void *fetch(void *arg)
{
    struct page *page = arg;
    char addr[300];
    int fd;

    snprintf(addr, sizeof addr, strchr(page->host, ':') != NULL ? "[%s]:%s" : "%s:%s", page->host, page->port);
    fd = coro_tcp_dial(addr, page->deadline);
    page->err = fd;
    if (fd >= 0) {
        page->err = fetch_from(fd, page);
        coro_close(fd);
    }
    return NULL;
}

/* ---- the command line ---- */

/* https://host[:port][/path], https://[address][:port][/path] */
static bool parse_url(const char *url, struct page *page)
{
    const char *host, *end, *port = "443";
    size_t length, port_length = 3;

    if (strncmp(url, "https://", 8) != 0)
        return false;
    host = url + 8;
    page->path = host + strcspn(host, "/");
    end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":/");
    if (end == NULL || end > page->path)
        return false;
    if (host[0] == '[')
        host++;
    length = (size_t)(end - host);
    end += *end == ']';
    if (*end == ':') {
        port = end + 1;
        port_length = (size_t)(page->path - port);
    } else if (end != page->path) {
        return false;
    }
    if (length == 0 || length >= sizeof page->host || port_length == 0 || port_length >= sizeof page->port)
        return false;
    memcpy(page->host, host, length);
    memcpy(page->port, port, port_length);
    if (*page->path == '\0')
        page->path = "/";
    return strpbrk(url, " \r\n\t") == NULL;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"ca", required_argument, NULL, 'c'},
                                            {"timeout", required_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    unsigned long seconds = 30;
    struct page page = {0};
    int option, err;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        } else if (option == 'c') {
            page.ca = optarg;
        } else if (option != 't' || !parse_number(optarg, 1000000, &seconds)) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (argc - optind != 1 || !parse_url(argv[optind], &page)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes as if there were none */
    page.deadline = coro_after(CORO_S(seconds));
    err = coro_run(fetch, &page, NULL, NULL);
    if (err == 0)
        err = page.err;
    if (err != 0 && err != -EPROTO)
        fprintf(stderr, "https_get: %s\n", err == -ENOENT ? "not found" : coro_strerror(err));
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
