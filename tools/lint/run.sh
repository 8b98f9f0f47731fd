#!/usr/bin/env bash
# Every static check of the repository; a configured and built build folder is expected.
#
# usage: tools/lint/run.sh [BUILD_DIR [JOBS]]     BUILD_DIR: whose compile commands clang-tidy follows
set -euo pipefail
cd "$(dirname "$0")/../.."
export PYTHONDONTWRITEBYTECODE=1

build_dir=${1:-build}
jobs=${2:-2}
failed=0

# step NAME COMMAND...: runs every check even if an earlier one failed, so one run shows everything.
step() {
  local name=$1
  shift
  if "$@"; then
    echo "lint: $name ok"
  else
    echo "lint: $name FAILED"
    failed=1
  fi
}

check_format() {
  python3 tools/lint/sources.py | xargs --no-run-if-empty clang-format-14 --dry-run -Werror
}

step format check_format
step includes python3 tools/lint/check_includes.py
step sizes python3 tools/lint/check_sizes.py
step tidy python3 tools/lint/tidy.py "$build_dir" "$jobs"
exit "$failed"
