#include "io/redis/redis_connection.h"

#include <algorithm>
#include <array>

#include "core/async/check.h"
#include "core/async/connect_operations.h"
#include "core/async/stream_operations.h"

namespace gopher {

namespace {

constexpr std::size_t kReadBytes = 16 * 1024;

// The server's words, fit for the log. A server that does not know AUTH repeats its arguments, perhaps cut short, so of
// an answer to AUTH only what comes before the first quotation is kept.
std::string words_of(std::string text, const RedisUrl& url, bool logging_in) {
  if (logging_in) text.resize(std::min(text.find_first_of("`'\""), text.size()));
  if (!url.password.empty()) {
    for (auto at = text.find(url.password); at != std::string::npos; at = text.find(url.password, at + 3))
      text.replace(at, url.password.size(), "***");
  }
  text.resize(std::min(text.size(), RedisConnection::kMaxFailureBytes));
  return text;
}

bool denies(std::string_view text) {
  return text.starts_with("NOAUTH") || text.starts_with("WRONGPASS") || text.starts_with("NOPERM");
}

}  // namespace

RedisConnection::RedisConnection(Connector& connector, Clock& clock, RedisUrl url,
                                 const RedisConnectionSettings& settings)
    : connector_(connector), clock_(clock), url_(std::move(url)), settings_(settings) {}

RedisConnection::~RedisConnection() {
  GOPHER_CHECK(!busy_);
  drop();
}

Task<RedisConnection::Replies> RedisConnection::call(std::vector<RedisCommand> commands) {
  GOPHER_CHECK(!busy_);
  busy_ = true;
  auto calling = call_on_open_connection(std::move(commands));
  Replies replies = co_await calling;
  busy_ = false;
  if (closing_.requested()) replies = std::unexpected(fail(ErrorKind::closed, "closed"));
  if (!replies) drop();
  co_return replies;
}

Task<RedisConnection::Replies> RedisConnection::call_on_open_connection(std::vector<RedisCommand> commands) {
  if (!usable()) {
    drop();
    const std::optional<Error> error = co_await open();
    if (error) co_return std::unexpected(*error);
  }
  auto exchanging = exchange(std::move(commands), clock_.now() + settings_.command_timeout);
  Replies replies = co_await exchanging;
  if (!replies) co_return replies;
  const std::optional<Error> error = refused(*replies, false);
  if (error) co_return std::unexpected(*error);
  co_return replies;
}

// A connection that the server has ended while it was idle (a restart, its own timeout) is no failure: a new one is
// made. Bytes that nobody asked for are not read as a reply either.
bool RedisConnection::usable() noexcept {
  if (!stream_ || !stream_->is_open()) return false;
  std::array<std::byte, 1> probe;
  const auto read = stream_->try_read(probe);
  return !read && read.error() == ErrorKind::would_block;
}

Task<std::optional<Error>> RedisConnection::open() {
  if (closing_.requested()) co_return fail(ErrorKind::closed, "closed");
  const Instant deadline = clock_.now() + settings_.connect_timeout;
  std::optional<Error> error = co_await connect_stream(deadline);
  if (!error) error = co_await log_in(deadline);
  co_return error;
}

Task<std::optional<Error>> RedisConnection::connect_stream(Instant deadline) {
  auto resolved = co_await resolve(connector_, url_.endpoint.host(), deadline, closing_);
  if (!resolved) {
    const ErrorKind kind = resolved.error() == ErrorKind::timed_out ? ErrorKind::resolve_failed : resolved.error();
    co_return fail(kind, "resolve");
  }
  const std::vector<IpAddress> addresses = std::move(*resolved);
  ErrorKind last = ErrorKind::resolve_failed;
  for (std::size_t index = 0; index < addresses.size(); ++index) {
    // A share of what is left for each address, so that one which hangs does not hide the next.
    const Instant now = clock_.now();
    const Instant until = now + (deadline - now) / static_cast<std::int64_t>(addresses.size() - index);
    const SocketAddress address{addresses[index], url_.endpoint.port()};
    auto connected = co_await connect(connector_, address, until, closing_);
    if (connected) {
      stream_ = std::move(*connected);
      reader_ = std::make_unique<RespReader>(settings_.limits);
      co_return std::nullopt;
    }
    last = connected.error();
    if (last == ErrorKind::closed) break;
  }
  co_return fail(last, "connect");
}

Task<std::optional<Error>> RedisConnection::log_in(Instant deadline) {
  std::vector<RedisCommand> commands;
  if (!url_.password.empty()) {
    RedisCommand auth{"AUTH"};
    if (!url_.user.empty()) auth.push_back(url_.user);
    auth.push_back(url_.password);
    commands.push_back(std::move(auth));
  }
  if (url_.database != 0) commands.push_back(RedisCommand{"SELECT", std::to_string(url_.database)});
  if (commands.empty()) co_return std::nullopt;
  auto exchanging = exchange(std::move(commands), deadline);
  const Replies replies = co_await exchanging;
  if (!replies) co_return replies.error();
  co_return refused(*replies, true);
}

Task<RedisConnection::Replies> RedisConnection::exchange(std::vector<RedisCommand> commands, Instant deadline) {
  const std::string bytes = encode(commands);
  const WriteBuffer buffer = std::as_bytes(std::span(bytes));
  reader_->begin();
  const IoResult written = co_await write_all(*stream_, clock_, deadline - clock_.now(), buffer);
  if (!written) co_return std::unexpected(fail(written.error(), "send"));
  std::vector<RespValue> replies;
  const std::optional<Error> error = co_await read_replies(replies, commands.size(), deadline);
  if (error) co_return std::unexpected(*error);
  co_return replies;
}

Task<std::optional<Error>> RedisConnection::read_replies(std::vector<RespValue>& replies, std::size_t count,
                                                         Instant deadline) {
  const auto buffer = std::make_unique<std::array<std::byte, kReadBytes>>();
  while (replies.size() < count) {
    const IoResult read = co_await read_some(*stream_, *buffer, deadline);
    if (!read) co_return fail(read.error(), "read a reply");
    if (*read == 0) co_return fail(ErrorKind::end_of_stream, "read a reply");
    const auto fed = reader_->feed(std::span(*buffer).first(*read));
    if (!fed) co_return fail(fed.error(), "read a reply");
    while (replies.size() < count) {
      auto reply = reader_->next();
      if (!reply) co_return fail(reply.error(), "read a reply");
      if (!*reply) break;
      replies.push_back(std::move(**reply));
    }
  }
  if (reader_->has_leftover()) co_return fail(ErrorKind::malformed, "read a reply");
  co_return std::nullopt;
}

std::optional<Error> RedisConnection::refused(const std::vector<RespValue>& replies, bool logging_in) {
  const RespValue* first = nullptr;
  for (const RespValue& reply : replies) {
    if (reply.is_error()) {
      first = &reply;
    } else {
      const auto within = std::find_if(reply.elements.begin(), reply.elements.end(),
                                       [](const RespValue& element) { return element.is_error(); });
      if (within != reply.elements.end()) first = &*within;
    }
    if (first) break;
  }
  if (!first) return std::nullopt;
  const bool auth_refused = logging_in && !url_.password.empty() && first == &replies.front();
  const bool denied = auth_refused || denies(first->text);
  last_failure_ = words_of(first->text, url_, logging_in);
  return Error{denied ? ErrorKind::denied : ErrorKind::rejected, ErrorSource::registry};
}

void RedisConnection::close() noexcept {
  closing_.request();
  if (stream_) stream_->close();
}

void RedisConnection::drop() noexcept {
  if (stream_) stream_->reset();
  stream_.reset();
  reader_.reset();
}

Error RedisConnection::fail(ErrorKind kind, std::string_view doing) {
  last_failure_ = std::string(doing) + " (" + url_.to_string() + "): " + std::string(gopher::to_string(kind));
  return Error{kind, ErrorSource::registry};
}

}  // namespace gopher
