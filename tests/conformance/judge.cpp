#include "tests/conformance/judge.h"

#include <algorithm>

namespace gopher::conformance {

namespace {

std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      result += "\\r";
    } else if (c == '\n') {
      result += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      result += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    } else {
      result += c;
    }
  }
  return result;
}

std::string in_brackets(const std::vector<std::string>& values) {
  std::string result;
  for (const auto& value : values)
    result += "[" + shown(value) + "]";
  return result.empty() ? "nothing" : result;
}

bool matches(std::string_view value, std::string pattern, std::string_view client) {
  if (const auto at = pattern.find("{client}"); at != std::string::npos) pattern.replace(at, 8, client);
  if (pattern.ends_with('*')) return value.starts_with(pattern.substr(0, pattern.size() - 1));
  return value == pattern;
}

class Judge {
 public:
  Judge(const Case& scenario, const Observed& observed) : case_(scenario), observed_(observed) {}

  std::vector<std::string> run() {
    for (const auto& text : observed_.unmet)
      complain("never came: " + shown(text));
    judge_answers();
    judge_connection();
    judge_upstream();
    return std::move(complaints_);
  }

 private:
  void complain(std::string text) { complaints_.push_back(std::move(text)); }

  void judge_fields(const FieldList& fields, const std::vector<FieldExpectation>& expected, const std::string& where) {
    for (const auto& [name, wanted] : expected) {
      std::vector<std::string> values;
      for (const auto& [have, value] : fields)
        if (have == name) values.push_back(value);
      const bool same = values.size() == wanted.size() &&
                        std::equal(values.begin(), values.end(), wanted.begin(), [&](auto& value, auto& pattern) {
                          return matches(value, pattern, observed_.client);
                        });
      if (!same) complain(where + ": " + name + " is " + in_brackets(values) + ", not " + in_brackets(wanted));
    }
  }

  void judge_answers() {
    if (!observed_.answers.violation.empty()) complain("a malformed answer: " + shown(observed_.answers.violation));
    if (!observed_.answers.rest.empty() && !case_.client_leaves())
      complain("bytes that are no answer: " + shown(observed_.answers.rest));
    std::vector<int> interim;
    std::size_t count = 0;
    for (const auto& message : observed_.answers.messages) {
      if (message.status < 200 && message.status != 101) {
        interim.push_back(message.status);
        continue;
      }
      if (count < case_.answers.size()) judge_answer(message, case_.answers[count], interim);
      interim.clear();
      ++count;
    }
    if (count != case_.answers.size())
      complain(std::to_string(count) + " answers, not " + std::to_string(case_.answers.size()));
  }

  void judge_answer(const Message& message, const ExpectedAnswer& expected, const std::vector<int>& interim) {
    const auto& statuses = expected.statuses;
    if (std::find(statuses.begin(), statuses.end(), message.status) == statuses.end())
      complain("answered " + std::to_string(message.status) + ", not " + std::to_string(statuses.front()));
    if (message.status >= 400) refused_ = true;
    const bool cut = expected.cut && message.status < 400;
    if (message.whole == cut && message.status != 101)
      complain(cut ? "the answer seems whole" : "the answer is not whole");
    if (cut && !observed_.over && !case_.client_leaves()) complain("the cut connection stayed open");
    if (expected.interim && *expected.interim != interim)
      complain(std::to_string(interim.size()) + " interim answers, not " + std::to_string(expected.interim->size()));
    judge_fields(message.fields, expected.fields, "the answer");
    if (expected.body && *expected.body != message.body) complain("the answer's body is " + shown(message.body));
    if (expected.tunnel && *expected.tunnel != message.body) complain("the tunnel gave " + shown(message.body));
  }

