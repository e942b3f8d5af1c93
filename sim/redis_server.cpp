#include "sim/redis_server.h"

#include <charconv>
#include <utility>

#include "core/async/check.h"
#include "core/async/sleep.h"
#include "core/async/stream_operations.h"

namespace gopher::sim {

namespace {

constexpr std::size_t kMaxQueued = 100'000;
constexpr Duration kReplyPatience = std::chrono::minutes(10);

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  return text;
}

}  // namespace

struct RedisServer::Session {
  std::unique_ptr<Stream> stream;
  std::shared_ptr<Cancellation> ending;
  resp::CommandReader reader;
  std::size_t database = 0;
  bool authenticated = false;
  // MULTI.
  bool queueing = false;
  bool queue_broken = false;
  bool queue_writes = false;
  std::vector<resp::Command> queue;
  struct Watched {
    std::size_t database;
    std::string key;
    std::uint64_t version;
  };
  std::vector<Watched> watched;
  std::list<Session*>::iterator place{};
};

RedisServer::RedisServer(SimNode& node, Clock& clock, const RedisSettings& settings)
    : node_(node), clock_(clock), settings_(settings) {
  remember();
}

RedisServer::~RedisServer() { GOPHER_CHECK(!listener_ && tasks_.size() == 0); }

void RedisServer::start() {
  if (listener_) return;
  auto listening = node_.listen(settings_.port);
  GOPHER_CHECK(listening.has_value());
  listener_ = std::move(*listening);
  tasks_.spawn(run(listener_));
}

void RedisServer::stop() {
  if (!listener_) return;
  listener_->close();
  listener_.reset();
  end_connections();
}

void RedisServer::end_connections() {
  for (Session* session : sessions_)
    session->stream->close();
  // Those that delay an answer end inside this call.
  const auto ending = std::exchange(ending_, std::make_shared<Cancellation>());
  ending->request();
}

void RedisServer::lose_data() {
  for (auto& database : databases_)
    database.clear();
  written(nullptr);
}

void RedisServer::fail_over(Duration lag) {
  const Instant as_of = clock_.now() - lag;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < history_.size(); ++i)
    if (history_[i].since <= as_of) chosen = i;
  databases_ = history_[chosen].databases;
  written(nullptr);
  end_connections();
}

void RedisServer::edit(const resp::Command& command) {
  databases_[0].execute(command);
  written(nullptr);
}

void RedisServer::written(const SocketAddress* by) {
  remember();
  if (on_write) on_write(by);
}

void RedisServer::remember() {
  if (!history_.empty() && history_.back().databases == databases_) return;
  history_.push_back({clock_.now(), databases_});
  if (history_.size() > kMaxHistory) history_.pop_front();
}

Task<void> RedisServer::run(std::shared_ptr<Listener> listener) {
  for (;;) {
    const auto error = co_await wait_acceptable(*listener);
    if (error == ErrorKind::closed) co_return;
    if (error) continue;
    for (;;) {
      auto accepted = listener->try_accept();
      if (!accepted) break;
      auto session = std::make_unique<Session>();
      session->stream = std::move(*accepted);
      session->ending = ending_;
      session->authenticated = settings_.password.empty();
      tasks_.spawn(serve(std::move(session)));
    }
  }
}

Task<void> RedisServer::serve(std::unique_ptr<Session> session) {
  session->place = sessions_.insert(sessions_.end(), session.get());
  std::array<std::byte, 4096> buffer;
  bool open = true;
  while (open) {
    const auto read = co_await read_some(*session->stream, buffer, kNever);
    if (!read || *read == 0) break;
    session->reader.feed(std::span(buffer).first(*read));
    std::string replies;
    while (open) {
      auto command = session->reader.next();
      if (!command) break;
      if (delay > Duration(0)) {
        const bool waited = co_await sleep_until(clock_, clock_.now() + delay, *session->ending);
        if (!waited) open = false;
      }
      if (!open || !session->stream->is_open()) {
        open = false;
        break;
      }
      bool reset = false;
      replies += answer(*session, *command, reset);
      if (reset) {
        session->stream->reset();
        open = false;
      }
    }
    if (session->reader.failed()) {
      replies += resp::error("ERR Protocol error");
      open = false;
    }
    if (!replies.empty() && session->stream->is_open()) {
      const WriteBuffer bytes = std::as_bytes(std::span(replies));
      const auto written = co_await write_all(*session->stream, clock_, kReplyPatience, bytes);
      if (!written) open = false;
    }
  }
  session->stream->close();
  sessions_.erase(session->place);
}

