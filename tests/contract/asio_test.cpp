// The contract suite over Asio.
#include "io/event_loop.h"
#include "tests/contract/real_world.h"

namespace gopher::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(Asio, ClockContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, AsyncContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, StreamContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, WaitContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ClosingContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ConnectContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);
INSTANTIATE_TEST_SUITE_P(Asio, ListenerContract, testing::ValuesIn(real_worlds<EventLoop>()), name_of);

}  // namespace
}  // namespace gopher::contract
