#!/usr/bin/env bash
# Makes models/books-6m.acc: the bundled model distilled end to end, 2:4 and 2 bits. An hour; the same
# program, text and kind of CPU give the same bytes. The bundled file was made before blocks and the whole model
# had learning rates of their own: its one step of tuning on each block took the larger one.
#
# usage: tools/distill_books.sh TEXT [OUTPUT [OPTION...]]
#   TEXT     books in the public domain, one paragraph a line; the bundled file was made with the model's own
#            training text (31 MB), which tools/books_corpus.sh comes near to (28.5 MB)
#   OUTPUT   where to write (default: models/books-6m.acc)
#   OPTION   more options of `accllm compress`, such as --codebook free or --resume
set -euo pipefail
cd "$(dirname "$0")/.."
export ACCLLM_CONFIG=none  # not the user's own settings

text=${1:?usage: tools/distill_books.sh TEXT [OUTPUT [OPTION...]]}
output=${2:-models/books-6m.acc}
shift $(($# < 2 ? $# : 2))
# Blocks are hardly tuned one by one: training the whole model at once does more in the same time.
exec build/accllm compress models/books-6m -o "$output" --recipe distilled --calibration "$text" --lines \
  --samples 512 --sample-tokens 256 --tune-steps 1 --distill-steps 900 --batch-tokens 2048 "$@"
