/*
 * coro/cxx/coroutine.hpp: coroutines and generators that own themselves.
 *
 *     coro::generator<int> count(int to)
 *     {
 *         return [to](auto &yield) {
 *             for (int i = 1; i <= to; i++)
 *                 yield(i);
 *         };
 *     }
 *
 *     for (int n : count(3))
 *         std::cout << n << '\n';
 *
 * They have a stack of their own: the body can hand `yield` to functions that it calls, and in a task it can wait; then the whole task
 * does. What it throws comes out of the call that resumed it. One that is destroyed before its end is unwound, innermost frame first,
 * as coro_destroy() says.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_COROUTINE_HPP
#define CORO_CXX_COROUTINE_HPP

#include <coro/coroutine.h>
#include <coro/cxx/base.hpp>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coro
{

namespace detail
{

/* What goes through the pointers of a switch: the address of a value on one of the two stacks, never null. */
template <class T> void *address(T &value) noexcept
{
    return const_cast<void *>(static_cast<const volatile void *>(std::addressof(value)));
}

template <class T> T taken(void *from)
{
    return std::forward<T>(*static_cast<std::remove_reference_t<T> *>(from));
}

/* Yield in `of`, and nowhere else. Null, if that is being unwound: there is nobody to give the value to. */
inline void *yield(const coro_t *of, void *output)
{
    if (coro_self() != of)
        check(-EPERM);
    return coro_yield(output);
}

/* Of a list of at most one. */
template <class... In> struct input {
    static_assert(sizeof...(In) == 0, "a coroutine takes one value at a time");
    using type = void;

    static void from(void *)
    {
    }
};

template <class In> struct input<In> {
    using type = In;

    static In from(void *in)
    {
        if (in == nullptr)
            check(-ECANCELED);
        return taken<In>(in);
    }
};

} // namespace detail

/**
 * What the body of a coroutine yields with. A call hands a value to whoever resumed it and returns the next input. In a body that
 * is being unwound it does nothing if it has no input to return.
 *
 * Throws std::system_error: -EPERM not called in the body, or in a coroutine that the body has resumed; -ECANCELED it is being
 * unwound, and there will be no input.
 */
template <class Signature> class yielder;

template <class Out, class... In> class yielder<Out(In...)>
{
  public:
    explicit yielder(const coro_t *of) noexcept : of_(of)
    {
    }
    typename detail::input<In...>::type operator()(Out value)
    {
        return detail::input<In...>::from(detail::yield(of_, detail::address(value)));
    }

  private:
    const coro_t *of_;
};

template <class... In> class yielder<void(In...)>
{
  public:
    explicit yielder(const coro_t *of) noexcept : of_(of)
    {
    }
    typename detail::input<In...>::type operator()()
    {
        return detail::input<In...>::from(detail::yield(of_, this));
    }

  private:
    const coro_t *of_;
};

namespace detail
{

struct destroys {
    void operator()(coro_t *co) const noexcept
    {
        coro_destroy(co);
    }
};

using owned = std::unique_ptr<coro_t, destroys>;

template <class Body, class Out, class... In> struct body {
    static void run(Body &body, yielder<Out(In...)> &yield, void *first)
    {
        if constexpr (sizeof...(In) == 0)
            body(yield);
        else
            body(yield, input<In...>::from(first));
    }

    /* The first resume only brings the body over: it lives on the coroutine's stack, and is destroyed with that. */
    static void *enter(void *from)
    {
        Body body(taken<Body>(from));
        yielder<Out(In...)> yield(coro_self());

        run(body, yield, coro_yield(&yield));
        return nullptr;
    }

    static owned start(Body &&body, coro_opts opts)
    {
        coro_t *co = nullptr;

        opts.flags |= CORO_FORWARD_EXCEPTIONS;
        check(coro_create_at(site<Body>(), &co, enter, &opts));
        owned made(co);
        check(coro_resume(co, address(body)).status);
        return made;
    }
};

/* Where the next yield has put its value; null if there was none. */
inline void *resume(const owned &co, void *in)
{
    const coro_step step = coro_resume(co.get(), in);

    return check(step.status) == CORO_YIELDED ? step.value : nullptr;
}

inline bool is_done(const owned &co) noexcept
{
    return coro_get_status(co.get()) == CORO_DEAD;
}

template <class Self, class Fn, class... Args>
using if_body =
    std::enable_if_t<!std::is_same_v<std::decay_t<Fn>, Self> && std::is_invocable_v<std::decay_t<Fn> &, Args...>>;

} // namespace detail

/**
 * A coroutine that yields values of type Out and is resumed with values of type In: `coroutine<Out(In)>`, or `coroutine<Out()>`.
 * Out may be void, or a reference.
 *
 *     coro::coroutine<int(int)> sum([](auto &yield, int n) {
 *         for (int total = 0;;)
 *             n = yield(total += n);
 *     });
 *     sum.resume(2);                              // 2
 *     sum.resume(3);                              // 5
 *
 * It is moved, not copied; one that was moved from is done. It belongs to its thread. Destroyed where coro_destroy() refuses, inside
 * itself for one, it stays behind as it is.
 */
template <class Signature> class coroutine;

