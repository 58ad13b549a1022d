/*
 * coro_overflow_report(): what it says, when it says nothing, and whom the signal reaches afterwards.
 *
 * Whatever overflows is a child, and dies of it; what it said is matched against a pattern. Guards come in both kinds in every run:
 * the kernel's refusal of markers is injected.
 */
#include "support/faults.h"
#include "support/leaping_frame.h"
#include "support/opaque_frame.h"
#include "support/said.h"
#include "support/test.h"

#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024, GUARD = 64 * KIB };

/* Sanitizers would add to the frames, and look at what is not theirs. */
#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined")))

/* What a child says if something went wrong before it could die as it should. */
/* ---- what was said ---- */

/* But for the emulator, which says so when it passes a signal on to itself. */
static void assert_silent(const struct child_end *end, int signal)
{
    if (!under_emulator() || strncmp(end->said, "qemu: uncaught target signal", 28) != 0)
        assert_string_equal(end->said, "");
    assert_null(strstr(end->said, "libcoro"));
    assert_int_equal(end->signal, signal);
}

#define HEX "0x[0-9a-f]+"

/* ---- ways to overflow ---- */

static volatile size_t enough = SIZE_MAX;

/* All of it is needed: compilers keep no more of a frame than is. */
#define KEEP(frame) __asm__ volatile("" : : "r"(frame) : "memory")

#define RECURSES_BY(name, bytes)                                                                                       \
    static UNCHECKED size_t name(size_t depth)                                                                         \
    {                                                                                                                  \
        volatile char frame[bytes];                                                                                    \
                                                                                                                       \
        KEEP(frame);                                                                                                   \
        frame[0] = (char)depth;                                                                                        \
        return depth == enough ? 0 : name(depth + 1) + (size_t)frame[0];                                               \
    }                                                                                                                  \
    static void *name##_forever(void *input)                                                                           \
    {                                                                                                                  \
        return (void *)(name((size_t)input) + 1);                                                                      \
    }

RECURSES_BY(recurse_by_300, 300)
RECURSES_BY(recurse_by_24_kib, 24 * KIB)
RECURSES_BY(recurse_by_40_kib, 40 * KIB)
RECURSES_BY(recurse_by_60_kib, 60 * KIB)

static UNCHECKED size_t recurse_by_alloca(size_t depth)
{
    volatile char *room = alloca(1000 + depth * 100);

    KEEP(room);
    room[0] = (char)depth;
    return depth == enough ? 0 : recurse_by_alloca(depth + 1) + (size_t)room[0];
}

static void *recurse_by_alloca_forever(void *input)
{
    return (void *)(recurse_by_alloca((size_t)input) + 1);
}

static const struct way {
    const char *function;
    coro_fn *body;
} ways[] = {
    {"recurse_by_300", recurse_by_300_forever},       {"recurse_by_24_kib", recurse_by_24_kib_forever},
    {"recurse_by_40_kib", recurse_by_40_kib_forever}, {"recurse_by_60_kib", recurse_by_60_kib_forever},
    {"recurse_by_alloca", recurse_by_alloca_forever},
};
enum { WAYS = sizeof ways / sizeof *ways };

enum guard { POOLED_MARKED, POOLED_PROTECTED, MAPPED_MARKED, MAPPED_PROTECTED, GUARDS };

static coro_opts guarded_by(enum guard guard, const char *name)
{
    faults_set_advice(guard % 2 == 0 ? ADVICE_AS_IS : ADVICE_REFUSED);
    return (coro_opts){
        .name = name, .allocator = guard < MAPPED_MARKED ? NULL : coro_stack_mmap(), .flags = USUAL_FLAGS};
}

static coro_t *co;

/* Create `co`, and say where, for the test to compare. */
#define CREATE(fn, opts)                                                                                               \
    do {                                                                                                               \
        CHECK(coro_create(&co, fn, opts) == 0);                                                                        \
        dprintf(STDERR_FILENO, "at %s\n", CORO_HERE);                                                                  \
    } while (0)
#define CREATED_AT "^at ([^\n]*test_overflow\\.c:[0-9]+)\n"

static volatile long status;

static UNCHECKED void resumes_it(void)
{
    status = coro_resume(co, NULL).status; /* not in place of this function's own frame */
}

/* ---- the report ---- */

static int overflows(long arg)
{
    coro_opts opts = guarded_by((enum guard)(arg % GUARDS), "parser");

    CHECK(coro_overflow_report(true) == 0);
    CREATE(ways[arg / GUARDS].body, &opts);
    resumes_it();
    return 0;
}

