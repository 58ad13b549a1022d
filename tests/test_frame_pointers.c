/*
 * The chain of frame pointers that profilers follow. With CORO_FRAME_POINTERS it leads from a coroutine to whoever resumes it now, and
 * on to main(), at every instant; without, it ends in the first frame of the coroutine.
 *
 * All of it is tried from main(), before the tests, which then say whether it was right: cmocka's own frames are on no such chain.
 */
#include "support/test.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#define FRAME __attribute__((noinline))

enum { MOST = 100, ATTEMPTS = 12 + 4 + 2 + 1 };

static void *main_frame;

/* A chain, innermost frame first: up to its end, or main(). */
struct chain {
    void *frame[MOST];
    size_t length;
    bool to_main;
};

static struct chain last;

static FRAME void follow(struct chain *chain, void *frame)
{
    *chain = (struct chain){.length = 0};
    while (frame != NULL && chain->length < MOST && !chain->to_main) {
        chain->frame[chain->length++] = frame;
        chain->to_main = frame == main_frame;
        frame = *(void **)frame;
    }
}

/* Where it is on a chain; MOST if it is not. */
static size_t place_of(const struct chain *chain, const void *frame)
{
    size_t i = 0;

    while (i < chain->length && chain->frame[i] != frame)
        i++;
    return i < chain->length ? i : MOST;
}

#define HERE __builtin_frame_address(0)

/* ---- what is tried ---- */

/* A chain, and the frames that are to be on it: where it begins, and whoever has resumed that. */
static struct attempt {
    struct chain chain;
    void *innermost, *resumer;
    void *former; /* not on it: the resumer before; NULL if there was none */
} attempts[64];
static size_t attempted;

static void *body_frame, *outer_frame;

static void note(void *resumer, void *former)
{
    attempts[attempted++] =
        (struct attempt){.chain = last, .innermost = body_frame, .resumer = resumer, .former = former};
    last.length = 0;
}

static coro_t *created(coro_fn *fn)
{
    coro_t *co;

    if (coro_create(&co, fn, NULL) != 0)
        abort();
    return co;
}

static void *looks_again_and_again(void *input)
{
    for (;;) {
        body_frame = HERE;
        follow(&last, HERE);
        input = coro_yield(input);
    }
    return input;
}

static void *resumes(void *inner)
{
    outer_frame = HERE;
    for (;;) {
        coro_resume(inner, NULL);
        coro_yield(NULL);
    }
    return NULL;
}

static void *transfers(void *to)
{
    coro_transfer(to, NULL);
    return NULL;
}

/* Resume from a frame of its own, so that nothing is where it was the time before. */
static FRAME void *resume_from_deep_down(coro_t *co, void *input, size_t depth)
{
    volatile char room[200];
    void *frame = HERE;

    memset((char *)room, 0x5a, sizeof room);
    if (depth > 0)
        return resume_from_deep_down(co, input, depth - 1);
    coro_resume(co, input);
    return frame;
}

static FRAME void from_many_places(void)
{
    coro_t *co = created(looks_again_and_again);
    void *frame;

    coro_resume(co, NULL);
    note(HERE, NULL);
    for (size_t depth = 0; depth < 10; depth++) {
        frame = resume_from_deep_down(co, NULL, depth % 2 == 0 ? depth : 10 - depth);
        note(frame, NULL);
    }
    coro_resume(co, NULL);
    note(HERE, frame);
    coro_destroy(co);
}

static FRAME void in_coroutines(void)
{
    coro_t *inner = created(looks_again_and_again), *outer = created(resumes);

    coro_resume(outer, inner);
    note(outer_frame, NULL);
    resume_from_deep_down(outer, NULL, 3);
    note(outer_frame, NULL);
    coro_resume(inner, NULL);
    note(HERE, outer_frame);
    coro_resume(outer, NULL);
    note(outer_frame, NULL);
    coro_destroy(outer);
    coro_destroy(inner);
}

static FRAME void by_transfer(void)
{
    coro_t *to = created(looks_again_and_again), *from;

    for (int i = 0; i < 2; i++) { /* the first time it is fresh */
        from = created(transfers);
        note(resume_from_deep_down(from, to, 3 * (size_t)i), NULL);
        coro_destroy(from);
    }
    coro_destroy(to);
}

