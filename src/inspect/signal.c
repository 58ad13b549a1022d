/*
 * A dump when a signal comes.
 *
 * The handler walks nothing that may be about to change: it asks every scheduler to write itself down when it comes to it, by way of
 * their inboxes, and says which task runs on the thread that it has interrupted. It sends itself on to the threads of all other
 * schedulers, for the latter.
 */
#include "inspect.h"

#include "base/panic.h"
#include "base/text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int installed; /* under the lock; 0: none */
static struct sigaction previous;

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&lock);
    coro__registry_on_signal(coro__dump_here);
}

/* ---- names ---- */

static const struct {
    const char *name;
    int signo;
} names[] = {{"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},    {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
             {"PIPE", SIGPIPE},     {"ALRM", SIGALRM}, {"TERM", SIGTERM},    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},
             {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},    {"URG", SIGURG},   {"XCPU", SIGXCPU},
             {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},  {"IO", SIGIO},     {"PWR", SIGPWR},
             {"XFSZ", SIGXFSZ},     {"POLL", SIGPOLL}, {"STKFLT", SIGSTKFLT}};
enum { NAMES = sizeof names / sizeof *names, DEPTH_MOST = 100 };

/* NULL if it has none. */
static const char *name_of(int signo)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].signo == signo)
            return names[i].name;
    return NULL;
}

static int by_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    return end != text && *end == '\0' && number > 0 && number <= SIGRTMAX ? (int)number : 0;
}

/* 0 if it is none. */
static int signal_of(const char *text)
{
    const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;

    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].signo;
    return by_number(text);
}

/* ---- the handler ---- */

/* While a switch is under way a resumer may be an old one. The list of live coroutines is in order at every instruction. */
static bool is_live(const struct coro__thread *t, const struct coro__context *context)
{
    for (const struct coro *co = t->live; co != NULL; co = co->next_live)
        if (&co->context == context)
            return true;
    return false;
}

/* The root of the running task, if coroutines run inside each other there; or how far that is known. */
static struct coro__context *root_of(const struct coro__thread *t)
{
    struct coro__context *context = t->current;

    for (int depth = 0; depth < DEPTH_MOST; depth++) {
        if (context->resumer == &t->root || !is_live(t, context->resumer))
            break;
        context = context->resumer;
    }
    return context;
}

static void add_signal(struct coro__text *line, int signo)
{
    const char *name = name_of(signo);

    coro__text_add(line, "libcoro: signal ");
    if (name != NULL)
        coro__text_add(line, name);
    else
        coro__text_decimal(line, (uint64_t)signo);
    coro__text_add(line, ": thread ");
    coro__text_decimal(line, (uint64_t)syscall(SYS_gettid));
    coro__text_add(line, " runs ");
}

static void say_stackless(int signo, const struct coro_task *task)
{
    struct coro__text line = {0};

    add_signal(&line, signo);
    coro__text_add(&line, "'");
    coro__text_add(&line, task->type->name);
    coro__text_add(&line, "', stackless, of ");
    coro__text_add(&line, task->type->site);
    coro__text_write(&line);
}

static void say_coroutine(int signo, struct coro__context *root, struct coro__context *innermost)
{
    struct coro__text line = {0};

    add_signal(&line, signo);
    coro__describe(&line, coro__of_context(root));
    coro__text_add(&line, ", ");
    coro__describe_site(&line, coro__of_context(root));
    if (innermost != root) {
        coro__text_add(&line, ", in ");
        coro__describe(&line, coro__of_context(innermost));
        coro__text_add(&line, ", ");
        coro__describe_site(&line, coro__of_context(innermost));
    }
    coro__text_write(&line);
}

/* Only tasks: a driver that waits, or a thread without a scheduler, is nothing to be told of. */
static void say_who_runs(int signo)
{
    struct coro__thread *t = coro__thread_self();
    const struct coro_sched *s = t->sched;

    if (s == NULL)
        return;
    if (t->current != s->driver && t->current != &t->root)
        say_coroutine(signo, root_of(t), t->current);
    else if (s->async != NULL)
        say_stackless(signo, s->async);
}

/* What a signal is sent on with, so that it is known for that. */
static char passed_on;

static bool is_passed_on(const siginfo_t *info)
{
    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &passed_on;
}

static void pass_on(struct coro__place *place, void *signo)
{
    siginfo_t info;

    if (atomic_load(&place->token) == coro__thread_self()->token)
        return;
    memset(&info, 0, sizeof info);
    info.si_signo = *(int *)signo;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_ptr = &passed_on;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), atomic_load(&place->thread), info.si_signo, &info);
}

static void handle(int signo, siginfo_t *info, void *context)
{
    int saved = errno;

    (void)context;
    if (!coro__in_forked_child()) {
        say_who_runs(signo);
        if (!is_passed_on(info)) {
            coro__registry_each(pass_on, &signo);
            coro__registry_signal();
        }
    }
    errno = saved;
}

/* ---- installed ---- */

/* Faults come again when a handler for them returns; and nobody waits for what the C library uses itself. */
static bool may_be_taken(int signo)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (signo == refused[i])
            return false;
    return (signo > 0 && signo < 32) || (signo >= SIGRTMIN && signo <= SIGRTMAX);
}

/* Unless somebody else has taken it over. */
static void restore(void)
{
    struct sigaction now;

    if (installed != 0 && sigaction(installed, NULL, &now) == 0 && now.sa_sigaction == handle)
        sigaction(installed, &previous, NULL);
    installed = 0;
}

static int install(int signo)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};

    sigfillset(&action.sa_mask);
    restore();
    if (sigaction(signo, &action, &previous) != 0)
        return -errno;
    installed = signo;
    return 0;
}

int coro_dump_on_signal(int signo)
{
    int err = coro__inspect_refusal();

    if (err != 0)
        return err;
    if (signo != 0 && !may_be_taken(signo))
        return -EINVAL;
    pthread_mutex_lock(&lock);
    if (signo == 0)
        restore();
    else if (signo != installed)
        err = install(signo);
    pthread_mutex_unlock(&lock);
    return err;
}

/* ---- from the environment ---- */

void coro__signal_begin(const char *value)
{
    int signo = signal_of(value);

    if (signo == 0 || coro_dump_on_signal(signo) != 0)
        coro__report("CORO_DUMP: not a signal to wait for: ", value, NULL);
}
