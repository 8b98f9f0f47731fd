#!/usr/bin/env bash
# Compares the GGUF file of the bundled model with llama.cpp (prebuilt, from npm), token by token.
# Slow, and no part of `make test`; `make check-gguf` builds what it needs.
#
# usage: tools/check_gguf.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings
source tools/llama_cpp_package.sh

command -v node >/dev/null || npm_die "node is not installed; run 'tools/setup.sh texts' as root"
fetch_llama_cpp
exec python3 tools/check_gguf/check.py --addon "$LLAMA_CPP" --binary build/accllm \
  --tokenize build/tests/tokenize_lines --model models/books-6m \
  --text build/texts/moby_dick.txt --output build/check_gguf
