/*
 * Mutexes and their like from C++: initialisers, and scopes that hold one.
 */
#include "support/test.h"

#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <type_traits>

static coro_mutex_t mutex = CORO_MUTEX_INIT;
static coro_cond_t cond = CORO_COND_INIT;
static coro_rwlock_t rwlock = CORO_RWLOCK_INIT;
static coro_sem_t sem = CORO_SEM_INIT(2);
static coro_barrier_t barrier = CORO_BARRIER_INIT(2);
static coro_waitgroup_t group = CORO_WAITGROUP_INIT;
static coro_once_t once = CORO_ONCE_INIT;

/* They need no code to begin with, and none at the end. */
static constexpr coro_mutex_t constant_mutex = CORO_MUTEX_INIT;
static constexpr coro_rwlock_t constant_rwlock = CORO_RWLOCK_INIT;
static constexpr coro_sem_t constant_sem = CORO_SEM_INIT(UINT_MAX);
static_assert(std::is_trivially_destructible<coro_mutex_t>::value && std::is_standard_layout<coro_mutex_t>::value, "");
static_assert(std::is_trivially_destructible<coro_rwlock_t>::value && std::is_standard_layout<coro_rwlock_t>::value,
              "");

/* What a program may write to have scopes. */
class holds
{
  public:
    explicit holds(coro_mutex_t *m) : mutex_(m), result(coro_mutex_lock(m, CORO_FOREVER))
    {
    }
    holds(const holds &) = delete;
    holds &operator=(const holds &) = delete;
    ~holds()
    {
        if (result == 0)
            unlocked = coro_mutex_unlock(mutex_);
    }
    static int unlocked;

  private:
    coro_mutex_t *mutex_;

  public:
    const int result;
};
int holds::unlocked;

static const coro_sched_opts virtual_time = {0, 0, true, 0, CORO_FIFO};

static int results[8];

struct account {
    coro_mutex_t lock = CORO_MUTEX_INIT;
    coro_cond_t changed = CORO_COND_INIT;
    coro_rwlock_t book = CORO_RWLOCK_INIT;
    coro_sem_t tellers = CORO_SEM_INIT(1);
    coro_barrier_t gate = CORO_BARRIER_INIT(1);
    coro_waitgroup_t work = CORO_WAITGROUP_INIT;
    coro_once_t opened = CORO_ONCE_INIT;
};

static void initialisers_make_what_is_ready(void **state)
{
    account a, many[2] = {};
    coro_mutex_t copy = constant_mutex;
    coro_rwlock_t lock = constant_rwlock;
    coro_sem_t full = constant_sem;
    (void)state;

    assert_int_equal(coro_mutex_lock(&copy, 0), 0);
    assert_int_equal(coro_rwlock_wrlock(&lock, 0), 0);
    assert_int_equal(coro_sem_post(&full), -EOVERFLOW);
    for (account *each : {&a, &many[0], &many[1]}) {
        assert_int_equal(coro_mutex_lock(&each->lock, 0), 0);
        assert_int_equal(coro_cond_wait(&each->changed, &each->lock, 0), -EAGAIN);
        assert_int_equal(coro_rwlock_rdlock(&each->book, 0), 0);
        assert_int_equal(coro_sem_wait(&each->tellers, 0), 0);
        assert_int_equal(coro_sem_wait(&each->tellers, 0), -EAGAIN);
        assert_int_equal(coro_barrier_wait(&each->gate, 0), 1);
        assert_int_equal(coro_waitgroup_wait(&each->work, 0), 0);
        assert_int_equal(coro_once(&each->opened, [] { mark('o'); }), 0);
    }
    assert_string_equal(trace, "ooo");
}

/* ---- all of them, waited for ---- */

static void *works(void *)
{
    coro_mutex_lock(&mutex, CORO_FOREVER);
    results[0] = coro_cond_wait(&cond, &mutex, CORO_FOREVER);
    coro_mutex_unlock(&mutex);
    results[1] = coro_rwlock_rdlock(&rwlock, CORO_FOREVER);
    coro_rwlock_unlock(&rwlock);
    for (int i = 0; i < 3; i++)
        results[2] += coro_sem_wait(&sem, CORO_FOREVER);
    results[3] = coro_barrier_wait(&barrier, CORO_FOREVER);
    results[4] = coro_once(&once, [] { mark('o'); });
    results[5] = coro_waitgroup_done(&group);
    return nullptr;
}

static void *leads(void *)
{
    coro_waitgroup_add(&group, 1);
    coro_rwlock_wrlock(&rwlock, CORO_FOREVER);
    coro_spawn(nullptr, works, nullptr, nullptr);
    coro_sleep(1);
    coro_cond_broadcast(&cond);
    coro_sleep(1);
    coro_rwlock_unlock(&rwlock);
    coro_sleep(1);
    coro_sem_post(&sem);
    coro_barrier_wait(&barrier, CORO_FOREVER);
    results[6] = coro_waitgroup_wait(&group, CORO_FOREVER);
    return nullptr;
}

static void tasks_wait_for_each_of_them(void **state)
{
    (void)state;
    results[3] = -1;
    assert_int_equal(coro_run(leads, nullptr, nullptr, &virtual_time), 0);
    for (int i = 0; i < 7; i++)
        assert_true(results[i] == 0 || (i == 3 && results[i] == 1));
    assert_string_equal(trace, "o");
}

/* ---- scopes ---- */

static void *throws_while_it_holds(void *)
{
    try {
        holds lock(&mutex);
        coro_sleep(1);
        throw std::runtime_error("out of here");
    } catch (const std::runtime_error &) {
        results[0] = holds::unlocked;
    }
    return nullptr;
}

static void *locks_behind(void *)
{
    holds lock(&mutex);
    results[1] = lock.result;
    return nullptr;
}

static void *runs_both(void *)
{
    coro_spawn(nullptr, throws_while_it_holds, nullptr, nullptr);
    coro_spawn(nullptr, locks_behind, nullptr, nullptr);
    return nullptr;
}

static void an_exception_leaves_a_scope_that_unlocks(void **state)
{
    (void)state;
    results[0] = results[1] = -1;
    assert_int_equal(coro_run(runs_both, nullptr, nullptr, &virtual_time), 0);
    assert_int_equal(results[0], 0);
    assert_int_equal(results[1], 0);
}

static void *holds_for_ever(void *)
{
    holds lock(&mutex);
    coro_sleep(CORO_FOREVER);
    return nullptr;
}

static void a_task_that_is_unwound_leaves_its_scopes(void **state)
{
    coro_sched_t *s;
    (void)state;

    holds::unlocked = -1;
    assert_int_equal(coro_sched_create(&s, &virtual_time), 0);
    assert_int_equal(coro_sched_spawn(s, nullptr, holds_for_ever, nullptr, nullptr), 0);
    assert_int_equal(coro_sched_spawn(s, nullptr, locks_behind, nullptr, nullptr), 0);
    assert_int_equal(coro_sched_step(s, 0), 2);
    assert_int_equal(coro_sched_destroy(s), 0);
    assert_int_equal(holds::unlocked, 0);
    assert_int_equal(coro_mutex_lock(&mutex, 0), 0);
    assert_int_equal(coro_mutex_unlock(&mutex), 0);
}

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(initialisers_make_what_is_ready),
        TEST(tasks_wait_for_each_of_them),
        TEST(an_exception_leaves_a_scope_that_unlocks),
        TEST(a_task_that_is_unwound_leaves_its_scopes),
    };

    unsetenv("CORO_SEED");
    return RUN_TESTS(tests);
}
