#include "sim/body_reader.h"

#include <algorithm>
#include <charconv>

namespace gopher::sim {

namespace {

// A longer line of the framing is none of this proxy's making.
constexpr std::size_t kMaxLine = 1024;

}  // namespace

BodyReader::BodyReader(const HeadText& head, State without_framing) noexcept {
  const auto coding = head.field("transfer-encoding");
  const auto length = head.field("content-length");
  if (coding) {
    chunked_ = true;
    state_ = *coding == "chunked" && !length ? State::size_line : State::bad;
  } else if (!length) {
    state_ = without_framing;
  } else {
    const auto [end, error] = std::from_chars(length->data(), length->data() + length->size(), length_);
    const bool good = error == std::errc() && end == length->data() + length->size();
    left_ = length_;
    state_ = !good ? State::bad : left_ > 0 ? State::content : State::done;
  }
}

BodyReader BodyReader::of_request(const HeadText& head) noexcept { return {head, State::done}; }

BodyReader BodyReader::of_response(const HeadText& head, bool answers_head) noexcept {
  const int status = head.status();
  const bool has_none = answers_head || status == 204 || status == 304 || status / 100 == 1;
  if (has_none) return {};
  return {head, State::until_close};
}

std::string_view BodyReader::next(std::string_view& bytes) noexcept {
  while (!bytes.empty() && !done() && !bad()) {
    if (state_ != State::content && state_ != State::until_close) {
      const std::size_t before = bytes.size();
      take_line(bytes);
      if (bytes.size() == before) return {};
      continue;
    }
    const std::size_t size =
        until_close() ? bytes.size() : static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    const auto piece = bytes.substr(0, size);
    bytes.remove_prefix(size);
    if (state_ == State::content) {
      left_ -= size;
      if (left_ == 0) state_ = chunked_ ? State::content_end : State::done;
    }
    return piece;
  }
  return {};
}

// A whole line, if there is one, of what stands around the content of chunks.
void BodyReader::take_line(std::string_view& bytes) noexcept {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kMaxLine) state_ = State::bad;
    return;
  }
  const auto line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  switch (state_) {
    case State::content_end: state_ = line.empty() ? State::size_line : State::bad; return;
    case State::trailers:
      if (line.empty()) state_ = State::done;
      return;
    default: break;
  }
  const auto [last, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const bool good = error == std::errc() && last == line.data() + line.size() && line.front() != '-';
  state_ = !good ? State::bad : left_ > 0 ? State::content : State::trailers;
}

bool BodyReader::end_of_stream() noexcept {
  if (until_close()) state_ = State::done;
  return done();
}

}  // namespace gopher::sim
