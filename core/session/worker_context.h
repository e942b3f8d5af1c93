// What the sessions of one worker share: its ports, settings and pools. One thread, but for the limiter and the
// balancer's snapshot, which say so themselves.
#pragma once

#include <cstddef>

#include "core/async/buffer_pool.h"
#include "core/async/pipe_pool.h"
#include "core/balance/balancer.h"
#include "core/http/head_parser_pool.h"
#include "core/http/http_date.h"
#include "core/limit/client_limiter.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "core/ports/observer.h"
#include "core/ports/random.h"
#include "core/session/settings.h"
#include "core/upstream/connection_pool.h"

namespace gopher {

struct WorkerContext {
  // One block holds the largest head and the room for a body beside it.
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  static constexpr std::size_t kKeptBlocks = 1024;

  WorkerContext(Clock& worker_clock, Connector& worker_connector, Observer& worker_observer,
                const SessionSettings& session_settings, ClientLimiter& client_limiter, Balancer& worker_balancer,
                RandomStream randomness)
      : clock(worker_clock),
        connector(worker_connector),
        observer(worker_observer),
        settings(session_settings),
        limiter(client_limiter),
        balancer(worker_balancer),
        request_ids(randomness),
        upstream_connections(
            worker_clock, worker_observer,
            {session_settings.upstream_keep_alive_timeout, session_settings.max_idle_upstream_connections}),
        buffers(kBlockBytes, kKeptBlocks),
        pipes(session_settings.max_pipes),
        request_parsers({session_settings.max_request_line_bytes, session_settings.max_request_head_bytes,
                         session_settings.max_fields}),
        response_parsers({session_settings.max_response_head_bytes, session_settings.max_response_head_bytes,
                          session_settings.max_fields}) {}

  Clock& clock;
  Connector& connector;
  Observer& observer;
  const SessionSettings& settings;
  ClientLimiter& limiter;
  Balancer& balancer;
  RandomStream request_ids;
  ConnectionPool upstream_connections;
  BufferPool buffers;
  PipePool pipes;
  http::RequestHeadParsers request_parsers;
  http::ResponseHeadParsers response_parsers;
  http::DateText date;
  bool draining = false;
};

}  // namespace gopher
