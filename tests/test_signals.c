/*
 * Signals: a handler may come at any instruction, on the stack of whoever runs, and is not noticed; and what a program has set up
 * with sigaltstack() is left alone.
 *
 * The handler goes deep enough to overwrite whatever lies below the stack pointer that should not lie there. A timer of 1 kHz and
 * another thread send signals while millions of switches go on; and on x86-64 the processor itself sends one after each single
 * instruction of them.
 */
#define USUAL_FLAGS 0 /* flags are among what these tests vary */
#include "support/fpenv.h"
#include "support/registers.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { DEEP = 8 << 10, ALTERNATE = 64 << 10, TICK_US = 1000 };

/* ---- the handler ---- */

static struct {
    volatile long count, inside, on_alternate, wrong;
} handled;

static char *alternate;

static bool lies_in_alternate(const volatile void *p)
{
    return alternate != NULL && (uintptr_t)p - (uintptr_t)alternate < ALTERNATE;
}

/* 8 KiB, all of them written, then looked at again. */
static __attribute__((noinline)) void goes_deep(uint64_t pattern)
{
    volatile uint64_t deep[DEEP / sizeof(uint64_t)];

    for (size_t i = 0; i < DEEP / sizeof *deep; i++)
        deep[i] = ~pattern;
    for (size_t i = 0; i < DEEP / sizeof *deep; i += 7)
        handled.wrong += deep[i] != ~pattern;
    handled.on_alternate += lies_in_alternate(deep);
}

static void on_signal(int signo)
{
    int saved = errno;

    (void)signo;
    fp_set_control(fp_rounding((unsigned)handled.count)); /* sigreturn puts back what was there */
    goes_deep((uint64_t)handled.count);
    handled.count++;
    handled.inside += coro_self() != NULL;
    errno = saved;
}

struct setup {
    struct sigaction action;
    stack_t stack;
};

/* Have `signo` handled, on an alternate stack or on that of whoever runs. Returns what was there before. */
static struct setup handle(int signo, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | flags};
    stack_t stack = {.ss_size = ALTERNATE};
    struct setup before;

    alternate = stack.ss_sp = malloc(ALTERNATE);
    assert_non_null(alternate);
    memset((void *)&handled, 0, sizeof handled);
    assert_int_equal(sigaltstack(&stack, &before.stack), 0);
    assert_int_equal(sigaction(signo, &action, &before.action), 0);
    return before;
}

static void handle_as_before(int signo, const struct setup *before)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    stack_t ours;

    assert_int_equal(sigaction(signo, &ignore, NULL), 0); /* which drops one that is on its way */
    assert_int_equal(sigaction(signo, &before->action, NULL), 0);
    assert_int_equal(sigaltstack(&before->stack, &ours), 0);
    assert_ptr_equal(ours.ss_sp, alternate);
    assert_int_equal(ours.ss_size, ALTERNATE);
    assert_int_equal(ours.ss_flags, 0);
    free(alternate);
    alternate = NULL;
    assert_int_equal(handled.wrong, 0);
}

