// Messages made from their parts: what is written is read back as it was, however its bytes are split, and forwarding
// changes nothing that goes end to end.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/http/body_decoder.h"
#include "core/http/forwarding.h"
#include "core/session/framed_piece.h"

namespace gopher::http {
namespace {

using FieldList = std::vector<std::pair<std::string, std::string>>;

std::string text_of(std::string_view alphabet, std::size_t least, std::size_t most) {
  const auto size = *rc::gen::inRange(least, most + 1);
  return *rc::gen::container<std::string>(size, rc::gen::elementOf(std::string(alphabet)));
}

constexpr std::string_view kTokenChars = "abcXYZ019!#$%&'*+-.^_`|~";
constexpr std::string_view kTargetChars = "abcXYZ019-._~!$&'()*+,;=:@/?%";
constexpr std::string_view kValueChars = "abc XYZ\t019,;=\"'/\\(){}\x80\xff";

std::string trimmed(std::string text) {
  text.erase(0, text.find_first_not_of(" \t"));
  text.erase(text.find_last_not_of(" \t") + 1);
  return text;
}

// Names that mean nothing to this proxy.
FieldList any_fields() {
  FieldList fields(*rc::gen::inRange<std::size_t>(0, 8));
  for (auto& [name, value] : fields) {
    name = "x" + text_of(kTokenChars, 0, 10);
    RC_PRE(identify_field(name) == FieldId::other);
    value = trimmed(text_of(kValueChars, 0, 20));
  }
  return fields;
}

std::string written(const FieldList& fields) {
  std::string text;
  for (const auto& [name, value] : fields)
    text += name + ":" + text_of(" \t", 0, 2) + value + text_of(" \t", 0, 2) + "\r\n";
  return text;
}

FieldList as_list(const Fields& fields) {
  FieldList list;
  for (const auto& field : fields)
    list.emplace_back(field.name, field.value);
  return list;
}

FieldList others(const Fields& fields) {
  FieldList list;
  for (const auto& field : fields)
    if (field.id == FieldId::other) list.emplace_back(field.name, field.value);
  return list;
}

// Feeds growing prefixes, each in memory of its own; the last one stays in `memory`.
template <class Parser>
void parse_in_pieces(Parser& parser, const std::string& bytes, std::string& memory) {
  std::size_t fed = 0;
  auto status = ParseStatus::need_more;
  while (status == ParseStatus::need_more && fed < bytes.size()) {
    fed = std::min(bytes.size(), fed + *rc::gen::inRange<std::size_t>(1, 12));
    memory = bytes.substr(0, fed);
    status = parser.parse(memory);
  }
  RC_ASSERT(status == ParseStatus::complete);
}

RC_GTEST_PROP(HttpProperty, ARequestIsReadBackFromAnySplitAndForwardedWithoutALoss, ()) {
  const auto method = *rc::gen::element<std::string>("GET", "POST", "PUT", "DELETE", "get", "M-SEARCH");
  const auto target = "/" + text_of(kTargetChars, 0, 30);
  const auto fields = any_fields();
  const auto length = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'000'000);
  const auto framing = *rc::gen::element(BodyFraming::none, BodyFraming::length, BodyFraming::chunked);
  std::string head = method + " " + target + " HTTP/1.1\r\nHost: h:80\r\n" + written(fields);
  if (framing == BodyFraming::length) head += "Content-Length: " + std::to_string(length) + "\r\n";
  if (framing == BodyFraming::chunked) head += "Transfer-Encoding: chunked\r\n";
  head += "\r\n";

  RequestHeadParser parser({});
  std::string memory;
  parse_in_pieces(parser, head + text_of(kValueChars, 0, 10), memory);
  RC_ASSERT(parser.head_bytes() == head.size());
  RC_ASSERT(parser.head().method == method);
  RC_ASSERT(parser.head().target == target);
  RC_ASSERT(others(parser.head().fields) == fields);
  const auto facts = examine_request(parser.head());
  RC_ASSERT(facts.has_value());
  RC_ASSERT(facts->framing.kind == framing);
  if (framing == BodyFraming::length) RC_ASSERT(facts->framing.length == length);

