/*
 * C++ exceptions. Each coroutine has its own that are in flight and being handled, whatever the others do meanwhile; and with
 * CORO_FORWARD_EXCEPTIONS, one that leaves a body goes on in the resumer.
 */
#include "support/c_frame.h"
#include "support/fpenv.h"
#include "support/opaque_frame.h"
#include "support/test.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>
#include <unwind.h>
#include <vector>

namespace
{

/* What the tests throw: a letter, counted. */
std::atomic<int> alive;

struct Thrown {
    char letter;
    explicit Thrown(char c) : letter(c)
    {
        alive++;
    }
    Thrown(const Thrown &other) : letter(other.letter)
    {
        alive++;
    }
    Thrown &operator=(const Thrown &) = delete;
    ~Thrown()
    {
        alive--;
    }
};

struct Marks {
    char letter;
    explicit Marks(char c) : letter(c)
    {
    }
    Marks(const Marks &) = delete;
    Marks &operator=(const Marks &) = delete;
    ~Marks()
    {
        mark(letter);
    }
};

void mark_number(int n)
{
    mark(static_cast<char>('0' + n));
}

void mark_handler(void *letter)
{
    mark(*static_cast<char *>(letter));
}

void *letter(const char *text)
{
    return const_cast<char *>(text);
}

char as_char(void *text)
{
    return *static_cast<char *>(text);
}

/* The letter of the exception being handled, '-' if there is none. */
char handled()
{
    if (std::current_exception() == nullptr)
        return '-';
    try {
        throw;
    } catch (const Thrown &t) {
        return t.letter;
    }
}

coro_t *forwarding(coro_fn *fn)
{
    coro_opts opts = {};

    opts.flags = CORO_FORWARD_EXCEPTIONS;
    return made_with(fn, opts);
}

/* Resume, and give the letter of what comes out, or a '.' if it is a step. */
char caught_from(coro_t *co, void *input)
{
    try {
        coro_resume(co, input);
    } catch (const Thrown &t) {
        return t.letter;
    }
    return '.';
}

void assert_dead_and_destroy(coro_t *co)
{
    assert_int_equal(coro_get_status(co), CORO_DEAD);
    assert_step(coro_resume(co, nullptr), -ESRCH, nullptr);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- yielding in a catch block ---- */

/* Throws its letter, and says again and again what it is handling. */
void *handles(void *input)
{
    try {
        throw Thrown(as_char(input));
    } catch (const Thrown &) {
        while (coro_yield(nullptr) != nullptr)
            mark(handled());
    }
    mark(handled());
    return nullptr;
}

void each_coroutine_handles_its_own(void **)
{
    coro_t *a = made(handles), *b = made(handles);

    try {
        throw Thrown('m');
    } catch (const Thrown &) {
        coro_resume(a, letter("a"));
        mark(handled());
        coro_resume(b, letter("b"));
        mark(handled());
        for (int i = 0; i < 2; i++) {
            coro_resume(a, a);
            coro_resume(b, b);
            mark(handled());
        }
        coro_resume(a, nullptr); /* first in, first out */
        mark(handled());
    }
    mark(handled());
    coro_resume(b, b);
    coro_resume(b, nullptr);
    assert_string_equal(trace, "mmabmabm-m-b-");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(a), 0);
    assert_int_equal(coro_destroy(b), 0);
}

void a_coroutine_does_not_see_what_its_resumer_handles(void **)
{
    static const auto looks = [](void *) -> void * {
        mark(handled());
        mark_number(std::uncaught_exceptions());
        return nullptr;
    };
    coro_t *co = made(looks);

    try {
        throw Thrown('m');
    } catch (const Thrown &) {
        coro_resume(co, nullptr);
    }
    assert_string_equal(trace, "-0");
    assert_int_equal(coro_destroy(co), 0);
}

void *throws_again_after_a_yield(void *input)
{
    try {
        try {
            throw Thrown(as_char(input));
        } catch (const Thrown &) {
            coro_yield(nullptr);
            throw;
        }
    } catch (const Thrown &t) {
        coro_yield(nullptr);
        mark(t.letter);
    }
    return nullptr;
}

void an_exception_is_thrown_again_after_others_have_been(void **)
{
    coro_t *a = made(throws_again_after_a_yield), *b = made(throws_again_after_a_yield);

    coro_resume(a, letter("a"));
    coro_resume(b, letter("b"));
    for (int i = 0; i < 2; i++) {
        coro_resume(a, nullptr);
        coro_resume(b, nullptr);
    }
    assert_string_equal(trace, "ab");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(a), 0);
    assert_int_equal(coro_destroy(b), 0);
}