static void looks(int *frame)
{
    (void)frame;
    follow(&last, __builtin_frame_address(0));
}

static void *cleans_up(void *input)
{
    __attribute__((cleanup(looks))) int here = 0;

    body_frame = HERE;
    coro_yield(&here);
    return input;
}

static FRAME void destroy(coro_t *co)
{
    coro_destroy(co);
    body_frame = last.frame[0];
    note(HERE, NULL);
}

static FRAME void while_it_unwinds(void)
{
    coro_t *co = created(cleans_up);

    resume_from_deep_down(co, NULL, 5);
    destroy(co);
}

/* ---- the results ---- */

static void the_chain_leads_to_whoever_resumes_it_now(void **state)
{
    (void)state;
    assert_int_equal(attempted, ATTEMPTS);
    for (size_t i = 0; i < attempted; i++) {
        const struct attempt *a = &attempts[i];
        size_t at = place_of(&a->chain, a->resumer);

        assert_int_equal(place_of(&a->chain, a->innermost), 0);
#ifdef CORO_FRAME_POINTERS
        assert_true(a->chain.to_main);
        assert_true(at > 0 && at < MOST);
        assert_true(a->former == NULL || place_of(&a->chain, a->former) == MOST);
#else
        assert_false(a->chain.to_main);
        assert_int_equal(at, MOST);
        assert_true(a->chain.length <= 3);
#endif
    }
}

#ifdef CORO_FRAME_POINTERS

/* The library's own function, between the body and the first frame, has a frame pointer there. */
static void *looks_as_a_task(void *unused)
{
    body_frame = HERE;
    follow(&last, HERE);
    return unused;
}

static void the_chain_of_a_task_ends_where_the_task_begins(void **state)
{
    (void)state;
    assert_int_equal(coro_run(looks_as_a_task, NULL, NULL, NULL), 0);
    assert_false(last.to_main);
    assert_int_equal(place_of(&last, body_frame), 0);
    assert_true(last.length < 10);
}

/* ---- at every instant ---- */

static volatile sig_atomic_t samples, astray;

static void sample(int signal, siginfo_t *info, void *context)
{
    static struct chain chain;
    const ucontext_t *u = context;

    (void)signal;
    (void)info;
#    if defined(__x86_64__)
    follow(&chain, (void *)u->uc_mcontext.gregs[REG_RBP]);
#    else
    follow(&chain, (void *)u->uc_mcontext.regs[29]);
#    endif
    astray += !chain.to_main;
    samples++;
}

static FRAME void at_every_instant(void)
{
    struct sigaction action = {.sa_sigaction = sample, .sa_flags = SA_SIGINFO | SA_RESTART}, before;
    coro_t *inner = created(looks_again_and_again), *outer = created(resumes);
    sig_atomic_t armed = -1;

    coro_resume(outer, inner);
    sigaction(SIGPROF, &action, &before);
    for (size_t i = 0; samples < 100; i++) {
        if (armed != samples) { /* one at a time, or an emulator does nothing else */
            struct itimerval next = {.it_value = {0, 50 + samples * 7}};

            armed = samples;
            setitimer(ITIMER_PROF, &next, NULL);
        }
        coro_resume(outer, NULL);
        if (i % 16 == 0)
            resume_from_deep_down(outer, NULL, 1);
    }
    sigaction(SIGPROF, &before, NULL);
    coro_destroy(outer);
    coro_destroy(inner);
}

static void no_instant_of_a_switch_leads_a_profiler_astray(void **state)
{
    (void)state;
    assert_true(samples >= 100);
    assert_int_equal(astray, 0);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_chain_leads_to_whoever_resumes_it_now),
#ifdef CORO_FRAME_POINTERS
        TEST(the_chain_of_a_task_ends_where_the_task_begins),
        TEST(no_instant_of_a_switch_leads_a_profiler_astray),
#endif
    };

    tests_prepare();
    main_frame = HERE;
    from_many_places();
    in_coroutines();
    by_transfer();
    while_it_unwinds();
#ifdef CORO_FRAME_POINTERS
    at_every_instant();
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