static void tick(int every_us)
{
    struct itimerval timer = {{0, every_us}, {0, every_us}};

    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* ---- what goes on meanwhile ---- */

static struct {
    size_t values, words;
    uint32_t registers;
} wrong;

/* A leaf function may keep things below its stack pointer. */
static bool red_zone_survives(long spins)
{
#ifdef __x86_64__
    long differ = 0;

    __asm__ volatile("leaq -128(%%rsp), %%rdx\n"
                     "1: movq %%rdx, (%%rdx)\n\t"
                     "addq $8, %%rdx\n\t"
                     "cmpq %%rsp, %%rdx\n\t"
                     "jne 1b\n"
                     "2: decq %1\n\t"
                     "jnz 2b\n\t"
                     "leaq -128(%%rsp), %%rdx\n"
                     "3: xorl %%ecx, %%ecx\n\t"
                     "cmpq %%rdx, (%%rdx)\n\t"
                     "setne %%cl\n\t"
                     "orq %%rcx, %0\n\t"
                     "addq $8, %%rdx\n\t"
                     "cmpq %%rsp, %%rdx\n\t"
                     "jne 3b"
                     : "+r"(differ), "+r"(spins)
                     :
                     : "rcx", "rdx", "cc", "memory");
    return differ == 0;
#else
    return spins != 0;
#endif
}

static void *filled(void *(*yield)(void *), void *output)
{
    coro_step step;

    wrong.registers |= registers_changed(random64(), (void (*)(void))yield, output, NULL, &step);
    return (void *)(uintptr_t)step.status;
}

/* Only a call of its own keeps to the rules of calls where these are inlined. */
static __attribute__((noinline)) void *yield_routine(void *output)
{
    return coro_yield(output);
}

static __attribute__((noinline)) coro_step resume_routine(coro_t *co, void *input)
{
    return coro_resume(co, input);
}

static uintptr_t answer_to(uintptr_t x)
{
    return 3 * x + 1;
}

/* Keeps a rounding mode of its own if it may. */
static void *answers(void *input)
{
    bool keeps = coro_user(coro_self()) != NULL;
    uint64_t words = fp_rounding(2);

    if (keeps)
        fp_set_control(words);
    while (input != NULL) {
        input = coro_yield((void *)answer_to((uintptr_t)input));
        wrong.words += keeps && fp_control() != words;
    }
    return &wrong;
}

static void *answers_with_registers_filled(void *input)
{
    while (input != NULL) {
        wrong.values += !red_zone_survives(10);
        input = filled(yield_routine, (void *)answer_to((uintptr_t)input));
    }
    return &wrong;
}

static void ask(coro_t *co, uintptr_t first, size_t n)
{
    for (uintptr_t x = first; x < first + n; x++) {
        coro_step s = coro_resume(co, (void *)x);

        wrong.values += s.status != CORO_YIELDED || s.value != (void *)answer_to(x);
    }
}

static void ask_with_registers_filled(coro_t *co, uintptr_t first, size_t n)
{
    for (uintptr_t x = first; x < first + n; x++) {
        coro_step s;

        wrong.registers |= registers_changed(random64(), (void (*)(void))resume_routine, co, (void *)x, &s);
        wrong.values += s.status != CORO_YIELDED || s.value != (void *)answer_to(x);
    }
}

static void assert_nothing_wrong(void)
{
    assert_int_equal(wrong.values, 0);
    assert_int_equal(wrong.words, 0);
    assert_int_equal(wrong.registers, 0);
    memset(&wrong, 0, sizeof wrong);
}

/* Signals have come on both sides of a switch, or so many that they never will. */
static bool both_sides_seen(long signals)
{
    return (handled.inside > 0 && handled.inside < handled.count) || handled.count > 100 * signals;
}

/* A tool that looks for signals every so many blocks would else find itself at the same place each time. */
static void get_out_of_step(void)
{
    for (volatile size_t i = random_below(50); i > 0; i--)
        ;
}

/* Ask `n` times and more, until there have been signals enough. */
static void ask_through_signals(coro_fn *body, void (*asks)(coro_t *, uintptr_t, size_t), coro_opts opts, size_t n,
                                long signals)
{
    coro_t *co = made_with(body, opts);
    uint64_t words = fp_control();
    uintptr_t x = 1;

    while (x <= n || handled.count < signals || !both_sides_seen(signals)) {
        asks(co, x, 1000);
        x += 1000;
        get_out_of_step();
    }
    wrong.words += fp_control() != words;
    assert_step(coro_resume(co, NULL), CORO_RETURNED, &wrong);
    assert_int_equal(coro_destroy(co), 0);
    assert_nothing_wrong();
}

/* Of ten million switches, with the timer. */
static void count_through_timer(int flags)
{
    struct setup before = handle(SIGALRM, flags);
    long signals = (long)scaled(1000) / 50;
    size_t n = scaled(under_valgrind() ? 340000 : 1700000);

    tick(TICK_US);
    ask_through_signals(answers, ask, (coro_opts){.user = &wrong}, n, signals);
    ask_through_signals(answers, ask, (coro_opts){.flags = CORO_NO_FPENV}, n, 2 * signals);
    ask_through_signals(answers_with_registers_filled, ask_with_registers_filled, (coro_opts){0}, scaled(1700000),
                        3 * signals);
    tick(0);
    handle_as_before(SIGALRM, &before);
}

static void a_timer_is_not_noticed(void **state)
{
    (void)state;
    count_through_timer(0);
    assert_int_equal(handled.on_alternate, 0);
    assert_true(handled.inside > 0 && handled.inside < handled.count);
}

static void nor_is_one_handled_on_an_alternate_stack(void **state)
{
    (void)state;
    count_through_timer(SA_ONSTACK);
    assert_int_equal(handled.on_alternate, handled.count);
    assert_true(handled.inside > 0 && handled.inside < handled.count);
}

/* ---- all other operations ---- */

static size_t ended;

static void ends(void *arg)
{
    ended += *(size_t *)arg;
}

static void cleans(size_t *one)
{
    ended += *one;
}

static void *transfers(void *other)
{
    static size_t ten = 10;
    __attribute__((cleanup(cleans))) size_t one = 1;
    coro_step s;

    coro_defer(ends, &ten);
    s = coro_transfer(other, &one);
    wrong.values += s.status != CORO_YIELDED || s.value != other;
    coro_yield(&ten);
    return NULL;
}

static void *gives_back(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

/* Create, start, transfer, wake, destroy in the middle. */
static void lead_lives(size_t n, long signals)
{
    for (size_t i = 0; i < n || handled.count < signals; i++) {
        coro_t *other = made_with(gives_back, (coro_opts){.flags = i % 2});
        coro_t *co =
            made_with(transfers, (coro_opts){.flags = i / 2 % 2, .allocator = i % 7 == 0 ? coro_stack_mmap() : NULL});

        ended = 0;
        wrong.values += coro_resume(co, other).status != CORO_YIELDED;
        wrong.values += coro_resume(other, &ended).value != &ended;
        wrong.values += coro_resume(co, other).status != CORO_YIELDED;
        wrong.values += coro_destroy(co) != 0 || coro_destroy(other) != 0 || ended != 11;
    }
    assert_nothing_wrong();
}

static void whole_lives_do_not_notice_a_timer(void **state)
{
    (void)state;
    for (int flags = 0; flags <= SA_ONSTACK; flags += SA_ONSTACK) {
        struct setup before = handle(SIGALRM, flags);

        tick(TICK_US);
        lead_lives(scaled(20000), 20);
        tick(0);
        handle_as_before(SIGALRM, &before);
    }
}

/* ---- from another thread, as many as it can ---- */

static struct {
    pthread_t to, from;
    volatile bool stop;
} storm;

static void *sends(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!storm.stop)
        pthread_kill(storm.to, SIGUSR1);
    return arg;
}

static void a_storm_of_signals_is_not_noticed(void **state)
{
    struct setup before = handle(SIGUSR1, 0);
    long signals = under_valgrind() ? 30 : 300;
    (void)state;

    storm.stop = false;
    storm.to = pthread_self();
    assert_int_equal(pthread_create(&storm.from, NULL, sends, NULL), 0);
    ask_through_signals(answers_with_registers_filled, ask_with_registers_filled, (coro_opts){0}, scaled(100000),
                        signals);
    ask_through_signals(answers, ask, (coro_opts){.user = &wrong}, scaled(100000), 2 * signals);
    lead_lives(scaled(1000), 3 * signals);
    storm.stop = true;
    assert_int_equal(pthread_join(storm.from, NULL), 0);
    handle_as_before(SIGUSR1, &before);
    assert_true(handled.count >= 3 * signals && handled.inside > 0);
}

/* ---- sigaltstack ---- */

static stack_t seen_inside[2];

static void *looks_at_alternate_stack(void *input)
{
    long before = handled.on_alternate;

    sigaltstack(NULL, &seen_inside[0]);
    raise(SIGUSR1);
    coro_yield(input);
    raise(SIGUSR1);
    sigaltstack(NULL, &seen_inside[1]);
    return (void *)(handled.on_alternate - before);
}

static void the_alternate_stack_is_the_same_inside(void **state)
{
    struct setup before = handle(SIGUSR1, SA_ONSTACK);
    coro_t *co = made(looks_at_alternate_stack);
    (void)state;

    assert_step(coro_resume(co, &before), CORO_YIELDED, &before);
    assert_step(coro_resume(co, NULL), CORO_RETURNED, (void *)2);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(seen_inside[i].ss_sp, alternate);
        assert_int_equal(seen_inside[i].ss_size, ALTERNATE);
        assert_int_equal(seen_inside[i].ss_flags, 0);
    }
    assert_int_equal(coro_destroy(co), 0);
    handle_as_before(SIGUSR1, &before);
    assert_int_equal(handled.inside, 2);
}

