#!/usr/bin/env bash
# Writes anew what is generated from spec/ and committed; tests compare it.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 tools/spec/generate.py spec/packed.toml --manual docs/reference/packed-format.md
python3 tools/spec/generate.py spec/accelerator.toml --manual docs/reference/accelerator-isa.md \
  --package rtl/pkg/accllm_pkg.sv --tcl fpga/u280/registers.tcl
