// RedisRegistry: the Registry port on a Redis server.
//
//   gopher_backends          set of members, "http://host:port": the key and the form that the original system uses
//   {gopher_backends}:leases sorted set of "<member> <owner>", score = when the lease ends, in ms of Redis's own clock
//                            (TIME), so that the clocks of the sentinels do not matter
//
// The braces are a hash tag: on a cluster the leases stand in the slot of the set, where one transaction reaches both.
// Under an ACL a sentinel needs the keys ~gopher_backends and ~{gopher_backends}:leases; the proxy reads the first
// only.
//
// A change is one MULTI … EXEC. A read with leases WATCHes both keys first: when somebody else has written between it
// and the change, nothing is applied and the answer is would_block. (A connection lost in between loses the WATCH too;
// the change is then applied unconditionally, and the next round sets right what it overwrote.)
//
// Commands used, all since Redis 2.6: AUTH, SELECT, TIME, WATCH, UNWATCH, MULTI, EXEC, SMEMBERS, SADD, SREM, ZRANGE,
// ZADD, ZREM.
#pragma once

#include <string>

#include "core/ports/registry.h"
#include "io/redis/redis_connection.h"

namespace gopher {

struct RedisRegistrySettings {
  std::string key = "gopher_backends";
  RedisConnectionSettings connection;
};

// On the control plane's thread; one call at a time (asserted).
class RedisRegistry final : public Registry {
 public:
  // `connector` and `clock` outlive it. Connects when first used.
  RedisRegistry(Connector& connector, Clock& clock, const RedisUrl& url, const RedisRegistrySettings& settings = {});

  Task<Expected<RegistryContent>> read(Read what) override;
  Task<Expected<void>> apply(RegistryChange change) override;
  // Sleeps until `until`. Keyspace notifications are not used: a server has them off unless it is configured, and
  // those that fall into a lost connection are lost, so polling would be needed all the same.
  Task<void> wait_for_change(Instant until, Cancellation& cancellation) override;
  void close() noexcept override { connection_.close(); }
  std::string last_failure() const override { return last_failure_; }

 private:
  Error unexpected_reply(std::string_view command);

  Clock& clock_;
  const std::string members_key_;
  const std::string leases_key_;
  RedisConnection connection_;
  std::string last_failure_;
};

}  // namespace gopher
