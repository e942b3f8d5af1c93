#include "io/event_loop.h"

#include <atomic>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "io/asio_clock.h"
#include "io/asio_listener.h"
#include "io/asio_stream.h"
#include "io/connector.h"

namespace gopher {

struct EventLoop::Impl {
  explicit Impl(EventLoop& loop) : connector(make_connector(loop)) {}

  HandlerMemory timer_memory;
  // UNSAFE_IO leaves the locks of the descriptors out, which one thread needs not, and keeps those of the queue of
  // handlers, so that post() from another thread is safe. (A hint of 1 would lock both.)
  boost::asio::io_context context{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::unique_ptr<Clock> clock = make_asio_clock(context, timer_memory);
  std::unique_ptr<Connector> connector;
  std::atomic<bool> stop_requested = false;
};

EventLoop::EventLoop() : impl_(std::make_unique<Impl>(*this)) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() noexcept {
  impl_->context.run();
  impl_->context.restart();
  impl_->stop_requested = false;
}

bool EventLoop::run_one(Duration at_most) noexcept { return impl_->context.run_one_for(at_most) > 0; }

void EventLoop::stop() {
  // io_context::stop() would be forgotten by a run() that begins after it, and would drop what was posted before.
  if (!impl_->stop_requested.exchange(true)) post([&context = impl_->context] { context.stop(); });
}

void EventLoop::post(std::move_only_function<void()> function) {
  boost::asio::post(impl_->context, std::move(function));
}

Clock& EventLoop::clock() noexcept { return *impl_->clock; }
Connector& EventLoop::connector() noexcept { return *impl_->connector; }
boost::asio::io_context& EventLoop::context() noexcept { return impl_->context; }

std::expected<std::unique_ptr<Listener>, ErrorKind> EventLoop::listen(const SocketAddress& at,
                                                                      const ListenOptions& options) {
  return make_asio_listener(impl_->context, *impl_->clock, at, options);
}

std::expected<std::unique_ptr<Stream>, ErrorKind> EventLoop::adopt(int socket, const SocketAddress& peer) {
  return make_asio_stream(impl_->context, *impl_->clock, socket, peer);
}

}  // namespace gopher
