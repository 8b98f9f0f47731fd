# Verilated modules of rtl/ as C++ libraries, and their benches. Without Verilator there are none.
# Only for counting: of the benches that share a source the first one is there, and none of a netlist or of those that
# take long, but for the ones that are COUNTED.
option(ACCLLM_RTL_COVERAGE "Count lines and toggles in Verilated models" OFF)
option(ACCLLM_RTL_SLOW "Build the benches of the RTL that take long, too" OFF)
option(ACCLLM_RTL_DEVICE "Simulate the RTL in `accllm run --device rtl`, if Verilator is installed" OFF)
set(ACCLLM_RTL_DEVICE_LANES 2 CACHE STRING "Lanes of that device: a power of two, at least 2")
set(ACCLLM_RTL_DEVICE_SLOTS 4 CACHE STRING "Tokens of a pass on that device: a power of two, at least 2")
set(ACCLLM_HAS_RTL OFF)
set(ACCLLM_HAS_RTL_DEVICE OFF)
if(NOT CMAKE_CROSSCOMPILING)
  find_program(ACCLLM_VERILATOR verilator)
  find_program(ACCLLM_YOSYS yosys)
  if(ACCLLM_VERILATOR)
    set(ACCLLM_HAS_RTL ON)
  else()
    message(STATUS "Verilator is not installed: tests of the RTL are left out (tools/setup.sh rtl installs it)")
  endif()
  if(NOT ACCLLM_YOSYS)
    message(STATUS "yosys is not installed: lint, proofs and netlists of the RTL are left out (tools/setup.sh rtl)")
  endif()
endif()

# The device is part of the program, and takes minutes to compile.
if(ACCLLM_HAS_RTL AND ACCLLM_RTL_DEVICE)
  execute_process(COMMAND ${ACCLLM_VERILATOR} --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "[0-9]+\\.[0-9]+" version "${version}")
  if(version VERSION_GREATER_EQUAL 5)
    set(ACCLLM_HAS_RTL_DEVICE ON)
  else()
    message(STATUS "Verilator ${version} is too old for --device rtl: it wants 5")
  endif()
endif()
add_custom_target(rtl_benches)

