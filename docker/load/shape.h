// The shape of a load: how many users there are at each instant.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "core/ports/time.h"

namespace gopher::load {

// The number of users goes in a straight line from where the stage before ended to `users`.
struct Stage {
  Duration length;
  double users;
};

class Shape {
 public:
  // smoke, load, spike or sustained: the four of docker/k6. Nothing for another name.
  static std::optional<Shape> named(std::string_view name);

  // The same shape within another time.
  Shape lasting(Duration length) const;
  Duration length() const;
  double first_users() const noexcept { return first_; }
  const std::vector<Stage>& stages() const noexcept { return stages_; }
  // At `since` its begin; after its end, what it ended with.
  double users_at(Duration since) const;

 private:
  Shape(double first, std::vector<Stage> stages) : first_(first), stages_(std::move(stages)) {}

  double first_;
  std::vector<Stage> stages_;
};

}  // namespace gopher::load
