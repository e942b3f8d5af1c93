// Invariant: a chunked body gives the same content, trailers and end however its bytes are split, never more content
// than it has bytes; and what goes on of a whole one, framed anew in pieces, is read back as that content,
// with those of its trailers that may go on.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/http/body_decoder.h"
#include "core/session/framed_piece.h"
#include "fuzz/end_to_end.h"
#include "fuzz/input.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

struct BodyReading {
  http::BodyDecoder::Status status = http::BodyDecoder::Status::need_more;
  std::string content;
  std::size_t consumed = 0;  // of a body that is not malformed
  FieldList trailers;
  std::string framed_anew;

  bool same_body(const BodyReading& other) const {
    return status == other.status && content == other.content && consumed == other.consumed &&
           trailers == other.trailers;
  }
};

BodyReading read_body(const Input& input, const http::BodyLimits& limits) {
  http::BodyDecoder decoder(limits);
  decoder.begin({http::BodyFraming::chunked, 0});
  BodyReading reading;
  std::array<char, 32 * 1024> end_block;
  for (Pieces pieces(input); reading.status == http::BodyDecoder::Status::need_more && !pieces.empty();) {
    const auto piece = pieces.next();
    std::vector<char> bytes(piece.begin(), piece.end());
    const auto step = decoder.decode(bytes);
    require(step.content <= step.consumed && step.consumed <= bytes.size(), "content is a part of what was consumed");
    require(step.status != http::BodyDecoder::Status::need_more || step.consumed == bytes.size(),
            "a body that needs more has taken all there was");
    reading.status = step.status;
    reading.consumed += step.consumed;
    const std::string_view content(bytes.data(), step.content);
    reading.content += content;
    FramedPiece framed;
    require(framed.frame(true, content, decoder.complete(), decoder.trailers(), end_block), "what goes on fits");
    for (const auto& buffer : framed.buffers())
      reading.framed_anew.append(reinterpret_cast<const char*>(buffer.data()), buffer.size());
  }
  require(decoder.complete() == (reading.status == http::BodyDecoder::Status::complete), "the decoder knows its end");
  if (reading.status == http::BodyDecoder::Status::malformed) reading.consumed = 0;
  for (const auto& field : decoder.trailers())
    reading.trailers.emplace_back(field.name, field.value);
  return reading;
}

void check(const Input& input) {
  const Input whole = input.whole();
  for (const auto& limits : {http::BodyLimits{}, http::BodyLimits{8, 40, 2}}) {
    const auto reading = read_body(input, limits);
    require(reading.same_body(read_body(whole, limits)), "parse of a split = parse of the whole", reading.content);
    require(reading.trailers.size() <= limits.max_trailers, "no more trailers than the bound");
    std::size_t trailer_bytes = 2;  // at least: each with a colon and its line's end, and the empty line
    for (const auto& [name, value] : reading.trailers)
      trailer_bytes += name.size() + value.size() + 3;
    require(reading.trailers.empty() || trailer_bytes <= limits.max_trailer_bytes, "trailers within their bound");

    const auto strict = conformance::read_requests("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                                   reading.framed_anew);
    require(strict.violation.empty(), "what goes on is well-formed", strict.violation);
    require(strict.messages.size() == 1 && strict.messages.front().body == reading.content, "what goes on is the body");
    require(strict.messages.front().whole == (reading.status == http::BodyDecoder::Status::complete),
            "what goes on ends when the body does");
    require(strict.messages.front().trailers == with_lower_names(end_to_end_trailers(reading.trailers)),
            "the trailers that may go on do");
  }
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gopher::fuzz::check(gopher::fuzz::Input(data, size));
  return 0;
}
