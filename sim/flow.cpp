#include "sim/flow.h"

#include <algorithm>

#include "core/async/check.h"

namespace gopher::sim {

Flow::Flow(Clock& clock, Link& link, Link& back, RandomStream random, FlowSink& sink) noexcept
    : clock_(clock),
      link_(link),
      back_(back),
      random_(random),
      sink_(sink),
      delivery_(
          clock, [](void* self) { static_cast<Flow*>(self)->deliver(); }, this),
      window_update_(clock, [](void* self) { static_cast<Flow*>(self)->learn_window(); }, this) {
  const auto& settings = link.settings;
  if (settings.reset_permille > 0 && random_.below(1000) < settings.reset_permille)
    breaks_at_ = random_.below(LinkSettings::kMostBeforeReset);
}

std::uint64_t Flow::breaks_at() const noexcept {
  return link_.reset_after > 0 ? std::min(breaks_at_, link_.reset_after) : breaks_at_;
}

std::size_t Flow::room() const noexcept {
  const std::size_t capacity = std::max<std::size_t>(link_.settings.send_buffer, 1);
  const auto unsent = static_cast<std::size_t>(written_ - sent_);
  return unsent < capacity ? capacity - unsent : 0;
}

std::size_t Flow::write(std::span<const WriteBuffer> buffers) {
  GOPHER_CHECK(!finish_wanted_ && !aborted_);
  // What the window lets pass at once does not wait in the send buffer.
  const std::uint64_t window_end = known_read_ + link_.settings.receive_buffer;
  const std::size_t at_once = muted_ || window_end <= written_ ? 0 : static_cast<std::size_t>(window_end - written_);
  std::size_t left = room() + (written_ == sent_ ? at_once : 0);
  if (link_.settings.write_limit > 0) left = std::min<std::size_t>(left, link_.settings.write_limit);
  std::size_t taken = 0;
  for (const auto& buffer : buffers) {
    const auto part = buffer.first(std::min(left, buffer.size()));
    ring_.append(part);
    taken += part.size();
    left -= part.size();
  }
  written_ += taken;
  pump();
  return taken;
}

void Flow::finish() {
  finish_wanted_ = true;
  pump();
}

void Flow::abort() {
  if (aborted_ && on_the_wire()) return;
  aborted_ = true;
  ring_.drop_back(static_cast<std::size_t>(written_ - sent_));
  written_ = sent_;
  window_update_.disarm();
  // What the link holds is not sent again by a sender that is gone.
  if (link_.stalled || link_.blocked()) drop_segments();
  push(Kind::reset, 0);
}

void Flow::mute() noexcept {
  muted_ = true;
  drop_segments();
}

std::size_t Flow::read(ReadBuffer buffer) {
  const std::size_t taken = std::min(buffer.size(), readable());
  const std::size_t half = link_.settings.receive_buffer / 2;
  const bool was_narrow = window() < half;
  ring_.take(buffer.first(taken));
  read_ += taken;
  if (was_narrow && window() >= half) sink_.window_widened(*this);
  if (written_ == sent_) {
    known_read_ = read_;  // nobody can tell whether the sender has heard of it yet
  } else if (!window_update_.armed()) {
    window_update_.arm(back_.arrival(clock_.now(), 0, random_));
  }
  return taken;
}

std::size_t Flow::window() const noexcept {
  const std::size_t buffer = link_.settings.receive_buffer;
  return buffer - std::min(buffer, readable());
}

void Flow::copy_sent(std::uint64_t begin, std::span<std::byte> out) const noexcept {
  ring_.copy_out(static_cast<std::size_t>(begin - read_), out);
}

void Flow::discard_arrived() noexcept {
  ring_.drop_front(readable());
  read_ = arrived_;
}

void Flow::resume() {
  if (written_ != sent_ && known_read_ != read_ && !window_update_.armed()) {
    window_update_.arm(back_.arrival(clock_.now(), 0, random_));
  }
  if (!on_the_wire() || delivery_.armed()) return;
  last_arrival_ = clock_.now();
  for (std::size_t i = first_segment_; i < segments_.size(); ++i) {
    const std::uint64_t before = i == first_segment_ ? arrived_ : segments_[i - 1].end;
    const auto bytes = static_cast<std::size_t>(segments_[i].end - before);
    segments_[i].arrives = arrival(bytes);
    sink_.departed(*this, {segments_[i].kind, before, bytes});
  }
  arm_delivery();
}

bool Flow::held(const Segment& segment) const noexcept {
  if (link_.blocked()) return true;
  return link_.stalled && (segment.kind == Kind::data || segment.kind == Kind::finish);
}

Instant Flow::arrival(std::size_t bytes) noexcept {
  // An instant of its own for each delivery, so that the pieces are seen as pieces.
  last_arrival_ = std::max(link_.arrival(clock_.now(), bytes, random_), last_arrival_ + Duration(1));
  return last_arrival_;
}

void Flow::push(Kind kind, std::size_t bytes) {
  sent_ += bytes;
  segments_.push_back(Segment{arrival(bytes), sent_, kind});
  if (segments_.size() - first_segment_ == 1) arm_delivery();
  if (bytes > 0) sink_.trace_sent(*this, bytes);
  sink_.departed(*this, {kind, sent_ - bytes, bytes});
}

void Flow::pump() {
  if (muted_ || aborted_) return;
  const auto& settings = link_.settings;
  const std::uint64_t window_end = known_read_ + std::max<std::size_t>(settings.receive_buffer, 1);
  while (sent_ < written_ && sent_ < window_end) {
    std::uint64_t size = std::max<std::uint32_t>(settings.segment_size, 1);
    if (settings.random_segments) size = 1 + random_.below(size);
    size = std::min({size, written_ - sent_, window_end - sent_});
    push(Kind::data, static_cast<std::size_t>(size));
  }
  if (finish_wanted_ && !finish_sent_ && sent_ == written_) {
    finish_sent_ = true;
    push(Kind::finish, 0);
  }
}

void Flow::arm_delivery() {
  if (on_the_wire()) delivery_.arm(segments_[first_segment_].arrives);
}

void Flow::drop_segments() noexcept {
  segments_.clear();
  first_segment_ = 0;
  delivery_.disarm();
  // The bytes that were on the wire are lost with them.
  ring_.drop_back(static_cast<std::size_t>(written_ - arrived_));
  written_ = sent_ = arrived_;
}

void Flow::deliver() {
  if (link_.blocked() && aborted_) {
    drop_segments();
    sink_.arrived(*this, {});
    return;
  }
  Arrival what;
  const std::uint64_t before = arrived_;
  while (on_the_wire()) {
    const Segment& segment = segments_[first_segment_];
    if (segment.arrives > clock_.now() || held(segment)) break;
    if (segment.kind == Kind::data && segment.end > breaks_at()) {
      // What came before it is delivered, and the break is seen after that.
      what.data = arrived_ < breaks_at();
      what.broken = !what.data;
      arrived_ = std::max(arrived_, breaks_at());
      break;
    }
    arrived_ = segment.end;
    switch (segment.kind) {
      case Kind::data: what.data = true; break;
      case Kind::established: what.established = true; break;
      case Kind::finish: what.finished = finish_arrived_ = true; break;
      case Kind::reset: what.reset = true; break;
    }
    ++first_segment_;
  }
  if (!on_the_wire()) {
    segments_.clear();
    first_segment_ = 0;
  } else {
    if (first_segment_ > 64 && first_segment_ > segments_.size() / 2) {
      segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_segment_));
      first_segment_ = 0;
    }
    // A held segment waits for resume(), without a timer.
    const Segment& next = segments_[first_segment_];
    if (next.arrives > clock_.now()) {
      arm_delivery();
    } else if (!held(next)) {
      delivery_.arm(clock_.now() + Duration(1));
    }
  }
  if (arrived_ != before) sink_.trace_delivered(*this, static_cast<std::size_t>(arrived_ - before));
  if (what.data || what.established || what.finished || what.reset || what.broken) sink_.arrived(*this, what);
}

void Flow::learn_window() {
  if (back_.blocked() || muted_) return;  // held until resume()
  const bool was_full = room() == 0;
  known_read_ = read_;
  pump();
  if (was_full && room() > 0) sink_.window_opened(*this);
}

}  // namespace gopher::sim
