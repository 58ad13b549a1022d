/*
 * coro/cxx/channel.hpp: channels of any type that can be moved.
 *
 *     coro::channel<std::unique_ptr<job>> jobs(8);
 *
 *     jobs.send(std::make_unique<job>(1));        // one task
 *     jobs.close();
 *
 *     for (auto job : jobs)                       // another
 *         ...
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CORO_CXX_CHANNEL_HPP
#define CORO_CXX_CHANNEL_HPP

#include <coro/chan.h>
#include <coro/cxx/base.hpp>
#include <cstring>
#include <iterator>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace coro
{

namespace detail
{

/* How elements get through a channel of the C library, which copies bytes. Those that are more than bytes stay in a list, of which
   the channel carries the places: so a sender or a receiver that is unwound half-way leaves no doubt about who owns what. */
template <class T, bool bytes = std::is_trivially_copyable_v<T>> class slots
{
  public:
    using slot = typename std::list<T>::iterator;

    slot put(T &&value)
    {
        return values_.insert(values_.end(), std::move(value));
    }
    T take(slot from)
    {
        std::list<T> taken;

        taken.splice(taken.end(), values_, from);
        return std::move(*from);
    }
    void put_back(slot from, T &value)
    {
        if constexpr (std::is_move_assignable_v<T>)
            value = std::move(*from);
        values_.erase(from);
    }

  private:
    std::list<T> values_;
};

template <class T> class slots<T, true>
{
  public:
    struct slot {
        alignas(T) unsigned char bytes[sizeof(T)];
    };

    slot put(T &&value)
    {
        slot to;

        std::memcpy(to.bytes, std::addressof(value), sizeof(T));
        return to;
    }
    T take(slot &from)
    {
        return std::move(*std::launder(reinterpret_cast<T *>(from.bytes)));
    }
    void put_back(const slot &, T &)
    {
    }
};

} // namespace detail

/**
 * A channel of values of type T, which are moved through it, in order. With capacity 0 sender and receiver meet; otherwise so many values
 * may lie in it. It belongs to its thread; with coro::at_once it can be used outside tasks.
 *
 * Neither copied nor moved, since tasks refer to it. It must outlive whoever waits on it. Values that lie in it are destroyed with it.
 */
template <class T> class channel
{
  public:
    /**
     * Make one.
     *
     * @param capacity  how many values may lie in it
     *
     * Throws std::system_error as coro_chan_create() fails.
     */
    explicit channel(std::size_t capacity = 0)
    {
        check(coro_chan_create(&ch_, sizeof(slot), capacity));
    }
    channel(const channel &) = delete;
    channel &operator=(const channel &) = delete;
    ~channel()
    {
        coro_chan_destroy(ch_);
    }

    /**
     * Send a value.
     *
     * @param value  moved into the channel; if it is not sent after all, moved back, where T can be assigned to
     * @param until  until when to wait for a receiver, or for room
     *
     * Throws cancelled; std::system_error: -EPIPE it is closed, or was closed meanwhile, -ETIMEDOUT, -EAGAIN and the rest as
     * coro_chan_send().
     */
    void send(T &&value, deadline until = {})
    {
        slot from = slots_.put(std::move(value));
        const int err = (coro_chan_send)(ch_, &from, until);

        if (err != 0)
            slots_.put_back(from, value);
        check(err);
    }
    void send(const T &value, deadline until = {})
    {
        send(T(value), until);
    }

    /**
     * Receive a value.
     *
     * @param until  until when to wait for one
     * @return       the value; nothing, if the channel is closed and empty
     *
     * Throws cancelled; std::system_error: -ETIMEDOUT, -EAGAIN and the rest as coro_chan_recv().
     */
    [[nodiscard]] std::optional<T> recv(deadline until = {})
    {
        slot to;
        const int err = (coro_chan_recv)(ch_, &to, until);

        if (err == -EPIPE)
            return {};
        check(err);
        return slots_.take(to);
    }

    /** Close it, if it is not: nothing more can be sent, what lies in it can still be received. */
    void close() noexcept
    {
        coro_chan_close(ch_);
    }

    /** How many values lie in it. */
    [[nodiscard]] std::size_t size() const noexcept
    {
        return coro_chan_len(ch_);
    }

    /** An input iterator: each step receives. Steps throw as recv() does. */
    class iterator
    {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T *;
        using reference = T &&;

        iterator() = default;
        reference operator*() noexcept
        {
            return std::move(*value_);
        }
        iterator &operator++()
        {
            value_.reset();
            value_ = from_->recv();
            return *this;
        }
        bool operator!=(const iterator &end) const noexcept
        {
            return value_.has_value() != end.value_.has_value();
        }

      private:
        friend channel;
        explicit iterator(channel *from) : from_(from), value_(from->recv())
        {
        }

        channel *from_ = nullptr;
        std::optional<T> value_;
    };

    /** For loops: all values, until it is closed and empty. */
    iterator begin()
    {
        return iterator(this);
    }
    iterator end() noexcept
    {
        return {};
    }

  private:
    using slot = typename detail::slots<T>::slot;

    coro_chan_t *ch_ = nullptr;
    detail::slots<T> slots_;
};

} // namespace coro

#endif
