#!/usr/bin/env bash
# Compresses the bundled model, lets the result and the distilled model speak, and compares both with the
# float checkpoint.
# Expects build/accllm and build/texts (`make demo` makes both).
#
# usage: tools/demo.sh
# environment: DEMO_TOKENS  how many tokens of Moby Dick to evaluate (default 16384)
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings

readonly ACCLLM=build/accllm
readonly CHECKPOINT=models/books-6m-v2
readonly OUT=build/demo
readonly PACKED=$OUT/books.acc
readonly DISTILLED=models/books-6m-v2.acc  # made by tools/distill_books.sh
readonly CALIBRATION=build/texts/sotu.txt
readonly TEST_TEXT=build/texts/moby_dick.txt
readonly TOKENS=${DEMO_TOKENS:-16384}

for needed in "$ACCLLM" "$CALIBRATION" "$TEST_TEXT"; do
  [[ -f $needed ]] || {
    echo "tools/demo.sh: $needed is missing; run 'make demo'" >&2
    exit 1
  }
done
mkdir -p "$OUT"

# to_json FILE COMMAND...: keeps the command's JSON; its progress goes to the terminal.
to_json() {
  local file=$1
  shift
  echo "\$ $*"
  "$@" >"$file"
}

evaluate() {
  local file=$1
  shift
  to_json "$file" "$ACCLLM" eval "$@" --text "$TEST_TEXT" --lines --window-tokens 256 \
    --max-tokens "$TOKENS" --json
}

echo "== compress: prune 2:4, quantise to 2 bits, train each block, then all scales and the head (a third of the usual steps)"
to_json "$OUT/compress.json" "$ACCLLM" compress "$CHECKPOINT" -o "$PACKED" \
  --calibration "$CALIBRATION" --lines --tune-steps 100 --scale-steps 100 --force --json
to_json "$OUT/inspect.json" "$ACCLLM" inspect "$PACKED" --json
to_json "$OUT/inspect_distilled.json" "$ACCLLM" inspect "$DISTILLED" --json

echo "== generate, with what was just compressed and with the model that was distilled for half an hour"
for model in "$PACKED" "$DISTILLED"; do
  to_json "$OUT/generate.json" "$ACCLLM" generate "$model" -p "Call me Ishmael. Some years ago" \
    -n 96 --temp 0.8 --seed 1 --json
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["text"])' "$OUT/generate.json"
done

echo "== evaluate on Moby Dick, which neither training nor calibration has seen"
evaluate "$OUT/eval_float.json" "$CHECKPOINT"
evaluate "$OUT/eval_packed.json" "$PACKED" --against "$CHECKPOINT"
evaluate "$OUT/eval_distilled.json" "$DISTILLED" --against "$CHECKPOINT"

echo "== bench"
threads=1
(($(nproc) > 1)) && threads=1,2
to_json "$OUT/bench.json" "$ACCLLM" bench "$PACKED" -p 128 -n 64 -d 0 -t "$threads" --json

echo "== accelerator: compile the distilled model, run it on the functional and the cycle model"
to_json "$OUT/compile.json" "$ACCLLM" compile "$DISTILLED" -o "$OUT/books.accp" --window 252 \
  --force --json
for device in functional cycle; do
  to_json "$OUT/run_$device.json" "$ACCLLM" run "$OUT/books.accp" --device "$device" \
    -p "Call me Ishmael. Some years ago" -n 32 --temp 0 --json
done
to_json "$OUT/generate_exact.json" "$ACCLLM" generate "$DISTILLED" --window 252 \
  -p "Call me Ishmael. Some years ago" -n 32 --temp 0 --json
python3 - "$OUT" <<'EOF'
import json, sys
files = [json.load(open(f"{sys.argv[1]}/{name}.json"))
         for name in ("generate_exact", "run_functional", "run_cycle")]
if any(file["tokens"] != files[0]["tokens"] for file in files):
    sys.exit("tools/demo.sh: the devices' tokens are not the CPU's")
print(f"{files[0]['text']}\nCPU, functional and cycle device: the same {len(files[0]['tokens'])} tokens; "
      f"{files[2]['cycles']} cycles, prompt included")
EOF

echo
python3 tools/demo_table.py "$OUT" "$CHECKPOINT/model.safetensors"