static void an_overflow_says_who_where_and_how(void **state)
{
    char pattern[1024];
    (void)state;

    for (long way = 0; way < WAYS; way++)
        for (long guard = 0; guard < GUARDS; guard++) {
            struct child_end end = in_fresh_child(overflows, way * GUARDS + guard);

            assert_int_equal(end.signal, SIGSEGV);
            snprintf(pattern, sizeof pattern,
                     CREATED_AT "libcoro: coroutine 'parser' \\(#1\\) has overflowed its stack\n"
                                "    created at \\1\n"
                                "    stack: 65536 bytes from " HEX " on, of which [1-9][0-9]* were used at most\n"
                                "    fault: at " HEX ", [0-9]+ bytes below the stack; stack pointer " HEX "\n"
                                "    remedy: [^\n]*coro_opts\\.stack_size = (131072|262144)\n"
                                "    backtrace, innermost first:\n"
                                "    #0  %1$s[^\n]*  \\(test_overflow(_inlined)?\\+" HEX "\\)\n"
                                "    #1  %1$s[^\n]*\n"
                                "(    [^\n]*\n)*    #[0-9]+  %1$s_forever[^\n]*\n"
                                "(    [^\n]*\n)?    #[0-9]+  coro__first_frame [^\n]*\n"
                                "(    [^\n]*\n)*    #[0-9]+  resumes_it [^\n]*\n"
                                "    #[0-9]+  overflows [^\n]*\n"
                                "(    [^\n]*\n)*    #[0-9]+  main [^\n]*\n",
                     ways[way].function);
            assert_says(&end, pattern);
        }
}

static void frames_with_the_same_address_are_folded(void **state)
{
    struct child_end end = in_fresh_child(overflows, 0);
    (void)state;

    assert_says(&end, "\n    #1  recurse_by_300[^\n]*, [1-9][0-9][0-9] times\n    #[0-9]+  recurse_by_300_forever");
}

static UNCHECKED size_t pong(size_t depth);

static UNCHECKED size_t ping(size_t depth)
{
    volatile char frame[200];

    KEEP(frame);
    frame[0] = (char)depth;
    return depth == enough ? 0 : pong(depth + 1) + (size_t)frame[0];
}

static UNCHECKED size_t pong(size_t depth)
{
    volatile char frame[250]; /* other than above, or compilers make one function of both */

    KEEP(frame);
    frame[0] = (char)depth;
    return depth == enough ? 0 : ping(depth + 1) + (size_t)frame[0];
}

static void *ping_pongs(void *input)
{
    return (void *)(ping((size_t)input) + 1);
}

static int overflows_by_two(long arg)
{
    coro_opts opts = {.name = "table tennis", .flags = USUAL_FLAGS};

    (void)arg;
    CHECK(coro_overflow_report(true) == 0);
    CREATE(ping_pongs, &opts);
    resumes_it();
    return 0;
}

static void the_middle_of_a_deep_stack_is_left_out(void **state)
{
    struct child_end end = in_fresh_child(overflows_by_two, 0);
    (void)state;

    assert_says(&end,
                "    #14  p[io]ng[^\n]*\n    #15  p[io]ng[^\n]*\n    \\.\\.\\. [1-9][0-9]+ more \\.\\.\\.\n    #");
    assert_says(&end, "\n    #[0-9]+  main ");
}

RECURSES_BY(recurse_by_little, 1)

static int overflows_a_large_stack(long arg)
{
    coro_opts opts = {.name = "deep", .stack_size = 256 * MIB, .flags = USUAL_FLAGS};

    (void)arg;
    CHECK(coro_overflow_report(true) == 0);
    CREATE(recurse_by_little_forever, &opts);
    resumes_it();
    return 0;
}

static void a_backtrace_ends_after_a_million_frames(void **state)
{
    struct child_end end;
    (void)state;

    if (scaled(2) != 2)
        skip(); /* it takes tools minutes, and instrumented frames are larger */
    end = in_fresh_child(overflows_a_large_stack, 0);
    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "    #1  recurse_by_little [^\n]*, 999999 times\n$");
}

/* As a compiler at run time makes it: a function that calls itself. */
#if defined(__x86_64__)
static const uint32_t code[] = {0xfffffbe8, 0x909090ff}; /* call itself */
#elif defined(__aarch64__)
static const uint32_t code[] = {0xa9bf7bfd, 0x97ffffff}; /* stp x29, x30, [sp, #-16]!; bl the line before */
#endif

static int made_code_overflows(long arg)
{
    coro_opts opts = {.name = "made", .flags = USUAL_FLAGS};
    char *page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    coro_fn *body = NULL;

    (void)arg;
    memcpy(page, code, sizeof code);
    memcpy((void *)&body, &page, sizeof page);
    CHECK(mprotect(page, page_size(), PROT_READ | PROT_EXEC) == 0);
    __builtin___clear_cache(page, page + page_size());
    CHECK(coro_overflow_report(true) == 0);
    CREATE(body, &opts);
    resumes_it();
    return 0;
}

static void code_that_is_in_no_file_has_an_address(void **state)
{
    struct child_end end = in_fresh_child(made_code_overflows, 0);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "coroutine 'made' \\(#1\\) has overflowed its stack.*\n    #0  \\?  \\(at " HEX "\\)\n");
}

/* ---- which coroutine ---- */

static void *resumes_an_inner_one(void *input)
{
    coro_opts opts = {.name = "inner", .flags = USUAL_FLAGS};
    coro_t *inner;

    CHECK(coro_create(&inner, recurse_by_300_forever, &opts) == 0);
    return coro_resume(inner, input).value;
}

