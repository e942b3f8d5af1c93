// What the sessions of one worker share: its ports, settings and pools. One thread, but for the limiter and the
// balancer's snapshot, which say so themselves.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "core/async/buffer_pool.h"
#include "core/async/pipe_pool.h"
#include "core/balance/balancer.h"
#include "core/http/head_parser.h"
#include "core/http/http_date.h"
#include "core/limit/client_limiter.h"
#include "core/ports/clock.h"
#include "core/ports/network.h"
#include "core/ports/observer.h"
#include "core/ports/random.h"
#include "core/session/settings.h"
#include "core/upstream/connection_pool.h"

namespace gopher {

// The parsers of one exchange under way. Their field lists are large, so an idle connection has none.
struct ExchangeParsers {
  explicit ExchangeParsers(const SessionSettings& settings)
      : request({settings.max_request_line_bytes, settings.max_request_head_bytes, settings.max_fields}),
        response({settings.max_response_head_bytes, settings.max_response_head_bytes, settings.max_fields}) {}

  http::RequestHeadParser request;
  http::ResponseHeadParser response;
};

struct WorkerContext {
  // One block holds the largest head and the room for a body beside it.
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  static constexpr std::size_t kKeptBlocks = 1024;
  static constexpr std::size_t kKeptParsers = 256;

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
        pipes(session_settings.max_pipes) {
    idle_parsers.reserve(kKeptParsers);
  }

  std::unique_ptr<ExchangeParsers> lend_parsers() {
    if (idle_parsers.empty()) return std::make_unique<ExchangeParsers>(settings);
    auto parsers = std::move(idle_parsers.back());
    idle_parsers.pop_back();
    return parsers;
  }
  void take_back(std::unique_ptr<ExchangeParsers> parsers) {
    parsers->request.reset();
    parsers->response.reset();
    if (idle_parsers.size() < kKeptParsers) idle_parsers.push_back(std::move(parsers));
  }

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
  http::DateText date;
  std::vector<std::unique_ptr<ExchangeParsers>> idle_parsers;
  bool draining = false;
};

}  // namespace gopher
