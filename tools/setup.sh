#!/usr/bin/env bash
# Installs the Debian packages of the named groups; only the missing ones, and nothing else.
#
# usage: tools/setup.sh GROUP...     groups: build test lint fuzz texts rtl aarch64 avx512
set -euo pipefail

# docs/dependencies.md gives the reason for each library.
declare -rA PACKAGES=(
  [build]="g++ cmake ninja-build pkg-config python3 libsentencepiece-dev libcli11-dev
           libopenblas-dev libeigen3-dev libxxhash-dev libfmt-dev nlohmann-json3-dev
           libexpected-dev libpcre2-dev libutf8proc-dev libedit-dev libtomlplusplus-dev"
  [test]="libgtest-dev librapidcheck-dev libbenchmark-dev python3-numpy python3-jinja2
          mandoc groff-base zsh fish libxrt-dev"
  [lint]="clang-format-14 clang-tidy-14"
  [fuzz]="clang-14 libclang-rt-14-dev"
  [texts]="ca-certificates npm"
  [rtl]="verilator yosys z3 tcl"
  [aarch64]="g++-aarch64-linux-gnu qemu-user debootstrap"
  [avx512]="bochs bochs-term grub-pc-bin grub-common xorriso mtools busybox-static cpio"
)

die() {
  echo "tools/setup.sh: $*" >&2
  exit 1
}

is_installed() {
  # An npm that came with Node.js from elsewhere serves as well as Debian's.
  [[ $1 == npm ]] && command -v npm >/dev/null && return
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_packages() {
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # A failing third-party list is no obstacle as long as the packages can be had.
  apt-get update >"$log" 2>&1 || true
  if ! apt-get install --yes --no-install-recommends "$@" >>"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die "apt-get could not install: $* (its last lines are above; is the network up?)"
  fi
  rm -f "$log"
}

main() {
  (($#)) || die "name at least one group of: build test lint fuzz texts rtl aarch64 avx512"
  command -v dpkg-query >/dev/null ||
    die "this is no Debian system; install what docs/dependencies.md lists by hand"
  local group package missing=()
  for group in "$@"; do
    [[ -v PACKAGES[$group] ]] || die "unknown group '$group'; groups are: ${!PACKAGES[*]}"
    for package in ${PACKAGES[$group]}; do
      is_installed "$package" || missing+=("$package")
    done
  done
  ((${#missing[@]})) || return 0
  ((EUID == 0)) ||
    die "not installed: ${missing[*]}; run as root (sudo tools/setup.sh $*) to install them"
  echo "installing: ${missing[*]}"
  install_packages "${missing[@]}"
}

main "$@"