static int inner_overflows(long arg)
{
    coro_opts opts = {.name = "outer", .flags = USUAL_FLAGS};

    (void)arg;
    CHECK(coro_overflow_report(true) == 0);
    CREATE(resumes_an_inner_one, &opts);
    resumes_it();
    return 0;
}

static void of_nested_ones_the_innermost_is_named(void **state)
{
    struct child_end end = in_fresh_child(inner_overflows, 0);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "coroutine 'inner' \\(#2\\) has overflowed");
    assert_null(strstr(end.said, "'outer'"));
    assert_says(&end, "first_frame .*\n    #[0-9]+  resumes_an_inner_one .*\n    #[0-9]+  coro__first_frame ");
}

/* The outer one resumes with its stack nearly full: it is the switch that does not fit any more. */
static UNCHECKED size_t resume_ever_deeper(size_t depth)
{
    volatile char frame[16];

    KEEP(frame);
    frame[0] = (char)depth;
    coro_resume(co, NULL);
    return depth == enough ? 0 : resume_ever_deeper(depth + 1) + (size_t)frame[0];
}

static size_t padding;

static void *resumes_ever_deeper(void *input)
{
    volatile char *room = alloca(16 + padding);

    KEEP(room);
    return (void *)(resume_ever_deeper((size_t)input) + 1);
}

static void *yields_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

/* arg: the flags, and by how much everything is shifted */
static int overflows_in_the_switch(long arg)
{
    coro_opts opts = {.name = "resumer", .flags = (unsigned)arg & CORO_NO_FPENV};
    coro_t *resumer;

    padding = (size_t)arg >> 1;
    CHECK(coro_overflow_report(true) == 0);
    CHECK(coro_create(&resumer, resumes_ever_deeper, &opts) == 0);
    opts.name = "resumed";
    CREATE(yields_forever, &opts);
    coro_resume(resumer, NULL);
    return 0;
}

/* Shifted step by step, so that every store of a switch is once the one that does not fit: some come when the other coroutine
   counts as running already. */
static void an_overflow_amid_a_switch_is_the_resumers(void **state)
{
    (void)state;
    for (long shift = 0; shift < 256; shift += under_valgrind() ? 64 : 16)
        for (long flags = 0; flags <= (long)CORO_NO_FPENV; flags++) {
            struct child_end end = in_fresh_child(overflows_in_the_switch, shift << 1 | flags);

            assert_int_equal(end.signal, SIGSEGV);
            assert_says(&end, "coroutine 'resumer' \\(#1\\) has overflowed");
            assert_null(strstr(end.said, "'resumed'"));
        }
}

static void *returns(void *input)
{
    return input;
}

static int recycled_overflows(long times)
{
    CHECK(coro_overflow_report(true) == 0);
    for (; times > 0; times--) {
        CREATE(returns, NULL);
        coro_resume(co, NULL);
        CHECK(coro_destroy(co) == 0);
    }
    CHECK((coro_create)(&co, recurse_by_300_forever, NULL) == 0);
    resumes_it();
    return 0;
}

static void a_recycled_coroutine_has_an_id_of_its_own(void **state)
{
    struct child_end end = in_fresh_child(recycled_overflows, 2);
    (void)state;

    if (under_asan())
        skip(); /* nothing is recycled there */
    assert_says(&end, "coroutine '\\(unnamed\\)' \\(#1\\.2\\) has overflowed");
}

static void a_create_through_a_pointer_has_no_known_place(void **state)
{
    struct child_end end = in_fresh_child(recycled_overflows, 0);
    (void)state;

    assert_says(&end, "coroutine '\\(unnamed\\)' \\(#1\\) has overflowed its stack\n    created at an unknown place");
}

/* ---- beyond the guard, and not an overflow ---- */

enum { UNMAPPED = 4 * MIB };

static char *nothing;

static int alloc_above_nothing(void *ctx, size_t size, coro_stack *out)
{
    char *whole = mmap(NULL, UNMAPPED + GUARD + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)ctx;
    if (whole == MAP_FAILED || mprotect(whole + UNMAPPED + GUARD, size, PROT_READ | PROT_WRITE) != 0)
        return -ENOMEM;
    nothing = whole;
    *out =
        (coro_stack){.base = whole + UNMAPPED + GUARD, .size = size, .map = whole + UNMAPPED, .map_size = GUARD + size};
    return 0;
}

static void free_never(void *ctx, coro_stack *stack)
{
    (void)ctx, (void)stack;
}

static void *leaps(void *input)
{
    return (void *)(intptr_t)leap((int)(intptr_t)input);
}

static const coro_stack_allocator above_nothing = {.alloc = alloc_above_nothing, .free = free_never};

static int leaps_over_the_guard(long arg)
{
    coro_opts opts = {.name = "leaper", .allocator = &above_nothing, .flags = USUAL_FLAGS};

    (void)arg;
    CHECK(coro_overflow_report(true) == 0);
    CREATE(leaps, &opts);
    resumes_it();
    return 0;
}

static void a_frame_that_leaps_over_the_guard_is_seen(void **state)
{
    struct child_end end = in_fresh_child(leaps_over_the_guard, 0);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "coroutine 'leaper' \\(#1\\) has overflowed its stack\n.*stack_size = 524288\n.*#0  leap ");
}

