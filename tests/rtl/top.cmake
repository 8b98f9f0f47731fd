# The kernel beside the functional model.
foreach(size "2 4 1" "4 2 2")
  separate_arguments(size)
  list(GET size 0 lanes)
  list(GET size 1 slots)
  list(GET size 2 lanes_per_silu)
  accllm_add_rtl_bench(accllm_top_${lanes}x${slots}_bench TOP accllm_top PARTS 2 BENCH accllm_top_bench.cc
                       PARAMS Lanes=${lanes} Slots=${slots} Words=4096 Blocks=4 LanesPerSilu=${lanes_per_silu}
                              BurstBeats=16 QueueBeats=64 BufferBeats=32
                       LIBS accllm_compiler rtl_axi_memory
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots})
endforeach()