/* Throws the letters one in the other's catch block, and says on the way back what it is handling. */
void nests(const char *letters)
{
    if (*letters == '\0')
        return;
    try {
        throw Thrown(*letters);
    } catch (const Thrown &) {
        coro_yield(nullptr);
        nests(letters + 1);
        coro_yield(nullptr);
        mark(handled());
    }
}

void *nests_all(void *input)
{
    nests(static_cast<const char *>(input));
    return nullptr;
}

void catch_blocks_within_catch_blocks_are_kept_apart(void **)
{
    coro_t *a = made(nests_all), *b = made(nests_all);

    coro_resume(a, letter("abc"));
    coro_resume(b, letter("xyz"));
    for (int i = 0; i < 6; i++) {
        coro_resume(a, nullptr);
        coro_resume(b, nullptr);
    }
    assert_string_equal(trace, "czbyax");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(a), 0);
    assert_int_equal(coro_destroy(b), 0);
}

void *hands_out_what_it_handles(void *input)
{
    std::exception_ptr mine;

    try {
        throw Thrown(as_char(input));
    } catch (const Thrown &) {
        mine = std::current_exception();
        coro_yield(&mine);
    }
    coro_yield(nullptr);
    try {
        std::rethrow_exception(mine);
    } catch (const Thrown &t) {
        coro_yield(nullptr);
        mark(t.letter);
    }
    return nullptr;
}

void a_kept_exception_may_be_thrown_in_two_coroutines_at_once(void **)
{
    coro_t *co = made(hands_out_what_it_handles);
    std::exception_ptr theirs = *static_cast<std::exception_ptr *>(coro_resume(co, letter("a")).value);

    coro_resume(co, nullptr);
    try {
        std::rethrow_exception(theirs);
    } catch (const Thrown &) {
        coro_resume(co, nullptr); /* which handles it too now */
        mark(handled());
        coro_resume(co, nullptr);
        mark(handled());
    }
    theirs = nullptr;
    assert_string_equal(trace, "aaa");
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 0);
}

void *handles_and_hands_over(void *input)
{
    coro_t *to = static_cast<coro_t *>(input);

    try {
        throw Thrown('t');
    } catch (const Thrown &) {
        coro_transfer(to, letter("a"));
        mark(handled());
    }
    return nullptr;
}

void a_transfer_in_a_catch_block_is_no_different(void **)
{
    coro_t *to = made(handles), *co = made(handles_and_hands_over);

    coro_resume(co, to);
    coro_resume(to, to);
    coro_resume(co, nullptr);
    coro_resume(to, nullptr);
    assert_string_equal(trace, "at-");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(coro_destroy(to), 0);
}

void *returns_from_a_catch_block(void *input)
{
    try {
        throw Thrown('a');
    } catch (const Thrown &) {
        coro_yield(input);
        return input;
    }
}

void returning_from_a_catch_block_ends_it(void **)
{
    for (int i = 0; i < 2; i++) { /* the second time it is the same one, used again */
        coro_t *co = made(returns_from_a_catch_block);

        coro_resume(co, co);
        assert_step(coro_resume(co, nullptr), CORO_RETURNED, co);
        assert_int_equal(alive, 0);
        assert_int_equal(coro_destroy(co), 0);
    }
}

/* ---- counting those in flight ---- */

/* Yields while an exception is on its way. */
struct YieldsAtExit {
    ~YieldsAtExit()
    {
        mark_number(std::uncaught_exceptions());
        coro_yield(nullptr);
        mark_number(std::uncaught_exceptions());
    }
};

