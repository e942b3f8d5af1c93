#include "sim/malformed_answers.h"

namespace gopher::sim {

namespace {

constexpr std::string_view kMalformedAnswerNames[] = {
    "status_line", "bad_length",     "two_lengths",  "length_and_chunked", "folded_field", "nul_field", "no_colon",
    "half_head",   "unasked_switch", "endless_head", "endless_interim",    "bad_chunk",    "surplus",   "unasked"};
static_assert(std::size(kMalformedAnswerNames) == kMalformedAnswerCount);

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kFive = "Content-Length: 5\r\n\r\nwrong";

}  // namespace

std::span<const std::string_view> malformed_answer_names() noexcept { return kMalformedAnswerNames; }

std::string malformed_answer(MalformedAnswer kind, std::string_view fields) {
  std::string ok(kOk);
  ok += fields;
  switch (kind) {
    case MalformedAnswer::status_line: return "HTTP/1.1 2x0 ?\r\n" + std::string(fields).append(kFive);
    case MalformedAnswer::bad_length: return ok + "Content-Length: many\r\n\r\n";
    case MalformedAnswer::two_lengths: return ok + "Content-Length: 50\r\n" + std::string(kFive);
    case MalformedAnswer::length_and_chunked:
      return ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
    case MalformedAnswer::folded_field: return ok + "X-Folded: a\r\n b\r\n" + std::string(kFive);
    case MalformedAnswer::nul_field: return ok + std::string("X-Nul: a\0b\r\n", 12) + std::string(kFive);
    case MalformedAnswer::no_colon: return ok + "X-None\r\n" + std::string(kFive);
    case MalformedAnswer::half_head: return ok + "Content-Len";
    case MalformedAnswer::unasked_switch:
      return "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
    case MalformedAnswer::endless_head: return ok;
    case MalformedAnswer::endless_interim: return {};
    case MalformedAnswer::bad_chunk: return ok + "Transfer-Encoding: chunked\r\n\r\n5 \r\nwrong\r\n0\r\n\r\n";
    case MalformedAnswer::surplus:
    case MalformedAnswer::unasked: break;
  }
  return ok;
}

std::string_view endless_part(MalformedAnswer kind) noexcept {
  return kind == MalformedAnswer::endless_head ? "X-More: and more, and no end of it, for as long as somebody reads\r\n"
                                               : "HTTP/1.1 103 Early Hints\r\nLink: </more>; rel=preload\r\n\r\n";
}

std::string_view surplus_of(MalformedAnswer kind) noexcept {
  return kind == MalformedAnswer::surplus ? "and this is too much\r\n\r\n"
                                          : "HTTP/1.1 408 Request Timeout\r\nContent-Length: none\r\n\r\n";
}

}  // namespace gopher::sim
