// Reads a head with one of core's parsers, whole or in pieces, into a value that can be compared.
#pragma once

#include <string>
#include <vector>

#include "core/http/head_parser.h"
#include "fuzz/end_to_end.h"
#include "fuzz/input.h"

namespace gopher::fuzz {

// What the strict reader still takes.
inline constexpr std::uint64_t kLongestBody = 1'000'000'000'000'000'000;

inline FieldList fields_of(const http::Fields& fields) {
  FieldList result;
  for (const auto& field : fields) {
    require(field.id == http::identify_field(field.name), "a field is known by its whole name");
    result.emplace_back(field.name, field.value);
  }
  return result;
}

struct HeadReading {
  http::ParseStatus status = http::ParseStatus::need_more;
  std::size_t head_bytes = 0;
  std::string start_line;
  FieldList fields;
  int refusal_status = 0;
  std::string refusal_reason;

  friend bool operator==(const HeadReading&, const HeadReading&) = default;

  std::string describe() const {
    std::string text = "status " + std::to_string(static_cast<int>(status)) + ", " + std::to_string(head_bytes) +
                       " bytes, \"" + start_line + "\", refusal " + std::to_string(refusal_status) + " " +
                       refusal_reason + ", fields:";
    for (const auto& [name, value] : fields)
      text += "\n    " + name + ": " + value;
    return text;
  }
};

inline std::string start_line_of(const http::RequestHead& head) {
  return std::string(head.method) + " " + std::string(head.target) + " 1." + std::to_string(head.minor_version);
}
inline std::string start_line_of(const http::ResponseHead& head) {
  return "1." + std::to_string(head.minor_version) + " " + std::to_string(head.status) + " " + std::string(head.reason);
}

// `memory` holds what the parser's head has views into.
template <class Parser>
HeadReading read_head(Parser& parser, const Input& input, std::vector<char>& memory) {
  HeadReading reading;
  Pieces pieces(input);
  std::size_t fed = 0;
  while (reading.status == http::ParseStatus::need_more && !pieces.empty()) {
    fed += pieces.next().size();
    // Memory of just that size, and other memory with each piece: a look beyond it, or at the old one, is seen.
    const auto sofar = input.bytes.substr(0, fed);
    memory = std::vector<char>(sofar.begin(), sofar.end());
    reading.status = parser.parse({memory.data(), memory.size()});
  }
  if (reading.status == http::ParseStatus::complete) {
    reading.head_bytes = parser.head_bytes();
    reading.start_line = start_line_of(parser.head());
    reading.fields = fields_of(parser.head().fields);
    require(reading.head_bytes <= fed, "a head ends within the bytes that were given");
  } else if (reading.status == http::ParseStatus::failed) {
    reading.refusal_status = parser.refusal().status;
    reading.refusal_reason = parser.refusal().reason;
  }
  return reading;
}

// Reads in pieces and whole, under two sets of limits; the two readings must not differ. `accepted(head)` is called
// with a head that the first set accepts.
template <class Parser, class Accepted>
void check_every_split(const Input& input, Accepted accepted) {
  const Input whole = input.whole();
  http::HeadLimits tight;
  tight.max_start_line_bytes = 40;
  tight.max_head_bytes = 120;
  tight.max_fields = 4;
  for (const auto& limits : {http::HeadLimits{}, tight}) {
    Parser parser(limits);
    std::vector<char> memory;
    const auto in_pieces = read_head(parser, input, memory);
    if (in_pieces.status == http::ParseStatus::complete) {
      require(in_pieces.fields.size() <= limits.max_fields, "a head has at most max_fields fields");
      // A CRLF before a request is not counted.
      require(in_pieces.head_bytes <= limits.max_head_bytes + 2, "a head has at most max_head_bytes bytes");
      if (limits.max_fields != tight.max_fields) accepted(parser.head());
    }
    parser.reset();
    const auto at_once = read_head(parser, whole, memory);
    require(in_pieces == at_once, "parse of a split = parse of the whole",
            "in pieces: " + in_pieces.describe() + "\n  whole: " + at_once.describe());
  }
}

}  // namespace gopher::fuzz
