// The tunnel of an exchange that was upgraded (RFC 9110 section 7.8): bytes both ways until both sides have ended.
#include <algorithm>

#include "core/http/forwarding.h"
#include "core/session/exchange.h"

namespace gopher {

Task<void> Exchange::run_tunnel(const http::ResponseFacts& facts) {
  head_buffer_ = worker_.buffers.lend();
  http::HeadWriter writer(head_buffer_.bytes());
  http::ResponseForwarding plan;
  plan.upgrade = facts.upgrade;
  http::write_forwarded_response(writer, response_parser_->head(), plan);
  status_ = 101;
  head_written_ = true;
  must_close_ = true;
  const WriteBuffer bytes = std::as_bytes(std::span(writer.written()));
  const auto written = co_await write_all(client(), worker_.clock, worker_.settings.downstream_write_timeout, bytes);
  if (!written || abort_cause_) {
    conclude_cut(Cause::client_gone);
    co_return;
  }
  co_await stop_pump();
  downstream_.reader.unwatch();
  head_buffer_.release();
  response_parser_.reset();
  upstream_input_.unprotect();
  tunnel_activity_ = worker_.clock.now();
  UpstreamConnection& upstream = *upstream_;
  tasks_.spawn(pump_tunnel(downstream_.reader, client(), downstream_.input, upstream.stream(), bytes_in_));
  tasks_.spawn(pump_tunnel(upstream.reader(), upstream.stream(), upstream_input_, client(), bytes_out_));
  co_await tasks_.join();
  cut_ = true;
  conclude(101, abort_cause_.value_or(Cause::upgraded));
}

// One direction, until its source ends: then the other side's writing half is closed and the other direction goes on.
// Silence on both for too long ends both in order. A failure of one resets the other: nobody may take what was cut for
// whole.
Task<void> Exchange::pump_tunnel(StreamReader& from_reader, Stream& from, InputBuffer& input, Stream& to,
                                 std::uint64_t& bytes) {
  const Duration idle = worker_.settings.tunnel_idle_timeout;
  for (;;) {
    if (!input.empty()) {
      const WriteBuffer unread = std::as_bytes(input.unread());
      const auto written = co_await write_all(to, worker_.clock, idle, unread);
      if (!written) break;
      tunnel_activity_ = worker_.clock.now();
      bytes += *written;
      input.consume(*written);
    }
    input.release_if_empty();
    const auto error = co_await from_reader.ready(tunnel_activity_ + idle);
    if (error == ErrorKind::timed_out) {
      if (worker_.clock.now() < tunnel_activity_ + idle) continue;
      from.close();
      to.close();
      co_return;
    }
    if (error) break;
    const auto filled = input.fill(from);
    if (!filled && filled.error() == ErrorKind::would_block) continue;
    if (!filled) break;
    if (*filled == 0) {
      to.shutdown_write();
      co_return;
    }
  }
  from.reset();
  to.reset();
}

}  // namespace gopher
