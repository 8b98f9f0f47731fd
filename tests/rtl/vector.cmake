foreach(size "2 2 1" "2 4 2" "4 2 2" "4 4 4")
  separate_arguments(size)
  list(GET size 0 lanes)
  list(GET size 1 slots)
  list(GET size 2 lanes_per_silu)
  accllm_add_rtl_bench(vector_array_${lanes}x${slots}_bench TOP vector_array BENCH vector_array_bench.cc
                       PARAMS Lanes=${lanes} Slots=${slots} Words=4096 Blocks=4 LanesPerSilu=${lanes_per_silu}
                       LIBS accllm_accel
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots}
                                   ACCLLM_LANES_PER_SILU=${lanes_per_silu})
endforeach()
