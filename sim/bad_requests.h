// The requests of a client that breaks HTTP, one kind for each rule of http.md about requests. Each is a whole request
// in the eyes of one who breaks the rule too, so that a proxy that lets it pass is found out: it names its id, as good
// requests do, wherever somebody could read a target.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gopher::sim {

enum class BadRequest : std::uint8_t {
  bare_lf,
  bare_cr,
  nul_in_value,
  space_before_colon,
  folded_field,
  leading_space,
  no_colon,
  no_host,
  two_hosts,
  bad_version,
  next_version,
  space_in_target,
  fragment,
  relative_target,
  connect,
  length_and_chunked,
  two_lengths,
  length_list,
  signed_length,
  chunked_twice,
  unknown_coding,
  odd_coding,
  chunk_size,
  chunk_end,
  long_line,
  many_fields,
  tls_hello,
  preface,
};
inline constexpr std::size_t kBadRequestCount = static_cast<std::size_t>(BadRequest::preface) + 1;

// In the order of the enumeration.
std::span<const std::string_view> bad_request_names() noexcept;
std::string bad_request(BadRequest kind, std::uint64_t id);

}  // namespace gopher::sim
