// The contract suite over the simulated world.
#include "tests/contract/sim_world.h"

namespace gopher::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(Sim, ClockContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, AsyncContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, StreamContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, WaitContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, ClosingContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, ConnectContract, testing::ValuesIn(sim_worlds()), name_of);
INSTANTIATE_TEST_SUITE_P(Sim, ListenerContract, testing::ValuesIn(sim_worlds()), name_of);

}  // namespace
}  // namespace gopher::contract
