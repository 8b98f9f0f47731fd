#!/usr/bin/env bash
# Builds a text for training small models and for calibration: books in the public domain, from pinned
# Debian packages, one paragraph a line. The held-out texts (Moby Dick, War and Peace) are not among them.
# Does nothing when the text is there.
#
# usage: tools/books_corpus.sh [OUTPUT]      OUTPUT: default build/texts/books.txt
set -euo pipefail
invoked_from=$PWD
cd "$(dirname "$0")/.."

readonly CACHE_DIR=.cache/texts
readonly TEXT_SHA256=cdd38d371a24dadf1952702e1f6cc643801519b727ec0d39a1a0cebda279e0b2

source tools/debian_package.sh

# PACKAGE VERSION SHA256; docs/dependencies.md says what each holds and why it is in the public domain.
readonly PACKAGES=(
  "r-cran-janeaustenr 1.0.0-1 df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95"
  "liblingua-stem-perl 2.31-1 016f94cfd5c0c0ebdbd8d69d7f0672da6c5db7aa6ffee27a812f35255df7cfd3"
  "golang-github-pierrec-lz4-dev 2.5.2-2 1dc71cab6853fb03005f102bf1a71d906d2413c144e1f96c80bb3af99e701550"
  "golang-github-andybalholm-brotli-dev 1.0.4-3 532ece757aca3919b7276f65fdddbb65f0dec8f586c5efc508cc191fa793bc6e"
  "dict-devil 1.0-13.1 6a535684def2a1f70cd42da16d12d43f0e9dc3e54e4a329178eebab3170e3154"
  "sword-text-kjv 14.3-1 9f463f28ce665f6f528fc723179722bced880a4c5485f7a41bf742838315de57"
  "sword-comm-mhcc 2.0-1 06f748215de78ff48fdfdee93e3ffc5af6318b976485f7aedf22309236967e35"
  "sword-comm-tdavid 2.1-1 bcbfad701c5c4a061475b58309cebc42755a59e87478c8355227c5e046412b3f"
)

main() {
  (($# <= 1)) || npm_die "usage: tools/books_corpus.sh [OUTPUT]"
  local output=build/texts/books.txt package version sha archive folder folders=()
  if (($#)); then
    output=$(realpath --canonicalize-missing "$invoked_from/$1")
    [[ $1 != /* ]] || output=$1
  fi
  if matches "$output" "$TEXT_SHA256"; then
    echo "$output is there already"
    return
  fi
  unpacked=$(mktemp --directory)
  trap 'rm -rf "$unpacked"' EXIT
  for package in "${PACKAGES[@]}"; do
    read -r package version sha <<<"$package"
    debian_archive "$package" "$version" "$sha" "$CACHE_DIR"
    folder="$unpacked/$package"
    dpkg-deb --extract "$archive" "$folder"
    folders+=("$package=$folder")
  done
  mkdir -p "$(dirname "$output")"
  python3 tools/texts/books.py "$output.partial" "${folders[@]}"
  matches "$output.partial" "$TEXT_SHA256" ||
    npm_die "$output.partial has not the pinned checksum $TEXT_SHA256; did tools/texts/books.py change?"
  mv "$output.partial" "$output"
  echo "wrote $output"
}

main "$@"
