// Acceptor: one worker's listener and the sessions of the connections it accepted.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "core/async/cancellation.h"
#include "core/async/sleep.h"
#include "core/async/task.h"
#include "core/session/client_session.h"
#include "core/session/worker_context.h"

namespace gopher {

// On the worker's thread.
class Acceptor {
 public:
  Acceptor(WorkerContext& worker, std::unique_ptr<Listener> listener);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Accepts and serves until drain() or cut(); returns when every session and every idle upstream connection is gone.
  Task<void> run();
  // Accepts what already waits, then stops listening; sessions end after the exchange they are in. Idempotent.
  void drain();
  // drain(), and ends the exchanges under way. Idempotent.
  void cut();

  std::size_t session_count() const noexcept { return sessions_.size(); }

 private:
  // One of those that live, so that drain() and cut() reach it.
  class Session final : public ClientSession, private TaskOwner {
   public:
    Session(Acceptor& acceptor, std::unique_ptr<Stream> stream);
    void begin(std::list<Session>::const_iterator place);

   private:
    void task_ended() noexcept override;

    Acceptor& acceptor_;
    std::list<Session>::const_iterator place_;
  };

  bool accept_waiting(int most);
  void begin_session(std::unique_ptr<Stream> stream);
  Task<void> session_end();

  WorkerContext& worker_;
  std::unique_ptr<Listener> listener_;
  std::list<Session> sessions_;
  Cancellation stopped_;
  Signal session_ended_;
  bool waiting_for_session_ = false;
};

}  // namespace gopher
