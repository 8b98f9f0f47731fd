# Heads for attention and what comes of them.
if(ACCLLM_HAS_RTL)
  add_library(accllm_rtl_attention STATIC EXCLUDE_FROM_ALL attention_case.cc)
  target_include_directories(accllm_rtl_attention PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(accllm_rtl_attention PUBLIC accllm_kernels)
endif()

foreach(size "2 2 2 MAPPED" "1 1 2 SLOW" "4 2 4 SLOW" "32 1 1 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes queries head_queries)
  accllm_add_rtl_bench(attention_${lanes}_bench ${size} TOP attention BENCH attention_bench.cc LIBS accllm_rtl_attention
                       PARAMS Lanes=${lanes} Queries=${queries} HeadQueries=${head_queries} ScoreDepth=2048
                              RowDepth=1024 ChunkDepth=512
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_QUERIES=${queries}
                                   ACCLLM_HEAD_QUERIES=${head_queries} ACCLLM_ROW_BITS=10 ACCLLM_CHUNK_BITS=9)
endforeach()

# With lanes of the engine in the loop, as in the top, whose bench is the quicker one.
accllm_add_rtl_bench(attention_engine_bench SLOW COUNTED TOP attention_engine SOURCES models/attention_engine.sv LINES PARTS 2
                     BENCH attention_engine_bench.cc LIBS accllm_rtl_attention
                     PARAMS Lanes=2 Queries=1 HeadQueries=2
                     DEFINITIONS ACCLLM_LANES=2 ACCLLM_QUERIES=1 ACCLLM_HEAD_QUERIES=2)

foreach(size "4 4 1 MAPPED" "32 16 2 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes split_lanes queries)
  accllm_add_rtl_bench(level_gather_${lanes}_bench ${size} TOP level_gather BENCH level_gather_bench.cc
                       PARAMS Lanes=${lanes} SplitLanes=${split_lanes} Queries=${queries}
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SPLIT_LANES=${split_lanes} ACCLLM_QUERIES=${queries})
endforeach()
foreach(size "8 2 MAPPED" "1 1 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes queries)
  accllm_add_rtl_bench(value_collector_${lanes}_bench ${size} TOP value_collector BENCH value_collector_bench.cc LIBS accllm_base
                       PARAMS Lanes=${lanes} Queries=${queries}
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_QUERIES=${queries})
endforeach()

# With what collects its words.
foreach(size "2 SLOW" "4 MAPPED" "16 SLOW" "32 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes)
  accllm_add_rtl_bench(kv_store_${lanes}_bench ${size} TOP kv_store_tiles SOURCES models/kv_store_tiles.sv
                       BENCH kv_store_bench.cc PARAMS Lanes=${lanes} LIBS accllm_accel
                       DEFINITIONS ACCLLM_LANES=${lanes})
endforeach()
# Heads out of the banks: lanes, slots, queries of a KV head, words of a bank. Only more lanes than tiles
# of a read, and more queries than two folds, reach every line.
foreach(size "32 4 8 256 SLOW COUNTED" "2 4 4 1024 MAPPED" "4 2 4 512 SLOW")
  separate_arguments(size)
  list(POP_FRONT size lanes slots head_queries words)
  accllm_add_rtl_bench(head_unit_${lanes}_bench ${size} TOP head_unit BENCH head_unit_bench.cc LIBS accllm_kernels
                       PARAMS Lanes=${lanes} Slots=${slots} HeadQueries=${head_queries} Words=${words}
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots} ACCLLM_HEAD_QUERIES=${head_queries}
                                   ACCLLM_WORDS=${words})
endforeach()
