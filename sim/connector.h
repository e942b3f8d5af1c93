// SimConnector: connects from a node, and resolves names for it.
//
// Connecting takes a round trip. What gets no answer (a partition, a full backlog, a fault) is sent again after 1, 2,
// 4 … seconds, as Linux does with a SYN, until the deadline, or timed_out after kMaxTries.
#pragma once

#include <list>
#include <string>
#include <string_view>

#include "core/ports/network.h"
#include "sim/link.h"

namespace gopher::sim {

class SimNetwork;
class SimNode;

class SimConnector final : public Connector {
 public:
  static constexpr int kMaxTries = 7;
  static constexpr Duration kFirstRetry = std::chrono::seconds(1);

  SimConnector(SimNetwork& network, SimNode& node) noexcept;
  // No attempt may be under way.
  ~SimConnector() override;

  void connect(ConnectAttempt& attempt, const SocketAddress& to, Instant deadline) override;
  void cancel(ConnectAttempt& attempt) noexcept override;
  void resolve(ResolveAttempt& attempt, std::string_view host, Instant deadline) override;
  void cancel(ResolveAttempt& attempt) noexcept override;

  std::size_t attempts_under_way() const noexcept { return connects_.size() + resolves_.size(); }

 private:
  struct Connect;
  struct Resolve;

  void send_request(Connect& operation);
  void request_arrived(Connect& operation);
  void answer_arrived(Connect& operation);
  void try_again(Connect& operation);
  enum class Word : std::uint8_t { syn, syn_ack, refusal };
  void tap(const Connect& operation, Word word);
  void finish(Connect& operation, std::expected<std::unique_ptr<Stream>, ErrorKind> result);
  void complete(Connect& operation);
  void answer(Resolve& operation);
  void finish(Resolve& operation, std::expected<std::vector<IpAddress>, ErrorKind> result);

  SimNetwork& network_;
  SimNode& node_;
  std::list<Connect> connects_;
  std::list<Resolve> resolves_;
};

}  // namespace gopher::sim
