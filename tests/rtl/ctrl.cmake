# Control.
accllm_add_rtl_bench(geometry_check_bench TOP geometry_check BENCH geometry_check_bench.cc
                     PARAMS Lanes=4 Slots=4 Words=5120 Blocks=16 LIBS accllm_accel)
accllm_add_rtl_bench(instruction_fetch_bench TOP instruction_fetch BENCH instruction_fetch_bench.cc LIBS accllm_accel)
foreach(lanes 2 32)
  accllm_add_rtl_bench(tile_writer_${lanes}_bench TOP tile_writer PARAMS Lanes=${lanes} BENCH tile_writer_bench.cc
                       DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
