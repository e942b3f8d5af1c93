#include "tests/property/property.h"

#include <sstream>

namespace gopher {

void Reached::check(const std::function<void()>& property) {
  using namespace rc::detail;
  const auto& test = *testing::UnitTest::GetInstance()->current_test_info();
  TestMetadata metadata;
  metadata.id = std::string(test.test_suite_name()) + "/" + test.name();  // what RC_PARAMS=reproduce names
  auto params = configuration().testParams;
  params.maxSuccess *= 5;
  int runs = 0;
  std::map<std::string, int> in_runs;
  const auto counted = [&] {
    in_this_run_.clear();
    property();
    ++runs;
    for (const auto& what : in_this_run_)
      ++in_runs[what];
  };
  const auto result = checkTestable(counted, metadata, params);
  if (!result.template is<SuccessResult>()) {
    std::ostringstream why;
    printResultMessage(result, why);
    FAIL() << why.str();
  }
  for (const auto& [what, least] : least_) {
    const int percent = runs > 0 ? in_runs[what] * 100 / runs : 0;
    // Fewer runs: RC_PARAMS asks for one of them again.
    if (runs >= 100) {
      EXPECT_GE(percent, least) << "percent of the runs came to: " << what;
    }
    testing::Test::RecordProperty(what, percent);
  }
  for (const auto& [what, count] : in_runs)
    EXPECT_TRUE(least_.contains(what)) << what << " came up, and the property did not ask for it";
}

}  // namespace gopher
