# Build options and the compiler flags every target shares.
option(ACCLLM_BUILD_TESTS "Build the tests" ON)
option(ACCLLM_BUILD_BENCH "Build the benchmarks" ON)
option(ACCLLM_BUILD_FUZZERS "Build the libFuzzer targets (needs clang)" OFF)
option(ACCLLM_XRT "Reach cards through XRT, if it is installed" ON)
set(ACCLLM_TOGETHER 1 CACHE STRING "How many sources of a room to compile at once; 0 for all")
set(ACCLLM_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(accllm_flags INTERFACE)
# -ffp-contract=off: the numeric contract rounds after every float operation; a fused multiply-add
# chosen by the compiler would make ISAs disagree in the last bit.
target_compile_options(accllm_flags INTERFACE -Wall -Wextra -Werror -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees overlapping copies in std::string's own operator+ (GCC bug 105651).
  target_compile_options(accllm_flags INTERFACE -Wno-restrict)
endif()
if(ACCLLM_SANITIZE)
  target_compile_options(accllm_flags INTERFACE -fsanitize=${ACCLLM_SANITIZE}
                                                -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(accllm_flags INTERFACE -fsanitize=${ACCLLM_SANITIZE})
endif()
if(ACCLLM_BUILD_FUZZERS)
  # Coverage feedback from the library's own code; fuzz/ adds the driver when it links.
  target_compile_options(accllm_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(accllm_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
