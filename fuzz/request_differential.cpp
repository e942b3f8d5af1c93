// Invariant: core and a second, independent reading of the grammar agree on every request: what both accept they read
// alike (method, target, host, fields, framing, body, end); core accepts nothing that the grammar forbids or that
// exceeds its bounds, and refuses of what the grammar allows only what it says it refuses. Each input is read under the
// bounds that this proxy states, and under tight ones, which a short input can reach.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/http/body_decoder.h"
#include "core/http/framing.h"
#include "core/http/head_parser.h"
#include "fuzz/input.h"
#include "fuzz/request_grammar.h"

namespace gopher::fuzz {
namespace {

using grammar::Verdict;

// Requests of one input that are read in turn, as a connection's are.
constexpr int kMostRequests = 16;

constexpr grammar::Bounds kTightBounds{
    .request_line = 40, .head = 120, .fields = 4, .chunk_extensions = 8, .trailers = 40};

struct CoreReading {
  Verdict head = Verdict::incomplete;
  Verdict body = Verdict::incomplete;
  grammar::Request request;
  std::string refusal;
};

void read_body(std::string_view bytes, const http::Framing& framing, const http::BodyLimits& limits,
               CoreReading& reading) {
  http::BodyDecoder decoder(limits);
  decoder.begin(framing);
  std::vector<char> memory(bytes.begin(), bytes.end());
  const auto step = decoder.decode(memory);
  reading.request.body.assign(memory.data(), step.content);
  reading.request.bytes += step.consumed;
  for (const auto& field : decoder.trailers())
    reading.request.trailers.emplace_back(field.name, field.value);
  if (step.status == http::BodyDecoder::Status::malformed) {
    reading.body = Verdict::invalid;
    reading.refusal = "malformed body";
  } else if (decoder.complete()) {
    reading.body = Verdict::complete;
  }
}

CoreReading read_by_core(std::string_view bytes, const grammar::Bounds& bounds) {
  CoreReading reading;
  http::RequestHeadParser parser({bounds.request_line, bounds.head, bounds.fields});
  const auto status = parser.parse(bytes);
  if (status == http::ParseStatus::need_more) return reading;
  const auto refuse = [&](const http::Refusal& refusal) {
    reading.head = Verdict::invalid;
    reading.refusal = std::to_string(refusal.status) + " " + refusal.reason;
    return reading;
  };
  if (status == http::ParseStatus::failed) return refuse(parser.refusal());
  const auto& head = parser.head();
  const auto facts = http::examine_request(head);
  if (!facts) return refuse(facts.error());

  reading.head = Verdict::complete;
  auto& request = reading.request;
  request.method = head.method;
  request.target = head.target;
  request.path = facts->target.path_and_query;
  if (facts->target.form == http::TargetForm::absolute && !request.path.starts_with('/'))
    request.path = (request.path.empty() && head.method == "OPTIONS" ? "*" : "/") + request.path;
  request.host = facts->host;
  request.minor_version = head.minor_version;
  for (const auto& field : head.fields)
    request.fields.emplace_back(field.name, field.value);
  request.chunked = facts->framing.kind == http::BodyFraming::chunked;
  request.has_length = facts->framing.kind == http::BodyFraming::length;
  request.length = facts->framing.length;
  request.bytes = parser.head_bytes();
  read_body(bytes.substr(request.bytes), facts->framing, {bounds.chunk_extensions, bounds.trailers, bounds.fields},
            reading);
  return reading;
}

std::string describe(const CoreReading& core, const grammar::Reading& other) {
  std::string text = "core: head " + std::to_string(static_cast<int>(core.head)) + ", body " +
                     std::to_string(static_cast<int>(core.body)) + " " + core.refusal + "; grammar: head " +
                     std::to_string(static_cast<int>(other.head)) + ", body " +
                     std::to_string(static_cast<int>(other.body)) + " " + other.broken_rule;
  for (const auto& why : other.refusable)
    text += "\n  may be refused: " + why;
  return text;
}

// One request; its length when another may follow.
std::optional<std::size_t> compare(std::string_view bytes, const grammar::Bounds& bounds) {
  const auto core = read_by_core(bytes, bounds);
  const auto other = grammar::read_request(bytes, bounds);
  const auto agree = [&](bool holds, const char* what) { require(holds, what, describe(core, other)); };
  const bool refused = core.head == Verdict::invalid || core.body == Verdict::invalid;
  const bool invalid =
      other.head == Verdict::invalid || (other.head == Verdict::complete && other.body == Verdict::invalid);

  if (invalid) {
    agree(refused, "core refuses what the grammar forbids");
    return std::nullopt;
  }
  if (refused) {
    // Of a message that is not whole the grammar's reading cannot tell whether it can become a valid one.
    agree(!other.refusable.empty() || !other.complete(), "core refuses only what it says it refuses");
    return std::nullopt;
  }
  agree(!other.beyond_bounds, "core refuses what exceeds its bounds");
  agree(core.head == other.head, "a head is whole to both or to none");
  if (core.head != Verdict::complete) return std::nullopt;

  const auto& ours = core.request;
  const auto& theirs = other.request;
  agree(ours.method == theirs.method, "same method");
  agree(ours.target == theirs.target && ours.path == theirs.path, "same target");
  agree(ours.host == theirs.host, "same host");
  agree(ours.minor_version == theirs.minor_version, "same version");
  agree(ours.fields == theirs.fields, "same fields");
  agree(ours.chunked == theirs.chunked && ours.has_length == theirs.has_length && ours.length == theirs.length,
        "same framing");
  agree(core.body == other.body, "a body is whole to both or to none");
  agree(ours.body == theirs.body, "same body");
  if (core.body != Verdict::complete) return std::nullopt;
  agree(ours.trailers == theirs.trailers, "same trailers");
  agree(ours.bytes == theirs.bytes, "same end");
  return ours.bytes;
}

void compare_all(std::string_view rest, const grammar::Bounds& bounds) {
  for (int i = 0; i < kMostRequests && !rest.empty(); ++i) {
    const auto length = compare(rest, bounds);
    if (!length) break;
    rest.remove_prefix(*length);
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gopher::fuzz;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  compare_all(input, grammar::kBounds);
  compare_all(input, kTightBounds);
  return 0;
}
