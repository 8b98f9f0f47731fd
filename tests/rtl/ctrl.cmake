# Control.
accllm_add_rtl_bench(geometry_check_bench MAPPED TOP geometry_check BENCH geometry_check_bench.cc
                     PARAMS Lanes=4 Slots=4 Words=5120 Blocks=16 LIBS accllm_accel)
accllm_add_rtl_bench(instruction_fetch_bench MAPPED TOP instruction_fetch BENCH instruction_fetch_bench.cc LIBS accllm_accel)
foreach(size "2 MAPPED" "32 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes)
  accllm_add_rtl_bench(cache_shape_${lanes}_bench ${size} TOP cache_shape BENCH cache_shape_bench.cc LIBS accllm_accel
                       PARAMS Lanes=${lanes} Slots=4 HeadQueries=8 ScoreDepth=4096 RowDepth=2048 ChunkDepth=512
                              BufferBeats=512
                       DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
foreach(size "2 MAPPED" "32 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes)
  accllm_add_rtl_bench(tile_writer_${lanes}_bench ${size} TOP tile_writer PARAMS Lanes=${lanes} BENCH tile_writer_bench.cc
                       DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
