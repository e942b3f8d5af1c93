// Invariant: a request's head gets the same verdict, fields and refusal however its bytes are split; and what goes on
// of an accepted one is read, by core's parser and by a strict reader that shares no code with it, as that same
// request: its method, target, host, framing and end-to-end fields, and none that stays behind.
#include <array>
#include <string>

#include "core/http/forwarding.h"
#include "core/http/framing.h"
#include "fuzz/head_reading.h"
#include "tests/conformance/message.h"

namespace gopher::fuzz {
namespace {

void check_forwarded(const http::RequestHead& head, bool trusted) {
  const auto facts = http::examine_request(head);
  if (!facts) {
    require(facts.error().status >= 400 && facts.error().status < 600, "a refusal has an error's status");
    return;
  }
  // Answered here (http.md 20).
  if (facts->has_max_forwards && facts->max_forwards == 0) return;
  std::array<char, 64 * 1024> buffer;
  http::HeadWriter writer(buffer);
  http::write_forwarded_request(writer, head, *facts,
                                {.peer = "192.0.2.1", .peer_is_trusted = trusted, .request_id = "0123456789abcdef"});
  if (writer.overflowed()) return;
  const auto written = writer.written();
  const FieldList kept = end_to_end(fields_of(head.fields));

  if (facts->framing.length < kLongestBody) {
    const auto strict = conformance::read_requests(written);
    require(strict.violation.empty(), "what goes on is well-formed", strict.violation);
    require(strict.messages.size() == 1 && strict.rest.empty(), "what goes on is one head", written);
    const auto& message = strict.messages.front();
    require(end_to_end(message.fields) == with_lower_names(kept), "end-to-end fields go on, and no other", written);
    const FieldList upgrade{{"connection", "Upgrade"}, {"upgrade", std::string(facts->upgrade)}};
    require(hop_by_hop_but_framing(message.fields) == (facts->upgrade.empty() ? FieldList{} : upgrade),
            "no hop-by-hop field goes on", written);
  }

  // Some fields are added.
  const http::HeadLimits wide{
      .max_start_line_bytes = buffer.size(), .max_head_bytes = buffer.size(), .max_fields = 200};
  http::RequestHeadParser parser(wide);
  require(parser.parse(written) == http::ParseStatus::complete && parser.head_bytes() == written.size(),
          "what goes on is a head to this proxy too", written);
  const auto& again = parser.head();
  const auto facts_again = http::examine_request(again);
  require(facts_again.has_value(), "what goes on would be accepted here too", written);
  require(again.method == head.method, "the method goes on", written);
  if (facts->target.path_and_query.starts_with('/'))
    require(again.target == facts->target.path_and_query, "the target goes on byte for byte", written);
  require(facts_again->host == facts->host, "the host goes on", written);
  require(facts_again->framing.kind == facts->framing.kind && facts_again->framing.length == facts->framing.length,
          "the framing goes on", written);
  require(facts_again->upgrade == facts->upgrade, "an upgrade goes on as it was examined", written);
  require(end_to_end(fields_of(again.fields)) == kept, "end-to-end fields go on, in their order", written);
}

}  // namespace
}  // namespace gopher::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gopher;
  fuzz::check_every_split<http::RequestHeadParser>(fuzz::Input(data, size), [](const http::RequestHead& head) {
    fuzz::check_forwarded(head, false);
    fuzz::check_forwarded(head, true);
  });
  return 0;
}
