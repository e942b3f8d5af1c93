// How a client writes requests and reads their answers.
#include <algorithm>
#include <array>
#include <utility>

#include "core/async/sleep.h"
#include "core/async/stream_operations.h"
#include "sim/client_parts.h"

namespace gopher::sim {

namespace {

// RFC 9110 section 10.1.1: a client that waits for 100 Continue does not wait for ever. curl: 1 s.
constexpr Duration kContinuePatience = std::chrono::seconds(1);

constexpr std::uint64_t kNobody = ~std::uint64_t{0};

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A final response has begun to come: whoever still writes need not go on.
bool holds_final_head(std::string_view input) {
  std::size_t length = 0;
  for (auto head = whole_head(input, length); head; head = whole_head(input, length)) {
    if (head->status() / 100 != 1) return true;
    input.remove_prefix(length);
  }
  return false;
}

}  // namespace

std::string SimClients::Ask::bytes(const ClientSettings& settings, RandomStream& random,
                                   std::size_t& head_bytes) const {
  std::string bytes;
  if (bad) {
    bytes = bad_request(*bad, id);
    head_bytes = bytes.size();
    return bytes;
  }
  bytes.append(method).append(" ").append(request_target(id)).append(" HTTP/1.1\r\nHost: sim.example\r\n");
  if (settings.traffic == Traffic::websocket) bytes += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (settings.traffic == Traffic::events) bytes += "Accept: text/event-stream\r\n";
  if (!settings.keep_alive && !more_follow() && settings.traffic == Traffic::requests) bytes += "Connection: close\r\n";
  if (expects_continue) bytes += "Expect: 100-continue\r\n";
  if (chunked) {
    bytes += "Transfer-Encoding: chunked\r\n";
  } else if (body_bytes > 0) {
    bytes += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  }
  bytes += "\r\n";
  head_bytes = bytes.size();
  const auto size = static_cast<std::size_t>(body_bytes);
  if (chunked) {
    append_chunked_pattern(bytes, id, size, static_cast<std::size_t>(1 + random.below(kLargestChunk)));
    bytes += kLastChunk;
  } else {
    append_pattern(bytes, id, 0, size);
  }
  return bytes;
}

bool SimClients::Reply::take_head(std::string& input, const Ask& ask) {
  std::size_t length = 0;
  for (auto head = whole_head(input, length); head; head = whole_head(input, length)) {
    status = head->status();
    const bool interim = status / 100 == 1 && status != 101;
    if (!interim) {
      body = BodyReader::of_response(*head, ask.method == "HEAD" && !ask.bad);
      const auto answers = head->field("x-sim-request");
      if (answers && *answers != std::to_string(ask.id)) {
        pattern = request_id(std::string("/q/").append(*answers)).value_or(kNobody);
        in_order = *pattern < ask.first_of_pipeline || *pattern > ask.last_of_pipeline;
        intact = !in_order;
      } else if (answers) {
        pattern = ask.id;
      }
      backend = head->field("x-sim-backend").value_or("");
      keep_alive = head->field("connection").value_or("") != "close" && !body.until_close();
      streams_events = head->field("content-type") == "text/event-stream";
      // What is no response at all is not what was asked for.
      intact = intact && status != 0;
    }
    input.erase(0, length);
    if (!interim) return true;
    status = 0;
  }
  return false;
}

void SimClients::Reply::take_body(std::string& input) {
  std::string_view rest = input;
  for (auto piece = body.next(rest); !piece.empty(); piece = body.next(rest)) {
    intact = intact && (!pattern || is_pattern(piece, *pattern, body_bytes));
    body_bytes += piece.size();
  }
  input.erase(0, input.size() - rest.size());
  intact = intact && !body.bad();
}

Task<bool> SimClients::write(Connection& connection, const Ask& ask, std::string_view bytes) {
  const auto ending = ending_;
  const std::size_t step = settings_.write_bytes > 0 ? settings_.write_bytes : bytes.size();
  while (!bytes.empty()) {
    const WriteBuffer piece = std::as_bytes(std::span(bytes.substr(0, step)));
    const auto written = co_await write_all(*connection.stream, clock_, ask.deadline - clock_.now(), piece);
    if (!written) co_return false;
    bytes.remove_prefix(piece.size());
    if (bytes.empty()) break;
    co_await sleep_until(clock_, std::min(clock_.now() + settings_.write_pause, ask.deadline), *ending);
    std::array<std::byte, 4096> buffer;
    if (const auto read = connection.stream->try_read(buffer); read && *read > 0)
      connection.input.append(text_of(std::span(buffer).first(*read)));
    // In a pipeline, an answer that has come is no reason not to ask on.
    const bool answered = !ask.more_follow() && holds_final_head(connection.input);
    if (ending->requested() || clock_.now() >= ask.deadline || answered) co_return false;
  }
  co_return true;
}

Task<bool> SimClients::await_continue(Connection& connection, const Ask& ask) {
  const Instant until = std::min(ask.deadline, clock_.now() + kContinuePatience);
  std::array<std::byte, 4096> buffer;
  for (;;) {
    std::size_t length = 0;
    while (const auto head = whole_head(connection.input, length)) {
      const int status = head->status();
      if (status / 100 != 1) co_return false;
      connection.input.erase(0, length);
      if (status == 100) co_return true;
    }
    const auto read = co_await read_some(*connection.stream, buffer, until);
    if (!read) co_return read.error() == ErrorKind::timed_out;
    if (*read == 0) co_return false;
    connection.input.append(text_of(std::span(buffer).first(*read)));
  }
}

Task<bool> SimClients::write_request(Connection& connection, const Ask& ask) {
  std::size_t head_bytes = 0;
  const std::string whole = ask.bytes(settings_, random_, head_bytes);
  std::string_view bytes = whole;
  if (ask.leaves_in_upload()) bytes = bytes.substr(0, head_bytes + (bytes.size() - head_bytes) / 2);
  if (ask.expects_continue) {
    const bool head_written = co_await write(connection, ask, bytes.substr(0, head_bytes));
    if (!head_written) co_return false;
    bytes.remove_prefix(head_bytes);
    auto awaiting = await_continue(connection, ask);
    const bool wanted = co_await awaiting;
    if (!wanted) co_return false;
  }
  const bool written = co_await write(connection, ask, bytes);
  co_return written;
}

Task<SimClients::Reply> SimClients::read_reply(Connection& connection, const Ask& ask) {
  const auto ending = ending_;
  Reply reply;
  std::array<std::byte, 16384> buffer;
  const std::size_t at_once = settings_.read_bytes > 0 ? settings_.read_bytes : buffer.size();
  bool in_body = false;
  for (;;) {
    if (!in_body) in_body = reply.take_head(connection.input, ask);
    if (in_body) {
      if (reply.streams_events) break;
      reply.take_body(connection.input);
      if (reply.body.done() || reply.status == 0 || reply.body.bad()) break;
      if (ask.leaves_in_body && reply.body_bytes >= (reply.body.length() + 1) / 2 && reply.body_bytes > 0) {
        reply.outcome = Outcome::left;
        co_return reply;
      }
    }
    if (settings_.read_bytes > 0 && reply.body_bytes > 0)
      co_await sleep_until(clock_, clock_.now() + settings_.read_pause, *ending);
    if (clock_.now() >= ask.deadline) {
      reply.outcome = Outcome::gave_up;
      co_return reply;
    }
    const auto room = std::span(buffer).first(std::min(at_once, buffer.size()));
    const auto read = co_await read_some(*connection.stream, room, ask.deadline);
    if (!read || *read == 0) {
      const bool late = !read && read.error() == ErrorKind::timed_out;
      const bool whole = in_body && read && reply.body.end_of_stream();
      reply.outcome = late ? Outcome::gave_up : whole ? Outcome::answered : in_body ? Outcome::cut : Outcome::no_answer;
      co_return reply;
    }
    connection.input.append(text_of(room.first(*read)));
  }
  if (reply.status == 0) co_return reply;
  reply.outcome = reply.body.bad() ? Outcome::cut : Outcome::answered;
  const bool surplus = !reply.streams_events && !connection.input.empty();
  if (surplus && !ask.more_follow() && reply.status != 101) listener_.on(clock_.now(), UnaskedBytes{name()});
  co_return reply;
}

Task<SimClients::Reply> SimClients::exchange(Connection& connection, const Ask& ask) {
  // A proxy that has answered already (429, say) closes without reading on: its answer is worth reading all the same.
  auto writing = write_request(connection, ask);
  const bool written = co_await writing;
  Reply reply;
  if (written && ask.leaves_in_upload()) {
    reply.outcome = Outcome::left;
    co_return reply;
  }
  auto reading = read_reply(connection, ask);
  reply = co_await reading;
  reply.keep_alive = reply.keep_alive && written;
  co_return reply;
}

void SimClients::leave(Connection& connection, const Ask& ask, const Reply& reply) {
  if (reply.outcome == Outcome::gave_up || (reply.outcome == Outcome::left && ask.leaves_with_reset))
    connection.stream->reset();
}

Task<void> SimClients::request(Ask ask) {
  Reply reply;
  reply.outcome = Outcome::no_connect;
  auto connecting = connection(ask);
  auto open = co_await connecting;
  if (open) {
    busy_.push_back(open.get());
    Task<Reply> asking = settings_.traffic == Traffic::requests    ? exchange(*open, ask)
                         : settings_.traffic == Traffic::websocket ? tunnel(*open, ask)
                         : settings_.traffic == Traffic::events    ? listen(*open, ask)
                                                                   : say_nothing(*open, ask);
    reply = co_await asking;
    std::erase(busy_, open.get());
  }
  if (ask.leaves_at_deadline && reply.outcome != Outcome::answered && clock_.now() >= ask.deadline)
    reply.outcome = Outcome::left;
  const bool reusable = reply.outcome == Outcome::answered && reply.intact && reply.keep_alive && open->input.empty();
  if (reusable && settings_.keep_alive && started_ && settings_.traffic == Traffic::requests) {
    keep(ask, std::move(open));
  } else if (open) {
    leave(*open, ask, reply);
  }
  ended(ask, reply);
}

Task<void> SimClients::write_pipeline(Connection& connection, const std::vector<Ask>& asks) {
  std::string bytes;
  for (const Ask& ask : asks) {
    std::size_t head_bytes = 0;
    bytes += ask.bytes(settings_, random_, head_bytes);
  }
  auto writing = write(connection, asks.front(), bytes);
  co_await writing;
}

// Reading goes on beside the writing: who only wrote would wait for a proxy that waits for its answers to be read.
Task<void> SimClients::pipeline(std::vector<Ask> asks) {
  auto connecting = connection(asks.front());
  auto open = co_await connecting;
  if (open) busy_.push_back(open.get());
  TaskGroup writing;
  if (open) writing.spawn(write_pipeline(*open, asks));
  bool usable = open != nullptr;
  for (const Ask& ask : asks) {
    Reply reply;
    reply.outcome = open ? Outcome::no_answer : Outcome::no_connect;
    if (usable) {
      auto reading = read_reply(*open, ask);
      reply = co_await reading;
      usable = reply.outcome == Outcome::answered && reply.keep_alive;
      if (!usable) leave(*open, ask, reply);
    }
    ended(ask, reply);
  }
  if (!open) co_return;
  // It does not keep the connection. One that was closed under the writer ends its wait.
  open->stream->close();
  co_await writing.join();
  std::erase(busy_, open.get());
}

}  // namespace gopher::sim