void *yields_while_an_exception_passes(void *)
{
    try {
        YieldsAtExit here;
        throw Thrown('a');
    } catch (const Thrown &t) {
        mark_number(std::uncaught_exceptions());
        mark(t.letter);
    }
    return nullptr;
}

void a_destructor_may_yield_while_an_exception_passes(void **)
{
    coro_t *a = made(yields_while_an_exception_passes), *b = made(yields_while_an_exception_passes);

    coro_resume(a, nullptr);
    mark_number(std::uncaught_exceptions());
    coro_resume(b, nullptr);
    mark_number(std::uncaught_exceptions());
    coro_resume(a, nullptr);
    coro_resume(b, nullptr);
    assert_string_equal(trace, "101010a10a");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(a), 0);
    assert_int_equal(coro_destroy(b), 0);
}

struct ResumesAtExit {
    coro_t *co;
    ~ResumesAtExit()
    {
        coro_resume(co, nullptr);
        mark_number(std::uncaught_exceptions());
    }
};

void a_coroutine_resumed_while_an_exception_passes_counts_its_own(void **)
{
    coro_t *co = made(yields_while_an_exception_passes);

    try {
        ResumesAtExit again = {co};
        ResumesAtExit here = {co};
        throw Thrown('m');
    } catch (const Thrown &t) {
        mark(t.letter);
    }
    assert_string_equal(trace, "1110a1m");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(co), 0);
}

/* ---- destroyed while handling ---- */

void what_a_destroyed_coroutine_was_handling_is_freed(void **)
{
    for (int i = 0; i < 3; i++) {
        coro_t *co = made(handles), *nested = made(nests_all);

        coro_resume(co, letter("a"));
        coro_resume(nested, letter("abc"));
        coro_resume(nested, nullptr);
        assert_int_equal(alive, 3);
        assert_int_equal(coro_destroy(co), 0);
        assert_int_equal(alive, 2);
        assert_int_equal(coro_destroy(nested), 0);
        assert_int_equal(alive, 0);
        assert_int_equal(std::uncaught_exceptions(), 0);
        assert_true(std::current_exception() == nullptr);
    }
}

void *destroys_while_handling(void *input)
{
    try {
        throw Thrown('d');
    } catch (const Thrown &) {
        mark_number(coro_destroy(static_cast<coro_t *>(input)));
        mark(handled());
    }
    return nullptr;
}

void one_that_handles_may_destroy_another_that_does(void **)
{
    coro_t *co = made(destroys_while_handling), *other = made(handles);

    coro_resume(other, letter("a"));
    coro_resume(co, other);
    assert_string_equal(trace, "0d");
    assert_int_equal(alive, 0);
    assert_int_equal(coro_destroy(co), 0);
}

/* Frames without unwind information are dropped, and with them the catch blocks around: what was handled there leaks. The test
   releases it in their place, as a second owner. */
std::exception_ptr leaked;

void release_leaked()
{
    std::exception_ptr *owner = static_cast<std::exception_ptr *>(std::malloc(sizeof *owner));

    assert_non_null(owner);
    std::memcpy(static_cast<void *>(owner), &leaked, sizeof leaked);
    owner->~exception_ptr();
    std::free(owner);
    leaked = nullptr;
}

void *handles_behind_an_opaque_frame(void *)
{
    try {
        throw Thrown('l');
    } catch (const Thrown &) {
        leaked = std::current_exception();
        call_through_opaque_frame([](void *) { coro_yield(nullptr); }, nullptr);
    }
    return nullptr;
}

void a_new_one_handles_nothing_where_another_was_dropped(void **)
{
    coro_t *co = made(handles_behind_an_opaque_frame), *dropped = co;

    coro_resume(co, nullptr);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 1);
    co = made([](void *) -> void * {
        mark(handled());
        return nullptr;
    });
    if (!under_asan()) /* which may keep memory for a while */
        assert_ptr_equal(co, dropped);
    coro_resume(co, nullptr);
    assert_string_equal(trace, "-");
    assert_int_equal(coro_destroy(co), 0);
    release_leaked();
    assert_int_equal(alive, 0);
}

/* ---- at random ---- */

