/*
 * Signals and child processes, as descriptors that can be waited for.
 */
#include "io.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int coro_wait_signal(int signo, int64_t deadline)
{
    struct signalfd_siginfo got;
    sigset_t set;
    ssize_t n;
    int fd;

    sigemptyset(&set);
    if (sigaddset(&set, signo) != 0 || signo == SIGKILL || signo == SIGSTOP)
        return -EINVAL;
    if (deadline != 0 && coro__may_wait() == NULL)
        return coro__wait_refusal();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    coro__io_opened(fd, -1);
    n = coro_read(fd, &got, sizeof got, deadline);
    coro_close(fd, 0);
    return n < 0 ? (int)n : (int)got.ssi_signo;
}

int coro_wait_pid(pid_t pid, int *status, int64_t deadline)
{
    int fd, err, ignored;
    pid_t ended;

    if (pid <= 0)
        return -EINVAL;
    if (deadline != 0 && coro__may_wait() == NULL)
        return coro__wait_refusal();
    if (status == NULL)
        status = &ignored;
    ended = waitpid(pid, status, WNOHANG);
    if (ended != 0)
        return ended > 0 ? ended : -errno;
    fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return -errno;
    coro__io_opened(fd, -1);
    err = coro_poll_fd(fd, POLLIN, deadline);
    coro_close(fd, 0);
    if (err < 0)
        return err;
    ended = waitpid(pid, status, WNOHANG);
    return ended >= 0 ? ended : -errno;
}
