#include "server.h"

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER(name, program, variable, talks, listens, what) {name, program, variable, talks, listens, what},
#define ABSENT(name, why)
const struct server_kind server_kinds[] = {
#include "servers.inc"
    {0}};
#undef SERVER
#undef ABSENT

#define SERVER(name, program, variable, talks, listens, what)
#define ABSENT(name, why) {name, why},
const struct server_absent server_absents[] = {
#include "servers.inc"
    {0}};

void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* A socket that listens, on a port that was free. */
static int listen_somewhere(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 4096) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Where this program is. */
static void beside(const char *name, char *out, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    snprintf(out, size, "%.*s%s", slash != NULL ? (int)(slash - self) + 1 : 0, self, name);
}

static void __attribute__((noreturn))
be_server(const struct server_kind *kind, const char *talk, int listener, unsigned port, int cpu)
{
    char path[PATH_MAX], number[16];

    beside(kind->program, path, sizeof path);
    snprintf(number, sizeof number, "%u", port);
    pin(cpu);
    if (kind->variable != NULL)
        putenv((char *)(uintptr_t)kind->variable);
    if (!kind->listens && (listener == IO_LISTENER ? fcntl(listener, F_SETFD, 0) : dup2(listener, IO_LISTENER)) < 0)
        _exit(126);
    execl(path, kind->program, talk, number, (char *)NULL);
    perror(path);
    _exit(127);
}

int server_start(struct server *server, const struct server_kind *kind, const char *talk, int cpu)
{
    int listener = listen_somewhere(&server->port), err;
    pid_t parent = getpid();

    if (listener < 0)
        return errno;
    if (kind->listens)
        close(listener);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        be_server(kind, talk, listener, server->port, cpu);
    }
    err = server->pid < 0 ? errno : 0;
    if (!kind->listens)
        close(listener);
    if (err == 0)
        err = clock_getcpuclockid(server->pid, &server->clock);
    return err;
}

bool server_has_ring(const struct server *server)
{
    char path[64], what[32];

    for (int fd = 0; fd < 64; fd++) {
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)server->pid, fd);
        n = readlink(path, what, sizeof what - 1);
        what[n > 0 ? n : 0] = '\0';
        if (strcmp(what, "anon_inode:[io_uring]") == 0)
            return true;
    }
    return false;
}

void server_end(struct server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

int64_t server_cpu(const struct server *server)
{
    struct timespec ts = {0};

    clock_gettime(server->clock, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t server_memory(const struct server *server)
{
    char path[64], line[256];
    long long kib = -1;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)server->pid);
    file = fopen(path, "r");
    if (file == NULL)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Pss: %lld", &kib) != 1)
            kib = -1;
    fclose(file);
    return kib < 0 ? -1 : kib * 1024;
}
