#include "core/admin/readiness.h"

#include "core/admin/notices.h"

namespace gopher {
namespace {

std::string count_backends(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " backend" : " backends");
}

}  // namespace

void Readiness::on(const Event& event) noexcept {
  std::visit(Overloaded{
                 [this](const RegistrySucceeded&) {
                   registry_read_ = true;
                   loss_.reset();
                 },
                 [this](const RegistryFailed& failed) {
                   const Instant since = loss_ ? loss_->since : clock_.now();
                   loss_ = Loss{since, failed.error.kind};
                 },
                 [this](const PoolChanged& pool) {
                   members_ = pool.members;
                   live_ = pool.live;
                 },
                 [](const auto&) {},
             },
             event);
}

ReadinessReport Readiness::ready(Instant now) const {
  if (draining_) return {false, "draining"};

  std::string loss;
  if (loss_)
    loss = "registry lost: " + std::string(to_string(loss_->reason)) + ", for " + whole_seconds(now - loss_->since);

  if (!registry_read_) {
    std::string words = "starting: the registry has not been read yet, for " + whole_seconds(now - started_);
    if (loss_) words += " (" + std::string(to_string(loss_->reason)) + ")";
    return {false, std::move(words)};
  }
  if (live_ == 0) {
    std::string words = "no live backend: ";
    words += members_ == 0 ? "the registry's set is empty" : "none of " + count_backends(members_) + " is up";
    if (loss_) words += "; " + loss;
    return {false, std::move(words)};
  }
  if (loss_) return {true, loss + "; serving the last known set of " + count_backends(live_)};
  return {true, "ready: " + std::to_string(live_) + " of " + count_backends(members_) + " live"};
}

}  // namespace gopher
