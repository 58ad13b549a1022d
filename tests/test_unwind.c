/*
 * What an unwinder sees: debuggers, profilers, sanitizers, backtrace(). From a coroutine it gets to whoever resumed it, wherever
 * the coroutine is, at every single instruction of a switch.
 */
#include "support/fpenv.h"
#include "support/registers.h"
#include "support/test.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

#define FRAME __attribute__((noinline)) /* a function that has to be found on the stack */

enum { FRAMES_MOST = 100 };

struct walk {
    void *functions[FRAMES_MOST];
    int count;
};

static _Unwind_Reason_Code remember(struct _Unwind_Context *frame, void *arg)
{
    struct walk *w = arg;
    int before = 0;
    uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(frame, &before);

    if (w->count == FRAMES_MOST)
        return _URC_END_OF_STACK;
    w->functions[w->count++] = _Unwind_FindEnclosingFunction((void *)(pc - !before));
    return _URC_NO_REASON;
}

static bool passes(const struct walk *w, void *function)
{
    for (int i = 0; i < w->count; i++)
        if (w->functions[i] == function)
            return true;
    return false;
}

/* ---- from everywhere ---- */

static struct walk walked;
static bool by_backtrace; /* of the C library */

static FRAME void *walks(void *input)
{
    walked.count = 0;
    if (!by_backtrace) {
        _Unwind_Backtrace(remember, &walked);
        return input;
    }
    walked.count = backtrace(walked.functions, FRAMES_MOST);
    for (int i = 0; i < walked.count; i++)
        walked.functions[i] = _Unwind_FindEnclosingFunction((char *)walked.functions[i] - 1);
    return input;
}

static FRAME void *has_another_walk(void *input)
{
    coro_t *co;

    coro_create(&co, walks, NULL);
    coro_resume(co, NULL);
    coro_destroy(co);
    return input;
}

static FRAME void *walks_after_a_yield(void *input)
{
    coro_yield(input);
    walks(input);
    mark('.'); /* or the call before would be the last, and a jump */
    return input;
}

static void from_a_fresh_one_to_its_resumer(void **state)
{
    coro_t *co = made(walks);
    (void)state;

    coro_resume(co, NULL);
    assert_true(passes(&walked, (void *)walks));
    assert_true(passes(&walked, (void *)from_a_fresh_one_to_its_resumer));
    assert_int_equal(coro_destroy(co), 0);
}

static void through_all_that_resumed_each_other(void **state)
{
    coro_t *co = made(has_another_walk);
    (void)state;

    coro_resume(co, NULL);
    assert_true(passes(&walked, (void *)walks));
    assert_true(passes(&walked, (void *)has_another_walk));
    assert_true(passes(&walked, (void *)through_all_that_resumed_each_other));
    assert_int_equal(coro_destroy(co), 0);
}

static FRAME coro_step resumes_first(coro_t *co, void *input)
{
    coro_step step = coro_resume(co, input);

    mark('.');
    return step;
}

static FRAME coro_step resumes_then(coro_t *co, void *input)
{
    coro_step step = coro_resume(co, input);

    mark('.');
    return step;
}

static void to_the_resumer_of_today(void **state)
{
    coro_t *co = made(walks_after_a_yield);
    (void)state;

    resumes_first(co, NULL);
    resumes_then(co, NULL);
    assert_true(passes(&walked, (void *)resumes_then));
    assert_false(passes(&walked, (void *)resumes_first));
    assert_true(passes(&walked, (void *)to_the_resumer_of_today));
    assert_int_equal(coro_destroy(co), 0);
}

static FRAME void *transfers(void *to)
{
    coro_transfer(to, NULL);
    walks(to);
    mark('.');
    return to;
}

static void to_the_resumer_that_a_transfer_handed_over(void **state)
{
    coro_t *to = made(walks_after_a_yield), *co = made(transfers);
    (void)state;

    resumes_first(to, NULL);
    resumes_then(co, to);
    assert_true(passes(&walked, (void *)walks_after_a_yield));
    assert_true(passes(&walked, (void *)resumes_then));
    assert_false(passes(&walked, (void *)transfers));
    resumes_first(co, NULL);
    assert_true(passes(&walked, (void *)transfers));
    assert_true(passes(&walked, (void *)resumes_first));
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(to), 0);
}

static void walks_as_handler(void *arg)
{
    walks(arg);
}

