#!/usr/bin/env bash
# Proves that a newcomer's first command works: bootstraps a bare Debian 12 with only git and make,
# clones this repository into it, runs `make demo` there and prints how long that took.
#
# usage: tools/check_newcomer.sh [--worktree] [COMMAND...]     (as root; needs debootstrap)
#   --worktree   copy the working tree instead of the last commit
#   COMMAND      what to run instead of `make demo`
# environment: MIRROR  Debian mirror (default: the one that apt uses here)
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/debian_mirror.sh

die() {
  echo "tools/check_newcomer.sh: $*" >&2
  exit 1
}

# Debian's container images do the same: a root that is thrown away needs no flush after each package.
skip_flushes() {
  echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/force-unsafe-io"
}

# This machine's way to the network: name service, certificates, apt's transport settings.
copy_network_settings() {
  local root=$1
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  cp --remove-destination /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  apt-config dump Acquire >"$root/etc/apt/apt.conf.d/90host"
  if command -v npm >/dev/null; then
    echo "registry=$(npm config get registry)" >"$root/etc/npmrc"
  fi
}

copy_sources() {
  local target=$1
  if [[ $worktree == yes ]]; then
    git init --quiet "$target"  # the lint asks git which files there are
    git ls-files -z --cached --others --exclude-standard |
      tar --null --files-from=- --ignore-failed-read -cf - | tar -C "$target" -xf -
  else
    git clone --quiet --no-hardlinks . "$target"
  fi
}

# The mounts live in a namespace of their own, so removing the root can never reach through them.
run_in() {
  local root=$1
  shift
  unshare --mount --propagation private bash -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" /usr/bin/env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      NPM_CONFIG_GLOBALCONFIG=/etc/npmrc NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
      bash -c "cd /root/accllm && exec \"\$@\"" newcomer "$@"
  ' run_in "$root" "$@"
}

main() {
  worktree=no
  if [[ ${1-} == --worktree ]]; then
    worktree=yes
    shift
  fi
  (($#)) || set -- make demo
  ((EUID == 0)) || die "run as root: debootstrap and chroot need it"
  command -v debootstrap >/dev/null ||
    die "debootstrap is not installed (apt-get install debootstrap)"
  local mirror start
  mirror=$(debian_mirror) || die "cannot go on without a mirror"

  root=$(mktemp -d "${TMPDIR:-/tmp}/accllm-newcomer.XXXXXX")
  trap 'rm -rf --one-file-system "$root"' EXIT
  echo "bootstrapping Debian 12 in $root"
  debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" "$mirror" \
    >"$root.log" 2>&1 || die "debootstrap failed: see $root.log"
  rm "$root.log"
  skip_flushes "$root"
  copy_network_settings "$root"
  copy_sources "$root/root/accllm"

  echo "running in it: $*"
  start=$SECONDS
  run_in "$root" "$@" </dev/null
  echo "newcomer: '$*' took $((SECONDS - start)) s on $(nproc) cores"
}

main "$@"
