#include "shape_model.h"

#include "compress/synth.h"
#include "compress/synth_plan.h"
#include "packed/tensor_layout.h"

namespace accllm::cli {

Result<compiler::ModelTensors> TensorsOfShape(const std::string& shape, const std::string& linear) {
  compiler::ModelTensors model;
  model.path = shape;
  ACCLLM_ASSIGN_OR_RETURN(model.config, SynthShape(shape));
  ACCLLM_ASSIGN_OR_RETURN(const format::TensorType type, TensorTypeFromLabel(linear));
  for (const TensorPlan& tensor : SynthPlan(model.config)) {
    const bool is_linear = tensor.type == format::TensorType::kW2S24;
    model.tensors.push_back(
        {tensor.name, is_linear ? type : tensor.type, tensor.rows, tensor.cols});
  }
  return model;
}

}  // namespace accllm::cli
