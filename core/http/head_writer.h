// HeadWriter: serialises a head into a buffer of fixed size.
//
// What does not fit is dropped and remembered: check overflowed() once, at the end.
#pragma once

#include <charconv>
#include <cstring>
#include <span>
#include <string_view>

namespace gopher::http {

class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> buffer) noexcept : buffer_(buffer) {}

  HeadWriter& text(std::string_view text) noexcept {
    if (text.size() > buffer_.size() - size_) {
      overflowed_ = true;
      return *this;
    }
    if (text.empty()) return *this;  // its data may be null
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  template <class Integer>
  HeadWriter& number(Integer value, int base = 10) noexcept {
    const auto [end, error] = std::to_chars(buffer_.data() + size_, buffer_.data() + buffer_.size(), value, base);
    if (error != std::errc()) {
      overflowed_ = true;
    } else {
      size_ = static_cast<std::size_t>(end - buffer_.data());
    }
    return *this;
  }
  HeadWriter& field(std::string_view name, std::string_view value) noexcept {
    return text(name).text(": ").text(value).text("\r\n");
  }
  HeadWriter& end() noexcept { return text("\r\n"); }

  bool overflowed() const noexcept { return overflowed_; }
  std::size_t size() const noexcept { return size_; }
  std::string_view written() const noexcept { return {buffer_.data(), size_}; }

 private:
  std::span<char> buffer_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

}  // namespace gopher::http
