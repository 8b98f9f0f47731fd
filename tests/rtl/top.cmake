# The kernel beside the functional model.
#
# accllm_add_top_bench(LANES SLOTS LANES_PER_SILU [options of accllm_add_rtl_bench])
function(accllm_add_top_bench lanes slots lanes_per_silu)
  math(EXPR head_queries "2 * ${slots}")
  # One of the machines is that of `accllm run --device rtl`.
  set(model accllm_top_${lanes}x${slots}_model)
  set(top Vaccllm_top)
  if(ACCLLM_HAS_RTL_DEVICE AND lanes EQUAL ACCLLM_RTL_DEVICE_LANES AND slots EQUAL ACCLLM_RTL_DEVICE_SLOTS)
    set(model accllm_rtl_device)
    set(top Vaccllm_device)
  else()
    accllm_add_rtl_model(${model} TOP accllm_top LINES PARTS 2
                       PARAMS Lanes=${lanes} Slots=${slots} Words=4096 Blocks=4 LanesPerSilu=${lanes_per_silu}
                              BurstBeats=16 BufferBeats=64 HeadQueries=${head_queries} ScoreDepth=4096 RowDepth=1024)
  endif()
  set(machine ACCLLM_LANES=${lanes} ACCLLM_SLOTS=${slots} ACCLLM_TOP=${top} ACCLLM_TOP_HEADER="${top}.h")
  accllm_add_rtl_bench(accllm_top_${lanes}x${slots}_bench BENCH accllm_top_bench.cc
                       LIBS ${model} accllm_compiler rtl_axi_memory
                       DEFINITIONS ${machine} ${ARGN})
  accllm_add_rtl_bench(accllm_attention_${lanes}x${slots}_bench BENCH accllm_attention_bench.cc
                       LIBS ${model} accllm_compiler rtl_axi_memory
                       DEFINITIONS ${machine} ACCLLM_LONG=$<BOOL:${ACCLLM_RTL_SLOW}> ${ARGN})
  # A bundled model with the machine of the device.
  if(lanes EQUAL ACCLLM_RTL_DEVICE_LANES AND slots EQUAL ACCLLM_RTL_DEVICE_SLOTS)
    accllm_add_rtl_bench(accllm_text_bench SLOW BENCH accllm_text_bench.cc
                         LIBS ${model} accllm_compiler rtl_axi_memory DEFINITIONS ${machine})
  endif()
  # Its models grow with the lanes, these machines' buffers do not.
  if(lanes LESS_EQUAL 4)
    accllm_add_rtl_bench(cycles_${lanes}x${slots}_bench BENCH cycles_bench.cc
                         LIBS ${model} accllm_compiler rtl_axi_memory
                         DEFINITIONS ${machine} ACCLLM_LANES_PER_SILU=${lanes_per_silu} ${ARGN})
  endif()
endfunction()
set(lanes_per_silu 1)
if(ACCLLM_RTL_COVERAGE)
  set(lanes_per_silu 2)  # lanes that share a SiLU wait for it
endif()
accllm_add_top_bench(2 4 ${lanes_per_silu})
accllm_add_top_bench(4 2 2 SLOW)
# Values of two clusters.
accllm_add_top_bench(16 2 4 SLOW)

# The wrapper of a card, of a machine as small as the first.
set(kit ${PROJECT_BINARY_DIR}/rtl_models/card_kit)
add_custom_command(
  OUTPUT ${kit}/rtl/accllm_kernel.v
  COMMAND ${ACCLLM_PYTHON} ${PROJECT_SOURCE_DIR}/tools/rtl/card_kit.py 2 4 Words=4096 Blocks=4 LanesPerSilu=1
          BurstBeats=16 BufferBeats=64 HeadQueries=8 ScoreDepth=4096 RowDepth=1024 --out ${kit}
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/rtl/card_kit.py ${PROJECT_SOURCE_DIR}/tools/rtl/design.py
  VERBATIM)
accllm_add_rtl_bench(accllm_kernel_bench SLOW TOP accllm_kernel PARTS 2 BENCH accllm_kernel_bench.cc
                     SOURCES ${kit}/rtl/accllm_kernel.v LIBS accllm_compiler rtl_axi_memory)

# The kernel as a device of `accllm run`.
if(ACCLLM_HAS_RTL_DEVICE)
  accllm_add_rtl_bench(rtl_device_bench BENCH rtl_device_bench.cc LIBS accllm_compiler
                       DEFINITIONS ACCLLM_LANES=${ACCLLM_RTL_DEVICE_LANES} ACCLLM_SLOTS=${ACCLLM_RTL_DEVICE_SLOTS})
endif()

# What a card's kernel is built from agrees with itself.
find_program(ACCLLM_TCLSH tclsh)
if(ACCLLM_TCLSH)
  add_test(NAME rtl.card_kit COMMAND ${ACCLLM_PYTHON} ${CMAKE_CURRENT_SOURCE_DIR}/card_kit_test.py)
  set_tests_properties(rtl.card_kit PROPERTIES LABELS rtl)
else()
  message(STATUS "tclsh is not installed: the card's scripts are not tried (tools/setup.sh rtl)")
endif()
