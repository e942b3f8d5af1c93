// What Prometheus records as failed is what the status page calls so: the rule's selectors against every kind of end.
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/traffic_history.h"

namespace gopher {
namespace {

struct Selector {
  std::regex cause;
  std::string status_class;  // empty: any
};

std::vector<Selector> recorded_as_failed() {
  std::ifstream file(GOPHER_RECORDING_RULES);
  std::stringstream read;
  read << file.rdbuf();
  std::string text = read.str();
  text = text.substr(text.find("record: gopherproxy:requests_failed:rate5m"));
  text = text.substr(0, text.find("- record:"));
  const std::regex written(R"re(gopherproxy_requests_total\{cause=~?"([^"]*)"(?:, status_class="([^"]*)")?\})re");
  std::vector<Selector> selectors;
  for (std::sregex_iterator at(text.begin(), text.end(), written), end; at != end; ++at)
    selectors.push_back({std::regex((*at)[1].str()), (*at)[2].str()});
  return selectors;
}

TEST(RecordedFailures, AreThoseOfTheStatusPage) {
  const auto selectors = recorded_as_failed();
  ASSERT_EQ(selectors.size(), 3u) << "selectors of " GOPHER_RECORDING_RULES;
  for (std::size_t cause = 0; cause < kCauseCount; ++cause) {
    for (std::size_t status_class = 1; status_class < kStatusClassCount; ++status_class) {
      WorkerTotals totals;
      totals.requests[status_class][cause] = 1;
      const std::string name(to_string(static_cast<Cause>(cause)));
      const std::string label = std::to_string(status_class) + "xx";
      std::uint64_t recorded = 0;
      for (const auto& selector : selectors)
        if (std::regex_match(name, selector.cause) && (selector.status_class.empty() || selector.status_class == label))
          ++recorded;
      EXPECT_EQ(recorded, counts_of(totals).failed) << name << ' ' << label;
    }
  }
}

}  // namespace
}  // namespace gopher
