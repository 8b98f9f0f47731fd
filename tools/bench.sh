#!/usr/bin/env bash
# Runs every google-benchmark program of the build folder and keeps the results as JSON beside them.
#
# usage: tools/bench.sh [FILTER]     FILTER: regular expression over benchmark names
set -euo pipefail
cd "$(dirname "$0")/.."

filter=${1:-.}
found=0
for program in build/bench/*; do
  [[ -f $program && -x $program ]] || continue
  found=1
  echo "== $(basename "$program")"
  "$program" --benchmark_filter="$filter" --benchmark_out="$program.json" \
    --benchmark_out_format=json --benchmark_counters_tabular=true
done
((found)) || {
  echo "tools/bench.sh: no benchmark in build/bench; run 'make bench'" >&2
  exit 1
}
