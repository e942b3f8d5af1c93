// Invariant: a response's head gets the same verdict, fields and refusal however its bytes are split; and what goes on
// of an accepted one is read, by core's parser and by a strict reader that shares no code with it, as that same
// response: its status, reason, framing and end-to-end fields, and none that stays behind.
#include <array>
#include <string>

#include "core/http/forwarding.h"
#include "core/http/framing.h"
#include "fuzz/head_reading.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

// As Exchange::plan_response does for an HTTP/1.1 client.
void check_forwarded(const http::ResponseHead& head, std::string_view method) {
  const auto facts = http::examine_response(head, method);
  if (!facts) {
    require(facts.error().status == 502, "a refused response is a 502");
    return;
  }
  http::ResponseForwarding plan;
  plan.framing = facts->framing;
  if (plan.framing.kind == http::BodyFraming::until_close) plan.framing.kind = http::BodyFraming::chunked;
  plan.keep_length = facts->keep_length;
  if (head.status == 101) plan.upgrade = facts->upgrade;
  std::array<char, 64 * 1024> buffer;
  http::HeadWriter writer(buffer);
  http::write_forwarded_response(writer, head, plan);
  if (writer.overflowed()) return;
  const auto written = writer.written();
  const FieldList kept = end_to_end(fields_of(head.fields));

  if (facts->framing.length < kLongestBody) {
    const auto strict = conformance::read_responses({written, {method == "HEAD"}, false});
    require(strict.violation.empty(), "what goes on is well-formed", strict.violation);
    require(strict.messages.size() == 1 && strict.rest.empty(), "what goes on is one head", written);
    const auto& message = strict.messages.front();
    require(end_to_end(message.fields) == with_lower_names(kept), "end-to-end fields go on, and no other", written);
    const FieldList upgrade{{"connection", "Upgrade"}, {"upgrade", std::string(plan.upgrade)}};
    require(hop_by_hop_but_framing(message.fields) == (plan.upgrade.empty() ? FieldList{} : upgrade),
            "no hop-by-hop field goes on", written);
  }

  // Some fields are added.
  const http::HeadLimits wide{
      .max_start_line_bytes = buffer.size(), .max_head_bytes = buffer.size(), .max_fields = 200};
  http::ResponseHeadParser parser(wide);
  require(parser.parse(written) == http::ParseStatus::complete && parser.head_bytes() == written.size(),
          "what goes on is a head to this proxy too", written);
  require(parser.head().status == head.status, "the status goes on", written);
  require(parser.head().reason == head.reason, "the reason goes on", written);
  require(end_to_end(fields_of(parser.head().fields)) == kept, "end-to-end fields go on, in their order", written);
  const auto facts_again = http::examine_response(parser.head(), method);
  require(facts_again.has_value(), "what goes on would be accepted here too", written);
  require(facts_again->framing.kind == plan.framing.kind && facts_again->framing.length == plan.framing.length,
          "the framing goes on", written);
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gopher;
  fuzz::check_every_split<http::ResponseHeadParser>(fuzz::Input(data, size), [](const http::ResponseHead& head) {
    fuzz::check_forwarded(head, "GET");
    fuzz::check_forwarded(head, "HEAD");
  });
  return 0;
}
