/* What the snippets of docs/guide/io.md take for granted. */
#include <poll.h>
#include <signal.h>

/* of OpenSSL, which is not needed to look at it */
typedef struct ssl_st SSL;
enum { SSL_ERROR_WANT_READ = 2, SSL_ERROR_WANT_WRITE = 3 };
extern int SSL_read(SSL *ssl, void *buffer, int size), SSL_get_error(const SSL *ssl, int result);

extern int fd, listener, status, err;
extern ssize_t n;
extern char header[16], body[4096], buffer[4096], path[];
extern size_t length;
extern int64_t deadline;
extern pid_t child;
extern SSL *ssl;
extern coro_sem_t free_places;
extern coro_group_t connections;

extern coro_fn hash_file;
extern coro_job serve_and_post;
