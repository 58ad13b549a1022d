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

/* Where there are no descriptors of processes. */
static int look_for_end(pid_t pid, int *status, int64_t deadline)
{
    int64_t pause = CORO_US(100), until;
    pid_t ended;
    int err = deadline != 0 ? 0 : -EAGAIN;

    while (err == 0) {
        until = coro_after(pause);
        err = coro_sleep_until(until < deadline ? until : deadline);
        ended = waitpid(pid, status, WNOHANG);
        if (ended != 0)
            return ended > 0 ? ended : -errno;
        if (err == 0 && coro_now() >= deadline)
            err = -ETIMEDOUT;
        pause = pause < CORO_MS(10) ? pause * 2 : pause;
    }
    return err;
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
        return errno == ENOSYS ? look_for_end(pid, status, deadline) : -errno;
    coro__io_opened(fd, -1);
    err = coro_poll_fd(fd, POLLIN, deadline);
    coro_close(fd, 0);
    if (err < 0)
        return err;
    ended = waitpid(pid, status, WNOHANG);
    return ended >= 0 ? ended : -errno;
}
