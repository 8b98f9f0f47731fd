foreach(size "block MAPPED" "distributed SLOW MAPPED")
  separate_arguments(size)
  list(POP_FRONT size style)
  accllm_add_rtl_bench(fifo_sync_${style}_bench ${size} TOP fifo_sync PARAMS Width=32 Depth=8 Style=${style}
                       BENCH fifo_sync_bench.cc)
endforeach()
accllm_add_rtl_bench(spill_register_bench TOP spill_register PARAMS Width=32 BENCH spill_register_bench.cc)
accllm_add_rtl_bench(rr_arbiter_bench TOP rr_arbiter PARAMS Inputs=5 Width=32 BENCH rr_arbiter_bench.cc)
accllm_add_rtl_bench(pipe_valid_bench MAPPED TOP pipe_valid PARAMS Width=32 Stages=5 BENCH pipe_valid_bench.cc)
accllm_add_rtl_bench(pipe_valid_primitive_bench TOP pipe_valid PARAMS Width=32 Stages=5 DEFINES ACCLLM_PRIMITIVES
                     BENCH pipe_valid_bench.cc)

# What synthesis made of it, always.
accllm_add_rtl_bench(rr_arbiter_netlist_bench TOP rr_arbiter PARAMS Inputs=5 Width=32 NETLIST
                     BENCH rr_arbiter_bench.cc)

accllm_add_rtl_model(ram_1w1r_model TOP ram_1w1r PARAMS Width=32 Depth=24)
accllm_add_rtl_model(ram_1w1r_be_model TOP ram_1w1r_be PARAMS Bytes=4 Depth=24)
accllm_add_rtl_model(ram_narrow_model TOP ram_narrow PARAMS Width=6 Parts=4 Depth=32)
accllm_add_rtl_bench(ram_bench BENCH ram_bench.cc LIBS ram_1w1r_model ram_1w1r_be_model ram_narrow_model)

foreach(inputs 8 16)
  accllm_add_rtl_bench(mux_wide_${inputs}_bench TOP mux_wide PARAMS Width=5 Inputs=${inputs} BENCH mux_wide_bench.cc
                       DEFINITIONS ACCLLM_INPUTS=${inputs})
  accllm_add_rtl_bench(mux_wide_${inputs}_primitive_bench TOP mux_wide PARAMS Width=5 Inputs=${inputs}
                       DEFINES ACCLLM_PRIMITIVES BENCH mux_wide_bench.cc DEFINITIONS ACCLLM_INPUTS=${inputs})
endforeach()

# The described form of the DSP cells, and the primitive's.
accllm_add_rtl_model(dsp_chains_model TOP dsp_chains SOURCES models/dsp_chains.sv)
accllm_add_rtl_model(dsp_chains_primitive_model TOP dsp_chains PREFIX Vdsp_chains_primitive
                     SOURCES models/dsp_chains.sv DEFINES ACCLLM_PRIMITIVES)
accllm_add_rtl_bench(dsp_bench BENCH dsp_bench.cc LIBS dsp_chains_model dsp_chains_primitive_model)
