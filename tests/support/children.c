/*
 * Children that may die, and what they said.
 *
 * The library refuses to work in a fork of a process that has used it. So a server is forked at the very beginning, and forks a
 * child whenever it is asked to: such a child is a copy of a process that has not used the library. Starting the program anew
 * would do too, but not under an emulator. Functions have the same addresses in all of them.
 */
#include "children.h"
#include "test.h"
#include "tools.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    int (*fn)(long);
    long arg;
};

static int server = -1;

/* ---- one child ---- */

#ifdef CORO_TEST_COVERAGE
/* Counts are written at a normal exit, which no child comes to. So they are written when it aborts, which goes on to end the process
   by itself, when a fault is about to take its usual way, and when a handler leaves by _exit(). */
void __gcov_dump(void);
void __gcov_reset(void);

static void write_counts(int signo)
{
    (void)signo;
    __gcov_dump();
    __gcov_reset(); /* what comes now is added when they are written again */
}

int __real_sigaction(int signo, const struct sigaction *new, struct sigaction *old);
int __wrap_sigaction(int signo, const struct sigaction *new, struct sigaction *old);

int __wrap_sigaction(int signo, const struct sigaction *new, struct sigaction *old)
{
    if (new != NULL &&new->sa_handler == SIG_DFL && (signo == SIGSEGV || signo == SIGBUS))
        write_counts(signo);
    return __real_sigaction(signo, new, old);
}

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

_Noreturn void __wrap__exit(int code)
{
    write_counts(0);
    __real__exit(code);
}
#else
static void write_counts(int signo)
{
    (void)signo;
}
#endif

static void child_prepare(int said)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    dup2(said, STDERR_FILENO);
    signal(SIGSEGV, SIG_DFL); /* neither cmocka's handler nor a sanitizer's: the parent wants to see the signal */
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
#ifdef CORO_TEST_COVERAGE
    signal(SIGABRT, write_counts);
#endif
    alarm(120);
}

static void read_all(int fd, char *into, size_t size)
{
    char rest[512];
    size_t length = 0;
    ssize_t n;

    while ((n = read(fd, rest, sizeof rest)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        for (ssize_t i = 0; i < n && length + 1 < size; i++)
            into[length++] = rest[i];
    }
    into[length] = '\0';
}

/* The exit code goes through a pipe, and the child kills itself: at a normal exit valgrind would look for leaks, find what the
   parent has on its other stacks, and exit with a code of its own. Errors before that do count. */
static _Noreturn void child_runs(int (*fn)(long), long arg, int result)
{
    unsigned errors = VALGRIND_COUNT_ERRORS;
    int code = fn(arg);

    write_counts(0);
    if (VALGRIND_COUNT_ERRORS != errors)
        code = 99;
    if (!under_valgrind())
        _exit(code);
    if (write(result, &code, sizeof code) == (ssize_t)sizeof code)
        raise(SIGKILL);
    _exit(98);
}

struct child_end in_forked_child(int (*fn)(long arg), long arg)
{
    struct child_end end = {.code = -1, .signal = -1};
    int said[2], result[2], status = 0;
    pid_t pid;

    if (pipe2(said, O_CLOEXEC) != 0 || pipe2(result, O_CLOEXEC) != 0)
        return end;
    pid = fork();
    if (pid == 0) {
        child_prepare(said[1]);
        close(said[0]);
        child_runs(fn, arg, result[1]);
    }
    close(said[1]);
    close(result[1]);
    read_all(said[0], end.said, sizeof end.said);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && read(result[0], &end.code, sizeof end.code) != sizeof end.code)
        end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end.signal = WIFSIGNALED(status) && end.code < 0 ? WTERMSIG(status) : 0;
    close(said[0]);
    close(result[0]);
    return end;
}

/* ---- the server ---- */

static _Noreturn void serve(int client)
{
    struct request r;

    while (read(client, &r, sizeof r) == (ssize_t)sizeof r) {
        struct child_end end = in_forked_child(r.fn, r.arg);

        if (write(client, &end, sizeof end) != (ssize_t)sizeof end)
            break;
    }
    _exit(0);
}

int children_prepare(void)
{
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        serve(pair[1]);
    }
    close(pair[1]);
    server = pair[0];
    return pid > 0 ? 0 : -1;
}

struct child_end in_fresh_child(int (*fn)(long arg), long arg)
{
    struct request r = {.fn = fn, .arg = arg};
    struct child_end end = {.code = -1, .signal = -1};

    if (write(server, &r, sizeof r) != (ssize_t)sizeof r || read(server, &end, sizeof end) != (ssize_t)sizeof end)
        end = (struct child_end){.code = -1, .signal = -1, .said = "the server of children is gone"};
    return end;
}
