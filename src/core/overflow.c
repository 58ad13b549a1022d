/*
 * coro_overflow_report(): a handler for SIGSEGV and SIGBUS that recognises a coroutine that has left its stack, says which one, and
 * passes the signal on to whoever had it before.
 *
 * What it is, the address decides: the guards of the thread's own coroutines are known, and the kernel's codes differ between kinds
 * of guards. The stack pointer tells an overflow from a wild pointer that has hit a guard by chance.
 *
 * The handler runs on an alternate stack, since the one in use is full. A thread gets one when it first uses the library, or makes
 * a coroutine the long way, while the report is on; unless it has one of its own.
 *
 * All the handler calls may be called there, but for two: _Unwind_Backtrace(), which was called once before, so that nothing
 * is left to be loaded, and dl_iterate_phdr() behind coro__symbol_at(). Both may wait for a lock of the dynamic linker's. What
 * matters most is therefore written first. The list of live coroutines is in order at every instruction of its own thread.
 */
#include "coroutine.h"

#include "base/symbol.h"
#include "stack/os.h"
#include "stack/stack.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    NEAR = 4096,          /* how far below the stack pointer an instruction that pushes or probes may touch */
    JUMP_MOST = 16 << 20, /* a frame that reaches from its stack beyond the guard is taken for one up to here */

    /* Of an alternate stack, besides the signal's own frame. What we give has room for the handlers that follow as well. */
    GIVEN = 48 << 10,
    LINES_NEED = 4 << 10,
};

#if defined(__x86_64__)
#    define MACHINE_SP(machine) ((uintptr_t)(machine).gregs[REG_RSP])
#    define MACHINE_PC(machine) ((uintptr_t)(machine).gregs[REG_RIP])
enum { BACKTRACE_NEEDS = 7 << 10 };
#elif defined(__aarch64__)
#    define MACHINE_SP(machine) ((uintptr_t)(machine).sp)
#    define MACHINE_PC(machine) ((uintptr_t)(machine).pc)
enum { BACKTRACE_NEEDS = 9 << 10 };
#endif

/* ---- state ---- */

enum { SIGNALS = 2 };
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS};

static atomic_bool reporting;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Ours gets the signal, at first hand or from a handler that was installed later. Under the lock. */
static bool installed[SIGNALS];
static struct sigaction previous[SIGNALS]; /* constant while installed, but for SA_RESETHAND */

/* ---- what has happened ---- */

struct fault {
    uintptr_t address;
    uintptr_t sp, pc;
    bool on_signal_stack; /* the stack pointer: another handler was running */
    size_t room;          /* on the stack that this handler runs on */

    struct coro *co;
    bool overflow;
};

static bool within(uintptr_t at, const void *low, const void *high)
{
    return at >= (uintptr_t)low && at < (uintptr_t)high;
}

static const void *end_of(const stack_t *stack)
{
    return (char *)stack->ss_sp + stack->ss_size;
}

static void read_fault(struct fault *f, const siginfo_t *info, const ucontext_t *interrupted)
{
    const stack_t *stack = &interrupted->uc_stack;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    bool exists = (stack->ss_flags & SS_DISABLE) == 0;

    *f = (struct fault){.address = (uintptr_t)info->si_addr,
                        .sp = MACHINE_SP(interrupted->uc_mcontext),
                        .pc = MACHINE_PC(interrupted->uc_mcontext),
                        .room = SIZE_MAX};
    f->on_signal_stack = exists && within(f->sp, stack->ss_sp, end_of(stack));
    if (exists && within(here, stack->ss_sp, end_of(stack)))
        f->room = here - (uintptr_t)stack->ss_sp;
}

/* The guard of `co` was touched: by its own stack growing into it? While a switch is under way `current` is already the other one,
   so the stack pointer decides. It may be below the guard, too, but not on any stack of signals. */
static bool has_overflowed(const struct coro *co, const struct coro__context *current, const struct fault *f)
{
    if (f->on_signal_stack)
        return false;
    if (&co->context == current)
        return f->sp < f->address + NEAR;
    return within(f->sp, co->stack.map, (char *)co->stack.base + NEAR);
}

