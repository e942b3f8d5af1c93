// The texts of settings: a value written out is read back, and whatever text is read is one that means the value alone.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "io/config_values.h"

namespace gopher {
namespace {

std::string any_text() {
  return *rc::gen::container<std::string>(*rc::gen::inRange<std::size_t>(0, 12),
                                          rc::gen::elementOf(std::string("0123456789.smhunKMGiB-+ ")));
}

RC_GTEST_PROP(ConfigValuesProperty, ADurationIsReadBack, ()) {
  const auto count = *rc::gen::inRange<std::int64_t>(0, 1'000'000);
  const auto unit = *rc::gen::element<std::int64_t>(1, 1000, 1'000'000, 1'000'000'000, 3'600'000'000'000);
  const Duration duration(count * unit);
  RC_ASSERT(parse_duration(format_duration(duration)) == duration);
}

RC_GTEST_PROP(ConfigValuesProperty, SizesAndThousandthsAreReadBack, ()) {
  const auto size = *rc::gen::inRange<std::size_t>(0, 1u << 31);
  RC_ASSERT(parse_size(format_size(size)) == size);
  RC_ASSERT(parse_count(std::to_string(size)) == size);
  RC_ASSERT(parse_millis(format_millis(size)) == size);
}

RC_GTEST_PROP(ConfigValuesProperty, WhateverIsReadIsReadBackTheSame, ()) {
  const auto text = any_text();
  if (const auto duration = parse_duration(text)) {
    RC_ASSERT(*duration >= Duration::zero());
    RC_ASSERT(parse_duration(format_duration(*duration)) == duration);
  }
  if (const auto size = parse_size(text)) RC_ASSERT(parse_size(format_size(*size)) == size);
  if (const auto millis = parse_millis(text)) RC_ASSERT(parse_millis(format_millis(*millis)) == millis);
  // One reading only: no number is also one with something around it.
  RC_ASSERT(!parse_count(" " + text));
  RC_ASSERT(!parse_count("+" + text));
  RC_ASSERT(!parse_duration("-" + text));
}

}  // namespace
}  // namespace gopher
