# accllm_room(NAME SOURCES ... [DEPS ...] [TESTS ...])
#
# One room of src/: a static library accllm_NAME and, beside it, one test program per file of TESTS.
# DEPS are the only libraries the room may include from; tools/lint/check_includes.py checks the same.
function(accllm_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPS;TESTS;TEST_DEPS" ${ARGN})
  add_library(accllm_${name} STATIC ${ROOM_SOURCES})
  target_include_directories(accllm_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(accllm_${name} PUBLIC ${ROOM_DEPS} PRIVATE accllm_flags)
  foreach(test ${ROOM_TESTS})
    accllm_test(${test} DEPS accllm_${name} ${ROOM_TEST_DEPS})
  endforeach()
endfunction()

# accllm_test(FILE [DEPS ...] [LABELS ...] [ENVIRONMENT ...]): one GoogleTest program, its cases registered with CTest.
function(accllm_test file)
  if(NOT ACCLLM_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(TEST "" "" "DEPS;LABELS;ENVIRONMENT" ${ARGN})
  get_filename_component(name ${file} NAME_WE)
  add_executable(${name} ${file})
  target_compile_definitions(
    ${name} PRIVATE ACCLLM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" ACCLLM_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE ${TEST_DEPS} accllm_flags GTest::gtest_main rapidcheck)
  set(properties TIMEOUT 600)
  if(TEST_LABELS)
    list(APPEND properties LABELS "${TEST_LABELS}")
  endif()
  if(TEST_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${TEST_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()