static char *target;

static UNCHECKED void *writes_to_target(void *input)
{
    *(volatile char *)target = 1;
    return input;
}

static UNCHECKED void *points_into_its_guard(void *input)
{
    char here;
    uintptr_t low = (uintptr_t)&here - 64 * KIB - page_size();

    target = (char *)low;
    return writes_to_target(input);
}

static int a_pointer_goes_wild(long outside)
{
    coro_opts opts = {.name = "wild", .flags = USUAL_FLAGS};

    CHECK(coro_overflow_report(true) == 0);
    CREATE(points_into_its_guard, &opts);
    if (outside) { /* the guard of one that does not run */
        target = (char *)co - 64 * KIB - 2 * page_size();
        writes_to_target(NULL);
    }
    resumes_it();
    return 0;
}

static void a_wild_pointer_is_told_from_an_overflow(void **state)
{
    (void)state;
    for (long outside = 0; outside < 2; outside++) {
        struct child_end end = in_fresh_child(a_pointer_goes_wild, outside);

        assert_int_equal(end.signal, SIGSEGV);
        assert_says(&end,
                    "coroutine 'wild' \\(#1\\): a wild pointer has hit the guard of its stack\n.*#0  writes_to_target");
        assert_null(strstr(end.said, "overflowed"));
        assert_null(strstr(end.said, "stack_size"));
    }
}

static void writes_in_a_handler(int signo)
{
    (void)signo;
    writes_to_target(NULL);
}

static UNCHECKED void *is_interrupted(void *input)
{
    char here;

    target = (char *)(uintptr_t)(&here - 64 * KIB - page_size());
    raise(SIGUSR1);
    return input;
}

/* The handler runs below the guard, where the stack pointer of an overflow might be. */
static int a_handler_hits_a_guard(long arg)
{
    coro_opts opts = {.name = "interrupted", .allocator = &above_nothing, .flags = USUAL_FLAGS};
    struct sigaction action = {.sa_handler = writes_in_a_handler, .sa_flags = SA_ONSTACK};

    (void)arg;
    CREATE(is_interrupted, &opts);
    CHECK(mprotect(nothing, MIB, PROT_READ | PROT_WRITE) == 0);
    CHECK(sigaltstack(&(stack_t){.ss_sp = nothing, .ss_size = MIB}, NULL) == 0);
    CHECK(coro_overflow_report(true) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    resumes_it();
    return 0;
}

/* The stack of whom it has interrupted has not overflowed. */
static void a_handler_that_hits_the_guard_is_a_wild_pointer(void **state)
{
    struct child_end end = in_fresh_child(a_handler_hits_a_guard, 0);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "coroutine 'interrupted' \\(#1\\): a wild pointer has hit the guard of its stack\n");
    assert_null(strstr(end.said, "overflowed"));
}

/* ---- faults elsewhere ---- */

