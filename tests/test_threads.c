/*
 * Coroutines and threads: to whom a coroutine belongs, what a thread leaves behind when it ends, many threads at once.
 *
 * Threads record, the test asserts.
 */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Run fn(arg) on a thread of its own and wait for its end. */
static void on_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *echo_forever(void *input)
{
    for (;;)
        input = coro_yield(input);
    return NULL;
}

static void *echo(void *input)
{
    return input;
}

/* ---- whose coroutine ---- */

struct foreign {
    coro_t *co;
    coro_step resumed, transferred;
    int destroyed;
    coro_status status;
    void *user;
    size_t size;
};

static void *transfers_to_foreign(void *input)
{
    struct foreign *f = input;

    f->transferred = coro_transfer(f->co, f);
    return NULL;
}

static void *meddles(void *arg)
{
    struct foreign *f = arg;
    coro_t *own;

    f->status = coro_get_status(f->co);
    f->user = coro_user(f->co);
    f->size = coro_stack_size(f->co);
    f->resumed = coro_resume(f->co, f);
    f->destroyed = coro_destroy(f->co);
    if (coro_create(&own, transfers_to_foreign, NULL) == 0) {
        coro_resume(own, f);
        coro_destroy(own);
    }
    return NULL;
}

static void assert_refused(const struct foreign *f)
{
    assert_step(f->resumed, -EPERM, NULL);
    assert_step(f->transferred, -EPERM, NULL);
}

static void a_coroutine_belongs_to_the_thread_that_created_it(void **state)
{
    struct foreign f = {.co = made_with(echo_forever, (coro_opts){.user = &f})};
    (void)state;

    for (int suspended = 0; suspended < 2; suspended++) {
        on_a_thread(meddles, &f);
        assert_refused(&f);
        assert_int_equal(f.destroyed, -EPERM);
        assert_int_equal(f.status, CORO_SUSPENDED);
        assert_ptr_equal(f.user, &f);
        assert_int_equal(f.size, 65536);
        assert_step(coro_resume(f.co, &state), CORO_YIELDED, &state);
    }
    assert_int_equal(coro_destroy(f.co), 0);
}

static void a_dead_one_belongs_to_it_still(void **state)
{
    struct foreign f = {.co = made(echo)};
    (void)state;

    assert_step(coro_resume(f.co, &f), CORO_RETURNED, &f);
    on_a_thread(meddles, &f);
    assert_step(f.resumed, -ESRCH, NULL);
    assert_step(f.transferred, -ESRCH, NULL);
    assert_int_equal(f.destroyed, -EPERM);
    assert_int_equal(f.status, CORO_DEAD);
    assert_int_equal(coro_destroy(f.co), 0);
}

static void *has_another_thread_meddle(void *input)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, meddles, input) == 0)
        pthread_join(thread, NULL);
    return NULL;
}

static void a_running_coroutine_is_busy_for_other_threads(void **state)
{
    struct foreign f = {.co = made(has_another_thread_meddle)};
    (void)state;

    assert_step(coro_resume(f.co, &f), CORO_RETURNED, NULL);
    assert_refused(&f);
    assert_int_equal(f.destroyed, -EBUSY);
    assert_int_equal(f.status, CORO_RUNNING);
    assert_int_equal(coro_destroy(f.co), 0);
}

static void *resumes_input(void *input)
{
    struct foreign *f = input;
    coro_t *inner;

    if (coro_create(&inner, has_another_thread_meddle, NULL) == 0) {
        coro_resume(inner, f);
        coro_destroy(inner);
    }
    return NULL;
}

static void a_normal_one_counts_as_running_for_other_threads(void **state)
{
    struct foreign f = {.co = made(resumes_input)};
    (void)state;

    coro_resume(f.co, &f);
    assert_refused(&f);
    assert_int_equal(f.destroyed, -EBUSY);
    assert_int_equal(f.status, CORO_RUNNING);
    assert_int_equal(coro_destroy(f.co), 0);
}

static void *asks_for_self(void *arg)
{
    *(coro_t **)arg = coro_self();
    return NULL;
}

