// Bodies made from their parts, as this proxy writes them and as others may: what is written is read back as it was,
// with its trailers, however its bytes are split, and no byte behind it is taken.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/http/body_decoder.h"
#include "core/session/framed_piece.h"
#include "tests/property/any_fields.h"

namespace gopher::http {
namespace {

struct BodyReading {
  BodyDecoder::Status status = BodyDecoder::Status::need_more;
  std::string content;
  std::size_t bytes = 0;  // of a body that is not malformed
  FieldList trailers;
  std::uint64_t owed = 0;

  friend bool operator==(const BodyReading&, const BodyReading&) = default;
};

BodyReading read_body(const Framing& framing, const std::vector<std::string>& pieces, const BodyLimits& limits = {}) {
  BodyDecoder decoder(limits);
  decoder.begin(framing);
  BodyReading reading;
  if (decoder.complete()) reading.status = BodyDecoder::Status::complete;
  for (auto piece : pieces) {
    if (reading.status != BodyDecoder::Status::need_more) break;
    const auto step = decoder.decode(piece);
    RC_ASSERT(step.content <= step.consumed && step.consumed <= piece.size());
    RC_ASSERT((step.status == BodyDecoder::Status::complete) == decoder.complete());
    reading.status = step.status;
    reading.content += piece.substr(0, step.content);
    reading.bytes += step.consumed;
    if (step.status == BodyDecoder::Status::need_more) RC_ASSERT(step.consumed == piece.size());
    if (framing.kind == BodyFraming::length) RC_ASSERT(decoder.remaining() == framing.length - reading.content.size());
  }
  if (reading.status == BodyDecoder::Status::malformed) reading.bytes = 0;
  if (framing.kind == BodyFraming::length) reading.owed = decoder.remaining();
  reading.trailers = as_list(decoder.trailers());
  // The peer's end of stream completes a body until close, and no other.
  const bool whole = reading.status == BodyDecoder::Status::complete;
  RC_ASSERT(decoder.at_end_of_stream() == (whole || framing.kind == BodyFraming::until_close));
  return reading;
}

TEST(HttpBodyProperty, AChunkedBodyThatThisProxyWritesIsReadBackFromAnySplit) {
  Reached reached{{"trailers", 50}, {"a trailer that stays behind", 30}, {"in many pieces", 40}};
  reached.check([&] {
    const auto trailers = any_fields();
    std::string content;
    std::string bytes;
    std::array<char, 8192> end_block;
    for (int left = between(0, 5); left >= 0; --left) {
      const auto piece = any_text("abc\r\n0;", 0, 40);
      FramedPiece framed;
      RC_ASSERT(framed.frame(true, piece, left == 0, as_fields(trailers), end_block));
      for (const auto& buffer : framed.buffers())
        bytes.append(reinterpret_cast<const char*>(buffer.data()), buffer.size());
      content += piece;
    }
    // Only those that mean nothing to a recipient go on.
    FieldList expected;
    for (const auto& [name, value] : trailers)
      if (identify_field(name) == FieldId::other) expected.emplace_back(name, value);
    const auto pieces = any_split(bytes + any_text("GET /", 0, 5));
    const BodyReading whole{BodyDecoder::Status::complete, content, bytes.size(), expected, 0};
    RC_ASSERT(read_body({BodyFraming::chunked, 0}, pieces) == whole);
    reached("trailers", !expected.empty());
    reached("a trailer that stays behind", expected.size() < trailers.size());
    reached("in many pieces", pieces.size() > 10);
  });
}

// A chunked body as anybody may write one (RFC 9112 section 7.1).
std::string any_chunked(const std::string& content, const FieldList& trailers) {
  static constexpr std::string_view kDigits = "0123456789abcdef0123456789ABCDEF";
  const auto line = [](std::size_t size) {
    const std::size_t upper = one_in(2) ? 16 : 0;
    std::string text = any_text("0", 0, 3);
    if (size >= 16) text += kDigits[size / 16 + upper];
    text += kDigits[size % 16 + upper];
    return text + *rc::gen::element<std::string>("", "", "", ";a", ";a=b", "; a=\"\\\";b\" ;c") + "\r\n";
  };
  std::string bytes;
  for (std::string_view rest = content; !rest.empty();) {
    const auto chunk = rest.substr(0, between<std::size_t>(1, 40));
    bytes.append(line(chunk.size())).append(chunk).append("\r\n");
    rest.remove_prefix(chunk.size());
  }
  return bytes + line(0) + written(trailers);
}

TEST(HttpBodyProperty, ABodyOfAnyFramingIsReadBackFromAnySplitAndNoFurther) {
  Reached reached{{"chunked", 15}, {"length", 15}, {"until close", 15}, {"none", 10}, {"cut short", 10}};
  reached.check([&] {
    const auto content = any_text("abc\r\n0;", 0, 100);
    auto behind = any_text("GET /", 0, 5);
    FieldList trailers;
    std::string bytes = content;
    Framing framing;
    switch (between(0, 3)) {
      case 0:
        framing.kind = BodyFraming::chunked;
        trailers = any_fields();
        bytes = any_chunked(content, trailers);
        reached("chunked");
        break;
      case 1:
        framing = {BodyFraming::length, content.size()};
        reached("length");
        break;
      case 2:
        framing.kind = BodyFraming::until_close;
        behind.clear();
        reached("until close");
        break;
      default: bytes.clear(); reached("none");
    }
    BodyReading expected{BodyDecoder::Status::complete, content, bytes.size(), trailers, 0};
    if (framing.kind == BodyFraming::none) expected.content.clear();
    RC_LOG(bytes);
    if (framing.kind == BodyFraming::until_close) expected.status = BodyDecoder::Status::need_more;
    RC_ASSERT(read_body(framing, any_split(bytes + behind)) == expected);

    if (bytes.empty()) return;
    const auto kept = between<std::size_t>(0, bytes.size() - 1);
    const auto cut = read_body(framing, any_split(bytes.substr(0, kept)));
    RC_ASSERT(cut.status == BodyDecoder::Status::need_more);
    RC_ASSERT(cut.bytes == kept);
    RC_ASSERT(content.starts_with(cut.content));
    reached("cut short");
  });
}

TEST(HttpBodyProperty, AnyBytesAreTheSameBodyFromAnySplit) {
  Reached reached{{"complete", 10}, {"malformed", 20}, {"needs more", 2}};
  reached.check([&] {
    const auto bytes = damaged(any_chunked(any_text("abc\r\n0;", 0, 60), any_fields()),
                               std::string_view("\r\n;=\"\\ 0aAfg\0\x7f:", 15));
    RC_LOG(bytes);
    const auto limits = one_in(2) ? BodyLimits{} : BodyLimits{between<std::size_t>(0, 12), 60, 3};
    const auto whole = read_body({BodyFraming::chunked, 0}, {bytes}, limits);
    RC_ASSERT(read_body({BodyFraming::chunked, 0}, any_split(bytes), limits) == whole);
    reached(whole.status == BodyDecoder::Status::complete    ? "complete"
            : whole.status == BodyDecoder::Status::malformed ? "malformed"
                                                             : "needs more");
  });
}

}  // namespace
}  // namespace gopher::http
