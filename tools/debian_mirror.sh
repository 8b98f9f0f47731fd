# shellcheck shell=bash
# Sourced by the scripts that bootstrap a Debian root.

# debian_mirror: prints $MIRROR, or else the mirror that apt uses here.
debian_mirror() {
  local mirror=${MIRROR-}
  if [[ -z $mirror ]]; then
    mirror=$(apt-get indextargets --format '$(SITE)' 'Codename: bookworm' 'Component: main' \
      2>/dev/null | sed -n 1p)
  fi
  if [[ -z $mirror ]]; then
    echo "no Debian 12 mirror in apt's sources (apt-get update never ran?); set MIRROR" >&2
    return 1
  fi
  echo "$mirror"
}