static char *unmapped_page(void)
{
    return mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static char *beyond_the_end_of_a_file(void)
{
    FILE *file = tmpfile();

    return file == NULL ? NULL : mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
}

enum fault { NULL_POINTER, UNMAPPED_PAGE, END_OF_FILE, RAISED, SENT, SENT_BUS, FAULTS };
static const int signal_of[FAULTS] = {SIGSEGV, SIGSEGV, SIGBUS, SIGSEGV, SIGSEGV, SIGBUS};

static void *faults_elsewhere(void *input)
{
    switch ((enum fault)(uintptr_t)input) {
    case RAISED:
        raise(SIGSEGV);
        break;
    case SENT:
        kill(getpid(), SIGSEGV);
        break;
    case SENT_BUS:
        kill(getpid(), SIGBUS);
        break;
    default:
        writes_to_target(NULL);
    }
    return input;
}

/* arg: the fault, whether inside a coroutine, whether signals that can be are ignored */
static int fault_elsewhere(long arg)
{
    void *fault = (void *)(uintptr_t)(arg % FAULTS);
    coro_opts opts = {.flags = USUAL_FLAGS};

    if (arg / FAULTS / 2 != 0) {
        signal(SIGSEGV, SIG_IGN);
        signal(SIGBUS, SIG_IGN);
    }
    target = fault == (void *)UNMAPPED_PAGE ? unmapped_page()
             : fault == (void *)END_OF_FILE ? beyond_the_end_of_a_file()
                                            : NULL;
    CHECK(coro_overflow_report(true) == 0);
    if (arg / FAULTS % 2 == 0)
        return faults_elsewhere(fault) == fault ? 7 : 8;
    CHECK(coro_create(&co, faults_elsewhere, &opts) == 0);
    return coro_resume(co, fault).value == fault ? 7 : 8;
}

static void faults_elsewhere_pass_without_a_word(void **state)
{
    (void)state;
    for (long arg = 0; arg < 2 * FAULTS; arg++) {
        struct child_end end;

        if (arg % FAULTS == END_OF_FILE && under_valgrind())
            continue; /* which at times looks there itself, and dies of SIGSEGV */
        end = in_fresh_child(fault_elsewhere, arg);
        assert_silent(&end, signal_of[arg % FAULTS]);
    }
}

static void what_is_ignored_stays_ignored_unless_it_is_a_fault(void **state)
{
    (void)state;
    for (long arg = 2 * FAULTS; arg < 4 * FAULTS; arg++) {
        bool fault = arg % FAULTS < RAISED;
        struct child_end end;

        if (fault && (under_emulator() || under_valgrind()))
            continue; /* the first ignores a fault, and goes on at the same instruction for ever; the second as above */
        end = in_fresh_child(fault_elsewhere, arg);
        assert_silent(&end, fault ? signal_of[arg % FAULTS] : 0);
        assert_int_equal(end.code, fault ? -1 : 7);
    }
}

static int sent_in_a_sandbox(long fault)
{
    faults_forbid_queueing(true);
    return fault_elsewhere(fault);
}

static void what_cannot_be_queued_is_raised(void **state)
{
    (void)state;
    for (long fault = RAISED; fault < FAULTS; fault++) {
        struct child_end end = in_fresh_child(sent_in_a_sandbox, fault);

        assert_silent(&end, signal_of[fault]);
    }
}

/* ---- the handlers before ---- */

static struct {
    int signo, count, errno_seen;
    void *address, *context;
    bool masked, self_masked;
    uintptr_t frame;
} seen;

static void look_around(int signo)
{
    sigset_t mask;

    sigprocmask(SIG_BLOCK, NULL, &mask);
    seen.signo = signo;
    seen.count++;
    seen.masked = sigismember(&mask, SIGUSR1) == 1;
    seen.self_masked = sigismember(&mask, signo) == 1;
    seen.errno_seen = errno;
    seen.frame = (uintptr_t)__builtin_frame_address(0);
}

/* Makes the page accessible, as garbage collectors and emulators do. */
static void repairs(int signo, siginfo_t *info, void *context)
{
    look_around(signo);
    seen.address = info->si_addr;
    seen.context = context;
    mprotect(target, page_size(), PROT_READ | PROT_WRITE);
    errno = ENOTTY;
}

static void leaves(int signo)
{
    look_around(signo);
    _exit(40 + seen.count + (seen.masked ? 0 : 100));
}

static void leaves_with_info(int signo, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    leaves(signo);
}

static void set_handler(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

    sigaddset(&action.sa_mask, SIGUSR1);
    CHECK(sigaction(signo, &action, NULL) == 0);
}

static int overflows_with_a_handler_before(long with_info)
{
    struct sigaction plain = {.sa_handler = leaves};
    coro_opts opts = {.name = "chained", .flags = USUAL_FLAGS};

    sigaddset(&plain.sa_mask, SIGUSR1);
    if (with_info)
        set_handler(SIGSEGV, leaves_with_info, 0);
    else
        CHECK(sigaction(SIGSEGV, &plain, NULL) == 0);
    CHECK(coro_overflow_report(true) == 0);
    CREATE(recurse_by_300_forever, &opts);
    resumes_it();
    return 0;
}

static void the_former_handler_runs_after_the_report(void **state)
{
    (void)state;
    for (long with_info = 0; with_info < 2; with_info++) {
        struct child_end end = in_fresh_child(overflows_with_a_handler_before, with_info);

        assert_int_equal(end.code, 41);
        assert_says(&end, "coroutine 'chained' \\(#1\\) has overflowed");
    }
}

static int is_repaired(long flags)
{
    set_handler(SIGSEGV, repairs, (int)flags);
    CHECK(coro_overflow_report(true) == 0);
    target = unmapped_page();
    errno = EDOM;
    writes_to_target(NULL);
    CHECK(seen.count == 1 && seen.signo == SIGSEGV && seen.address == target && seen.context != NULL);
    CHECK(seen.errno_seen == EDOM);
    CHECK(seen.masked);
    CHECK(seen.self_masked == ((flags & SA_NODEFER) == 0));
    look_around(SIGSEGV);
    CHECK(!seen.masked && !seen.self_masked); /* the mask is as it was */
    target = unmapped_page();
    writes_to_target(NULL); /* once more: dies here if the handler was for one time */
    return seen.count == 3 ? 0 : 1;
}

static void a_former_handler_may_repair_and_return(void **state)
{
    struct child_end end;
    (void)state;

    if (under_valgrind())
        skip(); /* to which a write that faults is an error, repaired or not */
    end = in_fresh_child(is_repaired, 0);
    assert_silent(&end, 0);
    assert_int_equal(end.code, 0);
    end = in_fresh_child(is_repaired, SA_NODEFER);
    assert_silent(&end, 0);
    assert_int_equal(end.code, 0);
    end = in_fresh_child(is_repaired, (long)SA_RESETHAND);
    assert_silent(&end, SIGSEGV);
}

/* ---- on and off ---- */

static int turned_off(long on_again)
{
    struct sigaction before[2], after[2];
    stack_t stack;
    coro_opts opts = {.name = "parser", .flags = USUAL_FLAGS};

    set_handler(SIGBUS, repairs, SA_RESTART);
    sigaction(SIGSEGV, NULL, &before[0]);
    sigaction(SIGBUS, NULL, &before[1]);
    CHECK(coro_overflow_report(false) == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(coro_overflow_report(true) == 0);
        CHECK(coro_overflow_report(true) == 0);
        sigaction(SIGBUS, NULL, &after[1]);
        CHECK(after[1].sa_sigaction != repairs && (after[1].sa_flags & SA_RESTART) != 0);
        CHECK(coro_overflow_report(false) == 0);
        CHECK(coro_overflow_report(false) == 0);
    }
    sigaction(SIGSEGV, NULL, &after[0]);
    sigaction(SIGBUS, NULL, &after[1]);
    for (int i = 0; i < 2; i++)
        CHECK(after[i].sa_flags == before[i].sa_flags && after[i].sa_handler == before[i].sa_handler);
    CHECK(sigaltstack(NULL, &stack) == 0 && (under_asan() || (stack.ss_flags & SS_DISABLE) != 0));
    if (on_again)
        CHECK(coro_overflow_report(true) == 0);
    CHECK(coro_create(&co, recurse_by_300_forever, &opts) == 0);
    resumes_it();
    return 0;
}

static void off_restores_the_former_handlers(void **state)
{
    struct child_end end = in_fresh_child(turned_off, 0);
    (void)state;

    assert_silent(&end, SIGSEGV);
    end = in_fresh_child(turned_off, 1);
    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "^libcoro: coroutine 'parser' \\(#1\\) has overflowed");
}