  void judge_connection() {
    const bool must_end = case_.connection == "closed" || case_.connection == "ended";
    if (must_end && !case_.client_leaves() && !observed_.ended_in_time) complain("the connection stayed open");
    if (case_.connection == "ended" && observed_.reset) complain("the connection was reset");
    if (case_.answers.empty() && !case_.client_leaves() && !observed_.silent_close)
      complain("it did not close silently");
    if (case_.connection == "kept" && observed_.over) complain("the connection was not kept");
    if (!observed_.probe_after.empty() && observed_.probe_after != "200 probe")
      complain("a further request on it got " + shown(observed_.probe_after));
    if (!observed_.probe_beside.empty() && observed_.probe_beside != "200 probe")
      complain("another client's request got " + shown(observed_.probe_beside));
    if (case_.pooled == false && observed_.probe_shared_connection) complain("the upstream connection was used again");
    if (case_.pooled == true && !observed_.probe_shared_connection) complain("the upstream connection was not kept");
    if (case_.upstream_ended && !observed_.upstream_ended) complain("the upstream connection stayed open");
    if (case_.client_leaves() && !observed_.client_gone_reported) complain("the client's leaving was not reported");
    const std::size_t outcomes = std::max<std::size_t>(case_.answers.size(), case_.client_leaves() ? 1 : 0);
    if (observed_.reported != outcomes)
      complain(std::to_string(observed_.reported) + " outcomes reported, not " + std::to_string(outcomes));
    if (case_.world == "one_refuses" && observed_.retried == 0) complain("no other backend had to be tried");
  }

  void judge_upstream() {
    // A case that allows a refusal in place of forwarding.
    const bool may_refuse = std::any_of(case_.answers.begin(), case_.answers.end(), [](auto& answer) {
      return answer.statuses.front() < 400 && answer.statuses.back() >= 400 && answer.statuses.back() < 500;
    });
    const std::size_t expected = may_refuse && refused_ ? 0 : case_.forwarded;
    std::vector<const Message*> messages;
    for (const auto& reading : observed_.upstream) {
      if (!reading.violation.empty()) complain("reached the upstream: " + shown(reading.violation));
      bool unfinished = !reading.rest.empty();
      for (const auto& message : reading.messages) {
        if (message.whole) messages.push_back(&message);
        unfinished = unfinished || !message.whole;
      }
      if (unfinished && !case_.partial) complain("half a request reached the upstream: " + shown(reading.rest));
    }
    if (case_.or_whole && messages.size() <= 1) return;
    if (messages.size() != expected) {
      complain(std::to_string(messages.size()) + " requests reached the upstream, not " + std::to_string(expected));
      return;
    }
    for (std::size_t i = 0; i < std::min(messages.size(), case_.requests.size()); ++i)
      judge_request(*messages[i], case_.requests[i]);
  }

  void judge_request(const Message& message, const ExpectedRequest& expected) {
    if (expected.line && *expected.line != message.first_line) complain("forwarded as " + shown(message.first_line));
    if (expected.framing && *expected.framing != message.framing) complain("forwarded with framing " + message.framing);
    if (expected.body && *expected.body != message.body) complain("forwarded body " + shown(message.body));
    judge_fields(message.fields, expected.fields, "the forwarded request");
    judge_fields(message.trailers, expected.trailers, "the forwarded trailers");
  }

  const Case& case_;
  const Observed& observed_;
  std::vector<std::string> complaints_;
  bool refused_ = false;
};

void describe_fields(const FieldList& fields, std::string& text) {
  for (const auto& [name, value] : fields)
    if (name != "date" && name != "x-request-id") text += name + ":" + value + "\n";
}

}  // namespace

std::vector<std::string> complaints(const Case& scenario, const Observed& observed) {
  return Judge(scenario, observed).run();
}

std::string essence(const Observed& observed) {
  std::string text;
  for (const auto& message : observed.answers.messages) {
    text += message.first_line + (message.whole ? "\n" : " (cut)\n");
    describe_fields(message.fields, text);
    if (message.whole) text += message.body + "\n";
  }
  text += observed.over ? "closed\n" : "open\n";
  for (const auto& reading : observed.upstream) {
    for (const auto& message : reading.messages) {
      if (!message.whole) continue;
      text += message.first_line + "\n";
      describe_fields(message.fields, text);
      text += message.body + "\n";
      describe_fields(message.trailers, text);
    }
  }
  return text;
}

}  // namespace gopher::conformance
