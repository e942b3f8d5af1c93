// Addresses and endpoints as the tests write them: from text that is known to be good.
#pragma once

#include <string>
#include <string_view>

#include "core/ports/address.h"
#include "core/ports/network.h"

namespace gopher {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

inline Endpoint endpoint(std::string_view authority) {
  std::string why;
  return Endpoint::parse_authority(authority, why).value();
}

}  // namespace gopher