struct Player {
    coro_t *co = nullptr;
    uint64_t random = 0;
    bool wrong = false;
};

/* Each player throws numbers of its own, in and out of nested catch blocks. */
void plays(Player &player, int depth, uint64_t outer)
{
    for (int i = 0; i < 3; i++) {
        uint64_t mine = player.random = player.random * 6364136223846793005u + 1442695040888963407u;

        coro_yield(nullptr);
        try {
            try {
                throw mine;
            } catch (uint64_t &n) {
                coro_yield(nullptr);
                player.wrong |= n != mine;
                if (depth > 0 && mine >> 63 != 0)
                    plays(player, depth - 1, mine);
                if (mine >> 62 & 1)
                    throw;
            }
        } catch (uint64_t &n) {
            coro_yield(nullptr);
            player.wrong |= n != mine;
        }
        try {
            if (outer != 0)
                throw;
        } catch (uint64_t &n) {
            player.wrong |= n != outer;
        }
    }
}

void *plays_on(void *input)
{
    plays(*static_cast<Player *>(input), 5, 0);
    return nullptr;
}

/* What was wrong, and how many were still handling something when all was over. */
int play(uint64_t seed)
{
    std::vector<Player> players(8);
    int wrong = 0;

    for (Player &player : players) {
        coro_create(&player.co, plays_on, nullptr);
        player.random = seed++;
        coro_resume(player.co, &player);
    }
    for (size_t i = 0; i < scaled(20000); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        coro_resume(players[seed >> 61].co, nullptr);
    }
    for (Player &player : players) {
        wrong += player.wrong;
        coro_destroy(player.co);
    }
    return wrong + (std::current_exception() != nullptr) + std::uncaught_exceptions();
}

void exceptions_stay_apart_in_any_order(void **)
{
    for (uint64_t seed = 1; seed <= scaled(50); seed++)
        assert_int_equal(play(seed << 32), 0);
}

void exceptions_stay_apart_on_several_threads(void **)
{
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};

    for (uint64_t i = 1; i <= 4; i++)
        threads.emplace_back([i, &wrong] { wrong += play(i << 40); });
    for (std::thread &thread : threads)
        thread.join();
    assert_int_equal(wrong, 0);
}

void one_left_in_a_catch_block_by_its_thread_can_be_destroyed(void **)
{
    coro_t *co = nullptr;

    std::thread([&co] {
        coro_create(&co, handles, nullptr);
        coro_resume(co, letter("a"));
    }).join();
    assert_int_equal(alive, 1);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 0);
}

/* ---- out of a body, into the resumer ---- */

void *throws_at_once(void *input)
{
    Marks here('d');
    throw Thrown(as_char(input));
}

void *throws_after_a_yield(void *input)
{
    Marks here('d');
    throw Thrown(as_char(coro_yield(input)));
}

void an_exception_comes_out_of_the_first_resume(void **)
{
    coro_t *co = forwarding(throws_at_once);

    mark(caught_from(co, letter("a")));
    assert_string_equal(trace, "da");
    assert_int_equal(alive, 0);
    assert_dead_and_destroy(co);
}

void an_exception_comes_out_of_a_later_resume(void **)
{
    for (int i = 0; i < 3; i++) {
        coro_t *co = forwarding(throws_after_a_yield);

        assert_step(coro_resume(co, co), CORO_YIELDED, co);
        assert_int_equal(caught_from(co, letter("a")), 'a');
        assert_int_equal(alive, 0);
        assert_dead_and_destroy(co);
    }
    assert_string_equal(trace, "ddd");
}

void one_that_may_throw_need_not(void **)
{
    coro_t *co = forwarding(returns_from_a_catch_block);

    assert_step(coro_resume(co, co), CORO_YIELDED, co);
    assert_step(coro_resume(co, nullptr), CORO_RETURNED, co);
    assert_int_equal(coro_destroy(co), 0);
    co = forwarding(returns_from_a_catch_block);
    assert_step(coro_resume(co, co), CORO_YIELDED, co);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 0);
}

coro_key_t key;

