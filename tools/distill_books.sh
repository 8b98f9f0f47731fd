#!/usr/bin/env bash
# Makes models/books-6m-v2.acc: a bundled model distilled end to end, 2:4 and 2 bits. Half an hour; the
# same program, text and kind of CPU give the same bytes. models/books-6m.acc was made before blocks and the
# whole model had learning rates of their own (its one step of tuning on each block took the larger one), and before the
# output head was trained.
#
# usage: tools/distill_books.sh TEXT [MODEL [OUTPUT [OPTION...]]]
#   TEXT     books in the public domain, one paragraph a line; the bundled files were made with the models' own
#            training text (31 MB), which tools/books_corpus.sh comes near to (28.5 MB)
#   MODEL    checkpoint (default: models/books-6m-v2)
#   OUTPUT   where to write (default: MODEL.acc)
#   OPTION   more options of `accllm compress`, such as --codebook free or --resume
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings

text=${1:?usage: tools/distill_books.sh TEXT [MODEL [OUTPUT [OPTION...]]]}
model=${2:-models/books-6m-v2}
output=${3:-$model.acc}
shift $(($# < 3 ? $# : 3))
# Blocks are hardly tuned one by one: training the whole model at once does more in the same time.
exec build/accllm compress "$model" -o "$output" --recipe distilled --calibration "$text" --lines \
  --samples 512 --sample-tokens 256 --tune-steps 1 --distill-steps 900 --batch-tokens 2048 "$@"
