// The texts of settings: a value written out is read back, and whatever text is read is one that means the value alone.
#include <string>
#include <vector>

#include "io/config_values.h"
#include "tests/property/property.h"

namespace gopher {
namespace {

TEST(ConfigValuesProperty, WhatIsWrittenIsReadBack) {
  Reached{}.check([] {
    const auto unit =
        *rc::gen::element<std::int64_t>(1, 1000, 1'000'000, 1'000'000'000, 60'000'000'000, 3'600'000'000'000);
    const Duration duration(between<std::int64_t>(0, 1'000'000) * unit);
    RC_ASSERT(parse_duration(format_duration(duration)) == duration);
    const auto size = between<std::size_t>(0, 1u << 21) * *rc::gen::element<std::size_t>(1, 1024, 1u << 20);
    RC_ASSERT(parse_size(format_size(size)) == size);
    RC_ASSERT(parse_count(std::to_string(size)) == size);
    RC_ASSERT(parse_millis(format_millis(size)) == size);
  });
}

TEST(ConfigValuesProperty, WhateverIsReadIsReadBackTheSame) {
  Reached reached{{"a duration", 12}, {"a size", 5}, {"thousandths", 1}, {"nothing", 20}};
  reached.check([&] {
    const auto text = any_text("0123456789", 0, 4) + *rc::gen::element<std::string>("", ".", ".") +
                      any_text("0123456789", 0, 4) +
                      *rc::gen::element<std::string>("", "s", "ms", "h", "B", "KiB", "MiB", " s", "S", "k", "-");
    RC_LOG(text);
    const auto duration = parse_duration(text);
    const auto size = parse_size(text);
    const auto millis = parse_millis(text);
    if (duration) {
      RC_ASSERT(*duration >= Duration::zero());
      RC_ASSERT(parse_duration(format_duration(*duration)) == duration);
    }
    if (size) RC_ASSERT(parse_size(format_size(*size)) == size);
    if (millis) RC_ASSERT(parse_millis(format_millis(*millis)) == millis);
    // One reading only: no number is also one with something around it.
    for (const std::string around : {" ", "+", "-"}) {
      RC_ASSERT(!parse_count(around + text));
      RC_ASSERT(!parse_duration(around + text));
      RC_ASSERT(!parse_size(around + text));
      RC_ASSERT(!parse_millis(around + text));
    }
    reached("a duration", duration.has_value());
    reached("a size", size.has_value());
    reached("thousandths", millis.has_value());
    reached("nothing", !duration && !size && !millis);
  });
}

TEST(ConfigValuesProperty, AListIsReadInItsOrderWithoutItsRepeats) {
  Reached reached{{"several", 40}, {"a repeat", 30}, {"a bad one", 5}};
  reached.check([&] {
    std::vector<std::string> expected;
    std::string text;
    bool bad = false;
    for (int left = between(1, 6); left > 0; --left) {
      const auto authority = *rc::gen::element<std::string>("a:1", "b.example:80", "10.0.0.1:80", "[fd00::1]:80");
      const bool repeats = std::count(expected.begin(), expected.end(), authority) > 0;
      reached("a repeat", repeats);
      if (!repeats) expected.push_back(authority);
      text += any_text(" ,", 0, 2) + *rc::gen::element<std::string>("", "http://", "HTTP://") + authority + ",";
      if (!one_in(20)) continue;
      bad = true;
      text += *rc::gen::element<std::string>("a", "a:0", "a:65536", "https://a:1", "fd00::1:80", "-a:1") + ",";
    }
    RC_LOG(text);
    const auto endpoints = parse_endpoints(text);
    RC_ASSERT(endpoints.has_value() == !bad);
    reached("a bad one", bad);
    if (bad) return;
    std::vector<std::string> read;
    for (const auto& endpoint : *endpoints)
      read.push_back(endpoint.authority());
    RC_ASSERT(read == expected);
    reached("several", read.size() > 1);
  });
}

}  // namespace
}  // namespace gopher
