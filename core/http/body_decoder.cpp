#include "core/http/body_decoder.h"

#include <algorithm>
#include <cstring>

#include "core/async/check.h"
#include "core/http/character.h"

namespace gopher::http {

namespace {

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Bytes of a chunk extension outside quotes: tokens, "=", ";" and whitespace (RFC 9112 section 7.1.1).
bool is_extension_char(char c) { return is_token_char(c) || c == '=' || c == ';' || c == ' ' || c == '\t'; }

// qdtext and the second half of a quoted pair.
bool is_quoted_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

void BodyDecoder::begin(const Framing& framing) {
  framing_ = framing;
  remaining_ = framing.length;
  extension_bytes_ = 0;
  trailer_bytes_.clear();
  trailers_.clear();
  switch (framing.kind) {
    case BodyFraming::none: state_ = State::done; break;
    case BodyFraming::length: state_ = framing.length == 0 ? State::done : State::content; break;
    case BodyFraming::until_close: state_ = State::content; break;
    case BodyFraming::chunked: state_ = State::size_first; break;
  }
}

bool BodyDecoder::at_end_of_stream() noexcept {
  if (framing_.kind == BodyFraming::until_close && state_ == State::content) state_ = State::done;
  return complete();
}

BodyDecoder::Step BodyDecoder::decode(std::span<char> bytes) {
  if (state_ == State::done) return {0, 0, Status::complete};
  return framing_.kind == BodyFraming::chunked ? decode_chunked(bytes) : decode_plain(bytes);
}

BodyDecoder::Step BodyDecoder::decode_plain(std::span<char> bytes) noexcept {
  std::size_t taken = bytes.size();
  if (framing_.kind == BodyFraming::length) {
    taken = static_cast<std::size_t>(std::min<std::uint64_t>(taken, remaining_));
    skip(taken);
  }
  return {taken, taken, state_ == State::done ? Status::complete : Status::need_more};
}

void BodyDecoder::skip(std::size_t bytes) noexcept {
  GOPHER_CHECK(framing_.kind == BodyFraming::length && bytes <= remaining_);
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = State::done;
}

BodyDecoder::Step BodyDecoder::decode_chunked(std::span<char> bytes) {
  std::size_t content = 0;
  std::size_t at = 0;
  const auto malformed = [&] {
    state_ = State::malformed;
    return Step{at, content, Status::malformed};
  };
  while (at < bytes.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size() - at, remaining_));
      if (content != at) std::memmove(bytes.data() + content, bytes.data() + at, taken);
      content += taken;
      at += taken;
      remaining_ -= taken;
      if (remaining_ == 0) state_ = State::data_cr;
      continue;
    }
    const char c = bytes[at];
    switch (state_) {
      case State::size_first:
      case State::size: {
        const int digit = hex_value(c);
        if (digit >= 0) {
          if (state_ == State::size_first) remaining_ = size_digits_ = 0;
          if (++size_digits_ > 16 || remaining_ >> 59 != 0) return malformed();
          remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
          state_ = State::size;
        } else if (state_ == State::size_first) {
          return malformed();
        } else if (c == ';') {
          state_ = State::extension;
        } else if (c == '\r') {
          state_ = State::size_lf;
        } else {
          return malformed();
        }
        break;
      }
      case State::extension:
      case State::quoted:
      case State::quoted_pair:
        if (++extension_bytes_ > limits_.max_extension_bytes) return malformed();
        if (state_ == State::quoted_pair) {
          if (!is_quoted_char(c)) return malformed();
          state_ = State::quoted;
        } else if (state_ == State::quoted) {
          if (!is_quoted_char(c)) return malformed();
          if (c == '"') state_ = State::extension;
          if (c == '\\') state_ = State::quoted_pair;
        } else if (c == '\r') {
          state_ = State::size_lf;
        } else if (c == '"') {
          state_ = State::quoted;
        } else if (!is_extension_char(c)) {
          return malformed();
        }
        break;
      case State::size_lf:
        if (c != '\n') return malformed();
        state_ = remaining_ == 0 ? State::trailer : State::data;
        break;
      case State::data_cr:
        if (c != '\r') return malformed();
        state_ = State::data_lf;
        break;
      case State::data_lf:
        if (c != '\n') return malformed();
        state_ = State::size_first;
        break;
      case State::trailer:
        if (!take_trailer_byte(c)) return malformed();
        break;
      case State::malformed: return malformed();
      case State::content:
      case State::data:
      case State::done: break;
    }
    ++at;
  }
  return {at, content, state_ == State::done ? Status::complete : Status::need_more};
}

bool BodyDecoder::take_trailer_byte(char c) {
  if (trailer_bytes_.size() >= limits_.max_trailer_bytes) return false;
  if (!trailer_bytes_.empty() && trailer_bytes_.back() == '\r' && c != '\n') return false;
  if (c == '\n' && (trailer_bytes_.empty() || trailer_bytes_.back() != '\r')) return false;
  trailer_bytes_.push_back(c);
  if (trailer_bytes_ == "\r\n") {
    state_ = State::done;
  } else if (trailer_bytes_.ends_with("\r\n\r\n")) {
    if (!parse_trailers(trailer_bytes_, limits_.max_trailers, trailers_)) return false;
    state_ = State::done;
  }
  return true;
}

}  // namespace gopher::http