static FRAME void *defers_walking(void *input)
{
    coro_defer(walks_as_handler, NULL);
    if (input != NULL)
        coro_yield(NULL);
    return NULL;
}

static void from_a_handler_to_whoever_destroys(void **state)
{
    coro_t *co = made(defers_walking);
    (void)state;

    coro_resume(co, NULL);
    assert_true(passes(&walked, (void *)from_a_handler_to_whoever_destroys));
    assert_int_equal(coro_destroy(co), 0);
}

static void walks_at_exit(int *unused)
{
    walks(unused);
}

static FRAME void *walks_in_a_cleanup(void *input)
{
    __attribute__((cleanup(walks_at_exit))) int here = 0;

    coro_yield(&here);
    return input; /* where the compiler has put the landing pad, under which name, is not for a test to know */
}

static void from_a_cleanup_to_whoever_destroys(void **state)
{
    coro_t *co = made(walks_in_a_cleanup);
    (void)state;

    coro_resume(co, NULL);
    walked.count = 0;
    assert_int_equal(coro_destroy(co), 0);
    assert_true(passes(&walked, (void *)from_a_cleanup_to_whoever_destroys));
}

/* What comes after `function` in a walk: how many, and from where on. */
static int below(const struct walk *w, void *function, void *const **out)
{
    for (int i = 0; i < w->count; i++)
        if (w->functions[i] == function) {
            *out = &w->functions[i + 1];
            return w->count - i - 1;
        }
    return -1;
}

static struct walk walked_without;

static FRAME void *walks_with_and_without(void *result)
{
    coro_t *co;

    walks(NULL);
    walked_without = walked;
    coro_create(&co, has_another_walk, NULL);
    coro_resume(co, NULL);
    coro_destroy(co);
    return result;
}

static void to_the_end_of_the_thread_that_a_thread_without_has(void **state)
{
    void *const *with, *const *without;
    pthread_t thread;
    int count;
    (void)state;

    assert_int_equal(pthread_create(&thread, NULL, walks_with_and_without, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    count = below(&walked_without, (void *)walks_with_and_without, &without);
    assert_true(count > 0);
    assert_int_equal(below(&walked, (void *)walks_with_and_without, &with), count);
    assert_memory_equal(with, without, (size_t)count * sizeof *with);
}

static void backtrace_of_the_c_library_sees_the_same(void **state)
{
    if (under_asan())
        skip(); /* its backtrace() knows one stack a thread */
    by_backtrace = true;
    from_a_fresh_one_to_its_resumer(state);
    through_all_that_resumed_each_other(state);
    to_the_resumer_of_today(state);
    to_the_resumer_that_a_transfer_handed_over(state);
    from_a_handler_to_whoever_destroys(state);
    from_a_cleanup_to_whoever_destroys(state);
    to_the_end_of_the_thread_that_a_thread_without_has(state);
    by_backtrace = false;
}

/* ---- at every instruction ---- */

#ifdef __x86_64__

/* The processor traps after each instruction while its trap flag is set. At each stop the stack is unwound: it has to lead back to
   stepped(), and every registers_changed() on the way has to show the pattern in the registers that it has put there. */
static struct {
    long steps, lost, wrong;
    uintptr_t lost_at, wrong_at;
} stops;

static FRAME void stepped(coro_t *co, coro_t *other);

struct stop {
    uintptr_t pc;
    bool innermost, found, wrong;
};

static bool shows_its_pattern(struct _Unwind_Context *frame)
{
    static const int registers[] = {3, 6, 12, 13, 14, 15}; /* rbx, rbp, r12 to r15, as DWARF numbers them */
    uintptr_t seed = (uintptr_t)_Unwind_GetGR(frame, registers[0]) - 1;

    for (uintptr_t i = 0; i < 6; i++)
        if ((uintptr_t)_Unwind_GetGR(frame, registers[i]) != seed + i + 1)
            return false;
    return true;
}

static _Unwind_Reason_Code look_at_frame(struct _Unwind_Context *frame, void *arg)
{
    struct stop *stop = arg;
    int before = 0;
    uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(frame, &before);
    void *function = _Unwind_FindEnclosingFunction((void *)(pc - !before));

    if (pc == stop->pc && before)
        stop->innermost = true; /* those before it are the signal handler's */
    else if (function == (void *)registers_changed && stop->innermost)
        stop->wrong |= !shows_its_pattern(frame);
    stop->found |= function == (void *)stepped;
    return stop->found ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static void on_step(int signo, siginfo_t *info, void *context)
{
    struct stop stop = {.pc = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP]};

    (void)signo, (void)info;
    _Unwind_Backtrace(look_at_frame, &stop);
    stops.steps++;
    if (!stop.found && stops.lost++ == 0)
        stops.lost_at = stop.pc;
    if (stop.wrong && stops.wrong++ == 0)
        stops.wrong_at = stop.pc;
}

static coro_step stepped_steps[4];

static FRAME void stepped(coro_t *co, coro_t *other)
{
    void (*resume)(void) = (void (*)(void))coro_resume;
    uint64_t seed = random64();

    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" ::
                         : "cc", "memory");
    registers_changed(seed, resume, co, other,
                      &stepped_steps[0]); /* starts it; it transfers to the other, which yields */
    registers_changed(seed * 3, resume, co, other, &stepped_steps[1]);   /* it yields */
    registers_changed(seed * 5, resume, co, other, &stepped_steps[2]);   /* it returns */
    registers_changed(seed * 7, resume, other, NULL, &stepped_steps[3]); /* the other returns */
    __asm__ volatile("subq $128, %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\taddq $128, %%rsp" ::
                         : "cc", "memory");
}

static void *transfers_yields_returns(void *other)
{
    coro_step step;

    fp_set_control((uintptr_t)coro_user(coro_self()));
    registers_changed(random64(), (void (*)(void))coro_transfer, other, NULL, &step);
    registers_changed(random64(), (void (*)(void))coro_yield, NULL, NULL, &step);
    return &stops;
}

static void *yields_returns(void *input)
{
    coro_step step;

    fp_set_control((uintptr_t)coro_user(coro_self()));
    registers_changed(random64(), (void (*)(void))coro_yield, input, NULL, &step);
    return &stops;
}

static void step_through(unsigned flags, unsigned other_flags, unsigned rounding)
{
    coro_opts opts = {.flags = flags, .user = (void *)(uintptr_t)fp_rounding(0)};
    coro_opts other_opts = {.flags = other_flags, .user = (void *)(uintptr_t)fp_rounding(rounding)};
    coro_t *co = made_with(transfers_yields_returns, opts), *other = made_with(yields_returns, other_opts);

    stepped(co, other);
    fp_set_control(fp_rounding(0));
    assert_step(stepped_steps[0], CORO_YIELDED, NULL);
    assert_step(stepped_steps[1], CORO_YIELDED, NULL);
    assert_step(stepped_steps[2], CORO_RETURNED, &stops);
    assert_step(stepped_steps[3], CORO_RETURNED, &stops);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(other), 0);
}

