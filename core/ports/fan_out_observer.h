// FanOutObserver: forwards each event to a fixed list of observers, in the order of the list.
#pragma once

#include <initializer_list>
#include <vector>

#include "core/ports/observer.h"

namespace gopher {

// Adds no synchronisation: may be called from the threads that its observers may be called from.
class FanOutObserver final : public Observer {
 public:
  // The observers outlive this one; none is null.
  FanOutObserver(std::initializer_list<Observer*> observers) : observers_(observers) {}

  void on(const Event& event) noexcept override {
    for (Observer* observer : observers_)
      observer->on(event);
  }

 private:
  const std::vector<Observer*> observers_;
};

}  // namespace gopher
