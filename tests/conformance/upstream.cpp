#include "tests/conformance/upstream.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace gopher::conformance {

namespace {

constexpr auto npos = std::string_view::npos;

std::size_t head_end(std::string_view bytes) {
  const auto strict = bytes.find("\r\n\r\n");
  const auto loose = bytes.find("\n\n");
  if (strict == npos && loose == npos) return 0;
  return strict < loose ? strict + 4 : loose + 2;
}

// The end of a chunked body that begins at `at`, or 0.
std::size_t chunks_end(std::string_view bytes, std::size_t at) {
  for (;;) {
    auto line_end = bytes.find('\n', at);
    if (line_end == npos) return 0;
    const std::string line(bytes.substr(at, line_end - at));
    const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
    at = line_end + 1;
    if (size > 0) {
      at += size + 2;
      if (at > bytes.size()) return 0;
      continue;
    }
    for (;;) {
      line_end = bytes.find('\n', at);
      if (line_end == npos) return 0;
      const bool empty = line_end == at || (line_end == at + 1 && bytes[at] == '\r');
      at = line_end + 1;
      if (empty) return at;
    }
  }
}

std::size_t message_end(std::string_view bytes) {
  const auto body = head_end(bytes);
  if (body == 0) return 0;
  std::string head(bytes.substr(0, body));
  for (char& c : head)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto coding = head.find("\ntransfer-encoding");
  if (coding != npos && head.find("chunked", coding) != npos) return chunks_end(bytes, body);
  const auto length = head.find("\ncontent-length:");
  const std::size_t whole = body + (length == npos ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10));
  return bytes.size() >= whole ? whole : 0;
}

}  // namespace

Upstream::Upstream(const Case& scenario, test::ProxyWorld& world)
    : case_(scenario), ok_{"", test::ok("ok"), ""}, probe_{"", test::ok("probe"), ""} {
  for (int i = 0; i < world.backend_count(); ++i) {
    auto& backend = world.backend(i);
    backend.script = [this, &backend](test::BackendConnection& connection) { return on_bytes(backend, connection); };
  }
}

std::size_t Upstream::http_bytes(const test::BackendConnection& connection) const {
  const auto state = states_.find(&connection);
  return state != states_.end() && state->second.tunnel ? state->second.begin : connection.received.size();
}

test::Reply Upstream::on_bytes(test::ScriptedBackend& backend, test::BackendConnection& connection) {
  State& state = states_[&connection];
  test::Reply out;
  answer(connection, state, out);
  if (cut_after == 0 && !byte_by_byte) return out;
  queue(backend, connection, std::move(out));
  return {};
}

void Upstream::answer(test::BackendConnection& connection, State& state, test::Reply& out) {
  while (!state.deaf) {
    const auto rest = std::string_view(connection.received).substr(state.begin);
    if (state.tunnel) {
      const bool echoes = state.reply->then.starts_with("echo");
      if (echoes) out.bytes += rest.substr(state.echoed);
      state.echoed = rest.size();
      if (echoes && connection.ended) out.bytes += "bye";
      out.close = echoes && (connection.ended || (state.reply->then == "echo_close" && rest.ends_with('\n')));
      state.deaf = out.close;
      return;
    }
    if (!state.head_seen) {
      const auto end_of_head = head_end(rest);
      if (end_of_head == 0) return;
      state.head_seen = true;
      if (rest.starts_with("GET " + std::string(kProbeTarget) + " ")) {
        state.reply = &probe_;
      } else {
        state.reply = next_reply_ < case_.upstream.size() ? &case_.upstream[next_reply_] : &ok_;
        ++next_reply_;
      }
      out.bytes += state.reply->on_head;
      if (state.reply->on_head.starts_with("HTTP/1.1 101") && !state.reply->then.empty()) {
        state.tunnel = true;
        state.begin += end_of_head;
        out.half_close = state.reply->then == "half_close";
        continue;
      }
      if (!state.reply->on_head.empty() && state.reply->send.empty()) end(state, state.reply->then, out);
      continue;
    }
    const auto whole = message_end(rest);
    if (whole == 0) return;
    state.begin += whole;
    state.head_seen = false;
    if (!state.reply->send.empty() || state.reply->on_head.empty()) {
      out.bytes += state.reply->send;
      end(state, state.reply->then, out);
    }
  }
}

void Upstream::end(State& state, const std::string& then, test::Reply& out) {
  if (then.empty()) return;
  state.deaf = true;
  out.close = then == "close";
  out.reset = then == "reset";
}

void Upstream::queue(test::ScriptedBackend& backend, test::BackendConnection& connection, test::Reply reply) {
  const std::string bytes = std::exchange(reply.bytes, {});
  std::size_t at = 0;
  const auto add = [&](std::size_t size) {
    test::Reply piece;
    piece.bytes = bytes.substr(at, size);
    at += piece.bytes.size();
    if (at == bytes.size()) {
      piece.close = reply.close;
      piece.reset = reply.reset;
      piece.half_close = reply.half_close;
    }
    pieces_.push_back({&connection, std::move(piece), &backend});
  };
  if (bytes.empty() && !reply.close && !reply.reset && !reply.half_close) return;
  if (cut_after > 0 && cut_after < bytes.size()) add(cut_after);
  do {
    add(byte_by_byte ? 1 : bytes.size());
  } while (at < bytes.size());
}

bool Upstream::pump() {
  if (pieces_.empty()) return false;
  auto piece = std::move(pieces_.front());
  pieces_.pop_front();
  piece.backend->send_on(*piece.connection, std::move(piece.reply));
  return true;
}

}  // namespace gopher::conformance
