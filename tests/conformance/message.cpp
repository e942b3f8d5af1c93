#include "tests/conformance/message.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace gopher::conformance {

namespace {

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || kTokenMarks.find(c) != std::string_view::npos;
  });
}
bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}
bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); });
}
// Up to 2^63 - 1. Zeros before it count for nothing here, though the proxy refuses more than 19 digits.
bool is_number(std::string_view text) {
  const std::string_view significant = text.substr(std::min(text.find_first_not_of('0'), text.size()));
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         (significant.size() < 19 || (significant.size() == 19 && significant <= "9223372036854775807"));
}
std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Reading result;

  bool at_end() const { return at_ == bytes_.size(); }
  bool ok() const { return result.violation.empty(); }

  // Appends a message when its head is whole. False when there is no more to read.
  bool read_head(bool is_request) {
    begin_ = at_;
    const auto line = take_line();
    if (!line) return unfinished();
    Message message;
    message.first_line = *line;
    if (is_request ? !is_request_line(*line) : !is_status_line(*line, message)) return violate("first line", *line);
    if (!read_fields(message.fields)) return ok() ? unfinished() : false;
    result.messages.push_back(std::move(message));
    return true;
  }

  // Of the latest message: its framing fields, checked.
  bool read_framing(std::string& coding, std::string& length) {
    const auto& message = result.messages.back();
    const auto lengths = message.all("content-length");
    const auto codings = message.all("transfer-encoding");
    if (lengths.size() + codings.size() > 1) return violate("more than one framing", message.first_line);
    if (!lengths.empty() && !is_number(lengths[0])) return violate("Content-Length", lengths[0]);
    if (!codings.empty() && lower(codings[0]) != "chunked") return violate("Transfer-Encoding", codings[0]);
    if (!lengths.empty()) length = lengths[0];
    if (!codings.empty()) coding = "chunked";
    return true;
  }

  bool read_length(std::size_t length) {
    auto& message = result.messages.back();
    message.framing = "length";
    message.body = std::string(bytes_.substr(at_, length));
    message.whole = message.body.size() == length;
    at_ += message.body.size();
    return message.whole;
  }

  bool read_chunks() {
    auto& message = result.messages.back();
    message.framing = "chunked";
    for (;;) {
      const auto line = take_line();
      if (!line) return false;
      std::size_t size = 0;
      for (const char c : *line) {
        const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(std::tolower(c)));
        if (digit == std::string_view::npos) return violate("chunk size", *line);
        size = size * 16 + digit;
      }
      if (line->empty() || line->size() > 8) return violate("chunk size", *line);
      if (size == 0) break;
      const auto data = bytes_.substr(at_, size);
      message.body += data;
      at_ += data.size();
      if (data.size() < size || bytes_.size() - at_ < 2) return false;
      if (bytes_.substr(at_, 2) != "\r\n") return violate("no CRLF after chunk data", data);
      at_ += 2;
    }
    message.whole = read_fields(message.trailers);
    for (const auto& [name, value] : message.trailers) {
      if (name == "content-length" || name == "transfer-encoding" || name == "host" || name == "authorization")
        return violate("trailer", name);
    }
    return message.whole;
  }

  void read_rest(std::string_view framing, bool whole) {
    auto& message = result.messages.back();
    message.framing = framing;
    message.body = std::string(bytes_.substr(at_));
    message.whole = whole;
    at_ = bytes_.size();
  }

  bool violate(std::string_view what, std::string_view where) {
    if (ok()) result.violation = std::string(what) + ": " + std::string(where);
    return false;
  }

 private:
  bool unfinished() {
    result.rest = std::string(bytes_.substr(begin_));
    return false;
  }

  // Up to CRLF. A lone CR or LF is a violation.
  std::optional<std::string> take_line() {
    const auto end = bytes_.find_first_of("\r\n", at_);
    if (end == std::string_view::npos || (bytes_[end] == '\r' && end + 1 == bytes_.size())) return std::nullopt;
    if (bytes_.substr(end, 2) != "\r\n") {
      violate("line end", bytes_.substr(at_, end - at_ + 2));
      return std::nullopt;
    }
    std::string line(bytes_.substr(at_, end - at_));
    at_ = end + 2;
    return line;
  }

  // Up to the empty line; false when it does not come or a line is wrong.
  bool read_fields(FieldList& fields) {
    for (;;) {
      const auto line = take_line();
      if (!line) return false;
      if (line->empty()) return true;
      const auto colon = line->find(':');
      if (colon == std::string::npos) return violate("field line", *line);
      const auto name = std::string_view(*line).substr(0, colon);
      const auto value = trim(std::string_view(*line).substr(colon + 1));
      if (!is_token(name) || !is_value(value)) return violate("field line", *line);
      fields.emplace_back(lower(name), std::string(value));
    }
  }

  static bool is_request_line(std::string_view line) {
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    return first != std::string_view::npos && second != std::string_view::npos && is_token(line.substr(0, first)) &&
           is_visible(line.substr(first + 1, second - first - 1)) && line.substr(second + 1) == "HTTP/1.1";
  }
  static bool is_status_line(std::string_view line, Message& message) {
    if (line.size() < 13 || !line.starts_with("HTTP/1.1 ") || line[12] != ' ' || !is_number(line.substr(9, 3)))
      return false;
    message.status = std::stoi(std::string(line.substr(9, 3)));
    return message.status >= 100 && is_value(line.substr(13));
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

}  // namespace

std::vector<std::string> Message::all(std::string_view lower_name) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : fields)
    if (name == lower_name) values.push_back(value);
  return values;
}

std::size_t Reading::whole() const {
  return static_cast<std::size_t>(std::count_if(messages.begin(), messages.end(), [](auto& m) { return m.whole; }));
}

Reading read_requests(std::string_view bytes) {
  Reader reader(bytes);
  while (reader.ok() && !reader.at_end() && reader.read_head(true)) {
    auto& message = reader.result.messages.back();
    if (message.all("host").size() != 1) reader.violate("not one Host", message.first_line);
    std::string coding;
    std::string length;
    if (!reader.read_framing(coding, length)) break;
    if (!coding.empty()) {
      if (!reader.read_chunks()) break;
    } else if (!length.empty()) {
      if (!reader.read_length(std::stoul(length))) break;
    } else {
      message.framing = "none";
      message.whole = true;
    }
  }
  return std::move(reader.result);
}

Reading read_responses(const ResponseStream& stream) {
  Reader reader(stream.bytes);
  std::size_t finals = 0;
  while (reader.ok() && !reader.at_end() && reader.read_head(false)) {
    auto& message = reader.result.messages.back();
    std::string coding;
    std::string length;
    if (message.status == 101) {
      reader.read_rest("tunnel", stream.ended);
      break;
    }
    const bool interim = message.status < 200;
    const bool to_head = !interim && finals < stream.to_head.size() && stream.to_head[finals];
    if (!interim) ++finals;
    if (!reader.read_framing(coding, length)) break;
    if ((interim || message.status == 204) && !(coding + length).empty())
      reader.violate("framing where there is no body", message.first_line);
    if (interim || to_head || message.status == 204 || message.status == 304) {
      message.framing = "none";
      message.whole = true;
    } else if (!coding.empty()) {
      if (!reader.read_chunks()) break;
    } else if (!length.empty()) {
      if (!reader.read_length(std::stoul(length))) break;
    } else {
      reader.read_rest("until_close", stream.ended);
    }
  }
  return std::move(reader.result);
}

}  // namespace gopher::conformance
