// What the properties share: choices that are even, and the proof that the runs reach what a property speaks about.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace gopher {

// Each value from `least` to `most` alike. rapidcheck's inRange() grows with the runs: the first knows `least` alone,
// and only the last comes to `most`.
template <class T>
T between(T least, T most) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<T>(least, most + 1));
}

inline bool one_in(int count) { return between(1, count) == 1; }

inline std::string any_text(std::string_view alphabet, std::size_t least, std::size_t most) {
  return *rc::gen::container<std::string>(between(least, most), rc::gen::elementOf(std::string(alphabet)));
}

template <class T>
std::vector<T> shuffled(std::vector<T> values) {
  for (std::size_t left = values.size(); left > 1; --left)
    std::swap(values[left - 1], values[between<std::size_t>(0, left - 1)]);
  return values;
}

// The same bytes in pieces, few or many.
inline std::vector<std::string> any_split(std::string_view bytes) {
  const auto longest = *rc::gen::element<std::size_t>(1, 3, 12, 40, 1000);
  std::vector<std::string> pieces;
  while (!bytes.empty()) {
    pieces.emplace_back(bytes.substr(0, between<std::size_t>(1, longest)));
    bytes.remove_prefix(pieces.back().size());
  }
  return pieces;
}

// Some bytes changed, inserted or left out, perhaps the whole end.
inline std::string damaged(std::string bytes, std::string_view alphabet) {
  for (int left = between(0, 3); left > 0 && !bytes.empty(); --left) {
    const auto at = between<std::size_t>(0, bytes.size() - 1);
    const auto text = any_text(alphabet, 0, 1);
    bytes.replace(at, between<std::size_t>(0, 1), text);
  }
  if (one_in(6)) bytes.resize(between<std::size_t>(0, bytes.size()));
  return bytes;
}

// A property that never meets its subject holds for nothing. Each thing named here was seen to come up in so many of a
// hundred runs, or in more. A third of that must be reached: every run draws anew, and chance alone shall fail none.
class Reached {
 public:
  Reached(std::initializer_list<std::pair<const std::string, int>> least) : least_(least) {}

  void operator()(const std::string& what, bool came_up = true) {
    if (came_up) in_this_run_.insert(what);
  }

  // Runs the property five times as often as rapidcheck would (RC_PARAMS=max_success).
  void check(const std::function<void()>& property);

 private:
  std::map<std::string, int> least_;
  std::set<std::string> in_this_run_;
};

}  // namespace gopher
