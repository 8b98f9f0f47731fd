#include "Vvector_array.h"
#include "tests/rtl/vector_machine.h"

namespace accllm::rtl {
namespace {

using Driver = VectorDriver<Vvector_array, ACCLLM_LANES, ACCLLM_SLOTS, 4096, ACCLLM_LANES_PER_SILU>;

TEST(VectorArray, EqualsTheFunctionalModel) {
  const int64_t n_machines = std::max<int64_t>(1, VectorsOfATest() / 150'000);
  for (int64_t seed = 1; seed <= n_machines && !testing::Test::HasFailure(); ++seed) {
    VectorMachine<Driver> machine(ACCLLM_LANES, ACCLLM_SLOTS, seed);
    for (int pass = 0; pass < 3 && !testing::Test::HasFailure(); ++pass) machine.RunPass();
  }
}

}  // namespace
}  // namespace accllm::rtl
