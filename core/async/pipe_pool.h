// PipePool: the pipes of one worker. A body borrows one while it is moved; empty ones are kept for the next. Few are
// lent at a time, since each takes two descriptors. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "core/ports/network.h"

namespace gopher {

// Outlives what it lent.
class PipePool {
 public:
  explicit PipePool(std::size_t most) : most_(most) { free_.reserve(most); }

  // A pipe on loan; returns when destroyed. May be none.
  class Loan {
   public:
    Loan() = default;
    Loan(PipePool& pool, std::unique_ptr<Pipe> pipe) noexcept : pool_(&pool), pipe_(std::move(pipe)) {}
    Loan(Loan&&) = default;
    Loan& operator=(Loan&&) = delete;
    ~Loan() {
      if (pipe_) pool_->take_back(std::move(pipe_));
    }

    explicit operator bool() const noexcept { return pipe_ != nullptr; }
    Pipe& operator*() const noexcept { return *pipe_; }

   private:
    PipePool* pool_ = nullptr;
    std::unique_ptr<Pipe> pipe_;
  };

  // For `stream` and others of its network; none when it has none, or when all are lent.
  Loan lend(Stream& stream) {
    if (lent_ == most_) return {};
    std::unique_ptr<Pipe> pipe;
    if (free_.empty()) {
      pipe = stream.make_pipe();
    } else {
      pipe = std::move(free_.back());
      free_.pop_back();
    }
    if (!pipe) return {};
    ++lent_;
    return {*this, std::move(pipe)};
  }

  std::size_t kept() const noexcept { return free_.size(); }

 private:
  void take_back(std::unique_ptr<Pipe> pipe) noexcept {
    --lent_;
    if (pipe->bytes() == 0) free_.push_back(std::move(pipe));
  }

  std::size_t most_;
  std::size_t lent_ = 0;
  std::vector<std::unique_ptr<Pipe>> free_;
};

}  // namespace gopher
