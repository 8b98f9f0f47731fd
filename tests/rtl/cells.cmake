foreach(style block distributed)
  accllm_add_rtl_bench(fifo_sync_${style}_bench TOP fifo_sync PARAMS Width=32 Depth=8 Style=${style}
                       BENCH fifo_sync_bench.cc)
endforeach()