/* Has the running coroutine made a frame that reaches beyond the guard, where nothing is mapped? */
static bool has_jumped(const struct coro *co, const struct fault *f)
{
    uintptr_t map = (uintptr_t)co->stack.map;

    return !f->on_signal_stack && f->sp < map && map - f->sp < JUMP_MOST && f->address < map &&
           f->address + NEAR >= f->sp;
}

static void find_coroutine(struct fault *f)
{
    const struct coro__thread *t = coro__thread_self();

    for (struct coro *co = t->live; co != NULL; co = co->next_live) {
        if (within(f->address, co->stack.map, co->stack.base)) {
            f->co = co;
            f->overflow = has_overflowed(co, t->current, f);
            return;
        }
    }
    if (t->current != NULL && t->current != &t->root && has_jumped(coro__of_context(t->current), f)) {
        f->co = coro__of_context(t->current);
        f->overflow = true;
    }
}

/* ---- the backtrace ---- */

enum { INNERMOST = 16, OUTERMOST = 8, DEPTH_MOST = 1000000 };

/* Frames with the same pc in a row, as recursion makes them. */
struct run {
    uintptr_t pc;
    bool exact; /* pc is the instruction itself, not the one behind a call */
    size_t first, count;
};

struct backtrace {
    uintptr_t fault_pc;
    size_t depth; /* frames, from that of the fault on */
    size_t runs;
    struct run inner[INNERMOST], outer[OUTERMOST]; /* the first runs, and the last of those after them, in a ring */
};

static struct run *run_at(struct backtrace *b, size_t i)
{
    return i < INNERMOST ? &b->inner[i] : &b->outer[i % OUTERMOST];
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *frame, void *arg)
{
    struct backtrace *b = arg;
    int exact = 0;
    uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(frame, &exact);
    struct run *last = b->runs > 0 ? run_at(b, b->runs - 1) : NULL;

    if (pc == 0 || (b->depth == 0 && pc != b->fault_pc)) /* the end; this handler's own frames */
        return _URC_NO_REASON;
    if (b->depth == DEPTH_MOST)
        return _URC_FATAL_PHASE1_ERROR;
    if (last != NULL && last->pc == pc)
        last->count++;
    else
        *run_at(b, b->runs++) = (struct run){.pc = pc, .exact = exact != 0, .first = b->depth, .count = 1};
    b->depth++;
    return _URC_NO_REASON;
}

static void write_run(const struct run *run)
{
    struct coro__text line = {0};
    struct coro__symbol symbol;

    coro__symbol_at(run->exact ? run->pc : run->pc - 1, &symbol); /* a call may be the last instruction of a function */
    coro__text_add(&line, "    #");
    coro__text_decimal(&line, run->first);
    coro__text_add(&line, "  ");
    coro__text_add(&line, symbol.name[0] != '\0' ? symbol.name : "?");
    coro__text_add(&line, "  (");
    coro__text_add(&line, symbol.file[0] != '\0' ? symbol.file : "at ");
    coro__text_add(&line, symbol.file[0] != '\0' ? "+" : "");
    coro__text_hex(&line, symbol.file[0] != '\0' ? symbol.file_address : run->pc);
    coro__text_add(&line, ")");
    if (run->count > 1) {
        coro__text_add(&line, ", ");
        coro__text_decimal(&line, run->count);
        coro__text_add(&line, " times");
    }
    coro__text_write(&line);
}

static void write_left_out(const struct run *next, const struct run *before)
{
    struct coro__text line = {0};

    coro__text_add(&line, "    ... ");
    coro__text_decimal(&line, next->first - before->first - before->count);
    coro__text_add(&line, " more ...");
    coro__text_write(&line);
}

static void write_backtrace(uintptr_t fault_pc)
{
    struct backtrace b = {.fault_pc = fault_pc};
    size_t next;

    _Unwind_Backtrace(visit, &b);
    if (b.depth == 0) /* no way out of the handler: the signal's own frame cannot be unwound here */
        b = (struct backtrace){.runs = 1, .inner = {{.pc = fault_pc, .exact = true, .count = 1}}};
    for (next = 0; next < b.runs && next < INNERMOST; next++)
        write_run(&b.inner[next]);
    if (b.runs > INNERMOST + OUTERMOST) {
        next = b.runs - OUTERMOST;
        write_left_out(run_at(&b, next), &b.inner[INNERMOST - 1]);
    }
    for (; next < b.runs; next++)
        write_run(run_at(&b, next));
}