# What every Verilated model needs at run time.
if(ACCLLM_HAS_RTL)
  execute_process(COMMAND ${ACCLLM_VERILATOR} --getenv VERILATOR_ROOT OUTPUT_VARIABLE verilator_root
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(verilator_include ${verilator_root}/include)
  add_library(accllm_verilated STATIC EXCLUDE_FROM_ALL ${verilator_include}/verilated.cpp
                                                       ${verilator_include}/verilated_threads.cpp)
  target_include_directories(accllm_verilated SYSTEM PUBLIC ${verilator_include} ${verilator_include}/vltstd)
  target_compile_definitions(accllm_verilated PUBLIC VERILATOR=1 VM_COVERAGE=$<BOOL:${ACCLLM_RTL_COVERAGE}> VM_SC=0
                                                     VM_TRACE=0 VM_TRACE_FST=0 VM_TRACE_VCD=0)
  target_compile_options(accllm_verilated PRIVATE -w)
  target_link_libraries(accllm_verilated PUBLIC Threads::Threads)
  if(ACCLLM_RTL_COVERAGE)
    target_sources(accllm_verilated PRIVATE ${verilator_include}/verilated_cov.cpp)
  endif()
endif()

# accllm_add_rtl_model(NAME TOP module [PREFIX class] [PARTS n] [SOURCES files] [PARAMS Lanes=4 ...] [DEFINES ...]
#                      [NETLIST] [LINES])
#
# Library NAME with the class PREFIX (V and the module's name, if it is not given) in "PREFIX.h". SOURCES are modules
# that do not lie in rtl/; PARTS is the number of sources that the C++ is compiled in. With NETLIST, the model is that
# of the module synthesised for UltraScale+; there is none without yosys. LINES: it is too large to count toggles, too.
function(accllm_add_rtl_model name)
  if(NOT ACCLLM_HAS_RTL)
    return()
  endif()
  cmake_parse_arguments(MODEL "NETLIST;LINES" "TOP;PREFIX;PARTS" "SOURCES;PARAMS;DEFINES" ${ARGN})
  if(NOT MODEL_PREFIX)
    set(MODEL_PREFIX V${MODEL_TOP})
  endif()
  if(NOT MODEL_PARTS)
    set(MODEL_PARTS 1)
  endif()
  set(out ${PROJECT_BINARY_DIR}/rtl_models/${name})
  set(parts)
  math(EXPR last "${MODEL_PARTS} - 1")
  foreach(number RANGE ${last})
    list(APPEND parts ${out}/part_${number}.cc)
  endforeach()
  set(sources)
  foreach(source ${MODEL_SOURCES})
    cmake_path(ABSOLUTE_PATH source)
    list(APPEND sources ${source})
  endforeach()
  list(TRANSFORM sources PREPEND "--source;" OUTPUT_VARIABLE source_options)
  list(TRANSFORM MODEL_PARAMS PREPEND "--param;")
  list(TRANSFORM MODEL_DEFINES PREPEND "--define;")
  set(tools ${PROJECT_SOURCE_DIR}/tools/rtl)
  set(scripts ${tools}/verilate.py ${tools}/design.py)
  if(MODEL_NETLIST)
    list(APPEND scripts ${tools}/synth.py ${tools}/sites.py ${tools}/netlist.py ${tools}/simulable.py)
  endif()
  add_custom_command(
    OUTPUT ${parts}
    BYPRODUCTS ${out}/${MODEL_PREFIX}.h
    COMMAND ${ACCLLM_PYTHON} ${tools}/verilate.py ${MODEL_TOP} --prefix ${MODEL_PREFIX} --out ${out}
            --parts ${MODEL_PARTS} --depfile ${out}/verilate.d --verilator ${ACCLLM_VERILATOR} ${source_options}
            ${MODEL_PARAMS} ${MODEL_DEFINES} $<$<BOOL:${MODEL_NETLIST}>:--netlist> $<$<BOOL:${ACCLLM_RTL_COVERAGE}>:--coverage>
            $<$<AND:$<BOOL:${ACCLLM_RTL_COVERAGE}>,$<BOOL:${MODEL_LINES}>>:--lines>
    DEPENDS ${scripts} ${sources}
    DEPFILE ${out}/verilate.d
    COMMENT "Verilating ${name}"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_library(${name} STATIC EXCLUDE_FROM_ALL ${parts})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  # Not our text. Most of the time of a bench goes into the compiler, of a netlist nearly all.
  target_compile_options(${name} PRIVATE -w $<IF:$<BOOL:${MODEL_NETLIST}>,-O0,-O1>)
  target_link_libraries(${name} PUBLIC accllm_verilated)
endfunction()

# accllm_add_rtl_bench(NAME BENCH file.cc [TOP module PREFIX PARTS SOURCES PARAMS DEFINES] [LIBS targets]
#                      [DEFINITIONS of C++] [LABELS ...] [NETLIST] [MAPPED] [LINES] [SLOW] [COUNTED])
#
# A GoogleTest program against a model of TOP, or against models among LIBS. Its cases have the label rtl. Those that
# are SLOW to build or to run are there only with ACCLLM_RTL_SLOW, or if they are COUNTED with ACCLLM_RTL_COVERAGE.
# What is MAPPED has one more such bench, the same of its netlist with fewer vectors.
function(accllm_add_rtl_bench name)
  if(NOT ACCLLM_HAS_RTL)
    return()
  endif()
  cmake_parse_arguments(BENCH "NETLIST;MAPPED;LINES;SLOW;COUNTED" "TOP;PREFIX;PARTS;BENCH" "SOURCES;PARAMS;DEFINES;LIBS;DEFINITIONS;LABELS" ${ARGN})
  if(BENCH_MAPPED)
    string(REGEX REPLACE "_bench$" "_netlist_bench" mapped ${name})
    accllm_add_rtl_bench(${mapped} NETLIST SLOW TOP ${BENCH_TOP} PARTS ${BENCH_PARTS} BENCH ${BENCH_BENCH}
                         SOURCES ${BENCH_SOURCES} PARAMS ${BENCH_PARAMS} LIBS ${BENCH_LIBS}
                         DEFINITIONS ${BENCH_DEFINITIONS} ACCLLM_VECTORS=30000)
  endif()
  if(BENCH_SLOW AND NOT ACCLLM_RTL_SLOW AND NOT (BENCH_COUNTED AND ACCLLM_RTL_COVERAGE))
    return()
  endif()
  if(ACCLLM_RTL_COVERAGE)
    get_property(counted GLOBAL PROPERTY accllm_rtl_counted)
    if(BENCH_NETLIST OR BENCH_BENCH IN_LIST counted)
      return()
    endif()
    set_property(GLOBAL APPEND PROPERTY accllm_rtl_counted ${BENCH_BENCH})
  endif()
  set(libraries ${BENCH_LIBS})
  set(kind)
  if(BENCH_LINES)
    list(APPEND kind LINES)
  endif()
  if(BENCH_NETLIST)
    list(APPEND kind NETLIST)
    if(NOT ACCLLM_YOSYS)
      return()
    endif()
  endif()
  if(BENCH_TOP)
    accllm_add_rtl_model(${name}_model TOP ${BENCH_TOP} PREFIX ${BENCH_PREFIX} PARTS ${BENCH_PARTS}
                         SOURCES ${BENCH_SOURCES} PARAMS ${BENCH_PARAMS} DEFINES ${BENCH_DEFINES} ${kind})
    list(PREPEND libraries ${name}_model)
  endif()
  accllm_test(${name} SOURCES ${BENCH_BENCH} PREFIX rtl.${name}. DEPS ${libraries} accllm_verilated fmt::fmt
              LABELS rtl ${BENCH_LABELS})
  if(TARGET ${name})
    add_dependencies(rtl_benches ${name})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/src)
    target_compile_definitions(${name} PRIVATE ${BENCH_DEFINITIONS})
  endif()
endfunction()
