foreach(unit fp_add fp_add_positive fp_div fp_div_iter fp_mul fp_mul_normal fp_sqrt)
  accllm_add_rtl_bench(${unit}_bench MAPPED TOP ${unit} BENCH ${unit}_bench.cc LIBS accllm_base)
endforeach()
foreach(size "64 SLOW" "32 MAPPED")
  separate_arguments(size)
  list(POP_FRONT size width)
  accllm_add_rtl_bench(int_to_fp_${width}_bench ${size} TOP int_to_fp PARAMS Width=${width} BENCH int_to_fp_bench.cc
                       LIBS accllm_base)
endforeach()

# A8's codes, levels of attention, its chunks' factors, the exponential's argument, the widest result.
foreach(range "24 -8388607 8388607 -5" "13 0 2167 0 SLOW MAPPED" "8 -127 127 0 SLOW" "16 0 32767 0 SLOW" "23 0 2097152 2097152 SLOW")
  separate_arguments(range)
  list(POP_FRONT range width low high of_nan)
  accllm_add_rtl_bench(fp_to_int_${width}_bench ${range} TOP fp_to_int
                       PARAMS Width=${width} Low=${low} High=${high} OfNan=${of_nan}
                       BENCH fp_to_int_bench.cc LIBS accllm_base
                       DEFINITIONS ACCLLM_WIDTH=${width} ACCLLM_LOW=${low} ACCLLM_HIGH=${high}
                                   ACCLLM_OF_NAN=${of_nan})
endforeach()

accllm_add_rtl_model(half_to_fp_model TOP half_to_fp)
foreach(saturate 0 1)
  accllm_add_rtl_model(fp_to_half_${saturate}_model TOP fp_to_half PARAMS Saturate=${saturate})
  accllm_add_rtl_bench(half_${saturate}_bench BENCH half_bench.cc
                       LIBS half_to_fp_model fp_to_half_${saturate}_model accllm_base
                       DEFINITIONS ACCLLM_SATURATE=${saturate})
endforeach()

accllm_add_rtl_model(fp_larger_model TOP fp_larger)
accllm_add_rtl_model(fp_larger_magnitude_model TOP fp_larger_magnitude)
accllm_add_rtl_bench(fp_larger_bench BENCH fp_larger_bench.cc
                     LIBS fp_larger_model fp_larger_magnitude_model accllm_base)
