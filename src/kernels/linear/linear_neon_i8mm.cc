#include "kernels/linear/kernels_neon.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/panel_neon_i8mm.h"

namespace accllm::kernels {

TileKernels NeonI8mmTileKernels() { return TileKernelsWith<neon::PanelOfMatrices>(); }

}  // namespace accllm::kernels