void *throws_with_handlers(void *input)
{
    Marks here('d');

    coro_set(key, letter("k"));
    coro_defer(mark_handler, letter("1"));
    coro_defer(
        [](void *) {
            mark_number(std::uncaught_exceptions());
            mark(coro_yield(nullptr) == nullptr && errno == ECANCELED ? 'r' : '!');
            try {
                throw Thrown('h');
            } catch (const Thrown &t) {
                mark(t.letter);
            }
        },
        nullptr);
    throw Thrown(as_char(input));
}

void handlers_and_destructors_run_before_it_arrives(void **)
{
    coro_t *co = forwarding(throws_with_handlers);

    assert_int_equal(coro_key_create(&key, mark_handler), 0);
    mark(caught_from(co, letter("a")));
    assert_string_equal(trace, "d1rh1ka");
    assert_int_equal(alive, 0);
    assert_dead_and_destroy(co);
    assert_int_equal(coro_key_delete(key), 0);
}

/* One level: resumes another one of its kind, down to the one that throws. */
void *resumes_deeper(void *input)
{
    const char *letters = static_cast<const char *>(input);
    Marks here(*letters);

    if (letters[1] == '\0')
        throw Thrown('x');
    struct Destroys {
        coro_t *co;
        ~Destroys()
        {
            mark_number(std::uncaught_exceptions());
            mark(coro_destroy(co) == 0 ? '+' : '!');
        }
    } inner = {nullptr};
    coro_opts opts = {};
    opts.flags = CORO_FORWARD_EXCEPTIONS | USUAL_FLAGS;
    coro_create(&inner.co, resumes_deeper, &opts);
    coro_resume(inner.co, letter(letters + 1));
    return nullptr;
}

void an_exception_goes_through_all_levels(void **)
{
    static const char *const levels[] = {"a", "ab", "abc"};
    static const char *const expected[] = {"ax", "b1+ax", "c1+b1+ax"};

    for (int i = 0; i < 3; i++) {
        coro_t *co = forwarding(resumes_deeper);

        std::memset(trace, 0, sizeof trace);
        mark(caught_from(co, letter(levels[i])));
        assert_string_equal(trace, expected[i]);
        assert_int_equal(std::uncaught_exceptions(), 0);
        assert_int_equal(alive, 0);
        assert_dead_and_destroy(co);
    }
}

void *catches_from_another(void *input)
{
    coro_t *co = static_cast<coro_t *>(input);

    coro_resume(co, nullptr);
    try {
        coro_resume(co, letter("i"));
    } catch (const Thrown &t) {
        mark(t.letter);
        coro_yield(nullptr);
        mark(handled());
        throw Thrown('o');
    }
    return nullptr;
}

void one_in_between_may_catch_and_go_on(void **)
{
    coro_t *inner = forwarding(throws_after_a_yield), *outer = forwarding(catches_from_another);

    coro_resume(outer, inner);
    try {
        throw Thrown('m');
    } catch (const Thrown &) {
        mark(caught_from(outer, nullptr));
        mark(handled());
    }
    assert_string_equal(trace, "diiom");
    assert_int_equal(alive, 0);
    assert_dead_and_destroy(inner);
    assert_dead_and_destroy(outer);
}

void *throws_again(void *input)
{
    try {
        throw Thrown(as_char(input));
    } catch (const Thrown &) {
        coro_yield(nullptr);
        throw;
    }
}

void what_is_thrown_again_gets_out_too(void **)
{
    coro_t *a = forwarding(throws_again), *b = forwarding(throws_again);

    coro_resume(a, letter("a"));
    coro_resume(b, letter("b"));
    mark(caught_from(a, nullptr));
    mark(caught_from(b, nullptr));
    assert_string_equal(trace, "ab");
    assert_int_equal(alive, 0);
    assert_dead_and_destroy(a);
    assert_dead_and_destroy(b);
}

void *hands_over_for_good(void *input)
{
    coro_transfer(static_cast<coro_t *>(input), letter("t"));
    return nullptr;
}

