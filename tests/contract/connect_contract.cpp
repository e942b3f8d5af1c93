// Connecting and resolving.
#include "core/async/connect_operations.h"
#include "core/async/task_group.h"
#include "tests/contract/conversation.h"

namespace gopher::contract {
namespace {

class RecordedConnect : public ConnectAttempt {
 public:
  RecordedConnect() : ConnectAttempt(&completed) {}
  int times = 0;
  std::optional<ErrorKind> error;
  Signal done;

 private:
  static void completed(ConnectAttempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<RecordedConnect&>(attempt);
    ++self.times;
    self.error = error;
    self.done.notify();
  }
};

class RecordedResolve : public ResolveAttempt {
 public:
  RecordedResolve() : ResolveAttempt(&completed) {}
  int times = 0;
  std::optional<ErrorKind> error;
  Signal done;

 private:
  static void completed(ResolveAttempt& attempt, std::optional<ErrorKind> error) {
    auto& self = static_cast<RecordedResolve&>(attempt);
    ++self.times;
    self.error = error;
    self.done.notify();
  }
};

Task<void> connects(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  RecordedConnect attempt;
  world.connector().connect(attempt, (*listener)->local(), kNever);
  EXPECT_EQ(attempt.times, 0);
  co_await attempt.done.wait();
  EXPECT_EQ(attempt.error, std::nullopt);
  CO_ASSERT(attempt.stream);
  EXPECT_TRUE(attempt.stream->is_open());
}
TEST_P(ConnectContract, ConnectingCompletesFromTheLoopWithAnOpenStream) { world->run(connects(*world)); }

Task<void> refused(World& world) {
  Cancellation never;
  const auto stream =
      co_await connect(world.connector(), world.nobody_listens(), world.clock().now() + kPatience, never);
  CO_ASSERT(!stream.has_value());
  EXPECT_EQ(stream.error(), ErrorKind::refused);
}
TEST_P(ConnectContract, WhereNobodyListensConnectingIsRefused) { world->run(refused(*world)); }

Task<void> refused_after_close(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  (*listener)->close();
  Cancellation never;
  const auto stream = co_await connect(world.connector(), (*listener)->local(), world.clock().now() + kPatience, never);
  CO_ASSERT(!stream.has_value());
  EXPECT_EQ(stream.error(), ErrorKind::refused);
}
TEST_P(ConnectContract, AClosedListenerRefuses) { world->run(refused_after_close(*world)); }

Task<void> cancelled_connect(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  RecordedConnect attempt;
  world.connector().connect(attempt, (*listener)->local(), kNever);
  world.connector().cancel(attempt);
  EXPECT_EQ(attempt.times, 0);
  co_await attempt.done.wait();
  EXPECT_EQ(attempt.error, ErrorKind::closed);
  EXPECT_EQ(attempt.stream, nullptr);
  co_await pause(world, kMoment);
  EXPECT_EQ(attempt.times, 1);
}
TEST_P(ConnectContract, ACancelledConnectCompletesOnceWithClosedFromTheLoop) { world->run(cancelled_connect(*world)); }

Task<void> connect_into(World& world, SocketAddress to, Cancellation& cancellation, std::optional<ErrorKind>& error) {
  const auto stream = co_await connect(world.connector(), to, kNever, cancellation);
  if (!stream) error = stream.error();
}

Task<void> cancellation_hook(World& world) {
  auto listener = world.listen();
  CO_ASSERT(listener.has_value());
  Cancellation cancellation;
  std::optional<ErrorKind> error;
  TaskGroup group;
  group.spawn(connect_into(world, (*listener)->local(), cancellation, error));
  cancellation.request();
  co_await group.join();
  EXPECT_EQ(error, ErrorKind::closed);
  // What is asked for after the request is not even begun.
  error.reset();
  co_await connect_into(world, (*listener)->local(), cancellation, error);
  EXPECT_EQ(error, ErrorKind::closed);
}
TEST_P(ConnectContract, ACancellationEndsTheConnectThatListensToIt) { world->run(cancellation_hook(*world)); }

Task<void> resolves_to_itself(World& world, std::string_view literal) {
  Cancellation never;
  const auto addresses = co_await resolve(world.connector(), literal, world.clock().now() + kPatience, never);
  CO_ASSERT(addresses.has_value());
  CO_ASSERT(addresses->size() == 1);
  EXPECT_EQ(addresses->front().to_string(), literal);
}
Task<void> literals(World& world) {
  co_await resolves_to_itself(world, "192.0.2.7");
  co_await resolves_to_itself(world, "2001:db8::7");
}
TEST_P(ConnectContract, ALiteralAddressResolvesToItself) { world->run(literals(*world)); }

Task<void> known_name(World& world) {
  Cancellation never;
  const auto addresses = co_await resolve(world.connector(), "localhost", world.clock().now() + kPatience, never);
  CO_ASSERT(addresses.has_value());
  EXPECT_GE(addresses->size(), 1u);
  EXPECT_LE(addresses->size(), ResolveAttempt::kMaxAddresses);
  for (const auto& address : *addresses) {
    EXPECT_TRUE(address.to_string() == "127.0.0.1" || address.to_string() == "::1") << address.to_string();
  }
}
TEST_P(ConnectContract, AKnownNameResolvesToItsAddresses) { world->run(known_name(*world)); }

Task<void> unknown_name(World& world) {
  Cancellation never;
  const auto addresses =
      co_await resolve(world.connector(), "no-such-host.invalid", world.clock().now() + kPatience, never);
  CO_ASSERT(!addresses.has_value());
  // A machine without a name service cannot say that the name does not exist.
  EXPECT_TRUE(addresses.error() == ErrorKind::no_such_host || addresses.error() == ErrorKind::resolve_failed ||
              addresses.error() == ErrorKind::timed_out)
      << to_string(addresses.error());
}
TEST_P(ConnectContract, AnUnknownNameDoesNotResolve) { world->run(unknown_name(*world)); }

Task<void> cancelled_resolve(World& world) {
  RecordedResolve attempt;
  world.connector().resolve(attempt, "localhost", kNever);
  EXPECT_EQ(attempt.times, 0);
  world.connector().cancel(attempt);
  EXPECT_EQ(attempt.times, 0);
  co_await attempt.done.wait();
  EXPECT_EQ(attempt.error, ErrorKind::closed);
  EXPECT_TRUE(attempt.addresses.empty());
  co_await pause(world, kMoment);
  EXPECT_EQ(attempt.times, 1);
}
TEST_P(ConnectContract, ACancelledResolveCompletesOnceWithClosedFromTheLoop) { world->run(cancelled_resolve(*world)); }

Task<void> literal_from_the_loop(World& world) {
  RecordedResolve attempt;
  world.connector().resolve(attempt, "127.0.0.1", kNever);
  EXPECT_EQ(attempt.times, 0);
  co_await attempt.done.wait();
  EXPECT_EQ(attempt.error, std::nullopt);
  EXPECT_EQ(attempt.addresses.size(), 1u);
}
TEST_P(ConnectContract, EvenALiteralResolvesFromTheLoop) { world->run(literal_from_the_loop(*world)); }

}  // namespace
}  // namespace gopher::contract
