#include "kernels/kernel_table.h"

namespace accllm::kernels {

const KernelTable& KernelsFor(Isa isa) {
  static const KernelTable scalar = {ScalarTileKernels(), DotF16Scalar,  QuantizeActivationsScalar,
                                     RmsNormScalar,       SiluMulScalar, AttentionScalar};
#if defined(ACCLLM_HAVE_AVX512)
  static const KernelTable avx512 = {Avx512TileKernels(), DotF16Avx512,  QuantizeActivationsAvx512,
                                     RmsNormAvx512,       SiluMulAvx512, AttentionAvx512};
  if (isa == Isa::kAvx512) return avx512;
#endif
  (void)isa;
  return scalar;
}

}  // namespace accllm::kernels
