# The commands of this repository. Everything they make goes to build/, build-*/ and .cache/.
JOBS ?= 2
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 300
# Installs missing Debian packages; SETUP=true skips that where the packages come from elsewhere.
SETUP ?= tools/setup.sh

CONFIGURE = cmake --log-level=WARNING --preset
BUILD = cmake --build --parallel $(JOBS) --preset
export NINJA_STATUS ?= [%f/%t %es] 

.DEFAULT_GOAL := help
.PHONY: help setup build install demo test bench bench-peers lint format fuzz clean texts tokenizers check-tokenizers \
  check-gguf compare-llama-cpp emulate-avx512 test-aarch64 tests-built fuzzers-built test-rtl \
  coverage-rtl synth

help:
	@echo "make setup    install every Debian package that the targets below need (as root)"
	@echo "make build    build the binary build/accllm"
	@echo "make install  install it with manual pages and completions below PREFIX=$(PREFIX)"
	@echo "make demo     compress the bundled model, generate text, measure size, quality and speed"
	@echo "make test     build, lint, run all tests and a short slice of every fuzzer"
	@echo "make test-rtl  run all tests of the RTL, the slow ones too"
	@echo "make coverage-rtl  build the RTL's benches so that they count lines and toggles, and say what they reach"
	@echo "make synth    synthesise the RTL for UltraScale+, count what it takes, check the budgets"
	@echo "make check-tokenizers  compare ids with other encoders on real vocabularies"
	@echo "make bench    run the benchmarks of kernels and tokenizers"
	@echo "make bench-peers  measure llama.cpp's low-bit types beside accllm (minutes to hours)"
	@echo "make lint     format, include directions, file sizes, clang-tidy"
	@echo "make format   reformat all C++ files in place"
	@echo "make fuzz     run every fuzzer for FUZZ_SECONDS=$(FUZZ_SECONDS) seconds"
	@echo "make emulate-avx512  run the kernels' tests on an emulated CPU with AVX-512 (needs root)"
	@echo "make test-aarch64  build for 64-bit Arm and run the engine's tests under QEMU (needs root)"
	@echo "make check-gguf  compare exported GGUF files with llama.cpp (minutes; needs npm)"
	@echo "make compare-llama-cpp FILES=\"A.acc B.acc\"  perplexity beside llama.cpp's low-bit types (as slow)"
	@echo "make clean    remove what was built"
	@echo "JOBS=$(JOBS) sets how many compilers run at once"

setup:
	@$(SETUP) build test lint fuzz texts rtl

build:
	@$(CONFIGURE) release
	@$(BUILD) release

install: build
	@cmake --install build --prefix $(PREFIX)

texts:
	@$(SETUP) texts
	@tools/texts/fetch.sh

# Real vocabularies and what independent encoders make of test strings.
tokenizers:
	@$(SETUP) texts
	@tools/tokenizers/fetch.sh

check-tokenizers: tests-built tokenizers
	@build/tests/vectors_test

demo:
	@$(SETUP) build texts
	@$(MAKE) --no-print-directory texts build
	@tools/demo.sh

tests-built:
	@$(SETUP) build test
	@$(CONFIGURE) test
	@$(BUILD) test

fuzzers-built:
	@$(SETUP) build fuzz
	@$(CONFIGURE) fuzz
	@$(BUILD) fuzz --target fuzz/all

# clang-tidy follows the fuzzers' compile commands, in which a room is one source and tests are missing:
# a third of the time of `make lint`.
test: setup texts tokenizers tests-built fuzzers-built
	@tools/lint/run.sh build-fuzz $(JOBS)
	@tools/fuzz.sh 5 $(JOBS)
	@ctest --preset test --parallel $(JOBS)

test-rtl:
	@$(SETUP) build test rtl
	@$(CONFIGURE) test -DACCLLM_RTL_SLOW=ON
	@$(BUILD) test
	@ctest --test-dir build --label-regex '^rtl$$' --output-on-failure --no-tests=error --parallel $(JOBS)

coverage-rtl:
	@$(SETUP) build test rtl
	@$(CONFIGURE) coverage-rtl
	@$(BUILD) coverage-rtl
	@python3 tools/rtl/coverage.py build-coverage-rtl --jobs $(JOBS)

synth:
	@$(SETUP) rtl
	@mkdir -p build
	@python3 tools/rtl/synth.py --all --jobs $(JOBS) --json build/synthesis.json

bench: tests-built
	@tools/bench.sh

bench-peers: setup build
	@bench/peers/run.sh $(OPTIONS)

lint: tests-built
	@$(SETUP) lint
	@tools/lint/run.sh build $(JOBS)

format:
	@$(SETUP) lint
	@python3 tools/lint/sources.py | xargs --no-run-if-empty clang-format-14 -i

fuzz: fuzzers-built
	@tools/fuzz.sh $(FUZZ_SECONDS)

check-gguf: setup texts tests-built
	@tools/check_gguf.sh

compare-llama-cpp: setup texts tests-built
	@tools/compare_llama_cpp.sh $(FILES)

emulate-avx512: tests-built
	@$(SETUP) avx512
	@tools/emulate_avx512.sh \
	  'build/src/kernels/kernels_test:Attention*:Linear*:DotF16*:RowSums*:TileKernels*:AddLowRank*:Quantize*:RmsNorm*:SiluMul*:Exp2*'

# The rooms whose tests the test preset asks for by label.
test-aarch64:
	@$(SETUP) build aarch64
	@tools/aarch64_sysroot.sh
	@$(CONFIGURE) aarch64
	@$(BUILD) aarch64 --target $(patsubst %,src/%/all,base kernels reference runtime)
	@ctest --preset aarch64 --parallel $(JOBS)

clean:
	@rm -rf build build-*
