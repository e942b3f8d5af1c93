// The world of the targets that fuzz whole connections.
#pragma once

#include <gtest/gtest.h>

#include "tests/data_path/proxy_world.h"

namespace gopher::fuzz {

// What the world finds left over at its end is a finding too: it ends the program.
struct ProxyWorld : test::ProxyWorld {
  explicit ProxyWorld(int backends = 1) : test::ProxyWorld(backends) { GTEST_FLAG_SET(break_on_failure, true); }
};

}  // namespace gopher::fuzz
