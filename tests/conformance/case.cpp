#include "tests/conformance/case.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace gopher::conformance {

namespace {

using nlohmann::json;

// A code point up to U+00FF stands for that byte.
std::string latin1(const std::string& utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      bytes += utf8[i];
      continue;
    }
    if ((c & 0xfcU) != 0xc0 || i + 1 == utf8.size()) throw std::invalid_argument("no byte: " + utf8);
    bytes += static_cast<char>((c & 0x03U) << 6U | (static_cast<unsigned char>(utf8[++i]) & 0x3fU));
  }
  return bytes;
}

std::string text_of(const json& part) {
  if (part.is_string()) return latin1(part.get<std::string>());
  if (part.is_array()) {
    std::string all;
    for (const auto& one : part)
      all += text_of(one);
    return all;
  }
  const std::string unit = latin1(part.at("repeat").get<std::string>());
  std::string all;
  for (int i = 0; i < part.at("times").get<int>(); ++i)
    all += unit;
  return all;
}

std::vector<Step> steps_of(const json& request) {
  std::vector<Step> steps;
  const auto add_text = [&](const std::string& text) {
    if (steps.empty() || steps.back().kind != Step::Kind::send) steps.push_back({Step::Kind::send, ""});
    steps.back().text += text;
  };
  if (request.is_string()) {
    add_text(text_of(request));
    return steps;
  }
  for (const auto& part : request) {
    if (part.is_string() || part.contains("repeat")) {
      add_text(text_of(part));
    } else if (part.contains("await")) {
      steps.push_back({Step::Kind::await, text_of(part["await"])});
    } else if (part.contains("await_upstream")) {
      steps.push_back({Step::Kind::await_upstream, text_of(part["await_upstream"])});
    } else if (part.contains("half_close")) {
      steps.push_back({Step::Kind::half_close, ""});
    } else if (part.contains("close")) {
      steps.push_back({Step::Kind::close, ""});
    } else if (part.contains("reset")) {
      steps.push_back({Step::Kind::reset, ""});
    } else if (!part.contains("deaf")) {  // reading late makes no difference to a simulated client
      throw std::invalid_argument("no step: " + part.dump());
    }
  }
  return steps;
}

UpstreamReply reply_of(const json& reply) {
  if (!reply.is_object() || reply.contains("repeat")) return {"", text_of(reply), ""};
  UpstreamReply result;
  if (reply.contains("on_head")) result.on_head = text_of(reply["on_head"]);
  if (reply.contains("send")) result.send = text_of(reply["send"]);
  if (reply.contains("then")) result.then = reply["then"].get<std::string>();
  return result;
}

std::vector<FieldExpectation> fields_of(const json& message, const char* key) {
  std::vector<FieldExpectation> fields;
  if (!message.contains(key)) return fields;
  for (const auto& [name, value] : message[key].items()) {
    FieldExpectation field{name, {}};
    if (value.is_string()) field.second.push_back(text_of(value));
    if (value.is_array()) {
      for (const auto& one : value)
        field.second.push_back(text_of(one));
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

std::vector<int> numbers_of(const json& value) {
  return value.is_array() ? value.get<std::vector<int>>() : std::vector<int>{value.get<int>()};
}

ExpectedAnswer answer_of(const json& answer) {
  ExpectedAnswer result;
  if (!answer.is_object()) {
    result.statuses = numbers_of(answer);
    result.interim.reset();
    return result;
  }
  result.statuses = numbers_of(answer.at("status"));
  result.fields = fields_of(answer, "fields");
  if (answer.contains("body")) result.body = text_of(answer["body"]);
  if (answer.contains("tunnel")) result.tunnel = text_of(answer["tunnel"]);
  if (!answer.contains("interim") || answer["interim"].is_string()) {
    result.interim.reset();
  } else {
    result.interim = answer["interim"].get<std::vector<int>>();
  }
  result.to_head = answer.value("head", false);
  result.cut = answer.value("cut", false);
  return result;
}

ExpectedRequest request_of(const json& request) {
  ExpectedRequest result;
  if (request.contains("line")) result.line = text_of(request["line"]);
  if (request.contains("framing")) result.framing = request["framing"].get<std::string>();
  if (request.contains("body")) result.body = text_of(request["body"]);
  result.fields = fields_of(request, "fields");
  result.trailers = fields_of(request, "trailers");
  return result;
}

// Every proper prefix of a response, after which its connection ends.
void expand_truncations(const Case& pattern, const std::string& response, const std::string& then,
                        std::vector<Case>& cases) {
  const auto head_bytes = response.find("\r\n\r\n") + 4;
  for (std::size_t size = 0; size < response.size(); ++size) {
    Case one = pattern;
    one.name += ", after " + std::to_string(size) + " bytes";
    one.upstream = {{"", response.substr(0, size), then}};
    ExpectedAnswer answer;
    answer.interim.reset();
    answer.statuses = {502};
    // A clean refusal is as good while nothing has been sent on.
    if (size >= head_bytes) answer.statuses = {200, 502};
    answer.cut = size >= head_bytes;
    one.answers = {answer};
    one.forwarded = 1;
    one.pooled = false;
    one.expanded = true;
    cases.push_back(std::move(one));
  }
}

void read_case(const json& source, std::vector<Case>& cases) {
  Case result;
  result.number = source.at("number").get<int>();
  result.name = source.at("name").get<std::string>();
  result.world = source.value("world", "plain");
  result.steps = steps_of(source.at("request"));
  if (source.contains("truncate")) {
    expand_truncations(result, text_of(source["truncate"]), source.at("then").get<std::string>(), cases);
    return;
  }
  if (source.contains("upstream")) {
    for (const auto& reply : source["upstream"])
      result.upstream.push_back(reply_of(reply));
  }
  if (source.contains("status")) {
    result.answers.push_back(answer_of(source["status"]));
  } else {
    for (const auto& answer : source.at("answers"))
      result.answers.push_back(answer_of(answer));
  }
  result.connection = source.value("connection", "either");
  if (source.contains("forwarded") && source["forwarded"].is_array()) {
    for (const auto& request : source["forwarded"])
      result.requests.push_back(request_of(request));
    result.forwarded = result.requests.size();
  } else if (source.contains("forwarded")) {
    result.forwarded = source["forwarded"].get<std::size_t>();
  } else {
    result.forwarded = static_cast<std::size_t>(std::count_if(result.answers.begin(), result.answers.end(),
                                                              [](auto& answer) { return answer.statuses[0] < 400; }));
  }
  result.or_whole = source.contains("partial") && source["partial"].is_string();
  result.partial = result.or_whole || source.value("partial", false);
  if (source.contains("pooled")) result.pooled = source["pooled"].get<bool>();
  result.upstream_ended = source.value("upstream_ended", false);
  cases.push_back(std::move(result));
}

std::vector<Case> read_all() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(CONFORMANCE_CASES))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& path : files) {
    std::ifstream file(path);
    const auto section = json::parse(file);
    for (const auto& source : section.at("cases"))
      read_case(source, cases);
  }
  return cases;
}

}  // namespace

bool Case::client_leaves() const {
  return std::any_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.kind == Step::Kind::close || step.kind == Step::Kind::reset; });
}

const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = read_all();
  return cases;
}

}  // namespace gopher::conformance