std::string RedisServer::answer(Session& session, resp::Command& command, bool& reset) {
  ++commands_;
  command.front() = upper(command.front());
  if (command.front() != "AUTH" && !session.authenticated) return resp::error("NOAUTH Authentication required.");
  if (command.front() != "AUTH" && !answer_error.empty()) {
    session.queue_broken = session.queueing;
    return resp::error(answer_error);
  }
  const bool writes =
      (command.front() == "EXEC" && session.queue_writes) || (!session.queueing && RedisData::writes(command.front()));
  std::string reply = queue_or_answer(session, command);
  if (writes) written(&session.stream->peer());
  reset = writes && lose_answers;
  return reply;
}

std::string RedisServer::queue_or_answer(Session& session, resp::Command& command) {
  const std::string& name = command.front();
  if (!RedisData::knows(name)) return change_session(session, command);
  std::string objection = RedisData::objection(command);
  if (!session.queueing) {
    return objection.empty() ? databases_[session.database].execute(command) : resp::error(objection);
  }
  if (objection.empty() && session.queue.size() >= kMaxQueued) objection = "ERR the queue of the transaction is full";
  if (!objection.empty()) {
    session.queue_broken = true;
    return resp::error(objection);
  }
  session.queue_writes = session.queue_writes || RedisData::writes(name);
  session.queue.push_back(std::move(command));
  return resp::status("QUEUED");
}

std::string RedisServer::execute_queue(Session& session) {
  const auto queue = std::exchange(session.queue, {});
  const auto watched = std::exchange(session.watched, {});
  session.queueing = false;
  session.queue_writes = false;
  if (std::exchange(session.queue_broken, false))
    return resp::error("EXECABORT Transaction discarded because of previous errors.");
  for (const auto& each : watched)
    if (databases_[each.database].version(each.key) != each.version) return std::string(resp::kNilArray);
  std::string reply = resp::array_head(queue.size());
  for (const auto& command : queue)
    reply += databases_[session.database].execute(command);
  return reply;
}

// The commands that change no key.
std::string RedisServer::change_session(Session& session, const resp::Command& command) {
  const std::string& name = command.front();
  if (name == "AUTH") {
    session.authenticated = command.size() >= 2 && !settings_.password.empty() && command.back() == settings_.password;
    if (session.authenticated) return resp::status("OK");
    session.authenticated = settings_.password.empty();
    return resp::error("WRONGPASS invalid username-password pair or user is disabled.");
  }
  if (name == "MULTI") {
    if (session.queueing) return resp::error("ERR MULTI calls can not be nested");
    session.queueing = true;
    return resp::status("OK");
  }
  if (name == "EXEC") return session.queueing ? execute_queue(session) : resp::error("ERR EXEC without MULTI");
  if (name == "DISCARD") {
    session.queueing = session.queue_broken = session.queue_writes = false;
    session.queue.clear();
    session.watched.clear();
    return resp::status("OK");
  }
  if (name == "WATCH" && command.size() >= 2) {
    if (session.queueing) return resp::error("ERR WATCH inside MULTI is not allowed");
    for (std::size_t i = 1; i < command.size(); ++i)
      session.watched.push_back({session.database, command[i], databases_[session.database].version(command[i])});
    return resp::status("OK");
  }
  if (name == "UNWATCH") {
    session.watched.clear();
    return resp::status("OK");
  }
  if (name == "PING") return resp::status("PONG");
  if (name == "TIME") {
    const auto us = std::chrono::floor<std::chrono::microseconds>(clock_.wall_now().time_since_epoch()).count();
    return resp::array_head(2) + resp::bulk(std::to_string(us / 1'000'000)) +
           resp::bulk(std::to_string(us % 1'000'000));
  }
  if (name == "SELECT" && command.size() == 2) {
    std::size_t index = kDatabases;
    const std::string& text = command[1];
    std::from_chars(text.data(), text.data() + text.size(), index);
    if (index >= kDatabases) return resp::error("ERR DB index is out of range");
    session.database = index;
    return resp::status("OK");
  }
  if (name == "FLUSHALL") {
    lose_data();
    return resp::status("OK");
  }
  session.queue_broken = session.queueing;
  return resp::error("ERR unknown command '" + name.substr(0, 128) + "', or arguments that it cannot have");
}

}  // namespace gopher::sim
