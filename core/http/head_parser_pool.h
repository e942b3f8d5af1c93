// HeadParserPool: parsers of heads, lent while a head is read and used.
//
// An idle connection has none; and the one that is lent is the one that came back last,
// which the processor still has at hand. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "core/http/head_parser.h"

namespace gopher::http {

// Outlives every parser it lent.
template <class Parser>
class HeadParserPool {
 public:
  explicit HeadParserPool(const HeadLimits& limits) : limits_(limits) { idle_.reserve(kMostKept); }
  HeadParserPool(const HeadParserPool&) = delete;
  HeadParserPool& operator=(const HeadParserPool&) = delete;

  struct Return {
    HeadParserPool* pool;
    void operator()(Parser* parser) const noexcept { pool->take_back(std::unique_ptr<Parser>(parser)); }
  };
  using Loan = std::unique_ptr<Parser, Return>;

  // At the beginning of a head.
  Loan lend() {
    if (idle_.empty()) return Loan(new Parser(limits_), Return{this});
    Loan parser(idle_.back().release(), Return{this});
    idle_.pop_back();
    parser->reset();
    return parser;
  }

 private:
  static constexpr std::size_t kMostKept = 1024;
  // What one head of very many fields has made grow is not kept: 5 KiB each at most.
  static constexpr std::size_t kMostFieldsKept = 128;

  void take_back(std::unique_ptr<Parser> parser) noexcept {
    if (idle_.size() < kMostKept && parser->head().fields.capacity() <= kMostFieldsKept)
      idle_.push_back(std::move(parser));
  }

  HeadLimits limits_;
  std::vector<std::unique_ptr<Parser>> idle_;
};

using RequestHeadParsers = HeadParserPool<RequestHeadParser>;
using ResponseHeadParsers = HeadParserPool<ResponseHeadParser>;

}  // namespace gopher::http
