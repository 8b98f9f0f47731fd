accllm_add_rtl_model(exp2_neg_q30_model TOP exp2_neg_q30)
accllm_add_rtl_model(exp2_float_model TOP exp2_float)
accllm_add_rtl_model(exp2_argument_model TOP exp2_argument)
accllm_add_rtl_bench(exp2_bench BENCH exp2_bench.cc LIBS exp2_neg_q30_model exp2_float_model exp2_argument_model accllm_kernels)
if(ACCLLM_YOSYS)
  accllm_add_rtl_model(exp2_neg_q30_netlist_model TOP exp2_neg_q30 NETLIST)
  accllm_add_rtl_model(exp2_float_netlist_model TOP exp2_float NETLIST)
  accllm_add_rtl_model(exp2_argument_netlist_model TOP exp2_argument NETLIST)
  accllm_add_rtl_bench(exp2_netlist_bench SLOW BENCH exp2_bench.cc
                       LIBS exp2_neg_q30_netlist_model exp2_float_netlist_model exp2_argument_netlist_model accllm_kernels
                       DEFINITIONS ACCLLM_VECTORS=20000)
endif()

accllm_add_rtl_bench(silu_mul_bench MAPPED TOP silu_mul BENCH silu_mul_bench.cc LIBS accllm_kernels)
accllm_add_rtl_bench(rms_scale_bench MAPPED TOP rms_scale BENCH rms_scale_bench.cc LIBS accllm_base)

accllm_add_rtl_model(a8_rule_model TOP a8_rule)
accllm_add_rtl_model(a8_quantize_model TOP a8_quantize)
accllm_add_rtl_bench(a8_bench BENCH a8_bench.cc LIBS a8_rule_model a8_quantize_model accllm_kernels)

foreach(size "4" "1 SLOW MAPPED" "2 SLOW" "32 SLOW")
  separate_arguments(size)
  list(POP_FRONT size width)
  accllm_add_rtl_bench(lane_sum_${width}_bench ${size} TOP lane_sum PARAMS Width=${width} BENCH lane_sum_bench.cc
                       LIBS accllm_base DEFINITIONS ACCLLM_WIDTH=${width})
endforeach()

accllm_add_rtl_bench(kv4_quantize_bench MAPPED TOP kv4_quantize BENCH kv4_quantize_bench.cc LIBS accllm_kernels)
accllm_add_rtl_bench(hadamard_bench MAPPED TOP hadamard BENCH hadamard_bench.cc LIBS accllm_kernels)