static void every_instruction_of_a_switch_can_be_unwound(void **state)
{
    struct sigaction act = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO}, old;
    (void)state;

    if (under_valgrind() || under_tsan() || USUAL_FLAGS != 0)
        skip(); /* no trap flag; signals that wait for a good moment; and of code inlined elsewhere nothing is promised */
    assert_int_equal(sigaction(SIGTRAP, &act, &old), 0);
    for (unsigned flags = 0; flags < 4; flags++)
        for (unsigned rounding = 0; rounding < 2; rounding++)
            step_through(flags & 1, flags >> 1, rounding);
    assert_int_equal(sigaction(SIGTRAP, &old, NULL), 0);
    if (stops.lost + stops.wrong > 0)
        print_error("coro_resume is at %#tx, coro_yield at %#tx; lost at %#tx, registers wrong at %#tx\n",
                    (uintptr_t)coro_resume, (uintptr_t)coro_yield, stops.lost_at, stops.wrong_at);
    assert_true(stops.steps > 1000);
    assert_int_equal(stops.lost, 0);
    assert_int_equal(stops.wrong, 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(from_a_fresh_one_to_its_resumer),
        TEST(through_all_that_resumed_each_other),
        TEST(to_the_resumer_of_today),
        TEST(to_the_resumer_that_a_transfer_handed_over),
        TEST(from_a_handler_to_whoever_destroys),
        TEST(from_a_cleanup_to_whoever_destroys),
        TEST(to_the_end_of_the_thread_that_a_thread_without_has),
        TEST(backtrace_of_the_c_library_sees_the_same),
#ifdef __x86_64__
        TEST(every_instruction_of_a_switch_can_be_unwound),
#endif
    };

    return RUN_TESTS(tests);
}