static void without_one_there_is_none_afterwards(void **state)
{
    stack_t none = {.ss_flags = SS_DISABLE}, before, after;
    (void)state;

    assert_int_equal(sigaltstack(&none, &before), 0);
    lead_lives(10, 0);
    assert_int_equal(sigaltstack(&before, &after), 0);
    assert_int_equal(after.ss_flags, SS_DISABLE);
}

/* ---- at every instruction ---- */

#ifdef __x86_64__

#    define TRAP_FLAG(instruction)                                                                                     \
        __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\t" instruction ", (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" ::      \
                             : "cc", "memory")

static void a_signal_after_every_instruction_is_not_noticed(void **state)
{
    (void)state;
    if (under_valgrind())
        skip(); /* it knows no trap flag */
    for (int variant = 0; variant < 8; variant++) {
        struct setup before = handle(SIGTRAP, variant & 4 ? SA_ONSTACK : 0);
        coro_opts opts = {.flags = variant & 1 ? CORO_NO_FPENV : 0,
                          .user = variant == 2 || variant == 6 ? &wrong : NULL};
        coro_t *plain = made_with(answers, opts), *careful = made_with(answers_with_registers_filled, opts);

        TRAP_FLAG("orq $0x100");
        ask(plain, 1, 3);
        ask_with_registers_filled(careful, 1, 3);
        lead_lives(variant & 1, 0);
        TRAP_FLAG("andq $~0x100");
        assert_step(coro_resume(plain, NULL), CORO_RETURNED, &wrong);
        assert_step(coro_resume(careful, NULL), CORO_RETURNED, &wrong);
        assert_int_equal(coro_destroy(plain), 0);
        assert_int_equal(coro_destroy(careful), 0);
        assert_nothing_wrong();
        handle_as_before(SIGTRAP, &before);
        assert_true(handled.count > 1000 && handled.inside > 100);
        assert_int_equal(handled.on_alternate, variant & 4 ? handled.count : 0);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_timer_is_not_noticed),
        TEST(nor_is_one_handled_on_an_alternate_stack),
        TEST(whole_lives_do_not_notice_a_timer),
        TEST(a_storm_of_signals_is_not_noticed),
        TEST(the_alternate_stack_is_the_same_inside),
        TEST(without_one_there_is_none_afterwards),
#ifdef __x86_64__
        TEST(a_signal_after_every_instruction_is_not_noticed),
#endif
    };

    return RUN_TESTS(tests);
}
