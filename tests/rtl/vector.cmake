foreach(size "2 2 1 SLOW" "2 4 2 MAPPED" "4 2 2 SLOW" "4 4 4 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes slots lanes_per_silu)
  accllm_add_rtl_bench(vector_array_${lanes}x${slots}_bench ${size} TOP vector_array BENCH vector_array_bench.cc
                       PARAMS Lanes=${lanes} Slots=${slots} Words=4096 Blocks=4 LanesPerSilu=${lanes_per_silu}
                       LIBS accllm_accel
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots}
                                   ACCLLM_LANES_PER_SILU=${lanes_per_silu})
endforeach()

foreach(size "4 MAPPED" "2 SLOW" "32 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes)
  accllm_add_rtl_bench(sum_squares_${lanes}_bench ${size} TOP sum_squares PARAMS Lanes=${lanes} BENCH sum_squares_bench.cc
                       LIBS accllm_base DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
accllm_add_rtl_bench(scalar_unit_bench MAPPED TOP scalar_unit PARAMS Slots=4 BENCH scalar_unit_bench.cc LIBS accllm_kernels
                     DEFINITIONS ACCLLM_SLOTS=4)
foreach(size "16" "2 SLOW MAPPED" "32 SLOW" "64 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes)
  accllm_add_rtl_bench(activation_buffer_${lanes}_bench ${size} TOP activation_buffer
                       PARAMS Lanes=${lanes} Slots=4 Blocks=4 BENCH activation_buffer_bench.cc
                       DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