void after_a_transfer_it_goes_to_the_resumer_of_today(void **)
{
    coro_t *to = forwarding(throws_after_a_yield), *co = forwarding(hands_over_for_good);

    coro_resume(to, nullptr);
    mark(caught_from(co, to));
    assert_string_equal(trace, "dt");
    assert_dead_and_destroy(to);
    assert_int_equal(coro_get_status(co), CORO_SUSPENDED);
    assert_step(coro_resume(co, nullptr), CORO_RETURNED, nullptr);
    assert_dead_and_destroy(co);
    to = forwarding(throws_at_once);
    co = forwarding(hands_over_for_good);
    mark(caught_from(co, to));
    assert_string_equal(trace, "dtdt");
    assert_dead_and_destroy(to);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 0);
}

void *tries_to_hand_over(void *input)
{
    return reinterpret_cast<void *>(coro_transfer(static_cast<coro_t *>(input), letter("t")).status);
}

void one_whose_resumer_expects_nothing_cannot_hand_over_to_one_that_throws(void **)
{
    coro_t *to = forwarding(throws_at_once), *co = made(tries_to_hand_over);

    assert_step(coro_resume(co, to), CORO_RETURNED, reinterpret_cast<void *>(-EINVAL));
    assert_int_equal(coro_get_status(to), CORO_SUSPENDED);
    assert_int_equal(coro_destroy(to), 0);
    assert_int_equal(coro_destroy(co), 0);

    to = made(returns_from_a_catch_block);
    co = forwarding(tries_to_hand_over); /* the other way round there is nothing to fear */
    assert_int_equal(coro_resume(co, to).status, CORO_YIELDED);
    assert_int_equal(coro_destroy(to), 0);
    assert_int_equal(coro_destroy(co), 0);
    assert_int_equal(alive, 0);
}

/* Control words: those of the resumer are there when the exception is, CORO_NO_FPENV or not. */
void *changes_rounding_and_throws(void *input)
{
    fp_set_control(fp_rounding(2));
    throw Thrown(as_char(input));
}

void the_resumer_has_its_control_words_back(void **)
{
    const uint64_t before = fp_control();

    for (unsigned flags = 0; flags <= CORO_NO_FPENV; flags++) {
        coro_opts opts = {};
        coro_t *co = nullptr;

        opts.flags = CORO_FORWARD_EXCEPTIONS | flags;
        assert_int_equal(coro_create(&co, changes_rounding_and_throws, &opts), 0);
        fp_set_control(fp_rounding(1));
        mark(caught_from(co, letter("a")));
        bool kept = fp_control() == fp_rounding(1);
        fp_set_control(before);
        assert_true(kept);
        assert_dead_and_destroy(co);
    }
    assert_string_equal(trace, "aa");
}

void *changes_rounding(void *input)
{
    fp_set_control(fp_rounding(2));
    return input;
}

/* Whoever is made of what it leaves behind shares words if it says so. */
void its_end_says_nothing_about_the_next_one(void **)
{
    const uint64_t before = fp_control();
    coro_t *co = forwarding(throws_at_once), *next = nullptr;
    coro_opts opts = {};

    mark(caught_from(co, letter("a")));
    assert_dead_and_destroy(co);
    opts.flags = CORO_NO_FPENV;
    assert_int_equal(coro_create(&next, changes_rounding, &opts), 0);
    assert_step(coro_resume(next, next), CORO_RETURNED, next);
    bool shared = fp_control() == fp_rounding(2);
    fp_set_control(before);
    assert_true(shared);
    assert_int_equal(coro_destroy(next), 0);
    assert_string_equal(trace, "da");
}

void throws_letter(void *text)
{
    throw Thrown(as_char(text));
}

void *throws_through_c(void *input)
{
    c_frame(throws_letter, mark_handler, input);
    return nullptr;
}

coro_t *called_by_c;

void frames_of_c_are_cleaned_up_on_both_sides(void **)
{
    called_by_c = forwarding(throws_through_c);
    try {
        c_frame([](void *arg) { coro_resume(called_by_c, arg); }, [](void *) { mark('R'); }, letter("a"));
    } catch (const Thrown &t) {
        mark(t.letter);
    }
    assert_string_equal(trace, "aRa");
    assert_int_equal(alive, 0);
    assert_dead_and_destroy(called_by_c);
}

