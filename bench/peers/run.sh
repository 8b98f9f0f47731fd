#!/usr/bin/env bash
# Measures accllm and llama.cpp (prebuilt, from npm) in one run. Needs build/accllm, which
# `make bench-peers` makes.
#
# usage: bench/peers/run.sh [OPTION...]     options: peers.py --help
set -euo pipefail
cd "$(dirname "$0")/../.."
export ACCLLM_CONFIG=none  # not the user's own settings
# llama.cpp allocates its weights with malloc: let that use huge pages, as accllm does.
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1
source tools/llama_cpp_package.sh

run_on_llama_cpp bench/peers/peers.py "$@"
