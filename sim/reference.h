// The reference of scenario files, made from the tables that read them.
#pragma once

#include <string>

namespace gopher::sim {

std::string reference();

}  // namespace gopher::sim
