# The lane's cells, described and of the part's primitives.
foreach(form described primitive)
  set(define)
  set(size)
  if(form STREQUAL primitive)
    set(define DEFINES ACCLLM_PRIMITIVES)
    set(size SLOW)
  endif()
  accllm_add_rtl_bench(lut_ram_${form}_bench ${size} TOP lut_ram PARAMS Ports=5 Width=6 ${define} BENCH lut_ram_bench.cc)
  accllm_add_rtl_bench(dsp_preadd_${form}_bench ${size} TOP dsp_preadd_pair SOURCES models/dsp_preadd_pair.sv ${define}
                       BENCH dsp_preadd_bench.cc)
  accllm_add_rtl_bench(rce_decode_${form}_bench TOP rce_decode ${define} BENCH rce_decode_bench.cc LIBS accllm_base)
endforeach()

accllm_add_rtl_bench(stream_buffer_bench MAPPED TOP stream_buffer PARAMS Depth=32 BENCH stream_buffer_bench.cc)
accllm_add_rtl_bench(rce_feed_bench MAPPED TOP rce_feed PARAMS Slots=4 BENCH rce_feed_bench.cc)
accllm_add_rtl_bench(rce_drain_bench MAPPED TOP rce_drain PARAMS Slots=4 BENCH rce_drain_bench.cc)

# What synthesis made of a segment.
accllm_add_rtl_model(rce_segment_model TOP rce_segment PARAMS Slots=2 IsOdd=1'b1)
if(ACCLLM_YOSYS AND NOT ACCLLM_RTL_COVERAGE)
  accllm_add_rtl_model(rce_segment_netlist_model TOP rce_segment PREFIX Vrce_segment_netlist PARAMS Slots=2 IsOdd=1'b1
                       NETLIST)
  accllm_add_rtl_bench(rce_segment_netlist_bench BENCH rce_segment_netlist_bench.cc
                       LIBS rce_segment_model rce_segment_netlist_model)
endif()

# Programs for a lane, with what it shares with others, and what comes of them.
if(ACCLLM_HAS_RTL)
  add_library(accllm_rtl_rce STATIC EXCLUDE_FROM_ALL rce_linear.cc rce_attention.cc)
  target_include_directories(accllm_rtl_rce PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(accllm_rtl_rce PUBLIC accllm_base)
endif()

# accllm_add_rce_lane_bench(NAME SLOTS [options of accllm_add_rtl_bench])
function(accllm_add_rce_lane_bench name slots)
  accllm_add_rtl_bench(${name} TOP rce_quad PARAMS Lanes=1 Slots=${slots} PARTS 2 BENCH rce_lane_bench.cc LIBS accllm_rtl_rce LINES
                       DEFINITIONS ACCLLM_RTL_SLOTS=${slots} ${ARGN})
endfunction()
accllm_add_rce_lane_bench(rce_lane_4_bench 4)
accllm_add_rce_lane_bench(rce_lane_2_bench 2 SLOW MAPPED)
accllm_add_rce_lane_bench(rce_lane_8_bench 8 SLOW)
accllm_add_rce_lane_bench(rce_lane_primitive_bench 2 SLOW DEFINES ACCLLM_PRIMITIVES)