static void *asks_on_another_thread(void *input)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, asks_for_self, input) == 0)
        pthread_join(thread, NULL);
    return NULL;
}

static void self_is_of_the_calling_thread(void **state)
{
    coro_t *co = made(asks_on_another_thread), *self = co;
    (void)state;

    coro_resume(co, &self);
    assert_null(self);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- what a thread leaves behind ---- */

enum { LEFT = 4 }; /* fresh, suspended, suspended in a transfer, returned */

struct estate {
    coro_t *co[LEFT];
    const coro_stack_allocator *allocator;
    coro_key_t key;
    bool in_self;
};

static void mark_defer(void *arg)
{
    struct estate *e = arg;

    mark('d');
    e->in_self = coro_self() != NULL && coro_user(coro_self()) == e && coro_get_status(coro_self()) == CORO_RUNNING;
}

static void mark_value(void *arg)
{
    mark(*(char *)arg);
}

static void mark_cleanup(char *c)
{
    mark(*c);
}

static __attribute__((noinline)) void yields_above_a_cleanup(void)
{
    __attribute__((cleanup(mark_cleanup), unused)) char c = 'c';

    coro_yield(NULL);
    mark('!');
}

static void *leaves_handlers(void *input)
{
    struct estate *e = input;

    coro_defer(mark_defer, e);
    coro_set(e->key, "k");
    yields_above_a_cleanup();
    return NULL;
}

static void *leaves_by_transfer(void *input)
{
    __attribute__((cleanup(mark_cleanup))) char c = 't';
    struct estate *e = input;

    (void)c;
    coro_transfer(e->co[3], NULL);
    mark('!');
    return NULL;
}

static void *leaves_coroutines(void *arg)
{
    static coro_fn *const bodies[LEFT] = {echo, leaves_handlers, leaves_by_transfer, echo};
    struct estate *e = arg;

    for (int i = 0; i < LEFT; i++)
        if (coro_create(&e->co[i], bodies[i],
                        &(coro_opts){.name = "left", .user = e, .allocator = e->allocator, .flags = USUAL_FLAGS}) != 0)
            return NULL;
    coro_resume(e->co[1], e);
    coro_resume(e->co[2], e);
    return NULL;
}

static void inherit(struct estate *e, const coro_stack_allocator *allocator)
{
    *e = (struct estate){.allocator = allocator};
    assert_int_equal(coro_key_create(&e->key, mark_value), 0);
    on_a_thread(leaves_coroutines, e);
    for (int i = 0; i < LEFT; i++)
        assert_non_null(e->co[i]);
}

static void settle(struct estate *e)
{
    for (int i = 0; i < LEFT; i++)
        assert_int_equal(coro_destroy(e->co[i]), 0);
    assert_int_equal(coro_key_delete(e->key), 0);
}

static void handles_outlive_the_thread(void **state)
{
    struct estate e;
    struct foreign f;
    (void)state;

    inherit(&e, NULL);
    assert_int_equal(coro_get_status(e.co[0]), CORO_SUSPENDED);
    assert_int_equal(coro_get_status(e.co[1]), CORO_SUSPENDED);
    assert_int_equal(coro_get_status(e.co[2]), CORO_SUSPENDED);
    assert_int_equal(coro_get_status(e.co[3]), CORO_DEAD);
    for (int i = 0; i < 3; i++) {
        f.co = e.co[i];
        coro_t *own = made(transfers_to_foreign);
        assert_step(coro_resume(own, &f), CORO_RETURNED, NULL);
        assert_step(f.transferred, -EPERM, NULL);
        assert_int_equal(coro_destroy(own), 0);
        assert_step(coro_resume(e.co[i], NULL), -EPERM, NULL);
        assert_string_equal(coro_name(e.co[i]), "left");
        assert_int_equal(coro_stack_size(e.co[i]), 65536);
        assert_true(coro_stack_used(e.co[i]) <= 65536);
    }
    assert_string_equal(trace, "");
    settle(&e);
}

static void any_thread_may_destroy_what_was_left_behind(void **state)
{
    const coro_stack_allocator *allocators[] = {coro_stack_pooled(), coro_stack_mmap(), coro_stack_heap()};
    (void)state;

    for (int i = 0; i < 3; i++) {
        struct estate e;

        memset(trace, 0, sizeof trace);
        inherit(&e, allocators[i]);
        assert_string_equal(trace, "");
        settle(&e);
        assert_string_equal(trace, "cdkt");
        assert_true(e.in_self);
    }
}

static void *settles_inside(void *input)
{
    struct estate *e = input;

    for (int i = 0; i < LEFT; i++)
        mark(coro_destroy(e->co[i]) == 0 ? '+' : '-');
    return NULL;
}

static void a_coroutine_may_destroy_what_was_left_behind(void **state)
{
    struct estate e;
    coro_t *co = made(settles_inside);
    (void)state;

    inherit(&e, NULL);
    assert_step(coro_resume(co, &e), CORO_RETURNED, NULL);
    assert_string_equal(trace, "+cdk+t++");
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_key_delete(e.key), 0);
}

