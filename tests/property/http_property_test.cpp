// Heads made from their parts, among them the fields that mean something to this proxy: what is written is read back
// as it was, however its bytes are split; framing is decided as RFC 9112 says; and forwarding changes nothing that goes
// end to end. The model knows fields by their names alone.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/http/forwarding.h"
#include "tests/property/any_fields.h"

namespace gopher::http {
namespace {

using Names = std::set<std::string, std::less<>>;

constexpr std::string_view kTargetChars = "abcXYZ019-._~!$&'()*+,;=:@/?%";

// A target in one of its forms (RFC 9112 section 3.2), what of it goes on, and the authority that it names; or one that
// is none of this method's.
struct DrawnTarget {
  std::string method;
  std::string text;
  std::string forwarded;
  std::string authority{};
  bool refused = false;
};

DrawnTarget any_target() {
  const auto method =
      *rc::gen::element<std::string>("GET", "HEAD", "POST", "PUT", "DELETE", "get", "M-SEARCH", "OPTIONS");
  if (one_in(20)) {
    const auto text = *rc::gen::element<std::string>("*", "h:80", "https://h/", "http://", "http:///", "http://u@h/",
                                                     "http://h:x/", "http://h:65536/", "http://a b", "h", "*/");
    return {one_in(4) ? "CONNECT" : "GET", text, {}, {}, true};
  }
  if (method == "OPTIONS" && one_in(2)) return {method, "*", "*"};
  const auto path = "/" + any_text(kTargetChars, 0, 30);
  if (!one_in(4)) return {method, path, path};
  const auto authority = *rc::gen::element<std::string>("other", "other:8080", "10.0.0.1", "[fd00::1]:80");
  const auto rest = *rc::gen::elementOf(std::vector<std::string>{path, "", "?q"});
  auto forwarded = rest.empty() && method == "OPTIONS" ? "*" : rest.starts_with('/') ? rest : "/" + rest;
  return {method, any_case("http://") + authority + rest, std::move(forwarded), authority};
}

// The fields of framing, and what they say by RFC 9112 section 6.3 as this proxy reads it: any doubt is a refusal.
struct DrawnFraming {
  FieldList fields;
  Framing framing;
  bool refused = false;
};

DrawnFraming any_framing() {
  const std::string length = any_case("Content-Length");
  const std::string coding = any_case("Transfer-Encoding");
  switch (between(0, 9)) {
    case 0:
    case 1: return {};
    case 2:
    case 3:
    case 4: {
      const auto bytes = *rc::gen::oneOf(rc::gen::element<std::uint64_t>(0, 1, 9'223'372'036'854'775'807),
                                         rc::gen::inRange<std::uint64_t>(0, 1'000'000'000'000));
      // With 19 digits at most, zeros before the number included.
      const auto zeros = std::to_string(bytes).size() <= 17 ? any_text("0", 0, 2) : "";
      return {{{length, zeros + std::to_string(bytes)}}, {BodyFraming::length, bytes}};
    }
    case 5:
    case 6:
    case 7: return {{{coding, *rc::gen::element<std::string>("chunked", "Chunked")}}, {BodyFraming::chunked, 0}};
    default: break;
  }
  const std::vector<FieldList> doubtful{{{length, "+1"}},
                                        {{length, ""}},
                                        {{length, "0x10"}},
                                        {{length, "1, 1"}},
                                        {{length, "-1"}},
                                        {{length, "9223372036854775808"}},
                                        {{length, "1 1"}},
                                        {{length, "1"}, {"Content-Length", "1"}},
                                        {{coding, "gzip"}},
                                        {{coding, "chunked, gzip"}},
                                        {{coding, ""}},
                                        {{coding, "chunked,"}},
                                        {{coding, "chunked, chunked"}},
                                        {{coding, "gzip, chunked"}},
                                        {{coding, "chunked;q=1"}},
                                        {{coding, "chunked"}, {coding, "chunked"}},
                                        {{coding, "chunked"}, {length, "5"}},
                                        {{coding, "xchunked"}}};
  return {*rc::gen::elementOf(doubtful), {}, true};
}

FieldList without(const FieldList& fields, const Names& names) {
  FieldList kept;
  for (const auto& field : fields)
    if (!names.contains(lower(field.first))) kept.push_back(field);
  return kept;
}

// Every value of the fields called `name`, in order.
std::vector<std::string> values_of(const FieldList& fields, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& field : fields)
    if (lower(field.first) == name) values.push_back(field.second);
  return values;
}

Names options_of(const FieldList& fields) {
  Names options;
  for (auto value : values_of(fields, "connection")) {
    for (value += ','; !value.empty(); value.erase(0, value.find(',') + 1))
      options.insert(lower(trimmed(value.substr(0, value.find(',')))));
  }
  return options;
}

bool keeps_alive(const Names& options, int minor_version) {
  return !options.contains("close") && (minor_version == 1 || options.contains("keep-alive"));
}

// Of the fields that Connection may name, those that it does.
Names listed(const Names& options) {
  Names names;
  for (const auto& option : options)
    if (option.starts_with("x") || option == "authorization") names.insert(option);
  return names;
}

const Names kHopByHop{"connection",     "keep-alive",       "proxy-connection", "te",
                      "upgrade",        "http2-settings",   "content-length",   "transfer-encoding",
                      "content_length", "transfer_encoding"};

template <class Parser>
ParseStatus parse_in_pieces(Parser& parser, std::string_view bytes, std::string& memory) {
  auto status = ParseStatus::need_more;
  std::string sofar;
  for (const auto& piece : any_split(bytes)) {
    if (status != ParseStatus::need_more) break;
    sofar += piece;
    memory = std::string(sofar);  // memory of its own for each prefix
    status = parser.parse(memory);
  }
  return status;
}

TEST(HttpProperty, ARequestIsReadBackFromAnySplitAndForwardedWithoutALoss) {
  Reached reached{{"refused", 5},
                  {"refused with its framing unread", 3},
                  {"no body", 6},
                  {"a length", 10},
                  {"chunked", 8},
                  {"HTTP/1.0", 4},
                  {"expects 100", 1},
                  {"an upgrade", 1},
                  {"the end of a connection", 7},
                  {"a field that Connection lists", 4},
                  {"a target that is none", 3},
                  {"an absolute target", 8},
                  {"the server as a whole", 2},
                  {"a trusted peer", 15}};
  reached.check([&] {
    const auto target = any_target();
    const auto& method = target.method;
    const int minor_version = one_in(4) ? 0 : 1;
    const auto drawn = any_framing();
    FieldList fields = any_fields();
    fields.insert(fields.end(), drawn.fields.begin(), drawn.fields.end());
    if (!one_in(12)) fields.emplace_back(any_case("Host"), "h:80");
    if (one_in(20)) fields.emplace_back("Host", "h");
    if (one_in(20)) fields.emplace_back("Expect", "200-ok");
    if (one_in(4)) {
      const auto options = *rc::gen::element<std::string>("close", "x-listed , Close", "X-LISTED", "authorization");
      fields.insert(fields.end(), {{"Connection", options}, {"X-Listed", "1"}, {"Authorization", "Basic QQ=="}});
    }
    if (one_in(4)) fields.insert(fields.end(), {{"Connection", "upgrade"}, {"Upgrade", "websocket"}});
    fields = shuffled(fields);
    const auto head =
        method + " " + target.text + " HTTP/1." + std::to_string(minor_version) + "\r\n" + written(fields);

    const auto hosts = values_of(fields, "host");
    const auto expectations = values_of(fields, "expect");
    const bool refused = target.refused || drawn.refused || hosts.size() > 1 || (hosts.empty() && minor_version == 1) ||
                         (drawn.framing.kind == BodyFraming::chunked && minor_version == 0) ||
                         std::count(expectations.begin(), expectations.end(), "200-ok") > 0;
    // Whether or not llhttp has let it pass.
    RC_ASSERT(examine_request({method, target.text, minor_version, as_fields(fields)}).has_value() == !refused);

    RC_LOG(head);
    RequestHeadParser parser({});
    std::string memory;
    const auto status = parse_in_pieces(parser, head + any_text(kValueChars, 0, 10), memory);
    reached("refused with its framing unread", status == ParseStatus::failed);
    reached("a target that is none", target.refused);
    if (status == ParseStatus::failed && (target.refused || drawn.refused)) return;
    RC_ASSERT(status == ParseStatus::complete);
    RC_ASSERT(parser.head_bytes() == head.size());
    RC_ASSERT(parser.head().method == method);
    RC_ASSERT(parser.head().target == target.text);
    RC_ASSERT(parser.head().minor_version == minor_version);
    RC_ASSERT(as_list(parser.head().fields) == fields);

    const auto facts = examine_request(parser.head());
    RC_ASSERT(facts.has_value() == !refused);
    reached("refused", refused);
    if (refused) return;
    RC_ASSERT(facts->framing.kind == drawn.framing.kind);
    RC_ASSERT(facts->framing.length == drawn.framing.length);
    const auto options = options_of(fields);
    RC_ASSERT(facts->keep_alive == keeps_alive(options, minor_version));
    RC_ASSERT(facts->expects_continue == (!expectations.empty() && minor_version == 1));
    const bool has_body = drawn.framing.kind == BodyFraming::chunked || drawn.framing.length > 0;
    const auto upgrades = values_of(fields, "upgrade");
    std::string upgrade;
    if (options.contains("upgrade") && minor_version == 1 && !has_body && !upgrades.empty()) upgrade = upgrades.back();
    if (lower(upgrade).find("h2c") != upgrade.npos) upgrade.clear();
    RC_ASSERT(facts->upgrade == upgrade);

    std::array<char, 8192> buffer;
    HeadWriter writer(buffer);
    const bool trusted = one_in(2);
    write_forwarded_request(writer, parser.head(), *facts,
                            {.peer = "192.0.2.1", .peer_is_trusted = trusted, .request_id = "ours"});
    RC_ASSERT(!writer.overflowed());
    RequestHeadParser next({});
    std::string next_memory;
    RC_ASSERT(parse_in_pieces(next, writer.written(), next_memory) == ParseStatus::complete);
    RC_ASSERT(next.head_bytes() == writer.size());
    RC_ASSERT(next.head().method == method);
    RC_ASSERT(next.head().target == target.forwarded);
    const auto next_facts = examine_request(next.head());
    RC_ASSERT(next_facts.has_value());
    RC_ASSERT(next_facts->framing.kind == drawn.framing.kind);
    RC_ASSERT(next_facts->framing.length == drawn.framing.length);
    RC_ASSERT(next_facts->upgrade == upgrade);

    // What goes on as it came, and what is this proxy's own word.
    const Names own{"host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"};
    auto expected = without(without(without(fields, kHopByHop), own), listed(options));
    if (drawn.framing.kind != BodyFraming::chunked) expected = without(expected, {"trailer"});
    if (!trusted) expected = without(expected, {"forwarded"});
    // RFC 9110 section 7.6.2: less one hop; of several numbers the last.
    std::string hops;
    for (const auto& value : values_of(fields, "max-forwards"))
      if (value != "many") hops = std::to_string(std::stoi(value) - 1);
    for (auto& field : expected)
      if (method == "OPTIONS" && !hops.empty() && lower(field.first) == "max-forwards") field = {"Max-Forwards", hops};
    expected.emplace_back("Via", "1." + std::to_string(minor_version) + " gopherproxy");
    const auto next_fields = as_list(next.head().fields);
    Names written_anew{"content-length", "transfer-encoding"};
    if (!upgrade.empty()) written_anew.insert({"connection", "upgrade"});
    RC_ASSERT(without(without(next_fields, own), written_anew) == expected);
    const auto told = [&](const std::string& name, const std::string& own_word) {
      const auto theirs = values_of(fields, name);
      return trusted && !theirs.empty() ? std::vector{theirs.front()} : std::vector{own_word};
    };
    const std::string host = !target.authority.empty() ? target.authority : hosts.empty() ? "" : hosts.front();
    RC_ASSERT(values_of(next_fields, "host") == std::vector{host});
    RC_ASSERT(values_of(next_fields, "x-request-id") == std::vector<std::string>{"ours"});
    RC_ASSERT(values_of(next_fields, "x-forwarded-proto") == told("x-forwarded-proto", "http"));
    RC_ASSERT(values_of(next_fields, "x-forwarded-host") == told("x-forwarded-host", host));
    std::string chain;
    for (const auto& value : values_of(fields, "x-forwarded-for"))
      if (trusted) chain += value + ", ";
    RC_ASSERT(values_of(next_fields, "x-forwarded-for") == std::vector{chain + "192.0.2.1"});

    reached("no body", drawn.framing.kind == BodyFraming::none);
    reached("a length", drawn.framing.kind == BodyFraming::length);
    reached("chunked", drawn.framing.kind == BodyFraming::chunked);
    reached("HTTP/1.0", minor_version == 0);
    reached("expects 100", facts->expects_continue);
    reached("an upgrade", !upgrade.empty());
    reached("the end of a connection", !facts->keep_alive && minor_version == 1);
    reached("a field that Connection lists", without(fields, listed(options)) != fields);
    reached("an absolute target", !target.authority.empty());
    reached("the server as a whole", target.forwarded == "*");
    reached("a trusted peer", trusted);
  });
}

TEST(HttpProperty, AResponseIsReadBackFromAnySplitAndForwardedWithoutALoss) {
  Reached reached{{"refused", 5},
                  {"a length", 5},
                  {"chunked", 2},
                  {"until the connection closes", 2},
                  {"the length of no body", 2},
                  {"HEAD", 12},
                  {"an interim response", 5},
                  {"no body", 20}};
  reached.check([&] {
    const auto method = *rc::gen::element<std::string>("GET", "HEAD", "POST");
    const auto status = *rc::gen::element(200, 200, 200, 201, 404, 500, 599, 204, 304, 100, 103, 101);
    const auto reason = any_text(kValueChars, 0, 20);
    const int minor_version = one_in(4) ? 0 : 1;
    const auto drawn = any_framing();
    FieldList fields = any_fields();
    fields.insert(fields.end(), drawn.fields.begin(), drawn.fields.end());
    fields = shuffled(fields);
    const auto head = "HTTP/1." + std::to_string(minor_version) + " " + std::to_string(status) + " " + reason + "\r\n" +
                      written(fields);

    const bool never_a_body = method == "HEAD" || status < 200 || status == 204 || status == 304;
    const bool chunked = drawn.framing.kind == BodyFraming::chunked;
    const bool refused = drawn.refused || (chunked && minor_version == 0 && !never_a_body);
    // Whether or not llhttp has let it pass.
    RC_ASSERT(examine_response({status, reason, minor_version, as_fields(fields)}, method).has_value() == !refused);

    RC_LOG(head);
    ResponseHeadParser parser({});
    std::string memory;
    const auto parsed = parse_in_pieces(parser, head + any_text(kValueChars, 0, 10), memory);
    if (parsed == ParseStatus::failed && drawn.refused) return;
    RC_ASSERT(parsed == ParseStatus::complete);
    RC_ASSERT(parser.head_bytes() == head.size());
    RC_ASSERT(parser.head().status == status);
    RC_ASSERT(parser.head().reason == reason);
    RC_ASSERT(parser.head().minor_version == minor_version);
    RC_ASSERT(as_list(parser.head().fields) == fields);

    const auto facts = examine_response(parser.head(), method);
    RC_ASSERT(facts.has_value() == !refused);
    reached("refused", refused);
    if (refused) {
      RC_ASSERT(facts.error().status == 502);
      return;
    }
    Framing framing = drawn.framing;
    if (framing.kind == BodyFraming::none) framing.kind = BodyFraming::until_close;
    if (never_a_body) framing = {};
    const bool forbidden = status < 200 || status == 204;
    RC_ASSERT(facts->framing.kind == framing.kind);
    RC_ASSERT(facts->framing.length == framing.length);
    RC_ASSERT(facts->keep_length == (never_a_body && !forbidden));
    const auto options = options_of(fields);
    RC_ASSERT(facts->keep_alive == (keeps_alive(options, minor_version) && framing.kind != BodyFraming::until_close &&
                                    !(forbidden && (chunked || drawn.framing.length > 0))));

    std::array<char, 8192> buffer;
    HeadWriter writer(buffer);
    ResponseForwarding plan;
    plan.framing = facts->framing;
    plan.keep_length = facts->keep_length;
    plan.close = one_in(2);
    write_forwarded_response(writer, parser.head(), plan);
    RC_ASSERT(!writer.overflowed());
    ResponseHeadParser next({});
    std::string next_memory;
    RC_ASSERT(parse_in_pieces(next, writer.written(), next_memory) == ParseStatus::complete);
    RC_ASSERT(next.head().status == status);
    RC_ASSERT(next.head().reason == reason);
    const auto next_facts = examine_response(next.head(), method);
    RC_ASSERT(next_facts.has_value());
    RC_ASSERT(next_facts->framing.kind == framing.kind);
    RC_ASSERT(next_facts->framing.length == framing.length);
    RC_ASSERT(next_facts->keep_alive == (!plan.close && framing.kind != BodyFraming::until_close));

    auto hop_by_hop = kHopByHop;
    if (facts->keep_length) hop_by_hop.erase("content-length");
    auto expected = without(without(fields, hop_by_hop), listed(options));
    if (framing.kind != BodyFraming::chunked) expected = without(expected, {"trailer"});
    expected.emplace_back("Via", "1." + std::to_string(minor_version) + " gopherproxy");
    if (framing.kind == BodyFraming::chunked) expected.emplace_back("Transfer-Encoding", "chunked");
    if (framing.kind == BodyFraming::length) expected.emplace_back("Content-Length", std::to_string(framing.length));
    if (plan.close) expected.emplace_back("Connection", "close");
    RC_ASSERT(as_list(next.head().fields) == expected);

    reached("a length", framing.kind == BodyFraming::length);
    reached("chunked", framing.kind == BodyFraming::chunked);
    reached("until the connection closes", framing.kind == BodyFraming::until_close);
    reached("no body", framing.kind == BodyFraming::none);
    reached("the length of no body", facts->keep_length && drawn.framing.kind == BodyFraming::length);
    reached("HEAD", method == "HEAD");
    reached("an interim response", status < 200 && status != 101);
  });
}

struct HeadReading {
  ParseStatus status;
  std::size_t bytes;
  FieldList fields;  // the start line as the first
  int refusal_status;
  std::string refusal;

