// The settings of the data path: bounds and timeouts of one client connection and of the exchanges on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ports/address.h"
#include "core/ports/time.h"

namespace gopher {

// A network of peers, for example 10.0.0.0/8.
struct AddressPrefix {
  IpAddress network;
  int bits = 0;

  bool contains(const IpAddress& address) const noexcept {
    return address.is_v4() == network.is_v4() && address.network(bits) == network;
  }
};

struct SessionSettings {
  // Timeouts, each of one phase; none caps a transfer that makes progress.
  Duration connect_timeout = std::chrono::seconds(5);
  Duration request_head_timeout = std::chrono::seconds(15);         // first byte of a head to its last
  Duration request_idle_timeout = std::chrono::seconds(60);         // between bytes of a request body
  Duration first_byte_timeout = std::chrono::seconds(30);           // whole request sent to the response's head
  Duration response_idle_timeout = std::chrono::seconds(300);       // between bytes of a response body
  Duration downstream_write_timeout = std::chrono::seconds(60);     // a client that reads nothing of what waits for it
  Duration keep_alive_timeout = std::chrono::seconds(60);           // an idle client connection between requests
  Duration tunnel_idle_timeout = std::chrono::hours(1);             // no byte either way
  Duration upstream_keep_alive_timeout = std::chrono::seconds(30);  // an idle upstream connection in the pool

  // Bounds.
  std::size_t max_request_line_bytes = 8192;   // nginx: 8 KiB; http.md 23 asks for 8000 at least
  std::size_t max_request_head_bytes = 16384;  // Node: 16 KiB
  std::size_t max_response_head_bytes = 16384;
  std::size_t max_fields = 100;                  // HAProxy: 101, Envoy: 100
  std::size_t max_chunk_extension_bytes = 4096;  // of one body; Go: 16 KiB, HAProxy: none
  std::size_t max_trailer_bytes = 8192;          // nginx: the size of one large header buffer
  std::size_t max_drained_body_bytes = 65536;    // of a request body nobody wants, to keep the connection (http.md 44)
  // Answered in a row to a client that never waits for an answer; then its connection closes. Of nginx's
  // keepalive_requests (1000), the part that bounds a pipeline.
  std::size_t max_pipelined_requests = 1000;
  std::size_t max_connections = 20000;             // of one worker
  std::size_t max_pipes = 32;                      // of one worker, two descriptors each
  std::size_t max_idle_upstream_connections = 64;  // to one backend from one worker
  std::uint32_t max_attempts = 3;                  // upstream connections one request may be begun on

  // Peers whose X-Forwarded-For, -Proto and -Host are believed.
  std::vector<AddressPrefix> trusted_proxies;
};

}  // namespace gopher
