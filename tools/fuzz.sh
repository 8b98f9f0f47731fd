#!/usr/bin/env bash
# Runs every fuzz target for a number of seconds, JOBS at once, each from its seed corpus fuzz/corpus/NAME and
# with its dictionary fuzz/NAME.dict if there are such. What a run finds is kept in build-fuzz/corpus/NAME, a
# crash in build-fuzz/crashes/NAME.
#
# usage: tools/fuzz.sh [SECONDS [JOBS]]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-300}
jobs=${2:-1}
build="build-fuzz"

# run NAME PROGRAM
run() {
  local name=$1 program=$2 log="$build/logs/$1.log"
  local corpora=("$build/corpus/$name") dictionary=()
  [[ -d fuzz/corpus/$name ]] && corpora+=("fuzz/corpus/$name")
  [[ -f fuzz/$name.dict ]] && dictionary=("-dict=fuzz/$name.dict")
  mkdir -p "$build/corpus/$name" "$build/crashes/$name" "$build/logs"
  if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$build/crashes/$name/" -print_final_stats=1 "${dictionary[@]}" \
    "${corpora[@]}" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz: $name FAILED (log: $log; input: $build/crashes/$name)" >&2
    return 1
  fi
  echo "fuzz: $name ok, $(awk '/number_of_executed_units/ {print $2}' "$log") inputs in $seconds s"
}

failed=0
running=0
found=0
for program in "$build"/fuzz/fuzz_*; do
  [[ -f $program && -x $program ]] || continue
  found=1
  if ((running == jobs)); then
    wait -n || failed=1
    running=$((running - 1))
  fi
  name=$(basename "$program")
  run "${name#fuzz_}" "$program" &
  running=$((running + 1))
done
((found)) || {
  echo "tools/fuzz.sh: no fuzz target in $build/fuzz; build the preset 'fuzz' first" >&2
  exit 1
}
while ((running--)); do
  wait -n || failed=1
done
exit "$failed"