/* ---- the report ---- */

/* A power of two: twice the stack, or more if the frame that did not fit needs it. */
static size_t advised_size(const struct fault *f)
{
    uintptr_t top = (uintptr_t)f->co->stack.base + f->co->stack_size;
    uintptr_t low = f->sp < f->address ? f->sp : f->address;
    size_t size = 16 << 10;

    while (size < 2 * f->co->stack_size || size < top - low + f->co->stack_size / 2)
        size *= 2;
    return size;
}

static void write_stack(const struct fault *f)
{
    struct coro__text line = {0};

    coro__text_add(&line, "    stack: ");
    coro__text_decimal(&line, coro_stack_size(f->co));
    coro__text_add(&line, " bytes from ");
    coro__text_hex(&line, (uintptr_t)f->co->stack.base);
    coro__text_add(&line, " on, of which ");
    coro__text_decimal(&line, coro_stack_used(f->co));
    coro__text_add(&line, " were used at most");
    coro__text_write(&line);
}

static void write_fault(const struct fault *f)
{
    struct coro__text line = {0};

    coro__text_add(&line, "    fault: at ");
    coro__text_hex(&line, f->address);
    coro__text_add(&line, ", ");
    coro__text_decimal(&line, (uintptr_t)f->co->stack.base - f->address);
    coro__text_add(&line, " bytes below the stack; stack pointer ");
    coro__text_hex(&line, f->sp);
    coro__text_write(&line);
}

static void write_advice(const struct fault *f)
{
    struct coro__text line = {0};

    if (f->overflow) {
        coro__text_add(&line, "    remedy: if it really needs more, coro_opts.stack_size = ");
        coro__text_decimal(&line, advised_size(f));
    } else {
        coro__text_add(&line,
                       "    remedy: look for a pointer or an index that is too low; a larger stack will not help");
    }
    coro__text_write(&line);
}

static void write_report(const struct fault *f)
{
    struct coro__text line = {0};

    coro__text_add(&line, "libcoro: coroutine ");
    coro__describe(&line, f->co);
    coro__text_add(&line,
                   f->overflow ? " has overflowed its stack" : ": a wild pointer has hit the guard of its stack");
    coro__text_write(&line);
    coro__text_add(&line, "    ");
    coro__describe_site(&line, f->co);
    coro__text_write(&line);
    write_stack(f);
    write_fault(f);
    write_advice(f);
    coro__text_add(&line, "    backtrace, innermost first:");
    if (f->room < BACKTRACE_NEEDS)
        coro__text_add(&line, " none, the alternate stack of this thread is too small");
    coro__text_write(&line);
    if (f->room >= BACKTRACE_NEEDS)
        write_backtrace(f->pc);
}

/* ---- the handler ---- */

static int index_of(int signo)
{
    return signo == signals[0] ? 0 : 1;
}

/* With the default action: die of this signal where it came from. Once the old disposition is back, a fault happens again on
   return; a signal that somebody has sent is sent again. A fault that is ignored kills all the same, a signal sent does not. */
static void pass_on_to_kernel(int signo, siginfo_t *info, const struct sigaction *to)
{
    bool sent = info->si_code <= 0;

    if (sent && to->sa_handler == SIG_IGN)
        return;
    sigaction(signo, to, NULL);
    if (sent && syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signo, info) != 0)
        raise(signo);
}

static void pass_on(int signo, siginfo_t *info, void *interrupted)
{
    struct sigaction to = previous[index_of(signo)];
    sigset_t self;

    if ((to.sa_flags & SA_SIGINFO) == 0 && (to.sa_handler == SIG_DFL || to.sa_handler == SIG_IGN)) {
        pass_on_to_kernel(signo, info, &to);
        return;
    }
    if ((to.sa_flags & (int)SA_RESETHAND) != 0)
        previous[index_of(signo)] = (struct sigaction){.sa_handler = SIG_DFL};
    pthread_sigmask(SIG_BLOCK, &to.sa_mask, NULL); /* the return from here sets the mask that was */
    if ((to.sa_flags & SA_NODEFER) != 0 && sigemptyset(&self) == 0 && sigaddset(&self, signo) == 0)
        pthread_sigmask(SIG_UNBLOCK, &self, NULL);
    if ((to.sa_flags & SA_SIGINFO) != 0)
        to.sa_sigaction(signo, info, interrupted);
    else
        to.sa_handler(signo);
}

