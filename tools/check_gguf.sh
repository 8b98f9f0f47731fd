#!/usr/bin/env bash
# Compares the GGUF file of the bundled model with llama.cpp (prebuilt, from npm), token by token.
# Slow, and no part of `make test`; `make check-gguf` builds what it needs.
#
# usage: tools/check_gguf.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings
source tools/npm_package.sh

readonly PACKAGE=@node-llama-cpp/linux-x64 VERSION=3.21.1
readonly SHA256=4b5b65a8b2611d8af94349b02d815c0f424a30a0a19aef2be5db25ecfef6730f
readonly FOLDER=build/npm/llama-cpp-$VERSION

[[ $(uname -sm) == "Linux x86_64" ]] || npm_die "$PACKAGE is for Linux on x86-64 only"
command -v node >/dev/null || npm_die "node is not installed; run 'tools/setup.sh texts' as root"
npm_tarball "$PACKAGE" "$VERSION" "$SHA256" .cache/npm
if [[ ! -f $FOLDER/llama-addon.node ]]; then
  mkdir -p "$FOLDER"
  tar --extract --gzip --file "$tarball" --directory "$FOLDER" --strip-components=3 \
    package/bins/linux-x64
fi
exec python3 tools/check_gguf/check.py --addon "$FOLDER" --binary build/accllm \
  --tokenize build/tests/tokenize_lines --model models/books-6m \
  --text build/texts/moby_dick.txt --output build/check_gguf
