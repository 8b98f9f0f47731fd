#include "kernels/kernel_table.h"

namespace accllm::kernels {

const KernelTable& KernelsFor(Isa isa) {
  static const KernelTable scalar = {ScalarTileKernels(), DotF16Scalar,  QuantizeActivationsScalar,
                                     RmsNormScalar,       SiluMulScalar, AttentionScalar,
                                     AddLowRankScalar,    HeadKernels{}};
#if defined(ACCLLM_HAVE_X86_SIMD)
  static const KernelTable avx2 = {Avx2TileKernels(), DotF16Avx2,       QuantizeActivationsAvx2,
                                   RmsNormAvx2,       SiluMulAvx2,      AttentionAvx2,
                                   AddLowRankAvx2,    Avx2HeadKernels()};
  static const KernelTable avx512 = {
      Avx512TileKernels(), DotF16Avx512,    QuantizeActivationsAvx512, RmsNormAvx512,
      SiluMulAvx512,       AttentionAvx512, AddLowRankAvx512,          Avx512HeadKernels()};
  if (isa == Isa::kAvx512) return avx512;
  if (isa == Isa::kAvx2) return avx2;
#elif defined(ACCLLM_HAVE_NEON)
  static const KernelTable neon = {NeonTileKernels(), DotF16Neon,       QuantizeActivationsNeon,
                                   RmsNormNeon,       SiluMulNeon,      AttentionNeon,
                                   AddLowRankNeon,    NeonHeadKernels()};
  // Matrices have more than one token; nothing else gains by their products.
  static const KernelTable neon_i8mm = [] {
    KernelTable table = neon;
    table.tile = NeonI8mmTileKernels();
    return table;
  }();
  if (isa == Isa::kNeonI8mm) return neon_i8mm;
  if (isa == Isa::kNeon) return neon;
#endif
  (void)isa;
  return scalar;
}

}  // namespace accllm::kernels