  friend bool operator==(const HeadReading&, const HeadReading&) = default;
};

template <class Parser>
HeadReading read_head(Parser& parser, ParseStatus status) {
  HeadReading reading{status, 0, {}, parser.refusal().status, parser.refusal().reason};
  if (status != ParseStatus::complete) return reading;
  reading.bytes = parser.head_bytes();
  reading.fields = as_list(parser.head().fields);
  if constexpr (requires { parser.head().method; }) {
    reading.fields.emplace_back(parser.head().method, parser.head().target);
  } else {
    reading.fields.emplace_back(std::to_string(parser.head().status), parser.head().reason);
  }
  return reading;
}

TEST(HttpProperty, AnyBytesAreTheSameHeadFromAnySplit) {
  Reached reached{{"complete", 10}, {"refused", 30}, {"needs more", 2}};
  reached.check([&] {
    const bool request = one_in(2);
    const std::string start = request ? *rc::gen::element<std::string>("", "", "\r\n", "\n", "\r") + "GET /" +
                                            any_text(kTargetChars, 0, 20) + " HTTP/1.1"
                                      : "HTTP/1.1 200 " + any_text(kValueChars, 0, 10);
    const auto bytes = damaged(start + "\r\n" + written(any_fields()), std::string_view("\r\n :,\t\0\x7f#aH1", 12));
    RC_LOG(bytes);
    // At times so tight that the bound falls on the end of what is there.
    const auto bound = one_in(2) ? between<std::size_t>(50, 120) : bytes.size() + 2 - between<std::size_t>(0, 4);
    const auto limits =
        one_in(2) ? HeadLimits{} : HeadLimits{30, std::max<std::size_t>(bound, 34), one_in(2) ? 4u : 100u};
    const auto compare = [&](auto& whole, auto& split) {
      const auto expected = read_head(whole, whole.parse(bytes));
      std::string memory;
      const auto status = parse_in_pieces(split, bytes, memory);
      RC_ASSERT(read_head(split, status) == expected);
      // A CRLF before a request is not counted.
      const auto most = limits.max_head_bytes + (bytes.starts_with("\r\n") ? 2 : 0);
      RC_ASSERT(expected.bytes <= most);
      if (status == ParseStatus::need_more) RC_ASSERT(bytes.size() < most);
      reached(expected.status == ParseStatus::complete ? "complete"
              : expected.status == ParseStatus::failed ? "refused"
                                                       : "needs more");
    };
    if (request) {
      RequestHeadParser whole(limits);
      RequestHeadParser split(limits);
      compare(whole, split);
    } else {
      ResponseHeadParser whole(limits);
      ResponseHeadParser split(limits);
      compare(whole, split);
    }
  });
}

}  // namespace
}  // namespace gopher::http
