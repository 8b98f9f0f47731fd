# A memory channel with protocol checks (src/accel/rtl).
accllm_add_rtl_bench(axi_memory_bench BENCH axi_memory_bench.cc LIBS rtl_axi_memory)

# As on the card, and so small that every limit is met.
accllm_add_rtl_bench(axi_read_stream_bench TOP axi_read_stream BENCH axi_read_stream_bench.cc LIBS rtl_axi_memory
                     DEFINITIONS ACCLLM_ROOM=504)
accllm_add_rtl_bench(axi_read_stream_small_bench MAPPED TOP axi_read_stream BENCH axi_read_stream_bench.cc
                     PARAMS BurstBeats=4 Outstanding=2 RoomBeats=8 AddressW=40
                     DEFINITIONS ACCLLM_ROOM=8 LIBS rtl_axi_memory)
accllm_add_rtl_bench(axi_write_beats_bench MAPPED TOP axi_write_beats BENCH axi_write_beats_bench.cc LIBS rtl_axi_memory)
accllm_add_rtl_bench(axi_lite_registers_bench MAPPED TOP axi_lite_registers PARAMS Channels=3
                     BENCH axi_lite_registers_bench.cc LIBS accllm_spec)
# The offsets as yosys computes them.
accllm_add_rtl_bench(axi_lite_words_netlist_bench TOP axi_lite_words PARAMS Words=43 IsMemory=1'b0 NETLIST SLOW
                     BENCH axi_lite_words_bench.cc LIBS accllm_spec)
