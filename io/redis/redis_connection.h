// RedisConnection: one connection to a Redis server over any Connector, made when it is first needed and made again
// when it was lost.
//
// A connection on which anything went wrong (a timeout, an error reply, a byte too many) is dropped: the rest of a
// late reply can never be taken for the reply to the next command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/cancellation.h"
#include "core/async/task.h"
#include "core/ports/clock.h"
#include "core/ports/error.h"
#include "core/ports/network.h"
#include "io/redis/redis_url.h"
#include "io/redis/resp.h"

namespace gopher {

struct RedisConnectionSettings {
  Duration connect_timeout = std::chrono::seconds(2);  // name service, TCP, AUTH and SELECT together
  Duration command_timeout = std::chrono::seconds(2);  // of one pipeline: sending, and each reply complete
  RespLimits limits;
};

// On the control plane's thread; one call at a time (asserted). No call is under way when it is destroyed.
class RedisConnection {
 public:
  static constexpr std::size_t kMaxFailureBytes = 200;

  // `connector` and `clock` outlive it.
  RedisConnection(Connector& connector, Clock& clock, RedisUrl url, const RedisConnectionSettings& settings = {});
  ~RedisConnection();

  // Sends the commands in one go; the replies stand in their order. Any error reply is an error of the call, and so is
  // one within an EXEC's array. Errors have source registry: those of Connector, and timed_out, reset, end_of_stream,
  // malformed, too_large, closed; denied (NOAUTH, WRONGPASS, NOPERM, AUTH refused) and rejected (any other error
  // reply).
  Task<Expected<std::vector<RespValue>>> call(std::vector<RedisCommand> commands);

  // Ends the call under way with closed, and every later one.
  void close() noexcept;
  // What the last error was, in words: the server's own where it said something, at most kMaxFailureBytes, never the
  // password.
  const std::string& last_failure() const noexcept { return last_failure_; }

 private:
  using Replies = Expected<std::vector<RespValue>>;

  Task<Replies> call_on_open_connection(std::vector<RedisCommand> commands);
  Task<std::optional<Error>> open();
  Task<std::optional<Error>> connect_stream(Instant deadline);
  Task<std::optional<Error>> log_in(Instant deadline);
  Task<Replies> exchange(std::vector<RedisCommand> commands, Instant deadline);
  Task<std::optional<Error>> read_replies(std::vector<RespValue>& replies, std::size_t count, Instant deadline);
  // The first error among the replies, told in last_failure_.
  std::optional<Error> refused(const std::vector<RespValue>& replies, bool logging_in);
  bool usable() noexcept;
  void drop() noexcept;
  Error fail(ErrorKind kind, std::string_view doing);

  Connector& connector_;
  Clock& clock_;
  const RedisUrl url_;
  const RedisConnectionSettings settings_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<RespReader> reader_;
  Cancellation closing_;
  std::string last_failure_;
  bool busy_ = false;
};

}  // namespace gopher