template <class Out, class... In> class [[nodiscard]] coroutine<Out(In...)>
{
  public:
    /** An optional value; a pointer if Out is a reference; whether it has yielded if there are no values. */
    using step =
        std::conditional_t<std::is_void_v<Out>, bool,
                           std::conditional_t<std::is_reference_v<Out>, std::add_pointer_t<Out>,
                                              std::optional<std::conditional_t<std::is_void_v<Out>, int, Out>>>>;

    /**
     * Make one, suspended before the first line of `body`.
     *
     * @param body  called as body(yielder<Out(In...)> &yield, In first...), on the coroutine's stack, where it is moved to
     * @param opts  as for coro_create()
     *
     * Throws std::system_error as coro_create() fails, and what moving `body` throws.
     */
    template <class Body, class = detail::if_body<coroutine, Body, yielder<Out(In...)> &, In...>>
    coroutine(Body body, const coro_opts &opts = {}) : co_(detail::body<Body, Out, In...>::start(std::move(body), opts))
    {
    }

    /**
     * Run it until it yields or returns.
     *
     * @param in  what the yield that it is suspended in returns; at first, the body's argument
     * @return    what it yields; nothing, once it has returned
     *
     * Throws what leaves the body, and std::system_error as coro_resume() fails: -ESRCH it is done.
     */
    step resume(In... in)
    {
        void *out = detail::resume(co_, first(in...));

        if constexpr (std::is_void_v<Out>)
            return out != nullptr;
        else if constexpr (std::is_reference_v<Out>)
            return static_cast<step>(out);
        else
            return out != nullptr ? step(detail::taken<Out>(out)) : step();
    }

    /** Has it returned, or thrown? */
    [[nodiscard]] bool done() const noexcept
    {
        return detail::is_done(co_);
    }

    /** The coroutine, for calls of the C library; it stays where it is. */
    [[nodiscard]] coro_t *handle() const noexcept
    {
        return co_.get();
    }

  private:
    template <class... Value> void *first(Value &...value) noexcept
    {
        if constexpr (sizeof...(Value) == 0)
            return this;
        else
            return (detail::address(value), ...);
    }

    detail::owned co_;
};

/**
 * A generator: a range of what its body yields, to be gone through once. T may be a reference.
 *
 *     coro::generator<int> numbers([](auto &yield) { yield(1); yield(2); });
 *     for (int n : numbers)
 *         ...
 *
 * Nothing is copied: the loop sees the value where the body has it, and may move from it. What the body throws comes out of
 * the loop; a loop that is left early leaves the generator where it is, and destroying that unwinds the body. It is moved, not copied,
 * and not while a loop goes through it.
 */
template <class T> class [[nodiscard]] generator
{
  public:
    /** The end of the range. */
    struct sentinel {
    };

    /** An input iterator. */
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::remove_cv_t<std::remove_reference_t<T>>;
        using difference_type = std::ptrdiff_t;
        using pointer = std::add_pointer_t<T>;
        using reference = T &;

        iterator() noexcept = default;
        reference operator*() const noexcept
        {
            return *of_->value_;
        }
        pointer operator->() const noexcept
        {
            return of_->value_;
        }
        iterator &operator++()
        {
            of_->advance();
            return *this;
        }
        void operator++(int)
        {
            of_->advance();
        }
        friend bool operator==(const iterator &i, sentinel) noexcept
        {
            return i.at_end();
        }
        friend bool operator!=(const iterator &i, sentinel) noexcept
        {
            return !i.at_end();
        }
#if __cplusplus < 202002L /* which knows by itself */
        friend bool operator==(sentinel, const iterator &i) noexcept
        {
            return i.at_end();
        }
        friend bool operator!=(sentinel, const iterator &i) noexcept
        {
            return !i.at_end();
        }
#endif

      private:
        friend generator;
        explicit iterator(generator *of) noexcept : of_(of)
        {
        }
        bool at_end() const noexcept
        {
            return of_->value_ == nullptr;
        }

        generator *of_ = nullptr;
    };

    /**
     * Make one, suspended before the first line of `body`.
     *
     * @param body  called as body(yielder<T()> &yield), on the coroutine's stack, where it is moved to
     * @param opts  as for coro_create()
     *
     * Throws as the constructor of coroutine.
     */
    template <class Body, class = detail::if_body<generator, Body, yielder<T()> &>>
    generator(Body body, const coro_opts &opts = {}) : co_(detail::body<Body, T>::start(std::move(body), opts))
    {
    }

    /** Run up to the first value; or, in a generator that a loop has left, stay at the one it is at. Throws what leaves the body. */
    iterator begin()
    {
        if (detail::is_done(co_))
            value_ = nullptr; /* it may have been moved from */
        else if (value_ == nullptr)
            advance();
        return iterator(this);
    }
    sentinel end() const noexcept
    {
        return {};
    }

  private:
    void advance()
    {
        value_ = nullptr;
        value_ = static_cast<std::add_pointer_t<T>>(detail::resume(co_, this));
    }

    detail::owned co_;
    std::add_pointer_t<T> value_ = nullptr; /* on the coroutine's stack, while it is suspended in a yield */
};

} // namespace coro

#endif
