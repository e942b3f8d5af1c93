// StatusRecord: what the control plane's events have told so far, as the status page shows it: each backend with its
// verdict, since when and why, and its last probes; the registry; members that cannot be read; recent notices.
//
// An observer of the control plane's events, and read by the page, on the control plane's thread only. Bounded: a
// member that leaves is forgotten, at most kMaxBackends are known, texts are cut at Notices::kMaxTextBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/admin/notices.h"
#include "core/ports/clock.h"
#include "core/ports/observer.h"

namespace gopher {

struct ProbeRecord {
  Instant at;  // of its end
  bool succeeded = false;
  ErrorKind failure = ErrorKind::closed;  // meaningful when it did not succeed
  int status = 0;                         // of an HTTP probe, when one came
  Duration duration{};
};

struct BackendRecord {
  bool member = false;  // of the set; only a fixed target is known without being one
  Verdict verdict = Verdict::unknown;
  Instant since;                         // it has this verdict
  ErrorKind reason = ErrorKind::closed;  // meaningful when the verdict is down, or unknown and `reason_known`
  bool reason_known = false;
  std::deque<ProbeRecord> probes;  // the latest last
};

struct RegistryRecord {
  bool reachable = false;  // the last call succeeded
  std::optional<Instant> last_success;
  std::optional<Instant> failing_since;
  ErrorKind reason = ErrorKind::closed;  // these four are meaningful while it is failing
  std::string detail;
  std::uint32_t consecutive_failures = 0;
  Instant retry_at;
  std::uint64_t failures = 0;  // since the start
  // What a sentinel wrote since the start.
  std::optional<Instant> last_write;
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
};

struct RejectedRecord {
  std::string text;
  std::string why;
};

class StatusRecord final : public Observer {
 public:
  static constexpr std::size_t kMaxBackends = 4096;
  static constexpr std::size_t kMaxProbes = 10;
  static constexpr std::size_t kMaxRejected = 1024;

  using Backends = std::map<std::string, BackendRecord, std::less<>>;

  // `targets` are known from the start and stay, members or not; without any, backends come and go as members do.
  // `clock` outlives it.
  StatusRecord(const Clock& clock, const std::vector<Endpoint>& targets);

  void on(const Event& event) noexcept override;
  void note(NoticeLevel level, std::string_view what, std::string_view subject = {}, std::string why = {});

  const Backends& backends() const noexcept { return backends_; }
  const RegistryRecord& registry() const noexcept { return registry_; }
  const std::vector<RejectedRecord>& rejected() const noexcept { return rejected_; }
  const Notices& notices() const noexcept { return notices_; }

 private:
  void keep(const ProbeFinished& probe);
  void change(const VerdictChanged& change);
  void add_member(std::string_view backend);
  void remove_member(std::string_view backend);
  void reject(const MemberRejected& member);
  void forget_rejected(const RejectedMemberGone& member);
  void change_pool(const PoolChanged& pool);
  void lose_registry(const RegistryFailed& failed);
  void find_registry();
  void write_registry(const RegistryWritten& written);

  BackendRecord* find(std::string_view backend);

  const Clock& clock_;
  const bool fixed_;
  Backends backends_;
  RegistryRecord registry_;
  std::vector<RejectedRecord> rejected_;
  Notices notices_;
  std::optional<std::size_t> live_;
};

}  // namespace gopher