  std::array<char, 8192> buffer;
  HeadWriter writer(buffer);
  write_forwarded_request(writer, parser.head(), *facts,
                          {.peer = "192.0.2.1", .peer_is_trusted = *rc::gen::arbitrary<bool>(), .request_id = "id"});
  RC_ASSERT(!writer.overflowed());
  RequestHeadParser next({});
  RC_ASSERT(next.parse(writer.written()) == ParseStatus::complete);
  RC_ASSERT(next.head().method == method);
  RC_ASSERT(next.head().target == target);
  RC_ASSERT(others(next.head().fields) == fields);
  const auto next_facts = examine_request(next.head());
  RC_ASSERT(next_facts.has_value());
  RC_ASSERT(next_facts->framing.kind == framing);
  RC_ASSERT(next_facts->framing.length == facts->framing.length);
}

RC_GTEST_PROP(HttpProperty, AResponseIsReadBackFromAnySplitAndForwardedWithoutALoss, ()) {
  const auto status = *rc::gen::element(200, 201, 204, 304, 404, 500, 599);
  const auto reason = text_of(kValueChars, 0, 20);
  const auto fields = any_fields();
  const bool chunked = *rc::gen::arbitrary<bool>() && status != 204;
  std::string head = "HTTP/1.1 " + std::to_string(status) + " " + reason + "\r\n" + written(fields);
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  head += "\r\n";

  ResponseHeadParser parser({});
  std::string memory;
  parse_in_pieces(parser, head, memory);
  RC_ASSERT(parser.head().status == status);
  RC_ASSERT(parser.head().reason == reason);
  RC_ASSERT(others(parser.head().fields) == fields);
  const auto facts = examine_response(parser.head(), "GET");
  RC_ASSERT(facts.has_value());

  std::array<char, 8192> buffer;
  HeadWriter writer(buffer);
  ResponseForwarding plan;
  plan.framing = facts->framing;
  write_forwarded_response(writer, parser.head(), plan);
  ResponseHeadParser next({});
  RC_ASSERT(next.parse(writer.written()) == ParseStatus::complete);
  RC_ASSERT(next.head().status == status);
  RC_ASSERT(next.head().reason == reason);
  RC_ASSERT(others(next.head().fields) == fields);
}

RC_GTEST_PROP(HttpProperty, AChunkedBodyIsReadBackFromAnySplit, ()) {
  // Written as this proxy writes one: a chunk for each piece of content, trailers behind the last.
  const auto trailers = any_fields();
  Fields as_fields;
  for (const auto& [name, value] : trailers)
    as_fields.push_back({name, value, FieldId::other});
  std::string content;
  std::string bytes;
  std::array<char, 8192> end_block;
  const int pieces = *rc::gen::inRange(1, 6);
  for (int i = 0; i < pieces; ++i) {
    const auto piece = text_of("abc\r\n0;", 0, 40);
    FramedPiece framed;
    RC_ASSERT(framed.frame(true, piece, i + 1 == pieces, as_fields, end_block));
    for (const auto& buffer : framed.buffers())
      bytes.append(reinterpret_cast<const char*>(buffer.data()), buffer.size());
    content += piece;
  }

  const std::string next_message = text_of("GET /", 0, 5);
  std::string input = bytes + next_message;
  BodyDecoder decoder(BodyLimits{});
  decoder.begin({BodyFraming::chunked, 0});
  std::string read;
  std::size_t at = 0;
  while (!decoder.complete()) {
    RC_ASSERT(at < input.size());
    const auto size = std::min(input.size() - at, *rc::gen::inRange<std::size_t>(1, 20));
    const auto step = decoder.decode(std::span(input).subspan(at, size));
    RC_ASSERT(step.status != BodyDecoder::Status::malformed);
    read += std::string_view(input).substr(at, step.content);
    at += step.consumed;
  }
  RC_ASSERT(read == content);
  RC_ASSERT(at == bytes.size());
  RC_ASSERT(as_list(decoder.trailers()) == trailers);
}

}  // namespace
}  // namespace gopher::http
