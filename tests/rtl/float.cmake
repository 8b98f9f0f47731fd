foreach(unit fp_add fp_div fp_div_iter fp_mul fp_sqrt)
  accllm_add_rtl_bench(${unit}_bench TOP ${unit} BENCH ${unit}_bench.cc)
endforeach()