static void *resumes_foreign(void *arg)
{
    struct foreign *f = arg;
    coro_t *own = NULL;

    coro_create(&own, echo, NULL); /* so that this thread has coroutines, too */
    f->resumed = coro_resume(f->co, f);
    coro_destroy(own);
    return NULL;
}

static void a_thread_in_the_place_of_another_is_another(void **state)
{
    struct estate e;
    struct foreign f = {0};
    (void)state;

    inherit(&e, NULL);
    for (int i = 0; i < 50; i++) {
        f.co = e.co[i % 3];
        on_a_thread(resumes_foreign, &f);
        assert_step(f.resumed, -EPERM, NULL);
    }
    on_a_thread(settles_inside, &e);
    assert_string_equal(trace, "+cdk+t++");
    assert_int_equal(coro_key_delete(e.key), 0);
}

/* ---- pthread_exit() ---- */

static void mark_frame(char *c)
{
    mark(*c);
}

static void *exits_the_thread(void *input)
{
    __attribute__((cleanup(mark_frame), unused)) char c = 'i';

    pthread_exit(input);
}

static void *resumes_one_that_exits(void *arg)
{
    coro_t **co = arg;

    if (coro_create(co, exits_the_thread, &(coro_opts){.flags = USUAL_FLAGS}) == 0)
        coro_resume(*co, co);
    mark('!');
    return NULL;
}

static void a_thread_may_exit_inside_a_coroutine(void **state)
{
    pthread_t thread;
    coro_t *co = NULL;
    void *result = NULL;
    (void)state;

    if (under_asan() || under_tsan())
        skip(); /* one looks for the end of the thread's stack, the other for the thread, and both are on another */
    assert_int_equal(pthread_create(&thread, NULL, resumes_one_that_exits, &co), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &co);
    assert_string_equal(trace, "i");
    assert_int_equal(coro_get_status(co), CORO_DEAD);
    assert_int_equal(coro_destroy(co), 0);
}

/* A destructor of thread-specific data that runs after the library's own has left the thread. */
static pthread_key_t late_key;
static coro_step late_step;
static int late_error;

static void works_late(void *arg)
{
    coro_t *co = NULL;

    if (*(int *)arg > 0) {
        --*(int *)arg;
        pthread_setspecific(late_key, arg);
        return;
    }
    late_error = coro_create(&co, echo, NULL);
    late_step = coro_resume(co, arg);
    late_error |= coro_destroy(co);
}

static void *leaves_late_work(void *arg)
{
    coro_t *co;

    if (coro_create(&co, echo, NULL) == 0)
        coro_destroy(co);
    pthread_setspecific(late_key, arg);
    return NULL;
}

