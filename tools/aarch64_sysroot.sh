#!/usr/bin/env bash
# Unpacks the arm64 libraries of the cross build (preset aarch64) into .cache/aarch64-sysroot. They
# can't be installed beside the machine's own, since some of the packages exclude their twins.
#
# usage: tools/aarch64_sysroot.sh     (as root, after tools/setup.sh build aarch64)
# environment: MIRROR  Debian mirror (default: the one that apt uses here)
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/debian_mirror.sh

readonly SYSROOT=.cache/aarch64-sysroot
readonly PACKAGES=libc6-dev,libstdc++-12-dev,libsentencepiece-dev,libopenblas-dev,libxxhash-dev,\
libedit-dev,libutf8proc-dev,libpcre2-dev,\
libfmt-dev,libcli11-dev,libtomlplusplus-dev,libeigen3-dev,nlohmann-json3-dev,libexpected-dev,libgtest-dev,\
librapidcheck-dev,libbenchmark-dev

[[ -d $SYSROOT ]] && exit 0
mirror=$(debian_mirror) || exit 1
rm -rf "$SYSROOT.partial"
mkdir -p .cache
echo "unpacking arm64 libraries into $SYSROOT"
debootstrap --arch=arm64 --foreign --variant=minbase --include="$PACKAGES" bookworm \
  "$SYSROOT.partial" "$mirror" >.cache/aarch64-sysroot.log 2>&1 || {
  echo "tools/aarch64_sysroot.sh: debootstrap failed, see .cache/aarch64-sysroot.log" >&2
  exit 1
}
# The first stage unpacks only the essential packages; nothing of the second stage is run.
for package in "$SYSROOT.partial"/var/cache/apt/archives/*.deb; do
  dpkg-deb --extract "$package" "$SYSROOT.partial"
done
rm -rf "$SYSROOT.partial/var/cache/apt" "$SYSROOT.partial/debootstrap"
mv "$SYSROOT.partial" "$SYSROOT"
