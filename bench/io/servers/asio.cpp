// Boost.Asio: a C++20 coroutine a connection.
#include "wire.h"

#include <utility> // which <boost/asio.hpp> forgets

#include <boost/asio.hpp>

namespace asio = boost::asio;
using asio::ip::tcp;

static io_conversation conversation;

static asio::awaitable<void> serve(tcp::socket socket)
{
    char in[IO_BUFFER_SIZE];
    size_t used = 0;

    try {
        while (used < sizeof in) {
            const char *out;
            size_t size;

            used += co_await socket.async_read_some(asio::buffer(in + used, sizeof in - used), asio::use_awaitable);
            while (used > 0 && (size = io_answer(&conversation, in, &used, &out)) > 0)
                co_await asio::async_write(socket, asio::buffer(out, size), asio::use_awaitable);
        }
    } catch (const boost::system::system_error &) {
        // the client has gone
    }
}

static asio::awaitable<void> listen_on(tcp::acceptor acceptor)
{
    for (;;) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);

        asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

int main(int argc, char **argv)
{
    asio::io_context context(1); // one thread: no locks

    conversation = io_converse(argc > 1 ? argv[1] : "echo");
    asio::co_spawn(context, listen_on(tcp::acceptor(context, tcp::v4(), IO_LISTENER)), asio::detached);
    context.run();
}
