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

# The distribution's own, because it has the modules that tools/setup.sh installs.
readonly PYTHON=/usr/bin/python3
"$PYTHON" -c 'import numpy' 2>/dev/null ||
  npm_die "numpy is not installed; run 'tools/setup.sh test' as root"
fetch_llama_cpp
exec "$PYTHON" tools/compare_llama_cpp/compare.py --llama-cpp "$LLAMA_CPP" \
  --binary build/accllm --tokenize build/tests/tokenize_lines --model models/books-6m \
  --calibration build/texts/sotu.txt --text build/texts/moby_dick.txt \
  --output build/compare_llama_cpp "$@"
