# The kernel beside the functional model.
#
# accllm_add_top_bench(LANES SLOTS LANES_PER_SILU [options of accllm_add_rtl_bench])
function(accllm_add_top_bench lanes slots lanes_per_silu)
  math(EXPR head_queries "2 * ${slots}")
  accllm_add_rtl_bench(accllm_top_${lanes}x${slots}_bench TOP accllm_top LINES PARTS 2 BENCH accllm_top_bench.cc
                       PARAMS Lanes=${lanes} Slots=${slots} Words=4096 Blocks=4 LanesPerSilu=${lanes_per_silu}
                              BurstBeats=16 QueueBeats=64 BufferBeats=32 HeadQueries=${head_queries} ScoreDepth=2048
                       LIBS accllm_compiler rtl_axi_memory
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots} ${ARGN})
  accllm_add_rtl_bench(accllm_attention_${lanes}x${slots}_bench BENCH accllm_attention_bench.cc
                       LIBS accllm_top_${lanes}x${slots}_bench_model accllm_compiler rtl_axi_memory
                       DEFINITIONS ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots} ${ARGN})
endfunction()
accllm_add_top_bench(2 4 1)
accllm_add_top_bench(4 2 2 SLOW)