static void on_fault(int signo, siginfo_t *info, void *interrupted)
{
    int saved = errno;
    struct fault f;

    if (atomic_load(&reporting) && info->si_code > 0) { /* else it was sent, and has no address */
        read_fault(&f, info, interrupted);
        find_coroutine(&f);
        if (f.co != NULL && f.room >= LINES_NEED)
            write_report(&f);
    }
    errno = saved;
    pass_on(signo, info, interrupted);
}

/* ---- alternate stacks ---- */

/* The record of a stack lies above it, where a coroutine would. */
static coro_stack *record_of(const coro_stack *stack)
{
    return (coro_stack *)(void *)((char *)stack->base + stack->size);
}

static int give_signal_stack(struct coro__thread *t)
{
    size_t size = coro__round_up(getauxval(AT_MINSIGSTKSZ) + GIVEN, coro__os_page_size());
    coro_stack stack;
    stack_t now;
    int err;

    if (t->signal_stack != NULL || sigaltstack(NULL, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0)
        return 0;
    err = coro__mapped_alloc(NULL, size, &stack);
    if (err != 0)
        return err;
    if (sigaltstack(&(stack_t){.ss_sp = stack.base, .ss_size = stack.size}, NULL) != 0) {
        err = -errno;
        goto release;
    }
    *record_of(&stack) = stack;
    t->signal_stack = record_of(&stack);
    return 0;

release:
    coro__mapped_free(NULL, &stack);
    return err;
}

/* Not if it is in use, by a handler that has not come back. If somebody has put another one in its place, that one stays. */
static void take_signal_stack(struct coro__thread *t)
{
    coro_stack *record = t->signal_stack, stack;
    stack_t now;

    if (record == NULL || sigaltstack(NULL, &now) != 0)
        return;
    stack = *record;
    if (now.ss_sp == stack.base && sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL) != 0)
        return;
    t->signal_stack = NULL;
    coro__mapped_free(NULL, &stack);
}

void coro__overflow_watch(struct coro__thread *t)
{
    if (atomic_load_explicit(&reporting, memory_order_relaxed))
        give_signal_stack(t); /* if there is no memory for it, this thread goes without */
}

static __attribute__((constructor)) void register_hooks(void)
{
    coro__thread_lock_over_fork(&lock);
    coro__thread_on_exit(CORO__EXIT_SIGNAL_STACK, take_signal_stack);
}

/* ---- on and off ---- */

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

/* Each signal on its own: somebody may have installed a handler over ours for one of them. */
static void install(int i)
{
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    if (installed[i])
        return;
    sigaction(signals[i], NULL, &previous[i]); /* before ours may be called */
    ours.sa_flags |= previous[i].sa_flags & SA_RESTART;
    sigaction(signals[i], &ours, NULL);
    installed[i] = true;
}

static void uninstall(int i)
{
    struct sigaction now;

    if (!installed[i] || sigaction(signals[i], NULL, &now) != 0 || !is_ours(&now))
        return;
    sigaction(signals[i], &previous[i], NULL);
    installed[i] = false;
}

static _Unwind_Reason_Code visit_nothing(struct _Unwind_Context *frame, void *arg)
{
    (void)frame, (void)arg;
    return _URC_FATAL_PHASE1_ERROR;
}

static void turn_on(void)
{
    _Unwind_Backtrace(visit_nothing, NULL);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < SIGNALS; i++)
        install(i);
    atomic_store(&reporting, true);
    pthread_mutex_unlock(&lock);
}

static void turn_off(void)
{
    pthread_mutex_lock(&lock);
    atomic_store(&reporting, false);
    for (int i = 0; i < SIGNALS; i++)
        uninstall(i);
    pthread_mutex_unlock(&lock);
}

int coro_overflow_report(bool on)
{
    struct coro__thread *t;
    int err = coro__thread_enter(&t);

    if (err != 0)
        return err;
    if (!on) {
        turn_off();
        take_signal_stack(t);
        return 0;
    }
    err = give_signal_stack(t);
    if (err == 0)
        turn_on();
    return err;
}