static void destructors_of_an_ending_thread_may_use_coroutines(void **state)
{
    (void)state;
    if (under_tsan())
        skip(); /* a destructor of its own ends the thread for it */
    assert_int_equal(pthread_key_create(&late_key, works_late), 0);
    for (int rounds = 0; rounds < 3; rounds++) {
        int left = rounds;

        late_error = -1;
        on_a_thread(leaves_late_work, &left);
        assert_int_equal(late_error, 0);
        assert_step(late_step, CORO_RETURNED, &left);
    }
    assert_int_equal(pthread_key_delete(late_key), 0);
}

/* ---- many at once ---- */

enum { THREADS = 8 };

struct worker {
    pthread_t thread;
    uint64_t seed, wrong;
    size_t rounds;
    coro_t *left[50];
};

static void *sums_up(void *input)
{
    uintptr_t sum = (uintptr_t)input;

    for (int i = 0; i < 10; i++)
        sum += (uintptr_t)coro_yield((void *)sum);
    return (void *)sum;
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void one_round(struct worker *w)
{
    static const size_t sizes[] = {0, 16384, 32768, 200000};
    coro_t *co[5] = {NULL};
    uintptr_t sum = 0;

    for (int i = 0; i < 5; i++)
        w->wrong += coro_create(&co[i], sums_up, &(coro_opts){.stack_size = sizes[next_random(&w->seed) % 4]}) != 0;
    for (uintptr_t step = 0; step <= 10; step++) {
        sum += step;
        for (int i = 0; i < 5; i++)
            w->wrong += coro_resume(co[i], (void *)step).value != (void *)sum;
    }
    for (int i = 0; i < 5; i++)
        w->wrong += coro_destroy(co[i]) != 0;
}

static void *works(void *arg)
{
    struct worker *w = arg;

    for (size_t i = 0; i < w->rounds; i++)
        one_round(w);
    for (int i = 0; i < 50; i++) {
        w->wrong += coro_create(&w->left[i], sums_up, NULL) != 0;
        coro_resume(w->left[i], NULL);
    }
    return NULL;
}

static void *clears_up(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < 50; i++)
        w->wrong += coro_destroy(w->left[i]) != 0;
    return NULL;
}

static void run_all(struct worker *workers, void *(*fn)(void *))
{
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, fn, &workers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

static void many_threads_run_their_own_coroutines(void **state)
{
    static struct worker workers[THREADS];
    (void)state;

    for (int i = 0; i < THREADS; i++)
        workers[i] = (struct worker){.seed = (uint64_t)i, .rounds = scaled(1000)};
    run_all(workers, works);
    run_all(workers, clears_up);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
}

static atomic_int keys_wrong;

static void *churns_keys(void *arg)
{
    coro_key_t keys[8];

    (void)arg;
    for (size_t i = 0; i < scaled(2000); i++) {
        for (int k = 0; k < 8; k++)
            keys_wrong += coro_key_create(&keys[k], NULL) != 0;
        for (int k = 0; k < 8; k++)
            for (int j = 0; j < k; j++)
                keys_wrong += keys[j] == keys[k];
        for (int k = 0; k < 8; k++)
            keys_wrong += coro_key_delete(keys[k]) != 0; /* fails if two threads were given the same */
    }
    return NULL;
}

static void keys_are_made_by_many_threads(void **state)
{
    static struct worker workers[THREADS];
    (void)state;

    run_all(workers, churns_keys);
    assert_int_equal(keys_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_coroutine_belongs_to_the_thread_that_created_it),
        TEST(a_dead_one_belongs_to_it_still),
        TEST(a_running_coroutine_is_busy_for_other_threads),
        TEST(a_normal_one_counts_as_running_for_other_threads),
        TEST(self_is_of_the_calling_thread),
        TEST(handles_outlive_the_thread),
        TEST(any_thread_may_destroy_what_was_left_behind),
        TEST(a_coroutine_may_destroy_what_was_left_behind),
        TEST(a_thread_in_the_place_of_another_is_another),
        TEST(a_thread_may_exit_inside_a_coroutine),
        TEST(destructors_of_an_ending_thread_may_use_coroutines),
        TEST(many_threads_run_their_own_coroutines),
        TEST(keys_are_made_by_many_threads),
    };

    return RUN_TESTS(tests);
}