static struct sigaction ours;

static void passes_on(int signo, siginfo_t *info, void *context)
{
    seen.count++;
    CHECK(seen.count < 10);
    ours.sa_sigaction(signo, info, context);
}

/* A handler over ours that passes on to it: neither off nor on may take it away, or close a ring. arg: off, then on again */
static int another_on_top(long arg)
{
    struct sigaction now;
    coro_opts opts = {.name = "parser", .flags = USUAL_FLAGS};

    CHECK(coro_overflow_report(true) == 0);
    sigaction(SIGSEGV, NULL, &ours);
    set_handler(SIGSEGV, passes_on, SA_ONSTACK);
    if (arg > 0)
        CHECK(coro_overflow_report(false) == 0);
    if (arg > 1)
        CHECK(coro_overflow_report(true) == 0);
    sigaction(SIGSEGV, NULL, &now);
    CHECK(now.sa_sigaction == passes_on);
    if (arg == 1) /* off has taken the alternate stack along, which that handler needs */
        CHECK(sigaltstack(&(stack_t){.ss_sp = malloc(64 * KIB), .ss_size = 64 * KIB}, NULL) == 0);
    CHECK(coro_create(&co, recurse_by_300_forever, &opts) == 0);
    resumes_it();
    return 0;
}

static void a_handler_installed_later_stays(void **state)
{
    (void)state;
    for (long arg = 0; arg < 3; arg++) {
        struct child_end end = in_fresh_child(another_on_top, arg);

        if (arg == 1)
            assert_silent(&end, SIGSEGV);
        else
            assert_says(&end, "coroutine 'parser' \\(#1\\) has overflowed");
        assert_int_equal(end.signal, SIGSEGV);
    }
}

static void passes_on_and_looks_for_it(int signo, siginfo_t *info, void *context)
{
    sigset_t pending;

    ours.sa_sigaction(signo, info, context);
    _exit(sigpending(&pending) == 0 && sigismember(&pending, signo) == 1 ? 41 : 42);
}

static int is_sent_with_another_on_top(long sandboxed)
{
    faults_forbid_queueing(sandboxed != 0);
    CHECK(coro_overflow_report(true) == 0);
    sigaction(SIGSEGV, NULL, &ours);
    set_handler(SIGSEGV, passes_on_and_looks_for_it, SA_ONSTACK);
    raise(SIGSEGV);
    return 0;
}

/* The handler on top gets the thread back first. */
static void what_was_sent_is_pending_again_until_the_handler_returns(void **state)
{
    (void)state;
    if (under_emulator() || under_valgrind())
        skip(); /* which keep to themselves what is pending */
    for (long sandboxed = 0; sandboxed < 2; sandboxed++)
        assert_int_equal(in_fresh_child(is_sent_with_another_on_top, sandboxed).code, 41);
}

static struct {
    int signo;
    siginfo_t *info;
    void *context;
} passed;

static void passes_it_on(void *arg)
{
    (void)arg;
    ours.sa_sigaction(passed.signo, passed.info, passed.context);
}

static void passes_on_through_an_opaque_frame(int signo, siginfo_t *info, void *context)
{
    passed.signo = signo;
    passed.info = info;
    passed.context = context;
    call_through_opaque_frame(passes_it_on, NULL);
}

static int another_without_unwind_information(long arg)
{
    coro_opts opts = {.name = "parser", .flags = USUAL_FLAGS};

    (void)arg;
    CHECK(coro_overflow_report(true) == 0);
    sigaction(SIGSEGV, NULL, &ours);
    set_handler(SIGSEGV, passes_on_through_an_opaque_frame, SA_ONSTACK);
    CHECK(coro_create(&co, recurse_by_300_forever, &opts) == 0);
    resumes_it();
    return 0;
}

