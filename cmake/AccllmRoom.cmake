# Compiles ACCLLM_TOGETHER sources at once, which reads their headers once. So names without linkage must be unique
# in a room, and among its tests.
function(accllm_compile_together name)
  if(NOT ACCLLM_TOGETHER STREQUAL 1)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${ACCLLM_TOGETHER})
    # g++ takes the sources for headers, where an unnamed namespace would be a mistake.
    target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# accllm_room(NAME SOURCES ... [DEPS ...] [TESTS ...])
#
# One room of src/: a static library accllm_NAME and, beside it, NAME_test, a program of all TESTS.
# DEPS are the only libraries the room may include from; tools/lint/check_includes.py checks the same. The tests have
# the label NAME.
function(accllm_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPS;TESTS;TEST_DEPS" ${ARGN})
  add_library(accllm_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(accllm_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(accllm_${name} PUBLIC ${ROOM_DEPS} PRIVATE accllm_flags)
  accllm_compile_together(accllm_${name})
  accllm_test(${name}_test SOURCES ${ROOM_TESTS} DEPS accllm_${name} ${ROOM_TEST_DEPS} LABELS ${name})
endfunction()

# Tests spend their time in the rooms, not in their own loops: what counts here is how fast they compile.
function(accllm_compile_fast name)
  # With -O1, g++ 12 sees short strings copied out of bounds (GCC bug 105329).
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>
                                         "$<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds;-Wno-stringop-overflow>")
endfunction()

# The frameworks of all tests, parsed once; clang-tidy compiles without (tools/lint/tidy.py), so every test
# still includes what it uses.
if(ACCLLM_BUILD_TESTS)
  add_library(accllm_test_headers INTERFACE)
  target_compile_definitions(accllm_test_headers INTERFACE ACCLLM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                                           ACCLLM_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(accllm_test_headers INTERFACE accllm_flags GTest::gtest_main rapidcheck)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/generated/test_main.cc CONTENT "")
  add_library(accllm_test_main STATIC ${PROJECT_BINARY_DIR}/generated/test_main.cc)
  target_link_libraries(accllm_test_main PRIVATE accllm_test_headers fmt::fmt)
  accllm_compile_fast(accllm_test_main)
  target_precompile_headers(accllm_test_main PRIVATE <gtest/gtest.h> <rapidcheck/gtest.h> <fmt/format.h>)
endif()

# accllm_test(NAME SOURCES ... [PREFIX text] [DEPS ...] [LABELS ...] [ENVIRONMENT ...])
#
# One GoogleTest program, its cases registered with CTest behind PREFIX.
function(accllm_test name)
  if(NOT ACCLLM_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(TEST "" "PREFIX" "SOURCES;DEPS;LABELS;ENVIRONMENT" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  accllm_compile_together(${name})
  target_link_libraries(${name} PRIVATE ${TEST_DEPS} accllm_test_headers)
  accllm_compile_fast(${name})
  target_precompile_headers(${name} REUSE_FROM accllm_test_main)
  set(properties TIMEOUT 600)
  if(TEST_LABELS)
    list(APPEND properties LABELS "${TEST_LABELS}")
  endif()
  if(TEST_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${TEST_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${name} TEST_PREFIX "${TEST_PREFIX}" DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()