/* An exception of another language. */
_Unwind_Exception foreign;

void *raises_foreign(void *)
{
    Marks here('d');

    std::memset(&foreign, 0, sizeof foreign);
    std::memcpy(&foreign.exception_class, "OTHRLANG", sizeof foreign.exception_class);
    foreign.exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception *) { mark('f'); };
    _Unwind_RaiseException(&foreign);
    return nullptr;
}

void exceptions_of_other_languages_get_out_too(void **)
{
    coro_t *co = forwarding(raises_foreign);

    try {
        coro_resume(co, nullptr);
    } catch (...) {
        mark('c');
    }
    assert_string_equal(trace, "dcf");
    assert_int_equal(std::uncaught_exceptions(), 0);
    assert_dead_and_destroy(co);
}

void forwarding_works_on_several_threads(void **)
{
    std::vector<std::thread> threads;
    std::atomic<size_t> caught{0};
    size_t rounds = scaled(2000);

    for (int i = 0; i < 4; i++)
        threads.emplace_back([&caught, rounds] {
            for (size_t n = 0; n < rounds; n++) {
                coro_opts opts = {};
                coro_t *co = nullptr;

                opts.flags = CORO_FORWARD_EXCEPTIONS;
                coro_create(&co, throws_again, &opts);
                coro_resume(co, letter("a"));
                caught += caught_from(co, nullptr) == 'a' && coro_destroy(co) == 0;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    assert_int_equal(caught, 4 * rounds);
    assert_int_equal(alive, 0);
}

/* ---- what ends the program ---- */

coro_t *named(coro_fn *fn, const char *name, unsigned flags)
{
    coro_opts opts = {};
    coro_t *co = nullptr;

    opts.name = name;
    opts.flags = flags;
    coro_create(&co, fn, &opts);
    return co;
}

struct Explains : std::exception {
    const char *what() const noexcept override
    {
        return "nobody catches this";
    }
};

void *throws_what_explains(void *)
{
    throw Explains();
}

void *resumes(void *input)
{
    return coro_resume(static_cast<coro_t *>(input), nullptr).value;
}

int nobody_catches(long)
{
    coro_t *inner = named(throws_what_explains, "inner", CORO_FORWARD_EXCEPTIONS);

    coro_resume(named(resumes, "outer", CORO_FORWARD_EXCEPTIONS), inner);
    return 2;
}

int one_in_between_does_not_forward(long)
{
    coro_t *inner = named(throws_what_explains, "inner", CORO_FORWARD_EXCEPTIONS);

    try {
        coro_resume(named(resumes, "outer", 0), inner);
    } catch (...) {
        return 3;
    }
    return 2;
}

void *defers_throwing(void *input)
{
    coro_defer([](void *) { throw Explains(); }, nullptr);
    if (as_char(input) == 'y')
        coro_yield(nullptr);
    if (as_char(input) == 'c') {
        try {
            coro_yield(nullptr); /* left for good when the handler throws, though its frame may still be there */
        } catch (const Explains &) {
        }
    }
    if (as_char(input) == 't')
        throw Thrown('t');
    return nullptr;
}

int a_handler_throws(long how)
{
    char text[] = {static_cast<char>(how), '\0'};
    coro_t *co = named(defers_throwing, "careless", CORO_FORWARD_EXCEPTIONS);

    try {
        coro_resume(co, text);
        coro_destroy(co);
    } catch (...) {
        return 3;
    }
    return 2;
}

void *yields_in_a_c_frame(void *)
{
    c_frame([](void *) { coro_yield(nullptr); }, [](void *) { throw Explains(); }, nullptr);
    return nullptr;
}

int a_cleanup_throws_while_destroyed(long)
{
    coro_t *co = named(yields_in_a_c_frame, "careless", CORO_FORWARD_EXCEPTIONS);

    coro_resume(co, nullptr);
    try {
        coro_destroy(co);
    } catch (...) {
        return 3;
    }
    return 2;
}

void *yields_before_it_is_left(void *)
{
    YieldsAtExit here;
    throw Explains();
}

/* Whoever was there to catch it when it was thrown is gone when it arrives. */
int the_one_who_catches_has_gone(long)
{
    coro_t *co = named(yields_before_it_is_left, "careless", CORO_FORWARD_EXCEPTIONS);

    try {
        coro_resume(co, nullptr);
    } catch (...) {
        return 3;
    }
    coro_resume(co, nullptr);
    return 2;
}

void assert_aborts(int (*fn)(long), long arg, const char *name, const char *what)
{
    child_end end = in_fresh_child(fn, arg);

    assert_int_equal(end.signal, SIGABRT);
    assert_true(name != nullptr ? std::strstr(end.said, name) != nullptr : std::strstr(end.said, "libcoro") == nullptr);
    assert_non_null(std::strstr(end.said, what));
}

void an_exception_that_nobody_catches_ends_the_program_as_ever(void **)
{
    assert_aborts(nobody_catches, 0, nullptr, "nobody catches this");
}

void an_exception_that_nobody_catches_any_more_ends_it_too(void **)
{
    assert_aborts(the_one_who_catches_has_gone, 0, "libcoro", "nobody catches the exception any more");
}

void the_one_that_does_not_forward_is_named(void **)
{
    assert_aborts(one_in_between_does_not_forward, 0, "'outer'", "nobody catches this");
}

void a_handler_must_not_throw(void **)
{
    assert_aborts(a_handler_throws, 'r', "'careless'", "what runs at its end");
    assert_aborts(a_handler_throws, 't', "'careless'", "what runs at its end");
    assert_aborts(a_handler_throws, 'y', "'careless'", "what runs at its end");
    assert_aborts(a_handler_throws, 'c', "'careless'", "what runs at its end");
}

void a_cleanup_must_not_throw_either(void **)
{
    assert_aborts(a_cleanup_throws_while_destroyed, 0, "'careless'", "what runs at its end");
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        TEST(each_coroutine_handles_its_own),
        TEST(a_coroutine_does_not_see_what_its_resumer_handles),
        TEST(an_exception_is_thrown_again_after_others_have_been),
        TEST(catch_blocks_within_catch_blocks_are_kept_apart),
        TEST(a_kept_exception_may_be_thrown_in_two_coroutines_at_once),
        TEST(a_transfer_in_a_catch_block_is_no_different),
        TEST(returning_from_a_catch_block_ends_it),
        TEST(a_destructor_may_yield_while_an_exception_passes),
        TEST(a_coroutine_resumed_while_an_exception_passes_counts_its_own),
        TEST(what_a_destroyed_coroutine_was_handling_is_freed),
        TEST(one_that_handles_may_destroy_another_that_does),
        TEST(a_new_one_handles_nothing_where_another_was_dropped),
        TEST(exceptions_stay_apart_in_any_order),
        TEST(exceptions_stay_apart_on_several_threads),
        TEST(one_left_in_a_catch_block_by_its_thread_can_be_destroyed),
        TEST(an_exception_comes_out_of_the_first_resume),
        TEST(an_exception_comes_out_of_a_later_resume),
        TEST(one_that_may_throw_need_not),
        TEST(handlers_and_destructors_run_before_it_arrives),
        TEST(an_exception_goes_through_all_levels),
        TEST(one_in_between_may_catch_and_go_on),
        TEST(what_is_thrown_again_gets_out_too),
        TEST(after_a_transfer_it_goes_to_the_resumer_of_today),
        TEST(one_whose_resumer_expects_nothing_cannot_hand_over_to_one_that_throws),
        TEST(the_resumer_has_its_control_words_back),
        TEST(its_end_says_nothing_about_the_next_one),
        TEST(frames_of_c_are_cleaned_up_on_both_sides),
        TEST(exceptions_of_other_languages_get_out_too),
        TEST(forwarding_works_on_several_threads),
        TEST(an_exception_that_nobody_catches_ends_the_program_as_ever),
        TEST(an_exception_that_nobody_catches_any_more_ends_it_too),
        TEST(the_one_that_does_not_forward_is_named),
        TEST(a_handler_must_not_throw),
        TEST(a_cleanup_must_not_throw_either),
    };

    return RUN_TESTS(tests);
}
