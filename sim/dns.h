// DnsTable: what the virtual name service answers, to every node alike. Each node of a network is in it under its name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher::sim {

struct DnsTable {
  struct Entry {
    std::vector<IpAddress> addresses;  // none: the name exists no more (no_such_host)
    bool fails = false;                // asking for this name gives resolve_failed
  };

  std::map<std::string, Entry, std::less<>> names;  // in lower case
  // How long an answer takes.
  Duration delay = std::chrono::milliseconds(1);
  // Every look-up of a name gives resolve_failed.
  bool fails = false;
  // No look-up is ever answered; only its deadline ends it.
  bool silent = false;
};

}  // namespace gopher::sim
