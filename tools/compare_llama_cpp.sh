#!/usr/bin/env bash
# Compares packed files with the low-bit types of llama.cpp (prebuilt, from npm): the same model,
# the same text, the same predictions. Prints a table, and writes it and a JSON file to
# build/compare_llama_cpp. Takes minutes, and is no part of `make test`;
# `make compare-llama-cpp FILES="..."` builds what it needs.
#
# usage: tools/compare_llama_cpp.sh [OPTION...] [FILE.acc...]
#   FILE.acc: packed files of the model; more options: compare.py --help
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings
source tools/llama_cpp_package.sh

run_on_llama_cpp tools/compare_llama_cpp/compare.py \
  --binary build/accllm --tokenize build/tests/tokenize_lines --model models/books-6m-v2 \
  --calibration build/texts/sotu.txt --text build/texts/moby_dick.txt \
  --output build/compare_llama_cpp "$@"