static void without_a_way_out_of_the_handler_only_the_fault_is_named(void **state)
{
    struct child_end end = in_fresh_child(another_without_unwind_information, 0);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "innermost first:\n    #0  recurse_by_300 [^\n]*\n(qemu: [^\n]*\n)?$");
}

static int turns_it_on_in_a_forked_child(long arg)
{
    (void)arg;
    return coro_overflow_report(true) == -ECHILD && coro_overflow_report(false) == -ECHILD ? 0 : 1;
}

static void a_forked_child_cannot_turn_it_on(void **state)
{
    (void)state;
    co = made(returns);
    assert_int_equal(in_forked_child(turns_it_on_in_a_forked_child, 0).code, 0);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- alternate stacks, threads ---- */

static bool same_stack(const stack_t *a, const stack_t *b)
{
    return a->ss_sp == b->ss_sp && a->ss_size == b->ss_size && a->ss_flags == b->ss_flags;
}

/* arg: the size of the alternate stack that the program has */
static int has_a_signal_stack(long size)
{
    stack_t own = {.ss_size = (size_t)size, .ss_sp = malloc((size_t)size)}, now;
    coro_opts opts = {.name = "guest", .flags = USUAL_FLAGS};

    CHECK(sigaltstack(&own, NULL) == 0);
    set_handler(SIGBUS, repairs, SA_ONSTACK);
    CHECK(coro_overflow_report(true) == 0);
    CHECK(sigaltstack(NULL, &now) == 0 && same_stack(&own, &now));
    raise(SIGBUS);
    CHECK(seen.count == 1 && seen.frame - (uintptr_t)own.ss_sp < own.ss_size);
    CHECK(coro_overflow_report(false) == 0);
    CHECK(sigaltstack(NULL, &now) == 0 && same_stack(&own, &now));
    CHECK(coro_overflow_report(true) == 0);
    CREATE(recurse_by_300_forever, &opts);
    CHECK(sigaltstack(NULL, &now) == 0 && same_stack(&own, &now));
    resumes_it();
    return 0;
}

static void a_signal_stack_of_the_programs_own_stays(void **state)
{
    struct child_end end = in_fresh_child(has_a_signal_stack, 64 * KIB);
    (void)state;

    assert_int_equal(end.signal, SIGSEGV);
    assert_says(&end, "coroutine 'guest' \\(#1\\) has overflowed.*#0  recurse_by_300");
}

static char *volatile own_frame;

static void shows_its_frame(int signo, siginfo_t *info, void *context)
{
    own_frame = __builtin_frame_address(0);
    (void)signo, (void)info, (void)context;
}

/* What the kernel puts on a signal stack. _SC_MINSIGSTKSZ is the most, with registers that hardly any program uses. */
static long size_of_a_signal_frame(void)
{
    stack_t own = {.ss_size = 64 * KIB, .ss_sp = malloc(64 * KIB)}, before;
    long size;

    assert_int_equal(sigaltstack(&own, &before), 0);
    set_handler(SIGUSR1, shows_its_frame, SA_ONSTACK);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    size = (char *)own.ss_sp + own.ss_size - own_frame;
    assert_int_equal(sigaltstack(&before, NULL), 0);
    free(own.ss_sp);
    return size;
}

static void on_a_small_signal_stack_the_backtrace_is_left_out(void **state)
{
    struct child_end end;
    (void)state;

    if (under_asan() || under_valgrind())
        skip(); /* instrumented frames, and valgrind's of a signal, are larger */
    end = in_fresh_child(has_a_signal_stack, size_of_a_signal_frame() + 6 * KIB);
    assert_int_equal(end.signal, SIGSEGV);
    assert_says(
        &end, "coroutine 'guest' \\(#1\\) has overflowed.*innermost first: none, [^\n]* too small\n(qemu: [^\n]*\n)?$");
}

static int has_no_signal_stack(long arg)
{
    struct balance before;
    struct sigaction action;

    (void)arg;
    CHECK(coro_create(&co, returns, NULL) == 0);
    before = faults_balance();
    faults_forbid_signal_stacks(true);
    CHECK(coro_overflow_report(true) == -ENOMEM);
    CHECK(faults_balance().bytes == before.bytes);
    CHECK(sigaction(SIGBUS, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    faults_forbid_signal_stacks(false);
    CHECK(coro_overflow_report(true) == 0 && coro_overflow_report(false) == 0);
    CHECK(faults_balance().bytes == before.bytes);
    return coro_destroy(co);
}

static void where_no_signal_stack_can_be_set_it_stays_off(void **state)
{
    struct child_end end;
    (void)state;

    if (under_asan())
        skip(); /* whose threads have one */
    end = in_fresh_child(has_no_signal_stack, 0);
    assert_silent(&end, 0);
    assert_int_equal(end.code, 0);
}

static void turns_it_off(int signo)
{
    stack_t now;

    look_around(signo);
    CHECK(coro_overflow_report(false) == 0);
    CHECK(sigaltstack(NULL, &now) == 0 && seen.frame - (uintptr_t)now.ss_sp < now.ss_size);
}

static int is_turned_off_in_a_handler(long arg)
{
    struct sigaction action = {.sa_handler = turns_it_off, .sa_flags = SA_ONSTACK};
    stack_t now;

    (void)arg;
    CHECK(coro_overflow_report(true) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    CHECK(seen.count == 1 && sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0);
    CHECK(coro_overflow_report(false) == 0);
    CHECK(sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) != 0);
    return 0;
}

static void a_signal_stack_stays_while_a_handler_runs_on_it(void **state)
{
    struct child_end end;
    (void)state;

    if (under_asan())
        skip(); /* as above */
    end = in_fresh_child(is_turned_off_in_a_handler, 0);
    assert_silent(&end, 0);
    assert_int_equal(end.code, 0);
}

static pthread_barrier_t barrier;

/* arg: 0 it uses the library for the first time when the report is on already, 1 it has used it before */
static void *overflows_on_a_thread(void *arg)
{
    coro_opts opts = {.name = "on a thread", .flags = USUAL_FLAGS};

    if (arg != NULL) {
        CHECK(coro_create(&co, returns, &opts) == 0);
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CREATE(recurse_by_300_forever, &opts);
    resumes_it();
    return NULL;
}

static int another_thread_overflows(long arg)
{
    pthread_t thread;

    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, overflows_on_a_thread, (void *)arg) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(coro_overflow_report(true) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static void an_overflow_on_another_thread_is_reported(void **state)
{
    (void)state;
    for (long arg = 0; arg < 2; arg++) {
        struct child_end end = in_fresh_child(another_thread_overflows, arg);

        assert_int_equal(end.signal, SIGSEGV);
        assert_says(&end, CREATED_AT
                    "libcoro: coroutine 'on a thread' \\(#[12]\\) has overflowed its stack\n    created at \\1\n");
        assert_says(&end, "#[0-9]+  overflows_on_a_thread ");
    }
}

/* arg: whether it puts an alternate stack of its own over the library's */
static void *comes_and_goes(void *arg)
{
    static char own[64 * KIB];
    coro_t *mine;

    CHECK(coro_create(&mine, returns, NULL) == 0);
    CHECK(coro_destroy(mine) == 0);
    if (arg != NULL)
        CHECK(sigaltstack(&(stack_t){.ss_sp = own, .ss_size = sizeof own}, NULL) == 0);
    return NULL;
}

static int threads_come_and_go(long own_stack)
{
    enum { MOST = 100 };
    struct balance before;

    CHECK(coro_overflow_report(true) == 0);
    for (int i = 0; i < MOST; i++) {
        pthread_t thread;

        if (i == 3)
            before = faults_balance(); /* the slabs are there by now */
        CHECK(pthread_create(&thread, NULL, comes_and_goes, (void *)own_stack) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(faults_balance().bytes == before.bytes);
    return 0;
}

static void threads_give_their_signal_stacks_back(void **state)
{
    (void)state;
    for (long own_stack = 0; own_stack < (under_asan() ? 1 : 2); own_stack++) { /* it would unmap what it finds there */
        struct child_end end = in_fresh_child(threads_come_and_go, own_stack);

        assert_silent(&end, 0);
        assert_int_equal(end.code, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_overflow_says_who_where_and_how),
        TEST(frames_with_the_same_address_are_folded),
        TEST(the_middle_of_a_deep_stack_is_left_out),
        TEST(a_backtrace_ends_after_a_million_frames),
        TEST(code_that_is_in_no_file_has_an_address),
        TEST(of_nested_ones_the_innermost_is_named),
        TEST(an_overflow_amid_a_switch_is_the_resumers),
        TEST(a_recycled_coroutine_has_an_id_of_its_own),
        TEST(a_create_through_a_pointer_has_no_known_place),
        TEST(a_frame_that_leaps_over_the_guard_is_seen),
        TEST(a_wild_pointer_is_told_from_an_overflow),
        TEST(a_handler_that_hits_the_guard_is_a_wild_pointer),
        TEST(faults_elsewhere_pass_without_a_word),
        TEST(what_is_ignored_stays_ignored_unless_it_is_a_fault),
        TEST(what_cannot_be_queued_is_raised),
        TEST(the_former_handler_runs_after_the_report),
        TEST(a_former_handler_may_repair_and_return),
        TEST(off_restores_the_former_handlers),
        TEST(a_handler_installed_later_stays),
        TEST(what_was_sent_is_pending_again_until_the_handler_returns),
        TEST(without_a_way_out_of_the_handler_only_the_fault_is_named),
        TEST(a_forked_child_cannot_turn_it_on),
        TEST(a_signal_stack_of_the_programs_own_stays),
        TEST(on_a_small_signal_stack_the_backtrace_is_left_out),
        TEST(where_no_signal_stack_can_be_set_it_stays_off),
        TEST(a_signal_stack_stays_while_a_handler_runs_on_it),
        TEST(an_overflow_on_another_thread_is_reported),
        TEST(threads_give_their_signal_stacks_back),
    };

    return RUN_TESTS(tests);
}
