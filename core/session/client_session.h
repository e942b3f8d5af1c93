// ClientSession: one client connection, from accept to close: request after request, one exchange at a time.
//
//   idle ──first byte──▶ head ──complete──▶ exchange ──keep_alive──▶ idle
//    │                    │                    │
//    │ timeout, drain     │ refused (4xx)      │ linger or close
//    ▼                    ▼                    ▼
//   closed ◀──────── lingering close ◀─────────┘
//
// Requests in the pipeline wait in the input buffer, which bounds them (http.md 45).
#pragma once

#include <memory>
#include <optional>

#include "core/async/task.h"
#include "core/session/downstream.h"
#include "core/session/exchange.h"
#include "core/session/worker_context.h"

namespace gopher {

class ClientSession {
 public:
  ClientSession(WorkerContext& worker, std::unique_ptr<Stream> stream);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // The whole life. `this` must outlive it.
  Task<void> run();
  // An idle connection closes after a short grace, in which a request already on its way is still served; an exchange
  // goes on, and the connection closes after it. WorkerContext::draining must be set.
  void drain();
  // Ends now, in the middle of an exchange if there is one.
  void cut();

 private:
  enum class HeadResult : unsigned char { complete, refused, ended };

  Task<HeadResult> read_head(http::RequestHeadParser& parser);
  Task<AfterExchange> serve();
  Task<void> refuse(const http::RequestHeadParser& parser, Cause cause, const http::Refusal& refusal);
  Task<void> lingering_close();

  WorkerContext& worker_;
  Downstream downstream_;
  Exchange* exchange_ = nullptr;
  Instant request_began_{};
  std::size_t pipelined_ = 0;  // requests in a row that were there before the last answer
  bool idle_ = true;
  bool cut_ = false;
};

}  // namespace gopher
