#include "sim/bad_requests.h"

#include "sim/http_text.h"

namespace gopher::sim {

namespace {

constexpr std::string_view kBadRequestNames[] = {
    "bare_lf",        "bare_cr",         "nul_in_value",  "space_before_colon",
    "folded_field",   "leading_space",   "no_colon",      "no_host",
    "two_hosts",      "bad_version",     "next_version",  "space_in_target",
    "fragment",       "relative_target", "connect",       "length_and_chunked",
    "two_lengths",    "length_list",     "signed_length", "chunked_twice",
    "unknown_coding", "odd_coding",      "chunk_size",    "chunk_end",
    "long_line",      "many_fields",     "tls_hello",     "preface"};
static_assert(std::size(kBadRequestNames) == kBadRequestCount);

constexpr std::string_view kHost = "Host: sim.example\r\n";

// More than any server takes.
constexpr std::size_t kTooLong = 40'000;
constexpr int kTooMany = 2000;

}  // namespace

std::span<const std::string_view> bad_request_names() noexcept { return kBadRequestNames; }

std::string bad_request(BadRequest kind, std::uint64_t id) {
  const std::string target = request_target(id);
  const std::string host(kHost);
  const auto get = [&](std::string_view fields) { return "GET " + target + " HTTP/1.1\r\n" + std::string(fields); };
  // Two readings: the one ends at the empty body, to the other what follows is one more request.
  const std::string inner = "GET " + target + " HTTP/1.1\r\n" + host + "\r\n";
  const std::string inner_length = std::to_string(inner.size());
  const auto post = [&](std::string_view fields, std::string_view body) {
    return "POST " + target + " HTTP/1.1\r\n" + host + std::string(fields) + "\r\n" + std::string(body);
  };
  switch (kind) {
    case BadRequest::bare_lf: return get(host + "X-Bare: a\n\r\n");
    case BadRequest::bare_cr: return get(host + "X-Bare: a\rb\r\n\r\n");
    case BadRequest::nul_in_value: return get(host + std::string("X-Nul: a\0b\r\n\r\n", 14));
    case BadRequest::space_before_colon: return get(host + "X-Space : a\r\n\r\n");
    case BadRequest::folded_field: return get(host + "X-Folded: a\r\n b\r\n\r\n");
    case BadRequest::leading_space: return get(" X-First: a\r\n" + host + "\r\n");
    case BadRequest::no_colon: return get(host + "X-None\r\n\r\n");
    case BadRequest::no_host: return get("X-Host: sim.example\r\n\r\n");
    case BadRequest::two_hosts: return get(host + host + "\r\n");
    case BadRequest::bad_version: return "GET " + target + " HTTP/01.1\r\n" + host + "\r\n";
    case BadRequest::next_version: return "GET " + target + " HTTP/2.0\r\n" + host + "\r\n";
    case BadRequest::space_in_target: return "GET " + target + " /more HTTP/1.1\r\n" + host + "\r\n";
    case BadRequest::fragment: return "GET " + target + "#part HTTP/1.1\r\n" + host + "\r\n";
    case BadRequest::relative_target: return "GET " + target.substr(1) + " HTTP/1.1\r\n" + host + "\r\n";
    case BadRequest::connect: return "CONNECT sim.example:443 HTTP/1.1\r\nHost: sim.example:443\r\n\r\n";
    case BadRequest::length_and_chunked:
      return post(
          "Content-Length: " + std::to_string(inner.size() + kLastChunk.size()) + "\r\nTransfer-Encoding: chunked\r\n",
          std::string(kLastChunk) + inner);
    case BadRequest::two_lengths: return post("Content-Length: 0\r\nContent-Length: " + inner_length + "\r\n", inner);
    case BadRequest::length_list: return post("Content-Length: 0, " + inner_length + "\r\n", inner);
    case BadRequest::signed_length: return post("Content-Length: +" + inner_length + "\r\n", inner);
    case BadRequest::chunked_twice: return post("Transfer-Encoding: chunked, chunked\r\n", kLastChunk);
    case BadRequest::unknown_coding: return post("Transfer-Encoding: mystery, chunked\r\n", kLastChunk);
    case BadRequest::odd_coding: return post("Transfer-Encoding: xchunked\r\n", std::string(kLastChunk) + inner);
    case BadRequest::chunk_size:
      return post("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n" + std::string(kLastChunk));
    case BadRequest::chunk_end: return post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n" + std::string(kLastChunk));
    case BadRequest::long_line:
      return "GET " + target + '?' + std::string(kTooLong, 'a') + " HTTP/1.1\r\n" + host + "\r\n";
    case BadRequest::many_fields: {
      std::string fields = host;
      for (int i = 0; i < kTooMany; ++i)
        fields += "X-Many: a\r\n";
      return get(fields + "\r\n");
    }
    case BadRequest::tls_hello: return {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 to be encrypted", 27};
    case BadRequest::preface: return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  }
  return {};
}

}  // namespace gopher::sim
