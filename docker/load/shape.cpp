#include "docker/load/shape.h"

#include <utility>

namespace gopher::load {

std::optional<Shape> Shape::named(std::string_view name) {
  using std::chrono::seconds;
  if (name == "smoke") return Shape(10, {{seconds(30), 10}});
  if (name == "load")
    return Shape(0,
                 {{seconds(30), 100}, {seconds(30), 300}, {seconds(30), 500}, {seconds(180), 500}, {seconds(15), 0}});
  if (name == "spike")
    return Shape(10, {{seconds(10), 10}, {seconds(5), 500}, {seconds(30), 500}, {seconds(5), 10}, {seconds(10), 10}});
  if (name == "sustained") return Shape(200, {{seconds(300), 200}});
  return std::nullopt;
}

Duration Shape::length() const {
  Duration sum{};
  for (const auto& stage : stages_)
    sum += stage.length;
  return sum;
}

Shape Shape::lasting(Duration wanted) const {
  const double factor = static_cast<double>(wanted.count()) / static_cast<double>(length().count());
  Shape scaled = *this;
  for (auto& stage : scaled.stages_)
    stage.length = Duration(static_cast<Duration::rep>(static_cast<double>(stage.length.count()) * factor));
  return scaled;
}

double Shape::users_at(Duration since) const {
  double from = first_;
  for (const auto& stage : stages_) {
    if (since < stage.length) {
      const double part = static_cast<double>(since.count()) / static_cast<double>(stage.length.count());
      return from + (stage.users - from) * part;
    }
    since -= stage.length;
    from = stage.users;
  }
  return from;
}

}  // namespace gopher::load
