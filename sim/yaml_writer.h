// Writes a YAML tree so that reading it gives the tree again: keys of the top in blocks, entries of lists a line each.
#pragma once

#include <string>

#include "sim/yaml_tree.h"

namespace gopher::sim {

std::string write_yaml(const YamlNode& root);

}  // namespace gopher::sim
